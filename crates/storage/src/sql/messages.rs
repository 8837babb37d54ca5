//! Messages in SQLite, keyed (channel, bucket, id). Reactions are next door.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use async_trait::async_trait;
use model::id::ChannelId;
use model::id::MessageId;
use model::id::UserId;
use model::snowflake;
use sqlx::SqliteConnection;
use state::record::MessageRecord;
use state::record::ReactionCount;
use state::record::ReactionEmoji;
use state::repo::Given;
use state::repo::Inserted;
use state::repo::MessageRepo;
use state::repo::Page;
use state::repo::RepoError;

use super::Database;
use super::polls;
use super::reactions;
use super::row;
use super::row::failed;
use super::row::key;
use super::together;
use super::together::NewMessage;
use crate::NONCE_WINDOW_MS;
use crate::PINS;

/// Ten days of a channel: what a wide-column store would keep in one partition.
pub(super) fn bucket(id: MessageId) -> i64 {
    const TEN_DAYS_MS: u64 = 10 * 24 * 60 * 60 * 1_000;
    row::signed((id.get() >> 22) / TEN_DAYS_MS)
}

#[async_trait]
impl MessageRepo for Database {
    async fn insert(&self, message: &MessageRecord) -> Result<Inserted, RepoError> {
        let message = Arc::new(NewMessage {
            record: message.clone(),
            document: row::document(message)?,
            marked: AtomicBool::new(false),
            stored: AtomicBool::new(false),
        });
        let new = (Arc::clone(&message), Ok(Inserted::New));
        let work = self.writer.write_message("message_insert", new, move |connection| {
            Box::pin(async move { insert(connection, &message).await })
        });
        work.await?
    }

    async fn message(
        &self,
        channel: ChannelId,
        id: MessageId,
    ) -> Result<Option<MessageRecord>, RepoError> {
        let found: Option<String> = sqlx::query_scalar(ONE)
            .bind(key(channel))
            .bind(bucket(id))
            .bind(key(id))
            .fetch_optional(&self.readers)
            .await
            .map_err(failed)?;
        found.map(|document| row::parse(&document)).transpose()
    }

    async fn page(
        &self,
        channel: ChannelId,
        page: Page,
        limit: u16,
    ) -> Result<Vec<MessageRecord>, RepoError> {
        let some = async |sql: &'static str, id: Option<MessageId>, limit: u16| {
            let query = sqlx::query_scalar::<_, String>(sql).bind(key(channel)).bind(limit);
            let query = match id {
                Some(id) => query.bind(bucket(id)).bind(key(id)),
                None => query,
            };
            query.fetch_all(&self.readers).await.map_err(failed)
        };
        let documents = match page {
            Page::Latest => some(LATEST, None, limit).await?,
            Page::Before(id) => some(BEFORE, Some(id), limit).await?,
            Page::After(id) => {
                let mut newer = some(AFTER, Some(id), limit).await?;
                newer.reverse();
                newer
            }
            Page::Around(id) => {
                let mut found = some(AFTER, Some(id), limit / 2).await?;
                found.reverse();
                found.extend(some(UP_TO, Some(id), limit - limit / 2).await?);
                found
            }
        };
        documents.iter().map(|document| row::parse(document)).collect()
    }

    async fn update(&self, message: &MessageRecord) -> Result<(), RepoError> {
        let message = message.clone();
        let work = self.writer.write("message_update", move |connection| {
            Box::pin(async move { replace(connection, &message).await })
        });
        work.await
    }

    async fn remove(
        &self,
        channel: ChannelId,
        ids: &[MessageId],
    ) -> Result<Vec<MessageId>, RepoError> {
        let ids = ids.to_vec();
        let work = self
            .writer
            .write("message_remove", move |connection| Box::pin(remove(connection, channel, ids)));
        work.await
    }

    async fn pins(&self, channel: ChannelId) -> Result<Vec<MessageRecord>, RepoError> {
        let documents: Vec<String> = sqlx::query_scalar(
            "SELECT document FROM messages WHERE channel = ? AND pinned = 1
             ORDER BY id DESC LIMIT ?",
        )
        .bind(key(channel))
        .bind(row::signed(PINS as u64))
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        documents.iter().map(|document| row::parse(document)).collect()
    }

    async fn latest(
        &self,
        channels: &[ChannelId],
    ) -> Result<Vec<(ChannelId, MessageId)>, RepoError> {
        let rows: Vec<(i64, Option<i64>)> = sqlx::query_as(
            "SELECT value, (SELECT id FROM messages WHERE channel = value
                            ORDER BY bucket DESC, id DESC LIMIT 1)
             FROM json_each(?)",
        )
        .bind(row::keys(channels))
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        let said = rows.into_iter().filter_map(|(channel, newest)| Some((channel, newest?)));
        said.map(|(channel, newest)| Ok((row::id(channel)?, row::id(newest)?))).collect()
    }

    async fn react(
        &self,
        channel: ChannelId,
        id: MessageId,
        user: UserId,
        emoji: &ReactionEmoji,
    ) -> Result<bool, RepoError> {
        let emoji = emoji.clone();
        let work = self.writer.write_apart("reaction_add", move |connection| {
            Box::pin(async move {
                let there = find(connection, channel, id).await?;
                there.ok_or(RepoError::NotFound)?;
                reactions::give(connection, reactions::On { channel, id }, user, &emoji).await
            })
        });
        work.await
    }

    async fn unreact(
        &self,
        channel: ChannelId,
        id: MessageId,
        user: UserId,
        emoji: &ReactionEmoji,
    ) -> Result<bool, RepoError> {
        let emoji = emoji.clone();
        let work = self.writer.write_apart("reaction_remove", move |connection| {
            Box::pin(async move {
                reactions::take(connection, reactions::On { channel, id }, user, &emoji).await
            })
        });
        work.await
    }

    async fn clear_reactions(
        &self,
        channel: ChannelId,
        id: MessageId,
        emoji: Option<&ReactionEmoji>,
    ) -> Result<(), RepoError> {
        let emoji = emoji.cloned();
        let work = self.writer.write_apart("reactions_clear", move |connection| {
            Box::pin(async move {
                reactions::clear(connection, reactions::On { channel, id }, emoji.as_ref()).await
            })
        });
        work.await
    }

    async fn reactions(
        &self,
        channel: ChannelId,
        ids: &[MessageId],
        user: UserId,
    ) -> Result<Vec<(MessageId, Vec<ReactionCount>)>, RepoError> {
        reactions::counts(&self.readers, channel, ids, user).await
    }

    async fn given(
        &self,
        channel: ChannelId,
        ids: &[MessageId],
        most: usize,
    ) -> Result<Option<Given>, RepoError> {
        reactions::given(&self.readers, channel, ids, most).await
    }

    async fn reactors(
        &self,
        channel: ChannelId,
        id: MessageId,
        emoji: &ReactionEmoji,
        after: Option<UserId>,
        limit: u16,
    ) -> Result<Vec<UserId>, RepoError> {
        let on = reactions::On { channel, id };
        reactions::givers(&self.readers, on, emoji, after, limit).await
    }
}

/// Only the writer calls this: between its reads and its writes there is no other.
/// Inserts a message and all that goes with it, whole or not at all.
async fn insert(
    connection: &mut SqliteConnection,
    new: &NewMessage,
) -> Result<Result<Inserted, RepoError>, RepoError> {
    let message = &new.record;
    if let Some(nonce) = &message.nonce {
        let made_ms = snowflake::unix_ms(message.id.get());
        match earlier(connection, message, nonce, made_ms).await {
            Ok(None) => {}
            Ok(Some(earlier)) => return Ok(Ok(Inserted::Earlier(Box::new(earlier)))),
            // Nothing was begun: its neighbours need not fail with it.
            Err(error) => return Ok(Err(error)),
        }
    }
    together::insert(connection, &[new]).await.map_err(failed)?;
    Ok(Ok(Inserted::New))
}

/// The message that the author made with that nonce within the window, if it still exists.
async fn earlier(
    connection: &mut SqliteConnection,
    message: &MessageRecord,
    nonce: &str,
    made_ms: u64,
) -> Result<Option<MessageRecord>, RepoError> {
    let found: Option<i64> = sqlx::query_scalar(
        "SELECT message FROM nonces
         WHERE channel = ? AND author = ? AND nonce = ? AND made_ms > ?",
    )
    .bind(key(message.channel))
    .bind(key(message.author))
    .bind(nonce)
    .bind(row::signed(made_ms.saturating_sub(NONCE_WINDOW_MS)))
    .fetch_optional(&mut *connection)
    .await
    .map_err(failed)?;
    match found {
        Some(id) => find(connection, message.channel, row::id(id)?).await,
        None => Ok(None),
    }
}

/// Replaces the message of the same id; [`RepoError::NotFound`] when there is none.
pub(super) async fn replace(
    connection: &mut SqliteConnection,
    message: &MessageRecord,
) -> Result<(), RepoError> {
    let done = sqlx::query(
        "UPDATE messages SET pinned = ?, document = ?
         WHERE channel = ? AND bucket = ? AND id = ?",
    )
    .bind(message.pinned)
    .bind(row::document(message)?)
    .bind(key(message.channel))
    .bind(bucket(message.id))
    .bind(key(message.id))
    .execute(connection)
    .await
    .map_err(failed)?;
    if done.rows_affected() == 0 { Err(RepoError::NotFound) } else { Ok(()) }
}

pub(super) async fn find(
    connection: &mut SqliteConnection,
    channel: ChannelId,
    id: MessageId,
) -> Result<Option<MessageRecord>, RepoError> {
    let query = sqlx::query_scalar(ONE).bind(key(channel)).bind(bucket(id)).bind(key(id));
    let found: Option<String> = query.fetch_optional(connection).await.map_err(failed)?;
    found.map(|document| row::parse(&document)).transpose()
}

async fn remove(
    connection: &mut SqliteConnection,
    channel: ChannelId,
    ids: Vec<MessageId>,
) -> Result<Vec<MessageId>, RepoError> {
    let mut removed = Vec::new();
    for id in ids {
        let done = sqlx::query("DELETE FROM messages WHERE channel = ? AND bucket = ? AND id = ?")
            .bind(key(channel))
            .bind(bucket(id))
            .bind(key(id))
            .execute(&mut *connection)
            .await
            .map_err(failed)?;
        if done.rows_affected() > 0 {
            reactions::clear(connection, reactions::On { channel, id }, None).await?;
            polls::clear(connection, channel, id).await?;
            removed.push(id);
        }
    }
    // As the thread in memory counts them.
    let counted = removed.iter().filter(|id| id.get() != channel.get()).count();
    sqlx::query("UPDATE threads SET messages = max(messages - ?, 0) WHERE id = ?")
        .bind(row::signed(counted as u64))
        .bind(key(channel))
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(removed)
}

const ONE: &str = "SELECT document FROM messages WHERE channel = ? AND bucket = ? AND id = ?";
const LATEST: &str = "SELECT document FROM messages WHERE channel = ?1
    ORDER BY bucket DESC, id DESC LIMIT ?2";
const BEFORE: &str = "SELECT document FROM messages
    WHERE channel = ?1 AND (bucket, id) < (?3, ?4) ORDER BY bucket DESC, id DESC LIMIT ?2";
const UP_TO: &str = "SELECT document FROM messages
    WHERE channel = ?1 AND (bucket, id) <= (?3, ?4) ORDER BY bucket DESC, id DESC LIMIT ?2";
const AFTER: &str = "SELECT document FROM messages
    WHERE channel = ?1 AND (bucket, id) > (?3, ?4) ORDER BY bucket, id LIMIT ?2";
