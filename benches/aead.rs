//! Sealing and opening one packet of 100 bytes, with one key that is always in the cache and with a
//! thousand that take turns, as listeners' keys do.

use std::cell::Cell;
use std::cell::RefCell;
use std::hint::black_box;

use aws_lc_rs::aead;
use divan::Bencher;
use media::bench::UdpCipher;
use model::voice::EncryptionMode;
use model::voice::SessionKey;

/// How many keys take turns.
const KEYS: [usize; 2] = [1, 1_000];
/// RTP header and payload, in bytes.
const PACKET: usize = 12 + 100;
/// What sealing appends, in bytes: tag and nonce.
const SEALED: usize = 16 + 4;

fn main() {
    divan::main();
}

fn ciphers(mode: EncryptionMode, keys: usize) -> Vec<UdpCipher> {
    let key = |index: usize| {
        let mut key = [7; 32];
        key[..8].copy_from_slice(&index.to_be_bytes());
        SessionKey::new(key)
    };
    (0..keys).map(|index| UdpCipher::new(mode, &key(index))).collect()
}

/// An RTP packet that is not sealed yet.
fn packet() -> Vec<u8> {
    let mut packet = Vec::with_capacity(PACKET + SEALED);
    packet.resize(PACKET, 0x55);
    packet[0] = 0x80;
    packet
}

#[divan::bench_group]
mod seal {
    use super::*;

    #[divan::bench(args = KEYS)]
    fn aes256_gcm(bencher: Bencher<'_, '_>, keys: usize) {
        seal(bencher, EncryptionMode::Aes256Gcm, keys);
    }

    #[divan::bench(args = KEYS)]
    fn xchacha20_poly1305(bencher: Bencher<'_, '_>, keys: usize) {
        seal(bencher, EncryptionMode::XChaCha20Poly1305, keys);
    }

    /// What it is held against.
    #[divan::bench(args = KEYS)]
    fn aes256_gcm_by_aws_lc(bencher: Bencher<'_, '_>, keys: usize) {
        let key = |index: usize| {
            let mut key = [7; 32];
            key[..8].copy_from_slice(&index.to_be_bytes());
            let key = aead::UnboundKey::new(&aead::AES_256_GCM, &key).expect("32 bytes");
            aead::LessSafeKey::new(key)
        };
        let keys: Vec<_> = (0..keys).map(key).collect();
        let mut turn = 0_u32;
        bencher.with_inputs(packet).bench_local_refs(|packet| {
            let (counter, key) = (turn / keys.len() as u32, turn as usize % keys.len());
            let mut nonce = [0; 12];
            nonce[..4].copy_from_slice(&counter.to_be_bytes());
            let packet = black_box(packet);
            let (head, plain) = packet.split_at_mut(12);
            let nonce = aead::Nonce::assume_unique_for_key(nonce);
            let aad = aead::Aad::from(&*head);
            let tag = keys[key].seal_in_place_separate_tag(nonce, aad, plain).expect("short");
            packet.extend_from_slice(tag.as_ref());
            packet.extend_from_slice(&counter.to_be_bytes());
            turn += 1;
        });
    }

    fn seal(bencher: Bencher<'_, '_>, mode: EncryptionMode, keys: usize) {
        let mut ciphers = ciphers(mode, keys);
        // The first sealing takes memory.
        ciphers.iter_mut().for_each(|cipher| cipher.seal(u32::MAX, &mut packet(), 0));
        let mut turn = 0_u32;
        bencher.with_inputs(packet).bench_local_refs(|packet| {
            // Each counts by itself, as a listener's nonces do.
            let (counter, key) = (turn / keys as u32, turn as usize % keys);
            ciphers[key].seal(counter, black_box(packet), 0);
            turn += 1;
        });
    }
}

#[divan::bench_group]
mod open {
    use super::*;

    #[divan::bench(args = KEYS)]
    fn aes256_gcm(bencher: Bencher<'_, '_>, keys: usize) {
        open(bencher, EncryptionMode::Aes256Gcm, keys);
    }

    #[divan::bench(args = KEYS)]
    fn xchacha20_poly1305(bencher: Bencher<'_, '_>, keys: usize) {
        open(bencher, EncryptionMode::XChaCha20Poly1305, keys);
    }

    fn open(bencher: Bencher<'_, '_>, mode: EncryptionMode, keys: usize) {
        let ciphers = RefCell::new(ciphers(mode, keys));
        let turn = Cell::new(0);
        let sealed = || {
            turn.set((turn.get() + 1) % keys);
            let mut packet = packet();
            ciphers.borrow_mut()[turn.get()].seal(1, &mut packet, 0);
            (turn.get(), packet)
        };
        bencher.with_inputs(sealed).bench_local_refs(|(key, packet)| {
            let cipher = &ciphers.borrow()[*key];
            cipher.open(black_box(packet)).is_some_and(|(_, payload)| payload.len() == 100)
        });
    }
}
