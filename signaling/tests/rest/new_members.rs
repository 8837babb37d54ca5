//! What newcomers are welcomed with.

use crate::support::hall::Hall;
use serde_json::Value;
use serde_json::json;

fn path(hall: &Hall) -> String {
    format!("/guilds/{}/new-member-welcome", hall.place.guild)
}

fn action(hall: &Hall, kind: u8) -> Value {
    json!({ "channel_id": hall.place.text, "action_type": kind, "title": "Say hello",
            "description": "Do", "emoji": { "id": null, "name": "👋" } })
}

#[tokio::test]
async fn a_welcome_is_set_and_shown_to_all_while_it_is_on() {
    let hall = Hall::open().await;
    let path = path(&hall);
    assert_eq!(hall.get(&hall.ana, &path).await.status, 204);
    hall.get(&hall.ben, &path).await.refuses(403, 50_013);
    let body = json!({
        "welcome_message": { "author_ids": [hall.ana.id], "message": "Hello [@username]" },
        "new_member_actions": [action(&hall, 1), action(&hall, 0), action(&hall, 0)],
        "resource_channels": [{ "channel_id": hall.place.text, "title": "Rules" }],
    });
    hall.ask(&hall.ben, "PUT", &path, body.clone()).await.refuses(403, 50_013);

    let set = hall.ask(&hall.ana, "PUT", &path, body).await;

    assert_eq!((set.status.as_u16(), &set.body["enabled"]), (200, &json!(false)), "{set:?}");
    assert_eq!(set.body["welcome_message"]["message"], "Hello [@username]");
    let first = &set.body["new_member_actions"][0];
    assert_eq!((&first["action_type"], &first["emoji"]["name"]), (&json!(1), &json!("👋")));
    assert_eq!(set.body["resource_channels"][0]["description"], "");
    hall.get(&hall.ben, &path).await.refuses(403, 50_013);
    let on = hall.ask(&hall.ana, "PUT", &path, json!({ "enabled": true })).await;
    let log = format!("/guilds/{}/audit-logs?limit=2", hall.place.guild);
    let log = hall.get(&hall.ana, &log).await.body;
    let logged = log["audit_log_entries"].as_array().unwrap();
    let actions: Vec<_> = logged.iter().map(|entry| &entry["action_type"]).collect();
    assert_eq!(actions, [191, 190], "{log}");
    assert_eq!(on.body["enabled"], true, "{on:?}");
    assert_eq!(hall.get(&hall.ben, &path).await.body, on.body);
    let guild = hall.get(&hall.ben, &format!("/guilds/{}", hall.place.guild)).await.body;
    assert!(guild["features"].as_array().unwrap().contains(&json!("GUILD_SERVER_GUIDE")));
}

#[tokio::test]
async fn a_welcome_that_cannot_be_followed_is_refused() {
    let hall = Hall::open().await;
    let path = path(&hall);
    let two = [action(&hall, 0), action(&hall, 0)];
    let six: Vec<_> = (0..6).map(|_| action(&hall, 0)).collect();
    let mut nameless = action(&hall, 0);
    nameless["title"] = json!("x".repeat(61));
    let mut strange = action(&hall, 0);
    strange["channel_id"] = json!("7");
    for (body, field, code) in [
        (
            json!({ "enabled": true, "new_member_actions": two }),
            "new_member_actions",
            "BASE_TYPE_BAD_LENGTH",
        ),
        (json!({ "new_member_actions": six }), "new_member_actions", "BASE_TYPE_BAD_LENGTH"),
        (
            json!({ "new_member_actions": [nameless] }),
            "new_member_actions.0.title",
            "BASE_TYPE_BAD_LENGTH",
        ),
        (
            json!({ "welcome_message": { "message": "x".repeat(301) } }),
            "welcome_message.message",
            "BASE_TYPE_MAX_LENGTH",
        ),
        (
            json!({ "welcome_message": { "author_ids": [hall.ben.id] } }),
            "welcome_message.author_ids.0",
            "BASE_TYPE_BAD_VALUE",
        ),
        (
            json!({ "new_member_actions": [action(&hall, 2)] }),
            "new_member_actions.0.action_type",
            "BASE_TYPE_CHOICES",
        ),
    ] {
        hall.ask(&hall.ana, "PUT", &path, body).await.refuses_field(field, code);
    }
    let body = json!({ "new_member_actions": [strange] });
    assert_eq!(hall.ask(&hall.ana, "PUT", &path, body).await.status, 400);

    // What newcomers do not see, or where they cannot speak, is nothing to ask of them.
    let body = json!({ "enabled": true,
                       "new_member_actions": [action(&hall, 1), action(&hall, 0), action(&hall, 0)] });
    let everyone = format!("/channels/{}/permissions/{}", hall.place.text, hall.place.guild);
    for deny in ["2048", "1024"] {
        let overwrite = json!({ "type": 0, "deny": deny });
        assert_eq!(hall.ask(&hall.ana, "PUT", &everyone, overwrite).await.status, 204);
        hall.ask(&hall.ana, "PUT", &path, body.clone())
            .await
            .refuses_field("new_member_actions.0.channel_id", "BASE_TYPE_BAD_VALUE");
    }
    assert_eq!(hall.ask(&hall.ana, "DELETE", &everyone, Value::Null).await.status, 204);
    assert_eq!(hall.ask(&hall.ana, "PUT", &path, body).await.status, 200);
}
