//! One stream of a publisher: which packets came, which are missing, how much it is, and when a
//! keyframe may be asked of it again.
//!
//! HOT: no allocation but for the memory of its history.

use std::time::Duration;
use std::time::Instant;

use crate::rtp::header::RtpHeader;
use crate::rtp::rtcp::ReportBlock;
use crate::rtp::seq::ReplayWindow;
use crate::rtp::seq::extend;
use crate::video::codec::Codec;
use crate::video::history::History;
use crate::video::meter::Meter;

/// Time between requests for a keyframe: more would let one viewer's loss fill the publisher's line
/// with keyframes (safety: PLI at most one a second).
pub(crate) const KEYFRAME_EVERY: Duration = Duration::from_secs(1);
/// Silence after which a layer counts as not sent. Shared screens send a frame a second at least in
/// browsers' default, cameras many.
const SILENT: Duration = Duration::from_millis(2_500);
/// Missing packets that are asked for at once; a larger gap is not repaired but begun anew.
const MISSING: usize = 64;
/// How often a packet is asked for, how long after it the next time, and for how long at all.
const ASKED: u8 = 6;
const ASK_AGAIN: Duration = Duration::from_millis(40);
const ASK_FOR: Duration = Duration::from_millis(800);

/// One SSRC of a publisher.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) ssrc: u32,
    /// Which of the streams that took this place it is.
    pub(crate) generation: u32,
    pub(crate) codec: Codec,
    pub(crate) history: History,
    pub(crate) meter: Meter,
    window: ReplayWindow,
    first: u64,
    received: u64,
    /// Of those, the ones that came as retransmissions of another stream.
    repaired: u64,
    /// Expected and received at the last report.
    reported: (u64, u64),
    arrived: Instant,
    /// Interarrival jitter (RFC 3550 §A.8) in sixteenths of a unit, and the last transit time.
    jitter: u32,
    transit: Option<u32>,
    began: Instant,
    sender_report: Option<(u32, Instant)>,
    gaps: Vec<Gap>,
    asked: Option<Instant>,
    waits: bool,
}

#[derive(Debug, Clone, Copy)]
struct Gap {
    seq: u64,
    noticed: Instant,
    asked: Option<Instant>,
    times: u8,
}

impl Layer {
    pub(crate) fn new(now: Instant, ssrc: u32, generation: u32, codec: Codec) -> Self {
        Self {
            ssrc,
            generation,
            codec,
            history: History::default(),
            meter: Meter::default(),
            window: ReplayWindow::default(),
            first: 0,
            received: 0,
            repaired: 0,
            reported: (0, 0),
            arrived: now,
            jitter: 0,
            transit: None,
            began: now,
            sender_report: None,
            gaps: Vec::with_capacity(MISSING),
            asked: None,
            waits: false,
        }
    }

    /// Takes a packet: its number among all of the layer. None when it came before, or is too late.
    pub(crate) fn accept(&mut self, now: Instant, header: &RtpHeader) -> Option<u64> {
        let seq = match self.window.highest() {
            // Above zero, so that packets from before the first have a number too.
            None => u64::from(header.sequence) + (1 << 16),
            Some(highest) => extend(highest, header.sequence)?,
        };
        if !self.window.is_new(seq) {
            return None;
        }
        match self.window.highest() {
            None => self.first = seq,
            Some(highest) if seq > highest => self.note_gap(now, highest + 1..seq),
            Some(_) => self.gaps.retain(|gap| gap.seq != seq),
        }
        self.window.insert(seq);
        self.received += 1;
        self.arrived = now;
        self.note_transit(now, header.timestamp);
        Some(seq)
    }

    /// The packet that was just accepted came by a retransmission of its own SSRC: on this one it is lost,
    /// or else a line that is overrun would look well while it repairs (RFC 4588 §4).
    pub(crate) fn note_repaired(&mut self) {
        self.repaired += 1;
    }

    fn note_gap(&mut self, now: Instant, gap: std::ops::Range<u64>) {
        if gap.end - gap.start > MISSING as u64 {
            self.gaps.clear();
            return;
        }
        for seq in gap {
            if self.gaps.len() == MISSING {
                self.gaps.remove(0);
            }
            self.gaps.push(Gap { seq, noticed: now, asked: None, times: 0 });
        }
    }

    fn note_transit(&mut self, now: Instant, timestamp: u32) {
        let elapsed = now.saturating_duration_since(self.began).as_micros();
        let arrival = (elapsed * u128::from(self.codec.clock()) / 1_000_000) as u32;
        let transit = arrival.wrapping_sub(timestamp);
        if let Some(before) = self.transit.replace(transit) {
            let distance = (transit.wrapping_sub(before) as i32).unsigned_abs().min(1 << 24);
            self.jitter = self.jitter + distance - ((self.jitter + 8) >> 4);
        }
    }

    /// What to ask the publisher for again: the first number, and a bit mask for those behind it.
    pub(crate) fn ask_again(&mut self, now: Instant) -> Option<(u16, u16)> {
        if self.gaps.is_empty() {
            return None;
        }
        self.gaps.retain(|gap| gap.times < ASKED && gap.noticed + ASK_FOR > now);
        let due =
            |gap: &Gap| gap.asked.is_none_or(|at| at + ASK_AGAIN * u32::from(gap.times) <= now);
        let first = self.gaps.iter().filter(|gap| due(gap)).map(|gap| gap.seq).min()?;
        let mut mask = 0;
        for gap in &mut self.gaps {
            let Some(behind) = gap.seq.checked_sub(first).filter(|behind| *behind <= 16) else {
                continue;
            };
            if !due(gap) {
                continue;
            }
            gap.asked = Some(now);
            gap.times += 1;
            if behind > 0 {
                mask |= 1 << (behind - 1);
            }
        }
        Some((first as u16, mask))
    }

    /// Whether it is being sent.
    pub(crate) fn is_live(&self, now: Instant) -> bool {
        self.arrived + SILENT > now
    }

    /// The newest packet's number.
    pub(crate) fn highest(&self) -> Option<u64> {
        self.window.highest()
    }

    /// Somebody needs a keyframe: whether to ask for it now. If not, it is asked for later.
    pub(crate) fn want_keyframe(&mut self, now: Instant) -> bool {
        self.waits = true;
        self.ask_for_keyframe(now)
    }

    /// Whether to ask for a keyframe that somebody waits for.
    pub(crate) fn ask_for_keyframe(&mut self, now: Instant) -> bool {
        let may = self.asked.is_none_or(|at| at + KEYFRAME_EVERY <= now);
        if !self.waits || !may {
            return false;
        }
        self.waits = false;
        self.asked = Some(now);
        true
    }

    /// A keyframe begins: whoever waited has one.
    pub(crate) fn note_keyframe(&mut self) {
        self.waits = false;
    }

    /// The publisher told its clock.
    pub(crate) fn note_sender_report(&mut self, now: Instant, middle: u32) {
        self.sender_report = Some((middle, now));
    }

    /// How the layer arrives (RFC 3550 §6.4.1).
    pub(crate) fn report(&mut self, now: Instant) -> Option<ReportBlock> {
        let highest = self.window.highest()?;
        let expected = highest + 1 - self.first.min(highest);
        let (expected_before, received_before) = self.reported;
        let expected_now = expected.saturating_sub(expected_before);
        let received = self.received - self.repaired;
        let received_now = received.saturating_sub(received_before);
        self.reported = (expected, received);
        let lost_now = expected_now.saturating_sub(received_now);
        let fraction = (lost_now * 256).checked_div(expected_now).unwrap_or(0);
        let (last, delay) = self.sender_report.map_or((0, 0), |(middle, at)| {
            let delay = now.saturating_duration_since(at).as_millis() * 65_536 / 1_000;
            (middle, delay as u32)
        });
        Some(ReportBlock {
            ssrc: self.ssrc,
            fraction_lost: fraction.min(255) as u8,
            lost: expected as i64 as i32 - received as i64 as i32,
            // The number that was added to the first is ours.
            highest: (highest - (1 << 16)) as u32,
            jitter: self.jitter >> 4,
            last_sender_report: last,
            delay,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn header(sequence: u16) -> RtpHeader {
        RtpHeader { marker: false, payload_type: 96, sequence, timestamp: 0, ssrc: 1 }
    }

    fn layer(now: Instant) -> Layer {
        Layer::new(now, 1, 0, Codec::Vp8)
    }

    #[test]
    fn a_missing_packet_is_asked_for_until_it_comes() {
        let now = Instant::now();
        let mut layer = layer(now);
        layer.accept(now, &header(65_534));
        layer.accept(now, &header(1));

        assert_eq!(layer.ask_again(now), Some((65_535, 1)));
        assert_eq!(layer.ask_again(now + 10 * MS), None, "just asked");
        layer.accept(now + 20 * MS, &header(65_535));
        assert_eq!(layer.ask_again(now + 50 * MS), Some((0, 0)));
        layer.accept(now + 60 * MS, &header(0));
        assert_eq!(layer.ask_again(now + 500 * MS), None);
    }

    #[test]
    fn a_packet_that_never_comes_is_given_up() {
        let now = Instant::now();
        let mut layer = layer(now);
        layer.accept(now, &header(1));
        layer.accept(now, &header(3));

        let asked = (0..1_000).filter(|ms| layer.ask_again(now + *ms * MS).is_some()).count();

        assert_eq!(asked, usize::from(ASKED));
    }

    #[test]
    fn a_keyframe_is_asked_for_once_a_second_and_only_while_somebody_waits() {
        let now = Instant::now();
        let mut layer = layer(now);

        let asked = (0..10_000).filter(|ms| layer.want_keyframe(now + *ms * MS)).count();
        assert_eq!(asked, 10);

        layer.note_keyframe();
        assert!(!layer.ask_for_keyframe(now + 60_000 * MS));
    }

    #[test]
    fn a_report_tells_the_loss_since_the_one_before() {
        let now = Instant::now();
        let mut layer = layer(now);
        for sequence in [10, 11, 13] {
            layer.accept(now, &header(sequence));
        }

        let first = layer.report(now).expect("packets came");
        let second = layer.report(now).expect("packets came");

        assert_eq!((first.fraction_lost, first.lost, first.highest), (64, 1, 13));
        assert_eq!((second.fraction_lost, second.lost), (0, 1));
    }
}
