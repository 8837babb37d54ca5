//! Where a picture ends, and whether it moves: its blocks walked from the first to the last,
//! nothing decoded. What is cut off, or no picture behind its first bytes, has no end.
//!
//! Pure; any bytes may come in. Each step moves forward, so the work is bounded by the length.

use super::kind;

/// A picture's outline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outline {
    /// Its length in bytes; whatever comes after is no part of it.
    pub end: usize,
    /// Whether it has more than one frame.
    pub moves: bool,
    /// Pixels that its frames reach over, where the header is not bound to tell (GIF); else 0.
    pub reach: u64,
    /// How long its frames are shown, in milliseconds, where their times are known (PNG, GIF).
    pub length_ms: u64,
}

/// The outline of a whole PNG, JPEG, GIF or WebP.
pub(super) fn outline(bytes: &[u8]) -> Option<Outline> {
    match kind::sniff(bytes)? {
        "image/png" => png(bytes),
        "image/jpeg" => jpeg(bytes),
        "image/gif" => gif(bytes),
        "image/webp" => webp(bytes),
        _ => None,
    }
}

/// Chunks from IHDR to IEND (PNG specification §5.3, §5.6).
fn png(bytes: &[u8]) -> Option<Outline> {
    let mut at = 8;
    let (mut drawn, mut moves, mut length_ms) = (false, false, 0_u64);
    loop {
        let length = usize::try_from(be32(bytes, at)?).ok()?;
        let kind = bytes.get(at + 4..at + 8)?;
        // Length, kind and checksum beside the data.
        let next = at.checked_add(length)?.checked_add(12)?;
        if next > bytes.len() || (at == 8) != (kind == b"IHDR") {
            return None;
        }
        match kind {
            b"IDAT" => drawn = true,
            b"acTL" => moves = true,
            b"fcTL" => length_ms = length_ms.saturating_add(delay(bytes.get(at + 8..next - 4)?)?),
            b"IEND" => {
                return drawn.then_some(Outline { end: next, moves, reach: 0, length_ms });
            }
            _ => {}
        }
        at = next;
    }
}

/// How long a frame is shown, in milliseconds, by its control chunk (PNG specification §11.3.6.2).
fn delay(chunk: &[u8]) -> Option<u64> {
    let (over, under) = (u64::from(be16(chunk, 20)?), u64::from(be16(chunk, 22)?));
    Some(over * 1_000 / if under == 0 { 100 } else { under })
}

/// Segments to the end-of-image marker, entropy-coded data passed over (ITU T.81 §B.1.1).
fn jpeg(bytes: &[u8]) -> Option<Outline> {
    let mut at = 2;
    let mut scanned = false;
    loop {
        if *bytes.get(at)? != 0xff {
            return None;
        }
        match *bytes.get(at + 1)? {
            0xff => at += 1,
            0x01 | 0xd0..=0xd7 => at += 2,
            0xd9 => {
                let end = at + 2;
                return scanned.then_some(Outline { end, moves: false, reach: 0, length_ms: 0 });
            }
            // A stuffed zero, or a second picture in the first.
            0x00 | 0xd8 => return None,
            marker => {
                let length = usize::from(be16(bytes, at + 2)?);
                at += 2 + length;
                if length < 2 {
                    return None;
                }
                if marker == 0xda {
                    scanned = true;
                    at = after_scan(bytes, at)?;
                }
            }
        }
    }
}

/// The next marker that is neither a stuffed zero nor a restart.
fn after_scan(bytes: &[u8], from: usize) -> Option<usize> {
    let scan = bytes.get(from..)?;
    let is_marker = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xd0..=0xd7);
    Some(from + scan.windows(2).position(is_marker)?)
}

/// Blocks to the trailer (GIF89a specification §17 to §27).
fn gif(bytes: &[u8]) -> Option<Outline> {
    let mut at = 13 + color_table(*bytes.get(10)?);
    let (mut frames, mut reach, mut length_ms) = (0_usize, 0, 0);
    loop {
        match *bytes.get(at)? {
            b',' => {
                frames += 1;
                let side = |place, size| Some(le16(bytes, at + place)? + le16(bytes, at + size)?);
                reach = reach.max(side(1, 5)? * side(3, 7)?);
                // Place and size, the local colours, and the code size before the data.
                at = sub_blocks(bytes, at + 10 + color_table(*bytes.get(at + 9)?) + 1)?;
            }
            b'!' => {
                // A graphic control extension, in hundredths of a second (§23).
                if bytes.get(at + 1..at + 3) == Some(&[0xf9, 4]) {
                    length_ms += le16(bytes, at + 4)? * 10;
                }
                at = sub_blocks(bytes, at + 2)?;
            }
            b';' => {
                let (end, moves) = (at + 1, frames > 1);
                return (frames > 0).then_some(Outline { end, moves, reach, length_ms });
            }
            _ => return None,
        }
    }
}

/// Bytes of the colour table that packed `flags` tell of.
const fn color_table(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// Behind a run of sub-blocks and its terminator.
fn sub_blocks(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1 + length;
        if length == 0 {
            return Some(at);
        }
    }
}

/// Chunks that fill the container exactly (RFC 9649 §2.3 to 2.7).
fn webp(bytes: &[u8]) -> Option<Outline> {
    let end = usize::try_from(le32(bytes, 4)?).ok()?.checked_add(8)?;
    if end > bytes.len() {
        return None;
    }
    let mut at = 12;
    let (mut drawn, mut moves) = (false, false);
    while at < end {
        let kind = bytes.get(at..at + 4)?;
        let length = usize::try_from(le32(bytes, at + 4)?).ok()?;
        match kind {
            b"VP8 " | b"VP8L" => drawn = true,
            b"ANMF" => (drawn, moves) = (true, true),
            _ => {}
        }
        // Odd chunks are padded by a byte.
        at = at.checked_add(8)?.checked_add(length)?.checked_add(length % 2)?;
    }
    (drawn && at == end).then_some(Outline { end, moves, reach: 0, length_ms: 0 })
}

fn le16(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?)))
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn png_of(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
        let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
        for (kind, data) in chunks {
            png.extend_from_slice(&u32::try_from(data.len()).unwrap().to_be_bytes());
            png.extend_from_slice(*kind);
            png.extend_from_slice(data);
            png.extend_from_slice(b"crc!");
        }
        png
    }

    fn webp_of(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
        let mut body = b"WEBP".to_vec();
        for (kind, data) in chunks {
            body.extend_from_slice(*kind);
            body.extend_from_slice(&u32::try_from(data.len()).unwrap().to_le_bytes());
            body.extend_from_slice(data);
            body.extend_from_slice(&[0][..data.len() % 2]);
        }
        let length = u32::try_from(body.len()).unwrap().to_le_bytes();
        [&b"RIFF"[..], &length, &body].concat()
    }

    /// One frame of a pixel, with a local colour table.
    const FRAME: &[u8] = b",\0\0\0\0\x01\0\x01\0\x80abcdef\x02\x02\x44\x01\0";
    const HEAD: &[u8] = b"GIF89a\x01\0\x01\0\0\0\0";

    fn still() -> Vec<Vec<u8>> {
        vec![
            png_of(&[(b"IHDR", &[1; 13]), (b"tEXt", b""), (b"IDAT", b"xx"), (b"IEND", b"")]),
            // A progressive JPEG: two scans, a stuffed zero and a restart in them, fill bytes.
            b"\xff\xd8\xff\xe0\x00\x03J\xff\xda\x00\x03a\x12\xff\x00\xff\xd1\x34\xff\xff\xc4\x00\x02\
              \xff\xda\x00\x02\x56\xff\xd9"
                .to_vec(),
            [HEAD, b"!\xfe\x03abc\0", FRAME, b";"].concat(),
            webp_of(&[(b"VP8L", b"abc")]),
            webp_of(&[(b"VP8X", &[0; 10]), (b"VP8 ", b"ab"), (b"EXIF", b"c")]),
        ]
    }

    fn moving() -> Vec<Vec<u8>> {
        vec![
            png_of(&[(b"IHDR", &[1; 13]), (b"acTL", b""), (b"IDAT", b"x"), (b"IEND", b"")]),
            [HEAD, FRAME, b"!\xf9\x04abcd\0", FRAME, b";"].concat(),
            webp_of(&[(b"VP8X", &[2; 10]), (b"ANIM", b"abcdef"), (b"ANMF", b"x"), (b"ANMF", b"y")]),
        ]
    }

    #[test]
    fn a_whole_picture_ends_where_it_ends_and_tells_whether_it_moves() {
        for (pictures, moves) in [(still(), false), (moving(), true)] {
            for picture in pictures {
                let longer = [&picture[..], b"<script>alert(1)</script>"].concat();
                let seen = outline(&picture).map(|found| (found.end, found.moves));

                assert_eq!(seen, Some((picture.len(), moves)), "{picture:?}");
                assert_eq!(outline(&longer), outline(&picture), "{picture:?}");
            }
        }
    }

    #[test]
    fn a_frame_that_is_larger_than_the_header_says_is_seen() {
        let mut gif = [HEAD, FRAME, b";"].concat();
        gif[HEAD.len() + 1..HEAD.len() + 9].copy_from_slice(b"\x01\0\x02\0\xff\xff\x08\0");

        assert_eq!(outline(&gif).map(|found| found.reach), Some(65_536 * 10));
    }

    #[test]
    fn frames_are_shown_as_long_as_they_say() {
        let control = |over: u16, under: u16| {
            [&[0; 20][..], &over.to_be_bytes(), &under.to_be_bytes(), &[0, 0]].concat()
        };
        let (first, second) = (control(3, 2), control(25, 0));
        let apng = png_of(&[
            (b"IHDR", &[1; 13]),
            (b"acTL", b""),
            (b"fcTL", &first),
            (b"IDAT", b"x"),
            (b"fcTL", &second),
            (b"IEND", b""),
        ]);
        let frame = [&b"!\xf9\x04\0\x2c\x01\0\0"[..], FRAME].concat();
        let gif = [HEAD, &frame, &frame, b";"].concat();

        assert_eq!(outline(&apng).map(|found| found.length_ms), Some(1_500 + 250));
        assert_eq!(outline(&gif).map(|found| found.length_ms), Some(6_000));
    }

    #[test]
    fn a_cut_off_picture_has_no_end() {
        for picture in still().into_iter().chain(moving()) {
            for end in 0..picture.len() {
                assert_eq!(outline(&picture[..end]), None, "{:?}", &picture[..end]);
            }
        }
    }

    #[test]
    fn what_only_begins_like_a_picture_has_no_end() {
        let script = b"GIF89a/*\x01\0\x01\0\0\0\0*/=1;alert(1);//;";
        let empty = png_of(&[(b"IHDR", &[1; 13]), (b"IEND", b"")]);
        let late = png_of(&[(b"tEXt", b""), (b"IHDR", &[1; 13]), (b"IDAT", b""), (b"IEND", b"")]);
        let blank = [HEAD, b";"].concat();
        let hollow = webp_of(&[(b"EXIF", b"abc")]);
        let nested = b"\xff\xd8\xff\xd8\xff\xda\x00\x02\xff\xd9";

        for bytes in [&script[..], &empty, &late, &blank, &hollow, nested, b"\xff\xd8\xff\xd9"] {
            assert_eq!(outline(bytes), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_lead_beyond_their_end(
            which in 0_usize..8,
            changes in prop::collection::vec((0_usize..128, any::<u8>()), 0..8),
        ) {
            let mut bytes = still().into_iter().chain(moving()).nth(which).unwrap();
            for (at, value) in changes {
                let at = at % bytes.len();
                bytes[at] = value;
            }
            prop_assert!(outline(&bytes).is_none_or(|found| found.end <= bytes.len()));
        }
    }
}
