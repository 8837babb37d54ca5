//! Polls in SQLite: votes as rows, and which polls are still to end.

use std::collections::HashMap;

use async_trait::async_trait;
use model::id::ChannelId;
use model::id::MessageId;
use model::id::UserId;
use sqlx::SqliteConnection;
use state::poll::PollCount;
use state::poll::PollPlace;
use state::poll::Vote;
use state::poll::VoteChange;
use state::record::MessageRecord;
use state::repo::PollRepo;
use state::repo::RepoError;

use super::Database;
use super::messages;
use super::row;
use super::row::failed;
use super::row::key;

#[async_trait]
impl PollRepo for Database {
    async fn vote(
        &self,
        (channel, id): PollPlace,
        vote: Vote,
        now_ms: u64,
    ) -> Result<VoteChange, RepoError> {
        let work = self.writer.write("poll_vote", move |connection| {
            Box::pin(async move {
                let message = messages::find(connection, channel, id).await?;
                let poll = message.and_then(|message| message.poll);
                poll.filter(|poll| poll.is_open(now_ms)).ok_or(RepoError::NotFound)?;
                change(connection, (channel, id), &vote).await
            })
        });
        work.await
    }

    async fn counts(
        &self,
        channel: ChannelId,
        ids: &[MessageId],
        user: UserId,
    ) -> Result<Vec<(MessageId, Vec<PollCount>)>, RepoError> {
        let rows: Vec<(i64, u8, i64, bool)> = sqlx::query_as(
            "SELECT message, answer, count(*), max(user = ?3) FROM poll_votes
             WHERE channel = ?1 AND message IN (SELECT value FROM json_each(?2))
             GROUP BY message, answer ORDER BY message, answer",
        )
        .bind(key(channel))
        .bind(row::keys(ids))
        .bind(key(user))
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        let mut found: HashMap<i64, Vec<PollCount>> = HashMap::new();
        for (message, answer, count, me) in rows {
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            found.entry(message).or_default().push(PollCount { answer, count, me });
        }
        found.into_iter().map(|(message, counts)| Ok((row::id(message)?, counts))).collect()
    }

    async fn voters(
        &self,
        (channel, id): PollPlace,
        answer: u8,
        after: Option<UserId>,
        limit: u16,
    ) -> Result<Vec<UserId>, RepoError> {
        let users: Vec<i64> = sqlx::query_scalar(
            "SELECT user FROM poll_votes WHERE channel = ? AND message = ? AND answer = ?
             AND user > ? ORDER BY user LIMIT ?",
        )
        .bind(key(channel))
        .bind(key(id))
        .bind(answer)
        .bind(after.map_or(0, key))
        .bind(limit)
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        users.into_iter().map(row::id).collect()
    }

    async fn due(&self, now_ms: u64, limit: u16) -> Result<Vec<PollPlace>, RepoError> {
        let rows: Vec<(i64, i64)> = sqlx::query_as(
            "SELECT channel, message FROM open_polls WHERE ends_ms <= ? ORDER BY ends_ms LIMIT ?",
        )
        .bind(row::signed(now_ms))
        .bind(limit)
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        rows.into_iter().map(|(channel, id)| Ok((row::id(channel)?, row::id(id)?))).collect()
    }

    async fn end(
        &self,
        (channel, id): PollPlace,
        now_ms: u64,
    ) -> Result<Option<MessageRecord>, RepoError> {
        let work = self.writer.write("poll_end", move |connection| {
            Box::pin(async move {
                sqlx::query("DELETE FROM open_polls WHERE channel = ? AND message = ?")
                    .bind(key(channel))
                    .bind(key(id))
                    .execute(&mut *connection)
                    .await
                    .map_err(failed)?;
                let found = messages::find(connection, channel, id).await?;
                let Some(mut message) = found else { return Ok(None) };
                let Some(poll) = message.poll.as_mut().filter(|poll| poll.results.is_none()) else {
                    return Ok(None);
                };
                let rows: Vec<(u8, i64)> = sqlx::query_as(
                    "SELECT answer, count(*) FROM poll_votes
                     WHERE channel = ? AND message = ? GROUP BY answer",
                )
                .bind(key(channel))
                .bind(key(id))
                .fetch_all(&mut *connection)
                .await
                .map_err(failed)?;
                let count = |answer: u8| {
                    let found = rows.iter().find(|(of, _)| *of == answer);
                    found.map_or(0, |(_, count)| u32::try_from(*count).unwrap_or(u32::MAX))
                };
                poll.results = Some(poll.answers.iter().map(|answer| count(answer.id)).collect());
                poll.ends_ms = poll.ends_ms.min(now_ms);
                messages::replace(connection, &message).await?;
                Ok(Some(message))
            })
        });
        work.await
    }
}

/// Forgets the votes of a message.
pub(super) async fn clear(
    connection: &mut SqliteConnection,
    channel: ChannelId,
    id: MessageId,
) -> Result<(), RepoError> {
    for statement in [
        "DELETE FROM poll_votes WHERE channel = ? AND message = ?",
        "DELETE FROM open_polls WHERE channel = ? AND message = ?",
    ] {
        let query = sqlx::query(statement).bind(key(channel)).bind(key(id));
        query.execute(&mut *connection).await.map_err(failed)?;
    }
    Ok(())
}

async fn change(
    connection: &mut SqliteConnection,
    (channel, id): PollPlace,
    vote: &Vote,
) -> Result<VoteChange, RepoError> {
    let before: Vec<u8> = sqlx::query_scalar(
        "SELECT answer FROM poll_votes WHERE channel = ? AND message = ? AND user = ?
         ORDER BY answer",
    )
    .bind(key(channel))
    .bind(key(id))
    .bind(key(vote.user))
    .fetch_all(&mut *connection)
    .await
    .map_err(failed)?;
    let mut changed = VoteChange::default();
    for &answer in before.iter().filter(|answer| !vote.answers.contains(answer)) {
        sqlx::query(
            "DELETE FROM poll_votes
             WHERE channel = ? AND message = ? AND answer = ? AND user = ?",
        )
        .bind(key(channel))
        .bind(key(id))
        .bind(answer)
        .bind(key(vote.user))
        .execute(&mut *connection)
        .await
        .map_err(failed)?;
        changed.removed.push(answer);
    }
    for &answer in vote.answers.iter().filter(|answer| !before.contains(answer)) {
        sqlx::query("INSERT INTO poll_votes (channel, message, answer, user) VALUES (?, ?, ?, ?)")
            .bind(key(channel))
            .bind(key(id))
            .bind(answer)
            .bind(key(vote.user))
            .execute(&mut *connection)
            .await
            .map_err(failed)?;
        changed.added.push(answer);
    }
    Ok(changed)
}
