//! The RTP header (RFC 3550 §5.1): where it ends, and the fields that forwarding needs.
//!
//! HOT: no allocation. Parsing copies the fixed fields and leaves CSRCs and extensions in place.

/// Length of the header without CSRCs and extension, in bytes.
pub(crate) const FIXED: usize = 12;

/// The bit of the first byte that says that an extension follows.
pub(crate) const EXTENSION: u8 = 0x10;

/// The fields that forwarding reads and rewrites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RtpHeader {
    /// First packet of a talkspurt (RFC 3551 §4.1).
    pub(crate) marker: bool,
    /// Payload type, 0-127.
    pub(crate) payload_type: u8,
    /// Sequence number.
    pub(crate) sequence: u16,
    /// RTP timestamp, in units of the codec's clock.
    pub(crate) timestamp: u32,
    /// Synchronization source.
    pub(crate) ssrc: u32,
}

/// Where the parts of a packet lie; every offset is inside the packet it was parsed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    /// End of the fixed header and the CSRCs, in bytes from the start.
    pub(crate) csrcs_end: usize,
    /// The extension's profile word and its body's length in bytes, when the X bit is set.
    pub(crate) extension: Option<(u16, usize)>,
    /// Whether the last byte counts padding.
    pub(crate) padding: bool,
}

impl Layout {
    /// End of the part that `rtpsize` encryption leaves clear: CSRCs and the extension's preamble.
    #[must_use]
    pub(crate) fn preamble_end(&self) -> usize {
        self.csrcs_end + if self.extension.is_some() { 4 } else { 0 }
    }

    /// End of the whole header as SRTP leaves it clear: with the extension's body.
    #[must_use]
    pub(crate) fn header_end(&self) -> usize {
        self.preamble_end() + self.extension.map_or(0, |(_, body)| body)
    }
}

impl RtpHeader {
    /// Reads a header. The extension's *body* may lie beyond the end: whoever needs it in the
    /// clear compares [`Layout::header_end`] with the length.
    ///
    /// None when the version is not 2, or the fixed header, the CSRCs or the extension's preamble
    /// do not fit.
    #[must_use]
    pub(crate) fn parse(packet: &[u8]) -> Option<(Self, Layout)> {
        let fixed: &[u8; FIXED] = packet.first_chunk()?;
        if fixed[0] >> 6 != 2 {
            return None;
        }
        let csrcs_end = FIXED + 4 * usize::from(fixed[0] & 0x0F);
        let extension = if fixed[0] & EXTENSION == 0 {
            None
        } else {
            let preamble: &[u8; 4] = packet.get(csrcs_end..)?.first_chunk()?;
            let profile = u16::from_be_bytes([preamble[0], preamble[1]]);
            let words = u16::from_be_bytes([preamble[2], preamble[3]]);
            Some((profile, 4 * usize::from(words)))
        };
        if packet.len() < csrcs_end {
            return None;
        }
        let header = Self {
            marker: fixed[1] & 0x80 != 0,
            payload_type: fixed[1] & 0x7F,
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
        };
        Some((header, Layout { csrcs_end, extension, padding: fixed[0] & 0x20 != 0 }))
    }

    /// The header as bytes, with neither CSRCs nor extension.
    #[must_use]
    pub(crate) fn to_bytes(self) -> [u8; FIXED] {
        let mut bytes = [0; FIXED];
        bytes[0] = 0x80;
        bytes[1] = (u8::from(self.marker) << 7) | (self.payload_type & 0x7F);
        bytes[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        bytes
    }
}

/// The payload without the padding that its last byte counts (RFC 3550 §5.1), or None when the
/// count is zero or larger than the payload.
#[must_use]
pub(crate) fn without_padding(payload: &[u8]) -> Option<&[u8]> {
    let padding = usize::from(*payload.last()?);
    if padding == 0 || padding > payload.len() {
        return None;
    }
    payload.get(..payload.len() - padding)
}

#[cfg(test)]
mod tests {
    use ::rtp::packet::Packet;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_header_with_csrcs_and_extension_ends_where_both_end() {
        let mut packet = vec![0x92, 0xF8, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        packet.extend([0xAA; 8]);
        packet.extend([0xBE, 0xDE, 0, 1, 0x10, 0xFF, 0, 0]);

        let (header, layout) = RtpHeader::parse(&packet).expect("valid");

        assert!(header.marker);
        assert_eq!(header.payload_type, 120);
        assert_eq!(layout.csrcs_end, 20);
        assert_eq!(layout.preamble_end(), 24);
        assert_eq!(layout.header_end(), 28);
    }

    #[test]
    fn padding_that_exceeds_the_payload_is_refused() {
        assert_eq!(without_padding(&[1, 2, 3, 0, 2]), Some(&[1, 2, 3][..]));
        assert_eq!(without_padding(&[1, 9]), None);
        assert_eq!(without_padding(&[1, 0]), None);
        assert_eq!(without_padding(&[]), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            marker: bool, payload_type in 0u8..128, sequence: u16, timestamp: u32, ssrc: u32,
        ) {
            let header = RtpHeader { marker, payload_type, sequence, timestamp, ssrc };

            let (read, layout) = RtpHeader::parse(&header.to_bytes()).expect("valid");

            prop_assert_eq!(read, header);
            prop_assert_eq!(layout.header_end(), FIXED);
        }

        #[test]
        fn any_bytes_are_read_as_the_rtp_crate_reads_them(
            first in 0x80u8..=0xBF, rest in proptest::collection::vec(any::<u8>(), 0..96),
        ) {
            let mut bytes = vec![first];
            bytes.extend(rest);
            let theirs = <Packet as webrtc_util::marshal::Unmarshal>::unmarshal(&mut &bytes[..]);

            if let Ok(theirs) = theirs {
                let (ours, layout) = RtpHeader::parse(&bytes).expect("theirs parsed");
                prop_assert_eq!(ours.marker, theirs.header.marker);
                prop_assert_eq!(ours.payload_type, theirs.header.payload_type);
                prop_assert_eq!(ours.sequence, theirs.header.sequence_number);
                prop_assert_eq!(ours.timestamp, theirs.header.timestamp);
                prop_assert_eq!(ours.ssrc, theirs.header.ssrc);
                let payload = &bytes[layout.header_end()..];
                let unpadded = if layout.padding { without_padding(payload) } else { Some(payload) };
                match unpadded {
                    Some(unpadded) => prop_assert_eq!(unpadded, &theirs.payload[..]),
                    // Padding that counts no byte, not even itself (RFC 3550 §5.1): they let it
                    // pass, we do not.
                    None => prop_assert!(matches!(payload.last(), None | Some(0))),
                }
            }
        }
    }
}
