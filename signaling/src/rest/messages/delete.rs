//! Taking messages away, and their files with them.

use axum::extract::State;
use axum::http::StatusCode;
use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::MessageId;
use model::snowflake;
use model::wire::guild::Permissions;
use serde::Deserialize;
use state::audit::AuditAction;
use state::audit::AuditDraft;
use state::event::ChatEvent;
use state::record::MessageRecord;

use super::following;
use super::place::Place;
use crate::cdn::upload;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::audit_log::note;
use crate::rest::carry::carry_out;
use crate::rest::extract::Auth;
use crate::rest::extract::Json;
use crate::rest::extract::Path;
use crate::rest::extract::Reason;

/// `DELETE /channels/{channel.id}/messages/{message.id}`: one's own, or with MANAGE_MESSAGES.
pub(super) async fn delete(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((channel, id)): Path<(ChannelId, MessageId)>,
    reason: Reason,
) -> Result<StatusCode, ApiError> {
    let place = Place::open(&parts, &me, channel, Permissions::empty()).await?;
    let message = super::existing(&parts, channel, id).await?;
    let mut entry = None;
    if message.author != me.id() {
        place.require(Permissions::MANAGE_MESSAGES)?;
        let target = Some(message.author.get());
        let deleted = AuditDraft::new(&reason.by(me.id()), AuditAction::MessageDelete, target);
        entry = Some(deleted.with("channel_id", channel).with("count", 1));
    }
    carry_out(async move {
        let guild = place.guild();
        let gone = remove(parts.clone(), place, vec![message], false).await?;
        if let (Some(guild), Some(entry), true) = (guild, entry, gone > 0) {
            note(&parts, guild, entry).await;
        }
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
pub(super) struct Bulk {
    #[serde(default)]
    messages: Vec<MessageId>,
}

/// `POST /channels/{channel.id}/messages/bulk-delete`: 2 to 100, none older than two weeks. Those
/// that are not there are passed over.
pub(super) async fn bulk(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
    reason: Reason,
    Json(body): Json<Bulk>,
) -> Result<StatusCode, ApiError> {
    let place = Place::open(&parts, &me, channel, Permissions::empty()).await?;
    place.require_guild()?;
    place.require(Permissions::MANAGE_MESSAGES)?;
    let ids = chosen(body.messages, parts.now_ms())?;
    carry_out(async move {
        let mut messages = Vec::new();
        for id in ids {
            messages.extend(parts.messages.message(channel, id).await?);
        }
        let guild = place.guild();
        let gone = remove(parts.clone(), place, messages, true).await?;
        if let (Some(guild), true) = (guild, gone > 0) {
            let target = Some(channel.get());
            let entry =
                AuditDraft::new(&reason.by(me.id()), AuditAction::MessageBulkDelete, target);
            note(&parts, guild, entry.with("count", gone)).await;
        }
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The ids, each once, if they may be deleted together at `now_ms`.
fn chosen(mut ids: Vec<MessageId>, now_ms: u64) -> Result<Vec<MessageId>, ErrorCode> {
    ids.sort_unstable();
    ids.dedup();
    if !(2..=MOST).contains(&ids.len()) {
        return Err(ErrorCode::BulkDeleteCount);
    }
    let oldest = now_ms.saturating_sub(TWO_WEEKS_MS);
    if ids.iter().any(|id| snowflake::unix_ms(id.get()) < oldest) {
        return Err(ErrorCode::MessageTooOld);
    }
    Ok(ids)
}

/// Deletes messages, tells, and removes their files. How many were there.
pub(in crate::rest) async fn remove(
    parts: Parts,
    place: Place,
    messages: Vec<MessageRecord>,
    bulk: bool,
) -> Result<usize, ApiError> {
    let channel = place.channel;
    let ids: Vec<_> = messages.iter().map(|message| message.id).collect();
    for message in &messages {
        following::owe(&parts, message).await?;
    }
    let ids = parts.messages.remove(channel, &ids).await?;
    if ids.is_empty() {
        // Someone else was faster, and told.
        return Ok(0);
    }
    let count = ids.len();
    let gone: Vec<_> = messages.iter().filter(|message| ids.contains(&message.id)).collect();
    // The files of a copy are its source's.
    let own = gone.iter().filter(|message| message.flags & following::IS_CROSSPOST == 0);
    let files: Vec<_> = own.flat_map(|message| message.attachments.iter().cloned()).collect();
    place.publish(&parts, ChatEvent::MessagesDeleted { channel, ids, bulk }).await;
    for message in gone {
        following::follow_deletion(&parts, message).await;
    }
    upload::remove(&parts, &files).await;
    Ok(count)
}

/// Most messages of one bulk request (Discord: Bulk Delete Messages).
const MOST: usize = 100;
/// How old a message may be to be deleted in bulk.
const TWO_WEEKS_MS: u64 = 14 * 24 * 60 * 60 * 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_790_000_000_000;

    fn made(at_ms: u64, n: u64) -> MessageId {
        MessageId::new((at_ms - snowflake::EPOCH) << 22 | n)
    }

    #[test]
    fn two_to_a_hundred_different_messages_go_together() {
        let ids = |n: u64| (0..n).map(|n| made(NOW, n)).collect::<Vec<_>>();

        assert_eq!(chosen(ids(1), NOW), Err(ErrorCode::BulkDeleteCount));
        assert_eq!(chosen([ids(1), ids(1)].concat(), NOW), Err(ErrorCode::BulkDeleteCount));
        assert_eq!(chosen(ids(100), NOW).map(|ids| ids.len()), Ok(100));
        assert_eq!(chosen(ids(101), NOW), Err(ErrorCode::BulkDeleteCount));
    }

    #[test]
    fn messages_older_than_two_weeks_stay() {
        let just = made(NOW - TWO_WEEKS_MS, 0);
        let older = made(NOW - TWO_WEEKS_MS - 1, 0);

        assert!(chosen(vec![just, made(NOW, 0)], NOW).is_ok());
        assert_eq!(chosen(vec![older, made(NOW, 0)], NOW), Err(ErrorCode::MessageTooOld));
    }
}
