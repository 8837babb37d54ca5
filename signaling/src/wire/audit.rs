//! An entry of an audit log as clients read it (Discord: Audit Log Entry).

use serde_json::Value;
use serde_json::json;
use state::audit::AuditEntry;

/// The entry. Options and a reason are there only when there are any.
#[must_use]
pub fn audit_entry(entry: &AuditEntry) -> Value {
    let what = &entry.what;
    let mut value = json!({
        "id": entry.id,
        "user_id": what.user,
        "target_id": what.target.map(|target| target.to_string()),
        "action_type": u16::from(what.action),
        "changes": what.changes,
    });
    if let Some(reason) = &what.reason {
        value["reason"] = json!(reason);
    }
    if !what.options.is_empty() {
        value["options"] = json!(what.options);
    }
    value
}
