//! A WebSocket of the load: JSON in, JSON out, with heartbeats in between.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use flate2::Decompress;
use flate2::FlushDecompress;
use futures_util::SinkExt as _;
use futures_util::StreamExt as _;
use rustls::pki_types::ServerName;
use serde_json::Value;
use serde_json::json;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use tokio::time::Interval;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// Longer than any answer takes on a server that is well.
pub(in crate::bench) const PATIENCE: Duration = Duration::from_secs(20);

/// Where the server is, and how to trust it.
#[derive(Clone)]
pub(in crate::bench) struct Door {
    /// `host:port`.
    pub(in crate::bench) host: String,
    /// TLS, if the server speaks it.
    pub(in crate::bench) tls: Option<TlsConnector>,
}

impl Door {
    /// TLS that trusts the certificates of a PEM file.
    ///
    /// # Errors
    ///
    /// When the file holds none.
    pub(in crate::bench) fn trusting(host: String, pem: &[u8]) -> anyhow::Result<Self> {
        use rustls::pki_types::CertificateDer;
        use rustls::pki_types::pem::PemObject as _;

        crate::tls::provider();
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            roots.add(certificate?)?;
        }
        anyhow::ensure!(!roots.is_empty(), "the CA file holds no certificate");
        let config =
            rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Ok(Self { host, tls: Some(TlsConnector::from(Arc::new(config))) })
    }
}

/// Which gateway a line leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bench) enum Kind {
    Gateway,
    Voice,
}

trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// An open line.
pub(in crate::bench) struct Line {
    socket: WebSocketStream<Box<dyn Wire>>,
    kind: Kind,
    beat: Interval,
    /// The last number heard.
    seq: Option<u64>,
    /// What reads a `zlib-stream`.
    inflate: Option<Box<Decompress>>,
}

impl Line {
    /// Opens a line and takes Hello.
    pub(in crate::bench) async fn open(door: &Door, kind: Kind) -> anyhow::Result<Self> {
        Self::open_as(door, kind, false).await
    }

    /// As [`open`](Self::open), with all that comes in a `zlib-stream`, if so asked.
    pub(in crate::bench) async fn open_as(
        door: &Door,
        kind: Kind,
        compressed: bool,
    ) -> anyhow::Result<Self> {
        let opening = async {
            let tcp = TcpStream::connect(&door.host).await?;
            tcp.set_nodelay(true)?;
            let wire: Box<dyn Wire> = match &door.tls {
                None => Box::new(tcp),
                Some(tls) => {
                    let name = door.host.rsplit_once(':').map_or(&*door.host, |(name, _)| name);
                    let name = ServerName::try_from(name.to_owned())?;
                    Box::new(tls.connect(name, tcp).await?)
                }
            };
            let query = match kind {
                Kind::Gateway if compressed => "v=10&encoding=json&compress=zlib-stream",
                Kind::Gateway => "v=10&encoding=json",
                Kind::Voice => "v=8",
            };
            let url = format!("ws://{}/?{query}", door.host);
            anyhow::Ok(tokio_tungstenite::client_async(url, wire).await?.0)
        };
        let socket = tokio::time::timeout(PATIENCE, opening).await;
        let socket = socket.context("it does not answer")?;
        let socket = socket.with_context(|| format!("cannot open a WebSocket to {}", door.host))?;
        let inflate = compressed.then(|| Box::new(Decompress::new(true)));
        let beat = tokio::time::interval(PATIENCE);
        let mut line = Self { socket, kind, beat, seq: None, inflate };
        let hello = match kind {
            Kind::Gateway => line.until_op(10).await?,
            Kind::Voice => line.until_op(8).await?,
        };
        let interval = hello["heartbeat_interval"].as_u64().context("Hello without interval")?;
        line.beat = tokio::time::interval(Duration::from_millis(interval.max(1)));
        line.beat.reset();
        Ok(line)
    }

    /// Sends a message.
    pub(in crate::bench) async fn send(&mut self, op: u8, d: &Value) -> anyhow::Result<()> {
        let text = json!({ "op": op, "d": d }).to_string();
        self.socket.send(Message::text(text)).await?;
        Ok(())
    }

    /// Says goodbye, so that the server keeps nothing to be resumed.
    pub(in crate::bench) async fn hang_up(mut self) {
        // Fails only when the server went first.
        let _ = self
            .socket
            .close(Some(CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::default() }))
            .await;
    }

    /// The next message, unread, for who hears so many that reading them would count, and how many
    /// bytes it had on its way; its number is not noted.
    pub(in crate::bench) async fn next_text(&mut self) -> anyhow::Result<(Utf8Bytes, usize)> {
        loop {
            tokio::select! {
                message = self.socket.next() => match message.context("the server hung up")?? {
                    Message::Text(text) => {
                        let length = text.len();
                        return Ok((text, length));
                    }
                    Message::Binary(bytes) => return Ok((self.inflate(&bytes)?, bytes.len())),
                    Message::Close(frame) => anyhow::bail!("the server closed: {frame:?}"),
                    _ => {}
                },
                _ = self.beat.tick() => self.send(1, &json!(self.seq)).await?,
            }
        }
    }

    /// The next message; heartbeats go out meanwhile. Cancel-safe: what was read is returned at
    /// once.
    pub(in crate::bench) async fn next(&mut self) -> anyhow::Result<Value> {
        loop {
            tokio::select! {
                message = self.socket.next() => match message.context("the server hung up")?? {
                    message @ (Message::Text(_) | Message::Binary(_)) => {
                        let text = match message {
                            Message::Text(text) => text,
                            message => self.inflate(&message.into_data())?,
                        };
                        let message: Value = serde_json::from_str(&text)?;
                        let number = match self.kind {
                            Kind::Gateway => &message["s"],
                            Kind::Voice => &message["seq"],
                        };
                        self.seq = number.as_u64().or(self.seq);
                        return Ok(message);
                    }
                    Message::Close(frame) => anyhow::bail!("the server closed: {frame:?}"),
                    _ => {}
                },
                _ = self.beat.tick() => {
                    let (op, d) = match self.kind {
                        Kind::Gateway => (1, json!(self.seq)),
                        Kind::Voice => (3, json!({ "t": 0, "seq_ack": self.seq })),
                    };
                    self.send(op, &d).await?;
                }
            }
        }
    }

    /// Reads the next message of a `zlib-stream`.
    fn inflate(&mut self, bytes: &[u8]) -> anyhow::Result<Utf8Bytes> {
        let inflate = self.inflate.as_mut().context("bytes where text was asked for")?;
        let mut text = Vec::with_capacity(4 * bytes.len() + 256);
        let began = inflate.total_in();
        loop {
            let taken = usize::try_from(inflate.total_in() - began)?;
            inflate.decompress_vec(&bytes[taken..], &mut text, FlushDecompress::Sync)?;
            if inflate.total_in() - began == bytes.len() as u64 && text.len() < text.capacity() {
                return Ok(String::from_utf8(text)?.into());
            }
            text.reserve(text.capacity());
        }
    }

    /// The data of the next message with this op.
    pub(in crate::bench) async fn until_op(&mut self, op: u64) -> anyhow::Result<Value> {
        self.until(|message| message["op"] == op).await.with_context(|| format!("no op {op}"))
    }

    /// The data of the next dispatch of this name.
    pub(in crate::bench) async fn until_event(&mut self, name: &str) -> anyhow::Result<Value> {
        self.until(|message| message["t"] == name).await.with_context(|| format!("no {name}"))
    }

    async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        let waiting = async {
            loop {
                let mut message = self.next().await?;
                if wanted(&message) {
                    return anyhow::Ok(message["d"].take());
                }
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.context("not within 20 s")?
    }
}
