//! The guild state store: a channel's guild, a guild's handle, a user's sessions.
//!
//! Reads are snapshots without a lock held. Writes go through plan - commit - apply: storage is
//! the arbiter, memory is a cache of it.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::UserId;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use crate::handle::ChannelHome;
pub use crate::handle::GuildHandle;

use crate::GuildView;
use crate::actor::GuildActor;
use crate::actor::Request;
use crate::actor::Shared;
use crate::actor::Subscriber;
use crate::actor::SubscriberId;
use crate::audit::AuditDraft;
use crate::audit::AuditEntry;
use crate::audit::AuditQuery;
use crate::audit::By;
use crate::call::CallCommand;
use crate::call::CallOutcome;
use crate::call::CallView;
use crate::change::admit;
use crate::change::change;
use crate::change::unix_ms;
use crate::event::ChatEvent;
use crate::event::GuildEvent;
use crate::event::UserEvent;
use crate::fanout::Fanout;
use crate::group::GroupChange;
use crate::group::GroupOutcome;
use crate::guild::Guild;
use crate::guild::command::GuildCommand;
use crate::guild::command::GuildDraft;
use crate::guild::plan::Denied;
use crate::handle::MAILBOX_WAIT;
use crate::member_list::Wanted;
use crate::presence::Presence;
use crate::presence::SessionPresence;
use crate::private;
use crate::private::PrivateRequest;
use crate::private::Privates;
use crate::record::PrivateChannel;
use crate::record::UserRecord;
use crate::repo::GuildRepo;
use crate::repo::PrivateRepo;
use crate::repo::RepoError;
use crate::screening::JoinRequest;
use crate::screening::JoinRequestQuery;
use crate::template::Founding;
use crate::template::Snapshot;
use crate::users::Users;

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// Not allowed, or not possible.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Storage failed; nothing was changed.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// The guild's mailbox is full or its node goes down: try again.
    #[error("the guild is busy")]
    Busy,
}

/// *The* shared store; one per process.
pub struct GuildStore {
    repo: Arc<dyn GuildRepo>,
    privates: Arc<Privates>,
    private_mailbox: mpsc::Sender<PrivateRequest>,
    shared: Arc<Shared>,
    /// Mailboxes end when this turns true or is dropped with the store.
    stop: watch::Sender<bool>,
    closing: AtomicBool,
    /// Changes between their plan and their apply; they outlive callers that hang up.
    changes: Mutex<JoinSet<()>>,
    mailboxes: Arc<Mutex<JoinSet<()>>>,
}

impl GuildStore {
    /// Loads every guild and starts its mailbox (tokio tasks; they end when the store is dropped
    /// and at [`shutdown`](Self::shutdown)).
    ///
    /// # Errors
    ///
    /// What the repositories say.
    pub async fn load(
        guilds: Arc<dyn GuildRepo>,
        privates: Arc<dyn PrivateRepo>,
        users: Arc<Users>,
    ) -> Result<Arc<Self>, RepoError> {
        let loaded = guilds.load().await?;
        users.adopt(loaded.iter().flat_map(|guild| guild.members.keys())).await?;
        let (stop, stopped) = watch::channel(false);
        let shared = Arc::new(Shared::new(users));
        let (private_mailbox, requests) = mpsc::channel(private::MAILBOX);
        let store = Self {
            repo: guilds,
            privates: Arc::new(Privates::new(privates)),
            private_mailbox,
            shared: Arc::clone(&shared),
            stop,
            closing: AtomicBool::new(false),
            changes: Mutex::default(),
            mailboxes: Arc::default(),
        };
        let run = private::run(requests, Arc::clone(&shared), Arc::clone(&store.privates), stopped);
        spawn(&store.mailboxes, run);
        for guild in loaded {
            store.starter().start(guild);
        }
        Ok(Arc::new(store))
    }

    /// Public accounts.
    #[must_use]
    pub fn users(&self) -> &Arc<Users> {
        &self.shared.users
    }

    /// The door to a guild.
    #[must_use]
    pub fn guild(&self, id: GuildId) -> Option<GuildHandle> {
        self.shared.index.guild(id)
    }

    /// Every guild, by ascending id.
    #[must_use]
    pub fn all(&self) -> Vec<GuildHandle> {
        self.shared.index.all()
    }

    /// The guilds in which the clock has something to do by `now_ms`, Unix milliseconds: an idle thread,
    /// an event that begins or ends. What is not done by then is told again when it is asked for next.
    #[must_use]
    pub fn due(&self, now_ms: u64) -> Vec<GuildView> {
        let index = &self.shared.index;
        self.shared.due().guilds(now_ms, |id| Some(index.guild(id)?.view()))
    }

    /// The guilds in which a stage is on.
    #[must_use]
    pub fn staged(&self) -> Vec<GuildHandle> {
        let guilds: Vec<_> = self.shared.due().staged().collect();
        guilds.into_iter().filter_map(|id| self.guild(id)).collect()
    }

    /// The guilds that a user is a member of, by ascending id.
    #[must_use]
    pub fn guilds_of(&self, user: UserId) -> Vec<GuildHandle> {
        self.shared.index.guilds_of(user)
    }

    /// What a channel belongs to; private channels are loaded when first asked for.
    ///
    /// # Errors
    ///
    /// What the repository says.
    pub async fn of_channel(&self, channel: ChannelId) -> Result<Option<ChannelHome>, RepoError> {
        if let Some(guild) = self.shared.index.of_channel(channel) {
            return Ok(Some(ChannelHome::Guild(guild)));
        }
        Ok(self.privates.channel(channel).await?.map(ChannelHome::Private))
    }

    /// Founds a guild: stores it, starts its mailbox, tells the owner's sessions.
    ///
    /// # Errors
    ///
    /// [`ChangeError::Denied`] for a bad name, an owner without an account or with too many
    /// guilds; storage errors.
    pub async fn found(&self, draft: GuildDraft) -> Result<GuildHandle, ChangeError> {
        self.establish(Guild::found(draft)?).await
    }

    /// As [`found`](Self::found), structured like another guild. `fresh` makes ids that nothing has.
    ///
    /// # Errors
    ///
    /// As of [`found`](Self::found).
    pub async fn found_like(
        &self,
        snapshot: &Snapshot,
        founding: Founding,
        fresh: impl FnMut() -> u64 + Send,
    ) -> Result<GuildHandle, ChangeError> {
        let guild = Guild::found_like(snapshot, founding, fresh)?;
        self.establish(guild).await
    }

    /// Stores a new guild with its owner in it.
    async fn establish(&self, guild: Guild) -> Result<GuildHandle, ChangeError> {
        let owner = guild.settings.owner;
        let repo = Arc::clone(&self.repo);
        let starter = self.starter();
        self.outlive(async move {
            let owner_record = admit(&starter.shared, owner).await?;
            repo.create(&guild).await?;
            let id = guild.id;
            let handle = starter.start(guild);
            starter.shared.users.pin(owner_record);
            starter.shared.sessions.notify(owner, &UserEvent::GuildJoined(id));
            Ok(handle)
        })
        .await
    }

    /// Plan, commit, apply; plans again when someone else was faster. Returns the snapshot after.
    ///
    /// What of it belongs into the audit log is stored along with it, at once.
    ///
    /// Changes of one guild are made one after the other, and each is made to its end even when
    /// the caller does not wait for it.
    ///
    /// # Errors
    ///
    /// [`ChangeError`].
    pub async fn execute(
        &self,
        guild: GuildId,
        by: impl Into<By>,
        command: GuildCommand,
    ) -> Result<GuildView, ChangeError> {
        let by = by.into();
        let unknown = || ChangeError::Denied(ErrorCode::UnknownGuild.into());
        let handle = self.guild(guild).ok_or_else(unknown)?;
        let turn = Arc::clone(&handle.door.turn).acquire_owned();
        let turn = tokio::time::timeout(TURN_WAIT, turn).await;
        let turn = turn.map_err(|_| ChangeError::Busy)?.map_err(|_| ChangeError::Busy)?;
        let repo = Arc::clone(&self.repo);
        let shared = Arc::clone(&self.shared);
        self.outlive(async move {
            let _turn = turn;
            change(&*repo, &shared, &handle, &by, &command).await
        })
        .await
    }

    /// Stores and tells what was done in a guild by other ways than [`execute`](Self::execute),
    /// which logs by itself.
    ///
    /// # Errors
    ///
    /// Storage errors; [`ChangeError::Busy`].
    pub async fn log(&self, guild: GuildId, what: AuditDraft) -> Result<(), ChangeError> {
        let unknown = || ChangeError::Denied(ErrorCode::UnknownGuild.into());
        let handle = self.guild(guild).ok_or_else(unknown)?;
        let repo = Arc::clone(&self.repo);
        let entry = self.shared.audit_entry(guild, what, unix_ms());
        self.outlive(async move {
            repo.log(&entry).await?;
            handle.publish(GuildEvent::AuditLogged(entry)).await
        })
        .await
    }

    /// Entries of a guild's audit log.
    ///
    /// # Errors
    ///
    /// Storage errors.
    pub async fn audit_log(
        &self,
        guild: GuildId,
        query: &AuditQuery,
    ) -> Result<Vec<AuditEntry>, RepoError> {
        self.repo.audit_log(guild, query).await
    }

    /// Join requests of a guild, and how many there are in all of that status or of that account.
    ///
    /// # Errors
    ///
    /// Storage errors.
    pub async fn join_requests(
        &self,
        guild: GuildId,
        query: &JoinRequestQuery,
    ) -> Result<(Vec<JoinRequest>, u64), RepoError> {
        self.repo.join_requests(guild, query).await
    }

    /// Opens the private channel of two people, with `id` if it is new; tells both of a new one.
    ///
    /// # Errors
    ///
    /// Storage errors; [`ChangeError::Busy`].
    pub async fn open_private(
        &self,
        id: ChannelId,
        pair: [UserId; 2],
    ) -> Result<Arc<PrivateChannel>, ChangeError> {
        let privates = Arc::clone(&self.privates);
        let mailbox = self.private_mailbox.clone();
        self.outlive(async move {
            let (channel, is_new) = privates.open(id, pair).await?;
            if is_new {
                let opened = PrivateRequest::Opened(Arc::clone(&channel));
                mailbox.send(opened).await.map_err(|_| ChangeError::Busy)?;
            }
            Ok(channel)
        })
        .await
    }

    /// Opens a group, which is new, and tells its people.
    ///
    /// # Errors
    ///
    /// Storage errors; [`ChangeError::Busy`].
    pub async fn open_group(
        &self,
        channel: PrivateChannel,
    ) -> Result<Arc<PrivateChannel>, ChangeError> {
        let privates = Arc::clone(&self.privates);
        let mailbox = self.private_mailbox.clone();
        self.outlive(async move {
            let channel = privates.open_group(channel).await?;
            let opened = PrivateRequest::Opened(Arc::clone(&channel));
            mailbox.send(opened).await.map_err(|_| ChangeError::Busy)?;
            Ok(channel)
        })
        .await
    }

    /// Changes a group. Whom to tell what is the caller's business, by
    /// [`tell_private`](Self::tell_private).
    ///
    /// # Errors
    ///
    /// Storage errors; [`ChangeError::Busy`].
    pub async fn change_group(
        &self,
        id: ChannelId,
        change: GroupChange,
    ) -> Result<GroupOutcome, ChangeError> {
        let privates = Arc::clone(&self.privates);
        let mailbox = self.private_mailbox.clone();
        self.outlive(async move {
            let outcome = privates.change_group(id, &change).await?;
            if let GroupOutcome::Changed { before, after } = &outcome {
                // Who is not in it any more is not in its call either.
                let nobody = || PrivateChannel { recipients: Vec::new(), ..before.clone() };
                let people = Arc::new(after.clone().unwrap_or_else(nobody));
                let settle = PrivateRequest::Call(CallCommand::Settle(people), None);
                mailbox.send(settle).await.map_err(|_| ChangeError::Busy)?;
            }
            Ok(outcome)
        })
        .await
    }

    /// Wants something of a call in a private channel, in order with what is published there.
    ///
    /// # Errors
    ///
    /// [`ChangeError::Denied`] as of [`Switchboard::handle`](crate::call::Switchboard::handle);
    /// [`ChangeError::Busy`].
    pub async fn call(&self, command: CallCommand) -> Result<CallOutcome, ChangeError> {
        let (reply, outcome) = oneshot::channel();
        let request = PrivateRequest::Call(command, Some(reply));
        let sent = self.private_mailbox.send_timeout(request, MAILBOX_WAIT).await;
        sent.map_err(|_| ChangeError::Busy)?;
        let outcome = outcome.await.map_err(|_| ChangeError::Busy)?;
        outcome.map_err(|code| ChangeError::Denied(code.into()))
    }

    /// The call of a private channel at this moment, if one goes on.
    #[must_use]
    pub fn call_in(&self, channel: ChannelId) -> Option<CallView> {
        self.privates.call(channel)
    }

    /// The calls that go on in the private channels of a user.
    #[must_use]
    pub fn calls_of(&self, user: UserId) -> Vec<CallView> {
        self.privates.calls_of(user)
    }

    /// Tells the sessions of one user something, behind all that happened to calls before. `false` when
    /// the mailbox is full: then nobody was told.
    #[must_use]
    pub fn tell_of_call(&self, user: UserId, event: UserEvent) -> bool {
        self.private_mailbox.try_send(PrivateRequest::Tell(vec![user], event)).is_ok()
    }

    /// Tells people something about a private channel, in order with what is published there.
    ///
    /// # Errors
    ///
    /// [`ChangeError::Busy`].
    pub async fn tell_private(
        &self,
        people: Vec<UserId>,
        event: UserEvent,
    ) -> Result<(), ChangeError> {
        let request = PrivateRequest::Tell(people, event);
        let sent = self.private_mailbox.send_timeout(request, MAILBOX_WAIT).await;
        sent.map_err(|_| ChangeError::Busy)
    }

    /// All private channels of a user.
    ///
    /// # Errors
    ///
    /// Storage errors.
    pub async fn private_of(&self, user: UserId) -> Result<Vec<Arc<PrivateChannel>>, RepoError> {
        self.privates.of_user(user).await
    }

    /// Publishes what was stored already in a private channel, in order, to all its people.
    ///
    /// # Errors
    ///
    /// [`ChangeError::Busy`].
    pub async fn publish_private(
        &self,
        channel: Arc<PrivateChannel>,
        event: ChatEvent,
    ) -> Result<(), ChangeError> {
        let request = PrivateRequest::Publish(channel, event);
        let sent = self.private_mailbox.send_timeout(request, MAILBOX_WAIT).await;
        sent.map_err(|_| ChangeError::Busy)
    }

    /// Registers a session: from now on it hears the events of its user.
    pub fn connect(&self, subscriber: Subscriber) {
        self.shared.sessions.connect(subscriber);
    }

    /// Forgets a session everywhere: it hears nothing more. What it said of its user's presence
    /// stands until [`presence`](Self::presence) takes it back.
    pub fn disconnect(&self, subscriber: SubscriberId) {
        let Some(user) = self.shared.sessions.disconnect(subscriber) else { return };
        for guild in self.guilds_of(user) {
            // A full mailbox will publish soon, and drops dead sessions when it does.
            let _ = guild.door.mailbox.try_send(Request::Unsubscribe(subscriber));
        }
    }

    /// Makes a connected session hear a guild. The snapshot returned and the events that follow
    /// have no gap and no overlap. `None` when the guild is not here or the user not in it.
    ///
    /// Events of a guild reach a session only after this; membership ends it: the last event is
    /// the [`GuildEvent::MemberRemoved`] of the session's own user, or
    /// [`GuildEvent::GuildDeleted`].
    pub async fn subscribe(&self, subscriber: SubscriberId, guild: GuildId) -> Option<GuildView> {
        let session = self.shared.sessions.session(subscriber)?;
        let handle = self.guild(guild)?;
        let (reply, view) = oneshot::channel();
        handle.door.mailbox.send(Request::Subscribe { session, reply }).await.ok()?;
        view.await.ok().flatten()
    }

    /// Lets a connected session look at rows of member lists: it is told what is there, and hears what
    /// changes, as [`UserEvent::MemberList`]. Nothing when the user is not in the guild, or may not see
    /// the channel.
    pub async fn watch_members(&self, subscriber: SubscriberId, guild: GuildId, wanted: Wanted) {
        let Some(session) = self.shared.sessions.session(subscriber) else { return };
        let Some(handle) = self.guild(guild) else { return };
        // Fails only when the guild ends.
        let _ = handle.door.mailbox.send(Request::Watch { session, wanted }).await;
    }

    /// Subscribes an observer of the server's own (not a user's session) to every guild, present
    /// and future, and to every call: the voice wing watches who may still speak.
    pub fn observe(&self, observer: Subscriber) {
        self.shared.observers.rcu(|observers| {
            let mut observers = (**observers).clone();
            observers.push(observer.clone());
            observers
        });
    }

    /// Whether the user has a session on this node, with a socket or awaiting one.
    #[must_use]
    pub fn is_connected(&self, user: UserId) -> bool {
        self.shared.sessions.is_connected(user)
    }

    /// Sends an event to all sessions of a user on this node.
    pub fn notify(&self, user: UserId, event: UserEvent) {
        self.shared.sessions.notify(user, &event);
    }

    /// What a session says about its user now; `None` when the session ended. Merged over the
    /// user's sessions and, when that changes, published in all their guilds. Whether it changed.
    pub async fn presence(
        &self,
        user: UserId,
        session: SubscriberId,
        presence: Option<SessionPresence>,
    ) -> bool {
        if !self.shared.sessions.say(user, session, presence) {
            return false;
        }
        for guild in self.guilds_of(user) {
            // Fails only when the guild ends.
            let _ = guild.door.mailbox.send(Request::Presence(user)).await;
        }
        true
    }

    /// What others see of a user now; `None` is offline.
    #[must_use]
    pub fn presence_of(&self, user: UserId) -> Option<Arc<Presence>> {
        self.shared.sessions.presence(user)
    }

    /// Replaces a user's public account in memory and tells their guilds and their sessions. The
    /// caller has stored it.
    pub async fn user_updated(&self, user: Arc<UserRecord>) {
        self.shared.users.put(Arc::clone(&user));
        for guild in self.guilds_of(user.id) {
            // Fails only when the guild ends.
            let _ = guild.door.mailbox.send(Request::User(Arc::clone(&user))).await;
        }
        self.notify(user.id, UserEvent::UserUpdated(user));
    }

    /// Ends all mailboxes after they have handled what is in them. Changes under way are made to
    /// their end, new ones are refused as [`ChangeError::Busy`].
    pub async fn shutdown(&self) {
        self.closing.store(true, Ordering::Release);
        let mut changes = std::mem::take(&mut *lock(&self.changes));
        while changes.join_next().await.is_some() {}
        self.stop.send_replace(true);
        let mut mailboxes = std::mem::take(&mut *lock(&self.mailboxes));
        while mailboxes.join_next().await.is_some() {}
    }

    /// Runs a change in a task of its own: whoever asked may hang up between commit and apply,
    /// and memory must follow storage all the same.
    async fn outlive<T: Send + 'static>(
        &self,
        change: impl Future<Output = Result<T, ChangeError>> + Send + 'static,
    ) -> Result<T, ChangeError> {
        let (reply, outcome) = oneshot::channel();
        {
            let mut changes = lock(&self.changes);
            if self.closing.load(Ordering::Acquire) {
                return Err(ChangeError::Busy);
            }
            while changes.try_join_next().is_some() {}
            changes.spawn(async move {
                // The caller may have hung up; the change stands all the same.
                let _ = reply.send(change.await);
            });
        }
        outcome.await.map_err(|_| ChangeError::Busy)?
    }

    fn starter(&self) -> Starter {
        Starter {
            shared: Arc::clone(&self.shared),
            mailboxes: Arc::clone(&self.mailboxes),
            stop: self.stop.subscribe(),
        }
    }
}

/// What it takes to start a guild's mailbox.
struct Starter {
    shared: Arc<Shared>,
    mailboxes: Arc<Mutex<JoinSet<()>>>,
    stop: watch::Receiver<bool>,
}

impl Starter {
    fn start(&self, guild: Guild) -> GuildHandle {
        self.shared.due().welcome(&guild);
        let fanout = Fanout::new(Arc::clone(&self.mailboxes));
        let actor = GuildActor::new(guild, Arc::clone(&self.shared), fanout, self.stop.clone());
        let handle = GuildHandle { door: actor.door() };
        self.shared.index.insert(handle.clone(), &handle.view());
        spawn(&self.mailboxes, actor.run());
        handle
    }
}

fn spawn(tasks: &Mutex<JoinSet<()>>, task: impl Future<Output = ()> + Send + 'static) {
    let mut tasks = lock(tasks);
    while tasks.try_join_next().is_some() {}
    tasks.spawn(task);
}

fn lock<T>(tasks: &Mutex<T>) -> MutexGuard<'_, T> {
    tasks.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long a change waits for those of its guild before it.
const TURN_WAIT: Duration = Duration::from_secs(10);
