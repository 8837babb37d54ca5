//! The one TCP port: accepts, tells TLS, plain HTTP and media apart by the first bytes, serves
//! requests.
//!
//! TLS is for everybody, and so is media, which has keys of its own. Plain HTTP is served to this machine alone (browsers treat
//! `http://localhost` as secure) or, with TLS off, to everybody; others are sent to `https`.
//! It knows nothing of what is served.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::http::Response;
use axum::http::StatusCode;
use axum::http::header;
use axum::http::uri::Authority;
use axum::response::IntoResponse as _;
use hyper::body::Incoming;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use hyper_util::server::conn::auto;
use media::fallback::Framing;
use media::fallback::Passes;
use media::fallback::Sniffed;
use media::fallback::sniff;
use signaling::Connection;
use tokio::io::AsyncBufReadExt as _;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWrite;
use tokio::io::BufReader;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::leftover;
use crate::relay;
use crate::relay::Relay;

/// First byte of a TLS record that carries a handshake (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 0x16;
/// Requests begin with a letter (RFC 9112 §3.1), a TLS handshake with [`TLS_HANDSHAKE`]; what media
/// begins with is below both.
const FIRST_OF_TEXT: u8 = 0x10;
/// Room for the first read of what may be media.
const HEAD: usize = 256;
/// How long an idle HTTP/1.1 connection is kept. Longer than the 15 s after which aiohttp lets go
/// by itself: a request must not meet a connection that we are closing.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How often an idle HTTP/2 connection is asked whether it lives, and how long it may take.
const PING: Duration = Duration::from_secs(30);
/// Requests under way on one HTTP/2 connection.
const STREAMS: u32 = 128;
/// Most bytes of a request's headers.
const HEADERS: u32 = 32 * 1_024;
/// First pause after a failed accept (no descriptors left); doubled up to [`PAUSE_MOST`].
const PAUSE: Duration = Duration::from_millis(10);
/// Longest pause after a failed accept.
const PAUSE_MOST: Duration = Duration::from_secs(1);

/// What the door is to do.
pub(crate) struct DoorConfig {
    /// TLS, if it is on.
    pub(crate) tls: Option<TlsAcceptor>,
    /// From accepting to the end of the first request's headers.
    pub(crate) handshake: Duration,
    /// Connections at once.
    pub(crate) max_connections: usize,
    /// Where the media port is that is also reached over this port, if it is, and who may by TURN.
    pub(crate) media: Option<(SocketAddr, Passes)>,
}

/// The port, with the task that accepts.
pub(crate) struct Door {
    address: SocketAddr,
    closing: CancellationToken,
    cut: CancellationToken,
    tasks: TaskTracker,
}

/// What each connection needs.
struct Shared {
    config: DoorConfig,
    relay: Option<Arc<Relay>>,
    router: Router,
    closing: CancellationToken,
    cut: CancellationToken,
}

impl Door {
    /// Starts to accept. Fails when the listener has no address any more.
    pub(crate) fn open(
        listener: TcpListener,
        config: DoorConfig,
        router: Router,
    ) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let (closing, cut) = (CancellationToken::new(), CancellationToken::new());
        let tasks = TaskTracker::new();
        let relay = config.media.clone().map(|media| Relay::new(media, closing.clone()));
        let shared = Shared { config, relay, router, closing: closing.clone(), cut: cut.clone() };
        tasks.spawn(accept(listener, Arc::new(shared), tasks.clone()));
        Ok(Self { address, closing, cut, tasks })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, lets requests under way finish until `deadline`, then cuts the rest.
    pub(crate) async fn close(&self, deadline: Duration) {
        self.closing.cancel();
        self.tasks.close();
        if tokio::time::timeout(deadline, self.tasks.wait()).await.is_err() {
            tracing::warn!(connections = self.tasks.len(), "requests were cut at the deadline");
            self.cut.cancel();
            self.tasks.wait().await;
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, tasks: TaskTracker) {
    let places = Arc::new(Semaphore::new(shared.config.max_connections));
    let mut pause = PAUSE;
    let accepting = async {
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, peer)) => {
                    pause = PAUSE;
                    let shared = Arc::clone(&shared);
                    tasks.spawn(async move {
                        let cut = shared.cut.clone();
                        tokio::select! {
                            () = connection(stream, peer, &shared) => {}
                            () = cut.cancelled() => {}
                        }
                        drop(place);
                    });
                }
                // The client was gone before we came: nothing of ours is short.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    tracing::warn!(%error, ?pause, "cannot accept connections");
                    metrics::counter!("server_accept_errors_total").increment(1);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MOST);
                }
            }
        }
    };
    tokio::select! {
        () = accepting => {}
        () = shared.closing.cancelled() => {}
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, shared: &Shared) {
    let deadline = now() + shared.config.handshake;
    let Ok(local) = stream.local_addr() else { return };
    // Small frames of gateways must not wait for each other.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let _counted = Counted::new();
    let mut first = [0];
    let peeked = tokio::select! {
        peeked = tokio::time::timeout_at(deadline, stream.peek(&mut first)) => peeked,
        () = shared.closing.cancelled() => return,
    };
    let Ok(Ok(1)) = peeked else { return handshake_failed() };
    let tls = first[0] == TLS_HANDSHAKE;
    let about = Connection { peer, local, tls };
    match &shared.config.tls {
        Some(acceptor) if tls => {
            match tokio::time::timeout_at(deadline, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => inside_tls(stream, about, shared, deadline).await,
                Ok(Err(error)) => {
                    tracing::debug!(%peer, %error, "TLS handshake failed");
                    handshake_failed();
                }
                Err(_) => handshake_failed(),
            }
        }
        // A client that speaks TLS to a port without it: there is no common language to say so.
        None if tls => handshake_failed(),
        _ if first[0] < FIRST_OF_TEXT && shared.relay.is_some() => {
            match tokio::time::timeout_at(deadline, read_head(stream)).await {
                Ok(Some((stream, head, framing))) => {
                    relay::keep_short(&stream);
                    carry_media(stream, &head, framing, peer, shared).await;
                }
                Ok(None) | Err(_) => handshake_failed(),
            }
        }
        _ => serve(stream, about, shared, deadline).await,
    }
}

/// Reads as much of a stream as tells what media it carries; none when it carries none.
async fn read_head<S: AsyncRead + Unpin>(mut stream: S) -> Option<(S, Vec<u8>, Framing)> {
    let mut head = Vec::with_capacity(HEAD);
    loop {
        match sniff(&head) {
            Sniffed::Media(framing) => return Some((stream, head, framing)),
            Sniffed::Foreign => return None,
            Sniffed::Unsure => {}
        }
        if stream.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
}

/// Tells by its first byte what TLS carries: requests, or TURN of a network that lets nothing else
/// through.
async fn inside_tls(
    stream: TlsStream<TcpStream>,
    about: Connection,
    shared: &Shared,
    deadline: Instant,
) {
    if shared.relay.is_none() {
        return serve(stream, about, shared, deadline).await;
    }
    // Small, and passed by in long reads: it is there for the first bytes alone.
    let mut stream = BufReader::with_capacity(HEAD, stream);
    let first = tokio::select! {
        read = tokio::time::timeout_at(deadline, stream.fill_buf()) => match read {
            Ok(Ok(bytes)) => bytes.first().copied(),
            Ok(Err(_)) | Err(_) => return handshake_failed(),
        },
        () = shared.closing.cancelled() => return,
    };
    match first {
        Some(first) if first < FIRST_OF_TEXT => {
            match tokio::time::timeout_at(deadline, read_head(stream)).await {
                Ok(Some((stream, head, Framing::Turn))) => {
                    relay::keep_short(stream.get_ref().get_ref().0);
                    carry_media(stream, &head, Framing::Turn, about.peer, shared).await;
                }
                Ok(_) | Err(_) => handshake_failed(),
            }
        }
        _ => serve(stream, about, shared, deadline).await,
    }
}

async fn carry_media<S: AsyncRead + AsyncWrite + Send>(
    stream: S,
    head: &[u8],
    framing: Framing,
    peer: SocketAddr,
    shared: &Shared,
) {
    let Some(seat) = shared.relay.as_ref().and_then(|relay| relay.admit(peer.ip())) else { return };
    Box::pin(relay::carry(stream, head, framing, peer, seat)).await;
}

fn handshake_failed() {
    metrics::counter!("server_handshakes_failed_total").increment(1);
}

/// One connection in the gauge, for as long as it lives and however it ends.
struct Counted;

impl Counted {
    fn new() -> Self {
        metrics::gauge!("server_connections").increment(1.0);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        metrics::gauge!("server_connections").decrement(1.0);
    }
}

/// Serves requests until the client leaves, the door closes, or no request came by `deadline`.
async fn serve<S>(stream: S, about: Connection, shared: &Shared, deadline: Instant)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let plain_is_fine = shared.config.tls.is_none() || about.peer.ip().to_canonical().is_loopback();
    let redirect = !about.tls && !plain_is_fine;
    let router = shared.router.clone();
    let requested = Arc::new(Notify::new());
    let heard = Arc::clone(&requested);
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        heard.notify_one();
        request.extensions_mut().insert(about);
        let router = router.clone();
        async move {
            if redirect {
                return Ok::<_, Infallible>(to_https(&request, about.local.port()));
            }
            leftover::answer(router, request).await
        }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(KEEP_ALIVE)
        .max_buf_size(2 * HEADERS as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADERS);
    let serving = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    let mut serving = std::pin::pin!(serving);
    let mut waiting = true;
    let mut open = true;
    loop {
        tokio::select! {
            ended = serving.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(peer = %about.peer, %error, "connection ended");
                }
                return;
            }
            () = requested.notified(), if waiting => waiting = false,
            () = tokio::time::sleep_until(deadline), if waiting => return handshake_failed(),
            () = shared.closing.cancelled(), if open => {
                open = false;
                serving.as_mut().graceful_shutdown();
            }
        }
    }
}

/// The same address with `https`: the port answers both.
fn to_https(request: &Request<Incoming>, port: u16) -> Response<Body> {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let Some(authority) = host.and_then(|host| host.parse::<Authority>().ok()) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let port = if authority.port().is_none() { format!(":{port}") } else { String::new() };
    let location = format!("https://{authority}{port}{path}");
    (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, location)]).into_response()
}

#[expect(clippy::disallowed_methods, reason = "the door is a shell: it reads the clock")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use axum::Extension;
    use axum::routing::get;
    use tokio::io::AsyncReadExt as _;
    use tokio::io::AsyncWriteExt as _;

    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::ServerName;
    use rustls::pki_types::pem::PemObject as _;

    use super::*;
    use crate::config::TlsConfig;
    use crate::tls::Identity;

    struct Fixture {
        door: Door,
        ca: reqwest::Certificate,
        pem: Vec<u8>,
        _folder: tempfile::TempDir,
    }

    async fn open(ip: &str, handshake: Duration) -> Fixture {
        let folder = tempfile::tempdir().expect("a folder");
        let tls = TlsConfig { extra_names: vec![ip.to_owned()], ..TlsConfig::default() };
        let identity = Identity::load(&tls, folder.path()).expect("made").expect("on");
        let pem = std::fs::read(folder.path().join("tls/ca.pem")).expect("made");
        let ca = reqwest::Certificate::from_pem(&pem).expect("PEM");
        let router = Router::new().route(
            "/",
            get(|Extension(about): Extension<Connection>| async move {
                format!("tls={} loopback={}", about.tls, about.peer.ip().is_loopback())
            }),
        );
        let listener = TcpListener::bind((ip, 0)).await.expect("bound");
        let config = DoorConfig {
            tls: Some(TlsAcceptor::from(Arc::new(identity.server_config()))),
            handshake,
            max_connections: 8,
            // Nobody is there; the door tells media from requests nevertheless.
            media: Some((([127, 0, 0, 1], 9).into(), Passes::new([7; 32]))),
        };
        let door = Door::open(listener, config, router).expect("open");
        Fixture { door, ca, pem, _folder: folder }
    }

    fn client(ca: &reqwest::Certificate) -> reqwest::Client {
        crate::tls::provider();
        reqwest::Client::builder()
            .tls_certs_only([ca.clone()])
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client")
    }

    const LONG: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn a_refused_upload_still_hears_why() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("bound");
        let refuse = || async { StatusCode::TOO_MANY_REQUESTS };
        let router = Router::new().route("/", axum::routing::post(refuse));
        let config = DoorConfig { tls: None, handshake: LONG, max_connections: 8, media: None };
        let door = Door::open(listener, config, router).expect("open");
        // More than the buffers of both ends hold: it is only sent when it is read.
        let body = vec![7; 16_000_000];
        let head = format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", body.len());
        let mut client = TcpStream::connect(door.address()).await.expect("open");

        client.write_all(head.as_bytes()).await.expect("the head is sent");
        client.write_all(&body).await.expect("the body is sent");
        let mut answer = [0; 12];
        client.read_exact(&mut answer).await.expect("an answer");

        assert_eq!(&answer, b"HTTP/1.1 429");
    }

    #[tokio::test]
    async fn one_port_speaks_tls_and_plain_http_to_this_machine() {
        let fixture = open("127.0.0.1", LONG).await;
        let port = fixture.door.address().port();
        let client = client(&fixture.ca);

        let secure = client.get(format!("https://127.0.0.1:{port}/")).send().await;
        let plain = client.get(format!("http://127.0.0.1:{port}/")).send().await;

        let (secure, plain) = (secure.expect("answered"), plain.expect("answered"));
        assert_eq!(secure.version(), reqwest::Version::HTTP_2);
        assert_eq!(secure.text().await.expect("a body"), "tls=true loopback=true");
        assert_eq!(plain.status(), 200);
        assert_eq!(plain.text().await.expect("a body"), "tls=false loopback=true");
    }

    /// A TLS connection to the door.
    async fn secure(fixture: &Fixture) -> tokio_rustls::client::TlsStream<TcpStream> {
        crate::tls::provider();
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&fixture.pem) {
            roots.add(certificate.expect("PEM")).expect("a certificate");
        }
        let config =
            rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let stream = TcpStream::connect(fixture.door.address()).await.expect("connected");
        let name = ServerName::try_from("127.0.0.1").expect("a name");
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        connector.connect(name, stream).await.expect("a handshake")
    }

    /// Sends a request for an allocation, in two pieces; the kind of what is answered.
    async fn allocate<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) -> [u8; 2] {
        let mut request = [0, 3, 0, 8, 0x21, 0x12, 0xA4, 0x42].to_vec();
        request.extend(*b"transaction!");
        request.extend([0, 0x19, 0, 4, 17, 0, 0, 0]);
        let (first, rest) = request.split_at(3);
        for piece in [first, rest] {
            stream.write_all(piece).await.expect("sent");
            stream.flush().await.expect("sent");
        }
        let mut kind = [0; 2];
        stream.read_exact(&mut kind).await.expect("answered");
        kind
    }

    #[tokio::test]
    async fn turn_is_answered_in_the_clear_and_inside_tls_and_without_a_pass_by_a_refusal() {
        let fixture = open("127.0.0.1", LONG).await;
        let clear = TcpStream::connect(fixture.door.address()).await.expect("connected");

        assert_eq!(allocate(clear).await, [0x01, 0x13]);
        assert_eq!(allocate(secure(&fixture).await).await, [0x01, 0x13]);
    }

    #[tokio::test]
    async fn who_is_silent_inside_tls_is_closed_at_the_deadline() {
        let fixture = open("127.0.0.1", Duration::from_millis(500)).await;
        let mut stream = secure(&fixture).await;

        let mut rest = Vec::new();
        let end = tokio::time::timeout(LONG, stream.read_to_end(&mut rest)).await;
        assert!(end.is_ok(), "it was kept open");
    }

    #[tokio::test]
    async fn plain_http_from_elsewhere_is_sent_to_https() {
        // Our own outer address stands for a client elsewhere; without one there is no elsewhere.
        let Some(ip) = crate::tls::addresses().into_iter().find(std::net::IpAddr::is_ipv4) else {
            eprintln!("skipped: the machine has no address beside loopback");
            return;
        };
        let fixture = open(&ip.to_string(), LONG).await;
        let address = fixture.door.address();
        let client = client(&fixture.ca);

        let plain = client.get(format!("http://{address}/a?b=c")).send().await.expect("answered");
        let secure = client.get(format!("https://{address}/")).send().await.expect("answered");

        assert_eq!(plain.status(), 308);
        assert_eq!(plain.headers()["location"], format!("https://{address}/a?b=c"));
        assert_eq!(secure.text().await.expect("a body"), "tls=true loopback=false");
    }

    #[tokio::test]
    async fn who_is_silent_or_slow_is_closed_at_the_deadline() {
        let fixture = open("127.0.0.1", Duration::from_millis(200)).await;
        let address = fixture.door.address();

        // Nothing at all, half of a request, the beginning of a TLS record.
        for start in [&b""[..], b"GET / HTTP/1.1\r\nHost: x\r\n", b"\x16\x03\x01\x02\x00"] {
            let mut stream = TcpStream::connect(address).await.expect("connected");
            stream.write_all(start).await.expect("sent");
            let mut rest = Vec::new();
            let end = tokio::time::timeout(LONG, stream.read_to_end(&mut rest)).await;
            // A reset is an end, too.
            assert!(end.is_ok(), "{start:?} was kept open");
        }
    }

    #[tokio::test]
    async fn a_connection_that_made_its_request_outlives_the_deadline() {
        let handshake = Duration::from_millis(100);
        let fixture = open("127.0.0.1", handshake).await;
        let mut stream = TcpStream::connect(fixture.door.address()).await.expect("connected");
        let mut first = [0; 12];

        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("sent");
        stream.read_exact(&mut first).await.expect("answered");
        // The passing of the deadline is what is tested.
        tokio::time::sleep(handshake * 3).await;
        let last = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(last).await.expect("still open");
        let mut rest = String::new();
        stream.read_to_string(&mut rest).await.expect("answered");

        assert_eq!(rest.matches("loopback=true").count(), 2, "{rest}");
    }

    #[tokio::test]
    async fn closing_ends_idle_connections_and_the_port() {
        let fixture = open("127.0.0.1", LONG).await;
        let address = fixture.door.address();
        let mut idle = TcpStream::connect(address).await.expect("connected");

        fixture.door.close(LONG).await;

        let mut rest = Vec::new();
        let end = tokio::time::timeout(LONG, idle.read_to_end(&mut rest)).await;
        assert!(end.is_ok(), "the idle connection was kept");
        assert!(TcpStream::connect(address).await.is_err());
    }
}
