//! A browser whose call stands: its checks are answered without the negotiating library, and nothing
//! else wakes its shard but reports.

use model::media::LeaveReason;

use super::webrtc::Browser;
use super::*;
use crate::shell::counting::live_bytes;
use crate::transport::Transport;
use crate::transport::stun;

/// Longer than a session settles.
const STANDS: Duration = Duration::from_secs(12);

/// A browser that has been in its call for a while.
fn settled(world: &mut World) -> Browser {
    let mut browser = Browser::join(world, BEN, ANA);
    browser.run(world, STANDS);
    world.sent.clear();
    browser
}

/// A check as the browser sends them, signed with `password` or else the right one.
fn check(world: &World, password: Option<&str>) -> Vec<u8> {
    check_of(world, BEN, password)
}

fn check_of(world: &World, peer: PeerId, password: Option<&str>) -> Vec<u8> {
    let key = world.shard.ids[&peer];
    let Transport::WebRtc(webrtc) = &world.shard.peers.get(key).expect("is here").transport else {
        unreachable!("a browser");
    };
    let line = |name: &str| {
        let lines = webrtc.answer_text().lines();
        lines.filter_map(|line| line.strip_prefix(name)).next().expect("is there").to_owned()
    };
    let username = format!("{}:{}", line("a=ice-ufrag:"), webrtc.their_ufrag());
    let password = password.map_or_else(|| line("a=ice-pwd:"), str::to_owned);
    let mut check = Vec::new();
    stun::nomination([7; 12], &username, &password, &mut check);
    check
}

#[test]
fn a_check_on_the_settled_path_is_answered_and_a_forged_one_is_not() {
    let mut world = World::new();
    let browser = settled(&mut world);
    let genuine = check(&world, None);
    let forged = check(&world, Some("a guess of twenty-two chars"));
    let before = world.dropped(DropReason::Handshake);

    world.deliver(browser.address, &forged);
    assert!(world.take_sent_to(browser.address).is_empty());
    assert_eq!(world.dropped(DropReason::Handshake), before + 1);

    world.deliver(browser.address, &genuine);
    let answers = world.take_sent_to(browser.address);
    assert_eq!(answers.len(), 1);
    assert_eq!(stun::success_of(&answers[0]), Some([7; 12]));
}

#[test]
fn checks_alone_keep_a_settled_browser_in_its_call() {
    let mut world = World::new();
    let browser = settled(&mut world);
    let check = check(&world, None);

    for _ in 0..4 {
        world.deliver(browser.address, &check);
        world.pass(IDLE - Duration::from_secs(1));
    }
    assert!(world.take_events().iter().all(|event| !matches!(event, MediaEvent::Left { .. })));

    world.pass(Duration::from_secs(2));
    let left = MediaEvent::Left { peer: BEN, reason: LeaveReason::Silent };
    assert!(world.take_events().contains(&left));
}

#[test]
fn a_check_from_another_address_is_answered_and_moves_nothing_unproven() {
    let mut world = World::new();
    let browser = settled(&mut world);
    let check = check(&world, None);
    let elsewhere = "203.0.113.201:9".parse().expect("address");

    world.deliver(elsewhere, &check);
    let sent = world.take_sent_to(elsewhere);
    assert!(sent.iter().any(|packet| stun::success_of(packet).is_some()), "it is answered");
    assert!(sent.iter().any(|packet| stun::is_request(packet)), "and asked for proof");
    let aim = world.shard.peers.get(world.shard.ids[&BEN]).expect("is here").path.aim;
    assert_eq!(aim, Some(browser.address));
}

#[test]
fn settled_browsers_wake_their_shard_a_few_times_in_twenty_seconds_however_many_they_are() {
    let mut world = World::new();
    for number in 0..8 {
        let peer = PeerId(40 + number);
        Browser::join(&mut world, peer, ANA).run(&mut world, Duration::from_millis(330));
    }
    world.pass(Duration::from_secs(6));

    let (mut wakes, end) = (0, world.now + Duration::from_secs(20));
    while let Some(at) = world.shard.poll_timeout().filter(|at| *at <= end) {
        world.pass(at.saturating_duration_since(world.now));
        wakes += 1;
    }

    // Reports, every five seconds for each of them.
    assert!(wakes <= 8 * 5, "{wakes} wakes");
}

#[test]
fn a_browser_that_says_farewell_is_ended_at_once_even_long_after_its_handshake() {
    let mut world = World::new();
    let mut browser = settled(&mut world);

    browser.leave(&mut world);

    let left = MediaEvent::Left { peer: BEN, reason: LeaveReason::Silent };
    assert!(world.take_events().contains(&left));
}

#[test]
fn no_bytes_of_dtls_end_a_settled_call_or_are_answered() {
    let mut world = World::new();
    let browser = settled(&mut world);

    for kind in 20..64 {
        for length in [0, 1, 12, 13, 14, 40, 1_300] {
            let mut datagram = vec![kind; 1 + length];
            datagram[1..]
                .iter_mut()
                .zip([254, 253, 0, 1, 0, 0, 0, 0, 0, 9])
                .for_each(|(to, from)| *to = from);
            world.deliver(browser.address, &datagram);
        }
    }

    assert!(world.take_sent_to(browser.address).is_empty());
    assert!(world.take_events().iter().all(|event| !matches!(event, MediaEvent::Left { .. })));
}

#[test]
fn a_settled_browser_holds_less_than_the_bar_allows() {
    let mut world = World::new();
    // What a room and its tables hold by themselves.
    drop(Browser::join(&mut world, ANA, CAI));
    let before = live_bytes();
    for number in 0..8 {
        let mut browser = Browser::join(&mut world, PeerId(40 + number), ANA);
        browser.run(&mut world, Duration::from_secs(1));
    }
    world.pass(STANDS);
    assert_eq!(world.totals().peers, 9);
    world.sent = Vec::new();
    world.events = Vec::new();

    let each = (live_bytes() - before) / 8;
    println!("heap per idle browser peer: {:.1} KiB", each as f64 / 1_024.0);
    assert!(each <= 36 * 1_024, "{each} bytes");
}

/// Prints what the bar of idle CPU is held against; with `--release`.
#[test]
fn every_check_of_many_idle_browsers_is_answered_at_a_price_that_is_printed() {
    const BROWSERS: u64 = 20;
    const CHECK_EVERY: Duration = Duration::from_millis(2_500);
    const TURNS: u32 = 24;
    let mut world = World::new();
    let mut checks = Vec::new();
    for number in 0..BROWSERS {
        let peer = PeerId(40 + number);
        let mut browser = Browser::join(&mut world, peer, ANA);
        browser.run(&mut world, Duration::from_millis(330));
        checks.push((browser.address, check_of(&world, peer, None)));
    }
    world.pass(STANDS);
    world.sent.clear();

    let (mut spent, mut answered) = (Duration::ZERO, 0);
    for _ in 0..TURNS {
        for (address, check) in &checks {
            let began = Instant::now();
            world.pass(CHECK_EVERY / BROWSERS as u32);
            world.deliver(*address, check);
            spent += began.elapsed();
            let sent = world.take_sent_to(*address);
            answered += sent.iter().filter(|sent| stun::success_of(sent).is_some()).count();
            world.sent.clear();
        }
    }

    assert_eq!(answered, checks.len() * TURNS as usize);
    let seconds = (CHECK_EVERY * TURNS).as_secs_f64() * checks.len() as f64;
    let micros = spent.as_secs_f64() * 1e6 / seconds;
    println!("idle CPU per browser peer, sockets apart: {micros:.2} us/s");
}
