//! How much a publisher's line carries, estimated from what is lost of its packets: for one whose own
//! end does not estimate by [`arrivals`](crate::video::arrivals).

use std::time::Instant;

use crate::video::budget::Budget;

/// What any publisher may send, in bits a second: more than three layers and a screen have.
pub(crate) const MOST: u64 = 8_000_000;

/// See the module.
#[derive(Debug)]
pub(crate) struct Uplink(Budget);

/// How all streams of a publisher arrived since the last report.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reception {
    /// Bits a second that came, and the same each times its share of lost packets, in 1/256.
    bits: u64,
    lost: u64,
}

impl Default for Uplink {
    fn default() -> Self {
        // A publisher begins low by itself; told less than its line carries, it would stay there.
        Self(Budget::of(MOST))
    }
}

impl Reception {
    /// Adds a stream: the bits a second that came of it, and the share of its packets that were lost.
    pub(crate) fn add(&mut self, bits: u64, lost: u8) {
        self.bits = self.bits.saturating_add(bits);
        self.lost = self.lost.saturating_add(bits.saturating_mul(u64::from(lost)));
    }
}

impl Uplink {
    /// What the publisher may send, in bits a second.
    pub(crate) fn estimate(&mut self, now: Instant, reception: &Reception) -> u64 {
        if let Some(lost) = reception.lost.checked_div(reception.bits) {
            // What came is all that the line carries, when it loses the rest.
            self.0.take_loss(now, lost.min(255) as u8, reception.bits);
        }
        self.0.estimate(now).min(MOST)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn reception(streams: &[(u64, u8)]) -> Reception {
        let mut reception = Reception::default();
        streams.iter().for_each(|(bits, lost)| reception.add(*bits, *lost));
        reception
    }

    #[test]
    fn a_line_that_loses_nothing_is_told_the_most_and_one_that_does_what_came() {
        let now = Instant::now();
        let mut uplink = Uplink::default();

        assert_eq!(uplink.estimate(now, &reception(&[(300_000, 0), (1_700_000, 0)])), MOST);
        let told = uplink.estimate(now + SECOND, &reception(&[(100_000, 128), (300_000, 128)]));
        assert!((200_000..400_000).contains(&told), "{told}");
    }

    #[test]
    fn a_small_stream_that_is_lost_beside_a_large_one_that_is_not_tells_little() {
        let now = Instant::now();
        let mut uplink = Uplink::default();

        assert_eq!(uplink.estimate(now, &reception(&[(20_000, 255), (1_700_000, 0)])), MOST);
        assert_eq!(uplink.estimate(now, &reception(&[])), MOST, "nothing came");
    }
}
