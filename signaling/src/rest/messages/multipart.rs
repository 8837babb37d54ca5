//! The body of a message's request in each of its forms: JSON, `multipart/form-data` with files, or
//! `application/x-www-form-urlencoded` with the same fields (Discord: API Reference, HTTP API).
//!
//! Read by the handler after it knows that the sender may speak there: a stranger must not make
//! us hold their upload.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::FromRequest as _;
use axum::extract::Multipart;
use axum::extract::Request;
use axum::extract::multipart::Field;
use axum::http::StatusCode;
use axum::http::header;
use model::error_code::ErrorCode;
use model::limits;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio::sync::SemaphorePermit;
use tokio::time::timeout;

use super::draft::Body;
use crate::cdn::upload::NewFile;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::error::FormErrors;
use crate::rest::extract;
use crate::rest::form::broken;

/// One file of a form.
#[derive(Debug, Clone, Default)]
pub(in crate::rest) struct File {
    /// Its number `n` in `files[n]`.
    pub number: u64,
    /// The name that the client gave it.
    pub name: String,
    /// The type that the client says it has.
    pub content_type: Option<String>,
    /// Its bytes.
    pub bytes: Bytes,
}

impl From<File> for NewFile {
    /// A file of which nothing more was said.
    fn from(File { name, content_type, bytes, .. }: File) -> Self {
        Self {
            name,
            description: None,
            title: None,
            claimed: content_type,
            bytes,
            duration_secs: None,
            waveform: None,
        }
    }
}

/// The JSON part of a request that may come with files.
pub(in crate::rest) trait Payload: DeserializeOwned + Send {
    /// Takes the text that old clients send as a field of its own.
    fn take_content(&mut self, _content: String) {}
}

impl Payload for Body {
    fn take_content(&mut self, content: String) {
        self.content.get_or_insert(Some(content));
    }
}

/// A message's request, whole.
pub(in crate::rest) struct Form<B = Body> {
    /// The JSON part.
    pub body: B,
    /// The files.
    pub files: Vec<File>,
    /// Lets the next upload in when dropped: hold it as long as the files.
    pub slot: Option<SemaphorePermit<'static>>,
}

/// Uploads held in memory at once; more wait. With the largest upload, this bounds their memory.
static SLOTS: Semaphore = Semaphore::const_new(24);
/// How long an upload waits for a slot before 503.
const QUEUE: Duration = Duration::from_secs(20);
/// How long a request's body may take to arrive: a slot is not held for ever by a slow sender.
const ARRIVAL: Duration = Duration::from_secs(300);

/// Reads the body of `request`.
///
/// # Errors
///
/// 40005 when it is too large, 50109 or 50035 when it is malformed, 503 when too many upload.
pub(in crate::rest) async fn read(parts: &Parts, request: Request) -> Result<Form, ApiError> {
    read_as(parts, request).await
}

/// Reads the body of `request`, whose JSON part is a `B`.
///
/// # Errors
///
/// As of [`read`].
pub(in crate::rest) async fn read_as<B: Payload>(
    parts: &Parts,
    request: Request,
) -> Result<Form<B>, ApiError> {
    let kind = request.headers().get(header::CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
    let is =
        |name: &[u8]| kind.get(..name.len()).is_some_and(|kind| kind.eq_ignore_ascii_case(name));
    let (form, pairs) = (is(FORM), is(PAIRS));
    let arrival = async {
        if form {
            let slot = timeout(QUEUE, SLOTS.acquire()).await;
            let slot = slot.ok().and_then(Result::ok).ok_or(ApiError::Unavailable)?;
            let form = Multipart::from_request(request, parts).await;
            let form = form.map_err(|_| ApiError::Code(ErrorCode::InvalidFormBody))?;
            read_form(form, parts.config.max_upload, slot).await
        } else if pairs {
            let bytes =
                axum::body::to_bytes(request.into_body(), limits::JSON_BODY * ENCODED).await;
            let bytes = bytes.map_err(|_| ApiError::Code(ErrorCode::RequestTooLarge))?;
            read_pairs(&bytes)
        } else {
            let bytes = axum::body::to_bytes(request.into_body(), limits::JSON_BODY).await;
            let bytes = bytes.map_err(|_| ApiError::Code(ErrorCode::RequestTooLarge))?;
            Ok(Form { body: extract::parse(&bytes)?, files: Vec::new(), slot: None })
        }
    };
    timeout(ARRIVAL, arrival).await.map_err(|_| ApiError::Status(StatusCode::REQUEST_TIMEOUT))?
}

const FORM: &[u8] = b"multipart/form-data";
/// What libraries fall back to when a form has no file: py-cord answers interactions so.
const PAIRS: &[u8] = b"application/x-www-form-urlencoded";
/// Bytes that one of a field's bytes becomes at most.
const ENCODED: usize = 3;

/// A message's fields as a form without files has them.
fn read_pairs<B: Payload>(bytes: &[u8]) -> Result<Form<B>, ApiError> {
    let mut body: B = extract::parse(&pair(bytes, "payload_json").unwrap_or_default())?;
    if let Some(content) = pair(bytes, "content") {
        body.take_content(String::from_utf8_lossy(&content).into_owned());
    }
    Ok(Form { body, files: Vec::new(), slot: None })
}

/// The value of a field in an `application/x-www-form-urlencoded` body, decoded.
pub(in crate::rest) fn pair(bytes: &[u8], name: &str) -> Option<Vec<u8>> {
    let value = bytes.split(|&byte| byte == b'&').find_map(|pair| {
        let (key, value) = pair.split_at_checked(name.len())?;
        value.strip_prefix(b"=").filter(|_| key == name.as_bytes())
    })?;
    let spaces: Vec<u8> =
        value.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
    Some(percent_encoding::percent_decode(&spaces).collect())
}

/// `largest`: all files together, in bytes.
async fn read_form<B: Payload>(
    mut form: Multipart,
    largest: u64,
    slot: SemaphorePermit<'static>,
) -> Result<Form<B>, ApiError> {
    let mut left = usize::try_from(largest).unwrap_or(usize::MAX);
    let mut body: Option<B> = None;
    let mut content = None;
    let mut files: Vec<File> = Vec::new();
    while let Some(field) = form.next_field().await.map_err(broken)? {
        let name = field.name().unwrap_or_default().to_owned();
        match name.as_str() {
            "payload_json" => {
                body = Some(extract::parse(&whole(field, &mut { limits::JSON_BODY }).await?)?);
            }
            // What clients sent before `payload_json` was.
            "content" => {
                let text = whole(field, &mut { limits::JSON_BODY }).await?;
                content = Some(String::from_utf8_lossy(&text).into_owned());
            }
            _ if field.file_name().is_some() || name.starts_with("files[") => {
                if files.len() >= limits::ATTACHMENTS {
                    return Err(ApiError::Form(FormErrors::one(
                        "attachments",
                        "BASE_TYPE_MAX_LENGTH",
                        format!("Must be {} or fewer in length.", limits::ATTACHMENTS),
                    )));
                }
                files.push(File {
                    number: number(&name).unwrap_or(files.len() as u64),
                    name: field.file_name().unwrap_or_default().to_owned(),
                    content_type: field.content_type().map(str::to_owned),
                    bytes: whole(field, &mut left).await?.into(),
                });
            }
            _ => {}
        }
    }
    let mut body = match body {
        Some(body) => body,
        None => extract::parse(b"")?,
    };
    if let Some(content) = content {
        body.take_content(content);
    }
    Ok(Form { body, files, slot: Some(slot) })
}

/// All bytes of a field, taken from those that are `left`.
async fn whole(mut field: Field<'_>, left: &mut usize) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(broken)? {
        *left = left.checked_sub(chunk.len()).ok_or(ErrorCode::RequestTooLarge)?;
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// `n` of `files[n]`; libraries of old send `file` and `file0`.
fn number(field: &str) -> Option<u64> {
    let digits = match field.strip_prefix("files[") {
        Some(rest) => rest.strip_suffix(']')?,
        None => field.strip_prefix("file")?,
    };
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_a_form_without_files_is_decoded() {
        let form = b"content_type=x&content=Hail%2C+%C3%A7a+%2B&payload_json=%7B%7D";

        assert_eq!(pair(form, "content").as_deref(), Some("Hail, ça +".as_bytes()));
        assert_eq!(pair(form, "payload_json").as_deref(), Some(&b"{}"[..]));
        assert_eq!(pair(form, "payload"), None);
        assert_eq!(pair(b"", "content"), None);
    }

    #[test]
    fn a_file_has_the_number_of_its_field() {
        assert_eq!(number("files[3]"), Some(3));
        assert_eq!(number("file2"), Some(2));
        for field in
            ["file", "files[]", "files[-1]", "files[1", "photo", "files[99999999999999999999]"]
        {
            assert_eq!(number(field), None, "{field}");
        }
    }
}
