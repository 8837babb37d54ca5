//! What newcomers and moderators hear of a guild's screening.

use model::id::UserId;
use model::wire::id::Id;
use serde_json::Value;
use serde_json::json;

use crate::JSON;
use crate::rest::done;
use crate::stage::ANA;
use crate::stage::BEN;
use crate::stage::BOT;
use crate::stage::Client;
use crate::stage::GUILD;
use crate::stage::Stage;
use crate::stage::TEXT;

/// Someone who is in no guild yet.
const CAI: UserId = Id::new(4);

fn field() -> Value {
    json!({ "field_type": "TEXT_INPUT", "label": "Who sent you?", "required": true })
}

fn rules() -> Value {
    json!({ "field_type": "TERMS", "label": "Rules", "required": true, "values": ["Be kind."] })
}

/// A guild that screens; Cai has an account.
async fn open(field: Value) -> Stage {
    let mut stage = Stage::open().await;
    stage.welcome(CAI, "cai").await;
    let form = json!({ "enabled": true, "form_fields": [field] });
    done(&stage, ANA, "PATCH", &format!("/guilds/{GUILD}/member-verification"), form).await;
    stage
}

async fn join(stage: &Stage) {
    let invites = format!("/channels/{TEXT}/invites");
    let invite = done(stage, ANA, "POST", &invites, json!({})).await;
    let code = invite["code"].as_str().expect("a code");
    done(stage, CAI, "POST", &format!("/invites/{code}"), json!({})).await;
}

async fn fill(stage: &Stage, field: &Value, response: Value) {
    let mut filled = field.clone();
    filled["response"] = response;
    let body = json!({ "form_fields": [filled] });
    done(stage, CAI, "PUT", &format!("/guilds/{GUILD}/requests/@me"), body).await;
}

/// The names of what a client hears until that one, which is left out.
async fn until(client: &mut Client, name: &str) -> Vec<String> {
    let mut names = Vec::new();
    loop {
        let told = client.next().await;
        let told = told["t"].as_str().unwrap_or_default().to_owned();
        if told == name {
            return names;
        }
        names.push(told);
    }
}

#[tokio::test]
async fn a_newcomer_hears_of_the_form_and_of_passing_it() {
    let stage = open(rules()).await;
    let mut cai = stage.connect(JSON).await;
    cai.identify(&stage.token(CAI)).await;
    assert_eq!(cai.hear("READY").await["d"]["guild_join_requests"], json!([]));
    let (mut ana, _) = stage.identify(ANA, JSON).await;

    join(&stage).await;

    let added = ana.hear("GUILD_MEMBER_ADD").await;
    assert_eq!((&added["d"]["user"]["id"], &added["d"]["pending"]), (&json!(CAI), &json!(true)));
    let begun = cai.hear("GUILD_JOIN_REQUEST_CREATE").await["d"].clone();
    assert_eq!((&begun["status"], &begun["guild_id"]), (&json!("STARTED"), &json!(GUILD)));
    assert_eq!(begun["request"]["user_id"], json!(CAI));
    let mut late = stage.connect(JSON).await;
    late.identify(&stage.token(CAI)).await;
    let ready = late.hear("READY").await;
    assert_eq!(ready["d"]["guild_join_requests"], json!([begun["request"]]));
    let created = late.hear("GUILD_CREATE").await;
    let members = created["d"]["members"].as_array().expect("members");
    let own = members.iter().find(|member| member["user"]["id"] == json!(CAI));
    assert_eq!(own.expect("one's own")["pending"], true);

    fill(&stage, &rules(), json!(true)).await;

    let passed = cai.hear("GUILD_MEMBER_UPDATE").await;
    assert_eq!((&passed["d"]["user"]["id"], &passed["d"]["pending"]), (&json!(CAI), &json!(false)));
    let approved = cai.hear("GUILD_JOIN_REQUEST_UPDATE").await;
    assert_eq!(approved["d"]["status"], "APPROVED");
    assert!(approved["d"]["request"].get("form_responses").is_none());
    let told = until(&mut ana, "GUILD_JOIN_REQUEST_UPDATE").await;
    assert!(!told.contains(&"GUILD_JOIN_REQUEST_CREATE".to_owned()), "{told:?}");
}

#[tokio::test]
async fn moderators_alone_hear_of_what_waits_with_its_answers() {
    let stage = open(field()).await;
    join(&stage).await;
    let (mut ana, _) = stage.identify(ANA, JSON).await;
    let (mut ben, _) = stage.identify(BEN, JSON).await;
    let (mut bot, _) = stage.identify(BOT, JSON).await;
    let (mut cai, _) = stage.identify(CAI, JSON).await;

    fill(&stage, &field(), json!("Ana")).await;

    let waits = ana.hear("GUILD_JOIN_REQUEST_UPDATE").await["d"].clone();
    assert_eq!(waits["status"], "SUBMITTED");
    assert_eq!(waits["request"]["form_responses"][0]["response"], "Ana");
    assert_eq!(waits["request"]["user"]["username"], "cai");
    assert_eq!(cai.hear("GUILD_JOIN_REQUEST_UPDATE").await["d"]["status"], "SUBMITTED");
    let id = waits["request"]["id"].as_str().expect("an id");

    let why = json!({ "action": "REJECTED", "rejection_reason": "Nobody knows you." });
    done(&stage, ANA, "PATCH", &format!("/guilds/{GUILD}/requests/{id}"), why).await;

    let rejected = cai.hear("GUILD_JOIN_REQUEST_UPDATE").await["d"].clone();
    assert_eq!(rejected["status"], "REJECTED");
    assert_eq!(rejected["request"]["rejection_reason"], "Nobody knows you.");
    assert_eq!(cai.hear("GUILD_DELETE").await["d"]["id"], json!(GUILD));
    let decided = ana.hear("GUILD_JOIN_REQUEST_UPDATE").await;
    assert_eq!(decided["d"]["request"]["actioned_by_user"]["id"], json!(ANA));
    ana.hear("GUILD_MEMBER_REMOVE").await;
    for other in [&mut ben, &mut bot] {
        let told = until(other, "GUILD_MEMBER_REMOVE").await;
        assert!(!told.iter().any(|name| name.contains("JOIN_REQUEST")), "{told:?}");
    }
}

#[tokio::test]
async fn a_request_that_is_taken_back_vanishes_for_moderators() {
    let stage = open(field()).await;
    join(&stage).await;
    fill(&stage, &field(), json!("Ana")).await;
    let (mut ana, _) = stage.identify(ANA, JSON).await;
    let (mut cai, _) = stage.identify(CAI, JSON).await;

    done(&stage, CAI, "POST", &format!("/guilds/{GUILD}/requests/@me"), Value::Null).await;

    let gone = ana.hear("GUILD_JOIN_REQUEST_DELETE").await["d"].clone();
    assert_eq!((&gone["user_id"], &gone["guild_id"]), (&json!(CAI), &json!(GUILD)));
    assert_eq!(cai.hear("GUILD_JOIN_REQUEST_DELETE").await["d"], gone);
    let anew = cai.hear("GUILD_JOIN_REQUEST_CREATE").await;
    assert_eq!(anew["d"]["status"], "STARTED");
    assert_ne!(anew["d"]["request"]["id"], gone["id"]);
    stage.say("the end").await;
    let told = until(&mut ana, "MESSAGE_CREATE").await;
    assert!(told.is_empty(), "nobody else hears of what was begun: {told:?}");
}
