//! Times, counted by the microsecond.

use std::time::Duration;
use std::time::Instant;

use crate::bench::pace;

/// Times above this are counted as this, in microseconds.
const MOST: usize = 200_000;

/// How often which time was seen.
#[derive(Debug, Clone)]
pub(in crate::bench) struct Histogram {
    counts: Vec<u32>,
    total: u64,
    longest: Duration,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; MOST + 1], total: 0, longest: Duration::ZERO }
    }
}

impl Histogram {
    /// Counts one time.
    pub(in crate::bench) fn record(&mut self, time: Duration) {
        let micros = usize::try_from(time.as_micros()).map_or(MOST, |micros| micros.min(MOST));
        self.counts[micros] += 1;
        self.total += 1;
        self.longest = self.longest.max(time);
    }

    /// Adds what another counted.
    pub(in crate::bench) fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.total += other.total;
        self.longest = self.longest.max(other.longest);
    }

    /// The longest, in milliseconds, however long it is.
    pub(in crate::bench) const fn longest_ms(&self) -> f64 {
        self.longest.as_secs_f64() * 1e3
    }

    /// How many times were counted.
    pub(in crate::bench) const fn total(&self) -> u64 {
        self.total
    }

    /// The time that `part` (0 to 1) of all are not above, in milliseconds; 0 when there is none.
    pub(in crate::bench) fn quantile_ms(&self, part: f64) -> f64 {
        let rank = (self.total as f64 * part).ceil() as u64;
        let mut seen = 0;
        for (micros, count) in self.counts.iter().enumerate() {
            seen += u64::from(*count);
            if seen > 0 && seen >= rank {
                return micros as f64 / 1e3;
            }
        }
        0.0
    }
}

/// Times, and those of them apart during which the machine kept its pace.
#[derive(Debug, Default)]
pub(in crate::bench) struct Times {
    all: Histogram,
    kept: Histogram,
    /// Of which it is not known yet.
    waiting: Vec<[Instant; 2]>,
}

impl Times {
    /// Counts the time between two moments.
    pub(in crate::bench) fn record(&mut self, from: Instant, to: Instant) {
        self.all.record(to - from);
        self.waiting.push([from, to]);
        // Judged together: some thousands come within the moments that it takes to know.
        if self.waiting.len().is_multiple_of(WAITING) {
            self.judge();
        }
    }

    /// Adds what another counted.
    pub(in crate::bench) fn add(&mut self, other: &Self) {
        self.all.add(&other.all);
        self.kept.add(&other.kept);
        self.waiting.extend_from_slice(&other.waiting);
    }

    /// How many times were counted.
    pub(in crate::bench) const fn total(&self) -> u64 {
        self.all.total()
    }

    /// All of them, whatever the machine did.
    pub(in crate::bench) const fn all(&self) -> &Histogram {
        &self.all
    }

    /// Those during which the machine kept its pace, as far as that is known: see [`pace::settle`]. All of
    /// them where it never did.
    pub(in crate::bench) fn kept(&mut self) -> &Histogram {
        self.judge();
        if self.kept.total() == 0 { &self.all } else { &self.kept }
    }

    fn judge(&mut self) {
        let mut unknown = Vec::new();
        for (span, kept) in self.waiting.iter().zip(pace::kept(self.waiting.iter().copied())) {
            match kept {
                Some(true) => self.kept.record(span[1] - span[0]),
                Some(false) => {}
                None => unknown.push(*span),
            }
        }
        self.waiting = unknown;
    }
}

/// Times that wait at once, mostly.
const WAITING: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_the_times_that_so_many_stay_within() {
        let mut times = Histogram::default();
        for micros in 1..=100 {
            times.record(Duration::from_micros(micros));
        }

        assert_eq!(times.quantile_ms(0.5), 0.05);
        assert_eq!(times.quantile_ms(0.99), 0.099);
        assert_eq!(times.quantile_ms(1.0), 0.1);
        assert_eq!(Histogram::default().quantile_ms(0.5), 0.0);
    }

    #[test]
    fn where_nobody_watches_the_machine_all_times_are_kept() {
        let now = crate::bench::now();
        let (mut times, mut more) = (Times::default(), Times::default());
        for micros in 1..=9_000 {
            times.record(now, now + Duration::from_micros(micros));
        }
        more.record(now, now + Duration::from_millis(100));
        times.add(&more);

        assert_eq!((times.total(), times.kept().total()), (9_001, 9_001));
        assert_eq!(times.kept().quantile_ms(0.5), 4.501);
        assert_eq!(times.all().quantile_ms(1.0), 100.0);
    }

    #[test]
    fn a_time_beyond_the_scale_is_counted_at_its_end() {
        let mut times = Histogram::default();
        times.record(Duration::from_secs(5));

        let mut all = Histogram::default();
        all.add(&times);

        assert_eq!((all.total(), all.quantile_ms(0.5)), (1, 200.0));
        assert_eq!(all.longest_ms(), 5_000.0);
    }
}
