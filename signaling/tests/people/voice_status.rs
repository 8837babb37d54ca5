//! What is true of a voice channel while people are in it: its status, and since when.

use serde_json::Value;
use serde_json::json;

use crate::JSON;
use crate::rest::done;
use crate::rest::refused;
use crate::stage::ANA;
use crate::stage::BEN;
use crate::stage::BOT;
use crate::stage::GUILD;
use crate::stage::Stage;
use crate::stage::TEXT;
use crate::stage::VOICE;

const STATUS: &str = "VOICE_CHANNEL_STATUS_UPDATE";
const STARTED: &str = "VOICE_CHANNEL_START_TIME_UPDATE";

fn path() -> String {
    format!("/channels/{VOICE}/voice-status")
}

fn update(channel: Value) -> Value {
    json!({ "guild_id": GUILD, "channel_id": channel, "self_mute": false, "self_deaf": false })
}

#[tokio::test]
async fn a_status_is_told_asked_for_and_ends_with_the_last_one_there() {
    let stage = Stage::open().await;
    let (mut ana, _) = stage.identify(ANA, JSON).await;
    let (mut ben, _) = stage.identify(BEN, JSON).await;
    refused(&stage, BEN, ("PUT", &path()), json!({ "status": "Baking" }), 50_013).await;

    ben.send(4, update(json!(VOICE))).await;
    let started = ana.hear(STARTED).await["d"].clone();
    assert_eq!((&started["id"], &started["guild_id"]), (&json!(VOICE), &json!(GUILD)));
    let since = started["voice_start_time"].clone();
    assert!(since.as_u64().is_some_and(|since| since > 1_700_000_000), "{started}");
    done(&stage, BEN, "PUT", &path(), json!({ "status": "  Baking " })).await;
    let told = ana.hear(STATUS).await["d"].clone();
    assert_eq!(told, json!({ "id": VOICE, "guild_id": GUILD, "status": "Baking" }));

    ana.send(43, json!({ "guild_id": GUILD, "fields": ["status"] })).await;
    let info = ana.hear("CHANNEL_INFO").await["d"].clone();
    assert_eq!(info["channels"], json!([{ "id": VOICE, "status": "Baking" }]));
    ana.send(43, json!({ "guild_id": GUILD, "fields": ["status", "voice_start_time"] })).await;
    let info = ana.hear("CHANNEL_INFO").await["d"].clone();
    assert_eq!(info["channels"][0]["voice_start_time"], since);
    let log = done(&stage, ANA, "GET", &format!("/guilds/{GUILD}/audit-logs"), Value::Null).await;
    let entry = &log["audit_log_entries"][0];
    assert_eq!((&entry["action_type"], &entry["target_id"]), (&json!(192), &json!(VOICE)));
    assert_eq!(entry["options"]["status"], "Baking");

    // Who comes later begins nothing; the last one who leaves ends it.
    ana.send(4, update(json!(VOICE))).await;
    ana.hear("VOICE_SERVER_UPDATE").await;
    ben.send(4, update(Value::Null)).await;
    ana.send(4, update(Value::Null)).await;
    assert_eq!(ana.hear(STARTED).await["d"]["voice_start_time"], Value::Null);
    assert_eq!(ana.hear(STATUS).await["d"]["status"], Value::Null);
    ana.send(43, json!({ "guild_id": GUILD, "fields": ["status"] })).await;
    assert_eq!(ana.hear("CHANNEL_INFO").await["d"]["channels"], json!([]));
}

#[tokio::test]
async fn who_may_not_say_what_goes_on_is_refused_though_there() {
    let stage = Stage::open().await;
    let (mut ben, _) = stage.identify(BEN, JSON).await;
    ben.send(4, update(json!(VOICE))).await;
    ben.hear("VOICE_SERVER_UPDATE").await;
    done(&stage, BEN, "PUT", &path(), json!({ "status": "Baking" })).await;

    // It is kept as it was said, by string or number.
    let everyone = format!("/channels/{VOICE}/permissions/{GUILD}");
    let shut = json!({ "type": 0, "deny": (1_u64 << 48).to_string() });
    done(&stage, ANA, "PUT", &everyone, shut).await;
    let channel = done(&stage, ANA, "GET", &format!("/channels/{VOICE}"), Value::Null).await;
    assert_eq!(channel["permission_overwrites"][0]["deny"], (1_u64 << 48).to_string());

    refused(&stage, BEN, ("PUT", &path()), json!({ "status": "Bread" }), 50_013).await;
    done(&stage, ANA, "DELETE", &everyone, Value::Null).await;
    let role = format!("/guilds/{GUILD}/roles/{GUILD}");
    let roles = done(&stage, ANA, "GET", &role, Value::Null).await;
    let bits: u64 = roles["permissions"].as_str().and_then(|bits| bits.parse().ok()).expect("bits");
    assert_ne!(bits & 1 << 48, 0, "everybody has it by default");
    done(&stage, ANA, "PATCH", &role, json!({ "permissions": bits & !(1 << 48) })).await;
    refused(&stage, BEN, ("PUT", &path()), json!({ "status": "Bread" }), 50_013).await;
    done(&stage, ANA, "PATCH", &role, json!({ "permissions": bits })).await;
    done(&stage, BEN, "PUT", &path(), json!({ "status": "Bread" })).await;
}

#[tokio::test]
async fn who_manages_a_channel_says_what_goes_on_there_without_being_there() {
    let stage = Stage::open().await;
    let (mut bot, _) = stage.identify(BOT, "v=10&encoding=json").await;
    done(&stage, ANA, "PUT", &path(), json!({ "status": "Bread" })).await;
    assert_eq!(bot.hear(STATUS).await["d"]["status"], "Bread");
    // Said again it is the same.
    done(&stage, ANA, "PUT", &path(), json!({ "status": "Bread" })).await;
    done(&stage, ANA, "PUT", &path(), json!({ "status": null })).await;
    assert_eq!(bot.hear(STATUS).await["d"]["status"], Value::Null);
    let log = done(&stage, ANA, "GET", &format!("/guilds/{GUILD}/audit-logs"), Value::Null).await;
    let entries = log["audit_log_entries"].as_array().expect("entries");
    let actions: Vec<_> =
        entries.iter().take(2).map(|entry| entry["action_type"].clone()).collect();
    assert_eq!(actions, [193, 192]);

    let long = json!({ "status": "x".repeat(501) });
    refused(&stage, ANA, ("PUT", &path()), long, 50_035).await;
    let text = format!("/channels/{TEXT}/voice-status");
    refused(&stage, ANA, ("PUT", &text), json!({ "status": "x" }), 50_024).await;
}
