//! Where the gateway is, and the lists that libraries ask for before they connect.

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header;
use serde_json::Value;
use serde_json::json;

use super::extract::Auth;
use super::extract::Json;
use super::route::Routes;
use super::route::get;
use super::schema;
use crate::connection::Connection;
use crate::parts::Parts;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route("/gateway", get(gateway).gives(&schema::instance::GATEWAY))
        .route("/gateway/bot", get(gateway_bot).gives(&schema::instance::GATEWAY_BOT))
}

/// `GET /gateway`
async fn gateway(
    State(parts): State<Parts>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
) -> Json<Value> {
    Json(json!({ "url": url(&parts, connection, &headers) }))
}

/// `GET /gateway/bot`
async fn gateway_bot(
    Auth(_): Auth,
    State(parts): State<Parts>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
) -> Json<Value> {
    Json(json!({
        "url": url(&parts, connection, &headers),
        "shards": 1,
        "session_start_limit": {
            "total": 1000,
            "remaining": 1000,
            "reset_after": 0,
            "max_concurrency": crate::gateway::MAX_CONCURRENCY,
        },
    }))
}

/// Without a path or a query: clients append theirs.
fn url(parts: &Parts, connection: Connection, headers: &HeaderMap) -> String {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let local = connection.local.to_string();
    let host = match (&parts.config.public_host, header(header::HOST)) {
        (Some(host), _) => host,
        (None, Some(host)) if is_host(host) => host,
        _ => &local,
    };
    // Behind a proxy that ends TLS our side has none, and clients still need wss. Only whoever
    // tries the server out on its own machine speaks plainly.
    let forwarded = headers.contains_key("x-forwarded-proto");
    let plain = !connection.tls && connection.peer.ip().to_canonical().is_loopback() && !forwarded;
    format!("{}://{host}", if plain { "ws" } else { "wss" })
}

fn is_host(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
    !text.is_empty() && text.len() <= 260 && text.bytes().all(fits)
}
