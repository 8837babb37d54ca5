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
/// Packets for which one that is missing is asked for again and again, about a second: later nobody
/// has a place for it.
const ASKED_WITHIN: u64 = 48;
/// Packets that one is waited for at most before it is asked for, where the network reorders.
const REORDERED: u64 = 3;
/// Entries of one question, 17 packets each.
const ENTRIES: usize = 4;

/// Packets to ask for: numbers, each with a mask of the 16 behind it (RFC 4585 §6.2.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    entries: [(u16, u16); ENTRIES],
    count: usize,
}

impl Asked {
    /// Adds a number behind all others; without place for it, it is left for the next question.
    fn add(&mut self, sequence: u16) {
        if let Some((first, mask)) = self.entries[..self.count].last_mut() {
            let behind = sequence.wrapping_sub(*first);
            if (1..=16).contains(&behind) {
                *mask |= 1 << (behind - 1);
                return;
            }
        }
        if let Some(place) = self.entries.get_mut(self.count) {
            *place = (sequence, 0);
            self.count += 1;
        }
    }

    /// The entries; none when there is nothing to ask for.
    pub(crate) fn entries(&self) -> &[(u16, u16)] {
        &self.entries[..self.count]
    }
}

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
    /// Nothing before this number is asked for: behind a pause of the network nobody waits for it.
    asked_from: u64,
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
    /// those missing for as many packets as reordering explains, and again every `every` packets.
    /// Whoever was asked and answered need not answer once more within a round trip, and does not; so
    /// half of one is a good pace: it repeats a lost question, and a lost answer soon after.
    pub(crate) fn missing(&mut self, before: Option<u64>, accepted: Accepted, every: u64) -> Asked {
        let mut asked = Asked::default();
        let highest = accepted.seq;
        let ahead = before.map_or(0, |before| highest.saturating_sub(before));
        if ahead == 0 {
            return asked;
        }
        if ahead > ASKED_FOR {
            self.asked_from = highest;
        }
        let first = 1 + self.reordered();
        let times = |distance: u64| match distance.checked_sub(first) {
            Some(over) => 1 + over / every.max(1),
            None => 0,
        };
        let oldest = self.base.max(self.asked_from);
        let longest = highest.saturating_sub(oldest).min(ASKED_WITHIN);
        let mut missing = self.window.missing(longest);
        // Oldest first: from the highest bit on.
        while let Some(distance) = missing.checked_ilog2() {
            missing ^= 1 << distance;
            let distance = u64::from(distance);
            if times(distance) > times(distance.saturating_sub(ahead)) {
                asked.add((highest - distance) as u16);
            }
        }
        asked
    }

    /// By how many packets the network delays one behind others, about: so long none is lost.
    fn reordered(&self) -> u64 {
        u64::from(self.jitter_units() / opus::FRAME).min(REORDERED)
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
        self.asked_from = 0;
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

    /// What is asked for when each of these packets comes, at this pace.
    fn asked(stream: &mut InboundStream, sequences: &[u16], every: u64) -> Vec<Vec<(u16, u16)>> {
        let start = Instant::now();
        let ask = |&sequence: &u16| {
            // Each at its own pace.
            let now = start + Duration::from_millis(20 * u64::from(sequence));
            let before = stream.highest();
            let accepted = stream.accept(now, &packet(sequence)).expect("new");
            stream.missing(before, accepted, every).entries().to_vec()
        };
        sequences.iter().map(ask).collect()
    }

    #[test]
    fn what_is_missing_is_asked_for_at_once_and_again_at_the_pace_that_is_given() {
        let mut stream = InboundStream::default();
        let asked = asked(&mut stream, &[10, 11, 14, 15, 16, 17, 18, 19, 20, 21], 4);

        // 12 and 13 when 14 came; 13 again when it is five behind, 12 a packet sooner.
        assert_eq!(asked[..3], [vec![], vec![], vec![(12, 1)]]);
        assert_eq!(asked[3..7], [vec![], vec![], vec![(12, 0)], vec![(13, 0)]]);
        assert_eq!(asked[7..], [vec![], vec![], vec![(12, 0)]]);
    }

    #[test]
    fn what_is_missing_for_a_second_or_behind_a_pause_is_asked_for_no_more() {
        let mut stream = InboundStream::default();
        let sequences: Vec<_> = [10, 12].into_iter().chain(13..120).collect();
        let times = asked(&mut stream, &sequences, 4).iter().flatten().count();
        assert_eq!(times, 12, "of 48 packets every fourth");

        let pause = asked(&mut stream, &[200, 201, 202, 203, 204, 205, 206], 4);
        assert!(pause.iter().all(Vec::is_empty), "{pause:?}");
    }

    #[test]
    fn many_that_are_missing_are_asked_for_in_one_question() {
        let mut stream = InboundStream::default();
        let asked = asked(&mut stream, &[10, 20, 30, 31, 32, 33, 34, 35], 1);

        let last = asked.last().expect("asked");
        assert_eq!(last[..], [(11, 0xFEFF), (28, 1)]);
    }

    #[test]
    fn where_the_network_reorders_a_packet_is_waited_for_before_it_is_asked_for() {
        let start = Instant::now();
        let mut stream = InboundStream::default();
        let mut questions = 0;
        for pair in 0..200u16 {
            // Each second packet comes 50 ms late, behind the next.
            for (sequence, late) in [(2 * pair + 1, 0), (2 * pair, 50)] {
                let at = start + Duration::from_millis(20 * u64::from(sequence) + late);
                let before = stream.highest();
                let accepted = stream.accept(at, &packet(sequence)).expect("new");
                questions += stream.missing(before, accepted, 4).entries().len();
            }
        }
        assert!(questions < 20, "{questions}");
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
