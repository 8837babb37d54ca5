//! The pure core of a voice session: numbers, replay, heartbeats, limits. Time is an argument.

use std::collections::VecDeque;
use std::time::Duration;
use std::time::Instant;

use model::limits;
use model::voice::CloseCode;
use model::voice::Opcode;
use serde_json::Value;
use serde_json::json;

use super::payload;
use super::payload::Incoming;

/// Messages that a client may send in a minute: speaking toggles a few times a second at most.
const SENDS: u32 = 600;
const SENDS_WINDOW: Duration = Duration::from_secs(60);
/// Numbered messages kept for Resume; more were missed than a client could make use of.
const KEPT: usize = 512;

/// One identified voice session; outlives its sockets.
#[derive(Debug)]
pub(super) struct VoiceSession {
    seq: u64,
    kept: VecDeque<(u64, String)>,
}

/// Limits of one socket.
#[derive(Debug)]
pub(super) struct SocketWatch {
    /// The version that its URL asked for.
    pub version: u64,
    heartbeat_due: Instant,
    window_ends: Instant,
    sent: u32,
}

impl SocketWatch {
    /// A socket that was opened at `now` for a version of the voice gateway.
    pub(super) fn new(now: Instant, version: u64) -> Self {
        Self { version, heartbeat_due: now + silence(), window_ends: now + SENDS_WINDOW, sent: 0 }
    }

    /// Counts and reads one message.
    ///
    /// # Errors
    ///
    /// The code that the socket is to be closed with.
    pub(super) fn handle_text(&mut self, now: Instant, text: &[u8]) -> Result<Incoming, CloseCode> {
        if now >= self.window_ends {
            self.window_ends = now + SENDS_WINDOW;
            self.sent = 0;
        }
        self.sent += 1;
        if self.sent > SENDS {
            return Err(CloseCode::RateLimited);
        }
        let message = payload::parse(text)?;
        if matches!(message, Incoming::Heartbeat { .. }) {
            self.heartbeat_due = now + silence();
        }
        Ok(message)
    }

    /// The answer to a heartbeat: earlier versions echo a bare number.
    pub(super) fn heartbeat_ack(&self, echo: Value) -> String {
        let d = match self.version {
            8.. => json!({ "t": echo }),
            // User clients without a version must not be given null.
            _ if echo.is_null() => json!(0),
            _ => echo,
        };
        frame(Opcode::HeartbeatAck, &d)
    }

    /// When the next timeout is.
    pub(super) const fn poll_timeout(&self) -> Instant {
        self.heartbeat_due
    }

    /// Closes a socket whose heart stopped.
    pub(super) fn handle_timeout(&self, now: Instant) -> Option<CloseCode> {
        (now >= self.heartbeat_due).then_some(CloseCode::SessionTimeout)
    }
}

fn silence() -> Duration {
    limits::VOICE_HEARTBEAT_INTERVAL * 3 / 2
}

/// The first message on a socket.
pub(super) fn hello(version: u64) -> String {
    let interval = limits::VOICE_HEARTBEAT_INTERVAL.as_millis();
    #[expect(clippy::cast_possible_truncation, reason = "some thousands")]
    let interval = interval as u64;
    frame(Opcode::Hello, &json!({ "v": version, "heartbeat_interval": interval }))
}

/// A message without a number.
pub(super) fn frame(op: Opcode, d: &Value) -> String {
    json!({ "op": op as u8, "d": d }).to_string()
}

impl VoiceSession {
    /// A session that has sent nothing numbered yet.
    pub(super) const fn new() -> Self {
        Self { seq: 0, kept: VecDeque::new() }
    }

    /// Numbers a message and keeps it for Resume (Discord: Buffered Resume).
    pub(super) fn number(&mut self, op: Opcode, d: &Value) -> String {
        self.seq += 1;
        let frame = json!({ "op": op as u8, "d": d, "seq": self.seq }).to_string();
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back((self.seq, frame.clone()));
        frame
    }

    /// Lets go of what a client has confirmed.
    pub(super) fn acknowledge(&mut self, seq: u64) {
        while self.kept.front().is_some_and(|(kept, _)| *kept <= seq) {
            self.kept.pop_front();
        }
    }

    /// What a client that heard up to `seq` missed; `None` when that was let go.
    pub(super) fn after(&self, seq: u64) -> Option<Vec<String>> {
        let oldest = self.kept.front().map_or(self.seq + 1, |(seq, _)| *seq);
        if seq > self.seq || seq + 1 < oldest {
            return None;
        }
        Some(self.kept.iter().filter(|(kept, _)| *kept > seq).map(|(_, f)| f.clone()).collect())
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a virtual clock begins at some instant")]
mod tests {
    use super::*;

    #[test]
    fn a_silent_client_is_closed_at_its_deadline_and_a_beat_moves_it() {
        let start = Instant::now();
        let mut watch = SocketWatch::new(start, 8);
        let due = watch.poll_timeout();

        assert_eq!(watch.handle_timeout(due - Duration::from_nanos(1)), None);
        watch.handle_text(due - Duration::from_secs(1), br#"{"op":3,"d":{"t":1}}"#).unwrap();
        assert_eq!(watch.handle_timeout(due), None);
        assert_eq!(watch.handle_timeout(watch.poll_timeout()), Some(CloseCode::SessionTimeout));
    }

    #[test]
    fn a_flood_is_closed_and_a_minute_later_all_is_well() {
        let start = Instant::now();
        let mut watch = SocketWatch::new(start, 8);
        let beat = br#"{"op":3,"d":{"t":1}}"#;

        for _ in 0..SENDS {
            watch.handle_text(start, beat).unwrap();
        }

        assert_eq!(watch.handle_text(start, beat).unwrap_err(), CloseCode::RateLimited);
        assert!(watch.handle_text(start + SENDS_WINDOW, beat).is_ok());
    }

    #[test]
    fn heartbeats_are_answered_in_the_form_of_the_version() {
        let ack = |version, echo| SocketWatch::new(Instant::now(), version).heartbeat_ack(echo);

        assert_eq!(ack(8, json!(7)), r#"{"d":{"t":7},"op":6}"#);
        assert_eq!(ack(4, json!(7)), r#"{"d":7,"op":6}"#);
        assert_eq!(ack(0, Value::Null), r#"{"d":0,"op":6}"#);
    }

    #[test]
    fn numbered_messages_come_back_until_they_are_acknowledged() {
        let mut session = VoiceSession::new();
        for n in 0..5 {
            session.number(Opcode::Speaking, &json!(n));
        }

        assert_eq!(session.after(3).unwrap().len(), 2);
        assert_eq!(session.after(6), None);
        session.acknowledge(4);
        assert_eq!(session.after(4).unwrap().len(), 1);
        assert_eq!(session.after(2), None);
        assert_eq!(session.after(5).unwrap().len(), 0);
    }

    #[test]
    fn more_than_is_kept_cannot_be_resumed() {
        let mut session = VoiceSession::new();
        for n in 0..=KEPT {
            session.number(Opcode::Speaking, &json!(n));
        }

        assert_eq!(session.after(0), None);
        assert_eq!(session.after(1).unwrap().len(), KEPT);
    }
}
