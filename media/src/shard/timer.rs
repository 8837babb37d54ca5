//! Every reason for which a shard wakes by itself, and when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;
use std::time::Instant;

use crate::peer::PeerKey;

/// Silence after which a speaker is said to have stopped. Lower flickers over lost packets;
/// higher keeps the ring around a face lit.
pub(crate) const QUIET: Duration = Duration::from_millis(200);
/// Time between RTCP reports, and between statistics (RFC 3550 §6.2: five seconds at least).
pub(crate) const REPORT: Duration = Duration::from_secs(5);

/// Why to wake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// The peer's ICE or DTLS wants the time.
    Drive(PeerKey),
    /// The speaker may have stopped.
    Quiet(PeerKey),
    /// The peer may be gone.
    Idle(PeerKey),
    /// A changed path has not yet held.
    Path(PeerKey),
    /// Reports and statistics of the peer are due.
    Report(PeerKey),
    /// What the peer sends and is shown is to be looked at.
    Video(PeerKey),
}

/// The table of pending timers. A timer is never cancelled: when it fires, whoever it is for looks
/// whether it still means something.
#[derive(Default)]
pub(crate) struct Timers(BinaryHeap<Reverse<(Instant, Timer)>>);

impl Timers {
    /// Fires `timer` at `when`.
    pub(crate) fn set(&mut self, when: Instant, timer: Timer) {
        self.0.push(Reverse((when, timer)));
    }

    /// When the next one is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.peek().map(|Reverse((when, _))| *when)
    }

    /// The next one that is due by `now`.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        self.0.pop().map(|Reverse((_, timer))| timer)
    }
}
