//! Templates of guilds from outside.

use crate::support::hall::Hall;
use serde_json::Value;
use serde_json::json;

fn path(hall: &Hall) -> String {
    format!("/guilds/{}/templates", hall.place.guild)
}

/// A role of Ana's guild, and a channel that only it may see.
async fn furnish(hall: &Hall) {
    let guild = format!("/guilds/{}", hall.place.guild);
    let role = json!({ "name": "Scribes", "color": 255, "hoist": true });
    let role = hall.ask(&hall.ana, "POST", &format!("{guild}/roles"), role).await;
    let role = role.body["id"].clone();
    let body = json!({
        "name": "Archive", "type": 15, "topic": "Old books",
        "available_tags": [{ "name": "Bread", "moderated": true }],
        "permission_overwrites": [
            { "id": hall.place.guild, "type": 0, "deny": "1024" },
            { "id": role, "type": 0, "allow": "1024" },
            { "id": hall.ben.id, "type": 1, "allow": "1024" },
        ],
    });
    let made = hall.ask(&hall.ana, "POST", &format!("{guild}/channels"), body).await;
    assert_eq!(made.status, 201, "{made:?}");
}

#[tokio::test]
async fn a_guild_founded_of_a_template_is_like_its_source_with_ids_of_its_own() {
    let hall = Hall::open().await;
    furnish(&hall).await;
    let body = json!({ "name": "Halls", "description": "With archives" });
    let made = hall.ask(&hall.ana, "POST", &path(&hall), body).await;
    assert_eq!(made.status, 200, "{made:?}");
    let code = made.body["code"].as_str().unwrap();
    assert_eq!(made.body["creator"]["username"], "ana");
    let source = &made.body["serialized_source_guild"];
    assert_eq!(
        (&source["roles"][0]["id"], &source["roles"][0]["name"]),
        (&json!(0), &json!("@everyone"))
    );
    let channels = source["channels"].as_array().unwrap();
    let archive = channels.iter().find(|one| one["name"] == "Archive").unwrap();
    let overwrites = archive["permission_overwrites"].as_array().unwrap();
    let whose: Vec<_> = overwrites.iter().map(|one| one["id"].clone()).collect();
    assert_eq!(whose, [0, 1]);

    let use_it = format!("/guilds/templates/{code}");
    hall.ask(&hall.bot, "POST", &use_it, json!({ "name": "Copy" })).await.refuses(403, 20_001);
    let short = hall.ask(&hall.ben, "POST", &use_it, json!({ "name": "C" })).await;
    short.refuses_field("name", "BASE_TYPE_BAD_LENGTH");
    let copy = hall.ask(&hall.ben, "POST", &use_it, json!({ "name": "Copy" })).await;
    assert_eq!(copy.status, 201, "{copy:?}");
    let (id, owner) = (copy.body["id"].as_str().unwrap(), &copy.body["owner_id"]);
    assert_eq!((owner, &copy.body["name"]), (&json!(hall.ben.id), &json!("Copy")));
    let roles = copy.body["roles"].as_array().unwrap();
    let scribes = roles.iter().find(|role| role["name"] == "Scribes").unwrap();
    assert_eq!((&scribes["color"], &scribes["hoist"]), (&json!(255), &json!(true)));
    let there = hall.get(&hall.ben, &format!("/guilds/{id}/channels")).await.body;
    let named = |name: &str| there.as_array().unwrap().iter().find(|one| one["name"] == name);
    let archive = named("Archive").unwrap();
    assert_eq!(archive["available_tags"][0]["name"], "Bread");
    assert_eq!(archive["permission_overwrites"][0]["id"], id);
    assert_eq!(archive["permission_overwrites"][1]["id"], scribes["id"]);
    assert_eq!(named("general").unwrap()["parent_id"], named("Text channels").unwrap()["id"]);
    assert_eq!(copy.body["system_channel_id"], named("general").unwrap()["id"]);
    assert_ne!(copy.body["system_channel_id"], hall.place.text);
    let said = format!("/channels/{}/messages", named("general").unwrap()["id"].as_str().unwrap());
    assert_eq!(hall.ask(&hall.ben, "POST", &said, json!({ "content": "mine" })).await.status, 200);
    assert_eq!(hall.get(&hall.ben, &use_it).await.body["usage_count"], 1);
}

#[tokio::test]
async fn a_template_is_out_of_date_until_it_is_brought_up_to_date() {
    let hall = Hall::open().await;
    hall.ask(&hall.ben, "POST", &path(&hall), json!({ "name": "x" })).await.refuses(403, 50_013);
    let empty = hall.ask(&hall.ana, "POST", &path(&hall), json!({ "name": "" })).await;
    empty.refuses_field("name", "BASE_TYPE_BAD_LENGTH");
    let made = hall.ask(&hall.ana, "POST", &path(&hall), json!({ "name": "Halls" })).await;
    hall.ask(&hall.ana, "POST", &path(&hall), json!({ "name": "x" })).await.refuses(400, 30_031);
    let code = made.body["code"].as_str().unwrap();
    let one = format!("{}/{code}", path(&hall));
    let dirty = async || hall.get(&hall.ana, &path(&hall)).await.body[0]["is_dirty"].clone();
    assert_eq!(dirty().await, false);

    furnish(&hall).await;
    assert_eq!(dirty().await, true);
    let said = format!("/channels/{}/messages", hall.place.text);
    hall.ask(&hall.ana, "POST", &said, json!({ "content": "hail" })).await;
    hall.ask(&hall.ben, "PUT", &one, Value::Null).await.refuses(403, 50_013);
    let synced = hall.ask(&hall.ana, "PUT", &one, Value::Null).await;
    assert_eq!(synced.body["is_dirty"], false, "{synced:?}");
    let channels = synced.body["serialized_source_guild"]["channels"].as_array().unwrap();
    assert!(channels.iter().any(|one| one["name"] == "Archive"));

    let body = json!({ "name": "Great halls", "description": "x" });
    let renamed = hall.ask(&hall.ana, "PATCH", &one, body).await;
    assert_eq!(
        (&renamed.body["name"], &renamed.body["description"]),
        (&json!("Great halls"), &json!("x"))
    );
    let other = hall.api.guild(&hall.ben, "Other").await;
    let other = format!("/guilds/{}/templates/{code}", other.guild);
    hall.ask(&hall.ben, "DELETE", &other, Value::Null).await.refuses(404, 10_057);
    assert_eq!(hall.ask(&hall.ana, "DELETE", &one, Value::Null).await.body["code"], code);
    hall.get(&hall.ana, &format!("/guilds/templates/{code}")).await.refuses(404, 10_057);
}
