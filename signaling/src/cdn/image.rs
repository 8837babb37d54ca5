//! Width and height of pictures, by their headers alone: nothing is decoded.
//!
//! Pure; any bytes may come in.

use super::kind;

/// Width and height in pixels; `None` for what is no picture, is cut off or is larger than any
/// client would show.
pub(crate) fn dimensions(bytes: &[u8]) -> Option<(u64, u64)> {
    let (width, height) = match kind::sniff(bytes)? {
        "image/png" => (be32(bytes, 16)?, be32(bytes, 20)?),
        "image/gif" => (le16(bytes, 6)?, le16(bytes, 8)?),
        "image/jpeg" => jpeg(bytes)?,
        "image/webp" => webp(bytes)?,
        _ => return None,
    };
    let sane = 1..=LARGEST;
    (sane.contains(&width) && sane.contains(&height)).then_some((width, height))
}

/// Widest and highest picture that is told, in pixels: JPEG's and WebP's own bound is below it.
const LARGEST: u64 = 1 << 17;
/// Segments of a JPEG that are passed over; real ones have a dozen.
const SEGMENTS: usize = 256;

/// The first start-of-frame segment (ITU T.81 §B.2.2).
fn jpeg(bytes: &[u8]) -> Option<(u64, u64)> {
    let mut at = 2;
    for _ in 0..SEGMENTS {
        if *bytes.get(at)? != 0xff {
            return None;
        }
        match *bytes.get(at + 1)? {
            // Fill bytes before a marker (§B.1.1.2), and markers without a length.
            0xff => at += 1,
            0x01 | 0xd0..=0xd8 => at += 2,
            0xc4 | 0xc8 | 0xcc => at += 2 + usize::try_from(be16(bytes, at + 2)?).ok()?,
            0xc0..=0xcf => return Some((be16(bytes, at + 7)?, be16(bytes, at + 5)?)),
            // The scan, or the end, came before any frame.
            0xd9 | 0xda => return None,
            _ => at += 2 + usize::try_from(be16(bytes, at + 2)?).ok()?,
        }
    }
    None
}

/// The first chunk (RFC 9649 §2.5 to 2.7): lossy, lossless or extended.
fn webp(bytes: &[u8]) -> Option<(u64, u64)> {
    match bytes.get(12..16)? {
        // A key frame's start code, then 14 bits each (RFC 6386 §9.1).
        b"VP8 " if bytes.get(23..26)? == b"\x9d\x01\x2a" => {
            Some((le16(bytes, 26)? & 0x3fff, le16(bytes, 28)? & 0x3fff))
        }
        b"VP8L" if *bytes.get(20)? == 0x2f => {
            let bits = le16(bytes, 21)? | le16(bytes, 23)? << 16;
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        b"VP8X" => Some((le24(bytes, 24)? + 1, le24(bytes, 27)? + 1)),
        _ => None,
    }
}

fn be16(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?)))
}

fn be32(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?)))
}

fn le16(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?)))
}

fn le24(bytes: &[u8], at: usize) -> Option<u64> {
    Some(le16(bytes, at)? | u64::from(*bytes.get(at + 2)?) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x80\0\0\x01\xe0";
    const GIF: &[u8] = b"GIF89a\x80\x02\xe0\x01";
    const JPEG: &[u8] =
        b"\xff\xd8\xff\xe0\x00\x04JF\xff\xff\xc4\x00\x02\xff\xc2\x00\x11\x08\x01\xe0\x02\x80";
    const LOSSY: &[u8] = b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0abc\x9d\x01\x2a\x80\x42\xe0\x01";
    const LOSSLESS: &[u8] = b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f\x7f\xc2\x77\x00";
    const EXTENDED: &[u8] = b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\x7f\x02\x00\xdf\x01\x00";
    const ALL: [&[u8]; 6] = [PNG, GIF, JPEG, LOSSY, LOSSLESS, EXTENDED];

    #[test]
    fn each_format_tells_its_size() {
        for picture in ALL {
            assert_eq!(dimensions(picture), Some((640, 480)), "{picture:?}");
        }
    }

    #[test]
    fn a_cut_off_header_has_no_size() {
        for picture in ALL {
            for end in 0..picture.len() {
                assert_eq!(dimensions(&picture[..end]), None, "{:?}", &picture[..end]);
            }
        }
    }

    #[test]
    fn absurd_and_hostile_headers_have_no_size() {
        let huge = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xff\xff\xff\0\0\0\x01";
        let flat = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\0\0\0\0\x01";
        let endless = [&b"\xff\xd8"[..], &[0xff; 100_000]].concat();

        for picture in [&huge[..], &flat[..], &endless, b"\xff\xd8\xff\xda\x00\x02", b""] {
            assert_eq!(dimensions(picture), None);
        }
    }

    #[test]
    fn no_single_changed_byte_does_harm() {
        for picture in ALL {
            for at in 0..picture.len() {
                for value in [0, 1, 0x7f, 0x80, 0xff] {
                    let mut bytes = picture.to_vec();
                    bytes[at] = value;
                    let _ = dimensions(&bytes);
                }
            }
        }
    }
}
