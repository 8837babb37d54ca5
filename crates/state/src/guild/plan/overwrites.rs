//! Overwrites of channels: nobody opens or closes with one what they themselves lack.

use std::sync::Arc;

use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::limits;
use model::wire::channel::Channel;
use model::wire::channel::permission_overwrite::PermissionOverwrite;
use model::wire::channel::permission_overwrite::PermissionOverwriteType;
use model::wire::guild::Permissions;

use super::Asked;
use super::Change;
use super::Denied;
use super::field;

impl Asked<'_> {
    pub(super) fn set_overwrite(
        self,
        id: ChannelId,
        overwrite: PermissionOverwrite,
    ) -> Result<Vec<Change>, Denied> {
        let channel = self.channel_with_roles(id)?;
        let mut overwrites = channel.permission_overwrites.clone().unwrap_or_default();
        match overwrites.iter_mut().find(|other| other.id == overwrite.id) {
            Some(other) => *other = overwrite,
            None => overwrites.push(overwrite),
        }
        self.replace_overwrites(channel, &overwrites)
    }

    pub(super) fn remove_overwrite(self, id: ChannelId, of: u64) -> Result<Vec<Change>, Denied> {
        let channel = self.channel_with_roles(id)?;
        let mut overwrites = channel.permission_overwrites.clone().unwrap_or_default();
        let before = overwrites.len();
        overwrites.retain(|overwrite| overwrite.id.get() != of);
        if overwrites.len() == before {
            return Err(ErrorCode::UnknownOverwrite.into());
        }
        self.replace_overwrites(channel, &overwrites)
    }

    fn channel_with_roles(&self, id: ChannelId) -> Result<&Arc<Channel>, Denied> {
        let channel = self.guild.channels.get(&id).ok_or(ErrorCode::UnknownChannel)?;
        self.require_in(id, Permissions::MANAGE_ROLES)?;
        Ok(channel)
    }

    fn replace_overwrites(
        self,
        channel: &Channel,
        new: &[PermissionOverwrite],
    ) -> Result<Vec<Change>, Denied> {
        let old = channel.permission_overwrites.as_deref().unwrap_or_default();
        let held = self.guild.permissions_in(self.actor, channel.id, self.now_ms).0;
        let new = self.checked_overwrites(old, new, held)?;
        if new == old {
            return Ok(Vec::new());
        }
        let channel = Channel { permission_overwrites: Some(new), ..channel.clone() };
        Ok(vec![Change::PutChannel(Arc::new(channel))])
    }

    /// The overwrites `new` in place of `old`, if the actor may: every bit that changes, either
    /// way, must be one that they hold, in the guild or as `held` in the channel.
    ///
    /// MANAGE_ROLES in a channel is for administrators to give (Discord: Create Guild Channel).
    pub(super) fn checked_overwrites(
        self,
        old: &[PermissionOverwrite],
        new: &[PermissionOverwrite],
        held: Permissions,
    ) -> Result<Vec<PermissionOverwrite>, Denied> {
        if new.len() > limits::OVERWRITES {
            let message = format!("Must be {} or fewer in length.", limits::OVERWRITES);
            return Err(field::bad("permission_overwrites", "BASE_TYPE_MAX_LENGTH", message));
        }
        let mut checked: Vec<PermissionOverwrite> = Vec::with_capacity(new.len());
        for overwrite in new {
            let known = match overwrite.kind {
                PermissionOverwriteType::Role => {
                    self.guild.roles.contains_key(&overwrite.id.cast())
                }
                // People may come back: an overwrite outlives their membership.
                PermissionOverwriteType::Member => true,
                _ => false,
            };
            if !known {
                return Err(ErrorCode::UnknownOverwrite.into());
            }
            checked.retain(|other| other.id != overwrite.id);
            // Deny has no say where allow has one; keep only what counts.
            checked
                .push(PermissionOverwrite { deny: overwrite.deny - overwrite.allow, ..*overwrite });
        }
        if !self.guild.is_administrator(self.actor) {
            let held = (held | self.guild.permissions(self.actor, self.now_ms).0)
                - Permissions::MANAGE_ROLES;
            if !held.contains(changed_bits(old, &checked)) {
                return Err(ErrorCode::MissingPermissions.into());
            }
        }
        Ok(checked)
    }
}

/// Every bit that is allowed or denied differently to anyone.
fn changed_bits(old: &[PermissionOverwrite], new: &[PermissionOverwrite]) -> Permissions {
    let find = |list: &[PermissionOverwrite], wanted: &PermissionOverwrite| {
        let found = list.iter().find(|other| other.id == wanted.id && other.kind == wanted.kind);
        found.map_or((Permissions::empty(), Permissions::empty()), |o| (o.allow, o.deny))
    };
    old.iter().chain(new).fold(Permissions::empty(), |sum, overwrite| {
        let (old_allow, old_deny) = find(old, overwrite);
        let (new_allow, new_deny) = find(new, overwrite);
        sum | (old_allow ^ new_allow) | (old_deny ^ new_deny)
    })
}
