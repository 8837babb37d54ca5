//! `/api/docs`: the API's description as a page, made in the browser from `/api/openapi.json`.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::LazyLock;

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::MethodRouter;
use axum::routing::get;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::Digest as _;
use sha2::Sha256;

use crate::parts::Parts;

/// What the page may do: load its own files and the document, nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// The page and its files.
pub(super) fn routes() -> Router<Parts> {
    let file = |media_type, text: &'static str| {
        served(move || Ok(Kept::new(media_type, Bytes::from_static(text.as_bytes()))))
    };
    Router::new()
        .route("/api/docs", file("text/html; charset=utf-8", include_str!("index.html")))
        .route("/api/docs/docs.css", file("text/css; charset=utf-8", include_str!("docs.css")))
        .route("/api/docs/docs.js", file("text/javascript; charset=utf-8", include_str!("docs.js")))
}

/// Serves what `make` makes, once, when it is first asked for.
pub(super) fn served(
    make: impl FnOnce() -> Result<Kept, serde_json::Error> + Send + Sync + 'static,
) -> MethodRouter<Parts> {
    let kept: Arc<LazyLock<Result<Kept, ()>, _>> = Arc::new(LazyLock::new(move || {
        make().map_err(|error| {
            tracing::error!(%error, "the API's description could not be encoded");
        })
    }));
    get(move |headers: HeaderMap| {
        let kept = Arc::clone(&kept);
        async move {
            match &**kept {
                Ok(kept) => kept.answer(&headers),
                Err(()) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            }
        }
    })
}

/// A file that stays as it is while the server runs, plain and packed.
pub(super) struct Kept {
    media_type: &'static str,
    plain: Bytes,
    packed: Option<Bytes>,
    tag: HeaderValue,
}

impl Kept {
    pub(super) fn new(media_type: &'static str, plain: Bytes) -> Self {
        let mut packer = GzEncoder::new(Vec::new(), Compression::default());
        // Into memory: what fails here is sent as it is.
        let packed = packer.write_all(&plain).and_then(|()| packer.finish());
        let tag = format!("W/\"{}\"", hex::encode(&Sha256::digest(&plain)[..12]));
        Self {
            media_type,
            packed: packed.ok().map(Bytes::from),
            tag: HeaderValue::try_from(tag).unwrap_or_else(|_| HeaderValue::from_static("W/\"0\"")),
            plain,
        }
    }

    /// The file, or that the browser has it already.
    fn answer(&self, asked: &HeaderMap) -> Response {
        let says = |name, what: &str| {
            let values = asked.get_all(name).iter().filter_map(|value| value.to_str().ok());
            values.flat_map(|value| value.split(',')).any(|value| value.trim() == what)
        };
        let known = says(header::IF_NONE_MATCH, self.tag.to_str().unwrap_or_default());
        let packed = self.packed.as_ref().filter(|_| says(header::ACCEPT_ENCODING, "gzip"));
        let mut response = match packed {
            _ if known => StatusCode::NOT_MODIFIED.into_response(),
            Some(packed) => packed.clone().into_response(),
            None => self.plain.clone().into_response(),
        };
        let headers = response.headers_mut();
        for (name, value) in [
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::X_FRAME_OPTIONS, "DENY"),
            (header::REFERRER_POLICY, "no-referrer"),
            // A new build may say other things; asking whether it does costs nothing.
            (header::CACHE_CONTROL, "no-cache"),
            (header::VARY, "accept-encoding"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.insert(header::ETAG, self.tag.clone());
        if !known {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media_type));
            if packed.is_some() {
                headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
        }
        response
    }
}
