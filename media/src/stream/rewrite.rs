//! Joins successive pieces of a speaker into one stream without seams for one listener.
//!
//! Works on extended (64-bit) sequence numbers, so that the result is at once the SRTP packet
//! index (RFC 3711 §3.3.1): two accepted packets never get the same number, hence never the same
//! nonce.
//!
//! HOT: a few additions; never allocates.

use std::time::Duration;

use crate::opus;
use crate::rtp::seq::extend;

/// Joins successive pieces of a stream into one gap-free sequence (RFC 3550 §5.1).
///
/// Numbers lost before us stay lost, so the listener still sees real gaps and can conceal them.
#[derive(Debug, Clone)]
pub(crate) struct SeqRewriter {
    source_base: u64,
    sent_base: u64,
    /// The next number after the highest sent.
    next: u64,
}

impl SeqRewriter {
    /// A rewriter whose first packet will be `first`. Below 2^15 the listener cannot mistake the
    /// roll-over counter even when the first packets are lost (RFC 3711 §3.3.1).
    pub(crate) fn starting_at(first: u16) -> Self {
        let first = u64::from(first);
        Self { source_base: 0, sent_base: first, next: first }
    }

    /// Continues with another piece, of which `source` is the first packet.
    pub(crate) fn switch_source(&mut self, source: u64) {
        self.source_base = source;
        self.sent_base = self.next;
    }

    /// The number to send `source` under, or None when it is older than the current piece: its
    /// number would have been used already.
    pub(crate) fn rewrite(&mut self, source: u64) -> Option<u64> {
        let sent = self.sent_base + source.checked_sub(self.source_base)?;
        self.next = self.next.max(sent + 1);
        Some(sent)
    }
}

impl SeqRewriter {
    /// The full number whose low bits are `low`, near what was sent last, and the number of the
    /// source that was sent under it. None when it is not of the current piece.
    pub(crate) fn recall(&self, low: u16) -> Option<(u64, u64)> {
        let sent = extend(self.next.checked_sub(1)?, low)?;
        if sent >= self.next {
            return None;
        }
        Some((sent, self.source_base + sent.checked_sub(self.sent_base)?))
    }

    /// Whether the current piece began with this number of its source or before.
    pub(crate) fn has_begun_by(&self, source: u64) -> bool {
        source >= self.source_base
    }

    /// The number after the highest sent.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }
}

/// Keeps the timestamps of successive pieces on one clock (RFC 3550 §5.1).
#[derive(Debug, Clone, Default)]
pub(crate) struct TimestampRewriter {
    offset: u32,
    last: u32,
}

impl TimestampRewriter {
    /// Continues with another piece that begins at `source`, `elapsed` after the last packet was
    /// sent: the clock goes on by that time, by one packet at least.
    pub(crate) fn switch_source(&mut self, source: u32, elapsed: Duration) {
        let units = elapsed.as_micros() * u128::from(opus::CLOCK_RATE) / 1_000_000;
        let advance = (units as u32).max(opus::FRAME);
        self.offset = self.last.wrapping_add(advance).wrapping_sub(source);
    }

    /// The timestamp to send.
    pub(crate) fn rewrite(&mut self, source: u32) -> u32 {
        let sent = self.of(source);
        if sent.wrapping_sub(self.last) as i32 > 0 {
            self.last = sent;
        }
        sent
    }

    /// The timestamp that a packet of this piece is sent with. Changes nothing.
    pub(crate) fn of(&self, source: u32) -> u32 {
        source.wrapping_add(self.offset)
    }

    /// The newest timestamp that was sent.
    pub(crate) fn last(&self) -> u32 {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_packet_from_before_the_switch_is_refused() {
        let mut seq = SeqRewriter::starting_at(10);
        seq.switch_source(100);

        assert_eq!(seq.rewrite(100), Some(10));
        assert_eq!(seq.rewrite(99), None);
    }

    proptest! {
        #[test]
        fn switching_sources_leaves_no_gap(first in 0u16..0x8000, a in 0u64..1 << 40, b in 0u64..1 << 40) {
            let mut seq = SeqRewriter::starting_at(first);
            seq.switch_source(a);
            let before = seq.rewrite(a).expect("first of its piece");

            seq.switch_source(b);

            prop_assert_eq!(seq.rewrite(b), Some(before + 1));
        }

        #[test]
        fn what_was_sent_is_recalled_by_its_low_bits(
            first in 0u16..0x8000, base in 0u64..1 << 40, ahead in 0u64..30_000, back in 0u64..60,
        ) {
            let mut seq = SeqRewriter::starting_at(first);
            seq.switch_source(base);
            let sent = seq.rewrite(base + ahead).expect("of this piece");

            let recalled = seq.recall((sent as u16).wrapping_sub(back as u16));

            let expected = ahead.checked_sub(back).map(|ahead| (sent - back, base + ahead));
            prop_assert_eq!(recalled, expected);
            prop_assert_eq!(seq.recall((sent + 1) as u16), None);
        }

        #[test]
        fn gaps_inside_a_piece_stay_gaps(base in 0u64..1 << 40, steps in proptest::collection::vec(1u64..50, 1..50)) {
            let mut seq = SeqRewriter::starting_at(0);
            seq.switch_source(base);
            let mut source = base;
            let mut sent = seq.rewrite(source).expect("first");
            for step in steps {
                source += step;
                let next = seq.rewrite(source).expect("later");
                prop_assert_eq!(next - sent, step);
                sent = next;
            }
        }

        #[test]
        fn no_number_is_ever_given_twice(
            ops in proptest::collection::vec((0u64..64, any::<bool>()), 1..200),
        ) {
            let mut seq = SeqRewriter::starting_at(3);
            let mut given = std::collections::HashSet::new();
            let mut taken = std::collections::HashSet::new();
            let mut base = 0;
            for (number, switch) in ops {
                if switch {
                    base += 1_000;
                    taken.clear();
                    seq.switch_source(base + number);
                }
                if taken.insert(base + number)
                    && let Some(sent) = seq.rewrite(base + number)
                {
                    prop_assert!(given.insert(sent));
                }
            }
        }

        #[test]
        fn time_goes_on_by_what_elapsed(last: u32, next: u32, millis in 20u64..100_000) {
            let mut clock = TimestampRewriter::default();
            clock.switch_source(last, Duration::ZERO);
            let before = clock.rewrite(last);

            clock.switch_source(next, Duration::from_millis(millis));

            prop_assert_eq!(clock.rewrite(next).wrapping_sub(before), millis as u32 * 48);
        }
    }
}
