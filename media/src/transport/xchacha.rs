//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03 §2) as fast as the processor allows.
//!
//! Every packet has a key of its own here (HChaCha20 of its nonce), and keystreams of a few blocks. Nonces
//! that we choose count, so the keystreams of the next few packets are made together (`chacha.rs`). The
//! memory for them is taken with the first packet that is sealed; nothing else is allocated.

use chacha20poly1305::KeyInit;
use chacha20poly1305::XChaCha20Poly1305 as Portable;
use chacha20poly1305::aead::AeadInPlace;
use fearless_simd::Level;
use graviola::aead::XChaCha20Poly1305 as Vectored;
use model::voice::SessionKey;

use super::aead::NONCE;
use super::aead::TAG;
use super::aead::padded;
use super::chacha;
use super::chacha::Stream;
use super::chacha::Streams;
use super::poly1305::Poly1305;

/// What a packet may carry to be encrypted with a keystream made ahead, in bytes: 100 kbit/s in frames of
/// 20 ms. More is a library's.
const MOST: usize = chacha::BLOCK * (chacha::BLOCKS - 1);

/// The cipher with its key.
pub(crate) struct XChaCha {
    key: [u8; chacha::KEY],
    /// Whether the processor has the instructions of the library's vector code.
    vectored: bool,
    /// The instructions that the processor has, for our own.
    on: Level,
    ahead: Option<Box<Ahead>>,
}

/// The keystreams of the next packets.
struct Ahead {
    /// The counter of the first of them.
    first: u32,
    /// How many blocks of each were made.
    made: usize,
    /// How many the longest of them needed so far.
    needed: usize,
    streams: Streams,
}

impl Ahead {
    const fn new() -> Self {
        Self { first: 0, made: 0, needed: 0, streams: Streams::new() }
    }

    /// The keystream of one packet, of which `blocks` blocks are needed.
    fn stream(
        &mut self,
        cipher: (Level, &[u8; chacha::KEY]),
        counter: u32,
        blocks: usize,
    ) -> &Stream {
        let mut at = counter.wrapping_sub(self.first) as usize;
        let is_among = at < chacha::LANES;
        if !is_among || blocks > self.made {
            // A voice's packets differ in length: those that come may be as long as those before.
            self.made = if is_among { blocks } else { blocks.max(self.needed) };
            (self.first, self.needed, at) = (counter, 0, 0);
            let (on, key) = cipher;
            self.streams.make(on, key, counter, self.made);
        }
        self.needed = self.needed.max(blocks);
        self.streams.of(at)
    }
}

impl XChaCha {
    /// Sets up a key for this processor.
    pub(crate) fn new(key: &SessionKey) -> Self {
        Self {
            key: *key.as_bytes(),
            vectored: graviola::util::is_cpu_supported(),
            on: Level::new(),
            ahead: None,
        }
    }

    #[cfg(test)]
    fn portable(key: &SessionKey) -> Self {
        Self { vectored: false, on: Level::baseline(), ..Self::new(key) }
    }

    /// Encrypts `plain` in place and authenticates it with `clear`. The caller never gives a counter
    /// twice, and counts: any other is right, too, and costs the keystreams of eight.
    pub(crate) fn seal(&mut self, counter: u32, clear: &[u8], plain: &mut [u8]) -> [u8; TAG] {
        if plain.len() > MOST {
            return self.seal_long(counter, clear, plain);
        }
        let blocks = 1 + plain.len().div_ceil(chacha::BLOCK);
        let ahead = self.ahead.get_or_insert_with(|| Box::new(Ahead::new()));
        let [key, stream @ ..] = ahead.stream((self.on, &self.key), counter, blocks);
        encrypt(plain, stream.as_flattened());

        // The first block's other half is not used (RFC 8439 §2.6).
        let key = key.first_chunk().expect("a block is longer than a key");
        let mut authenticator = Poly1305::new(key);
        authenticator.padded(clear);
        authenticator.padded(plain);
        authenticator.lengths(clear.len(), plain.len());
        authenticator.finish()
    }

    fn seal_long(&self, counter: u32, clear: &[u8], plain: &mut [u8]) -> [u8; TAG] {
        let nonce = padded(counter.to_be_bytes());
        if self.vectored {
            let mut tag = [0; TAG];
            Vectored::new(self.key).encrypt(&nonce, clear, plain, &mut tag);
            tag
        } else {
            Portable::new(&self.key.into())
                .encrypt_in_place_detached(&nonce.into(), clear, plain)
                .expect("a packet is shorter than many gigabytes")
                .into()
        }
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

/// Adds the keystream to `bytes`, which are not more.
fn encrypt(bytes: &mut [u8], stream: &[u32]) {
    let (words, rest) = bytes.as_chunks_mut::<4>();
    let last = stream.get(words.len()).map_or([0; 4], |word| word.to_le_bytes());
    for (word, key) in words.iter_mut().zip(stream) {
        *word = (u32::from_le_bytes(*word) ^ key).to_le_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(last) {
        *byte ^= key;
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
            // Those that count hit what was made ahead, with lengths that need more of it, and less.
            packets in proptest::collection::vec(
                (
                    prop_oneof![0..9_u32, any::<u32>()],
                    prop_oneof![
                        proptest::collection::vec(any::<u8>(), 0..280),
                        proptest::collection::vec(any::<u8>(), 0..1_400),
                    ],
                ),
                1..12,
            ),
            clear in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let key = SessionKey::new(key);
            let mut ciphers = [XChaCha::new(&key), XChaCha::portable(&key)];
            let library = Portable::new(key.as_bytes().into());

            for (counter, plain) in packets {
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
