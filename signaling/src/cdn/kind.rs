//! What a file is, by its first bytes: which types a browser may show, and which it must download.
//!
//! Pure. What a client says of its file is never believed where a browser would act on it.

/// The type to note for an upload: what its first bytes say, else what the client says if that
/// is a plain `type/subtype`, else none.
pub(super) fn of_upload(bytes: &[u8], claimed: Option<&str>) -> Option<String> {
    if let Some(kind) = sniff(bytes) {
        return Some(kind.to_owned());
    }
    let claimed = claimed?.split(';').next()?.trim().to_ascii_lowercase();
    let (kind, subtype) = claimed.split_once('/')?;
    let plain = claimed.len() <= 100
        && [kind, subtype].iter().all(|part| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b".+-_".contains(&b))
        });
    // Nothing that only claims to be a picture is noted as one.
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
            | "image/avif"
            | "audio/ogg"
            | "audio/mpeg"
            | "audio/wav"
            | "audio/flac"
            | "audio/mp4"
            | "video/mp4"
            | "video/quicktime"
            | "video/webm"
    )
}

/// Bytes that [`sniff`] looks at.
pub(super) const HEAD: u64 = 32;

/// The type by its first bytes (WHATWG: MIME Sniffing), of those that may be shown.
pub(super) fn sniff(bytes: &[u8]) -> Option<&'static str> {
    let at = |offset: usize, magic: &[u8]| {
        bytes.get(offset..).is_some_and(|bytes| bytes.starts_with(magic))
    };
    let starts = |magic: &[u8]| at(0, magic);
    Some(match bytes {
        _ if starts(b"\x89PNG\r\n\x1a\n") => "image/png",
        _ if starts(b"\xff\xd8\xff") => "image/jpeg",
        _ if starts(b"GIF87a") || starts(b"GIF89a") => "image/gif",
        _ if starts(b"RIFF") && at(8, b"WEBP") => "image/webp",
        _ if starts(b"RIFF") && at(8, b"WAVE") => "audio/wav",
        _ if starts(b"OggS\0") => "audio/ogg",
        // ID3 tags, or the frame sync of MPEG 1 and 2 layer III without them.
        _ if starts(b"ID3") => "audio/mpeg",
        [0xff, 0xfb | 0xfa | 0xf3 | 0xf2, ..] => "audio/mpeg",
        _ if starts(b"fLaC") => "audio/flac",
        _ if at(4, b"ftypavif") => "image/avif",
        _ if at(4, b"ftypM4A ") => "audio/mp4",
        _ if at(4, b"ftypqt  ") => "video/quicktime",
        _ if at(4, b"ftypheic") || at(4, b"ftypmif1") => return None,
        _ if at(4, b"ftyp") => "video/mp4",
        _ if starts(b"\x1a\x45\xdf\xa3") => "video/webm",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_claims_to_be_a_picture_is_not_shown() {
        let page = b"<script>alert(1)</script>";

        assert_eq!(of_upload(page, Some("image/png")), None);
        assert_eq!(of_upload(page, Some("IMAGE/PNG; a=b")), None);
        assert_eq!(of_upload(page, Some("text/html; charset=utf-8")).as_deref(), Some("text/html"));
        assert!(!is_shown("image/svg+xml") && !is_shown("text/html"));
    }

    #[test]
    fn a_claim_that_is_no_type_is_dropped() {
        for claim in ["", "/", "text/", "text", "a/b/c", "text/pl ain", "text/\r\nx: y", "té/xt"] {
            assert_eq!(of_upload(b"x", Some(claim)), None, "{claim:?}");
        }
    }

    #[test]
    fn bytes_are_believed_before_the_client() {
        let png = b"\x89PNG\r\n\x1a\n";

        assert_eq!(of_upload(png, Some("text/html")).as_deref(), Some("image/png"));
        assert_eq!(of_upload(png, None).as_deref(), Some("image/png"));
    }
}
