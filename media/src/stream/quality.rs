//! How well one listener hears, by its own receiver reports, and the opinion score that this makes.
//!
//! A listener that reports nothing, as most bots do, has no quality here: nothing is guessed.

use std::time::Duration;

use model::media::ListenerQuality;

use crate::opus;
use crate::rtp::red::DEPTH;
use crate::rtp::rtcp::ReportBlock;

/// What the last report said of one stream, to take the next one's difference.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reported {
    highest: u32,
    lost: i32,
}

/// What one compound said of all streams together.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Reception {
    pub(crate) expected: u32,
    pub(crate) lost: u32,
    /// The largest, in timestamp units.
    pub(crate) jitter: u32,
    pub(crate) round_trip: Option<Duration>,
}

impl Reception {
    /// Adds a block about a stream of which `packets` were sent so far. `before` is what the
    /// listener reported of it last, and is brought up to date.
    pub(crate) fn add(
        &mut self,
        block: &ReportBlock,
        before: &mut Option<Reported>,
        packets: u32,
        middle_now: u32,
    ) {
        let (expected, lost) = match *before {
            // A restarted count or a lie: this interval tells nothing.
            Some(then) => {
                let expected = block.highest.wrapping_sub(then.highest);
                (if expected > INTERVAL_MOST { 0 } else { expected }, block.lost - then.lost)
            }
            None => (packets.min(INTERVAL_MOST), block.lost),
        };
        *before = Some(Reported { highest: block.highest, lost: block.lost });
        self.expected += expected;
        self.lost += (lost.max(0) as u32).min(expected);
        // A pause is no jitter, and nothing of ours jitters by seconds.
        self.jitter = self.jitter.max(block.jitter.min(opus::CLOCK_RATE));
        if block.last_sender_report != 0 {
            // Arrival, less the delay there, less our sending (RFC 3550 §6.4.1), in 1/65536 s.
            let there = middle_now.wrapping_sub(block.last_sender_report);
            if let Some(round_trip) = there.checked_sub(block.delay)
                && round_trip <= ROUND_TRIP_MOST
            {
                let round_trip = Duration::from_secs(1) * round_trip / 65_536;
                let longest = self.round_trip.map_or(round_trip, |other| other.max(round_trip));
                self.round_trip = Some(longest);
            }
        }
    }
}

/// Packets between two reports at most; a minute at 100 a second.
const INTERVAL_MOST: u32 = 6_000;
/// Longer round trips are a wrapped clock or a lie, in 1/65536 s.
const ROUND_TRIP_MOST: u32 = 10 * 65_536;

/// How well one listener hears.
#[derive(Debug, Default)]
pub(crate) struct Quality {
    /// Share of packets lost on the way, 0 to 1: up at once, down by halves.
    loss: Option<f32>,
    /// The share of them that no other copy of the packet made good.
    residual: f32,
    jitter: Duration,
    round_trip: Option<Duration>,
    /// Packets asked for again since the last report. One that came in the end is no loss to the
    /// reports (RFC 3550 §6.4.1 counts late ones as received), yet the way lost it.
    asked: u32,
}

impl Quality {
    /// Takes what a compound said.
    pub(crate) fn note(&mut self, reception: &Reception) {
        if reception.expected > 0 {
            let share = |lost: u32| lost.min(reception.expected) as f32 / reception.expected as f32;
            let loss = share(reception.lost.max(self.asked));
            let before = self.loss.unwrap_or(0.0);
            self.loss = Some(if loss >= before { loss } else { f32::midpoint(loss, before) });
            self.residual = share(reception.lost);
            self.jitter = Duration::from_secs(1) * reception.jitter / opus::CLOCK_RATE;
            self.asked = 0;
        }
        if let Some(round_trip) = reception.round_trip {
            let before = self.round_trip.unwrap_or(round_trip);
            self.round_trip = Some((before * 7 + round_trip) / 8);
        }
    }

    /// Counts a packet that the listener asks for the first time.
    pub(crate) fn note_asked(&mut self) {
        self.asked = self.asked.saturating_add(1);
    }

    /// Time to the listener and back, as far as it is known.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// How many older frames to carry along with each packet: enough that less than one in a hundred
    /// frames is lost with all its copies, where they are lost at random. A listener that reported
    /// nothing yet gets one, which is dropped with its first good report.
    pub(crate) fn depth(&self) -> usize {
        match self.loss {
            Some(loss) if loss < 0.01 => 0,
            None => 1,
            Some(loss) if loss < 0.05 => 1,
            Some(loss) if loss < 0.2 => 2,
            Some(_) => DEPTH,
        }
    }

    /// The summary that signaling and metrics get; None while nothing was reported. `redundant` is
    /// whether the listener takes older frames along.
    pub(crate) fn summary(&self, redundant: bool) -> Option<ListenerQuality> {
        let loss = self.loss?;
        // A frame is lost with all its copies.
        let copies = if redundant { self.depth() } else { 0 };
        let unheard = self.residual * loss.powi(copies as i32);
        let mos = opinion(unheard, self.round_trip.unwrap_or_default(), self.jitter);
        Some(ListenerQuality { loss, jitter: self.jitter, round_trip: self.round_trip, mos })
    }
}

/// The mean opinion score, 1 to 4.5, that the E-model estimates (ITU-T G.107), simplified as by
/// Cole and Rosenbluth ("Voice over IP performance monitoring", 2001): of all impairments only delay
/// and loss, on one leg of the way.
///
/// Delay is half the round trip, twice the jitter for the listener's buffer, and what Opus itself
/// takes. G.113 gives no figures for Opus, so loss counts as with G.711 and concealment
/// (G.113 Appendix I: Ie 0, Bpl 25.1), random rather than in bursts.
fn opinion(loss: f32, round_trip: Duration, jitter: Duration) -> f32 {
    let delay = (round_trip / 2 + jitter * 2 + OPUS_DELAY).as_secs_f32() * 1_000.0;
    let delay_impairment = 0.024 * delay + 0.11 * (delay - 177.3).max(0.0);
    let percent = 100.0 * loss;
    let loss_impairment = 95.0 * percent / (percent + 25.1);
    let rating = (DEFAULT_RATING - delay_impairment - loss_impairment).clamp(0.0, 100.0);
    let score = 1.0 + 0.035 * rating + 7e-6 * rating * (rating - 60.0) * (100.0 - rating);
    score.clamp(1.0, 4.5)
}

/// The rating of a call without delay and loss (G.107 §7.7 with all default values).
const DEFAULT_RATING: f32 = 93.2;
/// A frame of 20 ms and the encoder's look-ahead of 6.5 ms (RFC 6716 §2).
const OPUS_DELAY: Duration = Duration::from_micros(26_500);

#[cfg(test)]
mod tests {
    use super::*;

    fn block(highest: u32, lost: i32) -> ReportBlock {
        ReportBlock {
            ssrc: 7,
            fraction_lost: 0,
            lost,
            highest,
            jitter: 480,
            last_sender_report: 0,
            delay: 0,
        }
    }

    #[test]
    fn the_score_is_that_of_the_e_model_at_its_known_points() {
        let at = |loss, millis| opinion(loss, Duration::from_millis(millis), Duration::ZERO);

        // R 93.2 less 0.6 for Opus' own delay; G.107 annex B maps 93.2 to 4.41.
        assert!((at(0.0, 0) - 4.41).abs() < 0.02, "{}", at(0.0, 0));
        // G.711 with concealment at 5 % random loss: Ie,eff 15.8, R about 76.8, "some dissatisfied".
        assert!((at(0.05, 0) - 3.90).abs() < 0.05, "{}", at(0.05, 0));
        // Half a second one way is far beyond the knee at 177.3 ms.
        assert!(at(0.0, 1_000) < 2.7, "{}", at(0.0, 1_000));
        assert!((1.0..1.5).contains(&at(1.0, 0)), "{}", at(1.0, 0));
    }

    #[test]
    fn loss_is_the_difference_between_two_reports() {
        let mut before = None;
        let mut first = Reception::default();
        first.add(&block(1_100, 10), &mut before, 100, 0);
        let mut second = Reception::default();
        second.add(&block(1_300, 30), &mut before, 300, 0);

        assert_eq!((first.expected, first.lost), (100, 10));
        assert_eq!((second.expected, second.lost), (200, 20));
        let mut quality = Quality::default();
        quality.note(&second);
        let summary = quality.summary(false).expect("reported");
        assert_eq!((summary.loss, summary.jitter), (0.1, Duration::from_millis(10)));
    }

    #[test]
    fn the_round_trip_is_arrival_less_delay_less_sending() {
        let mut reception = Reception::default();
        let block = ReportBlock { last_sender_report: 0xFFFF_0000, delay: 65_536, ..block(1, 0) };

        // Sent one second before the wrap, delayed there for one second, back after 1.25 s.
        reception.add(&block, &mut None, 1, 0x0000_4000);

        assert_eq!(reception.round_trip, Some(Duration::from_millis(250)));
    }

    #[test]
    fn the_more_is_lost_the_more_frames_are_carried_along_and_fewer_again_afterwards() {
        let mut quality = Quality::default();
        let mut depth_at = |lost| {
            quality.note(&Reception { expected: 100, lost, ..Reception::default() });
            quality.depth()
        };

        assert_eq!([0, 3, 10, 30].map(&mut depth_at), [0, 1, 2, 3]);
        assert_eq!([0; 6].map(depth_at), [2, 2, 1, 1, 0, 0]);
        assert_eq!(Quality::default().depth(), 1);
    }

    #[test]
    fn a_lying_listener_is_held_to_what_can_be() {
        let mut before = None;
        let mut reception = Reception::default();
        reception.add(&block(0, 0), &mut before, u32::MAX, 0);
        reception.add(&block(u32::MAX, i32::MAX >> 9), &mut before, 9, 0);
        let liar =
            ReportBlock { jitter: u32::MAX, last_sender_report: 1, ..block(5, -0x0080_0000) };
        reception.add(&liar, &mut before, 9, 0);

        assert!(reception.lost <= reception.expected && reception.expected <= 3 * INTERVAL_MOST);
        assert_eq!(reception.round_trip, None);
        let mut quality = Quality::default();
        quality.note(&reception);
        let summary = quality.summary(false).expect("reported");
        assert!((0.0..=1.0).contains(&summary.loss) && (1.0..=4.5).contains(&summary.mos));
        assert!(summary.jitter <= Duration::from_secs(1));
    }
}
