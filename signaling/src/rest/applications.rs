//! Applications as libraries ask for them at start.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use model::error_code::ErrorCode;
use model::id::ApplicationId;
use serde_json::Value;
use serde_json::json;

use super::ApiError;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use crate::parts::Parts;
use crate::wire;

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route("/oauth2/applications/@me", get(me))
        .route("/applications/@me", get(me))
        .route("/applications/{application}/emojis", get(emojis))
        .route("/applications/{application}/commands", get(commands).put(put_commands))
        .route(
            "/applications/{application}/guilds/{guild}/commands",
            get(guild_commands).put(put_guild_commands),
        )
}

/// `GET /oauth2/applications/@me`
async fn me(Auth(me): Auth, State(parts): State<Parts>) -> Result<Json<Value>, ApiError> {
    let application = me.application.as_ref().ok_or(ErrorCode::OnlyBotsCanUse)?;
    let owner = match application.owner {
        Some(owner) => parts.store.users().user(owner).await?,
        None => None,
    };
    let owner = owner.unwrap_or_else(|| me.user.clone());
    Ok(Json(json!({
        "id": application.id,
        "name": application.name,
        "icon": null,
        "description": "",
        "summary": "",
        "type": null,
        "bot": wire::user(&me.user),
        "bot_public": true,
        "bot_require_code_grant": false,
        "verify_key": "0".repeat(64),
        "flags": application.flags,
        "owner": wire::user(&owner),
        "team": null,
        "tags": [],
        "hook": true,
        "redirect_uris": [],
        "rpc_origins": [],
        "interactions_endpoint_url": null,
        "role_connections_verification_url": null,
        "integration_types_config": {},
        "approximate_guild_count": parts.store.guilds_of(me.id()).len(),
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
    })))
}

/// `GET /applications/{application.id}/emojis`: there are none yet.
async fn emojis(Auth(_): Auth, Path(_): Path<ApplicationId>) -> Json<Value> {
    Json(json!({ "items": [] }))
}

/// `GET /applications/{application.id}/commands`: there are none yet.
async fn commands(Auth(_): Auth, Path(_): Path<ApplicationId>) -> Json<Value> {
    Json(json!([]))
}

async fn guild_commands(Auth(_): Auth, Path(_): Path<(ApplicationId, u64)>) -> Json<Value> {
    Json(json!([]))
}

/// `PUT /applications/{application.id}/commands`
async fn put_commands(
    Auth(_): Auth,
    Path(_): Path<ApplicationId>,
    Json(body): Json<Vec<Value>>,
) -> Result<Json<Value>, ApiError> {
    none(&body)
}

async fn put_guild_commands(
    Auth(_): Auth,
    Path(_): Path<(ApplicationId, u64)>,
    Json(body): Json<Vec<Value>>,
) -> Result<Json<Value>, ApiError> {
    none(&body)
}

/// Application commands do not exist here yet: none can be set, and saying so beats keeping them
/// and never calling them.
fn none(body: &[Value]) -> Result<Json<Value>, ApiError> {
    if body.is_empty() {
        Ok(Json(json!([])))
    } else {
        Err(ApiError::NotImplemented("Application commands are not implemented on this server."))
    }
}
