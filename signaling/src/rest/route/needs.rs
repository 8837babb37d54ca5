//! What a caller needs for an operation, declared where the operation is.

use model::wire::guild::Permissions;

use super::describe::Taken;

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Anyone, without a token.
    Nothing,
    /// A token that stands in the path.
    TokenInPath,
    /// Any account.
    Account,
    /// A member of the guild of the path, or someone who sees its channel.
    Member,
    /// A member with all of these permissions, in the guild or in the channel of the path.
    All(Permissions),
    /// A member with one of these permissions, or the author or maker of what is asked for.
    Any(Permissions),
    /// Whoever said it; some of it others, too, by permissions.
    Author,
    /// The guild's owner.
    Owner,
    /// The application of the path itself.
    Application,
}

impl Needs {
    /// What an operation needs that does not say.
    pub(super) fn of_habit(path: &str, takes: &Taken) -> Self {
        match (takes.account, path.contains("{token}")) {
            (_, true) => Self::TokenInPath,
            (false, false) => Self::Nothing,
            (true, false) if path.starts_with("/guilds/{guild}") => Self::Member,
            (true, false) if path.starts_with("/channels/{channel}") => Self::Member,
            (true, false) if path.starts_with("/applications/{application}") => Self::Application,
            (true, false) => Self::Account,
        }
    }
}
