//! Plan -> new guild and the events that tell of it.

use super::Guild;
use super::plan::Plan;
use crate::event::GuildEvent;

impl Guild {
    /// The guild after `plan`, and what to publish, in order.
    ///
    /// Members who are removed leave voice and presence too; those whom the change keeps out of
    /// their voice channel are disconnected (their [`GuildEvent::VoiceStateUpdated`] follows).
    #[must_use]
    pub fn apply(&self, plan: &Plan) -> (Self, Vec<GuildEvent>) {
        let _ = plan;
        todo!()
    }
}
