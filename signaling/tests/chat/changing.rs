//! Editing and deleting.

use std::sync::Arc;

use axum::http::Method;
use axum::http::StatusCode;
use model::wire::guild::Permissions;
use serde_json::Value;
use serde_json::json;
use state::event::ChatEvent;

use crate::repos::Counted;
use crate::world::*;

async fn edit(world: &World, user: model::id::UserId, message: &Value, body: Value) -> Answer {
    world.ask(user, Method::PATCH, &one(message), body).await
}

#[tokio::test]
async fn people_change_what_they_said_and_nothing_else() {
    let world = World::open().await;
    let said = world.say(ANA, json!({ "content": "before", "embeds": [{ "title": "t" }] })).await;
    let mut events = world.listen(BEN).await;

    let edited = edit(&world, ANA, &said, json!({ "content": "after <@3>" })).await.ok();

    assert_eq!(edited["content"], "after <@3>");
    assert_eq!(edited["mentions"][0]["id"], BEN.to_string());
    assert_eq!(edited["embeds"], said["embeds"]);
    assert!(said["edited_timestamp"].is_null() && edited["edited_timestamp"].is_string());
    assert_eq!(edited["timestamp"], said["timestamp"]);
    let ChatEvent::MessageUpdated(event) = events.chat().await else { panic!() };
    assert_eq!(event.content, "after <@3>");
    edit(&world, BEN, &said, json!({ "content": "x" })).await.fails(403, 50_005);
    edit(&world, OWNER, &said, json!({ "content": "x" })).await.fails(403, 50_005);
    edit(&world, ANA, &said, json!({ "content": "", "embeds": [] })).await.fails(400, 50_006);
    edit(&world, ANA, &said, json!({ "content": "x".repeat(2_001) })).await.fails(400, 50_035);
    world.ask(ANA, Method::PATCH, "/channels/52/messages/9", json!({})).await.fails(404, 10_008);
    assert_eq!(world.get(BEN, &one(&said)).await.ok()["content"], "after <@3>");
}

#[tokio::test]
async fn an_edit_notifies_no_more_than_a_message_may() {
    let world = World::open().await;
    let closed = world.role(false).await;
    world.deny(ANA, Permissions::MENTION_EVERYONE).await;
    let said = world.say(ANA, json!({ "content": "before" })).await;

    let text = json!({ "content": format!("@everyone <@&{closed}> <@999>") });
    let edited = edit(&world, ANA, &said, text).await.ok();

    assert_eq!(edited["mention_everyone"], false);
    assert_eq!((&edited["mention_roles"], &edited["mentions"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn a_moderator_hides_embeds_of_others_but_puts_no_words_into_mouths() {
    let world = World::open().await;
    let button = json!({ "type": 2, "custom_id": "a", "label": "A", "style": 1 });
    let row = json!({ "type": 1, "components": [button] });
    let said = world.say(ANA, json!({ "content": "a link", "components": [row] })).await;

    let hidden = edit(&world, OWNER, &said, json!({ "flags": 4 })).await.ok();

    assert_eq!(hidden["flags"], 4);
    assert!(hidden["edited_timestamp"].is_null());
    edit(&world, BEN, &said, json!({ "flags": 0 })).await.fails(403, 50_013);
    for body in [json!({ "flags": 0, "attachments": [] }), json!({ "flags": 0, "components": [] })]
    {
        edit(&world, OWNER, &said, body).await.fails(403, 50_005);
    }
    assert_eq!(edit(&world, ANA, &said, json!({ "flags": 0 })).await.ok()["flags"], 0);
}

#[tokio::test]
async fn an_edit_keeps_describes_drops_and_adds_files() {
    let world = World::open().await;
    let files: [(&str, &[u8]); 2] = [("a.txt", b"aaa"), ("b.txt", b"bbb")];
    let path = messages(TEXT);
    let said = world.upload(ANA, Method::POST, &path, json!({}), &files).await.ok();
    let (a, b) = (&said["attachments"][0], &said["attachments"][1]);

    let body = json!({ "attachments": [{ "id": b["id"], "description": "the b" }, { "id": 0 }] });
    let edited =
        world.upload(ANA, Method::PATCH, &one(&said), body, &[("c.txt", b"ccc")]).await.ok();

    let names: Vec<_> =
        edited["attachments"].as_array().unwrap().iter().map(|file| &file["filename"]).collect();
    assert_eq!(names, ["b.txt", "c.txt"]);
    assert_eq!(edited["attachments"][0]["description"], "the b");
    assert_eq!(world.fetch(&edited["attachments"][1]["url"]).await.body, "ccc");
    assert_eq!(world.fetch(&b["url"]).await.body, "bbb");
    assert_eq!(world.fetch(&a["url"]).await.status, StatusCode::NOT_FOUND);
    edit(&world, ANA, &said, json!({ "attachments": [] })).await.fails(400, 50_006);
}

#[tokio::test]
async fn edits_and_pins_at_once_do_not_undo_each_other() {
    let world = Arc::new(World::open().await);
    let said = world.say(OWNER, json!({ "content": "0" })).await;
    let pins = format!("/channels/{TEXT}/pins/{}", said["id"].as_str().unwrap());

    let edits = (1..=20).map(|n| {
        let (world, said) = (world.clone(), said.clone());
        tokio::spawn(async move {
            edit(&world, OWNER, &said, json!({ "content": n.to_string() })).await.ok();
        })
    });
    let edits: Vec<_> = edits.collect();
    world.ask(OWNER, Method::PUT, &pins, Value::Null).await.empty();
    for edit in edits {
        edit.await.unwrap();
    }

    let last = world.get(BEN, &one(&said)).await.ok();
    assert_eq!(last["pinned"], true);
    assert_ne!(last["content"], "0");
}

#[tokio::test]
async fn people_take_back_what_they_said_and_moderators_the_rest() {
    let world = World::open().await;
    let said = world.say(ANA, json!({ "content": "x" })).await;
    let other = world.say(ANA, json!({ "content": "y" })).await;
    let mut events = world.listen(BEN).await;
    let delete =
        async |user, message| world.ask(user, Method::DELETE, &one(message), Value::Null).await;

    delete(BEN, &said).await.fails(403, 50_013);
    delete(ANA, &said).await.empty();
    delete(ANA, &said).await.fails(404, 10_008);
    delete(OWNER, &other).await.empty();

    let ChatEvent::MessagesDeleted { ids, bulk, .. } = events.chat().await else { panic!() };
    assert_eq!((ids[0].to_string().as_str(), bulk), (said["id"].as_str().unwrap(), false));
    assert_eq!(world.get(BEN, &messages(TEXT)).await.ok(), json!([]));
}

#[tokio::test]
async fn files_go_with_their_message() {
    let mut world = World::open().await;
    let counted = Arc::new(Counted::new(world.parts.objects.clone()));
    world.parts.objects = counted.clone();
    let path = messages(TEXT);
    let mut ids = Vec::new();
    for _ in 0..3 {
        let said = world.upload(ANA, Method::POST, &path, json!({}), &[("a", b"x")]).await.ok();
        ids.push(said);
    }
    assert_eq!(counted.count(), 3);

    world.ask(ANA, Method::DELETE, &one(&ids[0]), Value::Null).await.empty();
    assert_eq!(counted.count(), 2);
    let body = json!({ "messages": [ids[1]["id"], ids[2]["id"]] });
    world.post(OWNER, &format!("{path}/bulk-delete"), body).await.empty();

    assert_eq!(counted.count(), 0);
    let url = &ids[2]["attachments"][0]["url"];
    assert_eq!(world.fetch(url).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_bulk_delete_takes_what_is_there_and_tells_once() {
    let world = World::open().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(world.say(ANA, json!({ "content": "x" })).await["id"].clone());
    }
    let mut events = world.listen(BEN).await;
    let path = format!("{}/bulk-delete", messages(TEXT));

    let body = |ids: &[Value]| json!({ "messages": ids });
    world.post(BEN, &path, body(&ids)).await.fails(403, 50_013);
    world.post(OWNER, &path, body(&ids[..1])).await.fails(400, 50_016);
    world.post(OWNER, &path, body(&[ids[0].clone(), json!("5")])).await.fails(400, 50_034);
    // Ids are accepted as numbers too; one of a message that is not there is passed over.
    let absent: u64 = world.parts.ids.next::<()>().get();
    let given = [ids[0].clone(), json!(absent), ids[1].clone()];
    world.post(OWNER, &path, body(&given)).await.empty();

    let ChatEvent::MessagesDeleted { ids: gone, bulk, .. } = events.chat().await else { panic!() };
    assert!(bulk);
    assert_eq!(gone.len(), 2);
    let left = world.get(BEN, &messages(TEXT)).await.ok();
    assert_eq!(left.as_array().unwrap().len(), 1);
    assert_eq!(left[0]["id"], ids[2]);
}

#[tokio::test]
async fn reading_and_typing_are_acknowledged() {
    let world = World::open().await;
    let said = world.say(ANA, json!({ "content": "x" })).await;
    let mut events = world.listen(BEN).await;

    let ack = world.post(ANA, &format!("{}/ack", one(&said)), json!({})).await.ok();
    world.post(ANA, &format!("/channels/{TEXT}/typing"), Value::Null).await.empty();

    assert_eq!(ack, json!({ "token": null }));
    let ChatEvent::Typing { user, .. } = events.chat().await else { panic!() };
    assert_eq!(user, ANA);
}
