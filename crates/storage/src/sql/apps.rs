//! Emojis of applications and role connections in SQLite.

use async_trait::async_trait;
use model::id::ApplicationId;
use model::id::EmojiId;
use model::id::UserId;
use state::apps::RoleConnection;
use state::record::EmojiRecord;
use state::repo::AppRepo;
use state::repo::RepoError;

use super::Database;
use super::row;
use super::row::failed;
use super::row::key;

#[async_trait]
impl AppRepo for Database {
    async fn emojis(&self, application: ApplicationId) -> Result<Vec<EmojiRecord>, RepoError> {
        let documents: Vec<String> = sqlx::query_scalar(
            "SELECT document FROM application_emojis WHERE application = ? ORDER BY id",
        )
        .bind(key(application))
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        documents.iter().map(|document| row::parse(document)).collect()
    }

    async fn emoji(&self, id: EmojiId) -> Result<Option<(ApplicationId, EmojiRecord)>, RepoError> {
        let found: Option<(i64, String)> =
            sqlx::query_as("SELECT application, document FROM application_emojis WHERE id = ?")
                .bind(key(id))
                .fetch_optional(&self.readers)
                .await
                .map_err(failed)?;
        let Some((application, document)) = found else { return Ok(None) };
        Ok(Some((row::id(application)?, row::parse(&document)?)))
    }

    async fn put_emoji(
        &self,
        application: ApplicationId,
        emoji: &EmojiRecord,
    ) -> Result<(), RepoError> {
        let (emoji, document) = (emoji.clone(), row::document(emoji)?);
        let work = self.writer.write("application_emoji_put", move |connection| {
            Box::pin(async move {
                sqlx::query(
                    "INSERT INTO application_emojis (id, application, name, document)
                     VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE
                     SET name = excluded.name, document = excluded.document",
                )
                .bind(key(emoji.id))
                .bind(key(application))
                .bind(emoji.name)
                .bind(document)
                .execute(connection)
                .await
                .map_err(failed)?;
                Ok(())
            })
        });
        work.await
    }

    async fn remove_emoji(&self, application: ApplicationId, id: EmojiId) -> Result<(), RepoError> {
        let work = self.writer.write("application_emoji_remove", move |connection| {
            Box::pin(async move {
                let done =
                    sqlx::query("DELETE FROM application_emojis WHERE application = ? AND id = ?")
                        .bind(key(application))
                        .bind(key(id))
                        .execute(connection)
                        .await
                        .map_err(failed)?;
                if done.rows_affected() == 0 { Err(RepoError::NotFound) } else { Ok(()) }
            })
        });
        work.await
    }

    async fn role_connection(
        &self,
        application: ApplicationId,
        user: UserId,
    ) -> Result<Option<RoleConnection>, RepoError> {
        let found: Option<String> = sqlx::query_scalar(
            "SELECT document FROM role_connections WHERE application = ? AND user = ?",
        )
        .bind(key(application))
        .bind(key(user))
        .fetch_optional(&self.readers)
        .await
        .map_err(failed)?;
        found.map(|document| row::parse(&document)).transpose()
    }

    async fn put_role_connection(
        &self,
        application: ApplicationId,
        user: UserId,
        connection: &RoleConnection,
    ) -> Result<(), RepoError> {
        let document = row::document(connection)?;
        let work = self.writer.write("role_connection_put", move |connection| {
            Box::pin(async move {
                sqlx::query(
                    "INSERT OR REPLACE INTO role_connections (application, user, document)
                     VALUES (?, ?, ?)",
                )
                .bind(key(application))
                .bind(key(user))
                .bind(document)
                .execute(connection)
                .await
                .map_err(failed)?;
                Ok(())
            })
        });
        work.await
    }

    async fn remove_role_connection(
        &self,
        application: ApplicationId,
        user: UserId,
    ) -> Result<(), RepoError> {
        let work = self.writer.write("role_connection_remove", move |connection| {
            Box::pin(async move {
                sqlx::query("DELETE FROM role_connections WHERE application = ? AND user = ?")
                    .bind(key(application))
                    .bind(key(user))
                    .execute(connection)
                    .await
                    .map_err(failed)?;
                Ok(())
            })
        });
        work.await
    }

    async fn remove_all(&self, application: ApplicationId) -> Result<(), RepoError> {
        let work = self.writer.write("application_rest_remove", move |connection| {
            Box::pin(async move {
                for statement in [
                    "DELETE FROM application_emojis WHERE application = ?",
                    "DELETE FROM role_connections WHERE application = ?",
                ] {
                    let gone = sqlx::query(statement).bind(key(application));
                    gone.execute(&mut *connection).await.map_err(failed)?;
                }
                Ok(())
            })
        });
        work.await
    }
}
