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
    /// Somebody who stands for a peer of another shard may stand for nothing any more.
    StandIn(PeerKey),
    /// The peer may have missed the answer to its IP discovery: said again so often already.
    Discovery(PeerKey, u8),
}

/// Timers that need not be exact fire together at multiples of this. Lower wakes the thread for each
/// peer by itself; higher makes bursts of reports.
const ROUGH: Duration = Duration::from_millis(250);

/// The table of pending timers. A timer is never cancelled: when it fires, whoever it is for looks
/// whether it still means something.
pub(crate) struct Timers {
    began: Instant,
    pending: BinaryHeap<Reverse<(Instant, Timer)>>,
}

impl Timers {
    /// No timers, from `now` on.
    pub(crate) fn new(now: Instant) -> Self {
        Self { began: now, pending: BinaryHeap::new() }
    }

    /// Fires `timer` at `when`.
    pub(crate) fn set(&mut self, when: Instant, timer: Timer) {
        self.pending.push(Reverse((when, timer)));
    }

    /// Fires `timer` at `when` or up to [`ROUGH`] later, along with others.
    pub(crate) fn set_roughly(&mut self, when: Instant, timer: Timer) {
        let since = when.saturating_duration_since(self.began).as_micros();
        let ticks = since.div_ceil(ROUGH.as_micros());
        // A node does not run for as long as 2^32 of them, thirteen years.
        self.set(self.began + ROUGH * ticks as u32, timer);
    }

    /// The next one, and when it is due.
    pub(crate) fn next(&self) -> Option<(Instant, Timer)> {
        self.pending.peek().map(|Reverse(next)| *next)
    }

    /// The next one that is due by `now`.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Timer> {
        if self.next()?.0 > now {
            return None;
        }
        self.pending.pop().map(|Reverse((_, timer))| timer)
    }
}

#[cfg(test)]
mod tests {
    use model::media::Grants;
    use model::media::PeerId;

    use super::*;
    use crate::peer::Peer;
    use crate::peer::Peers;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a moment to count from")]
    fn rough_timers_of_a_quarter_of_a_second_fire_together_and_none_early() {
        let began = Instant::now();
        let at = |millis| began + Duration::from_millis(millis);
        let grants = Grants { speak: true, hear: true };
        let key = Peers::default().insert(Peer::new(began, PeerId(1), 32, grants, (0, 0)));
        let mut timers = Timers::new(began);
        for millis in [1, 130, 250, 251] {
            timers.set_roughly(at(millis), Timer::Report(key));
        }

        assert_eq!(timers.next().map(|(when, _)| when), Some(at(250)));
        assert_eq!(timers.pop(at(249)), None);
        let fired = std::iter::from_fn(|| timers.pop(at(250))).count();
        assert_eq!(fired, 3);
        assert_eq!(timers.next().map(|(when, _)| when), Some(at(500)));
    }
}
