//! Members of a guild: who they are, what moderators change of them, where they are in voice.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::routing::put;
use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::RoleId;
use model::id::UserId;
use model::wire::util::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use state::Guild;
use state::GuildCommand;
use state::guild::command::MemberPatch;

use super::ApiError;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::extract::Query;
use super::extract::member_view;
use super::extract::some;
use crate::parts::Parts;
use crate::wire;

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route("/guilds/{guild}/members", get(list))
        .route("/guilds/{guild}/members/search", get(search))
        .route("/guilds/{guild}/members/@me", get(show_me).patch(update_me))
        .route("/guilds/{guild}/members/{user}", get(show).patch(update).delete(kick))
        .route("/guilds/{guild}/members/{user}/roles/{role}", put(give).delete(take))
        .route("/guilds/{guild}/voice-states/@me", get(my_voice))
        .route("/guilds/{guild}/voice-states/{user}", get(voice))
}

async fn shown(parts: &Parts, view: &Guild, user: UserId) -> Result<Value, ApiError> {
    let member = view.members.get(&user).ok_or(ErrorCode::UnknownMember)?;
    let user = parts.store.users().user(user).await?.ok_or(ErrorCode::UnknownUser)?;
    Ok(wire::member(member, &user))
}

#[derive(Deserialize)]
struct List {
    limit: Option<usize>,
    after: Option<u64>,
}

/// `GET /guilds/{guild.id}/members`: by ascending id.
async fn list(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    Query(query): Query<List>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    let after = query.after.unwrap_or(0);
    let page: Vec<_> = view
        .members
        .range(UserId::new(after.saturating_add(1).max(1))..)
        .take(query.limit.unwrap_or(1).clamp(1, 1_000))
        .map(|(_, member)| member.clone())
        .collect();
    let ids: Vec<_> = page.iter().map(|member| member.user).collect();
    parts.store.users().load(&ids).await?;
    let shown = page.iter().filter_map(|member| {
        Some(wire::member(member, &*parts.store.users().cached(member.user)?))
    });
    Ok(Json(shown.collect()))
}

#[derive(Deserialize)]
struct Search {
    #[serde(default)]
    query: String,
    limit: Option<usize>,
}

/// `GET /guilds/{guild.id}/members/search`: by the beginning of a name.
async fn search(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    Query(query): Query<Search>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    let wanted = query.query.to_lowercase();
    let begins = |name: &Option<String>| {
        name.as_ref().is_some_and(|name| name.to_lowercase().starts_with(&wanted))
    };
    let found = view.members.values().filter_map(|member| {
        let user = parts.store.users().cached(member.user)?;
        let hit = user.username.to_lowercase().starts_with(&wanted)
            || begins(&user.global_name)
            || begins(&member.nick);
        hit.then(|| wire::member(member, &user))
    });
    Ok(Json(found.take(query.limit.unwrap_or(1).clamp(1, 1_000)).collect()))
}

/// `GET /guilds/{guild.id}/members/{user.id}`
async fn show(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, user)): Path<(GuildId, UserId)>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    Ok(Json(shown(&parts, &view, user).await?))
}

/// `GET /guilds/{guild.id}/members/@me`
async fn show_me(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    Ok(Json(shown(&parts, &view, me.id()).await?))
}

#[derive(Deserialize)]
struct Update {
    #[serde(default, deserialize_with = "some")]
    nick: Option<Option<String>>,
    #[serde(default, deserialize_with = "some")]
    roles: Option<Option<Vec<RoleId>>>,
    mute: Option<bool>,
    deaf: Option<bool>,
    #[serde(default, deserialize_with = "some")]
    channel_id: Option<Option<ChannelId>>,
    #[serde(default, deserialize_with = "some")]
    communication_disabled_until: Option<Option<Timestamp>>,
}

/// `PATCH /guilds/{guild.id}/members/{user.id}`
async fn update(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, user)): Path<(GuildId, UserId)>,
    Json(body): Json<Update>,
) -> Result<Json<Value>, ApiError> {
    member_view(&parts, guild, me.id())?;
    let patch = MemberPatch {
        nick: body.nick,
        roles: body.roles.map(Option::unwrap_or_default),
        mute: body.mute,
        deaf: body.deaf,
        communication_disabled_until: body.communication_disabled_until,
    };
    let mut view = member_view(&parts, guild, me.id())?;
    if patch != MemberPatch::default() {
        let command = GuildCommand::UpdateMember(user, patch);
        view = parts.store.execute(guild, me.id(), command).await?;
    }
    if let Some(channel) = body.channel_id {
        parts.calls.move_member(me.id(), guild, user, channel).await?;
    }
    Ok(Json(shown(&parts, &view, user).await?))
}

#[derive(Deserialize)]
struct UpdateMe {
    #[serde(default, deserialize_with = "some")]
    nick: Option<Option<String>>,
}

/// `PATCH /guilds/{guild.id}/members/@me`
async fn update_me(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    Json(body): Json<UpdateMe>,
) -> Result<Json<Value>, ApiError> {
    let patch = MemberPatch { nick: body.nick, ..MemberPatch::default() };
    let command = GuildCommand::UpdateMember(me.id(), patch);
    let view = parts.store.execute(guild, me.id(), command).await?;
    Ok(Json(shown(&parts, &view, me.id()).await?))
}

/// `DELETE /guilds/{guild.id}/members/{user.id}`
async fn kick(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, user)): Path<(GuildId, UserId)>,
) -> Result<StatusCode, ApiError> {
    parts.store.execute(guild, me.id(), GuildCommand::Kick(user)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /guilds/{guild.id}/members/{user.id}/roles/{role.id}`
async fn give(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, user, role)): Path<(GuildId, UserId, RoleId)>,
) -> Result<StatusCode, ApiError> {
    change_roles(&parts, guild, me.id(), user, |roles| {
        if !roles.contains(&role) {
            roles.push(role);
        }
    })
    .await
}

/// `DELETE /guilds/{guild.id}/members/{user.id}/roles/{role.id}`
async fn take(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, user, role)): Path<(GuildId, UserId, RoleId)>,
) -> Result<StatusCode, ApiError> {
    change_roles(&parts, guild, me.id(), user, |roles| roles.retain(|held| *held != role)).await
}

async fn change_roles(
    parts: &Parts,
    guild: GuildId,
    actor: UserId,
    user: UserId,
    change: impl FnOnce(&mut Vec<RoleId>),
) -> Result<StatusCode, ApiError> {
    let view = member_view(parts, guild, actor)?;
    let mut roles = view.members.get(&user).ok_or(ErrorCode::UnknownMember)?.roles.clone();
    change(&mut roles);
    let patch = MemberPatch { roles: Some(roles), ..MemberPatch::default() };
    parts.store.execute(guild, actor, GuildCommand::UpdateMember(user, patch)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /guilds/{guild.id}/voice-states/@me`
async fn my_voice(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    let state = view.voice.get(&me.id()).ok_or(ErrorCode::NotConnectedToVoice)?;
    Ok(Json(wire::voice_state(state, None)))
}

/// `GET /guilds/{guild.id}/voice-states/{user.id}`
async fn voice(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, user)): Path<(GuildId, UserId)>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    let state = view.voice.get(&user).ok_or(ErrorCode::NotConnectedToVoice)?;
    Ok(Json(wire::voice_state(state, None)))
}
