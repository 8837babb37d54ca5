//! What a person's client is greeted with that wants its guilds in READY itself.

use std::time::Duration;
use std::time::Instant;

use model::gateway::DispatchName;
use model::gateway::Intents;
use model::id::GuildId;
use serde_json::Value;
use state::GuildView;
use state::presence::Client;

use super::super::encode::Dispatch;
use super::super::filter::Viewer;
use super::super::pulse::Pulse;
use super::super::ready_whole;
use super::super::ready_whole::Pending;
use super::super::shape::Shaper;
use super::GatewaySession;
use crate::wire;

impl GatewaySession {
    /// The session of a person's client that wants its guilds in READY itself: it comes when the last
    /// of them was looked up.
    pub(in crate::gateway) fn whole(
        id: String,
        viewer: (Viewer, Client),
        resume_window: Duration,
        pulse: Pulse,
        (ready, guilds): (Value, Vec<GuildId>),
    ) -> Self {
        let pending = Pending::new(ready, guilds.len());
        let mut session = Self::bare(id, viewer, resume_window, pulse, guilds);
        session.rest.whole = true;
        if pending.is_complete() {
            let [ready, supplement] = pending.without_guilds();
            session.push(Dispatch::new(DispatchName::Ready, &ready));
            session.push(Dispatch::new(DispatchName::ReadySupplemental, &supplement));
        } else {
            session.pending = Some(Box::new(pending));
        }
        session
    }

    /// A guild, whole, as this client reads it.
    pub(super) fn shown(&self, view: &GuildView, shaper: Shaper<'_>) -> Value {
        let members = wire::MembersShown {
            large_threshold: self.viewer.large_threshold,
            all: self.viewer.wants(Intents::GUILD_MEMBERS),
            presences: self.viewer.wants(Intents::GUILD_PRESENCES),
        };
        let (user, now_ms) = (self.viewer.user, shaper.now_ms);
        let mut shown = wire::guild_create(view, user, shaper.users, members, now_ms);
        if self.rest.whole {
            ready_whole::with_properties(&mut shown);
        }
        shown
    }

    /// All guilds are there: READY, what supplements it, and what happened meanwhile.
    pub(super) fn greet(&mut self, now: Instant, shaper: Shaper<'_>) {
        let Some(mut pending) = self.pending.take() else { return };
        let shown: Vec<_> = pending.views().map(|view| self.shown(view, shaper)).collect();
        let held = pending.take_held();
        let [ready, supplement] = pending.with_guilds(shown, self.viewer.user, shaper.users);
        self.push_paced(Dispatch::new(DispatchName::Ready, &ready));
        self.push_paced(Dispatch::new(DispatchName::ReadySupplemental, &supplement));
        for event in held {
            self.handle_event(now, &event, shaper);
        }
    }
}
