//! The gateway sessions of this node: who may begin one, which can be resumed, how all of them end.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use model::id::UserId;
use state::SubscriberId;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::desk::Reception;
use super::filter::Viewer;

/// The gateway sessions of this node.
pub struct Sessions {
    listed: Mutex<Listed>,
    identifies: Mutex<IdentifyLimit>,
    next_subscriber: AtomicU64,
    /// Sockets that may be without a session at once.
    greeting: Arc<Semaphore>,
    pub(super) closing: CancellationToken,
    pub(super) tasks: TaskTracker,
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").field("count", &self.count()).finish_non_exhaustive()
    }
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            listed: Mutex::default(),
            identifies: Mutex::default(),
            next_subscriber: AtomicU64::new(FIRST_SUBSCRIBER),
            greeting: Arc::new(Semaphore::new(GREETING)),
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }
}

#[derive(Default)]
struct Listed {
    entries: HashMap<String, Entry>,
    per_user: HashMap<UserId, usize>,
}

/// A session that can be resumed.
#[derive(Clone)]
pub(super) struct Entry {
    /// Whose it is: no one else may resume it.
    pub user: UserId,
    /// Takes sockets that resume it.
    pub reception: Arc<Reception>,
}

/// Keeps a session in the list until it is dropped.
pub(super) struct Listing {
    sessions: Arc<Sessions>,
    id: String,
}

impl Drop for Listing {
    fn drop(&mut self) {
        self.sessions.remove(&self.id);
    }
}

impl Sessions {
    /// Tells every session to reconnect (op 7) and closes its socket, so that it resumes
    /// elsewhere or later; waits for that at most five seconds. New sockets are greeted no more.
    pub async fn shutdown(&self) {
        self.closing.cancel();
        self.tasks.close();
        if tokio::time::timeout(SHUTDOWN, self.tasks.wait()).await.is_err() {
            tracing::warn!(left = self.tasks.len(), "gateway sessions did not end in time");
        }
    }

    /// How many sessions there are, with or without a socket.
    #[must_use]
    pub fn count(&self) -> usize {
        self.listed().entries.len()
    }

    /// A name for a new session's queue in the store.
    pub(super) fn subscriber(&self) -> SubscriberId {
        SubscriberId(self.next_subscriber.fetch_add(1, Ordering::Relaxed))
    }

    /// Leave for one more socket to be greeted; `None` when so many are already that only an
    /// attack explains it, or when the node goes down.
    pub(super) fn greet(&self) -> Option<OwnedSemaphorePermit> {
        if self.closing.is_cancelled() {
            return None;
        }
        Arc::clone(&self.greeting).try_acquire_owned().ok()
    }

    /// Whether someone may identify at `now`; counts it if so.
    pub(super) fn may_identify(&self, viewer: &Viewer, now: Instant) -> bool {
        let mut identifies = self.identifies.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = viewer.shard.id % MAX_CONCURRENCY;
        identifies.take((viewer.user, bucket), viewer.bot, now)
    }

    /// Lists a new session; `None` when its user or the node (`most`) has too many.
    pub(super) fn list(self: &Arc<Self>, id: &str, entry: Entry, most: usize) -> Option<Listing> {
        let mut listed = self.listed();
        let user = entry.user;
        let of_user = listed.per_user.get(&user).copied().unwrap_or(0);
        if of_user >= SESSIONS_PER_USER || listed.entries.len() >= most {
            return None;
        }
        listed.per_user.insert(user, of_user + 1);
        listed.entries.insert(id.to_owned(), entry);
        metrics::gauge!("signaling_gateway_sessions").increment(1.0);
        Some(Listing { sessions: Arc::clone(self), id: id.to_owned() })
    }

    /// The session of that id.
    pub(super) fn find(&self, id: &str) -> Option<Entry> {
        self.listed().entries.get(id).cloned()
    }

    fn remove(&self, id: &str) {
        let mut listed = self.listed();
        let Some(entry) = listed.entries.remove(id) else { return };
        if let Some(of_user) = listed.per_user.get_mut(&entry.user) {
            *of_user -= 1;
            if *of_user == 0 {
                listed.per_user.remove(&entry.user);
            }
        }
        metrics::gauge!("signaling_gateway_sessions").decrement(1.0);
    }

    fn listed(&self) -> MutexGuard<'_, Listed> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How often each user identifies. Pure.
#[derive(Debug, Default)]
struct IdentifyLimit {
    windows: HashMap<Starter, (Instant, u32)>,
}

/// A user, and the bucket of their gateway shard (Discord: Gateway/Sharding, Max Concurrency).
type Starter = (UserId, u64);

impl IdentifyLimit {
    fn take(&mut self, starter: Starter, bot: bool, now: Instant) -> bool {
        if self.windows.len() >= WINDOWS {
            self.windows.retain(|_, (began, _)| now.duration_since(*began) < IDENTIFY_WINDOW);
        }
        let most = if bot { IDENTIFIES_OF_BOTS } else { IDENTIFIES_OF_PEOPLE };
        let (began, count) = self.windows.entry(starter).or_insert((now, 0));
        if now.duration_since(*began) >= IDENTIFY_WINDOW {
            (*began, *count) = (now, 0);
        }
        let allowed = *count < most;
        *count += u32::from(allowed);
        allowed
    }
}

/// The window of identifies (Discord: Gateway/Rate Limiting).
const IDENTIFY_WINDOW: Duration = Duration::from_secs(5);
/// What a bot may do in a window, in each bucket of its gateway shards.
const IDENTIFIES_OF_BOTS: u32 = 1;
/// Buckets of a bot's gateway shards: how many it may start at once. `/gateway/bot` tells it.
pub const MAX_CONCURRENCY: u64 = 16;
/// What a person may do in a window: tabs and reloads of a browser come in bursts.
const IDENTIFIES_OF_PEOPLE: u32 = 10;
/// Users whose windows are remembered before old ones are looked for.
const WINDOWS: usize = 10_000;
/// Sessions that one user may have at once: more would only be leaked ones.
const SESSIONS_PER_USER: usize = 50;
/// Sockets that have not identified yet, at once. Each costs about 20 KiB for at most half a
/// minute; fewer would make mass reconnects wait.
const GREETING: usize = 4_096;
/// How long a shutdown waits for sessions.
const SHUTDOWN: Duration = Duration::from_secs(5);
/// Below are the server's own observers.
const FIRST_SUBSCRIBER: u64 = 1_000;

#[cfg(test)]
mod tests {
    use super::super::testing::ANA;
    use super::super::testing::BEN;
    use super::super::testing::start;
    use super::*;

    fn entry(user: UserId) -> Entry {
        Entry { user, reception: Arc::new(Reception::new()) }
    }

    #[test]
    fn a_bot_identifies_once_in_five_seconds() {
        let mut limit = IdentifyLimit::default();
        let start = start();

        assert!(limit.take((ANA, 0), true, start));
        assert!(!limit.take((ANA, 0), true, start + Duration::from_millis(4_999)));
        assert!(limit.take((BEN, 0), true, start), "one bot held up another");
        assert!(limit.take((ANA, 1), true, start), "one shard held up another");
        assert!(limit.take((ANA, 0), true, start + IDENTIFY_WINDOW));
    }

    #[test]
    fn a_person_may_open_several_tabs_at_once() {
        let mut limit = IdentifyLimit::default();
        let start = start();

        let allowed = (0..20).filter(|_| limit.take((ANA, 0), false, start)).count();

        assert_eq!(allowed, 10);
    }

    #[test]
    fn a_session_is_found_until_its_listing_is_dropped() {
        let sessions = Arc::new(Sessions::default());
        let listing = sessions.list("a", entry(ANA), 10).unwrap();

        assert_eq!(sessions.find("a").map(|entry| entry.user), Some(ANA));
        drop(listing);
        assert!(sessions.find("a").is_none());
        assert_eq!(sessions.count(), 0);
    }

    #[test]
    fn too_many_sessions_of_one_user_or_of_the_node_are_refused() {
        let sessions = Arc::new(Sessions::default());
        let list = |n: usize, user, most| sessions.list(&n.to_string(), entry(user), most);

        let full: Vec<_> = (0..SESSIONS_PER_USER).map(|n| list(n, ANA, 1_000).unwrap()).collect();

        assert!(list(100, ANA, 1_000).is_none());
        assert!(list(100, BEN, SESSIONS_PER_USER).is_none());
        assert!(list(100, BEN, 1_000).is_some());
        drop(full);
        assert!(list(100, ANA, 1).is_some());
    }
}
