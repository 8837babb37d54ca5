//! Roles: nobody touches one that is not below their own, nobody gives away what they lack.

use std::sync::Arc;

use model::error_code::ErrorCode;
use model::id::RoleId;
use model::limits;
use model::wire::guild::Permissions;
use model::wire::guild::Role;
use model::wire::guild::RoleColors;
use model::wire::guild::RoleFlags;

use super::Asked;
use super::Change;
use super::Denied;
use super::field;
use crate::guild::command::RolePatch;

impl Asked<'_> {
    pub(super) fn create_role(self, id: RoleId, patch: &RolePatch) -> Result<Vec<Change>, Denied> {
        self.require(Permissions::MANAGE_ROLES)?;
        if self.guild.roles.len() >= limits::ROLES {
            return Err(ErrorCode::MaximumRoles.into());
        }
        if self.guild.roles.contains_key(&id) {
            return Err(field::bad("id", "BASE_TYPE_ALREADY_EXISTS", "The id is taken."));
        }
        // Position 1 is just above @everyone; among equals the older role ranks higher, so a new
        // role is below all others, its maker's included.
        let granted = self.guild.permissions(self.actor, self.now_ms).0;
        let everyone = self.guild.roles.get(&self.guild.id.cast());
        let default = everyone.map_or(Permissions::empty(), |role| role.permissions) & granted;
        let mut role = new_role(id, "new role", default, 1);
        self.patch_role(&mut role, patch)?;
        Ok(vec![Change::PutRole(Arc::new(role))])
    }

    pub(super) fn update_role(self, id: RoleId, patch: &RolePatch) -> Result<Vec<Change>, Denied> {
        let old = self.role_below(id)?;
        let mut role = (**old).clone();
        self.patch_role(&mut role, patch)?;
        if id == self.guild.id.cast() && role.name != old.name {
            return Err(ErrorCode::InvalidRole.into());
        }
        if role == **old {
            return Ok(Vec::new());
        }
        Ok(vec![Change::PutRole(Arc::new(role))])
    }

    pub(super) fn move_roles(self, moves: &[(RoleId, i64)]) -> Result<Vec<Change>, Denied> {
        self.require(Permissions::MANAGE_ROLES)?;
        let owner = self.actor == self.guild.settings.owner;
        let highest = self.guild.highest_role(self.actor).map_or(0, |role| role.position);
        let mut changes = Vec::new();
        for &(id, position) in moves {
            let role = self.guild.roles.get(&id).ok_or(ErrorCode::UnknownRole)?;
            if role.position == position {
                continue;
            }
            let role = self.role_below(id)?;
            if id == self.guild.id.cast() {
                return Err(ErrorCode::InvalidRole.into());
            }
            if position < 1 || position > i64::from(i32::MAX) {
                let message = "int value should be greater than or equal to 1.";
                return Err(field::bad("position", "NUMBER_TYPE_MIN", message));
            }
            if !owner && position >= highest {
                return Err(ErrorCode::MissingPermissions.into());
            }
            let mut role = (**role).clone();
            role.position = position;
            changes.push(Change::PutRole(Arc::new(role)));
        }
        Ok(changes)
    }

    pub(super) fn delete_role(self, id: RoleId) -> Result<Vec<Change>, Denied> {
        let role = self.role_below(id)?;
        if id == self.guild.id.cast() || role.managed {
            return Err(ErrorCode::InvalidRole.into());
        }
        let mut changes = Vec::new();
        let having =
            self.guild.members.peeks().filter(|member| member.roles().any(|one| one == id));
        for mut member in having.map(|member| member.record()) {
            member.roles.retain(|&other| other != id);
            changes.push(Change::PutMember(Arc::new(member)));
        }
        changes.extend(self.without_overwrites(id));
        changes.push(Change::DeleteRole(id));
        Ok(changes)
    }

    /// Channels without what they say of that role.
    pub(super) fn without_overwrites(self, id: RoleId) -> Vec<Change> {
        let mut changes = Vec::new();
        for channel in self.guild.channels.values() {
            let overwrites = channel.permission_overwrites.as_deref().unwrap_or_default();
            if !overwrites.iter().any(|overwrite| overwrite.id == id.cast()) {
                continue;
            }
            let mut channel = (**channel).clone();
            let overwrites = channel.permission_overwrites.get_or_insert_default();
            overwrites.retain(|overwrite| overwrite.id != id.cast());
            changes.push(Change::PutChannel(Arc::new(channel)));
        }
        changes
    }

    /// A role that the actor may manage.
    fn role_below(&self, id: RoleId) -> Result<&Arc<Role>, Denied> {
        self.require(Permissions::MANAGE_ROLES)?;
        let role = self.guild.roles.get(&id).ok_or(ErrorCode::UnknownRole)?;
        if !self.guild.outranks_role(self.actor, id) {
            return Err(ErrorCode::MissingPermissions.into());
        }
        Ok(role)
    }

    fn patch_role(self, role: &mut Role, patch: &RolePatch) -> Result<(), Denied> {
        if let Some(name) = &patch.name {
            field::length("name", name.trim(), limits::NAME)?;
            name.trim().clone_into(&mut role.name);
        }
        if let Some(permissions) = patch.permissions {
            let added = permissions - role.permissions;
            self.require(added)?;
            role.permissions = permissions;
        }
        if let Some(color) = patch.color {
            field::number("color", color, &(0..=0xff_ffff))?;
            paint(role, color);
        }
        role.hoist = patch.hoist.unwrap_or(role.hoist);
        role.mentionable = patch.mentionable.unwrap_or(role.mentionable);
        Ok(())
    }
}

/// A role without colour, name and permissions as given.
#[expect(deprecated, reason = "the wire still carries `color` beside `colors`")]
pub(crate) fn new_role(id: RoleId, name: &str, permissions: Permissions, position: i64) -> Role {
    Role {
        color: 0,
        colors: RoleColors { primary_color: 0, secondary_color: None, tertiary_color: None },
        hoist: false,
        icon: None,
        id,
        managed: false,
        mentionable: false,
        name: name.to_owned(),
        permissions,
        position,
        flags: RoleFlags::empty(),
        tags: None,
        unicode_emoji: None,
    }
}

#[expect(deprecated, reason = "the wire still carries `color` beside `colors`")]
const fn paint(role: &mut Role, color: u32) {
    role.color = color;
    role.colors.primary_color = color;
}
