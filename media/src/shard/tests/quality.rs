//! What listeners report about what they hear, and what becomes of it.

use super::network::Network;
use super::network::Way;
use super::webrtc::Browser;
use super::*;
use crate::rtp::rtcp::ReportBlock;
use crate::rtp::rtcp::write_receiver_report;
use model::media::ListenerQuality;

const MODE: EncryptionMode = EncryptionMode::Aes256Gcm;
const FRAME: Duration = Duration::from_millis(20);

/// What the last statistics of a peer say of its listening.
fn listening(world: &World, of: PeerId) -> Option<ListenerQuality> {
    world.events.iter().rev().find_map(|event| match event {
        MediaEvent::Stats { peer, stats } if *peer == of => Some(stats.listening),
        _ => None,
    })?
}

/// A bot speaks to a browser behind a network for `time`.
fn a_call(up: Way, down: Way, time: Duration) -> World {
    let mut world = World::new();
    let mut bot = world.udp_client(ANA, MODE, ALL);
    let mut browser = Browser::join(&mut world, BEN, ANA);
    browser.run(&mut world, Duration::from_secs(2));
    browser.network = Some(Network::new(up, down, 7));
    for _ in 0..time.as_millis() / FRAME.as_millis() {
        let packet = bot.speak(b"down");
        world.deliver(bot.address, &packet);
        browser.run(&mut world, FRAME);
    }
    world
}

#[test]
fn loss_round_trip_and_score_of_a_listener_are_told() {
    let way = Way::of_millis(40);

    let mut good = a_call(way, way, Duration::from_secs(30));
    let mut bad = a_call(way, way.losing(0.1), Duration::from_secs(30));

    let good_quality = listening(&good, BEN).expect("the browser reported");
    let bad_quality = listening(&bad, BEN).expect("the browser reported");
    assert_eq!(good_quality.loss, 0.0);
    assert!((0.05..0.2).contains(&bad_quality.loss), "{bad_quality:?}");
    let round_trip = good_quality.round_trip.expect("it answered sender reports").as_millis();
    assert!((78..=82).contains(&round_trip), "{round_trip} ms");
    assert!(good_quality.mos > 4.2 && bad_quality.mos < 3.9, "{good_quality:?} {bad_quality:?}");
    assert_eq!(good.shard.take_qualities().next_back(), Some(good_quality));
    assert_eq!(bad.shard.take_qualities().next_back(), Some(bad_quality));
    assert_eq!(listening(&good, ANA), None, "a bot reports nothing");
}

#[test]
fn statistics_come_every_five_seconds_and_not_more_often() {
    let way = Way::of_millis(40);
    let world = a_call(way, way, Duration::from_secs(28));

    let stats = |of| {
        let of_peer =
            |event: &&MediaEvent| matches!(event, MediaEvent::Stats { peer, .. } if *peer == of);
        world.events.iter().filter(of_peer).count()
    };

    assert_eq!((stats(ANA), stats(BEN)), (6, 6));
}

#[test]
fn a_bot_s_own_report_counts_for_whom_it_hears_and_for_nobody_else() {
    let mut world = World::new();
    let mut ana = world.udp_client(ANA, MODE, ALL);
    let mut ben = world.udp_client(BEN, MODE, ALL);
    for _ in 0..100 {
        let packet = ana.speak(b"down");
        world.deliver(ana.address, &packet);
        world.pass(FRAME);
    }
    let report = |client: &mut UdpClient, about: u32| {
        let block = ReportBlock {
            ssrc: about,
            fraction_lost: 128,
            lost: 50,
            highest: 100,
            jitter: 960,
            last_sender_report: 0,
            delay: 0,
        };
        let mut compound = Vec::new();
        write_receiver_report(client.ssrc, &block, &mut compound);
        let plain = compound.split_off(8);
        client.seal(compound, &plain)
    };

    // Dan sits in another room on the seat that Ana has in hers.
    world.command(MediaCommand::Join {
        peer: PeerId(4),
        room: ChannelId::new(6),
        user: UserId::new(4),
        ssrc: 9_999,
        grants: ALL,
    });
    let about_dan = report(&mut ben, 9_999);
    world.deliver(ben.address, &about_dan);
    world.pass(Duration::from_secs(5));
    assert_eq!(listening(&world, BEN), None);
    let about_ana = report(&mut ben, ssrc_of(ANA));
    world.deliver(ben.address, &about_ana);
    world.pass(Duration::from_secs(5));

    let quality = listening(&world, BEN).expect("reported");
    assert_eq!((quality.loss, quality.jitter), (0.5, FRAME));
    assert_eq!(listening(&world, ANA), None);
}

#[test]
fn a_storm_of_reports_is_cut_and_costs_the_others_nothing() {
    let mut world = World::new();
    let mut ana = world.udp_client(ANA, MODE, ALL);
    let mut ben = world.udp_client(BEN, MODE, ALL);
    let cai = world.udp_client(CAI, MODE, ALL);
    let mut heard = 0;
    let packet = ben.speak(b"I am here");
    world.deliver(ben.address, &packet);
    cai.hear(&mut world);

    for _ in 0..50 {
        for _ in 0..200 {
            // 31 blocks about everybody, and a sender report of hers.
            let mut compound = vec![0x9F, 200, 0, 192];
            compound.extend(vec![0xFF; 768]);
            compound[4..8].copy_from_slice(&ssrc_of(ANA).to_be_bytes());
            let plain = compound.split_off(8);
            let packet = ben.seal(compound, &plain);
            world.deliver(ben.address, &packet);
        }
        let packet = ana.speak(b"down");
        world.deliver(ana.address, &packet);
        heard += cai.hear(&mut world).len();
        world.pass(FRAME);
    }

    assert_eq!(heard, 50);
    let policed = world.dropped(DropReason::Policed);
    assert!((9_700..10_000).contains(&policed), "{policed}");
}
