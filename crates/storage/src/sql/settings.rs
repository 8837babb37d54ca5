//! What people keep for themselves, in SQLite.

use async_trait::async_trait;
use model::id::UserId;
use model::limits;
use state::repo::RepoError;
use state::repo::SettingsRepo;
use state::settings::Profile;
use state::settings::SettingsChange;

use super::Database;
use super::row;
use super::row::failed;
use super::row::key;

#[async_trait]
impl SettingsRepo for Database {
    async fn settings(&self, user: UserId, kind: u8) -> Result<Option<Vec<u8>>, RepoError> {
        sqlx::query_scalar("SELECT value FROM settings WHERE user = ? AND kind = ?")
            .bind(key(user))
            .bind(kind)
            .fetch_optional(&self.readers)
            .await
            .map_err(failed)
    }

    async fn change(
        &self,
        user: UserId,
        change: &SettingsChange,
        most: usize,
    ) -> Result<Option<Vec<u8>>, RepoError> {
        let change = change.clone();
        let work = self.writer.write("settings_change", move |connection| {
            Box::pin(async move {
                let stored: Option<Vec<u8>> =
                    sqlx::query_scalar("SELECT value FROM settings WHERE user = ? AND kind = ?")
                        .bind(key(user))
                        .bind(change.kind())
                        .fetch_optional(&mut *connection)
                        .await
                        .map_err(failed)?;
                let Some(changed) = change.apply(stored.as_deref()) else { return Ok(None) };
                if changed.len() > most {
                    return Err(RepoError::Exists);
                }
                sqlx::query("INSERT OR REPLACE INTO settings (user, kind, value) VALUES (?, ?, ?)")
                    .bind(key(user))
                    .bind(change.kind())
                    .bind(changed.clone())
                    .execute(connection)
                    .await
                    .map_err(failed)?;
                Ok(Some(changed))
            })
        });
        work.await
    }

    async fn note(&self, user: UserId, about: UserId) -> Result<Option<String>, RepoError> {
        sqlx::query_scalar("SELECT note FROM notes WHERE user = ? AND about = ?")
            .bind(key(user))
            .bind(key(about))
            .fetch_optional(&self.readers)
            .await
            .map_err(failed)
    }

    async fn notes(&self, user: UserId) -> Result<Vec<(UserId, String)>, RepoError> {
        let rows: Vec<(i64, String)> =
            sqlx::query_as("SELECT about, note FROM notes WHERE user = ? ORDER BY about")
                .bind(key(user))
                .fetch_all(&self.readers)
                .await
                .map_err(failed)?;
        rows.into_iter().map(|(about, note)| Ok((row::id(about)?, note))).collect()
    }

    async fn put_note(
        &self,
        user: UserId,
        about: UserId,
        note: Option<String>,
    ) -> Result<(), RepoError> {
        let work = self.writer.write("note_put", move |connection| {
            Box::pin(async move {
                let Some(note) = note else {
                    sqlx::query("DELETE FROM notes WHERE user = ? AND about = ?")
                        .bind(key(user))
                        .bind(key(about))
                        .execute(connection)
                        .await
                        .map_err(failed)?;
                    return Ok(());
                };
                let others: i64 =
                    sqlx::query_scalar("SELECT count(*) FROM notes WHERE user = ? AND about <> ?")
                        .bind(key(user))
                        .bind(key(about))
                        .fetch_one(&mut *connection)
                        .await
                        .map_err(failed)?;
                if others >= row::signed(limits::NOTES as u64) {
                    return Err(RepoError::Exists);
                }
                sqlx::query("INSERT OR REPLACE INTO notes (user, about, note) VALUES (?, ?, ?)")
                    .bind(key(user))
                    .bind(key(about))
                    .bind(note)
                    .execute(connection)
                    .await
                    .map_err(failed)?;
                Ok(())
            })
        });
        work.await
    }

    async fn profile(&self, user: UserId) -> Result<Profile, RepoError> {
        let found: Option<String> =
            sqlx::query_scalar("SELECT document FROM profiles WHERE user = ?")
                .bind(key(user))
                .fetch_optional(&self.readers)
                .await
                .map_err(failed)?;
        Ok(found.map(|document| row::parse(&document)).transpose()?.unwrap_or_default())
    }

    async fn put_profile(&self, user: UserId, profile: &Profile) -> Result<(), RepoError> {
        let document = row::document(profile)?;
        let work = self.writer.write("profile_put", move |connection| {
            Box::pin(async move {
                sqlx::query("INSERT OR REPLACE INTO profiles (user, document) VALUES (?, ?)")
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
}
