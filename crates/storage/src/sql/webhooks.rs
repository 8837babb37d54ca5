//! Webhooks in SQLite.

use async_trait::async_trait;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::MessageId;
use model::id::WebhookId;
use state::apps::Owed;
use state::apps::WebhookRecord;
use state::repo::RepoError;
use state::repo::WebhookRepo;

use super::Database;
use super::row;
use super::row::failed;
use super::row::key;

#[async_trait]
impl WebhookRepo for Database {
    async fn put(&self, webhook: &WebhookRecord) -> Result<(), RepoError> {
        let (webhook, document) = (webhook.clone(), row::document(webhook)?);
        let work = self.writer.write("webhook_put", move |connection| {
            Box::pin(async move {
                sqlx::query(
                    "INSERT OR REPLACE INTO webhooks (id, guild, channel, document, source)
                     VALUES (?, ?, ?, ?, ?)",
                )
                .bind(key(webhook.id))
                .bind(key(webhook.guild))
                .bind(key(webhook.channel))
                .bind(document)
                .bind(webhook.source.map(|source| key(source.channel)))
                .execute(connection)
                .await
                .map_err(failed)?;
                Ok(())
            })
        });
        work.await
    }

    async fn webhook(&self, id: WebhookId) -> Result<Option<WebhookRecord>, RepoError> {
        let found: Option<String> =
            sqlx::query_scalar("SELECT document FROM webhooks WHERE id = ?")
                .bind(key(id))
                .fetch_optional(&self.readers)
                .await
                .map_err(failed)?;
        found.map(|document| row::parse(&document)).transpose()
    }

    async fn of_channel(&self, channel: ChannelId) -> Result<Vec<WebhookRecord>, RepoError> {
        let documents: Vec<String> =
            sqlx::query_scalar("SELECT document FROM webhooks WHERE channel = ? ORDER BY id")
                .bind(key(channel))
                .fetch_all(&self.readers)
                .await
                .map_err(failed)?;
        documents.iter().map(|document| row::parse(document)).collect()
    }

    async fn of_guild(&self, guild: GuildId) -> Result<Vec<WebhookRecord>, RepoError> {
        let documents: Vec<String> =
            sqlx::query_scalar("SELECT document FROM webhooks WHERE guild = ? ORDER BY id")
                .bind(key(guild))
                .fetch_all(&self.readers)
                .await
                .map_err(failed)?;
        documents.iter().map(|document| row::parse(document)).collect()
    }

    async fn remove(&self, id: WebhookId) -> Result<(), RepoError> {
        let work = self.writer.write("webhook_remove", move |connection| {
            Box::pin(async move {
                let query = sqlx::query("DELETE FROM webhooks WHERE id = ?").bind(key(id));
                let done = query.execute(connection).await.map_err(failed)?;
                if done.rows_affected() == 0 { Err(RepoError::NotFound) } else { Ok(()) }
            })
        });
        work.await
    }

    async fn followers(&self, source: ChannelId) -> Result<Vec<WebhookRecord>, RepoError> {
        let documents: Vec<String> =
            sqlx::query_scalar("SELECT document FROM webhooks WHERE source = ? ORDER BY id")
                .bind(key(source))
                .fetch_all(&self.readers)
                .await
                .map_err(failed)?;
        documents.iter().map(|document| row::parse(document)).collect()
    }

    async fn note_crosspost(
        &self,
        from: (ChannelId, MessageId),
        to: (ChannelId, MessageId),
    ) -> Result<(), RepoError> {
        let work = self.writer.write("crosspost_note", move |connection| {
            Box::pin(async move {
                sqlx::query(
                    "INSERT OR IGNORE INTO crossposts (channel, message, to_channel, to_message)
                     VALUES (?, ?, ?, ?)",
                )
                .bind(key(from.0))
                .bind(key(from.1))
                .bind(key(to.0))
                .bind(key(to.1))
                .execute(connection)
                .await
                .map_err(failed)?;
                Ok(())
            })
        });
        work.await
    }

    async fn crossposts(
        &self,
        from: (ChannelId, MessageId),
    ) -> Result<Vec<(ChannelId, MessageId)>, RepoError> {
        let rows: Vec<(i64, i64)> = sqlx::query_as(
            "SELECT to_channel, to_message FROM crossposts WHERE channel = ? AND message = ?
             ORDER BY to_channel, to_message",
        )
        .bind(key(from.0))
        .bind(key(from.1))
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        rows.into_iter().map(|(channel, id)| Ok((row::id(channel)?, row::id(id)?))).collect()
    }

    async fn forget_crossposts(&self, from: (ChannelId, MessageId)) -> Result<(), RepoError> {
        let work = self.writer.write("crosspost_forget", move |connection| {
            Box::pin(async move {
                sqlx::query("DELETE FROM crossposts WHERE channel = ? AND message = ?")
                    .bind(key(from.0))
                    .bind(key(from.1))
                    .execute(connection)
                    .await
                    .map_err(failed)?;
                Ok(())
            })
        });
        work.await
    }

    async fn owe_crosspost(&self, from: (ChannelId, MessageId)) -> Result<(), RepoError> {
        let work = self.writer.write("crosspost_owe", move |connection| {
            Box::pin(async move {
                sqlx::query("INSERT INTO crossposts_due (channel, message) VALUES (?, ?)")
                    .bind(key(from.0))
                    .bind(key(from.1))
                    .execute(connection)
                    .await
                    .map_err(failed)?;
                Ok(())
            })
        });
        work.await
    }

    async fn crossposts_owed(&self, after: u64, limit: u16) -> Result<Vec<Owed>, RepoError> {
        let rows: Vec<(i64, i64, i64)> = sqlx::query_as(
            "SELECT nth, channel, message FROM crossposts_due WHERE nth > ? ORDER BY nth LIMIT ?",
        )
        .bind(i64::try_from(after).unwrap_or(i64::MAX))
        .bind(limit)
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        let owed = rows.into_iter().map(|(nth, channel, message)| {
            let nth = u64::try_from(nth).unwrap_or_default();
            Ok(Owed { nth, channel: row::id(channel)?, message: row::id(message)? })
        });
        owed.collect()
    }

    async fn settle_crosspost(&self, nth: u64) -> Result<(), RepoError> {
        let work = self.writer.write("crosspost_settle", move |connection| {
            Box::pin(async move {
                sqlx::query("DELETE FROM crossposts_due WHERE nth = ?")
                    .bind(i64::try_from(nth).unwrap_or(i64::MAX))
                    .execute(connection)
                    .await
                    .map_err(failed)?;
                Ok(())
            })
        });
        work.await
    }
}
