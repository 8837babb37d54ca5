//! Snowflake ids: 42 bits of milliseconds since 2015, 10 of node, 12 of sequence.
//!
//! Relies on its caller for the time, so that ids are testable and the clock has one reader.

/// Milliseconds from the Unix epoch to the first second of 2015 (Discord: Reference/Snowflakes).
pub const EPOCH: u64 = 1_420_070_400_000;

/// Makes ids that grow strictly, even when the clock stands still or steps back.
#[derive(Debug)]
pub struct SnowflakeGenerator {
    node: u16,
    last: u64,
    sequence: u16,
}

impl SnowflakeGenerator {
    /// A generator for one node; `node` is 0 to 1023, higher bits are ignored.
    #[must_use]
    pub const fn new(node: u16) -> Self {
        Self { node: node & 0x3ff, last: 0, sequence: 0 }
    }

    /// The next id at `unix_ms`, milliseconds since the Unix epoch.
    ///
    /// A clock that steps back is answered from the latest time seen, and a burst of more than
    /// 4,096 ids in one millisecond borrows from the next, so ids never repeat or shrink.
    pub fn next(&mut self, unix_ms: u64) -> u64 {
        let now = unix_ms.saturating_sub(EPOCH).max(1);
        if now > self.last {
            self.last = now;
            self.sequence = 0;
        } else if self.sequence == 0xfff {
            self.last += 1;
            self.sequence = 0;
        } else {
            self.sequence += 1;
        }
        (self.last << 22) | (u64::from(self.node) << 12) | u64::from(self.sequence)
    }
}

/// The smallest id of a moment, in Unix milliseconds; times before the epoch have that of the epoch.
#[must_use]
pub const fn at(unix_ms: u64) -> u64 {
    unix_ms.saturating_sub(EPOCH) << 22
}

/// Milliseconds since the Unix epoch at which `id` was made.
#[must_use]
pub const fn unix_ms(id: u64) -> u64 {
    (id >> 22) + EPOCH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_although_the_clock_steps_back() {
        let mut ids = SnowflakeGenerator::new(1);
        let mut last = 0;

        for n in 0..20_000_u64 {
            let clock = EPOCH + 1_000_000 - n;
            let id = ids.next(clock);
            assert!(id > last, "id {n} did not grow");
            last = id;
        }
    }

    #[test]
    fn an_id_tells_when_it_was_made() {
        let mut ids = SnowflakeGenerator::new(1023);

        let id = ids.next(1_700_000_000_123);

        assert_eq!(unix_ms(id), 1_700_000_000_123);
    }
}
