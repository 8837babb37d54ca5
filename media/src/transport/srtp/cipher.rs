//! The ciphers of SRTP as functions on bytes (RFC 3711 §4, RFC 7714): no packet is parsed here.

use aws_lc_rs::cipher;
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;

use crate::metrics::DropReason;
use crate::transport::gcm::Gcm;
use crate::transport::gcm::NONCE;
use crate::transport::gcm::TAG;
use crate::transport::srtp::RTCP_CLEAR;
use crate::transport::srtp::RTCP_INDEX;

pub(super) enum Cipher {
    Gcm {
        key: Gcm,
        salt: [u8; NONCE],
    },
    /// Boxed: its keys are three times as large as the others', which nearly all browsers have.
    Cm(Box<CounterMode>),
}

/// The keys of AES in counter mode with HMAC-SHA1.
pub(super) struct CounterMode {
    pub(super) key: cipher::EncryptingKey,
    pub(super) auth: hmac::Key,
    pub(super) salt: [u8; 14],
}

impl Cipher {
    pub(super) fn gcm(key: &[u8], salt: [u8; NONCE]) -> Self {
        Self::Gcm { key: Gcm::new(key), salt }
    }

    pub(super) fn cm(key: &[u8], auth: &[u8; 20], salt: [u8; 14]) -> Self {
        let auth = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, auth);
        Self::Cm(Box::new(CounterMode { key: counter_mode(key), auth, salt }))
    }
}

/// Sets up AES in counter mode.
pub(super) fn counter_mode(key: &[u8]) -> cipher::EncryptingKey {
    let algorithm = if key.len() == 16 { &cipher::AES_128 } else { &cipher::AES_256 };
    let key =
        cipher::UnboundCipherKey::new(algorithm, key).expect("the key is 16 or 32 bytes long");
    cipher::EncryptingKey::ctr(key).expect("AES has a counter mode")
}

/// Fills `out` with the key stream of a label (RFC 3711 §4.3.3). Salts of 96 bits are shifted up to
/// 112 (RFC 7714 §11).
pub(super) fn derive(master_key: &[u8], master_salt: &[u8], label: u8, out: &mut [u8]) {
    let mut iv = [0; 16];
    iv[..master_salt.len()].copy_from_slice(master_salt);
    iv[7] ^= label;
    out.fill(0);
    cm_apply(&counter_mode(master_key), iv, out);
}

/// Encrypts or decrypts in counter mode; it is the same.
pub(super) fn cm_apply(key: &cipher::EncryptingKey, iv: [u8; 16], in_out: &mut [u8]) {
    let context = cipher::EncryptionContext::Iv128(FixedLength::from(iv));
    key.less_safe_encrypt(in_out, context).expect("counter mode takes any length and a 128-bit IV");
}

/// The counter block of a packet (RFC 3711 §4.1.1).
pub(super) fn cm_iv(salt: &[u8; 14], ssrc: u32, index: u64) -> [u8; 16] {
    let mut iv = [0; 16];
    iv[..14].copy_from_slice(salt);
    xor(&mut iv[4..8], &ssrc.to_be_bytes());
    xor(&mut iv[8..14], &index.to_be_bytes()[2..]);
    iv
}

/// The nonce of an RTP packet (RFC 7714 §8.1).
pub(super) fn gcm_rtp_nonce(salt: &[u8; NONCE], ssrc: u32, index: u64) -> [u8; NONCE] {
    let mut nonce = *salt;
    xor(&mut nonce[2..6], &ssrc.to_be_bytes());
    xor(&mut nonce[6..12], &index.to_be_bytes()[2..]);
    nonce
}

/// The nonce of an RTCP packet (RFC 7714 §9.1).
pub(super) fn gcm_rtcp_nonce(salt: &[u8; NONCE], ssrc: u32, index: u32) -> [u8; NONCE] {
    let mut nonce = *salt;
    xor(&mut nonce[2..6], &ssrc.to_be_bytes());
    xor(&mut nonce[8..12], &index.to_be_bytes());
    nonce
}

pub(super) fn xor(left: &mut [u8], right: &[u8]) {
    for (left, right) in left.iter_mut().zip(right) {
        *left ^= right;
    }
}

/// The authenticated but readable part: the header, and for SRTCP the index (RFC 7714 §9.3).
/// On the stack, because only the largest headers are longer.
pub(super) fn aad_with_trailer(
    head: &[u8],
    trailer: [u8; RTCP_INDEX],
) -> [u8; RTCP_CLEAR + RTCP_INDEX] {
    let mut aad = [0; RTCP_CLEAR + RTCP_INDEX];
    aad[..RTCP_CLEAR].copy_from_slice(&head[..RTCP_CLEAR]);
    aad[RTCP_CLEAR..].copy_from_slice(&trailer);
    aad
}

/// Encrypts what follows the first `clear` bytes from `start` on, and appends the tag.
pub(super) fn gcm_seal(
    key: &Gcm,
    nonce: [u8; NONCE],
    out: &mut Vec<u8>,
    start: usize,
    clear: usize,
    trailer: Option<[u8; RTCP_INDEX]>,
) {
    let (head, plain) = out[start..].split_at_mut(clear);
    let tag = match trailer {
        None => key.seal(nonce, head, plain),
        Some(trailer) => key.seal(nonce, &aad_with_trailer(head, trailer), plain),
    };
    out.extend_from_slice(&tag);
}

/// Opens what follows the first `clear` bytes. Where the plaintext ends.
pub(super) fn gcm_open(
    key: &Gcm,
    nonce: [u8; NONCE],
    packet: &mut [u8],
    clear: usize,
    trailer: Option<[u8; RTCP_INDEX]>,
) -> Result<usize, DropReason> {
    let end = packet.len().checked_sub(TAG).ok_or(DropReason::Malformed)?;
    let (head, sealed) = packet.split_at_mut_checked(clear).ok_or(DropReason::Malformed)?;
    if sealed.len() < TAG {
        return Err(DropReason::Malformed);
    }
    let is_authentic = match trailer {
        None => key.open(nonce, head, sealed),
        Some(trailer) => key.open(nonce, &aad_with_trailer(head, trailer), sealed),
    };
    if is_authentic { Ok(end) } else { Err(DropReason::BadTag) }
}

/// The tag over a packet and its roll-over counter (RFC 3711 §4.2).
pub(super) fn rtp_tag(auth: &hmac::Key, packet: &[u8], index: u64) -> hmac::Tag {
    let mut context = hmac::Context::with_key(auth);
    context.update(packet);
    context.update(&((index >> 16) as u32).to_be_bytes());
    context.sign()
}

/// Compares tags in constant time.
pub(super) fn verify(expected: &[u8], tag: &[u8]) -> Result<(), DropReason> {
    aws_lc_rs::constant_time::verify_slices_are_equal(expected, tag).map_err(|_| DropReason::BadTag)
}
