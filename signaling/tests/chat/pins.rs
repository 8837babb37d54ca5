//! Pinning messages.

use axum::http::Method;
use model::wire::guild::Permissions;
use serde_json::Value;
use serde_json::json;
use state::event::ChatEvent;

use crate::world::*;

#[tokio::test]
async fn pins_are_set_told_listed_and_taken_away_by_either_route() {
    let world = World::open().await;
    let first = world.say(ANA, json!({ "content": "first" })).await;
    let second = world.say(ANA, json!({ "content": "second" })).await;
    let mut events = world.listen(BEN).await;
    let old =
        |message: &Value| format!("/channels/{TEXT}/pins/{}", message["id"].as_str().unwrap());
    let new = |message: &Value| {
        format!("/channels/{TEXT}/messages/pins/{}", message["id"].as_str().unwrap())
    };

    world.ask(BEN, Method::PUT, &old(&first), Value::Null).await.fails(403, 50_013);
    world.ask(OWNER, Method::PUT, &old(&second), Value::Null).await.empty();
    world.ask(OWNER, Method::PUT, &new(&first), Value::Null).await.empty();
    world.ask(OWNER, Method::PUT, &new(&first), Value::Null).await.empty();

    // The message that was pinned last is first, whenever it was said.
    let list = world.get(BEN, &format!("/channels/{TEXT}/pins")).await.ok();
    let contents: Vec<_> = list.as_array().unwrap().iter().map(|pin| &pin["content"]).collect();
    assert_eq!(contents, ["first", "second"]);
    let page = world.get(BEN, &format!("/channels/{TEXT}/messages/pins?limit=1")).await.ok();
    assert_eq!(page["has_more"], true);
    assert_eq!(page["items"][0]["message"]["content"], "first");
    let at = page["items"][0]["pinned_at"].as_str().unwrap().replace('+', "%2B");
    let rest = format!("/channels/{TEXT}/messages/pins?before={at}");
    let rest = world.get(BEN, &rest).await.ok();
    assert_eq!(rest["items"][0]["message"]["content"], "second");
    assert_eq!(rest["has_more"], false);

    assert!(matches!(events.chat().await, ChatEvent::MessageUpdated(message) if message.pinned));
    let told = events.chat().await;
    assert!(matches!(told, ChatEvent::PinsUpdated { last_pin_ms: Some(_), .. }));
    let ChatEvent::MessageCreated(notice) = events.chat().await else { panic!() };
    assert_eq!((notice.kind, notice.author), (6, OWNER));
    let notices = world.get(BEN, &messages(TEXT)).await.ok();
    assert_eq!(notices.as_array().unwrap().len(), 4, "one notice for each pin, none for the third");
    assert_eq!(notices[0]["message_reference"]["message_id"], first["id"]);

    world.ask(OWNER, Method::DELETE, &new(&second), Value::Null).await.empty();
    world.ask(OWNER, Method::DELETE, &old(&first), Value::Null).await.empty();
    assert_eq!(world.get(BEN, &format!("/channels/{TEXT}/pins")).await.ok(), json!([]));
}

#[tokio::test]
async fn pinning_needs_its_permission_and_a_message_that_someone_said() {
    let world = World::open().await;
    let said = world.say(ANA, json!({ "content": "x" })).await;
    world.allow(BEN, Permissions::PIN_MESSAGES).await;
    let pin = |id: &Value| format!("/channels/{TEXT}/messages/pins/{}", id.as_str().unwrap());

    world.ask(BEN, Method::PUT, &pin(&said["id"]), Value::Null).await.empty();

    let notice = &world.get(BEN, &messages(TEXT)).await.ok()[0];
    assert_eq!(notice["type"], 6);
    world.ask(BEN, Method::PUT, &pin(&notice["id"]), Value::Null).await.fails(403, 50_021);
    let edit = world.ask(BEN, Method::PATCH, &one(notice), json!({ "content": "y" })).await;
    edit.fails(403, 50_021);
    let reply = json!({ "content": "x", "message_reference": { "message_id": notice["id"] } });
    world.post(BEN, &messages(TEXT), reply).await.fails(400, 50_035);
    world.ask(BEN, Method::PUT, &pin(&json!("9")), Value::Null).await.fails(404, 10_008);
}
