//! The pure guild: roles, channels, members, voice and presence of one guild at one version.
//!
//! Persistent maps make a snapshot as cheap as an `Arc`, whatever the guild's size. Changed only
//! by [`apply`](Guild::apply) in the guild's mailbox.

pub mod apply;
pub mod command;
pub mod community;
mod found;
pub(crate) mod log;
pub mod plan;

use std::sync::Arc;

use imbl::HashMap;
use imbl::OrdMap;
use model::id::ChannelId;
use model::id::EmojiId;
use model::id::GuildId;
use model::id::MessageId;
use model::id::RoleId;
use model::id::RuleId;
use model::id::ScheduledEventId;
use model::id::SoundId;
use model::id::StickerId;
use model::id::UserId;
use model::wire::channel::Channel;
use model::wire::guild::Role;
use serde::Deserialize;
use serde::Serialize;

use community::Incidents;
use community::NewMemberWelcome;
use community::Onboarding;
use community::WelcomeScreen;
use community::Widget;

use crate::automod::rule::Rule;
use crate::members::Members;
use crate::presence::Presence;
use crate::record::BanRecord;
use crate::record::EmojiRecord;
use crate::record::SoundRecord;
use crate::record::StickerRecord;
use crate::scheduled::Scheduled;
use crate::screening::JoinRequest;
use crate::screening::Screening;
use crate::thread::Thread;
use crate::voice::Live;
use crate::voice::StageInstance;
use crate::voice::VoiceState;

/// A guild's own settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuildSettings {
    /// 2 to 100 characters.
    pub name: String,
    /// Hash of the icon in the object store.
    #[serde(default)]
    pub icon: Option<String>,
    /// Up to 300 characters.
    #[serde(default)]
    pub description: Option<String>,
    /// May do everything; always a member.
    pub owner: UserId,
    /// Where idle people are moved.
    #[serde(default)]
    pub afk_channel: Option<ChannelId>,
    /// Seconds of idleness before that.
    #[serde(default)]
    pub afk_timeout: u32,
    /// Where system messages go.
    #[serde(default)]
    pub system_channel: Option<ChannelId>,
    /// Discord's verification level, 0 to 4.
    #[serde(default)]
    pub verification_level: u8,
    /// 0 all messages, 1 only mentions.
    #[serde(default)]
    pub default_message_notifications: u8,
    /// Discord's filter level, 0 to 2.
    #[serde(default)]
    pub explicit_content_filter: u8,
    /// BCP 47 tag.
    #[serde(default)]
    pub preferred_locale: Option<String>,
    /// Who is online, for anyone to see.
    #[serde(default)]
    pub widget: Widget,
    /// What is closed for a while.
    #[serde(default)]
    pub incidents: Incidents,
    /// What newcomers are shown.
    #[serde(default)]
    pub welcome: WelcomeScreen,
    /// What newcomers are welcomed with.
    #[serde(default)]
    pub new_members: Option<NewMemberWelcome>,
    /// What newcomers are asked.
    #[serde(default)]
    pub onboarding: Onboarding,
    /// The form that newcomers fill in before they take part.
    #[serde(default)]
    pub screening: Screening,
}

/// One guild, whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Guild {
    /// Its id, and its `@everyone` role's.
    pub id: GuildId,
    /// Grows by one with every committed plan.
    pub version: u64,
    /// Name, owner and the like.
    pub settings: Arc<GuildSettings>,
    /// All roles, `@everyone` included.
    pub roles: OrdMap<RoleId, Arc<Role>>,
    /// All channels.
    pub channels: OrdMap<ChannelId, Arc<Channel>>,
    /// All threads, archived ones too.
    pub threads: OrdMap<ChannelId, Arc<Thread>>,
    /// All members by id, so that pages by id are ranges.
    pub members: Members,
    /// The guild's own emojis.
    pub emojis: OrdMap<EmojiId, Arc<EmojiRecord>>,
    /// Rules of auto moderation, compiled.
    pub rules: OrdMap<RuleId, Arc<Rule>>,
    /// The guild's own stickers.
    pub stickers: OrdMap<StickerId, Arc<StickerRecord>>,
    /// The sounds of its soundboard.
    pub sounds: OrdMap<SoundId, Arc<SoundRecord>>,
    /// What is planned, and what was until lately.
    pub scheduled: OrdMap<ScheduledEventId, Arc<Scheduled>>,
    /// The requests of pending members, of which nothing has come yet.
    pub requests: OrdMap<UserId, Arc<JoinRequest>>,
    /// Everyone who may not return.
    pub bans: OrdMap<UserId, Arc<BanRecord>>,
    /// Who is in a voice channel. In memory only.
    pub voice: HashMap<UserId, Arc<VoiceState>>,
    /// What is true of voice channels while people are in them. In memory only.
    pub live: HashMap<ChannelId, Live>,
    /// The stages that are on, by their channel.
    pub stages: HashMap<ChannelId, Arc<StageInstance>>,
    /// The newest message of each text channel; storage finds it out.
    pub newest: HashMap<ChannelId, MessageId>,
    /// Who is not offline. In memory only.
    pub presences: HashMap<UserId, Arc<Presence>>,
}

impl Guild {
    /// Whether `user` is a member who has yet to pass the screening.
    #[must_use]
    pub fn is_pending(&self, user: UserId) -> bool {
        self.members.peek(user).is_some_and(|member| member.is_pending())
    }
}
