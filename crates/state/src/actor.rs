//! One mailbox per guild: it applies, then publishes, and never awaits IO.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use arc_swap::ArcSwap;
use model::id::GuildId;
use model::id::JoinRequestId;
use model::id::UserId;
use model::snowflake::SnowflakeGenerator;
use model::wire::id::Id;
use tokio::sync::Notify;
use tokio::sync::Semaphore;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;

use crate::GuildView;
use crate::audit::AuditDraft;
use crate::audit::AuditEntry;
use crate::due::Due;
use crate::event::ChatEvent;
use crate::event::GuildEvent;
use crate::event::Publication;
use crate::event::UserEvent;
use crate::fanout::Fanout;
use crate::fanout::Hearer;
use crate::guild::Guild;
use crate::guild::plan::Denied;
use crate::guild::plan::Plan;
use crate::index::Index;
use crate::member_list::Lists;
use crate::member_list::Made;
use crate::member_list::Wanted;
use crate::presence::Presence;
use crate::record::UserRecord;
use crate::sessions::Session;
use crate::sessions::Sessions;
use crate::users::Users;
use crate::voice::VoiceCommand;
use crate::voice::VoiceOutcome;

/// Names a subscriber; unique for the life of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubscriberId(pub u64);

/// A gateway session as the store sees it: a bounded queue, and what happens when it is full.
#[derive(Clone)]
pub struct Subscriber {
    /// Its name.
    pub id: SubscriberId,
    /// Whose session it is.
    pub user: UserId,
    /// Where its events go. Never awaited: a full queue trips `overflow`.
    pub queue: mpsc::Sender<UserEvent>,
    /// Tripped once, when an event did not fit: the session is to be closed.
    pub overflow: Arc<Overflow>,
    /// How events of guilds are heard at once, while none waits in the queue.
    pub hearer: Option<Arc<dyn Hearer>>,
}

impl Subscriber {
    /// Queues an event; a full queue trips the overflow. `false` when the subscriber is of no
    /// use any more.
    pub fn push(&self, event: UserEvent) -> bool {
        if let Some(hearer) = &self.hearer {
            hearer.queued();
        }
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

/// What goes into a guild's mailbox.
pub(crate) enum Request {
    /// A plan that storage has committed.
    Apply(Box<Committed>),
    /// Something that is stored already, or is not stored at all.
    Publish(GuildEvent),
    /// Something for the sessions of one member.
    Tell(UserId, UserEvent),
    /// A voice command.
    Voice {
        command: VoiceCommand,
        now_ms: u64,
        reply: oneshot::Sender<Result<VoiceOutcome, Denied>>,
    },
    /// A session wants to hear the guild.
    Subscribe { session: Arc<Session>, reply: oneshot::Sender<Option<GuildView>> },
    /// A session looks at rows of member lists.
    Watch { session: Arc<Session>, wanted: Wanted },
    /// A member list was made that a session looks at.
    Listed(Box<Made>),
    /// A session is gone.
    Unsubscribe(SubscriberId),
    /// A user's presence changed; it is read when this is handled, so the newest wins.
    Presence(UserId),
    /// A user's public account changed.
    User(Arc<UserRecord>),
}

/// A plan that storage has committed, on its way to be applied.
pub(crate) struct Committed {
    pub(crate) plan: Plan,
    /// The account of the member whom the plan adds: from now on it stays in memory.
    pub(crate) joining: Option<Arc<UserRecord>>,
    pub(crate) reply: oneshot::Sender<GuildView>,
}

/// The outside of a mailbox: how to put something in, and the snapshot.
pub(crate) struct Door {
    pub(crate) id: GuildId,
    pub(crate) view: ArcSwap<Guild>,
    pub(crate) mailbox: mpsc::Sender<Request>,
    /// One change of structure at a time: those who wait plan on what the one before made.
    pub(crate) turn: Arc<Semaphore>,
}

/// Everything that the mailboxes of one store share.
pub(crate) struct Shared {
    pub(crate) index: Index,
    pub(crate) sessions: Sessions,
    pub(crate) users: Arc<Users>,
    pub(crate) observers: ArcSwap<Vec<Subscriber>>,
    /// Numbers entries of audit logs, and join requests; they are unique within their guild, which has
    /// one node.
    pub(crate) audit_ids: Mutex<SnowflakeGenerator>,
    /// What the clock will do to the guilds.
    due: Mutex<Due>,
}

/// The inside of a guild's mailbox: the only one who changes the guild.
pub(crate) struct GuildActor {
    guild: GuildView,
    door: Arc<Door>,
    requests: mpsc::Receiver<Request>,
    fanout: Fanout,
    /// Member lists that sessions look at.
    lists: Lists,
    /// Committed plans that came before an earlier one.
    early: BTreeMap<u64, Committed>,
    shared: Arc<Shared>,
    stop: watch::Receiver<bool>,
}

impl GuildActor {
    /// A mailbox for `guild`; it does nothing before it [`run`](Self::run)s.
    pub(crate) fn new(
        guild: Guild,
        shared: Arc<Shared>,
        fanout: Fanout,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let guild = Arc::new(guild);
        let (mailbox, requests) = mpsc::channel(MAILBOX);
        let door = Arc::new(Door {
            id: guild.id,
            view: ArcSwap::new(Arc::clone(&guild)),
            mailbox,
            turn: Arc::new(Semaphore::new(1)),
        });
        Self {
            guild,
            door,
            requests,
            fanout,
            lists: Lists::default(),
            early: BTreeMap::new(),
            shared,
            stop,
        }
    }

    pub(crate) fn door(&self) -> Arc<Door> {
        Arc::clone(&self.door)
    }

    /// Handles requests in order until the guild is deleted or the store stops; then what is
    /// already in the mailbox is still handled.
    pub(crate) async fn run(mut self) {
        let mut stopping = false;
        loop {
            // Both arms are cancel-safe: neither loses a request when the other wins.
            let request = tokio::select! {
                biased;
                _ = self.stop.wait_for(|stop| *stop), if !stopping => {
                    stopping = true;
                    self.requests.close();
                    continue;
                }
                request = self.requests.recv() => request,
            };
            let Some(request) = request else { break };
            let life = self.handle(request);
            self.order_lists();
            self.fanout.flush().await;
            if life == Life::Over {
                break;
            }
        }
    }

    /// Has lists of many people made on threads for such work.
    fn order_lists(&mut self) {
        while let Some(order) = self.lists.order() {
            let (door, shared) = (Arc::clone(&self.door), Arc::clone(&self.shared));
            self.fanout.beside(move || {
                let made = Box::new(order.make(&*shared.users, TIMELESS));
                // Fails only when the guild has ended.
                let _ = door.mailbox.blocking_send(Request::Listed(made));
            });
        }
    }

    fn handle(&mut self, request: Request) -> Life {
        match request {
            Request::Apply(committed) => {
                self.early.insert(committed.plan.version, *committed);
                while let Some(next) = self.early.remove(&self.guild.version) {
                    let life = self.apply(&next.plan, next.joining);
                    // The caller may have hung up; the change stands all the same.
                    let _ = next.reply.send(Arc::clone(&self.guild));
                    if life == Life::Over {
                        return life;
                    }
                }
            }
            Request::Publish(event) => {
                self.count(&event);
                let guild = Arc::clone(&self.guild);
                self.publish(event, &guild);
            }
            Request::Tell(user, event) => self.fanout.tell(user, event),
            Request::Voice { command, now_ms, reply } => {
                let outcome = self.guild.voice_command(&command, now_ms);
                let outcome = outcome.map(|(guild, events, outcome)| {
                    self.turn_to(guild, events);
                    outcome
                });
                let _ = reply.send(outcome);
            }
            Request::Subscribe { session, reply } => {
                let user = session.user;
                let may = session.is_live() && self.guild.members.contains_key(&user);
                if may {
                    self.fanout.add(session);
                }
                let _ = reply.send(may.then(|| Arc::clone(&self.guild)));
            }
            Request::Watch { session, wanted } => {
                if session.is_live() && self.guild.members.contains_key(&session.user) {
                    let names = &*self.shared.users;
                    self.lists.watch(session, wanted, &self.guild, names, TIMELESS);
                }
            }
            Request::Listed(made) => {
                self.lists.made(*made, &self.guild, &*self.shared.users, TIMELESS);
            }
            Request::Unsubscribe(id) => {
                self.fanout.remove(id);
                self.lists.remove(id);
            }
            Request::Presence(user) => self.presence(user),
            Request::User(user) => {
                if self.guild.members.contains_key(&user.id) {
                    let guild = Arc::clone(&self.guild);
                    let event = GuildEvent::UserUpdated(user);
                    let events = std::slice::from_ref(&event);
                    self.lists.follow(events, &guild, &guild, &*self.shared.users, TIMELESS);
                    self.publish(event, &guild);
                }
            }
        }
        Life::Goes
    }

    fn apply(&mut self, plan: &Plan, joining: Option<Arc<UserRecord>>) -> Life {
        let (mut guild, mut events) = self.guild.apply(plan);
        if events.contains(&GuildEvent::GuildDeleted) {
            // First unfindable, then gone: nobody subscribes to a guild that ends.
            self.shared.index.remove(&self.guild);
            for user in self.guild.members.keys() {
                self.unpin(user);
            }
            self.turn_to(guild, events);
            return Life::Over;
        }
        let mut joined = Vec::new();
        let mut left = Vec::new();
        for event in &events {
            match event {
                GuildEvent::ChannelCreated(channel) => {
                    self.shared.index.insert_channel(channel.id, guild.id);
                }
                GuildEvent::ChannelDeleted(channel) => {
                    self.shared.index.remove_channel(channel.id);
                }
                GuildEvent::ThreadCreated(thread) => {
                    self.shared.index.insert_channel(thread.id, guild.id);
                }
                GuildEvent::ThreadDeleted(thread) => {
                    self.shared.index.remove_channel(thread.id);
                }
                GuildEvent::MemberAdded(member) => {
                    self.shared.index.insert_member(member.user, guild.id);
                    joined.push(member.user);
                }
                GuildEvent::MemberRemoved(user) => {
                    self.shared.index.remove_member(*user, guild.id);
                    left.push(*user);
                }
                _ => {}
            }
        }
        // Pinned after the index names this guild: another guild that they leave at this moment
        // does not let go of the account any more.
        if let Some(user) = joining {
            self.shared.users.pin(user);
        }
        // Presence is read after the index names this guild: a change that comes later finds it.
        for &user in &joined {
            if let Some(presence) = self.shared.sessions.presence(user) {
                guild.presences.insert(user, Arc::clone(&presence));
                events.push(GuildEvent::PresenceUpdated { user, presence });
            }
        }
        self.turn_to(guild, events);
        for user in joined {
            self.shared.sessions.notify(user, &UserEvent::GuildJoined(self.guild.id));
        }
        for user in left {
            self.unpin(user);
        }
        Life::Goes
    }

    fn unpin(&self, user: UserId) {
        if self.shared.index.membership_count(user) == 0 {
            self.shared.users.unpin(user);
        }
    }

    fn presence(&mut self, user: UserId) {
        if !self.guild.members.contains_key(&user) {
            return;
        }
        let presence = self.shared.sessions.presence(user);
        if self.guild.presences.get(&user) == presence.as_ref() {
            return;
        }
        let mut guild = (*self.guild).clone();
        let presence = match presence {
            Some(presence) => {
                guild.presences.insert(user, Arc::clone(&presence));
                presence
            }
            None => {
                guild.presences.remove(&user);
                Arc::new(Presence::offline(user))
            }
        };
        self.turn_to(guild, vec![GuildEvent::PresenceUpdated { user, presence }]);
    }

    /// Keeps the counts of threads, and the newest message of channels; storage knows already.
    fn count(&mut self, event: &GuildEvent) {
        let GuildEvent::Chat(chat) = event else { return };
        if let ChatEvent::MessageCreated(message) = chat
            && self.guild.channels.contains_key(&message.channel)
            && self.guild.newest.get(&message.channel).is_none_or(|newest| *newest < message.id)
        {
            let mut guild = (*self.guild).clone();
            guild.newest.insert(message.channel, message.id);
            return self.turn_to(guild, Vec::new());
        }
        let Some(thread) = self.guild.threads.get(&chat.channel()) else { return };
        let Some(thread) = thread.after(chat) else { return };
        let mut guild = (*self.guild).clone();
        guild.threads.insert(thread.record.id, Arc::new(thread));
        self.turn_to(guild, Vec::new());
    }

    /// Makes `guild` the snapshot, then tells of it.
    fn turn_to(&mut self, guild: Guild, events: Vec<GuildEvent>) {
        let before = std::mem::replace(&mut self.guild, Arc::new(guild));
        self.door.view.store(Arc::clone(&self.guild));
        if events.iter().any(Due::concerns) {
            self.shared.due().follow(&self.guild, &events);
        }
        self.lists.follow(&events, &before, &self.guild, &*self.shared.users, TIMELESS);
        for event in events {
            self.publish(event, &before);
        }
    }

    fn publish(&mut self, event: GuildEvent, before: &GuildView) {
        let publication = Publication::new(event, Arc::clone(before), Arc::clone(&self.guild));
        let event = UserEvent::Guild(Arc::new(publication));
        self.shared.tell_observers(&event);
        self.fanout.publish(event);
    }
}

impl Shared {
    /// Nothing in it yet; `users` is where accounts are found.
    pub(crate) fn new(users: Arc<Users>) -> Self {
        Self {
            index: Index::default(),
            sessions: Sessions::default(),
            users,
            observers: ArcSwap::default(),
            audit_ids: Mutex::new(SnowflakeGenerator::new(0)),
            due: Mutex::default(),
        }
    }

    /// What the clock will do; held for some microseconds.
    pub(crate) fn due(&self) -> MutexGuard<'_, Due> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives what was done its number in the guild's log. `now_ms`: Unix milliseconds.
    pub(crate) fn audit_entry(
        &self,
        guild: GuildId,
        what: AuditDraft,
        now_ms: u64,
    ) -> Arc<AuditEntry> {
        let mut ids = self.audit_ids.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::new(AuditEntry { id: Id::new(ids.next(now_ms)), guild, what })
    }

    /// The number of a new join request; unique as those of audit logs are.
    pub(crate) fn request_id(&self, now_ms: u64) -> JoinRequestId {
        let mut ids = self.audit_ids.lock().unwrap_or_else(PoisonError::into_inner);
        Id::new(ids.next(now_ms))
    }

    /// Tells the server's own observers.
    pub(crate) fn tell_observers(&self, event: &UserEvent) {
        for observer in self.observers.load().iter() {
            if !observer.push(event.clone()) {
                self.drop_observer(observer.id);
            }
        }
    }

    fn drop_observer(&self, id: SubscriberId) {
        tracing::error!(observer = id.0, "an observer of all guilds was too slow or is gone");
        self.observers.rcu(|observers| {
            observers.iter().filter(|other| other.id != id).cloned().collect::<Vec<_>>()
        });
    }
}

#[derive(PartialEq, Eq)]
enum Life {
    Goes,
    Over,
}

/// Whoever is timed out sees all the same: lists need no clock.
const TIMELESS: u64 = 0;
/// Requests that wait at most. More hides a guild that falls behind; fewer refuses bursts, such as
/// many members' presences at once.
const MAILBOX: usize = 1_024;
