//! Public accounts by id: what every message and member needs to show a name.

use std::sync::Arc;

use model::id::UserId;

use crate::record::UserRecord;
use crate::repo::AccountRepo;
use crate::repo::RepoError;

/// A read-through cache of [`UserRecord`]s, bounded, shared by all.
pub struct Users {
    _accounts: Arc<dyn AccountRepo>,
}

impl Users {
    /// A cache before `accounts`.
    #[must_use]
    pub fn new(accounts: Arc<dyn AccountRepo>) -> Self {
        Self { _accounts: accounts }
    }

    /// The account, from memory or from storage; `None` when there is none.
    pub async fn user(&self, id: UserId) -> Result<Option<Arc<UserRecord>>, RepoError> {
        let _ = id;
        todo!()
    }

    /// Loads all that are listed into memory with one query for those missing, and returns them
    /// in the order of `ids`, unknown ids left out.
    pub async fn load(&self, ids: &[UserId]) -> Result<Vec<Arc<UserRecord>>, RepoError> {
        let _ = ids;
        todo!()
    }

    /// The account if it is in memory; members of guilds always are.
    #[must_use]
    pub fn cached(&self, id: UserId) -> Option<Arc<UserRecord>> {
        let _ = id;
        todo!()
    }

    /// Puts a changed or new account into memory, after it was stored.
    pub fn put(&self, user: Arc<UserRecord>) {
        let _ = user;
        todo!()
    }
}
