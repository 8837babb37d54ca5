//! What a session hears of voice outside its guilds, and of the server that carries it.

use model::gateway::DispatchName;
use serde_json::Value;
use serde_json::json;
use state::call::CallEvent;
use state::event::VoiceServer;

use super::super::encode::Dispatch;
use super::GatewaySession;
use crate::wire;

impl GatewaySession {
    /// Something happened to the call of a private channel, or is so when the client comes.
    pub(super) fn handle_call(&mut self, event: &CallEvent) {
        // Nobody calls a bot.
        if self.viewer.bot || !self.viewer.shard.has_private() {
            return;
        }
        let (name, payload) = match event {
            CallEvent::Created(call) | CallEvent::Shown(call, _) => {
                (DispatchName::CallCreate, wire::call_create(call))
            }
            CallEvent::Updated(call) => (DispatchName::CallUpdate, wire::call_update(call)),
            CallEvent::Voice(_, state) => {
                (DispatchName::VoiceStateUpdate, wire::voice_state(state, None))
            }
            CallEvent::Deleted { call, unavailable } => {
                (DispatchName::CallDelete, wire::call_delete(call, *unavailable))
            }
        };
        self.push(Dispatch::new(name, &payload));
    }

    /// A voice server was assigned; only the session that asked for one hears of it.
    pub(super) fn handle_voice_server(&mut self, server: &VoiceServer) {
        let VoiceServer { session, guild, channel, token, endpoint } = server;
        if *session != self.rest.id {
            return;
        }
        let mut payload = json!({ "token": token, "guild_id": guild, "endpoint": endpoint });
        if let (Some(channel), Value::Object(map)) = (channel, &mut payload) {
            map.insert("channel_id".to_owned(), json!(channel));
        }
        self.push(Dispatch::new(DispatchName::VoiceServerUpdate, &payload));
    }
}
