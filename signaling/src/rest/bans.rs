//! Bans of a guild.

use axum::extract::State;
use axum::http::StatusCode;
use model::error_code::ErrorCode;
use model::id::GuildId;
use model::id::UserId;
use model::limits;
use model::snowflake::unix_ms;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::GuildCommand;
use state::GuildEvent;
use state::event::ChatEvent;
use state::guild::command::is_textual;
use state::record::MessageRecord;
use state::repo::Page;

use super::ApiError;
use super::error::FormErrors;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::extract::Query;
use super::extract::Reason;
use super::extract::member_view;
use super::messages::following;
use super::messages::place::carry_out;
use super::route::Needs;
use super::route::Routes;
use super::route::get;
use crate::cdn::upload;
use crate::parts::Parts;
use crate::wire;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route("/guilds/{guild}/bans", get(list).needs(Needs::All(Permissions::BAN_MEMBERS)))
        .route(
            "/guilds/{guild}/bans/{user}",
            get(show)
                .needs(Needs::All(Permissions::BAN_MEMBERS))
                .put(ban)
                .needs(Needs::All(Permissions::BAN_MEMBERS))
                .delete(unban)
                .needs(Needs::All(Permissions::BAN_MEMBERS)),
        )
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

#[derive(Deserialize, Default)]
#[serde(default)]
struct Ban {
    delete_message_seconds: Option<u64>,
    delete_message_days: Option<u64>,
}

/// `PUT /guilds/{guild.id}/bans/{user.id}`: member or not, with what they said lately if wanted.
async fn ban(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, user)): Path<(GuildId, UserId)>,
    Reason(reason): Reason,
    Json(body): Json<Ban>,
) -> Result<StatusCode, ApiError> {
    member_view(&parts, guild, me.id())?;
    let days = body.delete_message_days.map(|days| days.saturating_mul(86_400));
    let seconds = body.delete_message_seconds.or(days).unwrap_or_default();
    if seconds > SWEEP {
        let message = format!("int value should be less than or equal to {SWEEP}.");
        let errors = FormErrors::one("delete_message_seconds", "NUMBER_TYPE_MAX", message);
        return Err(ApiError::Form(errors));
    }
    if parts.store.users().user(user).await?.is_none() {
        return Err(ErrorCode::UnknownUser.into());
    }
    carry_out(async move {
        let by = Reason(reason.clone()).by(me.id());
        let command = GuildCommand::Ban { user, reason };
        parts.store.execute(guild, by, command).await?;
        sweep(&parts, guild, user, seconds).await
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes what `user` said in the guild in the last `seconds`.
async fn sweep(parts: &Parts, guild: GuildId, user: UserId, seconds: u64) -> Result<(), ApiError> {
    let Some(handle) = parts.store.guild(guild).filter(|_| seconds > 0) else { return Ok(()) };
    let oldest = parts.now_ms().saturating_sub(seconds * 1_000);
    let view = handle.view();
    for channel in view.channels.values().filter(|channel| is_textual(channel)) {
        let mut page = Page::Latest;
        loop {
            let found = parts.messages.page(channel.id, page, limits::MESSAGES_PAGE).await?;
            let recent = |message: &MessageRecord| unix_ms(message.id.get()) >= oldest;
            let said: Vec<_> =
                found.iter().filter(|one| one.author == user && recent(one)).collect();
            let ids: Vec<_> = said.iter().map(|message| message.id).collect();
            let ids = parts.messages.remove(channel.id, &ids).await?;
            if !ids.is_empty() {
                let event = ChatEvent::MessagesDeleted { channel: channel.id, ids, bulk: true };
                handle.publish(GuildEvent::Chat(event)).await?;
                for message in &said {
                    following::follow_deletion(parts, message).await;
                }
                let files = said.iter().flat_map(|message| message.attachments.iter().cloned());
                upload::remove(parts, &files.collect::<Vec<_>>()).await;
            }
            match found.last() {
                Some(last) if recent(last) => page = Page::Before(last.id),
                _ => break,
            }
        }
    }
    Ok(())
}

/// How far back a ban may delete messages, in seconds (Discord: Create Guild Ban).
const SWEEP: u64 = 604_800;

/// `DELETE /guilds/{guild.id}/bans/{user.id}`
async fn unban(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, user)): Path<(GuildId, UserId)>,
    reason: Reason,
) -> Result<StatusCode, ApiError> {
    member_view(&parts, guild, me.id())?;
    parts.store.execute(guild, reason.by(me.id()), GuildCommand::Unban(user)).await?;
    Ok(StatusCode::NO_CONTENT)
}
