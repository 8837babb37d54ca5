//! What of a file a request wants: a range of it, or nothing because it has it already.
//!
//! Pure (RFC 9110 §13 and §14).

use std::ops::Range;

/// What a request wants of `size` bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it: no range, several, or none that is understood.
    Whole,
    /// One part.
    Part(Range<u64>),
    /// A part that is not there: 416.
    Nowhere,
}

/// Reads a `Range` header.
pub(super) fn parse(header: Option<&str>, size: u64) -> Wanted {
    let Some((unit, spec)) = header.and_then(|header| header.split_once('=')) else {
        return Wanted::Whole;
    };
    let Some((first, last)) = spec.split_once('-') else { return Wanted::Whole };
    if !unit.eq_ignore_ascii_case("bytes") {
        return Wanted::Whole;
    }
    let range = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Some(first), None) if last.trim().is_empty() => first..size,
        (None, Some(suffix)) if first.trim().is_empty() => size.saturating_sub(suffix)..size,
        _ => return Wanted::Whole,
    };
    if range.start < range.end { Wanted::Part(range) } else { Wanted::Nowhere }
}

/// Digits alone; a number too large to count is as good as the largest.
fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

/// Whether an `If-None-Match` header names `etag`: the client has the file.
pub(super) fn is_known(header: &str, etag: &str) -> bool {
    header.split(',').map(str::trim).any(|known| {
        // Weak comparison (RFC 9110 §13.1.2).
        known == "*" || known.strip_prefix("W/").unwrap_or(known) == etag
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        for (header, part) in [
            ("bytes=0-9", 0..10),
            ("bytes=0-0", 0..1),
            ("bytes=90-", 90..100),
            ("bytes=-10", 90..100),
            ("bytes=-1000", 0..100),
            ("bytes=50-1000", 50..100),
            ("Bytes= 5 - 6 ", 5..7),
            ("bytes=1-18446744073709551615", 1..100),
            ("bytes=1-99999999999999999999999", 1..100),
        ] {
            assert_eq!(parse(Some(header), 100), Wanted::Part(part), "{header}");
        }
    }

    #[test]
    fn what_is_not_there_is_nowhere() {
        for header in ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999999999999999-"]
        {
            assert_eq!(parse(Some(header), 100), Wanted::Nowhere, "{header}");
        }
        assert_eq!(parse(Some("bytes=0-0"), 0), Wanted::Nowhere);
    }

    #[test]
    fn what_is_not_understood_is_the_whole() {
        for header in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=5-1",
            "bytes=0-1,3-4",
            "lines=1-2",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=1--2",
        ] {
            assert_eq!(parse(Some(header), 100), Wanted::Whole, "{header:?}");
        }
        assert_eq!(parse(None, 100), Wanted::Whole);
    }

    #[test]
    fn a_known_file_is_recognised_among_others() {
        for header in ["\"a\"", "W/\"a\"", "\"b\", \"a\"", "*"] {
            assert!(is_known(header, "\"a\""), "{header}");
        }
        for header in ["", "a", "\"b\"", "\"ab\""] {
            assert!(!is_known(header, "\"a\""), "{header}");
        }
    }
}
