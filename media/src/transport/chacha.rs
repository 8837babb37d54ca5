//! ChaCha20 keystreams of XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03 §2) for several packets at once:
//! those that come next.
//!
//! A block takes twenty rounds, each of which waits for the one before; a processor that works on eight
//! packets hardly takes longer than for one. Which nonces come next is known: they count. Loops over
//! lanes are plain code, which the compiler makes vectors of, for each kind of processor apart.
//!
//! HOT: no allocation. The time that it takes depends on no secret.

use std::array;

use fearless_simd::Level;
use fearless_simd::dispatch;

/// How many packets are prepared at once: one vector of AVX2, two of every other processor.
pub(super) const LANES: usize = 8;
/// Length of a key, in bytes.
pub(super) const KEY: usize = 32;
/// Length of a block, in bytes.
pub(super) const BLOCK: usize = 64;
/// Blocks of a packet, at most. The first is its authenticator's key.
pub(super) const BLOCKS: usize = 5;

/// A word of each lane.
type Row = [u32; LANES];
/// One block of a keystream.
type Block = [u32; BLOCK / 4];
/// The keystream of one packet, of which only the blocks that were asked for count.
pub(super) type Stream = [Block; BLOCKS];

/// "expand 32-byte k", the first row of the state (RFC 8439 §2.3).
const SIGMA: [u32; 4] = [0x6170_7865, 0x3320_646E, 0x7962_2D32, 0x6B20_6574];

/// The keystreams of packets that follow each other.
pub(super) struct Streams([Stream; LANES]);

impl Streams {
    /// None yet.
    pub(super) const fn new() -> Self {
        Self([[[0; BLOCK / 4]; BLOCKS]; LANES])
    }

    /// Makes `blocks` blocks for each of the packets that have `first` and the numbers after it as the
    /// first word of their nonces, in the order of bytes on the wire; the rest of the nonce is zero.
    pub(super) fn make(&mut self, on: Level, key: &[u8; KEY], first: u32, blocks: usize) {
        dispatch!(on, _ => make(self, key, first, blocks));
    }

    /// The keystream of the packet that is the `at`th of them, below [`LANES`].
    pub(super) fn of(&self, at: usize) -> &Stream {
        &self.0[at]
    }
}

/// [`Streams::make`], which is compiled for each kind of processor.
#[inline(always)]
fn make(streams: &mut Streams, key: &[u8; KEY], first: u32, blocks: usize) {
    let keys = keys(key, first);
    for at in 0..blocks.min(BLOCKS) {
        let rows = block(&keys, at as u32);
        for (lane, stream) in streams.0.iter_mut().enumerate() {
            stream[at] = array::from_fn(|word| rows[word][lane]);
        }
    }
}

/// The quarter round (RFC 8439 §2.1).
macro_rules! quarter {
    ($a:ident $b:ident $c:ident $d:ident) => {
        $a = $a.wrapping_add($b);
        $d = ($d ^ $a).rotate_left(16);
        $c = $c.wrapping_add($d);
        $b = ($b ^ $c).rotate_left(12);
        $a = $a.wrapping_add($b);
        $d = ($d ^ $a).rotate_left(8);
        $c = $c.wrapping_add($d);
        $b = ($b ^ $c).rotate_left(7);
    };
}

/// Two rounds, of columns and of diagonals (RFC 8439 §2.3).
macro_rules! double_round {
    ($a0:ident $a1:ident $a2:ident $a3:ident
     $b0:ident $b1:ident $b2:ident $b3:ident
     $c0:ident $c1:ident $c2:ident $c3:ident
     $d0:ident $d1:ident $d2:ident $d3:ident) => {
        quarter!($a0 $b0 $c0 $d0);
        quarter!($a1 $b1 $c1 $d1);
        quarter!($a2 $b2 $c2 $d2);
        quarter!($a3 $b3 $c3 $d3);
        quarter!($a0 $b1 $c2 $d3);
        quarter!($a1 $b2 $c3 $d0);
        quarter!($a2 $b3 $c0 $d1);
        quarter!($a3 $b0 $c1 $d2);
    };
}

/// All twenty. Written out, on words that have names: the compiler makes vectors of a loop over lanes
/// only if there is no other loop in it, and no array.
macro_rules! twenty_rounds {
    ($($word:ident)*) => {
        double_round!($($word)*);
        double_round!($($word)*);
        double_round!($($word)*);
        double_round!($($word)*);
        double_round!($($word)*);
        double_round!($($word)*);
        double_round!($($word)*);
        double_round!($($word)*);
        double_round!($($word)*);
        double_round!($($word)*);
    };
}

/// HChaCha20 (draft-irtf-cfrg-xchacha-03 §2.2): the keys of the packets.
#[expect(unused_assignments, reason = "the last round turns rows, too, that no key is made of")]
#[inline(always)]
fn keys(key: &[u8; KEY], first: u32) -> [Row; 8] {
    let (words, _) = key.as_chunks::<4>();
    let key: [u32; 8] = array::from_fn(|at| u32::from_le_bytes(words[at]));
    let mut rows = [[0; LANES]; 8];
    for lane in 0..LANES {
        let [mut a0, mut a1, mut a2, mut a3] = SIGMA;
        let [mut b0, mut b1, mut b2, mut b3, mut c0, mut c1, mut c2, mut c3] = key;
        let mut d0 = first.wrapping_add(lane as u32).swap_bytes();
        let [mut d1, mut d2, mut d3] = [0_u32; 3];
        twenty_rounds!(a0 a1 a2 a3 b0 b1 b2 b3 c0 c1 c2 c3 d0 d1 d2 d3);
        // Neither the key nor the nonce is added: only the first and the last row are used.
        for (row, word) in rows.iter_mut().zip([a0, a1, a2, a3, d0, d1, d2, d3]) {
            row[lane] = word;
        }
    }
    rows
}

/// The block of each packet's stream that has this number (RFC 8439 §2.3); the nonces of the packets' own
/// keys are zero.
#[inline(always)]
fn block(keys: &[Row; 8], number: u32) -> [Row; BLOCK / 4] {
    let [k0, k1, k2, k3, k4, k5, k6, k7] = keys;
    let mut rows = [[0; LANES]; BLOCK / 4];
    for lane in 0..LANES {
        let [mut a0, mut a1, mut a2, mut a3] = SIGMA;
        let [mut b0, mut b1, mut b2, mut b3] = [k0[lane], k1[lane], k2[lane], k3[lane]];
        let [mut c0, mut c1, mut c2, mut c3] = [k4[lane], k5[lane], k6[lane], k7[lane]];
        let [mut d0, mut d1, mut d2, mut d3] = [number, 0, 0, 0];
        twenty_rounds!(a0 a1 a2 a3 b0 b1 b2 b3 c0 c1 c2 c3 d0 d1 d2 d3);
        rows[0][lane] = a0.wrapping_add(SIGMA[0]);
        rows[1][lane] = a1.wrapping_add(SIGMA[1]);
        rows[2][lane] = a2.wrapping_add(SIGMA[2]);
        rows[3][lane] = a3.wrapping_add(SIGMA[3]);
        rows[4][lane] = b0.wrapping_add(k0[lane]);
        rows[5][lane] = b1.wrapping_add(k1[lane]);
        rows[6][lane] = b2.wrapping_add(k2[lane]);
        rows[7][lane] = b3.wrapping_add(k3[lane]);
        rows[8][lane] = c0.wrapping_add(k4[lane]);
        rows[9][lane] = c1.wrapping_add(k5[lane]);
        rows[10][lane] = c2.wrapping_add(k6[lane]);
        rows[11][lane] = c3.wrapping_add(k7[lane]);
        rows[12][lane] = d0.wrapping_add(number);
        rows[13][lane] = d1;
        rows[14][lane] = d2;
        rows[15][lane] = d3;
    }
    rows
}

#[cfg(test)]
mod tests {
    use chacha20poly1305::KeyInit;
    use chacha20poly1305::XChaCha20Poly1305;
    use chacha20poly1305::aead::AeadInPlace;

    use super::*;

    /// What is encrypted of nothing but zeros is the keystream, without its first block.
    #[test]
    fn the_stream_of_each_lane_is_that_of_its_own_nonce() {
        let secret: [u8; KEY] = array::from_fn(|at| (7 * at) as u8);
        let mut streams = Streams::new();
        for on in [Level::new(), Level::baseline()] {
            for first in [0_u32, 1, 0xFFFF_FFFE] {
                streams.make(on, &secret, first, BLOCKS);
                for lane in 0..LANES {
                    let mut nonce = [0; 24];
                    nonce[..4].copy_from_slice(&first.wrapping_add(lane as u32).to_be_bytes());
                    let mut theirs = [0; BLOCK * (BLOCKS - 1)];
                    XChaCha20Poly1305::new(&secret.into())
                        .encrypt_in_place_detached(&nonce.into(), b"", &mut theirs)
                        .expect("short enough");

                    let ours = streams.of(lane).as_flattened();
                    let ours: Vec<u8> =
                        ours[BLOCK / 4..].iter().flat_map(|word| word.to_le_bytes()).collect();
                    assert_eq!(ours, theirs, "{first} and {lane}");
                }
            }
        }
    }

    #[test]
    fn no_more_blocks_are_made_than_were_asked_for() {
        let mut streams = Streams::new();
        streams.make(Level::new(), &[7; KEY], 3, 2);
        let [first, second, third, ..] = streams.of(0);
        assert_ne!([*first, *second], [[0; BLOCK / 4]; 2]);
        assert_eq!(third, &[0; BLOCK / 4]);
    }
}
