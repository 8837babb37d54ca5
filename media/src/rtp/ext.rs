//! RTP header extensions (RFC 8285): a safe search in what arrives, and the one that we write.
//!
//! HOT: no allocation.

/// Profile word of one-byte headers (RFC 8285 §4.2).
const ONE_BYTE: u16 = 0xBEDE;
/// Profile word of two-byte headers; the low four bits are free (RFC 8285 §4.3).
const TWO_BYTE: u16 = 0x1000;
/// An id that ends a block of one-byte headers (RFC 8285 §4.2).
const STOP: u8 = 15;

/// Length of the extension that [`AudioLevel::write`] makes, preamble included, in bytes.
pub(crate) const LEVEL_EXTENSION: usize = 8;

/// How loud a packet is, as its sender says (RFC 6464 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AudioLevel {
    /// Below overload, in decibels: 0 is loudest, 127 is digital silence.
    pub(crate) below_overload: u8,
    /// Whether the sender believes that it is voice.
    pub(crate) voice: bool,
}

impl AudioLevel {
    /// Reads the element's value, of which one byte counts.
    fn read(value: &[u8]) -> Option<Self> {
        let byte = *value.first()?;
        Some(Self { below_overload: byte & 0x7F, voice: byte & 0x80 != 0 })
    }

    /// The level of a packet whose extension has this profile word and body, under `id`.
    #[must_use]
    pub(crate) fn find(profile: u16, body: &[u8], id: u8) -> Option<Self> {
        Self::read(element(profile, body, id)?)
    }

    /// Whether it is digital silence, as of a microphone that is off.
    pub(crate) const fn is_silence(self) -> bool {
        self.below_overload == 127
    }

    /// Appends an extension with this level alone, under an id of 1 to 14, in one-byte form.
    pub(crate) fn write(self, id: u8, out: &mut Vec<u8>) {
        out.extend_from_slice(&ONE_BYTE.to_be_bytes());
        let level = (u8::from(self.voice) << 7) | (self.below_overload & 0x7F);
        // One word; the element's length field counts from one (RFC 8285 §4.2), then padding.
        out.extend_from_slice(&[0, 1, id << 4, level, 0, 0]);
    }
}

/// Length of the extension that [`write_send_time`] makes, preamble included, in bytes.
pub(crate) const SEND_TIME_EXTENSION: usize = 8;

/// Appends an extension with a send time of 24 bits alone, under an id of 1 to 14, in one-byte form.
pub(crate) fn write_send_time(send_time: u32, id: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(&ONE_BYTE.to_be_bytes());
    let [_, high, middle, low] = send_time.to_be_bytes();
    out.extend_from_slice(&[0, 1, (id << 4) | 2, high, middle, low]);
}

/// The value of the element with this id.
pub(crate) fn element(profile: u16, body: &[u8], wanted: u8) -> Option<&[u8]> {
    let two_byte = profile & 0xFFF0 == TWO_BYTE;
    if !two_byte && profile != ONE_BYTE {
        return None;
    }
    let mut rest = body;
    loop {
        let (first, after) = rest.split_first()?;
        // Zero is padding in both forms.
        if *first == 0 {
            rest = after;
            continue;
        }
        let (id, length, after) = if two_byte {
            let (length, after) = after.split_first()?;
            (*first, usize::from(*length), after)
        } else {
            (first >> 4, usize::from(first & 0x0F) + 1, after)
        };
        if !two_byte && id == STOP {
            return None;
        }
        let (value, after) = after.split_at_checked(length)?;
        if id == wanted {
            return Some(value);
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_level_is_found_among_others_in_both_forms() {
        let loud = Some(AudioLevel { below_overload: 20, voice: true });

        // Id 4 of three bytes, padding, then id 1.
        let one_byte = [0x42, 1, 2, 3, 0, 0x10, 0x94, 0];
        assert_eq!(AudioLevel::find(0xBEDE, &one_byte, 1), loud);
        let two_byte = [4, 0, 0, 1, 1, 0x94];
        assert_eq!(AudioLevel::find(0x1003, &two_byte, 1), loud);
        assert_eq!(AudioLevel::find(0x2000, &two_byte, 1), None);
    }

    #[test]
    fn an_element_beyond_the_end_or_behind_the_stop_is_not_there() {
        assert_eq!(AudioLevel::find(0xBEDE, &[0x12], 1), None);
        assert_eq!(AudioLevel::find(0xBEDE, &[0xF0, 0, 0x10, 0x94], 1), None);
        assert_eq!(AudioLevel::find(0x1000, &[1], 1), None);
        assert_eq!(AudioLevel::find(0x1000, &[1, 0], 1), None, "a level of no bytes is none");
    }

    proptest! {
        #[test]
        fn what_is_written_is_found_again(below_overload in 0u8..128, voice: bool, id in 1u8..15) {
            let level = AudioLevel { below_overload, voice };
            let mut out = Vec::new();

            level.write(id, &mut out);

            prop_assert_eq!(out.len(), LEVEL_EXTENSION);
            prop_assert_eq!(AudioLevel::find(0xBEDE, &out[4..], id), Some(level));
        }

        #[test]
        fn no_bytes_make_the_search_panic(
            profile: u16, id: u8, body in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            for profile in [profile, 0xBEDE, 0x1000] {
                let _ = AudioLevel::find(profile, &body, id);
            }
        }
    }
}
