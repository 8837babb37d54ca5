//! A browser's part is played by an unmodified str0m client, which gets its remote description
//! composed from our fragment as web clients compose it.

use std::collections::HashMap;
use std::collections::VecDeque;

use model::media::LeaveReason;
use str0m::Candidate;
use str0m::Event;
use str0m::Input;
use str0m::Output;
use str0m::Rtc;
use str0m::RtcConfig;
use str0m::change::SdpAnswer;
use str0m::media::Direction;
use str0m::media::MediaKind;
use str0m::media::Mid;
use str0m::net::Protocol;
use str0m::net::Receive;
use str0m::rtp::ExtensionValues;
use str0m::rtp::RtpPacket;
use str0m::rtp::RtpWrite;

use super::client;
use super::client::KeySlot;
use super::network::Network;
use super::*;
use crate::rtp::rtcp;
use crate::rtp::rtcp::Compound;
use crate::rtp::rtcp::Item;
use crate::transport::srtp::Srtp;
use crate::transport::stun;

const MODE: EncryptionMode = EncryptionMode::Aes256Gcm;

fn announce() -> SocketAddr {
    "192.0.2.1:8443".parse().expect("address")
}

/// A browser in a room, hearing one speaker.
pub(super) struct Browser {
    rtc: Rtc,
    /// Who it is, and whom it hears.
    cast: (PeerId, PeerId),
    /// Its own keys, if it was made with our crypto provider.
    keys: Option<KeySlot>,
    srtp: Option<Srtp>,
    /// Whether it sends again what it is asked for, as browsers do and the library does not.
    pub(super) answers: bool,
    spoken: HashMap<u16, Vec<u8>>,
    again: Vec<u16>,
    /// When it sent packets again, and how soon it does so once more: Chromium after a round trip.
    resent: HashMap<u16, Instant>,
    pub(super) answers_after: Duration,
    /// Where it believes that it is.
    local: SocketAddr,
    /// Where its NAT makes it appear.
    pub(super) address: SocketAddr,
    mid: Mid,
    sequence: u64,
    timestamp: u32,
    heard: VecDeque<RtpPacket>,
    deadline: Instant,
    pub(super) offer: String,
    /// Somebody on the way sends a copy of each of its packets from here, ahead of the packet.
    pub(super) copies_to: Option<SocketAddr>,
    /// Whether what it sends is kept in `recorded`.
    pub(super) records: bool,
    pub(super) recorded: Vec<Vec<u8>>,
    /// The way to the shard; none is a perfect one.
    pub(super) network: Option<Network>,
    /// Whether what the shard sends it is kept in `watched`, lost on the way or not.
    pub(super) watch: bool,
    pub(super) watched: Vec<Vec<u8>>,
    /// Whether nothing that is sent to it arrives.
    pub(super) deaf: bool,
    /// Whether nothing that it sends arrives.
    pub(super) offline: bool,
    /// Whether none of its checks that choose a path arrives.
    pub(super) never_chooses: bool,
    /// Whether it may give up its handshake; otherwise that ends the test.
    pub(super) may_give_up: bool,
}

impl Browser {
    /// Offers as the web client does, and takes the answer for hearing the peer `speaker`.
    pub(super) fn join(world: &mut World, peer: PeerId, speaker: PeerId) -> Self {
        Self::join_with(world, peer, speaker, |offer| waiting(&offer))
    }

    pub(super) fn join_with(
        world: &mut World,
        peer: PeerId,
        speaker: PeerId,
        edit: impl FnOnce(String) -> String,
    ) -> Self {
        Self::join_as(world, (peer, speaker), Rtc::builder(), &[], edit)
    }

    /// A browser of another make: `remote` are lines that its web page adds to our description.
    pub(super) fn join_as(
        world: &mut World,
        (peer, speaker): (PeerId, PeerId),
        make: RtcConfig,
        remote: &[&str],
        edit: impl FnOnce(String) -> String,
    ) -> Self {
        let address = SocketAddr::from(([203, 0, 113, peer.0 as u8], 50_000));
        let mut rtc = make.set_rtp_mode(true).build(world.now);
        let keys = client::take_last_made();
        rtc.add_local_candidate(Candidate::host(address, "udp").expect("valid"));
        let mut change = rtc.sdp_api();
        let mid = change.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
        let (offer, pending) = change.apply().expect("a change");
        let text = edit(offer.to_sdp_string());
        world.join(peer, ALL);
        world.command(MediaCommand::SelectWebRtc {
            peer,
            offer: text.clone(),
            announce: announce(),
        });
        let fragment = world
            .events
            .iter()
            .find_map(|event| match event {
                MediaEvent::Answer { peer: of, sdp } if *of == peer => Some(sdp.clone()),
                _ => None,
            })
            .expect("an answer");
        let answer = remote_description(&fragment, mid, ssrc_of(speaker), remote);
        let answer = SdpAnswer::from_sdp_string(&answer).expect("well formed");
        rtc.sdp_api().accept_answer(pending, answer).expect("acceptable");
        let deadline = world.now;
        Self {
            rtc,
            cast: (peer, speaker),
            keys,
            srtp: None,
            answers: false,
            spoken: HashMap::new(),
            again: Vec::new(),
            resent: HashMap::new(),
            answers_after: Duration::ZERO,
            local: address,
            address,
            mid,
            sequence: 65_000,
            timestamp: 7,
            heard: VecDeque::new(),
            deadline,
            offer: text,
            copies_to: None,
            records: false,
            recorded: Vec::new(),
            watch: false,
            watched: Vec::new(),
            deaf: false,
            offline: false,
            never_chooses: false,
            may_give_up: false,
            network: None,
        }
    }

    /// Goes to another network: nothing comes or leaves by the one that it was in.
    pub(super) fn walk_to(&mut self, address: SocketAddr) {
        (self.local, self.address) = (address, address);
    }

    /// Begins ICE anew where it is, by a second Select Protocol; with `hears` it takes the answer, which
    /// otherwise is lost.
    pub(super) fn restart_ice(&mut self, world: &mut World, hears: bool) {
        let (peer, speaker) = self.cast;
        let mut change = self.rtc.sdp_api();
        change.ice_restart(false);
        let (offer, pending) = change.apply().expect("a change");
        world.events.clear();
        let (offer, announce) = (offer.to_sdp_string(), announce());
        world.command(MediaCommand::SelectWebRtc { peer, offer, announce });
        let fragment = world.events.iter().find_map(|event| match event {
            MediaEvent::Answer { peer: of, sdp } if *of == peer => Some(sdp.clone()),
            _ => None,
        });
        if !hears {
            return;
        }
        let fragment = fragment.expect("an answer");
        let answer = remote_description(&fragment, self.mid, ssrc_of(speaker), &[]);
        let answer = SdpAnswer::from_sdp_string(&answer).expect("well formed");
        self.rtc.sdp_api().accept_answer(pending, answer).expect("acceptable");
        let candidate = Candidate::host(self.local, "udp").expect("valid");
        self.rtc.add_local_candidate(candidate);
        self.deadline = world.now;
    }

    /// Exchanges everything with the shard for `time`.
    pub(super) fn run(&mut self, world: &mut World, time: Duration) {
        let end = world.now + time;
        loop {
            self.drain(world);
            for packet in world.take_sent_to(self.address) {
                if self.watch {
                    self.watched.push(packet.clone());
                }
                if self.deaf {
                    continue;
                }
                match &mut self.network {
                    Some(network) => network.send_down(world.now, packet),
                    None => {
                        self.receive(world.now, &packet);
                        self.drain(world);
                    }
                }
            }
            self.carry(world);
            self.drain(world);
            if world.sent.iter().any(|(to, _)| *to == self.address) {
                continue;
            }
            let next = world.shard.poll_timeout().map_or(self.deadline, |at| at.min(self.deadline));
            let next =
                self.network.as_ref().map_or(next, |network| network.poll_timeout().min(next));
            if next > end {
                break;
            }
            let step = next.saturating_duration_since(world.now);
            world.pass(step);
            if self.deadline <= world.now {
                self.rtc.handle_input(Input::Timeout(world.now)).expect("time passes");
            }
        }
        world.now = end;
    }

    /// Lets what arrives by now arrive.
    fn carry(&mut self, world: &mut World) {
        while let Some(packet) = self.network.as_mut().and_then(|way| way.arrive_up(world.now)) {
            world.deliver(self.address, &packet);
        }
        while let Some(packet) = self.network.as_mut().and_then(|way| way.arrive_down(world.now)) {
            self.receive(world.now, &packet);
            // The client takes one input at a time.
            self.drain(world);
        }
    }

    /// Reads what it is asked for again.
    fn note_asked(&mut self, now: Instant, packet: &[u8]) {
        if !self.answers || packet[0] >> 6 != 2 || packet[1] != 205 {
            return;
        }
        if self.srtp.is_none() {
            self.srtp = self.keys.as_ref().expect("made with our provider").take();
        }
        let srtp = self.srtp.as_mut().expect("the handshake is done");
        let mut packet = packet.to_vec();
        let (compound, _) = match srtp.open_rtcp(&mut packet) {
            // The network duplicated it.
            Err(DropReason::Replay) => return,
            opened => opened.expect("authentic"),
        };
        Compound::parse(compound).expect("well formed").for_each(|item| {
            let Item::Missing { sequence, .. } = item else { return };
            let before = self.resent.get(&sequence);
            if before.is_none_or(|before| *before + self.answers_after <= now) {
                self.resent.insert(sequence, now);
                self.again.push(sequence);
            }
        });
    }

    pub(super) fn receive(&mut self, now: Instant, packet: &[u8]) {
        self.note_asked(now, packet);
        let contents = packet.try_into().expect("a datagram that WebRTC knows");
        let receive =
            Receive { proto: Protocol::Udp, source: announce(), destination: self.local, contents };
        // A client may refuse a single datagram; what matters is what it hears.
        let _ = self.rtc.handle_input(Input::Receive(now, receive));
    }

    fn send(&mut self, world: &mut World, packet: &[u8]) {
        if self.answers && packet[0] >> 6 == 2 && !rtcp::is_rtcp(packet[1]) {
            let sequence = u16::from_be_bytes([packet[2], packet[3]]);
            self.spoken.insert(sequence, packet.to_vec());
        }
        if self.records {
            self.recorded.push(packet.to_vec());
        }
        if self.offline || (self.never_chooses && stun::nominates(packet)) {
            return;
        }
        if let Some(network) = &mut self.network {
            network.send_up(world.now, packet.to_vec());
            return;
        }
        if let Some(copy) = self.copies_to {
            world.deliver(copy, packet);
        }
        world.deliver(self.address, packet);
    }

    fn drain(&mut self, world: &mut World) {
        for sequence in std::mem::take(&mut self.again) {
            let packet = self.spoken.get(&sequence).expect("it is asked for what it said").clone();
            self.send(world, &packet);
        }
        loop {
            let output = self.rtc.poll_output();
            if output.is_err() && self.may_give_up {
                self.deadline = world.now + Duration::from_secs(3_600);
                return;
            }
            match output.expect("the client is well") {
                Output::Timeout(at) => {
                    self.deadline = at.max(world.now + Duration::from_millis(1));
                    return;
                }
                Output::Transmit(transmit) => self.send(world, &transmit.contents),
                Output::Event(Event::RtpPacket(packet)) => self.heard.push_back(packet),
                Output::Event(_) => {}
            }
        }
    }

    pub(super) fn speak(&mut self, world: &mut World, payload: &[u8]) {
        self.speak_at(world, payload, None);
    }

    /// Says something this loud, in dBov, and waits for a frame.
    pub(super) fn speak_at(&mut self, world: &mut World, payload: &[u8], level: Option<i8>) {
        let pt = self.rtc.media(self.mid).expect("negotiated").remote_pts()[0];
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx_by_mid(self.mid, None).expect("a stream to send on");
        let values = ExtensionValues {
            audio_level: level,
            voice_activity: level.map(|_| true),
            ..ExtensionValues::default()
        };
        let write =
            RtpWrite::new(pt, self.sequence.into(), self.timestamp, world.now, payload.to_vec())
                .ext_vals(values);
        stream.write_rtp(write);
        self.sequence += 1;
        self.timestamp += 960;
        self.run(world, Duration::from_millis(20));
    }

    /// Says something in another payload type than Opus', such as redundant audio.
    pub(super) fn speak_as(&mut self, world: &mut World, payload_type: u8, payload: &[u8]) {
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx_by_mid(self.mid, None).expect("a stream to send on");
        let (pt, payload) = (payload_type.into(), payload.to_vec());
        let sequence = self.sequence.into();
        stream.write_rtp(RtpWrite::new(pt, sequence, self.timestamp, world.now, payload));
        self.sequence += 1;
        self.timestamp += 960;
        self.run(world, Duration::from_millis(20));
    }

    /// Leaves out so many packets, as if they had been lost.
    pub(super) fn skip(&mut self, packets: u64) {
        self.sequence += packets;
        self.timestamp += 960 * packets as u32;
    }

    /// From now on it speaks under this SSRC.
    pub(super) fn speak_under(&mut self, ssrc: u32) {
        let mut api = self.rtc.direct_api();
        let changed = api.reset_stream_tx(self.mid, None, ssrc.into(), None);
        assert!(changed.is_some(), "it spoke under another before");
    }

    /// From now on it asks for packets that it misses.
    pub(super) fn ask_for_lost_packets(&mut self) {
        let mut api = self.rtc.direct_api();
        let stream = api.stream_rx_by_mid(self.mid, None).expect("a stream to hear");
        stream.suppress_nack(false);
    }

    /// Closes its connection, as a page does that is left.
    pub(super) fn leave(&mut self, world: &mut World) {
        self.rtc.close().expect("it may leave");
        self.drain(world);
    }

    pub(super) fn is_connected(&self) -> bool {
        self.rtc.is_connected()
    }

    pub(super) fn hear(&mut self) -> Vec<RtpPacket> {
        self.heard.drain(..).collect()
    }
}

/// The offer of a page that makes its connection anew.
pub(super) fn another_offer(world: &World) -> String {
    let mut rtc = Rtc::builder().set_rtp_mode(true).build(world.now);
    let mut change = rtc.sdp_api();
    change.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
    change.apply().expect("a change").0.to_sdp_string()
}

/// The offer of a page that lets the server begin the handshake, as the web client's.
pub(super) fn waiting(offer: &str) -> String {
    assert!(offer.contains("a=setup:actpass"), "a browser leaves it to the server");
    offer.replace("a=setup:actpass", "a=setup:passive")
}

/// The line of our fragment that says who begins the handshake; the browser, where there is none.
pub(super) fn setup_of(fragment: &str) -> &str {
    fragment.lines().find(|line| line.starts_with("a=setup:")).unwrap_or("a=setup:passive")
}

/// What a web client composes of our fragment (Discord: Generating the Browser Remote Answer).
fn remote_description(fragment: &str, mid: Mid, ssrc: u32, more: &[&str]) -> String {
    let line = |prefix: &str| {
        fragment.lines().find(|line| line.starts_with(prefix)).expect("a required line")
    };
    let lines = [
        "v=0",
        "o=- 1420070400000 0 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        &format!("a=group:BUNDLE {mid}"),
        "a=msid-semantic: WMS *",
        "a=ice-lite",
        "m=audio 8443 UDP/TLS/RTP/SAVPF 111",
        line("c="),
        line("a=ice-ufrag:"),
        line("a=ice-pwd:"),
        line("a=fingerprint:"),
        line("a=candidate:"),
        setup_of(fragment),
        &format!("a=mid:{mid}"),
        "a=rtcp-mux",
        "a=sendrecv",
        "a=rtpmap:111 opus/48000/2",
        "a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1",
        &format!("a=ssrc:{ssrc} cname:u{ssrc}"),
    ];
    let end = [""];
    let lines: Vec<_> = lines.iter().chain(more).chain(&end).copied().collect();
    lines.join("\r\n")
}

#[test]
fn a_browser_and_a_bot_hear_each_other() {
    let mut world = World::new();
    let mut bot = world.udp_client(ANA, MODE, ALL);
    let mut browser = Browser::join(&mut world, BEN, ANA);
    browser.run(&mut world, Duration::from_secs(2));
    assert!(browser.is_connected());

    for _ in 0..10 {
        let packet = bot.speak(b"from the bot");
        world.deliver(bot.address, &packet);
        browser.run(&mut world, Duration::from_millis(20));
        browser.speak(&mut world, b"from the browser");
    }

    let heard = browser.hear();
    assert_eq!(heard.len(), 10);
    assert!(heard.iter().all(|packet| &*packet.payload == b"from the bot"));
    assert!(heard.iter().all(|packet| *packet.header.payload_type == 111));
    let heard = bot.hear(&mut world);
    assert_eq!(heard.len(), 10);
    for (header, payload) in heard {
        assert_eq!(payload, b"from the browser");
        assert_eq!((header.ssrc, header.payload_type), (ssrc_of(BEN), 120));
    }
    let connected = MediaEvent::Connected { peer: BEN, address: browser.address };
    assert_eq!(world.take_events().iter().filter(|event| **event == connected).count(), 1);
}

#[test]
fn the_fragment_that_discord_s_browsers_send_is_enough_of_an_offer() {
    let mut world = World::new();
    let mut bot = world.udp_client(ANA, MODE, ALL);
    let mut browser = Browser::join_with(&mut world, BEN, ANA, |offer| {
        let kept = ["a=ice-", "a=fingerprint", "a=extmap"];
        let opus = |line: &&str| line.starts_with("a=rtpmap:") && line.contains(" opus/");
        let lines =
            offer.lines().filter(|line| kept.iter().any(|k| line.starts_with(k)) || opus(line));
        lines.collect::<Vec<_>>().join("\n")
    });

    browser.run(&mut world, Duration::from_secs(2));
    let packet = bot.speak(b"hello");
    world.deliver(bot.address, &packet);
    browser.run(&mut world, Duration::from_millis(20));

    assert_eq!(browser.hear().len(), 1);
}

#[test]
fn two_browsers_hear_each_other_over_the_wrap_of_the_sequence() {
    let mut world = World::new();
    let mut ana = Browser::join(&mut world, ANA, BEN);
    let mut ben = Browser::join(&mut world, BEN, ANA);
    for _ in 0..40 {
        ana.run(&mut world, Duration::from_millis(25));
        ben.run(&mut world, Duration::from_millis(25));
    }
    assert!(ana.is_connected() && ben.is_connected());

    // The speaker's sequence number wraps meanwhile, and with it the roll-over counter.
    let mut heard = 0;
    for _ in 0..1_200 {
        ana.speak(&mut world, b"hello");
        ben.run(&mut world, Duration::ZERO);
        heard += ben.hear().len();
    }

    assert_eq!(heard, 1_200);
}

#[test]
fn a_browser_that_changes_its_address_is_followed_by_one_packet() {
    let mut world = World::new();
    let mut bot = world.udp_client(ANA, MODE, ALL);
    let mut browser = Browser::join(&mut world, BEN, ANA);
    browser.run(&mut world, Duration::from_secs(2));
    browser.speak(&mut world, b"before");
    bot.hear(&mut world);

    // The NAT maps the browser anew; it does not know.
    browser.address = "203.0.113.200:2".parse().expect("address");
    browser.speak(&mut world, b"after");
    let packet = bot.speak(b"to the new address");
    world.deliver(bot.address, &packet);

    assert_eq!(bot.hear(&mut world).len(), 1);
    assert_eq!(world.take_sent_to(browser.address).len(), 1);
}

#[test]
fn another_certificate_than_the_offer_named_ends_the_peer_without_media() {
    for begin in [waiting, str::to_owned] {
        let mut world = World::new();
        let mut bot = world.udp_client(ANA, MODE, ALL);
        let mut browser = Browser::join_with(&mut world, BEN, ANA, |offer| {
            let digest = ["AB"; 32].join(":");
            let offer = begin(&offer);
            let lines = offer.lines().map(|line| {
                if line.starts_with("a=fingerprint:") {
                    format!("a=fingerprint:sha-256 {digest}")
                } else {
                    line.to_owned()
                }
            });
            lines.collect::<Vec<_>>().join("\r\n")
        });

        browser.run(&mut world, Duration::from_secs(2));
        let packet = bot.speak(b"secret");
        world.deliver(bot.address, &packet);
        browser.run(&mut world, Duration::from_millis(20));

        assert!(browser.hear().is_empty());
        let left = MediaEvent::Left { peer: BEN, reason: LeaveReason::HandshakeFailed };
        assert!(world.take_events().contains(&left));
    }
}

#[test]
fn a_browser_that_falls_silent_is_ended_after_the_idle_timeout() {
    let mut world = World::new();
    let mut browser = Browser::join(&mut world, BEN, ANA);
    browser.run(&mut world, Duration::from_secs(60));
    assert!(world.take_events().iter().all(|event| !matches!(event, MediaEvent::Left { .. })));

    world.pass(IDLE + Duration::from_secs(5));

    let left = MediaEvent::Left { peer: BEN, reason: LeaveReason::Silent };
    assert!(world.take_events().contains(&left));
}

#[test]
fn offering_the_same_transport_again_gives_the_same_answer_and_keeps_the_call() {
    let mut world = World::new();
    let mut bot = world.udp_client(ANA, MODE, ALL);
    let mut browser = Browser::join(&mut world, BEN, ANA);
    browser.run(&mut world, Duration::from_secs(2));

    let offer = browser.offer.clone();
    world.command(MediaCommand::SelectWebRtc { peer: BEN, offer, announce: announce() });
    let packet = bot.speak(b"still here");
    world.deliver(bot.address, &packet);
    browser.run(&mut world, Duration::from_millis(20));

    let answers: Vec<_> = world
        .take_events()
        .into_iter()
        .filter_map(|event| match event {
            MediaEvent::Answer { sdp, .. } => Some(sdp),
            _ => None,
        })
        .collect();
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[0], answers[1]);
    assert_eq!(browser.hear().len(), 1);
}

#[test]
fn a_browser_gets_sender_reports_that_it_can_read() {
    let mut world = World::new();
    let mut bot = world.udp_client(ANA, MODE, ALL);
    let mut browser = Browser::join(&mut world, BEN, ANA);
    browser.run(&mut world, Duration::from_secs(2));
    for _ in 0..500 {
        let packet = bot.speak(b"hello");
        world.deliver(bot.address, &packet);
        browser.run(&mut world, Duration::from_millis(20));
    }

    let with_report = browser.hear().into_iter().filter(|packet| packet.last_sender_info.is_some());
    assert!(with_report.count() > 100);
}

#[test]
fn the_next_answer_asks_for_the_bitrate_that_the_channel_has_by_then() {
    let mut world = World::new();
    world.join(ANA, ALL);
    let offer = "a=ice-ufrag:9WZo\na=ice-pwd:vcfFowC3gQI1KHu0Fm5ZTXum\n\
        a=fingerprint:sha-256 71:20:4C:BE:C2:D0:B7:9B:73:5B:4B:29:7C:32:41:25:D8:D2:BC:66:74:D3:93:98:B3:0D:01:F7:67:19:01:13\n\
        a=rtpmap:111 opus/48000/2";
    let mut asked = |bits: Option<u32>| {
        if let Some(bits) = bits {
            world.command(MediaCommand::Bitrate { peer: ANA, bits });
        }
        world.events.clear();
        let announce = "192.0.2.1:8443".parse().expect("address");
        let offer = offer.to_owned();
        world.command(MediaCommand::SelectWebRtc { peer: ANA, offer, announce });
        let answer = world.events.iter().find_map(|event| match event {
            MediaEvent::Answer { sdp, .. } => Some(sdp.clone()),
            _ => None,
        });
        let answer = answer.expect("an answer");
        let (_, bits) = answer.split_once("maxaveragebitrate=").expect("a bitrate");
        bits.lines().next().map(str::to_owned)
    };

    assert_eq!(asked(None).as_deref(), Some("64000"));
    assert_eq!(asked(Some(8_000)).as_deref(), Some("8000"));
    assert_eq!(asked(Some(384_000)).as_deref(), Some("384000"));
}
