//! Poly1305 (RFC 8439 §2.5) of one short message whose parts are padded, as ChaCha20-Poly1305 has it.
//!
//! HOT: no allocation. The time that it takes depends on no secret, only on lengths.

/// Length of a tag, in bytes.
pub(super) const TAG: usize = 16;
/// Length of a key, in words of 32 bits.
pub(super) const KEY_WORDS: usize = 8;

/// An authenticator in the making: the sum so far, modulo 2^130 - 5.
pub(super) struct Poly1305 {
    /// What is multiplied with for each block, clamped (RFC 8439 §2.5): both below 2^60, and the second
    /// divisible by four.
    r: [u64; 2],
    /// What is added at the end.
    s: u128,
    /// Below 2^130 and a little: two words and what is above them.
    sum: [u64; 3],
}

impl Poly1305 {
    /// Begins with a key that no other message has.
    pub(super) fn new(key: &[u32; KEY_WORDS]) -> Self {
        let word = |at: usize| u64::from(key[at]) | (u64::from(key[at + 1]) << 32);
        Self {
            r: [word(0) & 0x0FFF_FFFC_0FFF_FFFF, word(2) & 0x0FFF_FFFC_0FFF_FFFC],
            s: u128::from(word(4)) | (u128::from(word(6)) << 64),
            sum: [0; 3],
        }
    }

    /// Takes `bytes`, and zeros until a block is full.
    #[inline]
    pub(super) fn padded(&mut self, bytes: &[u8]) {
        let (blocks, rest) = bytes.as_chunks::<16>();
        for block in blocks {
            self.block(u128::from_le_bytes(*block));
        }
        if !rest.is_empty() {
            let mut last = [0; 16];
            last[..rest.len()].copy_from_slice(rest);
            self.block(u128::from_le_bytes(last));
        }
    }

    /// Takes the lengths of what is authenticated only and of what is encrypted (RFC 8439 §2.8), both in
    /// bytes.
    #[inline]
    pub(super) fn lengths(&mut self, clear: usize, sealed: usize) {
        self.block(clear as u128 | ((sealed as u128) << 64));
    }

    /// The tag.
    #[inline]
    pub(super) fn finish(self) -> [u8; TAG] {
        let [low, high, above] = self.sum;
        // Minus the modulus, if that is not negative: adding five carries into bit 130 then.
        let (lowered, carry) = low.overflowing_add(5);
        let (raised, carry) = high.overflowing_add(u64::from(carry));
        let reduced = 0_u64.wrapping_sub((above + u64::from(carry)) >> 2);
        let low = (low & !reduced) | (lowered & reduced);
        let high = (high & !reduced) | (raised & reduced);
        (u128::from(low) | (u128::from(high) << 64)).wrapping_add(self.s).to_le_bytes()
    }

    /// Adds a whole block, with the bit above it, and multiplies.
    #[inline]
    fn block(&mut self, block: u128) {
        let times = |one: u64, other: u64| u128::from(one) * u128::from(other);
        let [r0, r1] = self.r;
        let (h0, carry) = self.sum[0].overflowing_add(block as u64);
        let middle = u128::from(self.sum[1]) + (block >> 64) + u128::from(carry);
        // At most 3 + 1 of the last product, 1 of the bit above, 1 carried: below 8.
        let (h1, h2) = (middle as u64, self.sum[2] + (middle >> 64) as u64 + 1);

        // What lies above 2^130 comes back five times. Products with r1 that do are of multiples of
        // 2^128 times four, so that r1 counts for five quarters.
        let folded = r1 + (r1 >> 2);
        let d0 = times(h0, r0) + times(h1, folded);
        let d1 = times(h0, r1) + times(h1, r0) + u128::from(h2 * folded) + (d0 >> 64);
        let d2 = h2 * r0 + (d1 >> 64) as u64;

        let (h0, carry) = (d0 as u64).overflowing_add((d2 >> 2) + (d2 & !3));
        let (h1, carry) = (d1 as u64).overflowing_add(u64::from(carry));
        self.sum = [h0, h1, (d2 & 3) + u64::from(carry)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(r: u128, s: u128, blocks: &[u128]) -> u128 {
        let words = |half: u128| (0..4).map(move |at| (half >> (32 * at)) as u32);
        let key: Vec<u32> = words(r).chain(words(s)).collect();
        let mut poly = Poly1305::new(key.as_slice().try_into().expect("eight words"));
        for block in blocks {
            poly.padded(&block.to_le_bytes());
        }
        u128::from_le_bytes(poly.finish())
    }

    // What random messages hardly ever reach; these, `xchacha.rs` compares with a library's.
    #[test]
    fn sums_at_the_edge_of_the_modulus_are_reduced() {
        const ALL: u128 = u128::MAX;
        // RFC 8439 appendix A.3, vectors 7 to 11.
        assert_eq!(tag(2, 0, &[ALL]), 3);
        assert_eq!(tag(2, ALL, &[2]), 3);
        assert_eq!(tag(1, 0, &[ALL, ALL - 0xF, 0x11]), 5);
        let ones = ALL / 0xFF;
        assert_eq!(tag(1, 0, &[ALL, 0xFE * ones - 3, ones]), 0);
        assert_eq!(tag(2, 0, &[ALL - 2]), ALL - 5);
    }

    #[test]
    fn a_key_is_clamped() {
        let clamped = 0x0FFF_FFFC_0FFF_FFFC_0FFF_FFFC_0FFF_FFFF;
        assert_eq!(tag(u128::MAX, 7, &[3, 4]), tag(clamped, 7, &[3, 4]));
    }

    #[test]
    fn what_is_not_a_whole_block_counts_as_with_zeros() {
        let key = [7; KEY_WORDS];
        let [mut short, mut long] = [Poly1305::new(&key), Poly1305::new(&key)];
        short.padded(b"opus");
        long.padded(b"opus\0\0\0\0\0\0\0\0\0\0\0\0");
        assert_eq!(short.finish(), long.finish());
    }
}
