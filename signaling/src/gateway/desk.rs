//! What a session's task and the lanes of its guilds share: the session's core and its socket.
//!
//! A lane lets a session hear at once, and writes to its socket; the task is woken for what is left.

use std::any::Any;
use std::cell::RefCell;
use std::ops::Range;
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
use std::time::Instant;

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
use super::socket::Broken;
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
    presences: bool,
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
    /// A desk where nobody sits yet: events wait in the queue. `presences`: whether whoever will sit there
    /// may hear of them.
    pub(super) fn new(reception: Arc<Reception>, parts: &Parts, presences: bool) -> Self {
        Self {
            waiting: AtomicUsize::new(0),
            core: Mutex::new(None),
            reception,
            presences,
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

    /// The core, for a lane; none when the session must hear by way of its queue.
    fn free(&self) -> Option<MutexGuard<'_, Option<Core>>> {
        // Behind what came before it. Whoever calls put that into the queue itself, or does not mind.
        if self.waiting.load(Ordering::Acquire) > 0 {
            return None;
        }
        // The task has it: by the queue it is heard as soon.
        let guard = self.core.try_lock().ok()?;
        guard.as_ref().is_some_and(|core| !core.reserved).then_some(guard)
    }
}

/// One of those that hear together.
struct Turn<'a> {
    reception: &'a Reception,
    core: MutexGuard<'a, Option<Core>>,
    /// Where its frames are, of those that were packed together.
    packed: Range<usize>,
    wake: bool,
}

impl Turn<'_> {
    /// Does a part of the turn. A fault of ours costs this session, not the lane and all others in it.
    fn catching(&mut self, part: impl FnOnce(&mut Core, &mut Range<usize>) -> bool) {
        let Some(core) = &mut *self.core else { return };
        match catch_unwind(AssertUnwindSafe(|| part(core, &mut self.packed))) {
            Ok(wake) => self.wake |= wake,
            Err(_) => {
                tracing::error!("a session failed while it heard an event");
                *self.core = None;
                self.wake = true;
            }
        }
    }
}

impl Core {
    /// Hears an event, and packs what is to be said of it. Whether the task is to do something.
    fn hear(
        &mut self,
        now: Instant,
        event: &UserEvent,
        shaper: Shaper<'_>,
        (out, packed): (&mut Vec<u8>, &mut Range<usize>),
    ) -> bool {
        let Self { session, wire, broken, .. } = self;
        session.handle_event(now, event, shaper);
        let mut wake = session.has_outputs();
        if let Some(wire) = wire {
            let start = out.len();
            match wire.pack(out, || session.poll_frame(shaper)) {
                Ok(more) => wake |= more,
                Err(Broken) => {
                    *broken = true;
                    wake = true;
                }
            }
            *packed = start..out.len();
        }
        wake
    }

    /// Writes what was packed. Whether the task is to do something.
    fn write(&mut self, now: Instant, packed: &[u8]) -> bool {
        let Some(wire) = &mut self.wire else { return false };
        // When it takes no more, the task waits for it, and says so by its own waker.
        match wire.poll_packed(&mut Context::from_waker(Waker::noop()), now, packed) {
            Poll::Ready(Ok(())) => false,
            Poll::Ready(Err(Broken)) => {
                self.broken = true;
                true
            }
            Poll::Pending => true,
        }
    }
}

thread_local! {
    /// What those who hear together are sent.
    static PACKED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Hearer for Desk {
    fn hear_together(&self, hearers: &[&dyn Hearer], event: &UserEvent) -> u64 {
        let now = now();
        let shaper =
            Shaper { users: &self.users, signer: &self.signer, now_ms: crate::parts::now_ms() };
        let desks = hearers.iter().map(|hearer| (*hearer as &dyn Any).downcast_ref::<Self>());
        let mut heard = 0;
        let mut turns = Vec::with_capacity(hearers.len());
        for (place, desk) in desks.enumerate() {
            if let Some(desk) = desk
                && let Some(core) = desk.free()
            {
                heard |= 1 << place;
                turns.push(Turn { reception: &desk.reception, core, packed: 0..0, wake: false });
            }
        }
        PACKED.with_borrow_mut(|out| {
            out.clear();
            let mut dispatches = 0;
            for turn in &mut turns {
                turn.catching(|core, packed| {
                    let numbered = core.session.newest();
                    let wake = core.hear(now, event, shaper, (out, packed));
                    dispatches += core.session.newest() - numbered;
                    wake
                });
            }
            METERS.dispatches.increment(dispatches);
            for mut turn in turns {
                if !turn.packed.is_empty() {
                    turn.catching(|core, packed| core.write(now, &out[packed.clone()]));
                }
                let Turn { reception, core, wake, .. } = turn;
                drop(core);
                if wake {
                    reception.waker.wake();
                }
            }
            if out.capacity() > KEPT {
                *out = Vec::new();
            }
        });
        heard
    }

    fn queued(&self) {
        self.waiting.fetch_add(1, Ordering::AcqRel);
    }

    fn hears_presences(&self) -> bool {
        self.presences
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

/// Bytes that a lane's buffer keeps room for.
const KEPT: usize = 256 * 1_024;
