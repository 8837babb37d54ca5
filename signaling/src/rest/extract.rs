//! Extractors: who asks, what the path names, what the body says; each fails with Discord's JSON.

use axum::extract::FromRequest;
use axum::extract::FromRequestParts;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header;
use axum::http::request;
use axum::response::IntoResponse;
use axum::response::Response;
use model::error_code::ErrorCode;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::ApiError;
use super::error::FormErrors;
use crate::auth::Identity;
use crate::parts::Parts;

/// The account that a request is made by; 401 when there is none.
pub struct Auth(pub Identity);

impl FromRequestParts<Parts> for Auth {
    type Rejection = ApiError;

    async fn from_request_parts(
        request: &mut request::Parts,
        parts: &Parts,
    ) -> Result<Self, ApiError> {
        let Some(header) = request.headers.get(header::AUTHORIZATION) else {
            return Err(ErrorCode::Unauthorized.into());
        };
        let Ok(header) = header.to_str() else { return Err(ErrorCode::Unauthorized.into()) };
        match parts.auth.authenticate(header).await? {
            Some(identity) => Ok(Self(identity)),
            None => Err(ErrorCode::Unauthorized.into()),
        }
    }
}

/// Path parameters; what is no snowflake is 50035 like a bad field (Discord answers so).
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Parts> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(
        request: &mut request::Parts,
        parts: &Parts,
    ) -> Result<Self, ApiError> {
        match axum::extract::Path::<T>::from_request_parts(request, parts).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(ApiError::Form(FormErrors::one(
                "path",
                "NUMBER_TYPE_COERCE",
                rejection.body_text(),
            ))),
        }
    }
}

/// Query parameters.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Parts> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(
        request: &mut request::Parts,
        parts: &Parts,
    ) -> Result<Self, ApiError> {
        match axum::extract::Query::<T>::from_request_parts(request, parts).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(ApiError::Form(FormErrors::one(
                "query",
                "BASE_TYPE_BAD_VALUE",
                rejection.body_text(),
            ))),
        }
    }
}

/// A JSON body in, or a JSON answer out with exactly `application/json`.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Parts> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, parts: &Parts) -> Result<Self, ApiError> {
        let bytes = axum::body::Bytes::from_request(request, parts).await.map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                ApiError::Code(ErrorCode::RequestTooLarge)
            } else {
                ApiError::Code(ErrorCode::InvalidJson)
            }
        })?;
        parse(&bytes).map(Self)
    }
}

/// Reads a JSON body: not JSON at all is 50109, a wrong shape is 50035 with the path of the fault.
///
/// # Errors
///
/// [`ApiError`].
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => {
            ApiError::Form(FormErrors::one("body", "BASE_TYPE_BAD_VALUE", error.to_string()))
        }
        _ => ApiError::Code(ErrorCode::InvalidJson),
    })
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
            Err(error) => {
                tracing::error!(%error, "an answer could not be encoded");
                ApiError::Status(StatusCode::INTERNAL_SERVER_ERROR).into_response()
            }
        }
    }
}

/// Tells a null from what is not there: `Some(None)` from `None`.
///
/// # Errors
///
/// What the field's own type says.
pub fn some<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: serde::Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    <Option<T> as serde::Deserialize>::deserialize(deserializer).map(Some)
}

/// The moderator's reason of `X-Audit-Log-Reason`, percent-decoded, at most 512 characters.
pub struct Reason(pub Option<String>);

impl FromRequestParts<Parts> for Reason {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        request: &mut request::Parts,
        _: &Parts,
    ) -> Result<Self, Self::Rejection> {
        let header =
            request.headers.get("x-audit-log-reason").and_then(|value| value.to_str().ok());
        Ok(Self(header.map(|reason| {
            let decoded = percent_encoding::percent_decode_str(reason).decode_utf8_lossy();
            decoded.chars().take(512).collect()
        })))
    }
}

/// The snapshot of a guild that `user` is a member of.
///
/// # Errors
///
/// 10004 for everyone else: whether the guild exists is not told.
pub fn member_view(
    parts: &Parts,
    guild: model::id::GuildId,
    user: model::id::UserId,
) -> Result<state::GuildView, ApiError> {
    let handle = parts.store.guild(guild).ok_or(ErrorCode::UnknownGuild)?;
    let view = handle.view();
    if view.members.contains_key(&user) { Ok(view) } else { Err(ErrorCode::UnknownGuild.into()) }
}
