//! Private channels of more than two people (userdoccers: Channel, Group DM).

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::response::Response;
use model::error_code::ErrorCode;
use model::gateway::DispatchName;
use model::id::ChannelId;
use model::id::UserId;
use model::limits;
use model::wire::guild::Permissions;
use serde_json::Value;
use serde_json::json;
use state::UserEvent;
use state::call::CallCommand;
use state::event::ChatEvent;
use state::event::Personal;
use state::group::Group;
use state::group::GroupChange;
use state::group::GroupOutcome;
use state::record::MessageRecord;
use state::record::PrivateChannel;
use state::relationship::Bond;
use state::store::ChannelHome;

use super::ApiError;
use super::carry::carry_out;
use super::channels;
use super::error::FormErrors;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::messages::kind;
use super::read_states::require_person;
use super::route::Routes;
use super::route::put;
use super::schema;
use crate::auth::Identity;
use crate::cdn::picture;
use crate::cdn::picture::Owner;
use crate::cdn::picture::Wish;
use crate::parts::Parts;
use crate::wire;

pub(super) fn routes() -> Routes {
    Routes::new().route(
        "/channels/{channel}/recipients/{user}",
        put(add)
            .gives(&schema::channels::CHANNEL)
            .with_status(201)
            .or(204)
            .may_tell(&[
                DispatchName::ChannelRecipientAdd,
                DispatchName::ChannelCreate,
                DispatchName::CallCreate,
                DispatchName::MessageCreate,
            ])
            .delete(remove)
            .tells(&[DispatchName::ChannelDelete])
            .may_tell(&[
                DispatchName::ChannelRecipientRemove,
                DispatchName::ChannelUpdate,
                DispatchName::MessageCreate,
                DispatchName::MessageUpdate,
                DispatchName::CallUpdate,
                DispatchName::CallDelete,
                DispatchName::VoiceStateUpdate,
            ]),
    )
}

/// Demands that all of `others` are friends of `me` (50007).
async fn require_friends(parts: &Parts, me: UserId, others: &[UserId]) -> Result<(), ApiError> {
    let all = parts.relationships.of_user(me).await?;
    let friend =
        |other: &UserId| all.iter().any(|one| one.other == *other && one.bond == Bond::Friend);
    if others.iter().all(friend) { Ok(()) } else { Err(ErrorCode::CannotMessageUser.into()) }
}

/// A new group of `me` and their friends `others`.
///
/// # Errors
///
/// 20001 for bots, 30004 for too many people, 50007 for who is no friend.
pub(super) async fn create(
    parts: Parts,
    me: &Identity,
    mut others: Vec<UserId>,
) -> Result<Arc<PrivateChannel>, ApiError> {
    require_person(me)?;
    let me = me.id();
    others.retain(|other| *other != me);
    if others.len() + 1 > limits::GROUP_PEOPLE {
        return Err(ErrorCode::MaximumRecipients.into());
    }
    require_friends(&parts, me, &others).await?;
    let group = Group { owner: me, name: None, icon: None, version: 0 };
    let recipients = std::iter::once(me).chain(others).collect();
    let id = parts.ids.next();
    let channel = PrivateChannel { id, recipients, last_message: None, group: Some(group) };
    Ok(parts.store.open_group(channel).await?)
}

/// The private channel, if `me` is in it.
async fn open(
    parts: &Parts,
    me: &Identity,
    channel: ChannelId,
) -> Result<Arc<PrivateChannel>, ApiError> {
    match channels::open(parts, me, channel, Permissions::empty()).await? {
        ChannelHome::Private(private) => Ok(private),
        ChannelHome::Guild(_) => Err(ErrorCode::CannotExecuteOnChannelType.into()),
    }
}

/// The private channel, if it is a group that `me` is in.
async fn open_group(
    parts: &Parts,
    me: &Identity,
    channel: ChannelId,
) -> Result<(Arc<PrivateChannel>, Group), ApiError> {
    let private = open(parts, me, channel).await?;
    let group = private.group.clone().ok_or(ErrorCode::CannotExecuteOnChannelType)?;
    Ok((private, group))
}

/// Changes a group; before and after.
async fn change(
    parts: &Parts,
    channel: ChannelId,
    change: GroupChange,
) -> Result<(PrivateChannel, Option<PrivateChannel>), ApiError> {
    match parts.store.change_group(channel, change).await? {
        GroupOutcome::Changed { before, after } => Ok((before, after)),
        GroupOutcome::Refused(code) => Err(code.into()),
    }
}

/// Tells people something about their channel, in order with what is said there.
async fn tell(
    parts: &Parts,
    people: Vec<UserId>,
    name: DispatchName,
    body: Value,
) -> Result<(), ApiError> {
    let (messages, files) = (Vec::new(), Vec::new());
    let personal = Personal { name, guild: None, body, messages, files };
    parts.store.tell_private(people, UserEvent::Personal(Arc::new(personal))).await?;
    Ok(())
}

/// The system's word in a group: that something about it changed.
async fn note(
    parts: &Parts,
    channel: &PrivateChannel,
    who: UserId,
    (kind, content, about): (u8, String, Option<UserId>),
) -> Result<(), ApiError> {
    let said = MessageRecord::said(parts.ids.next(), channel.id, who, content);
    let message = MessageRecord { kind, mentions: about.into_iter().collect(), ..said };
    parts.messages.insert(&message).await?;
    let event = ChatEvent::MessageCreated(Arc::new(message));
    parts.store.publish_private(Arc::new(channel.clone()), event).await?;
    Ok(())
}

/// A channel as `viewer` sees it.
async fn shown(parts: &Parts, channel: &PrivateChannel, viewer: UserId) -> Result<Value, ApiError> {
    let people = parts.store.users().load(&channel.recipients).await?;
    Ok(wire::private_channel(channel, viewer, &people))
}

/// `PUT /channels/{channel.id}/recipients/{user.id}`: anyone in a group brings friends. Of a pair, it
/// makes a new group.
async fn add(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((channel, user)): Path<(ChannelId, UserId)>,
) -> Result<Response, ApiError> {
    require_person(&me)?;
    let private = open(&parts, &me, channel).await?;
    let known = parts.store.users().user(user).await?.ok_or(ErrorCode::UnknownUser)?;
    require_friends(&parts, me.id(), &[user]).await?;
    if private.group.is_none() {
        let others = private.recipients.iter().copied().chain([user]).collect();
        let me_id = me.id();
        let made = create(parts.clone(), &me, others).await?;
        let shown = shown(&parts, &made, me_id).await?;
        return Ok((StatusCode::CREATED, Json(shown)).into_response());
    }
    carry_out(async move {
        let (before, after) = change(&parts, channel, GroupChange::Add(user)).await?;
        let Some(after) = after.filter(|after| before.recipients != after.recipients) else {
            return Ok(());
        };
        let body = json!({ "channel_id": channel, "user": wire::user(&known) });
        tell(&parts, before.recipients, DispatchName::ChannelRecipientAdd, body).await?;
        let opened = UserEvent::PrivateChannelOpened(Arc::new(after.clone()));
        parts.store.tell_private(vec![user], opened).await?;
        parts.store.call(CallCommand::Show { channel, user }).await?;
        note(&parts, &after, me.id(), (kind::RECIPIENT_ADDED, String::new(), Some(user))).await
    })
    .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `DELETE /channels/{channel.id}/recipients/{user.id}`: the owner removes others, everyone themselves.
async fn remove(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((channel, user)): Path<(ChannelId, UserId)>,
) -> Result<StatusCode, ApiError> {
    require_person(&me)?;
    let (_, group) = open_group(&parts, &me, channel).await?;
    if group.owner != me.id() && user != me.id() {
        return Err(ErrorCode::MissingPermissions.into());
    }
    let me = me.id();
    carry_out(async move { take_out(&parts, channel, me, user, false).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /channels/{channel.id}` of a group: leaves it, in silence if that is wished.
pub(super) async fn leave(
    parts: Parts,
    me: UserId,
    private: &PrivateChannel,
    silent: bool,
) -> Result<Json<Value>, ApiError> {
    let gone = shown(&parts, private, me).await?;
    let channel = private.id;
    carry_out(async move { take_out(&parts, channel, me, me, silent).await }).await?;
    Ok(Json(gone))
}

async fn take_out(
    parts: &Parts,
    channel: ChannelId,
    by: UserId,
    user: UserId,
    silent: bool,
) -> Result<(), ApiError> {
    let (before, after) = change(parts, channel, GroupChange::Remove(user)).await?;
    tell(parts, vec![user], DispatchName::ChannelDelete, shown(parts, &before, user).await?)
        .await?;
    let Some(after) = after else {
        let icon = before.group.and_then(|group| group.icon);
        picture::forget(parts, Owner::Group(channel), icon.as_deref(), None).await;
        return Ok(());
    };
    if let Some(known) = parts.store.users().user(user).await? {
        let body = json!({ "channel_id": channel, "user": wire::user(&known) });
        tell(parts, after.recipients.clone(), DispatchName::ChannelRecipientRemove, body).await?;
    }
    let owner = |channel: &PrivateChannel| channel.group.as_ref().map(|group| group.owner);
    if owner(&before) != owner(&after) {
        update_all(parts, &after).await?;
    }
    if !silent {
        let about = (kind::RECIPIENT_REMOVED, String::new(), Some(user));
        note(parts, &after, by, about).await?;
    }
    Ok(())
}

/// Tells everyone in a group what it is now.
async fn update_all(parts: &Parts, channel: &PrivateChannel) -> Result<(), ApiError> {
    for &viewer in &channel.recipients {
        let body = shown(parts, channel, viewer).await?;
        tell(parts, vec![viewer], DispatchName::ChannelUpdate, body).await?;
    }
    Ok(())
}

/// What is to change about a group, as a client sends it.
pub(super) struct Patch {
    /// 1 to 100 characters; empty is none.
    pub name: Option<Option<String>>,
    /// A data URI.
    pub icon: Option<Option<String>>,
    /// To whom it is given.
    pub owner: Option<UserId>,
}

/// `PATCH /channels/{channel.id}` of a group: everyone names it, its owner gives it away.
///
/// # Errors
///
/// 50013, field errors.
pub(super) async fn update(
    parts: Parts,
    me: UserId,
    private: &PrivateChannel,
    patch: Patch,
) -> Result<Json<Value>, ApiError> {
    let group = private.group.clone().ok_or(ErrorCode::CannotExecuteOnChannelType)?;
    if patch.owner.is_some_and(|owner| owner != group.owner) && group.owner != me {
        return Err(ErrorCode::MissingPermissions.into());
    }
    let name = patch
        .name
        .map(|name| name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()));
    let long = |name: &String| name.chars().count() > *limits::NAME.end();
    if name.iter().flatten().any(long) {
        let message = format!("Must be between 1 and {} in length.", limits::NAME.end());
        return Err(ApiError::Form(FormErrors::one("name", "BASE_TYPE_BAD_LENGTH", message)));
    }
    let wish = Wish::read("icon", patch.icon, group.icon.as_deref())?;
    let (channel, owner) = (private.id, patch.owner);
    carry_out(async move {
        let _changing = picture::changing().await;
        let place = Owner::Group(channel);
        let icon = wish.keep(&parts, place).await?;
        let kept = icon.clone().flatten();
        let wanted = GroupChange::Update { name, icon, owner };
        let (before, after) = match change(&parts, channel, wanted).await {
            Ok((before, Some(after))) => (before, after),
            Ok((_, None)) => return Err(ErrorCode::UnknownChannel.into()),
            Err(error) => {
                picture::forget(&parts, place, kept.as_deref(), group.icon.as_deref()).await;
                return Err(error);
            }
        };
        update_all(&parts, &after).await?;
        if let (Some(before), Some(after_group)) = (before.group, &after.group) {
            if before.name != after_group.name {
                let name = after_group.name.clone().unwrap_or_default();
                note(&parts, &after, me, (kind::NAME_CHANGED, name, None)).await?;
            }
            if before.icon != after_group.icon {
                note(&parts, &after, me, (kind::ICON_CHANGED, String::new(), None)).await?;
                let (old, new) = (before.icon.as_deref(), after_group.icon.as_deref());
                picture::forget(&parts, place, old, new).await;
            }
        }
        Ok(Json(shown(&parts, &after, me).await?))
    })
    .await
}
