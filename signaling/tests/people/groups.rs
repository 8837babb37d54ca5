//! Private channels of more than two people.

use model::id::UserId;
use model::wire::id::Id;
use serde_json::Value;
use serde_json::json;

use crate::JSON;
use crate::rest::done;
use crate::rest::refused;
use crate::rest::say;
use crate::stage::ANA;
use crate::stage::BEN;
use crate::stage::BOT;
use crate::stage::Stage;

/// A GIF of one pixel, as clients send it.
const GIF: &str = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs=";
/// Someone who is in no guild, and a friend of Ana.
const CAI: UserId = Id::new(4);

/// Ana is a friend of Ben and of Cai.
async fn open() -> Stage {
    let mut stage = Stage::open().await;
    stage.welcome(CAI, "cai").await;
    for user in [BEN, CAI] {
        done(&stage, ANA, "PUT", &format!("/users/@me/relationships/{user}"), json!({})).await;
        done(&stage, user, "PUT", &format!("/users/@me/relationships/{ANA}"), json!({})).await;
    }
    stage
}

async fn found(stage: &Stage) -> String {
    let wanted = json!({ "recipients": [BEN, CAI] });
    let made = done(stage, ANA, "POST", "/users/@me/channels", wanted).await;
    assert_eq!((&made["type"], &made["owner_id"]), (&json!(3), &json!(ANA)));
    made["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn friends_talk_in_a_group_that_comes_back_with_ready() {
    let stage = open().await;
    let (mut ben, _) = stage.identify(BEN, JSON).await;

    let group = found(&stage).await;

    let told = ben.hear("CHANNEL_CREATE").await;
    assert_eq!((&told["d"]["id"], &told["d"]["type"]), (&json!(group), &json!(3)));
    assert_eq!(told["d"]["recipients"].as_array().map(Vec::len), Some(2));
    say(&stage, ANA, &group, "hail").await;
    assert_eq!(ben.hear("MESSAGE_CREATE").await["d"]["content"], "hail");
    let (_, ready) = stage.identify(BEN, JSON).await;
    assert_eq!(ready["d"]["private_channels"][0]["id"], json!(group));
    let read = ready["d"]["read_state"]["entries"].as_array().expect("entries");
    assert!(read.iter().any(|entry| entry["id"] == json!(group) && entry["mention_count"] == 1));
    let path = format!("/channels/{group}/messages");
    refused(&stage, BOT, ("GET", &path), Value::Null, 50_001).await;
}

#[tokio::test]
async fn people_come_and_go_and_the_system_says_so() {
    let stage = open().await;
    let group = found(&stage).await;
    let (mut ben, _) = stage.identify(BEN, JSON).await;
    let recipient = |user: UserId| format!("/channels/{group}/recipients/{user}");

    // Only the owner removes others.
    refused(&stage, BEN, ("DELETE", &recipient(CAI)), Value::Null, 50_013).await;
    done(&stage, ANA, "DELETE", &recipient(CAI), Value::Null).await;
    assert_eq!(ben.hear("CHANNEL_RECIPIENT_REMOVE").await["d"]["user"]["id"], json!(CAI));
    let noted = ben.hear("MESSAGE_CREATE").await;
    assert_eq!((&noted["d"]["type"], &noted["d"]["author"]["id"]), (&json!(2), &json!(ANA)));
    assert_eq!(noted["d"]["mentions"][0]["id"], json!(CAI));
    let said = format!("/channels/{group}/messages");
    refused(&stage, CAI, ("POST", &said), json!({ "content": "hm" }), 50_001).await;

    // Who is no friend is not brought in; who is, sees the group.
    refused(&stage, BEN, ("PUT", &recipient(CAI)), json!({}), 50_007).await;
    let mut cai = stage.connect(JSON).await;
    cai.identify(&stage.token(CAI)).await;
    cai.hear("READY").await;
    done(&stage, ANA, "PUT", &recipient(CAI), json!({})).await;
    assert_eq!(cai.hear("CHANNEL_CREATE").await["d"]["id"], json!(group));
    assert_eq!(ben.hear("CHANNEL_RECIPIENT_ADD").await["d"]["user"]["username"], "cai");
    assert_eq!(ben.hear("MESSAGE_CREATE").await["d"]["type"], 1);
    assert_eq!(cai.hear("MESSAGE_CREATE").await["d"]["type"], 1);

    // The owner leaves: whoever came first has it.
    let left = done(&stage, ANA, "DELETE", &format!("/channels/{group}"), Value::Null).await;
    assert_eq!(left["id"], json!(group));
    let changed = ben.hear("CHANNEL_UPDATE").await;
    assert_eq!(changed["d"]["owner_id"], json!(BEN));
    assert_eq!(ben.hear("MESSAGE_CREATE").await["d"]["type"], 2);
    refused(&stage, ANA, ("GET", &format!("/channels/{group}")), Value::Null, 50_001).await;

    // In silence; then nobody is left, and nothing of it.
    let quietly = format!("/channels/{group}?silent=true");
    for user in [BEN, CAI] {
        done(&stage, user, "DELETE", &quietly, Value::Null).await;
    }
    assert_eq!(cai.hear("CHANNEL_DELETE").await["d"]["id"], json!(group));
    refused(&stage, CAI, ("GET", &format!("/channels/{group}")), Value::Null, 10_003).await;
}

#[tokio::test]
async fn a_group_is_named_pictured_and_given_away() {
    let stage = open().await;
    let group = found(&stage).await;
    let path = format!("/channels/{group}");
    let (mut cai, _) = {
        let mut cai = stage.connect(JSON).await;
        cai.identify(&stage.token(CAI)).await;
        let ready = cai.hear("READY").await;
        (cai, ready)
    };

    let named = done(&stage, BEN, "PATCH", &path, json!({ "name": "Crew", "icon": GIF })).await;

    assert_eq!(named["name"], "Crew");
    let told = cai.hear("CHANNEL_UPDATE").await;
    assert_eq!((&told["d"]["name"], &told["d"]["icon"]), (&named["name"], &named["icon"]));
    let noted = cai.hear("MESSAGE_CREATE").await;
    assert_eq!((&noted["d"]["type"], &noted["d"]["content"]), (&json!(4), &json!("Crew")));
    assert_eq!(cai.hear("MESSAGE_CREATE").await["d"]["type"], 5);
    refused(&stage, BEN, ("PATCH", &path), json!({ "owner": BEN }), 50_013).await;
    let given = done(&stage, ANA, "PATCH", &path, json!({ "owner": CAI })).await;
    assert_eq!(given["owner_id"], json!(CAI));
    let long = json!({ "name": "x".repeat(101) });
    refused(&stage, BEN, ("PATCH", &path), long, 50_035).await;
}

#[tokio::test]
async fn a_third_makes_a_group_of_a_pair() {
    let stage = open().await;
    let open = json!({ "recipient_id": BEN });
    let pair = done(&stage, ANA, "POST", "/users/@me/channels", open).await;
    let pair = pair["id"].as_str().expect("an id");

    let path = format!("/channels/{pair}/recipients/{CAI}");
    let group = done(&stage, ANA, "PUT", &path, json!({})).await;

    assert_eq!(group["type"], 3);
    assert_ne!(group["id"], json!(pair));
    assert_eq!(group["recipients"].as_array().map(Vec::len), Some(2));
    let name = json!({ "name": "no" });
    refused(&stage, ANA, ("PATCH", &format!("/channels/{pair}")), name, 50_003).await;
    let strangers = json!({ "recipients": [ANA, CAI] });
    refused(&stage, BEN, ("POST", "/users/@me/channels"), strangers, 50_007).await;
    let many: Vec<_> = (100..110).collect();
    let many = json!({ "recipients": many });
    refused(&stage, ANA, ("POST", "/users/@me/channels"), many, 30_004).await;
}
