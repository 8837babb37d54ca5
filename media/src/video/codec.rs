//! What a router must know of VP8, VP9 and H264: where a keyframe begins, and the counters that tell a
//! decoder that no frame is missing. Nothing is decoded, and payloads are untrusted.
//!
//! HOT: no allocation. (RFC 7741 §4.2, RFC 9628 §4.2, RFC 6184 §5.)

/// A codec as both ends of an offer name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    /// RFC 7741.
    Vp8,
    /// RFC 9628, with its profile.
    Vp9 { profile: u8 },
    /// RFC 6184, with the first two bytes of its profile-level-id and its packetization mode.
    H264 { profile: u16, mode: u8 },
    /// Opus of a shared screen: forwarded like a picture, with neither keyframes nor counters.
    Opus,
}

impl Codec {
    /// Units of the RTP clock in a second.
    pub(crate) const fn clock(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            _ => 90_000,
        }
    }

    /// Whether a receiver can begin with this packet.
    pub(crate) fn begins_keyframe(self, payload: &[u8]) -> bool {
        match self {
            Self::Vp8 => vp8_begins_keyframe(payload),
            Self::Vp9 { .. } => vp9_begins_keyframe(payload),
            Self::H264 { .. } => h264_begins_keyframe(payload),
            Self::Opus => true,
        }
    }

    /// The counters of a packet. None where there are none, or the packet is too short for them.
    pub(crate) fn counters(self, payload: &[u8]) -> Option<Counters> {
        match self {
            Self::Vp8 => vp8_counters(payload),
            Self::Vp9 { .. } => vp9_counters(payload),
            Self::H264 { .. } | Self::Opus => None,
        }
    }
}

/// The counters that a payload descriptor carries, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counters {
    /// The picture's number, and where its one or two bytes are.
    pub(crate) picture: u16,
    picture_at: usize,
    /// Whether it has 15 bits rather than 7.
    long: bool,
    /// The number of the base layer's picture, and where its byte is.
    pub(crate) base: Option<u8>,
    base_at: usize,
}

impl Counters {
    /// Writes other numbers in their place; a number keeps its length.
    pub(crate) fn write(&self, picture: u16, base: u8, payload: &mut [u8]) {
        if self.long {
            let bytes = (0x8000 | (picture & 0x7FFF)).to_be_bytes();
            if let Some(place) = payload.get_mut(self.picture_at..self.picture_at + 2) {
                place.copy_from_slice(&bytes);
            }
        } else if let Some(place) = payload.get_mut(self.picture_at) {
            *place = (picture & 0x7F) as u8;
        }
        if self.base.is_some()
            && let Some(place) = payload.get_mut(self.base_at)
        {
            *place = base;
        }
    }
}

/// Where a VP8 payload descriptor ends, and its counters if it has them.
fn vp8_descriptor(payload: &[u8]) -> Option<(usize, Option<Counters>)> {
    let first = *payload.first()?;
    if first & 0x80 == 0 {
        return Some((1, None));
    }
    let extended = *payload.get(1)?;
    let mut at = 2;
    let mut counters = None;
    if extended & 0x80 != 0 {
        let (picture, long, length) = picture_number(payload, at)?;
        let picture_at = at;
        at += length;
        counters = Some(Counters { picture, picture_at, long, base: None, base_at: 0 });
    }
    if extended & 0x40 != 0 {
        let base = *payload.get(at)?;
        if let Some(counters) = &mut counters {
            (counters.base, counters.base_at) = (Some(base), at);
        }
        at += 1;
    }
    if extended & 0x30 != 0 {
        at += 1;
    }
    Some((at, counters))
}

fn vp8_counters(payload: &[u8]) -> Option<Counters> {
    vp8_descriptor(payload)?.1
}

fn vp8_begins_keyframe(payload: &[u8]) -> bool {
    let Some((end, _)) = vp8_descriptor(payload) else { return false };
    // S is set and the partition is the first; then the P bit of the frame header is 0 for a
    // keyframe (RFC 6386 §9.1).
    payload[0] & 0x17 == 0x10 && payload.get(end).is_some_and(|header| header & 1 == 0)
}

/// A picture's number of 7 or 15 bits, whether it has 15, and its length in bytes.
fn picture_number(payload: &[u8], at: usize) -> Option<(u16, bool, usize)> {
    let first = *payload.get(at)?;
    if first & 0x80 == 0 {
        return Some((u16::from(first), false, 1));
    }
    let second = *payload.get(at + 1)?;
    Some((u16::from_be_bytes([first & 0x7F, second]), true, 2))
}

fn vp9_counters(payload: &[u8]) -> Option<Counters> {
    let first = *payload.first()?;
    if first & 0x80 == 0 {
        return None;
    }
    let (picture, long, length) = picture_number(payload, 1)?;
    let mut counters = Counters { picture, picture_at: 1, long, base: None, base_at: 0 };
    // With layer indices and without flexible mode, the base layer's number follows the indices.
    if first & 0x20 != 0 && first & 0x10 == 0 {
        counters.base_at = 1 + length + 1;
        counters.base = Some(*payload.get(counters.base_at)?);
    }
    Some(counters)
}

fn vp9_begins_keyframe(payload: &[u8]) -> bool {
    let Some(first) = payload.first().copied() else { return false };
    // Not predicted from another picture, and the beginning of a frame.
    if first & 0x40 != 0 || first & 0x08 == 0 {
        return false;
    }
    if first & 0x20 == 0 {
        return true;
    }
    let number = if first & 0x80 == 0 { Some(0) } else { picture_number(payload, 1).map(|n| n.2) };
    // Of spatial layers only the lowest stands alone.
    number.and_then(|length| payload.get(1 + length)).is_some_and(|layer| layer & 0x0E == 0)
}

/// NAL unit types: a coded slice of an IDR picture, a sequence parameter set, several units in one
/// packet, a fragment of one (RFC 6184 §5.4).
const IDR: u8 = 5;
const PARAMETERS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

fn h264_begins_keyframe(payload: &[u8]) -> bool {
    let stands_alone = |unit: u8| matches!(unit & 0x1F, IDR | PARAMETERS);
    let Some(first) = payload.first().copied() else { return false };
    match first & 0x1F {
        STAP_A => {
            let mut rest = &payload[1..];
            while let Some((length, after)) = rest.split_first_chunk::<2>() {
                let length = usize::from(u16::from_be_bytes(*length));
                let Some((unit, after)) = after.split_at_checked(length) else { return false };
                if unit.first().copied().is_some_and(stands_alone) {
                    return true;
                }
                rest = after;
            }
            false
        }
        FU_A => payload.get(1).is_some_and(|fu| fu & 0x80 != 0 && stands_alone(*fu)),
        _ => stands_alone(first),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rtp::header::RtpHeader;

    const VP9: Codec = Codec::Vp9 { profile: 0 };
    const H264: Codec = Codec::H264 { profile: 0x42E0, mode: 1 };

    #[test]
    fn a_vp8_keyframe_begins_with_its_first_packet_only() {
        // S, X; I, L; picture 0x1234 of 15 bits; base 9; then a keyframe's first byte.
        let key = [0x90, 0xC0, 0x92, 0x34, 9, 0x10];
        let delta = [0x90, 0xC0, 0x92, 0x34, 9, 0x11];
        let later_packet = [0x80, 0xC0, 0x92, 0x34, 9, 0x10];

        assert!(Codec::Vp8.begins_keyframe(&key));
        assert!(!Codec::Vp8.begins_keyframe(&delta) && !Codec::Vp8.begins_keyframe(&later_packet));
        assert!(Codec::Vp8.begins_keyframe(&[0x10, 0x00]), "without an extended descriptor");
        let counters = Codec::Vp8.counters(&key).expect("has them");
        assert_eq!((counters.picture, counters.base), (0x1234, Some(9)));
    }

    #[test]
    fn numbers_are_written_in_the_length_that_they_had() {
        let mut long = [0x90, 0xC0, 0x92, 0x34, 9, 0x10];
        Codec::Vp8.counters(&long).expect("has them").write(0x7001, 200, &mut long);
        let mut short = [0x90, 0x80, 0x12, 0x10];
        Codec::Vp8.counters(&short).expect("has them").write(0x1FF, 200, &mut short);

        assert_eq!(long, [0x90, 0xC0, 0xF0, 0x01, 200, 0x10]);
        assert_eq!(short, [0x90, 0x80, 0x7F, 0x10]);
    }

    #[test]
    fn a_vp9_keyframe_is_the_beginning_of_the_lowest_layer() {
        assert!(VP9.begins_keyframe(&[0x88, 5, 0]), "without layers");
        assert!(!VP9.begins_keyframe(&[0xC8, 5, 0]), "predicted from another picture");
        assert!(!VP9.begins_keyframe(&[0x80, 5, 0]), "not the beginning of a frame");
        assert!(VP9.begins_keyframe(&[0xA8, 0x80, 5, 0x00, 7]), "spatial layer 0");
        assert!(!VP9.begins_keyframe(&[0xA8, 0x80, 5, 0x02, 7]), "spatial layer 1");
        let counters = VP9.counters(&[0xA8, 0x80, 5, 0x00, 7]).expect("has them");
        assert_eq!((counters.picture, counters.base), (5, Some(7)));
    }

    #[test]
    fn an_h264_keyframe_is_found_alone_together_and_in_fragments() {
        assert!(H264.begins_keyframe(&[0x67, 0x42]) && H264.begins_keyframe(&[0x65]));
        assert!(!H264.begins_keyframe(&[0x41]));
        assert!(H264.begins_keyframe(&[0x78, 0, 2, 0x67, 0x42, 0, 1, 0x68]), "STAP-A");
        assert!(!H264.begins_keyframe(&[0x78, 0, 1, 0x41]));
        assert!(H264.begins_keyframe(&[0x7C, 0x85]), "the first fragment");
        assert!(!H264.begins_keyframe(&[0x7C, 0x05]), "a later fragment");
    }

    /// The payloads of a capture of RTP in UDP in IPv4 in Ethernet, of the stream that began first.
    fn captured(pcap: &[u8]) -> Vec<Vec<u8>> {
        let mut payloads = Vec::new();
        let (mut at, mut of) = (24, None);
        while let Some(head) = pcap.get(at..at + 16) {
            let length = u32::from_le_bytes([head[8], head[9], head[10], head[11]]) as usize;
            let packet = &pcap[at + 16..at + 16 + length];
            at += 16 + length;
            let Some((header, layout)) = RtpHeader::parse(&packet[42..]) else { continue };
            if *of.get_or_insert(header.ssrc) == header.ssrc {
                payloads.push(packet[42 + layout.header_end()..].to_vec());
            }
        }
        payloads
    }

    #[test]
    fn captures_of_real_encoders_begin_with_a_keyframe_and_miss_no_number() {
        for (codec, pcap) in [
            (Codec::Vp8, &include_bytes!("../../tests/data/str0m/vp8.pcap")[..]),
            (VP9, include_bytes!("../../tests/data/str0m/vp9.pcap")),
            (H264, include_bytes!("../../tests/data/str0m/h264.pcap")),
        ] {
            let payloads = captured(pcap);
            let keyframes: Vec<_> =
                (0..payloads.len()).filter(|at| codec.begins_keyframe(&payloads[*at])).collect();
            let pictures: Vec<_> =
                payloads.iter().filter_map(|payload| codec.counters(payload)).collect();

            assert!(payloads.len() > 50, "{codec:?}");
            assert_eq!(keyframes.first(), Some(&0), "{codec:?}");
            for two in pictures.windows(2) {
                let step = two[1].picture.wrapping_sub(two[0].picture) & 0x7F;
                assert!(step <= 1, "{codec:?} {two:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_payload_makes_a_reader_panic(
            payload in proptest::collection::vec(any::<u8>(), 0..64), picture: u16, base: u8,
        ) {
            for codec in [Codec::Vp8, VP9, H264, Codec::Opus] {
                let mut payload = payload.clone();
                let _ = codec.begins_keyframe(&payload);
                if let Some(counters) = codec.counters(&payload) {
                    let length = if counters.long { 0x7FFF } else { 0x7F };
                    counters.write(picture, base, &mut payload);
                    let again = codec.counters(&payload).expect("still has them");
                    prop_assert_eq!(again.picture, picture & length);
                }
            }
        }
    }
}
