//! Bans of a guild.

use axum::extract::State;
use axum::http::StatusCode;
use model::error_code::ErrorCode;
use model::gateway::DispatchName;
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
use state::audit::AuditAction;
use state::event::ChatEvent;
use state::guild::command::is_textual;
use state::record::MessageRecord;
use state::repo::Page;

use super::ApiError;
use super::carry::carry_out;
use super::error::FormErrors;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::extract::Query;
use super::extract::Reason;
use super::extract::bound;
use super::extract::member_view;
use super::messages::following;
use super::route::Needs;
use super::route::Routes;
use super::route::effects;
use super::route::get;
use super::route::post;
use super::schema;
use crate::cdn::upload;
use crate::parts::Parts;
use crate::wire;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route(
            "/guilds/{guild}/bans",
            get(list).lists(&schema::guilds::BAN).needs(Needs::All(Permissions::BAN_MEMBERS)),
        )
        .route(
            "/guilds/{guild}/bulk-ban",
            post(ban_many)
                .gives(&schema::guilds::BULK_BAN)
                .needs(Needs::All(Permissions::BAN_MEMBERS.union(Permissions::MANAGE_GUILD)))
                .logs(&[AuditAction::MemberBanAdd])
                .tells(&[DispatchName::GuildBanAdd])
                .may_tell(&[DispatchName::MessageDelete, DispatchName::MessageDeleteBulk])
                .may_tell(effects::REMOVAL)
                .may_tell(effects::LEAVING),
        )
        .route(
            "/guilds/{guild}/bans/{user}",
            get(show)
                .gives(&schema::guilds::BAN)
                .needs(Needs::All(Permissions::BAN_MEMBERS))
                .put(ban)
                .needs(Needs::All(Permissions::BAN_MEMBERS))
                .logs(&[AuditAction::MemberBanAdd])
                .tells(&[DispatchName::GuildBanAdd])
                .may_tell(&[DispatchName::MessageDelete, DispatchName::MessageDeleteBulk])
                .may_tell(effects::REMOVAL)
                .may_tell(effects::LEAVING)
                .delete(unban)
                .needs(Needs::All(Permissions::BAN_MEMBERS))
                .logs(&[AuditAction::MemberBanRemove])
                .tells(&[DispatchName::GuildBanRemove]),
        )
}

#[derive(Deserialize)]
struct List {
    limit: Option<usize>,
    #[serde(default, deserialize_with = "bound")]
    before: Option<UserId>,
    #[serde(default, deserialize_with = "bound")]
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
    let seconds = swept(body.delete_message_seconds.or(days))?;
    if parts.store.users().user(user).await?.is_none() {
        return Err(ErrorCode::UnknownUser.into());
    }
    carry_out(async move {
        let by = Reason(reason.clone()).by(me.id());
        let command = GuildCommand::Ban { user, reason };
        parts.store.execute(guild, by, command).await?;
        sweep(&parts, guild, &[user], seconds).await
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How far back messages are to be deleted, in seconds.
fn swept(seconds: Option<u64>) -> Result<u64, ApiError> {
    let seconds = seconds.unwrap_or_default();
    if seconds <= SWEEP {
        return Ok(seconds);
    }
    let message = format!("int value should be less than or equal to {SWEEP}.");
    Err(ApiError::Form(FormErrors::one("delete_message_seconds", "NUMBER_TYPE_MAX", message)))
}

#[derive(Deserialize)]
struct BanMany {
    user_ids: Vec<UserId>,
    delete_message_seconds: Option<u64>,
}

/// `POST /guilds/{guild.id}/bulk-ban` (BAN_MEMBERS and MANAGE_GUILD): each as by a ban of its own.
async fn ban_many(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    Reason(reason): Reason,
    Json(body): Json<BanMany>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    let needed = Permissions::BAN_MEMBERS | Permissions::MANAGE_GUILD;
    view.permissions(me.id(), parts.now_ms()).require(needed)?;
    let seconds = swept(body.delete_message_seconds)?;
    if body.user_ids.is_empty() || body.user_ids.len() > limits::BULK_BAN {
        let message = format!("Must be between 1 and {} in length.", limits::BULK_BAN);
        return Err(ApiError::Form(FormErrors::one("user_ids", "BASE_TYPE_MAX_LENGTH", message)));
    }
    let (banned, failed) = carry_out(async move {
        let (mut banned, mut failed) = (Vec::new(), Vec::new());
        for user in body.user_ids {
            let by = Reason(reason.clone()).by(me.id());
            let known = parts.store.users().user(user).await?.is_some();
            let before = parts.store.guild(guild).map(|handle| handle.view());
            let already = before.is_some_and(|view| view.bans.contains_key(&user));
            let command = GuildCommand::Ban { user, reason: reason.clone() };
            if known && !already && parts.store.execute(guild, by, command).await.is_ok() {
                banned.push(user);
            } else {
                failed.push(user);
            }
        }
        sweep(&parts, guild, &banned, seconds).await?;
        Ok((banned, failed))
    })
    .await?;
    if banned.is_empty() {
        return Err(ErrorCode::FailedToBan.into());
    }
    Ok(Json(json!({ "banned_users": banned, "failed_users": failed })))
}

/// Deletes what `users` said in the guild in the last `seconds`.
async fn sweep(
    parts: &Parts,
    guild: GuildId,
    users: &[UserId],
    seconds: u64,
) -> Result<(), ApiError> {
    if seconds == 0 || users.is_empty() {
        return Ok(());
    }
    let Some(handle) = parts.store.guild(guild) else { return Ok(()) };
    let oldest = parts.now_ms().saturating_sub(seconds * 1_000);
    let view = handle.view();
    for channel in view.channels.values().filter(|channel| is_textual(channel)) {
        let mut page = Page::Latest;
        loop {
            let found = parts.messages.page(channel.id, page, limits::MESSAGES_PAGE).await?;
            let recent = |message: &MessageRecord| unix_ms(message.id.get()) >= oldest;
            let said: Vec<_> =
                found.iter().filter(|one| users.contains(&one.author) && recent(one)).collect();
            let ids: Vec<_> = said.iter().map(|message| message.id).collect();
            for message in &said {
                following::owe(parts, message).await?;
            }
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
