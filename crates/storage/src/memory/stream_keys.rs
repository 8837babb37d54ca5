//! Stream keys in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use model::id::ChannelId;
use model::id::StreamKeyId;
use state::record::StreamKeyRecord;
use state::repo::RepoError;
use state::repo::StreamKeyRepo;

use super::lock;

/// See the module.
#[derive(Default)]
pub(super) struct MemoryStreamKeys {
    rows: Mutex<BTreeMap<StreamKeyId, StreamKeyRecord>>,
}

impl MemoryStreamKeys {
    /// Deletes the keys of a channel.
    pub(super) fn forget_channel(&self, channel: ChannelId) {
        lock(&self.rows).retain(|_, key| key.channel != channel);
    }
}

#[async_trait]
impl StreamKeyRepo for MemoryStreamKeys {
    async fn create(&self, key: &StreamKeyRecord) -> Result<(), RepoError> {
        let mut rows = lock(&self.rows);
        if rows.contains_key(&key.id) || rows.values().any(|one| one.hash == key.hash) {
            return Err(RepoError::Exists);
        }
        rows.insert(key.id, key.clone());
        Ok(())
    }

    async fn by_hash(&self, hash: &[u8; 32]) -> Result<Option<StreamKeyRecord>, RepoError> {
        Ok(lock(&self.rows).values().find(|key| key.hash == *hash).cloned())
    }

    async fn list(&self, channel: ChannelId) -> Result<Vec<StreamKeyRecord>, RepoError> {
        let rows = lock(&self.rows);
        Ok(rows.values().filter(|key| key.channel == channel).cloned().collect())
    }

    async fn remove(&self, id: StreamKeyId) -> Result<(), RepoError> {
        lock(&self.rows).remove(&id).map(drop).ok_or(RepoError::NotFound)
    }
}
