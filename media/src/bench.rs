//! Parts of the wing for who measures it from outside. Not part of the wing's interface.

use model::voice::EncryptionMode;
use model::voice::SessionKey;

use crate::rtp::header::FIXED;
use crate::rtp::header::RtpHeader;
use crate::transport::aead::Aead;

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
    pub fn seal(&self, counter: u32, out: &mut Vec<u8>, start: usize) {
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
