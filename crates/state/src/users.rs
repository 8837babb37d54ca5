//! Public accounts by id: what every message and member needs to show a name.

mod names;
mod record;

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::HashSet;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::RwLockReadGuard;
use std::sync::RwLockWriteGuard;

use arc_swap::ArcSwap;
use model::id::UserId;

use self::names::Names;
use crate::packed::Packed;
use crate::record::UserRecord;
use crate::repo::AccountRepo;
use crate::repo::RepoError;

/// A read-through cache of [`UserRecord`]s, bounded, shared by all.
///
/// Members of guilds are pinned and always there; of all others the latest [`LOOSE`] are kept. They lie
/// packed: a record is made of its bytes each time that it is asked for.
pub struct Users {
    accounts: Arc<dyn AccountRepo>,
    /// Read without a lock; changed under that of `index`.
    kept: ArcSwap<Packed>,
    index: RwLock<Index>,
}

/// What is known of those who are kept.
#[derive(Default)]
struct Index {
    /// Those who are no members of any guild, the oldest first; some more than once, some who are members
    /// again.
    queue: VecDeque<UserId>,
    loose: HashSet<UserId>,
    names: Names,
    bots: BTreeSet<UserId>,
}

impl Users {
    /// A cache before `accounts`.
    #[must_use]
    pub fn new(accounts: Arc<dyn AccountRepo>) -> Self {
        Self { accounts, kept: ArcSwap::default(), index: RwLock::default() }
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
        let mut loaded = HashMap::new();
        for chunk in self.missing(ids).chunks(QUERY) {
            for user in self.accounts.users(chunk).await? {
                loaded.insert(user.id, self.remember(Arc::new(user)));
            }
        }
        // Those just loaded are taken from the answer: the cache may have let them go already.
        let found =
            ids.iter().filter_map(|id| self.cached(*id).or_else(|| loaded.get(id).cloned()));
        Ok(found.collect())
    }

    /// Loads the members of all guilds and pins them, before anybody else uses them. Some may come more
    /// than once.
    ///
    /// # Errors
    ///
    /// What the repository says.
    pub(crate) async fn adopt(&self, ids: impl Iterator<Item = UserId>) -> Result<(), RepoError> {
        let mut ids = ids.peekable();
        while ids.peek().is_some() {
            let chunk: Vec<_> = ids.by_ref().take(QUERY).collect();
            let found = self.accounts.users(&self.missing(&chunk)).await?;
            let mut index = self.write();
            let mut kept = Packed::clone(&self.kept.load());
            for user in found {
                kept.insert(user.id.get(), &record::packed(&user));
                if user.bot {
                    index.bots.insert(user.id);
                }
            }
            self.kept.store(Arc::new(kept));
        }
        // At once: one name after the other would take longer.
        self.write().names = Names::of(&self.kept.load());
        Ok(())
    }

    /// The account if it is in memory; members of guilds always are.
    #[must_use]
    pub fn cached(&self, id: UserId) -> Option<Arc<UserRecord>> {
        record::of(&self.kept.load(), id).map(Arc::new)
    }

    /// Whether a name of an account in memory begins with `folded`, which is without case.
    #[must_use]
    pub fn is_called(&self, id: UserId, folded: &str) -> bool {
        let kept = self.kept.load();
        let names = record::names(&kept, id);
        names.is_some_and(|(username, other)| {
            names::begins(username, folded)
                || other.is_some_and(|other| names::begins(other, folded))
        })
    }

    /// How many names of accounts in memory begin with `folded`, which is without case.
    #[must_use]
    pub fn count_called(&self, folded: &str) -> usize {
        let index = self.read();
        index.names.count(&self.kept.load(), folded)
    }

    /// Those in memory of whom a name begins with `folded`, which is without case: at most so many behind
    /// the first `skip`. Who has two such names comes twice.
    #[must_use]
    pub fn called(&self, folded: &str, skip: usize, most: usize) -> Vec<UserId> {
        let index = self.read();
        index.names.page(&self.kept.load(), folded, skip, most)
    }

    /// The bots in memory; those that are in guilds always are.
    #[must_use]
    pub fn bots(&self) -> Vec<UserId> {
        self.read().bots.iter().copied().collect()
    }

    /// Puts a changed or new account into memory, after it was stored.
    pub fn put(&self, user: Arc<UserRecord>) {
        let mut index = self.write();
        if self.replace(&mut index, &user) {
            self.loosen(&mut index, user.id);
        }
    }

    /// Keeps the account for as long as its user is a member of a guild.
    pub(crate) fn pin(&self, user: Arc<UserRecord>) {
        let mut index = self.write();
        index.loose.remove(&user.id);
        if self.kept.load().get(user.id.get()).is_none() {
            self.replace(&mut index, &user);
        }
    }

    /// Lets go of the account of someone who left their last guild.
    pub(crate) fn unpin(&self, id: UserId) {
        let mut index = self.write();
        if self.kept.load().get(id.get()).is_some() && !index.loose.contains(&id) {
            self.loosen(&mut index, id);
        }
    }

    /// Keeps a record read from storage, unless a newer one came to be meanwhile.
    fn remember(&self, user: Arc<UserRecord>) -> Arc<UserRecord> {
        let mut index = self.write();
        if let Some(newer) = self.cached(user.id) {
            return newer;
        }
        self.replace(&mut index, &user);
        self.loosen(&mut index, user.id);
        user
    }

    fn missing(&self, ids: &[UserId]) -> Vec<UserId> {
        let kept = self.kept.load();
        let mut missing: Vec<_> =
            ids.iter().copied().filter(|id| kept.get(id.get()).is_none()).collect();
        missing.sort_unstable();
        missing.dedup();
        missing
    }

    /// Puts a record in place of the one of its id; whether there was none.
    fn replace(&self, index: &mut Index, user: &UserRecord) -> bool {
        let old = self.kept.load_full();
        index.names.remove(&old, user.id);
        let mut kept = Packed::clone(&old);
        kept.insert(user.id.get(), &record::packed(user));
        index.names.insert(&kept, user.id);
        if user.bot {
            index.bots.insert(user.id);
        }
        self.kept.store(Arc::new(kept));
        old.get(user.id.get()).is_none()
    }

    fn loosen(&self, index: &mut Index, id: UserId) {
        index.queue.push_back(id);
        index.loose.insert(id);
        while index.queue.len() > LOOSE {
            let Some(oldest) = index.queue.pop_front() else { break };
            if index.loose.remove(&oldest) {
                let old = self.kept.load_full();
                index.names.remove(&old, oldest);
                index.bots.remove(&oldest);
                let mut kept = Packed::clone(&old);
                kept.remove(oldest.get());
                self.kept.store(Arc::new(kept));
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Accounts kept that are in no guild: fewer means more reads for people in direct messages only.
const LOOSE: usize = 16_384;
/// Ids in one query.
const QUERY: usize = 5_000;
