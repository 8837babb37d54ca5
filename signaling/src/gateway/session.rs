//! The pure core of a session: numbers, replay, heartbeats, limits. Time is an argument.

use std::time::Duration;
use std::time::Instant;

use axum::body::Bytes;
use model::gateway::CloseCode;
use model::limits;

use super::incoming;
use super::incoming::Incoming;
use super::replay::ReplayBuffer;

/// How much later than its interval a heartbeat may come before the socket counts as dead.
const GRACE: f64 = 1.5;

/// Limits of one socket: how much it sends, and how long it was silent.
#[derive(Debug)]
pub(super) struct SocketWatch {
    window_ends: Instant,
    sent: u32,
    heartbeat_due: Instant,
}

impl SocketWatch {
    /// A socket that was opened at `now`.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            window_ends: now + limits::GATEWAY_SENDS_WINDOW,
            sent: 0,
            heartbeat_due: now + silence(),
        }
    }

    /// Counts and reads one message.
    ///
    /// # Errors
    ///
    /// The code that the socket is to be closed with.
    pub(super) fn handle_message(
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
        let message = incoming::parse(bytes)?;
        if matches!(message, Incoming::Heartbeat) {
            self.heartbeat_due = now + silence();
        }
        Ok(message)
    }

    /// When the next timeout is.
    pub(super) const fn poll_timeout(&self) -> Instant {
        self.heartbeat_due
    }

    /// Closes a socket whose heart stopped.
    pub(super) fn handle_timeout(&self, now: Instant) -> Option<CloseCode> {
        (now >= self.heartbeat_due).then_some(CloseCode::SessionTimedOut)
    }
}

fn silence() -> Duration {
    limits::HEARTBEAT_INTERVAL.mul_f64(GRACE)
}

/// One identified session: the numbers of its dispatches, and those kept for Resume.
#[derive(Debug, Default)]
pub(super) struct GatewaySession {
    seq: u64,
    replay: ReplayBuffer,
}

impl GatewaySession {
    /// Numbers a dispatch and keeps it; the frame to send.
    pub(super) fn dispatch(&mut self, name: &str, payload: &[u8]) -> Bytes {
        self.seq += 1;
        let mut frame = Vec::with_capacity(payload.len() + name.len() + 48);
        frame.extend_from_slice(b"{\"t\":\"");
        frame.extend_from_slice(name.as_bytes());
        frame.extend_from_slice(b"\",\"s\":");
        frame.extend_from_slice(self.seq.to_string().as_bytes());
        frame.extend_from_slice(b",\"op\":0,\"d\":");
        frame.extend_from_slice(payload);
        frame.push(b'}');
        let frame = Bytes::from(frame);
        self.replay.push(self.seq, frame.clone());
        frame
    }

    /// What a client that heard up to `seq` missed.
    ///
    /// # Errors
    ///
    /// `InvalidSeq` for a number that was never given; `UnknownError` when too much was missed.
    pub(super) fn resume(&self, seq: u64) -> Result<Vec<Bytes>, CloseCode> {
        if seq > self.seq {
            return Err(CloseCode::InvalidSeq);
        }
        match self.replay.after(seq, self.seq) {
            Some(missed) => Ok(missed.cloned().collect()),
            None => Err(CloseCode::UnknownError),
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a virtual clock begins at some instant")]
mod tests {
    use super::*;

    const BEAT: &[u8] = br#"{"op":1,"d":null}"#;

    #[test]
    fn the_121st_message_of_a_minute_closes_with_rate_limited() {
        let start = Instant::now();
        let mut watch = SocketWatch::new(start);

        for _ in 0..120 {
            assert!(watch.handle_message(start, BEAT).is_ok());
        }

        assert_eq!(watch.handle_message(start, BEAT).unwrap_err(), CloseCode::RateLimited);
        let later = start + limits::GATEWAY_SENDS_WINDOW;
        assert!(watch.handle_message(later, BEAT).is_ok());
    }

    #[test]
    fn a_payload_over_4096_bytes_closes_with_decode_error() {
        let start = Instant::now();
        let mut watch = SocketWatch::new(start);
        let large = format!(r#"{{"op":1,"d":"{}"}}"#, "x".repeat(4_096));

        let result = watch.handle_message(start, large.as_bytes());

        assert_eq!(result.unwrap_err(), CloseCode::DecodeError);
    }

    #[test]
    fn a_silent_socket_is_closed_at_its_deadline_and_a_beat_moves_it() {
        let start = Instant::now();
        let mut watch = SocketWatch::new(start);
        let due = watch.poll_timeout();

        assert_eq!(watch.handle_timeout(due - Duration::from_nanos(1)), None);
        watch.handle_message(due - Duration::from_secs(1), BEAT).unwrap();
        assert_eq!(watch.handle_timeout(due), None);
        assert_eq!(watch.handle_timeout(watch.poll_timeout()), Some(CloseCode::SessionTimedOut));
    }

    #[test]
    fn dispatches_are_numbered_and_replayed_after_the_last_one_heard() {
        let mut session = GatewaySession::default();
        for n in 0..5 {
            session.dispatch("MESSAGE_CREATE", n.to_string().as_bytes());
        }

        let missed = session.resume(3).unwrap();

        assert_eq!(missed.len(), 2);
        assert_eq!(missed[0], &br#"{"t":"MESSAGE_CREATE","s":4,"op":0,"d":3}"#[..]);
        assert_eq!(session.resume(6).unwrap_err(), CloseCode::InvalidSeq);
    }
}
