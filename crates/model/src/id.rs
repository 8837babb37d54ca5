//! Snowflakes typed by what they name; decimal strings on the wire, numbers accepted too.

use crate::wire::id::Id;
use crate::wire::id::marker;

/// A guild.
pub type GuildId = Id<marker::GuildMarker>;
/// A channel of any kind: text, voice, category, direct messages.
pub type ChannelId = Id<marker::ChannelMarker>;
/// An account, of a person or of a bot.
pub type UserId = Id<marker::UserMarker>;
/// A role; the `@everyone` role has the id of its guild.
pub type RoleId = Id<marker::RoleMarker>;
/// A message.
pub type MessageId = Id<marker::MessageMarker>;
/// A file on a message.
pub type AttachmentId = Id<marker::AttachmentMarker>;
/// A bot's application; its bot user has the same number.
pub type ApplicationId = Id<marker::ApplicationMarker>;
/// A stream key, which is ours and not Discord's.
pub type StreamKeyId = Id<marker::GenericMarker>;
/// What a person allowed an application.
pub type GrantId = Id<marker::GenericMarker>;
/// A tag of a forum's posts.
pub type TagId = Id<marker::TagMarker>;
/// A stage that is on.
pub type StageId = Id<marker::StageMarker>;
/// Something that a guild plans.
pub type ScheduledEventId = Id<marker::ScheduledEventMarker>;
/// An entry of a guild's audit log.
pub type AuditId = Id<marker::AuditLogEntryMarker>;
/// A question of onboarding, or an answer of one.
pub type PromptId = Id<marker::GenericMarker>;
/// A rule of auto moderation.
pub type RuleId = Id<marker::AutoModerationRuleMarker>;
/// A custom emoji.
pub type EmojiId = Id<marker::EmojiMarker>;
/// A sticker of a guild.
pub type StickerId = Id<marker::StickerMarker>;
/// A sound of a guild's soundboard.
pub type SoundId = Id<marker::GenericMarker>;
/// Someone's wish to become a full member of a guild that screens its newcomers.
pub type JoinRequestId = Id<marker::GenericMarker>;
/// A bot's command.
pub type CommandId = Id<marker::CommandMarker>;
/// A version of a command.
pub type CommandVersionId = Id<marker::CommandVersionMarker>;
/// Something that someone did to a bot: a command, a button, a form.
pub type InteractionId = Id<marker::InteractionMarker>;
/// A webhook.
pub type WebhookId = Id<marker::WebhookMarker>;
