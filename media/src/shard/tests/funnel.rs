//! A player that takes one stream, whoever speaks.

use std::collections::HashSet;

use super::loss;
use super::network::Network;
use super::network::Way;
use super::webrtc::Browser;
use super::*;

const MODE: EncryptionMode = EncryptionMode::Aes256Gcm;
const FRAME: Duration = Duration::from_millis(20);

/// A player in a room that hears on one stream, under its own SSRC.
fn player(world: &mut World) -> Browser {
    let mut player = Browser::join(world, CAI, CAI);
    world.command(MediaCommand::Funnel { peer: CAI, streams: 1 });
    player.run(world, Duration::from_secs(2));
    assert!(player.is_connected());
    player
}

/// A frame of a speaker, with its number.
fn frame(speaker: u8, number: u16) -> Vec<u8> {
    let mut frame = vec![0x78; 80];
    frame[1] = speaker;
    frame[2..4].copy_from_slice(&number.to_be_bytes());
    frame
}

#[test]
fn a_player_hears_two_bots_in_turn_on_one_stream_without_a_seam() {
    let mut world = World::new();
    let mut ana = world.udp_client(ANA, MODE, ALL);
    let mut ben = world.udp_client(BEN, MODE, ALL);
    let mut player = player(&mut world);

    let mut heard = Vec::new();
    for (speaker, bot) in [(1, &mut ana), (2, &mut ben)] {
        for number in 0..50 {
            let packet = bot.speak(&frame(speaker, number));
            world.deliver(bot.address, &packet);
            player.run(&mut world, FRAME);
            heard.extend(player.hear());
        }
        player.run(&mut world, Duration::from_secs(1));
    }

    let speakers: Vec<_> = heard.iter().map(|packet| packet.payload[1]).collect();
    assert_eq!(speakers, [[1; 50], [2; 50]].concat());
    assert!(heard.iter().all(|packet| *packet.header.ssrc == ssrc_of(CAI)));
    let steps = heard.windows(2).map(|two| {
        let (before, after) = (&two[0].header, &two[1].header);
        let numbers = after.sequence_number.wrapping_sub(before.sequence_number);
        (numbers, after.timestamp.wrapping_sub(before.timestamp), after.marker)
    });
    for (at, step) in steps.enumerate() {
        // Between the two there was a second, and the frame before it.
        let expected = if at == 49 { (1, 48_960, true) } else { (1, 960, false) };
        assert_eq!(step, expected, "at {at}");
    }
}

#[test]
fn of_two_bots_at_once_a_player_hears_one_and_the_other_when_that_one_leaves() {
    let mut world = World::new();
    let mut ana = world.udp_client(ANA, MODE, ALL);
    let mut ben = world.udp_client(BEN, MODE, ALL);
    let mut player = player(&mut world);

    let mut speakers = Vec::new();
    for number in 0..200 {
        if number == 100 {
            world.command(MediaCommand::Leave { peer: ANA });
        }
        for (speaker, bot) in [(1, &mut ana), (2, &mut ben)] {
            let packet = bot.speak(&frame(speaker, number));
            world.deliver(bot.address, &packet);
        }
        player.run(&mut world, FRAME);
        speakers.extend(player.hear().iter().map(|packet| packet.payload[1]));
    }

    assert_eq!(speakers, [[1; 100], [2; 100]].concat());
}

#[test]
fn what_a_player_lost_of_whoever_speaks_is_sent_again() {
    let mut world = World::new();
    let mut ana = world.udp_client(ANA, MODE, ALL);
    let mut ben = world.udp_client(BEN, MODE, ALL);
    let mut player = loss::browser(&mut world, CAI, CAI);
    world.command(MediaCommand::Funnel { peer: CAI, streams: 1 });
    let way = Way::of_millis(10);
    player.network = Some(Network::new(way, way.losing(0.1), 7));

    let mut numbers = HashSet::new();
    for turn in 0..4 {
        let (speaker, bot) = if turn % 2 == 0 { (1, &mut ana) } else { (2, &mut ben) };
        for number in 0..250 {
            let packet = bot.speak(&frame(speaker, turn * 250 + number));
            world.deliver(bot.address, &packet);
            player.run(&mut world, FRAME);
            for packet in player.hear() {
                numbers.insert(packet.header.sequence_number);
            }
            if turn == 0 && number == 1 {
                player.ask_for_lost_packets();
            }
        }
        player.run(&mut world, Duration::from_millis(500));
    }

    // RED would hide what NACK does; by number, each packet counts.
    assert!(world.totals().retransmitted > 50, "{}", world.totals().retransmitted);
    assert!(numbers.len() > 985, "{} of 1000", numbers.len());
    let listening = world.events.iter().rev().find_map(|event| match event {
        MediaEvent::Stats { peer: CAI, stats } => stats.listening,
        _ => None,
    });
    let loss = listening.expect("its reports are taken").loss;
    assert!(loss < 0.3, "{loss}");
}
