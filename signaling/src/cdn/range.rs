//! The `Range` header (RFC 9110 §14): one range of bytes, or the whole.

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
    let Some(spec) = header.and_then(|header| header.strip_prefix("bytes=")) else {
        return Wanted::Whole;
    };
    let Some((first, last)) = spec.split_once('-') else { return Wanted::Whole };
    let range = match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Ok(first), Err(_)) if last.is_empty() => first..size,
        (Err(_), Ok(suffix)) if first.is_empty() => size.saturating_sub(suffix)..size,
        _ => return Wanted::Whole,
    };
    if range.start < range.end { Wanted::Part(range) } else { Wanted::Nowhere }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        assert_eq!(parse(Some("bytes=0-9"), 100), Wanted::Part(0..10));
        assert_eq!(parse(Some("bytes=90-"), 100), Wanted::Part(90..100));
        assert_eq!(parse(Some("bytes=-10"), 100), Wanted::Part(90..100));
        assert_eq!(parse(Some("bytes=50-1000"), 100), Wanted::Part(50..100));
        assert_eq!(parse(Some("bytes=100-"), 100), Wanted::Nowhere);
        for other in [None, Some("bytes=5-1"), Some("bytes=0-1,3-4"), Some("lines=1-2"), Some("")] {
            assert_eq!(parse(other, 100), Wanted::Whole, "{other:?}");
        }
    }
}
