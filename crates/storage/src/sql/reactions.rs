//! Reactions in SQLite: who gave what, and in which order the emoji first came.

use std::collections::HashMap;

use model::id::ChannelId;
use model::id::MessageId;
use model::id::UserId;
use sqlx::SqliteConnection;
use sqlx::SqlitePool;
use state::record::ReactionCount;
use state::record::ReactionEmoji;
use state::repo::Given;
use state::repo::RepoError;

use super::row;
use super::row::failed;
use super::row::key;

/// The message that reactions are on.
#[derive(Clone, Copy)]
pub(super) struct On {
    pub(super) channel: ChannelId,
    pub(super) id: MessageId,
}

fn emoji_key(emoji: &ReactionEmoji) -> i64 {
    emoji.id.map_or(0, key)
}

/// Gives a reaction; `false` when it was given already.
///
/// An emoji keeps its place among the others for as long as anyone gives it, even when the first
/// to give it takes theirs back.
pub(super) async fn give(
    connection: &mut SqliteConnection,
    on: On,
    user: UserId,
    emoji: &ReactionEmoji,
) -> Result<bool, RepoError> {
    let done = sqlx::query(
        "INSERT OR IGNORE INTO reactions (channel, message, emoji_id, emoji_name, user, place)
         VALUES (?1, ?2, ?3, ?4, ?5, coalesce(
            (SELECT place FROM reactions
             WHERE channel = ?1 AND message = ?2 AND emoji_id = ?3 AND emoji_name = ?4 LIMIT 1),
            (SELECT max(place) + 1 FROM reactions WHERE channel = ?1 AND message = ?2),
            0))",
    )
    .bind(key(on.channel))
    .bind(key(on.id))
    .bind(emoji_key(emoji))
    .bind(emoji.name.clone())
    .bind(key(user))
    .execute(connection)
    .await
    .map_err(failed)?;
    Ok(done.rows_affected() > 0)
}

/// Takes a reaction back; `false` when there was none.
pub(super) async fn take(
    connection: &mut SqliteConnection,
    on: On,
    user: UserId,
    emoji: &ReactionEmoji,
) -> Result<bool, RepoError> {
    let done = sqlx::query(
        "DELETE FROM reactions
         WHERE channel = ? AND message = ? AND emoji_id = ? AND emoji_name = ? AND user = ?",
    )
    .bind(key(on.channel))
    .bind(key(on.id))
    .bind(emoji_key(emoji))
    .bind(emoji.name.clone())
    .bind(key(user))
    .execute(connection)
    .await
    .map_err(failed)?;
    Ok(done.rows_affected() > 0)
}

/// Removes all reactions of a message, or all of one emoji.
pub(super) async fn clear(
    connection: &mut SqliteConnection,
    on: On,
    emoji: Option<&ReactionEmoji>,
) -> Result<(), RepoError> {
    sqlx::query(
        "DELETE FROM reactions WHERE channel = ?1 AND message = ?2
         AND (?3 IS NULL OR (emoji_id = ?3 AND emoji_name = ?4))",
    )
    .bind(key(on.channel))
    .bind(key(on.id))
    .bind(emoji.map(emoji_key))
    .bind(emoji.map(|emoji| emoji.name.clone()))
    .execute(connection)
    .await
    .map_err(failed)?;
    Ok(())
}

/// Counts by message, in the order of `ids`; messages without reactions are left out.
pub(super) async fn counts(
    readers: &SqlitePool,
    channel: ChannelId,
    ids: &[MessageId],
    user: UserId,
) -> Result<Vec<(MessageId, Vec<ReactionCount>)>, RepoError> {
    let rows: Vec<(i64, i64, String, i64, bool)> = sqlx::query_as(
        "SELECT message, emoji_id, emoji_name, count(*), max(user = ?1)
         FROM reactions
         WHERE channel = ?2 AND message IN (SELECT value FROM json_each(?3))
         GROUP BY message, emoji_id, emoji_name
         ORDER BY min(place)",
    )
    .bind(key(user))
    .bind(key(channel))
    .bind(row::keys(ids))
    .fetch_all(readers)
    .await
    .map_err(failed)?;
    let mut counts: HashMap<MessageId, Vec<ReactionCount>> = HashMap::new();
    for (message, emoji_id, name, count, me) in rows {
        let id = if emoji_id == 0 { None } else { Some(row::id(emoji_id)?) };
        let emoji = ReactionEmoji { id, name };
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let of_message = counts.entry(row::id(message)?).or_default();
        of_message.push(ReactionCount { emoji, count, me });
    }
    Ok(ids.iter().filter_map(|id| Some((*id, counts.remove(id)?))).collect())
}

/// Who gave what, in the order of `ids`; none when there are more than so many.
pub(super) async fn given(
    readers: &SqlitePool,
    channel: ChannelId,
    ids: &[MessageId],
    most: usize,
) -> Result<Option<Given>, RepoError> {
    let rows: Vec<(i64, i64, String, i64)> = sqlx::query_as(
        "SELECT message, emoji_id, emoji_name, user
         FROM reactions
         WHERE channel = ?1 AND message IN (SELECT value FROM json_each(?2))
         ORDER BY message, place
         LIMIT ?3",
    )
    .bind(key(channel))
    .bind(row::keys(ids))
    .bind(row::signed(most as u64 + 1))
    .fetch_all(readers)
    .await
    .map_err(failed)?;
    if rows.len() > most {
        return Ok(None);
    }
    let mut given: HashMap<MessageId, Vec<(ReactionEmoji, Vec<UserId>)>> = HashMap::new();
    for (message, emoji_id, name, user) in rows {
        let id = if emoji_id == 0 { None } else { Some(row::id(emoji_id)?) };
        let emoji = ReactionEmoji { id, name };
        let of_message = given.entry(row::id(message)?).or_default();
        let user = row::id(user)?;
        match of_message.iter_mut().find(|(other, _)| *other == emoji) {
            Some((_, users)) => users.push(user),
            None => of_message.push((emoji, vec![user])),
        }
    }
    Ok(Some(ids.iter().filter_map(|id| Some((*id, given.remove(id)?))).collect()))
}

/// Who gave an emoji, by ascending id.
pub(super) async fn givers(
    readers: &SqlitePool,
    on: On,
    emoji: &ReactionEmoji,
    after: Option<UserId>,
    limit: u16,
) -> Result<Vec<UserId>, RepoError> {
    let users: Vec<i64> = sqlx::query_scalar(
        "SELECT user FROM reactions
         WHERE channel = ? AND message = ? AND emoji_id = ? AND emoji_name = ? AND user > ?
         ORDER BY user LIMIT ?",
    )
    .bind(key(on.channel))
    .bind(key(on.id))
    .bind(emoji_key(emoji))
    .bind(emoji.name.clone())
    .bind(after.map_or(0, key))
    .bind(limit)
    .fetch_all(readers)
    .await
    .map_err(failed)?;
    users.into_iter().map(row::id).collect()
}
