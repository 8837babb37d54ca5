//! OAuth2 grants and their secrets in SQLite.

use async_trait::async_trait;
use model::id::ApplicationId;
use model::id::GrantId;
use model::id::UserId;
use model::limits;
use sqlx::SqliteConnection;
use state::oauth::GrantRecord;
use state::oauth::SecretKind;
use state::oauth::SecretRecord;
use state::repo::GrantRepo;
use state::repo::RepoError;

use super::Database;
use super::row;
use super::row::failed;
use super::row::key;

/// until_ms, document
type GrantRow = (i64, String);
/// kind, made_ms, expires_ms, until_ms, document
type SecretRow = (i64, i64, i64, i64, String);

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn grant((until_ms, document): GrantRow) -> Result<GrantRecord, RepoError> {
    Ok(GrantRecord { until_ms: unsigned(until_ms), ..row::parse(&document)? })
}

const fn number(kind: SecretKind) -> i64 {
    match kind {
        SecretKind::Code => 0,
        SecretKind::Access => 1,
        SecretKind::Refresh => 2,
    }
}

fn kind(number: i64) -> Result<SecretKind, RepoError> {
    match number {
        0 => Ok(SecretKind::Code),
        1 => Ok(SecretKind::Access),
        2 => Ok(SecretKind::Refresh),
        _ => Err(RepoError::Unavailable(format!("a row has the impossible kind {number}"))),
    }
}

async fn insert(
    connection: &mut SqliteConnection,
    secrets: &[SecretRecord],
) -> Result<(), RepoError> {
    for secret in secrets {
        sqlx::query(
            "INSERT INTO grant_secrets (hash, grant_id, kind, spent, made_ms, expires_ms)
             VALUES (?, ?, ?, 0, ?, ?)",
        )
        .bind(secret.hash.to_vec())
        .bind(key(secret.grant))
        .bind(number(secret.kind))
        .bind(row::signed(secret.made_ms))
        .bind(row::signed(secret.expires_ms))
        .execute(&mut *connection)
        .await
        .map_err(failed)?;
    }
    Ok(())
}

#[async_trait]
impl GrantRepo for Database {
    async fn create(
        &self,
        stored: &GrantRecord,
        secrets: &[SecretRecord],
    ) -> Result<(), RepoError> {
        let (stored, document) = (stored.clone(), row::document(stored)?);
        let secrets = secrets.to_vec();
        let work = self.writer.write("grant_create", move |connection| {
            Box::pin(async move {
                sqlx::query(
                    "DELETE FROM grants WHERE id IN
                     (SELECT id FROM grants WHERE until_ms <= ? LIMIT ?)",
                )
                .bind(row::signed(stored.created_ms))
                .bind(SWEPT)
                .execute(&mut *connection)
                .await
                .map_err(failed)?;
                sqlx::query(
                    "INSERT INTO grants (id, application, user, until_ms, document)
                     VALUES (?, ?, ?, ?, ?)",
                )
                .bind(key(stored.id))
                .bind(key(stored.application))
                .bind(key(stored.user))
                .bind(row::signed(stored.until_ms))
                .bind(document)
                .execute(&mut *connection)
                .await
                .map_err(failed)?;
                insert(connection, &secrets).await?;
                sqlx::query(
                    "DELETE FROM grants WHERE user = ?1 AND application = ?2 AND id NOT IN
                     (SELECT id FROM grants WHERE user = ?1 AND application = ?2
                      ORDER BY id DESC LIMIT ?3)",
                )
                .bind(key(stored.user))
                .bind(key(stored.application))
                .bind(i64::try_from(limits::GRANTS).unwrap_or(i64::MAX))
                .execute(&mut *connection)
                .await
                .map_err(failed)?;
                Ok(())
            })
        });
        work.await
    }

    async fn secret(
        &self,
        hash: &[u8; 32],
    ) -> Result<Option<(SecretRecord, GrantRecord)>, RepoError> {
        let found: Option<SecretRow> = sqlx::query_as(
            "SELECT kind, made_ms, expires_ms, until_ms, document
             FROM grant_secrets JOIN grants ON grants.id = grant_id WHERE hash = ?",
        )
        .bind(hash.to_vec())
        .fetch_optional(&self.readers)
        .await
        .map_err(failed)?;
        let Some((number, made_ms, expires_ms, until_ms, document)) = found else {
            return Ok(None);
        };
        let grant = grant((until_ms, document))?;
        let secret = SecretRecord {
            hash: *hash,
            grant: grant.id,
            kind: kind(number)?,
            made_ms: unsigned(made_ms),
            expires_ms: unsigned(expires_ms),
        };
        Ok(Some((secret, grant)))
    }

    async fn exchange(&self, spent: &[u8; 32], new: &[SecretRecord]) -> Result<bool, RepoError> {
        let (spent, new) = (spent.to_vec(), new.to_vec());
        let work = self.writer.write("grant_exchange", move |connection| {
            Box::pin(async move {
                let found: Option<(i64, bool)> =
                    sqlx::query_as("SELECT grant_id, spent FROM grant_secrets WHERE hash = ?")
                        .bind(&spent)
                        .fetch_optional(&mut *connection)
                        .await
                        .map_err(failed)?;
                let Some((id, again)) = found else { return Err(RepoError::NotFound) };
                if again {
                    let gone = sqlx::query("DELETE FROM grants WHERE id = ?").bind(id);
                    gone.execute(&mut *connection).await.map_err(failed)?;
                    return Ok(false);
                }
                let spend = sqlx::query("UPDATE grant_secrets SET spent = 1 WHERE hash = ?");
                spend.bind(&spent).execute(&mut *connection).await.map_err(failed)?;
                insert(connection, &new).await?;
                let until_ms = new.iter().map(|secret| secret.expires_ms).max().unwrap_or(0);
                sqlx::query("UPDATE grants SET until_ms = max(until_ms, ?) WHERE id = ?")
                    .bind(row::signed(until_ms))
                    .bind(id)
                    .execute(&mut *connection)
                    .await
                    .map_err(failed)?;
                sqlx::query(
                    "DELETE FROM grant_secrets WHERE grant_id = ?1 AND hash NOT IN
                     (SELECT hash FROM grant_secrets WHERE grant_id = ?1
                      ORDER BY made_ms DESC, spent LIMIT ?2)",
                )
                .bind(id)
                .bind(i64::try_from(limits::GRANT_SECRETS).unwrap_or(i64::MAX))
                .execute(&mut *connection)
                .await
                .map_err(failed)?;
                Ok(true)
            })
        });
        work.await
    }

    async fn of_user(&self, user: UserId) -> Result<Vec<GrantRecord>, RepoError> {
        let found: Vec<GrantRow> =
            sqlx::query_as("SELECT until_ms, document FROM grants WHERE user = ? ORDER BY id")
                .bind(key(user))
                .fetch_all(&self.readers)
                .await
                .map_err(failed)?;
        found.into_iter().map(grant).collect()
    }

    async fn people(&self, application: ApplicationId, now_ms: u64) -> Result<u64, RepoError> {
        let count: i64 = sqlx::query_scalar(
            "SELECT count(DISTINCT user) FROM grants WHERE application = ? AND until_ms > ?",
        )
        .bind(key(application))
        .bind(row::signed(now_ms))
        .fetch_one(&self.readers)
        .await
        .map_err(failed)?;
        Ok(unsigned(count))
    }

    async fn remove(&self, id: GrantId) -> Result<(), RepoError> {
        let work = self.writer.write("grant_remove", move |connection| {
            Box::pin(async move {
                let gone = sqlx::query("DELETE FROM grants WHERE id = ?").bind(key(id));
                gone.execute(connection).await.map_err(failed)?;
                Ok(())
            })
        });
        work.await
    }

    async fn remove_all(
        &self,
        application: ApplicationId,
        user: Option<UserId>,
    ) -> Result<(), RepoError> {
        let work = self.writer.write("grants_remove", move |connection| {
            Box::pin(async move {
                sqlx::query(
                    "DELETE FROM grants WHERE application = ?1 AND (?2 IS NULL OR user = ?2)",
                )
                .bind(key(application))
                .bind(user.map(key))
                .execute(connection)
                .await
                .map_err(failed)?;
                Ok(())
            })
        });
        work.await
    }
}

/// Grants that are over and let go of with each new one: more than come, so that none pile up.
const SWEPT: i64 = 100;
