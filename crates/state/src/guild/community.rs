//! What a guild shows to newcomers and to the outside: its widget, its welcome screen, its
//! questions to who joins, and what is closed while it is under attack.

use model::id::ChannelId;
use model::id::EmojiId;
use model::id::PromptId;
use model::id::RoleId;
use model::id::UserId;
use model::wire::util::Timestamp;
use serde::Deserialize;
use serde::Serialize;

/// Member flag: has finished onboarding (Discord: Guild Member Flags).
pub const COMPLETED_ONBOARDING: u64 = 1 << 1;
/// Member flag: has begun onboarding.
pub const STARTED_ONBOARDING: u64 = 1 << 3;

/// Whether anyone may see who is online (Discord: Guild Widget Settings Object).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Widget {
    /// Whether it is shown.
    pub enabled: bool,
    /// Where its invite leads.
    #[serde(default)]
    pub channel: Option<ChannelId>,
}

/// What is closed for a while (Discord: Incidents Data Object).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Incidents {
    /// Nobody joins by an invite until then.
    #[serde(default)]
    pub invites_disabled_until: Option<Timestamp>,
    /// Being members together opens no direct messages until then.
    #[serde(default)]
    pub dms_disabled_until: Option<Timestamp>,
}

impl Incidents {
    /// Whether invites are closed at `now_ms`, Unix milliseconds.
    #[must_use]
    pub fn close_invites(&self, now_ms: u64) -> bool {
        lasts(self.invites_disabled_until, now_ms)
    }

    /// Whether new direct messages are closed at `now_ms`, Unix milliseconds.
    #[must_use]
    pub fn close_messages(&self, now_ms: u64) -> bool {
        lasts(self.dms_disabled_until, now_ms)
    }
}

fn lasts(until: Option<Timestamp>, now_ms: u64) -> bool {
    until.is_some_and(|until| i128::from(until.as_micros()) > i128::from(now_ms) * 1_000)
}

/// An emoji as it is written into settings: a custom one by its id, or a Unicode one by itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SettingsEmoji {
    /// A custom emoji's id.
    #[serde(default)]
    pub id: Option<EmojiId>,
    /// The Unicode emoji, or the custom one's name.
    #[serde(default)]
    pub name: Option<String>,
    /// Whether it moves.
    #[serde(default)]
    pub animated: bool,
}

/// What newcomers are shown first (Discord: Welcome Screen Object).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WelcomeScreen {
    /// Whether it is shown.
    pub enabled: bool,
    /// Up to 140 characters.
    #[serde(default)]
    pub description: Option<String>,
    /// Up to 5 channels, in order.
    #[serde(default)]
    pub channels: Vec<WelcomeChannel>,
}

/// A channel of a welcome screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WelcomeChannel {
    /// Which.
    pub channel: ChannelId,
    /// 1 to 50 characters.
    pub description: String,
    /// Shown beside it.
    #[serde(default)]
    pub emoji: SettingsEmoji,
}

/// Questions to who joins, and what the answers bring (Discord: Guild Onboarding Object).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Onboarding {
    /// Whether newcomers are asked.
    pub enabled: bool,
    /// Discord's mode: whether the channels of answers count for what is required to enable it.
    #[serde(default)]
    pub advanced: bool,
    /// Channels that everyone is shown.
    #[serde(default)]
    pub default_channels: Vec<ChannelId>,
    /// Up to 15 questions.
    #[serde(default)]
    pub prompts: Vec<Prompt>,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// Its id.
    pub id: PromptId,
    /// 1 to 100 characters.
    pub title: String,
    /// 1 to 50 answers.
    pub options: Vec<PromptOption>,
    /// Whether one answer at most is given.
    pub single_select: bool,
    /// Whether one answer at least is given.
    pub required: bool,
    /// Asked of newcomers, not only in the list of channels and roles.
    pub in_onboarding: bool,
    /// Discord's way to show it: 0 many buttons, 1 a list.
    pub kind: u8,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptOption {
    /// Its id.
    pub id: PromptId,
    /// 1 to 50 characters.
    pub title: String,
    /// Up to 100 characters.
    #[serde(default)]
    pub description: String,
    /// Shown beside it.
    #[serde(default)]
    pub emoji: SettingsEmoji,
    /// Roles that it gives.
    #[serde(default)]
    pub roles: Vec<RoleId>,
    /// Channels that it shows.
    #[serde(default)]
    pub channels: Vec<ChannelId>,
}

impl Onboarding {
    /// All answers of all questions.
    pub fn options(&self) -> impl Iterator<Item = &PromptOption> {
        self.prompts.iter().flat_map(|prompt| &prompt.options)
    }
}

/// What newcomers are welcomed with (userdoccers: New Member Welcome).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NewMemberWelcome {
    /// Whether it is shown.
    pub enabled: bool,
    /// In whose name, up to 10 members who manage the guild or its roles.
    #[serde(default)]
    pub authors: Vec<UserId>,
    /// Up to 300 characters.
    #[serde(default)]
    pub message: String,
    /// Up to 5; at least 3 while it is shown.
    #[serde(default)]
    pub actions: Vec<NewMemberAction>,
    /// Channels to read, up to 7.
    #[serde(default)]
    pub resources: Vec<ResourceChannel>,
}

/// Something for newcomers to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewMemberAction {
    /// To say something, rather than to look.
    pub speaks: bool,
    /// Where, and what it is called.
    #[serde(flatten)]
    pub shown: ResourceChannel,
}

/// A channel that newcomers are shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceChannel {
    /// Which.
    pub channel: ChannelId,
    /// 1 to 60 characters.
    pub title: String,
    /// Up to 200 characters.
    #[serde(default)]
    pub description: String,
    /// Shown beside it.
    #[serde(default)]
    pub emoji: Option<SettingsEmoji>,
}
