//! How many bits a second pass, over about the last second.
//!
//! HOT: an addition; never allocates.

use std::time::Duration;
use std::time::Instant;

/// Slices of the window, and the length of one.
const SLICES: usize = 10;
const SLICE: Duration = Duration::from_millis(100);
/// A stream younger than this is measured as if it were so old: its first keyframe is no rate.
const YOUNGEST: u64 = 5;

/// A sliding sum.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter {
    bytes: [u32; SLICES],
    began: Option<Instant>,
    /// The slice that is added to, counted from the beginning.
    slice: u64,
}

impl Meter {
    /// Counts bytes.
    pub(crate) fn add(&mut self, now: Instant, bytes: usize) {
        self.turn(now);
        let slice = &mut self.bytes[self.slice as usize % SLICES];
        *slice = slice.saturating_add(bytes as u32);
    }

    /// Bits a second.
    pub(crate) fn rate(&mut self, now: Instant) -> u64 {
        self.turn(now);
        let sum: u64 = self.bytes.iter().map(|bytes| u64::from(*bytes)).sum();
        let slices = (self.slice + 1).clamp(YOUNGEST, SLICES as u64);
        sum * 8 * 10 / slices
    }

    fn turn(&mut self, now: Instant) {
        let began = *self.began.get_or_insert(now);
        let passed = now.saturating_duration_since(began).as_millis() / SLICE.as_millis();
        let passed = passed as u64;
        for slice in (self.slice + 1..=passed).rev().take(SLICES) {
            self.bytes[slice as usize % SLICES] = 0;
        }
        self.slice = self.slice.max(passed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_stream_is_measured_and_forgotten_when_it_ends() {
        let start = Instant::now();
        let mut meter = Meter::default();
        for packet in 0..200 {
            meter.add(start + Duration::from_millis(packet * 10), 1_250);
        }

        // 1,250 bytes in 10 ms are a million bits a second.
        let rate = meter.rate(start + Duration::from_millis(1_999));
        assert!((900_000..=1_000_000).contains(&rate), "{rate}");
        assert_eq!(meter.rate(start + Duration::from_secs(4)), 0);
    }
}
