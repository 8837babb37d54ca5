//! Datagrams made to break a server: from strangers and from a peer's own address. The call goes on.

use std::fs;
use std::path::Path;

use model::media::LeaveReason;
use proptest::prelude::*;

use super::webrtc::Browser;
use super::*;
use crate::transport::Transport;
use crate::transport::sdp::Offer;

const MODE: EncryptionMode = EncryptionMode::XChaCha20Poly1305;

/// All files under a folder of `tests/data`.
fn corpus(folder: &str) -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the corpus is in the repository") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(fs::read(&path).expect("readable"));
            }
        }
    }
    files
}

/// A call of a bot, another bot and a browser.
struct Call {
    world: World,
    ana: UdpClient,
    cai: UdpClient,
    browser: Browser,
}

impl Call {
    fn new() -> Self {
        let mut world = World::new();
        let ana = world.udp_client(ANA, MODE, ALL);
        let cai = world.udp_client(CAI, MODE, ALL);
        let mut browser = Browser::join(&mut world, BEN, ANA);
        browser.run(&mut world, Duration::from_secs(2));
        Self { world, ana, cai, browser }
    }

    /// The datagram from everywhere, in several forms.
    fn attack(&mut self, bytes: &[u8]) {
        let stranger: SocketAddr = "203.0.113.66:666".parse().expect("address");
        for from in [self.ana.address, self.browser.address, stranger] {
            self.world.deliver(from, bytes);
            let mut named = bytes.to_vec();
            if named.len() >= 12 {
                named[8..12].copy_from_slice(&ssrc_of(ANA).to_be_bytes());
                self.world.deliver(from, &named);
                named[0] = 0x80 | (named[0] & 0x3F);
                self.world.deliver(from, &named);
            }
        }
        assert!(self.world.take_sent_to(stranger).is_empty(), "a stranger was answered");
    }

    fn assert_goes_on(&mut self) {
        self.world.pass(Duration::from_secs(3));
        self.world.sent.clear();
        for _ in 0..20 {
            let packet = self.ana.speak(b"still here");
            self.world.deliver(self.ana.address, &packet);
            self.world.pass(Duration::from_millis(20));
        }
        assert_eq!(self.cai.hear(&mut self.world).len(), 20);
        assert!(self.world.take_sent_to(self.browser.address).len() >= 20);
        assert_eq!(self.world.dropped(DropReason::Fault), 0);
        let ended = self.world.take_events();
        let ended = ended.iter().filter(|event| matches!(event, MediaEvent::Left { .. }));
        assert_eq!(ended.count(), 0);
    }
}

#[test]
fn collected_packets_of_other_projects_end_no_call() {
    for folder in
        ["webrtc/rtp-corpus", "webrtc/rtcp-corpus", "webrtc/stun-corpus", "mediasoup", "rfc"]
    {
        let files = corpus(folder);
        assert!(!files.is_empty(), "{folder}");
        let mut call = Call::new();
        for bytes in &files {
            call.attack(&bytes[..bytes.len().min(2_048)]);
        }
        call.assert_goes_on();
    }
}

#[test]
fn collected_session_descriptions_are_answered_or_refused() {
    let files = corpus("webrtc/sdp-corpus");
    assert!(!files.is_empty());
    let mut world = World::new();
    world.join(ANA, ALL);
    for bytes in files {
        let offer = String::from_utf8_lossy(&bytes).into_owned();
        let _ = Offer::parse(&offer);
        let announce = "192.0.2.1:8443".parse().expect("address");
        world.command(MediaCommand::SelectWebRtc { peer: ANA, offer, announce });

        let mut events = world.take_events();
        events.retain(|event| !matches!(event, MediaEvent::Joined { .. }));
        assert!(
            matches!(events[..], [MediaEvent::Answer { .. } | MediaEvent::Refused { .. }]),
            "{events:?}"
        );
    }
}

#[test]
fn datagrams_of_every_length_and_first_byte_end_no_call() {
    let mut call = Call::new();
    for length in 0..=200usize {
        for first in [0, 1, 2, 3, 20, 22, 23, 63, 64, 127, 128, 129, 144, 191, 192, 255] {
            for second in [0, 1, 120, 200, 201, 203] {
                let mut bytes = vec![first ^ length as u8; length];
                if let [one, two, ..] = &mut bytes[..] {
                    (*one, *two) = (first, second);
                }
                call.attack(&bytes);
            }
        }
        // Floods of keepalives and reports must not hide a later loss of the call.
        call.world.sent.clear();
    }
    call.assert_goes_on();
}

/// From now on the peer's session panics whenever it is touched.
fn make_faulty(world: &mut World, peer: PeerId) {
    let key = world.shard.ids[&peer];
    world.shard.peers.get_mut(key).expect("joined").transport = Transport::Faulty;
}

#[test]
fn a_panic_in_one_session_costs_that_peer_alone() {
    let mut world = World::new();
    let mut ana = world.udp_client(ANA, MODE, ALL);
    let ben = world.udp_client(BEN, MODE, ALL);
    let mut cai = world.udp_client(CAI, MODE, ALL);

    make_faulty(&mut world, CAI);
    let packet = cai.speak(b"faulty");
    world.deliver(cai.address, &packet);
    make_faulty(&mut world, BEN);
    let packet = ana.speak(b"costs Ben his place");
    world.deliver(ana.address, &packet);
    let dan = world.udp_client(PeerId(4), MODE, ALL);
    let packet = ana.speak(b"goes on");
    world.deliver(ana.address, &packet);

    let left = |peer| MediaEvent::Left { peer, reason: LeaveReason::Fault };
    let events = world.take_events();
    assert!(events.contains(&left(CAI)) && events.contains(&left(BEN)));
    assert_eq!(dan.hear(&mut world)[0].1, b"goes on");
    assert!(ben.hear(&mut world).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_datagrams_end_no_call(
        datagrams in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 50),
    ) {
        let mut call = Call::new();
        for bytes in &datagrams {
            call.attack(bytes);
        }
        call.assert_goes_on();
    }
}
