//! Reading a channel's history.

use axum::extract::State;
use model::id::ChannelId;
use model::id::MessageId;
use model::limits;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use state::repo::Page;

use super::place::Place;
use crate::cdn::Origin;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::error::FormErrors;
use crate::rest::extract::Auth;
use crate::rest::extract::Json;
use crate::rest::extract::Path;
use crate::rest::extract::Query;
use crate::rest::extract::bound;

#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default, deserialize_with = "bound")]
    before: Option<MessageId>,
    #[serde(default, deserialize_with = "bound")]
    after: Option<MessageId>,
    #[serde(default, deserialize_with = "bound")]
    around: Option<MessageId>,
    limit: Option<u16>,
}

/// `GET /channels/{channel.id}/messages`: newest first; nothing without READ_MESSAGE_HISTORY.
pub(super) async fn list(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
    Query(wanted): Query<Wanted>,
    origin: Origin,
) -> Result<Json<Vec<Box<RawValue>>>, ApiError> {
    let place = Place::open(&parts, &me, channel, Permissions::empty()).await?;
    let limit = wanted.limit.unwrap_or(50);
    if !(1..=limits::MESSAGES_PAGE).contains(&limit) {
        return Err(ApiError::Form(FormErrors::one(
            "limit",
            "NUMBER_TYPE_MAX",
            "int value should be between 1 and 100.",
        )));
    }
    if !place.has(Permissions::READ_MESSAGE_HISTORY) {
        return Ok(Json(Vec::new()));
    }
    let page = match (wanted.around, wanted.before, wanted.after) {
        (Some(id), _, _) => Page::Around(id),
        (None, Some(id), _) => Page::Before(id),
        (None, None, Some(id)) => Page::After(id),
        (None, None, None) => Page::Latest,
    };
    let messages = parts.messages.page(channel, page, limit).await?;
    Ok(Json(super::written(&parts, &origin, me.id(), channel, &messages).await?))
}

/// `GET /channels/{channel.id}/messages/{message.id}`
pub(super) async fn show(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((channel, message)): Path<(ChannelId, MessageId)>,
    origin: Origin,
) -> Result<Json<Value>, ApiError> {
    Place::open(&parts, &me, channel, Permissions::READ_MESSAGE_HISTORY).await?;
    let message = super::existing(&parts, channel, message).await?;
    super::shown_one(&parts, &origin, me.id(), message).await
}
