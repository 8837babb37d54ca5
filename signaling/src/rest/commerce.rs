//! What is sold and played at Discord's, and nowhere else: shops, subscriptions, lobbies, activities,
//! the social SDK. Each route says in Discord's words that there is no such thing here; why is in
//! docs/compatibility.md.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::any;
use axum::routing::get;
use axum::routing::post;
use model::error_code::ErrorCode;
use model::id::ApplicationId;
use serde_json::Value;
use serde_json::json;

use super::ApiError;
use super::applications::me;
use super::caller::Caller;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use crate::parts::Parts;

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route("/applications/{application}/skus", get(nothing))
        .route("/applications/{application}/entitlements", get(nothing).post(no_sku))
        .route("/applications/{application}/entitlements/{entitlement}", any(no_entitlement))
        .route(
            "/applications/{application}/entitlements/{entitlement}/consume",
            post(no_entitlement),
        )
        .route("/users/@me/applications/{application}/entitlements", get(no_purchases))
        .route("/skus/{sku}/subscriptions", get(no_sku))
        .route("/skus/{sku}/subscriptions/{subscription}", get(no_sku))
        .route("/applications/{application}/activity-instances/{instance}", get(no_instance))
        .route("/applications/{application}/attachment", post(not_approved))
        .route("/lobbies", post(not_approved).put(not_approved))
        .route("/lobbies/{lobby}", any(no_lobby))
        .route("/lobbies/{lobby}/{*rest}", any(no_lobby))
        .route("/partner-sdk/{*rest}", any(not_approved))
}

/// Lists of what an application sells: nothing.
async fn nothing(
    Auth(who): Auth,
    State(parts): State<Parts>,
    Path(application): Path<ApplicationId>,
) -> Result<Json<Value>, ApiError> {
    me::managed(&parts, &who, application).await?;
    Ok(Json(json!([])))
}

/// What a person bought: nothing.
async fn no_purchases(_: Caller, Path(_): Path<ApplicationId>) -> Json<Value> {
    Json(json!([]))
}

async fn no_sku(_: Caller) -> ApiError {
    ErrorCode::UnknownSku.into()
}

async fn no_entitlement(_: Caller) -> ApiError {
    ErrorCode::UnknownEntitlement.into()
}

async fn no_lobby(_: Caller) -> ApiError {
    ErrorCode::UnknownLobby.into()
}

/// Activities have no instances here.
async fn no_instance(_: Caller) -> ApiError {
    ApiError::Status(StatusCode::NOT_FOUND)
}

/// What Discord lets approved applications do; none is here. The social SDK's routes are asked
/// without an account too.
async fn not_approved() -> ApiError {
    ErrorCode::NotThisApplication.into()
}
