//! Invites in SQLite.

use async_trait::async_trait;
use model::id::GuildId;
use model::id::UserId;
use sqlx::SqliteConnection;
use state::record::InviteRecord;
use state::record::InviteTargets;
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

/// Replaces the people whom an invite is for. Only the writer calls this.
async fn target(
    connection: &mut SqliteConnection,
    code: &str,
    users: &[UserId],
    named_ms: u64,
) -> Result<(), RepoError> {
    let found: Option<(String, i64)> =
        sqlx::query_as("SELECT document, uses FROM invites WHERE code = ?")
            .bind(code)
            .fetch_optional(&mut *connection)
            .await
            .map_err(failed)?;
    let mut invite = found.map(invite).transpose()?.ok_or(RepoError::NotFound)?;
    sqlx::query("DELETE FROM invite_targets WHERE code = ?")
        .bind(code)
        .execute(&mut *connection)
        .await
        .map_err(failed)?;
    // In one statement: ten thousand of them would hold up everybody else's writes.
    let list: Vec<i64> = users.iter().map(|user| key(*user)).collect();
    let added = sqlx::query(
        "INSERT OR IGNORE INTO invite_targets (code, user) SELECT ?, value FROM json_each(?)",
    )
    .bind(code)
    .bind(row::document(&list)?)
    .execute(&mut *connection)
    .await
    .map_err(failed)?;
    let count = u32::try_from(added.rows_affected()).unwrap_or(u32::MAX);
    invite.targets = Some(InviteTargets { users: count, named_ms });
    sqlx::query("UPDATE invites SET document = ? WHERE code = ?")
        .bind(row::document(&invite)?)
        .bind(code)
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(())
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

    async fn target(&self, code: &str, users: &[UserId], named_ms: u64) -> Result<(), RepoError> {
        let (code, users) = (code.to_owned(), users.to_vec());
        let work = self.writer.write("invite_target", move |connection| {
            Box::pin(async move { target(connection, &code, &users, named_ms).await })
        });
        work.await
    }

    async fn targets(&self, code: &str) -> Result<Vec<UserId>, RepoError> {
        let rows: Vec<i64> =
            sqlx::query_scalar("SELECT user FROM invite_targets WHERE code = ? ORDER BY user")
                .bind(code)
                .fetch_all(&self.readers)
                .await
                .map_err(failed)?;
        rows.into_iter().map(row::id).collect()
    }

    async fn is_target(&self, code: &str, user: UserId) -> Result<bool, RepoError> {
        let found: Option<i64> =
            sqlx::query_scalar("SELECT 1 FROM invite_targets WHERE code = ? AND user = ?")
                .bind(code)
                .bind(key(user))
                .fetch_optional(&self.readers)
                .await
                .map_err(failed)?;
        Ok(found.is_some())
    }
}
