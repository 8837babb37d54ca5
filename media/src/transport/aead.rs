//! The two ciphers of Discord's UDP transport, with the nonce at the tail of the packet.
//!
//! HOT: keys are set up once; sealing and opening allocate nothing, but for what the first sealing by
//! ChaCha20 keeps.

use model::voice::EncryptionMode;
use model::voice::SessionKey;

use super::gcm::Gcm;
use super::xchacha::XChaCha;

/// Length of the authentication tag of both ciphers, in bytes.
pub(crate) const TAG: usize = 16;
/// Length of the nonce on the wire, in bytes; the rest of the cipher's nonce is zero.
pub(crate) const NONCE: usize = 4;

/// A cipher with its key.
pub(crate) enum Aead {
    /// Boxed: a client by UDP is otherwise small.
    Aes256Gcm(Box<Gcm>),
    XChaCha20Poly1305(XChaCha),
}

impl Aead {
    /// Sets up a key.
    pub(crate) fn new(mode: EncryptionMode, key: &SessionKey) -> Self {
        match mode {
            EncryptionMode::Aes256Gcm => Self::Aes256Gcm(Box::new(Gcm::new(key.as_bytes()))),
            EncryptionMode::XChaCha20Poly1305 => Self::XChaCha20Poly1305(XChaCha::new(key)),
        }
    }

    /// Opens `packet`, of which `clear` bytes are authenticated but not encrypted and the last
    /// [`TAG`] + [`NONCE`] bytes are tag and nonce. The plaintext, in place; None if it fails.
    pub(crate) fn open<'a>(&self, packet: &'a mut [u8], clear: usize) -> Option<&'a mut [u8]> {
        let (body, nonce) = packet.split_last_chunk_mut::<NONCE>()?;
        let (clear, sealed) = body.split_at_mut_checked(clear)?;
        let plain = sealed.len().checked_sub(TAG)?;
        match self {
            Self::Aes256Gcm(key) => {
                if !key.open(padded(*nonce), clear, sealed) {
                    return None;
                }
            }
            Self::XChaCha20Poly1305(key) => {
                let (cipher, tag) = sealed.split_last_chunk_mut::<TAG>()?;
                if !key.open(*nonce, clear, cipher, tag) {
                    return None;
                }
            }
        }
        sealed.get_mut(..plain)
    }

    /// Seals what `out` holds from `start` on, of which `clear` bytes stay readable, and appends
    /// tag and nonce. The caller never gives a counter twice.
    pub(crate) fn seal(&mut self, counter: u32, out: &mut Vec<u8>, start: usize, clear: usize) {
        let nonce = counter.to_be_bytes();
        let (head, plain) = out[start..].split_at_mut(clear);
        let tag: [u8; TAG] = match self {
            Self::Aes256Gcm(key) => key.seal(padded(nonce), head, plain),
            Self::XChaCha20Poly1305(key) => key.seal(counter, head, plain),
        };
        out.extend_from_slice(&tag);
        out.extend_from_slice(&nonce);
    }
}

/// The counter as the cipher's nonce: first the four bytes, then zeros.
pub(super) fn padded<const N: usize>(counter: [u8; NONCE]) -> [u8; N] {
    let mut nonce = [0; N];
    nonce[..NONCE].copy_from_slice(&counter);
    nonce
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_modes_open_what_they_sealed_and_nothing_else() {
        for mode in EncryptionMode::ALL {
            let mut cipher = Aead::new(mode, &SessionKey::new([7; 32]));
            let mut out = b"........headerpayload".to_vec();
            cipher.seal(9, &mut out, 8, 6);

            assert_eq!(&out[out.len() - 4..], &[0, 0, 0, 9]);
            assert_ne!(&out[14..21], b"payload");
            let mut packet = out[8..].to_vec();
            assert_eq!(cipher.open(&mut packet, 6).expect("authentic"), b"payload");
            for flipped in 8..out.len() {
                let mut forged = out.clone();
                forged[flipped] ^= 1;
                assert!(cipher.open(&mut forged[8..], 6).is_none(), "{mode:?} byte {flipped}");
            }
        }
    }
}
