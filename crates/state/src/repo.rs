//! The ports of storage. Adapters live in the `storage` crate; tests use its in-memory one.
//!
//! Every write that returned `Ok` survives the death of the process and of the machine.

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use model::id::ApplicationId;
use model::id::ChannelId;
use model::id::CommandId;
use model::id::EmojiId;
use model::id::GrantId;
use model::id::GuildId;
use model::id::MessageId;
use model::id::StreamKeyId;
use model::id::UserId;
use model::id::WebhookId;

use crate::apps::CommandPermission;
use crate::apps::CommandRecord;
use crate::apps::Owed;
use crate::apps::RoleConnection;
use crate::apps::WebhookRecord;
use crate::audit::AuditEntry;
use crate::audit::AuditQuery;
use crate::group::GroupChange;
use crate::group::GroupOutcome;
use crate::guild::Guild;
use crate::guild::plan::Plan;
use crate::oauth::GrantRecord;
use crate::oauth::SecretRecord;
use crate::poll::PollCount;
use crate::poll::PollPlace;
use crate::poll::Vote;
use crate::poll::VoteChange;
use crate::read::Ack;
use crate::read::Notifications;
use crate::read::ReadState;
use crate::read::Resource;
use crate::read::Unread;
use crate::record::AccountRecord;
use crate::record::ApplicationRecord;
use crate::record::EmojiRecord;
use crate::record::InviteRecord;
use crate::record::MessageRecord;
use crate::record::PrivateChannel;
use crate::record::ReactionCount;
use crate::record::ReactionEmoji;
use crate::record::StreamKeyRecord;
use crate::record::TokenRecord;
use crate::record::UserRecord;
use crate::relationship::Bond;
use crate::relationship::Outcome;
use crate::relationship::Relationship;
use crate::relationship::Wish;
use crate::screening::JoinRequest;
use crate::screening::JoinRequestQuery;
use crate::search::Found;
use crate::search::SearchQuery;
use crate::settings::Profile;
use crate::settings::SettingsChange;
use crate::template::TemplateRecord;

/// Why storage did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum RepoError {
    /// Someone else committed first: plan again on the newer snapshot.
    #[error("version conflict")]
    Conflict,
    /// The unique name or key is taken.
    #[error("already exists")]
    Exists,
    /// The row is not there (or not any more).
    #[error("not found")]
    NotFound,
    /// The store is unreachable, full or broken; nothing was acknowledged.
    #[error("storage is unavailable: {0}")]
    Unavailable(String),
}

/// Guilds: structure and members.
#[async_trait]
pub trait GuildRepo: Send + Sync + 'static {
    /// Every guild, whole. Called once, at start.
    async fn load(&self) -> Result<Vec<Guild>, RepoError>;
    /// Stores a new guild.
    async fn create(&self, guild: &Guild) -> Result<(), RepoError>;
    /// Stores the changes of `plan` in one transaction, if the stored version is still
    /// `plan.version`; the stored version becomes `plan.version + 1`.
    async fn commit(&self, plan: &Plan) -> Result<(), RepoError>;
    /// Stores an entry of the audit log that belongs to no plan, and lets go of some that are too
    /// old by its time; [`RepoError::NotFound`] when the guild is not there.
    async fn log(&self, entry: &AuditEntry) -> Result<(), RepoError>;
    /// Entries of a guild's audit log.
    async fn audit_log(
        &self,
        guild: GuildId,
        query: &AuditQuery,
    ) -> Result<Vec<AuditEntry>, RepoError>;
    /// Join requests of a guild, and how many there are in all of that status or of that account.
    async fn join_requests(
        &self,
        guild: GuildId,
        query: &JoinRequestQuery,
    ) -> Result<(Vec<JoinRequest>, u64), RepoError>;
}

/// Accounts, applications and their tokens.
#[async_trait]
pub trait AccountRepo: Send + Sync + 'static {
    /// Stores a new account; [`RepoError::Exists`] when the username is taken.
    async fn create(&self, account: &AccountRecord) -> Result<(), RepoError>;
    /// The account of that id.
    async fn account(&self, id: UserId) -> Result<Option<AccountRecord>, RepoError>;
    /// The account of that username, compared without case.
    async fn by_username(&self, username: &str) -> Result<Option<AccountRecord>, RepoError>;
    /// Accounts whose ids are listed, in no order; unknown ids are left out.
    async fn users(&self, ids: &[UserId]) -> Result<Vec<UserRecord>, RepoError>;
    /// All accounts, oldest first; for the owner's command line.
    async fn list(&self) -> Result<Vec<AccountRecord>, RepoError>;
    /// Replaces the account of the same id.
    async fn update(&self, account: &AccountRecord) -> Result<(), RepoError>;
    /// Notes that someone had a session at `unix_ms`, exact to a few hours.
    async fn saw(&self, user: UserId, unix_ms: u64) -> Result<(), RepoError>;
    /// Who of these had a session at `unix_ms` or later, in no order.
    async fn seen_since(&self, users: &[UserId], unix_ms: u64) -> Result<Vec<UserId>, RepoError>;
    /// Stores a token.
    async fn add_token(&self, token: &TokenRecord) -> Result<(), RepoError>;
    /// Whose token has that hash.
    async fn token(&self, hash: &[u8; 32]) -> Result<Option<TokenRecord>, RepoError>;
    /// Revokes one token.
    async fn remove_token(&self, hash: &[u8; 32]) -> Result<(), RepoError>;
    /// Revokes all tokens of a user.
    async fn remove_tokens(&self, user: UserId) -> Result<(), RepoError>;
    /// Stores or replaces an application.
    async fn put_application(&self, application: &ApplicationRecord) -> Result<(), RepoError>;
    /// The application of that id.
    async fn application(&self, id: ApplicationId) -> Result<Option<ApplicationRecord>, RepoError>;
    /// All applications, oldest first.
    async fn applications(&self) -> Result<Vec<ApplicationRecord>, RepoError>;
    /// Deletes an application; its bot's account stays.
    async fn remove_application(&self, id: ApplicationId) -> Result<(), RepoError>;
}

/// OAuth2 grants.
#[async_trait]
pub trait GrantRepo: Send + Sync + 'static {
    /// Stores a new grant with its first secrets. Lets go of some grants that are over by its time,
    /// and of the oldest of its user and application beyond `limits::GRANTS`.
    async fn create(&self, grant: &GrantRecord, secrets: &[SecretRecord]) -> Result<(), RepoError>;
    /// The secret of that hash, spent or not, and its grant.
    async fn secret(
        &self,
        hash: &[u8; 32],
    ) -> Result<Option<(SecretRecord, GrantRecord)>, RepoError>;
    /// Spends a secret and stores `new` ones of its grant, once: `false` when it had been spent, and
    /// then the whole grant is removed. [`RepoError::NotFound`] when there is none. The oldest secrets
    /// beyond `limits::GRANT_SECRETS` are forgotten.
    async fn exchange(&self, spent: &[u8; 32], new: &[SecretRecord]) -> Result<bool, RepoError>;
    /// The grants that a user gave, oldest first, those that are over too.
    async fn of_user(&self, user: UserId) -> Result<Vec<GrantRecord>, RepoError>;
    /// How many people's grants of an application are not over at `now_ms`.
    async fn people(&self, application: ApplicationId, now_ms: u64) -> Result<u64, RepoError>;
    /// Removes a grant and its secrets; removing what is not there is fine.
    async fn remove(&self, id: GrantId) -> Result<(), RepoError>;
    /// Removes the grants of an application that one user gave, or all.
    async fn remove_all(
        &self,
        application: ApplicationId,
        user: Option<UserId>,
    ) -> Result<(), RepoError>;
}

/// Invites.
#[async_trait]
pub trait InviteRepo: Send + Sync + 'static {
    /// Stores a new invite.
    async fn create(&self, invite: &InviteRecord) -> Result<(), RepoError>;
    /// The invite of that code, used up or not.
    async fn invite(&self, code: &str) -> Result<Option<InviteRecord>, RepoError>;
    /// Counts one use, if the invite is valid at `unix_ms`; [`RepoError::NotFound`] otherwise.
    /// Of many callers at the last use exactly one succeeds.
    async fn use_once(&self, code: &str, unix_ms: u64) -> Result<InviteRecord, RepoError>;
    /// Deletes the invite; [`RepoError::NotFound`] when there is none.
    async fn remove(&self, code: &str) -> Result<(), RepoError>;
    /// Invites of a guild; with `None`, those of the instance.
    async fn list(&self, guild: Option<GuildId>) -> Result<Vec<InviteRecord>, RepoError>;
    /// Makes an invite one for these people alone, each named once, as of `named_ms`, Unix milliseconds;
    /// [`RepoError::NotFound`] when there is none of that code.
    async fn target(&self, code: &str, users: &[UserId], named_ms: u64) -> Result<(), RepoError>;
    /// The people whom an invite is for, by ascending id; none when it is for everybody.
    async fn targets(&self, code: &str) -> Result<Vec<UserId>, RepoError>;
    /// Whether an invite names someone.
    async fn is_target(&self, code: &str, user: UserId) -> Result<bool, RepoError>;
}

/// Stream keys.
#[async_trait]
pub trait StreamKeyRepo: Send + Sync + 'static {
    /// Stores a new key; [`RepoError::Exists`] when its id or hash is taken.
    async fn create(&self, key: &StreamKeyRecord) -> Result<(), RepoError>;
    /// The key of that hash.
    async fn by_hash(&self, hash: &[u8; 32]) -> Result<Option<StreamKeyRecord>, RepoError>;
    /// The keys of a channel, oldest first.
    async fn list(&self, channel: ChannelId) -> Result<Vec<StreamKeyRecord>, RepoError>;
    /// Deletes the key; [`RepoError::NotFound`] when there is none.
    async fn remove(&self, id: StreamKeyId) -> Result<(), RepoError>;
}

/// Bots' commands, and who may use them where.
#[async_trait]
pub trait CommandRepo: Send + Sync + 'static {
    /// The commands of an application for one guild, or with `None` those for all, oldest first.
    async fn list(
        &self,
        application: ApplicationId,
        guild: Option<GuildId>,
    ) -> Result<Vec<CommandRecord>, RepoError>;
    /// The command of that id.
    async fn command(
        &self,
        application: ApplicationId,
        id: CommandId,
    ) -> Result<Option<CommandRecord>, RepoError>;
    /// Makes these the only commands of an application for a guild, or with `None` for all, at once.
    async fn replace(
        &self,
        application: ApplicationId,
        guild: Option<GuildId>,
        commands: &[CommandRecord],
    ) -> Result<(), RepoError>;
    /// Stores a command, or replaces the one of that id; [`RepoError::Exists`] when another one of
    /// that kind and place has the name.
    async fn put(&self, command: &CommandRecord) -> Result<(), RepoError>;
    /// Deletes a command and what guilds said of it; [`RepoError::NotFound`] when there is none.
    async fn remove(&self, application: ApplicationId, id: CommandId) -> Result<(), RepoError>;
    /// What a guild said of an application's commands, by the command, or by the application's own
    /// number for all of them.
    async fn permissions(
        &self,
        application: ApplicationId,
        guild: GuildId,
    ) -> Result<Vec<(CommandId, Vec<CommandPermission>)>, RepoError>;
    /// Replaces what a guild says of a command; nothing is said by an empty list.
    async fn set_permissions(
        &self,
        application: ApplicationId,
        guild: GuildId,
        command: CommandId,
        permissions: &[CommandPermission],
    ) -> Result<(), RepoError>;
}

/// What applications keep beside their commands: emojis, and what they say of people.
#[async_trait]
pub trait AppRepo: Send + Sync + 'static {
    /// The emojis of an application, oldest first.
    async fn emojis(&self, application: ApplicationId) -> Result<Vec<EmojiRecord>, RepoError>;
    /// The emoji of that id, and whose it is.
    async fn emoji(&self, id: EmojiId) -> Result<Option<(ApplicationId, EmojiRecord)>, RepoError>;
    /// Stores an emoji, or replaces the one of that id; [`RepoError::Exists`] when another one of the
    /// application has the name.
    async fn put_emoji(
        &self,
        application: ApplicationId,
        emoji: &EmojiRecord,
    ) -> Result<(), RepoError>;
    /// Deletes an emoji; [`RepoError::NotFound`] when the application has none of that id.
    async fn remove_emoji(&self, application: ApplicationId, id: EmojiId) -> Result<(), RepoError>;
    /// What an application says of a person.
    async fn role_connection(
        &self,
        application: ApplicationId,
        user: UserId,
    ) -> Result<Option<RoleConnection>, RepoError>;
    /// Replaces what an application says of a person.
    async fn put_role_connection(
        &self,
        application: ApplicationId,
        user: UserId,
        connection: &RoleConnection,
    ) -> Result<(), RepoError>;
    /// Deletes what an application says of a person; deleting what is not there is fine.
    async fn remove_role_connection(
        &self,
        application: ApplicationId,
        user: UserId,
    ) -> Result<(), RepoError>;
    /// Deletes all that an application keeps here.
    async fn remove_all(&self, application: ApplicationId) -> Result<(), RepoError>;
}

/// Webhooks.
#[async_trait]
pub trait WebhookRepo: Send + Sync + 'static {
    /// Stores a webhook, or replaces the one of that id.
    async fn put(&self, webhook: &WebhookRecord) -> Result<(), RepoError>;
    /// The webhook of that id.
    async fn webhook(&self, id: WebhookId) -> Result<Option<WebhookRecord>, RepoError>;
    /// The webhooks of a channel, oldest first.
    async fn of_channel(&self, channel: ChannelId) -> Result<Vec<WebhookRecord>, RepoError>;
    /// The webhooks of a guild, oldest first.
    async fn of_guild(&self, guild: GuildId) -> Result<Vec<WebhookRecord>, RepoError>;
    /// Deletes a webhook; [`RepoError::NotFound`] when there is none.
    async fn remove(&self, id: WebhookId) -> Result<(), RepoError>;
    /// The webhooks that follow a channel, oldest first.
    async fn followers(&self, source: ChannelId) -> Result<Vec<WebhookRecord>, RepoError>;
    /// Notes that a message came of a published one.
    async fn note_crosspost(
        &self,
        from: (ChannelId, MessageId),
        to: (ChannelId, MessageId),
    ) -> Result<(), RepoError>;
    /// What came of a published message, in order.
    async fn crossposts(
        &self,
        from: (ChannelId, MessageId),
    ) -> Result<Vec<(ChannelId, MessageId)>, RepoError>;
    /// Forgets what came of a published message.
    async fn forget_crossposts(&self, from: (ChannelId, MessageId)) -> Result<(), RepoError>;
    /// Notes that the copies of a published message are to be made what it is. Noted again it is owed
    /// twice, each to be settled by itself: what is noted while it is delivered may not be in it.
    async fn owe_crosspost(&self, from: (ChannelId, MessageId)) -> Result<(), RepoError>;
    /// What is owed, oldest first, beyond the number `after`, at most `limit`.
    async fn crossposts_owed(&self, after: u64, limit: u16) -> Result<Vec<Owed>, RepoError>;
    /// What has that number is owed no more.
    async fn settle_crosspost(&self, nth: u64) -> Result<(), RepoError>;
}

/// Templates of guilds.
#[async_trait]
pub trait TemplateRepo: Send + Sync + 'static {
    /// Stores a new template; [`RepoError::Exists`] when its code is taken.
    async fn create(&self, template: &TemplateRecord) -> Result<(), RepoError>;
    /// The template of that code.
    async fn template(&self, code: &str) -> Result<Option<TemplateRecord>, RepoError>;
    /// The templates of a guild.
    async fn of_guild(&self, guild: GuildId) -> Result<Vec<TemplateRecord>, RepoError>;
    /// Replaces the template of that code, but for its uses; [`RepoError::NotFound`] when there is
    /// none.
    async fn update(&self, template: &TemplateRecord) -> Result<(), RepoError>;
    /// Counts one use; [`RepoError::NotFound`] when there is no such template.
    async fn count_use(&self, code: &str) -> Result<(), RepoError>;
    /// Deletes a template; [`RepoError::NotFound`] when there is none.
    async fn remove(&self, code: &str) -> Result<(), RepoError>;
}

/// Channels between people.
#[async_trait]
pub trait PrivateRepo: Send + Sync + 'static {
    /// The channel of exactly these two, made with `id` if there was none.
    async fn open(&self, id: ChannelId, pair: [UserId; 2]) -> Result<PrivateChannel, RepoError>;
    /// The channel of that id.
    async fn channel(&self, id: ChannelId) -> Result<Option<PrivateChannel>, RepoError>;
    /// All private channels of a user, groups too.
    async fn of_user(&self, user: UserId) -> Result<Vec<PrivateChannel>, RepoError>;
    /// Stores a new group.
    async fn create_group(&self, channel: &PrivateChannel) -> Result<(), RepoError>;
    /// Changes a group as [`group::changed`](crate::group::changed) says; of an empty one nothing is
    /// left. [`RepoError::NotFound`] when there is no such group.
    async fn change_group(
        &self,
        id: ChannelId,
        change: &GroupChange,
    ) -> Result<GroupOutcome, RepoError>;
}

/// What people keep for themselves: settings, notes, what they say of themselves.
#[async_trait]
pub trait SettingsRepo: Send + Sync + 'static {
    /// The settings of that kind, if any were kept.
    async fn settings(&self, user: UserId, kind: u8) -> Result<Option<Vec<u8>>, RepoError>;
    /// Changes settings, and returns them whole; `None` when the change came too late.
    /// [`RepoError::Exists`] when they would have more than `most` bytes.
    async fn change(
        &self,
        user: UserId,
        change: &SettingsChange,
        most: usize,
    ) -> Result<Option<Vec<u8>>, RepoError>;
    /// What someone noted about another.
    async fn note(&self, user: UserId, about: UserId) -> Result<Option<String>, RepoError>;
    /// All that someone noted, by whom it is about.
    async fn notes(&self, user: UserId) -> Result<Vec<(UserId, String)>, RepoError>;
    /// Replaces a note, or removes it. [`RepoError::Exists`] when there would be more than
    /// [`NOTES`](model::limits::NOTES).
    async fn put_note(
        &self,
        user: UserId,
        about: UserId,
        note: Option<String>,
    ) -> Result<(), RepoError>;
    /// What someone says of themselves; empty when they never did.
    async fn profile(&self, user: UserId) -> Result<Profile, RepoError>;
    /// Replaces what someone says of themselves.
    async fn put_profile(&self, user: UserId, profile: &Profile) -> Result<(), RepoError>;
}

/// What people are to each other. Both sides are stored, in one transaction.
#[async_trait]
pub trait RelationshipRepo: Send + Sync + 'static {
    /// Carries out a wish of the first of two people.
    async fn change(
        &self,
        pair: [UserId; 2],
        wish: Wish,
        now_ms: u64,
    ) -> Result<Outcome, RepoError>;
    /// What the first of two calls the other; [`RepoError::NotFound`] when they are no friends.
    async fn rename(
        &self,
        pair: [UserId; 2],
        nickname: Option<String>,
    ) -> Result<Relationship, RepoError>;
    /// All relationships of a user, by the other's id.
    async fn of_user(&self, user: UserId) -> Result<Vec<Relationship>, RepoError>;
    /// What two people are to each other, first to the first.
    async fn between(&self, pair: [UserId; 2]) -> Result<[Option<Bond>; 2], RepoError>;
}

/// Which page of a channel's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Page {
    /// The newest.
    Latest,
    /// Older than that message.
    Before(MessageId),
    /// Newer than that message, oldest of them chosen.
    After(MessageId),
    /// On both sides of that message, itself included.
    Around(MessageId),
}

/// Messages and reactions, keyed (channel, bucket, message id) so that a wide-column store fits.
#[async_trait]
pub trait MessageRepo: Send + Sync + 'static {
    /// Stores a new message. A nonce already used by the author in the channel within five
    /// minutes returns the earlier message instead.
    async fn insert(&self, message: &MessageRecord) -> Result<Inserted, RepoError>;
    /// One message.
    async fn message(
        &self,
        channel: ChannelId,
        id: MessageId,
    ) -> Result<Option<MessageRecord>, RepoError>;
    /// A page of at most `limit` messages, newest first.
    async fn page(
        &self,
        channel: ChannelId,
        page: Page,
        limit: u16,
    ) -> Result<Vec<MessageRecord>, RepoError>;
    /// Replaces the message of the same id; [`RepoError::NotFound`] when it was deleted.
    async fn update(&self, message: &MessageRecord) -> Result<(), RepoError>;
    /// Deletes messages and their reactions; returns those that were there.
    async fn remove(
        &self,
        channel: ChannelId,
        ids: &[MessageId],
    ) -> Result<Vec<MessageId>, RepoError>;
    /// Pinned messages, newest first, at most 250.
    async fn pins(&self, channel: ChannelId) -> Result<Vec<MessageRecord>, RepoError>;
    /// Ids of the newest message of each channel that has one.
    async fn latest(
        &self,
        channels: &[ChannelId],
    ) -> Result<Vec<(ChannelId, MessageId)>, RepoError>;
    /// Adds a reaction; `false` when the user had already given it. [`RepoError::NotFound`] when
    /// the message is not there.
    async fn react(
        &self,
        channel: ChannelId,
        id: MessageId,
        user: UserId,
        emoji: &ReactionEmoji,
    ) -> Result<bool, RepoError>;
    /// Removes a reaction; `false` when there was none.
    async fn unreact(
        &self,
        channel: ChannelId,
        id: MessageId,
        user: UserId,
        emoji: &ReactionEmoji,
    ) -> Result<bool, RepoError>;
    /// Removes all reactions, or all of one emoji.
    async fn clear_reactions(
        &self,
        channel: ChannelId,
        id: MessageId,
        emoji: Option<&ReactionEmoji>,
    ) -> Result<(), RepoError>;
    /// Counts of reactions of each message, in the order in which the emoji were first given.
    /// `me` is told for `user`.
    async fn reactions(
        &self,
        channel: ChannelId,
        ids: &[MessageId],
        user: UserId,
    ) -> Result<Vec<(MessageId, Vec<ReactionCount>)>, RepoError>;
    /// Who reacted to each message with which emoji, these in the order in which they were first given, if
    /// there are at most so many reactions in all; messages without any are left out.
    async fn given(
        &self,
        channel: ChannelId,
        ids: &[MessageId],
        most: usize,
    ) -> Result<Option<Given>, RepoError>;
    /// Who gave an emoji, by ascending id, those after `after`, at most `limit`.
    async fn reactors(
        &self,
        channel: ChannelId,
        id: MessageId,
        emoji: &ReactionEmoji,
        after: Option<UserId>,
        limit: u16,
    ) -> Result<Vec<UserId>, RepoError>;
}

/// Who reacted to messages, by emoji.
pub type Given = Vec<(MessageId, Vec<(ReactionEmoji, Vec<UserId>)>)>;

/// Polls of messages: who chose what, and what is to end.
#[async_trait]
pub trait PollRepo: Send + Sync + 'static {
    /// Replaces someone's choice, if the poll is open at `now_ms`; [`RepoError::NotFound`] when it
    /// is not, or is not there.
    async fn vote(&self, poll: PollPlace, vote: Vote, now_ms: u64)
    -> Result<VoteChange, RepoError>;
    /// Counts of each poll's answers that were chosen, by ascending answer. `me` is told for
    /// `user`.
    async fn counts(
        &self,
        channel: ChannelId,
        ids: &[MessageId],
        user: UserId,
    ) -> Result<Vec<(MessageId, Vec<PollCount>)>, RepoError>;
    /// Who chose an answer, by ascending id, those after `after`, at most `limit`.
    async fn voters(
        &self,
        poll: PollPlace,
        answer: u8,
        after: Option<UserId>,
        limit: u16,
    ) -> Result<Vec<UserId>, RepoError>;
    /// Polls that are to end at `now_ms`, longest due first, at most `limit`.
    async fn due(&self, now_ms: u64, limit: u16) -> Result<Vec<PollPlace>, RepoError>;
    /// Ends a poll: counts its votes into its message, which is returned; `None` when it had ended
    /// or is not there. Of many callers exactly one gets the message.
    async fn end(&self, poll: PollPlace, now_ms: u64) -> Result<Option<MessageRecord>, RepoError>;
}

/// How far people have read, and of what they want to be notified.
#[async_trait]
pub trait ReadRepo: Send + Sync + 'static {
    /// Stores all of these, or none. [`RepoError::Exists`] when there would be more read states than
    /// an account may have.
    async fn acknowledge(&self, user: UserId, acks: &[Ack]) -> Result<(), RepoError>;
    /// The read states of a user, by kind and id.
    async fn of_user(&self, user: UserId) -> Result<Vec<ReadState>, RepoError>;
    /// Forgets a read state; fine when there is none.
    async fn forget(&self, user: UserId, of: Resource) -> Result<(), RepoError>;
    /// How many mentions are unread in each channel, up to
    /// [`MENTIONS_COUNTED`](model::limits::MENTIONS_COUNTED); channels without any are left out.
    async fn count(
        &self,
        user: UserId,
        unread: &[Unread],
    ) -> Result<Vec<(ChannelId, u32)>, RepoError>;
    /// Replaces what a user wants to be notified of in a guild, or in private channels.
    async fn put_notifications(
        &self,
        user: UserId,
        guild: Option<GuildId>,
        settings: &Notifications,
    ) -> Result<(), RepoError>;
    /// What a user wants to be notified of, private channels first.
    async fn notifications(
        &self,
        user: UserId,
    ) -> Result<Vec<(Option<GuildId>, Notifications)>, RepoError>;
}

/// Searching messages. What is stored is found, what is deleted is not, at once.
#[async_trait]
pub trait SearchRepo: Send + Sync + 'static {
    /// The messages that fit.
    async fn search(&self, query: &SearchQuery) -> Result<Found, RepoError>;
}

/// The outcome of [`MessageRepo::insert`].
#[derive(Debug, Clone, PartialEq)]
pub enum Inserted {
    /// The message is stored.
    New,
    /// The nonce had been used: this is the message that it made.
    Earlier(Box<MessageRecord>),
}

/// Files: attachments, avatars. Keys are relative paths of `[A-Za-z0-9._-]` segments.
#[async_trait]
pub trait ObjectRepo: Send + Sync + 'static {
    /// Stores `bytes` whole or not at all.
    async fn put(&self, key: &str, bytes: Bytes) -> Result<(), RepoError>;
    /// The size in bytes, if the object exists.
    async fn size(&self, key: &str) -> Result<Option<u64>, RepoError>;
    /// A range of the object, in bytes; the caller keeps ranges small to bound memory.
    async fn read(&self, key: &str, range: Range<u64>) -> Result<Bytes, RepoError>;
    /// Deletes; deleting what is not there is fine.
    async fn remove(&self, key: &str) -> Result<(), RepoError>;
}
