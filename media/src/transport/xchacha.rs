//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03 §2) as fast as the processor allows.
//!
//! Every packet has a key of its own here (HChaCha20 of its nonce). Nonces that we choose count, so
//! the keys of the next few are made together (`hchacha.rs`). The memory for them is taken with the
//! first packet that is sealed; nothing else is allocated.

use chacha20poly1305::ChaCha20Poly1305 as PortableOne;
use chacha20poly1305::KeyInit;
use chacha20poly1305::XChaCha20Poly1305 as Portable;
use chacha20poly1305::aead::AeadInPlace;
use graviola::aead::ChaCha20Poly1305 as VectoredOne;
use graviola::aead::XChaCha20Poly1305 as Vectored;
use model::voice::SessionKey;

use super::aead::NONCE;
use super::aead::TAG;
use super::aead::padded;
use super::hchacha;

/// The cipher with its key.
pub(crate) struct XChaCha {
    key: [u8; hchacha::KEY],
    /// Whether the processor has the instructions of hand-written vector code.
    vectored: bool,
    ahead: Option<Box<Ahead>>,
}

/// The keys of the next packets.
struct Ahead {
    first: u32,
    keys: [[u8; hchacha::KEY]; hchacha::LANES],
}

impl XChaCha {
    /// Sets up a key for this processor.
    pub(crate) fn new(key: &SessionKey) -> Self {
        Self { key: *key.as_bytes(), vectored: graviola::util::is_cpu_supported(), ahead: None }
    }

    #[cfg(test)]
    fn portable(key: &SessionKey) -> Self {
        Self { vectored: false, ..Self::new(key) }
    }

    /// Encrypts `plain` in place and authenticates it with `clear`. The caller never gives a counter
    /// twice, and counts: any other is right, too, and costs the keys of eight.
    pub(crate) fn seal(&mut self, counter: u32, clear: &[u8], plain: &mut [u8]) -> [u8; TAG] {
        // What is left of the nonce is zero (draft-irtf-cfrg-xchacha-03 §2.3).
        let (key, nonce) = (self.key_of(counter), [0; 12]);
        if self.vectored {
            let mut tag = [0; TAG];
            VectoredOne::new(key).encrypt(&nonce, clear, plain, &mut tag);
            tag
        } else {
            PortableOne::new(&key.into())
                .encrypt_in_place_detached(&nonce.into(), clear, plain)
                .expect("a packet is shorter than many gigabytes")
                .into()
        }
    }

    /// The key of one packet.
    fn key_of(&mut self, counter: u32) -> [u8; hchacha::KEY] {
        let ahead = self.ahead.get_or_insert_with(|| {
            Box::new(Ahead { first: counter, keys: hchacha::keys(&self.key, counter) })
        });
        let at = counter.wrapping_sub(ahead.first) as usize;
        if let Some(key) = ahead.keys.get(at) {
            return *key;
        }
        (ahead.first, ahead.keys) = (counter, hchacha::keys(&self.key, counter));
        ahead.keys[0]
    }

    /// Decrypts `sealed` in place. Whether it was authentic; if not, its bytes are lost.
    pub(crate) fn open(
        &self,
        counter: [u8; NONCE],
        clear: &[u8],
        sealed: &mut [u8],
        tag: &[u8; TAG],
    ) -> bool {
        let nonce = padded(counter);
        if self.vectored {
            Vectored::new(self.key).decrypt(&nonce, clear, sealed, tag).is_ok()
        } else {
            let key = Portable::new(&self.key.into());
            key.decrypt_in_place_detached(&nonce.into(), clear, sealed, tag.into()).is_ok()
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
            counters in proptest::collection::vec(prop_oneof![0..9_u32, any::<u32>()], 1..9),
            clear in proptest::collection::vec(any::<u8>(), 0..40),
            plain in proptest::collection::vec(any::<u8>(), 0..1_400),
        ) {
            let key = SessionKey::new(key);
            let mut ciphers = [XChaCha::new(&key), XChaCha::portable(&key)];
            let library = Portable::new(key.as_bytes().into());

            for counter in counters {
                let nonce: [u8; 24] = padded(counter.to_be_bytes());
                let mut bytes = plain.clone();
                let tag = library
                    .encrypt_in_place_detached(&nonce.into(), &clear, &mut bytes)
                    .expect("short enough");
                let tag: [u8; TAG] = tag.into();
                for cipher in &mut ciphers {
                    let mut ours = plain.clone();
                    prop_assert_eq!(cipher.seal(counter, &clear, &mut ours), tag);
                    prop_assert_eq!(&ours, &bytes);

                    let mut opened = bytes.clone();
                    prop_assert!(cipher.open(counter.to_be_bytes(), &clear, &mut opened, &tag));
                    prop_assert_eq!(&opened, &plain);
                    let mut forged = tag;
                    forged[3] ^= 1;
                    let again = &mut bytes.clone();
                    prop_assert!(!cipher.open(counter.to_be_bytes(), &clear, again, &forged));
                }
            }
        }
    }
}
