//! Onboarding and the welcome screen from outside.

use crate::support::hall::Hall;
use serde_json::Value;
use serde_json::json;

fn path(hall: &Hall, of: &str) -> String {
    format!("/guilds/{}/{of}", hall.place.guild)
}

/// Makes six channels beside the one that is there; all seven.
async fn channels(hall: &Hall) -> Vec<String> {
    let mut ids = vec![hall.place.text.clone()];
    for name in ["a", "b", "c", "d", "e", "f"] {
        let made =
            hall.ask(&hall.ana, "POST", &path(hall, "channels"), json!({ "name": name })).await;
        assert_eq!(made.status, 201, "{made:?}");
        ids.push(made.body["id"].as_str().unwrap().to_owned());
    }
    ids
}

async fn role(hall: &Hall, permissions: &str) -> String {
    let body = json!({ "name": "sailors", "permissions": permissions });
    let made = hall.ask(&hall.ana, "POST", &path(hall, "roles"), body).await;
    made.body["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn onboarding_asks_for_enough_channels_and_keeps_the_ids_of_its_questions() {
    let mut hall = Hall::open().await;
    let onboarding = path(&hall, "onboarding");
    let shown = hall.get(&hall.ben, &onboarding).await.body;
    assert_eq!((&shown["enabled"], &shown["prompts"]), (&json!(false), &json!([])));
    hall.ask(&hall.ben, "PUT", &onboarding, json!({ "enabled": true })).await.refuses(403, 50_013);
    hall.ask(&hall.ana, "PUT", &onboarding, json!({ "enabled": true })).await.refuses(400, 350_000);

    let channels = channels(&hall).await;
    hall.api.forget_limits();
    let sailors = role(&hall, "0").await;
    let body = json!({
        "enabled": true, "mode": 0, "default_channel_ids": channels,
        "prompts": [{
            "id": "0", "title": "What do you sail?", "single_select": true, "required": true,
            "in_onboarding": true, "type": 0,
            "options": [
                { "title": "Boats", "role_ids": [sailors], "emoji_name": "⛵" },
                { "title": "Nothing", "description": "I swim.", "channel_ids": [channels[1]] },
            ],
        }],
    });
    let set = hall.ask(&hall.ana, "PUT", &onboarding, body.clone()).await;
    assert_eq!(set.status, 200, "{set:?}");
    let prompt = &set.body["prompts"][0];
    assert_ne!(prompt["id"], "0");
    assert_eq!(
        prompt["options"][0]["emoji"],
        json!({ "id": null, "name": "⛵", "animated": false })
    );
    assert_eq!(hall.get(&hall.ben, &onboarding).await.body, set.body);
    let features = hall.get(&hall.ben, &format!("/guilds/{}", hall.place.guild)).await.body;
    assert!(features["features"].as_array().unwrap().contains(&json!("GUILD_ONBOARDING")));

    let again = hall.ask(&hall.ana, "PUT", &onboarding, json!({ "prompts": [prompt] })).await;
    assert_eq!(again.body, set.body, "what is put back as it was is the same");
    let few = hall.ask(&hall.ana, "PUT", &onboarding, json!({ "default_channel_ids": [] })).await;
    few.refuses(400, 350_001);
    let log = hall.get(&hall.ana, &path(&hall, "audit-logs?limit=2")).await.body;
    let (question, whole) = (&log["audit_log_entries"][0], &log["audit_log_entries"][1]);
    assert_eq!((&question["action_type"], &whole["action_type"]), (&json!(163), &json!(166)));
    assert_eq!(
        (&question["target_id"], &whole["target_id"]),
        (&prompt["id"], &json!(hall.place.guild))
    );
    let keys = |entry: &Value| -> Vec<String> {
        let changes = entry["changes"].as_array().unwrap().iter();
        changes.map(|change| change["key"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(keys(whole), ["default_channel_ids", "enabled"], "the mode is what it was");
    let told = ["in_onboarding", "options", "required", "single_select", "title", "type"];
    assert_eq!(keys(question), told);
    assert_eq!(question["changes"][1]["new_value"], prompt["options"]);

    let mut other = prompt.clone();
    other["title"] = json!("What did you sail?");
    hall.ask(&hall.ana, "PUT", &onboarding, json!({ "prompts": [other] })).await;
    hall.ask(&hall.ana, "PUT", &onboarding, json!({ "enabled": false })).await;
    hall.ask(&hall.ana, "PUT", &onboarding, json!({ "prompts": [] })).await;
    let log = hall.get(&hall.ana, &path(&hall, "audit-logs?limit=3")).await.body;
    let logged = log["audit_log_entries"].as_array().unwrap();
    let actions: Vec<_> = logged.iter().map(|entry| &entry["action_type"]).collect();
    assert_eq!(actions, [165, 167, 164], "{log}");
}

#[tokio::test]
async fn answers_give_their_roles_and_take_those_of_answers_that_are_taken_back() {
    let mut hall = Hall::open().await;
    let (boats, swims, mighty) =
        (role(&hall, "0").await, role(&hall, "0").await, role(&hall, "8192").await);
    let onboarding = path(&hall, "onboarding");
    let option = |title: &str, role: &str| json!({ "title": title, "role_ids": [role] });
    let prompts = |options: Value| {
        json!({ "prompts": [{
            "title": "How?", "single_select": true, "required": true, "in_onboarding": true,
            "options": options,
        }]})
    };
    let refused =
        hall.ask(&hall.ana, "PUT", &onboarding, prompts(json!([option("a", &mighty)]))).await;
    refused.refuses(403, 50_013);
    let options = json!([option("Boats", &boats), option("Swims", &swims)]);
    let set = hall.ask(&hall.ana, "PUT", &onboarding, prompts(options)).await;
    assert_eq!(set.status, 200, "{set:?}");
    let ids: Vec<_> = (0..2)
        .map(|at| set.body["prompts"][0]["options"][at]["id"].as_str().unwrap().to_owned())
        .collect();
    hall.api.forget_limits();
    let answers = path(&hall, "onboarding-responses");
    let give = |ids: &[&String]| json!({ "onboarding_responses": ids });

    let none = hall.ask(&hall.ben, "POST", &answers, give(&[])).await;
    none.refuses_field("onboarding_responses", "BASE_TYPE_REQUIRED");
    let both = hall.ask(&hall.ben, "POST", &answers, give(&[&ids[0], &ids[1]])).await;
    both.refuses_field("onboarding_responses", "BASE_TYPE_MAX_LENGTH");
    let given = hall.ask(&hall.ben, "POST", &answers, give(&[&ids[0]])).await;
    assert_eq!((given.status.as_u16(), &given.body["user_id"]), (200, &json!(hall.ben.id)));
    let ben = path(&hall, &format!("members/{}", hall.ben.id));
    let member = hall.get(&hall.ana, &ben).await.body;
    assert_eq!((&member["roles"], &member["flags"]), (&json!([boats]), &json!(10)));

    hall.ask(&hall.ben, "PUT", &answers, give(&[&ids[1]])).await;
    assert_eq!(hall.get(&hall.ana, &ben).await.body["roles"], json!([swims]));
    let unknown = hall.ask(&hall.ben, "PUT", &answers, give(&[&hall.ben.id])).await;
    unknown.refuses_field("onboarding_responses", "BASE_TYPE_CHOICES");
}

#[tokio::test]
async fn a_welcome_screen_is_shown_to_members_and_to_who_holds_an_invite() {
    let hall = Hall::open().await;
    let screen = path(&hall, "welcome-screen");
    hall.get(&hall.ana, &screen).await.refuses(404, 10_069);
    hall.get(&hall.ben, &screen).await.refuses(403, 50_013);
    let body = json!({
        "description": "Hail!",
        "welcome_channels": [
            { "channel_id": hall.place.text, "description": "Talk", "emoji_name": "👋" },
        ],
    });
    hall.ask(&hall.ben, "PATCH", &screen, body.clone()).await.refuses(403, 50_013);
    let long = json!({ "description": "a".repeat(141) });
    let long = hall.ask(&hall.ana, "PATCH", &screen, long).await;
    long.refuses_field("description", "BASE_TYPE_MAX_LENGTH");
    let stray = json!({ "welcome_channels": [{ "channel_id": "77", "description": "x" }] });
    let stray = hall.ask(&hall.ana, "PATCH", &screen, stray).await;
    stray.refuses_field("welcome_channels.0.channel_id", "CHANNEL_TYPE_INVALID");

    let set = hall.ask(&hall.ana, "PATCH", &screen, body).await;
    assert_eq!(set.status, 200, "{set:?}");
    let shown = json!({ "channel_id": hall.place.text, "description": "Talk", "emoji_id": null,
        "emoji_name": "👋" });
    assert_eq!(set.body, json!({ "description": "Hail!", "welcome_channels": [shown] }));
    hall.get(&hall.ben, &screen).await.refuses(403, 50_013);

    hall.ask(&hall.ana, "PATCH", &screen, json!({ "enabled": true })).await;
    assert_eq!(hall.get(&hall.ben, &screen).await.body, set.body);
    let invites = format!("/channels/{}/invites", hall.place.text);
    let invite = hall.ask(&hall.ana, "POST", &invites, json!({})).await.body;
    let invite = format!("/invites/{}", invite["code"].as_str().unwrap());
    let seen = hall.nobody("GET", &invite, Value::Null).await.body;
    assert_eq!(seen["guild"]["welcome_screen"], set.body);
    assert_eq!(seen["guild"]["features"], json!(["WELCOME_SCREEN_ENABLED"]));
}
