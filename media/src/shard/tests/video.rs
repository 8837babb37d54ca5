//! Cameras and screens between unmodified str0m clients, over ways as bad as a test wants them.

use std::collections::BTreeSet;

use model::media::Tracks;
use model::media::Wants;
use str0m::Candidate;
use str0m::Event;
use str0m::Input;
use str0m::Output;
use str0m::Rtc;
use str0m::RtcConfig;
use str0m::bwe::BweKind;
use str0m::change::SdpAnswer;
use str0m::media::Direction;
use str0m::media::KeyframeRequestKind;
use str0m::media::MediaKind;
use str0m::media::Mid;
use str0m::media::Rid;
use str0m::media::Simulcast;
use str0m::media::SimulcastLayer;
use str0m::net::Protocol;
use str0m::net::Receive;
use str0m::rtp::ExtensionValues;
use str0m::rtp::RtpPacket;
use str0m::rtp::RtpWrite;

use super::answer::TRANSPORT;
use super::answer::head;
use super::answer::section;
use super::network::Network;
use super::network::Way;
use super::*;
use crate::rtp::rtcp;
use crate::shell::counting::allocations;
use crate::transport::Transport;
use crate::video::Track;

pub(super) const TICK: Duration = Duration::from_millis(2);
pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const SHOW: Tracks = Tracks { camera: true, screen: true };
/// Layers from the lowest, and the packets of one of their frames, 30 of which are a second.
pub(super) const LAYERS: [(&str, usize); 3] = [("q", 1), ("h", 2), ("f", 6)];
pub(super) const PACKET: usize = 1_000;

fn announce() -> SocketAddr {
    "192.0.2.1:8443".parse().expect("address")
}

/// 32 numbers of its own, as signaling assigns them.
pub(super) fn audio_of(peer: PeerId) -> u32 {
    64 * peer.0 as u32
}

/// Somebody with a camera and a screen to share, who looks at what others show.
pub(super) struct Client {
    peer: PeerId,
    address: SocketAddr,
    pub(super) rtc: Rtc,
    deadline: Instant,
    pub(super) network: Network,
    camera: Mid,
    screen: Mid,
    sound: Mid,
    got: Vec<RtpPacket>,
    /// What it may send by its own estimate, and by the server's.
    pub(super) estimate: Option<u64>,
    pub(super) bound: Option<u64>,
    /// Bytes that it sent, and those of them that its line carried.
    pub(super) sent: usize,
    pub(super) carried: usize,
    /// Keyframes that it was asked for.
    pub(super) asked: Vec<(Mid, Option<Rid>)>,
    /// Of each layer: the next packet and picture, and whether a keyframe is due.
    layers: [(u64, u16, bool); 3],
    frames: u32,
}

impl Client {
    /// Joins and connects; it looks at `others`.
    pub(super) fn join(
        world: &mut World,
        peer: PeerId,
        others: &[PeerId],
        ways: (Way, Way),
    ) -> Self {
        world.command(MediaCommand::Join {
            peer,
            room: ChannelId::new(5),
            user: UserId::new(peer.0),
            ssrc: audio_of(peer),
            grants: ALL,
        });
        Self::connect(world, peer, others, ways)
    }

    /// Connects, for the first time or anew.
    fn connect(world: &mut World, peer: PeerId, others: &[PeerId], ways: (Way, Way)) -> Self {
        Self::connect_with(world, peer, others, ways, Rtc::builder(), "goog-remb")
    }

    /// The same, of a kind of its own that takes this feedback about its line.
    pub(super) fn connect_with(
        world: &mut World,
        peer: PeerId,
        others: &[PeerId],
        ways: (Way, Way),
        kind: RtcConfig,
        feedback: &str,
    ) -> Self {
        let address = SocketAddr::from(([203, 0, 113, peer.0 as u8], 50_000));
        let mut rtc = kind.set_rtp_mode(true).build(world.now);
        rtc.add_local_candidate(Candidate::host(address, "udp").expect("valid"));
        let mut change = rtc.sdp_api();
        let mut simulcast = Simulcast::new();
        for (rid, _) in LAYERS {
            simulcast.add_send_layer(SimulcastLayer::new(rid));
        }
        let mut add =
            |kind, direction, simulcast| change.add_media(kind, direction, None, None, simulcast);
        let microphone = add(MediaKind::Audio, Direction::SendOnly, None);
        let camera = add(MediaKind::Video, Direction::SendOnly, Some(simulcast));
        let screen = add(MediaKind::Video, Direction::SendOnly, None);
        let sound = add(MediaKind::Audio, Direction::SendOnly, None);
        let seen: Vec<_> = others
            .iter()
            .flat_map(|other| Track::ALL.map(|track| (track, track.ssrc(audio_of(*other)))))
            .map(|(track, ssrc)| {
                let kind = if track == Track::Sound { MediaKind::Audio } else { MediaKind::Video };
                (add(kind, Direction::RecvOnly, None), track, ssrc)
            })
            .collect();
        let (offer, pending) = change.apply().expect("a change");
        // A page says which lines belong to the screen.
        let mut text = offer.to_sdp_string();
        if feedback != TRANSPORT {
            text = text.lines().filter(|line| !line.contains(TRANSPORT)).fold(
                String::new(),
                |mut text, line| {
                    text.extend([line, "\r\n"]);
                    text
                },
            );
        }
        for mid in [screen, sound] {
            let line = format!("a=mid:{mid}\r\n");
            text = text.replace(&line, &format!("{line}a=content:slides\r\n"));
        }
        world.events.clear();
        let offered = text.clone();
        world.command(MediaCommand::SelectWebRtc { peer, offer: text, announce: announce() });
        let fragment = world
            .events
            .iter()
            .find_map(|event| match event {
                MediaEvent::Answer { peer: of, sdp } if *of == peer => Some(sdp.clone()),
                _ => None,
            })
            .expect("an answer");
        let mut answer = head(&fragment, &offered);
        for mid in [microphone, camera, screen, sound] {
            answer += &section(&fragment, &offered, mid, "recvonly", mid == camera, None);
        }
        for (mid, _, ssrc) in &seen {
            answer += &section(&fragment, &offered, *mid, "sendonly", false, Some(*ssrc));
        }
        let answer = answer.replace("goog-remb", feedback);
        let answer = SdpAnswer::from_sdp_string(&answer).expect("well formed");
        rtc.sdp_api().accept_answer(pending, answer).expect("acceptable");
        let network = Network::new(ways.0, ways.1, 7 + peer.0);
        let deadline = world.now;
        let layers = [(900, 40, true), (65_500, 32_760, true), (5, 7, true)];
        let (got, asked, frames) = (Vec::new(), Vec::new(), 0);
        Self {
            peer,
            address,
            rtc,
            deadline,
            network,
            camera,
            screen,
            sound,
            got,
            estimate: None,
            bound: None,
            sent: 0,
            carried: 0,
            asked,
            layers,
            frames,
        }
    }

    pub(super) fn step(&mut self, world: &mut World) {
        self.drain(world);
        while let Some(packet) = self.network.arrive_up(world.now) {
            self.carried += packet.len();
            world.deliver(self.address, &packet);
        }
        for packet in world.take_sent_to(self.address) {
            self.network.send_down(world.now, packet);
        }
        while let Some(packet) = self.network.arrive_down(world.now) {
            let Ok(contents) = packet.as_slice().try_into() else { continue };
            let (proto, source) = (Protocol::Udp, announce());
            let receive = Receive { proto, source, destination: self.address, contents };
            let _ = self.rtc.handle_input(Input::Receive(world.now, receive));
            self.drain(world);
        }
        if self.deadline <= world.now {
            self.rtc.handle_input(Input::Timeout(world.now)).expect("time passes");
            self.drain(world);
        }
    }

    fn drain(&mut self, world: &mut World) {
        loop {
            match self.rtc.poll_output().expect("the client is well") {
                Output::Timeout(at) => {
                    self.deadline = at;
                    return;
                }
                Output::Transmit(transmit) => {
                    self.sent += transmit.contents.len();
                    self.network.send_up(world.now, transmit.contents.to_vec());
                }
                Output::Event(Event::RtpPacket(packet)) => self.got.push(packet),
                Output::Event(Event::KeyframeRequest(request)) => {
                    self.asked.push((request.mid, request.rid));
                    let rid = request.rid.map(|rid| rid.to_string());
                    for ((name, _), layer) in LAYERS.iter().zip(&mut self.layers) {
                        layer.2 |= rid.as_deref() == Some(*name);
                    }
                }
                Output::Event(Event::EgressBitrateEstimate(kind)) => match kind {
                    BweKind::Twcc { estimate, .. } => self.estimate = Some(estimate.as_u64()),
                    BweKind::Remb { estimate, .. } => self.bound = Some(estimate.as_u64()),
                    _ => {}
                },
                Output::Event(_) => {}
            }
        }
    }

    /// One packet of its screen, which has no layers.
    pub(super) fn share(&mut self, world: &mut World, (number, at): (u64, u32), length: usize) {
        let mut payload = vec![0x90, 0x80, 0x80 | (at as u8 & 0x7F), 1];
        payload.resize(length, 0);
        self.write(world.now, (self.screen, None), (number, at, true), payload);
    }

    /// One frame of its camera, in all layers. Only those of which a keyframe was asked have one.
    pub(super) fn film(&mut self, world: &mut World) {
        self.frames += 1;
        for (number, (rid, packets)) in LAYERS.into_iter().enumerate() {
            let (sequence, picture, key) = self.layers[number];
            let packets = if key { packets * 4 } else { packets };
            for packet in 0..packets {
                // S on the first; X, I, L; picture, base, a frame's first byte, the layer.
                let first = if packet == 0 { 0x90 } else { 0x80 };
                let [high, low] = (picture | 0x8000).to_be_bytes();
                let mut payload = vec![first, 0xC0, high, low, picture as u8, u8::from(!key)];
                payload.push(number as u8);
                payload.resize(PACKET, 0);
                let sequence = sequence + packet as u64;
                let last = packet + 1 == packets;
                let at = self.frames.wrapping_mul(3_000) + (number as u32 + 1) * 77_777;
                self.write(
                    world.now,
                    (self.camera, Some(rid.into())),
                    (sequence, at, last),
                    payload,
                );
            }
            self.layers[number] = (sequence + packets as u64, (picture + 1) & 0x7FFF, false);
        }
    }

    fn write(
        &mut self,
        now: Instant,
        (mid, rid): (Mid, Option<Rid>),
        (sequence, timestamp, marker): (u64, u32, bool),
        payload: Vec<u8>,
    ) {
        let payload_type = if mid == self.sound { 111 } else { 96 };
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx_by_mid(mid, rid).expect("a stream to send on");
        let values = ExtensionValues { mid: Some(mid), rid, ..ExtensionValues::default() };
        let write = RtpWrite::new(payload_type.into(), sequence.into(), timestamp, now, payload);
        stream.write_rtp(write.marker(marker).nackable(true).ext_vals(values));
    }

    /// What it got of a track since the last call.
    pub(super) fn see(&mut self, of: PeerId, track: Track) -> Vec<RtpPacket> {
        let ssrc = track.ssrc(audio_of(of));
        let (seen, rest) = std::mem::take(&mut self.got)
            .into_iter()
            .partition(|packet| *packet.header.ssrc == ssrc);
        self.got = rest;
        seen
    }

    /// The layers that it got of a camera since the last call.
    pub(super) fn layers_of(&mut self, of: PeerId) -> BTreeSet<u8> {
        self.see(of, Track::Camera).iter().map(|packet| packet.payload[6]).collect()
    }
}

fn pass(world: &mut World, clients: &mut [&mut Client], time: Duration) {
    let end = world.now + time;
    while world.now < end {
        for client in clients.iter_mut() {
            client.step(world);
        }
        world.pass(TICK);
    }
}

/// Lets the first of the clients film for so long.
fn film(world: &mut World, clients: &mut [&mut Client], time: Duration) {
    let end = world.now + time;
    while world.now < end {
        clients[0].film(world);
        pass(world, clients, Duration::from_millis(33));
    }
}

pub(super) fn wants(any: u8) -> Wants {
    Wants { any, each: Vec::new() }
}

/// Ana, who shows what she has, and Ben, who looks at her, over a way of 20 ms.
fn ana_and_ben(world: &mut World, loss: f32) -> (Client, Client) {
    let way = Way::of_millis(10);
    let lossy = way.losing(loss);
    let mut ana = Client::join(world, ANA, &[], (way, way));
    let mut ben = Client::join(world, BEN, &[ANA], (way, way));
    pass(world, &mut [&mut ana, &mut ben], 2 * SECOND);
    assert!(ana.rtc.is_connected() && ben.rtc.is_connected());
    ana.network = Network::new(lossy, way, 3);
    ben.network = Network::new(way, lossy, 4);
    world.command(MediaCommand::Publish { peer: ANA, tracks: SHOW });
    world.command(MediaCommand::Want { peer: BEN, wants: wants(100) });
    (ana, ben)
}

/// Films until the viewer, who comes second, sees this layer alone for half a second; how long that took.
fn until_layer(world: &mut World, clients: &mut [&mut Client], layer: u8) -> Duration {
    let start = world.now;
    while world.now < start + 60 * SECOND {
        clients[1].layers_of(ANA);
        film(world, clients, SECOND / 2);
        if clients[1].layers_of(ANA) == BTreeSet::from([layer]) {
            return world.now - start;
        }
    }
    panic!("never layer {layer} alone");
}

#[test]
fn a_viewer_is_shown_what_its_line_carries_and_more_again_when_that_widens() {
    let mut world = World::new();
    let (mut ana, mut ben) = ana_and_ben(&mut world, 0.0);

    let best = until_layer(&mut world, &mut [&mut ana, &mut ben], 2);
    ben.network.narrow_down(400_000);
    let low = until_layer(&mut world, &mut [&mut ana, &mut ben], 0);
    ben.network.widen_down();
    let again = until_layer(&mut world, &mut [&mut ana, &mut ben], 2);

    println!(
        "high layer after {best:?}, low one {low:?} after the line shrank to 400 kbit/s, high again after {again:?}"
    );
    assert!(best < 5 * SECOND && low < 10 * SECOND && again < 40 * SECOND);
}

#[test]
fn who_claims_a_narrow_line_narrows_nobody_elses() {
    let mut world = World::new();
    let way = Way::of_millis(10);
    let (mut ana, mut ben) = ana_and_ben(&mut world, 0.0);
    let mut cai = Client::join(&mut world, CAI, &[ANA], (way, way));
    pass(&mut world, &mut [&mut ana, &mut ben, &mut cai], 2 * SECOND);
    world.command(MediaCommand::Want { peer: CAI, wants: wants(100) });
    film(&mut world, &mut [&mut ana, &mut ben, &mut cai], 6 * SECOND);

    let ssrc = Track::Camera.ssrc(audio_of(ANA)).into();
    for bits in [1, u64::MAX, 1, 0] {
        let mut api = ben.rtc.direct_api();
        api.stream_rx(&ssrc).expect("he sees her").request_remb(bits.into());
        film(&mut world, &mut [&mut ana, &mut ben, &mut cai], 2 * SECOND);
    }
    ben.layers_of(ANA);
    cai.layers_of(ANA);
    film(&mut world, &mut [&mut ana, &mut ben, &mut cai], SECOND);

    assert!(!ben.layers_of(ANA).contains(&2), "who says so gets less");
    assert_eq!(cai.layers_of(ANA), BTreeSet::from([2]));
}

#[test]
fn a_storm_of_requests_for_packets_costs_a_share_of_what_is_sent() {
    let mut world = World::new();
    let (mut ana, mut ben) = ana_and_ben(&mut world, 0.0);
    film(&mut world, &mut [&mut ana, &mut ben], 5 * SECOND);
    let key = world.shard.ids[&BEN];
    let ssrc = Track::Camera.ssrc(audio_of(ANA));
    world.take_sent_to(ben.address);

    let before = world.totals().retransmitted;
    let mut sent = 0;
    for turn in 0..100u16 {
        ana.film(&mut world);
        for sequence in 0..300u16 {
            let sequence = sequence.wrapping_mul(11).wrapping_add(turn);
            world.shard.send_picture_again(world.now, key, ssrc, sequence);
        }
        let newest = ben.see(ANA, Track::Camera).last().map_or(0, |packet| *packet.seq_no as u16);
        for behind in 0..300u16 {
            world.shard.send_picture_again(world.now, key, ssrc, newest.wrapping_sub(behind));
        }
        world.drain();
        pass(&mut world, &mut [&mut ana, &mut ben], Duration::from_millis(33));
        sent += 6;
    }
    let again = world.totals().retransmitted - before;

    println!("{again} packets sent again for 60,000 requests, beside {sent} sent");
    assert!(again > 0 && again < sent / 2, "{again} of {sent}");
}

#[test]
fn layers_change_without_a_seam_in_any_number() {
    let mut world = World::new();
    let (mut ana, mut ben) = ana_and_ben(&mut world, 0.0);
    for quality in [100, 20, 60, 100] {
        world.command(MediaCommand::Want { peer: BEN, wants: wants(quality) });
        film(&mut world, &mut [&mut ana, &mut ben], 5 * SECOND);
    }

    let seen = ben.see(ANA, Track::Camera);
    let layers: BTreeSet<_> = seen.iter().map(|packet| packet.payload[6]).collect();
    assert_eq!(layers, BTreeSet::from([0, 1, 2]));
    let mut last: Option<(u64, u16, u32)> = None;
    for packet in &seen {
        let picture = u16::from_be_bytes([packet.payload[2] & 0x7F, packet.payload[3]]);
        let (seq, time) = (*packet.seq_no, packet.header.timestamp);
        if let Some((seq_before, picture_before, time_before)) = last {
            assert_eq!(seq, seq_before + 1);
            assert!([picture_before, (picture_before + 1) & 0x7FFF].contains(&picture));
            let step = time.wrapping_sub(time_before);
            assert!(step < 90_000, "{step}");
            assert_eq!(picture == picture_before, step == 0, "a picture has one time");
        }
        last = Some((seq, picture, time));
    }
}

#[test]
fn packets_that_are_lost_on_either_side_are_repaired() {
    let mut world = World::new();
    let (mut ana, mut ben) = ana_and_ben(&mut world, 0.04);
    film(&mut world, &mut [&mut ana, &mut ben], 20 * SECOND);
    pass(&mut world, &mut [&mut ana, &mut ben], SECOND);

    let seen: BTreeSet<_> =
        ben.see(ANA, Track::Camera).iter().map(|packet| *packet.seq_no).collect();
    let (first, last) = (*seen.first().expect("seen"), *seen.last().expect("seen"));
    let missing = (last - first + 1) as usize - seen.len();

    println!("4 % lost on each side: {missing} of {} packets missing at the viewer", seen.len());
    assert!(seen.len() > 1_000, "{}", seen.len());
    assert!(missing * 500 < seen.len(), "{missing} of {} are missing", seen.len());
    assert!(world.totals().retransmitted > 20);
}

#[test]
fn a_storm_of_requests_asks_a_publisher_once_a_second() {
    let mut world = World::new();
    let (mut ana, mut ben) = ana_and_ben(&mut world, 0.0);
    film(&mut world, &mut [&mut ana, &mut ben], 5 * SECOND);
    ana.asked.clear();

    for _ in 0..10 {
        for _ in 0..30 {
            let ssrc = Track::Camera.ssrc(audio_of(ANA)).into();
            let mut api = ben.rtc.direct_api();
            api.stream_rx(&ssrc).expect("it sees her").request_keyframe(KeyframeRequestKind::Pli);
            film(&mut world, &mut [&mut ana, &mut ben], Duration::from_millis(33));
        }
    }

    println!("300 requests in ten seconds: {} asked of the publisher", ana.asked.len());
    assert!((8..=11).contains(&ana.asked.len()), "{}", ana.asked.len());
}

#[test]
fn nothing_is_sent_to_whoever_did_not_ask() {
    let mut world = World::new();
    let bot = world.udp_client(PeerId(9), EncryptionMode::Aes256Gcm, ALL);
    world.command(MediaCommand::Want { peer: bot.peer, wants: wants(100) });
    let (mut ana, mut ben) = ana_and_ben(&mut world, 0.0);
    let way = Way::of_millis(10);
    let mut cai = Client::join(&mut world, CAI, &[ANA], (way, way));
    pass(&mut world, &mut [&mut ana, &mut ben, &mut cai], 2 * SECOND);
    film(&mut world, &mut [&mut ana, &mut ben, &mut cai], 2 * SECOND);

    assert!(!ben.layers_of(ANA).is_empty());
    assert!(cai.got.is_empty(), "Cai did not say what he wants");
    assert!(bot.hear(&mut world).is_empty(), "a bot decodes no pictures");

    // Nor is anything sent that is not announced, or no longer wanted.
    world.command(MediaCommand::Want { peer: BEN, wants: wants(0) });
    film(&mut world, &mut [&mut ana, &mut ben], 200 * TICK);
    ben.got.clear();
    film(&mut world, &mut [&mut ana, &mut ben], SECOND);
    assert!(ben.got.is_empty());
    world.command(MediaCommand::Want { peer: BEN, wants: wants(100) });
    world.command(MediaCommand::Publish { peer: ANA, tracks: Tracks::default() });
    film(&mut world, &mut [&mut ana, &mut ben], SECOND);
    assert!(ben.got.is_empty());
    assert!(world.dropped(DropReason::NotAnnounced) > 0);
}

#[test]
fn a_screen_comes_with_its_sound_apart_from_the_microphone() {
    let mut world = World::new();
    let (mut ana, mut ben) = ana_and_ben(&mut world, 0.0);
    let (screen, sound) = (ana.screen, ana.sound);
    for at in 0..50u32 {
        let key = if at % 10 == 0 { 0 } else { 1 };
        let frame = vec![0x90, 0x80, at as u8, key];
        ana.write(world.now, (screen, None), (u64::from(at), at * 3_000, true), frame);
        ana.write(world.now, (sound, None), (u64::from(at), at * 960, false), b"music".to_vec());
        pass(&mut world, &mut [&mut ana, &mut ben], Duration::from_millis(20));
    }
    pass(&mut world, &mut [&mut ana, &mut ben], SECOND);

    let heard = ben.see(ANA, Track::Sound);
    assert!(heard.len() > 40, "{}", heard.len());
    assert!(heard.iter().all(|packet| packet.payload[..] == *b"music"));
    assert!(ben.see(ANA, Track::Screen).len() > 30);
    assert!(ben.got.is_empty(), "nothing came as the microphone");
}

#[test]
fn a_publisher_is_told_what_anybody_wants() {
    let mut world = World::new();
    let (mut ana, mut ben) = ana_and_ben(&mut world, 0.0);
    film(&mut world, &mut [&mut ana, &mut ben], SECOND);
    let each = vec![(Track::Screen.ssrc(audio_of(ANA)), 50)];
    world.command(MediaCommand::Want { peer: BEN, wants: Wants { any: 0, each } });
    film(&mut world, &mut [&mut ana, &mut ben], 3 * SECOND);

    let told: Vec<_> = world
        .take_events()
        .into_iter()
        .filter_map(|event| match event {
            MediaEvent::Wanted { peer, camera, screen } => Some((peer, camera, screen)),
            _ => None,
        })
        .collect();

    assert_eq!(told, [(ANA, 100, 100), (ANA, 0, 50)]);
}

#[test]
fn a_publisher_who_connects_anew_is_seen_again_by_whoever_saw_her() {
    let mut world = World::new();
    let (mut ana, mut ben) = ana_and_ben(&mut world, 0.0);
    film(&mut world, &mut [&mut ana, &mut ben], 2 * SECOND);
    let before = ben.see(ANA, Track::Camera).last().map(|packet| *packet.seq_no).expect("seen");

    let way = Way::of_millis(10);
    let mut ana = Client::connect(&mut world, ANA, &[], (way, way));
    pass(&mut world, &mut [&mut ana, &mut ben], 2 * SECOND);
    film(&mut world, &mut [&mut ana, &mut ben], 2 * SECOND);

    let seen = ben.see(ANA, Track::Camera);
    assert!(seen.len() > 30, "{}", seen.len());
    assert!(seen.iter().all(|packet| *packet.seq_no > before), "its numbers go on");
}

#[test]
fn a_viewer_without_retransmission_gets_the_very_same_packet() {
    let mut world = World::new();
    let (mut ana, mut ben) = ana_and_ben(&mut world, 0.0);
    film(&mut world, &mut [&mut ana, &mut ben], 2 * SECOND);
    let key = world.shard.ids[&BEN];
    let ssrc = Track::Camera.ssrc(audio_of(ANA));
    // Ben's browser knows no RTX.
    let peer = world.shard.peers.get_mut(key).expect("there");
    let Transport::WebRtc(webrtc) = &mut peer.transport else { panic!() };
    webrtc.forget_rtx();
    let now = world.now;
    ana.film(&mut world);
    ana.step(&mut world);
    world.now = now + Duration::from_millis(20);
    ana.step(&mut world);
    let sent = world.take_sent_to(ben.address);
    let first = sent.iter().find(|packet| packet[8..12] == ssrc.to_be_bytes()).expect("sent");
    let sequence = u16::from_be_bytes([first[2], first[3]]);

    world.now += Duration::from_millis(50);
    world.shard.send_picture_again(world.now, key, ssrc, sequence);
    world.drain();

    assert_eq!(world.take_sent_to(ben.address), std::slice::from_ref(first));
}

#[test]
fn forwarding_pictures_allocates_nothing_in_steady_state() {
    let mut world = World::new();
    let (mut ana, mut ben) = ana_and_ben(&mut world, 0.0);
    film(&mut world, &mut [&mut ana, &mut ben], 25 * SECOND);
    let mut packets = Vec::new();
    for _ in 0..30 {
        ana.film(&mut world);
        let end = world.now + Duration::from_millis(33);
        while world.now < end {
            ana.drain(&mut world);
            world.now += TICK;
            ana.rtc.handle_input(Input::Timeout(world.now)).expect("time passes");
            while let Some(packet) = ana.network.arrive_up(world.now) {
                if packet[0] >> 6 == 2 && !rtcp::is_rtcp(packet[1]) {
                    packets.push(packet);
                }
            }
        }
    }
    let (warm_up, measured) = packets.split_at_mut(100);
    let mut sent = 0;
    let (now, address) = (world.now, ana.address);
    let mut forward = |world: &mut World, packet: &mut [u8]| {
        world.shard.handle_datagram(now, address, packet);
        sent += world.shard.outbox().transmits().len();
        world.shard.outbox().clear();
    };
    for packet in warm_up {
        forward(&mut world, packet);
    }

    let before = allocations();
    for packet in measured.iter_mut() {
        forward(&mut world, packet);
    }

    assert_eq!(allocations() - before, 0);
    assert!(sent > measured.len() / 2, "{sent} of {}", measured.len());
}

#[test]
fn who_leaves_is_shown_to_nobody_and_leaves_nothing_behind() {
    let mut world = World::new();
    let (mut ana, mut ben) = ana_and_ben(&mut world, 0.0);
    film(&mut world, &mut [&mut ana, &mut ben], SECOND);

    world.command(MediaCommand::Leave { peer: BEN });
    film(&mut world, &mut [&mut ana], SECOND);
    assert!(world.sent.iter().all(|(to, _)| *to != ben.address));
    world.command(MediaCommand::Leave { peer: ANA });
    world.pass(60 * SECOND);

    assert_eq!((world.totals().peers, world.totals().rooms), (0, 0));
    let _ = ben.peer;
}
