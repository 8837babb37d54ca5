//! Messages and reactions in memory.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use model::id::ChannelId;
use model::id::MessageId;
use model::id::UserId;
use model::snowflake;
use state::record::MessageRecord;
use state::record::ReactionCount;
use state::record::ReactionEmoji;
use state::repo::Given;
use state::repo::Inserted;
use state::repo::MessageRepo;
use state::repo::Page;
use state::repo::RepoError;
use state::thread::ThreadCounts;
use state::thread::counts_in_thread;

use super::lock;
use crate::NONCE_WINDOW_MS;
use crate::PINS;

/// See the module.
#[derive(Default)]
pub(super) struct MemoryMessages {
    pub(super) rows: Mutex<HashMap<ChannelId, Rows>>,
}

/// One channel.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) messages: BTreeMap<MessageId, MessageRecord>,
    /// Answers and who chose them.
    pub(super) votes: HashMap<MessageId, BTreeSet<(u8, UserId)>>,
    /// As of a thread.
    counts: ThreadCounts,
    nonces: HashMap<(UserId, String), MessageId>,
    /// In the order in which the emoji were first given.
    reactions: HashMap<MessageId, Vec<(ReactionEmoji, BTreeSet<UserId>)>>,
}

impl MemoryMessages {
    /// Deletes a channel's history.
    pub(super) fn forget_channel(&self, channel: ChannelId) {
        lock(&self.rows).remove(&channel);
    }

    /// The counts of a thread.
    pub(super) fn counts(&self, thread: ChannelId) -> ThreadCounts {
        let last_message = self.newest(thread);
        let rows = lock(&self.rows);
        let counts = rows.get(&thread).map(|rows| rows.counts).unwrap_or_default();
        ThreadCounts { last_message, ..counts }
    }

    /// The newest message of a channel.
    pub(super) fn newest(&self, channel: ChannelId) -> Option<MessageId> {
        lock(&self.rows).get(&channel)?.messages.last_key_value().map(|(&id, _)| id)
    }
}

impl Rows {
    fn earlier(&self, message: &MessageRecord) -> Option<&MessageRecord> {
        let nonce = message.nonce.clone()?;
        let earlier = self.messages.get(self.nonces.get(&(message.author, nonce))?)?;
        let age = snowflake::unix_ms(message.id.get())
            .saturating_sub(snowflake::unix_ms(earlier.id.get()));
        (age < NONCE_WINDOW_MS).then_some(earlier)
    }

    fn page(&self, page: Page, limit: usize) -> Vec<MessageRecord> {
        let all = &self.messages;
        let mut found: Vec<_> = match page {
            Page::Latest => all.values().rev().take(limit).collect(),
            Page::Before(id) => all.range(..id).rev().take(limit).map(|(_, m)| m).collect(),
            Page::After(id) => {
                let newer = all.range(id..).filter(|&(&other, _)| other != id);
                newer.take(limit).map(|(_, m)| m).collect()
            }
            Page::Around(id) => {
                let newer = all.range(id..).filter(|&(&other, _)| other != id);
                let newer = newer.take(limit / 2).map(|(_, m)| m);
                let older = all.range(..=id).rev().take(limit - limit / 2).map(|(_, m)| m);
                newer.chain(older).collect()
            }
        };
        found.sort_unstable_by_key(|message| std::cmp::Reverse(message.id));
        found.into_iter().cloned().collect()
    }
}

#[async_trait]
impl MessageRepo for MemoryMessages {
    async fn insert(&self, message: &MessageRecord) -> Result<Inserted, RepoError> {
        let mut rows = lock(&self.rows);
        let rows = rows.entry(message.channel).or_default();
        if let Some(earlier) = rows.earlier(message) {
            return Ok(Inserted::Earlier(Box::new(earlier.clone())));
        }
        if rows.messages.contains_key(&message.id) {
            return Err(RepoError::Exists);
        }
        rows.messages.insert(message.id, message.clone());
        if counts_in_thread(message) {
            rows.counts.messages += 1;
            rows.counts.sent += 1;
        }
        if let Some(nonce) = &message.nonce {
            rows.nonces.insert((message.author, nonce.clone()), message.id);
        }
        Ok(Inserted::New)
    }

    async fn message(
        &self,
        channel: ChannelId,
        id: MessageId,
    ) -> Result<Option<MessageRecord>, RepoError> {
        Ok(lock(&self.rows).get(&channel).and_then(|rows| rows.messages.get(&id).cloned()))
    }

    async fn page(
        &self,
        channel: ChannelId,
        page: Page,
        limit: u16,
    ) -> Result<Vec<MessageRecord>, RepoError> {
        let rows = lock(&self.rows);
        Ok(rows.get(&channel).map(|rows| rows.page(page, limit.into())).unwrap_or_default())
    }

    async fn update(&self, message: &MessageRecord) -> Result<(), RepoError> {
        let mut rows = lock(&self.rows);
        let rows = rows.get_mut(&message.channel).ok_or(RepoError::NotFound)?;
        let stored = rows.messages.get_mut(&message.id).ok_or(RepoError::NotFound)?;
        *stored = message.clone();
        Ok(())
    }

    async fn remove(
        &self,
        channel: ChannelId,
        ids: &[MessageId],
    ) -> Result<Vec<MessageId>, RepoError> {
        let mut rows = lock(&self.rows);
        let Some(rows) = rows.get_mut(&channel) else { return Ok(Vec::new()) };
        let mut removed = Vec::new();
        for id in ids {
            if rows.messages.remove(id).is_some() {
                rows.reactions.remove(id);
                rows.votes.remove(id);
                if id.get() != channel.get() {
                    rows.counts.messages = rows.counts.messages.saturating_sub(1);
                }
                removed.push(*id);
            }
        }
        Ok(removed)
    }

    async fn pins(&self, channel: ChannelId) -> Result<Vec<MessageRecord>, RepoError> {
        let rows = lock(&self.rows);
        let Some(rows) = rows.get(&channel) else { return Ok(Vec::new()) };
        let pinned = rows.messages.values().rev().filter(|message| message.pinned);
        Ok(pinned.take(PINS).cloned().collect())
    }

    async fn latest(
        &self,
        channels: &[ChannelId],
    ) -> Result<Vec<(ChannelId, MessageId)>, RepoError> {
        Ok(channels.iter().filter_map(|&id| Some((id, self.newest(id)?))).collect())
    }

    async fn react(
        &self,
        channel: ChannelId,
        id: MessageId,
        user: UserId,
        emoji: &ReactionEmoji,
    ) -> Result<bool, RepoError> {
        let mut rows = lock(&self.rows);
        let rows = rows.get_mut(&channel).ok_or(RepoError::NotFound)?;
        if !rows.messages.contains_key(&id) {
            return Err(RepoError::NotFound);
        }
        let given = rows.reactions.entry(id).or_default();
        let place = given.iter().position(|(other, _)| other == emoji).unwrap_or_else(|| {
            given.push((emoji.clone(), BTreeSet::new()));
            given.len() - 1
        });
        Ok(given[place].1.insert(user))
    }

    async fn unreact(
        &self,
        channel: ChannelId,
        id: MessageId,
        user: UserId,
        emoji: &ReactionEmoji,
    ) -> Result<bool, RepoError> {
        let mut rows = lock(&self.rows);
        let given = rows.get_mut(&channel).and_then(|rows| rows.reactions.get_mut(&id));
        let Some(given) = given else { return Ok(false) };
        let users = given.iter_mut().find(|(other, _)| other == emoji).map(|(_, users)| users);
        let removed = users.is_some_and(|users| users.remove(&user));
        given.retain(|(_, users)| !users.is_empty());
        Ok(removed)
    }

    async fn clear_reactions(
        &self,
        channel: ChannelId,
        id: MessageId,
        emoji: Option<&ReactionEmoji>,
    ) -> Result<(), RepoError> {
        let mut rows = lock(&self.rows);
        let given = rows.get_mut(&channel).and_then(|rows| rows.reactions.get_mut(&id));
        if let Some(given) = given {
            given.retain(|(other, _)| emoji.is_some_and(|emoji| emoji != other));
        }
        Ok(())
    }

    async fn reactions(
        &self,
        channel: ChannelId,
        ids: &[MessageId],
        user: UserId,
    ) -> Result<Vec<(MessageId, Vec<ReactionCount>)>, RepoError> {
        let rows = lock(&self.rows);
        let Some(rows) = rows.get(&channel) else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for id in ids {
            let Some(given) = rows.reactions.get(id).filter(|given| !given.is_empty()) else {
                continue;
            };
            let counts = given.iter().map(|(emoji, users)| ReactionCount {
                emoji: emoji.clone(),
                count: u32::try_from(users.len()).unwrap_or(u32::MAX),
                me: users.contains(&user),
            });
            found.push((*id, counts.collect()));
        }
        Ok(found)
    }

    async fn given(
        &self,
        channel: ChannelId,
        ids: &[MessageId],
        most: usize,
    ) -> Result<Option<Given>, RepoError> {
        let rows = lock(&self.rows);
        let Some(rows) = rows.get(&channel) else { return Ok(Some(Vec::new())) };
        let of =
            |id: &MessageId| Some((*id, rows.reactions.get(id)?)).filter(|(_, on)| !on.is_empty());
        let found = ids.iter().filter_map(of).map(|(id, given)| {
            let given =
                given.iter().map(|(emoji, users)| (emoji.clone(), users.iter().copied().collect()));
            (id, given.collect::<Vec<(_, Vec<_>)>>())
        });
        let found: Given = found.collect();
        let all = found.iter().flat_map(|(_, given)| given).map(|(_, users)| users.len());
        Ok((all.sum::<usize>() <= most).then_some(found))
    }

    async fn reactors(
        &self,
        channel: ChannelId,
        id: MessageId,
        emoji: &ReactionEmoji,
        after: Option<UserId>,
        limit: u16,
    ) -> Result<Vec<UserId>, RepoError> {
        let rows = lock(&self.rows);
        let given = rows.get(&channel).and_then(|rows| rows.reactions.get(&id));
        let users = given.into_iter().flatten().find(|(other, _)| other == emoji);
        let users = users.into_iter().flat_map(|(_, users)| users).copied();
        Ok(users.filter(|&user| Some(user) > after).take(limit.into()).collect())
    }
}
