//! A WebSocket until it identifies or resumes, and the socket that a voice session then owns.

use std::net::IpAddr;
use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use axum::extract::ws::CloseFrame;
use axum::extract::ws::Message;
use axum::extract::ws::WebSocket;
use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use model::limits;
use model::voice::CloseCode;

use super::payload::Incoming;
use super::run;
use super::run::Attach;
use super::session;
use super::session::SocketWatch;
use crate::connection::Connection;
use crate::parts::Parts;

/// How long one write may stand still before the client counts as gone.
const STALLED: Duration = Duration::from_secs(10);

/// Takes a socket whose URL had `query` (`v=4` to `v=9`; user clients leave it out).
pub fn upgrade(
    parts: Parts,
    connection: Connection,
    query: String,
    socket: WebSocketUpgrade,
) -> Response {
    let version = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("v="))
        .and_then(|version| version.parse().ok())
        .unwrap_or(0);
    let tasks = parts.calls.tasks.clone();
    let socket = socket.read_buffer_size(4_096).max_message_size(limits::VOICE_GATEWAY_PAYLOAD);
    socket.on_upgrade(move |socket| {
        tasks.track_future(Box::pin(greet(parts, connection, Wire { socket }, version)))
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

impl Wire {
    /// Sends one message; `false` when the socket is of no use any more.
    pub(super) async fn send(&mut self, text: String) -> bool {
        let sending = self.socket.send(Message::Text(text.into()));
        matches!(tokio::time::timeout(STALLED, sending).await, Ok(Ok(())))
    }

    /// Closes the socket, waiting for nobody.
    pub(super) async fn close(mut self, code: CloseCode) {
        metrics::counter!("signaling_voice_closes_total", "code" => code.code().to_string())
            .increment(1);
        let frame = CloseFrame { code: code.code(), reason: format!("{code:?}").into() };
        let _ = tokio::time::timeout(STALLED, self.socket.send(Message::Close(Some(frame)))).await;
        // Reading until the peer's own close lets ours arrive before the connection is dropped.
        let drain = async { while let Some(Ok(_)) = self.socket.recv().await {} };
        let _ = tokio::time::timeout(Duration::from_secs(1), drain).await;
    }

    /// The next text; `None` when the connection is gone. Binary frames are of end-to-end
    /// encryption, which is not on: they are passed over. Cancel-safe.
    pub(super) async fn recv(&mut self) -> Option<axum::body::Bytes> {
        loop {
            match self.socket.recv().await {
                Some(Ok(Message::Text(text))) => return Some(text.into()),
                Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
            }
        }
    }
}

/// Hello at once, then Identify or Resume within the deadline.
async fn greet(parts: Parts, connection: Connection, mut wire: Wire, version: u64) {
    let opened = now();
    let mut watch = SocketWatch::new(opened, version);
    if !wire.send(session::hello(version)).await {
        return;
    }
    let deadline = tokio::time::Instant::from_std(opened + limits::IDENTIFY);
    let closing = parts.calls.closing.clone();
    loop {
        let received = tokio::select! {
            received = tokio::time::timeout_at(deadline, wire.recv()) => received,
            () = closing.cancelled() => return wire.close(CloseCode::VoiceServerCrashed).await,
        };
        let text = match received {
            Ok(Some(text)) => text,
            Ok(None) => return,
            Err(_) => return wire.close(CloseCode::SessionTimeout).await,
        };
        match watch.handle_text(now(), &text) {
            Err(code) => return wire.close(code).await,
            Ok(Incoming::Heartbeat { echo, .. }) => {
                if !wire.send(watch.heartbeat_ack(echo)).await {
                    return;
                }
            }
            Ok(Incoming::Identify(identify)) => {
                let Some(announce) = announce(&parts, connection) else {
                    tracing::error!(
                        "a voice client came by IPv6 and signaling.announce_ip is not set"
                    );
                    return wire.close(CloseCode::ServerNotFound).await;
                };
                return Box::pin(run::begin(parts, announce, *identify, wire, watch)).await;
            }
            Ok(Incoming::Resume(resume)) => {
                let found = parts.calls.find(&resume.token, &resume.session_id);
                let Some(orders) = found else {
                    return wire.close(CloseCode::SessionNoLongerValid).await;
                };
                let seq = resume.seq_ack.map(|seq| u64::try_from(seq).unwrap_or(0));
                let attach = Box::new(Attach { wire, watch, seq });
                if let Err(tokio::sync::mpsc::error::SendError(super::calls::Order::Attach(back))) =
                    orders.send(super::calls::Order::Attach(attach)).await
                {
                    back.wire.close(CloseCode::SessionNoLongerValid).await;
                }
                return;
            }
            Ok(_) => return wire.close(CloseCode::NotAuthenticated).await,
        }
    }
}

/// Where this client is to send its media: the configured address, or the one it reached us at.
fn announce(parts: &Parts, connection: Connection) -> Option<SocketAddr> {
    let ip = parts.config.announce_ip.or_else(|| connection.local_ipv4().map(IpAddr::V4))?;
    Some(SocketAddr::new(ip, parts.media.port()))
}
