//! Membership screening: the form that newcomers fill in before they take part, and their requests
//! (userdoccers: Member Verification Object, Guild Join Request Object).
//!
//! A guild whose form only states rules lets in whoever agrees. One that asks anything has each request
//! reviewed by a moderator.

use model::id::JoinRequestId;
use model::id::UserId;
use model::limits;
use model::snowflake;
use model::wire::util::Timestamp;
use serde::Deserialize;
use serde::Serialize;

/// Member flag: passes the screening without a form (Discord: Guild Member Flags).
pub const BYPASSES_VERIFICATION: u64 = 1 << 2;

/// The form of a guild.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Screening {
    /// Whether newcomers have to fill it in.
    pub enabled: bool,
    /// When it was last changed; none while there never was one.
    #[serde(default)]
    pub version: Option<Timestamp>,
    /// What the guild is about, up to 300 characters.
    #[serde(default)]
    pub description: Option<String>,
    /// Up to 5.
    #[serde(default)]
    pub fields: Vec<FormField>,
}

impl Screening {
    /// Whether moderators decide on each request: as soon as anything is asked.
    #[must_use]
    pub fn is_reviewed(&self) -> bool {
        self.fields.iter().any(|field| !matches!(field.kind, FieldKind::Terms { .. }))
    }
}

/// A field of a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormField {
    /// What it asks for.
    #[serde(flatten)]
    pub kind: FieldKind,
    /// 1 to 300 characters.
    pub label: String,
    /// Said below the label.
    #[serde(default)]
    pub description: Option<String>,
    /// Whether there has to be an answer.
    pub required: bool,
}

/// What a field asks for (userdoccers: Member Verification Form Field Type).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "field_type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FieldKind {
    /// To agree to rules.
    Terms {
        /// 1 to 16 rules.
        values: Vec<String>,
    },
    /// A short text.
    TextInput {
        /// Shown where there is no text yet.
        #[serde(default)]
        placeholder: Option<String>,
    },
    /// A long text.
    Paragraph {
        /// Shown where there is no text yet.
        #[serde(default)]
        placeholder: Option<String>,
    },
    /// One of several answers.
    MultipleChoice {
        /// 1 to 8 answers.
        choices: Vec<String>,
    },
}

impl FieldKind {
    /// Its name on the wire.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Terms { .. } => "TERMS",
            Self::TextInput { .. } => "TEXT_INPUT",
            Self::Paragraph { .. } => "PARAGRAPH",
            Self::MultipleChoice { .. } => "MULTIPLE_CHOICE",
        }
    }
}

/// What somebody answers to a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Answer {
    /// Agrees, or does not.
    Agreed(bool),
    /// The place of the answer that was chosen.
    Chosen(u32),
    /// A text.
    Text(String),
}

/// A field with its answer, as it was when it was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormResponse {
    /// The field.
    #[serde(flatten)]
    pub field: FormField,
    /// The answer; none to what need not be answered.
    #[serde(default)]
    pub response: Option<Answer>,
}

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[repr(u8)]
pub enum JoinRequestStatus {
    /// The form is not filled in yet.
    Started = 0,
    /// A moderator is to decide.
    Submitted = 1,
    /// Rejected; whoever asked is no member any more.
    Rejected = 2,
    /// Approved; whoever asked is a full member.
    Approved = 3,
}

impl JoinRequestStatus {
    /// Whether nothing has come of it yet.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Started | Self::Submitted)
    }
}

/// Someone's request to become a full member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinRequest {
    /// Its id, which tells when it was begun.
    pub id: JoinRequestId,
    /// Who asks.
    pub user: UserId,
    /// What came of it.
    pub status: JoinRequestStatus,
    /// The form as it was answered; none until then.
    #[serde(default)]
    pub responses: Option<Vec<FormResponse>>,
    /// Unix milliseconds at which it was decided.
    #[serde(default)]
    pub reviewed_ms: Option<u64>,
    /// Who decided; nobody did where agreeing was enough.
    #[serde(default)]
    pub reviewer: Option<UserId>,
    /// Why it was rejected.
    #[serde(default)]
    pub rejection_reason: Option<String>,
}

impl JoinRequest {
    /// One whose form is not filled in yet.
    #[must_use]
    pub const fn begun(id: JoinRequestId, user: UserId) -> Self {
        Self {
            id,
            user,
            status: JoinRequestStatus::Started,
            responses: None,
            reviewed_ms: None,
            reviewer: None,
            rejection_reason: None,
        }
    }

    /// Unix milliseconds at which it was decided, or else begun.
    #[must_use]
    pub const fn last_ms(&self) -> u64 {
        match self.reviewed_ms {
            Some(reviewed_ms) => reviewed_ms,
            None => snowflake::unix_ms(self.id.get()),
        }
    }
}

/// Which requests of a guild.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JoinRequestQuery {
    /// Only those of greater ids.
    pub after: u64,
    /// Only those of smaller ids.
    pub before: u64,
    /// Oldest first, and the oldest of them chosen; otherwise the newest.
    pub ascending: bool,
    /// Only those of which that came. Those that are begun and no more are found by their user alone.
    pub status: Option<JoinRequestStatus>,
    /// Only those by that account.
    pub user: Option<UserId>,
    /// At most so many.
    pub limit: u16,
}

impl JoinRequestQuery {
    /// The newest request of someone.
    #[must_use]
    pub const fn newest_of(user: UserId) -> Self {
        Self {
            after: 0,
            before: u64::MAX,
            ascending: false,
            status: None,
            user: Some(user),
            limit: 1,
        }
    }
}

/// The greatest id that a request may have which is too old to be kept at `now_ms`.
#[must_use]
pub const fn expired(now_ms: u64) -> u64 {
    snowflake::at(now_ms.saturating_sub(limits::JOIN_REQUESTS_KEPT_MS))
}
