//! Accounts, tokens and applications in memory.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use model::id::ApplicationId;
use model::id::UserId;
use state::record::AccountRecord;
use state::record::ApplicationRecord;
use state::record::TokenRecord;
use state::record::UserRecord;
use state::repo::AccountRepo;
use state::repo::RepoError;

use super::lock;

/// See the module.
#[derive(Default)]
pub(super) struct MemoryAccounts {
    rows: Mutex<Rows>,
}

#[derive(Default)]
struct Rows {
    accounts: BTreeMap<UserId, AccountRecord>,
    tokens: HashMap<[u8; 32], TokenRecord>,
    applications: BTreeMap<ApplicationId, ApplicationRecord>,
    seen: HashMap<UserId, u64>,
}

impl Rows {
    fn named(&self, username: &str) -> Option<&AccountRecord> {
        let wanted = username.to_lowercase();
        self.accounts.values().find(|account| account.user.username.to_lowercase() == wanted)
    }
}

#[async_trait]
impl AccountRepo for MemoryAccounts {
    async fn create(&self, account: &AccountRecord) -> Result<(), RepoError> {
        let mut rows = lock(&self.rows);
        if rows.accounts.contains_key(&account.user.id)
            || rows.named(&account.user.username).is_some()
        {
            return Err(RepoError::Exists);
        }
        rows.accounts.insert(account.user.id, account.clone());
        Ok(())
    }

    async fn account(&self, id: UserId) -> Result<Option<AccountRecord>, RepoError> {
        Ok(lock(&self.rows).accounts.get(&id).cloned())
    }

    async fn by_username(&self, username: &str) -> Result<Option<AccountRecord>, RepoError> {
        Ok(lock(&self.rows).named(username).cloned())
    }

    async fn users(&self, ids: &[UserId]) -> Result<Vec<UserRecord>, RepoError> {
        let rows = lock(&self.rows);
        let found = ids.iter().filter_map(|id| rows.accounts.get(id));
        Ok(found.map(|account| account.user.clone()).collect())
    }

    async fn list(&self) -> Result<Vec<AccountRecord>, RepoError> {
        Ok(lock(&self.rows).accounts.values().cloned().collect())
    }

    async fn update(&self, account: &AccountRecord) -> Result<(), RepoError> {
        let mut rows = lock(&self.rows);
        if !rows.accounts.contains_key(&account.user.id) {
            return Err(RepoError::NotFound);
        }
        if rows.named(&account.user.username).is_some_and(|other| other.user.id != account.user.id)
        {
            return Err(RepoError::Exists);
        }
        rows.accounts.insert(account.user.id, account.clone());
        Ok(())
    }

    async fn saw(&self, user: UserId, unix_ms: u64) -> Result<(), RepoError> {
        let mut rows = lock(&self.rows);
        let seen = rows.seen.entry(user).or_default();
        *seen = unix_ms.max(*seen);
        Ok(())
    }

    async fn seen_since(&self, users: &[UserId], unix_ms: u64) -> Result<Vec<UserId>, RepoError> {
        let rows = lock(&self.rows);
        let since = |user: &&UserId| rows.seen.get(user).is_some_and(|at| *at >= unix_ms);
        Ok(users.iter().filter(since).copied().collect())
    }

    async fn add_token(&self, token: &TokenRecord) -> Result<(), RepoError> {
        let mut rows = lock(&self.rows);
        if rows.tokens.contains_key(&token.hash) {
            return Err(RepoError::Exists);
        }
        rows.tokens.insert(token.hash, token.clone());
        Ok(())
    }

    async fn token(&self, hash: &[u8; 32]) -> Result<Option<TokenRecord>, RepoError> {
        Ok(lock(&self.rows).tokens.get(hash).cloned())
    }

    async fn remove_token(&self, hash: &[u8; 32]) -> Result<(), RepoError> {
        lock(&self.rows).tokens.remove(hash);
        Ok(())
    }

    async fn remove_tokens(&self, user: UserId) -> Result<(), RepoError> {
        lock(&self.rows).tokens.retain(|_, token| token.user != user);
        Ok(())
    }

    async fn put_application(&self, application: &ApplicationRecord) -> Result<(), RepoError> {
        lock(&self.rows).applications.insert(application.id, application.clone());
        Ok(())
    }

    async fn application(&self, id: ApplicationId) -> Result<Option<ApplicationRecord>, RepoError> {
        Ok(lock(&self.rows).applications.get(&id).cloned())
    }

    async fn applications(&self) -> Result<Vec<ApplicationRecord>, RepoError> {
        Ok(lock(&self.rows).applications.values().cloned().collect())
    }

    async fn remove_application(&self, id: ApplicationId) -> Result<(), RepoError> {
        lock(&self.rows).applications.remove(&id);
        Ok(())
    }
}
