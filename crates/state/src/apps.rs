//! What bots bring: their commands and who may use them, webhooks, and where a message came from.
//! Shapes of ours, but for options, whose form on the wire is also how they are kept.

use std::collections::BTreeMap;

use model::id::ApplicationId;
use model::id::ChannelId;
use model::id::CommandId;
use model::id::CommandVersionId;
use model::id::GuildId;
use model::id::InteractionId;
use model::id::MessageId;
use model::id::UserId;
use model::id::WebhookId;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

/// Texts by locale.
pub type Localizations = BTreeMap<String, String>;

/// A bot's command, for all guilds or for one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandRecord {
    /// Its id; survives changes.
    pub id: CommandId,
    /// Whose it is.
    pub application: ApplicationId,
    /// The only guild that has it; `None` for every guild that the bot is in.
    pub guild: Option<GuildId>,
    /// Grows with every change.
    pub version: CommandVersionId,
    /// 1 CHAT_INPUT, 2 USER, 3 MESSAGE (Discord: Application Command Types).
    pub kind: u8,
    /// How it is called.
    pub name: String,
    /// The name by locale.
    #[serde(default)]
    pub name_localizations: Option<Localizations>,
    /// What it does; empty for USER and MESSAGE.
    pub description: String,
    /// The description by locale.
    #[serde(default)]
    pub description_localizations: Option<Localizations>,
    /// What it may be given.
    #[serde(default)]
    pub options: Vec<CommandOption>,
    /// Who may use it unless a guild says otherwise: those with all of these, or with `Some(0)`
    /// administrators only. `None`: everyone.
    #[serde(default)]
    pub default_member_permissions: Option<u64>,
    /// Only in channels marked so.
    #[serde(default)]
    pub nsfw: bool,
    /// Where it may be used: 0 guilds, 1 the bot's private channel, 2 other private channels.
    #[serde(default)]
    pub contexts: Option<Vec<u8>>,
    /// How the bot must be installed: 0 to a guild, 1 to a user.
    #[serde(default)]
    pub integration_types: Option<Vec<u8>>,
}

/// Something that a command may be given (Discord: Application Command Option Structure).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandOption {
    /// 1 SUB_COMMAND to 11 ATTACHMENT.
    #[serde(rename = "type")]
    pub kind: u8,
    /// Its name.
    pub name: String,
    /// The name by locale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_localizations: Option<Localizations>,
    /// What it means.
    pub description: String,
    /// The description by locale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description_localizations: Option<Localizations>,
    /// Must be given.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// The bot suggests values while one types.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub autocomplete: bool,
    /// The only values, if there are any here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<CommandChoice>,
    /// Of a subcommand or of a group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<Self>,
    /// Kinds of channels that may be given; all when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channel_types: Vec<u8>,
    /// Smallest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_value: Option<serde_json::Number>,
    /// Largest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_value: Option<serde_json::Number>,
    /// Shortest text, in characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_length: Option<u16>,
    /// Longest text, in characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u16>,
}

/// A value that may be chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandChoice {
    /// What people read.
    pub name: String,
    /// The name by locale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_localizations: Option<Localizations>,
    /// What the bot reads: a string or a number.
    pub value: Value,
}

/// Who may use a command in a guild, beside its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandPermission {
    /// A role, a user or a channel. The guild's id is everyone, the guild's less one is every
    /// channel (Discord: Application Command Permissions Constants).
    #[serde(with = "text")]
    pub id: u64,
    /// 1 role, 2 user, 3 channel.
    #[serde(rename = "type")]
    pub kind: u8,
    /// May, or may not.
    pub permission: bool,
}

/// What an application may know of people, for roles that ask for it (Discord: Application Role
/// Connection Metadata).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleConnectionField {
    /// 1 to 8: how a role compares it, and so what it is of.
    #[serde(rename = "type")]
    pub kind: u8,
    /// Names it in what is said of a person.
    pub key: String,
    /// What people read.
    pub name: String,
    /// The name by locale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_localizations: Option<Localizations>,
    /// What it means.
    pub description: String,
    /// The description by locale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description_localizations: Option<Localizations>,
}

/// What an application says of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleConnection {
    /// What the application knows them from.
    #[serde(default)]
    pub platform_name: Option<String>,
    /// Their name there.
    #[serde(default)]
    pub platform_username: Option<String>,
    /// By the key of a field, as text.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}

/// Numbers as clients write ids.
mod text {
    use serde::Deserialize as _;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(super) fn serialize<S: serde::Serializer>(id: &u64, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(id)
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Id {
            Text(String),
            Number(u64),
        }
        match Id::deserialize(from)? {
            Id::Text(text) => text.parse().map_err(serde::de::Error::custom),
            Id::Number(number) => Ok(number),
        }
    }
}

/// A door by which programs without an account speak in one channel.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookRecord {
    /// Its id, and the author's of what it says.
    pub id: WebhookId,
    /// The guild.
    pub guild: GuildId,
    /// Where it speaks.
    pub channel: ChannelId,
    /// Who made it.
    pub creator: Option<UserId>,
    /// Whose bot made it: only that bot sees the token.
    #[serde(default)]
    pub application: Option<ApplicationId>,
    /// Under which name it speaks.
    pub name: String,
    /// Hash of its picture in the object store.
    #[serde(default)]
    pub avatar: Option<String>,
    /// Whoever knows it may speak: at least 256 random bits, URL-safe. Empty for one that follows.
    pub token: String,
    /// The announcement channel that it follows: it says what is published there, and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<WebhookSource>,
}

/// An announcement channel that is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookSource {
    /// Its guild.
    pub guild: GuildId,
    /// The channel.
    pub channel: ChannelId,
}

/// A published message whose copies are to be made what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owed {
    /// Its number; what is owed later has a greater one.
    pub nth: u64,
    /// Where it was published.
    pub channel: ChannelId,
    /// Which it is.
    pub message: MessageId,
}

impl std::fmt::Debug for WebhookRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookRecord").field("id", &self.id).finish_non_exhaustive()
    }
}

/// How a message came to be, when nobody simply said it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageOrigin {
    /// The application whose interaction or webhook it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<ApplicationId>,
    /// The webhook; of interactions, the application's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookId>,
    /// The name that a webhook's message shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The picture that a webhook's message shows: a hash, or a URL that its sender gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
    /// The interaction that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interaction: Option<InteractionMetadata>,
}

/// The interaction that a message answers (Discord: Message Interaction Metadata).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InteractionMetadata {
    /// Its id.
    pub id: InteractionId,
    /// 2 a command, 3 a component, 5 a modal.
    pub kind: u8,
    /// Who did it.
    pub user: UserId,
    /// The command's name, for clients that read the older field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whose installation allowed it: the guild's id under `0`, or the user's under `1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guild: Option<GuildId>,
    /// Of follow-ups: the message that answered first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<MessageId>,
    /// The user that a USER command was used on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_user: Option<UserId>,
    /// The message that a MESSAGE command was used on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_message: Option<MessageId>,
    /// The message whose component was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interacted: Option<MessageId>,
    /// The interaction that opened the modal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Box<Self>>,
}
