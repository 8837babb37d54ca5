//! What a failed request answers: HTTP status and Discord's error JSON.

use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use model::error_code::ErrorCode;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use state::guild::plan::Denied;
use state::repo::RepoError;
use state::store::ChangeError;

/// Why a request was not carried out, as the client sees it.
#[derive(Debug)]
pub enum ApiError {
    /// Discord's code and its sentence.
    Code(ErrorCode),
    /// 50035 with the tree of field errors.
    Form(FormErrors),
    /// 429; the headers are added by the limiter.
    RateLimited {
        /// Seconds until it is worth trying again.
        retry_after: f64,
        /// Whether it was the limit over all routes.
        global: bool,
    },
    /// Storage or a mailbox is unavailable for the moment: 503 with `Retry-After`.
    Unavailable,
    /// A bare status without a code of its own: 404 for a route, 405.
    Status(StatusCode),
}

/// Field errors of a request body, by path (`embeds.0.title`).
#[derive(Debug, Default, Clone)]
pub struct FormErrors(Map<String, Value>);

impl FormErrors {
    /// One field error.
    #[must_use]
    pub fn one(path: &str, code: &str, message: impl Into<String>) -> Self {
        let mut errors = Self::default();
        errors.push(path, code, message);
        errors
    }

    /// Adds a field error.
    pub fn push(&mut self, path: &str, code: &str, message: impl Into<String>) {
        let mut at = &mut self.0;
        for part in path.split('.').filter(|part| !part.is_empty()) {
            let next = at.entry(part).or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(next) = next else { return };
            at = next;
        }
        let list = at.entry("_errors").or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(json!({ "code": code, "message": message.into() }));
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `Ok` when there are none.
    ///
    /// # Errors
    ///
    /// [`ApiError::Form`] with all of them.
    pub fn finish(self) -> Result<(), ApiError> {
        if self.is_empty() { Ok(()) } else { Err(ApiError::Form(self)) }
    }
}

impl From<ErrorCode> for ApiError {
    fn from(code: ErrorCode) -> Self {
        Self::Code(code)
    }
}

impl From<Denied> for ApiError {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Code(code) => Self::Code(code),
            Denied::Field { field, code, message } => {
                Self::Form(FormErrors::one(&field, code, message))
            }
        }
    }
}

impl From<RepoError> for ApiError {
    fn from(error: RepoError) -> Self {
        tracing::error!(%error, "storage failed a request");
        Self::Unavailable
    }
}

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Denied(denied) => denied.into(),
            ChangeError::Repo(error) => error.into(),
            ChangeError::Busy => Self::Unavailable,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, body) = match self {
            Self::Code(code) => (
                StatusCode::from_u16(code.status()).unwrap_or(StatusCode::BAD_REQUEST),
                // A failed authentication has code 0 (Discord: Opcodes and Status Codes/JSON).
                match code {
                    ErrorCode::Unauthorized => json!({ "message": code.message(), "code": 0 }),
                    _ => json!({ "message": code.message(), "code": code.number() }),
                },
            ),
            Self::Form(errors) => (
                StatusCode::BAD_REQUEST,
                json!({
                    "message": ErrorCode::InvalidFormBody.message(),
                    "code": ErrorCode::InvalidFormBody.number(),
                    "errors": errors.0,
                }),
            ),
            Self::RateLimited { retry_after, global } => (
                StatusCode::TOO_MANY_REQUESTS,
                json!({
                    "message": "You are being rate limited.",
                    "retry_after": retry_after,
                    "global": global,
                }),
            ),
            Self::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                json!({
                    "message": ErrorCode::Overloaded.message(),
                    "code": ErrorCode::Overloaded.number(),
                }),
            ),
            Self::Status(status) => {
                let reason = status.canonical_reason().unwrap_or("Error");
                (status, json!({ "message": format!("{}: {reason}", status.as_u16()), "code": 0 }))
            }
        };
        let mut response = (status, body.to_string()).into_response();
        // discord.py compares the value exactly: no charset.
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_errors_nest_by_path() {
        let errors = FormErrors::one("embeds.0.title", "BASE_TYPE_MAX_LENGTH", "too long");

        assert_eq!(
            Value::Object(errors.0),
            json!({"embeds": {"0": {"title": {"_errors": [
                {"code": "BASE_TYPE_MAX_LENGTH", "message": "too long"}
            ]}}}})
        );
    }
}
