//! Taking messages away.

use axum::extract::State;
use axum::http::StatusCode;
use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::MessageId;
use model::snowflake;
use model::wire::guild::Permissions;
use serde::Deserialize;
use state::event::ChatEvent;
use state::store::ChannelHome;

use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::channels;
use crate::rest::extract::Auth;
use crate::rest::extract::Json;
use crate::rest::extract::Path;

/// `DELETE /channels/{channel.id}/messages/{message.id}`: one's own, or with MANAGE_MESSAGES.
pub(super) async fn delete(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((channel, id)): Path<(ChannelId, MessageId)>,
) -> Result<StatusCode, ApiError> {
    let home = channels::open(&parts, &me, channel, Permissions::empty()).await?;
    let message = super::existing(&parts, channel, id).await?;
    if message.author != me.id() {
        match &home {
            ChannelHome::Guild(guild) => guild
                .view()
                .permissions_in(me.id(), channel, parts.now_ms())
                .require(Permissions::MANAGE_MESSAGES)?,
            ChannelHome::Private(_) => return Err(ErrorCode::MissingPermissions.into()),
        }
    }
    remove(&parts, home, channel, vec![id], false).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
pub(super) struct Bulk {
    #[serde(default)]
    messages: Vec<MessageId>,
}

/// `POST /channels/{channel.id}/messages/bulk-delete`: 2 to 100, none older than two weeks.
pub(super) async fn bulk(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
    Json(mut body): Json<Bulk>,
) -> Result<StatusCode, ApiError> {
    let home = channels::open(&parts, &me, channel, Permissions::MANAGE_MESSAGES).await?;
    if matches!(home, ChannelHome::Private(_)) {
        return Err(ErrorCode::CannotExecuteOnPrivateChannel.into());
    }
    body.messages.sort_unstable();
    body.messages.dedup();
    if !(2..=100).contains(&body.messages.len()) {
        return Err(ErrorCode::BulkDeleteCount.into());
    }
    let oldest = parts.now_ms().saturating_sub(TWO_WEEKS_MS);
    if body.messages.iter().any(|id| snowflake::unix_ms(id.get()) < oldest) {
        return Err(ErrorCode::MessageTooOld.into());
    }
    remove(&parts, home, channel, body.messages, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove(
    parts: &Parts,
    home: ChannelHome,
    channel: ChannelId,
    ids: Vec<MessageId>,
    bulk: bool,
) -> Result<(), ApiError> {
    let parts = parts.clone();
    #[expect(clippy::disallowed_methods, reason = "ends with the store's answer")]
    let task = tokio::spawn(async move {
        let ids = parts.messages.remove(channel, &ids).await?;
        if !ids.is_empty() {
            super::publish(&parts, &home, ChatEvent::MessagesDeleted { channel, ids, bulk }).await;
        }
        Ok::<_, ApiError>(())
    });
    task.await.map_err(|_| ApiError::Unavailable)?
}

/// How old a message may be to be deleted in bulk.
const TWO_WEEKS_MS: u64 = 14 * 24 * 60 * 60 * 1_000;
