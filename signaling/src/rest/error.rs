//! What a failed request answers: HTTP status and Discord's error JSON.

use axum::http::HeaderMap;
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

use crate::auth::AccountError;

/// Why a request was not carried out, as the client sees it.
#[derive(Debug)]
pub enum ApiError {
    /// Discord's code and its sentence.
    Code(ErrorCode),
    /// 50035 with the tree of field errors.
    Form(FormErrors),
    /// Auto moderation refused it, with what the rule tells of why.
    Blocked {
        /// 200000 for what was said, 200001 for a title.
        code: ErrorCode,
        /// The rule's own words.
        message: Option<String>,
    },
    /// 429; the limiter adds the headers of the bucket.
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
    /// 501 with a sentence: the route is Discord's, and this server does not do it yet.
    NotImplemented(&'static str),
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

    /// The same faults, one field deeper.
    #[must_use]
    pub fn below(self, field: &str) -> Self {
        let mut outer = Map::new();
        outer.insert(field.to_owned(), Value::Object(self.0));
        Self(outer)
    }

    /// The tree as clients read it.
    #[must_use]
    pub fn tree(&self) -> Value {
        Value::Object(self.0.clone())
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

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Faults(faults) => {
                let mut errors = FormErrors::default();
                for fault in faults {
                    errors.push(fault.field, fault.code, fault.message);
                }
                Self::Form(errors)
            }
            AccountError::Unknown => Self::Code(ErrorCode::UnknownAccount),
            AccountError::Disabled => Self::Code(ErrorCode::AccountDisabled),
            AccountError::TooManyGuilds => Self::Code(ErrorCode::MaximumGuilds),
            AccountError::Busy(_) => Self::Unavailable,
            AccountError::Change(error) => error.into(),
            AccountError::Repo(error) => error.into(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let limited = match self {
            Self::RateLimited { retry_after, global } => Some((retry_after, global)),
            _ => None,
        };
        let (status, body) = match self {
            Self::Code(code) => (
                StatusCode::from_u16(code.status()).unwrap_or(StatusCode::BAD_REQUEST),
                // A failed authentication has code 0 (Discord: Opcodes and Status Codes/JSON).
                match code {
                    ErrorCode::Unauthorized => json!({ "message": code.message(), "code": 0 }),
                    _ => json!({ "message": code.message(), "code": code.number() }),
                },
            ),
            Self::Blocked { code, message } => {
                let mut body = json!({ "message": code.message(), "code": code.number() });
                if let Some(message) = message {
                    let field = if code == ErrorCode::TitleBlocked { "name" } else { "content" };
                    body["errors"] =
                        FormErrors::one(field, "AUTO_MODERATION_BLOCKED", message).tree();
                }
                (StatusCode::BAD_REQUEST, body)
            }
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
            Self::NotImplemented(message) => {
                (StatusCode::NOT_IMPLEMENTED, json!({ "message": message, "code": 0 }))
            }
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
        if let Some((retry_after, global)) = limited {
            rate_limited(response.headers_mut(), retry_after, global);
        }
        response
    }
}

/// What libraries look for on a 429 beside the bucket's own headers.
fn rate_limited(headers: &mut HeaderMap, retry_after: f64, global: bool) {
    // discord.py and py-cord take a 429 without Via for one of a proxy's and give up.
    headers.insert(header::VIA, HeaderValue::from_static("1.1 guildhall"));
    if let Ok(value) = HeaderValue::from_str(&format!("{retry_after:.3}")) {
        headers.insert(header::RETRY_AFTER, value);
    }
    let scope = if global { "global" } else { "user" };
    headers.insert("x-ratelimit-scope", HeaderValue::from_static(scope));
    if global {
        headers.insert("x-ratelimit-global", HeaderValue::from_static("true"));
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

    async fn body(error: ApiError) -> (StatusCode, HeaderMap, Value) {
        let response = error.into_response();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = axum::body::to_bytes(response.into_body(), 65_536).await.unwrap();
        (status, headers, serde_json::from_slice(&bytes).unwrap())
    }

    #[tokio::test]
    async fn errors_have_exactly_the_shape_that_clients_switch_on() {
        let (status, headers, json) = body(ErrorCode::MissingPermissions.into()).await;
        assert_eq!(status, 403);
        assert_eq!(headers[header::CONTENT_TYPE], "application/json");
        assert_eq!(json, json!({ "message": "Missing Permissions", "code": 50_013 }));

        let (status, _, json) = body(ErrorCode::Unauthorized.into()).await;
        assert_eq!(status, 401);
        assert_eq!(json, json!({ "message": "401: Unauthorized", "code": 0 }));

        let (status, _, json) = body(ApiError::Status(StatusCode::NOT_FOUND)).await;
        assert_eq!(status, 404);
        assert_eq!(json, json!({ "message": "404: Not Found", "code": 0 }));

        let errors = FormErrors::one("name", "BASE_TYPE_REQUIRED", "This field is required");
        let (status, _, json) = body(ApiError::Form(errors)).await;
        assert_eq!(status, 400);
        assert_eq!(
            json,
            json!({
                "message": "Invalid Form Body",
                "code": 50_035,
                "errors": { "name": { "_errors": [
                    { "code": "BASE_TYPE_REQUIRED", "message": "This field is required" }
                ] } },
            })
        );
    }

    #[tokio::test]
    async fn a_429_has_what_each_library_waits_by() {
        let limited = ApiError::RateLimited { retry_after: 0.25, global: true };

        let (status, headers, json) = body(limited).await;

        assert_eq!(status, 429);
        assert_eq!(headers[header::VIA], "1.1 guildhall");
        assert_eq!(headers[header::RETRY_AFTER], "0.250");
        assert_eq!(headers["x-ratelimit-scope"], "global");
        assert_eq!(headers["x-ratelimit-global"], "true");
        let message = "You are being rate limited.";
        assert_eq!(json, json!({ "message": message, "retry_after": 0.25, "global": true }));
    }
}
