//! HMAC-SHA1 (RFC 2104) of short messages, with what depends on the key alone done once: the tags of SRTP
//! and the integrity of STUN.
//!
//! HOT: no allocation. The time that it takes depends on no secret, only on lengths.

use sha1::block_api::compress;

/// Length of a hash, in bytes; tags are its beginning.
pub(super) const HASH: usize = 20;
/// Length of a block of the hash, in bytes.
const BLOCK: usize = 64;
/// What ends a message: its length in bits, as eight bytes (FIPS 180-4 §5.1.1).
const LENGTH: usize = 8;
/// Where the hash begins (FIPS 180-4 §5.3.1).
const BEGINNING: State = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0];

/// Where a hash has got to.
type State = [u32; HASH / 4];

/// A key, as the hash stands after it.
pub(crate) struct HmacSha1 {
    inner: State,
    outer: State,
}

impl HmacSha1 {
    /// Sets up a key of any length.
    pub(super) fn new(key: &[u8]) -> Self {
        let short = if key.len() > BLOCK { Some(sha1(BEGINNING, 0, [key])) } else { None };
        let key = short.as_ref().map_or(key, |hash| &hash[..]);
        let after = |pad: u8| {
            let mut block = [pad; BLOCK];
            for (byte, key) in block.iter_mut().zip(key) {
                *byte ^= key;
            }
            let mut state = BEGINNING;
            compress(&mut state, &[block]);
            state
        };
        Self { inner: after(0x36), outer: after(0x5C) }
    }

    /// The hash of a message that is in parts.
    #[inline]
    pub(super) fn hash<const N: usize>(&self, parts: [&[u8]; N]) -> [u8; HASH] {
        let inner = sha1(self.inner, BLOCK, parts);
        sha1(self.outer, BLOCK, [&inner])
    }
}

/// Goes on from `state`, `before` bytes after the beginning, to the end of the message that `parts` are.
#[inline]
fn sha1<const N: usize>(mut state: State, before: usize, parts: [&[u8]; N]) -> [u8; HASH] {
    let (mut last, mut waiting, mut length) = ([0; BLOCK], 0, before);
    for mut part in parts {
        length += part.len();
        if waiting > 0 {
            let (filling, rest) = part.split_at(part.len().min(BLOCK - waiting));
            last[waiting..waiting + filling.len()].copy_from_slice(filling);
            (waiting, part) = (waiting + filling.len(), rest);
            if waiting < BLOCK {
                continue;
            }
            compress(&mut state, &[last]);
        }
        let (blocks, rest) = part.as_chunks();
        compress(&mut state, blocks);
        last[..rest.len()].copy_from_slice(rest);
        waiting = rest.len();
    }
    last[waiting] = 0x80;
    last[waiting + 1..].fill(0);
    if waiting + 1 + LENGTH > BLOCK {
        compress(&mut state, &[last]);
        last = [0; BLOCK];
    }
    last[BLOCK - LENGTH..].copy_from_slice(&(length as u64 * 8).to_be_bytes());
    compress(&mut state, &[last]);

    let mut hash = [0; HASH];
    for (bytes, word) in hash.as_chunks_mut().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    hash
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::hmac;
    use proptest::prelude::*;

    use super::*;

    fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(any::<u8>(), 0..most)
    }

    proptest! {
        #[test]
        fn a_library_says_the_same(
            key in bytes(150),
            parts in (bytes(200), bytes(70), bytes(400)),
        ) {
            let library = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key);
            let whole = [&parts.0[..], &parts.1, &parts.2].concat();
            let expected = hmac::sign(&library, &whole);

            let ours = HmacSha1::new(&key).hash([&parts.0, &parts.1, &parts.2]);

            prop_assert_eq!(&ours[..], expected.as_ref());
        }
    }
}
