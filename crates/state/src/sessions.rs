//! Who is connected, and how present that makes them. Knows nothing of guilds.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use arc_swap::ArcSwapOption;
use model::id::UserId;

use crate::actor::Subscriber;
use crate::actor::SubscriberId;
use crate::event::UserEvent;
use crate::fanout::Hearer;
use crate::presence::Presence;
use crate::presence::SessionPresence;
use crate::presence::merge;

/// A connected subscriber. Dead ones hear nothing more, wherever a copy of them is still kept.
pub(crate) struct Session {
    pub(crate) id: SubscriberId,
    pub(crate) user: UserId,
    /// Emptied when the session ends: maps let go of their values late, and its queue must not
    /// keep a thousand events that long.
    live: ArcSwapOption<Subscriber>,
}

impl Session {
    /// Queues an event.
    pub(crate) fn push(&self, event: UserEvent) -> Pushed {
        match &*self.live.load() {
            Some(subscriber) if subscriber.push(event) => Pushed::Queued,
            Some(subscriber) if subscriber.overflow.is_tripped() => Pushed::TooSlow,
            _ => Pushed::Gone,
        }
    }

    /// How it hears at once.
    pub(crate) fn hearer(&self) -> Option<Arc<dyn Hearer>> {
        self.live.load().as_ref()?.hearer.clone()
    }

    pub(crate) fn is_live(&self) -> bool {
        self.live.load().is_some()
    }
}

/// What became of an event that was pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pushed {
    Queued,
    /// The queue is full: the session is to be closed.
    TooSlow,
    /// The session ended.
    Gone,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Sessions {
    by_id: papaya::HashMap<SubscriberId, Arc<Session>>,
    by_user: papaya::HashMap<UserId, Arc<Vec<Arc<Session>>>>,
    /// What each session says, oldest first. Merged presences change only under this lock, so
    /// that the last one merged is the last one seen.
    said: Mutex<HashMap<UserId, Vec<(SubscriberId, SessionPresence)>>>,
    /// Everyone who is not offline.
    merged: papaya::HashMap<UserId, Arc<Presence>>,
}

impl Sessions {
    pub(crate) fn connect(&self, subscriber: Subscriber) {
        let (id, user) = (subscriber.id, subscriber.user);
        self.disconnect(id);
        let live = ArcSwapOption::from_pointee(subscriber);
        let session = Arc::new(Session { id, user, live });
        self.by_id.pin().insert(id, Arc::clone(&session));
        self.by_user.pin().update_or_insert_with(
            user,
            |sessions| {
                let mut sessions = (**sessions).clone();
                sessions.push(Arc::clone(&session));
                Arc::new(sessions)
            },
            || Arc::new(vec![Arc::clone(&session)]),
        );
    }

    /// Forgets a session; returns whose it was.
    pub(crate) fn disconnect(&self, id: SubscriberId) -> Option<UserId> {
        let session = self.by_id.pin().remove(&id).cloned()?;
        session.live.store(None);
        let user = session.user;
        self.by_user.pin().compute(user, |entry| {
            let Some((_, sessions)) = entry else { return papaya::Operation::Abort(()) };
            let left: Vec<_> = sessions.iter().filter(|other| other.id != id).cloned().collect();
            if left.is_empty() {
                papaya::Operation::Remove
            } else {
                papaya::Operation::Insert(Arc::new(left))
            }
        });
        Some(user)
    }

    pub(crate) fn session(&self, id: SubscriberId) -> Option<Arc<Session>> {
        self.by_id.pin().get(&id).cloned()
    }

    /// Whether the user has a session.
    pub(crate) fn is_connected(&self, user: UserId) -> bool {
        self.by_user.pin().contains_key(&user)
    }

    /// Sends an event to all sessions of a user.
    pub(crate) fn notify(&self, user: UserId, event: &UserEvent) {
        let sessions = self.by_user.pin().get(&user).cloned();
        for session in sessions.iter().flat_map(|sessions| sessions.iter()) {
            session.push(event.clone());
        }
    }

    /// The presence of a user; `None` is offline.
    pub(crate) fn presence(&self, user: UserId) -> Option<Arc<Presence>> {
        self.merged.pin().get(&user).cloned()
    }

    /// Takes what a session says now; whether that changes the user's presence.
    pub(crate) fn say(
        &self,
        user: UserId,
        id: SubscriberId,
        presence: Option<SessionPresence>,
    ) -> bool {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let sessions = said.entry(user).or_default();
        let place = sessions.iter().position(|(other, _)| *other == id);
        match (place, presence) {
            (Some(place), Some(presence)) => sessions[place].1 = presence,
            (Some(place), None) => drop(sessions.remove(place)),
            (None, Some(presence)) => sessions.push((id, presence)),
            (None, None) => {}
        }
        let sayings: Vec<_> = sessions.iter().map(|(_, presence)| presence.clone()).collect();
        if sessions.is_empty() {
            said.remove(&user);
        }
        let new = merge(user, &sayings);
        let merged = self.merged.pin();
        let old = merged.get(&user);
        if old.map_or_else(|| new.is_offline(), |old| **old == new) {
            return false;
        }
        if new.is_offline() {
            merged.remove(&user);
        } else {
            merged.insert(user, Arc::new(new));
        }
        true
    }
}
