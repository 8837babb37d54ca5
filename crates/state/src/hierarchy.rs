//! Who may touch whom: the owner, then by highest role.

use model::id::RoleId;
use model::id::UserId;

use crate::guild::Guild;

impl Guild {
    /// Whether `actor` stands above `target`: is the owner, or has a higher highest role.
    #[must_use]
    pub fn outranks(&self, actor: UserId, target: UserId) -> bool {
        let _ = (actor, target);
        todo!()
    }

    /// Whether `actor` stands above a role.
    #[must_use]
    pub fn outranks_role(&self, actor: UserId, role: RoleId) -> bool {
        let _ = (actor, role);
        todo!()
    }
}
