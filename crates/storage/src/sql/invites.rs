//! Invites in SQLite.

use async_trait::async_trait;
use model::id::GuildId;
use sqlx::SqliteConnection;
use state::record::InviteRecord;
use state::repo::InviteRepo;
use state::repo::RepoError;

use super::Database;
use super::row;
use super::row::failed;
use super::row::key;

fn invite((document, uses): (String, i64)) -> Result<InviteRecord, RepoError> {
    let invite: InviteRecord = row::parse(&document)?;
    Ok(InviteRecord { uses: u32::try_from(uses).unwrap_or(u32::MAX), ..invite })
}

/// Only the writer calls this: between its read and its write there is no other.
async fn use_once(
    connection: &mut SqliteConnection,
    code: &str,
    unix_ms: u64,
) -> Result<InviteRecord, RepoError> {
    let found: Option<(String, i64)> =
        sqlx::query_as("SELECT document, uses FROM invites WHERE code = ?")
            .bind(code)
            .fetch_optional(&mut *connection)
            .await
            .map_err(failed)?;
    let mut invite = found.map(invite).transpose()?.ok_or(RepoError::NotFound)?;
    if !invite.is_valid(unix_ms) {
        return Err(RepoError::NotFound);
    }
    sqlx::query("UPDATE invites SET uses = uses + 1 WHERE code = ?")
        .bind(code)
        .execute(connection)
        .await
        .map_err(failed)?;
    invite.uses += 1;
    Ok(invite)
}

#[async_trait]
impl InviteRepo for Database {
    async fn create(&self, invite: &InviteRecord) -> Result<(), RepoError> {
        let (invite, document) = (invite.clone(), row::document(invite)?);
        let work = self.writer.write("invite_create", move |connection| {
            Box::pin(async move {
                sqlx::query(
                    "INSERT INTO invites (code, guild, channel, uses, document)
                     VALUES (?, ?, ?, ?, ?)",
                )
                .bind(invite.code)
                .bind(invite.guild.map(key))
                .bind(invite.channel.map(key))
                .bind(invite.uses)
                .bind(document)
                .execute(connection)
                .await
                .map_err(failed)?;
                Ok(())
            })
        });
        work.await
    }

    async fn invite(&self, code: &str) -> Result<Option<InviteRecord>, RepoError> {
        let found: Option<(String, i64)> =
            sqlx::query_as("SELECT document, uses FROM invites WHERE code = ?")
                .bind(code)
                .fetch_optional(&self.readers)
                .await
                .map_err(failed)?;
        found.map(invite).transpose()
    }

    async fn use_once(&self, code: &str, unix_ms: u64) -> Result<InviteRecord, RepoError> {
        let code = code.to_owned();
        let work = self.writer.write("invite_use", move |connection| {
            Box::pin(async move { use_once(connection, &code, unix_ms).await })
        });
        work.await
    }

    async fn remove(&self, code: &str) -> Result<(), RepoError> {
        let code = code.to_owned();
        let work = self.writer.write("invite_remove", move |connection| {
            Box::pin(async move {
                let done = sqlx::query("DELETE FROM invites WHERE code = ?").bind(code);
                let done = done.execute(connection).await.map_err(failed)?;
                if done.rows_affected() == 0 { Err(RepoError::NotFound) } else { Ok(()) }
            })
        });
        work.await
    }

    async fn list(&self, guild: Option<GuildId>) -> Result<Vec<InviteRecord>, RepoError> {
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT document, uses FROM invites WHERE guild IS ? ORDER BY code")
                .bind(guild.map(key))
                .fetch_all(&self.readers)
                .await
                .map_err(failed)?;
        rows.into_iter().map(invite).collect()
    }
}
