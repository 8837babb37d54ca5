//! A message's request in either form: JSON, or `multipart/form-data` with files.

use axum::body::Bytes;
use axum::extract::FromRequest;
use axum::extract::Multipart;
use axum::extract::Request;
use axum::http::header;
use model::error_code::ErrorCode;
use model::limits;

use super::draft::Body;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::error::FormErrors;
use crate::rest::extract;

/// One file of a form.
pub(super) struct File {
    /// Its number `n` in `files[n]`.
    pub number: u64,
    /// The name that the client gave it.
    pub name: String,
    /// The type that the client says it has.
    pub content_type: Option<String>,
    /// Its bytes.
    pub bytes: Bytes,
}

/// A message's request, read whole; its size was limited before.
pub(super) struct Form {
    /// The JSON part.
    pub body: Body,
    /// The files.
    pub files: Vec<File>,
}

impl FromRequest<Parts> for Form {
    type Rejection = ApiError;

    async fn from_request(request: Request, parts: &Parts) -> Result<Self, ApiError> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let multipart =
            kind.is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/form-data"));
        if !multipart {
            let extract::Json(body) = extract::Json::from_request(request, parts).await?;
            return Ok(Self { body, files: Vec::new() });
        }
        let form = Multipart::from_request(request, parts)
            .await
            .map_err(|_| ApiError::Code(ErrorCode::InvalidFormBody))?;
        read(form).await
    }
}

async fn read(mut form: Multipart) -> Result<Form, ApiError> {
    let mut body = None;
    let mut content = None;
    let mut files: Vec<File> = Vec::new();
    while let Some(field) = form.next_field().await.map_err(broken)? {
        let name = field.name().unwrap_or_default().to_owned();
        match name.as_str() {
            "payload_json" => {
                body = Some(extract::parse(&field.bytes().await.map_err(broken)?)?);
            }
            "content" => content = Some(field.text().await.map_err(broken)?),
            _ if field.file_name().is_some() => {
                if files.len() >= limits::ATTACHMENTS {
                    return Err(ApiError::Form(FormErrors::one(
                        "files",
                        "BASE_TYPE_MAX_LENGTH",
                        "Must be 10 or fewer in length.",
                    )));
                }
                let number = name
                    .strip_prefix("files[")
                    .and_then(|rest| rest.strip_suffix(']'))
                    .and_then(|digits| digits.parse().ok())
                    .unwrap_or(files.len() as u64);
                files.push(File {
                    number,
                    name: field.file_name().unwrap_or_default().to_owned(),
                    content_type: field.content_type().map(str::to_owned),
                    bytes: field.bytes().await.map_err(broken)?,
                });
            }
            _ => {}
        }
    }
    let mut body: Body = body.unwrap_or_default();
    if body.content.is_none() {
        body.content = content.map(Some);
    }
    Ok(Form { body, files })
}

fn broken(error: axum::extract::multipart::MultipartError) -> ApiError {
    if error.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
        ApiError::Code(ErrorCode::FileTooLarge)
    } else {
        ApiError::Code(ErrorCode::InvalidFormBody)
    }
}
