//! A relationship object (userdoccers: Relationships).

use serde_json::Value;
use serde_json::json;
use state::record::UserRecord;
use state::relationship::Relationship;

use crate::parts::timestamp;

/// What another one is to a person.
#[must_use]
pub fn relationship(one: &Relationship, user: &UserRecord) -> Value {
    json!({
        "id": one.other,
        "type": one.bond as u8,
        "nickname": one.nickname,
        "user": super::user(user),
        "user_ignored": false,
        "is_spam_request": false,
        "stranger_request": false,
        "since": timestamp(one.since_ms),
    })
}
