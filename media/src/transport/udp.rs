//! Discord's UDP transport in its `rtpsize` modes (Discord: Voice Connections/Transport
//! Encryption): the RTP header, its CSRCs and the extension's preamble stay readable, the rest is
//! sealed, and a 32-bit counter at the tail is the nonce.
//!
//! HOT: opens in place, seals into the outbox; no allocation.

use model::voice::EncryptionMode;
use model::voice::SessionKey;

use crate::metrics::DropReason;
use crate::opus;
use crate::rtp::header::FIXED;
use crate::rtp::header::RtpHeader;
use crate::rtp::header::without_padding;
use crate::rtp::rtcp;
use crate::rtp::rtcp::Compound;
use crate::rtp::seq::ReplayWindow;
use crate::transport::Opened;
use crate::transport::RtpPacket;
use crate::transport::aead::Aead;
use crate::transport::aead::NONCE;

/// Bytes of an RTCP header that stay readable: the fixed four and the SSRC.
const RTCP_CLEAR: usize = 8;

/// One peer's UDP transport.
pub(crate) struct UdpTransport {
    mode: EncryptionMode,
    key: SessionKey,
    aead: Aead,
    /// The nonce of the next packet that we seal.
    counter: u32,
    /// Set when all counters were used: nothing more may be sealed under this key.
    exhausted: bool,
    nonces: NonceWindow,
}

impl UdpTransport {
    /// A transport with its key set up.
    pub(crate) fn new(mode: EncryptionMode, key: SessionKey) -> Self {
        let aead = Aead::new(mode, &key);
        Self { mode, key, aead, counter: 0, exhausted: false, nonces: NonceWindow::default() }
    }

    /// Whether another choice of the same mode and key changes nothing. Then the transport must
    /// stay as it is: to begin the counter anew under the same key would use nonces twice.
    pub(crate) fn is_same(&self, mode: EncryptionMode, key: &SessionKey) -> bool {
        self.mode == mode && self.key == *key
    }

    /// Opens an RTP or RTCP packet in place. `ssrc` is the one that the peer was assigned.
    pub(crate) fn open<'a>(
        &mut self,
        ssrc: u32,
        packet: &'a mut [u8],
    ) -> Result<Opened<'a>, DropReason> {
        if packet.get(1).is_some_and(|second| rtcp::is_rtcp(*second)) {
            return self.open_rtcp(packet);
        }
        let (header, layout) = RtpHeader::parse(packet).ok_or(DropReason::Malformed)?;
        if header.ssrc != ssrc {
            return Err(DropReason::ForeignSsrc);
        }
        let nonce = self.nonces.check(packet)?;
        let plain = self.aead.open(packet, layout.preamble_end()).ok_or(DropReason::BadTag)?;
        let newest = self.nonces.insert(nonce);
        if header.payload_type != opus::UDP_PAYLOAD_TYPE {
            return Err(DropReason::ForeignPayloadType);
        }
        // The extension's body was sealed with the payload; only its preamble was readable.
        let body = layout.header_end() - layout.preamble_end();
        let payload = plain.get(body..).ok_or(DropReason::Malformed)?;
        let payload = if layout.padding {
            without_padding(payload).ok_or(DropReason::Malformed)?
        } else {
            payload
        };
        // What extensions there are was never negotiated, so none is read.
        Ok(Opened::Rtp(RtpPacket { header, payload, level: None, older: None, newest }))
    }

    fn open_rtcp<'a>(&mut self, packet: &'a mut [u8]) -> Result<Opened<'a>, DropReason> {
        let nonce = self.nonces.check(packet)?;
        let plain = self.aead.open(packet, RTCP_CLEAR).ok_or(DropReason::BadTag)?.len();
        let newest = self.nonces.insert(nonce);
        Ok(Opened::Rtcp { compound: Compound::parse(&packet[..RTCP_CLEAR + plain]), newest })
    }

    /// Appends a packet, sealed.
    pub(crate) fn seal(&mut self, header: RtpHeader, payload: &[u8], out: &mut Vec<u8>) -> bool {
        if self.exhausted {
            return false;
        }
        let header = RtpHeader { payload_type: opus::UDP_PAYLOAD_TYPE, ..header };
        let start = out.len();
        out.extend_from_slice(&header.to_bytes());
        out.extend_from_slice(payload);
        self.aead.seal(self.counter, out, start, FIXED);
        // 2^32 packets are 50 speakers for 19 days: the client must get a new key by then.
        (self.counter, self.exhausted) = self.counter.overflowing_add(1);
        true
    }
}

/// Refuses packets whose nonce was used: within one key a nonce stands for one packet.
///
/// Sequence numbers alone would not do: after 65,536 packets a recorded one looks new again.
#[derive(Debug, Default)]
struct NonceWindow(ReplayWindow);

impl NonceWindow {
    /// Reads the packet's nonce and places it next to those before. Clients may start anywhere.
    fn check(&self, packet: &[u8]) -> Result<u64, DropReason> {
        let nonce: &[u8; NONCE] = packet.last_chunk().ok_or(DropReason::Malformed)?;
        let nonce = u32::from_be_bytes(*nonce);
        let Some(highest) = self.0.highest() else { return Ok((1 << 32) | u64::from(nonce)) };
        let delta = nonce.wrapping_sub(highest as u32) as i32;
        let extended = highest.saturating_add_signed(i64::from(delta));
        if self.0.is_new(extended) { Ok(extended) } else { Err(DropReason::Replay) }
    }

    /// Remembers the nonce of an authentic packet. Whether it is the newest.
    fn insert(&mut self, nonce: u64) -> bool {
        let newest = self.0.highest().is_none_or(|highest| nonce > highest);
        self.0.insert(nonce);
        newest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The two ends of one key, and what the first seals under `ssrc`.
    fn sealed(from: &mut UdpTransport, ssrc: u32, sequence: u16) -> Vec<u8> {
        let header = RtpHeader { marker: false, payload_type: 120, sequence, timestamp: 0, ssrc };
        let mut out = Vec::new();
        assert!(from.seal(header, b"opus", &mut out));
        out
    }

    fn pair() -> (UdpTransport, UdpTransport) {
        let make = || UdpTransport::new(EncryptionMode::Aes256Gcm, SessionKey::new([3; 32]));
        (make(), make())
    }

    #[test]
    fn a_recording_is_refused_though_its_sequence_number_comes_round_again() {
        let (mut client, mut server) = pair();
        let recorded = sealed(&mut client, 7, 0);
        assert!(server.open(7, &mut recorded.clone()).is_ok());
        for sequence in 1..=u16::MAX {
            let mut packet = sealed(&mut client, 7, sequence);
            assert!(server.open(7, &mut packet).is_ok());
        }

        let mut recorded = recorded;
        assert_eq!(server.open(7, &mut recorded).map(|_| ()), Err(DropReason::Replay));
    }

    #[test]
    fn an_authentic_packet_under_another_ssrc_is_refused() {
        let (mut client, mut server) = pair();
        let mut packet = sealed(&mut client, 8, 0);

        assert_eq!(server.open(7, &mut packet).map(|_| ()), Err(DropReason::ForeignSsrc));
    }

    #[test]
    fn when_all_nonces_were_used_nothing_more_is_sealed() {
        let (mut client, _) = pair();
        client.counter = u32::MAX;
        sealed(&mut client, 7, 0);

        let header =
            RtpHeader { marker: false, payload_type: 120, sequence: 1, timestamp: 0, ssrc: 7 };
        let mut out = Vec::new();
        assert!(!client.seal(header, b"opus", &mut out));
        assert!(out.is_empty());
    }
}
