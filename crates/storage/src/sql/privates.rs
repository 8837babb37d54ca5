//! Private channels in SQLite.

use async_trait::async_trait;
use model::id::ChannelId;
use model::id::UserId;
use sqlx::SqliteConnection;
use state::group::GroupChange;
use state::group::GroupOutcome;
use state::group::changed;
use state::record::PrivateChannel;
use state::repo::PrivateRepo;
use state::repo::RepoError;

use super::Database;
use super::row;
use super::row::failed;
use super::row::key;

/// id, low, high, newest message
type PrivateRow = (i64, i64, i64, Option<i64>);

fn channel((id, low, high, newest): PrivateRow) -> Result<PrivateChannel, RepoError> {
    Ok(PrivateChannel {
        id: row::id(id)?,
        recipients: vec![row::id(low)?, row::id(high)?],
        last_message: newest.map(row::id).transpose()?,
        group: None,
    })
}

/// Only the writer calls this: between its read and its write there is no other.
async fn open(
    connection: &mut SqliteConnection,
    id: ChannelId,
    [low, high]: [UserId; 2],
) -> Result<PrivateChannel, RepoError> {
    let found: Option<PrivateRow> = sqlx::query_as(
        "SELECT id, low, high,
            (SELECT m.id FROM messages m WHERE m.channel = privates.id
             ORDER BY m.bucket DESC, m.id DESC LIMIT 1)
         FROM privates WHERE low = ? AND high = ?",
    )
    .bind(key(low))
    .bind(key(high))
    .fetch_optional(&mut *connection)
    .await
    .map_err(failed)?;
    if let Some(found) = found {
        return channel(found);
    }
    sqlx::query("INSERT INTO privates (id, low, high) VALUES (?, ?, ?)")
        .bind(key(id))
        .bind(key(low))
        .bind(key(high))
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(PrivateChannel { id, recipients: vec![low, high], last_message: None, group: None })
}

/// document, newest message
type GroupRow = (String, Option<i64>);

fn group((document, newest): GroupRow) -> Result<PrivateChannel, RepoError> {
    let channel: PrivateChannel = row::parse(&document)?;
    Ok(PrivateChannel { last_message: newest.map(row::id).transpose()?, ..channel })
}

/// Notes who is in a group.
async fn members(
    connection: &mut SqliteConnection,
    channel: &PrivateChannel,
) -> Result<(), RepoError> {
    sqlx::query("DELETE FROM group_members WHERE id = ?")
        .bind(key(channel.id))
        .execute(&mut *connection)
        .await
        .map_err(failed)?;
    for user in &channel.recipients {
        sqlx::query("INSERT INTO group_members (user, id) VALUES (?, ?)")
            .bind(key(*user))
            .bind(key(channel.id))
            .execute(&mut *connection)
            .await
            .map_err(failed)?;
    }
    Ok(())
}

async fn change_group(
    connection: &mut SqliteConnection,
    id: ChannelId,
    change: &GroupChange,
) -> Result<GroupOutcome, RepoError> {
    let found: Option<GroupRow> = sqlx::query_as(
        "SELECT document,
            (SELECT m.id FROM messages m WHERE m.channel = groups.id
             ORDER BY m.bucket DESC, m.id DESC LIMIT 1)
         FROM groups WHERE id = ?",
    )
    .bind(key(id))
    .fetch_optional(&mut *connection)
    .await
    .map_err(failed)?;
    let before = group(found.ok_or(RepoError::NotFound)?)?;
    let after = match changed(&before, change) {
        Ok(after) => after,
        Err(code) => return Ok(GroupOutcome::Refused(code)),
    };
    let statements: &[&str] = match &after {
        Some(_) => &[],
        None => &[
            "DELETE FROM groups WHERE id = ?",
            "INSERT OR IGNORE INTO purges (channel) VALUES (?)",
        ],
    };
    for &statement in statements {
        let query = sqlx::query(statement).bind(key(id));
        query.execute(&mut *connection).await.map_err(failed)?;
    }
    if let Some(after) = &after {
        sqlx::query("UPDATE groups SET document = ? WHERE id = ?")
            .bind(row::document(after)?)
            .bind(key(id))
            .execute(&mut *connection)
            .await
            .map_err(failed)?;
        members(connection, after).await?;
    }
    Ok(GroupOutcome::Changed { before, after })
}

#[async_trait]
impl PrivateRepo for Database {
    async fn open(
        &self,
        id: ChannelId,
        mut pair: [UserId; 2],
    ) -> Result<PrivateChannel, RepoError> {
        pair.sort_unstable();
        let work = self
            .writer
            .write("private_open", move |connection| Box::pin(open(connection, id, pair)));
        work.await
    }

    async fn channel(&self, id: ChannelId) -> Result<Option<PrivateChannel>, RepoError> {
        let found: Option<PrivateRow> = sqlx::query_as(
            "SELECT id, low, high,
                (SELECT m.id FROM messages m WHERE m.channel = privates.id
                 ORDER BY m.bucket DESC, m.id DESC LIMIT 1)
             FROM privates WHERE id = ?",
        )
        .bind(key(id))
        .fetch_optional(&self.readers)
        .await
        .map_err(failed)?;
        match found {
            Some(found) => channel(found).map(Some),
            None => {
                let found: Option<GroupRow> = sqlx::query_as(
                    "SELECT document,
                        (SELECT m.id FROM messages m WHERE m.channel = groups.id
                         ORDER BY m.bucket DESC, m.id DESC LIMIT 1)
                     FROM groups WHERE id = ?",
                )
                .bind(key(id))
                .fetch_optional(&self.readers)
                .await
                .map_err(failed)?;
                found.map(group).transpose()
            }
        }
    }

    async fn of_user(&self, user: UserId) -> Result<Vec<PrivateChannel>, RepoError> {
        let rows: Vec<PrivateRow> = sqlx::query_as(
            "SELECT id, low, high,
                (SELECT m.id FROM messages m WHERE m.channel = privates.id
                 ORDER BY m.bucket DESC, m.id DESC LIMIT 1)
             FROM privates WHERE low = ?1 OR high = ?1 ORDER BY id",
        )
        .bind(key(user))
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        let groups: Vec<GroupRow> = sqlx::query_as(
            "SELECT document,
                (SELECT m.id FROM messages m WHERE m.channel = groups.id
                 ORDER BY m.bucket DESC, m.id DESC LIMIT 1)
             FROM group_members JOIN groups USING (id) WHERE user = ?",
        )
        .bind(key(user))
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        let pairs = rows.into_iter().map(channel);
        let mut all: Vec<_> =
            pairs.chain(groups.into_iter().map(group)).collect::<Result<_, _>>()?;
        all.sort_by_key(|channel| channel.id);
        Ok(all)
    }

    async fn create_group(&self, channel: &PrivateChannel) -> Result<(), RepoError> {
        let channel = channel.clone();
        let work = self.writer.write("group_create", move |connection| {
            Box::pin(async move {
                sqlx::query("INSERT INTO groups (id, document) VALUES (?, ?)")
                    .bind(key(channel.id))
                    .bind(row::document(&channel)?)
                    .execute(&mut *connection)
                    .await
                    .map_err(failed)?;
                members(connection, &channel).await
            })
        });
        work.await
    }

    async fn change_group(
        &self,
        id: ChannelId,
        change: &GroupChange,
    ) -> Result<GroupOutcome, RepoError> {
        let change = change.clone();
        let work = self.writer.write("group_change", move |connection| {
            Box::pin(async move { change_group(connection, id, &change).await })
        });
        work.await
    }
}
