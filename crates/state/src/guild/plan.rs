//! May they, and what exactly would change: `&Guild` + actor + command -> [`Plan`] or [`Denied`].

use std::sync::Arc;

use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::RoleId;
use model::id::UserId;
use model::wire::channel::Channel;
use model::wire::guild::Role;

use super::Guild;
use super::GuildSettings;
use super::command::GuildCommand;
use super::command::GuildDraft;
use crate::record::BanRecord;
use crate::record::MemberRecord;

/// An allowed change, not yet made. Storage commits it, then the mailbox applies it.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Of which guild.
    pub guild: GuildId,
    /// The version it was planned on; it commits only onto that.
    pub version: u64,
    /// What changes, in order.
    pub changes: Vec<Change>,
}

/// One row that a plan changes.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// New settings.
    Settings(Arc<GuildSettings>),
    /// The guild and all in it is deleted.
    DeleteGuild,
    /// A channel is new or replaced.
    PutChannel(Arc<Channel>),
    /// A channel is deleted.
    DeleteChannel(ChannelId),
    /// A role is new or replaced.
    PutRole(Arc<Role>),
    /// A role is deleted; members and overwrites that name it change by changes of their own.
    DeleteRole(RoleId),
    /// A member is new or replaced.
    PutMember(Arc<MemberRecord>),
    /// A member is removed.
    DeleteMember(UserId),
    /// A ban is new or replaced.
    PutBan(Arc<BanRecord>),
    /// A ban is lifted.
    DeleteBan(UserId),
}

/// Why a change is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Discord's code says it all: unknown thing, missing permission, a limit reached.
    #[error("{}", .0.message())]
    Code(ErrorCode),
    /// A field has a value that cannot be.
    #[error("{field}: {message}")]
    Field {
        /// The field's path in the request, dots between the parts.
        field: String,
        /// Discord's code of the fault, such as `BASE_TYPE_BAD_LENGTH`.
        code: &'static str,
        /// A sentence for the user.
        message: String,
    },
}

impl From<ErrorCode> for Denied {
    fn from(code: ErrorCode) -> Self {
        Self::Code(code)
    }
}

impl Guild {
    /// Plans `command` of `actor` on this snapshot.
    ///
    /// # Errors
    ///
    /// [`Denied`] when the actor may not, the target is unknown, or a limit is reached.
    pub fn plan(&self, actor: UserId, command: &GuildCommand) -> Result<Plan, Denied> {
        let _ = (actor, command);
        todo!()
    }

    /// A new guild with its owner in it, at version 1.
    ///
    /// # Errors
    ///
    /// [`Denied::Field`] when the name is too short or too long.
    pub fn found(draft: GuildDraft) -> Result<Self, Denied> {
        let _ = draft;
        todo!()
    }
}
