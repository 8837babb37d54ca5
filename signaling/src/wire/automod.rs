//! Rules of auto moderation and what they do (Discord: Auto Moderation, Gateway Events/Auto
//! Moderation).

use model::id::GuildId;
use serde_json::Value;
use serde_json::json;
use state::automod::Execution;
use state::automod::rule::RuleRecord;

/// A rule.
#[must_use]
pub fn rule(rule: &RuleRecord, guild: GuildId) -> Value {
    let mut value = rule.shape();
    value["id"] = json!(rule.id);
    value["guild_id"] = json!(guild);
    value["creator_id"] = json!(rule.creator);
    value
}

/// An action that a rule took; what was said is empty for who may not read it.
#[must_use]
pub fn rule_executed(done: &Execution, guild: GuildId, content: bool) -> Value {
    let matched = if content { done.matched.clone() } else { Some(String::new()) };
    let mut value = json!({
        "guild_id": guild,
        "action": done.action.shape(),
        "rule_id": done.rule,
        "rule_trigger_type": done.trigger,
        "user_id": done.user,
        "content": if content { done.content.as_str() } else { "" },
        "matched_keyword": done.keyword,
        "matched_content": matched,
    });
    let fields = [
        ("channel_id", done.channel.map(|id| json!(id))),
        ("message_id", done.message.map(|id| json!(id))),
        ("alert_system_message_id", done.alert.map(|id| json!(id))),
    ];
    for (field, id) in fields {
        if let Some(id) = id {
            value[field] = id;
        }
    }
    value
}
