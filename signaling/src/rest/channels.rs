//! One channel: what it is, who may act in it, who types there.

use axum::extract::DefaultBodyLimit;
use axum::extract::State;
use axum::http::StatusCode;
use model::error_code::ErrorCode;
use model::gateway::DispatchName;
use model::id::ChannelId;
use model::id::TagId;
use model::id::UserId;
use model::limits;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde_json::Value;
use state::Guild;
use state::GuildCommand;
use state::GuildEvent;
use state::audit::AuditAction;
use state::event::ChatEvent;
use state::guild::command::ChannelPatch;
use state::guild::command::ThreadPatch;
use state::store::ChannelHome;

use super::ApiError;
use super::automod;
use super::extract::Auth;
use super::extract::Flag;
use super::extract::Json;
use super::extract::Path;
use super::extract::Query;
use super::extract::Reason;
use super::extract::some;
use super::forums::Forum;
use super::groups;
use super::messages::place::Place;
use super::overwrites;
use super::overwrites::Overwrite;
use super::route::Needs;
use super::route::Routes;
use super::route::effects;
use super::route::get;
use super::route::post;
use super::schema;
use crate::auth::Identity;
use crate::parts::Parts;
use crate::wire;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route(
            "/channels/{channel}",
            get(show)
                .gives(&schema::channels::CHANNEL)
                .patch(update)
                .gives(&schema::channels::CHANNEL)
                .needs(Needs::All(Permissions::MANAGE_CHANNELS))
                .may_log(&[
                    AuditAction::ChannelUpdate,
                    AuditAction::ChannelOverwriteCreate,
                    AuditAction::ChannelOverwriteUpdate,
                    AuditAction::ChannelOverwriteDelete,
                    AuditAction::ThreadUpdate,
                ])
                .may_log(effects::JUDGING)
                .may_tell(&[
                    DispatchName::ChannelUpdate,
                    DispatchName::ThreadUpdate,
                    DispatchName::MessageCreate,
                    DispatchName::AutoModerationActionExecution,
                    DispatchName::GuildMemberUpdate,
                ])
                .may_tell(effects::SIGHT)
                .delete(remove)
                .gives(&schema::channels::CHANNEL)
                .needs(Needs::All(Permissions::MANAGE_CHANNELS))
                .may_log(&[AuditAction::ChannelDelete, AuditAction::ThreadDelete])
                .may_tell(&[
                    DispatchName::ChannelDelete,
                    DispatchName::ChannelUpdate,
                    DispatchName::ThreadDelete,
                    DispatchName::GuildUpdate,
                    DispatchName::GuildScheduledEventDelete,
                    DispatchName::StageInstanceDelete,
                    DispatchName::VoiceStateUpdate,
                    DispatchName::VoiceChannelStartTimeUpdate,
                    DispatchName::VoiceChannelStatusUpdate,
                    DispatchName::ChannelRecipientRemove,
                    DispatchName::MessageCreate,
                    DispatchName::MessageUpdate,
                    DispatchName::CallUpdate,
                    DispatchName::CallDelete,
                ])
                .layer(DefaultBodyLimit::max(limits::PICTURE_BODY)),
        )
        .route(
            "/channels/{channel}/typing",
            post(typing)
                .needs(Needs::All(Permissions::SEND_MESSAGES))
                .tells(&[DispatchName::TypingStart])
                .may_tell(&[DispatchName::ChannelCreate]),
        )
}

/// A channel that `me` may act in with `needed`, besides seeing it.
///
/// # Errors
///
/// 10003 for what is not there, 50001 for what may not be seen, 50013.
pub(super) async fn open(
    parts: &Parts,
    me: &Identity,
    channel: ChannelId,
    needed: Permissions,
) -> Result<ChannelHome, ApiError> {
    let home = parts.store.of_channel(channel).await?.ok_or(ErrorCode::UnknownChannel)?;
    match &home {
        ChannelHome::Guild(guild) => {
            let allowed = guild.view().permissions_in(me.id(), channel, parts.now_ms());
            allowed.require(Permissions::VIEW_CHANNEL)?;
            allowed.require(needed)?;
        }
        ChannelHome::Private(private) => {
            if !private.recipients.contains(&me.id()) {
                return Err(ErrorCode::MissingAccess.into());
            }
        }
    }
    Ok(home)
}

/// `GET /channels/{channel.id}`
async fn show(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
) -> Result<Json<Value>, ApiError> {
    match open(&parts, &me, channel, Permissions::empty()).await? {
        ChannelHome::Guild(guild) => {
            let view = guild.view();
            Ok(Json(shown(&view, channel, &me)?))
        }
        ChannelHome::Private(private) => {
            let people = parts.store.users().load(&private.recipients).await?;
            Ok(Json(wire::private_channel(&private, me.id(), &people)))
        }
    }
}

/// A channel or a thread of a guild.
fn shown(view: &Guild, channel: ChannelId, me: &Identity) -> Result<Value, ApiError> {
    if let Some(thread) = view.threads.get(&channel) {
        return Ok(wire::thread(thread, view.id, Some(me.id())));
    }
    let channel = view.channels.get(&channel).ok_or(ErrorCode::UnknownChannel)?;
    Ok(wire::channel_in(view, channel))
}

#[derive(Deserialize)]
struct Update {
    #[serde(default, deserialize_with = "some")]
    name: Option<Option<String>>,
    #[serde(default, deserialize_with = "some")]
    icon: Option<Option<String>>,
    owner: Option<UserId>,
    #[serde(default, deserialize_with = "some")]
    topic: Option<Option<String>>,
    #[serde(default, deserialize_with = "some")]
    position: Option<Option<i32>>,
    #[serde(default, deserialize_with = "some")]
    parent_id: Option<Option<ChannelId>>,
    #[serde(default, deserialize_with = "some")]
    bitrate: Option<Option<u32>>,
    #[serde(default, deserialize_with = "some")]
    user_limit: Option<Option<u32>>,
    #[serde(default, deserialize_with = "some")]
    rate_limit_per_user: Option<Option<u16>>,
    #[serde(default, deserialize_with = "some")]
    nsfw: Option<Option<bool>>,
    #[serde(default, deserialize_with = "some")]
    permission_overwrites: Option<Option<Vec<Overwrite>>>,
    #[serde(flatten)]
    forum: Forum,
    archived: Option<bool>,
    locked: Option<bool>,
    invitable: Option<bool>,
    auto_archive_duration: Option<u16>,
    applied_tags: Option<Vec<TagId>>,
}

/// `PATCH /channels/{channel.id}`
async fn update(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
    reason: Reason,
    Json(body): Json<Update>,
) -> Result<Json<Value>, ApiError> {
    let guild = match open(&parts, &me, channel, Permissions::empty()).await? {
        ChannelHome::Guild(guild) => guild,
        ChannelHome::Private(private) if private.group.is_some() => {
            let patch = groups::Patch { name: body.name, icon: body.icon, owner: body.owner };
            return groups::update(parts, me.id(), &private, patch).await;
        }
        ChannelHome::Private(_) => return Err(ErrorCode::CannotExecuteOnPrivateChannel.into()),
    };
    let view = guild.view();
    if view.threads.contains_key(&channel) {
        if let Some(Some(name)) = &body.name {
            let place = Place::open(&parts, &me, channel, Permissions::empty()).await?;
            automod::title(&parts, &place, &me, name).await?;
        }
        let patch = ThreadPatch {
            name: body.name.flatten(),
            archived: body.archived,
            locked: body.locked,
            invitable: body.invitable,
            auto_archive_minutes: body.auto_archive_duration,
            rate_limit_per_user: body.rate_limit_per_user.map(Option::unwrap_or_default),
            flags: body.forum.flags,
            tags: body.applied_tags,
        };
        let command = GuildCommand::UpdateThread(channel, patch);
        let view = parts.store.execute(guild.id(), reason.by(me.id()), command).await?;
        return Ok(Json(shown(&view, channel, &me)?));
    }
    let before = view.channels.get(&channel).and_then(|channel| channel.available_tags.as_deref());
    let patch = ChannelPatch {
        name: body.name.flatten(),
        topic: body.topic,
        position: body.position.flatten(),
        parent: body.parent_id,
        bitrate: body.bitrate.flatten(),
        user_limit: body.user_limit.map(Option::unwrap_or_default),
        rate_limit_per_user: body.rate_limit_per_user.map(Option::unwrap_or_default),
        nsfw: body.nsfw.map(Option::unwrap_or_default),
        overwrites: match body.permission_overwrites {
            Some(given) => Some(overwrites::all(given.unwrap_or_default())?),
            None => None,
        },
        forum: body.forum.patch(&parts, before.unwrap_or_default())?,
    };
    let command = GuildCommand::UpdateChannel(channel, patch);
    let view = parts.store.execute(guild.id(), reason.by(me.id()), command).await?;
    Ok(Json(shown(&view, channel, &me)?))
}

#[derive(Deserialize)]
struct Leave {
    #[serde(default)]
    silent: Flag,
}

/// `DELETE /channels/{channel.id}`: deletes, leaves a group, or closes a direct message.
async fn remove(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
    Query(Leave { silent }): Query<Leave>,
    reason: Reason,
) -> Result<Json<Value>, ApiError> {
    let guild = match open(&parts, &me, channel, Permissions::empty()).await? {
        ChannelHome::Guild(guild) => guild,
        ChannelHome::Private(private) if private.group.is_some() => {
            return groups::leave(parts, me.id(), &private, silent.0).await;
        }
        // Closing a direct message takes nothing from the other: clients hide it, and the next
        // message brings it back.
        ChannelHome::Private(private) => {
            let people = parts.store.users().load(&private.recipients).await?;
            return Ok(Json(wire::private_channel(&private, me.id(), &people)));
        }
    };
    let view = guild.view();
    let gone = shown(&view, channel, &me)?;
    parts
        .store
        .execute(guild.id(), reason.by(me.id()), GuildCommand::DeleteChannel(channel))
        .await?;
    Ok(Json(gone))
}

/// `POST /channels/{channel.id}/typing`
async fn typing(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
) -> Result<StatusCode, ApiError> {
    let home = open(&parts, &me, channel, Permissions::SEND_MESSAGES).await?;
    let event = ChatEvent::Typing { channel, user: me.id(), since: parts.now_ms() / 1_000 };
    match home {
        ChannelHome::Guild(guild) => guild.publish(GuildEvent::Chat(event)).await?,
        ChannelHome::Private(private) => parts.store.publish_private(private, event).await?,
    }
    Ok(StatusCode::NO_CONTENT)
}
