//! Sounds of a soundboard: out of a data URI, checked, kept. How long one lasts is told by its frames
//! or pages, MP3 and Ogg walked from the first byte to the last, nothing decoded.
//!
//! Any bytes may come in. Each step moves forward, so the work is bounded by the length.

use std::time::Duration;

use axum::body::Bytes;
use model::id::SoundId;
use model::limits;

use super::picture;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::error::FormErrors;

/// Where a sound is kept.
pub(super) fn key(id: SoundId) -> String {
    format!("soundboard-sounds/{id}")
}

/// A sound that may be played, not yet kept.
pub(crate) struct SoundFile(Bytes);

impl SoundFile {
    /// Reads what a client sends (Discord: Create Guild Soundboard Sound). The type that it claims
    /// is passed over.
    ///
    /// # Errors
    ///
    /// [`ApiError::Form`] at `field`: no data URI, no MP3 or Ogg, too many bytes, too long.
    pub(crate) fn read(field: &str, uri: &str) -> Result<Self, ApiError> {
        let refuse = |code: &str, message: &str| {
            ApiError::Form(FormErrors::one(field, code, message.to_owned()))
        };
        let invalid = || refuse("BASE_TYPE_BAD_VALUE", "Invalid sound data");
        let bytes = picture::data(uri).ok_or_else(invalid)?;
        if bytes.len() > limits::SOUND {
            return Err(refuse("BINARY_TYPE_MAX_SIZE", "File cannot be larger than 512.0 kb."));
        }
        let heard = outline(&bytes).ok_or_else(invalid)?;
        if heard.length > limits::SOUND_LENGTH {
            return Err(refuse("BASE_TYPE_BAD_VALUE", "Sounds last 5.2 seconds at most."));
        }
        // As of pictures: what comes behind is no part of it.
        Ok(Self(Bytes::from(bytes).slice(..heard.end)))
    }

    /// Stores the sound, whole or not at all.
    ///
    /// # Errors
    ///
    /// Storage errors.
    pub(crate) async fn keep(&self, parts: &Parts, id: SoundId) -> Result<(), ApiError> {
        parts.objects.put(&key(id), self.0.clone()).await?;
        Ok(())
    }
}

/// Removes a sound. What fails is logged.
pub(crate) async fn forget(parts: &Parts, id: SoundId) {
    if let Err(error) = parts.objects.remove(&key(id)).await {
        tracing::warn!(%error, %id, "a sound that nothing plays stays in the store");
    }
}

/// A sound's outline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Heard {
    /// Its length in bytes; whatever comes after is no part of it.
    pub end: usize,
    /// How long it lasts.
    pub length: Duration,
}

/// The outline of a whole MP3, or of one stream of Opus or Vorbis in Ogg; `None` for anything else.
pub(super) fn outline(bytes: &[u8]) -> Option<Heard> {
    if bytes.starts_with(b"OggS") { ogg(bytes) } else { mp3(bytes) }
}

/// Pages of one logical stream (RFC 3533 §6). The last granule position tells how many samples there
/// are: of Opus always at 48 kHz, and some to skip (RFC 7845 §4).
fn ogg(bytes: &[u8]) -> Option<Heard> {
    let mut at = 0;
    let mut stream: Option<(&[u8], u32, u64)> = None;
    let mut samples = None;
    while at < bytes.len() {
        let head = bytes.get(at..at + 27)?;
        if !head.starts_with(b"OggS\0") {
            return None;
        }
        let serial = &head[14..18];
        let segments = bytes.get(at + 27..at + 27 + usize::from(head[26]))?;
        let body = at + 27 + segments.len();
        let next = body + segments.iter().map(|&length| usize::from(length)).sum::<usize>();
        let packet = bytes.get(body..next)?;
        match stream {
            None => stream = Some((serial, rate(packet)?, skipped(packet))),
            Some((known, ..)) if known != serial => return None,
            Some(_) => {}
        }
        let granule = u64::from_le_bytes(head[6..14].try_into().ok()?);
        // All ones: no packet ends on this page.
        if granule != u64::MAX {
            samples = Some(granule);
        }
        at = next;
    }
    let (_, rate, skipped) = stream?;
    Some(Heard { end: at, length: length(samples?.saturating_sub(skipped), rate) })
}

/// Samples a second, by the first packet of a stream.
fn rate(packet: &[u8]) -> Option<u32> {
    if packet.starts_with(b"OpusHead") {
        return Some(48_000);
    }
    let vorbis = packet.strip_prefix(b"\x01vorbis")?;
    let rate = u32::from_le_bytes(vorbis.get(5..9)?.try_into().ok()?);
    (rate > 0).then_some(rate)
}

/// Samples of Opus that are not heard.
fn skipped(packet: &[u8]) -> u64 {
    let skip = packet.strip_prefix(b"OpusHead").and_then(|rest| rest.get(2..4)?.try_into().ok());
    skip.map_or(0, |skip| u64::from(u16::from_le_bytes(skip)))
}

/// Frames behind the tag that players write first (ISO 11172-3 §2.4.1.3; id3.org: ID3v2).
fn mp3(bytes: &[u8]) -> Option<Heard> {
    let mut at = tag(bytes)?;
    let (mut samples, mut rate) = (0, None);
    while let Some(frame) = bytes.get(at..).and_then(frame) {
        // A file cut off within its last frame ends before it.
        if at + frame.bytes > bytes.len() || *rate.get_or_insert(frame.rate) != frame.rate {
            break;
        }
        samples += frame.samples;
        at += frame.bytes;
    }
    Some(Heard { end: at, length: length(samples, rate?) })
}

/// The length of an ID3v2 tag at the front.
fn tag(bytes: &[u8]) -> Option<usize> {
    if !bytes.starts_with(b"ID3") {
        return Some(0);
    }
    let size = bytes.get(6..10)?;
    if size.iter().any(|byte| byte & 0x80 != 0) {
        return None;
    }
    let size = size.iter().fold(0, |size, byte| size << 7 | usize::from(*byte));
    let footer = if bytes[5] & 0x10 == 0 { 0 } else { 10 };
    Some(10 + size + footer)
}

struct Frame {
    bytes: usize,
    samples: u64,
    rate: u32,
}

/// A frame of layer III, by its header.
fn frame(bytes: &[u8]) -> Option<Frame> {
    let &[0xff, kind, sizes, ..] = bytes else { return None };
    if kind & 0xe6 != 0xe2 {
        return None;
    }
    // 3 is MPEG 1, 2 is MPEG 2, 0 is MPEG 2.5, each at half the rates of the one before.
    let (first, divisor) = match kind >> 3 & 3 {
        3 => (true, 1),
        2 => (false, 2),
        0 => (false, 4),
        _ => return None,
    };
    let bitrates = if first { BITRATES_1 } else { BITRATES_2 };
    let bitrate = *bitrates.get(usize::from(sizes >> 4))?;
    let rate = *RATES.get(usize::from(sizes >> 2 & 3))? / divisor;
    if bitrate == 0 {
        return None;
    }
    let samples = if first { 1_152 } else { 576 };
    let bytes = samples / 8 * bitrate * 1_000 / rate + u32::from(sizes >> 1 & 1);
    Some(Frame { bytes: usize::try_from(bytes).ok()?, samples: u64::from(samples), rate })
}

fn length(samples: u64, rate: u32) -> Duration {
    Duration::from_millis(samples.saturating_mul(1_000) / u64::from(rate))
}

/// Thousands of bits a second of MPEG 1; free format is refused, for its frames tell no length.
const BITRATES_1: [u32; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
/// Thousands of bits a second of MPEG 2 and 2.5.
const BITRATES_2: [u32; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
/// Samples a second of MPEG 1.
const RATES: [u32; 3] = [44_100, 48_000, 32_000];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn page(serial: u8, granule: u64, packet: &[u8]) -> Vec<u8> {
        let mut page = b"OggS\0\0".to_vec();
        page.extend(granule.to_le_bytes());
        page.extend([serial, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        page.push(u8::try_from(packet.len()).unwrap());
        page.extend(packet);
        page
    }

    /// A second of Opus, with 312 samples to skip.
    fn opus() -> Vec<u8> {
        let head = page(7, 0, b"OpusHead\x01\x02\x38\x01\0\0\0\0\0\0\0");
        let rest = [page(7, u64::MAX, b"OpusTags"), page(7, 48_312, b"sound")];
        [head, rest.concat()].concat()
    }

    /// So many frames of 128 kbit/s at 48 kHz: 384 bytes and 24 ms each.
    fn frames(count: usize) -> Vec<u8> {
        let frame = [&[0xff, 0xfb, 0x94, 0][..], &[0; 380]].concat();
        frame.repeat(count)
    }

    #[test]
    fn sounds_last_as_long_as_their_samples() {
        let vorbis = page(1, 22_050, b"\x01vorbis\0\0\0\0\x01\x22\x56\0\0rest");
        let tagged = [&b"ID3\x04\0\0\0\0\0\x05title"[..], &frames(50), b"TAGgarbage"].concat();

        for (sound, ms, end) in [
            (opus(), 1_000, opus().len()),
            (vorbis.clone(), 1_000, vorbis.len()),
            (frames(50), 1_200, 50 * 384),
            (tagged, 1_200, 15 + 50 * 384),
        ] {
            let length = Duration::from_millis(ms);
            assert_eq!(outline(&sound), Some(Heard { end, length }));
        }
    }

    #[test]
    fn what_is_no_sound_is_refused() {
        let two =
            [page(1, 1, b"OpusHead\x01\x02\0\0"), page(2, 1, b"OpusHead\x01\x02\0\0")].concat();
        let cut = &opus()[..opus().len() - 1];
        let text = page(1, 1, b"\x80theora");

        for bytes in [&b""[..], b"OggS", b"RIFF", b"ID3", b"\xff\xfb\x90", &two, cut, &text] {
            assert_eq!(outline(bytes), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_lead_beyond_their_end(
            ogg in any::<bool>(),
            changes in prop::collection::vec((0_usize..200, any::<u8>()), 0..8),
        ) {
            let mut bytes = if ogg { opus() } else { frames(2) };
            for (at, value) in changes {
                let at = at % bytes.len();
                bytes[at] = value;
            }
            prop_assert!(outline(&bytes).is_none_or(|heard| heard.end <= bytes.len()));
        }
    }
}
