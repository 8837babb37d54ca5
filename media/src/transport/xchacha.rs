//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03 §2) as fast as the processor allows.
//!
//! Every packet has a key of its own here (HChaCha20 of its nonce), so nothing can be set up ahead;
//! the code that runs per packet is all there is to save. It allocates nothing.

use chacha20poly1305::KeyInit;
use chacha20poly1305::XChaCha20Poly1305 as Portable;
use chacha20poly1305::aead::AeadInPlace;
use graviola::aead::XChaCha20Poly1305 as Vectored;
use model::voice::SessionKey;

use super::aead::TAG;

/// Length of the cipher's nonce, in bytes.
const NONCE: usize = 24;

/// The cipher with its key.
pub(crate) enum XChaCha {
    /// Hand-written vector code, for processors that have the instructions.
    Vectored(Vectored),
    /// For all others.
    Portable(Portable),
}

impl XChaCha {
    /// Sets up a key for this processor.
    pub(crate) fn new(key: &SessionKey) -> Self {
        if graviola::util::is_cpu_supported() {
            Self::Vectored(Vectored::new(*key.as_bytes()))
        } else {
            Self::portable(key)
        }
    }

    fn portable(key: &SessionKey) -> Self {
        Self::Portable(Portable::new(key.as_bytes().into()))
    }

    /// Encrypts `plain` in place and authenticates it with `clear`. The caller never gives a nonce
    /// twice.
    pub(crate) fn seal(&self, nonce: &[u8; NONCE], clear: &[u8], plain: &mut [u8]) -> [u8; TAG] {
        match self {
            Self::Vectored(key) => {
                let mut tag = [0; TAG];
                key.encrypt(nonce, clear, plain, &mut tag);
                tag
            }
            Self::Portable(key) => key
                .encrypt_in_place_detached(nonce.into(), clear, plain)
                .expect("a packet is shorter than many gigabytes")
                .into(),
        }
    }

    /// Decrypts `sealed` in place. Whether it was authentic; if not, its bytes are lost.
    pub(crate) fn open(
        &self,
        nonce: &[u8; NONCE],
        clear: &[u8],
        sealed: &mut [u8],
        tag: &[u8; TAG],
    ) -> bool {
        match self {
            Self::Vectored(key) => key.decrypt(nonce, clear, sealed, tag).is_ok(),
            Self::Portable(key) => {
                key.decrypt_in_place_detached(nonce.into(), clear, sealed, tag.into()).is_ok()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_processor_seals_to_the_same_bytes_and_opens_the_others(
            key: [u8; 32],
            nonce: [u8; NONCE],
            clear in proptest::collection::vec(any::<u8>(), 0..40),
            plain in proptest::collection::vec(any::<u8>(), 0..1_400),
        ) {
            let key = SessionKey::new(key);
            let ciphers = [XChaCha::new(&key), XChaCha::portable(&key)];

            let sealed = ciphers.each_ref().map(|cipher| {
                let mut bytes = plain.clone();
                let tag = cipher.seal(&nonce, &clear, &mut bytes);
                (bytes, tag)
            });

            prop_assert_eq!(&sealed[0], &sealed[1]);
            let (bytes, tag) = &sealed[0];
            for cipher in ciphers {
                let mut opened = bytes.clone();
                prop_assert!(cipher.open(&nonce, &clear, &mut opened, tag));
                prop_assert_eq!(&opened, &plain);
                let mut forged = *tag;
                forged[3] ^= 1;
                prop_assert!(!cipher.open(&nonce, &clear, &mut bytes.clone(), &forged));
            }
        }
    }
}
