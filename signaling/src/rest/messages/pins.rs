//! Pinned messages, under the old and the new routes.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::MessageId;
use model::id::UserId;
use model::limits;
use model::wire::channel::message::MessageReference;
use model::wire::channel::message::MessageReferenceType;
use model::wire::guild::Permissions;
use model::wire::util::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::audit::AuditAction;
use state::audit::AuditDraft;
use state::audit::By;
use state::event::ChatEvent;
use state::record::MessageRecord;

use super::kind;
use super::place::Place;
use crate::cdn::Origin;
use crate::parts::Parts;
use crate::parts::timestamp;
use crate::rest::ApiError;
use crate::rest::audit_log::note;
use crate::rest::carry::carry_out;
use crate::rest::error::FormErrors;
use crate::rest::extract::Auth;
use crate::rest::extract::Json;
use crate::rest::extract::Path;
use crate::rest::extract::Query;
use crate::rest::extract::Reason;

/// `GET /channels/{channel.id}/pins`: all, latest pin first.
pub(super) async fn list(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
    origin: Origin,
) -> Result<Json<Value>, ApiError> {
    Place::open(&parts, &me, channel, Permissions::READ_MESSAGE_HISTORY).await?;
    let pins = pinned(&parts, channel).await?;
    Ok(Json(Value::Array(super::shown(&parts, &origin, me.id(), channel, &pins).await?)))
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    before: Option<String>,
    limit: Option<usize>,
}

/// `GET /channels/{channel.id}/messages/pins`: a page, latest pin first.
pub(super) async fn page(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
    Query(wanted): Query<Wanted>,
    origin: Origin,
) -> Result<Json<Value>, ApiError> {
    Place::open(&parts, &me, channel, Permissions::READ_MESSAGE_HISTORY).await?;
    let fault = |field, code, message: &str| ApiError::Form(FormErrors::one(field, code, message));
    let limit = wanted.limit.unwrap_or(PAGE);
    if !(1..=PAGE).contains(&limit) {
        return Err(fault("limit", "NUMBER_TYPE_MAX", "int value should be between 1 and 50."));
    }
    let before = match wanted.before {
        Some(text) => Some(super::embeds::timestamp(&text).ok_or_else(|| {
            fault("before", "BASE_TYPE_BAD_DATETIME", "Not a valid ISO 8601 date and time.")
        })?),
        None => None,
    };
    let mut pins = pinned(&parts, channel).await?;
    pins.retain(|message| {
        before.is_none_or(|before| pinned_at(message).as_micros() < before.as_micros())
    });
    let has_more = pins.len() > limit;
    pins.truncate(limit);
    let times: Vec<_> = pins.iter().map(pinned_at).collect();
    let shown = super::shown(&parts, &origin, me.id(), channel, &pins).await?;
    let items: Vec<_> = std::iter::zip(times, shown)
        .map(|(at, message)| json!({ "pinned_at": at, "message": message }))
        .collect();
    Ok(Json(json!({ "items": items, "has_more": has_more })))
}

/// `PUT /channels/{channel.id}/messages/pins/{message.id}`
pub(super) async fn pin(
    auth: Auth,
    parts: State<Parts>,
    path: Path<(ChannelId, MessageId)>,
    reason: Reason,
) -> Result<StatusCode, ApiError> {
    set(auth, parts, path, reason, true).await
}

/// `DELETE /channels/{channel.id}/messages/pins/{message.id}`
pub(super) async fn unpin(
    auth: Auth,
    parts: State<Parts>,
    path: Path<(ChannelId, MessageId)>,
    reason: Reason,
) -> Result<StatusCode, ApiError> {
    set(auth, parts, path, reason, false).await
}

async fn set(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((channel, id)): Path<(ChannelId, MessageId)>,
    reason: Reason,
    pinned: bool,
) -> Result<StatusCode, ApiError> {
    let place = Place::open(&parts, &me, channel, Permissions::READ_MESSAGE_HISTORY).await?;
    place.require_open()?;
    // PIN_MESSAGES was split from MANAGE_MESSAGES; roles made before have only the latter.
    if !place.has(Permissions::MANAGE_MESSAGES) {
        place.require(Permissions::PIN_MESSAGES)?;
    }
    carry_out(change(parts, place, reason.by(me.id()), id, pinned)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn change(
    parts: Parts,
    place: Place,
    by: By,
    id: MessageId,
    to: bool,
) -> Result<(), ApiError> {
    let _turn = parts.chat.change(id).await;
    let mut message = super::existing(&parts, place.channel, id).await?;
    if message.pinned == to {
        return Ok(());
    }
    if to && !kind::is_said(message.kind) {
        return Err(ErrorCode::CannotExecuteOnSystemMessage.into());
    }
    if to && parts.messages.pins(place.channel).await?.len() >= limits::PINS {
        return Err(ErrorCode::MaximumPins.into());
    }
    message.pinned = to;
    message.pinned_at = to.then(|| parts.now());
    parts.messages.update(&message).await?;
    let author = message.author;
    place.publish(&parts, ChatEvent::MessageUpdated(Arc::new(message))).await;
    let latest = pinned(&parts, place.channel).await?.first().map(pinned_at);
    let last_pin_ms = latest.and_then(|at| u64::try_from(at.as_micros() / 1_000).ok());
    let event = ChatEvent::PinsUpdated { channel: place.channel, last_pin_ms };
    place.publish(&parts, event).await;
    if let Some(guild) = place.guild() {
        let action = if to { AuditAction::MessagePin } else { AuditAction::MessageUnpin };
        let entry = AuditDraft::new(&by, action, Some(author.get()));
        let entry = entry.with("channel_id", place.channel).with("message_id", id);
        note(&parts, guild, entry).await;
    }
    if to {
        let notice = notice(&parts, &place, by.actor, id);
        parts.messages.insert(&notice).await?;
        place.publish(&parts, ChatEvent::MessageCreated(Arc::new(notice))).await;
    }
    Ok(())
}

/// "Ana pinned a message": a system message that points to it.
fn notice(parts: &Parts, place: &Place, who: UserId, pinned: MessageId) -> MessageRecord {
    MessageRecord {
        guild: place.guild(),
        kind: kind::PINNED,
        reference: Some(MessageReference {
            channel_id: Some(place.channel),
            guild_id: place.guild(),
            kind: MessageReferenceType::Default,
            message_id: Some(pinned),
            fail_if_not_exists: None,
        }),
        ..MessageRecord::said(parts.ids.next(), place.channel, who, String::new())
    }
}

/// All pinned messages of a channel, latest pin first.
async fn pinned(parts: &Parts, channel: ChannelId) -> Result<Vec<MessageRecord>, ApiError> {
    let mut pins = parts.messages.pins(channel).await?;
    pins.sort_by_key(|message| std::cmp::Reverse((pinned_at(message).as_micros(), message.id)));
    Ok(pins)
}

/// When a message was pinned; messages of before this was kept count from when they were said.
fn pinned_at(message: &MessageRecord) -> Timestamp {
    let said = || timestamp(model::snowflake::unix_ms(message.id.get()));
    message.pinned_at.unwrap_or_else(said)
}

/// Most pins of one page (Discord: Get Channel Pins).
const PAGE: usize = 50;
