//! One presence out of a user's sessions.

use model::id::UserId;
use model::wire::gateway::presence::Activity;
use model::wire::gateway::presence::Status;

/// Which kind of client a session is, for `client_status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Client {
    /// An installed application.
    Desktop,
    /// A phone.
    Mobile,
    /// A browser, or a bot.
    Web,
}

/// What one session says about its user.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionPresence {
    /// Online, idle, dnd or invisible.
    pub status: Status,
    /// What the user does.
    pub activities: Vec<Activity>,
    /// Unix milliseconds since when idle.
    pub since: Option<u64>,
    /// Away from the keyboard.
    pub afk: bool,
    /// The kind of client.
    pub client: Client,
}

/// What others see of a user.
#[derive(Debug, Clone, PartialEq)]
pub struct Presence {
    /// Whose.
    pub user: UserId,
    /// Merged over sessions; invisible is shown as offline.
    pub status: Status,
    /// Merged over sessions, newest session first.
    pub activities: Vec<Activity>,
    /// Status on a desktop, when not offline there.
    pub desktop: Option<Status>,
    /// Status on a phone, when not offline there.
    pub mobile: Option<Status>,
    /// Status in a browser, when not offline there.
    pub web: Option<Status>,
}

/// Merges the sessions of `user`, oldest first. No session is offline.
///
/// The most present status wins: online, then do-not-disturb, then idle.
#[must_use]
pub fn merge(user: UserId, sessions: &[SessionPresence]) -> Presence {
    let _ = (user, sessions);
    todo!()
}
