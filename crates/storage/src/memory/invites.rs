//! Invites in memory.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Mutex;

use async_trait::async_trait;
use model::id::GuildId;
use model::id::UserId;
use state::record::InviteRecord;
use state::record::InviteTargets;
use state::repo::InviteRepo;
use state::repo::RepoError;

use super::lock;

/// See the module.
#[derive(Default)]
pub(super) struct MemoryInvites {
    rows: Mutex<BTreeMap<String, InviteRecord>>,
    /// Locked after the rows.
    targets: Mutex<BTreeMap<String, BTreeSet<UserId>>>,
}

impl MemoryInvites {
    /// Deletes the invites that `gone` names.
    pub(super) fn forget(&self, gone: impl Fn(&InviteRecord) -> bool) {
        let mut rows = lock(&self.rows);
        rows.retain(|_, invite| !gone(invite));
        lock(&self.targets).retain(|code, _| rows.contains_key(code));
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
        let mut rows = lock(&self.rows);
        rows.remove(code).ok_or(RepoError::NotFound)?;
        lock(&self.targets).remove(code);
        Ok(())
    }

    async fn list(&self, guild: Option<GuildId>) -> Result<Vec<InviteRecord>, RepoError> {
        let rows = lock(&self.rows);
        Ok(rows.values().filter(|invite| invite.guild == guild).cloned().collect())
    }

    async fn target(&self, code: &str, users: &[UserId], named_ms: u64) -> Result<(), RepoError> {
        let mut rows = lock(&self.rows);
        let invite = rows.get_mut(code).ok_or(RepoError::NotFound)?;
        let users: BTreeSet<UserId> = users.iter().copied().collect();
        let count = u32::try_from(users.len()).unwrap_or(u32::MAX);
        invite.targets = Some(InviteTargets { users: count, named_ms });
        lock(&self.targets).insert(code.to_owned(), users);
        Ok(())
    }

    async fn targets(&self, code: &str) -> Result<Vec<UserId>, RepoError> {
        Ok(lock(&self.targets).get(code).into_iter().flatten().copied().collect())
    }

    async fn is_target(&self, code: &str, user: UserId) -> Result<bool, RepoError> {
        Ok(lock(&self.targets).get(code).is_some_and(|users| users.contains(&user)))
    }
}
