//! One channel, its overwrites and its invites.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::routing::post;
use axum::routing::put;
use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::wire::channel::permission_overwrite::PermissionOverwrite;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::GuildCommand;
use state::GuildEvent;
use state::event::ChatEvent;
use state::guild::command::ChannelPatch;
use state::record::InviteRecord;
use state::store::ChannelHome;
use std::sync::Arc;

use super::ApiError;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::extract::some;
use crate::auth::Identity;
use crate::auth::accounts;
use crate::parts::Parts;
use crate::wire;

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route("/channels/{channel}", get(show).patch(update).delete(remove))
        .route(
            "/channels/{channel}/permissions/{target}",
            put(set_overwrite).delete(drop_overwrite),
        )
        .route("/channels/{channel}/invites", get(invites).post(create_invite))
        .route("/channels/{channel}/typing", post(typing))
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
            let channel = view.channels.get(&channel).ok_or(ErrorCode::UnknownChannel)?;
            Ok(Json(wire::channel(channel)))
        }
        ChannelHome::Private(private) => {
            let people = parts.store.users().load(&private.recipients).await?;
            Ok(Json(wire::private_channel(&private, me.id(), &people)))
        }
    }
}

#[derive(Deserialize)]
struct Update {
    name: Option<String>,
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
    permission_overwrites: Option<Option<Vec<PermissionOverwrite>>>,
}

/// `PATCH /channels/{channel.id}`
async fn update(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
    Json(body): Json<Update>,
) -> Result<Json<Value>, ApiError> {
    let ChannelHome::Guild(guild) = open(&parts, &me, channel, Permissions::empty()).await? else {
        return Err(ErrorCode::CannotExecuteOnPrivateChannel.into());
    };
    let patch = ChannelPatch {
        name: body.name,
        topic: body.topic,
        position: body.position.flatten(),
        parent: body.parent_id,
        bitrate: body.bitrate.flatten(),
        user_limit: body.user_limit.map(Option::unwrap_or_default),
        rate_limit_per_user: body.rate_limit_per_user.map(Option::unwrap_or_default),
        nsfw: body.nsfw.map(Option::unwrap_or_default),
        overwrites: body.permission_overwrites.map(Option::unwrap_or_default),
    };
    let command = GuildCommand::UpdateChannel(channel, patch);
    let view = parts.store.execute(guild.id(), me.id(), command).await?;
    let channel = view.channels.get(&channel).ok_or(ErrorCode::UnknownChannel)?;
    Ok(Json(wire::channel(channel)))
}

/// `DELETE /channels/{channel.id}`
async fn remove(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
) -> Result<Json<Value>, ApiError> {
    let home = open(&parts, &me, channel, Permissions::empty()).await?;
    let ChannelHome::Guild(guild) = home else {
        return Err(ErrorCode::CannotExecuteOnPrivateChannel.into());
    };
    let view = guild.view();
    let gone = view.channels.get(&channel).ok_or(ErrorCode::UnknownChannel)?;
    parts.store.execute(guild.id(), me.id(), GuildCommand::DeleteChannel(channel)).await?;
    Ok(Json(wire::channel(gone)))
}

/// `PUT /channels/{channel.id}/permissions/{overwrite.id}`
async fn set_overwrite(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((channel, target)): Path<(ChannelId, u64)>,
    Json(mut body): Json<Value>,
) -> Result<StatusCode, ApiError> {
    let home = open(&parts, &me, channel, Permissions::empty()).await?;
    let ChannelHome::Guild(guild) = home else {
        return Err(ErrorCode::CannotExecuteOnPrivateChannel.into());
    };
    body["id"] = json!(target.to_string());
    for bits in ["allow", "deny"] {
        if body[bits].is_null() {
            body[bits] = json!("0");
        }
    }
    let overwrite: PermissionOverwrite = super::extract::parse(body.to_string().as_bytes())?;
    let command = GuildCommand::SetOverwrite(channel, overwrite);
    parts.store.execute(guild.id(), me.id(), command).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /channels/{channel.id}/permissions/{overwrite.id}`
async fn drop_overwrite(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((channel, target)): Path<(ChannelId, u64)>,
) -> Result<StatusCode, ApiError> {
    let home = open(&parts, &me, channel, Permissions::empty()).await?;
    let ChannelHome::Guild(guild) = home else {
        return Err(ErrorCode::CannotExecuteOnPrivateChannel.into());
    };
    let command = GuildCommand::RemoveOverwrite(channel, target);
    parts.store.execute(guild.id(), me.id(), command).await?;
    Ok(StatusCode::NO_CONTENT)
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

#[derive(Deserialize, Default)]
struct CreateInvite {
    max_age: Option<u32>,
    max_uses: Option<u32>,
    temporary: Option<bool>,
}

/// `POST /channels/{channel.id}/invites`
async fn create_invite(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
    Json(body): Json<CreateInvite>,
) -> Result<Json<Value>, ApiError> {
    let home = open(&parts, &me, channel, Permissions::CREATE_INVITE).await?;
    let ChannelHome::Guild(guild) = home else {
        return Err(ErrorCode::CannotExecuteOnPrivateChannel.into());
    };
    let invite = InviteRecord {
        code: accounts::invite_code(),
        guild: Some(guild.id()),
        channel: Some(channel),
        inviter: Some(me.id()),
        max_uses: body.max_uses.unwrap_or(0).min(100),
        uses: 0,
        max_age: body.max_age.unwrap_or(86_400).min(604_800),
        created_ms: parts.now_ms(),
        owner: false,
        temporary: body.temporary.unwrap_or_default(),
    };
    parts.invites.create(&invite).await?;
    guild.publish(GuildEvent::InviteCreated(Arc::new(invite.clone()))).await?;
    Ok(Json(super::invites::detailed(&invite, &guild.view(), Some(&me.user))))
}

/// `GET /channels/{channel.id}/invites`
async fn invites(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
) -> Result<Json<Value>, ApiError> {
    let home = open(&parts, &me, channel, Permissions::MANAGE_CHANNELS).await?;
    let ChannelHome::Guild(guild) = home else {
        return Err(ErrorCode::CannotExecuteOnPrivateChannel.into());
    };
    let view = guild.view();
    let now_ms = parts.now_ms();
    let invites = parts.invites.list(Some(guild.id())).await?;
    let shown = invites
        .iter()
        .filter(|invite| invite.channel == Some(channel) && invite.is_valid(now_ms))
        .map(|invite| super::invites::detailed(invite, &view, None));
    Ok(Json(shown.collect()))
}
