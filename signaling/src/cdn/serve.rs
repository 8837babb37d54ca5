//! Streaming files back, in bounded pieces, with ranges and validators.

use std::ops::Range;

use axum::body::Body;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::QueryRejection;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::Method;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse as _;
use axum::response::Response;
use futures_util::stream;
use model::id::AttachmentId;
use model::id::ChannelId;

use super::kind;
use super::range;
use super::range::Wanted;
use super::sign::Signature;
use super::upload;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::extract::Path;

/// Bytes in memory of one download at a time.
const PIECE: u64 = 256 * 1_024;

/// `GET /attachments/{channel}/{attachment}/{filename}?ex&is&hm`
pub(super) async fn attachment(
    State(parts): State<Parts>,
    Path((channel, id, filename)): Path<(ChannelId, AttachmentId, String)>,
    signature: Result<axum::extract::Query<Signature>, QueryRejection>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let missing = ApiError::Status(StatusCode::NOT_FOUND);
    let path = format!("/attachments/{channel}/{id}/{filename}");
    let signed = signature
        .is_ok_and(|signature| parts.cdn.check(&path, &signature.0, parts.now_ms()).is_some());
    if !signed {
        return Err(missing);
    }
    let key = upload::key(channel, id);
    let Some(size) = parts.objects.size(&key).await? else { return Err(missing) };
    let etag = format!("\"{id}\"");
    let mut answer = HeaderMap::new();
    let mut set = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            answer.insert(name, value);
        }
    };
    set(header::ETAG, &etag);
    set(header::CACHE_CONTROL, "private, max-age=86400, immutable");
    set(header::ACCEPT_RANGES, "bytes");
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    // Nothing that people upload runs in our origin.
    set(header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'");
    let same = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == etag.as_str());
    if same {
        return Ok((StatusCode::NOT_MODIFIED, answer).into_response());
    }
    let head = parts.objects.read(&key, 0..size.min(32)).await?;
    let kind = kind::of_upload(&head, None);
    let shown = kind.as_deref().is_some_and(kind::is_shown);
    set(header::CONTENT_TYPE, kind.as_deref().unwrap_or("application/octet-stream"));
    let disposition = if shown { "inline" } else { "attachment" };
    set(header::CONTENT_DISPOSITION, &format!("{disposition}; filename=\"{filename}\""));

    let asked = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    let (status, range) = match range::parse(asked, size) {
        Wanted::Whole => (StatusCode::OK, 0..size),
        Wanted::Part(range) => {
            set(header::CONTENT_RANGE, &format!("bytes {}-{}/{size}", range.start, range.end - 1));
            (StatusCode::PARTIAL_CONTENT, range)
        }
        Wanted::Nowhere => {
            set(header::CONTENT_RANGE, &format!("bytes */{size}"));
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, answer).into_response());
        }
    };
    set(header::CONTENT_LENGTH, &(range.end - range.start).to_string());
    let body = if method == Method::HEAD { Body::empty() } else { pieces(parts, key, range) };
    Ok((status, answer, body).into_response())
}

/// The range, read piece by piece as the client takes it.
fn pieces(parts: Parts, key: String, range: Range<u64>) -> Body {
    Body::from_stream(stream::try_unfold(range, move |left| {
        let (parts, key) = (parts.clone(), key.clone());
        async move {
            if left.start >= left.end {
                return Ok::<_, std::io::Error>(None);
            }
            let end = left.end.min(left.start + PIECE);
            let piece: Bytes = parts
                .objects
                .read(&key, left.start..end)
                .await
                .map_err(|error| std::io::Error::other(error.to_string()))?;
            Ok(Some((piece, end..left.end)))
        }
    }))
}

/// `GET /embed/avatars/{index}.png`: the picture of those who have none, in one of six colours.
///
/// Libraries build this URL themselves; the answer is an SVG under its old name.
pub(super) async fn placeholder(Path(file): Path<String>) -> Response {
    let index: usize = file.split('.').next().and_then(|n| n.parse().ok()).unwrap_or(0);
    let color = ["#b4552d", "#3d7a6b", "#8a6d1f", "#54589c", "#8c3f5e", "#4c6b2f"][index % 6];
    let svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 64 64\">\
         <rect width=\"64\" height=\"64\" fill=\"{color}\"/>\
         <path fill=\"#fff\" fill-opacity=\".9\" d=\"M32 12 12 28v24h14V38h12v14h14V28z\"/></svg>"
    );
    let headers = [
        (header::CONTENT_TYPE, "image/svg+xml"),
        (header::CACHE_CONTROL, "public, max-age=604800"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"),
    ];
    (headers, svg).into_response()
}
