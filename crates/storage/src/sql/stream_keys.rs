//! Stream keys in SQLite.

use async_trait::async_trait;
use model::id::ChannelId;
use model::id::StreamKeyId;
use state::record::StreamKeyRecord;
use state::repo::RepoError;
use state::repo::StreamKeyRepo;

use super::Database;
use super::row;
use super::row::failed;
use super::row::key;

/// hash, document
type KeyRow = (Vec<u8>, String);

fn record((hash, document): KeyRow) -> Result<StreamKeyRecord, RepoError> {
    let hash = hash.try_into();
    let hash = hash.map_err(|_| RepoError::Unavailable("a stored hash is damaged".to_owned()))?;
    Ok(StreamKeyRecord { hash, ..row::parse(&document)? })
}

#[async_trait]
impl StreamKeyRepo for Database {
    async fn create(&self, stored: &StreamKeyRecord) -> Result<(), RepoError> {
        let (stored, document) = (stored.clone(), row::document(stored)?);
        let work = self.writer.write("stream_key_create", move |connection| {
            Box::pin(async move {
                sqlx::query(
                    "INSERT INTO stream_keys (hash, id, channel, document) VALUES (?, ?, ?, ?)",
                )
                .bind(stored.hash.to_vec())
                .bind(key(stored.id))
                .bind(key(stored.channel))
                .bind(document)
                .execute(connection)
                .await
                .map_err(failed)?;
                Ok(())
            })
        });
        work.await
    }

    async fn by_hash(&self, hash: &[u8; 32]) -> Result<Option<StreamKeyRecord>, RepoError> {
        let found: Option<KeyRow> =
            sqlx::query_as("SELECT hash, document FROM stream_keys WHERE hash = ?")
                .bind(hash.to_vec())
                .fetch_optional(&self.readers)
                .await
                .map_err(failed)?;
        found.map(record).transpose()
    }

    async fn list(&self, channel: ChannelId) -> Result<Vec<StreamKeyRecord>, RepoError> {
        let found: Vec<KeyRow> =
            sqlx::query_as("SELECT hash, document FROM stream_keys WHERE channel = ? ORDER BY id")
                .bind(key(channel))
                .fetch_all(&self.readers)
                .await
                .map_err(failed)?;
        found.into_iter().map(record).collect()
    }

    async fn remove(&self, id: StreamKeyId) -> Result<(), RepoError> {
        let work = self.writer.write("stream_key_remove", move |connection| {
            Box::pin(async move {
                let query = sqlx::query("DELETE FROM stream_keys WHERE id = ?").bind(key(id));
                let done = query.execute(connection).await.map_err(failed)?;
                if done.rows_affected() == 0 { Err(RepoError::NotFound) } else { Ok(()) }
            })
        });
        work.await
    }
}
