//! Giving and taking reactions.

use axum::http::Method;
use model::id::UserId;
use model::wire::guild::Permissions;
use serde_json::Value;
use serde_json::json;
use state::event::ChatEvent;

use crate::world::*;

const BEER: &str = "%F0%9F%8D%BA";

fn path(message: &Value, rest: &str) -> String {
    format!("{}/reactions{rest}", one(message))
}

async fn react(world: &World, user: UserId, message: &Value, emoji: &str) -> Answer {
    world.ask(user, Method::PUT, &path(message, &format!("/{emoji}/@me")), Value::Null).await
}

#[tokio::test]
async fn a_reaction_is_counted_once_per_person_and_told_once() {
    let world = World::open().await;
    let said = world.say(ANA, json!({ "content": "x" })).await;
    let mut events = world.listen(OWNER).await;

    react(&world, BEN, &said, BEER).await.empty();
    react(&world, BEN, &said, BEER).await.empty();
    react(&world, ANA, &said, BEER).await.empty();

    let shown = world.get(BEN, &one(&said)).await.ok();
    let reaction = &shown["reactions"][0];
    assert_eq!(reaction["emoji"], json!({ "id": null, "name": "🍺", "animated": false }));
    assert_eq!((&reaction["count"], &reaction["me"]), (&json!(2), &json!(true)));
    assert_eq!(world.get(OWNER, &one(&said)).await.ok()["reactions"][0]["me"], false);
    for user in [BEN, ANA] {
        let ChatEvent::Reaction { user: told, author, added, .. } = events.chat().await else {
            panic!()
        };
        assert_eq!((told, author, added), (user, ANA, true));
    }
}

#[tokio::test]
async fn people_take_back_their_own_and_moderators_the_others() {
    let world = World::open().await;
    let said = world.say(ANA, json!({ "content": "x" })).await;
    for user in [ANA, BEN, BOT] {
        react(&world, user, &said, BEER).await.empty();
    }
    let take = async |user, whose: &str| {
        let path = path(&said, &format!("/{BEER}/{whose}"));
        world.ask(user, Method::DELETE, &path, Value::Null).await
    };

    // As some libraries encode it.
    take(ANA, "%40me").await.empty();
    take(ANA, "3").await.fails(403, 50_013);
    take(BEN, "3").await.empty();
    take(OWNER, "4").await.empty();
    take(OWNER, "4").await.empty();
    take(OWNER, "nonsense").await.fails(400, 50_035);

    assert!(world.get(ANA, &one(&said)).await.ok().get("reactions").is_none());
}

#[tokio::test]
async fn who_reacted_is_listed_in_pages() {
    let world = World::open().await;
    let said = world.say(ANA, json!({ "content": "x" })).await;
    for user in [ANA, BEN, BOT] {
        react(&world, user, &said, BEER).await.empty();
    }
    let page = async |query: &str| -> Vec<String> {
        let list = world.get(BEN, &path(&said, &format!("/{BEER}{query}"))).await.ok();
        let list = list.as_array().unwrap().iter();
        list.map(|user| user["id"].as_str().unwrap().to_owned()).collect()
    };

    assert_eq!(page("").await, ["2", "3", "4"]);
    assert_eq!(page("?limit=2").await, ["2", "3"]);
    assert_eq!(page("?after=3").await, ["4"]);
    assert_eq!(page("?type=1").await, [""; 0]);
    world.get(BEN, &path(&said, &format!("/{BEER}?limit=101"))).await.fails(400, 50_035);
}

#[tokio::test]
async fn moderators_clear_one_emoji_or_all() {
    let world = World::open().await;
    let said = world.say(ANA, json!({ "content": "x" })).await;
    react(&world, ANA, &said, BEER).await.empty();
    react(&world, ANA, &said, "%E2%9D%A4").await.empty();
    let mut events = world.listen(BEN).await;
    let clear = async |user, rest: &str| {
        world.ask(user, Method::DELETE, &path(&said, rest), Value::Null).await
    };

    clear(BEN, "").await.fails(403, 50_013);
    clear(OWNER, &format!("/{BEER}")).await.empty();
    let left = world.get(ANA, &one(&said)).await.ok();
    assert_eq!(left["reactions"][0]["emoji"]["name"], "❤");
    clear(OWNER, "").await.empty();
    assert!(world.get(ANA, &one(&said)).await.ok().get("reactions").is_none());
    let told = events.chat().await;
    assert!(
        matches!(told, ChatEvent::ReactionsCleared { emoji: Some(emoji), .. } if emoji.name == "🍺")
    );
    assert!(matches!(events.chat().await, ChatEvent::ReactionsCleared { emoji: None, .. }));
}

#[tokio::test]
async fn each_failure_has_its_code() {
    let world = World::open().await;
    let said = world.say(ANA, json!({ "content": "x" })).await;
    react(&world, ANA, &said, BEER).await.empty();
    world.deny(BEN, Permissions::ADD_REACTIONS).await;

    for emoji in ["beer", "%3Cscript%3E", "ale:77", "1", "%20", "..%2F..%2Fx"] {
        react(&world, ANA, &said, emoji).await.fails(404, 10_014);
    }
    react(&world, ANA, &json!({ "id": "9" }), BEER).await.fails(404, 10_008);
    react(&world, DAN, &said, BEER).await.fails(403, 50_001);
    // Joining in needs less than being the first.
    react(&world, BEN, &said, BEER).await.empty();
    react(&world, BEN, &said, "%E2%9D%A4").await.fails(403, 50_013);
    world.deny(BOT, Permissions::READ_MESSAGE_HISTORY).await;
    react(&world, BOT, &said, BEER).await.fails(403, 50_013);
}

#[tokio::test]
async fn a_message_takes_twenty_different_emoji_even_when_they_come_at_once() {
    let world = std::sync::Arc::new(World::open().await);
    let said = world.say(ANA, json!({ "content": "x" })).await;

    let tasks: Vec<_> = (0..30_u8)
        .map(|n| {
            let (world, said) = (world.clone(), said.clone());
            let emoji = format!("%F0%9F%8D%{:02X}", 0x80 + n);
            tokio::spawn(async move { react(&world, ANA, &said, &emoji).await })
        })
        .collect();
    let mut refused = 0;
    for task in tasks {
        let answer = task.await.unwrap();
        if !answer.status.is_success() {
            answer.fails(400, 30_010);
            refused += 1;
        }
    }

    assert_eq!(refused, 10);
    let shown = world.get(ANA, &one(&said)).await.ok();
    assert_eq!(shown["reactions"].as_array().unwrap().len(), 20);
}

#[tokio::test]
async fn nobody_moderates_a_private_channel() {
    let world = World::open().await;
    let channel = world.parts.ids.next();
    world.parts.store.open_private(channel, [ANA, BEN]).await.unwrap();
    let said = world.post(ANA, &messages(channel), json!({ "content": "x" })).await.ok();
    let reactions = format!("{}/{}/reactions", messages(channel), said["id"].as_str().unwrap());

    let mine = format!("{reactions}/{BEER}/@me");
    world.ask(BEN, Method::PUT, &mine, Value::Null).await.empty();

    world.ask(ANA, Method::DELETE, &reactions, Value::Null).await.fails(403, 50_003);
    let theirs = format!("{reactions}/{BEER}/{BEN}");
    world.ask(ANA, Method::DELETE, &theirs, Value::Null).await.fails(403, 50_013);
}
