//! OAuth2 grants and their secrets in memory.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use model::id::ApplicationId;
use model::id::GrantId;
use model::id::UserId;
use model::limits;
use state::oauth::GrantRecord;
use state::oauth::SecretRecord;
use state::repo::GrantRepo;
use state::repo::RepoError;

use super::lock;

/// See the module.
#[derive(Default)]
pub(super) struct MemoryGrants {
    rows: Mutex<Rows>,
}

#[derive(Default)]
struct Rows {
    grants: BTreeMap<GrantId, GrantRecord>,
    secrets: HashMap<[u8; 32], (SecretRecord, bool)>,
}

impl Rows {
    /// Keeps only these grants, and their secrets.
    fn retain(&mut self, keep: impl Fn(&GrantRecord) -> bool) {
        self.grants.retain(|_, grant| keep(grant));
        let grants = &self.grants;
        self.secrets.retain(|_, (secret, _)| grants.contains_key(&secret.grant));
    }

    fn insert(&mut self, secrets: &[SecretRecord]) {
        let new = secrets.iter().map(|secret| (secret.hash, (secret.clone(), false)));
        self.secrets.extend(new);
    }
}

#[async_trait]
impl GrantRepo for MemoryGrants {
    async fn create(&self, grant: &GrantRecord, secrets: &[SecretRecord]) -> Result<(), RepoError> {
        let mut rows = lock(&self.rows);
        if rows.grants.contains_key(&grant.id)
            || secrets.iter().any(|secret| rows.secrets.contains_key(&secret.hash))
        {
            return Err(RepoError::Exists);
        }
        rows.retain(|old| old.until_ms > grant.created_ms);
        rows.grants.insert(grant.id, grant.clone());
        rows.insert(secrets);
        let alike =
            |old: &GrantRecord| (old.user, old.application) == (grant.user, grant.application);
        let alike: Vec<_> =
            rows.grants.values().filter(|old| alike(old)).map(|old| old.id).collect();
        let oldest: BTreeSet<_> = alike.iter().rev().skip(limits::GRANTS).collect();
        rows.retain(|old| !oldest.contains(&old.id));
        Ok(())
    }

    async fn secret(
        &self,
        hash: &[u8; 32],
    ) -> Result<Option<(SecretRecord, GrantRecord)>, RepoError> {
        let rows = lock(&self.rows);
        let found = rows.secrets.get(hash);
        Ok(found.and_then(|(secret, _)| {
            Some((secret.clone(), rows.grants.get(&secret.grant)?.clone()))
        }))
    }

    async fn exchange(&self, spent: &[u8; 32], new: &[SecretRecord]) -> Result<bool, RepoError> {
        let mut rows = lock(&self.rows);
        let (secret, again) = rows.secrets.get_mut(spent).ok_or(RepoError::NotFound)?;
        let id = secret.grant;
        if std::mem::replace(again, true) {
            rows.retain(|grant| grant.id != id);
            return Ok(false);
        }
        rows.insert(new);
        let until_ms = new.iter().map(|secret| secret.expires_ms).max().unwrap_or(0);
        if let Some(grant) = rows.grants.get_mut(&id) {
            grant.until_ms = grant.until_ms.max(until_ms);
        }
        let mut own: Vec<_> =
            rows.secrets.values().filter(|(secret, _)| secret.grant == id).cloned().collect();
        own.sort_by_key(|(secret, spent)| (std::cmp::Reverse(secret.made_ms), *spent));
        for (secret, _) in own.iter().skip(limits::GRANT_SECRETS) {
            rows.secrets.remove(&secret.hash);
        }
        Ok(true)
    }

    async fn of_user(&self, user: UserId) -> Result<Vec<GrantRecord>, RepoError> {
        let rows = lock(&self.rows);
        Ok(rows.grants.values().filter(|grant| grant.user == user).cloned().collect())
    }

    async fn people(&self, application: ApplicationId, now_ms: u64) -> Result<u64, RepoError> {
        let rows = lock(&self.rows);
        let living = rows.grants.values().filter(|grant| grant.until_ms > now_ms);
        let users = living.filter(|grant| grant.application == application).map(|grant| grant.user);
        Ok(users.collect::<BTreeSet<_>>().len() as u64)
    }

    async fn remove(&self, id: GrantId) -> Result<(), RepoError> {
        lock(&self.rows).retain(|grant| grant.id != id);
        Ok(())
    }

    async fn remove_all(
        &self,
        application: ApplicationId,
        user: Option<UserId>,
    ) -> Result<(), RepoError> {
        lock(&self.rows).retain(|grant| {
            grant.application != application || user.is_some_and(|user| user != grant.user)
        });
        Ok(())
    }
}
