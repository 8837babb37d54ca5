//! HChaCha20 (draft-irtf-cfrg-xchacha-03 §2.2) of several nonces at once: the keys of the next packets.
//!
//! A packet's key takes twenty rounds, each of which waits for the one before; a processor that works
//! on four nonces waits no longer than for one. Which nonces come next is known: they count.
//!
//! HOT: no allocation. Written so that the compiler makes vectors of it; the time that it takes depends
//! on no secret.

use std::array;

/// How many keys are made at once: as many words as a vector has that every processor knows.
pub(super) const LANES: usize = 4;
/// Length of a key, in bytes.
pub(super) const KEY: usize = 32;

/// "expand 32-byte k", the first row of the state (RFC 8439 §2.3).
const SIGMA: [u32; 4] = [0x6170_7865, 0x3320_646E, 0x7962_2D32, 0x6B20_6574];
/// Rounds come in pairs, of columns and of diagonals.
const PAIRS: usize = 10;

/// A word of each lane's state.
type Word = [u32; LANES];

/// The keys of the packets that have `first` and the numbers after it as the first word of their
/// nonces, in the order of bytes on the wire; the rest of the nonce is zero.
pub(super) fn keys(key: &[u8; KEY], first: u32) -> [[u8; KEY]; LANES] {
    let (words, _) = key.as_chunks::<4>();
    let mut state = [[0; LANES]; 16];
    for (word, constant) in state.iter_mut().zip(SIGMA) {
        *word = [constant; LANES];
    }
    for (word, bytes) in state[4..12].iter_mut().zip(words) {
        *word = [u32::from_le_bytes(*bytes); LANES];
    }
    state[12] = array::from_fn(|lane| first.wrapping_add(lane as u32).swap_bytes());
    for _ in 0..PAIRS {
        for column in 0..4 {
            quarter(&mut state, [column, 4 + column, 8 + column, 12 + column]);
        }
        for column in 0..4 {
            let along = |row: usize| 4 * row + (column + row) % 4;
            quarter(&mut state, [0, 1, 2, 3].map(along));
        }
    }
    // Neither the state nor the nonce is added: only its first and last row are used.
    let rows = [0, 1, 2, 3, 12, 13, 14, 15].map(|at| state[at]);
    array::from_fn(|lane| {
        let mut key = [0; KEY];
        for (bytes, word) in key.as_chunks_mut::<4>().0.iter_mut().zip(rows) {
            *bytes = word[lane].to_le_bytes();
        }
        key
    })
}

/// The quarter round (RFC 8439 §2.1) of all lanes.
fn quarter(state: &mut [Word; 16], [a, b, c, d]: [usize; 4]) {
    for (sum, with, to, left) in [(a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)] {
        let added: Word = array::from_fn(|lane| state[sum][lane].wrapping_add(state[with][lane]));
        state[sum] = added;
        state[to] = array::from_fn(|lane| (state[to][lane] ^ added[lane]).rotate_left(left));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys that the draft's own construction has for a nonce: what a stream cipher of that key
    /// begins with tells them apart.
    #[test]
    fn the_key_of_each_lane_is_that_of_its_own_nonce() {
        use chacha20poly1305::ChaCha20Poly1305;
        use chacha20poly1305::KeyInit;
        use chacha20poly1305::XChaCha20Poly1305;
        use chacha20poly1305::aead::Aead;

        let secret: [u8; KEY] = array::from_fn(|at| (7 * at) as u8);
        for first in [0_u32, 1, 0xFFFF_FFFE] {
            for (lane, key) in (0..).zip(keys(&secret, first)) {
                let mut nonce = [0; 24];
                nonce[..4].copy_from_slice(&first.wrapping_add(lane).to_be_bytes());

                let ours = ChaCha20Poly1305::new(&key.into()).encrypt(&[0; 12].into(), &b"x"[..]);
                let theirs =
                    XChaCha20Poly1305::new(&secret.into()).encrypt(&nonce.into(), &b"x"[..]);

                assert_eq!(ours, theirs, "{first} and {lane}");
            }
        }
    }
}
