//! A shard on a virtual clock, with clients that speak the wire formats by themselves.

mod answer;
mod client;
mod funnel;
mod hostile;
mod joining;
mod levels;
mod linked;
mod loss;
mod network;
mod quality;
mod rebinding;
mod restart;
mod safety;
mod settled;
mod stage;
mod steady;
mod udp;
mod uplink;
mod video;
mod webrtc;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;
use std::time::Instant;

use aws_lc_rs::aead;
use chacha20poly1305::KeyInit;
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::XNonce;
use chacha20poly1305::aead::Aead;
use chacha20poly1305::aead::Payload;
use model::id::ChannelId;
use model::id::UserId;
use model::media::Grants;
use model::media::MediaCommand;
use model::media::MediaEvent;
use model::media::PeerId;
use model::voice::EncryptionMode;
use model::voice::SessionKey;

use crate::metrics::DropReason;
use crate::metrics::Totals;
use crate::rtp::header::RtpHeader;
use crate::shard::Handled;
use crate::shard::Places;
use crate::shard::Shard;
use crate::shard::ShardConfig;
use crate::shard::WallClock;
use crate::transport::dtls::WebRtcIdentity;

pub(super) const ANA: PeerId = PeerId(1);
pub(super) const BEN: PeerId = PeerId(2);
pub(super) const CAI: PeerId = PeerId(3);
pub(super) const ROOM: ChannelId = ChannelId::new(5);
pub(super) const ALL: Grants = Grants { speak: true, hear: true };
pub(super) const IDLE: Duration = Duration::from_secs(30);

/// The SSRC that a peer is assigned here.
pub(super) fn ssrc_of(peer: PeerId) -> u32 {
    1_000 + peer.0 as u32
}

/// A shard and the network around it.
pub(super) struct World {
    pub(super) now: Instant,
    pub(super) shard: Shard,
    pub(super) sent: Vec<(SocketAddr, Vec<u8>)>,
    pub(super) events: Vec<MediaEvent>,
    pub(super) unattributed: u64,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with_places(100)
    }

    pub(super) fn with_places(most: usize) -> Self {
        Self::on_shard(Instant::now(), (3, 1), most)
    }

    /// One shard of several.
    pub(super) fn on_shard(now: Instant, (index, shards): (u16, u16), most: usize) -> Self {
        static IDENTITY: OnceLock<WebRtcIdentity> = OnceLock::new();
        let shard = Shard::new(ShardConfig {
            index,
            shards,
            idle_timeout: IDLE,
            places: Places { taken: Arc::new(AtomicUsize::new(0)), most },
            identity: IDENTITY
                .get_or_init(|| WebRtcIdentity::generate().expect("a certificate"))
                .clone(),
            // A time that clients take for real: 2023 in NTP (RFC 5905 §6).
            wall_clock: WallClock { at: now, ntp: 3_908_988_800 << 32 },
            tell_names: false,
        });
        Self { now, shard, sent: Vec::new(), events: Vec::new(), unattributed: 0 }
    }

    pub(super) fn command(&mut self, command: MediaCommand) {
        self.shard.handle_command(self.now, command);
        self.drain();
    }

    pub(super) fn join(&mut self, peer: PeerId, grants: Grants) {
        self.join_room(ROOM, peer, grants);
    }

    pub(super) fn join_room(&mut self, room: ChannelId, peer: PeerId, grants: Grants) {
        self.command(MediaCommand::Join {
            peer,
            room,
            user: UserId::new(peer.0),
            ssrc: ssrc_of(peer),
            grants,
        });
    }

    pub(super) fn deliver(&mut self, from: SocketAddr, bytes: &[u8]) {
        let mut bytes = bytes.to_vec();
        if self.shard.handle_datagram(self.now, from, &mut bytes) == Handled::Unattributed {
            self.unattributed += 1;
        }
        self.drain();
    }

    /// Lets time pass, waking the shard when it asks to be.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.shard.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.shard.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    pub(super) fn drain(&mut self) {
        let outbox = self.shard.outbox();
        let sent = outbox
            .transmits()
            .iter()
            .map(|transmit| (transmit.to, outbox.bytes()[transmit.range.clone()].to_vec()));
        self.sent.extend(sent);
        outbox.clear();
        while let Some(event) = self.shard.poll_event() {
            self.events.push(event);
        }
    }

    /// What was sent to an address since the last call.
    pub(super) fn take_sent_to(&mut self, address: SocketAddr) -> Vec<Vec<u8>> {
        let (taken, rest) =
            std::mem::take(&mut self.sent).into_iter().partition(|(to, _)| *to == address);
        self.sent = rest;
        taken.into_iter().map(|(_, bytes)| bytes).collect()
    }

    pub(super) fn dropped(&mut self, reason: DropReason) -> u64 {
        self.totals().dropped_for(reason)
    }

    pub(super) fn totals(&mut self) -> Totals {
        self.shard.totals_mut().clone()
    }

    /// Speaking changes and other events of a peer, without statistics.
    pub(super) fn take_events(&mut self) -> Vec<MediaEvent> {
        let mut events = std::mem::take(&mut self.events);
        events.retain(|event| !matches!(event, MediaEvent::Stats { .. }));
        events
    }

    /// A UDP client that joined, asked for IP discovery and chose its mode.
    pub(super) fn udp_client(
        &mut self,
        peer: PeerId,
        mode: EncryptionMode,
        grants: Grants,
    ) -> UdpClient {
        self.udp_client_in(ROOM, peer, mode, grants)
    }

    pub(super) fn udp_client_in(
        &mut self,
        room: ChannelId,
        peer: PeerId,
        mode: EncryptionMode,
        grants: Grants,
    ) -> UdpClient {
        let client = UdpClient::new(peer, mode);
        self.join_room(room, peer, grants);
        let discovery = client.discovery();
        self.deliver(client.address, &discovery);
        assert_eq!(self.take_sent_to(client.address).len(), 1, "discovery is answered");
        self.command(client.select());
        client
    }
}

/// A bot: it seals and opens with the bare primitives, so that a mistake of ours is not its own.
pub(super) struct UdpClient {
    pub(super) peer: PeerId,
    pub(super) address: SocketAddr,
    pub(super) mode: EncryptionMode,
    pub(super) key: [u8; 32],
    pub(super) ssrc: u32,
    pub(super) nonce: u32,
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
}

impl UdpClient {
    pub(super) fn new(peer: PeerId, mode: EncryptionMode) -> Self {
        Self {
            peer,
            address: SocketAddr::from(([198, 51, 100, peer.0 as u8], 40_000)),
            mode,
            key: [peer.0 as u8; 32],
            ssrc: ssrc_of(peer),
            nonce: 0xFFFF_FFF0,
            sequence: 65_530,
            timestamp: 0xFFFF_0000,
        }
    }

    pub(super) fn select(&self) -> MediaCommand {
        MediaCommand::SelectUdp { peer: self.peer, mode: self.mode, key: SessionKey::new(self.key) }
    }

    pub(super) fn discovery(&self) -> Vec<u8> {
        let mut request = vec![0; 74];
        request[..4].copy_from_slice(&[0, 1, 0, 70]);
        request[4..8].copy_from_slice(&self.ssrc.to_be_bytes());
        request
    }

    /// The next packet, with a one-byte extension as Discord's own clients send.
    pub(super) fn speak(&mut self, payload: &[u8]) -> Vec<u8> {
        let header = RtpHeader {
            marker: false,
            payload_type: 120,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(960);
        let mut clear = header.to_bytes().to_vec();
        clear[0] |= 0x10;
        clear.extend([0xBE, 0xDE, 0, 1]);
        let mut plain = vec![0x10, 0x80, 0, 0];
        plain.extend(payload);
        self.seal(clear, &plain)
    }

    pub(super) fn seal(&mut self, clear: Vec<u8>, plain: &[u8]) -> Vec<u8> {
        let counter = self.nonce.to_be_bytes();
        self.nonce = self.nonce.wrapping_add(1);
        let sealed = match self.mode {
            EncryptionMode::Aes256Gcm => {
                let mut nonce = [0; 12];
                nonce[..4].copy_from_slice(&counter);
                let mut sealed = plain.to_vec();
                self.gcm()
                    .seal_in_place_append_tag(
                        aead::Nonce::assume_unique_for_key(nonce),
                        aead::Aad::from(&clear),
                        &mut sealed,
                    )
                    .expect("seals");
                sealed
            }
            EncryptionMode::XChaCha20Poly1305 => {
                let mut nonce = [0; 24];
                nonce[..4].copy_from_slice(&counter);
                let payload = Payload { msg: plain, aad: &clear };
                self.xchacha().encrypt(&XNonce::from(nonce), payload).expect("seals")
            }
        };
        [clear, sealed, counter.to_vec()].concat()
    }

    pub(super) fn open(&self, packet: &[u8]) -> (RtpHeader, Vec<u8>) {
        let (header, layout) = RtpHeader::parse(packet).expect("RTP");
        assert_eq!(layout.header_end(), 12, "we send no extension");
        let (body, counter) = packet.split_at(packet.len() - 4);
        let (clear, sealed) = body.split_at(12);
        let plain = match self.mode {
            EncryptionMode::Aes256Gcm => {
                let mut nonce = [0; 12];
                nonce[..4].copy_from_slice(counter);
                let nonce = aead::Nonce::assume_unique_for_key(nonce);
                let mut sealed = sealed.to_vec();
                let plain = self.gcm().open_in_place(nonce, aead::Aad::from(clear), &mut sealed);
                plain.expect("authentic").to_vec()
            }
            EncryptionMode::XChaCha20Poly1305 => {
                let mut nonce = [0; 24];
                nonce[..4].copy_from_slice(counter);
                let payload = Payload { msg: sealed, aad: clear };
                self.xchacha().decrypt(&XNonce::from(nonce), payload).expect("authentic")
            }
        };
        (header, plain)
    }

    fn gcm(&self) -> aead::LessSafeKey {
        let key = aead::UnboundKey::new(&aead::AES_256_GCM, &self.key).expect("32 bytes");
        aead::LessSafeKey::new(key)
    }

    fn xchacha(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&self.key).into())
    }

    /// What it heard since the last call.
    pub(super) fn hear(&self, world: &mut World) -> Vec<(RtpHeader, Vec<u8>)> {
        world.take_sent_to(self.address).iter().map(|packet| self.open(packet)).collect()
    }
}
