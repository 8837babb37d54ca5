//! Who may touch whom: the owner, then by highest role (Discord: Permissions/Permission Hierarchy).

use model::id::RoleId;
use model::id::UserId;
use model::wire::guild::Role;

use crate::guild::Guild;

impl Guild {
    /// Whether `actor` stands above `target`: is the owner, or has a higher highest role.
    ///
    /// Nobody stands above themselves, and nobody above the owner. Who is not a member stands
    /// below every member.
    #[must_use]
    pub fn outranks(&self, actor: UserId, target: UserId) -> bool {
        if actor == target || target == self.settings.owner {
            return false;
        }
        if actor == self.settings.owner {
            return true;
        }
        self.highest_role(actor) > self.highest_role(target)
    }

    /// Whether `actor` stands above a role; the owner stands above all of them.
    #[must_use]
    pub fn outranks_role(&self, actor: UserId, role: RoleId) -> bool {
        let Some(role) = self.roles.get(&role) else { return false };
        actor == self.settings.owner
            || self.highest_role(actor).is_some_and(|highest| highest > role.as_ref())
    }

    /// The role that ranks a member: `@everyone` when there is no other. Equal positions rank by
    /// age, the older role higher (Discord: Permissions/Role Object).
    #[must_use]
    pub fn highest_role(&self, user: UserId) -> Option<&Role> {
        let member = self.members.peek(user)?;
        let everyone = self.roles.get(&self.id.cast());
        let roles = member.roles().filter_map(|role| self.roles.get(&role));
        everyone.into_iter().chain(roles).map(AsRef::as_ref).max()
    }
}
