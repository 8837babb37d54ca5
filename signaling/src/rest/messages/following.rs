//! What follows a published message: copies in all channels that follow its own, which change and
//! vanish as it does.
//!
//! Whoever publishes, edits or deletes only notes that something is owed ([`owe`]), and is answered.
//! [`deliver`] makes all copies what they should be, one after the other; what one follower's guild
//! refuses does not keep it from the others.

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

/// Notes that the copies of a message are to become what it is, before it is changed: what is changed
/// and owed to nobody would stay as it was. [`tell`] comes after the change.
///
/// # Errors
///
/// Storage errors.
pub(in crate::rest) async fn owe(parts: &Parts, message: &MessageRecord) -> Result<(), ApiError> {
    if message.flags & CROSSPOSTED != 0 {
        parts.webhooks.owe_crosspost((message.channel, message.id)).await?;
    }
    Ok(())
}

/// A message that something was [`owed`](owe) for was changed.
pub(in crate::rest) fn tell(parts: &Parts, message: &MessageRecord) {
    if message.flags & CROSSPOSTED != 0 {
        parts.chat.owe();
    }
}

/// A message is gone; what came of it is owed to be emptied.
pub(in crate::rest) async fn follow_deletion(parts: &Parts, message: &MessageRecord) {
    // Once more than before: deleting takes no turn, so the courier may have found it unchanged.
    if let Err(error) = owe(parts, message).await {
        tracing::warn!(?error, message = %message.id, "copies of a message may stay");
    }
    tell(parts, message);
}

/// Makes the copies of a message what they should be: says it where it was not said yet, changes what
/// says something else, empties them all when it is gone. Done again after a failure or a death of the
/// process it does nothing twice.
///
/// # Errors
///
/// What kept some copy from it that is worth another try: storage, a busy guild.
pub(crate) async fn deliver(parts: &Parts, source: (ChannelId, MessageId)) -> Result<(), ApiError> {
    let message = {
        // Whoever publishes or edits it owes first, and changes it then, in this turn.
        let _turn = parts.chat.change(source.1).await;
        parts.messages.message(source.0, source.1).await?
    };
    let mut failed = Ok(());
    let mut note = |outcome: Result<(), ApiError>| match outcome {
        Ok(()) | Err(ApiError::Code(ErrorCode::UnknownMessage | ErrorCode::UnknownChannel)) => {}
        Err(error @ ApiError::Unavailable) => failed = Err(error),
        Err(error) => tracing::warn!(?error, channel = %source.0, "a copy was not delivered"),
    };
    let copies = parts.webhooks.crossposts(source).await?;
    let Some(message) = message else {
        for copy in copies {
            note(change_copy(parts, copy, |copy| emptied(parts, copy)).await);
        }
        failed?;
        return Ok(parts.webhooks.forget_crossposts(source).await?);
    };
    if message.flags & CROSSPOSTED == 0 {
        // Whoever wanted to publish it was told that it failed.
        return Ok(());
    }
    for copy in &copies {
        note(change_copy(parts, *copy, |copy| like(copy, &message)).await);
    }
    for follower in parts.webhooks.followers(source.0).await? {
        note(deliver_to(parts, &message, &copies, &follower).await);
    }
    failed
}

/// Says the message where it is followed, unless it was said there.
async fn deliver_to(
    parts: &Parts,
    message: &MessageRecord,
    copies: &[(ChannelId, MessageId)],
    follower: &WebhookRecord,
) -> Result<(), ApiError> {
    let mut noted = None;
    for (channel, id) in copies.iter().filter(|(channel, _)| *channel == follower.channel) {
        match parts.messages.message(*channel, *id).await? {
            Some(copy) if copy.author == follower.id.cast() => return Ok(()),
            Some(_) => {}
            // Noted, and that is how far it came.
            None => noted = Some(*id),
        }
    }
    let place = Place::called(parts, follower.id.cast(), follower.channel).await?;
    let id = noted.unwrap_or_else(|| parts.ids.next());
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

/// Changes a copy, if that makes another one of it.
async fn change_copy(
    parts: &Parts,
    (channel, id): (ChannelId, MessageId),
    change: impl Fn(MessageRecord) -> MessageRecord,
) -> Result<(), ApiError> {
    let _turn = parts.chat.change(id).await;
    let old = super::existing(parts, channel, id).await?;
    let copy = change(old.clone());
    if copy == old {
        return Ok(());
    }
    let place = Place::called(parts, copy.author, channel).await?;
    parts.messages.update(&copy).await?;
    place.publish(parts, ChatEvent::MessageUpdated(Arc::new(copy))).await;
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

/// The copy of a message that is gone (Discord: Message Flags, SOURCE_MESSAGE_DELETED).
fn emptied(parts: &Parts, copy: MessageRecord) -> MessageRecord {
    if copy.flags & SOURCE_DELETED != 0 {
        return copy;
    }
    MessageRecord {
        flags: IS_CROSSPOST | SOURCE_DELETED,
        edited_at: Some(parts.now()),
        reference: copy.reference.clone(),
        origin: copy.origin.clone(),
        guild: copy.guild,
        pinned: copy.pinned,
        pinned_at: copy.pinned_at,
        ..MessageRecord::said(copy.id, copy.channel, copy.author, GONE.to_owned())
    }
}

/// Published to all who follow the channel (Discord: Message Flags).
pub(super) const CROSSPOSTED: u64 = 1;
/// Came of a message of a channel that is followed.
pub(in crate::rest) const IS_CROSSPOST: u64 = 1 << 1;
/// The message that it came of is gone.
const SOURCE_DELETED: u64 = 1 << 3;
/// What a copy says whose source is gone.
const GONE: &str = "[Original Message Deleted]";
