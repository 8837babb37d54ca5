//! Settings, notes, profiles and logins.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use serde_json::json;

use crate::JSON;
use crate::relationships::befriend;
use crate::rest::ask;
use crate::rest::done;
use crate::rest::refused;
use crate::stage::ANA;
use crate::stage::BEN;
use crate::stage::BOT;
use crate::stage::GUILD;
use crate::stage::Stage;

#[tokio::test]
async fn settings_are_changed_told_and_come_back_with_ready() {
    let stage = Stage::open().await;
    let (mut ben, ready) = stage.identify(BEN, JSON).await;
    let before = &ready["d"]["user_settings"];
    assert_eq!((&before["theme"], &before["guild_folders"]), (&json!("dark"), &json!([])));
    let folder = json!({ "id": 7, "name": "Sea", "color": null, "guild_ids": [GUILD] });
    let change = json!({
        "theme": "light", "locale": "de", "guild_folders": [folder],
        "custom_status": { "text": "at sea" }, "unheard_of": 1,
    });

    let shown = done(&stage, BEN, "PATCH", "/users/@me/settings", change).await;

    assert_eq!(shown["custom_status"]["text"], "at sea");
    let told = ben.hear("USER_SETTINGS_UPDATE").await;
    assert_eq!(told["d"]["guild_folders"], json!([folder]));
    assert!(told["d"].get("status").is_none() && told["d"].get("unheard_of").is_none());
    let (_, ready) = stage.identify(BEN, JSON).await;
    assert_eq!(ready["d"]["user_settings"], shown);
    assert_eq!(done(&stage, BEN, "GET", "/users/@me/settings", Value::Null).await, shown);
    let wrong = json!({ "theme": "pink", "afk_timeout": 5, "guild_folders": [{ "name": "x" }] });
    let (status, answer) = ask(&stage, BEN, "PATCH", "/users/@me/settings", wrong).await;
    assert_eq!(status, 400);
    for field in ["theme", "afk_timeout", "guild_folders"] {
        assert!(answer["errors"][field].is_object(), "{answer}");
    }
    refused(&stage, BOT, ("GET", "/users/@me/settings"), Value::Null, 20_001).await;
}

#[tokio::test]
async fn opaque_settings_are_merged_by_field_and_never_overwritten_by_older_ones() {
    let stage = Stage::open().await;
    let (mut ben, _) = stage.identify(BEN, JSON).await;
    let path = "/users/@me/settings-proto/1";
    let empty = done(&stage, BEN, "GET", path, Value::Null).await;
    assert_eq!(empty, json!({ "settings": "" }));
    // Field 4 is 7, field 5 is 8.
    let first = json!({ "settings": STANDARD.encode([0x20, 7, 0x28, 8]) });

    let stored = done(&stage, BEN, "PATCH", path, first).await;

    let told = ben.hear("USER_SETTINGS_PROTO_UPDATE").await;
    assert_eq!(told["d"]["settings"], json!({ "type": 1, "proto": stored["settings"] }));
    let late = json!({ "settings": STANDARD.encode([0x20, 9]), "required_data_version": 0 });
    let late = done(&stage, BEN, "PATCH", path, late).await;
    assert_eq!((&late["out_of_date"], &late["settings"]), (&json!(true), &stored["settings"]));
    let next = json!({ "settings": STANDARD.encode([0x20, 9]), "required_data_version": 1 });
    let next = done(&stage, BEN, "PATCH", path, next).await;
    let bytes = STANDARD.decode(next["settings"].as_str().expect("a text")).expect("base64");
    assert_eq!(bytes, [0x0a, 2, 0x18, 2, 0x28, 8, 0x20, 9]);
    let (_, ready) = stage.identify(BEN, JSON).await;
    assert_eq!(ready["d"]["user_settings_proto"], next["settings"]);

    let huge = STANDARD.encode([&[0x22, 0xff, 0xff, 0x0f][..], &vec![0; 262_143]].concat());
    refused(&stage, BEN, ("PATCH", path), json!({ "settings": huge }), 50_035).await;
    let garbage = json!({ "settings": STANDARD.encode([0x22, 9, 1]) });
    refused(&stage, BEN, ("PATCH", path), garbage, 50_035).await;
    refused(&stage, BEN, ("GET", "/users/@me/settings-proto/9"), Value::Null, 50_035).await;
}

#[tokio::test]
async fn a_note_is_ones_own() {
    let stage = Stage::open().await;
    let (mut ana, _) = stage.identify(ANA, JSON).await;
    let path = format!("/users/@me/notes/{BEN}");
    refused(&stage, ANA, ("GET", &path), Value::Null, 10_013).await;

    done(&stage, ANA, "PUT", &path, json!({ "note": "owes me a fish" })).await;

    let told = ana.hear("USER_NOTE_UPDATE").await;
    assert_eq!(told["d"], json!({ "id": BEN, "note": "owes me a fish" }));
    let shown = done(&stage, ANA, "GET", &path, Value::Null).await;
    assert_eq!((&shown["note_user_id"], &shown["note"]), (&json!(BEN), &json!("owes me a fish")));
    let all = done(&stage, ANA, "GET", "/users/@me/notes", Value::Null).await;
    assert_eq!(all, json!({ BEN.to_string(): "owes me a fish" }));
    assert_eq!(done(&stage, BEN, "GET", "/users/@me/notes", Value::Null).await, json!({}));
    let long = json!({ "note": "x".repeat(257) });
    refused(&stage, ANA, ("PUT", &path), long, 50_035).await;
    done(&stage, ANA, "PUT", &path, json!({ "note": null })).await;
    refused(&stage, ANA, ("GET", &path), Value::Null, 10_013).await;
    let nobody = ("PUT", "/users/@me/notes/999");
    refused(&stage, ANA, nobody, json!({ "note": "x" }), 10_013).await;
}

#[tokio::test]
async fn a_profile_tells_what_one_has_in_common() {
    let stage = Stage::open().await;
    let said = json!({ "bio": "Sails.", "pronouns": "he/him", "accent_color": 255 });
    let own = done(&stage, BEN, "PATCH", "/users/@me/profile", said.clone()).await;
    assert_eq!(own, said);
    befriend(&stage).await;

    let query = format!("with_mutual_guilds=true&with_mutual_friends=true&guild_id={GUILD}");
    let path = format!("/users/{BEN}/profile?{query}");
    let shown = done(&stage, ANA, "GET", &path, Value::Null).await;

    assert_eq!(shown["user"]["username"], "ben");
    assert_eq!(shown["user_profile"]["bio"], "Sails.");
    assert_eq!(shown["mutual_guilds"], json!([{ "id": GUILD, "nick": null }]));
    assert_eq!((&shown["mutual_friends"], &shown["mutual_friends_count"]), (&json!([]), &json!(0)));
    assert_eq!(shown["guild_member"]["user"]["id"], json!(BEN));
    let long =
        json!({ "bio": "x".repeat(191), "pronouns": "x".repeat(41), "accent_color": 1 << 24 });
    let (_, answer) = ask(&stage, BEN, "PATCH", "/users/@me/profile", long).await;
    for field in ["bio", "pronouns", "accent_color"] {
        assert!(answer["errors"][field].is_object(), "{answer}");
    }
    // A stranger's is not told.
    done(&stage, BEN, "DELETE", &format!("/users/@me/relationships/{ANA}"), Value::Null).await;
    stage.change(BEN, state::GuildCommand::Leave).await;
    refused(&stage, ANA, ("GET", &path), Value::Null, 50_001).await;
    refused(&stage, ANA, ("GET", "/users/999/profile"), Value::Null, 10_013).await;
}
