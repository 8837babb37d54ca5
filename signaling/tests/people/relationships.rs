//! Friends, requests and blocks.

use model::id::UserId;
use serde_json::Value;
use serde_json::json;

use crate::JSON;
use crate::rest::done;
use crate::rest::refused;
use crate::stage::ANA;
use crate::stage::BEN;
use crate::stage::BOT;
use crate::stage::Stage;

const ALL: &str = "/users/@me/relationships";

fn with(user: UserId) -> String {
    format!("{ALL}/{user}")
}

pub(crate) async fn befriend(stage: &Stage) {
    done(stage, ANA, "PUT", &with(BEN), json!({ "type": 1 })).await;
    done(stage, BEN, "PUT", &with(ANA), json!({})).await;
}

#[tokio::test]
async fn a_request_by_name_is_told_to_both_accepted_and_ended() {
    let stage = Stage::open().await;
    let (mut ana, _) = stage.identify(ANA, JSON).await;
    let (mut ben, _) = stage.identify(BEN, JSON).await;

    done(&stage, ANA, "POST", ALL, json!({ "username": "BEN", "discriminator": null })).await;
    let outgoing = ana.hear("RELATIONSHIP_ADD").await;
    assert_eq!((&outgoing["d"]["id"], &outgoing["d"]["type"]), (&json!(BEN), &json!(4)));
    assert_eq!(outgoing["d"]["user"]["username"], "ben");
    let incoming = ben.hear("RELATIONSHIP_ADD").await;
    assert_eq!((&incoming["d"]["id"], &incoming["d"]["type"]), (&json!(ANA), &json!(3)));
    assert_eq!(incoming["d"]["should_notify"], true);

    done(&stage, BEN, "PUT", &with(ANA), json!({})).await;
    assert_eq!(ana.hear("RELATIONSHIP_ADD").await["d"]["type"], 1);
    assert_eq!(ben.hear("RELATIONSHIP_ADD").await["d"]["type"], 1);
    let seen = ana.hear("PRESENCE_UPDATE").await;
    assert_eq!((&seen["d"]["user"]["id"], &seen["d"]["status"]), (&json!(BEN), &json!("online")));
    assert!(seen["d"].get("guild_id").is_none());

    done(&stage, ANA, "PATCH", &with(BEN), json!({ "nickname": "Benny" })).await;
    assert_eq!(ana.hear("RELATIONSHIP_UPDATE").await["d"]["nickname"], "Benny");
    let listed = done(&stage, ANA, "GET", ALL, Value::Null).await;
    assert_eq!((&listed[0]["type"], &listed[0]["nickname"]), (&json!(1), &json!("Benny")));
    let (_, ready) = stage.identify(ANA, JSON).await;
    assert_eq!(ready["d"]["relationships"], listed);
    assert_eq!(ready["d"]["presences"][0]["user"]["id"], json!(BEN));

    done(&stage, BEN, "DELETE", &with(ANA), Value::Null).await;
    assert_eq!(ana.hear("RELATIONSHIP_REMOVE").await["d"]["id"], json!(BEN));
    assert_eq!(ben.hear("RELATIONSHIP_REMOVE").await["d"]["type"], 1);
    assert_eq!(done(&stage, ANA, "GET", ALL, Value::Null).await, json!([]));
}

#[tokio::test]
async fn friends_hear_of_each_other_without_a_guild() {
    let stage = Stage::open().await;
    befriend(&stage).await;
    stage.change(BEN, state::GuildCommand::Leave).await;
    let (mut ana, _) = stage.identify(ANA, JSON).await;

    let mut ben = stage.connect(JSON).await;
    ben.identify(&stage.token(BEN)).await;
    ben.hear("READY").await;
    let here = ana.hear("PRESENCE_UPDATE").await;
    assert_eq!((&here["d"]["user"]["id"], &here["d"]["status"]), (&json!(BEN), &json!("online")));
    done(&stage, BEN, "PATCH", "/users/@me", json!({ "global_name": "Benedict" })).await;
    assert_eq!(ana.hear("PRESENCE_UPDATE").await["d"]["user"]["global_name"], "Benedict");
    ben.close(1000).await;
    assert_eq!(ana.hear("PRESENCE_UPDATE").await["d"]["status"], "offline");

    // And may write to each other.
    done(&stage, ANA, "POST", "/users/@me/channels", json!({ "recipient_id": BEN })).await;
}

#[tokio::test]
async fn the_blocked_neither_write_nor_ask() {
    let stage = Stage::open().await;
    befriend(&stage).await;
    let open = json!({ "recipient_id": BEN });
    let channel = done(&stage, ANA, "POST", "/users/@me/channels", open.clone()).await;
    let said = format!("/channels/{}/messages", channel["id"].as_str().expect("an id"));
    let (mut ana, _) = stage.identify(ANA, JSON).await;

    done(&stage, BEN, "PUT", &with(ANA), json!({ "type": 2 })).await;

    // To the blocked, the friendship has ended and nothing more is told.
    assert_eq!(ana.hear("RELATIONSHIP_REMOVE").await["d"]["type"], 1);
    for user in [ANA, BEN] {
        refused(&stage, user, ("POST", &said), json!({ "content": "hm" }), 50_007).await;
    }
    refused(&stage, ANA, ("POST", "/users/@me/channels"), open, 50_007).await;
    refused(&stage, ANA, ("PUT", &with(BEN)), json!({}), 80_001).await;
    let listed = done(&stage, BEN, "GET", ALL, Value::Null).await;
    assert_eq!(listed[0]["type"], 2);
    assert_eq!(done(&stage, ANA, "GET", ALL, Value::Null).await, json!([]));
    done(&stage, BEN, "DELETE", &with(ANA), Value::Null).await;
    done(&stage, ANA, "POST", &said, json!({ "content": "ah" })).await;
}

#[tokio::test]
async fn what_cannot_be_friends_is_refused() {
    let stage = Stage::open().await;
    let name = |name: &str| json!({ "username": name });
    refused(&stage, ANA, ("POST", ALL), name("nobody"), 80_004).await;
    refused(&stage, ANA, ("POST", ALL), name("ana"), 80_003).await;
    refused(&stage, ANA, ("POST", ALL), name("bot"), 80_002).await;
    refused(&stage, BOT, ("POST", ALL), name("ana"), 20_001).await;
    let numbered = json!({ "username": "ben", "discriminator": "1234" });
    refused(&stage, ANA, ("POST", ALL), numbered, 80_004).await;
    refused(&stage, ANA, ("PUT", "/users/@me/relationships/999"), json!({}), 10_013).await;
    refused(&stage, ANA, ("PUT", &with(BEN)), json!({ "type": 9 }), 50_035).await;
    refused(&stage, ANA, ("PATCH", &with(BEN)), json!({ "nickname": "x" }), 10_013).await;
    befriend(&stage).await;
    refused(&stage, ANA, ("PUT", &with(BEN)), json!({}), 80_007).await;
    let long = json!({ "nickname": "x".repeat(33) });
    refused(&stage, ANA, ("PATCH", &with(BEN)), long, 50_035).await;
}
