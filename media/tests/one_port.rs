//! The wing as the server runs it: real sockets on one port, real threads, several shards.

use std::net::SocketAddr;
use std::net::UdpSocket;
use std::num::NonZeroUsize;
use std::time::Duration;

use aws_lc_rs::aead;
use cluster::MediaPort;
use media::DropReason;
use media::Media;
use media::MediaConfig;
use media::MediaHandle;
use model::id::ChannelId;
use model::id::UserId;
use model::media::Grants;
use model::media::LeaveReason;
use model::media::MediaCommand;
use model::media::MediaEvent;
use model::media::PeerId;
use model::voice::EncryptionMode;
use model::voice::SessionKey;
use tokio::sync::mpsc;

/// Long enough for a loaded machine; a test that waits this long has failed.
const DEADLINE: Duration = Duration::from_secs(20);

/// A bot in the AES mode.
struct Bot {
    peer: PeerId,
    socket: UdpSocket,
    ssrc: u32,
    key: aead::LessSafeKey,
    sent: u16,
}

impl Bot {
    /// Joins, asks for its address, and chooses the mode.
    fn join(media: &MediaHandle, peer: u64, room: u64) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket.connect(("127.0.0.1", media.port())).expect("loopback");
        socket.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        let key = [peer as u8; 32];
        let ssrc = 7_000 + peer as u32;
        let (room, user) = (ChannelId::new(room), UserId::new(peer));
        let peer = PeerId(peer);
        let grants = Grants { speak: true, hear: true };
        media.command(MediaCommand::Join { peer, room, user, ssrc, grants }).expect("not busy");
        let sealing = aead::UnboundKey::new(&aead::AES_256_GCM, &key).expect("32 bytes");
        let bot = Self { peer, socket, ssrc, key: aead::LessSafeKey::new(sealing), sent: 0 };
        bot.discover();
        let (mode, key) = (EncryptionMode::Aes256Gcm, SessionKey::new(key));
        media.command(MediaCommand::SelectUdp { peer, mode, key }).expect("not busy");
        bot
    }

    /// Discovery may overtake the command that makes the SSRC known, so it is asked again, as
    /// clients do.
    fn discover(&self) {
        let mut request = [0; 74];
        request[..4].copy_from_slice(&[0, 1, 0, 70]);
        request[4..8].copy_from_slice(&self.ssrc.to_be_bytes());
        self.socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a timeout");
        let mut reply = [0; 100];
        let answered = (0..400).any(|_| {
            self.socket.send(&request).expect("loopback");
            self.socket.recv(&mut reply).is_ok()
        });
        assert!(answered, "discovery was not answered");
        self.socket.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        assert_eq!(&reply[8..17], b"127.0.0.1");
        let port = self.socket.local_addr().expect("bound").port();
        assert_eq!(reply[72..74], port.to_be_bytes());
    }

    fn say(&mut self, payload: &[u8]) {
        let mut packet = vec![0x80, 120];
        packet.extend(self.sent.to_be_bytes());
        packet.extend((u32::from(self.sent) * 960).to_be_bytes());
        packet.extend(self.ssrc.to_be_bytes());
        let counter = u32::from(self.sent).to_be_bytes();
        self.sent += 1;
        let mut sealed = payload.to_vec();
        let nonce = aead::Nonce::assume_unique_for_key(nonce(counter));
        self.key
            .seal_in_place_append_tag(nonce, aead::Aad::from(&packet), &mut sealed)
            .expect("seals");
        packet.extend(sealed);
        packet.extend(counter);
        self.socket.send(&packet).expect("loopback");
    }

    /// The next voice packet: who speaks, and what. Late answers to discovery are passed over.
    fn hear(&self) -> (u32, Vec<u8>) {
        let mut buffer = [0; 1_500];
        loop {
            let length = self.socket.recv(&mut buffer).expect("a packet before the deadline");
            if buffer[0] >> 6 != 2 {
                continue;
            }
            let (body, counter) = buffer[..length].split_last_chunk::<4>().expect("a nonce");
            let (head, sealed) = body.split_at(12);
            let nonce = aead::Nonce::assume_unique_for_key(nonce(*counter));
            let mut sealed = sealed.to_vec();
            let plain = self.key.open_in_place(nonce, aead::Aad::from(head), &mut sealed);
            let ssrc = u32::from_be_bytes(head[8..12].try_into().expect("4 bytes"));
            return (ssrc, plain.expect("authentic").to_vec());
        }
    }
}

fn nonce(counter: [u8; 4]) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[..4].copy_from_slice(&counter);
    nonce
}

fn start(shards: usize) -> (MediaHandle, mpsc::Receiver<MediaEvent>) {
    start_with(shards, MediaConfig::default())
}

fn start_with(shards: usize, config: MediaConfig) -> (MediaHandle, mpsc::Receiver<MediaEvent>) {
    let listen: SocketAddr = "127.0.0.1:0".parse().expect("address");
    let config = MediaConfig { listen, shards: NonZeroUsize::new(shards), ..config };
    let (sender, events) = mpsc::channel(1_024);
    (Media::start(config, sender).expect("starts"), events)
}

/// All events that come while the wing shuts down, and before.
fn events_until_the_end(
    media: &MediaHandle,
    mut events: mpsc::Receiver<MediaEvent>,
) -> Vec<MediaEvent> {
    media.shutdown();
    let mut seen = Vec::new();
    while let Ok(event) = events.try_recv() {
        seen.push(event);
    }
    seen
}

#[test]
fn two_bots_exchange_packets_and_shutdown_ends_them() {
    let (media, events) = start(1);
    let mut ana = Bot::join(&media, 1, 5);
    let mut ben = Bot::join(&media, 2, 5);

    ana.say(b"hello Ben");
    assert_eq!(ben.hear(), (ana.ssrc, b"hello Ben".to_vec()));
    ben.say(b"hello Ana");
    assert_eq!(ana.hear(), (ben.ssrc, b"hello Ana".to_vec()));

    let events = events_until_the_end(&media, events);
    for bot in [&ana, &ben] {
        let address = bot.socket.local_addr().expect("bound");
        assert!(events.contains(&MediaEvent::Connected { peer: bot.peer, address }));
        assert!(events.contains(&MediaEvent::Speaking { peer: bot.peer, speaking: true }));
        let left = MediaEvent::Left { peer: bot.peer, reason: LeaveReason::Shutdown };
        assert!(events.contains(&left));
    }
    let totals = media.totals();
    assert!(totals.received >= 4 && totals.sent >= 4, "{totals:?}");
    assert_eq!(totals.dropped_for(DropReason::BadTag), 0);
}

#[test]
fn a_datagram_that_the_kernel_gave_to_another_shard_finds_its_room() {
    let (media, _events) = start(4);
    // With this many sockets and rooms, most datagrams arrive at a shard that is not the room's.
    let mut pairs: Vec<_> = (0..12)
        .map(|room| {
            (
                Bot::join(&media, 100 + 2 * room, 500 + room),
                Bot::join(&media, 101 + 2 * room, 500 + room),
            )
        })
        .collect();

    for round in 0..10u8 {
        for (ana, ben) in &mut pairs {
            ana.say(&[round; 100]);
            assert_eq!(ben.hear(), (ana.ssrc, vec![round; 100]));
        }
    }

    media.shutdown();
    assert_eq!(media.totals().dropped_for(DropReason::HandoverFull), 0);
}

#[test]
fn a_room_that_is_spread_over_shards_is_one_room() {
    let spread_from = NonZeroUsize::new(2).expect("above zero");
    let (media, _events) = start_with(3, MediaConfig { spread_from, ..MediaConfig::default() });
    let mut bots: Vec<_> = (1..=9).map(|peer| Bot::join(&media, peer, 5)).collect();
    let stranger = Bot::join(&media, 20, 6);

    for round in 0..20u8 {
        for talker in 0..bots.len() {
            let said = [round, talker as u8, 3, 4].repeat(20);
            bots[talker].say(&said);
            let ssrc = bots[talker].ssrc;
            for (listener, bot) in bots.iter().enumerate() {
                if listener != talker {
                    assert_eq!(bot.hear(), (ssrc, said.clone()), "{talker} to {listener}");
                }
            }
        }
    }

    let totals = media.totals();
    assert_eq!((totals.rooms, totals.peers), (2, 10));
    media.shutdown();
    let totals = media.totals();
    assert!(totals.linked >= 9 * 20 * 2, "it was spread: {totals:?}");
    assert_eq!(totals.dropped_for(DropReason::LinkFull), 0);
    // All that was sent: answers to discovery, and each packet to eight listeners once.
    stranger.socket.set_nonblocking(true).expect("a mode");
    let mut buffer = [0; 1_500];
    while let Ok(length) = stranger.socket.recv(&mut buffer) {
        assert_eq!(length, 74, "a stranger hears nothing but late answers to discovery");
    }
    for bot in &bots {
        bot.socket.set_nonblocking(true).expect("a mode");
        while let Ok(length) = bot.socket.recv(&mut buffer) {
            assert_eq!(length, 74, "nobody hears a packet twice");
        }
    }
}

#[test]
fn the_port_is_free_again_after_shutdown() {
    let (media, _events) = start(2);
    let address = media.local_address();

    media.shutdown();

    assert!(UdpSocket::bind(address).is_ok());
}
