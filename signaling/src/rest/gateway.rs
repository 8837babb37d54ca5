//! Where the gateway is, and what this instance is.

use axum::Extension;
use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header;
use axum::routing::get;
use serde_json::Value;
use serde_json::json;

use super::ApiError;
use super::extract::Auth;
use super::extract::Json;
use crate::connection::Connection;
use crate::parts::Parts;

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route("/gateway", get(gateway))
        .route("/gateway/bot", get(gateway_bot))
        .route("/instance", get(instance))
        .route("/voice/regions", get(regions))
        .route("/soundboard-default-sounds", get(|| async { Json(json!([])) }))
        .route("/sticker-packs", get(|| async { Json(json!({ "sticker_packs": [] })) }))
        .route("/ping", get(|| async { Json(json!({})) }))
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
) -> Result<Json<Value>, ApiError> {
    Ok(Json(json!({
        "url": url(&parts, connection, &headers),
        "shards": 1,
        "session_start_limit": {
            "total": 1000,
            "remaining": 1000,
            "reset_after": 86_400_000,
            "max_concurrency": 1,
        },
    })))
}

/// Without a path or a query: clients append theirs.
fn url(parts: &Parts, connection: Connection, headers: &HeaderMap) -> String {
    let asked = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = parts.config.public_host.as_deref().or(asked).unwrap_or("localhost");
    let scheme = if connection.tls { "wss" } else { "ws" };
    format!("{scheme}://{host}")
}

/// `GET /instance`: what the web client shows before anyone logs in.
async fn instance(State(parts): State<Parts>) -> Json<Value> {
    let registration = if parts.config.open_registration { "open" } else { "invite" };
    Json(json!({
        "name": parts.config.name,
        "version": env!("CARGO_PKG_VERSION"),
        "registration": registration,
    }))
}

/// `GET /voice/regions`
async fn regions() -> Json<Value> {
    Json(json!([{
        "id": "here", "name": "Here", "optimal": true, "deprecated": false, "custom": false,
    }]))
}
