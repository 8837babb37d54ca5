//! Audit logs in SQLite: entries by guild and number, the old ones let go of as new ones come.

use model::id::GuildId;
use model::snowflake;
use sqlx::SqliteConnection;
use sqlx::SqlitePool;
use state::audit;
use state::audit::AuditEntry;
use state::audit::AuditQuery;
use state::repo::RepoError;

use super::row::document;
use super::row::failed;
use super::row::key;
use super::row::parse;
use super::row::signed;

/// An entry on its way into its table.
pub(super) struct Row {
    guild: i64,
    id: i64,
    user: Option<i64>,
    action: i64,
    document: String,
    expired: i64,
}

impl Row {
    pub(super) fn of(entry: &AuditEntry) -> Result<Self, RepoError> {
        Ok(Self {
            guild: key(entry.guild),
            id: key(entry.id),
            user: entry.what.user.map(key),
            action: u16::from(entry.what.action).into(),
            document: document(entry)?,
            expired: signed(audit::expired(snowflake::unix_ms(entry.id.get()))),
        })
    }

    /// Stores the entry and deletes some of the guild's that are too old by its time: more than come,
    /// so that they end, and few, so that nobody waits.
    pub(super) async fn write(self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        // A number is taken only after the clock was set back; the change counts more than its entry.
        let put = "INSERT INTO audit_log (guild, id, user, action, document) VALUES (?, ?, ?, ?, ?)
                   ON CONFLICT DO NOTHING";
        sqlx::query(put)
            .bind(self.guild)
            .bind(self.id)
            .bind(self.user)
            .bind(self.action)
            .bind(self.document)
            .execute(&mut *connection)
            .await?;
        let expire = "DELETE FROM audit_log WHERE guild = ?1 AND id IN
                      (SELECT id FROM audit_log WHERE guild = ?1 AND id <= ?2 ORDER BY id LIMIT ?3)";
        let expire = sqlx::query(expire).bind(self.guild).bind(self.expired).bind(EXPIRING);
        expire.execute(connection).await?;
        Ok(())
    }
}

/// Reads what a query asks for.
pub(super) async fn page(
    readers: &SqlitePool,
    guild: GuildId,
    query: &AuditQuery,
) -> Result<Vec<AuditEntry>, RepoError> {
    let select = if query.ascending { OLDEST_FIRST } else { NEWEST_FIRST };
    let rows: Vec<String> = sqlx::query_scalar(select)
        .bind(key(guild))
        .bind(signed(query.after))
        .bind(signed(query.before))
        .bind(query.user.map(key))
        .bind(query.action)
        .bind(query.limit)
        .fetch_all(readers)
        .await
        .map_err(failed)?;
    rows.iter().map(|document| parse(document)).collect()
}

const NEWEST_FIRST: &str = "SELECT document FROM audit_log
    WHERE guild = ?1 AND id > ?2 AND id < ?3
    AND (?4 IS NULL OR user = ?4) AND (?5 IS NULL OR action = ?5) ORDER BY id DESC LIMIT ?6";
const OLDEST_FIRST: &str = "SELECT document FROM audit_log
    WHERE guild = ?1 AND id > ?2 AND id < ?3
    AND (?4 IS NULL OR user = ?4) AND (?5 IS NULL OR action = ?5) ORDER BY id LIMIT ?6";
/// Old entries that each new one ends at most.
const EXPIRING: i64 = 16;
