//! HChaCha20 (draft-irtf-cfrg-xchacha-03 §2.2) of several nonces at once: the keys of the next packets.
//!
//! A packet's key takes twenty rounds, each of which waits for the one before; a processor that works
//! on eight nonces hardly takes longer than for one. Which nonces come next is known: they count.
//!
//! HOT: no allocation. The time that it takes depends on no secret.

use std::array;

/// How many keys are made at once: two vectors of every processor, so that one works while the other
/// waits.
pub(super) const LANES: usize = 8;
/// Length of a key, in bytes.
pub(super) const KEY: usize = 32;

/// "expand 32-byte k", the first row of the state (RFC 8439 §2.3).
const SIGMA: [u32; 4] = [0x6170_7865, 0x3320_646E, 0x7962_2D32, 0x6B20_6574];

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

/// The keys of the packets that have `first` and the numbers after it as the first word of their
/// nonces, in the order of bytes on the wire; the rest of the nonce is zero.
#[expect(unused_assignments, reason = "the last round turns rows, too, that no key is made of")]
pub(super) fn keys(key: &[u8; KEY], first: u32) -> [[u8; KEY]; LANES] {
    let (words, _) = key.as_chunks::<4>();
    let key: [u32; 8] = array::from_fn(|at| u32::from_le_bytes(words[at]));
    let mut rows = [[0; LANES]; 8];
    for lane in 0..LANES {
        let [mut a0, mut a1, mut a2, mut a3] = SIGMA;
        let [mut b0, mut b1, mut b2, mut b3, mut c0, mut c1, mut c2, mut c3] = key;
        let mut d0 = first.wrapping_add(lane as u32).swap_bytes();
        let [mut d1, mut d2, mut d3] = [0_u32; 3];
        // Written out ten times: the compiler makes vectors of a loop over lanes only if there is no
        // other loop in it.
        macro_rules! rounds {
            ($($_pair:tt)*) => {$(
                let _ = $_pair;
                quarter!(a0 b0 c0 d0);
                quarter!(a1 b1 c1 d1);
                quarter!(a2 b2 c2 d2);
                quarter!(a3 b3 c3 d3);
                quarter!(a0 b1 c2 d3);
                quarter!(a1 b2 c3 d0);
                quarter!(a2 b3 c0 d1);
                quarter!(a3 b0 c1 d2);
            )*};
        }
        rounds!(1 2 3 4 5 6 7 8 9 10);
        // Neither the key nor the nonce is added: only the first and the last row are used.
        for (row, word) in rows.iter_mut().zip([a0, a1, a2, a3, d0, d1, d2, d3]) {
            row[lane] = word;
        }
    }
    array::from_fn(|lane| {
        let mut key = [0; KEY];
        for (bytes, row) in key.as_chunks_mut::<4>().0.iter_mut().zip(&rows) {
            *bytes = row[lane].to_le_bytes();
        }
        key
    })
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
