//! A guild member object (Discord: Guild/Guild Member).

use serde_json::Value;
use serde_json::json;
use state::record::MemberRecord;
use state::record::UserRecord;

/// A member with its user.
#[must_use]
pub fn member(member: &MemberRecord, user: &UserRecord) -> Value {
    let mut value = member_without_user(member);
    if let Value::Object(map) = &mut value {
        map.insert("user".to_owned(), super::user(user));
    }
    value
}

/// A member as it stands beside its user: in messages and typing.
#[must_use]
pub fn member_without_user(member: &MemberRecord) -> Value {
    json!({
        "nick": member.nick,
        "avatar": member.avatar,
        "banner": null,
        "roles": member.roles,
        "joined_at": member.joined_at,
        "premium_since": null,
        "deaf": member.deaf,
        "mute": member.mute,
        "flags": member.flags,
        "pending": member.pending,
        "communication_disabled_until": member.communication_disabled_until,
    })
}
