//! What someone wants to change in a guild, parsed but not yet allowed.

use crate::automod::rule::RuleRecord;
use crate::guild::community::Incidents;
use crate::guild::community::NewMemberWelcome;
use crate::guild::community::Onboarding;
use crate::guild::community::WelcomeScreen;
use crate::guild::community::Widget;
use crate::record::EmojiRecord;
use crate::record::IntegrationRecord;
use crate::record::SoundRecord;
use crate::record::StickerRecord;
use crate::recurrence::Recurrence;
use crate::scheduled::EventException;
use crate::scheduled::EventKind;
use crate::scheduled::EventStatus;
use crate::scheduled::ScheduledEventRecord;
use crate::screening::Answer;
use crate::screening::FormField;
use model::id::ChannelId;
use model::id::EmojiId;
use model::id::JoinRequestId;
use model::id::PromptId;
use model::id::RoleId;
use model::id::RuleId;
use model::id::ScheduledEventId;
use model::id::SoundId;
use model::id::StageId;
use model::id::StickerId;
use model::id::TagId;
use model::id::UserId;
use model::wire::channel::Channel;
use model::wire::channel::ChannelType;
use model::wire::channel::forum::DefaultReaction;
use model::wire::channel::forum::ForumTag;
use model::wire::channel::permission_overwrite::PermissionOverwrite;
use model::wire::guild::Permissions;
use model::wire::util::Timestamp;

/// A new channel. The id is made by the caller.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelDraft {
    /// Its id.
    pub id: ChannelId,
    /// Text, voice, category, announcement or stage.
    pub kind: ChannelType,
    /// 1 to 100 characters.
    pub name: String,
    /// The category.
    pub parent: Option<ChannelId>,
    /// Up to 1,024 characters.
    pub topic: Option<String>,
    /// Sorting; last when `None`.
    pub position: Option<i32>,
    /// Bits per second, 8,000 to 384,000.
    pub bitrate: Option<u32>,
    /// 0 to 99; 0 is without limit.
    pub user_limit: Option<u32>,
    /// Seconds between messages, 0 to 21,600.
    pub rate_limit_per_user: Option<u16>,
    /// Age-restricted.
    pub nsfw: bool,
    /// Overwrites.
    pub overwrites: Vec<PermissionOverwrite>,
    /// How threads and posts begin here.
    pub forum: ForumPatch,
}

/// Changes of a channel; `None` leaves a field as it is.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(missing_docs, reason = "the fields of ChannelDraft")]
pub struct ChannelPatch {
    pub name: Option<String>,
    pub topic: Option<Option<String>>,
    pub position: Option<i32>,
    pub parent: Option<Option<ChannelId>>,
    pub bitrate: Option<u32>,
    pub user_limit: Option<u32>,
    pub rate_limit_per_user: Option<u16>,
    pub nsfw: Option<bool>,
    pub overwrites: Option<Vec<PermissionOverwrite>>,
    pub forum: ForumPatch,
}

/// How threads and posts of a channel begin and are shown; `None` leaves a field as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ForumPatch {
    /// Minutes of silence after which new threads are archived, unless they say.
    pub auto_archive_minutes: Option<Option<u16>>,
    /// Slowmode of new threads, in seconds.
    pub thread_rate_limit: Option<u16>,
    /// All tags that posts may have, in order; those of ids that are known are changed.
    pub tags: Option<Vec<ForumTag>>,
    /// The emoji that clients offer first.
    pub reaction: Option<Option<DefaultReaction>>,
    /// 0 by latest activity, 1 by creation.
    pub sort_order: Option<Option<u8>>,
    /// 0 not set, 1 a list, 2 a gallery.
    pub layout: Option<u8>,
    /// Discord's channel flags; REQUIRE_TAG (16) is the one that counts.
    pub flags: Option<u64>,
}

/// Changes of a sticker; `None` leaves a field as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the fields of StickerRecord")]
pub struct StickerPatch {
    pub name: Option<String>,
    pub description: Option<Option<String>>,
    pub tags: Option<String>,
}

/// Changes of a sound; `None` leaves a field as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SoundPatch {
    /// 2 to 32 characters.
    pub name: Option<String>,
    /// 0 to 1.
    pub volume: Option<f64>,
    /// Its emoji: one of the guild's, or a Unicode one.
    pub emoji: Option<(Option<EmojiId>, Option<String>)>,
}

/// Changes of a scheduled event; `None` leaves a field as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScheduledEventPatch {
    /// 1 to 100 characters.
    pub name: Option<String>,
    /// Up to 1,000 characters.
    pub description: Option<Option<String>>,
    /// Hash of the cover.
    pub image: Option<Option<String>>,
    /// Unix milliseconds.
    pub start_ms: Option<u64>,
    /// Unix milliseconds.
    pub end_ms: Option<Option<u64>>,
    /// Begins or ends it.
    pub status: Option<EventStatus>,
    /// Of what kind its place is.
    pub kind: Option<EventKind>,
    /// The channel of the place.
    pub channel: Option<Option<ChannelId>>,
    /// The place outside, where it is none of a channel's.
    pub location: Option<Option<String>>,
    /// When it comes again.
    pub recurrence: Option<Option<Recurrence>>,
    /// The stage that was opened for it.
    pub stage: Option<StageId>,
}

/// A new thread. The id is made by the caller.
#[derive(Debug, Clone, PartialEq)]
pub struct ThreadDraft {
    /// Its id; that of the message it is started from, where there is one.
    pub id: ChannelId,
    /// The channel that it hangs on.
    pub parent: ChannelId,
    /// Public, private, or of an announcement channel.
    pub kind: ChannelType,
    /// 1 to 100 characters.
    pub name: String,
    /// 60, 1,440, 4,320 or 10,080; the channel's default when `None`.
    pub auto_archive_minutes: Option<u16>,
    /// Seconds between messages; the channel's default when `None`.
    pub rate_limit_per_user: Option<u16>,
    /// Whether members may add others; of private threads.
    pub invitable: Option<bool>,
    /// Tags of the forum.
    pub tags: Vec<TagId>,
}

/// Changes of a thread; `None` leaves a field as it is.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(missing_docs, reason = "the fields of ThreadRecord")]
pub struct ThreadPatch {
    pub name: Option<String>,
    pub archived: Option<bool>,
    pub locked: Option<bool>,
    pub invitable: Option<bool>,
    pub auto_archive_minutes: Option<u16>,
    pub rate_limit_per_user: Option<u16>,
    pub flags: Option<u64>,
    pub tags: Option<Vec<TagId>>,
}

/// A new role or changes of one; `None` leaves a field as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RolePatch {
    /// 1 to 100 characters.
    pub name: Option<String>,
    /// What it grants.
    pub permissions: Option<Permissions>,
    /// 0xRRGGBB; 0 is no colour.
    pub color: Option<u32>,
    /// Shown apart in the member list.
    pub hoist: Option<bool>,
    /// Anyone may mention it.
    pub mentionable: Option<bool>,
}

/// Changes of a member; `None` leaves a field as it is.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(missing_docs, reason = "the fields of MemberRecord")]
pub struct MemberPatch {
    pub nick: Option<Option<String>>,
    pub roles: Option<Vec<RoleId>>,
    pub mute: Option<bool>,
    pub deaf: Option<bool>,
    pub communication_disabled_until: Option<Option<Timestamp>>,
    /// Passes the screening without a form: the flag of that name.
    pub bypasses_verification: Option<bool>,
}

/// Changes of the guild's settings; `None` leaves a field as it is.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(missing_docs, reason = "the fields of GuildSettings")]
pub struct SettingsPatch {
    pub name: Option<String>,
    pub icon: Option<Option<String>>,
    pub description: Option<Option<String>>,
    pub owner: Option<UserId>,
    pub afk_channel: Option<Option<ChannelId>>,
    pub afk_timeout: Option<u32>,
    pub system_channel: Option<Option<ChannelId>>,
    pub verification_level: Option<u8>,
    pub default_message_notifications: Option<u8>,
    pub explicit_content_filter: Option<u8>,
    pub preferred_locale: Option<String>,
    pub widget: Option<Widget>,
    pub incidents: Option<Incidents>,
    pub welcome: Option<WelcomeScreen>,
    pub new_members: Option<NewMemberWelcome>,
}

/// Changes of the form that newcomers fill in; `None` leaves a field as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the fields of Screening")]
pub struct ScreeningPatch {
    pub enabled: Option<bool>,
    pub description: Option<Option<String>>,
    pub fields: Option<Vec<FormField>>,
    /// What becomes of requests that wait when newcomers are screened no more: they are rejected, not
    /// approved.
    pub rejects: bool,
}

/// What somebody fills in: the form's version as they know it, and each field with its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilledForm {
    /// None where the client does not say.
    pub version: Option<Timestamp>,
    /// All fields, in order.
    pub fields: Vec<FilledField>,
}

/// A field that somebody fills in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilledField {
    /// The name of its kind.
    pub kind: String,
    /// What it asks, by which it is known.
    pub label: String,
    /// None where there is no answer.
    pub answer: Option<Answer>,
}

/// A bot that somebody brings into a guild.
#[derive(Debug, Clone, PartialEq)]
pub struct BotDraft {
    /// Its account, and its application's number.
    pub bot: UserId,
    /// When.
    pub now: Timestamp,
    /// The id of the role of its own that it gets if it is granted anything; newer than all others.
    pub role: RoleId,
    /// What it is granted, as far as its bringer has it.
    pub permissions: Permissions,
    /// What is kept of how it came.
    pub integration: IntegrationRecord,
}

/// A person whom a bot brings into a guild.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the fields of MemberRecord")]
pub struct MemberDraft {
    pub user: UserId,
    pub now: Timestamp,
    pub nick: Option<String>,
    pub roles: Vec<RoleId>,
    pub mute: bool,
    pub deaf: bool,
}

/// Where a channel moves: its position, and its parent, where those change.
pub type ChannelMove = (ChannelId, Option<i32>, Option<Option<ChannelId>>);

/// A change that someone asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum GuildCommand {
    /// Change settings (MANAGE_GUILD; the owner field: only the owner).
    UpdateSettings(SettingsPatch),
    /// Delete the guild (owner only).
    Delete,
    /// Create a channel (MANAGE_CHANNELS).
    CreateChannel(ChannelDraft),
    /// Change a channel (MANAGE_CHANNELS there; overwrites also MANAGE_ROLES there).
    UpdateChannel(ChannelId, ChannelPatch),
    /// Reorder channels (MANAGE_CHANNELS): id, position, and the new parent where it changes.
    MoveChannels(Vec<ChannelMove>),
    /// Delete a channel (MANAGE_CHANNELS there) or a thread (MANAGE_THREADS there).
    DeleteChannel(ChannelId),
    /// Set one overwrite (MANAGE_ROLES there; may not allow or deny what the actor lacks).
    SetOverwrite(ChannelId, PermissionOverwrite),
    /// Remove one overwrite (MANAGE_ROLES there), by the id of its role or member.
    RemoveOverwrite(ChannelId, u64),
    /// Start a thread (CREATE_PUBLIC_THREADS or CREATE_PRIVATE_THREADS in its channel; in a forum
    /// SEND_MESSAGES). Whoever starts it is its first member.
    CreateThread(ThreadDraft),
    /// Post in a forum by a webhook, which is the actor, needs no permission, and is in no thread.
    PostByWebhook(ThreadDraft),
    /// Change a thread: its starter or MANAGE_THREADS; to bring back one that is not locked,
    /// SEND_MESSAGES_IN_THREADS.
    UpdateThread(ChannelId, ThreadPatch),
    /// Join a thread, or add others to it. Those who are in it already are passed over.
    AddThreadMembers(ChannelId, Vec<UserId>),
    /// Speak in a thread: brings it back if it is archived, and makes the speaker and those whom
    /// they mention its members where that may be.
    SpeakInThread {
        /// Where.
        thread: ChannelId,
        /// Who is mentioned.
        mentioned: Vec<UserId>,
    },
    /// Leave a thread, or remove someone from it (MANAGE_THREADS, or its starter if it is private).
    RemoveThreadMember(ChannelId, UserId),
    /// Change how the actor is notified of a thread that they are in.
    SetThreadFlags(ChannelId, u64),
    /// Archive the threads in which nobody spoke for as long as they say, as of `now_ms`, Unix
    /// milliseconds. Nobody's right is asked for: the server itself does it.
    ArchiveIdle {
        /// As of when.
        now_ms: u64,
    },
    /// Create a role (MANAGE_ROLES; may not grant what the actor lacks). The id is the caller's,
    /// newer than all others: of roles at one position the newest ranks lowest.
    CreateRole(RoleId, RolePatch),
    /// Change a role below one's own (MANAGE_ROLES).
    UpdateRole(RoleId, RolePatch),
    /// Reorder roles below one's own (MANAGE_ROLES).
    MoveRoles(Vec<(RoleId, i64)>),
    /// Delete a role below one's own (MANAGE_ROLES).
    DeleteRole(RoleId),
    /// Become a member; the caller has checked the invite or the OAuth2 grant. Refused to banned.
    Join {
        /// Who joins.
        user: UserId,
        /// When.
        now: Timestamp,
        /// Roles given at once.
        roles: Vec<RoleId>,
    },
    /// Bring in a person who allowed it (CREATE_INSTANT_INVITE); the caller has checked the OAuth2
    /// grant. Refused to banned.
    AddMember(MemberDraft),
    /// Bring in a bot, or give more to one that is there (MANAGE_GUILD).
    AddBot(BotDraft),
    /// Remove an application and its bot (MANAGE_GUILD).
    RemoveIntegration(UserId),
    /// Leave; the owner cannot.
    Leave,
    /// Change a member: nick (CHANGE_NICKNAME or MANAGE_NICKNAMES), roles (MANAGE_ROLES), mute
    /// (MUTE_MEMBERS), deaf (DEAFEN_MEMBERS), timeout (MODERATE_MEMBERS), under the hierarchy.
    UpdateMember(UserId, MemberPatch),
    /// Remove a member lower than oneself (KICK_MEMBERS).
    Kick(UserId),
    /// Remove those of these members who are lower than oneself (KICK_MEMBERS and MANAGE_GUILD).
    Prune {
        /// Whom.
        users: Vec<UserId>,
        /// After how many days of absence; for the log.
        days: u32,
    },
    /// Ban, member or not (BAN_MEMBERS).
    Ban {
        /// Whom.
        user: UserId,
        /// Why.
        reason: Option<String>,
    },
    /// Make an emoji, whose picture is kept already (CREATE_GUILD_EXPRESSIONS or
    /// MANAGE_GUILD_EXPRESSIONS).
    CreateEmoji(EmojiRecord),
    /// Change an emoji: its name, who may use it (MANAGE_GUILD_EXPRESSIONS, or one's own with
    /// CREATE_GUILD_EXPRESSIONS).
    UpdateEmoji(EmojiId, Option<String>, Option<Vec<RoleId>>),
    /// Delete an emoji; as to change it.
    DeleteEmoji(EmojiId),
    /// Make a rule of auto moderation (MANAGE_GUILD; one that times out MODERATE_MEMBERS too).
    CreateRule(RuleRecord),
    /// Put another in the place of a rule of the same id, maker and kind of trigger; as to make it.
    ReplaceRule(RuleRecord),
    /// Delete a rule (MANAGE_GUILD).
    DeleteRule(RuleId),
    /// A rule times a member out until then. Nobody's right is asked for: the rule's maker had it.
    RuleTimeout {
        /// Which rule.
        rule: RuleId,
        /// Whom.
        user: UserId,
        /// Where they said it.
        channel: ChannelId,
        /// Until when.
        until: Timestamp,
    },
    /// Judge a member's names anew, because the account's changed. The server itself asks.
    JudgeProfile(UserId),
    /// Make a sticker, whose file is kept already (CREATE_GUILD_EXPRESSIONS or
    /// MANAGE_GUILD_EXPRESSIONS).
    CreateSticker(StickerRecord),
    /// Change a sticker (MANAGE_GUILD_EXPRESSIONS, or one's own with CREATE_GUILD_EXPRESSIONS).
    UpdateSticker(StickerId, StickerPatch),
    /// Delete a sticker; as to change it.
    DeleteSticker(StickerId),
    /// Make a sound, whose file is kept already (CREATE_GUILD_EXPRESSIONS or
    /// MANAGE_GUILD_EXPRESSIONS).
    CreateSound(SoundRecord),
    /// Change a sound (MANAGE_GUILD_EXPRESSIONS, or one's own with CREATE_GUILD_EXPRESSIONS).
    UpdateSound(SoundId, SoundPatch),
    /// Delete a sound; as to change it.
    DeleteSound(SoundId),
    /// Plan an event (CREATE_EVENTS; in a channel CONNECT too, on a stage what makes a moderator).
    CreateScheduledEvent(Box<ScheduledEventRecord>),
    /// Change, begin or end an event: one's own with CREATE_EVENTS or MANAGE_EVENTS, others' with
    /// MANAGE_EVENTS, and what its place asks for.
    UpdateScheduledEvent(ScheduledEventId, Box<ScheduledEventPatch>),
    /// Except one occurrence of an event from its rule, or with `None` no longer; as to change it.
    ExceptEvent {
        /// Which event.
        event: ScheduledEventId,
        /// Unix milliseconds at which the occurrence would begin.
        regular_ms: u64,
        /// How it is instead.
        exception: Option<EventException>,
        /// Whether there has to be one already.
        known: bool,
    },
    /// Delete an event; as to change it.
    DeleteScheduledEvent(ScheduledEventId),
    /// Want to come to an event that one sees, or no longer.
    FollowScheduledEvent(ScheduledEventId, bool),
    /// Begin, end and forget events by the clock; nobody's wish.
    TendScheduledEvents {
        /// Unix milliseconds.
        now_ms: u64,
    },
    /// Set what newcomers are asked (MANAGE_GUILD and MANAGE_ROLES; no roles that are not below
    /// one's own, nor such as moderate).
    SetOnboarding(Onboarding),
    /// Answer what newcomers are asked: roles of the answers are given, those of earlier ones taken.
    AnswerOnboarding(Vec<PromptId>),
    /// Set the form that newcomers fill in, and whether they have to (MANAGE_GUILD).
    SetScreening(ScreeningPatch),
    /// Fill in the form. Who has only rules to agree to is a full member then; otherwise a moderator
    /// decides.
    SubmitJoinRequest {
        /// The id of the request, should there be none yet.
        fresh: JoinRequestId,
        /// The answers.
        form: FilledForm,
    },
    /// Take back what one filled in, and begin anew with a request of that id.
    ResetJoinRequest(JoinRequestId),
    /// Decide on a request that waits (KICK_MEMBERS).
    DecideJoinRequest {
        /// Which; `None` is all.
        id: Option<JoinRequestId>,
        /// Who is approved is a full member, who is not is none at all.
        approve: bool,
        /// Why it is rejected, up to 160 characters.
        reason: Option<String>,
    },
    /// Open a stage (MANAGE_CHANNELS, MUTE_MEMBERS and MOVE_MEMBERS there).
    OpenStage {
        /// What it is to be called by.
        id: StageId,
        /// Where.
        channel: ChannelId,
        /// What it is about, 1 to 120 characters.
        topic: String,
        /// The event that begins with it.
        event: Option<ScheduledEventId>,
    },
    /// Change what a stage is about, `None` leaves it; as to open one.
    EditStage(ChannelId, Option<String>),
    /// Close a stage; as to open one.
    CloseStage(ChannelId),
    /// Close those of these stages that have no speaker. Nobody's right is asked for: the server
    /// itself does it.
    EndDeserted(Vec<ChannelId>),
    /// Lift a ban (BAN_MEMBERS).
    Unban(UserId),
}

/// A new guild as people expect it: `@everyone`, two categories, a text and a voice channel.
#[derive(Debug, Clone, PartialEq)]
pub struct GuildDraft {
    /// Its id.
    pub id: model::id::GuildId,
    /// 2 to 100 characters.
    pub name: String,
    /// The first member.
    pub owner: UserId,
    /// Hash of the icon.
    pub icon: Option<String>,
    /// When.
    pub now: Timestamp,
    /// Four ids for the categories and channels.
    pub channel_ids: [ChannelId; 4],
}

/// The channel kinds of which this server makes new ones.
#[must_use]
pub const fn is_creatable(kind: ChannelType) -> bool {
    matches!(
        kind,
        ChannelType::GuildText
            | ChannelType::GuildVoice
            | ChannelType::GuildCategory
            | ChannelType::GuildAnnouncement
            | ChannelType::GuildStageVoice
            | ChannelType::GuildForum
            | ChannelType::GuildMedia
    )
}

/// Whether it holds nothing but threads.
#[must_use]
pub const fn is_forum(kind: ChannelType) -> bool {
    matches!(kind, ChannelType::GuildForum | ChannelType::GuildMedia)
}

/// Whether messages can be sent in a channel of that kind; voice channels have a chat too.
#[must_use]
pub const fn is_textual(channel: &Channel) -> bool {
    matches!(
        channel.kind,
        ChannelType::GuildText
            | ChannelType::GuildVoice
            | ChannelType::GuildAnnouncement
            | ChannelType::GuildStageVoice
    )
}
