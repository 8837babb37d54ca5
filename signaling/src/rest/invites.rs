//! Invites by their code.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use model::error_code::ErrorCode;
use model::id::GuildId;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::Guild;
use state::GuildEvent;
use state::record::InviteRecord;
use state::record::UserRecord;
use state::repo::RepoError;

use super::ApiError;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::extract::Query;
use super::extract::member_view;
use crate::auth::accounts;
use crate::parts::Parts;
use crate::wire;

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route("/invites/{code}", get(show).post(accept).delete(revoke))
        .route("/guilds/{guild}/invites", get(of_guild))
}

/// An invite as its guild's moderators see it.
pub(super) fn detailed(invite: &InviteRecord, view: &Guild, inviter: Option<&UserRecord>) -> Value {
    let mut value = wire::invite(invite, Some(view), inviter, false);
    value["uses"] = json!(invite.uses);
    value["max_uses"] = json!(invite.max_uses);
    value["max_age"] = json!(invite.max_age);
    value["temporary"] = json!(invite.temporary);
    value["created_at"] = json!(crate::parts::timestamp(invite.created_ms));
    value
}

async fn valid(parts: &Parts, code: &str) -> Result<InviteRecord, ApiError> {
    let invite = parts.invites.invite(code).await?;
    let invite = invite.filter(|invite| invite.is_valid(parts.now_ms()));
    Ok(invite.ok_or(ErrorCode::UnknownInvite)?)
}

#[derive(Deserialize)]
struct Counts {
    with_counts: Option<String>,
}

/// `GET /invites/{invite.code}`: open to all who have the code.
async fn show(
    State(parts): State<Parts>,
    Path(code): Path<String>,
    Query(query): Query<Counts>,
) -> Result<Json<Value>, ApiError> {
    let invite = valid(&parts, &code).await?;
    let counts = matches!(query.with_counts.as_deref(), Some("true" | "1" | "True"));
    shown(&parts, &invite, counts).await
}

async fn shown(
    parts: &Parts,
    invite: &InviteRecord,
    counts: bool,
) -> Result<Json<Value>, ApiError> {
    let view = match invite.guild {
        Some(guild) => Some(parts.store.guild(guild).ok_or(ErrorCode::UnknownInvite)?.view()),
        None => None,
    };
    let inviter = match invite.inviter {
        Some(inviter) => parts.store.users().user(inviter).await?,
        None => None,
    };
    Ok(Json(wire::invite(invite, view.as_deref(), inviter.as_deref(), counts)))
}

/// `POST /invites/{invite.code}`: become a member.
async fn accept(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(code): Path<String>,
) -> Result<Json<Value>, ApiError> {
    if me.user.bot {
        return Err(ErrorCode::BotsCannotUse.into());
    }
    let invite = valid(&parts, &code).await?;
    let guild = invite.guild.ok_or(ErrorCode::UnknownInvite)?;
    let handle = parts.store.guild(guild).ok_or(ErrorCode::UnknownInvite)?;
    let view = handle.view();
    if view.bans.contains_key(&me.id()) {
        return Err(ErrorCode::BannedFromGuild.into());
    }
    if !view.members.contains_key(&me.id()) {
        match parts.invites.use_once(&code, parts.now_ms()).await {
            Ok(_) => {}
            Err(RepoError::NotFound) => return Err(ErrorCode::UnknownInvite.into()),
            Err(error) => return Err(error.into()),
        }
        accounts::join(&parts, guild, me.id()).await?;
    }
    shown(&parts, &invite, true).await
}

/// `DELETE /invites/{invite.code}`
async fn revoke(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(code): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let invite = parts.invites.invite(&code).await?.ok_or(ErrorCode::UnknownInvite)?;
    let guild = invite.guild.ok_or(ErrorCode::UnknownInvite)?;
    let handle = parts.store.guild(guild).ok_or(ErrorCode::UnknownInvite)?;
    let view = handle.view();
    if invite.inviter != Some(me.id()) {
        view.permissions(me.id(), parts.now_ms()).require(Permissions::MANAGE_GUILD)?;
    }
    parts.invites.remove(&code).await?;
    let event = GuildEvent::InviteDeleted { code, channel: invite.channel };
    handle.publish(event).await?;
    Ok(Json(wire::invite(&invite, Some(&view), None, false)))
}

/// `GET /guilds/{guild.id}/invites`
async fn of_guild(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    view.permissions(me.id(), parts.now_ms()).require(Permissions::MANAGE_GUILD)?;
    let now_ms = parts.now_ms();
    let invites = parts.invites.list(Some(guild)).await?;
    let shown = invites.iter().filter(|invite| invite.is_valid(now_ms));
    Ok(Json(shown.map(|invite| detailed(invite, &view, None)).collect()))
}
