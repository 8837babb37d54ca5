//! HMAC-SHA1 (RFC 2104) of a packet and four bytes, with what depends on the key alone done once.
//!
//! HOT: no allocation. The time that it takes depends on no secret, only on lengths.

use sha1::block_api::compress;

/// Length of a key, in bytes.
pub(super) const KEY: usize = 20;
/// Length of a hash, in bytes; tags are its beginning.
const HASH: usize = 20;
/// Length of a block of the hash, in bytes.
const BLOCK: usize = 64;
/// What follows a message: a bit, and its length as eight bytes (FIPS 180-4 §5.1.1).
const END: usize = 1 + 8;
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
    /// Sets up a key.
    pub(super) fn new(key: &[u8; KEY]) -> Self {
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

    /// The hash of `packet` and `trailer`.
    pub(super) fn hash(&self, packet: &[u8], trailer: [u8; 4]) -> [u8; HASH] {
        let mut state = self.inner;
        let (blocks, rest) = packet.as_chunks();
        compress(&mut state, blocks);

        let mut last = [[0; BLOCK]; 2];
        let end = rest.len() + trailer.len();
        let used = (end + END).div_ceil(BLOCK);
        let bytes = last.as_flattened_mut();
        bytes[..rest.len()].copy_from_slice(rest);
        bytes[rest.len()..end].copy_from_slice(&trailer);
        bytes[end] = 0x80;
        let length = BLOCK + packet.len() + trailer.len();
        bytes[used * BLOCK - 8..used * BLOCK].copy_from_slice(&bits(length));
        compress(&mut state, &last[..used]);

        let mut last = [0; BLOCK];
        last[..HASH].copy_from_slice(&bytes_of(state));
        last[HASH] = 0x80;
        last[BLOCK - 8..].copy_from_slice(&bits(BLOCK + HASH));
        let mut state = self.outer;
        compress(&mut state, &[last]);
        bytes_of(state)
    }
}

/// A length in bytes as the hash has it.
const fn bits(length: usize) -> [u8; 8] {
    (length as u64 * 8).to_be_bytes()
}

fn bytes_of(state: State) -> [u8; HASH] {
    let mut bytes = [0; HASH];
    for (bytes, word) in bytes.as_chunks_mut().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::hmac;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_library_says_the_same(
            key: [u8; KEY],
            packet in proptest::collection::vec(any::<u8>(), 0..400),
            trailer: [u8; 4],
        ) {
            let library = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key);
            let mut context = hmac::Context::with_key(&library);
            context.update(&packet);
            context.update(&trailer);

            let ours = HmacSha1::new(&key).hash(&packet, trailer);

            let expected = context.sign();
            prop_assert_eq!(&ours[..], expected.as_ref());
        }
    }
}
