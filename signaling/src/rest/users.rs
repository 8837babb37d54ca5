//! One's own account, other people's, and direct messages with them.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::delete;
use axum::routing::get;
use model::error_code::ErrorCode;
use model::id::GuildId;
use model::id::UserId;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::GuildCommand;
use std::sync::Arc;

use super::ApiError;
use super::error::FormErrors;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use crate::parts::Parts;
use crate::wire;

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route("/users/@me", get(me).patch(update_me))
        .route("/users/{user}", get(user))
        .route("/users/@me/guilds", get(guilds))
        .route("/users/@me/guilds/{guild}", delete(leave))
        .route("/users/@me/channels", get(private_channels).post(open_private))
}

/// `GET /users/@me`
async fn me(Auth(me): Auth, State(parts): State<Parts>) -> Result<Json<Value>, ApiError> {
    let account = parts.accounts.account(me.id()).await?.ok_or(ErrorCode::Unauthorized)?;
    Ok(Json(wire::private_user(&account)))
}

#[derive(Deserialize)]
struct UpdateMe {
    username: Option<String>,
    #[serde(default, deserialize_with = "super::extract::some")]
    global_name: Option<Option<String>>,
}

/// `PATCH /users/@me`
async fn update_me(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Json(body): Json<UpdateMe>,
) -> Result<Json<Value>, ApiError> {
    let mut account = parts.accounts.account(me.id()).await?.ok_or(ErrorCode::Unauthorized)?;
    if let Some(name) = body.global_name {
        let name = name.filter(|name| !name.trim().is_empty());
        if name.as_ref().is_some_and(|name| name.chars().count() > 32) {
            return Err(ApiError::Form(FormErrors::one(
                "global_name",
                "BASE_TYPE_BAD_LENGTH",
                "Must be between 1 and 32 in length.",
            )));
        }
        account.user.global_name = name;
    }
    if let Some(name) = body.username
        && me.user.bot
    {
        account.user.username = name.chars().take(32).collect();
    }
    parts.accounts.update(&account).await?;
    parts.auth.forget(me.id());
    parts.store.user_updated(Arc::new(account.user.clone())).await;
    Ok(Json(wire::private_user(&account)))
}

/// `GET /users/{user.id}`
async fn user(
    Auth(_): Auth,
    State(parts): State<Parts>,
    Path(user): Path<UserId>,
) -> Result<Json<Value>, ApiError> {
    let user = parts.store.users().user(user).await?.ok_or(ErrorCode::UnknownUser)?;
    Ok(Json(wire::user(&user)))
}

/// `GET /users/@me/guilds`
async fn guilds(Auth(me): Auth, State(parts): State<Parts>) -> Json<Value> {
    let now_ms = parts.now_ms();
    let guilds = parts.store.guilds_of(me.id()).into_iter().map(|guild| {
        let view = guild.view();
        json!({
            "id": view.id,
            "name": view.settings.name,
            "icon": view.settings.icon,
            "banner": null,
            "owner": view.settings.owner == me.id(),
            "permissions": view.permissions(me.id(), now_ms).0,
            "features": [],
            "approximate_member_count": view.members.len(),
            "approximate_presence_count": view.presences.len(),
        })
    });
    Json(guilds.collect())
}

/// `DELETE /users/@me/guilds/{guild.id}`
async fn leave(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
) -> Result<StatusCode, ApiError> {
    parts.store.execute(guild, me.id(), GuildCommand::Leave).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /users/@me/channels`
async fn private_channels(
    Auth(me): Auth,
    State(parts): State<Parts>,
) -> Result<Json<Value>, ApiError> {
    let mut shown = Vec::new();
    for channel in parts.store.private_of(me.id()).await? {
        let people = parts.store.users().load(&channel.recipients).await?;
        shown.push(wire::private_channel(&channel, me.id(), &people));
    }
    Ok(Json(Value::Array(shown)))
}

#[derive(Deserialize)]
struct OpenPrivate {
    recipient_id: Option<UserId>,
    #[serde(default)]
    recipients: Vec<UserId>,
}

/// `POST /users/@me/channels`: with whom one shares a guild.
async fn open_private(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Json(body): Json<OpenPrivate>,
) -> Result<Json<Value>, ApiError> {
    let other = body.recipient_id.or_else(|| body.recipients.first().copied());
    let Some(other) = other.filter(|other| *other != me.id()) else {
        return Err(ApiError::Form(FormErrors::one(
            "recipient_id",
            "BASE_TYPE_REQUIRED",
            "Somebody else's id is required.",
        )));
    };
    let shared =
        parts.store.guilds_of(me.id()).iter().any(|g| g.view().members.contains_key(&other));
    if parts.store.users().user(other).await?.is_none() {
        return Err(ErrorCode::UnknownUser.into());
    }
    if !shared {
        return Err(ErrorCode::CannotMessageUser.into());
    }
    let channel = parts.store.open_private(parts.ids.next(), [me.id(), other]).await?;
    let people = parts.store.users().load(&channel.recipients).await?;
    Ok(Json(wire::private_channel(&channel, me.id(), &people)))
}
