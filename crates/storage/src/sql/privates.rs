//! Private channels in SQLite.

use async_trait::async_trait;
use model::id::ChannelId;
use model::id::UserId;
use sqlx::SqliteConnection;
use state::record::PrivateChannel;
use state::repo::PrivateRepo;
use state::repo::RepoError;

use super::Database;
use super::row;
use super::row::failed;
use super::row::key;

/// id, low, high, newest message
type PrivateRow = (i64, i64, i64, Option<i64>);

fn channel((id, low, high, newest): PrivateRow) -> Result<PrivateChannel, RepoError> {
    Ok(PrivateChannel {
        id: row::id(id)?,
        recipients: vec![row::id(low)?, row::id(high)?],
        last_message: newest.map(row::id).transpose()?,
    })
}

/// Only the writer calls this: between its read and its write there is no other.
async fn open(
    connection: &mut SqliteConnection,
    id: ChannelId,
    [low, high]: [UserId; 2],
) -> Result<PrivateChannel, RepoError> {
    let found: Option<PrivateRow> = sqlx::query_as(
        "SELECT id, low, high,
            (SELECT m.id FROM messages m WHERE m.channel = privates.id
             ORDER BY m.bucket DESC, m.id DESC LIMIT 1)
         FROM privates WHERE low = ? AND high = ?",
    )
    .bind(key(low))
    .bind(key(high))
    .fetch_optional(&mut *connection)
    .await
    .map_err(failed)?;
    if let Some(found) = found {
        return channel(found);
    }
    sqlx::query("INSERT INTO privates (id, low, high) VALUES (?, ?, ?)")
        .bind(key(id))
        .bind(key(low))
        .bind(key(high))
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(PrivateChannel { id, recipients: vec![low, high], last_message: None })
}

#[async_trait]
impl PrivateRepo for Database {
    async fn open(
        &self,
        id: ChannelId,
        mut pair: [UserId; 2],
    ) -> Result<PrivateChannel, RepoError> {
        pair.sort_unstable();
        let work = self
            .writer
            .write("private_open", move |connection| Box::pin(open(connection, id, pair)));
        work.await
    }

    async fn channel(&self, id: ChannelId) -> Result<Option<PrivateChannel>, RepoError> {
        let found: Option<PrivateRow> = sqlx::query_as(
            "SELECT id, low, high,
                (SELECT m.id FROM messages m WHERE m.channel = privates.id
                 ORDER BY m.bucket DESC, m.id DESC LIMIT 1)
             FROM privates WHERE id = ?",
        )
        .bind(key(id))
        .fetch_optional(&self.readers)
        .await
        .map_err(failed)?;
        found.map(channel).transpose()
    }

    async fn of_user(&self, user: UserId) -> Result<Vec<PrivateChannel>, RepoError> {
        let rows: Vec<PrivateRow> = sqlx::query_as(
            "SELECT id, low, high,
                (SELECT m.id FROM messages m WHERE m.channel = privates.id
                 ORDER BY m.bucket DESC, m.id DESC LIMIT 1)
             FROM privates WHERE low = ?1 OR high = ?1 ORDER BY id",
        )
        .bind(key(user))
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        rows.into_iter().map(channel).collect()
    }
}
