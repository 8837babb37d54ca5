//! What storage keeps: accounts, members, messages, invites. Shapes of ours, not of the wire.

use model::id::ApplicationId;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::MessageId;
use model::id::RoleId;
use model::id::StreamKeyId;
use model::id::UserId;
use model::wire::channel::Attachment;
use model::wire::channel::message::Embed;
use model::wire::channel::message::MessageReference;
use model::wire::util::Timestamp;
use serde::Deserialize;
use serde::Serialize;

use crate::apps::MessageOrigin;
use crate::apps::RoleConnectionField;
use crate::group::Group;
use crate::poll::PollRecord;

/// An account as everyone may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRecord {
    /// Its id; a bot's is its application's too.
    pub id: UserId,
    /// Unique on the instance, compared without case.
    pub username: String,
    /// The name that people see, when it differs.
    #[serde(default)]
    pub global_name: Option<String>,
    /// Hash of the avatar in the object store.
    #[serde(default)]
    pub avatar: Option<String>,
    /// Belongs to an application.
    #[serde(default)]
    pub bot: bool,
    /// Public flags (Discord: User Flags).
    #[serde(default)]
    pub flags: u64,
}

/// An account with what only the instance may know.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountRecord {
    /// The public part.
    pub user: UserRecord,
    /// PHC string of argon2id; bots have none.
    pub password: Option<String>,
    /// Owns the instance.
    pub owner: bool,
    /// May not log in.
    pub disabled: bool,
}

impl std::fmt::Debug for AccountRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccountRecord").field("user", &self.user.id).finish_non_exhaustive()
    }
}

/// A bot's application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationRecord {
    /// Its id, and its bot user's.
    pub id: ApplicationId,
    /// The name it was added under.
    pub name: String,
    /// Who added it.
    pub owner: Option<UserId>,
    /// Discord's application flags: the switches of privileged intents among them (bits 12 to 19).
    pub flags: u64,
    /// What it says of itself.
    #[serde(default)]
    pub description: String,
    /// Words to find it by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Where its interactions are posted; to its gateway sessions when there is none.
    #[serde(default)]
    pub interactions_endpoint_url: Option<String>,
    /// SHA-256 of its client secret in hexadecimal, which has 256 random bits; none until one is made.
    #[serde(default)]
    pub secret: Option<String>,
    /// Where its codes may be sent, exactly (RFC 9700 §2.1).
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// Only its owner may bring its bot into guilds.
    #[serde(default)]
    pub private: bool,
    /// Its bot comes only along with a code (Discord: `bot_require_code_grant`).
    #[serde(default)]
    pub require_code_grant: bool,
    /// What it may know of people.
    #[serde(default)]
    pub role_connections: Vec<RoleConnectionField>,
    /// Discord's links that only travel: `custom_install_url`, `install_params` and the like.
    #[serde(default)]
    pub links: serde_json::Map<String, serde_json::Value>,
}

impl ApplicationRecord {
    /// A new application, which says nothing of itself yet.
    #[must_use]
    pub fn new(id: ApplicationId, name: String, owner: Option<UserId>, flags: u64) -> Self {
        Self {
            id,
            name,
            owner,
            flags,
            description: String::new(),
            tags: Vec::new(),
            interactions_endpoint_url: None,
            secret: None,
            redirect_uris: Vec::new(),
            private: false,
            require_code_grant: false,
            role_connections: Vec::new(),
            links: serde_json::Map::new(),
        }
    }
}

/// A token as storage knows it: by the hash of its secret, never the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRecord {
    /// SHA-256 of the whole token.
    pub hash: [u8; 32],
    /// Whose it is.
    pub user: UserId,
    /// Unix milliseconds of its making.
    pub created_ms: u64,
}

/// What a stream key opens in its channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StreamWay {
    /// Being heard (WHIP).
    Publish,
    /// Hearing (WHEP).
    Listen,
}

/// A token for one voice channel and one direction, so that a program that streams never holds an
/// account's. Known by the hash of its secret, as tokens are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamKeyRecord {
    /// Names it where it is listed and revoked.
    pub id: StreamKeyId,
    /// SHA-256 of the whole key. Not part of the document.
    #[serde(skip)]
    pub hash: [u8; 32],
    /// Who made it: whoever uses it is in the call in their name and with their permissions.
    pub user: UserId,
    /// The only channel that it opens.
    pub channel: ChannelId,
    /// What it opens there.
    pub way: StreamWay,
    /// What its maker calls it.
    pub name: String,
    /// Unix milliseconds of its making.
    pub created_ms: u64,
}

/// Someone in a guild, without the account's own data. All are in memory: texts here have no room to grow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberRecord {
    /// Who.
    pub user: UserId,
    /// Name in this guild.
    #[serde(default)]
    pub nick: Option<Box<str>>,
    /// Roles beside `@everyone`, in no order.
    #[serde(default)]
    pub roles: Vec<RoleId>,
    /// Since when.
    pub joined_at: Timestamp,
    /// Muted in voice by a moderator.
    #[serde(default)]
    pub mute: bool,
    /// Deafened in voice by a moderator.
    #[serde(default)]
    pub deaf: bool,
    /// Only looks on: has yet to pass the guild's screening.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pending: bool,
    /// Timed out until then.
    #[serde(default)]
    pub communication_disabled_until: Option<Timestamp>,
    /// Discord's member flags.
    #[serde(default)]
    pub flags: u64,
    /// Hash of the avatar in this guild.
    #[serde(default)]
    pub avatar: Option<Box<str>>,
    /// The answers given to what newcomers are asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub onboarding: Vec<model::id::PromptId>,
    /// Of bots: how their application came into the guild.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integration: Option<std::sync::Arc<IntegrationRecord>>,
}

impl MemberRecord {
    /// Somebody who joined, with nothing of their own yet.
    #[must_use]
    pub const fn joined(user: UserId, joined_at: Timestamp) -> Self {
        Self {
            user,
            nick: None,
            roles: Vec::new(),
            joined_at,
            mute: false,
            deaf: false,
            pending: false,
            communication_disabled_until: None,
            flags: 0,
            avatar: None,
            onboarding: Vec::new(),
            integration: None,
        }
    }
}

/// How an application came into a guild. Its number there is the application's, and it ends with the
/// membership of its bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntegrationRecord {
    /// The application's name at that moment.
    pub name: String,
    /// What it said of itself at that moment.
    #[serde(default)]
    pub description: String,
    /// Who brought it.
    pub user: UserId,
    /// What it was allowed: `bot`, `applications.commands`.
    pub scopes: Vec<String>,
}

/// A ban.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BanRecord {
    /// Who may not return.
    pub user: UserId,
    /// Why, as the moderator said.
    #[serde(default)]
    pub reason: Option<String>,
}

/// An invite, to a guild or to the instance alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteRecord {
    /// At least 48 random bits, URL-safe.
    pub code: String,
    /// Into which guild; `None` lets its holder register and nothing more.
    pub guild: Option<GuildId>,
    /// To which channel of the guild.
    pub channel: Option<ChannelId>,
    /// Who made it; the instance itself has no one.
    pub inviter: Option<UserId>,
    /// How often it may be used; 0 is without end.
    pub max_uses: u32,
    /// How often it was used.
    pub uses: u32,
    /// Seconds it lives; 0 is for ever.
    pub max_age: u32,
    /// Unix milliseconds of its making.
    pub created_ms: u64,
    /// Makes whoever registers with it the owner of the instance.
    #[serde(default)]
    pub owner: bool,
    /// Membership ends with the voice or gateway session.
    #[serde(default)]
    pub temporary: bool,
    /// Roles that whoever accepts it is given.
    #[serde(default)]
    pub roles: Vec<RoleId>,
    /// Whom it is for, if not for everybody: how many, and since when. Who they are is in rows of their
    /// own.
    #[serde(default)]
    pub targets: Option<InviteTargets>,
}

/// For whom an invite is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteTargets {
    /// How many people.
    pub users: u32,
    /// Unix milliseconds at which they were named.
    pub named_ms: u64,
}

impl InviteRecord {
    /// Whether it can still be used at `unix_ms`.
    #[must_use]
    pub const fn is_valid(&self, unix_ms: u64) -> bool {
        let fresh = self.max_age == 0 || unix_ms < self.created_ms + self.max_age as u64 * 1_000;
        let left = self.max_uses == 0 || self.uses < self.max_uses;
        fresh && left
    }
}

/// A stored message. The author is an id: names are looked up when it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessageRecord {
    /// Its id.
    pub id: MessageId,
    /// Where it was said.
    pub channel: ChannelId,
    /// The channel's guild; direct messages have none.
    pub guild: Option<GuildId>,
    /// Who said it.
    pub author: UserId,
    /// Discord's message type: 0 said, 19 a reply, 7 a join.
    pub kind: u8,
    /// The text.
    pub content: String,
    /// When it was last edited.
    #[serde(default)]
    pub edited_at: Option<Timestamp>,
    /// Files.
    #[serde(default)]
    pub attachments: Vec<Attachment>,
    /// Embeds.
    #[serde(default)]
    pub embeds: Vec<Embed>,
    /// Components, as the client sent them.
    #[serde(default)]
    pub components: Vec<serde_json::Value>,
    /// People whom it notifies.
    #[serde(default)]
    pub mentions: Vec<UserId>,
    /// Roles that it notifies.
    #[serde(default)]
    pub mention_roles: Vec<RoleId>,
    /// Whether it notifies everyone.
    #[serde(default)]
    pub mention_everyone: bool,
    /// The message it answers.
    #[serde(default)]
    pub reference: Option<MessageReference>,
    /// Pinned in its channel.
    #[serde(default)]
    pub pinned: bool,
    /// Since when.
    #[serde(default)]
    pub pinned_at: Option<Timestamp>,
    /// Read aloud.
    #[serde(default)]
    pub tts: bool,
    /// Discord's message flags.
    #[serde(default)]
    pub flags: u64,
    /// A poll.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll: Option<Box<PollRecord>>,
    /// Stickers, at most three.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stickers: Vec<StickerItem>,
    /// Messages that were forwarded, as they were then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub snapshots: Vec<Snapshot>,
    /// The call that it tells of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<Box<CallRecord>>,
    /// What the client sent to recognise its own message; makes retries idempotent.
    #[serde(default)]
    pub nonce: Option<String>,
    /// How it came to be, when nobody simply said it: a webhook, an interaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Box<MessageOrigin>>,
}

impl MessageRecord {
    /// A text in a channel, with nothing beside it.
    #[must_use]
    pub fn said(id: MessageId, channel: ChannelId, author: UserId, content: String) -> Self {
        Self {
            id,
            channel,
            guild: None,
            author,
            kind: 0,
            content,
            edited_at: None,
            attachments: Vec::new(),
            embeds: Vec::new(),
            components: Vec::new(),
            mentions: Vec::new(),
            mention_roles: Vec::new(),
            mention_everyone: false,
            reference: None,
            pinned: false,
            pinned_at: None,
            tts: false,
            flags: 0,
            poll: None,
            stickers: Vec::new(),
            snapshots: Vec::new(),
            call: None,
            nonce: None,
            origin: None,
        }
    }
}

/// A message as it was when it was forwarded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Discord's message type.
    pub kind: u8,
    /// The text.
    pub content: String,
    /// Unix milliseconds at which it was said.
    pub said_ms: u64,
    /// When it was last edited.
    #[serde(default)]
    pub edited_at: Option<Timestamp>,
    /// Files; they stay where the message has them.
    #[serde(default)]
    pub attachments: Vec<Attachment>,
    /// Embeds.
    #[serde(default)]
    pub embeds: Vec<Embed>,
    /// Components, as the client sent them.
    #[serde(default)]
    pub components: Vec<serde_json::Value>,
    /// Stickers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stickers: Vec<StickerItem>,
    /// People whom it notified.
    #[serde(default)]
    pub mentions: Vec<UserId>,
    /// Roles that it notified.
    #[serde(default)]
    pub mention_roles: Vec<RoleId>,
    /// Discord's message flags.
    #[serde(default)]
    pub flags: u64,
}

/// An emoji that a guild made. Its picture is an object of its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmojiRecord {
    /// Its id.
    pub id: model::id::EmojiId,
    /// 2 to 32 letters, digits and underscores.
    pub name: String,
    /// Who may use it; everyone when empty.
    #[serde(default)]
    pub roles: Vec<RoleId>,
    /// Who made it.
    pub user: UserId,
    /// Whether it moves.
    #[serde(default)]
    pub animated: bool,
}

/// What a sticker's file is (Discord: Sticker Format Types).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum StickerFormat {
    /// A picture.
    Png = 1,
    /// A picture that moves.
    Apng = 2,
    /// A film of shapes, in JSON.
    Lottie = 3,
    /// A picture that moves, or could.
    Gif = 4,
}

/// A sticker that a guild made. Its file is an object of its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StickerRecord {
    /// Its id.
    pub id: model::id::StickerId,
    /// 2 to 30 characters.
    pub name: String,
    /// 2 to 100 characters.
    #[serde(default)]
    pub description: Option<String>,
    /// Words to find it by, 1 to 200 characters; of people's clients the name of an emoji.
    pub tags: String,
    /// What its file is.
    pub format: StickerFormat,
    /// Who made it.
    pub user: UserId,
}

/// As much of a sticker as a message carries: it is shown as it was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StickerItem {
    /// Its id.
    pub id: model::id::StickerId,
    /// Its name.
    pub name: String,
    /// What its file is.
    pub format: StickerFormat,
}

/// A sound that a guild made. Its file is an object of its id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SoundRecord {
    /// Its id.
    pub id: model::id::SoundId,
    /// 2 to 32 characters.
    pub name: String,
    /// 0 to 1.
    pub volume: f64,
    /// Its emoji, where that is one of the guild's.
    #[serde(default)]
    pub emoji: Option<model::id::EmojiId>,
    /// Its emoji, where that is a Unicode one.
    #[serde(default)]
    pub emoji_name: Option<String>,
    /// Who made it.
    pub user: UserId,
}

/// An emoji that can be a reaction. Its text form is `name` or `name:id`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReactionEmoji {
    /// A custom emoji's id.
    #[serde(default)]
    pub id: Option<model::id::EmojiId>,
    /// The Unicode emoji itself, or the custom one's name.
    pub name: String,
}

/// How often one emoji was given to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReactionCount {
    /// Which emoji.
    pub emoji: ReactionEmoji,
    /// By how many.
    pub count: u32,
    /// Whether the asking user is among them.
    pub me: bool,
}

/// What a message tells of a call (userdoccers: Message Call Object).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecord {
    /// Who was in it, in the order in which they came.
    pub participants: Vec<UserId>,
    /// Unix milliseconds at which it ended. A call that ended with the process has none.
    #[serde(default)]
    pub ended_ms: Option<u64>,
}

/// A channel between people, outside any guild.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivateChannel {
    /// Its id.
    pub id: ChannelId,
    /// Everyone in it, the asking user included, whoever came first before; two for direct messages.
    pub recipients: Vec<UserId>,
    /// The newest message.
    #[serde(default)]
    pub last_message: Option<MessageId>,
    /// What a group has beside; none for the channel of two.
    #[serde(default)]
    pub group: Option<Group>,
}
