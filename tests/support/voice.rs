//! A voice gateway client up to Ready, whatever transport it then chooses.

use serde_json::Value;
use serde_json::json;

use super::Instance;
use super::gateway::Gateway;
use super::gateway::Wire;
use super::text;

/// A voice session.
pub(crate) struct Voice {
    pub(crate) gateway: Gateway,
    pub(crate) wire: Wire,
    /// What op 2 said: `ssrc`, `ip`, `port`, `modes`.
    pub(crate) ready: Value,
}

impl Voice {
    /// Enters a channel and identifies at the voice server that is named then.
    pub(crate) async fn enter(instance: &Instance, token: &str, channel: &str) -> Self {
        let mut gateway = Gateway::identify(&instance.host(), token).await;
        let server = gateway.enter(&instance.guild, channel).await;
        let mut wire = Wire::open(&format!("ws://{}/?v=8", text(&server["endpoint"]))).await;
        wire.op(8).await;
        let d = json!({
            "server_id": instance.guild,
            "user_id": gateway.user,
            "session_id": gateway.session,
            "token": server["token"],
            "max_dave_protocol_version": 0,
        });
        wire.send(json!({ "op": 0, "d": d })).await;
        let ready = wire.op(2).await;
        Self { gateway, wire, ready }
    }

    /// Our SSRC.
    pub(crate) fn ssrc(&self) -> u32 {
        self.ready["ssrc"].as_u64().and_then(|ssrc| u32::try_from(ssrc).ok()).expect("an SSRC")
    }

    /// Chooses a transport; the session description.
    pub(crate) async fn select(&mut self, choice: Value) -> Value {
        self.wire.send(json!({ "op": 1, "d": choice })).await;
        self.wire.op(4).await
    }

    /// Says that we speak, without which nobody is told whose our SSRC is.
    pub(crate) async fn speak(&mut self) {
        let d = json!({ "speaking": 1, "delay": 0, "ssrc": self.ssrc() });
        self.wire.send(json!({ "op": 5, "d": d })).await;
    }
}
