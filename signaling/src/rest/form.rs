//! Forms of a few small fields, read whole. Those of messages, whose files may be large, are read field
//! by field (`messages/multipart.rs`).

use axum::body::Bytes;
use axum::extract::FromRequest as _;
use axum::extract::Multipart;
use axum::extract::Request;
use axum::extract::multipart::MultipartError;
use axum::http::StatusCode;
use model::error_code::ErrorCode;

use super::ApiError;
use crate::parts::Parts;

/// The fields of a form, name and bytes, in their order; together no longer than the route's body may be.
///
/// # Errors
///
/// 40005 for what is longer; 50035 for what is no form.
pub(super) async fn fields(
    parts: &Parts,
    request: Request,
) -> Result<Vec<(String, Bytes)>, ApiError> {
    let form = Multipart::from_request(request, parts).await;
    let mut form = form.map_err(|_| ApiError::Code(ErrorCode::InvalidFormBody))?;
    let mut fields = Vec::new();
    while let Some(field) = form.next_field().await.map_err(broken)? {
        let name = field.name().unwrap_or_default().to_owned();
        fields.push((name, field.bytes().await.map_err(broken)?));
    }
    Ok(fields)
}

/// What a form that cannot be read is answered by.
pub(super) fn broken(error: MultipartError) -> ApiError {
    ApiError::Code(if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        ErrorCode::RequestTooLarge
    } else {
        ErrorCode::InvalidFormBody
    })
}
