//! OCB2 with AES-128 (Krovetz and Rogaway, draft-krovetz-ocb-00), as Mumble seals its voice
//! packets: the nonce counts up, and its low byte and three bytes of the tag lead the packet.
//! Pure.
//!
//! OCB2 is broken as an authenticated cipher. It is here to speak with servers that demand it.

use aws_lc_rs::cipher::AES_128;
use aws_lc_rs::cipher::DecryptingKey;
use aws_lc_rs::cipher::DecryptionContext;
use aws_lc_rs::cipher::EncryptingKey;
use aws_lc_rs::cipher::UnboundCipherKey;

type Block = [u8; 16];

/// Bytes that sealing puts before the ciphertext.
const HEAD: usize = 4;

/// One end of a voice connection.
pub(in crate::bench::voice) struct Ocb {
    encrypt: EncryptingKey,
    decrypt: DecryptingKey,
    /// The nonce of the last packet that we sealed.
    out: Block,
    /// The nonce of the last packet that we opened.
    inward: Block,
}

impl Ocb {
    /// Sets up a key, with the nonces that each side begins from. `None` when the library has no
    /// AES.
    pub(super) fn new(key: &Block, ours: Block, theirs: Block) -> Option<Self> {
        let unbound = || UnboundCipherKey::new(&AES_128, key).ok();
        Some(Self {
            encrypt: EncryptingKey::ecb(unbound()?).ok()?,
            decrypt: DecryptingKey::ecb(unbound()?).ok()?,
            out: ours,
            inward: theirs,
        })
    }

    /// Seals `plain` into `packet`.
    pub(in crate::bench::voice) fn seal(&mut self, plain: &[u8], packet: &mut Vec<u8>) {
        advance(&mut self.out, 0);
        let nonce = self.out;
        packet.clear();
        packet.extend_from_slice(&[nonce[0], 0, 0, 0]);
        packet.extend_from_slice(plain);
        let tag = self.seal_in_place(&nonce, &mut packet[HEAD..]);
        packet[1..HEAD].copy_from_slice(&tag[..3]);
    }

    /// Opens a packet in place. `None` when it is not authentic, or not newer than those before.
    pub(in crate::bench::voice) fn open<'a>(&mut self, packet: &'a mut [u8]) -> Option<&'a [u8]> {
        let (head, body) = packet.split_at_mut_checked(HEAD)?;
        let ahead = head[0].wrapping_sub(self.inward[0]);
        if ahead == 0 || ahead >= 128 {
            return None;
        }
        let mut nonce = self.inward;
        if head[0] < nonce[0] {
            advance(&mut nonce, 1);
        }
        nonce[0] = head[0];
        let tag = self.open_in_place(&nonce, body);
        if head[1..] != tag[..3] {
            return None;
        }
        self.inward = nonce;
        Some(body)
    }

    fn seal_in_place(&self, nonce: &Block, text: &mut [u8]) -> Block {
        let mut delta = self.enciphered(*nonce);
        let mut checksum = [0; 16];
        let whole = whole_blocks(text.len());
        let (blocks, last) = text.split_at_mut(whole);
        for block in blocks.chunks_exact_mut(16) {
            delta = doubled(delta);
            let plain = block_of(block);
            checksum = xor(checksum, plain);
            block.copy_from_slice(&xor(delta, self.enciphered(xor(delta, plain))));
        }
        delta = doubled(delta);
        let pad = self.enciphered(xor(length(last.len()), delta));
        let mut end = pad;
        end[..last.len()].copy_from_slice(last);
        checksum = xor(checksum, end);
        last.copy_from_slice(&xor(pad, end)[..last.len()]);
        self.enciphered(xor(xor(doubled(delta), delta), checksum))
    }

    fn open_in_place(&self, nonce: &Block, text: &mut [u8]) -> Block {
        let mut delta = self.enciphered(*nonce);
        let mut checksum = [0; 16];
        let whole = whole_blocks(text.len());
        let (blocks, last) = text.split_at_mut(whole);
        for block in blocks.chunks_exact_mut(16) {
            delta = doubled(delta);
            let plain = xor(delta, self.deciphered(xor(delta, block_of(block))));
            checksum = xor(checksum, plain);
            block.copy_from_slice(&plain);
        }
        delta = doubled(delta);
        let pad = self.enciphered(xor(length(last.len()), delta));
        let mut end = [0; 16];
        end[..last.len()].copy_from_slice(last);
        // Beyond the text this is the pad, as it was when the text was sealed.
        let end = xor(end, pad);
        last.copy_from_slice(&end[..last.len()]);
        checksum = xor(checksum, end);
        self.enciphered(xor(xor(doubled(delta), delta), checksum))
    }

    fn enciphered(&self, mut block: Block) -> Block {
        let done = self.encrypt.encrypt(&mut block);
        debug_assert!(done.is_ok(), "one block is a whole number of blocks");
        block
    }

    fn deciphered(&self, mut block: Block) -> Block {
        let done = self.decrypt.decrypt(&mut block, DecryptionContext::None);
        debug_assert!(done.is_ok(), "one block is a whole number of blocks");
        block
    }
}

/// Bytes before the last block, which may be short or full but is never empty of a text.
const fn whole_blocks(length: usize) -> usize {
    length.saturating_sub(1) / 16 * 16
}

fn block_of(bytes: &[u8]) -> Block {
    let mut block = [0; 16];
    block.copy_from_slice(bytes);
    block
}

/// The bits of the last block, as a block.
fn length(bytes: usize) -> Block {
    (bytes as u128 * 8).to_be_bytes()
}

fn xor(left: Block, right: Block) -> Block {
    (u128::from_ne_bytes(left) ^ u128::from_ne_bytes(right)).to_ne_bytes()
}

/// Times x in the field of 2^128 elements, big-endian.
fn doubled(block: Block) -> Block {
    let number = u128::from_be_bytes(block);
    let carry = if number >> 127 == 1 { 0x87 } else { 0 };
    ((number << 1) ^ carry).to_be_bytes()
}

/// Counts a nonce up by one in its byte `from` and those after it.
fn advance(nonce: &mut Block, from: usize) {
    for byte in &mut nonce[from..] {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Block = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

    fn ocb() -> Ocb {
        Ocb::new(&KEY, [7; 16], [9; 16]).expect("AES")
    }

    #[test]
    fn the_vectors_of_the_draft_come_out() {
        let mut text: Vec<u8> = (0..40).collect();

        let empty = ocb().seal_in_place(&KEY, &mut []);
        let tag = ocb().seal_in_place(&KEY, &mut text);

        assert_eq!(hex(&empty), "bf3108130773ad5ec70ec69e7875a7b0");
        assert_eq!(
            hex(&text),
            "f75d6bc8b4dc8d66b836a2b08b32a6369f1cd3c5228d79fd6c267f5f6aa7b231c7dfb9d59951ae9c"
        );
        assert_eq!(hex(&tag), "9db0cdf880f73e3e10d4eb3217766688");
    }

    #[test]
    fn every_packet_opens_once_and_in_order_through_all_nonces() {
        let mut from = Ocb::new(&KEY, [0xFE; 16], [0; 16]).expect("AES");
        let mut to = Ocb::new(&KEY, [0; 16], [0xFE; 16]).expect("AES");
        let mut packet = Vec::new();
        for number in 0..1_000_u32 {
            let plain = [&number.to_be_bytes()[..], &[5; 100]].concat();
            from.seal(&plain, &mut packet);
            // Every third is lost.
            if number % 3 == 0 {
                continue;
            }

            let again = packet.clone();
            assert_eq!(to.open(&mut packet), Some(&plain[..]), "{number}");
            assert_eq!(to.open(&mut again.clone()), None, "{number}");
        }
    }

    #[test]
    fn a_forged_packet_does_not_open() {
        let mut from = Ocb::new(&KEY, [1; 16], [2; 16]).expect("AES");
        let mut packet = Vec::new();
        from.seal(b"a voice packet of some length", &mut packet);
        for byte in 0..packet.len() {
            let mut forged = packet.clone();
            forged[byte] ^= 1;
            let mut to = Ocb::new(&KEY, [2; 16], [1; 16]).expect("AES");

            assert_eq!(to.open(&mut forged), None, "byte {byte}");
        }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
