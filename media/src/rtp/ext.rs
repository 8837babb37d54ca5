//! RTP header extensions (RFC 8285), of which we read one: the audio level (RFC 6464).
//!
//! HOT: no allocation; a malformed list ends the search, never the packet.

/// Loudness of a packet as its sender measured it: 0 is the loudest, 127 is silence (-dBov).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AudioLevel(pub(crate) u8);

/// The profile word of one-byte extensions (RFC 8285 §4.2).
pub(crate) const ONE_BYTE: u16 = 0xBEDE;

/// The audio level among the extensions of a packet, if the sender put one under `id`.
pub(crate) fn audio_level(profile: u16, body: &[u8], id: u8) -> Option<AudioLevel> {
    let value = if profile == ONE_BYTE {
        find_one_byte(body, id)?
    } else if profile & 0xFFF0 == 0x1000 {
        find_two_byte(body, id)?
    } else {
        return None;
    };
    value.first().map(|level| AudioLevel(level & 0x7F))
}

/// Looks for `id` in one-byte form (RFC 8285 §4.2): 0 is padding, 15 ends the list.
fn find_one_byte(mut body: &[u8], id: u8) -> Option<&[u8]> {
    while let Some((&head, rest)) = body.split_first() {
        if head == 0 {
            body = rest;
            continue;
        }
        if head >> 4 == 15 {
            return None;
        }
        let (value, rest) = rest.split_at_checked(usize::from(head & 0x0F) + 1)?;
        if head >> 4 == id {
            return Some(value);
        }
        body = rest;
    }
    None
}

/// Looks for `id` in two-byte form (RFC 8285 §4.3): 0 is padding.
fn find_two_byte(mut body: &[u8], id: u8) -> Option<&[u8]> {
    while let Some((&found, rest)) = body.split_first() {
        if found == 0 {
            body = rest;
            continue;
        }
        let (&length, rest) = rest.split_first()?;
        let (value, rest) = rest.split_at_checked(usize::from(length))?;
        if found == id {
            return Some(value);
        }
        body = rest;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_level_is_found_behind_padding_and_other_extensions() {
        let body = [0x21, 0xAA, 0xBB, 0x00, 0x10, 0x80 | 37, 0, 0];

        assert_eq!(audio_level(ONE_BYTE, &body, 1), Some(AudioLevel(37)));
        assert_eq!(audio_level(ONE_BYTE, &body, 3), None);
    }

    #[test]
    fn the_level_is_found_in_two_byte_form() {
        assert_eq!(audio_level(0x1000, &[2, 0, 1, 1, 9, 0, 0, 0], 1), Some(AudioLevel(9)));
    }

    proptest! {
        #[test]
        fn no_body_makes_the_search_panic(
            body in proptest::collection::vec(any::<u8>(), 0..64), id in 1u8..15, two: bool,
        ) {
            let _ = audio_level(if two { 0x1000 } else { ONE_BYTE }, &body, id);
        }
    }
}
