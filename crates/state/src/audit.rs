//! The audit log: who did what in a guild, to whom, and why (Discord: Audit Log Resource).

pub mod actions;

use model::id::AuditId;
use model::id::GuildId;
use model::id::UserId;
use model::limits;
use model::snowflake;
pub use model::wire::guild::audit_log::AuditLogEventType as AuditAction;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Map;
use serde_json::Value;

/// In whose name something is done, and why, as they say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// Who.
    pub actor: UserId,
    /// At most 512 characters.
    pub reason: Option<String>,
}

impl From<UserId> for By {
    fn from(actor: UserId) -> Self {
        Self { actor, reason: None }
    }
}

/// What was done, before the log gives it a number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditDraft {
    /// Who did it; `None` for whoever held a webhook's token.
    #[serde(default)]
    pub user: Option<UserId>,
    /// To what: a member, a channel, a role, as the action says.
    #[serde(default)]
    pub target: Option<u64>,
    /// Discord's number of the action.
    pub action: AuditAction,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
    /// What it changed.
    #[serde(default)]
    pub changes: Vec<AuditChange>,
    /// What belongs to some actions alone (Discord: Optional Audit Entry Info); all texts.
    #[serde(default)]
    pub options: Map<String, Value>,
}

impl AuditDraft {
    /// Something done that changed no field.
    #[must_use]
    pub fn new(by: &By, action: AuditAction, target: Option<u64>) -> Self {
        Self {
            user: Some(by.actor),
            target,
            action,
            reason: by.reason.clone(),
            changes: Vec::new(),
            options: Map::new(),
        }
    }

    /// With the fields in which `new` differs from `old`, both objects or null.
    #[must_use]
    pub fn changing(mut self, old: &Value, new: &Value) -> Self {
        self.changes = differences(old, new);
        self
    }

    /// With one more option.
    #[must_use]
    pub fn with(mut self, option: &str, value: impl ToString) -> Self {
        self.options.insert(option.to_owned(), Value::String(value.to_string()));
        self
    }
}

/// One field that something changed. What was not there before, or is not after, is `None`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditChange {
    /// Its name on the wire.
    pub key: String,
    /// What it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_value: Option<Value>,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_value: Option<Value>,
}

/// An entry of a guild's log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its number; grows within the guild, and tells when.
    pub id: AuditId,
    /// Whose log.
    pub guild: GuildId,
    /// What was done.
    #[serde(flatten)]
    pub what: AuditDraft,
}

/// Which entries of a guild's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditQuery {
    /// Only those of greater ids.
    pub after: u64,
    /// Only those of smaller ids.
    pub before: u64,
    /// Oldest first, and the oldest of them chosen; otherwise the newest.
    pub ascending: bool,
    /// Only those by that account.
    pub user: Option<UserId>,
    /// Only those of that action's number.
    pub action: Option<u16>,
    /// At most so many.
    pub limit: u16,
}

/// The greatest id that an entry may have which is too old to be kept at `now_ms`.
#[must_use]
pub const fn expired(now_ms: u64) -> u64 {
    now_ms.saturating_sub(limits::AUDIT_KEPT_MS).saturating_sub(snowflake::EPOCH) << 22
}

/// The fields that differ between two objects, null being none; by name. A null field counts as one
/// that is not there.
fn differences(old: &Value, new: &Value) -> Vec<AuditChange> {
    let fields = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let (mut old, new) = (fields(old), fields(new));
    let mut keys: Vec<String> = old.keys().chain(new.keys()).cloned().collect();
    keys.sort_unstable();
    keys.dedup();
    let changes = keys.into_iter().filter_map(|key| {
        let old_value = old.remove(&key).filter(|value| !value.is_null());
        let new_value = new.get(&key).filter(|value| !value.is_null()).cloned();
        (old_value != new_value).then_some(AuditChange { key, old_value, new_value })
    });
    changes.collect()
}
