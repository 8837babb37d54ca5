//! What changed, before it is shaped for a client.

use std::any::Any;
use std::sync::Arc;
use std::sync::OnceLock;

use model::gateway::DispatchName;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::MessageId;
use model::id::RoleId;
use model::id::SoundId;
use model::id::UserId;
use model::wire::channel::Attachment;
use model::wire::channel::Channel;
use model::wire::guild::Role;
use serde_json::Value;

use crate::GuildView;
use crate::audit::AuditEntry;
use crate::automod::Execution;
use crate::automod::rule::Rule;
use crate::presence::Presence;
use crate::record::InviteRecord;
use crate::record::MemberRecord;
use crate::record::MessageRecord;
use crate::record::ReactionEmoji;
use crate::record::SoundRecord;
use crate::record::UserRecord;
use crate::scheduled::EventException;
use crate::scheduled::ScheduledEventRecord;
use crate::screening::JoinRequest;
use crate::thread::ThreadMember;
use crate::thread::ThreadRecord;
use crate::voice::StageInstance;
use crate::voice::VoiceState;

/// One thing that happened in a guild.
#[derive(Debug, Clone, PartialEq)]
pub enum GuildEvent {
    /// Name, icon, owner or settings changed.
    GuildUpdated,
    /// The guild is gone, for everyone.
    GuildDeleted,
    /// A channel appeared.
    ChannelCreated(Arc<Channel>),
    /// A channel changed, its overwrites included.
    ChannelUpdated(Arc<Channel>),
    /// A channel is gone.
    ChannelDeleted(Arc<Channel>),
    /// A thread was started.
    ThreadCreated(Arc<ThreadRecord>),
    /// A thread changed: its name, its settings, whether it is archived.
    ThreadUpdated(Arc<ThreadRecord>),
    /// A thread is gone.
    ThreadDeleted(Arc<ThreadRecord>),
    /// People joined a thread or left it.
    ThreadMembersUpdated {
        /// Which thread.
        thread: ChannelId,
        /// Who joined.
        added: Vec<ThreadMember>,
        /// Who left.
        removed: Vec<UserId>,
    },
    /// Someone's own settings in a thread changed; only they hear of it.
    ThreadMemberUpdated {
        /// Which thread.
        thread: ChannelId,
        /// Whose, and what they are.
        member: ThreadMember,
    },
    /// A role appeared.
    RoleCreated(Arc<Role>),
    /// A role changed.
    RoleUpdated(Arc<Role>),
    /// A role is gone.
    RoleDeleted(RoleId),
    /// Someone joined.
    MemberAdded(Arc<MemberRecord>),
    /// Someone's nick, roles, mute or timeout changed.
    MemberUpdated(Arc<MemberRecord>),
    /// Someone left or was removed.
    MemberRemoved(UserId),
    /// A pending member began a request, or began anew. Only they hear of it.
    JoinRequestCreated(Arc<JoinRequest>),
    /// A request waits for a moderator, or was decided.
    JoinRequestUpdated(Arc<JoinRequest>),
    /// A request was taken back, or ended with its membership before anything came of it.
    JoinRequestDeleted(Arc<JoinRequest>),
    /// A member's account changed: name or avatar.
    UserUpdated(Arc<UserRecord>),
    /// Someone was banned; [`GuildEvent::MemberRemoved`] follows when they were a member.
    BanAdded(UserId),
    /// A ban was lifted.
    BanRemoved(UserId),
    /// An invite was made.
    InviteCreated(Arc<InviteRecord>),
    /// An invite was revoked.
    InviteDeleted {
        /// Its code.
        code: String,
        /// Where it led.
        channel: Option<ChannelId>,
    },
    /// Someone's merged presence changed.
    PresenceUpdated {
        /// Whose.
        user: UserId,
        /// What it is now.
        presence: Arc<Presence>,
    },
    /// Someone joined, moved in, left or changed flags in voice. `channel: None` means left.
    VoiceStateUpdated(Arc<VoiceState>),
    /// What is going on in a voice channel, as someone there says.
    VoiceStatusChanged {
        /// Where.
        channel: ChannelId,
        /// What; `None` is nothing.
        status: Option<String>,
    },
    /// The first one came into a voice channel, or the last one left it.
    VoiceStarted {
        /// Which.
        channel: ChannelId,
        /// Unix seconds; `None` when nobody is there any more.
        since: Option<u64>,
    },
    /// Webhooks of a channel were made, changed or deleted.
    WebhooksUpdated(ChannelId),
    /// Which commands there are, or who may use them, changed.
    CommandsUpdated,
    /// An application came into the guild; its bot's membership.
    IntegrationCreated(Arc<MemberRecord>),
    /// An application was allowed more, or brought in anew.
    IntegrationUpdated(Arc<MemberRecord>),
    /// An application is gone from the guild; its number, and its bot's.
    IntegrationDeleted(UserId),
    /// Some integration changed.
    IntegrationsUpdated,
    /// The guild's own emojis changed.
    EmojisUpdated,
    /// The guild's own stickers changed.
    StickersUpdated,
    /// The soundboard has a new sound.
    SoundCreated(Arc<SoundRecord>),
    /// A sound of the soundboard changed.
    SoundChanged(Arc<SoundRecord>),
    /// A sound of the soundboard is gone.
    SoundDeleted(SoundId),
    /// Someone plays a sound to those who are with them in a voice channel.
    SoundPlayed(Arc<SoundPlayed>),
    /// Something was planned.
    EventScheduled(Arc<ScheduledEventRecord>),
    /// What is planned changed, or began or ended.
    EventChanged(Arc<ScheduledEventRecord>),
    /// It is planned no more.
    EventRemoved(Arc<ScheduledEventRecord>),
    /// One occurrence of what is planned is not as the rule says, or again is.
    EventExcepted {
        /// Of what.
        event: Arc<ScheduledEventRecord>,
        /// Unix milliseconds at which the occurrence would begin.
        regular_ms: u64,
        /// How it is instead, or was.
        exception: EventException,
        /// Whether that is new.
        how: Excepted,
    },
    /// Someone wants to come, or no longer.
    EventInterest {
        /// To what.
        event: Arc<ScheduledEventRecord>,
        /// Who.
        user: UserId,
        /// Wants to, not no longer.
        added: bool,
    },
    /// The audit log has a new entry.
    AuditLogged(Arc<AuditEntry>),
    /// A rule of auto moderation appeared.
    RuleCreated(Arc<Rule>),
    /// A rule changed.
    RuleUpdated(Arc<Rule>),
    /// A rule is gone.
    RuleDeleted(Arc<Rule>),
    /// A rule was triggered and did something.
    RuleExecuted(Arc<Execution>),
    /// A stage was opened.
    StageOpened(Arc<StageInstance>),
    /// What a stage is about changed.
    StageChanged(Arc<StageInstance>),
    /// A stage was closed, or its channel deleted.
    StageClosed(Arc<StageInstance>),
    /// A message, reaction or typing in one of the guild's channels.
    Chat(ChatEvent),
}

/// What became of an exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excepted {
    /// The occurrence was as the rule says before.
    Created,
    /// It is otherwise in another way.
    Changed,
    /// It is as the rule says again.
    Removed,
}

/// A sound that is played in a voice channel.
#[derive(Debug, Clone, PartialEq)]
pub struct SoundPlayed {
    /// Where.
    pub channel: ChannelId,
    /// By whom.
    pub user: UserId,
    /// Which; of this guild or another.
    pub sound: Arc<SoundRecord>,
}

/// One thing that happened in a text channel, of a guild or private.
#[derive(Debug, Clone, PartialEq)]
pub enum ChatEvent {
    /// Something was said.
    MessageCreated(Arc<MessageRecord>),
    /// A message was edited or its embeds, pins or flags changed.
    MessageUpdated(Arc<MessageRecord>),
    /// Messages were deleted; one, or several at once.
    MessagesDeleted {
        /// Where.
        channel: ChannelId,
        /// Which; never empty.
        ids: Vec<MessageId>,
        /// Whether it was one bulk request.
        bulk: bool,
    },
    /// A reaction was given or taken away.
    Reaction {
        /// Where.
        channel: ChannelId,
        /// On which message.
        message: MessageId,
        /// Who wrote that message.
        author: UserId,
        /// Whose reaction.
        user: UserId,
        /// Which emoji.
        emoji: ReactionEmoji,
        /// Given, not taken away.
        added: bool,
    },
    /// All reactions, or all of one emoji, were removed.
    ReactionsCleared {
        /// Where.
        channel: ChannelId,
        /// On which message.
        message: MessageId,
        /// Only this emoji.
        emoji: Option<ReactionEmoji>,
    },
    /// Someone types.
    Typing {
        /// Where.
        channel: ChannelId,
        /// Who.
        user: UserId,
        /// Unix seconds.
        since: u64,
    },
    /// Someone chose an answer of a poll, or chose it no more.
    PollVote {
        /// Where.
        channel: ChannelId,
        /// The poll's message.
        message: MessageId,
        /// Who.
        user: UserId,
        /// Which answer.
        answer: u8,
        /// Chosen, not taken back.
        added: bool,
    },
    /// A message was pinned or unpinned.
    PinsUpdated {
        /// Where.
        channel: ChannelId,
        /// Unix milliseconds of the newest pin.
        last_pin_ms: Option<u64>,
    },
}

impl ChatEvent {
    /// The channel that it happened in.
    #[must_use]
    pub fn channel(&self) -> ChannelId {
        match self {
            Self::MessageCreated(message) | Self::MessageUpdated(message) => message.channel,
            Self::MessagesDeleted { channel, .. }
            | Self::Reaction { channel, .. }
            | Self::ReactionsCleared { channel, .. }
            | Self::PollVote { channel, .. }
            | Self::Typing { channel, .. }
            | Self::PinsUpdated { channel, .. } => *channel,
        }
    }
}

/// A guild event with the snapshots on both sides of it, shared by all who hear it.
pub struct Publication {
    /// What happened.
    pub event: GuildEvent,
    /// The guild just before: decides who sees that something vanished.
    pub before: GuildView,
    /// The guild just after: decides who sees the rest.
    pub guild: GuildView,
    /// Wire shapes, made once by the first session that needs them and shared by the others.
    pub shaped: OnceLock<Arc<dyn Any + Send + Sync>>,
}

impl Publication {
    /// A publication without wire shapes yet.
    #[must_use]
    pub const fn new(event: GuildEvent, before: GuildView, guild: GuildView) -> Self {
        Self { event, before, guild, shaped: OnceLock::new() }
    }
}

impl std::fmt::Debug for Publication {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publication").field("event", &self.event).finish_non_exhaustive()
    }
}

/// What the sessions of one user hear, whatever guild they look at.
#[derive(Debug, Clone)]
pub enum UserEvent {
    /// A guild event; see [`GuildStore::subscribe`](crate::GuildStore::subscribe).
    Guild(Arc<Publication>),
    /// The user became a member: subscribe to the guild and show it.
    GuildJoined(GuildId),
    /// The user's own account changed.
    UserUpdated(Arc<UserRecord>),
    /// A private channel was opened with the user.
    PrivateChannelOpened(Arc<crate::record::PrivateChannel>),
    /// Something happened in one of the user's private channels.
    Private(Arc<crate::private::PrivatePublication>),
    /// Something happened to a call in one of the user's private channels.
    Call(Arc<crate::call::CallEvent>),
    /// A voice server was assigned to the session of that id; others ignore it.
    VoiceServer(Arc<VoiceServer>),
    /// What changed about a member list that one session looks at.
    MemberList(Arc<crate::member_list::ListUpdate>),
    /// Something that nobody else hears: interactions.
    Personal(Arc<Personal>),
    /// All sessions of the user are to end: the account was disabled or its tokens revoked.
    LoggedOut,
}

/// Where a session's voice is to be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoiceServer {
    /// The gateway session that asked to join.
    pub session: String,
    /// The guild whose voice channel it is; none for a call.
    pub guild: Option<GuildId>,
    /// The private channel whose call it is.
    pub channel: Option<ChannelId>,
    /// A token for the voice gateway; serves one channel once.
    pub token: String,
    /// `host:port` of the voice gateway, without scheme; `None`: not available now.
    pub endpoint: Option<String>,
}

/// An event for one user, or one bot, alone.
#[derive(Clone)]
pub struct Personal {
    /// The dispatch's name.
    pub name: DispatchName,
    /// The guild whose gateway shard hears it; without one, the first shard does.
    pub guild: Option<GuildId>,
    /// The payload, but for what follows.
    pub body: Value,
    /// Messages by the JSON pointer of their place, shown when each session hears of them. At the
    /// root, the body's fields are added to the message.
    pub messages: Vec<(String, Arc<MessageRecord>)>,
    /// Files by the JSON pointer of their place.
    pub files: Vec<(String, Attachment)>,
}

impl std::fmt::Debug for Personal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The body may hold a token by which anyone can answer.
        f.debug_struct("Personal").field("name", &self.name).finish_non_exhaustive()
    }
}
