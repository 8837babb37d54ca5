//! Join requests in SQLite: those of which nothing came yet until it does or their member leaves, the others
//! until they are old.

use model::id::GuildId;
use sqlx::SqliteConnection;
use sqlx::SqlitePool;
use state::repo::RepoError;
use state::screening;
use state::screening::JoinRequest;
use state::screening::JoinRequestQuery;

use super::row::document;
use super::row::failed;
use super::row::key;
use super::row::parse;
use super::row::signed;

/// A request on its way into its table.
pub(super) struct Row {
    id: i64,
    user: i64,
    status: u8,
    document: String,
    expired: i64,
}

impl Row {
    pub(super) fn of(request: &JoinRequest) -> Result<Self, RepoError> {
        Ok(Self {
            id: key(request.id),
            user: key(request.user),
            status: request.status as u8,
            document: document(request)?,
            expired: signed(screening::expired(request.last_ms())),
        })
    }

    /// Stores the request and deletes some of the guild's that are too old by its time: more than come,
    /// so that they end, and few, so that nobody waits.
    pub(super) async fn write(
        self,
        connection: &mut SqliteConnection,
        guild: i64,
    ) -> Result<(), sqlx::Error> {
        let put = "INSERT OR REPLACE INTO join_requests (guild, id, user, status, document)
                   VALUES (?, ?, ?, ?, ?)";
        sqlx::query(put)
            .bind(guild)
            .bind(self.id)
            .bind(self.user)
            .bind(self.status)
            .bind(self.document)
            .execute(&mut *connection)
            .await?;
        let expire = "DELETE FROM join_requests WHERE guild = ?1 AND id IN
                      (SELECT id FROM join_requests
                       WHERE guild = ?1 AND id <= ?2 AND status > 1 ORDER BY id LIMIT ?3)";
        let expire = sqlx::query(expire).bind(guild).bind(self.expired).bind(EXPIRING);
        expire.execute(connection).await?;
        Ok(())
    }
}

/// Deletes the request of a member of which nothing came yet.
pub(super) async fn withdraw(
    connection: &mut SqliteConnection,
    guild: i64,
    user: i64,
) -> Result<(), sqlx::Error> {
    let query = "DELETE FROM join_requests WHERE guild = ? AND user = ? AND status < 2";
    sqlx::query(query).bind(guild).bind(user).execute(connection).await?;
    Ok(())
}

/// Reads what a query asks for, and counts it.
pub(super) async fn page(
    readers: &SqlitePool,
    guild: GuildId,
    query: &JoinRequestQuery,
) -> Result<(Vec<JoinRequest>, u64), RepoError> {
    let (status, user) = (query.status.map(|status| status as u8), query.user.map(key));
    let mut reader = readers.begin().await.map_err(failed)?;
    let total: i64 = sqlx::query_scalar(COUNT)
        .bind(key(guild))
        .bind(status)
        .bind(user)
        .fetch_one(&mut *reader)
        .await
        .map_err(failed)?;
    let select = if query.ascending { OLDEST_FIRST } else { NEWEST_FIRST };
    let rows: Vec<String> = sqlx::query_scalar(select)
        .bind(key(guild))
        .bind(status)
        .bind(user)
        .bind(signed(query.after))
        .bind(signed(query.before))
        .bind(query.limit)
        .fetch_all(&mut *reader)
        .await
        .map_err(failed)?;
    let requests = rows.iter().map(|document| parse(document)).collect::<Result<_, _>>()?;
    Ok((requests, u64::try_from(total).unwrap_or(0)))
}

/// Requests of which nothing came yet, of all guilds.
pub(super) const OPEN: &str = "SELECT guild, document FROM join_requests WHERE status < 2";
const COUNT: &str = "SELECT COUNT(*) FROM join_requests WHERE guild = ?1
    AND (?2 IS NULL OR status = ?2) AND (?3 IS NULL OR user = ?3)
    AND (?3 IS NOT NULL OR status > 0)";
const NEWEST_FIRST: &str = "SELECT document FROM join_requests WHERE guild = ?1
    AND (?2 IS NULL OR status = ?2) AND (?3 IS NULL OR user = ?3)
    AND (?3 IS NOT NULL OR status > 0) AND id > ?4 AND id < ?5 ORDER BY id DESC LIMIT ?6";
const OLDEST_FIRST: &str = "SELECT document FROM join_requests WHERE guild = ?1
    AND (?2 IS NULL OR status = ?2) AND (?3 IS NULL OR user = ?3)
    AND (?3 IS NOT NULL OR status > 0) AND id > ?4 AND id < ?5 ORDER BY id LIMIT ?6";
/// Old requests that each new one ends at most.
const EXPIRING: i64 = 16;
