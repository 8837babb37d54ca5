//! Lost packets: how much is heard nevertheless, and that nothing is sent twice under one number
//! unless it is the same.

use std::collections::HashMap;
use std::collections::HashSet;

use str0m::Rtc;

use super::client;
use super::network::Network;
use super::network::Way;
use super::webrtc::Browser;
use super::*;
use crate::rtp::red;

const MODE: EncryptionMode = EncryptionMode::Aes256Gcm;
const FRAME: Duration = Duration::from_millis(20);
/// The number that a browser gives to redundant audio, as Chromium does.
const RED: u8 = 63;

/// A browser that speaks redundant audio.
pub(super) fn browser(world: &mut World, peer: PeerId, speaker: PeerId) -> Browser {
    let make =
        Rtc::builder().set_crypto_provider(client::crypto_provider()).enable_opus(true, true);
    let remote = ["a=rtpmap:63 red/48000/2", "a=fmtp:63 111/111", "a=rtcp-fb:111 nack"];
    let mut browser = Browser::join_as(world, (peer, speaker), make, &remote, |offer| {
        offer.replace("a=rtpmap:111", "a=rtcp-fb:111 nack\r\na=rtpmap:111")
    });
    browser.run(world, Duration::from_secs(2));
    assert!(browser.is_connected());
    browser
}

/// A frame of 80 bytes that carries its number.
fn frame(number: u32) -> Vec<u8> {
    let mut frame = vec![0x78; 80];
    frame[1..5].copy_from_slice(&number.to_be_bytes());
    frame
}

fn number_of(frame: &[u8]) -> u32 {
    u32::from_be_bytes(frame[1..5].try_into().expect("a frame of ours"))
}

/// When each frame first reached a browser's ear, by the packets that it heard.
fn note(heard: &mut HashMap<u32, Instant>, browser: &mut Browser) {
    for packet in browser.hear() {
        let at = packet.timestamp;
        let mut hear = |frame: &[u8]| {
            heard.entry(number_of(frame)).or_insert(at);
        };
        if *packet.header.payload_type == RED {
            let (_, newest, older) = red::parse(&packet.payload).expect("well formed");
            older.blocks().for_each(|block| hear(block.payload));
            hear(newest);
        } else {
            hear(&packet.payload);
        }
    }
}

/// What a jitter buffer of 200 ms waits for, on top of the way itself.
const IN_TIME: Duration = Duration::from_millis(200);

/// Frames that were said, and when each was heard first.
#[derive(Default)]
struct Ear {
    said: Vec<Instant>,
    heard: HashMap<u32, Instant>,
}

impl Ear {
    fn share_within(&self, time: Duration) -> f64 {
        let in_time = (0..).zip(&self.said).filter(|(number, said)| {
            self.heard.get(number).is_some_and(|heard| *heard - **said <= time)
        });
        in_time.count() as f64 / self.said.len() as f64
    }
}

/// A redundant packet of this frame and the one before, as Chromium sends by default.
fn redundant(number: u32) -> Vec<u8> {
    let mut redundancy = red::Redundancy::default();
    let before = frame(number.saturating_sub(1));
    assert!(redundancy.add(960, &before));
    let mut payload = Vec::new();
    redundancy.write(111, &frame(number), &mut payload);
    payload
}

/// A browser with redundancy and a bot on a good way talk for so many frames; this network is between
/// the browser and us, both ways. What the browser hears, and what is heard of it.
fn talk(network: Network, frames: u32) -> (Ear, Ear, World) {
    let mut world = World::new();
    let mut bot = world.udp_client(ANA, MODE, ALL);
    let mut browser = browser(&mut world, BEN, ANA);
    // What comes sooner, Chromium takes for the same question.
    browser.answers_after = network.round_trip() + Duration::from_millis(5);
    browser.network = Some(network);
    browser.answers = true;
    let (mut down, mut up) = (Ear::default(), Ear::default());
    let listen = |world: &mut World, browser: &mut Browser, down: &mut Ear, up: &mut Ear| {
        note(&mut down.heard, browser);
        for (_, heard) in bot_hears(world) {
            up.heard.entry(number_of(&heard)).or_insert(world.now);
        }
    };
    for number in 0..frames {
        if number == 50 {
            browser.ask_for_lost_packets();
        }
        down.said.push(world.now);
        up.said.push(world.now);
        let packet = bot.speak(&frame(number));
        world.deliver(bot.address, &packet);
        browser.speak_as(&mut world, RED, &redundant(number));
        listen(&mut world, &mut browser, &mut down, &mut up);
    }
    browser.run(&mut world, Duration::from_secs(2));
    listen(&mut world, &mut browser, &mut down, &mut up);
    assert!(browser.is_connected());
    (down, up, world)
}

/// What the bot of [`talk`] heard since the last call.
fn bot_hears(world: &mut World) -> Vec<(RtpHeader, Vec<u8>)> {
    UdpClient::new(ANA, MODE).hear(world)
}

/// The shares of a minute's frames heard in time down and up, with three seeds.
fn shares_heard(loss: f32) -> [(f64, f64); 3] {
    let way = Way::of_millis(30).losing(loss);
    [1, 2, 3].map(|seed| {
        let (down, up, _) = talk(Network::new(way, way, seed), 3_000);
        let within = way.delay + IN_TIME;
        (down.share_within(within), up.share_within(within))
    })
}

#[test]
fn behind_a_tenth_of_loss_998_of_1000_frames_are_heard_in_time_both_ways() {
    let shares = shares_heard(0.1);

    println!("heard in time (down, up) at 10 % loss: {shares:.4?}");
    assert!(shares.iter().all(|(down, up)| *down >= 0.998 && *up >= 0.998));
}

#[test]
fn behind_three_tenths_of_loss_97_of_100_frames_are_heard_in_time_both_ways() {
    let shares = shares_heard(0.3);

    println!("heard in time (down, up) at 30 % loss: {shares:.4?}");
    // Of a minute alone, chance takes a third of a percent or gives it.
    let mean = |of: fn(&(f64, f64)) -> f64| shares.iter().map(of).sum::<f64>() / 3.0;
    assert!(mean(|(down, _)| *down) >= 0.97 && mean(|(_, up)| *up) >= 0.97);
}

#[test]
fn on_a_long_way_a_browser_is_asked_until_its_frames_are_heard() {
    for ((delay, jitter, loss), least) in [((75, 25, 0.1), 0.998), ((150, 100, 0.3), 0.98)] {
        let jitter = Duration::from_millis(jitter);
        let way = Way { jitter, ..Way::of_millis(delay) }.losing(loss);
        let shares = [1, 2, 3].map(|seed| {
            let (_, up, _) = talk(Network::new(way, way, seed), 3_000);
            (up.share_within(Duration::MAX), up.share_within(Duration::from_millis(600)))
        });
        println!(
            "heard up at {loss} loss, {delay}±{} ms, and within 600 ms: {shares:.4?}",
            jitter.as_millis()
        );
        assert!(shares.iter().all(|(ever, _)| *ever >= least));
    }
}

/// Ten minutes, in frames.
const TEN_MINUTES: u32 = 30_000;

/// 200 ms of jitter, which reorders most packets, and a fiftieth arrives twice.
fn restless(loss: f32, seed: u64) -> Network {
    let way = Way { jitter: Duration::from_millis(200), ..Way::of_millis(250) }.losing(loss);
    Network::new(way, way, seed).duplicating(0.02)
}

#[test]
fn ten_minutes_of_loss_jitter_reordering_and_duplicates_end_no_session() {
    for (loss, least) in [(0.1, 0.998), (0.3, 0.97)] {
        let (down, up, mut world) = talk(restless(loss, 3), TEN_MINUTES);
        let within = Duration::from_millis(450) + IN_TIME;
        let (in_time, ever) = (down.share_within(within), down.share_within(Duration::MAX));
        let (up_in_time, up_ever) = (up.share_within(within), up.share_within(Duration::MAX));

        println!(
            "ten minutes at {loss} loss, jitter of 200 ms: heard down {ever:.4}, in time \
             {in_time:.4}; up {up_ever:.4}, in time {up_in_time:.4}"
        );
        assert!(world.take_events().iter().all(|event| !matches!(event, MediaEvent::Left { .. })));
        assert!(ever >= least && up_ever >= least);
    }
}

#[test]
fn discord_s_udp_transport_hears_what_the_network_leaves_and_loses_no_session() {
    for (loss, seed) in [(0.1, 4), (0.3, 5)] {
        let mut world = World::new();
        let mut ana = world.udp_client(ANA, MODE, ALL);
        let mut ben = world.udp_client(BEN, MODE, ALL);
        let mut network = restless(loss, seed);
        let (mut up, mut down) = (Ear::default(), Ear::default());

        for number in 0..TEN_MINUTES {
            up.said.push(world.now);
            down.said.push(world.now);
            network.send_up(world.now, ana.speak(&frame(number)));
            while let Some(packet) = network.arrive_up(world.now) {
                world.deliver(ana.address, &packet);
            }
            for (_, heard) in ben.hear(&mut world) {
                let before = up.heard.insert(number_of(&heard), world.now);
                assert_eq!(before, None, "a duplicate is not heard twice");
            }
            let packet = ben.speak(&frame(number));
            world.deliver(ben.address, &packet);
            for packet in world.take_sent_to(ana.address) {
                network.send_down(world.now, packet);
            }
            while let Some(packet) = network.arrive_down(world.now) {
                down.heard.entry(number_of(&ana.open(&packet).1)).or_insert(world.now);
            }
            world.pass(FRAME);
        }

        let (up, down) = (up.share_within(Duration::MAX), down.share_within(Duration::MAX));
        println!("ten minutes of a bot at {loss} loss: heard down {down:.4}, up {up:.4}");
        assert!(world.take_events().iter().all(|event| !matches!(event, MediaEvent::Left { .. })));
        let left = f64::from(1.0 - loss);
        assert!((left - 0.01..left + 0.01).contains(&up));
        assert!((left - 0.01..left + 0.01).contains(&down));
    }
}

#[test]
fn a_browser_without_loss_is_sent_plain_opus_after_its_first_report() {
    let mut world = World::new();
    let mut bot = world.udp_client(ANA, MODE, ALL);
    let mut browser = browser(&mut world, BEN, ANA);
    let mut types = Vec::new();
    for number in 0..1_000 {
        let packet = bot.speak(&frame(number));
        world.deliver(bot.address, &packet);
        browser.run(&mut world, FRAME);
        types.extend(browser.hear().iter().map(|packet| *packet.header.payload_type));
    }

    assert_eq!(types.len(), 1_000);
    assert_eq!(types[1], RED, "nothing is known of the way yet");
    assert!(types[500..].iter().all(|kind| *kind == 111));
}

/// The share of a browser's frames that a bot hears, when the browser carries each frame along with
/// the next, loses this share of its packets both ways, and sends nothing again.
fn share_heard_of_a_browser(loss: f32) -> (f64, Totals) {
    const FRAMES: u32 = 3_000;
    let mut world = World::new();
    let bot = world.udp_client(ANA, MODE, ALL);
    let mut browser = browser(&mut world, BEN, ANA);
    let way = Way::of_millis(30);
    browser.network = Some(Network::new(way.losing(loss), way.losing(loss), 5));
    for number in 0..FRAMES {
        browser.speak_as(&mut world, RED, &redundant(number));
    }
    browser.run(&mut world, Duration::from_secs(1));
    let heard = bot.hear(&mut world);
    let first = &heard[0];
    let mut numbers = HashSet::new();
    for (header, payload) in &heard {
        let frames = number_of(payload).wrapping_sub(number_of(&first.1));
        assert!(numbers.insert(frames), "each frame once");
        assert_eq!(header.timestamp.wrapping_sub(first.0.timestamp), frames.wrapping_mul(960));
        assert_eq!(header.sequence.wrapping_sub(first.0.sequence), frames as u16, "in its place");
    }
    (heard.len() as f64 / f64::from(FRAMES), world.totals())
}

#[test]
fn frames_that_a_browser_lost_are_taken_from_the_packet_behind() {
    let (share, totals) = share_heard_of_a_browser(0.1);

    // One in a hundred loses the next packet too.
    assert!((0.98..0.998).contains(&share), "{share}");
    assert!((250..350).contains(&totals.recovered), "{}", totals.recovered);
}

#[test]
fn a_frame_that_was_not_the_one_just_before_is_not_put_in_its_place() {
    let mut world = World::new();
    let bot = world.udp_client(ANA, MODE, ALL);
    let mut browser = browser(&mut world, BEN, ANA);
    browser.speak(&mut world, &frame(0));
    browser.offline = true;
    browser.speak(&mut world, &frame(1));
    browser.speak(&mut world, &frame(2));
    browser.offline = false;

    // It carries the frame three before, and the one before.
    let (oldest, before) = (frame(0), frame(2));
    let mut redundancy = red::Redundancy::default();
    assert!(redundancy.add(3 * 960, &oldest) && redundancy.add(960, &before));
    let mut payload = Vec::new();
    redundancy.write(111, &frame(3), &mut payload);
    browser.speak_as(&mut world, RED, &payload);

    let heard: Vec<_> = bot.hear(&mut world).iter().map(|(_, frame)| number_of(frame)).collect();
    assert_eq!(heard, [0, 2, 3]);
}

#[test]
fn a_browser_is_asked_for_what_is_missing_and_its_answer_is_heard_in_its_place() {
    let mut world = World::new();
    let bot = world.udp_client(ANA, MODE, ALL);
    let mut browser = browser(&mut world, BEN, ANA);
    browser.speak(&mut world, &frame(0));
    bot.hear(&mut world);

    (browser.offline, browser.records) = (true, true);
    browser.speak(&mut world, &frame(1));
    let is_rtp = |packet: &&Vec<u8>| packet[0] >> 6 == 2 && packet[1] & 0x7F == 111;
    let lost = browser.recorded.iter().find(is_rtp).expect("spoken").clone();
    browser.recorded.clear();
    browser.speak(&mut world, &frame(2));
    let next = browser.recorded.iter().find(is_rtp).expect("spoken").clone();
    world.take_sent_to(browser.address);
    world.deliver(browser.address, &next);
    let asked = world.take_sent_to(browser.address);
    world.deliver(browser.address, &lost);

    assert_eq!(asked.iter().filter(|packet| packet[1] == 205).count(), 1);
    let numbers: Vec<_> = bot
        .hear(&mut world)
        .iter()
        .map(|(header, frame)| (header.sequence, number_of(frame)))
        .collect();
    assert_eq!(numbers[0].1, 2);
    assert_eq!(numbers[1], (numbers[0].0.wrapping_sub(1), 1));
}

#[test]
fn a_browser_that_does_not_answer_is_not_asked() {
    let mut world = World::new();
    world.udp_client(ANA, MODE, ALL);
    let mut browser = Browser::join(&mut world, BEN, ANA);
    browser.run(&mut world, Duration::from_secs(2));
    browser.speak(&mut world, &frame(0));

    browser.offline = true;
    browser.speak(&mut world, &frame(1));
    browser.offline = false;
    browser.speak(&mut world, &frame(2));

    assert!(world.take_sent_to(browser.address).iter().all(|packet| packet[1] != 205));
}

/// Everything that was sent to a browser by SSRC and number, as it was on the wire.
#[derive(Default)]
struct Wire {
    seen: HashMap<(u32, u16), Vec<u8>>,
    again: usize,
}

impl Wire {
    fn note(&mut self, packet: &[u8]) {
        if packet[0] >> 6 != 2 || crate::rtp::rtcp::is_rtcp(packet[1]) {
            return;
        }
        let (header, _) = RtpHeader::parse(packet).expect("RTP");
        let before = self.seen.insert((header.ssrc, header.sequence), packet.to_vec());
        if let Some(before) = before {
            assert_eq!(before, packet, "one number stands for one packet");
            self.again += 1;
        }
    }
}

#[test]
fn whatever_is_sent_again_is_the_same_to_the_last_bit() {
    let mut world = World::new();
    let mut bot = world.udp_client(ANA, MODE, ALL);
    let mut browser = browser(&mut world, BEN, ANA);
    let bad = Way { jitter: Duration::from_millis(40), ..Way::of_millis(50) }.losing(0.2);
    browser.network = Some(Network::new(bad, bad, 11));
    browser.watch = true;
    let mut wire = Wire::default();
    let mut held = None;
    for number in 0..3_000u32 {
        if number == 1 {
            browser.ask_for_lost_packets();
        }
        let packet = bot.speak(&frame(number));
        // The bot's own way reorders and loses: what was missing when a packet was sent may be
        // there when it is sent again.
        match number % 7 {
            2 => held = Some(packet),
            4 => {}
            _ => world.deliver(bot.address, &packet),
        }
        if number % 7 == 5 {
            let late = held.take().expect("held");
            world.deliver(bot.address, &late);
        }
        if number % 500 == 250 {
            for hear in [false, true] {
                let grants = Grants { speak: true, hear };
                world.command(MediaCommand::Update { peer: BEN, grants });
            }
        }
        browser.run(&mut world, FRAME);
        browser.watched.drain(..).for_each(|packet| wire.note(&packet));
    }

    assert!(wire.again > 100, "{}", wire.again);
    assert_eq!(wire.again as u64, world.totals().retransmitted);
}

#[test]
fn an_offer_that_changes_the_form_of_packets_forbids_to_send_earlier_ones_again() {
    let mut world = World::new();
    let mut bot = world.udp_client(ANA, MODE, ALL);
    let mut browser = browser(&mut world, BEN, ANA);
    browser.ask_for_lost_packets();
    browser.watch = true;
    let mut wire = Wire::default();
    for number in 0..400u32 {
        let packet = bot.speak(&frame(number));
        world.deliver(bot.address, &packet);
        // Each time it loses some and offers redundancy under another number before it asks.
        browser.deaf = number % 20 >= 17;
        if number % 20 == 19 {
            let red = if number % 40 == 19 { "a=rtpmap:35 red" } else { "a=rtpmap:63 red" };
            let offer = browser.offer.replace("a=rtpmap:63 red", red);
            world.command(MediaCommand::SelectWebRtc {
                peer: BEN,
                offer,
                announce: "192.0.2.1:8443".parse().expect("address"),
            });
        }
        browser.run(&mut world, FRAME);
        browser.watched.drain(..).for_each(|packet| wire.note(&packet));
    }

    assert!(wire.seen.len() >= 400);
}

#[test]
fn a_flood_of_requests_is_answered_with_no_more_than_one_speaker_s_media() {
    let mut world = World::new();
    let mut bot = world.udp_client(ANA, MODE, ALL);
    let cai = world.udp_client(CAI, MODE, ALL);
    let mut browser = browser(&mut world, BEN, ANA);
    browser.ask_for_lost_packets();
    let mut heard = 0;
    let mut first = None;

    for number in 0..500u32 {
        let packet = bot.speak(&frame(number));
        world.deliver(bot.address, &packet);
        heard += cai.hear(&mut world).len();
        browser.run(&mut world, FRAME);
        let key = world.shard.ids[&BEN];
        let newest = browser.hear().last().map(|packet| packet.header.sequence_number);
        first = first.or(newest);
        for sequence in 0..200 {
            let asked = newest.unwrap_or_default().wrapping_sub(sequence);
            world.shard.send_again(world.now, key, ssrc_of(ANA), asked);
        }
        world.drain();
    }

    assert_eq!(heard, 500);
    let again = world.totals().retransmitted;
    assert!((300..=550).contains(&again), "{again}");
}

#[test]
fn a_listener_far_away_is_sent_nothing_again_that_would_come_too_late() {
    let mut world = World::new();
    let mut bot = world.udp_client(ANA, MODE, ALL);
    let mut browser = browser(&mut world, BEN, ANA);
    browser.ask_for_lost_packets();
    browser.network = Some(Network::new(Way::of_millis(200), Way::of_millis(200), 3));
    for number in 0..1_000u32 {
        let packet = bot.speak(&frame(number));
        world.deliver(bot.address, &packet);
        browser.run(&mut world, FRAME);
    }
    let before = world.totals().retransmitted;

    browser.network = Some(Network::new(Way::of_millis(200), Way::of_millis(200).losing(0.2), 3));
    for number in 0..200u32 {
        let packet = bot.speak(&frame(number));
        world.deliver(bot.address, &packet);
        browser.run(&mut world, FRAME);
    }

    assert_eq!(world.totals().retransmitted, before);
}

#[test]
fn frames_from_while_a_listener_was_deaf_or_a_speaker_muted_are_not_carried_along() {
    let mut world = World::new();
    let mut bot = world.udp_client(ANA, MODE, ALL);
    // Cai's browser hears all that may be heard, so it is kept for her.
    let mut cai = browser(&mut world, CAI, ANA);
    let mut browser = browser(&mut world, BEN, ANA);
    let mut heard = HashMap::new();
    let mut secret = HashSet::new();
    for number in 0..200u32 {
        let phase = number % 20;
        let hear = !(5..10).contains(&phase);
        let speak = !(15..18).contains(&phase);
        world.command(MediaCommand::Update { peer: BEN, grants: Grants { speak: true, hear } });
        world.command(MediaCommand::Update { peer: ANA, grants: Grants { speak, hear: true } });
        if !hear || !speak {
            secret.insert(number);
        }
        let packet = bot.speak(&frame(number));
        world.deliver(bot.address, &packet);
        browser.run(&mut world, FRAME);
        cai.run(&mut world, Duration::ZERO);
        note(&mut heard, &mut browser);
    }

    assert_eq!(heard.keys().filter(|number| secret.contains(number)).count(), 0);
    assert_eq!(heard.len() + secret.len(), 200);
}
