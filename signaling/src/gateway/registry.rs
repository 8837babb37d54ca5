//! The gateway sessions of this node: who can be resumed, and how all of them end.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use model::id::UserId;
use state::SubscriberId;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::run::Attach;

/// Sessions that one user may have at once: more would only be leaked ones.
const SESSIONS_PER_USER: usize = 50;
/// Identifies that one user may make at once, and how long one takes to come back (Discord lets
/// one through every five seconds).
const IDENTIFIES: f64 = 5.0;
const IDENTIFY_PERIOD: Duration = Duration::from_secs(5);

/// A session that can be resumed.
#[derive(Clone)]
pub(super) struct Entry {
    pub user: UserId,
    pub attach: mpsc::Sender<Attach>,
}

/// The gateway sessions of this node.
#[derive(Default)]
pub struct Sessions {
    entries: Mutex<HashMap<String, Entry>>,
    identifies: Mutex<HashMap<UserId, (f64, Instant)>>,
    next: AtomicU64,
    pub(super) closing: CancellationToken,
    pub(super) tasks: TaskTracker,
}

impl Sessions {
    /// Tells every session to reconnect (op 7) and closes its socket, so that it resumes
    /// elsewhere or later; waits for that at most five seconds.
    pub async fn shutdown(&self) {
        self.closing.cancel();
        self.tasks.close();
        let _ = tokio::time::timeout(Duration::from_secs(5), self.tasks.wait()).await;
    }

    /// How many sessions there are, with or without a socket.
    #[must_use]
    pub fn count(&self) -> usize {
        self.entries().len()
    }

    pub(super) fn subscriber(&self) -> SubscriberId {
        SubscriberId(self.next.fetch_add(1, Ordering::Relaxed) + FIRST_SUBSCRIBER)
    }

    /// Whether `user` may identify now; counts it if so.
    pub(super) fn may_identify(&self, user: UserId, now: Instant) -> bool {
        let mut identifies = self.identifies.lock().unwrap_or_else(PoisonError::into_inner);
        if identifies.len() > 10_000 {
            identifies.retain(|_, (_, at)| now.duration_since(*at) < IDENTIFY_PERIOD * 5);
        }
        let (left, at) = identifies.entry(user).or_insert((IDENTIFIES, now));
        let regained = now.duration_since(*at).as_secs_f64() / IDENTIFY_PERIOD.as_secs_f64();
        *left = (*left + regained).min(IDENTIFIES);
        *at = now;
        let allowed = *left >= 1.0;
        if allowed {
            *left -= 1.0;
        }
        allowed
    }

    /// Lists a new session; `false` when the user has too many.
    pub(super) fn insert(&self, id: String, entry: Entry) -> bool {
        let mut entries = self.entries();
        if entries.values().filter(|known| known.user == entry.user).count() >= SESSIONS_PER_USER {
            return false;
        }
        entries.insert(id, entry);
        metrics::gauge!("signaling_gateway_sessions").increment(1.0);
        true
    }

    pub(super) fn remove(&self, id: &str) {
        if self.entries().remove(id).is_some() {
            metrics::gauge!("signaling_gateway_sessions").decrement(1.0);
        }
    }

    pub(super) fn find(&self, id: &str) -> Option<Entry> {
        self.entries().get(id).cloned()
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Below are the server's own observers.
const FIRST_SUBSCRIBER: u64 = 1_000;

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a virtual clock begins at some instant")]
mod tests {
    use super::*;

    #[test]
    fn identifies_run_out_and_come_back() {
        let sessions = Sessions::default();
        let (ana, start) = (UserId::new(1), Instant::now());

        for _ in 0..5 {
            assert!(sessions.may_identify(ana, start));
        }

        assert!(!sessions.may_identify(ana, start));
        assert!(sessions.may_identify(UserId::new(2), start));
        assert!(sessions.may_identify(ana, start + IDENTIFY_PERIOD));
    }
}
