//! Voice state and stage instance objects (Discord: Voice, Stage Instance).

use serde_json::Value;
use serde_json::json;
use state::voice::StageInstance;
use state::voice::VoiceState;

/// A voice state, of a call without a guild; `member` is the whole member object where the event carries it.
#[must_use]
pub fn voice_state(state: &VoiceState, member: Option<Value>) -> Value {
    let mut value = json!({
        "channel_id": state.channel,
        "user_id": state.user,
        "session_id": state.session,
        "deaf": state.deaf,
        "mute": state.mute,
        "self_deaf": state.self_deaf,
        "self_mute": state.self_mute,
        "self_video": state.self_video,
        "self_stream": state.self_stream,
        "suppress": state.suppress,
        "request_to_speak_timestamp": state.request_to_speak,
    });
    if let Value::Object(map) = &mut value {
        if let Some(guild) = state.guild {
            map.insert("guild_id".to_owned(), json!(guild));
        }
        if let Some(member) = member {
            map.insert("member".to_owned(), member);
        }
    }
    value
}

/// A stage that is on: for the guild's members alone, as all of them are here.
#[must_use]
pub fn stage_instance(stage: &StageInstance) -> Value {
    json!({
        "id": stage.id,
        "guild_id": stage.guild,
        "channel_id": stage.channel,
        "topic": stage.topic,
        "privacy_level": GUILD_ONLY,
        "discoverable_disabled": true,
        "guild_scheduled_event_id": stage.event,
    })
}

/// Discord: Privacy Level.
pub(crate) const GUILD_ONLY: u8 = 2;
