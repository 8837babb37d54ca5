//! One mailbox per guild: it applies, then publishes, and never awaits IO.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use tokio::sync::Notify;
use tokio::sync::mpsc;

use crate::event::UserEvent;

/// Names a subscriber; unique for the life of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubscriberId(pub u64);

/// A gateway session as the store sees it: a bounded queue, and what happens when it is full.
#[derive(Debug, Clone)]
pub struct Subscriber {
    /// Its name.
    pub id: SubscriberId,
    /// Whose session it is.
    pub user: model::id::UserId,
    /// Where its events go. Never awaited: a full queue trips `overflow`.
    pub queue: mpsc::Sender<UserEvent>,
    /// Tripped once, when an event did not fit: the session is to be closed.
    pub overflow: Arc<Overflow>,
}

impl Subscriber {
    /// Queues an event; a full queue trips the overflow. `false` when the subscriber is of no
    /// use any more.
    pub fn push(&self, event: UserEvent) -> bool {
        match self.queue.try_send(event) {
            Ok(()) => !self.overflow.is_tripped(),
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.overflow.trip();
                false
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        }
    }
}

/// Tells a session that it was too slow.
#[derive(Debug, Default)]
pub struct Overflow {
    tripped: AtomicBool,
    notify: Notify,
}

impl Overflow {
    /// Marks the session as too slow and wakes it.
    pub fn trip(&self) {
        self.tripped.store(true, Ordering::Release);
        self.notify.notify_one();
    }

    /// Whether it was tripped.
    #[must_use]
    pub fn is_tripped(&self) -> bool {
        self.tripped.load(Ordering::Acquire)
    }

    /// Resolves when tripped. Cancel-safe.
    pub async fn tripped(&self) {
        while !self.is_tripped() {
            self.notify.notified().await;
        }
    }
}
