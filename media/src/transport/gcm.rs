//! AES-GCM (NIST SP 800-38D) with nonces of 96 bits, for packets.
//!
//! A voice's packet is shorter than eight blocks: its whole keystream, with the block that hides the
//! tag, is made at once, and its hash takes four blocks at a time, which is quicker than what libraries
//! make for streams (docs/adr/0017-ciphers-for-packets.md). The blocks themselves are a library's.
//!
//! HOT: no allocation. The time that it takes depends on no secret, only on lengths.

use aes::Aes128Enc;
use aes::Aes256Enc;
use aes::cipher::Array;
use aes::cipher::KeyInit as _;
use aws_lc_rs::aead;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use polyval::Polyval;
use polyval::hazmat::FieldElement;
use polyval::universal_hash::UniversalHash as _;

use super::keystream::BLOCK;
use super::keystream::Block;
use super::keystream::BlockCipher;
use super::keystream::LANES;
use super::keystream::encrypt;
use super::keystream::encrypt_long;
use super::keystream::keystream;
use super::keystream::partial;

/// Length of a tag, in bytes.
pub(super) const TAG: usize = 16;
/// Length of a nonce, in bytes.
pub(super) const NONCE: usize = 12;
/// The counter after the first eight blocks.
const AFTER_FIRST: u32 = 1 + LANES as u32;
/// Blocks that are hashed at once.
const HASHED: usize = 4;
/// Blocks that may wait to be hashed: as many as a voice's packet has, so that all are hashed in one go.
const WAITING: usize = 16;

/// A key for packets.
pub(crate) enum Gcm {
    /// On a processor that has instructions for AES and for the hash.
    Aes128(Instructions<Aes128Enc>),
    Aes256(Instructions<Aes256Enc>),
    /// Elsewhere, a library that has more ways to do without.
    Portable(aead::LessSafeKey),
}

/// What is derived from a key once.
pub(crate) struct Instructions<C> {
    cipher: C,
    /// With nothing in it yet.
    hash: Polyval,
}

impl Gcm {
    /// Sets up a key of 16 or 32 bytes for this processor.
    pub(super) fn new(key: &[u8]) -> Self {
        match key.len() {
            _ if !has_instructions() => Self::portable(key),
            16 => {
                Self::Aes128(Instructions::new(Aes128Enc::new_from_slice(key).expect("16 bytes")))
            }
            _ => Self::Aes256(Instructions::new(
                Aes256Enc::new_from_slice(key).expect("a key of 16 or 32 bytes"),
            )),
        }
    }

    fn portable(key: &[u8]) -> Self {
        let algorithm = if key.len() == 16 { &aead::AES_128_GCM } else { &aead::AES_256_GCM };
        let key = aead::UnboundKey::new(algorithm, key).expect("a key of 16 or 32 bytes");
        Self::Portable(aead::LessSafeKey::new(key))
    }

    /// Encrypts `plain` in place and authenticates it with `clear`. The caller never gives a nonce
    /// twice, unless all else is the same.
    pub(super) fn seal(&self, nonce: [u8; NONCE], clear: &[u8], plain: &mut [u8]) -> [u8; TAG] {
        match self {
            Self::Aes128(key) => key.seal(nonce, clear, plain),
            Self::Aes256(key) => key.seal(nonce, clear, plain),
            Self::Portable(key) => {
                let nonce = aead::Nonce::assume_unique_for_key(nonce);
                let tag = key.seal_in_place_separate_tag(nonce, aead::Aad::from(clear), plain);
                let tag = tag.expect("a packet is shorter than many gigabytes");
                tag.as_ref().try_into().expect("the tag has 16 bytes")
            }
        }
    }

    /// Decrypts in place what precedes the tag, which ends `sealed`. Whether it was authentic; if
    /// not, its bytes may be lost.
    pub(super) fn open(&self, nonce: [u8; NONCE], clear: &[u8], sealed: &mut [u8]) -> bool {
        match self {
            Self::Aes128(key) => key.open(nonce, clear, sealed),
            Self::Aes256(key) => key.open(nonce, clear, sealed),
            Self::Portable(key) => {
                let nonce = aead::Nonce::assume_unique_for_key(nonce);
                key.open_in_place(nonce, aead::Aad::from(clear), sealed).is_ok()
            }
        }
    }
}

/// Whether both libraries use instructions of this processor.
pub(super) fn has_instructions() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("aes")
        && is_x86_feature_detected!("avx")
        && is_x86_feature_detected!("pclmulqdq");
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("aes");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    false
}

impl<C: BlockCipher> Instructions<C> {
    fn new(cipher: C) -> Self {
        let mut h = Block::default();
        cipher.encrypt_block(&mut h);
        // GHASH is POLYVAL with bytes and key the other way round (RFC 8452, appendix A).
        let h = FieldElement::from(h).reverse().mulx();
        Self { cipher, hash: Polyval::new(&h.into()) }
    }

    fn seal(&self, nonce: [u8; NONCE], clear: &[u8], plain: &mut [u8]) -> [u8; TAG] {
        let lengths = (clear.len(), plain.len());
        let mut hash = Hash::new(&self.hash, blocks(lengths));
        hash.padded(clear);
        let (first, rest) = split(plain);
        let counters = counters(nonce);
        let [mask, stream @ ..] = &keystream(&self.cipher, counters, 1);
        encrypt(first, stream, |block| hash.block(block));
        encrypt_long(&self.cipher, (counters, AFTER_FIRST), rest, |block| hash.block(block));
        hash.tag(lengths, mask)
    }

    fn open(&self, nonce: [u8; NONCE], clear: &[u8], sealed: &mut [u8]) -> bool {
        let Some((cipher, tag)) = sealed.split_last_chunk_mut::<TAG>() else { return false };
        let lengths = (clear.len(), cipher.len());
        let mut hash = Hash::new(&self.hash, blocks(lengths));
        hash.padded(clear);
        hash.padded(cipher);
        let counters = counters(nonce);
        let [mask, stream @ ..] = &keystream(&self.cipher, counters, 1);
        if verify_slices_are_equal(&hash.tag(lengths, mask), tag).is_err() {
            return false;
        }
        let (first, rest) = split(cipher);
        encrypt(first, stream, |_| ());
        encrypt_long(&self.cipher, (counters, AFTER_FIRST), rest, |_| ());
        true
    }
}

/// How many blocks a packet has whose parts have these lengths in bytes, with that of the lengths.
const fn blocks((clear, cipher): (usize, usize)) -> usize {
    clear.div_ceil(BLOCK) + cipher.div_ceil(BLOCK) + 1
}

/// The counter block of a nonce, with a counter of zero. Those of a packet begin with one.
fn counters(nonce: [u8; NONCE]) -> [u8; BLOCK] {
    let mut counters = [0; BLOCK];
    counters[..NONCE].copy_from_slice(&nonce);
    counters
}

/// What is encrypted with the first eight blocks, and what follows.
fn split(bytes: &mut [u8]) -> (&mut [u8], &mut [u8]) {
    let first = bytes.len().min((LANES - 1) * BLOCK);
    bytes.split_at_mut(first)
}

/// The hash of one packet in the making.
struct Hash {
    state: Polyval,
    /// Their bytes the other way round.
    blocks: [[u8; BLOCK]; WAITING],
    /// How many of the blocks wait.
    waiting: usize,
}

impl Hash {
    /// Begins a packet that has so many blocks. Zeros in front change nothing, and let the last block
    /// be the last of four.
    #[inline(always)]
    fn new(key: &Polyval, blocks: usize) -> Self {
        let waiting = blocks.next_multiple_of(HASHED) - blocks;
        Self { state: key.clone(), blocks: [[0; BLOCK]; WAITING], waiting }
    }

    /// Takes `bytes`, and zeros until a block is full.
    #[inline(always)]
    fn padded(&mut self, bytes: &[u8]) {
        let (blocks, rest) = bytes.as_chunks();
        for block in blocks {
            self.block(u128::from_ne_bytes(*block));
        }
        if !rest.is_empty() {
            self.block(partial(rest));
        }
    }

    #[inline(always)]
    fn block(&mut self, block: u128) {
        self.blocks[self.waiting] = block.swap_bytes().to_ne_bytes();
        self.waiting += 1;
        if self.waiting == WAITING {
            self.flush();
        }
    }

    #[inline(never)]
    fn flush(&mut self) {
        self.state.update(Array::cast_slice_from_core(&self.blocks[..self.waiting]));
        self.waiting = 0;
    }

    /// The tag of all that it took, whose parts had these lengths in bytes.
    #[inline(always)]
    fn tag(mut self, (clear, cipher): (usize, usize), mask: &Block) -> [u8; TAG] {
        self.block((((clear as u128 * 8) << 64) | (cipher as u128 * 8)).to_be());
        self.flush();
        (u128::from_le_bytes(self.state.finalize().0) ^ u128::from_be_bytes(mask.0)).to_be_bytes()
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
            is_short: bool,
            nonce: [u8; NONCE],
            clear in proptest::collection::vec(any::<u8>(), 0..40),
            plain in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..280),
                proptest::collection::vec(any::<u8>(), 0..1_500),
            ],
            flipped: prop::sample::Index,
        ) {
            let key = if is_short { &key[..16] } else { &key[..] };
            let (ours, library) = (Gcm::new(key), Gcm::portable(key));
            let (mut left, mut right) = (plain.clone(), plain.clone());
            let tags = [ours.seal(nonce, &clear, &mut left), library.seal(nonce, &clear, &mut right)];

            prop_assert_eq!(tags[0], tags[1]);
            prop_assert_eq!(&left, &right);
            left.extend_from_slice(&tags[0]);
            for cipher in [&ours, &library] {
                let mut opened = left.clone();
                prop_assert!(cipher.open(nonce, &clear, &mut opened));
                prop_assert_eq!(&opened[..plain.len()], &plain);

                let mut forged = left.clone();
                forged[flipped.index(left.len())] ^= 0x10;
                prop_assert!(!cipher.open(nonce, &clear, &mut forged));
                if !clear.is_empty() {
                    let mut head = clear.clone();
                    head[flipped.index(clear.len())] ^= 1;
                    prop_assert!(!cipher.open(nonce, &head, &mut left.clone()));
                }
                prop_assert!(!cipher.open(nonce, &clear, &mut left.clone()[..TAG - 1]));
            }
        }
    }

    #[test]
    fn this_processor_is_used() {
        assert_eq!(matches!(Gcm::new(&[7; 32]), Gcm::Portable(_)), !has_instructions());
        assert!(matches!(Gcm::portable(&[7; 32]), Gcm::Portable(_)));
    }
}
