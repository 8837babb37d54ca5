//! Why a request to a WHIP or WHEP resource failed: the status that its RFC names, and a sentence in
//! the shape of all our errors.

use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use model::error_code::ErrorCode;
use model::media::Refusal;
use serde_json::json;

use super::offer::OfferError;
use crate::rest::ApiError;
use crate::voice::VisitError;

/// See the module.
#[derive(Debug)]
pub(super) enum WhipError {
    /// No token, or none that opens this.
    Unauthorized,
    /// There is no such session, or it is another's.
    Gone,
    /// Neither SDP nor a fragment of it, by its media type.
    MediaType,
    /// A body that cannot be read.
    Bad(&'static str),
    TooLarge,
    /// A PATCH without `If-Match` (RFC 9725 §4.3.1).
    NoCondition,
    /// A PATCH for an ICE session that is over.
    OtherTag,
    /// Understood, and not done here.
    Unsupported(&'static str),
    /// Whatever REST answers.
    Api(ApiError),
}

impl<T: Into<ApiError>> From<T> for WhipError {
    fn from(error: T) -> Self {
        Self::Api(error.into())
    }
}

impl From<OfferError> for WhipError {
    fn from(error: OfferError) -> Self {
        match error {
            OfferError::TooLarge => Self::TooLarge,
            OfferError::NotSdp => Self::Bad("The body is not an SDP offer"),
            OfferError::NoAudio => {
                Self::Bad("The offer has no Opus audio in that direction over DTLS-SRTP")
            }
        }
    }
}

impl From<VisitError> for WhipError {
    fn from(error: VisitError) -> Self {
        match error {
            VisitError::Change(error) => error.into(),
            VisitError::Refused(Refusal::OfferTooLarge) => Self::TooLarge,
            VisitError::Refused(Refusal::OfferUnusable) => {
                Self::Bad("The offer lacks ICE credentials, a SHA-256 fingerprint or Opus")
            }
            VisitError::Refused(Refusal::Full | Refusal::UnknownPeer) | VisitError::Unavailable => {
                Self::Api(ApiError::Unavailable)
            }
        }
    }
}

impl IntoResponse for WhipError {
    fn into_response(self) -> Response {
        let (status, message) = match self {
            Self::Api(error) => return error.into_response(),
            Self::Unauthorized => {
                let mut response = ApiError::from(ErrorCode::Unauthorized).into_response();
                let challenge = HeaderValue::from_static("Bearer realm=\"guildhall\"");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
                return response;
            }
            Self::Gone => (StatusCode::NOT_FOUND, "There is no such session"),
            Self::MediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "Another media type is needed"),
            Self::Bad(message) => (StatusCode::BAD_REQUEST, message),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "The offer is too large"),
            Self::NoCondition => (StatusCode::PRECONDITION_REQUIRED, "If-Match is needed"),
            Self::OtherTag => (StatusCode::PRECONDITION_FAILED, "The ICE session is another now"),
            Self::Unsupported(message) => (StatusCode::UNPROCESSABLE_ENTITY, message),
        };
        let body = json!({ "message": message, "code": 0 }).to_string();
        (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}
