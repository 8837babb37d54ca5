//! Private channels in memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;

use async_trait::async_trait;
use model::id::ChannelId;
use model::id::UserId;
use state::record::PrivateChannel;
use state::repo::PrivateRepo;
use state::repo::RepoError;

use super::lock;
use super::messages::MemoryMessages;

/// See the module.
pub(super) struct MemoryPrivates {
    rows: Mutex<BTreeMap<ChannelId, [UserId; 2]>>,
    messages: Arc<MemoryMessages>,
}

impl MemoryPrivates {
    pub(super) fn new(messages: Arc<MemoryMessages>) -> Self {
        Self { rows: Mutex::default(), messages }
    }

    fn shown(&self, id: ChannelId, pair: [UserId; 2]) -> PrivateChannel {
        PrivateChannel { id, recipients: pair.to_vec(), last_message: self.messages.newest(id) }
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
        let rows = lock(&self.rows);
        Ok(rows.get(&id).map(|&pair| self.shown(id, pair)))
    }

    async fn of_user(&self, user: UserId) -> Result<Vec<PrivateChannel>, RepoError> {
        let rows = lock(&self.rows);
        let theirs = rows.iter().filter(|(_, pair)| pair.contains(&user));
        Ok(theirs.map(|(&id, &pair)| self.shown(id, pair)).collect())
    }
}
