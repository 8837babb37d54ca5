//! How loud people are: told on to listeners, shown as speaking, and what it takes in a large room.

use str0m::Rtc;
use str0m::rtp::Extension;

use super::webrtc::Browser;
use super::*;
use crate::metrics::DropReason;
use crate::room::select::LARGE;
use crate::room::select::SPEAKERS;

const MODE: EncryptionMode = EncryptionMode::Aes256Gcm;
const FRAME: Duration = Duration::from_millis(20);

/// A browser that knows the level under its own id.
fn browser(world: &mut World, peer: PeerId, speaker: PeerId, id: u8) -> Browser {
    let make = Rtc::builder().clear_extension_map().set_extension(id, Extension::AudioLevel);
    let line = format!("a=extmap:{id} urn:ietf:params:rtp-hdrext:ssrc-audio-level");
    Browser::join_as(world, (peer, speaker), make, &[&line], |offer| offer)
}

fn speaking(events: &[MediaEvent], of: PeerId) -> Vec<bool> {
    let changes = events.iter().filter_map(|event| match event {
        MediaEvent::Speaking { peer, speaking } if *peer == of => Some(*speaking),
        _ => None,
    });
    changes.collect()
}

#[test]
fn a_level_reaches_each_listener_under_the_listener_s_own_id() {
    let mut world = World::new();
    let mut ana = browser(&mut world, ANA, BEN, 3);
    let mut ben = browser(&mut world, BEN, ANA, 9);
    let bot = world.udp_client(CAI, MODE, ALL);
    for _ in 0..40 {
        ana.run(&mut world, FRAME);
        ben.run(&mut world, FRAME);
    }

    ana.speak_at(&mut world, b"hello", Some(-33));
    ben.run(&mut world, FRAME);

    let heard = ben.hear();
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].header.ext_vals.audio_level, Some(-33));
    assert_eq!(heard[0].header.ext_vals.voice_activity, Some(true));
    assert_eq!(&*heard[0].payload, b"hello");
    assert_eq!(bot.hear(&mut world)[0].1, b"hello");
}

#[test]
fn noise_in_an_open_microphone_is_forwarded_and_not_shown_as_speaking() {
    let mut world = World::new();
    let mut ana = browser(&mut world, ANA, BEN, 3);
    let bot = world.udp_client(CAI, MODE, ALL);
    ana.run(&mut world, Duration::from_secs(2));
    world.take_events();

    for _ in 0..50 {
        ana.speak_at(&mut world, b"a fan", Some(-75));
    }
    let while_noise = speaking(&world.take_events(), ANA);
    for level in [-30, -75] {
        for _ in 0..50 {
            ana.speak_at(&mut world, b"words", Some(level));
        }
    }

    assert_eq!(bot.hear(&mut world).len(), 150);
    assert!(while_noise.is_empty());
    assert_eq!(speaking(&world.take_events(), ANA), [true, false]);
}

#[test]
fn a_browser_in_dtx_is_not_speaking() {
    let mut world = World::new();
    let mut ana = browser(&mut world, ANA, BEN, 3);
    let bot = world.udp_client(CAI, MODE, ALL);
    ana.run(&mut world, Duration::from_secs(2));
    world.take_events();

    for _ in 0..5 {
        ana.speak_at(&mut world, &[0x78], None);
        ana.run(&mut world, Duration::from_millis(380));
    }

    assert_eq!(bot.hear(&mut world).len(), 5);
    assert!(speaking(&world.take_events(), ANA).is_empty());
}

#[test]
fn silence_is_forwarded_for_a_second_and_what_was_left_out_of_it_does_not_seem_lost() {
    let mut world = World::new();
    let mut ana = browser(&mut world, ANA, BEN, 3);
    let bot = world.udp_client(CAI, MODE, ALL);
    ana.run(&mut world, Duration::from_secs(2));
    world.take_events();
    // Of a microphone that is off: DTX, and frames of digital silence.
    let silence = |world: &mut World, ana: &mut Browser| {
        for payload in [&[0x78][..], b"digital"].repeat(10) {
            ana.speak_at(world, payload, Some(-127));
            ana.run(world, Duration::from_millis(380));
        }
    };

    silence(&mut world, &mut ana);
    assert!(bot.hear(&mut world).is_empty(), "nothing was said yet");
    assert!(speaking(&world.take_events(), ANA).is_empty());
    ana.speak_at(&mut world, b"words", Some(-30));
    silence(&mut world, &mut ana);
    ana.speak_at(&mut world, b"words", Some(-30));

    let heard = bot.hear(&mut world);
    let said: Vec<_> = heard.iter().map(|(_, payload)| &payload[..]).collect();
    assert_eq!(said, [b"words", &[0x78][..], b"digital", &[0x78][..], b"words"]);
    let numbers = heard.windows(2).map(|pair| pair[1].0.sequence.wrapping_sub(pair[0].0.sequence));
    assert!(numbers.eq([1; 4]));
    assert_eq!(world.dropped(DropReason::Silence), 20 + 17);
    assert_eq!(speaking(&world.take_events(), ANA), [true, false, true]);
}

/// A room of this many bots.
fn room_of(members: usize) -> (World, Vec<UdpClient>) {
    let mut world = World::with_places(members);
    let clients = (1..=members as u64).map(|peer| world.udp_client(PeerId(peer), MODE, ALL));
    let clients = clients.collect();
    (world, clients)
}

#[test]
fn in_a_large_room_nobody_gets_more_streams_than_can_be_followed() {
    let (mut world, mut clients) = room_of(LARGE);

    for _ in 0..100 {
        for client in &mut clients {
            let packet = client.speak(b"everybody speaks");
            world.deliver(client.address, &packet);
        }
        world.pass(FRAME);
    }

    for client in &clients {
        let heard = client.hear(&mut world);
        let ssrcs: std::collections::HashSet<_> =
            heard.iter().map(|(header, _)| header.ssrc).collect();
        let chosen = (1_001..1_001 + SPEAKERS as u32).contains(&client.ssrc);
        assert_eq!(ssrcs.len(), if chosen { SPEAKERS - 1 } else { SPEAKERS });
        assert_eq!(heard.len(), ssrcs.len() * 100, "whoever was chosen is heard without a gap");
    }
    let refused = world.dropped(DropReason::NotSelected) as usize;
    assert_eq!(refused, 100 * (LARGE - SPEAKERS));
}

#[test]
fn a_room_that_is_not_large_forwards_all_who_speak() {
    let (mut world, mut clients) = room_of(LARGE - 1);

    for client in &mut clients {
        let packet = client.speak(b"everybody speaks");
        world.deliver(client.address, &packet);
    }

    for client in &clients {
        assert_eq!(client.hear(&mut world).len(), LARGE - 2);
    }
}

#[test]
fn a_louder_browser_is_heard_within_a_second_in_a_full_room() {
    let (mut world, mut clients) = room_of(LARGE);
    let newcomer = PeerId(77);
    world.shard.handle_command(world.now, MediaCommand::Leave { peer: PeerId(20) });
    let mut browser = browser(&mut world, newcomer, PeerId(0), 3);
    browser.run(&mut world, Duration::from_secs(2));
    let mut first_heard = None;
    let start = world.now;

    for _ in 0..150 {
        for client in &mut clients[..SPEAKERS] {
            let packet = client.speak(b"at usual loudness");
            world.deliver(client.address, &packet);
        }
        browser.speak_at(&mut world, b"loud", Some(-10));
        let heard = clients[30].hear(&mut world);
        if heard.iter().any(|(header, _)| header.ssrc == ssrc_of(newcomer)) {
            first_heard = first_heard.or(Some(world.now - start));
        }
    }

    let waited = first_heard.expect("the loud one is heard");
    assert!(waited <= Duration::from_millis(1_100), "{waited:?}");
}

#[test]
fn who_is_chosen_again_goes_on_without_a_gap() {
    let (mut world, mut clients) = room_of(LARGE);
    let (speakers, others) = clients.split_at_mut(SPEAKERS + 1);
    let (late, early) = speakers.split_last_mut().expect("there are some");
    let listener = &others[0];
    let mut say = |world: &mut World, early_speak: bool| {
        for client in early.iter_mut().filter(|_| early_speak) {
            let packet = client.speak(b"on and on");
            world.deliver(client.address, &packet);
        }
        let packet = late.speak(b"may I?");
        world.deliver(late.address, &packet);
        world.pass(FRAME);
        let mut heard = listener.hear(world);
        heard.retain(|(header, _)| header.ssrc == late.ssrc);
        heard
    };
    let before = say(&mut world, false);
    // Silent for long enough to lose the place to another.
    world.pass(Duration::from_secs(1));
    for _ in 0..50 {
        assert!(say(&mut world, true).is_empty());
    }
    let after: Vec<_> = (0..60).flat_map(|_| say(&mut world, false)).collect();

    assert!(after.len() > 30);
    assert_eq!(after[0].0.sequence, before[0].0.sequence.wrapping_add(1));
    assert!(after[0].0.marker);
}
