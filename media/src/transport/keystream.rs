//! AES in counter mode, for packets: eight blocks at once, which hardly take longer than one.
//!
//! HOT: no allocation. The time that it takes depends on no secret, only on lengths.

use std::array;

use aes::cipher::Array;
use aes::cipher::BlockCipherEncrypt;
use aes::cipher::BlockSizeUser;

/// Length of a block, in bytes.
pub(super) const BLOCK: usize = 16;
/// Blocks that are made at once.
pub(super) const LANES: usize = 8;

/// A block as the library has it.
pub(super) type Block = aes::Block;

/// AES with a key of any length.
pub(crate) trait BlockCipher:
    BlockCipherEncrypt + BlockSizeUser<BlockSize = <aes::Aes256Enc as BlockSizeUser>::BlockSize>
{
}

impl BlockCipher for aes::Aes128Enc {}
impl BlockCipher for aes::Aes256Enc {}

/// The blocks of keystream from the `at`th on. `counters` is the block to count in: its last 16 bits
/// are zero, and suffice for the longest packet.
#[inline(always)]
pub(super) fn keystream<C: BlockCipher>(
    cipher: &C,
    counters: [u8; BLOCK],
    at: u32,
) -> [Block; LANES] {
    let counters = u128::from_ne_bytes(counters);
    let mut blocks = array::from_fn(|lane| {
        Array((counters | u128::from(at + lane as u32).to_be()).to_ne_bytes())
    });
    cipher.encrypt_blocks(&mut blocks);
    blocks
}

/// Adds the keystream from the `at`th block on to `bytes` of any length; shows each block of the result
/// as [`encrypt`] does.
#[inline(always)]
pub(super) fn encrypt_long<C: BlockCipher>(
    cipher: &C,
    (counters, at): ([u8; BLOCK], u32),
    bytes: &mut [u8],
    mut show: impl FnMut(u128),
) {
    for (part, at) in bytes.chunks_mut(LANES * BLOCK).zip((at..).step_by(LANES)) {
        encrypt(part, &keystream(cipher, counters, at), &mut show);
    }
}

/// Adds the keystream to `bytes`, which are not more; shows each block of the result, the last with
/// zeros where it is not full.
#[inline(always)]
pub(super) fn encrypt(bytes: &mut [u8], stream: &[Block], mut show: impl FnMut(u128)) {
    let (blocks, rest) = bytes.as_chunks_mut::<BLOCK>();
    let mut stream = stream.iter().map(|key| u128::from_ne_bytes(key.0));
    for (block, key) in blocks.iter_mut().zip(&mut stream) {
        let sum = u128::from_ne_bytes(*block) ^ key;
        *block = sum.to_ne_bytes();
        show(sum);
    }
    if let (false, Some(key)) = (rest.is_empty(), stream.next()) {
        let sum = (partial(rest) ^ key) & u128::from_le(u128::MAX >> (8 * (BLOCK - rest.len())));
        rest.copy_from_slice(&sum.to_ne_bytes()[..rest.len()]);
        show(sum);
    }
}

/// The bytes of less than a block, and zeros.
#[inline(always)]
pub(super) fn partial(bytes: &[u8]) -> u128 {
    let mut block = [0; BLOCK];
    block[..bytes.len()].copy_from_slice(bytes);
    u128::from_ne_bytes(block)
}
