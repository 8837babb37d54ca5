//! Holds what each request of a test does in guilds against what its operation declares: no dispatch and
//! no entry of an audit log that the server's description does not know of.
//!
//! What happens always is demanded where each operation is tried by itself (`rest/effects`).
#![allow(unreachable_pub, reason = "shared by test binaries")]

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use model::id::UserId;
use serde_json::Value;
use signaling::Parts;
use signaling::gateway::dispatch_name;
use state::GuildEvent;
use state::Overflow;
use state::Subscriber;
use state::SubscriberId;
use state::UserEvent;
use state::audit::actions;
use state::voice::VoiceCommand;
use tokio::sync::mpsc;

/// Hears all that is published in any guild.
#[derive(Clone)]
pub struct Watch(Arc<Inner>);

struct Inner {
    events: Mutex<mpsc::Receiver<UserEvent>>,
    /// Requests that were begun, and those of them that were answered.
    begun: AtomicUsize,
    answered: AtomicUsize,
}

/// A request under way.
pub struct Watched {
    begun: usize,
    alone: bool,
}

impl Watch {
    pub fn of(parts: &Parts) -> Self {
        let (queue, events) = mpsc::channel(EVENTS);
        let (id, user) = (SubscriberId(u64::MAX - 1), UserId::new(u64::MAX));
        let overflow = Arc::new(Overflow::default());
        parts.store.observe(Subscriber { id, user, queue, overflow, hearer: None });
        let (begun, answered) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self(Arc::new(Inner { events: Mutex::new(events), begun, answered }))
    }

    /// Forgets what happened before a request.
    pub async fn begin(&self, parts: &Parts) -> Watched {
        let begun = self.0.begun.fetch_add(1, Ordering::SeqCst);
        let alone = begun == self.0.answered.load(Ordering::SeqCst);
        settle(parts).await;
        drop(self.heard());
        Watched { begun, alone }
    }

    /// What a request did that `operation` does not declare; nothing is known when others were under
    /// way meanwhile.
    pub async fn faults(&self, watched: Watched, parts: &Parts, operation: &Value) -> Vec<String> {
        settle(parts).await;
        let heard = self.heard();
        let latest = self.0.begun.load(Ordering::SeqCst) == watched.begun + 1;
        self.0.answered.fetch_add(1, Ordering::SeqCst);
        if !watched.alone || !latest {
            return Vec::new();
        }
        let declares = |effects: &str, name: &str| {
            let effects = operation[effects].as_array().into_iter().flatten();
            effects.into_iter().any(|effect| effect["name"] == name)
        };
        let mut faults = Vec::new();
        for event in heard {
            let UserEvent::Guild(publication) = event else { continue };
            let event = &publication.event;
            // Sessions and calls tell these, too, when they come to it.
            if matches!(
                event,
                GuildEvent::PresenceUpdated { .. }
                    | GuildEvent::VoiceStateUpdated(_)
                    | GuildEvent::VoiceStarted { .. }
                    | GuildEvent::VoiceStatusChanged { .. }
            ) {
                continue;
            }
            let name = dispatch_name(event).as_str();
            if !declares("x-dispatches", name) {
                faults.push(format!("it sends {name}, which is not declared"));
            }
            if let GuildEvent::AuditLogged(entry) = event {
                let action = entry.what.action;
                let name = actions::name(action).unwrap_or("an action without a name");
                if !declares("x-audit-log-actions", name) {
                    faults.push(format!("it logs {name} ({action:?}), which is not declared"));
                }
            }
        }
        faults
    }

    fn heard(&self) -> Vec<UserEvent> {
        let mut events = self.0.events.lock().expect("nobody panicked with it");
        std::iter::from_fn(|| events.try_recv().ok()).collect()
    }
}

/// Waits until each guild has told all that it was given.
async fn settle(parts: &Parts) {
    for guild in parts.store.all() {
        let nobody =
            VoiceCommand::SessionEnded { user: UserId::new(u64::MAX), session: String::new() };
        // A guild that ends meanwhile has nothing more to tell.
        drop(guild.voice(nobody, parts.now_ms()).await);
    }
}

/// More than any test makes happen by one request.
const EVENTS: usize = 65_536;
