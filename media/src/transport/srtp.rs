//! SRTP and SRTCP (RFC 3711, RFC 7714): key derivation, sealing, opening, replay protection.
//!
//! Ours rather than the negotiating library's, because one packet goes to many listeners and is
//! sealed for each straight into the outbox. HOT: keys are set up once; no allocation per packet.

use aws_lc_rs::aead;
use aws_lc_rs::cipher;
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;

use crate::metrics::DropReason;
use crate::rtp::header::FIXED;
use crate::rtp::header::Layout;
use crate::rtp::header::RtpHeader;
use crate::rtp::seq::ReplayWindow;
use crate::rtp::seq::extend;

/// A protection profile (RFC 5764 §4.1.2, RFC 7714 §14.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// `SRTP_AES128_CM_HMAC_SHA1_80`.
    Aes128CmSha1_80,
    /// `SRTP_AEAD_AES_128_GCM`.
    AeadAes128Gcm,
    /// `SRTP_AEAD_AES_256_GCM`.
    AeadAes256Gcm,
}

impl Profile {
    /// Length of a master key, in bytes.
    pub(crate) const fn key_length(self) -> usize {
        match self {
            Self::Aes128CmSha1_80 | Self::AeadAes128Gcm => 16,
            Self::AeadAes256Gcm => 32,
        }
    }

    /// Length of a master salt, in bytes.
    pub(crate) const fn salt_length(self) -> usize {
        match self {
            Self::Aes128CmSha1_80 => 14,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 12,
        }
    }
}

/// Tag of HMAC-SHA1-80, in bytes.
const HMAC_TAG: usize = 10;
/// Tag of GCM, in bytes.
const GCM_TAG: usize = 16;
/// Readable bytes of SRTCP: fixed header and sender's SSRC.
const RTCP_CLEAR: usize = 8;
/// The E bit and the index that end an SRTCP packet, in bytes.
const RTCP_INDEX: usize = 4;
/// The bit that says that an SRTCP packet is encrypted (RFC 3711 §3.4).
const ENCRYPTED: u32 = 1 << 31;

/// SSRCs that a peer may send under at once. A browser uses one or two for audio and one for RTCP.
const SOURCES: usize = 8;
/// SSRCs that a peer may have left behind; they stay refused, or their packets could be replayed.
const FORMER_SOURCES: usize = 256;

/// Both directions of one DTLS-SRTP session.
pub(crate) struct Srtp {
    seal: Keys,
    open: Keys,
    rtp_sources: Sources,
    rtcp_sources: Sources,
    /// Index of the next SRTCP packet; shared by all SSRCs, so no nonce comes twice.
    rtcp_index: u32,
}

/// One direction's session keys.
struct Keys {
    rtp: Cipher,
    rtcp: Cipher,
}

#[expect(clippy::large_enum_variant, reason = "most browsers use the larger one")]
enum Cipher {
    Gcm { key: aead::LessSafeKey, salt: [u8; 12] },
    Cm { key: cipher::EncryptingKey, auth: hmac::Key, salt: [u8; 14] },
}

impl Srtp {
    /// Derives the session keys from what DTLS exported (RFC 5764 §4.2): client key, server key,
    /// client salt, server salt. None when the length does not fit the profile.
    #[must_use]
    pub(crate) fn from_exported(
        profile: Profile,
        material: &[u8],
        we_are_client: bool,
    ) -> Option<Self> {
        let (keys, salts) = material.split_at_checked(2 * profile.key_length())?;
        if salts.len() != 2 * profile.salt_length() {
            return None;
        }
        let (client_key, server_key) = keys.split_at(profile.key_length());
        let (client_salt, server_salt) = salts.split_at(profile.salt_length());
        let client = Keys::derive(profile, client_key, client_salt);
        let server = Keys::derive(profile, server_key, server_salt);
        let (seal, open) = if we_are_client { (client, server) } else { (server, client) };
        Some(Self {
            seal,
            open,
            rtp_sources: Sources::default(),
            rtcp_sources: Sources::default(),
            rtcp_index: 0,
        })
    }

    /// Appends a sealed RTP packet. `index` is its extended sequence number, whose low bits the
    /// header carries; one index and SSRC must never come twice.
    pub(crate) fn seal_rtp(
        &self,
        header: RtpHeader,
        index: u64,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) {
        let start = out.len();
        out.extend_from_slice(&header.to_bytes());
        out.extend_from_slice(payload);
        match &self.seal.rtp {
            Cipher::Gcm { key, salt } => {
                let nonce = gcm_rtp_nonce(salt, header.ssrc, index);
                gcm_seal(key, nonce, out, start, FIXED, None);
            }
            Cipher::Cm { key, auth, salt } => {
                cm_apply(key, cm_iv(salt, header.ssrc, index), &mut out[start + FIXED..]);
                let tag = rtp_tag(auth, &out[start..], index);
                out.extend_from_slice(&tag.as_ref()[..HMAC_TAG]);
            }
        }
    }

    /// Opens an SRTP packet in place.
    ///
    /// # Errors
    ///
    /// Why it goes no further; nothing was remembered of it then.
    pub(crate) fn open_rtp<'a>(
        &mut self,
        packet: &'a mut [u8],
    ) -> Result<OpenedRtp<'a>, DropReason> {
        let (header, layout) = RtpHeader::parse(packet).ok_or(DropReason::Malformed)?;
        let clear = layout.header_end();
        let highest = self.rtp_sources.highest(header.ssrc)?;
        let index = match highest {
            None => u64::from(header.sequence),
            Some(highest) => extend(highest, header.sequence).ok_or(DropReason::Late)?,
        };
        if !self.rtp_sources.is_new(header.ssrc, index) {
            return Err(DropReason::Replay);
        }
        let end = match &self.open.rtp {
            Cipher::Gcm { key, salt } => {
                let nonce = gcm_rtp_nonce(salt, header.ssrc, index);
                gcm_open(key, nonce, packet, clear, None)?
            }
            Cipher::Cm { key, auth, salt } => {
                let end = packet.len().checked_sub(HMAC_TAG).ok_or(DropReason::Malformed)?;
                let (body, tag) = packet.split_at_mut(end);
                let expected = rtp_tag(auth, body, index);
                verify(&expected.as_ref()[..HMAC_TAG], tag)?;
                let sealed = body.get_mut(clear..).ok_or(DropReason::Malformed)?;
                cm_apply(key, cm_iv(salt, header.ssrc, index), sealed);
                end
            }
        };
        self.rtp_sources.insert(header.ssrc, index);
        let newest = highest.is_none_or(|highest| index > highest);
        let payload = &packet[clear..end];
        Ok(OpenedRtp { header, layout, payload, newest })
    }

    /// Appends `compound`, sealed. False, with `out` unchanged, when all indices were used.
    pub(crate) fn seal_rtcp(&mut self, compound: &[u8], out: &mut Vec<u8>) -> bool {
        let Some(ssrc) = rtcp_ssrc(compound) else { return false };
        if self.rtcp_index & ENCRYPTED != 0 {
            return false;
        }
        let index = self.rtcp_index;
        self.rtcp_index += 1;
        let trailer = (ENCRYPTED | index).to_be_bytes();
        let start = out.len();
        out.extend_from_slice(compound);
        match &self.seal.rtcp {
            Cipher::Gcm { key, salt } => {
                gcm_seal(
                    key,
                    gcm_rtcp_nonce(salt, ssrc, index),
                    out,
                    start,
                    RTCP_CLEAR,
                    Some(trailer),
                );
                out.extend_from_slice(&trailer);
            }
            Cipher::Cm { key, auth, salt } => {
                cm_apply(key, cm_iv(salt, ssrc, u64::from(index)), &mut out[start + RTCP_CLEAR..]);
                out.extend_from_slice(&trailer);
                let tag = hmac::sign(auth, &out[start..]);
                out.extend_from_slice(&tag.as_ref()[..HMAC_TAG]);
            }
        }
        true
    }

    /// Opens an SRTCP packet in place: the compound, and whether its index is the newest.
    ///
    /// # Errors
    ///
    /// Why it goes no further.
    pub(crate) fn open_rtcp<'a>(
        &mut self,
        packet: &'a mut [u8],
    ) -> Result<(&'a [u8], bool), DropReason> {
        let ssrc = rtcp_ssrc(packet).ok_or(DropReason::Malformed)?;
        let tag_behind = match self.open.rtcp {
            Cipher::Gcm { .. } => 0,
            Cipher::Cm { .. } => HMAC_TAG,
        };
        let end = packet.len().checked_sub(tag_behind + RTCP_INDEX).ok_or(DropReason::Malformed)?;
        let (body, tail) = packet.split_at_mut(end);
        let trailer: [u8; RTCP_INDEX] = *tail.first_chunk().ok_or(DropReason::Malformed)?;
        let word = u32::from_be_bytes(trailer);
        if word & ENCRYPTED == 0 {
            return Err(DropReason::BadTag);
        }
        let index = word & !ENCRYPTED;
        let highest = self.rtcp_sources.highest(ssrc)?;
        if !self.rtcp_sources.is_new(ssrc, u64::from(index)) {
            return Err(DropReason::Replay);
        }
        let end = match &self.open.rtcp {
            Cipher::Gcm { key, salt } => {
                gcm_open(key, gcm_rtcp_nonce(salt, ssrc, index), body, RTCP_CLEAR, Some(trailer))?
            }
            Cipher::Cm { key, auth, salt } => {
                let mut context = hmac::Context::with_key(auth);
                context.update(body);
                context.update(&trailer);
                let expected = context.sign();
                verify(&expected.as_ref()[..HMAC_TAG], &tail[RTCP_INDEX..])?;
                let sealed = body.get_mut(RTCP_CLEAR..).ok_or(DropReason::Malformed)?;
                cm_apply(key, cm_iv(salt, ssrc, u64::from(index)), sealed);
                body.len()
            }
        };
        self.rtcp_sources.insert(ssrc, u64::from(index));
        let newest = highest.is_none_or(|highest| u64::from(index) > highest);
        Ok((&body[..end], newest))
    }
}

/// An authentic RTP packet, in the clear.
#[derive(Debug)]
pub(crate) struct OpenedRtp<'a> {
    /// The header's fields.
    pub(crate) header: RtpHeader,
    /// Where its parts lie.
    pub(crate) layout: Layout,
    /// The payload, padding included.
    pub(crate) payload: &'a [u8],
    /// Whether it is the newest of its SSRC.
    pub(crate) newest: bool,
}

impl Keys {
    /// Derives session keys with a key derivation rate of zero (RFC 3711 §4.3.1).
    fn derive(profile: Profile, key: &[u8], salt: &[u8]) -> Self {
        let cipher = |first_label: u8| {
            let mut session_key = [0; 32];
            let session_key = &mut session_key[..profile.key_length()];
            derive(key, salt, first_label, session_key);
            let mut session_salt = [0; 14];
            derive(key, salt, first_label + 2, &mut session_salt);
            match profile {
                Profile::Aes128CmSha1_80 => {
                    let mut auth = [0; 20];
                    derive(key, salt, first_label + 1, &mut auth);
                    Cipher::cm(session_key, &auth, session_salt)
                }
                Profile::AeadAes128Gcm | Profile::AeadAes256Gcm => {
                    let mut salt = [0; 12];
                    salt.copy_from_slice(&session_salt[..12]);
                    Cipher::gcm(session_key, salt)
                }
            }
        };
        Self { rtp: cipher(0), rtcp: cipher(3) }
    }
}

impl Cipher {
    fn gcm(key: &[u8], salt: [u8; 12]) -> Self {
        let algorithm = if key.len() == 16 { &aead::AES_128_GCM } else { &aead::AES_256_GCM };
        let key =
            aead::UnboundKey::new(algorithm, key).expect("the key is as long as the profile's");
        Self::Gcm { key: aead::LessSafeKey::new(key), salt }
    }

    fn cm(key: &[u8], auth: &[u8; 20], salt: [u8; 14]) -> Self {
        let auth = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, auth);
        Self::Cm { key: counter_mode(key), auth, salt }
    }
}

/// Sets up AES in counter mode.
fn counter_mode(key: &[u8]) -> cipher::EncryptingKey {
    let algorithm = if key.len() == 16 { &cipher::AES_128 } else { &cipher::AES_256 };
    let key =
        cipher::UnboundCipherKey::new(algorithm, key).expect("the key is 16 or 32 bytes long");
    cipher::EncryptingKey::ctr(key).expect("AES has a counter mode")
}

/// Fills `out` with the key stream of a label (RFC 3711 §4.3.3). Salts of 96 bits are shifted up to
/// 112 (RFC 7714 §11).
fn derive(master_key: &[u8], master_salt: &[u8], label: u8, out: &mut [u8]) {
    let mut iv = [0; 16];
    iv[..master_salt.len()].copy_from_slice(master_salt);
    iv[7] ^= label;
    out.fill(0);
    cm_apply(&counter_mode(master_key), iv, out);
}

/// Encrypts or decrypts in counter mode; it is the same.
fn cm_apply(key: &cipher::EncryptingKey, iv: [u8; 16], in_out: &mut [u8]) {
    let context = cipher::EncryptionContext::Iv128(FixedLength::from(iv));
    key.less_safe_encrypt(in_out, context).expect("counter mode takes any length and a 128-bit IV");
}

/// The counter block of a packet (RFC 3711 §4.1.1).
fn cm_iv(salt: &[u8; 14], ssrc: u32, index: u64) -> [u8; 16] {
    let mut iv = [0; 16];
    iv[..14].copy_from_slice(salt);
    xor(&mut iv[4..8], &ssrc.to_be_bytes());
    xor(&mut iv[8..14], &index.to_be_bytes()[2..]);
    iv
}

/// The nonce of an RTP packet (RFC 7714 §8.1).
fn gcm_rtp_nonce(salt: &[u8; 12], ssrc: u32, index: u64) -> [u8; 12] {
    let mut nonce = *salt;
    xor(&mut nonce[2..6], &ssrc.to_be_bytes());
    xor(&mut nonce[6..12], &index.to_be_bytes()[2..]);
    nonce
}

/// The nonce of an RTCP packet (RFC 7714 §9.1).
fn gcm_rtcp_nonce(salt: &[u8; 12], ssrc: u32, index: u32) -> [u8; 12] {
    let mut nonce = *salt;
    xor(&mut nonce[2..6], &ssrc.to_be_bytes());
    xor(&mut nonce[8..12], &index.to_be_bytes());
    nonce
}

fn xor(left: &mut [u8], right: &[u8]) {
    for (left, right) in left.iter_mut().zip(right) {
        *left ^= right;
    }
}

/// The authenticated but readable part: the header, and for SRTCP the index (RFC 7714 §9.3).
/// On the stack, because only the largest headers are longer.
fn aad_with_trailer(head: &[u8], trailer: [u8; RTCP_INDEX]) -> [u8; RTCP_CLEAR + RTCP_INDEX] {
    let mut aad = [0; RTCP_CLEAR + RTCP_INDEX];
    aad[..RTCP_CLEAR].copy_from_slice(&head[..RTCP_CLEAR]);
    aad[RTCP_CLEAR..].copy_from_slice(&trailer);
    aad
}

fn gcm_seal(
    key: &aead::LessSafeKey,
    nonce: [u8; 12],
    out: &mut Vec<u8>,
    start: usize,
    clear: usize,
    trailer: Option<[u8; RTCP_INDEX]>,
) {
    let (head, plain) = out[start..].split_at_mut(clear);
    let nonce = aead::Nonce::assume_unique_for_key(nonce);
    let tag = match trailer {
        None => key.seal_in_place_separate_tag(nonce, aead::Aad::from(&*head), plain),
        Some(trailer) => {
            let aad = aead::Aad::from(aad_with_trailer(head, trailer));
            key.seal_in_place_separate_tag(nonce, aad, plain)
        }
    };
    let tag = tag.expect("a packet is short enough to be sealed");
    out.extend_from_slice(tag.as_ref());
}

/// Opens what follows the first `clear` bytes. Where the plaintext ends.
fn gcm_open(
    key: &aead::LessSafeKey,
    nonce: [u8; 12],
    packet: &mut [u8],
    clear: usize,
    trailer: Option<[u8; RTCP_INDEX]>,
) -> Result<usize, DropReason> {
    let end = packet.len().checked_sub(GCM_TAG).ok_or(DropReason::Malformed)?;
    let (head, sealed) = packet.split_at_mut_checked(clear).ok_or(DropReason::Malformed)?;
    if sealed.len() < GCM_TAG {
        return Err(DropReason::Malformed);
    }
    let nonce = aead::Nonce::assume_unique_for_key(nonce);
    let opened = match trailer {
        None => key.open_in_place(nonce, aead::Aad::from(&*head), sealed),
        Some(trailer) => {
            key.open_in_place(nonce, aead::Aad::from(aad_with_trailer(head, trailer)), sealed)
        }
    };
    opened.map_err(|_| DropReason::BadTag)?;
    Ok(end)
}

/// The tag over a packet and its roll-over counter (RFC 3711 §4.2).
fn rtp_tag(auth: &hmac::Key, packet: &[u8], index: u64) -> hmac::Tag {
    let mut context = hmac::Context::with_key(auth);
    context.update(packet);
    context.update(&((index >> 16) as u32).to_be_bytes());
    context.sign()
}

/// Compares tags in constant time.
fn verify(expected: &[u8], tag: &[u8]) -> Result<(), DropReason> {
    aws_lc_rs::constant_time::verify_slices_are_equal(expected, tag).map_err(|_| DropReason::BadTag)
}

/// The sender's SSRC of a compound (RFC 3550 §6.4.1).
fn rtcp_ssrc(packet: &[u8]) -> Option<u32> {
    let ssrc: &[u8; 4] = packet.get(4..)?.first_chunk()?;
    Some(u32::from_be_bytes(*ssrc))
}

/// The SSRCs that a peer sends under, each with its replay window.
#[derive(Debug, Default)]
struct Sources {
    current: Vec<Source>,
    former: Vec<u32>,
    clock: u64,
}

#[derive(Debug)]
struct Source {
    ssrc: u32,
    window: ReplayWindow,
    used: u64,
}

impl Sources {
    /// The highest index of an SSRC so far.
    fn highest(&self, ssrc: u32) -> Result<Option<u64>, DropReason> {
        if let Some(source) = self.find(ssrc) {
            return Ok(source.window.highest());
        }
        let full = self.current.len() >= SOURCES && self.former.len() >= FORMER_SOURCES;
        if full || self.former.contains(&ssrc) { Err(DropReason::ForeignSsrc) } else { Ok(None) }
    }

    fn is_new(&self, ssrc: u32, index: u64) -> bool {
        self.find(ssrc).is_none_or(|source| source.window.is_new(index))
    }

    fn find(&self, ssrc: u32) -> Option<&Source> {
        self.current.iter().find(|source| source.ssrc == ssrc)
    }

    /// Remembers an authentic packet; the least recently used SSRC gives way to a new one.
    fn insert(&mut self, ssrc: u32, index: u64) {
        self.clock += 1;
        if let Some(source) = self.current.iter_mut().find(|source| source.ssrc == ssrc) {
            source.used = self.clock;
            source.window.insert(index);
            return;
        }
        if self.current.len() >= SOURCES
            && let Some(oldest) = self
                .current
                .iter()
                .enumerate()
                .min_by_key(|(_, source)| source.used)
                .map(|(at, _)| at)
        {
            self.former.push(self.current.swap_remove(oldest).ssrc);
        }
        let mut window = ReplayWindow::default();
        window.insert(index);
        self.current.push(Source { ssrc, window, used: self.clock });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILES: [Profile; 3] =
        [Profile::Aes128CmSha1_80, Profile::AeadAes128Gcm, Profile::AeadAes256Gcm];

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex"))
            .collect()
    }

    fn vectors() -> serde_json::Value {
        serde_json::from_str(include_str!("../../tests/data/rfc/srtp-vectors.json")).expect("JSON")
    }

    fn field(vector: &str, name: &str) -> Vec<u8> {
        hex(vectors()[vector][name].as_str().expect("a string"))
    }

    fn pair(profile: Profile) -> (Srtp, Srtp) {
        let length = 2 * (profile.key_length() + profile.salt_length());
        let material: Vec<u8> = (0..length as u8).collect();
        let make = |client| Srtp::from_exported(profile, &material, client).expect("length fits");
        (make(true), make(false))
    }

    fn header(sequence: u16) -> RtpHeader {
        RtpHeader { marker: false, payload_type: 111, sequence, timestamp: 5, ssrc: 0xDEAD_BEEF }
    }

    #[test]
    fn session_keys_are_those_of_rfc_3711_appendix_b_3() {
        let (key, salt) = (field("rfc3711-b3", "master_key"), field("rfc3711-b3", "master_salt"));
        let derived = |label, length| {
            let mut out = vec![0; length];
            derive(&key, &salt, label, &mut out);
            out
        };

        assert_eq!(derived(0, 16), field("rfc3711-b3", "cipher_key"));
        assert_eq!(derived(1, 94), field("rfc3711-b3", "auth_key_94"));
        assert_eq!(derived(2, 14), field("rfc3711-b3", "cipher_salt"));
    }

    #[test]
    fn the_key_stream_is_that_of_rfc_3711_appendix_b_2() {
        let mut stream = [0; 48];
        let salt: [u8; 14] =
            field("rfc3711-b2", "session_salt")[..14].try_into().expect("14 bytes");

        cm_apply(
            &counter_mode(&field("rfc3711-b2", "session_key")),
            cm_iv(&salt, 0, 0),
            &mut stream,
        );

        assert_eq!(stream.to_vec(), field("rfc3711-b2", "keystream_first48"));
    }

    #[test]
    fn gcm_packets_are_those_of_rfc_7714_section_16() {
        for vector in ["rfc7714-16.1.1-aes128gcm-rtp", "rfc7714-16.2.1-aes256gcm-rtp"] {
            let salt: [u8; 12] = field(vector, "salt").try_into().expect("12 bytes");
            let Cipher::Gcm { key, salt } = Cipher::gcm(&field(vector, "key"), salt) else {
                unreachable!("made as GCM")
            };
            let plain = field(vector, "plain_packet");
            let (header, _) = RtpHeader::parse(&plain).expect("RTP");
            let nonce = gcm_rtp_nonce(&salt, header.ssrc, u64::from(header.sequence));

            let mut sealed = plain.clone();
            gcm_seal(&key, nonce, &mut sealed, 0, FIXED, None);

            assert_eq!(sealed, field(vector, "protected"), "{vector}");
            assert_eq!(gcm_open(&key, nonce, &mut sealed, FIXED, None), Ok(plain.len()));
            assert_eq!(sealed[..plain.len()], plain);
        }
    }

    #[test]
    fn every_profile_opens_what_the_other_side_sealed_once() {
        for profile in PROFILES {
            let (client, mut server) = pair(profile);
            let mut sealed = Vec::new();
            client.seal_rtp(header(7), 7, b"opus", &mut sealed);

            assert_eq!(server.open_rtp(&mut sealed.clone()).expect("authentic").payload, b"opus");
            let again = server.open_rtp(&mut sealed);
            assert_eq!(again.expect_err("seen"), DropReason::Replay);
        }
    }

    #[test]
    fn every_profile_refuses_a_changed_bit_and_remembers_nothing_of_it() {
        for profile in PROFILES {
            let (client, mut server) = pair(profile);
            let mut sealed = Vec::new();
            client.seal_rtp(header(7), 7, b"opus", &mut sealed);
            for at in 1..sealed.len() {
                let mut forged = sealed.clone();
                forged[at] ^= 1;
                assert!(server.open_rtp(&mut forged).is_err(), "{profile:?} byte {at}");
            }

            assert!(server.open_rtp(&mut sealed).is_ok());
        }
    }

    #[test]
    fn the_roll_over_counter_follows_the_sequence_number() {
        for profile in PROFILES {
            let (client, mut server) = pair(profile);
            for index in (65_500..200_000u64).step_by(100) {
                let mut sealed = Vec::new();
                // The receiver has not seen roll-over zero: it starts below the first wrap.
                let index = index - 65_500;
                client.seal_rtp(header(index as u16), index, b"opus", &mut sealed);
                assert!(server.open_rtp(&mut sealed).is_ok(), "{profile:?} {index}");
            }
        }
    }

    #[test]
    fn rtcp_is_opened_once_and_never_unencrypted() {
        for profile in PROFILES {
            let (mut client, mut server) = pair(profile);
            let compound = [0x80, 201, 0, 1, 0, 0, 0, 9, 0x80, 203, 0, 0];
            let mut sealed = Vec::new();
            assert!(client.seal_rtcp(&compound, &mut sealed));

            let (opened, newest) = {
                let mut packet = sealed.clone();
                let (opened, newest) = server.open_rtcp(&mut packet).expect("authentic");
                (opened.to_vec(), newest)
            };
            assert_eq!(opened, compound);
            assert!(newest);
            assert_eq!(
                server.open_rtcp(&mut sealed.clone()).expect_err("seen"),
                DropReason::Replay
            );
            for at in 0..sealed.len() {
                let mut forged = sealed.clone();
                forged[at] ^= 0x80;
                assert!(server.open_rtcp(&mut forged).is_err(), "{profile:?} byte {at}");
            }
        }
    }

    #[test]
    fn an_ssrc_that_gave_way_to_newer_ones_stays_refused() {
        let (client, mut server) = pair(Profile::AeadAes128Gcm);
        let send = |server: &mut Srtp, ssrc: u32| {
            let mut sealed = Vec::new();
            client.seal_rtp(RtpHeader { ssrc, ..header(1) }, 1, b"opus", &mut sealed);
            server.open_rtp(&mut sealed).map(|_| ())
        };
        for ssrc in 0..=SOURCES as u32 {
            assert_eq!(send(&mut server, ssrc), Ok(()));
        }

        assert_eq!(send(&mut server, 0), Err(DropReason::ForeignSsrc));
    }
}
