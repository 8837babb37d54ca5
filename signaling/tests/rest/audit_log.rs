//! The audit log from outside: what is done leaves an entry, and who may reads it.

use crate::support::Answer;
use crate::support::Person;
use crate::support::hall::Hall;
use axum::http::StatusCode;
use serde_json::Value;
use serde_json::json;
use signaling::voice::VoiceRequest;
use state::GuildEvent;

/// The log's path, with a query.
fn log(hall: &Hall, query: &str) -> String {
    format!("/guilds/{}/audit-logs{query}", hall.place.guild)
}

/// All entries, newest first.
async fn entries(hall: &Hall, query: &str) -> Vec<Value> {
    let shown = hall.get(&hall.ana, &log(hall, query)).await;
    assert_eq!(shown.status, 200, "{shown:?}");
    shown.body["audit_log_entries"].as_array().unwrap().clone()
}

/// Does something for a reason.
async fn because(
    hall: &Hall,
    who: &Person,
    method: &str,
    path: &str,
    reason: &str,
    body: &Value,
) -> Answer {
    let ask = who.ask(&hall.api, method, path).header("x-audit-log-reason", reason);
    let done = ask.json(body).send().await;
    assert!(done.status.is_success(), "{method} {path}: {done:?}");
    done
}

/// The change of a field, old and new.
fn change(entry: &Value, key: &str) -> (Value, Value) {
    let changes = entry["changes"].as_array().unwrap();
    let found = changes.iter().find(|change| change["key"] == key);
    let found = found.unwrap_or_else(|| panic!("no change of {key}: {entry}"));
    (found["old_value"].clone(), found["new_value"].clone())
}

#[tokio::test]
async fn what_is_changed_is_logged_with_the_reason_and_the_fields() {
    let hall = Hall::open().await;
    let channel = format!("/channels/{}", hall.place.text);
    because(
        &hall,
        &hall.ana,
        "PATCH",
        &channel,
        "too%20loud%20%F0%9F%94%8A",
        &json!({ "name": "quiet" }),
    )
    .await;

    let newest = entries(&hall, "").await.remove(0);
    assert_eq!((&newest["action_type"], &newest["reason"]), (&json!(11), &json!("too loud 🔊")));
    assert_eq!(
        (&newest["user_id"], &newest["target_id"]),
        (&json!(hall.ana.id), &json!(hall.place.text))
    );
    assert_eq!(change(&newest, "name"), (json!("general"), json!("quiet")));
    assert_eq!(newest["changes"].as_array().unwrap().len(), 1, "{newest}");
    let shown = hall.get(&hall.ana, &log(&hall, "")).await.body;
    let names: Vec<_> =
        shown["users"].as_array().unwrap().iter().map(|user| &user["username"]).collect();
    assert_eq!(names, ["ana"]);

    // What changes nothing is not logged.
    because(&hall, &hall.ana, "PATCH", &channel, "again", &json!({ "name": "quiet" })).await;
    assert_eq!(entries(&hall, "").await[0], newest);
}

#[tokio::test]
async fn every_action_on_structure_has_its_number() {
    let hall = Hall::open().await;
    let guild = format!("/guilds/{}", hall.place.guild);
    let ana = &hall.ana;
    let role = json!({ "name": "guards", "permissions": "8192" });
    let role = because(&hall, ana, "POST", &format!("{guild}/roles"), "r", &role).await.body;
    let id = role["id"].as_str().unwrap();
    because(&hall, ana, "PATCH", &format!("{guild}/roles/{id}"), "r", &json!({ "hoist": true }))
        .await;
    let ben = format!("{guild}/members/{}", hall.ben.id);
    because(&hall, ana, "PUT", &format!("{ben}/roles/{id}"), "r", &Value::Null).await;
    because(&hall, ana, "PATCH", &ben, "r", &json!({ "nick": "Benny" })).await;
    let overwrite = format!("/channels/{}/permissions/{id}", hall.place.text);
    because(&hall, ana, "PUT", &overwrite, "r", &json!({ "type": 0, "deny": "2048" })).await;
    because(&hall, ana, "PUT", &overwrite, "r", &json!({ "type": 0, "allow": "2048" })).await;
    because(&hall, ana, "DELETE", &overwrite, "r", &Value::Null).await;
    because(&hall, ana, "DELETE", &format!("{guild}/roles/{id}"), "r", &Value::Null).await;
    because(&hall, ana, "PATCH", &guild, "r", &json!({ "name": "Harbour" })).await;
    let made =
        because(&hall, ana, "POST", &format!("{guild}/channels"), "r", &json!({ "name": "x" }))
            .await;
    let channel = format!("/channels/{}", made.body["id"].as_str().unwrap());
    because(&hall, ana, "DELETE", &channel, "r", &Value::Null).await;
    because(&hall, ana, "DELETE", &ben, "r", &Value::Null).await;
    let ban = format!("{guild}/bans/{}", hall.ben.id);
    because(&hall, ana, "PUT", &ban, "r", &json!({})).await;
    because(&hall, ana, "DELETE", &ban, "r", &Value::Null).await;

    let logged = entries(&hall, "").await;
    let numbers: Vec<_> =
        logged.iter().rev().map(|entry| entry["action_type"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [30, 31, 25, 24, 13, 14, 15, 32, 1, 10, 12, 20, 22, 23]);
    assert!(logged.iter().all(|entry| entry["reason"] == "r" && entry["user_id"] == hall.ana.id));
    let of = |number: u64| logged.iter().find(|entry| entry["action_type"] == number).unwrap();
    assert_eq!(change(of(25), "$add").1, json!([{ "id": id, "name": "guards" }]));
    assert_eq!(change(of(24), "nick"), (Value::Null, json!("Benny")));
    assert_eq!(of(13)["options"], json!({ "id": id, "type": "0", "role_name": "guards" }));
    assert_eq!(change(of(14), "deny"), (json!("2048"), json!("0")));
    assert_eq!(change(of(32), "name"), (json!("guards"), Value::Null));
    assert_eq!(change(of(1), "name"), (json!("Hall"), json!("Harbour")));
    assert_eq!(of(22)["target_id"], hall.ben.id);
}

#[tokio::test]
async fn the_log_is_read_by_who_may_in_pages_and_by_who_and_what() {
    let hall = Hall::open().await;
    let guild = format!("/guilds/{}", hall.place.guild);
    for name in ["one", "two", "three"] {
        because(&hall, &hall.ana, "POST", &format!("{guild}/roles"), "r", &json!({ "name": name }))
            .await;
    }
    let me = format!("{guild}/members/@me");
    because(&hall, &hall.ben, "PATCH", &me, "mine", &json!({ "nick": "Benny" })).await;
    hall.get(&hall.ben, &log(&hall, "")).await.refuses(403, 50_013);

    let all = entries(&hall, "").await;
    assert_eq!(all.len(), 4);
    let id = |at: usize| all[at]["id"].as_str().unwrap();
    assert_eq!(entries(&hall, &format!("?user_id={}", hall.ben.id)).await, all[..1]);
    assert_eq!(entries(&hall, "?action_type=30&limit=2").await, all[1..3]);
    assert_eq!(entries(&hall, &format!("?before={}", id(1))).await, all[2..]);
    let oldest_first = entries(&hall, "?after=0&limit=2").await;
    assert_eq!(oldest_first, [all[3].clone(), all[2].clone()]);
    assert_eq!(entries(&hall, &format!("?after={}", id(1))).await, all[..1]);
    hall.get(&hall.ana, &log(&hall, "?limit=101"))
        .await
        .refuses_field("limit", "NUMBER_TYPE_RANGE");
    let dan = hall.api.register("dan").await;
    hall.get(&dan, &log(&hall, "")).await.refuses(404, 10_004);
}

#[tokio::test]
async fn an_entry_is_told_to_sessions_after_the_change_it_tells_of() {
    let hall = Hall::open().await;
    let mut ears = hall.ears(&hall.bot).await;
    let role = format!("/guilds/{}/roles", hall.place.guild);
    because(&hall, &hall.ana, "POST", &role, "why", &json!({ "name": "x" })).await;

    let first = ears.guild(|event| matches!(event, GuildEvent::RoleCreated(_)).then_some(())).await;
    let told = ears.guild(|event| match event {
        GuildEvent::AuditLogged(entry) => Some(entry.clone()),
        _ => None,
    });
    assert_eq!((first, told.await.what.reason.as_deref()), ((), Some("why")));
}

#[tokio::test]
async fn what_is_refused_is_not_logged() {
    let hall = Hall::open().await;
    let kick = format!("/guilds/{}/members/{}", hall.place.guild, hall.bot.id);
    let refused = hall.ask(&hall.ben, "DELETE", &kick, Value::Null).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);

    assert_eq!(entries(&hall, "").await, Vec::<Value>::new());
}

#[tokio::test]
async fn messages_pins_webhooks_and_invites_are_logged() {
    let hall = Hall::open().await;
    let ana = &hall.ana;
    let channel = format!("/channels/{}", hall.place.text);
    let mut said = Vec::new();
    for n in 0..4 {
        let body = json!({ "content": n.to_string() });
        let made = hall.ask(&hall.ben, "POST", &format!("{channel}/messages"), body).await;
        said.push(made.body["id"].as_str().unwrap().to_owned());
    }
    let pin = format!("{channel}/messages/pins/{}", said[0]);
    because(&hall, ana, "PUT", &pin, "r", &Value::Null).await;
    because(&hall, ana, "DELETE", &pin, "r", &Value::Null).await;
    let one = format!("{channel}/messages/{}", said[1]);
    because(&hall, ana, "DELETE", &one, "r", &Value::Null).await;
    let several = json!({ "messages": said[2..] });
    because(&hall, ana, "POST", &format!("{channel}/messages/bulk-delete"), "r", &several).await;
    let body = json!({ "name": "Herald" });
    let hook = because(&hall, ana, "POST", &format!("{channel}/webhooks"), "r", &body).await.body;
    let one = format!("/webhooks/{}", hook["id"].as_str().unwrap());
    because(&hall, ana, "PATCH", &one, "r", &json!({ "name": "Crier" })).await;
    let shown = hall.get(ana, &log(&hall, "")).await.body;
    assert_eq!(shown["webhooks"][0]["name"], "Crier");
    assert!(!shown.to_string().contains(hook["token"].as_str().unwrap()), "a token leaked");
    let by_token = format!("{one}/{}", hook["token"].as_str().unwrap());
    assert_eq!(hall.nobody("DELETE", &by_token, Value::Null).await.status, 204);
    let invite = because(&hall, ana, "POST", &format!("{channel}/invites"), "r", &json!({})).await;
    let code = invite.body["code"].as_str().unwrap();
    because(&hall, ana, "DELETE", &format!("/invites/{code}"), "r", &Value::Null).await;
    // One's own messages are one's own.
    let body = json!({ "content": "mine" });
    let own = hall.ask(&hall.ben, "POST", &format!("{channel}/messages"), body).await;
    let own = format!("{channel}/messages/{}", own.body["id"].as_str().unwrap());
    because(&hall, &hall.ben, "DELETE", &own, "r", &Value::Null).await;

    let logged = entries(&hall, "").await;
    let numbers = logged.iter().rev().map(|entry| entry["action_type"].as_u64().unwrap());
    assert_eq!(numbers.collect::<Vec<_>>(), [74, 75, 72, 73, 50, 51, 52, 40, 42]);
    let of = |number: u64| logged.iter().find(|entry| entry["action_type"] == number).unwrap();
    let place = json!({ "channel_id": hall.place.text, "message_id": said[0] });
    assert_eq!((&of(74)["options"], &of(74)["target_id"]), (&place, &json!(hall.ben.id)));
    let count = json!({ "channel_id": hall.place.text, "count": "1" });
    assert_eq!((&of(72)["options"], &of(72)["target_id"]), (&count, &json!(hall.ben.id)));
    assert_eq!(of(73)["options"], json!({ "count": "2" }));
    assert_eq!(change(of(51), "name"), (json!("Herald"), json!("Crier")));
    assert_eq!(of(52)["user_id"], Value::Null, "whoever had the token");
    assert_eq!(change(of(40), "code"), (Value::Null, json!(code)));
    assert_eq!(change(of(42), "max_age"), (json!(86_400), Value::Null));
}

#[tokio::test]
async fn stages_moves_and_disconnections_are_logged() {
    let hall = Hall::open().await;
    let ana = &hall.ana;
    let guild = format!("/guilds/{}", hall.place.guild);
    let body = json!({ "name": "Stage", "type": 13 });
    let made = because(&hall, ana, "POST", &format!("{guild}/channels"), "r", &body).await;
    let stage = made.body["id"].as_str().unwrap();
    let body = json!({ "channel_id": stage, "topic": "Boats" });
    because(&hall, ana, "POST", "/stage-instances", "r", &body).await;
    let one = format!("/stage-instances/{stage}");
    because(&hall, ana, "PATCH", &one, "r", &json!({ "topic": "Ships" })).await;
    because(&hall, ana, "DELETE", &one, "r", &Value::Null).await;
    let request = VoiceRequest {
        user: hall.ben.id.parse().unwrap(),
        session: "s".to_owned(),
        guild: Some(hall.place.guild.parse().unwrap()),
        channel: Some(hall.place.voice.parse().unwrap()),
        self_mute: false,
        self_deaf: false,
        self_video: false,
        host: "hall.test".to_owned(),
    };
    hall.api.parts.calls.request(request).await.unwrap();
    let ben = format!("{guild}/members/{}", hall.ben.id);
    because(&hall, ana, "PATCH", &ben, "r", &json!({ "channel_id": stage })).await;
    because(&hall, ana, "PATCH", &ben, "r", &json!({ "channel_id": null })).await;

    let logged = entries(&hall, "").await;
    let numbers = logged.iter().rev().map(|entry| entry["action_type"].as_u64().unwrap());
    assert_eq!(numbers.collect::<Vec<_>>(), [10, 83, 84, 85, 26, 27]);
    assert_eq!(logged[1]["options"], json!({ "channel_id": stage, "count": "1" }));
    assert_eq!(logged[0]["options"], json!({ "count": "1" }));
    assert_eq!(change(&logged[3], "topic"), (json!("Boats"), json!("Ships")));
    assert_eq!(logged[4]["options"], json!({ "channel_id": stage }));
}
