//! Which types a browser may show by itself; everything else it must download.

/// The type to store for an upload: what its first bytes say, else what the client says if that
/// is a plain `type/subtype`, else none.
pub(super) fn of_upload(bytes: &[u8], claimed: Option<&str>) -> Option<String> {
    if let Some(kind) = sniff(bytes) {
        return Some(kind.to_owned());
    }
    let claimed = claimed?.split(';').next()?.trim().to_ascii_lowercase();
    let plain = claimed.len() <= 100
        && claimed.matches('/').count() == 1
        && claimed.bytes().all(|b| b.is_ascii_alphanumeric() || b"/.+-".contains(&b));
    // Nothing that only claims to be a picture is shown as one.
    (plain && !is_shown(&claimed)).then_some(claimed)
}

/// Whether a browser may show it in place: it can hold no script.
pub(super) fn is_shown(kind: &str) -> bool {
    matches!(
        kind,
        "image/png"
            | "image/jpeg"
            | "image/gif"
            | "image/webp"
            | "audio/ogg"
            | "audio/mpeg"
            | "audio/wav"
            | "audio/flac"
            | "video/mp4"
            | "video/webm"
    )
}

/// The type by its first bytes (WHATWG: MIME Sniffing), of those that may be shown.
fn sniff(bytes: &[u8]) -> Option<&'static str> {
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    let at =
        |offset: usize, magic: &[u8]| bytes.get(offset..).is_some_and(|b| b.starts_with(magic));
    Some(match bytes {
        _ if starts(b"\x89PNG\r\n\x1a\n") => "image/png",
        _ if starts(b"\xff\xd8\xff") => "image/jpeg",
        _ if starts(b"GIF87a") || starts(b"GIF89a") => "image/gif",
        _ if starts(b"RIFF") && at(8, b"WEBP") => "image/webp",
        _ if starts(b"RIFF") && at(8, b"WAVE") => "audio/wav",
        _ if starts(b"OggS") => "audio/ogg",
        _ if starts(b"ID3") => "audio/mpeg",
        _ if starts(b"fLaC") => "audio/flac",
        _ if at(4, b"ftyp") => "video/mp4",
        _ if starts(b"\x1a\x45\xdf\xa3") => "video/webm",
        _ => return None,
    })
}

/// Width and height of a picture, by its header alone.
pub(super) fn dimensions(bytes: &[u8]) -> Option<(u64, u64)> {
    let be32 =
        |at: usize| Some(u64::from(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?)));
    let le16 =
        |at: usize| Some(u64::from(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?)));
    match sniff(bytes)? {
        "image/png" => Some((be32(16)?, be32(20)?)),
        "image/gif" => Some((le16(6)?, le16(8)?)),
        "image/jpeg" => jpeg(bytes),
        _ => None,
    }
}

/// The first start-of-frame segment of a JPEG (ITU T.81 §B.2.2).
fn jpeg(bytes: &[u8]) -> Option<(u64, u64)> {
    let mut at = 2;
    while *bytes.get(at)? == 0xff {
        let marker = *bytes.get(at + 1)?;
        let length = usize::from(u16::from_be_bytes(bytes.get(at + 2..at + 4)?.try_into().ok()?));
        if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            let number = |at: usize| {
                Some(u64::from(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?)))
            };
            return Some((number(at + 7)?, number(at + 5)?));
        }
        at += 2 + length.max(2);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_claims_to_be_a_picture_is_not_shown() {
        let kind = of_upload(b"<script>alert(1)</script>", Some("image/png"));

        assert!(kind.is_none_or(|kind| !is_shown(&kind)));
        assert!(!is_shown("image/svg+xml") && !is_shown("text/html"));
    }

    #[test]
    fn truncated_headers_have_no_dimensions_and_do_no_harm() {
        let jpeg = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xc0\x00\x11\x08\x00\x20\x00\x40";
        assert_eq!(dimensions(jpeg), Some((64, 32)));
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x03";
        assert_eq!(dimensions(png), Some((2, 3)));
        for end in 0..png.len() {
            assert_eq!(dimensions(&png[..end]), None);
            let _ = dimensions(&jpeg[..end.min(jpeg.len())]);
        }
    }
}
