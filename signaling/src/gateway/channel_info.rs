//! CHANNEL_INFO: what is true of voice channels only while people are in them, as op 43 asks for it
//! (Discord: Request Channel Info). Pure.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use state::Guild;

use super::filter::Viewer;
use super::incoming::ChannelInfoRequest;

/// The channels of a guild of which something asked for is to be told, among those that the viewer sees at
/// `now_ms`, Unix milliseconds.
pub(super) fn payload(
    guild: &Guild,
    viewer: &Viewer,
    request: &ChannelInfoRequest,
    now_ms: u64,
) -> Value {
    let mut live: Vec<_> = guild.live.iter().collect();
    live.sort_unstable_by_key(|(channel, _)| **channel);
    let seen = live.into_iter().filter(|(channel, _)| viewer.sees(guild, **channel, now_ms));
    let channels = seen.map(|(channel, live)| {
        let mut told = Map::new();
        told.insert("id".to_owned(), json!(channel));
        if request.asks_for("status") {
            told.insert("status".to_owned(), json!(live.status));
        }
        if request.asks_for("voice_start_time") {
            told.insert("voice_start_time".to_owned(), json!(live.since));
        }
        Value::Object(told)
    });
    json!({ "guild_id": guild.id, "channels": channels.collect::<Vec<_>>() })
}
