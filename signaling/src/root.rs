//! `/`: both gateways and the web client share it, because clients append to a bare host.
//!
//! Libraries open `wss://host/?v=8` for voice and `wss://host/?v=10&encoding=json` for the main
//! gateway, whatever path we would like better.

use axum::Extension;
use axum::Router;
use axum::extract::Request;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::get;
use tower::ServiceExt as _;

use crate::connection::Connection;
use crate::gateway;
use crate::parts::Parts;
use crate::voice;
use crate::websocket::NoUpgrade;
use crate::websocket::Upgrade;

/// Which of the two a socket at `/` is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Gateway,
    Voice,
}

/// `/`, and `/gateway` and `/voice` for those who like it clear.
pub(crate) fn routes(web: Router) -> Router<Parts> {
    let root = move |State(parts): State<Parts>,
                     Extension(connection): Extension<Connection>,
                     socket: Result<Upgrade, NoUpgrade>,
                     request: Request| {
        let web = web.clone();
        async move {
            let query = request.uri().query().unwrap_or_default().to_owned();
            match socket {
                Ok(socket) => open(kind(&query), parts, connection, host(&request), query, socket),
                Err(_) => web.oneshot(request).await.into_response(),
            }
        }
    };
    Router::new()
        .route("/", get(root))
        .route("/gateway", get(explicit::<true>))
        .route("/voice", get(explicit::<false>))
}

async fn explicit<const GATEWAY: bool>(
    State(parts): State<Parts>,
    Extension(connection): Extension<Connection>,
    socket: Upgrade,
    request: Request,
) -> Response {
    let kind = if GATEWAY { Kind::Gateway } else { Kind::Voice };
    let query = request.uri().query().unwrap_or_default().to_owned();
    open(kind, parts, connection, host(&request), query, socket)
}

fn open(
    kind: Kind,
    parts: Parts,
    connection: Connection,
    host: String,
    query: String,
    socket: Upgrade,
) -> Response {
    match kind {
        Kind::Gateway => gateway::upgrade(parts, connection, host, query, socket),
        Kind::Voice => voice::upgrade(parts, connection, host, query, socket),
    }
}

/// The host that the client asked for, with its port.
fn host(request: &Request) -> String {
    request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .or_else(|| request.uri().authority().map(|authority| authority.as_str()))
        .unwrap_or_default()
        .to_owned()
}

/// Only the main gateway has `encoding`; versions up to 9 without it are voice, and so is no
/// version at all (user clients append nothing to the voice endpoint).
fn kind(query: &str) -> Kind {
    let mut version = None;
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some(("encoding" | "compress", _)) => return Kind::Gateway,
            Some(("v", value)) => version = value.parse::<u32>().ok(),
            _ => {}
        }
    }
    match version {
        Some(10..) => Kind::Gateway,
        _ => Kind::Voice,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_at_the_root_is_told_apart_by_its_query() {
        assert_eq!(kind("v=10&encoding=json"), Kind::Gateway);
        assert_eq!(kind("encoding=json&v=9&compress=zlib-stream"), Kind::Gateway);
        assert_eq!(kind("v=10"), Kind::Gateway);
        assert_eq!(kind("v=8"), Kind::Voice);
        assert_eq!(kind("v=4"), Kind::Voice);
        assert_eq!(kind("v=9"), Kind::Voice);
        assert_eq!(kind(""), Kind::Voice);
    }
}
