//! Files back to whoever has their URL: streamed in bounded pieces, with ranges and validators.

use std::fmt::Display;
use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;
use std::time::SystemTime;

use axum::body::Body;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::QueryRejection;
use axum::http::HeaderMap;
use axum::http::HeaderName;
use axum::http::HeaderValue;
use axum::http::Method;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse as _;
use axum::response::Response;
use futures_util::stream;
use model::id::AttachmentId;
use model::id::ChannelId;
use model::id::EmojiId;
use model::id::SoundId;
use model::id::StickerId;
use model::snowflake;
use serde::de::DeserializeOwned;
use state::record::StickerFormat;

use super::kind;
use super::picture;
use super::picture::Owner;
use super::range;
use super::range::Wanted;
use super::sign::Signature;
use super::sound;
use super::sticker;
use super::upload;
use crate::parts::Parts;
use crate::rest::ApiError;

/// Bytes in memory of one download at a time.
const PIECE: u64 = 256 * 1_024;

/// `GET /attachments/{channel}/{attachment}/{filename}?ex&is&hm`
///
/// The name is compared to nothing but the signature, which is over names that we made.
pub(super) async fn attachment(
    State(parts): State<Parts>,
    path: Result<
        axum::extract::Path<(ChannelId, AttachmentId, String)>,
        axum::extract::rejection::PathRejection,
    >,
    signature: Result<axum::extract::Query<Signature>, QueryRejection>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Ok(axum::extract::Path((channel, id, filename))) = path else { return Err(missing()) };
    let Ok(axum::extract::Query(signature)) = signature else { return Err(missing()) };
    let path = format!("/attachments/{channel}/{id}/{filename}");
    let now_ms = parts.now_ms();
    let expires = parts.cdn.check(&path, &signature, now_ms).ok_or_else(missing)?;
    let key = upload::key(channel, id);
    let file = File {
        etag: format!("\"{id}\""),
        // Files never change: what their id tells of their making is true for ever.
        modified_ms: Some(snowflake::unix_ms(id.get())),
        cache: format!("private, max-age={}, immutable", expires.saturating_sub(now_ms / 1_000)),
        name: Some(filename),
        only: Only::Nothing,
        key,
    };
    file.answer(parts, &method, &headers).await
}

/// `GET /{folder}/{owner}/{hash}.{png|webp|gif|jpg}`: a picture of the store, open to all, for ever the
/// same. The extension is what libraries append by their own mind; the bytes say what it is.
pub(super) async fn picture_of<I>(
    State(parts): State<Parts>,
    path: Result<axum::extract::Path<(I, String)>, axum::extract::rejection::PathRejection>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError>
where
    Owner: From<I>,
    I: DeserializeOwned + Send,
{
    let Ok(axum::extract::Path((owner, file))) = path else { return Err(missing()) };
    let hash = file.split_once('.').map_or(file.as_str(), |(hash, _)| hash);
    if !picture::is_hash(hash) {
        return Err(missing());
    }
    let file = File::for_ever(hash, Only::Pictures, Owner::from(owner).key(hash));
    file.answer(parts, &method, &headers).await
}

/// `GET /emojis/{id}.{png|webp|gif|jpg}`
pub(super) async fn emoji(
    State(parts): State<Parts>,
    axum::extract::Path(file): axum::extract::Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (id, _) = named::<EmojiId>(&file)?;
    let file = File::for_ever(id, Only::Pictures, Owner::Emoji(id).key(""));
    file.answer(parts, &method, &headers).await
}

/// `GET /soundboard-sounds/{id}`
pub(super) async fn sound(
    State(parts): State<Parts>,
    axum::extract::Path(file): axum::extract::Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (id, _) = named::<SoundId>(&file)?;
    let file = File::for_ever(id, Only::Sounds, sound::key(id));
    file.answer(parts, &method, &headers).await
}

/// `GET /stickers/{id}.{png|gif|json}`
pub(super) async fn sticker(
    State(parts): State<Parts>,
    axum::extract::Path(file): axum::extract::Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (id, extension) = named::<StickerId>(&file)?;
    let (format, only) = if extension == "json" {
        (StickerFormat::Lottie, Only::Json)
    } else {
        (StickerFormat::Png, Only::Pictures)
    };
    let file = File::for_ever(id, only, sticker::key(id, format));
    file.answer(parts, &method, &headers).await
}

/// The id that a file is named by, and its extension.
fn named<I: FromStr>(file: &str) -> Result<(I, &str), ApiError> {
    let (id, extension) = file.split_once('.').unwrap_or((file, ""));
    Ok((id.parse().map_err(|_| missing())?, extension))
}

/// A file of the store, as it is to be shown.
struct File {
    key: String,
    etag: String,
    modified_ms: Option<u64>,
    cache: String,
    /// The name to save it under.
    name: Option<String>,
    /// What it must be; anything else is as good as missing.
    only: Only,
}

/// What a file must be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Only {
    /// Whatever it is.
    Nothing,
    /// A picture, by its bytes.
    Pictures,
    /// MP3 or Ogg, as it was found to be when it was kept.
    Sounds,
    /// JSON, as it was found to be when it was kept.
    Json,
}

impl File {
    /// A file that never changes under its name.
    fn for_ever(name: impl Display, only: Only, key: String) -> Self {
        Self {
            key,
            etag: format!("\"{name}\""),
            modified_ms: None,
            cache: "public, max-age=31536000, immutable".to_owned(),
            name: None,
            only,
        }
    }

    async fn answer(
        self,
        parts: Parts,
        method: &Method,
        headers: &HeaderMap,
    ) -> Result<Response, ApiError> {
        let Some(size) = parts.objects.size(&self.key).await? else { return Err(missing()) };
        let asked = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let mut answer = self.headers();
        if self.is_known(asked(header::IF_NONE_MATCH), asked(header::IF_MODIFIED_SINCE)) {
            return Ok((StatusCode::NOT_MODIFIED, answer).into_response());
        }
        let head = parts.objects.read(&self.key, 0..size.min(kind::HEAD)).await?;
        let kind = match self.only {
            Only::Json => Some("application/json"),
            Only::Sounds => Some(kind::sniff(&head).unwrap_or("audio/mpeg")),
            Only::Pictures | Only::Nothing => kind::sniff(&head),
        };
        if self.only == Only::Pictures && !kind.is_some_and(|kind| kind.starts_with("image/")) {
            return Err(missing());
        }
        set(&mut answer, header::CONTENT_TYPE, kind.unwrap_or("application/octet-stream"));
        if let Some(name) = &self.name {
            let way = if kind.is_some_and(kind::is_shown) { "inline" } else { "attachment" };
            let disposition = format!("{way}; filename=\"{name}\"");
            set(&mut answer, header::CONTENT_DISPOSITION, &disposition);
        }
        // A range of an older file would not fit (RFC 9110 §13.1.5).
        let fits = asked(header::IF_RANGE).is_none_or(|known| known == self.etag);
        let range = asked(header::RANGE).filter(|_| fits && method == Method::GET);
        let (status, range) = match range::parse(range, size) {
            Wanted::Whole => (StatusCode::OK, 0..size),
            Wanted::Part(part) => {
                let shown = format!("bytes {}-{}/{size}", part.start, part.end - 1);
                set(&mut answer, header::CONTENT_RANGE, &shown);
                (StatusCode::PARTIAL_CONTENT, part)
            }
            Wanted::Nowhere => {
                set(&mut answer, header::CONTENT_RANGE, &format!("bytes */{size}"));
                return Ok((StatusCode::RANGE_NOT_SATISFIABLE, answer).into_response());
            }
        };
        set(&mut answer, header::CONTENT_LENGTH, &(range.end - range.start).to_string());
        let body =
            if method == Method::HEAD { Body::empty() } else { pieces(parts, self.key, range) };
        Ok((status, answer, body).into_response())
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        set(&mut headers, header::ETAG, &self.etag);
        set(&mut headers, header::CACHE_CONTROL, &self.cache);
        set(&mut headers, header::ACCEPT_RANGES, "bytes");
        if let Some(modified) = self.modified() {
            set(&mut headers, header::LAST_MODIFIED, &httpdate::fmt_http_date(modified));
        }
        secure(&mut headers);
        headers
    }

    /// HTTP tells times in whole seconds.
    fn modified(&self) -> Option<SystemTime> {
        let seconds = Duration::from_secs(self.modified_ms? / 1_000);
        SystemTime::UNIX_EPOCH.checked_add(seconds)
    }

    fn is_known(&self, tags: Option<&str>, since: Option<&str>) -> bool {
        if let Some(tags) = tags {
            return range::is_known(tags, &self.etag);
        }
        let since = since.and_then(|since| httpdate::parse_http_date(since).ok());
        matches!((self.modified(), since), (Some(modified), Some(since)) if modified <= since)
    }
}

/// Nothing that people upload runs in our origin, is taken for what it is not, or is locked out of
/// pages that isolate themselves.
pub(super) fn secure(headers: &mut HeaderMap) {
    set(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(headers, header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'");
    set(headers, HeaderName::from_static("cross-origin-resource-policy"), "cross-origin");
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Not there, no longer signed, never signed: who asks cannot tell which.
fn missing() -> ApiError {
    ApiError::Status(StatusCode::NOT_FOUND)
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
            let piece: Bytes =
                parts.objects.read(&key, left.start..end).await.map_err(std::io::Error::other)?;
            // A file that was removed meanwhile ends the connection, not the file.
            if piece.len() as u64 != end - left.start {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            Ok(Some((piece, end..left.end)))
        }
    }))
}
