//! How long a browser takes to join behind a bad network, and how long a call holds there.

use super::network::Network;
use super::network::Way;
use super::webrtc::Browser;
use super::*;
use crate::transport::dtls;
use str0m::Rtc;

/// Times from the answer to the keys of 60 joins behind this way, in order. A join that takes longer
/// than `LIMIT` counts as that.
fn join_times(way: Way) -> Vec<Duration> {
    const LIMIT: Duration = Duration::from_secs(30);
    const STEP: Duration = Duration::from_millis(5);
    let mut times: Vec<_> = (0..60)
        .map(|seed| {
            let mut world = World::new();
            // It repeats what was lost as soon as we do; Chromium does so sooner still.
            let mut make = Rtc::builder().set_crypto_provider(Arc::clone(dtls::crypto_provider()));
            make.set_initial_stun_rto(Duration::from_millis(100));
            make.set_max_stun_rto(Duration::from_millis(500));
            let mut browser = Browser::join_as(&mut world, (BEN, ANA), make, &[], |offer| offer);
            browser.network = Some(Network::new(way, way, seed));
            let start = world.now;
            while !browser.is_connected() && world.now - start < LIMIT {
                browser.run(&mut world, STEP);
            }
            world.now - start
        })
        .collect();
    times.sort_unstable();
    times
}

fn percentile(times: &[Duration], percent: usize) -> Duration {
    times[(times.len() * percent / 100).min(times.len() - 1)]
}

#[test]
fn a_browser_joins_quickly_behind_a_tenth_and_three_tenths_of_loss() {
    let way = |delay, jitter, loss| Way {
        delay: Duration::from_millis(delay),
        jitter: Duration::from_millis(jitter),
        loss,
    };

    let good = join_times(way(25, 0, 0.0));
    let tenth = join_times(way(75, 25, 0.1));
    let three_tenths = join_times(way(150, 100, 0.3));

    for (name, times) in [("0 %", &good), ("10 %", &tenth), ("30 %", &three_tenths)] {
        let (half, most) = (percentile(times, 50), percentile(times, 95));
        println!("join at {name} loss: p50 {half:?}, p95 {most:?}, longest {:?}", times[59]);
    }
    assert!(percentile(&tenth, 95) <= Duration::from_millis(1_500));
    // With three tenths lost both ways the tail is the client's: its checks and its own handshake
    // back off, and a few give up.
    assert!(percentile(&three_tenths, 50) <= Duration::from_millis(2_500));
    assert!(percentile(&three_tenths, 90) < Duration::from_secs(30));
}

#[test]
fn ten_minutes_of_loss_jitter_reordering_and_duplicates_end_no_session() {
    const FRAMES: u32 = 30_000;
    let mut world = World::new();
    let mut bot = world.udp_client(ANA, EncryptionMode::Aes256Gcm, ALL);
    let mut browser = loss::browser(&mut world, BEN, ANA);
    let jitter = Duration::from_millis(200);
    let way = Way { jitter, ..Way::of_millis(250) }.losing(0.1);
    browser.network = Some(Network::new(way, way, 3).duplicating(0.02));
    let (mut heard, mut said) = (0, 0);

    for number in 0..FRAMES {
        if number == 50 {
            browser.ask_for_lost_packets();
        }
        let packet = bot.speak(&[0x78; 80]);
        world.deliver(bot.address, &packet);
        browser.speak(&mut world, &[0x78; 80]);
        heard += browser.hear().len();
        said += bot.hear(&mut world).len();
    }

    println!("ten minutes: {heard} packets heard down, {said} up, of {FRAMES} said each way");
    assert!(world.take_events().iter().all(|event| !matches!(event, MediaEvent::Left { .. })));
    assert!(browser.is_connected());
    assert!(heard > 26_000 && said > 26_000);
}
