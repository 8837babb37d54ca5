//! Forwarding a message: it travels as it is now, whatever becomes of it (Discord: Message
//! Reference Types).

use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::MessageId;
use model::snowflake;
use model::wire::channel::message::MessageReference;
use model::wire::channel::message::MessageReferenceType;
use model::wire::guild::Permissions;
use state::record::MessageRecord;
use state::record::Snapshot;

use super::kind;
use super::place::Place;
use crate::auth::Identity;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::error::FormErrors;

/// The message that is to be forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rest) struct Forward {
    pub(in crate::rest) channel: ChannelId,
    pub(in crate::rest) message: MessageId,
}

/// The reference to a message that `me` may read, and what it says now. One that was forwarded
/// itself is forwarded with what it carries.
pub(in crate::rest) async fn read(
    parts: &Parts,
    me: &Identity,
    forward: Forward,
) -> Result<(MessageReference, Vec<Snapshot>), ApiError> {
    let needed = Permissions::READ_MESSAGE_HISTORY;
    let place = Place::open(parts, me, forward.channel, needed).await?;
    let Some(message) = parts.messages.message(forward.channel, forward.message).await? else {
        let errors = FormErrors::one("message_reference", "UNKNOWN_MESSAGE", "Unknown message");
        return Err(ApiError::Form(errors));
    };
    if !kind::is_said(message.kind) {
        return Err(ErrorCode::CannotExecuteOnSystemMessage.into());
    }
    if message.poll.is_some() {
        let text = "Polls cannot be forwarded.";
        let errors = FormErrors::one("message_reference", "MESSAGE_CANNOT_FORWARD_POLL", text);
        return Err(ApiError::Form(errors));
    }
    let reference = MessageReference {
        channel_id: Some(forward.channel),
        guild_id: place.guild(),
        kind: MessageReferenceType::Forward,
        message_id: Some(forward.message),
        fail_if_not_exists: None,
    };
    let snapshots = match message.snapshots.is_empty() {
        true => vec![snapshot(message)],
        false => message.snapshots,
    };
    Ok((reference, snapshots))
}

fn snapshot(message: MessageRecord) -> Snapshot {
    Snapshot {
        kind: message.kind,
        content: message.content,
        said_ms: snowflake::unix_ms(message.id.get()),
        edited_at: message.edited_at,
        attachments: message.attachments,
        embeds: message.embeds,
        components: message.components,
        stickers: message.stickers,
        mentions: message.mentions,
        mention_roles: message.mention_roles,
        flags: message.flags,
    }
}

/// The message carries others (Discord: Message Flags).
pub(in crate::rest) const HAS_SNAPSHOT: u64 = 1 << 14;
