//! A socket before it belongs to a session: Hello, then Identify or Resume within a deadline.
//!
//! Pure: looking up a token takes time, so it is asked for by an output and answered by an input.

use std::collections::VecDeque;
use std::time::Instant;

use model::gateway::CloseCode;
use model::gateway::Opcode;
use model::limits;
use serde_json::Value;
use serde_json::json;

use super::encode;
use super::incoming::Identify;
use super::incoming::Incoming;
use super::incoming::Resume;
use super::pulse::Beat;
use super::pulse::Pulse;

/// One socket's way to a session. After each input drain [`poll_output`](Self::poll_output).
#[derive(Debug)]
pub(super) struct Handshake {
    state: State,
    pulse: Pulse,
    deadline: Instant,
    outputs: VecDeque<HandshakeOutput>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Heartbeat, Identify and Resume are legal.
    Greeted,
    /// Identify or Resume came and is looked up; only heartbeats are legal.
    Asked,
    /// A close was put out; every input is ignored.
    Closed,
}

/// What is to be done for a handshake.
#[derive(Debug)]
pub(super) enum HandshakeOutput {
    /// Send a message.
    Send(String),
    /// Look up the token; then hand the socket to a new session, or [`Handshake::refuse`].
    Identify(Box<Identify>),
    /// Look up the token and the session; then hand the socket over, or [`Handshake::refuse`].
    Resume(Box<Resume>),
    /// Close the socket.
    Close(CloseCode),
}

/// Why an Identify or a Resume goes no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Not now, or not that session: op 9 with `false`, and the client may identify anew.
    InvalidSession,
    /// For good.
    Close(CloseCode),
}

impl Handshake {
    /// The handshake of a socket that was opened at `now` for version `version` of the API.
    pub(super) fn new(now: Instant, version: Option<u64>) -> Self {
        let mut handshake = Self {
            state: State::Greeted,
            pulse: Pulse::new(now),
            deadline: now + limits::IDENTIFY,
            outputs: VecDeque::new(),
        };
        let interval = u64::try_from(limits::HEARTBEAT_INTERVAL.as_millis()).unwrap_or(u64::MAX);
        handshake.send(Opcode::Hello, &json!({ "heartbeat_interval": interval, "_trace": [] }));
        if version.is_none_or(|version| !VERSIONS.contains(&version)) {
            handshake.close(CloseCode::InvalidApiVersion);
        }
        handshake
    }

    /// Takes one message of the client.
    pub(super) fn handle_frame(&mut self, now: Instant, bytes: &[u8]) {
        if self.state == State::Closed {
            return;
        }
        match (self.state, self.pulse.handle_frame(now, bytes)) {
            (_, Err(code)) => self.close(code),
            // Fermi looks for a trace in whatever comes: it would fall over `null`, and beat no more.
            (_, Ok(Incoming::Heartbeat)) => self.send(Opcode::HeartbeatAck, &json!({})),
            (State::Greeted, Ok(Incoming::Identify(identify))) => {
                self.state = State::Asked;
                self.outputs.push_back(HandshakeOutput::Identify(identify));
            }
            (State::Greeted, Ok(Incoming::Resume(resume))) => {
                self.state = State::Asked;
                self.outputs.push_back(HandshakeOutput::Resume(Box::new(resume)));
            }
            (State::Asked, Ok(Incoming::Identify(_) | Incoming::Resume(_))) => {
                self.close(CloseCode::AlreadyAuthenticated);
            }
            (_, Ok(_)) => self.close(CloseCode::NotAuthenticated),
        }
    }

    /// The message was over every limit, or no WebSocket message at all.
    pub(super) fn handle_garbage(&mut self) {
        self.close(CloseCode::DecodeError);
    }

    /// The server goes down.
    pub(super) fn handle_shutdown(&mut self) {
        self.send(Opcode::Reconnect, &Value::Null);
        self.close(CloseCode::UnknownError);
    }

    /// The answer to an Identify or a Resume that goes no further.
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        match (self.state, refusal) {
            (State::Asked, Refusal::InvalidSession) => {
                self.send(Opcode::InvalidSession, &Value::Bool(false));
                self.state = State::Greeted;
            }
            (State::Asked, Refusal::Close(code)) => self.close(code),
            (State::Greeted | State::Closed, _) => {}
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called, if nothing comes first.
    pub(super) fn poll_timeout(&self) -> Instant {
        self.deadline.min(self.pulse.poll_timeout())
    }

    /// Closes whoever took too long.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        let beat = self.pulse.handle_timeout(now);
        if now >= self.deadline || beat == Some(Beat::Dead) {
            self.close(CloseCode::SessionTimedOut);
        } else if beat == Some(Beat::Ask) {
            self.send(Opcode::Heartbeat, &Value::Null);
        }
    }

    /// The next thing to be done.
    pub(super) fn poll_output(&mut self) -> Option<HandshakeOutput> {
        self.outputs.pop_front()
    }

    /// Gives the pulse away with the socket.
    pub(super) fn into_pulse(self) -> Pulse {
        self.pulse
    }

    /// Takes the pulse back from a session that did not want the socket.
    pub(super) fn restore_pulse(&mut self, pulse: Pulse) {
        self.pulse = pulse;
    }

    /// Lends the pulse to a session that may want the socket.
    pub(super) fn lend_pulse(&mut self, now: Instant) -> Pulse {
        std::mem::replace(&mut self.pulse, Pulse::new(now))
    }

    fn send(&mut self, op: Opcode, d: &Value) {
        if self.state != State::Closed {
            self.outputs.push_back(HandshakeOutput::Send(encode::control(op, d)));
        }
    }

    fn close(&mut self, code: CloseCode) {
        if self.state != State::Closed {
            self.state = State::Closed;
            self.outputs.push_back(HandshakeOutput::Close(code));
        }
    }
}

/// Versions of the API that are spoken. A client that names none gets the newest.
pub(super) const VERSIONS: [u64; 2] = [9, 10];

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::testing::start;
    use super::*;

    const IDENTIFY: &[u8] = br#"{"op":2,"d":{"token":"t","intents":1}}"#;
    const RESUME: &[u8] = br#"{"op":6,"d":{"token":"t","session_id":"s","seq":1}}"#;

    /// A handshake that has said Hello.
    fn greeted(now: Instant) -> Handshake {
        let mut handshake = Handshake::new(now, Some(10));
        assert_eq!(op(&mut handshake), Some(10));
        handshake
    }

    /// The op of the next message to send; `None` when something else is next.
    fn op(handshake: &mut Handshake) -> Option<u64> {
        match handshake.poll_output() {
            Some(HandshakeOutput::Send(text)) => {
                serde_json::from_str::<Value>(&text).unwrap()["op"].as_u64()
            }
            _ => None,
        }
    }

    fn close(handshake: &mut Handshake) -> Option<CloseCode> {
        match handshake.poll_output() {
            Some(HandshakeOutput::Close(code)) => Some(code),
            _ => None,
        }
    }

    #[test]
    fn hello_comes_first_and_names_the_interval() {
        let mut handshake = Handshake::new(start(), Some(10));

        let Some(HandshakeOutput::Send(hello)) = handshake.poll_output() else { panic!("nothing") };

        let hello: Value = serde_json::from_str(&hello).unwrap();
        assert_eq!(hello["op"], 10);
        assert_eq!(hello["d"]["heartbeat_interval"], 41_250);
        assert!(handshake.poll_output().is_none());
    }

    #[test]
    fn a_version_that_is_not_spoken_closes_with_4012() {
        for version in [None, Some(0), Some(8), Some(11)] {
            let mut handshake = Handshake::new(start(), version);

            assert_eq!(op(&mut handshake), Some(10));
            assert_eq!(close(&mut handshake).map(CloseCode::code), Some(4012), "{version:?}");
        }
    }

    #[test]
    fn what_a_client_may_not_send_first_closes_with_its_code() {
        let long = format!(r#"{{"op":2,"d":{{"token":"{}"}}}}"#, "x".repeat(5_000));
        for (message, code) in [
            (r#"{"op":3,"d":{"status":"online"}}"#, 4003),
            (r#"{"op":4,"d":{"guild_id":"1"}}"#, 4003),
            (r#"{"op":8,"d":{"guild_id":"1"}}"#, 4003),
            (r#"{"op":77}"#, 4001),
            ("nonsense", 4002),
            (long.as_str(), 4002),
        ] {
            let now = start();
            let mut handshake = greeted(now);

            handshake.handle_frame(now, message.as_bytes());

            assert_eq!(close(&mut handshake).map(CloseCode::code), Some(code), "{message}");
            handshake.handle_frame(now, IDENTIFY);
            assert!(handshake.poll_output().is_none(), "a closed socket was heard");
        }
    }

    #[test]
    fn a_second_identify_while_the_first_is_looked_up_closes_with_4005() {
        let now = start();
        let mut handshake = greeted(now);
        handshake.handle_frame(now, IDENTIFY);
        assert!(matches!(handshake.poll_output(), Some(HandshakeOutput::Identify(_))));

        handshake.handle_frame(now, IDENTIFY);

        assert_eq!(close(&mut handshake).map(CloseCode::code), Some(4005));
    }

    #[test]
    fn a_refused_resume_may_be_followed_by_an_identify() {
        let now = start();
        let mut handshake = greeted(now);
        handshake.handle_frame(now, RESUME);
        assert!(matches!(handshake.poll_output(), Some(HandshakeOutput::Resume(_))));

        handshake.refuse(Refusal::InvalidSession);

        assert_eq!(op(&mut handshake), Some(9));
        handshake.handle_frame(now, IDENTIFY);
        assert!(matches!(handshake.poll_output(), Some(HandshakeOutput::Identify(_))));
    }

    #[test]
    fn heartbeats_are_acknowledged_before_and_while_the_token_is_looked_up() {
        let now = start();
        let mut handshake = greeted(now);

        handshake.handle_frame(now, br#"{"op":1,"d":null}"#);
        assert_eq!(op(&mut handshake), Some(11));
        handshake.handle_frame(now, IDENTIFY);
        assert!(matches!(handshake.poll_output(), Some(HandshakeOutput::Identify(_))));
        handshake.handle_frame(now, br#"{"op":40,"d":{"seq":null}}"#);
        assert_eq!(op(&mut handshake), Some(11));
    }

    #[test]
    fn a_client_that_says_nothing_is_closed_at_the_deadline_and_only_once() {
        let start = start();
        let mut handshake = greeted(start);
        let deadline = handshake.poll_timeout();
        assert_eq!(deadline, start + limits::IDENTIFY);

        handshake.handle_timeout(deadline - Duration::from_nanos(1));
        assert!(handshake.poll_output().is_none());

        handshake.handle_timeout(deadline);
        handshake.handle_timeout(deadline);
        assert_eq!(close(&mut handshake).map(CloseCode::code), Some(4009));
        assert!(handshake.poll_output().is_none());
    }
}
