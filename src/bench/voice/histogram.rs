//! Times, counted by the microsecond. Pure.

use std::time::Duration;

/// Times above this are counted as this, in microseconds.
const MOST: usize = 200_000;

/// How often which time was seen.
#[derive(Debug, Clone)]
pub(in crate::bench) struct Histogram {
    counts: Vec<u32>,
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; MOST + 1], total: 0 }
    }
}

impl Histogram {
    /// Counts one time.
    pub(in crate::bench) fn record(&mut self, time: Duration) {
        let micros = usize::try_from(time.as_micros()).map_or(MOST, |micros| micros.min(MOST));
        self.counts[micros] += 1;
        self.total += 1;
    }

    /// Adds what another counted.
    pub(in crate::bench) fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.total += other.total;
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
    fn a_time_beyond_the_scale_is_counted_at_its_end() {
        let mut times = Histogram::default();
        times.record(Duration::from_secs(5));

        let mut all = Histogram::default();
        all.add(&times);

        assert_eq!((all.total(), all.quantile_ms(0.5)), (1, 200.0));
    }
}
