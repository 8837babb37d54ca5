//! RTCP (RFC 3550 §6): a safe walk over what arrives, and the three reports that we write.
//!
//! Nobody's report makes us send: feedback for video (PLI, NACK, REMB) has no effect here.

/// Packet type of a sender report.
const SENDER_REPORT: u8 = 200;
/// Packet type of a receiver report.
const RECEIVER_REPORT: u8 = 201;
/// Packet type of a source description.
const SOURCE_DESCRIPTION: u8 = 202;

/// Whether a packet with version 2 and this second byte is RTCP rather than RTP (RFC 5761 §4).
pub(crate) fn is_rtcp(second: u8) -> bool {
    (192..=223).contains(&second)
}

/// What of a compound packet matters to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Summary {
    /// SSRC and middle 32 bits of the NTP time of the last sender report, for our answer's LSR.
    pub(crate) sender_report: Option<(u32, u32)>,
    /// Packets in the compound.
    pub(crate) packets: u32,
}

/// Walks over a compound packet in the clear. None when it is malformed; what came before the
/// fault is not used.
#[must_use]
pub(crate) fn parse(mut compound: &[u8]) -> Option<Summary> {
    let mut summary = Summary::default();
    while !compound.is_empty() {
        let header: &[u8; 4] = compound.first_chunk()?;
        if header[0] >> 6 != 2 || !is_rtcp(header[1]) {
            return None;
        }
        let length = 4 * (usize::from(u16::from_be_bytes([header[2], header[3]])) + 1);
        let (packet, rest) = compound.split_at_checked(length)?;
        if header[1] == SENDER_REPORT {
            let body: &[u8; 12] = packet.get(4..)?.first_chunk()?;
            let ssrc = u32::from_be_bytes([body[0], body[1], body[2], body[3]]);
            let middle = u32::from_be_bytes([body[6], body[7], body[8], body[9]]);
            summary.sender_report = Some((ssrc, middle));
        }
        summary.packets += 1;
        compound = rest;
    }
    (summary.packets > 0).then_some(summary)
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

/// The numbers of a receiver report with one block (RFC 3550 §6.4.2).
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReceiverReport {
    /// Who reports.
    pub(crate) reporter: u32,
    /// About whom.
    pub(crate) ssrc: u32,
    /// Share of packets lost since the last report, in 1/256.
    pub(crate) fraction_lost: u8,
    /// Packets lost since the start.
    pub(crate) lost: u32,
    /// Highest extended sequence number, low 32 bits.
    pub(crate) highest: u32,
    /// Interarrival jitter in timestamp units.
    pub(crate) jitter: u32,
    /// Middle bits of the last sender report's time, 0 for none.
    pub(crate) last_sender_report: u32,
    /// Delay since that report in 1/65536 s.
    pub(crate) delay: u32,
}

impl ReceiverReport {
    /// Appends the report and an SDES CNAME.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[0x81, RECEIVER_REPORT, 0, 7]);
        out.extend_from_slice(&self.reporter.to_be_bytes());
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        let lost = self.lost.min(0x007F_FFFF);
        out.extend_from_slice(&((u32::from(self.fraction_lost) << 24) | lost).to_be_bytes());
        out.extend_from_slice(&self.highest.to_be_bytes());
        out.extend_from_slice(&self.jitter.to_be_bytes());
        out.extend_from_slice(&self.last_sender_report.to_be_bytes());
        out.extend_from_slice(&self.delay.to_be_bytes());
        write_cname(self.reporter, out);
    }
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

    #[test]
    fn our_own_reports_are_valid_compounds() {
        let mut out = Vec::new();
        let report = SenderReport {
            ssrc: 7,
            ntp: 0x1122_3344_5566_7788,
            rtp_timestamp: 1,
            packets: 2,
            octets: 3,
        };

        report.write(&mut out);

        let summary = parse(&out).expect("valid");
        assert_eq!(summary.packets, 2);
        assert_eq!(summary.sender_report, Some((7, 0x3344_5566)));
    }

    #[test]
    fn a_length_beyond_the_end_is_refused() {
        assert_eq!(parse(&[0x80, 201, 0, 9, 0, 0, 0, 1]), None);
        assert_eq!(parse(&[0x80, 200, 0, 1, 0, 0, 0, 1]), None);
        assert_eq!(parse(&[]), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_walk_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }
    }
}
