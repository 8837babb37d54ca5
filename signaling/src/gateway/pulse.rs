//! Limits of one socket: how much its client sends, and how long it was silent. Pure.

use std::time::Duration;
use std::time::Instant;

use model::gateway::CloseCode;
use model::limits;

use super::incoming;
use super::incoming::Incoming;

/// Counts a client's messages and watches its heart; moves with its socket from the handshake to
/// the session.
#[derive(Debug)]
pub(super) struct Pulse {
    window_ends: Instant,
    sent: u32,
    beat_at: Instant,
    asked: bool,
}

/// What is due when a client was silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beat {
    /// Ask for a heartbeat (op 1).
    Ask,
    /// The client is gone.
    Dead,
}

impl Pulse {
    /// The pulse of a socket that was opened at `now`.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            window_ends: now + limits::GATEWAY_SENDS_WINDOW,
            sent: 0,
            beat_at: now,
            asked: false,
        }
    }

    /// Counts and reads one message.
    ///
    /// # Errors
    ///
    /// The code that the socket is to be closed with.
    pub(super) fn handle_frame(
        &mut self,
        now: Instant,
        bytes: &[u8],
    ) -> Result<Incoming, CloseCode> {
        if now >= self.window_ends {
            self.window_ends = now + limits::GATEWAY_SENDS_WINDOW;
            self.sent = 0;
        }
        self.sent += 1;
        if self.sent > limits::GATEWAY_SENDS {
            return Err(CloseCode::RateLimited);
        }
        if bytes.len() > limits::GATEWAY_PAYLOAD {
            return Err(CloseCode::DecodeError);
        }
        let incoming = incoming::parse(bytes)?;
        if matches!(incoming, Incoming::Heartbeat) {
            self.beat_at = now;
            self.asked = false;
        }
        Ok(incoming)
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to say, if nothing comes first.
    pub(super) fn poll_timeout(&self) -> Instant {
        self.beat_at + if self.asked { PATIENCE } else { ASK_AFTER }
    }

    /// What is due at `now`, if anything.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Option<Beat> {
        let silent = now.saturating_duration_since(self.beat_at);
        if silent >= PATIENCE {
            Some(Beat::Dead)
        } else if silent >= ASK_AFTER && !self.asked {
            self.asked = true;
            Some(Beat::Ask)
        } else {
            None
        }
    }
}

/// Silence after which a heartbeat is asked for: clients beat every interval, and a beat may be
/// some seconds under way.
const ASK_AFTER: Duration = Duration::from_millis(51_250);
/// Silence after which a client counts as gone, one and a half intervals. Lower drops clients on
/// bad networks; higher keeps presence and voice of the dead.
const PATIENCE: Duration = Duration::from_millis(61_875);

const _: () = assert!(ASK_AFTER.as_millis() > limits::HEARTBEAT_INTERVAL.as_millis());
const _: () = assert!(PATIENCE.as_millis() > ASK_AFTER.as_millis());

#[cfg(test)]
mod tests {
    use super::super::testing::start;
    use super::*;

    const BEAT: &[u8] = br#"{"op":1,"d":null}"#;

    #[test]
    fn the_121st_message_of_a_minute_is_one_too_many() {
        let start = start();
        let mut pulse = Pulse::new(start);

        for _ in 0..120 {
            assert!(pulse.handle_frame(start, BEAT).is_ok());
        }

        assert_eq!(pulse.handle_frame(start, BEAT).unwrap_err(), CloseCode::RateLimited);
        let later = start + limits::GATEWAY_SENDS_WINDOW;
        assert!(pulse.handle_frame(later, BEAT).is_ok());
    }

    #[test]
    fn a_payload_of_4096_bytes_is_read_and_one_of_4097_is_not() {
        let start = start();
        let mut pulse = Pulse::new(start);
        let mut payload = br#"{"op":1,"d":null}"#.to_vec();
        payload.resize(limits::GATEWAY_PAYLOAD, b' ');

        assert!(pulse.handle_frame(start, &payload).is_ok());
        payload.push(b' ');
        assert_eq!(pulse.handle_frame(start, &payload).unwrap_err(), CloseCode::DecodeError);
    }

    #[test]
    fn a_silent_client_is_asked_once_and_then_given_up() {
        let start = start();
        let mut pulse = Pulse::new(start);
        let asked_at = pulse.poll_timeout();

        assert_eq!(pulse.handle_timeout(asked_at - Duration::from_nanos(1)), None);
        assert_eq!(pulse.handle_timeout(asked_at), Some(Beat::Ask));
        assert_eq!(pulse.handle_timeout(asked_at), None);
        assert_eq!(pulse.handle_timeout(pulse.poll_timeout()), Some(Beat::Dead));
    }

    #[test]
    fn a_heartbeat_moves_the_deadline() {
        let start = start();
        let mut pulse = Pulse::new(start);
        let asked_at = pulse.poll_timeout();
        pulse.handle_timeout(asked_at);

        pulse.handle_frame(asked_at, BEAT).unwrap();

        assert_eq!(pulse.handle_timeout(start + PATIENCE), None);
        assert_eq!(pulse.poll_timeout(), asked_at + ASK_AFTER);
    }
}
