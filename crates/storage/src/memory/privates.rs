//! Private channels in memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;

use async_trait::async_trait;
use model::id::ChannelId;
use model::id::UserId;
use state::group::GroupChange;
use state::group::GroupOutcome;
use state::group::changed;
use state::record::PrivateChannel;
use state::repo::PrivateRepo;
use state::repo::RepoError;

use super::lock;
use super::messages::MemoryMessages;

/// See the module.
pub(super) struct MemoryPrivates {
    rows: Mutex<BTreeMap<ChannelId, [UserId; 2]>>,
    groups: Mutex<BTreeMap<ChannelId, PrivateChannel>>,
    messages: Arc<MemoryMessages>,
}

impl MemoryPrivates {
    pub(super) fn new(messages: Arc<MemoryMessages>) -> Self {
        Self { rows: Mutex::default(), groups: Mutex::default(), messages }
    }

    fn shown(&self, id: ChannelId, pair: [UserId; 2]) -> PrivateChannel {
        let last_message = self.messages.newest(id);
        PrivateChannel { id, recipients: pair.to_vec(), last_message, group: None }
    }

    fn shown_group(&self, channel: &PrivateChannel) -> PrivateChannel {
        PrivateChannel { last_message: self.messages.newest(channel.id), ..channel.clone() }
    }
}

#[async_trait]
impl PrivateRepo for MemoryPrivates {
    async fn open(
        &self,
        id: ChannelId,
        mut pair: [UserId; 2],
    ) -> Result<PrivateChannel, RepoError> {
        pair.sort_unstable();
        let mut rows = lock(&self.rows);
        let found = rows.iter().find(|(_, people)| **people == pair).map(|(&found, _)| found);
        if found.is_none() && rows.contains_key(&id) {
            return Err(RepoError::Exists);
        }
        let id = found.unwrap_or(id);
        rows.insert(id, pair);
        Ok(self.shown(id, pair))
    }

    async fn channel(&self, id: ChannelId) -> Result<Option<PrivateChannel>, RepoError> {
        let pair = lock(&self.rows).get(&id).map(|&pair| self.shown(id, pair));
        Ok(pair.or_else(|| lock(&self.groups).get(&id).map(|group| self.shown_group(group))))
    }

    async fn of_user(&self, user: UserId) -> Result<Vec<PrivateChannel>, RepoError> {
        let rows = lock(&self.rows);
        let theirs = rows.iter().filter(|(_, pair)| pair.contains(&user));
        let mut all: Vec<_> = theirs.map(|(&id, &pair)| self.shown(id, pair)).collect();
        let groups = lock(&self.groups);
        let theirs = groups.values().filter(|group| group.recipients.contains(&user));
        all.extend(theirs.map(|group| self.shown_group(group)));
        all.sort_by_key(|channel| channel.id);
        Ok(all)
    }

    async fn create_group(&self, channel: &PrivateChannel) -> Result<(), RepoError> {
        let mut groups = lock(&self.groups);
        if groups.contains_key(&channel.id) {
            return Err(RepoError::Exists);
        }
        groups.insert(channel.id, channel.clone());
        Ok(())
    }

    async fn change_group(
        &self,
        id: ChannelId,
        change: &GroupChange,
    ) -> Result<GroupOutcome, RepoError> {
        let mut groups = lock(&self.groups);
        let before = self.shown_group(groups.get(&id).ok_or(RepoError::NotFound)?);
        let after = match changed(&before, change) {
            Ok(after) => after,
            Err(code) => return Ok(GroupOutcome::Refused(code)),
        };
        match &after {
            Some(after) => drop(groups.insert(id, after.clone())),
            None => {
                groups.remove(&id);
                self.messages.forget_channel(id);
            }
        }
        Ok(GroupOutcome::Changed { before, after })
    }
}
