//! Brings a guild's events to the sessions that hear it, in order.
//!
//! A guild's mailbox must not wait for a thousand sockets, so lanes do it: a few tasks, each with some
//! of the sessions. A lane lets a session hear at once, on the lane's own thread, where the session
//! can: waking a task for each session and event costs more than what is sent. Otherwise the event
//! waits in the session's queue.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use model::id::UserId;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::actor::SubscriberId;
use crate::event::GuildEvent;
use crate::event::UserEvent;
use crate::sessions::Pushed;
use crate::sessions::Session;

/// A session that can hear without its task.
pub trait Hearer: Any + Send + Sync {
    /// Lets `hearers`, [`TOGETHER`] at most and this one among them, hear an event now, each of them as if
    /// it were alone. Which of them did, the first in the lowest bit. One does not when others wait in
    /// its queue or it is busy: then the event goes by way of the queue.
    ///
    /// They are asked together because what one costs is waiting for its memory, which many can at once.
    fn hear_together(&self, hearers: &[&dyn Hearer], event: &UserEvent) -> u64;

    /// Something is about to be put into its queue.
    fn queued(&self);

    /// Whether it may hear of presences; that never changes. In a guild where thousands come and go most
    /// of what happens are presences, and most who listen are bots that asked for none.
    fn hears_presences(&self) -> bool;

    /// Loads what sessions look up when they hear an event. Asked of one session for all of a lane.
    fn prepare<'a>(&'a self, event: &'a UserEvent)
    -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
}

/// The sessions of one guild.
pub(crate) struct Fanout {
    lanes: Vec<Lane>,
    /// What the lanes are to be told, in order.
    told: Vec<(Option<usize>, Item)>,
    tasks: Arc<Mutex<JoinSet<()>>>,
}

struct Lane {
    items: mpsc::Sender<Item>,
    /// Sessions in it, and on their way to it.
    sessions: Arc<AtomicUsize>,
}

#[derive(Clone)]
enum Item {
    Event(UserEvent),
    Tell(UserId, UserEvent),
    Add(Arc<Session>),
    Remove(SubscriberId),
}

impl Fanout {
    /// A fan-out whose lanes run among `tasks`.
    pub(crate) const fn new(tasks: Arc<Mutex<JoinSet<()>>>) -> Self {
        Self { lanes: Vec::new(), told: Vec::new(), tasks }
    }

    /// Lets a session hear what is published from now on.
    pub(crate) fn add(&mut self, session: Arc<Session>) {
        let size = |lane: &Lane| lane.sessions.load(Ordering::Relaxed);
        let emptiest = (0..self.lanes.len()).min_by_key(|&lane| size(&self.lanes[lane]));
        let lane = match emptiest {
            Some(lane) if size(&self.lanes[lane]) < FULL || self.lanes.len() >= most_lanes() => {
                lane
            }
            _ => {
                self.lanes.push(self.open());
                self.lanes.len() - 1
            }
        };
        self.lanes[lane].sessions.fetch_add(1, Ordering::Relaxed);
        self.told.push((Some(lane), Item::Add(session)));
    }

    /// Lets a session hear nothing more.
    pub(crate) fn remove(&mut self, session: SubscriberId) {
        self.told.push((None, Item::Remove(session)));
    }

    /// Lets all sessions hear an event.
    pub(crate) fn publish(&mut self, event: UserEvent) {
        self.told.push((None, Item::Event(event)));
    }

    /// Lets the sessions of one user hear an event.
    pub(crate) fn tell(&mut self, user: UserId, event: UserEvent) {
        self.told.push((None, Item::Tell(user, event)));
    }

    /// Tells the lanes. Waits while one is far behind, which slows those who publish down; lanes wait
    /// for nothing but what [`Hearer::prepare`] loads.
    pub(crate) async fn flush(&mut self) {
        for (lane, item) in self.told.drain(..) {
            match lane {
                // Fails only when the store ends.
                Some(lane) => drop(self.lanes[lane].items.send(item).await),
                None => {
                    for lane in &self.lanes {
                        drop(lane.items.send(item.clone()).await);
                    }
                }
            }
        }
    }

    /// Does some work beside the lanes, on a thread that nobody else waits for.
    pub(crate) fn beside(&self, work: impl FnOnce() + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.spawn_blocking(work);
    }

    fn open(&self) -> Lane {
        let (items, told) = mpsc::channel(WAITING);
        let sessions = Arc::new(AtomicUsize::new(0));
        let lane = run(told, Arc::clone(&sessions));
        // It yields by itself; a budget would make every socket look full in the middle of a round.
        let lane = tokio::task::unconstrained(lane);
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).spawn(lane);
        Lane { items, sessions }
    }
}

/// Runs a lane until its guild ends.
async fn run(mut told: mpsc::Receiver<Item>, size: Arc<AtomicUsize>) {
    let mut sessions: Vec<Listener> = Vec::new();
    while let Some(item) = told.recv().await {
        let before = sessions.len();
        match item {
            Item::Add(session) => {
                sessions.retain(|other| other.id != session.id);
                sessions.push(Listener::new(session));
                // It was counted when it was on its way.
                size.fetch_sub(before + 1 - sessions.len(), Ordering::Relaxed);
                continue;
            }
            Item::Remove(id) => {
                if let Some(place) = sessions.iter().position(|other| other.id == id) {
                    sessions.swap_remove(place);
                }
            }
            Item::Tell(user, event) => {
                for listener in sessions.iter().filter(|listener| listener.user == user) {
                    listener.session.push(event.clone());
                }
            }
            Item::Event(event) => {
                deliver(&mut sessions, &event).await;
                if let UserEvent::Guild(publication) = &event {
                    match publication.event {
                        GuildEvent::MemberRemoved(user) => {
                            sessions.retain(|listener| listener.user != user);
                        }
                        GuildEvent::GuildDeleted => sessions.clear(),
                        _ => {}
                    }
                }
            }
        }
        size.fetch_sub(before - sessions.len(), Ordering::Relaxed);
    }
}

/// A session in a lane. What is touched for each event lies together.
struct Listener {
    hearer: Option<Arc<dyn Hearer>>,
    id: SubscriberId,
    user: UserId,
    presences: bool,
    session: Arc<Session>,
}

impl Listener {
    fn new(session: Arc<Session>) -> Self {
        let hearer = session.hearer();
        let presences = hearer.as_ref().is_none_or(|hearer| hearer.hears_presences());
        Self { hearer, id: session.id, user: session.user, presences, session }
    }
}

/// Lets all sessions hear an event, and lets those go that hear no more.
async fn deliver(sessions: &mut Vec<Listener>, event: &UserEvent) {
    let presence = matches!(event, UserEvent::Guild(publication)
        if matches!(publication.event, GuildEvent::PresenceUpdated { .. }));
    if let Some(hearer) = sessions.iter().find_map(|listener| listener.hearer.as_ref()) {
        let hearer = Arc::clone(hearer);
        hearer.prepare(event).await;
    }
    let mut gone = Vec::new();
    for first in (0..sessions.len()).step_by(TOGETHER) {
        if first > 0 && first % BURST == 0 {
            tokio::task::yield_now().await;
        }
        let last = sessions.len().min(first + TOGETHER);
        let together = &sessions[first..last];
        if !presence || together.iter().any(|listener| listener.presences) {
            deliver_together(first, together, event, &mut gone);
        }
    }
    // From behind, that those before keep their places.
    for place in gone.into_iter().rev() {
        sessions.swap_remove(place);
    }
}

/// Lets some sessions, from a place on, hear an event; notes the places of those that hear no more.
fn deliver_together(
    place: usize,
    listeners: &[Listener],
    event: &UserEvent,
    gone: &mut Vec<usize>,
) {
    let hearers: Vec<_> =
        listeners.iter().filter_map(|listener| listener.hearer.as_deref()).collect();
    let mut heard = hearers.first().map_or(0, |any| any.hear_together(&hearers, event));
    for (place, listener) in (place..).zip(listeners) {
        if listener.hearer.is_some() {
            let it = heard & 1 == 1;
            heard >>= 1;
            if it {
                continue;
            }
        }
        match listener.session.push(event.clone()) {
            Pushed::Queued => {}
            Pushed::TooSlow => {
                metrics::counter!("state_subscribers_tripped_total").increment(1);
                gone.push(place);
            }
            Pushed::Gone => gone.push(place),
        }
    }
}

/// Lanes of one guild at most: one a core.
fn most_lanes() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Sessions from which on a lane is not given more while another can be opened. Lower spreads guilds
/// over the cores that one carries as quickly.
const FULL: usize = 128;
/// Events that wait for a lane at most.
const WAITING: usize = 256;
/// Sessions that hear together: a bit of a word each. More wait for more memory at once, and keep each
/// other's tasks waiting for longer.
pub const TOGETHER: usize = 32;
/// Sessions that hear in one go, before other tasks of the thread have their turn; a multiple of
/// [`TOGETHER`].
const BURST: usize = 64;
