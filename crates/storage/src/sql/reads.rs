//! How far people have read, in SQLite. Mentions are counted by an index that messages keep.

use async_trait::async_trait;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::UserId;
use model::limits;
use serde_json::json;
use sqlx::SqliteConnection;
use state::read::Ack;
use state::read::Counted;
use state::read::Notifications;
use state::read::ReadState;
use state::read::Resource;
use state::read::Unread;
use state::repo::ReadRepo;
use state::repo::RepoError;

use super::Database;
use super::row;
use super::row::failed;
use super::row::key;
use super::row::signed;

/// kind, resource, last, flags, last viewed, pins
type StateRow = (u8, i64, i64, u32, Option<u32>, Option<i64>);

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn state((kind, resource, last, flags, last_viewed, pins): StateRow) -> ReadState {
    ReadState {
        of: Resource { kind, id: unsigned(resource) },
        last: unsigned(last),
        flags,
        last_viewed,
        pins_ms: pins.map(unsigned),
    }
}

#[async_trait]
impl ReadRepo for Database {
    async fn acknowledge(&self, user: UserId, acks: &[Ack]) -> Result<(), RepoError> {
        let acks = acks.to_vec();
        let work = self.writer.write_apart("read_ack", move |connection| {
            Box::pin(async move {
                for ack in &acks {
                    acknowledge(connection, user, ack).await?;
                }
                Ok(())
            })
        });
        work.await
    }

    async fn of_user(&self, user: UserId) -> Result<Vec<ReadState>, RepoError> {
        let rows: Vec<StateRow> = sqlx::query_as(
            "SELECT kind, resource, last, flags, last_viewed, pins_ms FROM read_states
             WHERE user = ? ORDER BY kind, resource",
        )
        .bind(key(user))
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        Ok(rows.into_iter().map(state).collect())
    }

    async fn forget(&self, user: UserId, of: Resource) -> Result<(), RepoError> {
        let work = self.writer.write("read_forget", move |connection| {
            Box::pin(async move {
                sqlx::query("DELETE FROM read_states WHERE user = ? AND kind = ? AND resource = ?")
                    .bind(key(user))
                    .bind(of.kind)
                    .bind(signed(of.id))
                    .execute(connection)
                    .await
                    .map_err(failed)?;
                Ok(())
            })
        });
        work.await
    }

    async fn count(
        &self,
        user: UserId,
        unread: &[Unread],
    ) -> Result<Vec<(ChannelId, u32)>, RepoError> {
        let mut everything = Vec::new();
        let mut mentions = Vec::new();
        for asked in unread {
            let (channel, after) = (key(asked.channel), signed(asked.after));
            match &asked.counted {
                Counted::Everything => everything.push(json!({ "c": channel, "a": after })),
                Counted::Mentions { everyone, roles } => {
                    let people = std::iter::once(key(user));
                    let roles = roles.iter().map(|role| -key(*role));
                    let all = everyone.then_some(0);
                    let targets: Vec<_> = people.chain(roles).chain(all).collect();
                    mentions.push(json!({ "c": channel, "a": after, "t": targets }));
                }
            }
        }
        if !everything.is_empty() {
            self.writer.searched().await?;
        }
        let mut counts = Vec::new();
        for (sql, asked) in [(EVERYTHING, everything), (MENTIONS, mentions)] {
            if asked.is_empty() {
                continue;
            }
            let rows: Vec<(i64, u32)> = sqlx::query_as(sql)
                .bind(row::document(&asked)?)
                .bind(key(user))
                .bind(limits::MENTIONS_COUNTED)
                .fetch_all(&self.readers)
                .await
                .map_err(failed)?;
            for (channel, count) in rows.into_iter().filter(|(_, count)| *count > 0) {
                counts.push((row::id(channel)?, count));
            }
        }
        Ok(counts)
    }

    async fn put_notifications(
        &self,
        user: UserId,
        guild: Option<GuildId>,
        settings: &Notifications,
    ) -> Result<(), RepoError> {
        let document = row::document(settings)?;
        let work = self.writer.write("notifications_put", move |connection| {
            Box::pin(async move {
                sqlx::query(
                    "INSERT OR REPLACE INTO notifications (user, guild, document) VALUES (?, ?, ?)",
                )
                .bind(key(user))
                .bind(guild.map_or(0, key))
                .bind(document)
                .execute(connection)
                .await
                .map_err(failed)?;
                Ok(())
            })
        });
        work.await
    }

    async fn notifications(
        &self,
        user: UserId,
    ) -> Result<Vec<(Option<GuildId>, Notifications)>, RepoError> {
        let rows: Vec<(i64, String)> = sqlx::query_as(
            "SELECT guild, document FROM notifications WHERE user = ? ORDER BY guild",
        )
        .bind(key(user))
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        let read = |(guild, document): (i64, String)| {
            let guild = if guild == 0 { None } else { Some(row::id(guild)?) };
            Ok((guild, row::parse(&document)?))
        };
        rows.into_iter().map(read).collect()
    }
}

async fn acknowledge(
    connection: &mut SqliteConnection,
    user: UserId,
    ack: &Ack,
) -> Result<(), RepoError> {
    let found: Option<StateRow> = sqlx::query_as(
        "SELECT kind, resource, last, flags, last_viewed, pins_ms FROM read_states
         WHERE user = ? AND kind = ? AND resource = ?",
    )
    .bind(key(user))
    .bind(ack.of.kind)
    .bind(signed(ack.of.id))
    .fetch_optional(&mut *connection)
    .await
    .map_err(failed)?;
    let before = found.map(state);
    let after = ack.apply(before);
    if before == Some(after) {
        return Ok(());
    }
    if before.is_none() {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM read_states WHERE user = ?")
            .bind(key(user))
            .fetch_one(&mut *connection)
            .await
            .map_err(failed)?;
        if unsigned(count) >= limits::READ_STATES as u64 {
            return Err(RepoError::Exists);
        }
    }
    sqlx::query(
        "INSERT OR REPLACE INTO read_states
             (user, kind, resource, last, flags, last_viewed, pins_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(key(user))
    .bind(after.of.kind)
    .bind(signed(after.of.id))
    .bind(signed(after.last))
    .bind(after.flags)
    .bind(after.last_viewed)
    .bind(after.pins_ms.map(signed))
    .execute(connection)
    .await
    .map_err(failed)?;
    Ok(())
}

/// `?1` is a list of channels and what was read there; each costs a range of the index, up to `?3`.
const EVERYTHING: &str = "
    SELECT asked.value ->> '$.c' AS channel,
        (SELECT count(*) FROM (
            SELECT 1 FROM searched
            WHERE searched.channel = (asked.value ->> '$.c')
              AND searched.id > (asked.value ->> '$.a') AND searched.author <> ?2
            LIMIT ?3))
    FROM json_each(?1) AS asked";
const MENTIONS: &str = "
    SELECT asked.value ->> '$.c' AS channel,
        (SELECT count(*) FROM (
            SELECT DISTINCT mentions.message
            FROM json_each(asked.value, '$.t') AS target CROSS JOIN mentions
            WHERE mentions.channel = (asked.value ->> '$.c')
              AND mentions.target = target.value
              AND mentions.message > (asked.value ->> '$.a') AND mentions.author <> ?2
            LIMIT ?3))
    FROM json_each(?1) AS asked";
