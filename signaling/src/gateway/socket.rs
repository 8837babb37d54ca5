//! A WebSocket until it identifies or resumes, and the sending side that a session then owns.

use std::time::Duration;
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::ws::CloseFrame;
use axum::extract::ws::Message;
use axum::extract::ws::WebSocket;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::response::Response;
use futures_util::SinkExt as _;
use model::gateway::CloseCode;
use model::limits;
use serde_json::json;

use super::compress::Encoder;
use super::incoming::Identify;
use super::incoming::Incoming;
use super::incoming::Resume;
use super::run;
use super::run::Attach;
use super::session::SocketWatch;
use crate::connection::Connection;
use crate::parts::Parts;

/// How long one write may stand still before the reader counts as too slow.
const STALLED: Duration = Duration::from_secs(10);
/// Largest message that is read at all; those over the payload limit are closed with 4002.
const LARGEST: usize = 64 * 1_024;

/// Where a socket came from, kept for the session's URLs.
#[derive(Debug, Clone)]
pub(super) struct Door {
    pub host: String,
    pub tls: bool,
    pub version: u64,
}

/// Takes a socket whose URL had `query`; `host` is the `Host` that the client asked for.
pub fn upgrade(
    parts: Parts,
    connection: Connection,
    host: String,
    query: String,
    socket: WebSocketUpgrade,
) -> Response {
    let value = |key: &str| {
        query
            .split('&')
            .find_map(|pair| pair.split_once('=').filter(|(k, _)| *k == key))
            .map(|p| p.1)
    };
    if value("encoding").is_some_and(|encoding| encoding != "json") {
        let message = "encoding=json is the one that this server speaks";
        return (StatusCode::BAD_REQUEST, message).into_response();
    }
    let Some(encoder) = Encoder::new(value("compress")) else {
        let message = "compress is zlib-stream, zstd-stream or nothing";
        return (StatusCode::BAD_REQUEST, message).into_response();
    };
    let version = value("v").map_or(Ok(10), str::parse);
    let tasks = parts.sessions.tasks.clone();
    socket.read_buffer_size(4_096).max_message_size(LARGEST).on_upgrade(move |socket| {
        tasks.track_future(async move {
            let wire = Wire { socket, encoder };
            match version {
                Ok(version @ (9 | 10)) => {
                    let door = Door { host, tls: connection.tls, version };
                    Box::pin(greet(parts, door, wire)).await;
                }
                _ => wire.close(CloseCode::InvalidApiVersion).await,
            }
        })
    })
}

/// The sending side of a socket, and its reading side.
pub(super) struct Wire {
    socket: WebSocket,
    encoder: Encoder,
}

impl Wire {
    /// Queues one frame; [`flush`](Self::flush) sends it. `false` when the socket is of no use.
    pub(super) async fn feed(&mut self, frame: &Bytes) -> bool {
        let Some(message) = self.encoder.encode(frame) else { return false };
        matches!(tokio::time::timeout(STALLED, self.socket.feed(message)).await, Ok(Ok(())))
    }

    /// Sends what was queued.
    pub(super) async fn flush(&mut self) -> bool {
        matches!(tokio::time::timeout(STALLED, self.socket.flush()).await, Ok(Ok(())))
    }

    /// Sends a frame that is no dispatch.
    pub(super) async fn send(&mut self, op: u8, d: serde_json::Value) -> bool {
        let frame = json!({ "t": null, "s": null, "op": op, "d": d }).to_string();
        self.feed(&Bytes::from(frame)).await && self.flush().await
    }

    /// Closes the socket, waiting for nobody.
    pub(super) async fn close(mut self, code: CloseCode) {
        metrics::counter!("signaling_gateway_closes_total", "code" => code.code().to_string())
            .increment(1);
        let frame = CloseFrame { code: code.code(), reason: format!("{code:?}").into() };
        let _ = tokio::time::timeout(STALLED, self.socket.send(Message::Close(Some(frame)))).await;
        // Reading until the peer's own close lets ours arrive before the connection is dropped.
        let drain = async { while let Some(Ok(_)) = self.socket.recv().await {} };
        let _ = tokio::time::timeout(Duration::from_secs(1), drain).await;
    }

    /// The next message. Cancel-safe.
    pub(super) async fn recv(&mut self) -> Received {
        loop {
            return match self.socket.recv().await {
                Some(Ok(Message::Text(text))) => Received::Message(Bytes::from(text)),
                Some(Ok(Message::Binary(bytes))) => Received::Message(bytes),
                Some(Ok(Message::Close(frame))) => Received::Closed(frame.map(|frame| frame.code)),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                Some(Err(error)) if is_too_large(&error) => Received::TooLarge,
                Some(Err(_)) | None => Received::Lost,
            };
        }
    }

    pub(super) fn compress_payloads(&mut self) {
        self.encoder.compress_payloads();
    }
}

/// What came of reading a socket.
pub(super) enum Received {
    Message(Bytes),
    /// The client said goodbye, with that code.
    Closed(Option<u16>),
    /// A message over every limit.
    TooLarge,
    /// The connection broke.
    Lost,
}

fn is_too_large(error: &axum::Error) -> bool {
    error.to_string().to_ascii_lowercase().contains("too long")
}

#[expect(clippy::disallowed_methods, reason = "the shell reads the clock for the pure core")]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// Hello, then Identify or Resume within the deadline.
async fn greet(parts: Parts, door: Door, mut wire: Wire) {
    let opened = now();
    let mut watch = SocketWatch::new(opened);
    let interval = u64::try_from(limits::HEARTBEAT_INTERVAL.as_millis()).unwrap_or(u64::MAX);
    if !wire.send(10, json!({ "heartbeat_interval": interval, "_trace": [] })).await {
        return;
    }
    let deadline = tokio::time::Instant::from_std(opened + limits::IDENTIFY);
    loop {
        let received = tokio::select! {
            received = tokio::time::timeout_at(deadline, wire.recv()) => received,
            () = parts.sessions.closing.cancelled() => {
                wire.send(7, serde_json::Value::Null).await;
                return wire.close(CloseCode::UnknownError).await;
            }
        };
        let bytes = match received {
            Ok(Received::Message(bytes)) => bytes,
            Ok(Received::TooLarge) => return wire.close(CloseCode::DecodeError).await,
            Ok(Received::Closed(_) | Received::Lost) => return,
            Err(_) => return wire.close(CloseCode::SessionTimedOut).await,
        };
        match watch.handle_message(now(), &bytes) {
            Err(code) => return wire.close(code).await,
            Ok(Incoming::Heartbeat) => {
                if !wire.send(11, serde_json::Value::Null).await {
                    return;
                }
            }
            Ok(Incoming::Identify(identify)) => {
                return Box::pin(identified(parts, door, wire, watch, *identify)).await;
            }
            Ok(Incoming::Resume(resume)) => match resumed(&parts, wire, watch, resume).await {
                Some((back, same)) => (wire, watch) = (back, same),
                None => return,
            },
            Ok(_) => return wire.close(CloseCode::NotAuthenticated).await,
        }
    }
}

async fn identified(
    parts: Parts,
    door: Door,
    mut wire: Wire,
    watch: SocketWatch,
    identify: Identify,
) {
    let identity = match parts.auth.authenticate(&identify.token).await {
        Ok(Some(identity)) => identity,
        Ok(None) => return wire.close(CloseCode::AuthenticationFailed).await,
        Err(_) => return wire.close(CloseCode::UnknownError).await,
    };
    let wanted = match super::ready::check(&identify, &identity, parts.now_ms()) {
        Ok(wanted) => wanted,
        Err(code) => return wire.close(code).await,
    };
    if !parts.sessions.may_identify(identity.id(), now()) {
        wire.send(9, json!(false)).await;
        return wire.close(CloseCode::UnknownError).await;
    }
    if identify.compress == Some(true) {
        wire.compress_payloads();
    }
    run::begin(parts, door, identity, wanted, wire, watch).await;
}

/// Hands the socket to its session, or gives it back after op 9.
async fn resumed(
    parts: &Parts,
    mut wire: Wire,
    watch: SocketWatch,
    resume: Resume,
) -> Option<(Wire, SocketWatch)> {
    let identity = match parts.auth.authenticate(&resume.token).await {
        Ok(Some(identity)) => identity,
        Ok(None) => {
            wire.close(CloseCode::AuthenticationFailed).await;
            return None;
        }
        Err(_) => {
            wire.close(CloseCode::UnknownError).await;
            return None;
        }
    };
    let entry = parts.sessions.find(&resume.session_id);
    if let Some(entry) = entry.filter(|entry| entry.user == identity.id()) {
        let attach = Attach { wire, watch, seq: resume.seq.unwrap_or(0) };
        match entry.attach.send(attach).await {
            Ok(()) => return None,
            Err(tokio::sync::mpsc::error::SendError(back)) => {
                wire = back.wire;
                return wire.send(9, json!(false)).await.then_some((wire, back.watch));
            }
        }
    }
    wire.send(9, json!(false)).await.then_some((wire, watch))
}
