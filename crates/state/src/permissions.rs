//! The one place that computes permissions (Discord: Permissions/Permission Overwrites).

use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::UserId;
use model::wire::guild::Permissions;

use crate::guild::Guild;

/// What a user may do, ready to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed(pub Permissions);

impl Allowed {
    /// Whether all of `needed` is there.
    #[must_use]
    pub const fn has(self, needed: Permissions) -> bool {
        self.0.contains(needed)
    }

    /// Demands all of `needed`.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::MissingAccess`] when the channel cannot even be seen, else
    /// [`ErrorCode::MissingPermissions`].
    pub const fn require(self, needed: Permissions) -> Result<(), ErrorCode> {
        if self.0.contains(needed) {
            Ok(())
        } else if needed.contains(Permissions::VIEW_CHANNEL)
            && !self.0.contains(Permissions::VIEW_CHANNEL)
        {
            Err(ErrorCode::MissingAccess)
        } else {
            Err(ErrorCode::MissingPermissions)
        }
    }
}

impl Guild {
    /// What `user` may do in the guild at large; nothing when not a member.
    ///
    /// `now_ms`, Unix milliseconds, decides whether a timeout still holds.
    #[must_use]
    pub fn permissions(&self, user: UserId, now_ms: u64) -> Allowed {
        let _ = (user, now_ms);
        todo!()
    }

    /// What `user` may do in a channel; nothing when not a member or the channel is not here.
    ///
    /// Without VIEW_CHANNEL nothing is left. `now_ms` as in [`permissions`](Self::permissions).
    #[must_use]
    pub fn permissions_in(&self, user: UserId, channel: ChannelId, now_ms: u64) -> Allowed {
        let _ = (user, channel, now_ms);
        todo!()
    }
}
