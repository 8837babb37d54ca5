//! The socket of a voice session as its core sees it: there or not, until when, and how busy. Pure.

use std::time::Duration;
use std::time::Instant;

use model::limits;

/// Whether there is a socket.
#[derive(Debug, Clone, Copy)]
pub(super) enum Link {
    /// There is; its heart must beat until then.
    Attached { until: Instant },
    /// There is none; the session ends then.
    Detached { until: Instant },
}

impl Link {
    /// A socket that has just been heard.
    pub(super) fn heard(now: Instant) -> Self {
        Self::Attached { until: now + SILENCE }
    }

    /// When its deadline is.
    pub(super) const fn until(self) -> Instant {
        match self {
            Self::Attached { until } | Self::Detached { until } => until,
        }
    }

    pub(super) const fn is_attached(self) -> bool {
        matches!(self, Self::Attached { .. })
    }
}

/// Counts the messages of one socket.
#[derive(Debug)]
pub(super) struct SendWindow {
    ends: Instant,
    sent: u32,
}

impl SendWindow {
    /// A socket that has sent nothing yet.
    pub(super) fn new(now: Instant) -> Self {
        Self { ends: now + SENDS_WINDOW, sent: 0 }
    }

    /// Counts one message; `false` when it was one too many.
    pub(super) fn count(&mut self, now: Instant) -> bool {
        if now >= self.ends {
            *self = Self::new(now);
        }
        self.sent += 1;
        self.sent <= SENDS
    }
}

/// Silence after which a socket is closed: a heartbeat was missed, and the next is late.
pub(super) const SILENCE: Duration = limits::VOICE_HEARTBEAT_INTERVAL.saturating_mul(2);
/// How long a session without a socket can be resumed. Longer shows people who are gone; shorter
/// ends calls that would have come back.
pub(super) const RESUME_WINDOW: Duration = Duration::from_secs(60);
/// The same after a client said goodbye by itself, which few follow by a resume.
pub(super) const GOODBYE_WINDOW: Duration = Duration::from_secs(10);
/// Messages that a client may send within [`SENDS_WINDOW`]: some clients announce every word.
pub(super) const SENDS: u32 = 600;
/// The window of [`SENDS`].
pub(super) const SENDS_WINDOW: Duration = Duration::from_secs(60);
