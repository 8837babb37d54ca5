//! IO shell: a WebSocket that takes and gives gateway messages, and its way to a session.

use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
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
use futures_util::Sink as _;
use futures_util::SinkExt as _;
use futures_util::Stream as _;
use model::gateway::CloseCode;
use model::limits;

use super::compress::Encoder;
use super::greet;
use super::greet::Door;
use crate::connection::Connection;
use crate::parts::Parts;

/// Takes a socket whose URL had `query`; `host` is the `Host` that the client asked for.
///
/// An encoding or compression that is not offered is refused with 400: the client could not read
/// a close code. Too many sockets on their way to a session are 503.
pub fn upgrade(
    parts: Parts,
    connection: Connection,
    host: String,
    query: String,
    socket: WebSocketUpgrade,
) -> Response {
    let value = |key: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(name, _)| *name == key).map(|(_, value)| value).next()
    };
    if value("encoding").is_some_and(|encoding| encoding != "json") {
        let message = "this server speaks encoding=json only";
        return (StatusCode::BAD_REQUEST, message).into_response();
    }
    let Some(encoder) = Encoder::new(value("compress")) else {
        let message = "compress must be zlib-stream, zstd-stream or absent";
        return (StatusCode::BAD_REQUEST, message).into_response();
    };
    let Some(permit) = parts.sessions.greet() else {
        let message = "too many connections are being opened";
        return (StatusCode::SERVICE_UNAVAILABLE, message).into_response();
    };
    let version = value("v").map_or(Some(10), |version| version.parse().ok());
    let door = Door { host, tls: connection.tls, version };
    let tasks = parts.sessions.tasks.clone();
    socket
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_message_size(LARGEST)
        .max_frame_size(LARGEST)
        .on_upgrade(move |socket| {
            let wire = Wire::new(socket, encoder);
            tasks.track_future(Box::pin(greet::greet(parts, door, wire, permit)))
        })
}

/// One socket: messages out through its encoder, messages in as bytes.
pub(super) struct Wire {
    socket: WebSocket,
    encoder: Encoder,
    /// Bytes given to the socket since it last took everything.
    buffered: usize,
    /// By when the socket must have taken them.
    patience: Option<Instant>,
    _counted: Counted,
}

/// What came of reading a socket.
#[derive(Debug)]
pub(super) enum Received {
    /// A message.
    Message(Bytes),
    /// The client closed, with that code.
    Closed(Option<u16>),
    /// Over every limit, or no WebSocket message at all; nothing more can be read.
    Garbage,
    /// The connection broke.
    Lost,
}

/// The connection broke while writing.
#[derive(Debug)]
pub(super) struct Broken;

impl Wire {
    fn new(socket: WebSocket, encoder: Encoder) -> Self {
        let _counted = Counted::new();
        Self { socket, encoder, buffered: 0, patience: None, _counted }
    }

    /// Identify asked for compressed payloads.
    pub(super) fn compress_payloads(&mut self) {
        self.encoder.compress_payloads();
    }

    /// Gives the socket messages of `next` for as long as it takes them, then flushes all at once.
    /// Ready when everything was taken.
    pub(super) fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        now: Instant,
        mut next: impl FnMut() -> Option<String>,
    ) -> Poll<Result<(), Broken>> {
        let mut socket = Pin::new(&mut self.socket);
        loop {
            match socket.as_mut().poll_ready(context) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Broken)),
                Poll::Pending => return Poll::Pending,
            }
            let Some(text) = next() else { break };
            let Some(message) = self.encoder.encode(text) else {
                tracing::error!("a gateway message could not be compressed");
                return Poll::Ready(Err(Broken));
            };
            self.buffered += match &message {
                Message::Text(text) => text.len(),
                Message::Binary(bytes) => bytes.len(),
                _ => 0,
            };
            let allowed = Duration::from_secs((self.buffered / SLOWEST) as u64);
            self.patience = Some(now + STALL + allowed);
            if socket.as_mut().start_send(message).is_err() {
                return Poll::Ready(Err(Broken));
            }
        }
        if self.buffered == 0 {
            return Poll::Ready(Ok(()));
        }
        match socket.poll_flush(context) {
            Poll::Ready(Ok(())) => {
                self.buffered = 0;
                self.patience = None;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(_)) => Poll::Ready(Err(Broken)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// By when what was written must have been taken; later the reader counts as too slow.
    pub(super) const fn patience(&self) -> Option<Instant> {
        self.patience
    }

    /// The next message. Nothing is lost when the future is dropped.
    pub(super) fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Received> {
        loop {
            let received = match Pin::new(&mut self.socket).poll_next(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(Message::Text(text)))) => Received::Message(text.into()),
                Poll::Ready(Some(Ok(Message::Binary(bytes)))) => Received::Message(bytes),
                Poll::Ready(Some(Ok(Message::Close(frame)))) => {
                    Received::Closed(frame.map(|frame| frame.code))
                }
                Poll::Ready(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => continue,
                Poll::Ready(Some(Err(error))) if is_connection_error(&error) => Received::Lost,
                Poll::Ready(Some(Err(_))) => Received::Garbage,
                Poll::Ready(None) => Received::Lost,
            };
            return Poll::Ready(received);
        }
    }

    /// Sends what is left in `last`, closes with `code`, and waits a little for the client to read
    /// it: a connection that is dropped at once may lose it.
    pub(super) async fn close(mut self, code: CloseCode, last: Vec<String>) {
        metrics::counter!("signaling_gateway_closes_total", "code" => code.code().to_string())
            .increment(1);
        let frame = CloseFrame { code: code.code(), reason: reason(code).into() };
        let farewell = async {
            for text in last {
                let Some(message) = self.encoder.encode(text) else { return };
                if self.socket.feed(message).await.is_err() {
                    return;
                }
            }
            if self.socket.send(Message::Close(Some(frame))).await.is_ok() {
                while let Some(Ok(_)) = self.socket.recv().await {}
            }
        };
        // A client that does not read is not waited for.
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
    }

    /// Answers the client's own close.
    pub(super) async fn hang_up(mut self) {
        let rest = async { while let Some(Ok(_)) = self.socket.recv().await {} };
        let _ = tokio::time::timeout(FAREWELL, rest).await;
    }
}

/// Whether the connection itself broke, so that no close would arrive.
fn is_connection_error(error: &axum::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if error.is::<std::io::Error>() {
            return true;
        }
        source = error.source();
    }
    false
}

/// What a developer reads beside the close code (Discord: Gateway Close Event Codes).
const fn reason(code: CloseCode) -> &'static str {
    match code {
        CloseCode::UnknownError => "Unknown error.",
        CloseCode::UnknownOpcode => "Unknown opcode.",
        CloseCode::DecodeError => "Error while decoding payload.",
        CloseCode::NotAuthenticated => "Not authenticated.",
        CloseCode::AuthenticationFailed => "Authentication failed.",
        CloseCode::AlreadyAuthenticated => "Already authenticated.",
        CloseCode::InvalidSeq => "Invalid seq.",
        CloseCode::RateLimited => "You are being rate limited.",
        CloseCode::SessionTimedOut => "Session timed out.",
        CloseCode::InvalidShard => "Invalid shard.",
        CloseCode::ShardingRequired => "Sharding required.",
        CloseCode::InvalidApiVersion => "Invalid API version.",
        CloseCode::InvalidIntents => "Invalid intent(s).",
        CloseCode::DisallowedIntents => "Disallowed intent(s).",
    }
}

/// Counts open sockets.
struct Counted;

impl Counted {
    fn new() -> Self {
        metrics::gauge!("signaling_gateway_sockets").increment(1.0);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        metrics::gauge!("signaling_gateway_sockets").decrement(1.0);
    }
}

/// The clock of this shell.
#[expect(clippy::disallowed_methods, reason = "the shell reads the clock for the pure core")]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// Bytes that are read at once. Clients say little; the default would hold 128 KiB a socket.
const READ_BUFFER: usize = 4_096;
/// Bytes that are gathered before the kernel is asked. More holds more a socket.
const WRITE_BUFFER: usize = 16 * 1_024;
/// Largest message that is read at all. What is over the limit of clients is read so far to be
/// refused with its own close code.
const LARGEST: usize = 4 * limits::GATEWAY_PAYLOAD;
/// How long a socket may take nothing before its reader counts as too slow.
const STALL: Duration = Duration::from_secs(10);
/// Bytes per second that the slowest reader takes: a large guild over a bad line is no stall.
const SLOWEST: usize = 32 * 1_024;
/// How long a close may take.
const FAREWELL: Duration = Duration::from_secs(2);
