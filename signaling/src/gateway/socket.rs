//! IO shell: a WebSocket that takes and gives gateway messages, and its way to a session.

use std::task::Context;
use std::task::Poll;
use std::time::Duration;
use std::time::Instant;

use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::response::Response;
use model::gateway::CloseCode;
use model::limits;

use super::compress::Encoder;
use super::encode::Encoding;
use super::encode::Frame;
use super::etf;
use super::greet;
use super::greet::Door;
use super::run;
use crate::connection::Connection;
use crate::parts::Parts;
use crate::websocket::Incoming;
use crate::websocket::Message;
use crate::websocket::Socket;
use crate::websocket::Upgrade;

/// Takes a socket whose URL had `query`; `host` is the `Host` that the client asked for.
///
/// An encoding or compression that is not offered is refused with 400: the client could not read
/// a close code. Too many sockets on their way to a session are 503.
pub(crate) fn upgrade(
    parts: Parts,
    connection: Connection,
    host: String,
    query: String,
    socket: Upgrade,
) -> Response {
    let value = |key: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(name, _)| *name == key).map(|(_, value)| value).next()
    };
    let encoding = match value("encoding") {
        None | Some("json") => Encoding::Json,
        Some("etf") => Encoding::Etf,
        Some(_) => {
            let message = "encoding must be json, etf or absent";
            return (StatusCode::BAD_REQUEST, message).into_response();
        }
    };
    let Some(encoder) = Encoder::new(encoding, value("compress")) else {
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
    socket.accept(LARGEST, move |socket| {
        tasks.track_future(async move {
            let wire = Wire::new(socket, encoder);
            // Boxed one after the other: what a greeting needs is not held by the session.
            let greeted = Box::pin(greet::greet(parts, door, wire, permit)).await;
            let Some((parts, door, admitted, wire, pulse)) = greeted else { return };
            let begun = Box::pin(run::begin(parts, door, admitted, wire, pulse)).await;
            if let Some(session) = begun {
                session.run_to_its_end().await;
            }
        })
    })
}

/// One socket: messages out through its encoder, messages in as bytes.
pub(super) struct Wire {
    socket: Socket,
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
    /// A message, as JSON.
    Message(Vec<u8>),
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
    fn new(socket: Socket, encoder: Encoder) -> Self {
        let _counted = Counted::new();
        Self { socket, encoder, buffered: 0, patience: None, _counted }
    }

    /// Identify asked for compressed payloads.
    pub(super) fn compress_payloads(&mut self) {
        self.encoder.compress_payloads();
    }

    /// Gives the socket messages of `next` for as long as it takes them, many in one write. Ready when
    /// everything was taken.
    pub(super) fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        now: Instant,
        mut next: impl FnMut() -> Option<Frame>,
    ) -> Poll<Result<(), Broken>> {
        let Self { socket, encoder, buffered, patience, .. } = self;
        let mut broken = false;
        let written = socket.poll_write(context, |out| {
            let Some(message) = next() else { return false };
            let before = out.len();
            if encoder.encode(&message, out).is_none() {
                tracing::error!("a gateway message could not be compressed");
                broken = true;
                return false;
            }
            *buffered += out.len() - before;
            *patience = Some(now + STALL + allowed(*buffered));
            true
        });
        match written {
            _ if broken => Poll::Ready(Err(Broken)),
            Poll::Ready(Ok(())) => {
                self.buffered = 0;
                self.patience = None;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(_)) => Poll::Ready(Err(Broken)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Puts messages of `next` behind what is there, for [`poll_packed`](Self::poll_packed), if the
    /// socket took everything before. Whether there may be more to write.
    pub(super) fn pack(
        &mut self,
        out: &mut Vec<u8>,
        mut next: impl FnMut() -> Option<Frame>,
    ) -> Result<bool, Broken> {
        if !self.socket.is_clear() {
            return Ok(true);
        }
        let start = out.len();
        while out.len() - start < GATHER {
            let Some(message) = next() else { return Ok(false) };
            if self.encoder.encode(&message, out).is_none() {
                tracing::error!("a gateway message could not be compressed");
                out.truncate(start);
                return Err(Broken);
            }
        }
        Ok(true)
    }

    /// Gives the socket what was packed for it. Ready when everything was taken.
    pub(super) fn poll_packed(
        &mut self,
        context: &mut Context<'_>,
        now: Instant,
        packed: &[u8],
    ) -> Poll<Result<(), Broken>> {
        match self.socket.poll_frames(context, packed) {
            Poll::Pending => {
                self.buffered += packed.len();
                self.patience = Some(now + STALL + allowed(self.buffered));
                Poll::Pending
            }
            Poll::Ready(written) => Poll::Ready(written.map_err(|_| Broken)),
        }
    }

    /// By when what was written must have been taken; later the reader counts as too slow.
    pub(super) const fn patience(&self) -> Option<Instant> {
        self.patience
    }

    /// The next message. Nothing is lost when it is not waited for.
    pub(super) fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Received> {
        let incoming = std::task::ready!(self.socket.poll_read(context));
        Poll::Ready(match incoming {
            Incoming::Message(Message::Close(code)) => Received::Closed(code),
            Incoming::Message(Message::Text(text)) => self.received(text.into_bytes()),
            Incoming::Message(Message::Binary(bytes)) => self.received(bytes),
            Incoming::Message(Message::Ping(_) | Message::Pong) | Incoming::Violation(_) => {
                Received::Garbage
            }
            Incoming::Lost => Received::Lost,
        })
    }

    /// A message as JSON, in which whatever reads it expects it.
    fn received(&self, bytes: Vec<u8>) -> Received {
        match self.encoder.encoding() {
            Encoding::Json => Received::Message(bytes),
            Encoding::Etf if bytes.len() > limits::GATEWAY_PAYLOAD => Received::Garbage,
            Encoding::Etf => match etf::read(&bytes) {
                Ok(value) => Received::Message(value.to_string().into_bytes()),
                Err(etf::Malformed) => Received::Garbage,
            },
        }
    }

    /// Sends what is left in `last`, closes with `code`, and waits a little for the client to read
    /// it: a connection that is dropped at once may lose it.
    pub(super) async fn close(mut self, code: CloseCode, last: Vec<Frame>) {
        metrics::counter!("signaling_gateway_closes_total", "code" => code.code().to_string())
            .increment(1);
        let mut frames = Vec::new();
        for message in &last {
            if self.encoder.encode(message, &mut frames).is_none() {
                return;
            }
        }
        let farewell = async {
            if self.socket.write(&frames).await.is_ok()
                && self.socket.close(code.code(), reason(code)).await.is_ok()
            {
                self.socket.drain().await;
            }
        };
        // A client that does not read is not waited for.
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
    }

    /// Lets a client that said goodbye, and was answered, hang up first.
    pub(super) async fn hang_up(mut self) {
        let rest = async {
            if self.socket.write(&[]).await.is_ok() {
                self.socket.drain().await;
            }
        };
        let _ = tokio::time::timeout(FAREWELL, rest).await;
    }
}

/// How long a slow reader may take for so many bytes.
const fn allowed(bytes: usize) -> Duration {
    Duration::from_secs((bytes / SLOWEST) as u64)
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

/// Largest message that is read at all. What is over the limit of clients is read so far to be
/// refused with its own close code.
const LARGEST: usize = 4 * limits::GATEWAY_PAYLOAD;
/// How long a socket may take nothing before its reader counts as too slow.
const STALL: Duration = Duration::from_secs(10);
/// Bytes per second that the slowest reader takes: a large guild over a bad line is no stall.
const SLOWEST: usize = 32 * 1_024;
/// How long a close may take.
const FAREWELL: Duration = Duration::from_secs(2);
/// Bytes that are packed for a socket before it is written to.
const GATHER: usize = 16 * 1_024;
