//! The guild state store: a channel's guild, a guild's handle, a user's sessions.
//!
//! Reads are snapshots without a lock held. Writes go through plan - commit - apply: storage is
//! the arbiter, memory is a cache of it.

use std::sync::Arc;

use model::id::ChannelId;
use model::id::GuildId;
use model::id::UserId;

use crate::GuildView;
use crate::actor::Subscriber;
use crate::actor::SubscriberId;
use crate::event::ChatEvent;
use crate::event::GuildEvent;
use crate::event::UserEvent;
use crate::guild::command::GuildCommand;
use crate::guild::command::GuildDraft;
use crate::guild::plan::Denied;
use crate::presence::SessionPresence;
use crate::record::PrivateChannel;
use crate::repo::GuildRepo;
use crate::repo::PrivateRepo;
use crate::repo::RepoError;
use crate::users::Users;
use crate::voice::VoiceCommand;
use crate::voice::VoiceOutcome;

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

/// What a channel belongs to.
#[derive(Clone)]
pub enum ChannelHome {
    /// A guild.
    Guild(GuildHandle),
    /// People.
    Private(Arc<PrivateChannel>),
}

/// A clone-cheap door to one guild's mailbox and snapshot.
#[derive(Clone)]
pub struct GuildHandle {
    _todo: (),
}

impl GuildHandle {
    /// The guild's id.
    #[must_use]
    pub fn id(&self) -> GuildId {
        todo!()
    }

    /// The snapshot of this moment.
    #[must_use]
    pub fn view(&self) -> GuildView {
        todo!()
    }

    /// Publishes what was stored already (messages, reactions, typing, invites), in order.
    ///
    /// # Errors
    ///
    /// [`ChangeError::Busy`] when the mailbox stays full for a second.
    pub async fn publish(&self, event: GuildEvent) -> Result<(), ChangeError> {
        let _ = event;
        todo!()
    }

    /// Carries out a voice command in the mailbox. `now_ms`: Unix milliseconds.
    ///
    /// # Errors
    ///
    /// [`ChangeError::Denied`] as of [`Guild::voice_command`](crate::Guild::voice_command);
    /// [`ChangeError::Busy`].
    pub async fn voice(
        &self,
        command: VoiceCommand,
        now_ms: u64,
    ) -> Result<VoiceOutcome, ChangeError> {
        let _ = (command, now_ms);
        todo!()
    }
}

/// *The* shared store; one per process.
pub struct GuildStore {
    _todo: (),
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
        let _ = (guilds, privates, users);
        todo!()
    }

    /// Public accounts.
    #[must_use]
    pub fn users(&self) -> &Arc<Users> {
        todo!()
    }

    /// The door to a guild.
    #[must_use]
    pub fn guild(&self, id: GuildId) -> Option<GuildHandle> {
        let _ = id;
        todo!()
    }

    /// Every guild, by ascending id.
    #[must_use]
    pub fn all(&self) -> Vec<GuildHandle> {
        todo!()
    }

    /// The guilds that a user is a member of, by ascending id.
    #[must_use]
    pub fn guilds_of(&self, user: UserId) -> Vec<GuildHandle> {
        let _ = user;
        todo!()
    }

    /// What a channel belongs to; private channels are loaded when first asked for.
    ///
    /// # Errors
    ///
    /// What the repository says.
    pub async fn of_channel(&self, channel: ChannelId) -> Result<Option<ChannelHome>, RepoError> {
        let _ = channel;
        todo!()
    }

    /// Founds a guild: stores it, starts its mailbox, tells the owner's sessions.
    ///
    /// # Errors
    ///
    /// [`ChangeError::Denied`] for a bad name; storage errors.
    pub async fn found(&self, draft: GuildDraft) -> Result<GuildHandle, ChangeError> {
        let _ = draft;
        todo!()
    }

    /// Plan, commit, apply; plans again when someone else was faster. Returns the snapshot after.
    ///
    /// # Errors
    ///
    /// [`ChangeError`].
    pub async fn execute(
        &self,
        guild: GuildId,
        actor: UserId,
        command: GuildCommand,
    ) -> Result<GuildView, ChangeError> {
        let _ = (guild, actor, command);
        todo!()
    }

    /// Opens the private channel of two people, with `id` if it is new; tells both.
    ///
    /// # Errors
    ///
    /// Storage errors.
    pub async fn open_private(
        &self,
        id: ChannelId,
        pair: [UserId; 2],
    ) -> Result<Arc<PrivateChannel>, ChangeError> {
        let _ = (id, pair);
        todo!()
    }

    /// All private channels of a user, loaded once.
    ///
    /// # Errors
    ///
    /// Storage errors.
    pub async fn private_of(&self, user: UserId) -> Result<Vec<Arc<PrivateChannel>>, RepoError> {
        let _ = user;
        todo!()
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
        let _ = (channel, event);
        todo!()
    }

    /// Registers a session: from now on it hears the events of its user.
    pub fn connect(&self, subscriber: Subscriber) {
        let _ = subscriber;
        todo!()
    }

    /// Forgets a session everywhere.
    pub fn disconnect(&self, subscriber: SubscriberId) {
        let _ = subscriber;
        todo!()
    }

    /// Makes a connected session hear a guild. The snapshot returned and the events that follow
    /// have no gap and no overlap. `None` when the guild is not here or the user not in it.
    ///
    /// Events of a guild reach a session only after this; membership ends it: the last event is
    /// the [`GuildEvent::MemberRemoved`] of the session's own user, or
    /// [`GuildEvent::GuildDeleted`].
    pub async fn subscribe(&self, subscriber: SubscriberId, guild: GuildId) -> Option<GuildView> {
        let _ = (subscriber, guild);
        todo!()
    }

    /// Subscribes an observer of the server's own (not a user's session) to every guild, present
    /// and future: the voice wing watches who may still speak.
    pub fn observe(&self, observer: Subscriber) {
        let _ = observer;
        todo!()
    }

    /// Sends an event to all sessions of a user on this node.
    pub fn notify(&self, user: UserId, event: UserEvent) {
        let _ = (user, event);
        todo!()
    }

    /// What a session says about its user now; `None` when the session ended. Merged over the
    /// user's sessions and, when that changes, published in all their guilds.
    pub async fn presence(
        &self,
        user: UserId,
        session: SubscriberId,
        presence: Option<SessionPresence>,
    ) {
        let _ = (user, session, presence);
        todo!()
    }

    /// Replaces a user's public account in memory and tells their guilds and their sessions. The
    /// caller has stored it.
    pub async fn user_updated(&self, user: Arc<crate::record::UserRecord>) {
        let _ = user;
        todo!()
    }

    /// Ends all mailboxes after they have handled what is in them.
    pub async fn shutdown(&self) {
        todo!()
    }
}
