//! Attacks, one test each: nobody else loses a packet, and a stranger gets no byte.

use std::collections::HashSet;

use super::webrtc::Browser;
use super::webrtc::waiting;
use super::*;
use crate::metrics::DropReason;
use crate::rtp::red;
use crate::rtp::rtcp;
use crate::transport::sdp::Offer;

const MODE: EncryptionMode = EncryptionMode::Aes256Gcm;
const FRAME: Duration = Duration::from_millis(20);
const DAN: PeerId = PeerId(4);

fn stranger() -> SocketAddr {
    "203.0.113.66:666".parse().expect("address")
}

/// A call of two bots that goes on during an attack, and loses nothing.
struct Unharmed {
    speaker: UdpClient,
    listener: UdpClient,
    said: usize,
    heard: usize,
}

impl Unharmed {
    fn join(world: &mut World) -> Self {
        let speaker = world.udp_client(PeerId(91), MODE, ALL);
        let listener = world.udp_client(PeerId(92), MODE, ALL);
        Self { speaker, listener, said: 0, heard: 0 }
    }

    /// One frame of the call.
    fn goes_on(&mut self, world: &mut World) {
        let packet = self.speaker.speak(b"a call of others");
        world.deliver(self.speaker.address, &packet);
        self.said += 1;
        let heard = self.listener.hear(world);
        self.heard += heard.iter().filter(|(header, _)| header.ssrc == self.speaker.ssrc).count();
    }

    fn assert_lost_nothing(&self) {
        assert!(self.said > 0);
        assert_eq!(self.heard, self.said);
    }
}

/// A ClientHello as short as one can be (RFC 6347 §4.2.1), 67 bytes, that offers the null cipher.
fn client_hello() -> Vec<u8> {
    let mut hello = vec![22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 54];
    hello.extend([1, 0, 0, 42, 0, 0, 0, 0, 0, 0, 0, 42, 254, 253]);
    hello.extend([7; 32]);
    hello.extend([0, 0, 0, 2, 0, 0, 1, 0]);
    assert_eq!(hello.len(), 67);
    hello
}

/// What would make whoever sent a ClientHello begin anew (RFC 6347 §4.2.1): a HelloVerifyRequest.
fn hello_verify_request() -> Vec<u8> {
    let mut request = vec![22, 254, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 23];
    request.extend([3, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0, 11, 254, 255, 8]);
    request.extend([7; 8]);
    request
}

/// A STUN binding request for this user, whose integrity is made up.
fn forged_check(username: &str) -> Vec<u8> {
    let mut check = Vec::new();
    crate::transport::stun::challenge([9; 12], username, "a guess of twenty-two chars", &mut check);
    check
}

/// The ICE username fragment that the shard gave to a browser.
fn ufrag(world: &World, peer: PeerId) -> String {
    let key = world.shard.ids[&peer];
    match &world.shard.peers.get(key).expect("is here").transport {
        crate::transport::Transport::WebRtc(webrtc) => webrtc.ufrag().to_owned(),
        _ => unreachable!("a browser"),
    }
}

#[test]
fn srtp_and_srtcp_of_every_length_end_no_call() {
    let mut world = World::new();
    let mut call = Unharmed::join(&mut world);
    let mut browser = Browser::join(&mut world, BEN, PeerId(91));
    browser.run(&mut world, Duration::from_secs(2));

    for length in 0..1_500 {
        for second in [111, 120, 200, 201, 205] {
            let mut packet = vec![0x90; length];
            if length > 1 {
                packet[1] = second;
            }
            world.deliver(browser.address, &packet);
            world.deliver(stranger(), &packet);
        }
        if length % 20 == 0 {
            call.goes_on(&mut world);
        }
    }
    browser.hear();
    browser.speak(&mut world, b"still here");

    call.assert_lost_nothing();
    assert!(call.listener.hear(&mut world).iter().any(|(_, payload)| payload == b"still here"));
    assert!(world.take_sent_to(stranger()).is_empty());
    assert_eq!(world.dropped(DropReason::Fault), 0);
}

#[test]
fn a_hello_from_elsewhere_wins_no_race_against_a_joining_browser() {
    const JOINS: u64 = 200;
    let connect_times = |attacked: bool, begin: fn(&str) -> String, hello: &[u8]| {
        let mut world = World::with_places(300);
        let mut call = Unharmed::join(&mut world);
        let (mut times, mut before) = (Vec::new(), None);
        for peer in 300..300 + JOINS {
            let mut browser =
                Browser::join_with(&mut world, PeerId(peer), PeerId(91), |offer| begin(&offer));
            let start = world.now;
            while !browser.is_connected() && world.now - start < Duration::from_secs(5) {
                // 100 a second, and as many in the names of those who joined before.
                if attacked {
                    world.deliver(stranger(), hello);
                    if let Some(before) = before {
                        world.deliver(before, hello);
                    }
                }
                call.goes_on(&mut world);
                browser.run(&mut world, Duration::from_millis(10));
            }
            assert!(browser.is_connected());
            before = Some(browser.address);
            times.push(world.now - start);
        }
        call.assert_lost_nothing();
        assert!(world.take_sent_to(stranger()).is_empty());
        let ended = world.take_events();
        assert!(ended.iter().all(|event| !matches!(event, MediaEvent::Left { .. })));
        times.sort_unstable();
        times[times.len() * 95 / 100]
    };

    // Where the browser begins, and where we do.
    let begins: fn(&str) -> String = str::to_owned;
    for (begin, hello) in [(begins, client_hello()), (waiting, hello_verify_request())] {
        let quiet = connect_times(false, begin, &hello);
        let attacked = connect_times(true, begin, &hello);

        assert!(attacked <= quiet + quiet / 10, "{quiet:?} {attacked:?}");
    }
}

#[test]
fn rubbish_from_where_a_browser_is_does_not_end_its_join() {
    for begin in [waiting, str::to_owned] {
        let mut world = World::new();
        let mut call = Unharmed::join(&mut world);
        let mut browser = Browser::join_with(&mut world, BEN, PeerId(91), |offer| begin(&offer));
        let start = world.now;
        while !browser.is_connected() && world.now - start < Duration::from_secs(5) {
            for kind in 20..24 {
                for length in [0, 1, 12, 13, 14, 40, 1_300] {
                    let mut datagram = vec![kind; 1 + length];
                    let header = [254, 253, 0, 0, 0, 0, 0, 0, 0, 9];
                    datagram[1..].iter_mut().zip(header).for_each(|(to, from)| *to = from);
                    world.deliver(browser.address, &datagram);
                }
            }
            call.goes_on(&mut world);
            browser.run(&mut world, Duration::from_millis(5));
        }

        assert!(browser.is_connected());
        call.assert_lost_nothing();
        assert_eq!(world.dropped(DropReason::Fault), 0);
    }
}

#[test]
fn a_client_hello_in_the_peer_s_own_name_does_not_end_its_call() {
    let mut world = World::new();
    let bot = world.udp_client(ANA, MODE, ALL);
    let mut browser = Browser::join(&mut world, BEN, ANA);
    browser.run(&mut world, Duration::from_secs(2));

    for _ in 0..100 {
        world.deliver(browser.address, &client_hello());
        browser.speak(&mut world, b"on and on");
    }

    assert_eq!(bot.hear(&mut world).len(), 100);
}

#[test]
fn strangers_get_no_byte_for_a_thousand_requests_and_hellos() {
    let mut world = World::new();
    let mut browser = Browser::join(&mut world, BEN, ANA);
    browser.run(&mut world, Duration::from_secs(2));
    let known = ufrag(&world, BEN);
    world.sent.clear();

    for number in 0..1_000 {
        world.deliver(stranger(), &forged_check(&format!("guess{number}:x")));
        world.deliver(stranger(), &client_hello());
        // Even who knows the name is told nothing without the password.
        world.deliver(stranger(), &forged_check(&format!("{known}:x")));
    }

    assert!(world.take_sent_to(stranger()).is_empty());
}

#[test]
fn a_flood_of_checks_in_a_browser_s_name_is_cut_and_harms_nobody() {
    let mut world = World::new();
    let mut call = Unharmed::join(&mut world);
    let mut browser = Browser::join(&mut world, BEN, PeerId(91));
    browser.run(&mut world, Duration::from_secs(2));
    let check = forged_check(&format!("{}:x", ufrag(&world, BEN)));
    let alien = forged_check("nobody:x");
    browser.hear();
    let before = world.totals();

    // 50,000 a second for two seconds.
    for _ in 0..100 {
        for _ in 0..500 {
            world.deliver(stranger(), &check);
            world.deliver(stranger(), &alien);
        }
        call.goes_on(&mut world);
        browser.run(&mut world, FRAME);
    }

    call.assert_lost_nothing();
    assert_eq!(browser.hear().len(), 100, "the browser itself hears on");
    let totals = world.totals();
    let looked_at =
        totals.dropped_for(DropReason::Handshake) - before.dropped_for(DropReason::Handshake);
    assert!(looked_at <= 300, "the session looked at {looked_at}");
    assert_eq!(world.unattributed, 50_000);
    assert!(world.take_sent_to(stranger()).is_empty());
}

#[test]
fn a_name_and_a_password_cannot_be_guessed() {
    let mut world = World::new();
    let mut names = HashSet::new();
    for peer in 1..=50 {
        let browser = Browser::join(&mut world, PeerId(peer), ANA);
        drop(browser);
        let answer = world.events.iter().rev().find_map(|event| match event {
            MediaEvent::Answer { sdp, .. } => Some(sdp.clone()),
            _ => None,
        });
        let answer = answer.expect("answered");
        let value = |key: &str| {
            answer.lines().find_map(|line| line.strip_prefix(key)).expect("a line").to_owned()
        };
        // Six bits a character (RFC 8839 §5.4): 24 and 128 bits at least (RFC 8445 §5.3).
        assert!(value("a=ice-ufrag:").len() >= 4 && value("a=ice-pwd:").len() >= 22);
        assert!(names.insert(value("a=ice-ufrag:")) && names.insert(value("a=ice-pwd:")));
    }
    world.sent.clear();

    const GUESSES: u32 = 1_000_000;
    let mut check = forged_check("01234567:x");
    let at = check.windows(8).position(|window| window == b"01234567").expect("the name");
    let mut hits = 0;
    for number in 0..GUESSES {
        let mut rest = number.wrapping_mul(2_654_435_761);
        for character in &mut check[at..at + 8] {
            *character = b"0123456789abcdef"[rest as usize % 16];
            rest /= 16;
        }
        let mut check = check.clone();
        let handled = world.shard.handle_datagram(world.now, stranger(), &mut check);
        hits += u32::from(handled != Handled::Unattributed);
    }
    world.drain();

    assert_eq!(hits, 0, "of {GUESSES}");
    assert!(world.take_sent_to(stranger()).is_empty());
}

#[test]
fn packets_injected_by_a_stranger_reach_nobody_and_move_nobody() {
    let mut world = World::new();
    let mut call = Unharmed::join(&mut world);
    let mut browser = Browser::join(&mut world, BEN, PeerId(91));
    browser.run(&mut world, Duration::from_secs(2));
    let mut heard_before = 0;

    for _ in 0..200 {
        for victim in [PeerId(91), PeerId(92), BEN] {
            let key = [0xEE; 32];
            let mut forger = UdpClient { key, ..UdpClient::new(victim, MODE) };
            let packet = forger.speak(b"injected");
            world.deliver(stranger(), &packet);
            world.deliver(call.speaker.address, &packet);
        }
        call.goes_on(&mut world);
        browser.run(&mut world, FRAME);
        heard_before +=
            browser.hear().iter().filter(|p| &*p.payload != b"a call of others").count();
    }

    call.assert_lost_nothing();
    assert_eq!(heard_before, 0);
    assert!(world.take_sent_to(stranger()).is_empty());
}

#[test]
fn nothing_of_one_room_is_ever_sent_to_another() {
    let mut world = World::new();
    let mut call = Unharmed::join(&mut world);
    let others: Vec<_> = (40..44).map(|peer| UdpClient::new(PeerId(peer), MODE)).collect();
    for client in &others {
        world.command(MediaCommand::Join {
            peer: client.peer,
            room: ChannelId::new(6),
            user: UserId::new(client.peer.0),
            ssrc: client.ssrc,
            grants: ALL,
        });
        world.deliver(client.address, &client.discovery());
        world.command(client.select());
    }
    let mut others = others;
    world.sent.clear();

    for round in 0..200 {
        let speaking = &mut others[round % 4];
        let packet = speaking.speak(b"of the other room");
        world.deliver(speaking.address, &packet);
        // A member of one room asks for packets of the other.
        let mut compound = Vec::new();
        rtcp::write_nack(
            speaking.ssrc,
            call.speaker.ssrc,
            &[(round as u16, 0xFFFF)],
            &mut compound,
        );
        let plain = compound.split_off(8);
        let asked = speaking.seal(compound, &plain);
        world.deliver(speaking.address, &asked);
        call.goes_on(&mut world);
        world.pass(FRAME);
    }

    call.assert_lost_nothing();
    for client in &others {
        let heard = client.hear(&mut world);
        assert!(!heard.is_empty());
        assert!(heard.iter().all(|(_, payload)| payload == b"of the other room"));
    }
    let strays = call.speaker.hear(&mut world);
    assert!(strays.iter().all(|(_, payload)| payload != b"of the other room"));
}

#[test]
fn discovery_reflects_no_more_than_it_is_sent_and_only_where_the_peer_may_be() {
    let mut world = World::new();
    let mut call = Unharmed::join(&mut world);
    let victim: SocketAddr = "203.0.113.1:53".parse().expect("address");
    let dan = UdpClient::new(DAN, MODE);
    world.join(DAN, ALL);
    world.deliver(dan.address, &dan.discovery());
    world.command(dan.select());
    world.sent.clear();
    let mut asked = 0;

    for _ in 0..50 {
        for ssrc in [dan.ssrc, call.speaker.ssrc, 4_242] {
            let probe = UdpClient { ssrc, ..UdpClient::new(DAN, MODE) }.discovery();
            asked += probe.len();
            world.deliver(victim, &probe);
        }
        call.goes_on(&mut world);
        world.pass(FRAME);
    }

    let reflected: usize = world.take_sent_to(victim).iter().map(Vec::len).sum();
    assert_eq!(reflected, 0, "of {asked} bytes");
    call.assert_lost_nothing();
}

#[test]
fn a_thousand_packets_recorded_and_played_three_times_are_heard_once() {
    let mut world = World::new();
    let mut call = Unharmed::join(&mut world);
    let mut browser = Browser::join(&mut world, BEN, PeerId(91));
    browser.run(&mut world, Duration::from_secs(2));
    browser.records = true;
    let mut bot = world.udp_client(DAN, MODE, ALL);
    call.listener.hear(&mut world);
    let (mut of_browser, mut of_bot) = (0, 0);

    for round in 0..1_000 {
        browser.recorded.clear();
        browser.speak(&mut world, b"by a browser");
        let packet = bot.speak(b"by a bot");
        let mut recorded = browser.recorded.clone();
        recorded.push(packet.clone());
        world.deliver(bot.address, &packet);
        for from in [browser.address, bot.address, stranger()] {
            recorded.iter().for_each(|packet| world.deliver(from, packet));
        }
        let heard = call.listener.hear(&mut world);
        of_browser += heard.iter().filter(|(_, payload)| payload == b"by a browser").count();
        of_bot += heard.iter().filter(|(_, payload)| payload == b"by a bot").count();
        if round % 10 == 0 {
            call.goes_on(&mut world);
        }
    }

    assert_eq!((of_browser, of_bot), (1_000, 1_000));
    call.assert_lost_nothing();
    let rtp_out =
        world.take_sent_to(stranger()).iter().filter(|packet| packet[0] >> 6 == 2).count();
    assert_eq!(rtp_out, 0, "nobody's audio followed the recording");
}

#[test]
fn browsers_that_choose_the_same_or_an_assigned_ssrc_are_heard_under_their_own() {
    let mut world = World::new();
    let mut call = Unharmed::join(&mut world);
    let mut ben = Browser::join(&mut world, BEN, PeerId(91));
    let mut cai = Browser::join(&mut world, CAI, PeerId(91));
    for _ in 0..60 {
        ben.run(&mut world, FRAME);
        cai.run(&mut world, FRAME);
    }
    assert!(ben.is_connected() && cai.is_connected());

    // First the same, then that of the bot who speaks meanwhile.
    for ssrc in [77, call.speaker.ssrc] {
        ben.speak_under(ssrc);
        cai.speak_under(ssrc);
        world.pass(Duration::from_secs(1));
        call.listener.hear(&mut world);
        let mut heard = Vec::new();
        for _ in 0..50 {
            ben.speak(&mut world, b"ben");
            cai.speak(&mut world, b"cai");
            heard.extend(call.listener.hear(&mut world));
            call.goes_on(&mut world);
        }
        let count = |peer, payload: &[u8]| {
            let own = |(header, heard): &&(RtpHeader, Vec<u8>)| {
                header.ssrc == ssrc_of(peer) && heard == payload
            };
            heard.iter().filter(own).count()
        };
        assert_eq!((count(BEN, b"ben"), count(CAI, b"cai")), (50, 50), "SSRC {ssrc}");
        assert_eq!(heard.len(), 100, "nobody speaks as another");
    }

    call.assert_lost_nothing();
}

#[test]
fn reports_and_feedback_about_others_change_nothing_for_them() {
    let mut world = World::new();
    let mut call = Unharmed::join(&mut world);
    let mut mallory = world.udp_client(DAN, MODE, ALL);
    let packet = mallory.speak(b"I am here");
    world.deliver(mallory.address, &packet);
    call.listener.hear(&mut world);
    let target = call.speaker.ssrc.to_be_bytes();
    let feedback = |kind: u8, format: u8, body: &[u8]| {
        let words = (2 + body.len() / 4) as u8;
        let mut compound = vec![0x80 | format, kind, 0, words];
        compound.extend(target);
        compound.extend(target);
        compound.extend(body);
        compound
    };
    let attacks = [
        // BYE of the speaker (RFC 3550 §6.6).
        [&[0x81, 203, 0, 1][..], &target].concat(),
        feedback(206, 1, &[]),                       // PLI
        feedback(206, 4, &[0, 0, 0, 0, 9, 0, 0, 0]), // FIR
        feedback(206, 15, b"REMB\x01\x00\x00\x01\x00\x00\x00\x01"),
        feedback(206, 15, b"REMB\x01\xff\xff\xff\x00\x00\x00\x01"),
        feedback(205, 15, &[0, 0, 0xFF, 0xFF, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]), // symbols 0b11
        feedback(205, 1, &[0xFF; 64]),
    ];

    world.sent.clear();
    for round in 0..500 {
        let mut compound = attacks[round % attacks.len()].clone();
        let plain = compound.split_off(8);
        let packet = mallory.seal(compound, &plain);
        world.deliver(mallory.address, &packet);
        if round % 5 == 0 {
            call.goes_on(&mut world);
            world.pass(FRAME);
        }
    }

    call.assert_lost_nothing();
    let to_mallory = world.take_sent_to(mallory.address);
    assert_eq!(to_mallory.len(), call.said, "each packet of the speaker once, and nothing else");
    let events = world.take_events();
    assert!(events.iter().all(|event| !matches!(event, MediaEvent::Left { .. })));
}

#[test]
fn a_browser_that_stops_answering_gets_no_media_after_thirty_seconds() {
    let mut world = World::new();
    let mut bot = world.udp_client(ANA, MODE, ALL);
    let mut browser = Browser::join(&mut world, BEN, ANA);
    browser.run(&mut world, Duration::from_secs(2));
    let gone = world.now;
    let mut last = gone;

    while world.now - gone < Duration::from_secs(45) {
        let packet = bot.speak(b"is anybody there?");
        world.deliver(bot.address, &packet);
        if !world.take_sent_to(browser.address).is_empty() {
            last = world.now;
        }
        world.pass(FRAME);
    }

    assert!(last - gone <= Duration::from_secs(30), "{:?}", last - gone);
    assert!(last > gone);
}

#[test]
fn a_bomb_of_a_description_is_refused_or_read_in_passing_and_harms_no_call() {
    let mut world = World::new();
    let mut call = Unharmed::join(&mut world);
    let head = format!(
        "a=ice-ufrag:9WZo\na=ice-pwd:vcfFowC3gQI1KHu0Fm5ZTXum\na=rtpmap:111 opus/48000/2\n\
         a=fingerprint:sha-256 {}\n",
        ["AB"; 32].join(":")
    );
    let of = |line: &str, times| format!("{head}{}", line.repeat(times));
    let bombs = [
        (of("a", 1 << 20), false),
        (of("m=audio 9 UDP/TLS/RTP/SAVPF 111\n", 65), false),
        (of("a=candidate:1 1 UDP 1 192.0.2.1 9 typ host\n", 100_000), false),
        (of("a=candidate:1 1 UDP 1 192.0.2.1 9 typ host\n", 1_000), true),
        // Two formats that each say to retransmit the other.
        (of("a=fmtp:96 apt=97\na=fmtp:97 apt=96\n", 1_500), true),
        (of("a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\n", 1_000), true),
        (of("a=rtcp-fb:111 nack\n", 3_000), true),
        (of("\n", 60 * 1_024), true),
        (of("a=rtpmap:63 red/48000/2\n", 2_000), true),
    ];
    world.join(DAN, ALL);
    world.take_events();

    for (offer, usable) in bombs {
        assert_eq!(Offer::parse(&offer).is_ok(), usable, "{}", &offer[head.len()..][..30]);
        let announce = "192.0.2.1:8443".parse().expect("address");
        world.command(MediaCommand::SelectWebRtc { peer: DAN, offer, announce });
        call.goes_on(&mut world);
        let events = world.take_events();
        let refused = |event: &MediaEvent| matches!(event, MediaEvent::Refused { peer: DAN, .. });
        let answer = events.iter().find_map(|event| match event {
            MediaEvent::Answer { peer: DAN, sdp } => Some(sdp.len()),
            _ => None,
        });
        assert_eq!(events.iter().any(refused), !usable);
        assert!(answer.is_none_or(|length| length < 1_024), "the answer does not grow with it");
    }

    call.assert_lost_nothing();
}

#[test]
fn a_member_who_floods_is_cut_to_audio_s_rate_and_harms_nobody() {
    let mut world = World::new();
    let mut call = Unharmed::join(&mut world);
    let mut mallory = world.udp_client(DAN, MODE, ALL);
    let mut flooded = 0;

    // 5,000 packets a second for two seconds.
    for _ in 0..100 {
        for _ in 0..100 {
            let packet = mallory.speak(b"flood");
            world.deliver(mallory.address, &packet);
        }
        let heard = call.listener.hear(&mut world);
        flooded += heard.iter().filter(|(_, payload)| payload == b"flood").count();
        call.goes_on(&mut world);
        world.pass(FRAME);
    }

    call.assert_lost_nothing();
    assert!((200..=300).contains(&flooded), "{flooded}");
}

#[test]
fn redundant_frames_are_policed_like_packets() {
    let mut world = World::new();
    let mut call = Unharmed::join(&mut world);
    let mut browser = loss::browser(&mut world, BEN, PeerId(91));
    let mut flooded = 0;

    // Each packet pretends that eight before it were lost, and carries frames for all of them.
    for _ in 0..100 {
        let mut payload = Vec::new();
        for distance in (1..=red::BLOCKS as u32).rev() {
            let word = (u32::from(0x80u8 | 111) << 24) | ((distance * 960) << 10) | 5;
            payload.extend(word.to_be_bytes());
        }
        payload.push(111);
        payload.extend([b'f'; 5 * (red::BLOCKS + 1)]);
        browser.skip(red::BLOCKS as u64);
        browser.speak_as(&mut world, 63, &payload);
        let heard = call.listener.hear(&mut world);
        flooded += heard.iter().filter(|(_, payload)| payload == b"fffff").count();
        call.goes_on(&mut world);
    }

    call.assert_lost_nothing();
    assert!(flooded <= 300, "{flooded} frames in two seconds");
    assert!(world.totals().recovered > 0);
}

#[test]
fn a_session_that_panics_costs_the_call_of_others_nothing() {
    let mut world = World::new();
    let mut call = Unharmed::join(&mut world);
    for peer in 1..=20 {
        let mut victim = world.udp_client(PeerId(peer), MODE, ALL);
        let key = world.shard.ids[&PeerId(peer)];
        let peer = world.shard.peers.get_mut(key).expect("joined");
        peer.transport = crate::transport::Transport::Faulty;
        let packet = victim.speak(b"boom");
        // By its own packet, or by being sent one.
        if victim.ssrc.is_multiple_of(2) {
            world.deliver(victim.address, &packet);
        }
        call.goes_on(&mut world);
        world.pass(FRAME);
    }

    call.assert_lost_nothing();
    assert_eq!(world.totals().peers, 2);
    assert!((1..=20).all(|peer| world.shard.demux.assigned(ssrc_of(PeerId(peer))).is_none()));
}

#[test]
fn a_flood_of_large_packets_is_cut_by_the_channel_s_bitrate_and_music_is_not() {
    for (bits, most) in [(8_000, 64_000), (64_000, 64_000), (384_000, 192_000)] {
        let mut world = World::new();
        let mut ana = world.udp_client(ANA, EncryptionMode::Aes256Gcm, ALL);
        let ben = world.udp_client(BEN, EncryptionMode::Aes256Gcm, ALL);
        world.command(MediaCommand::Bitrate { peer: ANA, bits });
        // A bot's 128 kbit/s for ten seconds, whatever the channel says.
        for _ in 0..500 {
            let packet = ana.speak(&[0x78; 320]);
            world.deliver(ana.address, &packet);
            world.pass(Duration::from_millis(20));
        }
        assert_eq!(ben.hear(&mut world).len(), 500, "{bits}");

        world.pass(Duration::from_secs(5));
        for _ in 0..1_000 {
            let packet = ana.speak(&[0x78; 1_200]);
            world.deliver(ana.address, &packet);
            world.pass(Duration::from_millis(10));
        }

        let heard: usize = ben.hear(&mut world).iter().map(|(_, said)| said.len()).sum();
        // What is allowed at once, and ten seconds of what is allowed a second, with 100 packets.
        let allowed = (11 * most).min(1_000 * 1_200);
        assert!(heard <= allowed + 1_200 && heard * 10 >= allowed * 9, "{bits}: {heard}");
        assert_eq!(world.dropped(DropReason::Policed) > 0, bits < 384_000);
    }
}
