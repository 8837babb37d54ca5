//! Invites in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use model::id::GuildId;
use state::record::InviteRecord;
use state::repo::InviteRepo;
use state::repo::RepoError;

use super::lock;

/// See the module.
#[derive(Default)]
pub(super) struct MemoryInvites {
    rows: Mutex<BTreeMap<String, InviteRecord>>,
}

impl MemoryInvites {
    /// Deletes the invites that `gone` names.
    pub(super) fn forget(&self, gone: impl Fn(&InviteRecord) -> bool) {
        lock(&self.rows).retain(|_, invite| !gone(invite));
    }
}

#[async_trait]
impl InviteRepo for MemoryInvites {
    async fn create(&self, invite: &InviteRecord) -> Result<(), RepoError> {
        let mut rows = lock(&self.rows);
        if rows.contains_key(&invite.code) {
            return Err(RepoError::Exists);
        }
        rows.insert(invite.code.clone(), invite.clone());
        Ok(())
    }

    async fn invite(&self, code: &str) -> Result<Option<InviteRecord>, RepoError> {
        Ok(lock(&self.rows).get(code).cloned())
    }

    async fn use_once(&self, code: &str, unix_ms: u64) -> Result<InviteRecord, RepoError> {
        let mut rows = lock(&self.rows);
        let invite = rows.get_mut(code).filter(|invite| invite.is_valid(unix_ms));
        let invite = invite.ok_or(RepoError::NotFound)?;
        invite.uses += 1;
        Ok(invite.clone())
    }

    async fn remove(&self, code: &str) -> Result<(), RepoError> {
        lock(&self.rows).remove(code).map(drop).ok_or(RepoError::NotFound)
    }

    async fn list(&self, guild: Option<GuildId>) -> Result<Vec<InviteRecord>, RepoError> {
        let rows = lock(&self.rows);
        Ok(rows.values().filter(|invite| invite.guild == guild).cloned().collect())
    }
}
