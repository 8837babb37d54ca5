//! Emojis of a guild from outside: made, shown, used, changed and deleted.

use crate::support::Answer;
use crate::support::Person;
use crate::support::hall::Hall;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use serde_json::json;
use state::GuildEvent;

/// A GIF of one pixel that stands still.
const GIF: &[u8] = b"GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0;";

fn path(hall: &Hall) -> String {
    format!("/guilds/{}/emojis", hall.place.guild)
}

async fn make(hall: &Hall, who: &Person, name: &str, bytes: &[u8]) -> Answer {
    let image = format!("data:image/gif;base64,{}", STANDARD.encode(bytes));
    hall.ask(who, "POST", &path(hall), json!({ "name": name, "image": image })).await
}

#[tokio::test]
async fn an_emoji_is_made_shown_renamed_and_deleted() {
    let hall = Hall::open().await;
    let mut ears = hall.ears(&hall.bot).await;
    let made = make(&hall, &hall.ana, "ale", GIF).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!((&made.body["name"], &made.body["animated"]), (&json!("ale"), &json!(false)));
    assert_eq!(made.body["user"]["username"], "ana");
    let emojis = |event: &GuildEvent| matches!(event, GuildEvent::EmojisUpdated).then_some(());
    ears.guild(emojis).await;

    let id = made.body["id"].as_str().unwrap();
    let one = format!("{}/{id}", path(&hall));
    let file = format!("/emojis/{id}.gif");
    let (status, headers, bytes) = hall.api.ask_outside("GET", &file).send_for_bytes().await;
    assert_eq!((status.as_u16(), &bytes[..]), (200, GIF));
    assert_eq!(headers["content-type"], "image/gif");
    assert_eq!(hall.get(&hall.ana, &path(&hall)).await.body, json!([made.body]));
    assert!(hall.get(&hall.ben, &one).await.body.get("user").is_none());
    let guild = hall.get(&hall.ben, &format!("/guilds/{}", hall.place.guild)).await;
    assert_eq!(guild.body["emojis"][0]["id"], id);

    let renamed = hall.ask(&hall.ana, "PATCH", &one, json!({ "name": "beer" })).await;
    assert_eq!(renamed.body["name"], "beer", "{renamed:?}");
    ears.guild(emojis).await;
    hall.ask(&hall.ben, "DELETE", &one, Value::Null).await.refuses(403, 50_013);
    assert_eq!(hall.ask(&hall.ana, "DELETE", &one, Value::Null).await.status, 204);
    ears.guild(emojis).await;
    hall.get(&hall.ana, &one).await.refuses(404, 10_014);
    assert_eq!(hall.api.ask_outside("GET", &file).send_for_bytes().await.0, 404);

    let log = hall.get(&hall.ana, &format!("/guilds/{}/audit-logs", hall.place.guild)).await;
    let entries = log.body["audit_log_entries"].as_array().unwrap();
    let numbers: Vec<_> = entries.iter().map(|entry| entry["action_type"].clone()).collect();
    assert_eq!(numbers, [62, 61, 60]);
}

#[tokio::test]
async fn what_is_no_emoji_is_refused() {
    let hall = Hall::open().await;
    make(&hall, &hall.ben, "ale", GIF).await.refuses(403, 50_013);
    make(&hall, &hall.ana, "a", GIF).await.refuses_field("name", "BASE_TYPE_BAD_LENGTH");
    make(&hall, &hall.ana, "a le", GIF).await.refuses_field("name", "STRING_TYPE_REGEX");
    make(&hall, &hall.ana, "ale", b"<svg/>").await.refuses_field("image", "IMAGE_INVALID");
    // A comment of a quarter of a mebibyte, before the picture itself.
    let block = [&[255][..], &[b'x'; 255]].concat();
    let comment = [&b"\x21\xfe"[..], &block.repeat(1_040), b"\0"].concat();
    let heavy = [&GIF[..13], &comment, &GIF[13..]].concat();
    make(&hall, &hall.ana, "ale", &heavy).await.refuses_field("image", "BINARY_TYPE_MAX_SIZE");
    assert_eq!(hall.get(&hall.ana, &path(&hall)).await.body, json!([]));
}

#[tokio::test]
async fn a_guilds_emoji_is_a_reaction_to_those_who_may_use_it() {
    let mut hall = Hall::open().await;
    let made = make(&hall, &hall.ana, "ale", GIF).await;
    let id = made.body["id"].as_str().unwrap();
    let said = format!("/channels/{}/messages", hall.place.text);
    let said = hall.ask(&hall.ana, "POST", &said, json!({ "content": "cheers" })).await;
    let all = format!(
        "/channels/{}/messages/{}/reactions",
        hall.place.text,
        said.body["id"].as_str().unwrap()
    );

    let given = hall.ask(&hall.ben, "PUT", &format!("{all}/ale:{id}/@me"), Value::Null).await;
    assert_eq!(given.status, 204, "{given:?}");
    hall.api.forget_limits();
    let unknown = format!("{all}/ale:77/@me");
    hall.ask(&hall.ben, "PUT", &unknown, Value::Null).await.refuses(404, 10_014);
    let shown = &hall.history().await[0]["reactions"][0];
    assert_eq!((&shown["emoji"]["id"], &shown["count"]), (&json!(id), &json!(1)));

    hall.api.forget_limits();
    // Under its new name it is the same reaction.
    let one = format!("{}/{id}", path(&hall));
    hall.ask(&hall.ana, "PATCH", &one, json!({ "name": "beer" })).await;
    hall.ask(&hall.ana, "PUT", &format!("{all}/beer:{id}/@me"), Value::Null).await;
    let reactions = hall.history().await[0]["reactions"].clone();
    assert_eq!((reactions.as_array().unwrap().len(), &reactions[0]["count"]), (1, &json!(2)));
}
