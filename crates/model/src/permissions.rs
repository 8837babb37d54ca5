//! Permissions (Discord: Permissions/Bitwise Permission Flags) that twilight's type has no name for yet,
//! and reading that keeps them: its own drops what it does not know.
//!
//! `!` of that type loses them too; take away by `-` or `remove`.

use serde::Deserialize;
use serde::Deserializer;
use serde::de::DeserializeOwned;
use serde::de::Error as _;
use serde_json::Value;
use twilight_model::channel::Channel;
use twilight_model::guild::Permissions;
use twilight_model::guild::Role;

/// To say what is going on in a voice channel in which one is.
pub const SET_VOICE_CHANNEL_STATUS: Permissions = Permissions::from_bits_retain(1 << 48);
/// All that there are: what owners and administrators have.
pub const ALL: Permissions = Permissions::all().union(SET_VOICE_CHANNEL_STATUS);

/// The permissions among `bits`. Bits that do not exist grant nothing, and nobody could have them.
#[must_use]
pub const fn among(bits: u64) -> Permissions {
    Permissions::from_bits_retain(bits & ALL.bits())
}

/// Discord's names for them, in the order of their bits.
pub fn names(permissions: Permissions) -> impl Iterator<Item = (&'static str, Permissions)> {
    let newer = [("SET_VOICE_CHANNEL_STATUS", SET_VOICE_CHANNEL_STATUS)];
    let newer = newer.into_iter().filter(move |(_, newer)| permissions.contains(*newer));
    let mut all: Vec<_> = permissions.iter_names().chain(newer).collect();
    all.sort_by_key(|(_, permission)| permission.bits());
    all.into_iter()
}

/// Reads permissions of a request: a decimal string or a number, or null.
///
/// # Errors
///
/// When it is neither.
pub fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Permissions>, D::Error> {
    let value = Option::<Value>::deserialize(from)?;
    value.map(|value| parse(&value).ok_or_else(|| D::Error::custom(EXPECTED))).transpose()
}

const EXPECTED: &str = "expected permissions as a decimal string or a number";

/// The same of a value that is there; `None` when it is neither.
#[must_use]
pub fn parse(value: &Value) -> Option<Permissions> {
    let bits = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    Some(among(bits))
}

/// A shape of twilight's as it was written, with all its permissions.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept<T>(pub T);

/// A shape whose permissions its own reading drops.
pub trait Restore: DeserializeOwned {
    /// Takes them from what it was read from.
    fn restore(&mut self, from: &Value);
}

impl Restore for Role {
    fn restore(&mut self, from: &Value) {
        self.permissions = parse(&from["permissions"]).unwrap_or(self.permissions);
    }
}

impl Restore for Channel {
    fn restore(&mut self, from: &Value) {
        let written = from["permission_overwrites"].as_array().into_iter().flatten();
        for (overwrite, from) in self.permission_overwrites.iter_mut().flatten().zip(written) {
            overwrite.allow = parse(&from["allow"]).unwrap_or(overwrite.allow);
            overwrite.deny = parse(&from["deny"]).unwrap_or(overwrite.deny);
        }
    }
}

impl<'de, T: Restore> Deserialize<'de> for Kept<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(from)?;
        let mut shape = T::deserialize(&value).map_err(D::Error::custom)?;
        shape.restore(&value);
        Ok(Self(shape))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use twilight_model::channel::permission_overwrite::PermissionOverwrite;
    use twilight_model::channel::permission_overwrite::PermissionOverwriteType;
    use twilight_model::id::Id;

    use super::*;

    #[derive(Deserialize)]
    struct Body {
        #[serde(default, deserialize_with = "read")]
        permissions: Option<Permissions>,
    }

    #[test]
    fn a_request_names_permissions_by_string_or_number_and_none_that_do_not_exist() {
        let read = |value: Value| {
            let body = serde_json::from_value::<Body>(json!({ "permissions": value }));
            body.ok().map(|body| body.permissions)
        };
        let spoken = Permissions::SPEAK | SET_VOICE_CHANNEL_STATUS;

        assert_eq!(read(json!(spoken.bits().to_string())), Some(Some(spoken)));
        assert_eq!(read(json!(spoken.bits() | 1 << 60)), Some(Some(spoken)));
        assert_eq!(read(Value::Null), Some(None));
        assert!(serde_json::from_str::<Body>("{}").is_ok_and(|body| body.permissions.is_none()));
        assert_eq!(read(json!("many")), None);
    }

    #[test]
    fn what_was_written_of_a_channel_is_read_with_all_its_permissions() {
        let channel = json!({ "id": "1", "type": 2, "permission_overwrites": [] });
        let mut channel: Channel = serde_json::from_value(channel).expect("a channel");
        channel.permission_overwrites = Some(vec![PermissionOverwrite {
            allow: SET_VOICE_CHANNEL_STATUS,
            deny: ALL - SET_VOICE_CHANNEL_STATUS,
            id: Id::new(7),
            kind: PermissionOverwriteType::Role,
        }]);

        let written = serde_json::to_string(&channel).expect("JSON");

        let read: Kept<Channel> = serde_json::from_str(&written).expect("a channel");
        assert_eq!(read.0, channel);
    }

    #[test]
    fn names_are_in_the_order_of_bits() {
        let some = Permissions::SEND_POLLS | SET_VOICE_CHANNEL_STATUS | Permissions::SPEAK;
        let named: Vec<_> = names(some).map(|(name, _)| name).collect();
        assert_eq!(named, ["SPEAK", "SET_VOICE_CHANNEL_STATUS", "SEND_POLLS"]);
    }
}
