//! RTCP (RFC 3550 §6): a safe walk over what arrives, and the reports and requests that we write.
//!
//! HOT in a bad network: reading allocates nothing. What we are asked for, others limit.

/// Packet type of a sender report.
const SENDER_REPORT: u8 = 200;
/// Packet type of a receiver report.
const RECEIVER_REPORT: u8 = 201;
/// Packet type of a source description.
const SOURCE_DESCRIPTION: u8 = 202;
/// Packet type of feedback about RTP, and its format that names lost packets (RFC 4585 §6.2).
const FEEDBACK: u8 = 205;
const GENERIC_NACK: u8 = 1;
/// Its format that tells when packets arrived (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).
const TRANSPORT_WIDE: u8 = 15;
/// Length of the head of feedback, before what it says, in bytes (RFC 4585 §6.1).
const FEEDBACK_HEAD: usize = 12;
/// Packet type of feedback about a payload, and its formats: a picture was lost, a whole one is
/// needed, and others' (RFC 4585 §6.3, RFC 5104 §4.3.1), of which one is an estimate of bandwidth
/// (REMB, draft-alvestrand-rmcat-remb §2.2).
const PAYLOAD_FEEDBACK: u8 = 206;
const PICTURE_LOSS: u8 = 1;
const FULL_INTRA: u8 = 4;
const APPLICATION: u8 = 15;
const REMB: [u8; 4] = *b"REMB";
/// Length of a report block, in bytes (RFC 3550 §6.4.1).
const BLOCK: usize = 24;

/// Whether a packet with version 2 and this second byte is RTCP rather than RTP (RFC 5761 §4).
pub(crate) fn is_rtcp(second: u8) -> bool {
    (192..=223).contains(&second)
}

/// What of a compound packet matters to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Item {
    /// A sender's clock: its SSRC and the middle 32 bits of its NTP time, for our answer's LSR.
    SenderReport { ssrc: u32, middle: u32 },
    /// How a stream of ours arrives.
    Reception(ReportBlock),
    /// A packet of this stream of ours that did not arrive.
    Missing { ssrc: u32, sequence: u16 },
    /// A viewer of this stream of ours needs a keyframe.
    Picture { ssrc: u32 },
    /// A viewer estimates that so many bits a second can arrive.
    Estimate { bits: u64 },
}

/// What a report says of one stream (RFC 3550 §6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReportBlock {
    /// About whom.
    pub(crate) ssrc: u32,
    /// Share of packets lost since the last report, in 1/256.
    pub(crate) fraction_lost: u8,
    /// Packets lost since the start; 24 bits on the wire, below zero when more came than were
    /// expected.
    pub(crate) lost: i32,
    /// Highest extended sequence number, low 32 bits.
    pub(crate) highest: u32,
    /// Interarrival jitter in timestamp units.
    pub(crate) jitter: u32,
    /// Middle bits of the last sender report's time, 0 for none.
    pub(crate) last_sender_report: u32,
    /// Delay since that report in 1/65536 s.
    pub(crate) delay: u32,
}

/// A compound packet whose lengths all fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Compound<'a>(&'a [u8]);

impl<'a> Compound<'a> {
    /// Walks over a compound packet in the clear. None when any part is malformed: what came
    /// before the fault is not used.
    #[must_use]
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (packet, after) = split_packet(rest)?;
            if count_of_blocks(packet).is_some_and(|(at, count)| packet.len() < at + count * BLOCK)
            {
                return None;
            }
            rest = after;
        }
        (!bytes.is_empty()).then_some(Self(bytes))
    }

    /// Gives what matters to `take`, in order.
    pub(crate) fn for_each(&self, mut take: impl FnMut(Item)) {
        let mut rest = self.0;
        while let Some((packet, after)) = split_packet(rest) {
            rest = after;
            if packet[1] == SENDER_REPORT {
                let (ssrc, middle) = (word(packet, 4), word(packet, 10));
                take(Item::SenderReport { ssrc, middle });
            }
            if let Some((at, count)) = count_of_blocks(packet) {
                for block in packet[at..].chunks_exact(BLOCK).take(count) {
                    take(Item::Reception(ReportBlock::read(block)));
                }
            }
            if packet[1] == FEEDBACK && packet[0] & 0x1F == GENERIC_NACK {
                let ssrc = packet.get(8..12).map(|ssrc| word(ssrc, 0));
                let lost = packet.get(FEEDBACK_HEAD..).unwrap_or_default().as_chunks::<4>().0;
                for (ssrc, entry) in lost.iter().filter_map(|entry| Some((ssrc?, entry))) {
                    for sequence in named(entry) {
                        take(Item::Missing { ssrc, sequence });
                    }
                }
            }
            if packet[1] == PAYLOAD_FEEDBACK {
                payload_feedback(packet, &mut take);
            }
        }
    }
}

/// Reads feedback about a payload. Every entry of a request for whole pictures names a stream.
fn payload_feedback(packet: &[u8], take: &mut impl FnMut(Item)) {
    let said = packet.get(FEEDBACK_HEAD..).unwrap_or_default();
    match packet[0] & 0x1F {
        PICTURE_LOSS => {
            if let Some(ssrc) = packet.get(8..FEEDBACK_HEAD) {
                take(Item::Picture { ssrc: word(ssrc, 0) });
            }
        }
        FULL_INTRA => {
            for entry in said.as_chunks::<8>().0 {
                take(Item::Picture { ssrc: word(entry, 0) });
            }
        }
        APPLICATION if said.starts_with(&REMB) => {
            if let Some(value) = said.get(4..8) {
                let value = word(value, 0);
                let (exponent, mantissa) = ((value >> 18) & 0x3F, u64::from(value & 0x3_FFFF));
                let bits = mantissa.saturating_mul(1 << exponent);
                take(Item::Estimate { bits });
            }
        }
        _ => {}
    }
}

/// The sequence numbers that an entry of a generic NACK names: one, and those of a bit mask for the
/// 16 behind it (RFC 4585 §6.2.1).
fn named(entry: &[u8; 4]) -> impl Iterator<Item = u16> {
    let first = u16::from_be_bytes([entry[0], entry[1]]);
    let mask = u16::from_be_bytes([entry[2], entry[3]]);
    let behind = (0..16u16).filter(move |bit| mask & (1 << bit) != 0);
    std::iter::once(first).chain(behind.map(move |bit| first.wrapping_add(bit + 1)))
}

/// The first packet of a compound, its header checked, and what follows it.
fn split_packet(compound: &[u8]) -> Option<(&[u8], &[u8])> {
    let header: &[u8; 4] = compound.first_chunk()?;
    if header[0] >> 6 != 2 || !is_rtcp(header[1]) {
        return None;
    }
    let length = 4 * (usize::from(u16::from_be_bytes([header[2], header[3]])) + 1);
    compound.split_at_checked(length)
}

/// Where the blocks of a report begin, and how many it says there are.
fn count_of_blocks(packet: &[u8]) -> Option<(usize, usize)> {
    let count = usize::from(packet[0] & 0x1F);
    match packet[1] {
        SENDER_REPORT => Some((28, count)),
        RECEIVER_REPORT => Some((8, count)),
        _ => None,
    }
}

/// The 32 bits at `at`, which must lie inside.
fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

impl ReportBlock {
    /// Reads a block of [`BLOCK`] bytes.
    fn read(block: &[u8]) -> Self {
        let loss = word(block, 4);
        Self {
            ssrc: word(block, 0),
            fraction_lost: (loss >> 24) as u8,
            // Its 24 bits are signed.
            lost: ((loss << 8) as i32) >> 8,
            highest: word(block, 8),
            jitter: word(block, 12),
            last_sender_report: word(block, 16),
            delay: word(block, 20),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        let lost = self.lost.clamp(-0x0080_0000, 0x007F_FFFF) as u32 & 0x00FF_FFFF;
        out.extend_from_slice(&((u32::from(self.fraction_lost) << 24) | lost).to_be_bytes());
        for word in [self.highest, self.jitter, self.last_sender_report, self.delay] {
            out.extend_from_slice(&word.to_be_bytes());
        }
    }
}

/// The numbers of a sender report (RFC 3550 §6.4.1).
#[derive(Debug, Clone, Copy)]
pub(crate) struct SenderReport {
    pub(crate) ssrc: u32,
    /// Wall-clock time, 64-bit NTP format.
    pub(crate) ntp: u64,
    /// The same moment on the stream's clock.
    pub(crate) rtp_timestamp: u32,
    pub(crate) packets: u32,
    pub(crate) octets: u32,
}

impl SenderReport {
    /// Appends the report and the SDES CNAME that a compound must carry (RFC 3550 §6.1).
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[0x80, SENDER_REPORT, 0, 6]);
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        out.extend_from_slice(&self.ntp.to_be_bytes());
        out.extend_from_slice(&self.rtp_timestamp.to_be_bytes());
        out.extend_from_slice(&self.packets.to_be_bytes());
        out.extend_from_slice(&self.octets.to_be_bytes());
        write_cname(self.ssrc, out);
    }
}

/// Appends a receiver report with one block (RFC 3550 §6.4.2) and an SDES CNAME. `reporter` is the
/// SSRC of who reports.
pub(crate) fn write_receiver_report(reporter: u32, block: &ReportBlock, out: &mut Vec<u8>) {
    out.extend_from_slice(&[0x81, RECEIVER_REPORT, 0, 7]);
    out.extend_from_slice(&reporter.to_be_bytes());
    block.write(out);
    write_cname(reporter, out);
}

/// Appends feedback that asks for packets, each and those of a bit mask behind it. With reduced size
/// (RFC 5506 §3.4.1) it needs no report before it.
pub(crate) fn write_nack(reporter: u32, ssrc: u32, lost: &[(u16, u16)], out: &mut Vec<u8>) {
    let words = 2 + lost.len() as u16;
    out.extend_from_slice(&[0x80 | GENERIC_NACK, FEEDBACK]);
    out.extend_from_slice(&words.to_be_bytes());
    out.extend_from_slice(&reporter.to_be_bytes());
    out.extend_from_slice(&ssrc.to_be_bytes());
    for (first, mask) in lost {
        out.extend_from_slice(&first.to_be_bytes());
        out.extend_from_slice(&mask.to_be_bytes());
    }
}

/// Appends feedback that asks for a keyframe (RFC 4585 §6.3.1).
pub(crate) fn write_picture_loss(reporter: u32, ssrc: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&[0x80 | PICTURE_LOSS, PAYLOAD_FEEDBACK, 0, 2]);
    out.extend_from_slice(&reporter.to_be_bytes());
    out.extend_from_slice(&ssrc.to_be_bytes());
}

/// Appends feedback that says how many bits a second may be sent under `ssrc` and all others.
pub(crate) fn write_estimate(reporter: u32, ssrc: u32, bits: u64, out: &mut Vec<u8>) {
    let exponent = (64 - bits.leading_zeros()).saturating_sub(18);
    let mantissa = (bits >> exponent) as u32;
    out.extend_from_slice(&[0x80 | APPLICATION, PAYLOAD_FEEDBACK, 0, 5]);
    out.extend_from_slice(&reporter.to_be_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&REMB);
    out.extend_from_slice(&((1 << 24) | (exponent << 18) | mantissa).to_be_bytes());
    out.extend_from_slice(&ssrc.to_be_bytes());
}

/// Appends feedback of when packets arrived, which `write` tells; `ssrc` is of one of them. Its end is
/// filled with zeros to whole words, as the draft has it: the padding of RFC 3550 §6.4.1 knows only those.
pub(crate) fn write_transport_feedback(
    reporter: u32,
    ssrc: u32,
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>),
) {
    let start = out.len();
    out.extend_from_slice(&[0x80 | TRANSPORT_WIDE, FEEDBACK, 0, 0]);
    out.extend_from_slice(&reporter.to_be_bytes());
    out.extend_from_slice(&ssrc.to_be_bytes());
    write(out);
    let words = (out.len() - start).div_ceil(4);
    out.resize(start + 4 * words, 0);
    out[start + 2..start + 4].copy_from_slice(&(words as u16 - 1).to_be_bytes());
}

/// Appends one SDES chunk: CNAME of eight hexadecimal digits, so the length is fixed.
fn write_cname(ssrc: u32, out: &mut Vec<u8>) {
    // SSRC (4) + item header (2) + name (8) + terminator and padding (2) = 16 bytes.
    out.extend_from_slice(&[0x81, SOURCE_DESCRIPTION, 0, 4]);
    out.extend_from_slice(&ssrc.to_be_bytes());
    out.extend_from_slice(&[1, 8]);
    for nibble in (0..8).rev() {
        let digit = (ssrc >> (4 * nibble)) as usize & 0xF;
        out.push(b"0123456789abcdef"[digit]);
    }
    out.extend_from_slice(&[0, 0]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn items(compound: &[u8]) -> Vec<Item> {
        let mut items = Vec::new();
        Compound::parse(compound).expect("valid").for_each(|item| items.push(item));
        items
    }

    #[test]
    fn our_own_sender_report_says_what_was_put_in() {
        let mut out = Vec::new();
        let report = SenderReport {
            ssrc: 7,
            ntp: 0x1122_3344_5566_7788,
            rtp_timestamp: 1,
            packets: 2,
            octets: 3,
        };

        report.write(&mut out);

        assert_eq!(items(&out), [Item::SenderReport { ssrc: 7, middle: 0x3344_5566 }]);
    }

    #[test]
    fn a_length_or_a_count_beyond_the_end_is_refused() {
        for malformed in [
            &[0x80, 201, 0, 9, 0, 0, 0, 1][..],
            &[0x80, 200, 0, 1, 0, 0, 0, 1],
            &[0x81, 201, 0, 1, 0, 0, 0, 1],
            &[],
        ] {
            assert_eq!(Compound::parse(malformed), None, "{malformed:?}");
        }
    }

    #[test]
    fn lost_packets_are_named_across_the_wrap_as_they_were_written() {
        let mut out = Vec::new();

        write_nack(1, 9, &[(65_534, 0b1000_0000_0000_0011), (40, 0)], &mut out);

        let missing = |sequence| Item::Missing { ssrc: 9, sequence };
        assert_eq!(items(&out), [65_534, 65_535, 0, 14, 40].map(missing));
    }

    #[test]
    fn requests_for_pictures_are_read_in_both_forms() {
        let mut out = Vec::new();
        write_picture_loss(1, 9, &mut out);
        // FIR: no stream in the head, one in each entry.
        out.extend([0x84, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 8, 5, 0, 0, 0]);

        assert_eq!(items(&out), [9, 8].map(|ssrc| Item::Picture { ssrc }));
    }

    #[test]
    fn an_estimate_of_any_size_is_read_nearly_as_it_was_written() {
        for bits in [0, 1, 262_143, 262_144, 3_000_000, 1 << 40, u64::MAX] {
            let mut out = Vec::new();
            write_estimate(1, 9, bits, &mut out);

            let [Item::Estimate { bits: read }] = items(&out)[..] else { panic!("{bits}") };
            assert!(read <= bits && bits - read <= bits >> 17, "{bits} {read}");
        }
        let absurd = [
            0x8F, 206, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, b'R', b'E', b'M', b'B', 1, 255, 255, 255, 0,
            0, 0, 9,
        ];
        assert_eq!(items(&absurd), [Item::Estimate { bits: u64::MAX }]);
    }

    proptest! {
        #[test]
        fn a_receiver_report_is_read_as_it_was_written(
            reporter: u32, ssrc: u32, fraction_lost: u8, lost in -0x0080_0000i32..0x0080_0000,
            highest: u32, jitter: u32, last_sender_report: u32, delay: u32,
        ) {
            let block = ReportBlock {
                ssrc, fraction_lost, lost, highest, jitter, last_sender_report, delay,
            };
            let mut out = Vec::new();

            write_receiver_report(reporter, &block, &mut out);

            prop_assert_eq!(items(&out), [Item::Reception(block)]);
        }

        #[test]
        fn no_bytes_make_the_walk_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(compound) = Compound::parse(&bytes) {
                compound.for_each(|_| {});
            }
        }

        #[test]
        fn reports_of_any_count_and_length_are_walked_safely(
            count in 0u8..32, kind in 200u8..208, words in 0u8..60,
            rest in proptest::collection::vec(any::<u8>(), 0..260),
        ) {
            let mut bytes = vec![0x80 | count, kind, 0, words];
            bytes.extend(rest);
            if let Some(compound) = Compound::parse(&bytes) {
                compound.for_each(|_| {});
            }
        }
    }
}
