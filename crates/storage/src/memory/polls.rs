//! Polls in memory, beside the messages that they are on.

use async_trait::async_trait;
use model::id::ChannelId;
use model::id::MessageId;
use model::id::UserId;
use state::poll::PollCount;
use state::poll::PollPlace;
use state::poll::Vote;
use state::poll::VoteChange;
use state::record::MessageRecord;
use state::repo::PollRepo;
use state::repo::RepoError;

use super::lock;
use super::messages::MemoryMessages;

#[async_trait]
impl PollRepo for MemoryMessages {
    async fn vote(
        &self,
        (channel, id): PollPlace,
        vote: Vote,
        now_ms: u64,
    ) -> Result<VoteChange, RepoError> {
        let mut rows = lock(&self.rows);
        let rows = rows.get_mut(&channel).ok_or(RepoError::NotFound)?;
        let poll = rows.messages.get(&id).and_then(|message| message.poll.as_ref());
        poll.filter(|poll| poll.is_open(now_ms)).ok_or(RepoError::NotFound)?;
        let votes = rows.votes.entry(id).or_default();
        let before: Vec<_> = votes
            .iter()
            .filter(|(_, user)| *user == vote.user)
            .map(|(answer, _)| *answer)
            .collect();
        let mut changed = VoteChange::default();
        for answer in before.iter().filter(|answer| !vote.answers.contains(answer)) {
            votes.remove(&(*answer, vote.user));
            changed.removed.push(*answer);
        }
        for answer in vote.answers.iter().filter(|answer| !before.contains(answer)) {
            votes.insert((*answer, vote.user));
            changed.added.push(*answer);
        }
        Ok(changed)
    }

    async fn counts(
        &self,
        channel: ChannelId,
        ids: &[MessageId],
        user: UserId,
    ) -> Result<Vec<(MessageId, Vec<PollCount>)>, RepoError> {
        let rows = lock(&self.rows);
        let Some(rows) = rows.get(&channel) else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for id in ids {
            let mut counts: Vec<PollCount> = Vec::new();
            for (answer, voter) in rows.votes.get(id).into_iter().flatten() {
                let me = *voter == user;
                match counts.last_mut().filter(|last| last.answer == *answer) {
                    Some(last) => {
                        last.count += 1;
                        last.me |= me;
                    }
                    None => counts.push(PollCount { answer: *answer, count: 1, me }),
                }
            }
            if !counts.is_empty() {
                found.push((*id, counts));
            }
        }
        Ok(found)
    }

    async fn voters(
        &self,
        (channel, id): PollPlace,
        answer: u8,
        after: Option<UserId>,
        limit: u16,
    ) -> Result<Vec<UserId>, RepoError> {
        let rows = lock(&self.rows);
        let votes = rows.get(&channel).and_then(|rows| rows.votes.get(&id));
        let users = votes.into_iter().flatten().filter(|(of, _)| *of == answer);
        let users = users.map(|(_, user)| *user).filter(|user| Some(*user) > after);
        Ok(users.take(limit.into()).collect())
    }

    async fn due(&self, now_ms: u64, limit: u16) -> Result<Vec<PollPlace>, RepoError> {
        let rows = lock(&self.rows);
        let polls = rows.values().flat_map(|rows| rows.messages.values()).filter_map(|message| {
            let poll = message.poll.as_ref().filter(|poll| poll.results.is_none())?;
            Some((poll.ends_ms, (message.channel, message.id)))
        });
        let mut due: Vec<_> = polls.filter(|(ends_ms, _)| *ends_ms <= now_ms).collect();
        due.sort_unstable();
        Ok(due.into_iter().map(|(_, place)| place).take(limit.into()).collect())
    }

    async fn end(
        &self,
        (channel, id): PollPlace,
        now_ms: u64,
    ) -> Result<Option<MessageRecord>, RepoError> {
        let mut rows = lock(&self.rows);
        let Some(rows) = rows.get_mut(&channel) else { return Ok(None) };
        let votes = rows.votes.get(&id);
        let Some(message) = rows.messages.get_mut(&id) else { return Ok(None) };
        let Some(poll) = message.poll.as_mut().filter(|poll| poll.results.is_none()) else {
            return Ok(None);
        };
        let count = |answer: u8| {
            let votes = votes.into_iter().flatten().filter(|(of, _)| *of == answer);
            u32::try_from(votes.count()).unwrap_or(u32::MAX)
        };
        poll.results = Some(poll.answers.iter().map(|answer| count(answer.id)).collect());
        poll.ends_ms = poll.ends_ms.min(now_ms);
        Ok(Some(message.clone()))
    }
}
