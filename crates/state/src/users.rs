//! Public accounts by id: what every message and member needs to show a name.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use model::id::UserId;

use crate::record::UserRecord;
use crate::repo::AccountRepo;
use crate::repo::RepoError;

/// A read-through cache of [`UserRecord`]s, bounded, shared by all.
///
/// Members of guilds are pinned and always there; of all others the latest [`LOOSE`] are kept.
pub struct Users {
    accounts: Arc<dyn AccountRepo>,
    records: papaya::HashMap<UserId, Arc<UserRecord>>,
    /// Members of guilds. Changed, and records removed, only under the lock of `loose`.
    pinned: papaya::HashMap<UserId, ()>,
    loose: Mutex<VecDeque<UserId>>,
}

impl Users {
    /// A cache before `accounts`.
    #[must_use]
    pub fn new(accounts: Arc<dyn AccountRepo>) -> Self {
        Self {
            accounts,
            records: papaya::HashMap::new(),
            pinned: papaya::HashMap::new(),
            loose: Mutex::default(),
        }
    }

    /// The account, from memory or from storage; `None` when there is none.
    ///
    /// # Errors
    ///
    /// What the repository says.
    pub async fn user(&self, id: UserId) -> Result<Option<Arc<UserRecord>>, RepoError> {
        if let Some(user) = self.cached(id) {
            return Ok(Some(user));
        }
        let found = self.accounts.account(id).await?;
        Ok(found.map(|account| self.remember(Arc::new(account.user))))
    }

    /// Loads all that are listed into memory with one query for those missing, and returns them
    /// in the order of `ids`, unknown ids left out.
    ///
    /// # Errors
    ///
    /// What the repository says.
    pub async fn load(&self, ids: &[UserId]) -> Result<Vec<Arc<UserRecord>>, RepoError> {
        let mut missing: Vec<_> =
            ids.iter().copied().filter(|&id| self.cached(id).is_none()).collect();
        missing.sort_unstable();
        missing.dedup();
        let mut loaded = std::collections::HashMap::with_capacity(missing.len());
        for chunk in missing.chunks(QUERY) {
            for user in self.accounts.users(chunk).await? {
                loaded.insert(user.id, self.remember(Arc::new(user)));
            }
        }
        // Those just loaded are taken from the answer: the cache may have let them go already.
        let found =
            ids.iter().filter_map(|id| self.cached(*id).or_else(|| loaded.get(id).cloned()));
        Ok(found.collect())
    }

    /// The account if it is in memory; members of guilds always are.
    #[must_use]
    pub fn cached(&self, id: UserId) -> Option<Arc<UserRecord>> {
        self.records.pin().get(&id).cloned()
    }

    /// Puts a changed or new account into memory, after it was stored.
    pub fn put(&self, user: Arc<UserRecord>) {
        let mut loose = self.lock();
        let id = user.id;
        if self.records.pin().insert(id, user).is_none() {
            self.loosen(&mut loose, id);
        }
    }

    /// Keeps the account for as long as its user is a member of a guild.
    pub(crate) fn pin(&self, user: Arc<UserRecord>) {
        let _loose = self.lock();
        self.pinned.pin().insert(user.id, ());
        self.records.pin().get_or_insert(user.id, user);
    }

    /// Lets go of the account of someone who left their last guild.
    pub(crate) fn unpin(&self, id: UserId) {
        let mut loose = self.lock();
        if self.pinned.pin().remove(&id).is_some() {
            self.loosen(&mut loose, id);
        }
    }

    /// Keeps a record read from storage, unless a newer one came to be meanwhile.
    fn remember(&self, user: Arc<UserRecord>) -> Arc<UserRecord> {
        let mut loose = self.lock();
        let id = user.id;
        let records = self.records.pin();
        if let Some(newer) = records.get(&id) {
            return Arc::clone(newer);
        }
        records.insert(id, Arc::clone(&user));
        self.loosen(&mut loose, id);
        user
    }

    fn loosen(&self, loose: &mut VecDeque<UserId>, id: UserId) {
        loose.push_back(id);
        while loose.len() > LOOSE {
            let Some(oldest) = loose.pop_front() else { break };
            if !self.pinned.pin().contains_key(&oldest) {
                self.records.pin().remove(&oldest);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<UserId>> {
        self.loose.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Accounts kept that are in no guild: fewer means more reads for people in direct messages only.
const LOOSE: usize = 16_384;
/// Ids in one query.
const QUERY: usize = 5_000;
