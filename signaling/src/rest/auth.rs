//! Registering, logging in and out.

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::header;
use axum::routing::post;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

use super::ApiError;
use super::extract::Auth;
use super::extract::Json;
use crate::auth::accounts;
use crate::auth::accounts::Registration;
use crate::parts::Parts;

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route("/auth/register", post(register))
        .route("/auth/login", post(login))
        .route("/auth/logout", post(logout))
}

#[derive(Deserialize)]
struct Register {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    global_name: Option<String>,
    invite: Option<String>,
}

/// `POST /auth/register`
async fn register(
    State(parts): State<Parts>,
    Json(body): Json<Register>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let wanted = Registration {
        username: body.username,
        password: body.password,
        global_name: body.global_name.filter(|name| !name.is_empty()),
        invite: body.invite,
    };
    let account = accounts::register(&parts, wanted).await?;
    let token = parts.auth.issue(account.user.id, parts.now_ms()).await?;
    Ok((StatusCode::CREATED, Json(json!({ "token": token, "user_id": account.user.id }))))
}

#[derive(Deserialize)]
struct Login {
    #[serde(default, alias = "email", alias = "username")]
    login: String,
    #[serde(default)]
    password: String,
}

/// `POST /auth/login`
async fn login(
    State(parts): State<Parts>,
    Json(body): Json<Login>,
) -> Result<Json<Value>, ApiError> {
    let account = accounts::login(&parts, &body.login, body.password).await?;
    let token = parts.auth.issue(account.user.id, parts.now_ms()).await?;
    Ok(Json(json!({ "token": token, "user_id": account.user.id })))
}

/// `POST /auth/logout`
async fn logout(
    Auth(_): Auth,
    State(parts): State<Parts>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    parts.auth.revoke(token.unwrap_or_default()).await?;
    Ok(StatusCode::NO_CONTENT)
}
