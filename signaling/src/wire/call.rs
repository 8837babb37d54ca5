//! Calls in private channels, as the gateway tells of them (userdoccers: Gateway Events/Calls).

use serde_json::Value;
use serde_json::json;
use state::call::Call;

/// CALL_CREATE: a call with everyone who is in it.
#[must_use]
pub fn call_create(call: &Call) -> Value {
    let mut value = call_update(call);
    let states = call.voice.values().map(|state| super::voice_state(state, None));
    value["voice_states"] = states.collect();
    value
}

/// CALL_UPDATE: whom it rings.
#[must_use]
pub fn call_update(call: &Call) -> Value {
    json!({
        "channel_id": call.channel.id,
        "message_id": call.message,
        "region": REGION,
        "ringing": call.ringing.keys().collect::<Vec<_>>(),
    })
}

/// CALL_DELETE.
#[must_use]
pub fn call_delete(call: &Call, unavailable: bool) -> Value {
    let mut value = json!({ "channel_id": call.channel.id });
    if unavailable {
        value["unavailable"] = json!(true);
    }
    value
}

/// The one voice region that there is: this server.
pub(crate) const REGION: &str = "guildhall";
