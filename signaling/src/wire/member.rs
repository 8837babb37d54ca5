//! A guild member object (Discord: Guild/Guild Member).

use model::id::RoleId;
use model::wire::util::Timestamp;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;
use state::record::MemberRecord;
use state::record::UserRecord;

use super::user::User;

/// A [`MemberRecord`] as it is read, to be written without being copied.
#[derive(Serialize)]
pub(crate) struct Member<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<User<'a>>,
    nick: Option<&'a str>,
    avatar: Option<&'a str>,
    banner: (),
    roles: &'a [RoleId],
    joined_at: Timestamp,
    premium_since: (),
    deaf: bool,
    mute: bool,
    flags: u64,
    pending: bool,
    communication_disabled_until: Option<Timestamp>,
}

impl<'a> Member<'a> {
    /// A member, with its user where that is wanted.
    pub(crate) fn new(member: &'a MemberRecord, user: Option<&'a UserRecord>) -> Self {
        Self {
            user: user.map(User::from),
            nick: member.nick.as_deref(),
            avatar: member.avatar.as_deref(),
            banner: (),
            roles: &member.roles,
            joined_at: member.joined_at,
            premium_since: (),
            deaf: member.deaf,
            mute: member.mute,
            flags: member.flags,
            pending: member.pending,
            communication_disabled_until: member.communication_disabled_until,
        }
    }
}

/// A member with its user.
#[must_use]
pub fn member(member: &MemberRecord, user: &UserRecord) -> Value {
    json!(Member::new(member, Some(user)))
}

/// A member as it stands beside its user: in messages and typing.
#[must_use]
pub fn member_without_user(member: &MemberRecord) -> Value {
    json!(Member::new(member, None))
}
