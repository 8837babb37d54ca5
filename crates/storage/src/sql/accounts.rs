//! Accounts, tokens and applications in SQLite.

use async_trait::async_trait;
use model::id::ApplicationId;
use model::id::UserId;
use state::record::AccountRecord;
use state::record::ApplicationRecord;
use state::record::TokenRecord;
use state::record::UserRecord;
use state::repo::AccountRepo;
use state::repo::RepoError;

use super::Database;
use super::row;
use super::row::failed;
use super::row::key;

/// document, password, owner, disabled
type AccountRow = (String, Option<String>, bool, bool);

fn account((document, password, owner, disabled): AccountRow) -> Result<AccountRecord, RepoError> {
    Ok(AccountRecord { user: row::parse(&document)?, password, owner, disabled })
}

#[async_trait]
impl AccountRepo for Database {
    async fn create(&self, account: &AccountRecord) -> Result<(), RepoError> {
        let (account, document) = (account.clone(), row::document(&account.user)?);
        let work = self.writer.write("account_create", move |connection| {
            Box::pin(async move {
                sqlx::query(
                    "INSERT INTO accounts (id, username_key, document, password, owner, disabled)
                     VALUES (?, ?, ?, ?, ?, ?)",
                )
                .bind(key(account.user.id))
                .bind(account.user.username.to_lowercase())
                .bind(document)
                .bind(account.password)
                .bind(account.owner)
                .bind(account.disabled)
                .execute(connection)
                .await
                .map_err(failed)?;
                Ok(())
            })
        });
        work.await
    }

    async fn account(&self, id: UserId) -> Result<Option<AccountRecord>, RepoError> {
        let found: Option<AccountRow> =
            sqlx::query_as("SELECT document, password, owner, disabled FROM accounts WHERE id = ?")
                .bind(key(id))
                .fetch_optional(&self.readers)
                .await
                .map_err(failed)?;
        found.map(account).transpose()
    }

    async fn by_username(&self, username: &str) -> Result<Option<AccountRecord>, RepoError> {
        let found: Option<AccountRow> = sqlx::query_as(
            "SELECT document, password, owner, disabled FROM accounts WHERE username_key = ?",
        )
        .bind(username.to_lowercase())
        .fetch_optional(&self.readers)
        .await
        .map_err(failed)?;
        found.map(account).transpose()
    }

    async fn users(&self, ids: &[UserId]) -> Result<Vec<UserRecord>, RepoError> {
        let documents: Vec<String> = sqlx::query_scalar(
            "SELECT document FROM accounts WHERE id IN (SELECT value FROM json_each(?))",
        )
        .bind(row::keys(ids))
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        documents.iter().map(|document| row::parse(document)).collect()
    }

    async fn list(&self) -> Result<Vec<AccountRecord>, RepoError> {
        let rows: Vec<AccountRow> =
            sqlx::query_as("SELECT document, password, owner, disabled FROM accounts ORDER BY id")
                .fetch_all(&self.readers)
                .await
                .map_err(failed)?;
        rows.into_iter().map(account).collect()
    }

    async fn update(&self, account: &AccountRecord) -> Result<(), RepoError> {
        let (account, document) = (account.clone(), row::document(&account.user)?);
        let work = self.writer.write("account_update", move |connection| {
            Box::pin(async move {
                let done = sqlx::query(
                    "UPDATE accounts
                     SET username_key = ?, document = ?, password = ?, owner = ?, disabled = ?
                     WHERE id = ?",
                )
                .bind(account.user.username.to_lowercase())
                .bind(document)
                .bind(account.password)
                .bind(account.owner)
                .bind(account.disabled)
                .bind(key(account.user.id))
                .execute(connection)
                .await
                .map_err(failed)?;
                if done.rows_affected() == 0 { Err(RepoError::NotFound) } else { Ok(()) }
            })
        });
        work.await
    }

    async fn saw(&self, user: UserId, unix_ms: u64) -> Result<(), RepoError> {
        let (user, at) = (key(user), row::signed(unix_ms));
        let known: Option<i64> = sqlx::query_scalar("SELECT at FROM seen WHERE user = ?")
            .bind(user)
            .fetch_optional(&self.readers)
            .await
            .map_err(failed)?;
        if known.is_some_and(|known| at < known.saturating_add(SEEN_MS)) {
            return Ok(());
        }
        let work = self.writer.write("account_seen", move |connection| {
            Box::pin(async move {
                let put = "INSERT INTO seen (user, at) VALUES (?, ?)
                           ON CONFLICT (user) DO UPDATE SET at = max(at, excluded.at)";
                let put = sqlx::query(put).bind(user).bind(at);
                put.execute(connection).await.map_err(failed)?;
                Ok(())
            })
        });
        work.await
    }

    async fn seen_since(&self, users: &[UserId], unix_ms: u64) -> Result<Vec<UserId>, RepoError> {
        let ids = serde_json::to_string(&users.iter().map(|user| user.get()).collect::<Vec<_>>());
        let ids = ids.map_err(|error| RepoError::Unavailable(error.to_string()))?;
        let seen: Vec<i64> = sqlx::query_scalar(
            "SELECT user FROM seen WHERE at > ? AND user IN (SELECT value FROM json_each(?))",
        )
        .bind(row::signed(unix_ms).saturating_sub(SEEN_MS))
        .bind(ids)
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        seen.into_iter().map(row::id).collect()
    }

    async fn add_token(&self, token: &TokenRecord) -> Result<(), RepoError> {
        let token = token.clone();
        let work = self.writer.write("token_add", move |connection| {
            Box::pin(async move {
                sqlx::query("INSERT INTO tokens (hash, user, created_ms) VALUES (?, ?, ?)")
                    .bind(token.hash.to_vec())
                    .bind(key(token.user))
                    .bind(row::signed(token.created_ms))
                    .execute(connection)
                    .await
                    .map_err(failed)?;
                Ok(())
            })
        });
        work.await
    }

    async fn token(&self, hash: &[u8; 32]) -> Result<Option<TokenRecord>, RepoError> {
        let found: Option<(i64, i64)> =
            sqlx::query_as("SELECT user, created_ms FROM tokens WHERE hash = ?")
                .bind(hash.to_vec())
                .fetch_optional(&self.readers)
                .await
                .map_err(failed)?;
        let Some((user, created_ms)) = found else { return Ok(None) };
        let created_ms = u64::try_from(created_ms).unwrap_or(0);
        Ok(Some(TokenRecord { hash: *hash, user: row::id(user)?, created_ms }))
    }

    async fn remove_token(&self, hash: &[u8; 32]) -> Result<(), RepoError> {
        let hash = hash.to_vec();
        let work = self.writer.write("token_remove", move |connection| {
            Box::pin(async move {
                let done = sqlx::query("DELETE FROM tokens WHERE hash = ?").bind(hash);
                done.execute(connection).await.map_err(failed)?;
                Ok(())
            })
        });
        work.await
    }

    async fn remove_tokens(&self, user: UserId) -> Result<(), RepoError> {
        let work = self.writer.write("tokens_remove", move |connection| {
            Box::pin(async move {
                let done = sqlx::query("DELETE FROM tokens WHERE user = ?").bind(key(user));
                done.execute(connection).await.map_err(failed)?;
                Ok(())
            })
        });
        work.await
    }

    async fn put_application(&self, application: &ApplicationRecord) -> Result<(), RepoError> {
        let (id, document) = (application.id, row::document(application)?);
        let work = self.writer.write("application_put", move |connection| {
            Box::pin(async move {
                sqlx::query("INSERT OR REPLACE INTO applications (id, document) VALUES (?, ?)")
                    .bind(key(id))
                    .bind(document)
                    .execute(connection)
                    .await
                    .map_err(failed)?;
                Ok(())
            })
        });
        work.await
    }

    async fn application(&self, id: ApplicationId) -> Result<Option<ApplicationRecord>, RepoError> {
        let found: Option<String> =
            sqlx::query_scalar("SELECT document FROM applications WHERE id = ?")
                .bind(key(id))
                .fetch_optional(&self.readers)
                .await
                .map_err(failed)?;
        found.map(|document| row::parse(&document)).transpose()
    }

    async fn applications(&self) -> Result<Vec<ApplicationRecord>, RepoError> {
        let documents: Vec<String> =
            sqlx::query_scalar("SELECT document FROM applications ORDER BY id")
                .fetch_all(&self.readers)
                .await
                .map_err(failed)?;
        documents.iter().map(|document| row::parse(document)).collect()
    }

    async fn remove_application(&self, id: ApplicationId) -> Result<(), RepoError> {
        let work = self.writer.write("application_remove", move |connection| {
            Box::pin(async move {
                let gone = sqlx::query("DELETE FROM applications WHERE id = ?").bind(key(id));
                gone.execute(connection).await.map_err(failed)?;
                Ok(())
            })
        });
        work.await
    }
}

/// How old what is known of a session may become before it is written anew, in milliseconds. Until then
/// somebody counts as having been here.
const SEEN_MS: i64 = 6 * 60 * 60 * 1_000;
