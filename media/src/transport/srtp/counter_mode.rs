//! AES in counter mode with a key of 128 or 256 bits (RFC 3711 §4.1.1).
//!
//! HOT: no allocation.

use aes::Aes128Enc;
use aes::Aes256Enc;
use aes::cipher::KeyInit as _;
use aws_lc_rs::cipher;
use aws_lc_rs::iv::FixedLength;

use crate::transport::gcm::has_instructions;
use crate::transport::keystream::BLOCK;
use crate::transport::keystream::encrypt_long;

/// A key that encrypts and decrypts.
pub(crate) enum CounterMode {
    /// On a processor that has instructions for AES.
    Aes128(Aes128Enc),
    Aes256(Aes256Enc),
    /// Elsewhere, a library that has more ways to do without.
    Portable(Box<cipher::EncryptingKey>),
}

impl CounterMode {
    /// Sets up a key of 16 or 32 bytes for this processor.
    pub(super) fn new(key: &[u8]) -> Self {
        match key.len() {
            _ if !has_instructions() => Self::portable(key),
            16 => Self::Aes128(Aes128Enc::new_from_slice(key).expect("16 bytes")),
            _ => Self::Aes256(Aes256Enc::new_from_slice(key).expect("a key of 16 or 32 bytes")),
        }
    }

    fn portable(key: &[u8]) -> Self {
        let algorithm = if key.len() == 16 { &cipher::AES_128 } else { &cipher::AES_256 };
        let key = cipher::UnboundCipherKey::new(algorithm, key).expect("a key of 16 or 32 bytes");
        Self::Portable(Box::new(cipher::EncryptingKey::ctr(key).expect("AES has a counter mode")))
    }

    /// Encrypts or decrypts; it is the same. The last 16 bits of `iv`, in which blocks are counted, are
    /// zero.
    pub(super) fn apply(&self, iv: [u8; BLOCK], bytes: &mut [u8]) {
        match self {
            Self::Aes128(key) => encrypt_long(key, (iv, 0), bytes, |_| ()),
            Self::Aes256(key) => encrypt_long(key, (iv, 0), bytes, |_| ()),
            Self::Portable(key) => {
                let context = cipher::EncryptionContext::Iv128(FixedLength::from(iv));
                key.less_safe_encrypt(bytes, context)
                    .expect("counter mode takes any length and a 128-bit IV");
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
        fn every_processor_makes_the_same_bytes(
            key: [u8; 32],
            is_short: bool,
            iv: [u8; 14],
            bytes in proptest::collection::vec(any::<u8>(), 0..1_500),
        ) {
            let key = if is_short { &key[..16] } else { &key[..] };
            let mut counters = [0; BLOCK];
            counters[..14].copy_from_slice(&iv);
            let (mut ours, mut library) = (bytes.clone(), bytes.clone());

            CounterMode::new(key).apply(counters, &mut ours);
            CounterMode::portable(key).apply(counters, &mut library);

            prop_assert_eq!(&ours, &library);
            CounterMode::portable(key).apply(counters, &mut ours);
            prop_assert_eq!(ours, bytes);
        }
    }
}
