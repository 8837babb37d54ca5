//! The clock that all threads of the load share.

use std::time::Duration;
use std::time::Instant;

/// Time since the load began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock(Instant);

impl Clock {
    /// A clock that begins now.
    pub(super) fn start() -> Self {
        Self(crate::bench::now())
    }

    pub(super) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    /// The same in nanoseconds.
    pub(super) fn nanos(self) -> u64 {
        u64::try_from(self.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// The moment of so many nanoseconds.
    pub(super) fn at(self, nanos: u64) -> Instant {
        self.0 + Duration::from_nanos(nanos)
    }

    /// Sleeps until a moment, unless it has passed.
    pub(super) fn sleep_until(self, at: Duration) {
        if let Some(rest) = at.checked_sub(self.elapsed()) {
            std::thread::sleep(rest);
        }
    }
}
