//! The web client: files built by Vite, inside the binary. Debug builds read them from the disk.
//!
//! It compresses nothing: the build has put a `.br` and a `.gz` beside each file of text, smaller
//! than could be made in passing, and of a length that `HEAD` can tell.

use axum::Router;
use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::Method;
use axum::http::Request;
use axum::http::Response;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse as _;

/// What a browser lets the client do; everything else is forbidden to it. Styles are inline where
/// volume sliders set their own width; sockets go to this host and to no other.
const POLICY: &str = "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; \
    connect-src 'self' ws: wss:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; \
    base-uri 'none'; object-src 'none'; form-action 'self'";

/// Shown when the binary was built without the client.
const PLACEHOLDER: &str = "<!doctype html><meta charset=\"utf-8\"><title>Guildhall</title>\
    <p>The server runs, but its web client was not built: run <code>npm ci &amp;&amp; npm run \
    build</code> in <code>web/</code> and build the server again, or start it by \
    <code>scripts/serve</code>.</p>";

#[derive(rust_embed::RustEmbed)]
#[folder = "web/dist/"]
#[allow_missing = true]
struct Files;

/// Serves the client; any path without an extension is a page of it.
pub(crate) fn router() -> Router {
    Router::new().fallback(serve)
}

async fn serve(request: Request<Body>) -> Response<Body> {
    let path = request.uri().path().trim_start_matches('/');
    if path == "api" || path.starts_with("api/") {
        return unknown_route();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let headers = request.headers();
    // A name without an extension is a page of the client's own.
    let is_page = path.rsplit('/').next().is_none_or(|name| !name.contains('.'));
    let mut response = match Files::get(path) {
        Some(file) if !path.is_empty() => found(path, file, headers),
        _ if !is_page => StatusCode::NOT_FOUND.into_response(),
        _ => match Files::get("index.html") {
            Some(file) => found("index.html", file, headers),
            None => axum::response::Html(PLACEHOLDER).into_response(),
        },
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Beside `frame-ancestors`, for browsers that are older than it.
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert("permissions-policy", HeaderValue::from_static("microphone=(self)"));
    response
}

fn found(path: &str, file: rust_embed::EmbeddedFile, asked: &HeaderMap) -> Response<Body> {
    let known = asked.get(header::IF_NONE_MATCH);
    let hash = file.metadata.sha256_hash();
    let tag: String = hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    let is_known = known.and_then(|known| known.to_str().ok()).is_some_and(|k| k.contains(&tag));
    let mut coding = None;
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let packed =
            CODINGS.iter().filter(|coding| accepts(asked, coding.name)).find_map(|coding| {
                let file = Files::get(&format!("{path}{}", coding.extension))?;
                Some((coding.name, file))
            });
        let data = match packed {
            Some((name, packed)) => {
                coding = Some(name);
                packed.data
            }
            None => file.data,
        };
        Response::new(Body::from(data.into_owned()))
    };
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(coding) = coding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind(path)));
    // Vite puts a hash of the content into the names of assets.
    let is_hashed = path.starts_with("assets/");
    let cache = if is_hashed { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    // A compressed answer is the same file: the tag is weak (RFC 9110 §8.8.1).
    if let Ok(tag) = HeaderValue::try_from(format!("W/\"{tag}\"")) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// A coding that the build has made files in.
struct Coding {
    name: &'static str,
    extension: &'static str,
}

/// The smaller first.
const CODINGS: [Coding; 2] =
    [Coding { name: "br", extension: ".br" }, Coding { name: "gzip", extension: ".gz" }];

/// Whether the client takes that coding (RFC 9110 §12.5.3); `*` is taken for no.
fn accepts(asked: &HeaderMap, coding: &str) -> bool {
    let values = asked.get_all(header::ACCEPT_ENCODING).iter().filter_map(|it| it.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|one| {
        let mut parts = one.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
        // A weight of zero, in any number of digits, is a no.
        let refused = parts.filter_map(|part| part.strip_prefix("q=")).any(|weight| {
            weight.starts_with('0') && weight.chars().all(|c| matches!(c, '0' | '.'))
        });
        named && !refused
    })
}

/// The media type by the name's extension: the kinds that a web client is made of.
fn kind(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        "wav" => "audio/wav",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Unknown routes of the API are no pages of the client.
fn unknown_route() -> Response<Body> {
    let body = r#"{"message": "404: Not Found", "code": 0}"#;
    let json = [(header::CONTENT_TYPE, "application/json")];
    (StatusCode::NOT_FOUND, json, body).into_response()
}

#[cfg(test)]
mod tests {
    use tower::ServiceExt as _;

    use super::*;

    async fn get(path: &str) -> Response<Body> {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        router().oneshot(request).await.expect("infallible")
    }

    #[tokio::test]
    async fn pages_of_the_client_are_all_the_same_file() {
        for path in ["/", "/channels/1/2", "/invite/abc"] {
            let response = get(path).await;
            assert_eq!(response.status(), 200, "{path}");
            assert_eq!(response.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
            assert!(response.headers().contains_key(header::CONTENT_SECURITY_POLICY));
        }
    }

    #[tokio::test]
    async fn missing_files_and_routes_of_the_api_are_no_pages() {
        assert_eq!(get("/assets/old-1234.js").await.status(), 404);
        let api = get("/api/v10/nothing").await;
        assert_eq!(api.status(), 404);
        assert_eq!(api.headers()[header::CONTENT_TYPE], "application/json");
    }

    #[tokio::test]
    async fn a_path_cannot_leave_the_folder() {
        for path in ["/../Cargo.toml", "/..%2fCargo.toml", "/%2e%2e/Cargo.toml", "//etc/a.conf"] {
            assert_eq!(get(path).await.status(), 404, "{path}");
        }
    }

    #[tokio::test]
    async fn a_head_tells_the_length_that_a_get_would_send() {
        for path in ["/", "/channels/1/2"] {
            for coding in ["identity", "gzip", "br", "gzip, deflate, br;q=0", "gzip;q=0.5, br"] {
                let ask = async |method: &str| {
                    let request = Request::builder()
                        .method(method)
                        .uri(path)
                        .header(header::ACCEPT_ENCODING, coding)
                        .body(Body::empty())
                        .expect("a request");
                    router().oneshot(request).await.expect("infallible")
                };
                let (head, get) = (ask("HEAD").await, ask("GET").await);

                let told = |response: &Response<Body>| {
                    let coding = response.headers().get(header::CONTENT_ENCODING);
                    let length = response.headers().get(header::CONTENT_LENGTH);
                    (coding.cloned(), length.cloned())
                };
                assert_eq!(told(&head), told(&get), "{path} {coding}");
                let length = told(&get).1.and_then(|length| length.to_str().ok()?.parse().ok());
                let body = axum::body::to_bytes(get.into_body(), 1 << 20).await.expect("a body");
                assert_eq!(length, Some(body.len()), "{path} {coding}");
                assert!(!body.is_empty());
            }
        }
    }

    #[test]
    fn a_coding_is_used_only_when_it_is_asked_for() {
        let takes = |value: &'static str, coding| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
            accepts(&headers, coding)
        };

        assert!(takes("gzip, deflate, br, zstd", "br"));
        assert!(takes("BR;q=0.1", "br"));
        assert!(!takes("gzip, br;q=0", "br"));
        assert!(!takes("br; q=0.000", "br"));
        assert!(!takes("brotli, *", "br"));
        assert!(!accepts(&HeaderMap::new(), "gzip"));
    }

    #[tokio::test]
    async fn what_a_browser_has_is_not_sent_again() {
        let Some(name) = Files::iter().find(|name| name.starts_with("assets/")) else {
            assert_eq!(get("/").await.status(), 200, "without the client there is the placeholder");
            return;
        };
        let first = get(&format!("/{name}")).await;
        let tag = first.headers()[header::ETAG].clone();
        assert_eq!(first.headers()[header::CACHE_CONTROL], "public, max-age=31536000, immutable");

        let request = Request::get(format!("/{name}"))
            .header(header::IF_NONE_MATCH, tag)
            .body(Body::empty())
            .expect("a request");
        let again = router().oneshot(request).await.expect("infallible");

        assert_eq!(again.status(), 304);
    }
}
