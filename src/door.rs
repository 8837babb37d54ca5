//! The one TCP port: TLS and plain HTTP told apart by the first byte, with deadlines.
//!
//! Plain HTTP is for this machine itself, where browsers take it for secure; everyone else is
//! sent to HTTPS.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse as _;
use hyper::body::Incoming;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use hyper_util::server::conn::auto::Builder;
use model::limits;
use signaling::Connection;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

/// The first byte of a TLS record that begins a handshake (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 0x16;
/// Pause after the kernel refused to accept, so that running out of descriptors does not spin.
const REFUSED: Duration = Duration::from_millis(100);

/// What an accepted connection is served with.
#[derive(Clone)]
pub(crate) struct Door {
    pub router: Router,
    pub tls: Option<TlsAcceptor>,
    pub closing: CancellationToken,
    pub tasks: TaskTracker,
}

impl Door {
    /// Accepts until closing.
    pub(crate) async fn run(self, listener: TcpListener, most: usize) {
        let places = Arc::new(Semaphore::new(most.max(1)));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.closing.cancelled() => return,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let door = self.clone();
                    self.tasks.spawn(async move {
                        door.handle(stream, peer).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(REFUSED).await;
                }
            }
        }
    }

    async fn handle(self, stream: TcpStream, peer: SocketAddr) {
        let Ok(local) = stream.local_addr() else { return };
        let _ = stream.set_nodelay(true);
        let mut first = [0];
        let peek = tokio::time::timeout(limits::HANDSHAKE, stream.peek(&mut first)).await;
        if !matches!(peek, Ok(Ok(1))) {
            return;
        }
        match (&self.tls, first[0]) {
            (Some(tls), TLS_HANDSHAKE) => {
                let handshake = tokio::time::timeout(limits::HANDSHAKE, tls.accept(stream)).await;
                if let Ok(Ok(stream)) = handshake {
                    self.serve(stream, Connection { peer, local, tls: true }).await;
                }
            }
            _ => self.serve(stream, Connection { peer, local, tls: false }).await,
        }
    }

    async fn serve<S>(self, stream: S, connection: Connection)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { router, tls, closing, .. } = self;
        let plain_is_fine =
            connection.tls || tls.is_none() || connection.peer.ip().to_canonical().is_loopback();
        let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            let router = router.clone();
            async move {
                if !plain_is_fine {
                    return Ok(to_https(&request));
                }
                request.extensions_mut().insert(connection);
                router.oneshot(request.map(Body::new)).await
            }
        });
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(limits::HANDSHAKE)
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(100);
        let serving = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
        let mut serving = std::pin::pin!(serving);
        tokio::select! {
            _ = serving.as_mut() => {}
            () = closing.cancelled() => {
                serving.as_mut().graceful_shutdown();
                let _ = serving.await;
            }
        }
    }
}

/// Sends a browser that came by plain HTTP to the same place by HTTPS.
fn to_https(request: &Request<Incoming>) -> axum::response::Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let Some(host) = host.filter(|host| host.parse::<axum::http::uri::Authority>().is_ok()) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let location = format!("https://{host}{path}");
    (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, location)]).into_response()
}
