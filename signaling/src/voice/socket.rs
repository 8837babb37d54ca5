//! A WebSocket until it identifies or resumes, and the socket that a voice session then owns.

use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use axum::response::Response;
use model::limits;
use model::media::PeerId;
use model::voice::CloseCode;
use model::wire::id::Id;
use serde_json::Value;
use tokio::sync::mpsc;

use super::announce::Announced;
use super::board::Admitted;
use super::calls::Calls;
use super::calls::Ears;
use super::negotiate::Version;
use super::output::Admission;
use super::output::Output;
use super::payload::Identify;
use super::run;
use super::run::Attach;
use super::session::VoiceSession;
use crate::auth;
use crate::connection::Connection;
use crate::parts::Parts;
use crate::websocket::Incoming;
use crate::websocket::Message;
use crate::websocket::Socket;
use crate::websocket::Upgrade;
use crate::websocket::Violation;
use crate::websocket::frame;

/// Takes a socket whose URL had `query` (`v=4` to `v=9`; user clients leave it out).
pub(crate) fn upgrade(
    parts: Parts,
    connection: Connection,
    host: String,
    query: String,
    socket: Upgrade,
) -> Response {
    let tasks = parts.calls.tasks.clone();
    socket.accept(limits::VOICE_GATEWAY_PAYLOAD, move |socket| {
        tasks.track_future(async move {
            let wire = Wire { socket, queued: Vec::new() };
            let Some(version) = Version::of_query(&query) else {
                return wire.close(CloseCode::BadRequest).await;
            };
            // Boxed one after the other: what a greeting needs is not held by the session.
            let greeted = Box::pin(greet(parts, (connection, host), version, wire)).await;
            let Some((calls, peer, session, wire, ears)) = greeted else { return };
            Box::pin(run::run(calls, peer, session, wire, ears)).await;
        })
    })
}

#[expect(clippy::disallowed_methods, reason = "the shell reads the clock for the pure core")]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// One WebSocket.
pub(super) struct Wire {
    socket: Socket,
    /// Frames that wait to be sent together.
    queued: Vec<u8>,
}

/// What came of reading a socket.
pub(super) enum Received {
    Text(String),
    Binary,
    /// The client said goodbye, with that code.
    Closed(Option<u16>),
    /// A message over the limit.
    TooLarge,
    /// The connection broke.
    Lost,
}

impl Wire {
    /// Queues one text; [`flush`](Self::flush) sends it.
    pub(super) fn feed(&mut self, text: &str) {
        frame::put_head(&mut self.queued, frame::TEXT, text.len());
        self.queued.extend_from_slice(text.as_bytes());
    }

    /// Sends what was queued. `false` when the socket is of no use.
    pub(super) async fn flush(&mut self) -> bool {
        if self.queued.is_empty() {
            return true;
        }
        let queued = std::mem::take(&mut self.queued);
        matches!(tokio::time::timeout(STALLED, self.socket.write(&queued)).await, Ok(Ok(())))
    }

    /// Closes the socket. Who was moved or removed may hang up first; nobody else is waited for.
    pub(super) async fn close(mut self, code: CloseCode) {
        metrics::counter!("signaling_voice_closes_total", "code" => code.code().to_string())
            .increment(1);
        if !self.flush().await {
            return;
        }
        // The gateway tells it too. A client that hears both in one moment may stumble: discord.py
        // misses that its new server is known, and waits for it until its time is over.
        if code == CloseCode::Disconnected
            && tokio::time::timeout(HANGS_UP, self.socket.drain()).await.is_ok()
        {
            return;
        }
        let reason = format!("{code:?}");
        let closing = self.socket.close(code.code(), &reason);
        let _ = tokio::time::timeout(STALLED, closing).await;
        // Reading until the peer's own close lets ours arrive before the connection is dropped.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.socket.drain()).await;
    }

    /// The next message. Cancel-safe.
    pub(super) async fn recv(&mut self) -> Received {
        match self.socket.read().await {
            Incoming::Message(Message::Text(text)) => Received::Text(text),
            Incoming::Message(Message::Close(code)) => Received::Closed(code),
            Incoming::Message(_) => Received::Binary,
            Incoming::Violation(Violation::TooLarge) => Received::TooLarge,
            Incoming::Violation(_) | Incoming::Lost => Received::Lost,
        }
    }
}

/// What a session begins with.
type Greeted = (Arc<Calls>, PeerId, VoiceSession, Wire, Ears);

/// Hello at once, then Identify or Resume within the deadline.
async fn greet(
    parts: Parts,
    (connection, host): (Connection, String),
    version: Version,
    mut wire: Wire,
) -> Option<Greeted> {
    let mut session = VoiceSession::new(now(), version);
    let closing = parts.calls.closing.clone();
    loop {
        while let Some(output) = session.poll_output() {
            match output {
                Output::Frame(text) => wire.feed(&text),
                Output::Identify(identify) => match admit(&parts, (connection, &host), &identify) {
                    Ok((admission, ears)) => {
                        let peer = admission.peer;
                        session.admit(now(), &identify, admission);
                        return Some((Arc::clone(&parts.calls), peer, session, wire, ears));
                    }
                    Err(code) => session.close(code),
                },
                Output::Resume(resume) => {
                    let Some(session) = parts.calls.with(|board| board.resumed(&resume)) else {
                        wire.close(CloseCode::SessionNoLongerValid).await;
                        return None;
                    };
                    let attach = Box::new(Attach { wire, version, heard: resume.heard() });
                    if let Err(mpsc::error::SendError(back)) = session.send(attach).await {
                        back.wire.close(CloseCode::SessionNoLongerValid).await;
                    }
                    return None;
                }
                Output::Close(code) | Output::Detach(code) => {
                    wire.close(code).await;
                    return None;
                }
                // Only admitted sessions want these.
                Output::DrawKey(_)
                | Output::Command(_)
                | Output::Speaking(_)
                | Output::Video(_) => {}
            }
        }
        if !wire.flush().await {
            return None;
        }
        let due = session.poll_timeout()?;
        tokio::select! {
            biased;
            () = closing.cancelled() => session.close(CloseCode::VoiceServerCrashed),
            received = wire.recv() => match received {
                Received::Text(text) => session.handle_text(now(), &text),
                Received::Binary => session.handle_binary(now()),
                Received::TooLarge => session.close(CloseCode::FailedToDecode),
                Received::Closed(_) | Received::Lost => return None,
            },
            () = tokio::time::sleep_until(due.into()) => session.handle_timeout(now()),
        }
    }
}

/// Turns an Identify into a place, with the address that its media goes to.
fn admit(
    parts: &Parts,
    (connection, host): (Connection, &str),
    identify: &Identify,
) -> Result<(Admission, Ears), CloseCode> {
    let announced = Announced::to(parts, connection).ok_or(CloseCode::ServerNotFound)?;
    let (peer, Admitted { ssrc, others }, ears) = parts.calls.redeem(identify)?;
    let relays = match (identify.video, Id::new_checked(identify.user_id)) {
        (Some(_), Some(user)) => announced.relays(parts, connection, host, user),
        _ => Value::Null,
    };
    let media_session = hex::encode(auth::random::<16>());
    let admission = Admission { peer, ssrc, announced, relays, media_session, others };
    Ok((admission, ears))
}

/// How long one write may stand still before the client counts as gone.
const STALLED: Duration = Duration::from_secs(10);
/// How long a client that was moved or removed has to close its socket by itself. It hears nothing
/// in that time: media ended before.
const HANGS_UP: Duration = Duration::from_millis(300);
