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

#[cfg(test)]
mod tests {
    use model::wire::gateway::presence::ActivityType;
    use model::wire::id::Id;
    use proptest::prelude::*;

    use super::*;

    const ANA: UserId = Id::new(1);

    fn playing(name: &str) -> Activity {
        Activity {
            application_id: None,
            assets: None,
            buttons: Vec::new(),
            created_at: None,
            details: None,
            details_url: None,
            emoji: None,
            flags: None,
            id: None,
            instance: None,
            kind: ActivityType::Playing,
            name: name.to_owned(),
            party: None,
            secrets: None,
            state: None,
            state_url: None,
            timestamps: None,
            url: None,
            status_display_type: None,
        }
    }

    fn session(status: Status, client: Client, game: &str) -> SessionPresence {
        SessionPresence { status, activities: vec![playing(game)], since: None, afk: false, client }
    }

    fn games(presence: &Presence) -> Vec<&str> {
        presence.activities.iter().map(|activity| activity.name.as_str()).collect()
    }

    #[test]
    fn no_session_is_offline() {
        assert_eq!(merge(ANA, &[]), Presence::offline(ANA));
    }

    #[test]
    fn the_most_present_session_wins_and_each_client_has_its_own() {
        let sessions = [
            session(Status::Idle, Client::Desktop, "chess"),
            session(Status::DoNotDisturb, Client::Mobile, "go"),
            session(Status::Idle, Client::Web, "draughts"),
        ];

        let merged = merge(ANA, &sessions);

        assert_eq!(merged.status, Status::DoNotDisturb);
        assert_eq!(merged.desktop, Some(Status::Idle));
        assert_eq!(merged.mobile, Some(Status::DoNotDisturb));
        assert_eq!(merged.web, Some(Status::Idle));
        assert_eq!(games(&merged), ["draughts", "go", "chess"]);
    }

    #[test]
    fn an_invisible_session_tells_nothing() {
        let hidden = session(Status::Invisible, Client::Desktop, "secret");

        assert_eq!(merge(ANA, std::slice::from_ref(&hidden)), Presence::offline(ANA));

        let merged = merge(ANA, &[hidden, session(Status::Idle, Client::Web, "chess")]);

        assert_eq!((merged.status, merged.desktop), (Status::Idle, None));
        assert_eq!(games(&merged), ["chess"]);
    }

    fn any_session() -> impl Strategy<Value = SessionPresence> {
        let status = prop::sample::select(vec![
            Status::Online,
            Status::Idle,
            Status::DoNotDisturb,
            Status::Invisible,
            Status::Offline,
        ]);
        let client = prop::sample::select(vec![Client::Desktop, Client::Mobile, Client::Web]);
        (status, client, "[a-c]").prop_map(|(status, client, game)| session(status, client, &game))
    }

    proptest! {
        #[test]
        fn merging_shows_what_some_visible_session_says_and_nothing_else(
            sessions in prop::collection::vec(any_session(), 0..6),
        ) {
            let merged = merge(ANA, &sessions);

            let visible: Vec<_> = sessions
                .iter()
                .filter(|s| !matches!(s.status, Status::Invisible | Status::Offline))
                .collect();
            prop_assert_eq!(merged.is_offline(), visible.is_empty());
            prop_assert_eq!(merged.activities.len(), visible.len());
            prop_assert!(merged.is_offline() || visible.iter().any(|s| s.status == merged.status));
            prop_assert!(visible.iter().all(|s| rank(s.status) <= rank(merged.status)));
            let clients = [merged.desktop, merged.mobile, merged.web];
            prop_assert_eq!(
                clients.iter().flatten().map(|&status| rank(status)).max().unwrap_or(0),
                rank(merged.status)
            );
        }

        #[test]
        fn the_order_of_sessions_decides_only_the_order_of_activities(
            sessions in prop::collection::vec(any_session(), 0..6),
        ) {
            let mut turned = sessions.clone();
            turned.reverse();

            let (one, mut other) = (merge(ANA, &sessions), merge(ANA, &turned));

            other.activities.reverse();
            prop_assert_eq!(one, other);
        }
    }
}
