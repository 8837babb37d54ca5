//! The web client out of the binary: hashed assets for ever, the page itself fresh.

use axum::Router;
use axum::body::Body;
use axum::http::HeaderName;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::Uri;
use axum::http::header;
use axum::response::IntoResponse as _;
use axum::response::Response;
use rust_embed::RustEmbed;
use tower_http::compression::CompressionLayer;
use tower_http::set_header::SetResponseHeaderLayer;

#[derive(RustEmbed)]
#[folder = "web/dist"]
struct Assets;

/// No inline script, nothing from anyone else; sockets to ourselves.
const POLICY: &str = "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; \
    connect-src 'self' ws: wss:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; \
    base-uri 'none'; object-src 'none'; form-action 'self'";

/// Serves every path that is no API.
pub(crate) fn router() -> Router {
    let fixed = |name: &'static str, value: &'static str| {
        SetResponseHeaderLayer::overriding(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    };
    Router::new()
        .fallback(file)
        .layer(fixed("content-security-policy", POLICY))
        .layer(fixed("x-content-type-options", "nosniff"))
        .layer(fixed("referrer-policy", "no-referrer"))
        .layer(fixed("permissions-policy", "microphone=(self), camera=(self)"))
        .layer(CompressionLayer::new())
}

async fn file(uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    if let Some(asset) = Assets::get(path) {
        let forever = path.starts_with("assets/");
        return answer(path, asset.data.into_owned(), forever);
    }
    // Pages of the client have no dot in their last part; files that are not there do.
    let last = path.rsplit('/').next().unwrap_or_default();
    match Assets::get("index.html") {
        Some(index) if !last.contains('.') => answer("index.html", index.data.into_owned(), false),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn answer(path: &str, bytes: Vec<u8>, forever: bool) -> Response {
    let kind = match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript",
        "css" => "text/css",
        "svg" => "image/svg+xml",
        "json" | "webmanifest" => "application/json",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    };
    let cache = if forever { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, cache)];
    (headers, Body::from(bytes)).into_response()
}
