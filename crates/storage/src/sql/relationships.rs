//! What people are to each other, in SQLite.

use async_trait::async_trait;
use model::id::UserId;
use sqlx::SqliteConnection;
use state::relationship::Bond;
use state::relationship::Counts;
use state::relationship::Outcome;
use state::relationship::Relationship;
use state::relationship::Wish;
use state::relationship::carry_out;
use state::repo::RelationshipRepo;
use state::repo::RepoError;

use super::Database;
use super::row;
use super::row::failed;
use super::row::key;

/// other, bond, since, nickname
type SideRow = (i64, u8, i64, Option<String>);

fn bond(number: u8) -> Result<Bond, RepoError> {
    Ok(match number {
        1 => Bond::Friend,
        2 => Bond::Blocked,
        3 => Bond::Incoming,
        4 => Bond::Outgoing,
        _ => return Err(RepoError::Unavailable(format!("a row has the impossible bond {number}"))),
    })
}

fn side((other, number, since, nickname): SideRow) -> Result<Relationship, RepoError> {
    let since_ms = u64::try_from(since).unwrap_or(0);
    Ok(Relationship { other: row::id(other)?, bond: bond(number)?, nickname, since_ms })
}

async fn find(
    connection: &mut SqliteConnection,
    me: UserId,
    other: UserId,
) -> Result<Option<Relationship>, RepoError> {
    let found: Option<SideRow> = sqlx::query_as(
        "SELECT other, bond, since_ms, nickname FROM relationships WHERE user = ? AND other = ?",
    )
    .bind(key(me))
    .bind(key(other))
    .fetch_optional(connection)
    .await
    .map_err(failed)?;
    found.map(side).transpose()
}

async fn counts(connection: &mut SqliteConnection, user: UserId) -> Result<Counts, RepoError> {
    let (blocked, all): (i64, i64) = sqlx::query_as(
        "SELECT coalesce(sum(bond = 2), 0), count(*) FROM relationships WHERE user = ?",
    )
    .bind(key(user))
    .fetch_one(connection)
    .await
    .map_err(failed)?;
    let number = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
    Ok(Counts { friends: number(all - blocked), blocked: number(blocked) })
}

async fn put(
    connection: &mut SqliteConnection,
    me: UserId,
    other: UserId,
    now: Option<&Relationship>,
) -> Result<(), RepoError> {
    let query = match now {
        Some(now) => sqlx::query(
            "INSERT OR REPLACE INTO relationships (user, other, bond, since_ms, nickname)
             VALUES (?, ?, ?, ?, ?)",
        )
        .bind(key(me))
        .bind(key(other))
        .bind(now.bond as u8)
        .bind(row::signed(now.since_ms))
        .bind(now.nickname.clone()),
        None => sqlx::query("DELETE FROM relationships WHERE user = ? AND other = ?")
            .bind(key(me))
            .bind(key(other)),
    };
    query.execute(connection).await.map_err(failed)?;
    Ok(())
}

#[async_trait]
impl RelationshipRepo for Database {
    async fn change(
        &self,
        [me, other]: [UserId; 2],
        wish: Wish,
        now_ms: u64,
    ) -> Result<Outcome, RepoError> {
        let work = self.writer.write("relationship_change", move |connection| {
            Box::pin(async move {
                let before =
                    [find(connection, me, other).await?, find(connection, other, me).await?];
                let counts = [counts(connection, me).await?, counts(connection, other).await?];
                let after = match carry_out([me, other], &before, counts, wish, now_ms) {
                    Ok(after) => after,
                    Err(code) => return Ok(Outcome::Refused(code)),
                };
                put(connection, me, other, after[0].as_ref()).await?;
                put(connection, other, me, after[1].as_ref()).await?;
                Ok(Outcome::Changed { before, after })
            })
        });
        work.await
    }

    async fn rename(
        &self,
        [me, other]: [UserId; 2],
        nickname: Option<String>,
    ) -> Result<Relationship, RepoError> {
        let work = self.writer.write("relationship_rename", move |connection| {
            Box::pin(async move {
                let found = find(connection, me, other).await?;
                let found = found.filter(|found| found.bond == Bond::Friend);
                let mut one = found.ok_or(RepoError::NotFound)?;
                one.nickname = nickname;
                put(connection, me, other, Some(&one)).await?;
                Ok(one)
            })
        });
        work.await
    }

    async fn of_user(&self, user: UserId) -> Result<Vec<Relationship>, RepoError> {
        let rows: Vec<SideRow> = sqlx::query_as(
            "SELECT other, bond, since_ms, nickname FROM relationships WHERE user = ?
             ORDER BY other",
        )
        .bind(key(user))
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        rows.into_iter().map(side).collect()
    }

    async fn between(&self, [me, other]: [UserId; 2]) -> Result<[Option<Bond>; 2], RepoError> {
        let rows: Vec<(i64, u8)> = sqlx::query_as(
            "SELECT user, bond FROM relationships
             WHERE (user = ?1 AND other = ?2) OR (user = ?2 AND other = ?1)",
        )
        .bind(key(me))
        .bind(key(other))
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        let of = |user: UserId| {
            let found = rows.iter().find(|(of, _)| *of == key(user));
            found.map(|(_, number)| bond(*number)).transpose()
        };
        Ok([of(me)?, of(other)?])
    }
}
