//! Pinned messages, under the old and the new routes.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use model::id::ChannelId;
use model::id::MessageId;
use model::wire::guild::Permissions;
use serde_json::Value;
use serde_json::json;
use state::event::ChatEvent;

use crate::cdn::Origin;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::channels;
use crate::rest::extract::Auth;
use crate::rest::extract::Json;
use crate::rest::extract::Path;

/// `GET /channels/{channel.id}/pins`
pub(super) async fn list(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
    origin: Origin,
) -> Result<Json<Value>, ApiError> {
    channels::open(&parts, &me, channel, Permissions::READ_MESSAGE_HISTORY).await?;
    let pins = parts.messages.pins(channel).await?;
    Ok(Json(Value::Array(super::shown(&parts, &origin, me.id(), channel, &pins).await?)))
}

/// `GET /channels/{channel.id}/messages/pins`
pub(super) async fn page(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
    origin: Origin,
) -> Result<Json<Value>, ApiError> {
    channels::open(&parts, &me, channel, Permissions::READ_MESSAGE_HISTORY).await?;
    let pins = parts.messages.pins(channel).await?;
    let shown = super::shown(&parts, &origin, me.id(), channel, &pins).await?;
    let items: Vec<_> = shown
        .into_iter()
        .map(|message| json!({ "pinned_at": message["timestamp"], "message": message }))
        .collect();
    Ok(Json(json!({ "items": items, "has_more": false })))
}

/// `PUT /channels/{channel.id}/messages/pins/{message.id}`
pub(super) async fn pin(
    auth: Auth,
    parts: State<Parts>,
    path: Path<(ChannelId, MessageId)>,
) -> Result<StatusCode, ApiError> {
    set(auth, parts, path, true).await
}

/// `DELETE /channels/{channel.id}/messages/pins/{message.id}`
pub(super) async fn unpin(
    auth: Auth,
    parts: State<Parts>,
    path: Path<(ChannelId, MessageId)>,
) -> Result<StatusCode, ApiError> {
    set(auth, parts, path, false).await
}

async fn set(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((channel, message)): Path<(ChannelId, MessageId)>,
    pinned: bool,
) -> Result<StatusCode, ApiError> {
    let home = channels::open(&parts, &me, channel, Permissions::MANAGE_MESSAGES).await?;
    let mut message = super::existing(&parts, channel, message).await?;
    if message.pinned != pinned {
        message.pinned = pinned;
        parts.messages.update(&message).await?;
        let event = ChatEvent::MessageUpdated(Arc::new(message));
        super::publish(&parts, &home, event).await;
        let last_pin_ms = pinned.then(|| parts.now_ms());
        super::publish(&parts, &home, ChatEvent::PinsUpdated { channel, last_pin_ms }).await;
    }
    Ok(StatusCode::NO_CONTENT)
}
