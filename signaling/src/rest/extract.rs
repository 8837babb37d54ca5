//! Extractors: who asks, what the path names, what the body says; each fails with Discord's JSON.

use axum::extract::FromRequest;
use axum::extract::FromRequestParts;
use axum::extract::Request;
use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::http::header;
use axum::http::request;
use axum::response::IntoResponse;
use axum::response::Response;
use model::error_code::ErrorCode;
use model::wire::id::Id;
use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;
use state::audit::By;

use super::error::ApiError;
use super::error::FormErrors;
use crate::auth::Identity;
use crate::parts::Parts;

/// The account that a request is made by; 401 when there is none.
pub struct Auth(pub Identity);

impl FromRequestParts<Parts> for Auth {
    type Rejection = ApiError;

    async fn from_request_parts(request: &mut request::Parts, _: &Parts) -> Result<Self, ApiError> {
        // The limiter has found out who asks, on the way here.
        let identity = request.extensions.get::<Identity>();
        identity.cloned().map(Self).ok_or_else(|| ErrorCode::Unauthorized.into())
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
            Err(PathRejection::FailedToDeserializePathParams(error)) => match error.kind() {
                ErrorKind::DeserializeError { key, value, .. }
                | ErrorKind::ParseErrorAtKey { key, value, .. } => Err(no_snowflake(key, value)),
                // Of several parameters, only their place is known.
                ErrorKind::ParseErrorAtIndex { value, .. } => Err(no_snowflake("path", value)),
                _ => Err(ApiError::Form(FormErrors::one(
                    "path",
                    "NUMBER_TYPE_COERCE",
                    error.body_text(),
                ))),
            },
            Err(_) => Err(ApiError::Status(StatusCode::NOT_FOUND)),
        }
    }
}

fn no_snowflake(parameter: &str, value: &str) -> ApiError {
    let field = match parameter {
        "path" => "path".to_owned(),
        parameter => format!("{parameter}_id"),
    };
    let value: String = value.chars().take(64).collect();
    let message = format!("Value \"{value}\" is not snowflake.");
    ApiError::Form(FormErrors::one(&field, "NUMBER_TYPE_COERCE", message))
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

/// A yes or no of a query: discord.py sends `1` or `True`, discord.js `true`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flag(pub bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Ok(Self(text == "1" || text.eq_ignore_ascii_case("true")))
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
    // Libraries send routes without fields an empty body.
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut reader);
    let value = read.map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        // Reading stops at the first wrong value, and what comes after may still be no JSON; nor is
        // all that serde calls a fault of syntax one (a list where it wants an object).
        if serde_json::from_slice::<serde_json::Value>(bytes).is_ok() {
            ApiError::Form(fault(&path, &error.to_string()))
        } else {
            ErrorCode::InvalidJson.into()
        }
    })?;
    reader.end().map_err(|_| ErrorCode::InvalidJson)?;
    Ok(value)
}

/// The fault at `path`, in Discord's words where serde's can be told apart.
fn fault(path: &str, message: &str) -> FormErrors {
    // Where it is does not help a client, which did not write the text byte by byte.
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    let path = if path == "." { String::new() } else { path.replace('[', ".").replace(']', "") };
    let missing = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    if let Some(field) = missing {
        let path = [path.as_str(), field].join(".");
        return FormErrors::one(&path, "BASE_TYPE_REQUIRED", "This field is required");
    }
    let path = if path.is_empty() { "_root" } else { &path };
    FormErrors::one(path, "BASE_TYPE_BAD_VALUE", message)
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
    T: Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    Option::<T>::deserialize(deserializer).map(Some)
}

/// An id that a page stops at, which need not be anybody's. Libraries say 0 for the beginning of all: that is
/// before every id that there is.
///
/// # Errors
///
/// When it is no whole number of 64 bits.
pub fn bound<'de, M, D>(deserializer: D) -> Result<Option<Id<M>>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let number: u64 = text.parse().map_err(|_| {
        serde::de::Error::custom(format_args!("Value \"{text}\" is not snowflake."))
    })?;
    Ok(Id::new_checked(number.max(1)))
}

/// The moderator's reason of `X-Audit-Log-Reason`, percent-decoded, at most 512 characters.
pub struct Reason(pub Option<String>);

impl Reason {
    /// In whose name, and for that reason.
    #[must_use]
    pub fn by(self, actor: model::id::UserId) -> By {
        By { actor, reason: self.0 }
    }
}

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

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use serde_json::Value;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only whether it can be read is asked")]
    struct Body {
        name: String,
        #[serde(default)]
        channels: Vec<Channel>,
        #[serde(default, deserialize_with = "some")]
        topic: Option<Option<String>>,
    }

    #[derive(Debug, Deserialize)]
    struct Channel {
        id: model::id::ChannelId,
    }

    async fn refusal(text: &str) -> Value {
        let error = parse::<Body>(text.as_bytes()).expect_err("the body is bad");
        let body = error.into_response().into_body();
        serde_json::from_slice(&to_bytes(body, 65_536).await.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn a_wrong_shape_is_told_by_the_path_of_its_field() {
        let body = refusal(r#"{"name":"a","channels":[{"id":"1"},{"id":"x"}]}"#).await;
        assert_eq!(body["code"], 50_035);
        let fault = &body["errors"]["channels"]["1"]["id"]["_errors"][0];
        assert_eq!(fault["code"], "BASE_TYPE_BAD_VALUE", "{body}");

        let body = refusal("{}").await;
        let required = json!([{"code": "BASE_TYPE_REQUIRED", "message": "This field is required"}]);
        assert_eq!(body["errors"]["name"]["_errors"], required);

        let body = refusal(r#"{"name":"a","channels":[{}]}"#).await;
        assert_eq!(body["errors"]["channels"]["0"]["id"]["_errors"], required);

        let body = refusal("[]").await;
        assert_eq!(body["code"], 50_035);
    }

    #[tokio::test]
    async fn what_is_not_json_is_50109() {
        for text in
            ["{", "nul", "[1,]", "{\"name\":1", "{\"name\":\"a\"} x", "\u{feff}{}", "{'name':1}"]
        {
            assert_eq!(refusal(text).await["code"], 50_109, "{text}");
        }
    }

    #[test]
    fn snowflakes_come_as_strings_or_as_numbers() {
        let text =
            r#"{"name":"a","channels":[{"id":"2000000000000000001"},{"id":2000000000000000001}]}"#;

        let body: Body = parse(text.as_bytes()).unwrap();

        assert_eq!(body.channels[0].id, body.channels[1].id);
    }

    #[test]
    fn null_is_told_from_what_is_not_there() {
        let topic = |text: &str| parse::<Body>(text.as_bytes()).unwrap().topic;

        assert_eq!(topic(r#"{"name":"a"}"#), None);
        assert_eq!(topic(r#"{"name":"a","topic":null}"#), Some(None));
        assert_eq!(topic(r#"{"name":"a","topic":"b"}"#), Some(Some("b".to_owned())));
    }
}
