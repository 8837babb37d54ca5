//! Deletes the history of deleted channels, a little at a time, when nothing else is to be written.

use sqlx::SqliteConnection;

/// Deletes some rows of a channel that is to be purged; whether there is more to do.
///
/// A failure ends it until the next write: purging is never urgent.
pub(super) async fn step(connection: &mut SqliteConnection) -> bool {
    match delete_some(connection).await {
        Ok(more) => more,
        Err(error) => {
            tracing::warn!(%error, "could not purge a deleted channel; will try again");
            false
        }
    }
}

async fn delete_some(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    let channel: Option<i64> = sqlx::query_scalar("SELECT channel FROM purges LIMIT 1")
        .fetch_optional(&mut *connection)
        .await?;
    let Some(channel) = channel else { return Ok(false) };
    let mut deleted = 0;
    for statement in DELETIONS {
        let done = sqlx::query(*statement).bind(channel).bind(ROWS);
        deleted += done.execute(&mut *connection).await?.rows_affected();
    }
    if deleted == 0 {
        let done = sqlx::query("DELETE FROM purges WHERE channel = ?").bind(channel);
        done.execute(&mut *connection).await?;
    }
    Ok(true)
}

/// Each deletes at most so many rows of a channel.
const DELETIONS: &[&str] = &[
    "DELETE FROM messages WHERE channel = ?1 AND (bucket, id) IN
     (SELECT bucket, id FROM messages WHERE channel = ?1 LIMIT ?2)",
    "DELETE FROM reactions WHERE channel = ?1 AND (message, emoji_id, emoji_name, user) IN
     (SELECT message, emoji_id, emoji_name, user FROM reactions WHERE channel = ?1 LIMIT ?2)",
    "DELETE FROM poll_votes WHERE channel = ?1 AND (message, answer, user) IN
     (SELECT message, answer, user FROM poll_votes WHERE channel = ?1 LIMIT ?2)",
    "DELETE FROM open_polls WHERE channel = ?1 AND message IN
     (SELECT message FROM open_polls WHERE channel = ?1 LIMIT ?2)",
    "DELETE FROM read_states WHERE kind = 0 AND resource = ?1 AND user IN
     (SELECT user FROM read_states WHERE kind = 0 AND resource = ?1 LIMIT ?2)",
    "DELETE FROM nonces WHERE channel = ?1 AND (author, nonce) IN
     (SELECT author, nonce FROM nonces WHERE channel = ?1 LIMIT ?2)",
];
/// Rows of each table in one step: more hold up the writes that come meanwhile.
const ROWS: i64 = 500;
