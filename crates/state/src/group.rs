//! Private channels of more than two people: who is in them, what they are called. Pure.

use model::error_code::ErrorCode;
use model::id::UserId;
use model::limits;
use serde::Deserialize;
use serde::Serialize;

use crate::record::PrivateChannel;

/// What a group has beside its people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// May remove others and give the group away.
    pub owner: UserId,
    /// What it is called, when not by its people.
    #[serde(default)]
    pub name: Option<String>,
    /// Hash of its icon in the object store.
    #[serde(default)]
    pub icon: Option<String>,
    /// Grows by one with every change.
    #[serde(default)]
    pub version: u64,
}

/// A change of a group, read and allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupChange {
    /// Someone comes.
    Add(UserId),
    /// Someone leaves, or is removed. Who came first among those left owns it if the owner left.
    Remove(UserId),
    /// What is not told stays.
    Update {
        /// What it is called.
        name: Option<Option<String>>,
        /// Hash of its icon.
        icon: Option<Option<String>>,
        /// To whom it is given.
        owner: Option<UserId>,
    },
}

/// What came of a change. One is made for each change of a group, and used at once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "it is taken apart where it is made")]
pub enum GroupOutcome {
    /// It was made; nothing is left of a group that nobody is in.
    Changed {
        /// The group before.
        before: PrivateChannel,
        /// The group after.
        after: Option<PrivateChannel>,
    },
    /// Nothing was changed.
    Refused(ErrorCode),
}

/// The channel after a change; `None` when nobody is left in it.
///
/// # Errors
///
/// 50003 for what is no group, 30004 when it is full, 10013 for someone who is not in it.
pub fn changed(
    channel: &PrivateChannel,
    change: &GroupChange,
) -> Result<Option<PrivateChannel>, ErrorCode> {
    let mut channel = channel.clone();
    let group = channel.group.as_mut().ok_or(ErrorCode::CannotExecuteOnPrivateChannel)?;
    match change {
        GroupChange::Add(user) if channel.recipients.contains(user) => return Ok(Some(channel)),
        GroupChange::Add(_) if channel.recipients.len() >= limits::GROUP_PEOPLE => {
            return Err(ErrorCode::MaximumRecipients);
        }
        GroupChange::Add(user) => channel.recipients.push(*user),
        GroupChange::Remove(user) => {
            if !channel.recipients.contains(user) {
                return Err(ErrorCode::UnknownUser);
            }
            channel.recipients.retain(|other| other != user);
            let Some(eldest) = channel.recipients.first() else { return Ok(None) };
            if group.owner == *user {
                group.owner = *eldest;
            }
        }
        GroupChange::Update { name, icon, owner } => {
            if let Some(name) = name {
                group.name.clone_from(name);
            }
            if let Some(icon) = icon {
                group.icon.clone_from(icon);
            }
            if let Some(owner) = owner {
                if !channel.recipients.contains(owner) {
                    return Err(ErrorCode::UnknownUser);
                }
                group.owner = *owner;
            }
        }
    }
    group.version += 1;
    Ok(Some(channel))
}

#[cfg(test)]
mod tests {
    use model::wire::id::Id;

    use super::*;

    const ANA: UserId = Id::new(1);
    const BEN: UserId = Id::new(2);

    fn group() -> PrivateChannel {
        let group = Group { owner: ANA, name: None, icon: None, version: 0 };
        let recipients = vec![ANA, BEN];
        PrivateChannel { id: Id::new(9), recipients, last_message: None, group: Some(group) }
    }

    #[test]
    fn whoever_owns_a_group_and_leaves_gives_it_to_the_eldest() {
        let left = changed(&group(), &GroupChange::Remove(ANA)).unwrap().unwrap();

        assert_eq!(left.recipients, [BEN]);
        assert_eq!(left.group.as_ref().map(|group| (group.owner, group.version)), Some((BEN, 1)));
        assert_eq!(changed(&left, &GroupChange::Remove(BEN)), Ok(None));
        let stranger = changed(&left, &GroupChange::Remove(ANA));
        assert_eq!(stranger, Err(ErrorCode::UnknownUser));
    }

    #[test]
    fn a_group_is_full_at_ten() {
        let mut full = group();
        for id in 3..=10 {
            full = changed(&full, &GroupChange::Add(Id::new(id))).unwrap().unwrap();
        }

        let more = changed(&full, &GroupChange::Add(Id::new(11)));

        assert_eq!(more, Err(ErrorCode::MaximumRecipients));
        assert_eq!(changed(&full, &GroupChange::Add(BEN)), Ok(Some(full)));
    }

    #[test]
    fn a_pair_is_no_group() {
        let pair = PrivateChannel { group: None, ..group() };

        let refused = changed(&pair, &GroupChange::Add(Id::new(3)));

        assert_eq!(refused, Err(ErrorCode::CannotExecuteOnPrivateChannel));
    }
}
