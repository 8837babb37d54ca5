//! Addresses that change in the middle of a call, by a NAT or by somebody who wishes they would.

use str0m::Rtc;
use str0m::rtp::Extension;

use super::webrtc::Browser;
use super::*;
use crate::shard::demux::Name;
use crate::transport::Transport;

const MODE: EncryptionMode = EncryptionMode::Aes256Gcm;
const FRAME: Duration = Duration::from_millis(20);

fn elsewhere() -> SocketAddr {
    "203.0.113.200:2".parse().expect("address")
}

/// When packets were heard.
#[derive(Default)]
struct Ear(Vec<Instant>);

impl Ear {
    fn note(&mut self, now: Instant, packets: usize) {
        self.0.extend(std::iter::repeat_n(now, packets));
    }

    /// The longest time without a packet.
    fn longest_gap(&self) -> Duration {
        self.0.windows(2).map(|pair| pair[1] - pair[0]).max().expect("something was heard")
    }
}

#[test]
fn a_bot_that_is_mapped_anew_is_heard_and_hears_within_a_tenth_of_a_second() {
    let mut world = World::new();
    let mut ana = world.udp_client(ANA, MODE, ALL);
    let mut ben = world.udp_client(BEN, MODE, ALL);
    let (mut up, mut down) = (Ear::default(), Ear::default());

    for frame in 0..100 {
        if frame == 50 {
            ben.address = elsewhere();
        }
        let packet = ana.speak(b"down");
        world.deliver(ana.address, &packet);
        down.note(world.now, ben.hear(&mut world).len());
        let packet = ben.speak(b"up");
        world.deliver(ben.address, &packet);
        up.note(world.now, ana.hear(&mut world).len());
        world.pass(FRAME);
    }

    println!("bot mapped anew: gap up {:?}, down {:?}", up.longest_gap(), down.longest_gap());
    assert_eq!((up.longest_gap(), up.0.len()), (FRAME, 100));
    // One packet was under way to where he no longer was.
    assert_eq!((down.longest_gap(), down.0.len()), (2 * FRAME, 99));
}

#[test]
fn a_browser_that_is_mapped_anew_is_heard_and_hears_within_half_a_second() {
    let mut world = World::new();
    let mut bot = world.udp_client(ANA, MODE, ALL);
    let mut browser = Browser::join(&mut world, BEN, ANA);
    browser.run(&mut world, Duration::from_secs(2));
    let (mut up, mut down) = (Ear::default(), Ear::default());

    for frame in 0..200 {
        if frame == 100 {
            browser.address = elsewhere();
        }
        let packet = bot.speak(b"down");
        world.deliver(bot.address, &packet);
        browser.speak(&mut world, b"up");
        down.note(world.now, browser.hear().len());
        up.note(world.now, bot.hear(&mut world).len());
    }

    println!("browser mapped anew: gap up {:?}, down {:?}", up.longest_gap(), down.longest_gap());
    assert_eq!((up.longest_gap(), up.0.len()), (FRAME, 200));
    assert_eq!((down.longest_gap(), down.0.len()), (2 * FRAME, 199));
    let peer = world.shard.peers.get(world.shard.ids[&BEN]).expect("is here");
    assert_eq!(peer.path.aim, Some(elsewhere()));
    assert!(peer.path.trial.is_none(), "the browser proved that it is there");
}

#[test]
fn a_browser_that_sends_nothing_but_silence_hears_within_half_a_second() {
    // What Opus sends of silence (DTX): a packet each 400 ms.
    const SILENCE: usize = 20;
    let mut world = World::new();
    let mut bot = world.udp_client(ANA, MODE, ALL);
    let make = Rtc::builder().clear_extension_map().set_extension(3, Extension::AudioLevel);
    let level = "a=extmap:3 urn:ietf:params:rtp-hdrext:ssrc-audio-level";
    let mut browser = Browser::join_as(&mut world, (BEN, ANA), make, &[level], |offer| offer);
    browser.run(&mut world, Duration::from_secs(2));
    browser.hear();
    let mut down = Ear::default();

    for frame in 0..400 {
        if frame == 10 * SILENCE + 1 {
            // It just sent one, which is the worst moment.
            browser.address = elsewhere();
        }
        let packet = bot.speak(b"down");
        world.deliver(bot.address, &packet);
        if frame % SILENCE == 0 {
            browser.speak_at(&mut world, &[0xF8], Some(-127));
        } else {
            browser.run(&mut world, FRAME);
        }
        down.note(world.now, browser.hear().len());
    }

    println!("browser that sends silence: gap down {:?}", down.longest_gap());
    assert!(down.longest_gap() <= SILENCE as u32 * FRAME + FRAME, "{:?}", down.longest_gap());
    assert!(bot.hear(&mut world).is_empty(), "nobody else hears silence");
}

#[test]
fn a_browser_that_sends_nothing_is_followed_by_its_own_next_check() {
    let mut world = World::new();
    let mut bot = world.udp_client(ANA, MODE, ALL);
    let mut browser = Browser::join(&mut world, BEN, ANA);
    browser.run(&mut world, Duration::from_secs(30));
    let mut down = Ear::default();

    for frame in 0..1_000 {
        if frame == 100 {
            browser.address = elsewhere();
        }
        let packet = bot.speak(b"down");
        world.deliver(bot.address, &packet);
        browser.run(&mut world, FRAME);
        down.note(world.now, browser.hear().len());
    }

    println!("browser that sends nothing: gap down {:?}", down.longest_gap());
    // It says nothing until its consent check or its receiver report is due (RFC 7675 §5.1:
    // 5 s at most); from then on it hears.
    assert!(down.longest_gap() <= Duration::from_secs(5) + FRAME, "{:?}", down.longest_gap());
}

#[test]
fn who_races_a_bot_s_packets_from_elsewhere_draws_its_audio_away_for_moments_only() {
    let mut world = World::new();
    let mut ana = world.udp_client(ANA, MODE, ALL);
    let mut ben = world.udp_client(BEN, MODE, ALL);
    let (mut heard, mut stolen) = (0, 0);

    for frame in 0..500 {
        let packet = ben.speak(b"up");
        if frame >= 10 {
            world.deliver(elsewhere(), &packet);
        }
        world.deliver(ben.address, &packet);
        let packet = ana.speak(b"down");
        world.deliver(ana.address, &packet);
        heard += ben.hear(&mut world).len();
        stolen += world.take_sent_to(elsewhere()).len();
        world.pass(FRAME);
    }

    assert_eq!(ana.hear(&mut world).len(), 500, "every frame of Ben's is heard once");
    assert_eq!((heard, stolen), (498, 2));
}

#[test]
fn two_duplicates_by_a_clumsy_network_do_not_turn_the_aim_back() {
    let mut world = World::new();
    let mut ana = world.udp_client(ANA, MODE, ALL);
    let mut ben = world.udp_client(BEN, MODE, ALL);
    let old = ben.address;
    let before = ben.speak(b"before");
    world.deliver(old, &before);

    let after = ben.speak(b"after");
    world.deliver(elsewhere(), &after);
    world.deliver(old, &before);
    world.deliver(old, &before);
    let packet = ana.speak(b"down");
    world.deliver(ana.address, &packet);

    assert_eq!(world.take_sent_to(elsewhere()).len(), 1);
}

#[test]
fn who_races_a_browser_s_packets_cannot_answer_the_challenge() {
    let mut world = World::new();
    let mut bot = world.udp_client(ANA, MODE, ALL);
    let mut browser = Browser::join(&mut world, BEN, ANA);
    browser.run(&mut world, Duration::from_secs(2));
    browser.copies_to = Some(elsewhere());
    let mut stolen = 0;
    browser.hear();
    world.take_sent_to(elsewhere());

    for _ in 0..500 {
        let packet = bot.speak(b"down");
        world.deliver(bot.address, &packet);
        browser.speak(&mut world, b"up");
        let sent = world.take_sent_to(elsewhere());
        stolen += sent.iter().filter(|packet| packet[0] >> 6 == 2).count();
        // The racer makes a success response of the challenge, with the challenge's own tag.
        for mut forged in sent.into_iter().filter(|packet| packet[0] < 4) {
            forged[0] = 1;
            world.deliver(elsewhere(), &forged);
        }
    }

    assert_eq!(bot.hear(&mut world).len(), 500);
    assert!(stolen <= 3, "{stolen} packets went to the racer");
    assert_eq!(browser.hear().len(), 500 - stolen);
}

#[test]
fn an_address_that_cannot_answer_the_challenge_loses_the_aim_again() {
    let mut world = World::new();
    let mut bot = world.udp_client(ANA, MODE, ALL);
    let mut browser = Browser::join(&mut world, BEN, ANA);
    browser.run(&mut world, Duration::from_secs(2));
    browser.speak(&mut world, b"up");
    let former = browser.address;

    // One of her packets arrives from elsewhere; nobody is there.
    (browser.offline, browser.records) = (true, true);
    browser.speak(&mut world, b"up");
    let packet = browser.recorded.iter().find(|packet| packet[0] >> 6 == 2).expect("spoken");
    world.deliver(elsewhere(), packet);
    let challenged: Vec<_> = (0..10)
        .flat_map(|_| {
            world.pass(Duration::from_millis(200));
            world.take_sent_to(elsewhere())
        })
        .collect();
    let packet = bot.speak(b"down");
    world.deliver(bot.address, &packet);

    assert_eq!(challenged.iter().filter(|packet| packet[0] < 4).count(), 4);
    assert!(world.take_sent_to(elsewhere()).is_empty());
    assert_eq!(world.take_sent_to(former).len(), 1);
}

#[test]
fn a_recorded_check_played_from_elsewhere_draws_no_audio_away() {
    let mut world = World::new();
    let mut bot = world.udp_client(ANA, MODE, ALL);
    let mut browser = Browser::join(&mut world, BEN, ANA);
    browser.records = true;
    browser.run(&mut world, Duration::from_secs(20));
    let recorded: Vec<_> = std::mem::take(&mut browser.recorded);
    assert!(recorded.iter().any(|packet| crate::transport::stun::nominates(packet)));

    for packet in recorded.iter().filter(|packet| packet[0] < 4) {
        world.deliver(elsewhere(), packet);
    }
    world.take_sent_to(elsewhere());
    let packet = bot.speak(b"down");
    world.deliver(bot.address, &packet);

    assert!(world.take_sent_to(elsewhere()).is_empty());
    assert_eq!(world.take_sent_to(browser.address).len(), 1);
}

#[test]
fn a_recorded_check_does_not_keep_a_moved_browser_from_proving_itself() {
    let mut world = World::new();
    world.udp_client(ANA, MODE, ALL);
    let mut browser = Browser::join(&mut world, BEN, ANA);
    browser.records = true;
    browser.run(&mut world, Duration::from_secs(20));
    let nominates = |packet: &&Vec<u8>| crate::transport::stun::nominates(packet);
    let recorded = browser.recorded.iter().rfind(nominates).expect("it checks").clone();
    browser.records = false;
    let (moved, stranger) = (elsewhere(), "203.0.113.66:666".parse().expect("address"));

    // The packet that moves it arrives; before it hears of the challenge comes the recording.
    (browser.offline, browser.records) = (true, true);
    browser.recorded.clear();
    browser.speak(&mut world, b"moved");
    let packet = browser.recorded.iter().find(|packet| packet[0] >> 6 == 2).expect("spoken");
    world.deliver(moved, packet);
    world.deliver(stranger, &recorded);
    (browser.offline, browser.address) = (false, moved);
    browser.run(&mut world, FRAME);
    browser.offline = true;
    world.pass(Duration::from_secs(3));

    let peer = world.shard.peers.get(world.shard.ids[&BEN]).expect("is here");
    assert_eq!(peer.path.aim, Some(moved));
}

#[test]
fn a_browser_whose_ssrc_another_chose_first_is_found_by_its_keys() {
    let mut world = World::new();
    let bot = world.udp_client(ANA, MODE, ALL);
    let mut ben = Browser::join(&mut world, BEN, ANA);
    let mut cai = Browser::join(&mut world, CAI, ANA);
    ben.run(&mut world, Duration::from_secs(2));
    cai.run(&mut world, Duration::from_secs(2));
    cai.speak(&mut world, b"before");
    // Ben's browser happened to choose the same number, and was heard first.
    let (ben_key, cai_key) = (world.shard.ids[&BEN], world.shard.ids[&CAI]);
    let ssrc = match &world.shard.peers.get(cai_key).expect("is here").transport {
        Transport::WebRtc(webrtc) => webrtc.audio_ssrc().expect("was heard"),
        _ => unreachable!("a browser"),
    };
    world.shard.demux.remove(Name::Learnt(ssrc), cai_key);
    world.shard.demux.add(Name::Learnt(ssrc), ben_key);
    bot.hear(&mut world);

    cai.address = elsewhere();
    cai.speak(&mut world, b"after");

    assert_eq!(bot.hear(&mut world).len(), 1);
    assert_eq!(world.shard.peers.get(cai_key).and_then(|peer| peer.path.aim), Some(elsewhere()));
}

#[test]
fn browsers_whose_nat_exchanged_their_addresses_are_both_heard_on() {
    let mut world = World::new();
    let bot = world.udp_client(ANA, MODE, ALL);
    let mut ben = Browser::join(&mut world, BEN, ANA);
    let mut cai = Browser::join(&mut world, CAI, ANA);
    for _ in 0..50 {
        ben.run(&mut world, FRAME);
        cai.run(&mut world, FRAME);
    }
    ben.speak(&mut world, b"before");
    cai.speak(&mut world, b"before");
    bot.hear(&mut world);

    std::mem::swap(&mut ben.address, &mut cai.address);
    for _ in 0..20 {
        ben.speak(&mut world, b"after");
        cai.speak(&mut world, b"after");
    }

    assert_eq!(bot.hear(&mut world).len(), 40);
    let aim = |world: &World, peer: PeerId| {
        world.shard.peers.get(world.shard.ids[&peer]).and_then(|peer| peer.path.aim)
    };
    assert_eq!(aim(&world, BEN), Some(ben.address));
    assert_eq!(aim(&world, CAI), Some(cai.address));
}

#[test]
fn a_report_from_nowhere_finds_its_browser_by_the_keys() {
    let mut world = World::new();
    let mut bot = world.udp_client(ANA, MODE, ALL);
    let mut browser = Browser::join(&mut world, BEN, ANA);
    browser.run(&mut world, Duration::from_secs(2));
    browser.records = true;
    for _ in 0..1_000 {
        let packet = bot.speak(b"down");
        world.deliver(bot.address, &packet);
        browser.run(&mut world, FRAME);
        if browser.recorded.iter().any(|packet| is_report(packet)) {
            break;
        }
    }
    let first = browser.recorded.iter().filter(|packet| is_report(packet)).count();
    assert!(first >= 1, "the browser reports what it hears");

    // The next report comes from elsewhere and nothing else does.
    browser.recorded.clear();
    browser.offline = true;
    while !browser.recorded.iter().any(|packet| is_report(packet)) {
        browser.run(&mut world, FRAME);
    }
    let report = browser.recorded.iter().find(|packet| is_report(packet)).expect("found").clone();
    world.deliver(elsewhere(), &report);
    world.take_sent_to(elsewhere());
    let packet = bot.speak(b"down");
    world.deliver(bot.address, &packet);

    assert_eq!(world.take_sent_to(elsewhere()).len(), 1);
}

fn is_report(packet: &[u8]) -> bool {
    packet[0] >> 6 == 2 && crate::rtp::rtcp::is_rtcp(packet[1])
}

#[test]
fn a_flood_from_nowhere_costs_a_bounded_number_of_searches() {
    let mut world = World::new();
    let bot = world.udp_client(ANA, MODE, ALL);
    let mut browser = Browser::join(&mut world, BEN, ANA);
    browser.run(&mut world, Duration::from_secs(2));
    browser.speak(&mut world, b"before");
    bot.hear(&mut world);

    for number in (1 << 24)..(1 << 24) + 50_000u32 {
        let mut junk = [0x80; 60];
        junk[1] = if number % 2 == 0 { 111 } else { 201 };
        junk[4..12].copy_from_slice(&u64::from(number).to_be_bytes());
        world.deliver("203.0.113.66:666".parse().expect("address"), &junk);
    }
    browser.speak(&mut world, b"after");

    assert!(!world.shard.search_rate.admit(world.now - FRAME));
    assert_eq!(bot.hear(&mut world).len(), 1);
    assert_eq!(world.unattributed, 50_000);
}
