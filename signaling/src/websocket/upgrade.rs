//! The request that becomes a WebSocket (RFC 6455 §4.2).

use aws_lc_rs::digest;
use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::HeaderName;
use axum::http::Method;
use axum::http::StatusCode;
use axum::http::header;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use axum::response::Response;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hyper::upgrade::OnUpgrade;

use super::carrier::Carrier;
use super::socket::Socket;

/// What is hashed with a client's key (RFC 6455 §1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// The one version there is (RFC 6455 §4.1).
const VERSION: &str = "13";

/// A request for a WebSocket.
#[derive(Debug)]
pub(crate) struct Upgrade {
    accept: String,
    connection: OnUpgrade,
}

/// A request that is none, or that cannot be granted.
#[derive(Debug)]
pub(crate) struct NoUpgrade;

impl IntoResponse for NoUpgrade {
    fn into_response(self) -> Response {
        let version = (header::SEC_WEBSOCKET_VERSION, VERSION);
        (StatusCode::UPGRADE_REQUIRED, [version], "a WebSocket is expected here").into_response()
    }
}

impl<S: Sync> FromRequestParts<S> for Upgrade {
    type Rejection = NoUpgrade;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, NoUpgrade> {
        let headers = &parts.headers;
        let asked = parts.method == Method::GET
            && lists(headers, &header::CONNECTION, "upgrade")
            && lists(headers, &header::UPGRADE, "websocket")
            && lists(headers, &header::SEC_WEBSOCKET_VERSION, VERSION);
        let key = headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| asked).ok_or(NoUpgrade)?;
        // No secret of anybody's hangs on it: it tells that we know the protocol.
        let mut hash = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
        hash.update(key.as_bytes());
        hash.update(GUID);
        let hash = hash.finish();
        let connection = parts.extensions.remove().ok_or(NoUpgrade)?;
        Ok(Self { accept: BASE64_STANDARD.encode(hash), connection })
    }
}

impl Upgrade {
    /// Grants it: `then` has the socket, on which messages of so many bytes at most are read, and is
    /// run by a task of its own. It is dropped when the connection breaks before.
    pub(crate) fn accept<F>(
        self,
        largest: usize,
        then: impl FnOnce(Socket) -> F + Send + 'static,
    ) -> Response
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let connection = self.connection;
        spawn(async move {
            match connection.await {
                Ok(connection) => {
                    // In a box, that this future does not hold the room for it while it waits.
                    Box::pin(then(Socket::new(Carrier::of(connection), largest))).await;
                }
                Err(error) => tracing::debug!(%error, "a connection became no WebSocket"),
            }
        });
        let headers = [
            (header::CONNECTION, "upgrade"),
            (header::UPGRADE, "websocket"),
            (header::SEC_WEBSOCKET_ACCEPT, &self.accept),
        ];
        (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the sessions behind it track and end their own task"
)]
fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}

/// Whether a header's comma-separated list has that word, in any case.
fn lists(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|value| value.trim().eq_ignore_ascii_case(word))
}
