//! How a UDP voice client encrypts its packets.

use serde::Deserialize;
use serde::Serialize;

/// A transport encryption mode (Discord: Voice Connections/Transport Encryption Modes).
///
/// The `rtpsize` modes authenticate the RTP header, its CSRCs and the four-byte preamble of an
/// extension; a 32-bit big-endian counter at the tail of the packet is the nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EncryptionMode {
    /// AES-256-GCM; what clients choose when the machine has AES instructions.
    #[serde(rename = "aead_aes256_gcm_rtpsize")]
    Aes256Gcm,
    /// XChaCha20-Poly1305; the mode that every client has.
    #[serde(rename = "aead_xchacha20_poly1305_rtpsize")]
    XChaCha20Poly1305,
}

impl EncryptionMode {
    /// All modes, in the order in which Voice Ready offers them.
    pub const ALL: [Self; 2] = [Self::Aes256Gcm, Self::XChaCha20Poly1305];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aes256Gcm => "aead_aes256_gcm_rtpsize",
            Self::XChaCha20Poly1305 => "aead_xchacha20_poly1305_rtpsize",
        }
    }

    /// The mode of that name, if it is one we speak.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == name)
    }
}

/// The 32-byte key of one peer's UDP transport. Its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionKey([u8; 32]);

impl SessionKey {
    /// Wraps 32 random bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for a cipher or for Session Description.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionKey(..)")
    }
}
