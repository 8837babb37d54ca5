//! Polls: asked, voted on, ended by their author and by time.

use axum::http::Method;
use model::id::UserId;
use model::wire::guild::Permissions;
use serde_json::Value;
use serde_json::json;
use state::event::ChatEvent;

use crate::world::*;

impl World {
    async fn ask_people(&self, user: UserId, multiselect: bool) -> Value {
        let answer = |text: &str| json!({ "poll_media": { "text": text } });
        let beer = json!({ "poll_media": { "text": "beer", "emoji": { "name": "🍺" } } });
        let poll = json!({ "question": { "text": "What?" }, "answers": [beer, answer("ale"), answer("mead")],
            "duration": 2, "allow_multiselect": multiselect });
        self.say(user, json!({ "poll": poll })).await
    }

    async fn vote(&self, user: UserId, poll: &Value, answers: Value) -> Answer {
        let body = json!({ "answer_ids": answers });
        self.ask(user, Method::PUT, &format!("{}/answers/@me", of(poll)), body).await
    }
}

fn of(poll: &Value) -> String {
    format!("/channels/{TEXT}/polls/{}", poll["id"].as_str().unwrap())
}

fn counts(message: &Value) -> Vec<(u64, u64, bool)> {
    let counts = message["poll"]["results"]["answer_counts"].as_array().expect("counts");
    let numbers = |one: &Value| {
        let number = |key: &str| one[key].as_u64().unwrap();
        (number("id"), number("count"), one["me_voted"] == true)
    };
    counts.iter().map(numbers).collect()
}

#[tokio::test]
async fn a_poll_is_asked_and_counts_who_chose_what() {
    let world = World::open().await;
    let poll = world.ask_people(ANA, true).await;
    assert_eq!(poll["poll"]["question"]["text"], "What?");
    assert_eq!(poll["poll"]["answers"][0]["poll_media"]["emoji"]["name"], "🍺");
    assert_eq!((&poll["poll"]["answers"][2]["answer_id"], counts(&poll)), (&json!(3), vec![]));
    let mut events = world.listen(BEN).await;

    world.vote(BEN, &poll, json!(["1", 2])).await.empty();
    world.vote(OWNER, &poll, json!([2])).await.empty();
    world.vote(BEN, &poll, json!([2, 3])).await.empty();

    let mut heard = Vec::new();
    for _ in 0..5 {
        let ChatEvent::PollVote { user, answer, added, .. } = events.chat().await else { panic!() };
        heard.push((user, answer, added));
    }
    let expected =
        [(BEN, 1, true), (BEN, 2, true), (OWNER, 2, true), (BEN, 1, false), (BEN, 3, true)];
    assert_eq!(heard, expected);
    let shown = world.get(BEN, &one(&poll)).await.ok();
    assert_eq!(counts(&shown), [(2, 2, true), (3, 1, true)]);
    assert_eq!(shown["poll"]["results"]["is_finalized"], false);
    let voters = world.get(ANA, &format!("{}/answers/2", of(&poll))).await.ok();
    let names: Vec<_> =
        voters["users"].as_array().unwrap().iter().map(|user| user["id"].clone()).collect();
    assert_eq!(names, [json!(OWNER), json!(BEN)]);
    let page = format!("{}/answers/2?after={OWNER}&limit=1", of(&poll));
    assert_eq!(world.get(ANA, &page).await.ok()["users"][0]["id"], json!(BEN));
    let path = format!("{}/answers/@me", of(&poll));
    world.ask(BEN, Method::DELETE, &path, Value::Null).await.empty();
    assert_eq!(counts(&world.get(BEN, &one(&poll)).await.ok()), [(2, 1, false)]);
}

#[tokio::test]
async fn votes_that_cannot_be_are_refused() {
    let world = World::open().await;
    let poll = world.ask_people(ANA, false).await;
    let said = world.say(ANA, json!({ "content": "no poll" })).await;

    world.vote(BEN, &poll, json!([1, 2])).await.fails(400, 50_035);
    world.vote(BEN, &poll, json!([4])).await.fails(400, 50_035);
    world.vote(BEN, &poll, json!(["x"])).await.fails(400, 50_035);
    world.vote(BOT, &poll, json!([1])).await.fails(403, 20_001);
    world.vote(DAN, &poll, json!([1])).await.fails(403, 50_001);
    world.vote(BEN, &said, json!([1])).await.fails(400, 520_006);
    world.get(BEN, &format!("{}/answers/9", of(&poll))).await.fails(400, 50_035);
    let edit = world.ask(ANA, Method::PATCH, &one(&poll), json!({ "content": "x" })).await;
    edit.fails(400, 520_003);
    world.deny(ANA, Permissions::SEND_POLLS).await;
    let body = json!({ "poll": { "question": { "text": "q" },
        "answers": [{ "poll_media": { "text": "a" } }] } });
    world.post(ANA, &messages(TEXT), body).await.fails(403, 50_013);
}

#[tokio::test]
async fn its_author_ends_a_poll_and_the_channel_is_told_the_result() {
    let world = World::open().await;
    let poll = world.ask_people(ANA, false).await;
    world.vote(BEN, &poll, json!([1])).await.empty();
    let mut events = world.listen(BEN).await;
    let expire = format!("{}/expire", of(&poll));

    world.post(BEN, &expire, Value::Null).await.fails(403, 50_005);
    let ended = world.post(ANA, &expire, Value::Null).await.ok();

    assert_eq!(ended["poll"]["results"]["is_finalized"], true);
    assert_eq!(counts(&ended), [(1, 1, false), (2, 0, false), (3, 0, false)]);
    world.post(ANA, &expire, Value::Null).await.fails(400, 520_001);
    world.vote(BEN, &poll, json!([2])).await.fails(400, 520_001);
    let ChatEvent::MessageUpdated(told) = events.chat().await else { panic!() };
    assert_eq!(told.poll.as_ref().and_then(|poll| poll.results.clone()), Some(vec![1, 0, 0]));
    let notice = &world.get(BEN, &messages(TEXT)).await.ok()[0];
    assert_eq!((&notice["type"], &notice["author"]["id"]), (&json!(46), &json!(ANA)));
    assert_eq!(notice["message_reference"]["message_id"], poll["id"]);
    let fields = notice["embeds"][0]["fields"].as_array().unwrap();
    let field = |name: &str| {
        let found = fields.iter().find(|field| field["name"] == name);
        found.map(|field| field["value"].as_str().unwrap().to_owned())
    };
    assert_eq!(notice["embeds"][0]["type"], "poll_result");
    assert_eq!(field("victor_answer_text").as_deref(), Some("beer"));
    assert_eq!(field("total_votes").as_deref(), Some("1"));
}

#[tokio::test]
async fn time_ends_a_poll_once_and_not_before() {
    let world = World::open().await;
    let poll = world.ask_people(ANA, false).await;
    let made: u64 = poll["id"].as_str().unwrap().parse().unwrap();
    let made_ms = model::snowflake::unix_ms(made);
    let notices = async || {
        let list = world.get(BEN, &messages(TEXT)).await.ok();
        list.as_array().unwrap().iter().filter(|message| message["type"] == 46).count()
    };

    // The id is made some milliseconds after the clock was read for the end.
    signaling::upkeep::round(&world.parts, made_ms + 2 * 3_600_000 - 1_000).await;
    assert_eq!(notices().await, 0);
    signaling::upkeep::round(&world.parts, made_ms + 2 * 3_600_000).await;
    signaling::upkeep::round(&world.parts, made_ms + 2 * 3_600_000 + 1).await;

    assert_eq!(notices().await, 1);
    let shown = world.get(BEN, &one(&poll)).await.ok();
    assert_eq!(shown["poll"]["results"]["is_finalized"], true);
}

#[tokio::test]
async fn a_forward_carries_the_message_as_it_was() {
    let world = World::open().await;
    let body = json!({ "content": "rye", "embeds": [{ "title": "Bread" }] });
    let original = world.say(ANA, body).await;
    let deny = json!([{ "id": GUILD, "type": 0, "deny": "1024" }]);
    let body = json!({ "name": "h", "permission_overwrites": deny });
    let hidden = world.post(OWNER, &format!("/guilds/{GUILD}/channels"), body).await.json();
    let path = format!("/channels/{}/messages", hidden["id"].as_str().unwrap());
    let secret = world.post(OWNER, &path, json!({ "content": "s" })).await.ok();
    let forward = |message: &Value| {
        json!({ "message_reference": { "type": 1, "message_id": message["id"],
            "channel_id": message["channel_id"] } })
    };

    let sent = world.say(BEN, forward(&original)).await;

    assert_eq!(
        (&sent["type"], &sent["flags"], &sent["content"]),
        (&json!(0), &json!(16_384), &json!(""))
    );
    assert_eq!(sent["message_reference"]["type"], 1);
    let snapshot = &sent["message_snapshots"][0]["message"];
    assert_eq!(
        (&snapshot["content"], &snapshot["embeds"][0]["title"]),
        (&json!("rye"), &json!("Bread"))
    );
    assert!(snapshot.get("author").is_none());
    world.ask(ANA, Method::PATCH, &one(&original), json!({ "content": "wheat" })).await.ok();
    let again = world.say(BEN, forward(&sent)).await;
    assert_eq!(again["message_snapshots"][0]["message"]["content"], "rye");
    world.post(BEN, &messages(TEXT), forward(&secret)).await.fails(403, 50_001);
    let mut mixed = forward(&original);
    mixed["content"] = json!("look");
    world.post(BEN, &messages(TEXT), mixed).await.fails(400, 50_035);
    let gone = json!({ "id": "9", "channel_id": TEXT });
    world.post(BEN, &messages(TEXT), forward(&gone)).await.fails(400, 50_035);
    let poll = world.ask_people(ANA, false).await;
    world.post(BEN, &messages(TEXT), forward(&poll)).await.fails(400, 50_035);
}

#[tokio::test]
async fn a_voice_message_is_one_recording_and_nothing_else() {
    let world = World::open().await;
    let meta = json!([{ "id": 0, "duration_secs": 1.5, "waveform": "AAECAw==" }]);
    let body = json!({ "flags": 8_192, "attachments": meta });
    let send = async |body: Value, kind: &str| {
        let payload = recording(&body, kind);
        world.send_form(ANA, &messages(TEXT), payload).await
    };

    let sent = send(body.clone(), "audio/ogg").await.ok();

    assert_eq!(sent["flags"], 8_192);
    let file = &sent["attachments"][0];
    assert_eq!((&file["duration_secs"], &file["waveform"]), (&json!(1.5), &json!("AAECAw==")));
    send(body.clone(), "text/plain").await.fails(400, 50_160);
    send(json!({ "flags": 8_192 }), "audio/ogg").await.fails(400, 50_161);
    let mut text = body.clone();
    text["content"] = json!("x");
    send(text, "audio/ogg").await.fails(400, 50_159);
    let edit = world.ask(ANA, Method::PATCH, &one(&sent), json!({ "content": "x" })).await;
    edit.fails(400, 50_162);
    world.deny(ANA, Permissions::SEND_VOICE_MESSAGES).await;
    send(body, "audio/ogg").await.fails(403, 50_173);
}

#[tokio::test]
async fn people_ask_each_other_in_private_too() {
    let world = World::open().await;
    let opened = world.post(ANA, "/users/@me/channels", json!({ "recipient_id": BEN })).await.ok();
    let channel = opened["id"].as_str().unwrap();
    let poll =
        json!({ "question": { "text": "q" }, "answers": [{ "poll_media": { "text": "a" } }] });
    let path = format!("/channels/{channel}/messages");
    let asked = world.post(ANA, &path, json!({ "poll": poll })).await.ok();
    let mut events = world.listen(ANA).await;

    let vote = format!("/channels/{channel}/polls/{}/answers/@me", asked["id"].as_str().unwrap());
    world.ask(BEN, Method::PUT, &vote, json!({ "answer_ids": [1] })).await.empty();

    let ChatEvent::PollVote { user, answer, added, .. } = events.chat().await else { panic!() };
    assert_eq!((user, answer, added), (BEN, 1, true));
    world.ask(DAN, Method::PUT, &vote, json!({ "answer_ids": [1] })).await.fails(403, 50_001);
    let found = world.get(BEN, &format!("{path}/search?has=poll")).await.ok();
    assert_eq!(found["messages"][0][0]["id"], asked["id"]);
}
