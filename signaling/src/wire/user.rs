//! A user object (Discord: User). The nulls are there because clients index them.

use serde_json::Value;
use serde_json::json;
use state::record::AccountRecord;
use state::record::UserRecord;

/// A user as others see it.
#[must_use]
pub fn user(user: &UserRecord) -> Value {
    json!({
        "id": user.id,
        "username": user.username,
        "discriminator": "0",
        "global_name": user.global_name,
        "avatar": user.avatar,
        "avatar_decoration_data": null,
        "banner": null,
        "accent_color": null,
        "bot": user.bot,
        "system": false,
        "public_flags": user.flags,
        "flags": user.flags,
    })
}

/// A user as it sees itself (`/users/@me`, READY).
#[must_use]
pub fn private_user(account: &AccountRecord) -> Value {
    own_user(&account.user)
}

/// As [`private_user`], where only the public part is at hand (USER_UPDATE).
#[must_use]
pub fn own_user(record: &UserRecord) -> Value {
    let mut value = user(record);
    if let Value::Object(map) = &mut value {
        map.insert("email".to_owned(), Value::Null);
        map.insert("verified".to_owned(), Value::Bool(true));
        map.insert("mfa_enabled".to_owned(), Value::Bool(false));
        map.insert("locale".to_owned(), Value::from("en-US"));
        map.insert("premium_type".to_owned(), Value::from(0));
    }
    value
}
