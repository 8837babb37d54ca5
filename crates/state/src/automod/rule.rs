//! A rule: what it says, and its compiled form.

use model::id::ChannelId;
use model::id::RoleId;
use model::id::RuleId;
use model::id::UserId;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;

use super::presets;
use super::words::BadPattern;
use super::words::Words;
use crate::audit::AuditAction;
use crate::audit::AuditDraft;
use crate::audit::By;

/// A rule as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleRecord {
    /// Its id.
    pub id: RuleId,
    /// 1 to 100 characters.
    pub name: String,
    /// Who made it.
    pub creator: UserId,
    /// What triggers it.
    pub trigger: Trigger,
    /// What it does then; 1 to 5, of each kind one at most.
    pub actions: Vec<Action>,
    /// Whether it judges at all.
    pub enabled: bool,
    /// Members with one of these are not judged.
    #[serde(default)]
    pub exempt_roles: Vec<RoleId>,
    /// What is said there is not judged.
    #[serde(default)]
    pub exempt_channels: Vec<ChannelId>,
}

impl RuleRecord {
    /// Whether it keeps members from interacting, as it stands.
    #[must_use]
    pub fn quarantines(&self) -> bool {
        self.enabled
            && self.trigger.is_of_profiles()
            && self.actions.iter().any(|action| matches!(action, Action::Quarantine))
    }

    /// Its fields in Discord's names, but for ids (Discord: Auto Moderation Rule Object).
    #[must_use]
    pub fn shape(&self) -> Value {
        let metadata = match &self.trigger {
            Trigger::Keyword(lists) | Trigger::Profile(lists) => json!({
                "keyword_filter": lists.keywords,
                "regex_patterns": lists.patterns,
                "allow_list": lists.allow,
            }),
            Trigger::Spam => json!({}),
            Trigger::Preset { presets, allow } => json!({
                "presets": presets.iter().map(|preset| preset.number()).collect::<Vec<_>>(),
                "allow_list": allow,
            }),
            Trigger::Mentions { limit, raid_protection } => json!({
                "mention_total_limit": limit,
                "mention_raid_protection_enabled": raid_protection,
            }),
        };
        json!({
            "name": self.name,
            "event_type": if self.trigger.is_of_profiles() { 2 } else { 1 },
            "trigger_type": self.trigger.number(),
            "trigger_metadata": metadata,
            "actions": self.actions.iter().map(Action::shape).collect::<Vec<_>>(),
            "enabled": self.enabled,
            "exempt_roles": self.exempt_roles,
            "exempt_channels": self.exempt_channels,
        })
    }

    /// What the audit log says of an action that it took upon `user`.
    #[must_use]
    pub fn logged(
        &self,
        user: UserId,
        action: AuditAction,
        channel: Option<ChannelId>,
    ) -> AuditDraft {
        let entry = AuditDraft::new(&By::from(user), action, Some(user.get()))
            .with("auto_moderation_rule_name", &self.name)
            .with("auto_moderation_rule_trigger_type", self.trigger.number());
        match channel {
            Some(channel) => entry.with("channel_id", channel),
            None => entry,
        }
    }
}

/// What triggers a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Trigger {
    /// Words of one's own in messages.
    Keyword(WordLists),
    /// What looks like spam.
    Spam,
    /// Words of the server's lists in messages.
    Preset {
        /// Which lists.
        presets: Vec<Preset>,
        /// Words that do not trigger it.
        allow: Vec<String>,
    },
    /// Too many mentions.
    Mentions {
        /// More than so many different people and roles in one message; 0: no such limit.
        limit: u32,
        /// Whether many who mention many at once trigger it too.
        raid_protection: bool,
    },
    /// Words of one's own in members' names.
    Profile(WordLists),
}

impl Trigger {
    /// Discord's number (Discord: Auto Moderation/Trigger Types).
    #[must_use]
    pub const fn number(&self) -> u8 {
        match self {
            Self::Keyword(_) => 1,
            Self::Spam => 3,
            Self::Preset { .. } => 4,
            Self::Mentions { .. } => 5,
            Self::Profile(_) => 6,
        }
    }

    /// How many rules of that kind a guild may have.
    #[must_use]
    pub const fn most(&self) -> usize {
        match self {
            Self::Keyword(_) => model::limits::KEYWORD_RULES,
            _ => 1,
        }
    }

    /// Whether it judges members' names, not messages: Discord's event types 2 and 1.
    #[must_use]
    pub const fn is_of_profiles(&self) -> bool {
        matches!(self, Self::Profile(_))
    }
}

/// Words and patterns, and exceptions of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WordLists {
    /// With `*` at an end that may be inside a word; up to 1,000 of up to 60 characters.
    #[serde(default)]
    pub keywords: Vec<String>,
    /// Regular expressions; up to 10 of up to 260 characters.
    #[serde(default)]
    pub patterns: Vec<String>,
    /// What does not trigger; up to 100, written as keywords are.
    #[serde(default)]
    pub allow: Vec<String>,
}

/// A word list of the server's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Swearing.
    Profanity,
    /// Sexually explicit words.
    Sexual,
    /// Slurs.
    Slurs,
}

impl Preset {
    /// Discord's number (Discord: Auto Moderation/Keyword Preset Types).
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Profanity => 1,
            Self::Sexual => 2,
            Self::Slurs => 3,
        }
    }

    /// The list of that number.
    #[must_use]
    pub const fn of(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Profanity),
            2 => Some(Self::Sexual),
            3 => Some(Self::Slurs),
            _ => None,
        }
    }
}

/// What a triggered rule does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Action {
    /// The message is not sent, or not changed.
    Block {
        /// What its author is told, up to 150 characters.
        message: Option<String>,
    },
    /// It is told in a channel.
    Alert {
        /// Which.
        channel: ChannelId,
    },
    /// Its author is timed out.
    Timeout {
        /// For how long.
        seconds: u32,
    },
    /// The member is kept from interacting until their names are changed.
    Quarantine,
}

impl Action {
    /// Discord's number (Discord: Auto Moderation/Action Types).
    #[must_use]
    pub const fn number(&self) -> u8 {
        match self {
            Self::Block { .. } => 1,
            Self::Alert { .. } => 2,
            Self::Timeout { .. } => 3,
            Self::Quarantine => 4,
        }
    }

    /// In Discord's form (Discord: Auto Moderation Action Object).
    #[must_use]
    pub fn shape(&self) -> Value {
        let metadata = match self {
            Self::Block { message: Some(message) } => json!({ "custom_message": message }),
            Self::Block { message: None } | Self::Quarantine => json!({}),
            Self::Alert { channel } => json!({ "channel_id": channel }),
            Self::Timeout { seconds } => json!({ "duration_seconds": seconds }),
        };
        json!({ "type": self.number(), "metadata": metadata })
    }
}

/// A rule, ready to judge. Equal when what it says is.
#[derive(Debug, Clone)]
pub struct Rule {
    /// What it says.
    pub record: RuleRecord,
    words: Option<Words>,
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.record == other.record
    }
}

impl Rule {
    /// Compiles what a rule says.
    ///
    /// # Errors
    ///
    /// [`BadPattern`]: which of its patterns is none, or is too large.
    pub fn new(record: RuleRecord) -> Result<Self, BadPattern> {
        let words = match &record.trigger {
            Trigger::Keyword(lists) | Trigger::Profile(lists) => Some(Words::new(
                lists.keywords.iter().map(String::as_str),
                &lists.patterns,
                &lists.allow,
            )?),
            Trigger::Preset { presets, allow } => {
                let words: Vec<String> = presets.iter().flat_map(|one| presets::of(*one)).collect();
                Some(Words::new(words.iter().map(String::as_str), &[], allow)?)
            }
            Trigger::Spam | Trigger::Mentions { .. } => None,
        };
        Ok(Self { record, words })
    }

    /// Compiles what was kept: patterns that cannot be read any more meet nothing.
    #[must_use]
    pub fn kept(record: RuleRecord) -> Self {
        match Self::new(record.clone()) {
            Ok(rule) => rule,
            Err(fault) => {
                tracing::error!(rule = %record.id, pattern = fault.pattern, "a pattern is kept that cannot be read");
                let words = match &record.trigger {
                    Trigger::Keyword(lists) | Trigger::Profile(lists) => {
                        let keywords = lists.keywords.iter().map(String::as_str);
                        Words::new(keywords, &[], &lists.allow).ok()
                    }
                    _ => None,
                };
                Self { record, words }
            }
        }
    }

    /// What finds its words; spam and mentions have none.
    #[must_use]
    pub const fn words(&self) -> Option<&Words> {
        self.words.as_ref()
    }
}
