//! The ciphers of SRTP as functions on bytes (RFC 3711 §4, RFC 7714): no packet is parsed here.

use crate::metrics::DropReason;
use crate::transport::gcm::Gcm;
use crate::transport::gcm::NONCE;
use crate::transport::gcm::TAG;
use crate::transport::hmac_sha1::HmacSha1;
use crate::transport::srtp::RTCP_CLEAR;
use crate::transport::srtp::RTCP_INDEX;
use crate::transport::srtp::counter_mode::CounterMode;

pub(super) enum Cipher {
    Gcm { key: Gcm, salt: [u8; NONCE] },
    Cm(CmKeys),
}

/// The keys of AES in counter mode with HMAC-SHA1.
pub(super) struct CmKeys {
    pub(super) key: CounterMode,
    pub(super) auth: HmacSha1,
    pub(super) salt: [u8; 14],
}

impl Cipher {
    pub(super) fn gcm(key: &[u8], salt: [u8; NONCE]) -> Self {
        Self::Gcm { key: Gcm::new(key), salt }
    }

    pub(super) fn cm(key: &[u8], auth: &[u8; 20], salt: [u8; 14]) -> Self {
        Self::Cm(CmKeys { key: CounterMode::new(key), auth: HmacSha1::new(auth), salt })
    }
}

/// Fills `out` with the key stream of a label (RFC 3711 §4.3.3). Salts of 96 bits are shifted up to
/// 112 (RFC 7714 §11).
pub(super) fn derive(master_key: &[u8], master_salt: &[u8], label: u8, out: &mut [u8]) {
    let mut iv = [0; 16];
    iv[..master_salt.len()].copy_from_slice(master_salt);
    iv[7] ^= label;
    out.fill(0);
    CounterMode::new(master_key).apply(iv, out);
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

/// What is authenticated with a packet: its roll-over counter (RFC 3711 §4.2).
pub(super) const fn rollover(index: u64) -> [u8; 4] {
    ((index >> 16) as u32).to_be_bytes()
}

/// Compares tags in constant time.
pub(super) fn verify(expected: &[u8], tag: &[u8]) -> Result<(), DropReason> {
    aws_lc_rs::constant_time::verify_slices_are_equal(expected, tag).map_err(|_| DropReason::BadTag)
}
