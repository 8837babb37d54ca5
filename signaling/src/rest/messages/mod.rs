//! Messages of text channels, of guilds and between people: one file per thing done with them.

mod create;
mod delete;
mod draft;
mod edit;
mod list;
mod mentions;
mod pins;
mod upload;

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::PoisonError;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use axum::routing::post;
use axum::routing::put;
use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::MessageId;
use model::id::UserId;
use model::limits;
use serde_json::Value;
use state::GuildEvent;
use state::event::ChatEvent;
use state::record::MessageRecord;
use state::store::ChannelHome;

use super::ApiError;
use crate::cdn::Origin;
use crate::cdn::Urls;
use crate::config::SignalingConfig;
use crate::parts::Parts;
use crate::wire;

pub(super) fn routes(config: &SignalingConfig) -> Router<Parts> {
    // The parts of a form beside its files are small.
    let largest = usize::try_from(config.max_upload).unwrap_or(usize::MAX);
    let largest = largest.saturating_add(limits::JSON_BODY);
    Router::new()
        .route("/channels/{channel}/messages", get(list::list).post(create::create))
        .route("/channels/{channel}/messages/bulk-delete", post(delete::bulk))
        .route("/channels/{channel}/messages/pins", get(pins::page))
        .route("/channels/{channel}/messages/pins/{message}", put(pins::pin).delete(pins::unpin))
        .route(
            "/channels/{channel}/messages/{message}",
            get(list::show).patch(edit::edit).delete(delete::delete),
        )
        .route("/channels/{channel}/messages/{message}/ack", post(ack))
        .route("/channels/{channel}/pins", get(pins::list))
        .route("/channels/{channel}/pins/{message}", put(pins::pin).delete(pins::unpin))
        .layer(DefaultBodyLimit::max(largest))
}

/// What this node remembers of text channels: who said something last, for slowmode.
#[derive(Debug, Default)]
pub struct Chat {
    last: Mutex<HashMap<(ChannelId, UserId), u64>>,
}

impl Chat {
    /// Whether `user` may say something now in a channel of that slowmode; counts it if so. The
    /// error is how many milliseconds are left.
    fn take_turn(
        &self,
        channel: ChannelId,
        user: UserId,
        slowmode_ms: u64,
        now_ms: u64,
    ) -> Result<(), u64> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() >= REMEMBERED {
            // Slowmode lasts six hours at most; what is older is of no use.
            last.retain(|_, at| now_ms.saturating_sub(*at) < 21_600_000);
        }
        match last.get(&(channel, user)) {
            Some(at) if now_ms.saturating_sub(*at) < slowmode_ms => {
                Err(slowmode_ms - now_ms.saturating_sub(*at))
            }
            _ => {
                last.insert((channel, user), now_ms);
                Ok(())
            }
        }
    }
}

/// Last messages remembered before old ones are forgotten.
const REMEMBERED: usize = 65_536;

/// The message, or 10008.
async fn existing(
    parts: &Parts,
    channel: ChannelId,
    message: MessageId,
) -> Result<MessageRecord, ApiError> {
    let found = parts.messages.message(channel, message).await?;
    Ok(found.ok_or(ErrorCode::UnknownMessage)?)
}

/// Tells everyone who may hear it. The store has it already, so a full mailbox is not the
/// client's failure: it is logged, and clients see the change when they load the channel.
async fn publish(parts: &Parts, home: &ChannelHome, event: ChatEvent) {
    let published = match home {
        ChannelHome::Guild(guild) => guild.publish(GuildEvent::Chat(event)).await,
        ChannelHome::Private(private) => parts.store.publish_private(private.clone(), event).await,
    };
    if let Err(error) = published {
        tracing::warn!(%error, "an event was stored but not published");
    }
}

/// Messages as REST shows them to `viewer`: with reactions and what they answer.
async fn shown(
    parts: &Parts,
    origin: &Origin,
    viewer: UserId,
    channel: ChannelId,
    messages: &[MessageRecord],
) -> Result<Vec<Value>, ApiError> {
    let ids: Vec<_> = messages.iter().map(|message| message.id).collect();
    let reactions: HashMap<_, _> =
        parts.messages.reactions(channel, &ids, viewer).await?.into_iter().collect();
    let mut referenced: HashMap<MessageId, Option<MessageRecord>> = HashMap::new();
    for message in messages {
        if let Some(id) = answered(message)
            && !referenced.contains_key(&id)
        {
            let near = messages.iter().find(|message| message.id == id).cloned();
            let found = match near {
                Some(found) => Some(found),
                None => parts.messages.message(channel, id).await?,
            };
            referenced.insert(id, found);
        }
    }
    let users = parts.store.users();
    wire::load_users(users, messages.iter().chain(referenced.values().flatten())).await?;
    let urls = Urls { signer: &parts.cdn, origin, now_ms: parts.now_ms() };
    let shown = messages.iter().map(|message| {
        let context = wire::MessageContext {
            users,
            guild: None,
            reactions: reactions.get(&message.id).map_or(&[], Vec::as_slice),
            referenced: answered(message)
                .and_then(|id| referenced.get(&id))
                .map(|found| found.as_ref()),
            urls,
        };
        wire::message(message, context)
    });
    Ok(shown.collect())
}

/// The message that one answers.
fn answered(message: &MessageRecord) -> Option<MessageId> {
    message.reference.as_ref().and_then(|reference| reference.message_id)
}

/// `POST /channels/{channel.id}/messages/{message.id}/ack`: read states are not kept yet.
async fn ack(_: super::extract::Auth) -> super::extract::Json<Value> {
    super::extract::Json(serde_json::json!({ "token": null }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slowmode_holds_one_person_in_one_channel() {
        let chat = Chat::default();
        let (here, there) = (ChannelId::new(1), ChannelId::new(2));
        let (ana, ben) = (UserId::new(1), UserId::new(2));

        assert_eq!(chat.take_turn(here, ana, 5_000, 1_000), Ok(()));
        assert_eq!(chat.take_turn(here, ana, 5_000, 2_000), Err(4_000));
        assert_eq!(chat.take_turn(here, ben, 5_000, 2_000), Ok(()));
        assert_eq!(chat.take_turn(there, ana, 5_000, 2_000), Ok(()));
        assert_eq!(chat.take_turn(here, ana, 5_000, 6_000), Ok(()));
    }
}
