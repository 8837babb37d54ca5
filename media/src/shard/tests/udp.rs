//! Bots on Discord's UDP transport: they hear each other, and only whom they should.

use model::media::Refusal;

use super::*;

const MODE: EncryptionMode = EncryptionMode::Aes256Gcm;

#[test]
fn two_peers_hear_each_other_in_both_modes() {
    for (ana_mode, ben_mode) in
        EncryptionMode::ALL.into_iter().flat_map(|a| EncryptionMode::ALL.map(|b| (a, b)))
    {
        let mut world = World::new();
        let mut ana = world.udp_client(ANA, ana_mode, ALL);
        let mut ben = world.udp_client(BEN, ben_mode, ALL);

        let packet = ana.speak(b"from ana");
        world.deliver(ana.address, &packet);
        let heard = ben.hear(&mut world);
        assert_eq!(heard.len(), 1);
        assert_eq!(heard[0].1, b"from ana");
        assert_eq!(heard[0].0.ssrc, ssrc_of(ANA));
        assert_eq!(heard[0].0.payload_type, 120);

        let packet = ben.speak(b"from ben");
        world.deliver(ben.address, &packet);

        assert_eq!(ana.hear(&mut world)[0].1, b"from ben");
        assert!(ben.hear(&mut world).is_empty(), "nobody hears themselves");
    }
}

#[test]
fn numbers_stay_continuous_across_the_wrap_of_everything() {
    let mut world = World::new();
    let mut ana = world.udp_client(ANA, MODE, ALL);
    let ben = world.udp_client(BEN, MODE, ALL);

    let mut heard = Vec::new();
    for _ in 0..40 {
        let packet = ana.speak(b"opus");
        world.deliver(ana.address, &packet);
        world.pass(Duration::from_millis(20));
        heard.extend(ben.hear(&mut world));
    }

    assert_eq!(heard.len(), 40);
    for pair in heard.windows(2) {
        assert_eq!(pair[1].0.sequence, pair[0].0.sequence.wrapping_add(1));
        assert_eq!(pair[1].0.timestamp, pair[0].0.timestamp.wrapping_add(960));
    }
}

#[test]
fn a_muted_peer_is_forwarded_to_nobody_from_the_command_on() {
    let mut world = World::new();
    let mut ana = world.udp_client(ANA, MODE, ALL);
    let ben = world.udp_client(BEN, MODE, ALL);
    let packet = ana.speak(b"before");
    world.deliver(ana.address, &packet);
    ben.hear(&mut world);

    let grants = Grants { speak: false, hear: true };
    world.command(MediaCommand::Update { peer: ANA, grants });
    let packet = ana.speak(b"muted");
    world.deliver(ana.address, &packet);

    assert!(ben.hear(&mut world).is_empty());
    assert_eq!(world.dropped(DropReason::Muted), 1);
}

#[test]
fn unmuting_continues_the_sequence_where_listeners_stopped() {
    let mut world = World::new();
    let mut ana = world.udp_client(ANA, MODE, ALL);
    let ben = world.udp_client(BEN, MODE, ALL);
    let packet = ana.speak(b"before");
    world.deliver(ana.address, &packet);
    let before = ben.hear(&mut world)[0].0;

    let grants = Grants { speak: false, hear: true };
    world.command(MediaCommand::Update { peer: ANA, grants });
    for _ in 0..50 {
        let packet = ana.speak(b"muted");
        world.deliver(ana.address, &packet);
        world.pass(Duration::from_millis(20));
    }
    world.command(MediaCommand::Update { peer: ANA, grants: ALL });
    let packet = ana.speak(b"after");
    world.deliver(ana.address, &packet);

    let after = ben.hear(&mut world)[0].0;
    assert_eq!(after.sequence, before.sequence.wrapping_add(1));
    assert_eq!(after.timestamp.wrapping_sub(before.timestamp), 48_000);
}

#[test]
fn a_deafened_peer_gets_nothing_and_then_goes_on_without_a_gap() {
    let mut world = World::new();
    let mut ana = world.udp_client(ANA, MODE, ALL);
    let ben = world.udp_client(BEN, MODE, ALL);
    let packet = ana.speak(b"before");
    world.deliver(ana.address, &packet);
    let before = ben.hear(&mut world)[0].0;

    world.command(MediaCommand::Update { peer: BEN, grants: Grants { speak: true, hear: false } });
    let packet = ana.speak(b"unheard");
    world.deliver(ana.address, &packet);
    assert!(ben.hear(&mut world).is_empty());

    world.command(MediaCommand::Update { peer: BEN, grants: ALL });
    let packet = ana.speak(b"after");
    world.deliver(ana.address, &packet);
    assert_eq!(ben.hear(&mut world)[0].0.sequence, before.sequence.wrapping_add(1));
}

#[test]
fn a_lost_packet_stays_a_gap_for_the_listener() {
    let mut world = World::new();
    let mut ana = world.udp_client(ANA, MODE, ALL);
    let ben = world.udp_client(BEN, MODE, ALL);
    let first = ana.speak(b"1");
    ana.speak(b"lost");
    let third = ana.speak(b"3");

    world.deliver(ana.address, &first);
    world.deliver(ana.address, &third);

    let heard = ben.hear(&mut world);
    assert_eq!(heard[1].0.sequence.wrapping_sub(heard[0].0.sequence), 2);
}

#[test]
fn a_replayed_packet_is_forwarded_once_even_from_elsewhere() {
    let mut world = World::new();
    let mut ana = world.udp_client(ANA, MODE, ALL);
    let ben = world.udp_client(BEN, MODE, ALL);
    let packet = ana.speak(b"once");
    let stranger = "203.0.113.66:666".parse().expect("address");

    for from in [ana.address, ana.address, stranger, stranger] {
        world.deliver(from, &packet);
    }

    assert_eq!(ben.hear(&mut world).len(), 1);
    assert_eq!(world.dropped(DropReason::Replay), 3);
    assert!(world.take_sent_to(stranger).is_empty());
}

#[test]
fn a_wrong_key_or_a_foreign_ssrc_is_heard_by_nobody() {
    let mut world = World::new();
    let mut ana = world.udp_client(ANA, MODE, ALL);
    let ben = world.udp_client(BEN, MODE, ALL);
    let packet = ana.speak(b"real");
    world.deliver(ana.address, &packet);
    ben.hear(&mut world);

    let mut forged = UdpClient { key: [99; 32], nonce: 5, ..UdpClient::new(ANA, MODE) };
    let packet = forged.speak(b"forged");
    world.deliver(ana.address, &packet);
    ana.ssrc = 4_444;
    let packet = ana.speak(b"foreign");
    world.deliver(ana.address, &packet);

    assert!(ben.hear(&mut world).is_empty());
    assert_eq!(world.dropped(DropReason::BadTag), 1);
    assert_eq!(world.unattributed, 1);
}

#[test]
fn a_peer_cannot_speak_as_another_by_naming_its_ssrc() {
    let mut world = World::new();
    let mut ana = world.udp_client(ANA, MODE, ALL);
    let mut ben = world.udp_client(BEN, MODE, ALL);
    let cai = world.udp_client(CAI, MODE, ALL);
    for client in [&mut ana, &mut ben] {
        let packet = client.speak(b"hello");
        world.deliver(client.address, &packet);
    }
    cai.hear(&mut world);

    ana.ssrc = ssrc_of(BEN);
    let packet = ana.speak(b"I am Ben");
    world.deliver(ana.address, &packet);

    assert!(cai.hear(&mut world).is_empty());
}

#[test]
fn an_unknown_source_gets_no_answer() {
    let mut world = World::new();
    world.udp_client(ANA, MODE, ALL);
    let stranger: SocketAddr = "203.0.113.66:666".parse().expect("address");
    let binding = include_bytes!("../../../tests/data/rfc/rfc5769-2.1-request.bin");
    let unknown = UdpClient { ssrc: 77, ..UdpClient::new(CAI, MODE) };

    world.deliver(stranger, binding);
    world.deliver(stranger, &[22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 54, 1]);
    world.deliver(stranger, &unknown.discovery());
    world.deliver(stranger, &[1, 0, 0, 0, 0, 0, 0, 0]);
    world.deliver(stranger, &[0x80; 60]);

    assert!(world.sent.is_empty());
    assert_eq!(world.unattributed, 5);
}

#[test]
fn discovery_answers_at_most_its_rate() {
    let mut world = World::new();
    let ana = UdpClient::new(ANA, MODE);
    world.join(ANA, ALL);

    for _ in 0..50 {
        world.deliver(ana.address, &ana.discovery());
    }

    let answers = world.take_sent_to(ana.address);
    assert_eq!(answers.len(), 5);
    assert!(answers.iter().all(|answer| answer.len() == 74));
    // What is said again counts, too.
    world.pass(Duration::from_millis(100));
    assert!(world.take_sent_to(ana.address).is_empty());
}

#[test]
fn who_missed_the_answer_to_its_discovery_hears_it_again_until_it_goes_on() {
    let mut world = World::new();
    let ana = UdpClient::new(ANA, MODE);
    world.join(ANA, ALL);
    world.deliver(ana.address, &ana.discovery());
    let first = world.take_sent_to(ana.address);
    assert_eq!(first.len(), 1);

    world.pass(Duration::from_millis(40));
    assert_eq!(world.take_sent_to(ana.address), first);
    world.pass(Duration::from_millis(400));
    assert_eq!(world.take_sent_to(ana.address), first);
    world.pass(Duration::from_secs(10));
    assert!(world.take_sent_to(ana.address).is_empty(), "not for ever");

    world.deliver(ana.address, &ana.discovery());
    assert_eq!(world.take_sent_to(ana.address), first);
    world.command(ana.select());
    world.pass(Duration::from_secs(10));
    assert!(world.take_sent_to(ana.address).is_empty(), "it has gone on");
}

#[test]
fn a_bot_that_only_listens_is_heard_of_by_discovery_alone() {
    let mut world = World::new();
    let mut ana = world.udp_client(ANA, MODE, ALL);
    let ben = world.udp_client(BEN, MODE, ALL);

    let packet = ana.speak(b"hello");
    world.deliver(ana.address, &packet);

    assert_eq!(ben.hear(&mut world).len(), 1);
}

#[test]
fn a_stranger_cannot_draw_a_listener_s_audio_away_by_discovery() {
    let mut world = World::new();
    let mut ana = world.udp_client(ANA, MODE, ALL);
    let ben = world.udp_client(BEN, MODE, ALL);
    let stranger: SocketAddr = "203.0.113.66:666".parse().expect("address");

    world.deliver(stranger, &ben.discovery());
    let packet = ana.speak(b"hello");
    world.deliver(ana.address, &packet);

    assert!(world.take_sent_to(stranger).is_empty());
    assert_eq!(ben.hear(&mut world).len(), 1);
}

#[test]
fn a_forged_discovery_from_a_victim_s_address_does_not_silence_the_victim() {
    let mut world = World::new();
    let mut ana = UdpClient::new(ANA, MODE);
    let mallory = UdpClient::new(BEN, MODE);
    let cai = world.udp_client(CAI, MODE, ALL);
    world.join(ANA, ALL);
    world.join(BEN, ALL);

    world.deliver(ana.address, &mallory.discovery());
    world.command(mallory.select());
    world.command(ana.select());
    let packet = ana.speak(b"hello");
    world.deliver(ana.address, &packet);

    assert_eq!(cai.hear(&mut world).len(), 1);
}

#[test]
fn a_member_who_forges_a_victim_s_address_does_not_silence_the_victim() {
    let mut world = World::new();
    let mut ana = world.udp_client(ANA, MODE, ALL);
    let mut mallory = world.udp_client(BEN, MODE, ALL);
    let cai = world.udp_client(CAI, MODE, ALL);
    let packet = ana.speak(b"1");
    world.deliver(ana.address, &packet);

    let packet = mallory.speak(b"from Ana's address");
    world.deliver(ana.address, &packet);
    cai.hear(&mut world);
    world.take_sent_to(ana.address);
    let packet = ana.speak(b"2");
    world.deliver(ana.address, &packet);

    assert_eq!(cai.hear(&mut world)[0].1, b"2");
    assert!(world.take_sent_to(ana.address).is_empty(), "Mallory is not sent to Ana");
}

#[test]
fn a_changed_address_is_followed_within_one_packet() {
    let mut world = World::new();
    let mut ana = world.udp_client(ANA, MODE, ALL);
    let mut ben = world.udp_client(BEN, MODE, ALL);
    let packet = ben.speak(b"1");
    world.deliver(ben.address, &packet);
    let old = ben.address;
    ben.address = "198.51.100.200:1234".parse().expect("address");
    world.take_sent_to(ana.address);

    let packet = ben.speak(b"2");
    world.deliver(ben.address, &packet);
    let packet = ana.speak(b"to the new address");
    world.deliver(ana.address, &packet);

    assert_eq!(ana.hear(&mut world).len(), 1);
    assert_eq!(ben.hear(&mut world).len(), 1);
    assert!(world.take_sent_to(old).is_empty());
    let moved = MediaEvent::Connected { peer: BEN, address: ben.address };
    assert!(world.take_events().contains(&moved));
}

#[test]
fn a_late_packet_from_the_old_address_does_not_turn_the_aim_back() {
    let mut world = World::new();
    let mut ana = world.udp_client(ANA, MODE, ALL);
    let mut ben = world.udp_client(BEN, MODE, ALL);
    let late = ben.speak(b"late");
    let old = ben.address;
    ben.address = "198.51.100.200:1234".parse().expect("address");
    let packet = ben.speak(b"from the new address");
    world.deliver(ben.address, &packet);

    world.deliver(old, &late);
    let packet = ana.speak(b"hello");
    world.deliver(ana.address, &packet);

    assert!(world.take_sent_to(old).is_empty());
    assert_eq!(ben.hear(&mut world).len(), 1);
}

#[test]
fn speaking_is_told_once_and_ends_after_quiet_or_silence() {
    let mut world = World::new();
    let mut ana = world.udp_client(ANA, MODE, ALL);
    for _ in 0..100 {
        let packet = ana.speak(b"opus");
        world.deliver(ana.address, &packet);
        world.pass(Duration::from_millis(20));
    }
    world.pass(Duration::from_secs(1));
    let packet = ana.speak(b"opus");
    world.deliver(ana.address, &packet);
    for _ in 0..5 {
        let packet = ana.speak(&[0xF8, 0xFF, 0xFE]);
        world.deliver(ana.address, &packet);
    }

    let speaking: Vec<_> = world
        .take_events()
        .into_iter()
        .filter_map(|event| match event {
            MediaEvent::Speaking { peer: ANA, speaking } => Some(speaking),
            _ => None,
        })
        .collect();
    assert_eq!(speaking, [true, false, true, false]);
}

#[test]
fn a_flood_is_cut_to_the_rate_of_audio() {
    let mut world = World::new();
    let mut ana = world.udp_client(ANA, MODE, ALL);
    let ben = world.udp_client(BEN, MODE, ALL);

    for _ in 0..1_000 {
        let packet = ana.speak(b"flood");
        world.deliver(ana.address, &packet);
    }

    assert_eq!(ben.hear(&mut world).len(), 100);
    assert_eq!(world.dropped(DropReason::Policed), 900);
}

#[test]
fn a_bot_that_only_listens_is_not_ended_whether_it_ever_sent_keepalives_or_not() {
    let mut world = World::new();
    let mut ana = world.udp_client(ANA, MODE, ALL);
    let ben = world.udp_client(BEN, MODE, ALL);
    world.deliver(ben.address, &[1, 0, 0, 0, 0, 0, 0, 0]);

    world.pass(IDLE * 10);

    assert!(world.take_events().iter().all(|event| !matches!(event, MediaEvent::Left { .. })));
    let packet = ana.speak(b"still there?");
    world.deliver(ana.address, &packet);
    assert_eq!(ben.hear(&mut world).len(), 1);
}

#[test]
fn choosing_the_same_key_again_does_not_begin_the_nonces_anew() {
    let mut world = World::new();
    let mut ana = world.udp_client(ANA, MODE, ALL);
    let ben = world.udp_client(BEN, MODE, ALL);
    let packet = ana.speak(b"1");
    world.deliver(ana.address, &packet);
    let first = world.take_sent_to(ben.address);

    world.command(ben.select());
    let packet = ana.speak(b"2");
    world.deliver(ana.address, &packet);

    let second = world.take_sent_to(ben.address);
    assert_ne!(first[0][first[0].len() - 4..], second[0][second[0].len() - 4..]);
}

#[test]
fn a_full_node_refuses_the_next_and_takes_one_again_when_one_left() {
    let mut world = World::with_places(1);
    world.join(ANA, ALL);
    assert_eq!(world.take_events(), [MediaEvent::Joined { peer: ANA }]);
    world.join(BEN, ALL);
    assert_eq!(world.take_events(), [MediaEvent::Refused { peer: BEN, reason: Refusal::Full }]);

    world.command(MediaCommand::Leave { peer: ANA });
    world.join(BEN, ALL);
    assert_eq!(world.take_events(), [MediaEvent::Joined { peer: BEN }]);
}

#[test]
fn a_command_about_nobody_is_refused() {
    let mut world = World::new();

    world.command(UdpClient::new(CAI, MODE).select());

    assert_eq!(
        world.take_events(),
        [MediaEvent::Refused { peer: CAI, reason: Refusal::UnknownPeer }]
    );
}

#[test]
fn rooms_and_every_name_go_with_the_last_peer() {
    let mut world = World::new();
    let mut ana = world.udp_client(ANA, MODE, ALL);
    let packet = ana.speak(b"hello");
    world.deliver(ana.address, &packet);

    world.command(MediaCommand::Leave { peer: ANA });
    let packet = ana.speak(b"gone");
    world.deliver(ana.address, &packet);

    assert_eq!(world.unattributed, 1);
    assert_eq!((world.totals().rooms, world.totals().peers), (0, 0));
}
