//! What a session's task and the lanes of its guilds share: the session's core and its socket.
//!
//! A lane lets a session hear at once, and writes to its socket; the task is woken for what is left.

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;

use futures_util::task::AtomicWaker;
use state::Hearer;
use state::UserEvent;
use state::repo::MessageRepo;
use state::users::Users;

use super::run::Attach;
use super::session::GatewaySession;
use super::session::Unresumable;
use super::shape;
use super::shape::Shaper;
use super::socket::Wire;
use super::socket::now;
use crate::cdn::Signer;
use crate::parts::Parts;

/// See the module.
pub(super) struct Desk {
    /// Events that were put into the queue, or are about to be, and were not heard yet.
    waiting: AtomicUsize,
    core: Mutex<Option<Core>>,
    pub(super) reception: Arc<Reception>,
    users: Arc<Users>,
    signer: Arc<Signer>,
    messages: Arc<dyn MessageRepo>,
}

/// Where sockets wait that want to resume a session, and what wakes its task.
pub(super) struct Reception {
    /// Until the session ends.
    #[expect(clippy::vec_box, reason = "it comes boxed and goes on so")]
    waiting: Mutex<Option<Vec<Box<Attach>>>>,
    pub(super) waker: AtomicWaker,
}

impl Reception {
    /// A reception where nobody waits.
    pub(super) const fn new() -> Self {
        Self { waiting: Mutex::new(Some(Vec::new())), waker: AtomicWaker::new() }
    }

    #[expect(clippy::vec_box, reason = "as above")]
    fn lock(&self) -> MutexGuard<'_, Option<Vec<Box<Attach>>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a socket to the session, which gives it back when it cannot resume there.
    pub(super) fn attach(&self, attach: Box<Attach>) {
        match &mut *self.lock() {
            // Few: only so many sockets are greeted at once.
            Some(waiting) => waiting.push(attach),
            None => return attach.refuse(Unresumable::TooOld),
        }
        self.waker.wake();
    }

    /// The next socket.
    pub(super) fn take(&self) -> Option<Box<Attach>> {
        let mut all = self.lock();
        let waiting = all.as_mut().filter(|waiting| !waiting.is_empty())?;
        Some(waiting.remove(0))
    }

    /// Refuses those that wait, and all who come later.
    pub(super) fn close(&self) {
        let waiting = self.lock().take();
        waiting.into_iter().flatten().for_each(|attach| attach.refuse(Unresumable::TooOld));
    }
}

/// A session and its socket. Whoever has the lock may let it hear and write.
pub(super) struct Core {
    pub(super) session: GatewaySession,
    pub(super) wire: Option<Wire>,
    /// Whether it waits for a snapshot that is older than what comes.
    pub(super) reserved: bool,
    /// Whether the socket broke while a lane wrote.
    pub(super) broken: bool,
}

impl Desk {
    /// A desk where nobody sits yet: events wait in the queue.
    pub(super) fn new(reception: Arc<Reception>, parts: &Parts) -> Self {
        Self {
            waiting: AtomicUsize::new(0),
            core: Mutex::new(None),
            reception,
            users: Arc::clone(parts.store.users()),
            signer: Arc::clone(&parts.cdn),
            messages: Arc::clone(&parts.messages),
        }
    }

    /// The session begins.
    pub(super) fn sit(&self, session: GatewaySession, wire: Wire) {
        let core = Core { session, wire: Some(wire), reserved: false, broken: false };
        *self.lock() = Some(core);
    }

    /// The session and its socket; none when it has not begun, or ended by a fault of ours.
    pub(super) fn lock(&self) -> MutexGuard<'_, Option<Core>> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The task let the session hear an event of the queue. Called with the lock in hand.
    pub(super) fn heard_one(&self) {
        self.waiting.fetch_sub(1, Ordering::Release);
    }

    fn hear_now(&self, core: &mut Core, event: &UserEvent) {
        let began = now();
        let shaper =
            Shaper { users: &self.users, signer: &self.signer, now_ms: crate::parts::now_ms() };
        let numbered = core.session.newest();
        core.session.handle_event(began, event, shaper);
        METERS.dispatches.increment(core.session.newest() - numbered);
        let Core { session, wire, broken, .. } = core;
        let mut wake = session.has_outputs();
        if let Some(wire) = wire {
            // When it takes no more, the task waits for it, and says so by its own waker.
            let mut context = Context::from_waker(Waker::noop());
            match wire.poll_write(&mut context, began, || session.poll_frame(shaper)) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => {
                    *broken = true;
                    wake = true;
                }
                Poll::Pending => wake = true,
            }
        }
        if wake {
            self.reception.waker.wake();
        }
    }
}

impl Hearer for Desk {
    fn hear(&self, event: &UserEvent) -> bool {
        // Behind what came before it. Whoever calls put that into the queue itself, or does not mind.
        if self.waiting.load(Ordering::Acquire) > 0 {
            return false;
        }
        // The task has it: by the queue it is heard as soon.
        let Ok(mut guard) = self.core.try_lock() else { return false };
        let Some(core) = guard.as_mut().filter(|core| !core.reserved) else { return false };
        let heard = catch_unwind(AssertUnwindSafe(|| self.hear_now(core, event)));
        if heard.is_err() {
            // A fault of ours costs this session, not the lane and all others in it.
            tracing::error!("a session failed while it heard an event");
            *guard = None;
            self.reception.waker.wake();
        }
        true
    }

    fn queued(&self) {
        self.waiting.fetch_add(1, Ordering::AcqRel);
    }

    fn prepare<'a>(
        &'a self,
        event: &'a UserEvent,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async move {
            if let Err(error) = shape::prepare(event, &self.users, &*self.messages).await {
                tracing::warn!(%error, "what an event names could not be loaded");
            }
        })
    }
}

/// What shaping looks things up in, now.
pub(super) fn shaper(parts: &Parts) -> Shaper<'_> {
    Shaper { users: parts.store.users(), signer: &parts.cdn, now_ms: parts.now_ms() }
}

/// Looked up once: every event of every session is counted.
pub(super) struct Meters {
    pub(super) dispatches: metrics::Counter,
    pub(super) fanout: metrics::Histogram,
}

pub(super) static METERS: LazyLock<Meters> = LazyLock::new(|| Meters {
    dispatches: metrics::counter!("signaling_dispatches_total"),
    fanout: metrics::histogram!("signaling_fanout_duration_seconds"),
});
