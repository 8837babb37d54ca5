//! One SSRC received from a peer: which packets are new, how many were lost, how they jitter.
//!
//! Relies on the transport for authenticity. HOT: no allocation.

use std::time::Duration;
use std::time::Instant;

use crate::metrics::DropReason;
use crate::opus;
use crate::rtp::header::RtpHeader;
use crate::rtp::rtcp::ReportBlock;
use crate::rtp::seq::ReplayWindow;
use crate::rtp::seq::WINDOW;
use crate::rtp::seq::extend;

/// A jump forward that is more likely a restart than a loss (RFC 3550 §A.1, MAX_DROPOUT).
const MAX_DROPOUT: u64 = 3_000;

/// A jump beyond this is a pause of the network, whose packets nobody waits for any more.
const ASKED_FOR: u64 = 12;
/// Packets after which one that was asked for and did not come is asked for once more, and again.
const ASKED_AGAIN_AFTER: [u64; 2] = [4, 9];

/// A packet that may be forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// Extended sequence number.
    pub(crate) seq: u64,
}

/// One RTP stream received from a peer (RFC 7656).
#[derive(Debug, Default)]
pub(crate) struct InboundStream {
    window: ReplayWindow,
    /// First number of the current piece.
    base: u64,
    /// Counts restarts: a listener's rewriter begins a new piece when it changes.
    pub(crate) piece: u32,
    /// Low bits that would follow, if the packet that just looked wrong was a restart.
    restart: Option<u16>,
    received: u64,
    received_in_piece: u64,
    lost_in_former_pieces: u64,
    /// Jitter in timestamp units, times 16 (RFC 3550 §A.8).
    jitter: u32,
    transit: Option<u32>,
    epoch: Option<Instant>,
    /// Expected and received at the last report, for the fraction lost.
    reported: (u64, u64),
    /// Middle bits of the last sender report's time, and when it came.
    sender_report: Option<(u32, Instant)>,
}

impl InboundStream {
    /// Takes an authenticated packet.
    ///
    /// # Errors
    ///
    /// [`DropReason::Replay`] for a duplicate, [`DropReason::Late`] for one behind the window.
    pub(crate) fn accept(
        &mut self,
        now: Instant,
        header: &RtpHeader,
    ) -> Result<Accepted, DropReason> {
        let Some(highest) = self.window.highest() else {
            return Ok(self.begin(now, header));
        };
        let seq = extend(highest, header.sequence).ok_or(DropReason::Late)?;
        if seq > highest + MAX_DROPOUT || seq + WINDOW <= highest {
            return self.maybe_restart(now, header);
        }
        if !self.window.is_new(seq) {
            return Err(DropReason::Replay);
        }
        self.restart = None;
        self.window.insert(seq);
        self.account(now, header);
        Ok(Accepted { seq })
    }

    /// Takes a frame that another packet carried along, `distance` packets before `carrier`. Whether
    /// it was missing. It counts as lost all the same: the network lost it.
    pub(crate) fn recover(&mut self, carrier: u64, distance: u64) -> Option<Accepted> {
        let seq = carrier.checked_sub(distance).filter(|seq| *seq >= self.base)?;
        let highest = self.window.highest()?;
        if seq > highest || !self.window.is_new(seq) {
            return None;
        }
        self.window.insert(seq);
        Some(Accepted { seq })
    }

    /// Which packets to ask the sender for, now that `accepted` came after `before` was the highest:
    /// those just found missing, and once more those that are missing since a few packets. A
    /// sequence number and a mask of the 16 behind it.
    pub(crate) fn missing(&self, before: Option<u64>, accepted: Accepted) -> Option<(u16, u16)> {
        let (before, highest) = (before?, accepted.seq);
        highest.checked_sub(before).filter(|ahead| (1..=ASKED_FOR).contains(ahead))?;
        let longest = ASKED_AGAIN_AFTER[1];
        let oldest = (before + 1).saturating_sub(longest).max(self.base);
        let mut first = None;
        let mut mask = 0;
        for seq in oldest..highest {
            let (distance, then) = (highest - seq, before.saturating_sub(seq));
            let just_found = seq > before;
            let again = ASKED_AGAIN_AFTER.iter().any(|after| then < *after && distance >= *after);
            if !(just_found || again) || !self.window.is_new(seq) {
                continue;
            }
            let start = *first.get_or_insert(seq);
            if seq > start {
                mask |= 1u16.checked_shl((seq - start - 1) as u32).unwrap_or(0);
            }
        }
        first.map(|first| (first as u16, mask))
    }

    /// The highest number of the current piece.
    pub(crate) fn highest(&self) -> Option<u64> {
        self.window.highest()
    }

    /// Forgets the numbering, because another source takes over.
    pub(crate) fn restart(&mut self) {
        if let Some(highest) = self.window.highest() {
            self.lost_in_former_pieces += self.lost_in_piece(highest);
        }
        self.window = ReplayWindow::default();
        self.received_in_piece = 0;
        self.transit = None;
        self.restart = None;
        self.reported = (0, 0);
        self.piece = self.piece.wrapping_add(1);
    }

    /// Two packets in a row far from the rest are a restarted sender (RFC 3550 §A.1); one alone
    /// is a straggler.
    fn maybe_restart(&mut self, now: Instant, header: &RtpHeader) -> Result<Accepted, DropReason> {
        if self.restart == Some(header.sequence) {
            self.restart();
            return Ok(self.begin(now, header));
        }
        self.restart = Some(header.sequence.wrapping_add(1));
        Err(DropReason::Late)
    }

    fn begin(&mut self, now: Instant, header: &RtpHeader) -> Accepted {
        // One cycle up, so that packets older than the first still have a number above zero.
        let seq = (1 << 16) | u64::from(header.sequence);
        self.base = seq;
        self.window.insert(seq);
        self.account(now, header);
        Accepted { seq }
    }

    /// Counts a packet and updates the jitter estimate (RFC 3550 §A.8).
    fn account(&mut self, now: Instant, header: &RtpHeader) {
        self.received += 1;
        self.received_in_piece += 1;
        let epoch = *self.epoch.get_or_insert(now);
        let arrival = now.saturating_duration_since(epoch).as_micros()
            * u128::from(opus::CLOCK_RATE)
            / 1_000_000;
        let transit = (arrival as u32).wrapping_sub(header.timestamp);
        if let Some(before) = self.transit.replace(transit) {
            let delta = (transit.wrapping_sub(before) as i32).unsigned_abs();
            // A talkspurt's first packet may be off by minutes; that is a pause and no jitter.
            let delta = delta.min(opus::CLOCK_RATE);
            self.jitter = self.jitter.wrapping_add(delta).wrapping_sub((self.jitter + 8) >> 4);
        }
    }

    fn expected_in_piece(&self, highest: u64) -> u64 {
        (highest + 1).saturating_sub(self.base)
    }

    fn lost_in_piece(&self, highest: u64) -> u64 {
        self.expected_in_piece(highest).saturating_sub(self.received_in_piece)
    }

    /// Packets accepted since the peer joined.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Packets that never arrived, by sequence number (RFC 3550 §A.3).
    pub(crate) fn lost(&self) -> u64 {
        let here = self.window.highest().map_or(0, |highest| self.lost_in_piece(highest));
        self.lost_in_former_pieces + here
    }

    /// Interarrival jitter in timestamp units (RFC 3550 §A.8).
    fn jitter_units(&self) -> u32 {
        self.jitter >> 4
    }

    /// Interarrival jitter as time.
    pub(crate) fn jitter(&self) -> Duration {
        Duration::from_secs(1) * self.jitter_units() / opus::CLOCK_RATE
    }

    /// Remembers when a sender report came, for the answer's LSR and DLSR.
    pub(crate) fn note_sender_report(&mut self, now: Instant, middle: u32) {
        self.sender_report = Some((middle, now));
    }

    /// The block of a receiver report about this stream, which the peer sends under `ssrc`; begins a
    /// new interval.
    pub(crate) fn report(&mut self, now: Instant, ssrc: u32) -> Option<ReportBlock> {
        let highest = self.window.highest()?;
        let expected = self.expected_in_piece(highest);
        let (expected_then, received_then) = self.reported;
        let interval = expected.saturating_sub(expected_then);
        let lost = interval.saturating_sub(self.received_in_piece - received_then);
        let fraction = (lost * 256).checked_div(interval).unwrap_or(0);
        self.reported = (expected, self.received_in_piece);
        let (last_sender_report, delay) = self.sender_report.map_or((0, 0), |(middle, at)| {
            let delay = now.saturating_duration_since(at).as_micros() * 65_536 / 1_000_000;
            (middle, delay as u32)
        });
        Some(ReportBlock {
            ssrc,
            fraction_lost: fraction.min(255) as u8,
            lost: self.lost().min(0x007F_FFFF) as i32,
            highest: highest as u32,
            jitter: self.jitter_units(),
            last_sender_report,
            delay,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence: u16) -> RtpHeader {
        let timestamp = u32::from(sequence) * 960;
        RtpHeader { marker: false, payload_type: 120, sequence, timestamp, ssrc: 1 }
    }

    #[test]
    fn the_same_packet_is_accepted_once() {
        let now = Instant::now();
        let mut stream = InboundStream::default();

        assert!(stream.accept(now, &packet(5)).is_ok());
        assert_eq!(stream.accept(now, &packet(5)), Err(DropReason::Replay));
    }

    #[test]
    fn reordered_packets_are_accepted_and_not_counted_as_lost() {
        let now = Instant::now();
        let mut stream = InboundStream::default();

        for sequence in [10, 12, 11, 14] {
            assert!(stream.accept(now, &packet(sequence)).is_ok());
        }

        assert_eq!(stream.received(), 4);
        assert_eq!(stream.lost(), 1);
    }

    #[test]
    fn a_single_straggler_is_dropped_but_two_in_a_row_restart_the_stream() {
        let now = Instant::now();
        let mut stream = InboundStream::default();
        stream.accept(now, &packet(30_000)).expect("first");

        assert_eq!(stream.accept(now, &packet(100)), Err(DropReason::Late));
        assert!(stream.accept(now, &packet(101)).is_ok());
        assert_eq!(stream.piece, 1);
    }

    #[test]
    fn what_is_missing_is_asked_for_at_once_and_twice_more() {
        let now = Instant::now();
        let mut stream = InboundStream::default();
        let mut asked = Vec::new();
        for sequence in [10, 11, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24] {
            let before = stream.highest();
            let accepted = stream.accept(now, &packet(sequence)).expect("new");
            asked.push(stream.missing(before, accepted));
        }

        // 12 and 13 when 14 came; 12 again at 16, four behind, and 13 at 17; both once more nine behind.
        let both = Some((12, 1));
        assert_eq!(asked[..3], [None, None, both]);
        assert_eq!(asked[3..6], [None, Some((12, 0)), Some((13, 0))]);
        assert_eq!(asked[6..9], [None, None, None]);
        assert_eq!(asked[9..], [Some((12, 0)), Some((13, 0)), None, None]);
    }

    #[test]
    fn a_frame_that_another_packet_carried_is_taken_once_and_counts_as_lost() {
        let now = Instant::now();
        let mut stream = InboundStream::default();
        stream.accept(now, &packet(10)).expect("new");
        let carrier = stream.accept(now, &packet(12)).expect("new").seq;

        assert_eq!(stream.recover(carrier, 1), Some(Accepted { seq: carrier - 1 }));
        assert_eq!(stream.recover(carrier, 1), None);
        assert_eq!(stream.recover(carrier, 2), None, "it came by itself");
        assert_eq!(stream.recover(carrier, 3), None, "before the first");
        assert_eq!(stream.accept(now, &packet(11)), Err(DropReason::Replay));
        assert_eq!((stream.received(), stream.lost()), (2, 1));
    }

    #[test]
    fn a_report_tells_the_share_lost_since_the_last_one() {
        let now = Instant::now();
        let mut stream = InboundStream::default();
        for sequence in 0..10 {
            stream.accept(now, &packet(sequence)).expect("new");
        }
        assert_eq!(stream.report(now, 1).map(|block| block.fraction_lost), Some(0));
        for sequence in [10, 12, 14, 16] {
            stream.accept(now, &packet(sequence)).expect("new");
        }

        let block = stream.report(now, 1).expect("stream runs");

        assert_eq!(block.lost, 3);
        assert_eq!(u32::from(block.fraction_lost), 3 * 256 / 7);
    }

    #[test]
    fn packets_at_their_own_pace_have_no_jitter_and_late_ones_do() {
        let start = Instant::now();
        let mut stream = InboundStream::default();
        for sequence in 0..50u16 {
            let now = start + Duration::from_millis(20) * u32::from(sequence);
            stream.accept(now, &packet(sequence)).expect("new");
        }
        assert_eq!(stream.jitter(), Duration::ZERO);

        for sequence in 50..100u16 {
            let late = u64::from(sequence % 2) * 10;
            let now = start + Duration::from_millis(20 * u64::from(sequence) + late);
            stream.accept(now, &packet(sequence)).expect("new");
        }
        assert!(stream.jitter() > Duration::from_millis(5));
        assert!(stream.jitter() < Duration::from_millis(12));
    }
}
