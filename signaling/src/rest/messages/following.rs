//! What follows a published message: copies in all channels that follow its own, which change and
//! vanish as it does.
//!
//! Delivered one after the other; what one follower's guild refuses does not keep it from the others.

use std::sync::Arc;

use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::MessageId;
use model::wire::channel::message::MessageReference;
use model::wire::channel::message::MessageReferenceType;
use state::apps::MessageOrigin;
use state::apps::WebhookRecord;
use state::event::ChatEvent;
use state::record::MessageRecord;

use super::draft;
use super::place::Place;
use crate::parts::Parts;
use crate::rest::ApiError;

/// Says a message that was published in every channel that follows its own.
pub(super) async fn deliver(parts: &Parts, message: &MessageRecord) {
    let followers = match parts.webhooks.followers(message.channel).await {
        Ok(followers) => followers,
        Err(error) => {
            return tracing::warn!(%error, channel = %message.channel, "followers were not found");
        }
    };
    for follower in followers {
        if let Err(error) = deliver_to(parts, message, &follower).await {
            tracing::warn!(?error, webhook = %follower.id, "a published message was not delivered");
        }
    }
}

async fn deliver_to(
    parts: &Parts,
    message: &MessageRecord,
    follower: &WebhookRecord,
) -> Result<(), ApiError> {
    let place = Place::called(parts, follower.id.cast(), follower.channel).await?;
    let id = parts.ids.next();
    let origin = MessageOrigin {
        webhook: Some(follower.id),
        name: Some(follower.name.clone()),
        avatar: follower.avatar.clone(),
        ..MessageOrigin::default()
    };
    let copy = MessageRecord {
        guild: place.guild(),
        origin: Some(Box::new(origin)),
        reference: Some(MessageReference {
            channel_id: Some(message.channel),
            guild_id: message.guild,
            kind: MessageReferenceType::Default,
            message_id: Some(message.id),
            fail_if_not_exists: None,
        }),
        ..MessageRecord::said(id, follower.channel, follower.id.cast(), String::new())
    };
    let copy = like(copy, message);
    // Noted first: a copy that nobody knows of could never be taken back.
    let to = (copy.channel, copy.id);
    parts.webhooks.note_crosspost((message.channel, message.id), to).await?;
    parts.messages.insert(&copy).await?;
    metrics::counter!("signaling_messages_created_total").increment(1);
    place.publish(parts, ChatEvent::MessageCreated(Arc::new(copy))).await;
    Ok(())
}

/// The copy saying what its source says. It notifies nobody, and the files are the source's.
fn like(mut copy: MessageRecord, message: &MessageRecord) -> MessageRecord {
    copy.content.clone_from(&message.content);
    copy.embeds.clone_from(&message.embeds);
    copy.components.clone_from(&message.components);
    copy.attachments.clone_from(&message.attachments);
    copy.stickers.clone_from(&message.stickers);
    copy.snapshots.clone_from(&message.snapshots);
    copy.edited_at = message.edited_at;
    let kept = draft::SUPPRESS_EMBEDS | draft::VOICE_MESSAGE | draft::COMPONENTS_V2;
    copy.flags = IS_CROSSPOST | message.flags & kept;
    copy
}

/// Changes the copies of a message as it was changed itself.
pub(super) async fn follow_edit(parts: &Parts, message: &MessageRecord) {
    if message.flags & CROSSPOSTED != 0 {
        let change = |copy| like(copy, message);
        change_copies(parts, (message.channel, message.id), change).await;
    }
}

/// Empties the copies of a message that is gone (Discord: Message Flags, SOURCE_MESSAGE_DELETED).
pub(in crate::rest) async fn follow_deletion(parts: &Parts, message: &MessageRecord) {
    if message.flags & CROSSPOSTED == 0 {
        return;
    }
    let change = |copy: MessageRecord| MessageRecord {
        flags: IS_CROSSPOST | SOURCE_DELETED,
        edited_at: Some(parts.now()),
        reference: copy.reference.clone(),
        origin: copy.origin.clone(),
        guild: copy.guild,
        pinned: copy.pinned,
        pinned_at: copy.pinned_at,
        ..MessageRecord::said(copy.id, copy.channel, copy.author, GONE.to_owned())
    };
    change_copies(parts, (message.channel, message.id), change).await;
    if let Err(error) = parts.webhooks.forget_crossposts((message.channel, message.id)).await {
        tracing::warn!(%error, message = %message.id, "copies of a message stay noted");
    }
}

async fn change_copies(
    parts: &Parts,
    source: (ChannelId, MessageId),
    change: impl Fn(MessageRecord) -> MessageRecord,
) {
    let copies = match parts.webhooks.crossposts(source).await {
        Ok(copies) => copies,
        Err(error) => return tracing::warn!(%error, "copies of a message were not found"),
    };
    for (channel, id) in copies {
        match change_copy(parts, channel, id, &change).await {
            Ok(()) | Err(ApiError::Code(ErrorCode::UnknownMessage | ErrorCode::UnknownChannel)) => {
            }
            Err(error) => tracing::warn!(?error, %channel, "a copy of a message was not changed"),
        }
    }
}

async fn change_copy(
    parts: &Parts,
    channel: ChannelId,
    id: MessageId,
    change: impl Fn(MessageRecord) -> MessageRecord,
) -> Result<(), ApiError> {
    let _turn = parts.chat.change(id).await;
    let copy = change(super::existing(parts, channel, id).await?);
    let place = Place::called(parts, copy.author, channel).await?;
    parts.messages.update(&copy).await?;
    place.publish(parts, ChatEvent::MessageUpdated(Arc::new(copy))).await;
    Ok(())
}

/// Published to all who follow the channel (Discord: Message Flags).
pub(super) const CROSSPOSTED: u64 = 1;
/// Came of a message of a channel that is followed.
pub(in crate::rest) const IS_CROSSPOST: u64 = 1 << 1;
/// The message that it came of is gone.
const SOURCE_DELETED: u64 = 1 << 3;
/// What a copy says whose source is gone.
const GONE: &str = "[Original Message Deleted]";
