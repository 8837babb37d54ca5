//! How much one viewer's line carries, in bits a second: an estimate that falls when the viewer loses
//! packets or says that less arrives than was sent, and rises slowly while neither happens.
//!
//! A viewer's own estimate (REMB) cannot exceed by much what it is sent, so it counts only where it is
//! below that; to rise further, more must be tried. After a failed try the next one waits longer.

use std::time::Duration;
use std::time::Instant;

/// The first estimate: enough for a middle layer, so that a good line need not wait for pictures.
const START: f64 = 1_500_000.0;
/// Bounds. Below, nothing would ever be tried; above, nobody sends.
const LEAST: f64 = 50_000.0;
const MOST: f64 = 30_000_000.0;
/// Growth in a second. Faster overruns a narrow line more often; slower keeps pictures small.
const GROWTH: f64 = 0.10;
/// Loss in 1/256 from which a line is overrun, and from which nothing is added (10 % and 2 %).
const OVERRUN: u8 = 26;
const DOUBTFUL: u8 = 6;
/// How long nothing is added after an overrun, at first and at most.
const PATIENCE: Duration = Duration::from_secs(4);
const LONGEST_PATIENCE: Duration = Duration::from_secs(40);
/// An overrun so soon after the patience of the one before makes the patience longer.
const SOON: Duration = Duration::from_secs(12);
/// Overruns are noticed once in this time: reports tell of the past, by what waits in a queue and by a
/// second between reports.
const REACTION: Duration = Duration::from_millis(1_500);
/// An estimate of the viewer below this share of what was sent tells of an overrun.
const ARRIVING: f64 = 0.85;

/// See the module.
#[derive(Debug)]
pub(crate) struct Budget {
    estimate: f64,
    at: Option<Instant>,
    held_until: Option<Instant>,
    overrun_at: Option<Instant>,
    patience: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Self { estimate: START, at: None, held_until: None, overrun_at: None, patience: PATIENCE }
    }
}

impl Budget {
    /// Of a line that is taken to carry so much.
    pub(crate) fn of(bits: u64) -> Self {
        Self { estimate: bits as f64, ..Self::default() }
    }

    /// The estimate at `now`.
    pub(crate) fn estimate(&mut self, now: Instant) -> u64 {
        let before = self.at.replace(now).unwrap_or(now);
        let from = self.held_until.map_or(before, |until| until.max(before));
        let grown = now.saturating_duration_since(from).as_secs_f64().min(1.0);
        self.estimate = (self.estimate * (1.0 + GROWTH * grown)).min(MOST);
        self.estimate as u64
    }

    /// The viewer reported this share of packets lost, in 1/256, while `sent` bits a second were sent.
    pub(crate) fn take_loss(&mut self, now: Instant, lost: u8, sent: u64) {
        if lost >= OVERRUN {
            let kept = 1.0 - f64::from(lost) / 512.0;
            self.overrun(now, sent as f64 * kept);
        } else if lost >= DOUBTFUL {
            self.hold(now + Duration::from_secs(1));
        }
    }

    /// The viewer estimates that so many bits a second can arrive (REMB).
    pub(crate) fn take_estimate(&mut self, now: Instant, bits: u64, sent: u64) {
        if (bits as f64) < sent as f64 * ARRIVING {
            self.overrun(now, bits as f64);
        }
    }

    fn overrun(&mut self, now: Instant, to: f64) {
        if self.overrun_at.is_some_and(|at| at + REACTION > now) {
            return;
        }
        self.estimate(now);
        match self.held_until {
            // Still the same overrun: what was sent before it was noticed.
            Some(until) if until > now => {}
            Some(until) if until + SOON > now => {
                self.patience = (self.patience * 2).min(LONGEST_PATIENCE);
            }
            _ => self.patience = PATIENCE,
        }
        self.overrun_at = Some(now);
        self.hold(now + self.patience);
        self.estimate = to.clamp(LEAST, self.estimate.max(LEAST));
    }

    fn hold(&mut self, until: Instant) {
        self.held_until = Some(self.held_until.map_or(until, |held| held.max(until)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_estimate_rises_slowly_while_nothing_is_lost() {
        let now = Instant::now();
        let mut budget = Budget::default();
        let first = budget.estimate(now);

        for second in 1..=10 {
            budget.take_loss(now + SECOND * second, 0, first);
            budget.estimate(now + SECOND * second);
        }

        let grown = budget.estimate(now + SECOND * 10) as f64 / first as f64;
        assert!((2.0..3.0).contains(&grown), "{grown}");
    }

    #[test]
    fn loss_brings_it_below_what_was_sent_and_holds_it_there() {
        let now = Instant::now();
        let mut budget = Budget::default();
        budget.estimate(now);

        budget.take_loss(now, 128, 1_000_000);
        assert_eq!(budget.estimate(now), 750_000);
        assert_eq!(budget.estimate(now + SECOND * 3), 750_000);
        budget.estimate(now + SECOND * 5);
        assert!(budget.estimate(now + SECOND * 6) > 750_000);
    }

    #[test]
    fn an_estimate_of_the_viewer_counts_only_below_what_is_sent() {
        let now = Instant::now();
        let mut budget = Budget::default();
        let first = budget.estimate(now);

        budget.take_estimate(now, 300_000, 200_000);
        assert_eq!(budget.estimate(now), first, "it can tell no more while little is sent");
        budget.take_estimate(now, 300_000, 900_000);
        assert_eq!(budget.estimate(now), 300_000);
    }

    #[test]
    fn a_line_that_is_overrun_again_and_again_is_tried_less_often() {
        let mut now = Instant::now();
        let mut budget = Budget::default();
        let mut tries = 0;
        // A line of one million: whatever exceeds it is lost.
        for _ in 0..600 {
            now += SECOND;
            let sent = budget.estimate(now);
            if sent > 1_000_000 {
                tries += 1;
                budget.take_loss(now, 80, sent);
            }
        }

        assert!(tries < 40, "{tries}");
        assert!(budget.estimate(now) > 500_000);
    }

    #[test]
    fn absurd_reports_leave_an_estimate_within_its_bounds() {
        let now = Instant::now();
        let mut budget = Budget::default();
        for (second, (bits, lost, sent)) in
            (1..).zip([(0, 255, 0), (1, 0, u64::MAX), (u64::MAX, 255, u64::MAX), (0, 0, 0)])
        {
            let now = now + SECOND * second;
            budget.take_estimate(now, bits, sent);
            budget.take_loss(now, lost, sent);
            let estimate = budget.estimate(now);
            assert!((50_000..=30_000_000).contains(&estimate), "{estimate}");
        }
    }
}
