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

impl Presence {
    /// The presence of someone without a visible session.
    #[must_use]
    pub const fn offline(user: UserId) -> Self {
        Self {
            user,
            status: Status::Offline,
            activities: Vec::new(),
            desktop: None,
            mobile: None,
            web: None,
        }
    }

    /// Whether others see the user as offline.
    #[must_use]
    pub fn is_offline(&self) -> bool {
        self.status == Status::Offline
    }
}

/// Merges the sessions of `user`, oldest first. No session is offline.
///
/// The most present status wins: online, then do-not-disturb, then idle. Invisible sessions count
/// as none: neither their status nor what they do is shown.
#[must_use]
pub fn merge(user: UserId, sessions: &[SessionPresence]) -> Presence {
    let visible = || sessions.iter().filter(|session| rank(session.status) > 0);
    let best = |client: Option<Client>| {
        let asked =
            visible().filter(|session| client.is_none_or(|client| session.client == client));
        asked.map(|session| session.status).max_by_key(|&status| rank(status))
    };
    let newest_first = sessions.iter().rev().filter(|session| rank(session.status) > 0);
    Presence {
        user,
        status: best(None).unwrap_or(Status::Offline),
        activities: newest_first.flat_map(|session| session.activities.iter().cloned()).collect(),
        desktop: best(Some(Client::Desktop)),
        mobile: best(Some(Client::Mobile)),
        web: best(Some(Client::Web)),
    }
}

/// How present a status is; 0 is not to be seen.
const fn rank(status: Status) -> u8 {
    match status {
        Status::Online => 3,
        Status::DoNotDisturb => 2,
        Status::Idle => 1,
        Status::Invisible | Status::Offline => 0,
    }
}
