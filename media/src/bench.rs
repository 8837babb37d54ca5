//! Parts of the wing for who measures it from outside. Not part of the wing's interface.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;
use std::time::Instant;

use model::id::ChannelId;
use model::id::UserId;
use model::media::Grants;
use model::media::MediaCommand;
use model::media::MediaEvent;
use model::media::PeerId;
use model::voice::EncryptionMode;
use model::voice::SessionKey;

use crate::rtp::header::FIXED;
use crate::rtp::header::RtpHeader;
use crate::shard::Handled;
use crate::shard::Places;
use crate::shard::Shard;
use crate::shard::ShardConfig;
use crate::shard::WallClock;
#[cfg(feature = "measuring")]
use crate::shard::outbox::Outbox;
pub use crate::shell::counting::Counting;
pub use crate::shell::counting::allocations;
pub use crate::shell::counting::live_bytes;
use crate::transport::aead::Aead;
use crate::transport::discovery;
use crate::transport::dtls::WebRtcIdentity;
use crate::transport::srtp::Profile;
use crate::transport::srtp::Srtp;
use crate::transport::stun;

/// What a UDP client seals and opens with: one mode and key.
pub struct UdpCipher(Aead);

impl UdpCipher {
    /// Sets up a key.
    #[must_use]
    pub fn new(mode: EncryptionMode, key: &SessionKey) -> Self {
        Self(Aead::new(mode, key))
    }

    /// Seals the RTP packet that `out` holds from `start` on, whose header has neither CSRCs nor
    /// extension, and appends tag and nonce. The caller never gives a counter twice.
    pub fn seal(&mut self, counter: u32, out: &mut Vec<u8>, start: usize) {
        self.0.seal(counter, out, start, FIXED);
    }

    /// Opens an RTP packet in place. Its SSRC and payload; `None` when it is not authentic.
    pub fn open<'a>(&self, packet: &'a mut [u8]) -> Option<(u32, &'a [u8])> {
        let (header, layout) = RtpHeader::parse(packet)?;
        let plain = self.0.open(packet, layout.preamble_end())?;
        // The extension's body was sealed with the payload.
        let body = layout.header_end() - layout.preamble_end();
        Some((header.ssrc, plain.get(body..)?))
    }
}

/// What both ends of a WebRTC session seal and open with: SRTP under AES-128-GCM.
pub struct SrtpCipher(Box<Srtp>);

impl SrtpCipher {
    /// Length of what DTLS exports: two keys, two salts, in bytes.
    pub const MATERIAL: usize = 2 * (16 + 12);

    /// The sending and the receiving end of a session with these keys.
    #[must_use]
    pub fn pair(material: &[u8; Self::MATERIAL]) -> (Self, Self) {
        let end = |is_client| {
            let srtp = Srtp::from_exported(Profile::AeadAes128Gcm, material, is_client);
            Self(Box::new(srtp.expect("the length is that of the profile")))
        };
        (end(true), end(false))
    }

    /// Appends a sealed packet. `index` is its extended sequence number, whose low bits stand in
    /// the header; one must never come twice under an SSRC. False, with `out` unchanged, when the
    /// header is none.
    pub fn seal(
        &self,
        header: &[u8; FIXED],
        index: u64,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> bool {
        let Some((header, _)) = RtpHeader::parse(header) else { return false };
        self.0.seal_rtp(header, index, None, out, |out| out.extend_from_slice(payload));
        true
    }

    /// Opens a packet in place. Its payload; `None` when it is not authentic or came before.
    pub fn open<'a>(&mut self, packet: &'a mut [u8]) -> Option<&'a [u8]> {
        self.0.open_rtp(packet).ok().map(|opened| opened.payload)
    }
}

/// What a browser and we seal with.
#[derive(Debug, Clone, Copy)]
pub enum BrowserCipher {
    /// AES-128 in counter mode with HMAC-SHA1: the choice of Chromium where we begin the handshake.
    Cm,
    /// AES-256-GCM: our choice where the browser begins it.
    Gcm,
}

impl BrowserCipher {
    const fn profile(self) -> Profile {
        match self {
            Self::Cm => Profile::Aes128CmSha1_80,
            Self::Gcm => Profile::AeadAes256Gcm,
        }
    }
}

/// A shard without sockets and with one room: UDP listeners, and one speaker. Time is what it is
/// told; a packet comes every 20 ms.
pub struct DryRoom {
    shard: Shard,
    now: Instant,
    peers: u64,
    /// What the room answered to the last browser that offered.
    answer: String,
}

/// A browser of a [`DryRoom`] that says nothing but its checks (RFC 7675).
pub struct DryBrowser {
    address: SocketAddr,
    check: Vec<u8>,
}

/// The speaker of a [`DryRoom`].
pub struct DrySpeaker {
    address: SocketAddr,
    cipher: UdpCipher,
    ssrc: u32,
    packets: u32,
}

/// A STUN check as a flood has them: well formed, for nobody, signed with a guess.
#[must_use]
pub fn forged_check() -> Vec<u8> {
    let mut check = Vec::new();
    stun::challenge([9; stun::TRANSACTION], "guessed1:x", "a guessed password 22+", &mut check);
    check
}

/// Its username fragment.
const OFFERED: &str = "9WZo";
/// What a browser offers, as far as it matters here.
const OFFER: &str = "a=ice-ufrag:9WZo\na=ice-pwd:vcfFowC3gQI1KHu0Fm5ZTXum\n\
    a=fingerprint:sha-256 71:20:4C:BE:C2:D0:B7:9B:73:5B:4B:29:7C:32:41:25:D8:D2:BC:66:74:D3:93:98:\
    B3:0D:01:F7:67:19:01:13\na=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\n\
    a=rtpmap:111 opus/48000/2\na=rtcp-fb:111 nack";

/// Between two packets.
const FRAME: Duration = Duration::from_millis(20);
/// Bytes of a payload.
const PAYLOAD: usize = 100;

impl DryRoom {
    /// A room in which nobody is but the speaker. None when there is no randomness for the
    /// certificate that a shard holds.
    #[must_use]
    pub fn new(now: Instant, mode: EncryptionMode) -> Option<(Self, DrySpeaker)> {
        let shard = Shard::new(ShardConfig {
            index: 0,
            shards: 1,
            // Listeners say nothing here, and stay.
            idle_timeout: Duration::from_secs(24 * 3_600),
            places: Places { taken: Arc::new(AtomicUsize::new(0)), most: usize::MAX },
            identity: WebRtcIdentity::generate()?,
            wall_clock: WallClock { at: now, ntp: 1 << 40 },
            tell_names: false,
        });
        let mut room = Self { shard, now, peers: 0, answer: String::new() };
        let speaker = room.add_speaker(mode);
        Some((room, speaker))
    }

    /// Adds somebody who speaks and hears nobody.
    pub fn add_speaker(&mut self, mode: EncryptionMode) -> DrySpeaker {
        let (address, ssrc) = self.join(mode, Grants { speak: true, hear: false });
        let cipher = UdpCipher::new(mode, &key(self.peers));
        DrySpeaker { address, cipher, ssrc, packets: 0 }
    }

    /// Adds a listener, with the address and the transport that a client would have.
    pub fn add_listener(&mut self, mode: EncryptionMode) {
        self.join(mode, Grants { speak: false, hear: true });
    }

    /// Adds a listener by WebRTC, as it is once its handshake has settled: no redundancy, which a
    /// listener without losses does not get.
    pub fn add_browser(&mut self, cipher: BrowserCipher) -> DryBrowser {
        let (peer, address, _) = self.arrive(Grants { speak: false, hear: true });
        let offer = OFFER.to_owned();
        let announce = SocketAddr::from(([192, 0, 2, 1], 443));
        self.command(MediaCommand::SelectWebRtc { peer, offer, announce });
        let profile = cipher.profile();
        let mut material = vec![7; 2 * (profile.key_length() + profile.salt_length())];
        material[..8].copy_from_slice(&peer.0.to_be_bytes());
        let keys = Srtp::from_exported(profile, &material, false);
        self.shard.connect(
            self.now,
            peer,
            keys.expect("the length is that of the profile"),
            address,
        );
        self.drain();
        let own = |name: &str| self.answer.lines().find_map(|line| line.strip_prefix(name));
        let username = format!("{}:{OFFERED}", own("a=ice-ufrag:").unwrap_or_default());
        let mut check = Vec::new();
        let password = own("a=ice-pwd:").unwrap_or_default();
        stun::nomination([7; stun::TRANSACTION], &username, password, &mut check);
        DryBrowser { address, check }
    }

    /// The next peer joins the room: who it is, where, and its SSRC.
    fn arrive(&mut self, grants: Grants) -> (PeerId, SocketAddr, u32) {
        self.peers += 1;
        let (number, peer) = (self.peers as u32, PeerId(self.peers));
        let ssrc = number * 32;
        let [_, high, middle, low] = number.to_be_bytes();
        let address = SocketAddr::from(([10, high, middle, low], 40_000));
        let (user, room) = (UserId::new(self.peers), ChannelId::new(1));
        self.command(MediaCommand::Join { peer, room, user, ssrc, grants });
        (peer, address, ssrc)
    }

    fn join(&mut self, mode: EncryptionMode, grants: Grants) -> (SocketAddr, u32) {
        let (peer, address, ssrc) = self.arrive(grants);
        let mut request = [0; discovery::LENGTH];
        request[..4].copy_from_slice(&[0, 1, 0, 70]);
        request[4..8].copy_from_slice(&ssrc.to_be_bytes());
        self.shard.handle_datagram(self.now, address, &mut request);
        self.command(MediaCommand::SelectUdp { peer, mode, key: key(self.peers) });
        self.drain();
        (address, ssrc)
    }

    fn command(&mut self, command: MediaCommand) {
        self.shard.handle_command(self.now, command);
    }

    /// Throws away what the shard wants said. How many datagrams that were.
    fn drain(&mut self) -> usize {
        let count = self.shard.outbox().transmits().len();
        self.shard.outbox().clear();
        while let Some(event) = self.shard.poll_event() {
            if let MediaEvent::Answer { sdp, .. } = event {
                self.answer = sdp;
            }
        }
        count
    }

    /// Takes the speaker's packet, 20 ms after the one before. For how many listeners it was
    /// sealed.
    pub fn forward(&mut self, from: &DrySpeaker, packet: &mut [u8]) -> usize {
        self.now += FRAME;
        let handled = self.shard.handle_datagram(self.now, from.address, packet);
        let count = self.drain();
        if handled == Handled::Here { count } else { 0 }
    }

    /// Takes a speaker's packet `after` the one before, and leaves what comes of it in the outbox.
    #[cfg(feature = "measuring")]
    pub(crate) fn take(&mut self, after: Duration, from: &DrySpeaker, packet: &mut [u8]) {
        self.now += after;
        self.shard.handle_datagram(self.now, from.address, packet);
    }

    /// What is to be sent.
    #[cfg(feature = "measuring")]
    pub(crate) fn outbox(&mut self) -> &mut Outbox {
        self.shard.outbox()
    }

    /// Takes a datagram of a stranger. Whether nobody was found for it, so that it is dropped.
    pub fn refuse(&mut self, datagram: &mut [u8]) -> bool {
        let stranger = SocketAddr::from(([203, 0, 113, 66], 666));
        self.shard.handle_datagram(self.now, stranger, datagram) == Handled::Unattributed
    }

    /// Takes a browser's next check. How many datagrams answer it: one.
    pub fn check(&mut self, browser: &mut DryBrowser) -> usize {
        self.shard.handle_datagram(self.now, browser.address, &mut browser.check);
        self.drain()
    }

    /// Lets time pass, and the shard do at its times what its timers ask for.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.shard.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.rest();
        }
        self.now = end;
    }

    /// Lets the shard do what its timers ask for.
    pub fn rest(&mut self) {
        self.shard.handle_timeout(self.now);
        self.drain();
    }
}

impl DrySpeaker {
    /// The next packet, as it comes from the network.
    pub fn speak(&mut self) -> Vec<u8> {
        self.speak_of(PAYLOAD)
    }

    /// The same with a payload of `length` bytes.
    pub fn speak_of(&mut self, length: usize) -> Vec<u8> {
        let header = RtpHeader {
            marker: false,
            payload_type: 120,
            sequence: self.packets as u16,
            timestamp: self.packets.wrapping_mul(960),
            ssrc: self.ssrc,
        };
        let mut packet = header.to_bytes().to_vec();
        packet.resize(packet.len() + length, 0x78);
        self.cipher.seal(self.packets, &mut packet, 0);
        self.packets = self.packets.wrapping_add(1);
        packet
    }
}

/// A key for each peer: a thousand keys fit no cache, and one would.
fn key(peer: u64) -> SessionKey {
    let mut key = [7; 32];
    key[..8].copy_from_slice(&peer.to_be_bytes());
    SessionKey::new(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dry_room_seals_for_browsers_too() {
        let (mut room, mut speaker) =
            DryRoom::new(Instant::now(), EncryptionMode::Aes256Gcm).expect("a certificate");
        (0..5).for_each(|_| {
            room.add_browser(BrowserCipher::Cm);
        });

        for _ in 0..300 {
            let mut packet = speaker.speak();
            assert_eq!(room.forward(&speaker, &mut packet), 5);
            room.rest();
        }
    }

    #[test]
    fn each_check_of_a_dry_browser_is_answered_once() {
        let (mut room, _) =
            DryRoom::new(Instant::now(), EncryptionMode::Aes256Gcm).expect("a certificate");
        let mut browsers =
            [BrowserCipher::Cm, BrowserCipher::Gcm].map(|cipher| room.add_browser(cipher));

        for _ in 0..10 {
            room.pass(Duration::from_millis(2_500));
            for browser in &mut browsers {
                assert_eq!(room.check(browser), 1);
            }
        }
    }

    #[test]
    fn a_dry_room_seals_each_packet_for_every_listener() {
        for mode in EncryptionMode::ALL {
            let (mut room, mut speaker) =
                DryRoom::new(Instant::now(), mode).expect("a certificate");
            (0..5).for_each(|_| room.add_listener(mode));

            for _ in 0..300 {
                let mut packet = speaker.speak();

                assert_eq!(room.forward(&speaker, &mut packet), 5, "{mode:?}");
                room.rest();
            }
        }
    }
}
