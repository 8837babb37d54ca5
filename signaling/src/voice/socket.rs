//! A WebSocket until it identifies or resumes, and the socket that a voice session then owns.

use std::time::Duration;
use std::time::Instant;

use axum::extract::ws::CloseFrame;
use axum::extract::ws::Message;
use axum::extract::ws::Utf8Bytes;
use axum::extract::ws::WebSocket;
use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use futures_util::SinkExt as _;
use model::limits;
use model::voice::CloseCode;
use tokio::sync::mpsc;

use super::announce::Announced;
use super::board::Admitted;
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

/// Takes a socket whose URL had `query` (`v=4` to `v=9`; user clients leave it out).
pub fn upgrade(
    parts: Parts,
    connection: Connection,
    query: String,
    socket: WebSocketUpgrade,
) -> Response {
    let tasks = parts.calls.tasks.clone();
    let socket = socket.read_buffer_size(4_096).max_message_size(limits::VOICE_GATEWAY_PAYLOAD);
    socket.on_upgrade(move |socket| {
        tasks.track_future(Box::pin(async move {
            let wire = Wire { socket };
            match Version::of_query(&query) {
                Some(version) => greet(parts, connection, version, wire).await,
                None => wire.close(CloseCode::BadRequest).await,
            }
        }))
    })
}

#[expect(clippy::disallowed_methods, reason = "the shell reads the clock for the pure core")]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// One WebSocket.
pub(super) struct Wire {
    socket: WebSocket,
}

/// What came of reading a socket.
pub(super) enum Received {
    Text(Utf8Bytes),
    Binary,
    /// The client said goodbye, with that code.
    Closed(Option<u16>),
    /// A message over the limit.
    TooLarge,
    /// The connection broke.
    Lost,
}

impl Wire {
    /// Queues one text; [`flush`](Self::flush) sends it. `false` when the socket is of no use.
    pub(super) async fn feed(&mut self, text: String) -> bool {
        let feeding = self.socket.feed(Message::Text(text.into()));
        matches!(tokio::time::timeout(STALLED, feeding).await, Ok(Ok(())))
    }

    /// Sends what was queued.
    pub(super) async fn flush(&mut self) -> bool {
        matches!(tokio::time::timeout(STALLED, self.socket.flush()).await, Ok(Ok(())))
    }

    /// Closes the socket. Who was moved or removed may hang up first; nobody else is waited for.
    pub(super) async fn close(mut self, code: CloseCode) {
        metrics::counter!("signaling_voice_closes_total", "code" => code.code().to_string())
            .increment(1);
        // The gateway tells it too. A client that hears both in one moment may stumble: discord.py
        // misses that its new server is known, and waits for it until its time is over.
        if code == CloseCode::Disconnected
            && tokio::time::timeout(HANGS_UP, self.drain()).await.is_ok()
        {
            return;
        }
        let frame = CloseFrame { code: code.code(), reason: format!("{code:?}").into() };
        let closing = self.socket.send(Message::Close(Some(frame)));
        let _ = tokio::time::timeout(STALLED, closing).await;
        // Reading until the peer's own close lets ours arrive before the connection is dropped.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.drain()).await;
    }

    /// Reads until the peer has closed.
    async fn drain(&mut self) {
        while let Some(Ok(_)) = self.socket.recv().await {}
    }

    /// The next message. Cancel-safe.
    pub(super) async fn recv(&mut self) -> Received {
        loop {
            return match self.socket.recv().await {
                Some(Ok(Message::Text(text))) => Received::Text(text),
                Some(Ok(Message::Binary(_))) => Received::Binary,
                Some(Ok(Message::Close(frame))) => Received::Closed(frame.map(|frame| frame.code)),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                Some(Err(error)) if is_too_large(&error) => Received::TooLarge,
                Some(Err(_)) | None => Received::Lost,
            };
        }
    }
}

fn is_too_large(error: &axum::Error) -> bool {
    error.to_string().to_ascii_lowercase().contains("too long")
}

/// Hello at once, then Identify or Resume within the deadline.
async fn greet(parts: Parts, connection: Connection, version: Version, mut wire: Wire) {
    let mut session = VoiceSession::new(now(), version);
    let closing = parts.calls.closing.clone();
    loop {
        while let Some(output) = session.poll_output() {
            match output {
                Output::Frame(text) => {
                    if !wire.feed(text).await {
                        return;
                    }
                }
                Output::Identify(identify) => match admit(&parts, connection, &identify) {
                    Ok((admission, ears)) => {
                        let peer = admission.peer;
                        session.admit(now(), &identify, admission);
                        let calls = parts.calls.clone();
                        drop(parts);
                        return Box::pin(run::run(calls, peer, session, wire, ears)).await;
                    }
                    Err(code) => session.close(code),
                },
                Output::Resume(resume) => {
                    let Some(session) = parts.calls.with(|board| board.resumed(&resume)) else {
                        return wire.close(CloseCode::SessionNoLongerValid).await;
                    };
                    let attach = Attach { wire, version, heard: resume.heard() };
                    if let Err(mpsc::error::SendError(back)) = session.send(attach).await {
                        back.wire.close(CloseCode::SessionNoLongerValid).await;
                    }
                    return;
                }
                Output::Close(code) | Output::Detach(code) => return wire.close(code).await,
                // Only admitted sessions want these.
                Output::DrawKey(_)
                | Output::Command(_)
                | Output::Speaking(_)
                | Output::Video(_) => {}
            }
        }
        if !wire.flush().await {
            return;
        }
        let Some(due) = session.poll_timeout() else { return };
        tokio::select! {
            biased;
            () = closing.cancelled() => session.close(CloseCode::VoiceServerCrashed),
            received = wire.recv() => match received {
                Received::Text(text) => session.handle_text(now(), &text),
                Received::Binary => session.handle_binary(now()),
                Received::TooLarge => session.close(CloseCode::FailedToDecode),
                Received::Closed(_) | Received::Lost => return,
            },
            () = tokio::time::sleep_until(due.into()) => session.handle_timeout(now()),
        }
    }
}

/// Turns an Identify into a place, with the address that its media goes to.
fn admit(
    parts: &Parts,
    connection: Connection,
    identify: &Identify,
) -> Result<(Admission, Ears), CloseCode> {
    let announced = Announced::to(parts, connection).ok_or(CloseCode::ServerNotFound)?;
    let (peer, Admitted { ssrc, others }, ears) = parts.calls.redeem(identify)?;
    let admission = Admission {
        peer,
        ssrc,
        announced,
        media_session: hex::encode(auth::random::<16>()),
        others,
    };
    Ok((admission, ears))
}

/// How long one write may stand still before the client counts as gone.
const STALLED: Duration = Duration::from_secs(10);
/// How long a client that was moved or removed has to close its socket by itself. It hears nothing
/// in that time: media ended before.
const HANGS_UP: Duration = Duration::from_millis(300);
