//! Bans of a guild.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use model::error_code::ErrorCode;
use model::id::GuildId;
use model::id::UserId;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::GuildCommand;

use super::ApiError;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::extract::Query;
use super::extract::Reason;
use super::extract::member_view;
use crate::parts::Parts;
use crate::wire;

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route("/guilds/{guild}/bans", get(list))
        .route("/guilds/{guild}/bans/{user}", get(show).put(ban).delete(unban))
}

#[derive(Deserialize)]
struct List {
    limit: Option<usize>,
    before: Option<UserId>,
    after: Option<UserId>,
}

/// `GET /guilds/{guild.id}/bans`: by ascending id.
async fn list(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    Query(query): Query<List>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    view.permissions(me.id(), parts.now_ms()).require(Permissions::BAN_MEMBERS)?;
    let limit = query.limit.unwrap_or(1_000).min(1_000);
    // With both, `before` wins (Discord: Get Guild Bans).
    let mut ids: Vec<UserId> = match (query.before, query.after) {
        (Some(before), _) => {
            let page = view.bans.range(..before).rev().take(limit);
            page.map(|(user, _)| *user).collect()
        }
        (None, after) => {
            let page = view.bans.keys().filter(|user| after.is_none_or(|after| **user > after));
            page.take(limit).copied().collect()
        }
    };
    ids.sort_unstable();
    let users = parts.store.users().load(&ids).await?;
    let shown = users.iter().map(|user| {
        let reason = view.bans.get(&user.id).and_then(|ban| ban.reason.clone());
        json!({ "reason": reason, "user": wire::user(user) })
    });
    Ok(Json(shown.collect()))
}

/// `GET /guilds/{guild.id}/bans/{user.id}`
async fn show(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, user)): Path<(GuildId, UserId)>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    view.permissions(me.id(), parts.now_ms()).require(Permissions::BAN_MEMBERS)?;
    let ban = view.bans.get(&user).ok_or(ErrorCode::UnknownBan)?;
    let user = parts.store.users().user(user).await?.ok_or(ErrorCode::UnknownUser)?;
    Ok(Json(json!({ "reason": ban.reason, "user": wire::user(&user) })))
}

/// `PUT /guilds/{guild.id}/bans/{user.id}`
async fn ban(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, user)): Path<(GuildId, UserId)>,
    Reason(reason): Reason,
) -> Result<StatusCode, ApiError> {
    member_view(&parts, guild, me.id())?;
    if parts.store.users().user(user).await?.is_none() {
        return Err(ErrorCode::UnknownUser.into());
    }
    parts.store.execute(guild, me.id(), GuildCommand::Ban { user, reason }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /guilds/{guild.id}/bans/{user.id}`
async fn unban(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, user)): Path<(GuildId, UserId)>,
) -> Result<StatusCode, ApiError> {
    member_view(&parts, guild, me.id())?;
    parts.store.execute(guild, me.id(), GuildCommand::Unban(user)).await?;
    Ok(StatusCode::NO_CONTENT)
}
