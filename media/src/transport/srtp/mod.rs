//! SRTP and SRTCP (RFC 3711, RFC 7714): key derivation, sealing, opening, replay protection.
//!
//! Ours rather than a library's, because one packet goes to many listeners and is sealed for each
//! straight into the outbox. HOT: keys are set up once; no allocation per packet.

mod cipher;
mod counter_mode;
mod sources;

use crate::metrics::DropReason;
use crate::rtp::ext::AudioLevel;
use crate::rtp::ext::LEVEL_EXTENSION;
use crate::rtp::ext::SEND_TIME_EXTENSION;
use crate::rtp::ext::write_send_time;
use crate::rtp::header::EXTENSION;
use crate::rtp::header::FIXED;
use crate::rtp::header::Layout;
use crate::rtp::header::RtpHeader;
use crate::rtp::rtcp;
use crate::rtp::seq::extend;
use crate::transport::srtp::cipher::Cipher;
use crate::transport::srtp::cipher::CmKeys;
use crate::transport::srtp::cipher::cm_iv;
use crate::transport::srtp::cipher::derive;
use crate::transport::srtp::cipher::gcm_open;
use crate::transport::srtp::cipher::gcm_rtcp_nonce;
use crate::transport::srtp::cipher::gcm_rtp_nonce;
use crate::transport::srtp::cipher::gcm_seal;
use crate::transport::srtp::cipher::rollover;
use crate::transport::srtp::cipher::verify;
use crate::transport::srtp::sources::Sources;

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
/// Readable bytes of SRTCP: fixed header and sender's SSRC.
const RTCP_CLEAR: usize = 8;
/// The E bit and the index that end an SRTCP packet, in bytes.
const RTCP_INDEX: usize = 4;
/// The bit that says that an SRTCP packet is encrypted (RFC 3711 §3.4).
const ENCRYPTED: u32 = 1 << 31;

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

    /// Appends a sealed RTP packet, with an extension if there is a level and an id for it, and what
    /// `write` appends as its payload. `index` is its extended sequence number, whose low bits the
    /// header carries; one index and SSRC must never come twice, unless all else is the same.
    pub(crate) fn seal_rtp(
        &self,
        header: RtpHeader,
        index: u64,
        level: Option<(AudioLevel, u8)>,
        out: &mut Vec<u8>,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let start = out.len();
        out.extend_from_slice(&header.to_bytes());
        let mut clear = FIXED;
        if let Some((level, id)) = level {
            out[start] |= EXTENSION;
            level.write(id, out);
            clear += LEVEL_EXTENSION;
        }
        write(out);
        self.close_rtp(header.ssrc, index, start, clear, out);
    }

    /// The same for a picture, with the extension for its send time if there is an id for it.
    pub(crate) fn seal_picture(
        &self,
        header: RtpHeader,
        index: u64,
        send_time: Option<(u32, u8)>,
        out: &mut Vec<u8>,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let start = out.len();
        out.extend_from_slice(&header.to_bytes());
        let mut clear = FIXED;
        if let Some((send_time, id)) = send_time {
            out[start] |= EXTENSION;
            write_send_time(send_time, id, out);
            clear += SEND_TIME_EXTENSION;
        }
        write(out);
        self.close_rtp(header.ssrc, index, start, clear, out);
    }

    /// Encrypts and authenticates the packet that begins at `start`, of which `clear` bytes stay readable.
    fn close_rtp(&self, ssrc: u32, index: u64, start: usize, clear: usize, out: &mut Vec<u8>) {
        match &self.seal.rtp {
            Cipher::Gcm { key, salt } => {
                let nonce = gcm_rtp_nonce(salt, ssrc, index);
                gcm_seal(key, nonce, out, start, clear, None);
            }
            Cipher::Cm(CmKeys { key, auth, salt }) => {
                key.apply(cm_iv(salt, ssrc, index), &mut out[start + clear..]);
                let hash = auth.hash([&out[start..], &rollover(index)]);
                out.extend_from_slice(&hash[..HMAC_TAG]);
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
        let (header, layout, index, end) = self.decrypt_rtp(packet)?;
        let newest = self.rtp_sources.insert(header.ssrc, index);
        let payload = &packet[layout.header_end()..end];
        let body = layout.preamble_end()..layout.header_end();
        let extension = layout.extension.map(|(profile, _)| (profile, &packet[body]));
        Ok(OpenedRtp { header, layout, extension, payload, newest })
    }

    /// Authenticates and decrypts in place: the header, its layout, the packet's index, and where
    /// the payload ends.
    fn decrypt_rtp(
        &self,
        packet: &mut [u8],
    ) -> Result<(RtpHeader, Layout, u64, usize), DropReason> {
        let (header, layout) = RtpHeader::parse(packet).ok_or(DropReason::Malformed)?;
        let clear = layout.header_end();
        let index = match self.rtp_sources.highest(header.ssrc)? {
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
            Cipher::Cm(CmKeys { key, auth, salt }) => {
                let end = packet.len().checked_sub(HMAC_TAG).ok_or(DropReason::Malformed)?;
                let (body, tag) = packet.split_at_mut(end);
                verify(&auth.hash([body, &rollover(index)])[..HMAC_TAG], tag)?;
                let sealed = body.get_mut(clear..).ok_or(DropReason::Malformed)?;
                key.apply(cm_iv(salt, header.ssrc, index), sealed);
                end
            }
        };
        Ok((header, layout, index, end))
    }

    /// Whether an SRTP or SRTCP packet is authentic. Spoils it and remembers nothing.
    pub(crate) fn authenticates(&self, packet: &mut [u8]) -> bool {
        if packet.get(1).is_some_and(|second| rtcp::is_rtcp(*second)) {
            self.decrypt_rtcp(packet).is_ok()
        } else {
            self.decrypt_rtp(packet).is_ok()
        }
    }

    /// Whether packets of this SSRC were opened, of RTP or else of RTCP.
    pub(crate) fn used(&self, ssrc: u32, is_rtp: bool) -> bool {
        let sources = if is_rtp { &self.rtp_sources } else { &self.rtcp_sources };
        matches!(sources.highest(ssrc), Ok(Some(_)))
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
            Cipher::Cm(CmKeys { key, auth, salt }) => {
                key.apply(cm_iv(salt, ssrc, u64::from(index)), &mut out[start + RTCP_CLEAR..]);
                let hash = auth.hash([&out[start..], &trailer]);
                out.extend_from_slice(&trailer);
                out.extend_from_slice(&hash[..HMAC_TAG]);
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
        let (ssrc, index, end) = self.decrypt_rtcp(packet)?;
        let newest = self.rtcp_sources.insert(ssrc, u64::from(index));
        Ok((&packet[..end], newest))
    }

    /// Authenticates and decrypts in place: the sender's SSRC, the packet's index, and where the
    /// compound ends.
    fn decrypt_rtcp(&self, packet: &mut [u8]) -> Result<(u32, u32, usize), DropReason> {
        let ssrc = rtcp_ssrc(packet).ok_or(DropReason::Malformed)?;
        let tag_behind = match self.open.rtcp {
            Cipher::Gcm { .. } => 0,
            Cipher::Cm(_) => HMAC_TAG,
        };
        let end = packet.len().checked_sub(tag_behind + RTCP_INDEX).ok_or(DropReason::Malformed)?;
        let (body, tail) = packet.split_at_mut(end);
        let trailer: [u8; RTCP_INDEX] = *tail.first_chunk().ok_or(DropReason::Malformed)?;
        let word = u32::from_be_bytes(trailer);
        if word & ENCRYPTED == 0 {
            return Err(DropReason::BadTag);
        }
        let index = word & !ENCRYPTED;
        self.rtcp_sources.highest(ssrc)?;
        if !self.rtcp_sources.is_new(ssrc, u64::from(index)) {
            return Err(DropReason::Replay);
        }
        let end = match &self.open.rtcp {
            Cipher::Gcm { key, salt } => {
                gcm_open(key, gcm_rtcp_nonce(salt, ssrc, index), body, RTCP_CLEAR, Some(trailer))?
            }
            Cipher::Cm(CmKeys { key, auth, salt }) => {
                verify(&auth.hash([body, &trailer])[..HMAC_TAG], &tail[RTCP_INDEX..])?;
                let sealed = body.get_mut(RTCP_CLEAR..).ok_or(DropReason::Malformed)?;
                key.apply(cm_iv(salt, ssrc, u64::from(index)), sealed);
                body.len()
            }
        };
        Ok((ssrc, index, end))
    }
}

/// An authentic RTP packet, in the clear.
#[derive(Debug)]
pub(crate) struct OpenedRtp<'a> {
    /// The header's fields.
    pub(crate) header: RtpHeader,
    /// Where its parts lie.
    pub(crate) layout: Layout,
    /// The extension's profile word and body.
    pub(crate) extension: Option<(u16, &'a [u8])>,
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

/// The sender's SSRC of a compound (RFC 3550 §6.4.1).
fn rtcp_ssrc(packet: &[u8]) -> Option<u32> {
    let ssrc: &[u8; 4] = packet.get(4..)?.first_chunk()?;
    Some(u32::from_be_bytes(*ssrc))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::srtp::counter_mode::CounterMode;
    use crate::transport::srtp::sources::SOURCES;

    const PROFILES: [Profile; 3] =
        [Profile::Aes128CmSha1_80, Profile::AeadAes128Gcm, Profile::AeadAes256Gcm];

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex"))
            .collect()
    }

    fn vectors() -> serde_json::Value {
        serde_json::from_str(include_str!("../../../tests/data/rfc/srtp-vectors.json"))
            .expect("JSON")
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

    fn opus(out: &mut Vec<u8>) {
        out.extend_from_slice(b"opus");
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

        let key = CounterMode::new(&field("rfc3711-b2", "session_key"));
        key.apply(cm_iv(&salt, 0, 0), &mut stream);

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
            client.seal_rtp(header(7), 7, None, &mut sealed, opus);

            assert_eq!(server.open_rtp(&mut sealed.clone()).expect("authentic").payload, b"opus");
            let again = server.open_rtp(&mut sealed);
            assert_eq!(again.expect_err("seen"), DropReason::Replay);
        }
    }

    #[test]
    fn every_profile_carries_a_level_beside_the_audio() {
        for profile in PROFILES {
            let (client, mut server) = pair(profile);
            let level = AudioLevel { below_overload: 31, voice: true };
            let mut sealed = Vec::new();
            client.seal_rtp(header(7), 7, Some((level, 5)), &mut sealed, opus);

            let opened = server.open_rtp(&mut sealed).expect("authentic");

            let (profile, body) = opened.extension.expect("it was written");
            assert_eq!(AudioLevel::find(profile, body, 5), Some(level));
            assert_eq!(opened.payload, b"opus");
        }
    }

    #[test]
    fn every_profile_refuses_a_changed_bit_and_remembers_nothing_of_it() {
        for profile in PROFILES {
            let (client, mut server) = pair(profile);
            let mut sealed = Vec::new();
            client.seal_rtp(header(7), 7, None, &mut sealed, opus);
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
                client.seal_rtp(header(index as u16), index, None, &mut sealed, opus);
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
            client.seal_rtp(RtpHeader { ssrc, ..header(1) }, 1, None, &mut sealed, opus);
            server.open_rtp(&mut sealed).map(|_| ())
        };
        for ssrc in 0..=SOURCES as u32 {
            assert_eq!(send(&mut server, ssrc), Ok(()));
        }

        assert_eq!(send(&mut server, 0), Err(DropReason::ForeignSsrc));
    }
}
