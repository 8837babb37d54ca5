//! Searching: all that one may read, and nothing else.

use axum::http::Method;
use model::id::UserId;
use model::wire::guild::Permissions;
use serde_json::Value;
use serde_json::json;

use crate::world::*;

impl World {
    /// Contents of what is found, in order.
    async fn search(&self, user: UserId, filters: &str) -> Vec<String> {
        let found =
            self.get(user, &format!("/guilds/{GUILD}/messages/search?{filters}")).await.ok();
        let groups = found["messages"].as_array().unwrap();
        let contents = groups.iter().map(|group| {
            assert_eq!(group[0]["hit"], true);
            group[0]["content"].as_str().unwrap().to_owned()
        });
        contents.collect()
    }
}

#[tokio::test]
async fn what_was_said_is_found_by_word_author_and_mention() {
    let world = World::open().await;
    world.say(ANA, json!({ "content": "rye bread" })).await;
    world.say(BEN, json!({ "content": format!("bread for <@{ANA}>") })).await;
    let linked = world.say(BEN, json!({ "content": "https://example.org" })).await;

    let for_ana = format!("bread for <@{ANA}>");
    assert_eq!(world.search(OWNER, "content=brea").await, [&*for_ana, "rye bread"]);
    let oldest = "content=bread&sort_by=timestamp&sort_order=asc&limit=1";
    assert_eq!(world.search(OWNER, oldest).await, ["rye bread"]);
    assert_eq!(world.search(OWNER, &format!("author_id={ANA}")).await, ["rye bread"]);
    let both = format!("author_id={ANA}&author_id={BEN}&content=bread");
    assert_eq!(world.search(OWNER, &both).await.len(), 2);
    assert_eq!(world.search(OWNER, &format!("mentions={ANA}")).await, [&*for_ana]);
    assert_eq!(world.search(OWNER, "has=link&include_nsfw=true").await, ["https://example.org"]);
    let older = format!("max_id={}&has=-link", linked["id"].as_str().unwrap());
    assert_eq!(world.search(OWNER, &older).await.len(), 2);
    assert_eq!(world.search(OWNER, "content=%3F%21").await, [""; 0]);
    let here = format!("/channels/{TEXT}/messages/search?content=rye");
    assert_eq!(world.get(BEN, &here).await.ok()["total_results"], 1);
}

#[tokio::test]
async fn nobody_finds_what_they_may_not_read() {
    let world = World::open().await;
    world.say(ANA, json!({ "content": "secret in the channel" })).await;
    let body = json!({ "name": "whisper", "type": 12 });
    let thread = world.post(ANA, &format!("/channels/{TEXT}/threads"), body).await.json();
    let thread = thread["id"].as_str().unwrap();
    let say = json!({ "content": "secret in the thread" });
    world.post(ANA, &format!("/channels/{thread}/messages"), say).await.ok();

    assert_eq!(world.search(ANA, "content=secret").await.len(), 2);
    assert_eq!(world.search(BEN, "content=secret").await, ["secret in the channel"]);
    let path = format!("/guilds/{GUILD}/messages/search?channel_id={thread}");
    world.get(BEN, &path).await.fails(403, 50_001);
    world.get(BEN, &format!("/channels/{thread}/messages/search")).await.fails(403, 50_001);
    assert_eq!(world.search(ANA, &format!("channel_id={thread}")).await, ["secret in the thread"]);
    let found = world.get(ANA, &path).await.ok();
    assert_eq!(found["threads"][0]["id"], thread);
    assert_eq!(found["members"][0]["user_id"], json!(ANA));
    world.deny(BEN, Permissions::READ_MESSAGE_HISTORY).await;
    assert_eq!(world.search(BEN, "content=secret").await, [""; 0]);
    world.get(DAN, &format!("/guilds/{GUILD}/messages/search")).await.fails(404, 10_004);
}

#[tokio::test]
async fn what_changes_is_found_as_it_is_now() {
    let world = World::open().await;
    let message = world.say(ANA, json!({ "content": "rye" })).await;
    let path = one(&message);

    world.ask(ANA, Method::PATCH, &path, json!({ "content": "wheat" })).await.ok();
    assert_eq!(world.search(BEN, "content=rye").await, [""; 0]);
    assert_eq!(world.search(BEN, "content=wheat").await, ["wheat"]);
    let pin = format!("/channels/{TEXT}/pins/{}", message["id"].as_str().unwrap());
    world.ask(OWNER, Method::PUT, &pin, Value::Null).await.empty();
    assert_eq!(world.search(BEN, "pinned=true").await, ["wheat"]);
    world.ask(ANA, Method::DELETE, &path, Value::Null).await.empty();
    assert_eq!(world.search(BEN, "content=wheat").await, [""; 0]);
}

#[tokio::test]
async fn filters_that_are_not_known_are_refused_rather_than_passed_over() {
    let world = World::open().await;
    for filters in [
        "limit=26",
        "offset=9976",
        "has=spaceship",
        "author_id=ana",
        "author_type=bot",
        "min_id=0",
        &format!("content={}", "x".repeat(1_025)),
    ] {
        let path = format!("/guilds/{GUILD}/messages/search?{filters}");
        world.get(ANA, &path).await.fails(400, 50_035);
    }
}
