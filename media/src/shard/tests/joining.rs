//! How long a browser takes to join behind a bad network.

use super::client;
use super::network::Network;
use super::network::Way;
use super::webrtc::Browser;
use super::webrtc::waiting;
use super::*;
use crate::transport::stun;
use str0m::Rtc;
use str0m::RtcConfig;

/// How many clients join behind each way.
const JOINS: u64 = 60;
/// A join that takes longer than this counts as failed.
const LIMIT: Duration = Duration::from_secs(30);

/// Who joins: how soon it repeats a check, and how long it waits at most; and whose DTLS it has.
#[derive(Debug, Clone, Copy)]
enum Make {
    /// As soon as browsers do, roughly: Chromium checks every 48 ms until a path works, and repeats
    /// its handshake after 50 ms; this one after 100 ms and 150 ms, doubling.
    Browser,
    /// The library as it comes: checks after 250 ms, up to 3 s; handshake after a second, doubling.
    Stock,
}

impl Make {
    fn config(self) -> RtcConfig {
        match self {
            Self::Browser => {
                let mut make = Rtc::builder().set_crypto_provider(client::crypto_provider());
                make.set_initial_stun_rto(Duration::from_millis(100));
                make.set_max_stun_rto(Duration::from_millis(500));
                make
            }
            Self::Stock => Rtc::builder(),
        }
    }
}

/// Who begins the handshake.
#[derive(Debug, Clone, Copy)]
enum First {
    /// The server, as the web client lets it.
    Server,
    /// The client, as pages written for Discord do.
    Client,
}

impl First {
    fn edit(self, offer: String) -> String {
        match self {
            Self::Server => waiting(&offer),
            Self::Client => offer,
        }
    }
}

/// Times from the answer to the keys of all joins behind this way, in order; [`LIMIT`] for one that
/// failed. The seeds are fixed, and so is the client's jitter where its DTLS is ours.
fn join_times(make: Make, first: First, way: Way) -> Vec<Duration> {
    const STEP: Duration = Duration::from_millis(5);
    let mut times: Vec<_> = (0..JOINS)
        .map(|seed| {
            let mut world = World::new();
            let make = make.config();
            let edit = |offer: String| first.edit(offer);
            let mut browser = Browser::join_as(&mut world, (BEN, ANA), make, &[], edit);
            browser.network = Some(Network::new(way, way, seed));
            browser.may_give_up = true;
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

fn tell(name: &str, times: &[Duration]) {
    let (half, most) = (percentile(times, 50), percentile(times, 95));
    let joined = times.iter().filter(|time| **time < LIMIT).count();
    let (of, last) = (times.len(), times[times.len() - 1]);
    println!("join {name}: {joined} of {of}, p50 {half:?}, p95 {most:?}, longest {last:?}");
}

const CLEAR: Way = Way { delay: Duration::from_millis(25), jitter: Duration::ZERO, loss: 0.0 };
const TENTH: Way =
    Way { delay: Duration::from_millis(75), jitter: Duration::from_millis(25), loss: 0.1 };
const THREE_TENTHS: Way =
    Way { delay: Duration::from_millis(150), jitter: Duration::from_millis(100), loss: 0.3 };

#[test]
fn sixty_of_sixty_browsers_join_within_a_second_and_a_half_behind_a_tenth_of_loss() {
    for (first, who) in [(First::Server, ""), (First::Client, ", client begins")] {
        let clear = join_times(Make::Browser, first, CLEAR);
        let times = join_times(Make::Browser, first, TENTH);

        tell(&format!("at 0 % loss{who}"), &clear);
        tell(&format!("at 10 % loss{who}"), &times);
        assert!(percentile(&times, 95) <= Duration::from_millis(1_500));
        assert!(times.iter().all(|time| *time < LIMIT));
    }
}

#[test]
fn sixty_of_sixty_browsers_join_within_six_seconds_behind_three_tenths_of_loss() {
    for (first, who) in [(First::Server, ""), (First::Client, ", client begins")] {
        let times = join_times(Make::Browser, first, THREE_TENTHS);

        tell(&format!("at 30 % loss{who}"), &times);
        assert!(percentile(&times, 95) <= Duration::from_secs(6));
        assert!(times.iter().all(|time| *time < LIMIT));
    }
}

#[test]
fn clients_that_repeat_themselves_slowly_nearly_all_join_too() {
    for (first, who) in [(First::Server, ""), (First::Client, ", client begins")] {
        let tenth = join_times(Make::Stock, first, TENTH);
        let three_tenths = join_times(Make::Stock, first, THREE_TENTHS);

        tell(&format!("of a slow client at 10 % loss{who}"), &tenth);
        tell(&format!("of a slow client at 30 % loss{who}"), &three_tenths);
        assert!(tenth.iter().all(|time| *time < LIMIT));
        // It says its flight five times and then gives up, whatever we do; its jitter has no seed.
        let failed = three_tenths.iter().filter(|time| **time >= LIMIT).count();
        assert!(failed <= 6, "{failed}");
    }
}

#[test]
fn a_browser_that_has_not_chosen_a_path_yet_joins_on_the_one_that_it_checked() {
    let mut world = World::new();
    let mut browser = Browser::join(&mut world, BEN, ANA);
    browser.network = Some(Network::new(CLEAR, CLEAR, 1));
    browser.never_chooses = true;

    browser.run(&mut world, Duration::from_millis(160));

    assert!(browser.is_connected());
    let connected = MediaEvent::Connected { peer: BEN, address: browser.address };
    assert!(world.take_events().contains(&connected));
}

/// A join on a clear way: checks, answers to them, flights of ours as they arrived, and how often the
/// shard was woken from 45 ms on, when the browser was connected.
fn clear_join(first: First) -> (usize, usize, Vec<Vec<u8>>, usize) {
    let near = Way { delay: Duration::from_millis(5), ..CLEAR };
    let mut world = World::new();
    let make = Make::Browser.config();
    let edit = |offer: String| first.edit(offer);
    let mut browser = Browser::join_as(&mut world, (BEN, ANA), make, &[], edit);
    browser.network = Some(Network::new(near, near, 1));
    (browser.watch, browser.records) = (true, true);

    browser.run(&mut world, Duration::from_millis(45));
    assert!(browser.is_connected());
    let mut wakes = 0;
    let end = world.now + Duration::from_secs(4);
    while let Some(at) = world.shard.poll_timeout().filter(|at| *at <= end) {
        let rest = at.saturating_duration_since(world.now) + near.delay;
        browser.run(&mut world, rest);
        wakes += 1;
    }

    let checks = browser.recorded.iter().filter(|sent| stun::is_request(sent)).count();
    let is_answer = |heard: &&Vec<u8>| stun::success_of(heard).is_some();
    let answers = browser.watched.iter().filter(is_answer).count();
    let flights = browser.watched.iter().filter(|heard| (20..64).contains(&heard[0]));
    (checks, answers, flights.cloned().collect(), wakes)
}

#[test]
fn on_a_clear_way_each_check_is_answered_once_and_only_a_last_flight_of_ours_is_said_again() {
    let (checks, answers, flights, wakes) = clear_join(First::Client);
    assert_eq!(answers, checks);
    assert_eq!(flights.len(), 3, "two flights, of which the last comes twice");
    assert_eq!(flights[1], flights[2]);
    assert_eq!(wakes, 1, "to say it again");

    let (checks, answers, flights, wakes) = clear_join(First::Server);
    assert_eq!(answers, checks);
    assert_eq!(flights.len(), 2, "the browser says the last one");
    assert!(flights[0].len() < 200, "what begins it is {} bytes long", flights[0].len());
    assert_eq!(wakes, 0);
}
