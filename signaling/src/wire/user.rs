//! A user object (Discord: User). The nulls are there because clients index them.

use model::id::UserId;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;
use state::record::AccountRecord;
use state::record::UserRecord;

/// A [`UserRecord`] as others see it, to be written without being copied.
#[derive(Serialize)]
pub(crate) struct User<'a> {
    id: UserId,
    username: &'a str,
    discriminator: &'static str,
    global_name: Option<&'a str>,
    avatar: Option<&'a str>,
    avatar_decoration_data: (),
    banner: (),
    accent_color: (),
    bot: bool,
    system: bool,
    public_flags: u64,
    flags: u64,
}

impl<'a> From<&'a UserRecord> for User<'a> {
    fn from(user: &'a UserRecord) -> Self {
        Self {
            id: user.id,
            username: &user.username,
            discriminator: "0",
            global_name: user.global_name.as_deref(),
            avatar: user.avatar.as_deref(),
            avatar_decoration_data: (),
            banner: (),
            accent_color: (),
            bot: user.bot,
            system: false,
            public_flags: user.flags,
            flags: user.flags,
        }
    }
}

/// A user as others see it.
#[must_use]
pub fn user(user: &UserRecord) -> Value {
    json!(User::from(user))
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
