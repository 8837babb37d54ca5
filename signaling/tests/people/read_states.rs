//! Read states and notification settings.

use serde_json::Value;
use serde_json::json;

use crate::JSON;
use crate::rest::ask;
use crate::rest::done;
use crate::rest::refused;
use crate::rest::say;
use crate::stage::ANA;
use crate::stage::BEN;
use crate::stage::BOT;
use crate::stage::GUILD;
use crate::stage::Stage;
use crate::stage::TEXT;

/// The read state of a channel in READY, if there is one.
async fn state(stage: &Stage, channel: &str) -> Option<Value> {
    let (client, ready) = stage.identify(BEN, JSON).await;
    client.close(1000).await;
    let entries = ready["d"]["read_state"]["entries"].as_array().expect("entries").clone();
    entries.into_iter().find(|entry| entry["id"] == channel)
}

#[tokio::test]
async fn what_was_read_is_told_to_all_sessions_and_comes_back_with_ready() {
    let stage = Stage::open().await;
    let text = TEXT.to_string();
    let first = say(&stage, ANA, &text, &format!("hail <@{BEN}>")).await;
    let second = say(&stage, ANA, &text, &format!("<@{BEN}> and @everyone")).await;
    let before = state(&stage, &text).await.expect("mentions that nobody read");
    assert_eq!((&before["mention_count"], &before["last_message_id"]), (&json!(2), &json!("0")));
    let (mut ben, _) = stage.identify(BEN, JSON).await;

    let path = format!("/channels/{text}/messages/{first}/ack");
    let answer = done(&stage, BEN, "POST", &path, json!({ "token": null, "flags": 1 })).await;

    assert_eq!(answer, json!({ "token": null }));
    let told = ben.hear("MESSAGE_ACK").await;
    assert_eq!((&told["d"]["channel_id"], &told["d"]["message_id"]), (&json!(text), &json!(first)));
    assert!(told["d"]["version"].is_u64());
    let after = state(&stage, &text).await.expect("a read state");
    assert_eq!((&after["last_message_id"], &after["mention_count"]), (&json!(first), &json!(1)));
    assert_eq!(after["flags"], 1);

    let path = format!("/channels/{text}/messages/{second}/ack");
    done(&stage, BEN, "POST", &path, json!({})).await;
    assert_eq!(state(&stage, &text).await.expect("a read state")["mention_count"], 0);
    // What was acknowledged late changes nothing; what is to be unread again does.
    let path = format!("/channels/{text}/messages/{first}/ack");
    done(&stage, BEN, "POST", &path, json!({})).await;
    assert_eq!(state(&stage, &text).await.expect("a state")["last_message_id"], json!(second));
    done(&stage, BEN, "POST", &path, json!({ "manual": true, "mention_count": 1 })).await;
    let back = ben.hear("MESSAGE_ACK").await;
    assert!(back["d"].get("manual").is_none());
    ben.hear("MESSAGE_ACK").await;
    let back = ben.hear("MESSAGE_ACK").await;
    assert_eq!((&back["d"]["manual"], &back["d"]["mention_count"]), (&json!(true), &json!(1)));
    let again = state(&stage, &text).await.expect("a read state");
    assert_eq!((&again["last_message_id"], &again["mention_count"]), (&json!(first), &json!(1)));

    let path = format!("/channels/{text}/messages/ack");
    done(&stage, BEN, "DELETE", &path, json!({ "version": 2 })).await;
    assert_eq!(state(&stage, &text).await.expect("mentions")["last_message_id"], "0");
}

#[tokio::test]
async fn whoever_speaks_has_read_and_the_channel_tells_its_newest_message() {
    let stage = Stage::open().await;
    let text = TEXT.to_string();
    say(&stage, ANA, &text, "@everyone").await;
    let own = say(&stage, BEN, &text, "here").await;

    let state = state(&stage, &text).await.expect("a read state");
    assert_eq!((&state["last_message_id"], &state["mention_count"]), (&json!(own), &json!(0)));
    let channel = done(&stage, BEN, "GET", &format!("/channels/{text}"), Value::Null).await;
    assert_eq!(channel["last_message_id"], json!(own));
    let mut client = stage.connect(JSON).await;
    client.identify(&stage.token(BEN)).await;
    let created = client.hear("GUILD_CREATE").await;
    let channels = created["d"]["channels"].as_array().expect("channels");
    let shown = channels.iter().find(|channel| channel["id"] == text).expect("the channel");
    assert_eq!(shown["last_message_id"], json!(own));
}

#[tokio::test]
async fn a_guild_and_many_channels_are_read_at_once() {
    let stage = Stage::open().await;
    let text = TEXT.to_string();
    let said = say(&stage, ANA, &text, "@everyone").await;
    let (mut ben, _) = stage.identify(BEN, JSON).await;
    done(&stage, BEN, "POST", &format!("/guilds/{GUILD}/ack"), json!({})).await;
    assert_eq!(ben.hear("MESSAGE_ACK").await["d"]["message_id"], json!(said));
    assert_eq!(state(&stage, &text).await.expect("a state")["mention_count"], 0);

    let next = say(&stage, ANA, &text, "@everyone").await;
    let bulk = json!({ "read_states": [
        { "channel_id": text, "message_id": next, "read_state_type": 0 },
        { "channel_id": "9999", "message_id": next },
        { "channel_id": GUILD, "message_id": "77", "read_state_type": 3 },
        { "channel_id": BEN, "message_id": "78", "read_state_type": 2 },
    ] });
    done(&stage, BEN, "POST", "/read-states/ack-bulk", bulk).await;
    assert_eq!(ben.hear("MESSAGE_ACK").await["d"]["message_id"], json!(next));
    assert_eq!(ben.hear("GUILD_FEATURE_ACK").await["d"]["entity_id"], "77");
    assert_eq!(ben.hear("USER_NON_CHANNEL_ACK").await["d"]["resource_id"], json!(BEN));
    let home = state(&stage, &GUILD.to_string()).await.expect("the guild's");
    assert_eq!((&home["read_state_type"], &home["last_acked_id"]), (&json!(3), &json!("77")));
    assert!(state(&stage, "9999").await.is_none());

    let many: Vec<_> =
        (1..=101).map(|_| json!({ "channel_id": text, "message_id": next })).collect();
    let route = ("POST", "/read-states/ack-bulk");
    refused(&stage, BEN, route, json!({ "read_states": many }), 50_035).await;
    let path = format!("/channels/{text}/messages/{next}/ack");
    refused(&stage, BOT, ("POST", &path), json!({}), 20_001).await;
    refused(&stage, BEN, ("POST", "/channels/9999/messages/5/ack"), json!({}), 10_003).await;
}

#[tokio::test]
async fn pins_are_seen_up_to_the_latest() {
    let stage = Stage::open().await;
    let text = TEXT.to_string();
    let said = say(&stage, ANA, &text, "pin me").await;
    done(&stage, ANA, "PUT", &format!("/channels/{text}/pins/{said}"), Value::Null).await;
    let (mut ben, _) = stage.identify(BEN, JSON).await;

    done(&stage, BEN, "POST", &format!("/channels/{text}/pins/ack"), json!({})).await;

    let told = ben.hear("CHANNEL_PINS_ACK").await;
    let state = state(&stage, &text).await.expect("a read state");
    assert_eq!(told["d"]["timestamp"], state["last_pin_timestamp"]);
    assert!(state["last_pin_timestamp"].as_str().expect("a time").starts_with("20"));
}

#[tokio::test]
async fn notifications_are_changed_told_and_come_back_with_ready() {
    let stage = Stage::open().await;
    let (mut ben, _) = stage.identify(BEN, JSON).await;
    let text = TEXT.to_string();
    let path = format!("/users/@me/guilds/{GUILD}/settings");
    let mute = json!({ "end_time": "2999-01-01T00:00:00.000Z", "selected_time_window": 3_600 });
    let change = json!({
        "muted": true, "suppress_everyone": true, "message_notifications": 1, "mute_config": mute,
        "channel_overrides": { text.clone(): { "muted": true }, "9999": { "muted": true } },
    });

    let shown = done(&stage, BEN, "PATCH", &path, change).await;

    let told = ben.hear("USER_GUILD_SETTINGS_UPDATE").await;
    assert_eq!(told["d"], shown);
    assert_eq!((&shown["muted"], &shown["suppress_roles"]), (&json!(true), &json!(false)));
    assert_eq!(shown["mute_config"]["selected_time_window"], 3_600);
    assert_eq!(shown["channel_overrides"].as_array().map(Vec::len), Some(1));
    assert_eq!(shown["channel_overrides"][0]["message_notifications"], 3);
    let (_, ready) = stage.identify(BEN, JSON).await;
    assert_eq!(ready["d"]["user_guild_settings"]["entries"], json!([shown]));
    // What is suppressed is no mention any more.
    say(&stage, ANA, &text, "@everyone").await;
    assert!(state(&stage, &text).await.is_none());

    let private = done(&stage, BEN, "PATCH", "/users/@me/guilds/@me/settings", json!({})).await;
    assert_eq!(private["guild_id"], Value::Null);
    let both = json!({ "guilds": { GUILD.to_string(): { "muted": false }, "@me": {} } });
    let both = done(&stage, BEN, "PATCH", "/users/@me/guilds/settings", both).await;
    assert_eq!(both.as_array().map(Vec::len), Some(2));
    let worse = json!({ "message_notifications": 9, "mute_config": { "end_time": "soon" } });
    let (status, answer) = ask(&stage, BEN, "PATCH", &path, worse).await;
    assert_eq!(status, 400);
    assert!(answer["errors"]["message_notifications"].is_object(), "{answer}");
    assert!(answer["errors"]["mute_config"]["end_time"].is_object(), "{answer}");
    let elsewhere = ("PATCH", "/users/@me/guilds/9999/settings");
    refused(&stage, BEN, elsewhere, json!({}), 10_004).await;
}

#[tokio::test]
async fn everything_that_is_said_in_private_is_a_mention_until_it_is_read() {
    let stage = Stage::open().await;
    let open = json!({ "recipient_id": BEN });
    let channel = done(&stage, ANA, "POST", "/users/@me/channels", open).await;
    let channel = channel["id"].as_str().expect("an id");
    for n in 0..3 {
        say(&stage, ANA, channel, &format!("{n}")).await;
    }
    assert_eq!(state(&stage, channel).await.expect("unread")["mention_count"], 3);

    let muted = json!({ "channel_overrides": { channel: { "muted": true } } });
    done(&stage, BEN, "PATCH", "/users/@me/guilds/@me/settings", muted).await;
    assert!(state(&stage, channel).await.is_none());
}
