//! Saying something and reading it back.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::http::Method;
use axum::http::StatusCode;
use axum::http::header;
use model::id::UserId;
use model::wire::guild::Permissions;
use model::wire::id::Id;
use serde_json::Value;
use serde_json::json;
use state::event::ChatEvent;

use crate::repos::Counted;
use crate::repos::Moody;
use crate::world::*;

#[tokio::test]
async fn a_message_comes_back_as_it_was_said() {
    let world = World::open().await;
    let embed = json!({ "type": "rich", "title": "t", "color": 5 });
    let row = json!({ "type": 1, "components": [{ "type": 2, "custom_id": "a", "label": "A", "style": 1 }] });

    let said = world
        .say(
            ANA,
            json!({ "content": "hello", "embeds": [embed], "components": [row], "flags": 4096 }),
        )
        .await;

    assert_eq!(said["content"], "hello");
    assert_eq!(said["author"]["username"], "ana");
    assert_eq!(said["channel_id"], TEXT.to_string());
    assert_eq!(said["embeds"][0], embed);
    // Components are numbered where their sender did not.
    let mut numbered = row;
    numbered["id"] = json!(1);
    numbered["components"][0]["id"] = json!(2);
    assert_eq!(said["components"][0], numbered);
    assert_eq!(
        (&said["type"], &said["flags"], &said["tts"]),
        (&json!(0), &json!(4096), &json!(false))
    );
    // Only events have these (Discord: Message).
    assert!(said.get("guild_id").is_none() && said.get("member").is_none());
    assert_eq!(world.get(BEN, &one(&said)).await.ok(), said);
    assert_eq!(world.get(BEN, &messages(TEXT)).await.ok(), json!([said]));
}

#[tokio::test]
async fn naughty_strings_come_back_byte_for_byte() {
    let world = World::open().await;
    let list: Vec<String> = serde_json::from_str(include_str!("../data/blns.json")).unwrap();
    assert!(list.len() > 500);

    for text in list {
        let answer = world.post(ANA, &messages(TEXT), json!({ "content": text })).await;
        if text.trim().is_empty() {
            answer.fails(400, 50_006);
            continue;
        }
        let said = answer.ok();
        assert_eq!(said["content"], text);
        assert_eq!(world.get(ANA, &one(&said)).await.ok()["content"], text);
    }
}

#[tokio::test]
async fn each_failure_has_its_code() {
    let world = World::open().await;
    world.deny(BEN, Permissions::SEND_MESSAGES).await;
    let text = || json!({ "content": "x" });
    let path = messages(TEXT);

    world.post(ANA, "/channels/999/messages", text()).await.fails(404, 10_003);
    world.post(DAN, &path, text()).await.fails(403, 50_001);
    world.get(DAN, &path).await.fails(403, 50_001);
    world.post(BEN, &path, text()).await.fails(403, 50_013);
    world.post(ANA, &messages(CATEGORY), text()).await.fails(400, 50_008);
    world.post(ANA, &path, json!({})).await.fails(400, 50_006);
    world.post(ANA, &path, json!({ "content": 5 })).await.fails(400, 50_035);
    world.get(ANA, &format!("{path}/999")).await.fails(404, 10_008);
    world.get(ANA, &format!("{path}/nonsense")).await.fails(400, 50_035);
    world.get(ANA, &format!("{path}?limit=101")).await.fails(400, 50_035);
    world.get(ANA, &format!("{path}?limit=0")).await.fails(400, 50_035);
    let long = world.post(ANA, &path, json!({ "content": "x".repeat(2_001) })).await;
    let fault = &long.fails(400, 50_035)["errors"]["content"]["_errors"][0];
    assert_eq!(fault["code"], "BASE_TYPE_MAX_LENGTH");
    let broken = world.request(ANA, Method::POST, &format!("/api/v10{path}"));
    world.send(broken.body(Body::from("{\"content\":")).unwrap()).await.fails(400, 50_109);
    let nobody = axum::http::Request::post(format!("/api/v10{path}"));
    world.send(nobody.body(Body::from("{}")).unwrap()).await.fails(401, 0);
    let huge = json!({ "content": "x".repeat(2 << 20) });
    world.post(ANA, &path, huge).await.fails(413, 40_005);
}

#[tokio::test]
async fn a_voice_channel_has_its_own_chat() {
    let world = World::open().await;

    world.post(ANA, &messages(VOICE), json!({ "content": "in the room" })).await.ok();
}

#[tokio::test]
async fn each_part_of_a_message_needs_its_permission() {
    let world = World::open().await;
    let first = world.say(ANA, json!({ "content": "first" })).await;
    let parts = Permissions::ATTACH_FILES
        | Permissions::EMBED_LINKS
        | Permissions::SEND_TTS_MESSAGES
        | Permissions::READ_MESSAGE_HISTORY;
    world.deny(BEN, parts).await;
    world.deny(BOT, parts).await;
    let path = messages(TEXT);

    let file = world.upload(BEN, Method::POST, &path, json!({}), &[("a", b"x")]).await;
    file.fails(403, 50_013);
    world.post(BEN, &path, json!({ "content": "x", "tts": true })).await.fails(403, 50_013);
    let reply = json!({ "content": "x", "message_reference": { "message_id": first["id"] } });
    world.post(BEN, &path, reply).await.fails(403, 50_013);
    // A person's client made the embed of a link; a bot meant it.
    let embed = json!({ "content": "x", "embeds": [{ "title": "t" }] });
    assert_eq!(world.post(BEN, &path, embed.clone()).await.ok()["embeds"], json!([]));
    world.post(BOT, &path, embed).await.fails(403, 50_013);
    world.post(BEN, &path, json!({ "embeds": [{ "title": "t" }] })).await.fails(400, 50_006);
    // Without history there is nothing to read, old or by id.
    assert_eq!(world.get(BEN, &path).await.ok(), json!([]));
    world.get(BEN, &one(&first)).await.fails(403, 50_013);
}

#[tokio::test]
async fn a_message_that_was_not_stored_is_not_told_and_leaves_no_file() {
    let mut world = World::open().await;
    let moody = Arc::new(Moody::new(world.parts.messages.clone()));
    let counted = Arc::new(Counted::new(world.parts.objects.clone()));
    world.parts.messages = moody.clone();
    world.parts.objects = counted.clone();
    let mut events = world.listen(BEN).await;
    moody.full.store(true, Ordering::SeqCst);

    let path = messages(TEXT);
    let lost = json!({ "content": "lost" });
    let answer = world.upload(ANA, Method::POST, &path, lost, &[("a", b"x")]).await;

    answer.fails(503, 130_000);
    assert_eq!(counted.count(), 0);
    moody.full.store(false, Ordering::SeqCst);
    moody.gate.add_permits(1);
    world.say(ANA, json!({ "content": "kept" })).await;
    assert_eq!(events.said_until("kept").await.len(), 1);
}

#[tokio::test]
async fn a_sender_who_hangs_up_is_heard_all_the_same() {
    let mut world = World::open().await;
    let moody = Arc::new(Moody::new(world.parts.messages.clone()));
    world.parts.messages = moody.clone();
    let mut events = world.listen(BEN).await;
    let world = Arc::new(world);

    let request = {
        let world = world.clone();
        tokio::spawn(async move { world.say(ANA, json!({ "content": "bye" })).await })
    };
    moody.reached.acquire().await.unwrap().forget();
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    moody.gate.add_permits(1);

    events.said_until("bye").await;
    assert_eq!(world.get(BEN, &messages(TEXT)).await.ok()[0]["content"], "bye");
}

#[tokio::test]
async fn a_stored_message_is_answered_for_although_it_could_not_be_told() {
    let world = World::open().await;
    // After this the mailboxes take nothing.
    world.parts.store.shutdown().await;

    let said = world.say(ANA, json!({ "content": "kept" })).await;

    assert_eq!(world.get(ANA, &one(&said)).await.ok()["content"], "kept");
}

#[tokio::test]
async fn an_enforced_nonce_makes_a_retry_the_same_message() {
    let mut world = World::open().await;
    let counted = Arc::new(Counted::new(world.parts.objects.clone()));
    world.parts.objects = counted.clone();
    let mut events = world.listen(BEN).await;
    let body = json!({ "content": "once", "nonce": 12_345, "enforce_nonce": true });
    let path = messages(TEXT);

    let first = world.upload(ANA, Method::POST, &path, body.clone(), &[("a", b"x")]).await.ok();
    let again = world.upload(ANA, Method::POST, &path, body.clone(), &[("a", b"x")]).await.ok();
    let other = world.upload(BEN, Method::POST, &path, body, &[("a", b"x")]).await.ok();

    assert_eq!(first["id"], again["id"]);
    assert_eq!(first["attachments"][0]["id"], again["attachments"][0]["id"]);
    assert_ne!(first["id"], other["id"], "a nonce is its author's");
    assert_eq!(first["nonce"], "12345");
    assert_eq!(counted.count(), 2);
    world.say(ANA, json!({ "content": "end" })).await;
    assert_eq!(events.said_until("end").await.len(), 3);
}

#[tokio::test]
async fn a_nonce_that_is_not_enforced_only_travels() {
    let world = World::open().await;
    let mut events = world.listen(BEN).await;
    let body = json!({ "content": "twice", "nonce": "n" });

    let first = world.say(ANA, body.clone()).await;
    let second = world.say(ANA, body).await;

    assert_ne!(first["id"], second["id"]);
    assert_eq!(first["nonce"], "n");
    let ChatEvent::MessageCreated(event) = events.chat().await else { panic!() };
    assert_eq!(event.nonce.as_deref(), Some("n"));
    assert!(world.get(ANA, &one(&first)).await.ok().get("nonce").is_none());
}

#[tokio::test]
async fn an_answer_shows_what_it_answers_and_notifies_its_author() {
    let world = World::open().await;
    let first = world.say(ANA, json!({ "content": "question" })).await;
    let reply = |more: Value| {
        let mut body = json!({
            "content": "answer", "message_reference": { "message_id": first["id"] }
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };

    let answer = world.say(BEN, reply(json!({}))).await;
    assert_eq!(answer["type"], 19);
    assert_eq!(answer["referenced_message"]["content"], "question");
    assert_eq!(answer["message_reference"]["channel_id"], TEXT.to_string());
    assert_eq!(answer["mentions"][0]["id"], ANA.to_string());
    let quiet = world.say(BEN, reply(json!({ "allowed_mentions": { "parse": ["users"] } }))).await;
    assert_eq!(quiet["mentions"], json!([]));

    world.ask(ANA, Method::DELETE, &one(&first), Value::Null).await.empty();
    let orphan = world.get(BEN, &one(&answer)).await.ok();
    assert_eq!(orphan.get("referenced_message"), Some(&Value::Null));
    let late = world.post(BEN, &messages(TEXT), reply(json!({}))).await.fails(400, 50_035);
    assert!(late["errors"]["message_reference"]["_errors"].is_array());
    let mut loose = reply(json!({}));
    loose["message_reference"]["fail_if_not_exists"] = json!(false);
    assert_eq!(world.say(BEN, loose).await["type"], 0);
}

#[tokio::test]
async fn only_those_who_may_notify_everyone_do() {
    let world = World::open().await;
    let (open, closed) = (world.role(true).await, world.role(false).await);
    let text =
        json!({ "content": format!("@everyone <@&{open}> <@&{closed}> <@&50> <@3> <@999>") });
    world.allow(ANA, Permissions::MENTION_EVERYONE).await;
    world.deny(BEN, Permissions::MENTION_EVERYONE).await;

    let loud = world.say(ANA, text.clone()).await;
    let quiet = world.say(BEN, text).await;

    assert_eq!(loud["mention_everyone"], true);
    assert_eq!(loud["mention_roles"], json!([open.to_string(), closed.to_string()]));
    assert_eq!(quiet["mention_everyone"], false);
    assert_eq!(quiet["mention_roles"], json!([open.to_string()]));
    for said in [loud, quiet] {
        let people: Vec<_> =
            said["mentions"].as_array().unwrap().iter().map(|user| &user["id"]).collect();
        assert_eq!(people, [BEN.to_string().as_str()], "only people who exist");
    }
}

#[tokio::test]
async fn slowmode_holds_people_but_not_bots_and_moderators() {
    let world = World::open().await;
    world.slowmode(60).await;
    let text = json!({ "content": "x" });

    world.say(ANA, text.clone()).await;
    let held = world.post(ANA, &messages(TEXT), text.clone()).await;
    assert_eq!(held.status, StatusCode::TOO_MANY_REQUESTS);
    let left = held.json()["retry_after"].as_f64().unwrap();
    assert!((55.0..=60.0).contains(&left), "{left}");
    assert_eq!(held.json()["global"], false);
    assert!(held.headers.contains_key("via") && held.headers.contains_key(header::RETRY_AFTER));
    world.say(BEN, text.clone()).await;
    for free in [BOT, BOT, OWNER, OWNER] {
        world.say(free, text.clone()).await;
    }
    world.allow(ANA, Permissions::BYPASS_SLOWMODE).await;
    world.say(ANA, text).await;
}

#[tokio::test]
async fn a_private_channel_is_for_its_two_people() {
    let world = World::open().await;
    let channel = world.parts.ids.next();
    world.parts.store.open_private(channel, [ANA, DAN]).await.unwrap();
    let mut events = world.listen(DAN).await;
    let path = messages(channel);

    let said = world.post(ANA, &path, json!({ "content": "@everyone <@&50> <@5>" })).await.ok();

    assert_eq!(said["mention_everyone"], false);
    assert_eq!(said["mention_roles"], json!([]));
    assert_eq!(said["mentions"][0]["id"], DAN.to_string());
    let ChatEvent::MessageCreated(heard) = events.chat().await else { panic!() };
    assert_eq!(heard.id.to_string(), said["id"].as_str().unwrap());
    assert_eq!(heard.guild, None);
    world.get(DAN, &path).await.ok();
    for stranger in [BEN, OWNER] {
        world.get(stranger, &path).await.fails(403, 50_001);
        world.post(stranger, &path, json!({ "content": "x" })).await.fails(403, 50_001);
    }
    let one = format!("{path}/{}", said["id"].as_str().unwrap());
    world.ask(DAN, Method::DELETE, &one, Value::Null).await.fails(403, 50_013);
}

#[tokio::test]
async fn history_is_read_in_pages() {
    let world = World::open().await;
    let mut ids = Vec::new();
    for n in 0..10 {
        ids.push(world.say(ANA, json!({ "content": n.to_string() })).await["id"].clone());
    }
    let page = async |query: String| -> Vec<usize> {
        let list = world.get(BEN, &format!("{}?{query}", messages(TEXT))).await.ok();
        let list = list.as_array().unwrap().iter();
        list.map(|message| message["content"].as_str().unwrap().parse().unwrap()).collect()
    };
    let id = |n: usize| ids[n].as_str().unwrap();

    assert_eq!(page("limit=3".to_owned()).await, [9, 8, 7]);
    assert_eq!(page(format!("before={}&limit=3", id(5))).await, [4, 3, 2]);
    assert_eq!(page(format!("after={}&limit=3", id(5))).await, [8, 7, 6]);
    assert_eq!(page(format!("around={}&limit=3", id(5))).await, [6, 5, 4]);
    assert_eq!(page(format!("after={}", id(9))).await, [0; 0]);
    assert_eq!(page(String::new()).await.len(), 10);
}

#[tokio::test]
async fn many_at_once_are_all_there_and_told_once() {
    let world = Arc::new(World::open().await);
    let mut events = world.listen(OWNER).await;

    let tasks: Vec<_> = (0..64)
        .map(|n| {
            let (world, user): (_, UserId) = (world.clone(), Id::new(2 + n % 3));
            tokio::spawn(async move { world.say(user, json!({ "content": "many" })).await })
        })
        .collect();
    let mut said = Vec::new();
    for task in tasks {
        said.push(task.await.unwrap()["id"].as_str().unwrap().to_owned());
    }
    world.say(ANA, json!({ "content": "end" })).await;

    let mut told = events.said_until("end").await;
    told.pop();
    said.sort();
    told.sort();
    assert_eq!(told, said);
}

#[tokio::test]
async fn what_was_said_in_an_announcement_channel_is_published_once() {
    let world = World::open().await;
    let body = json!({ "name": "news", "type": 5 });
    let news = world.post(OWNER, &format!("/guilds/{GUILD}/channels"), body).await.json();
    let path = format!("/channels/{}/messages", news["id"].as_str().unwrap());
    let said = world.post(ANA, &path, json!({ "content": "new bread" })).await.ok();
    let publish = format!("{path}/{}/crosspost", said["id"].as_str().unwrap());
    let mut events = world.listen(BEN).await;

    world.post(BEN, &publish, Value::Null).await.fails(403, 50_013);
    assert_eq!(world.post(ANA, &publish, Value::Null).await.ok()["flags"], 1);

    let ChatEvent::MessageUpdated(told) = events.chat().await else { panic!() };
    assert_eq!((told.id.to_string(), told.flags), (said["id"].as_str().unwrap().to_owned(), 1));
    world.post(ANA, &publish, Value::Null).await.fails(400, 40_033);
    let here = world.say(ANA, json!({ "content": "no news" })).await;
    world.post(ANA, &format!("{}/crosspost", one(&here)), Value::Null).await.fails(400, 50_024);
}
