//! Threads: started, spoken in, joined, archived, listed; and posts in forums.

use axum::http::Method;
use axum::http::StatusCode;
use model::id::ChannelId;
use model::id::UserId;
use model::wire::guild::Permissions;
use serde_json::Value;
use serde_json::json;
use state::event::ChatEvent;

use crate::world::*;

fn id(value: &Value) -> String {
    value["id"].as_str().expect("an id").to_owned()
}

fn threads(channel: impl std::fmt::Display) -> String {
    format!("/channels/{channel}/threads")
}

fn said(channel: &str) -> String {
    format!("/channels/{channel}/messages")
}

fn members(thread: &str) -> String {
    format!("/channels/{thread}/thread-members")
}

impl Answer {
    /// The JSON of something that was made.
    #[track_caller]
    fn made(&self) -> Value {
        assert_eq!(self.status, StatusCode::CREATED, "{:?}", self.body);
        self.json()
    }
}

impl World {
    /// A public thread of `user` in the text channel; its id.
    async fn thread(&self, user: UserId, name: &str) -> String {
        id(&self.post(user, &threads(TEXT), json!({ "name": name, "type": 11 })).await.made())
    }

    async fn private_thread(&self, user: UserId, invitable: bool) -> String {
        let body = json!({ "name": "whisper", "type": 12, "invitable": invitable });
        id(&self.post(user, &threads(TEXT), body).await.made())
    }

    async fn patch(&self, user: UserId, channel: &str, body: Value) -> Answer {
        self.ask(user, Method::PATCH, &format!("/channels/{channel}"), body).await
    }

    /// A forum with a tag for everyone and one for moderators; its id, and theirs.
    async fn forum(&self) -> (ChannelId, String, String) {
        let body = json!({ "name": "Ideas", "type": 15, "available_tags": [
            { "name": "open", "emoji_name": "🍺" }, { "name": "decided", "moderated": true },
        ]});
        let path = format!("/guilds/{GUILD}/channels");
        let forum = self.post(OWNER, &path, body).await.made();
        let tag = |n: usize| id(&forum["available_tags"][n]);
        (forum["id"].as_str().unwrap().parse().unwrap(), tag(0), tag(1))
    }
}

#[tokio::test]
async fn a_thread_started_from_a_message_has_its_id_and_shows_on_it() {
    let world = World::open().await;
    let message = world.say(ANA, json!({ "content": "who brings bread?" })).await;
    let path = format!("{}/threads", one(&message));

    let thread = world.post(BEN, &path, json!({ "name": "Bread" })).await.made();

    assert_eq!(thread["id"], message["id"]);
    assert_eq!((&thread["type"], &thread["parent_id"]), (&json!(11), &message["channel_id"]));
    assert_eq!(thread["owner_id"], json!(BEN));
    assert_eq!(thread["member"]["user_id"], json!(BEN));
    assert_eq!(thread["thread_metadata"]["archived"], false);
    assert_eq!(thread["message_count"], 0, "the first message does not count");
    let shown = world.get(ANA, &one(&message)).await.ok();
    assert_eq!(shown["flags"], 32);
    assert_eq!(shown["thread"]["name"], "Bread");
    let first = &world.get(ANA, &said(&id(&thread))).await.ok()[0];
    assert_eq!(first["type"], 21);
    assert_eq!(first["referenced_message"]["content"], "who brings bread?");
    assert_eq!(first["message_reference"]["channel_id"], json!(TEXT));
    world.post(BEN, &path, json!({ "name": "Again" })).await.fails(400, 160_004);
    let system = format!("{}/{}/threads", said(&id(&thread)), id(first));
    world.post(BEN, &system, json!({ "name": "x" })).await.fails(403, 50_021);
}

#[tokio::test]
async fn a_thread_without_a_message_is_announced_unless_it_is_private() {
    let world = World::open().await;

    let open = world.thread(ANA, "Open").await;
    world.private_thread(ANA, true).await;

    let notices = world.get(BEN, &messages(TEXT)).await.ok();
    assert_eq!(notices.as_array().unwrap().len(), 1);
    assert_eq!((&notices[0]["type"], &notices[0]["content"]), (&json!(18), &json!("Open")));
    assert_eq!(notices[0]["message_reference"]["channel_id"], open);
    let private = world.post(ANA, &threads(TEXT), json!({ "name": "x" })).await.made();
    assert_eq!(private["type"], 12, "the default is Discord's");
}

#[tokio::test]
async fn each_kind_of_thread_needs_its_permission_and_its_channel() {
    let world = World::open().await;
    let start = async |kind: u8| {
        world.post(ANA, &threads(TEXT), json!({ "name": "x", "type": kind })).await
    };
    start(10).await.fails(400, 50_024);
    start(13).await.fails(400, 50_024);
    world.post(ANA, &threads(VOICE), json!({ "name": "x" })).await.fails(400, 50_024);
    world.post(DAN, &threads(TEXT), json!({ "name": "x" })).await.fails(403, 50_001);
    world.post(ANA, &threads(TEXT), json!({})).await.fails(400, 50_035);
    let long = json!({ "name": "n".repeat(101), "type": 11 });
    world.post(ANA, &threads(TEXT), long).await.fails(400, 50_035);
    let never = json!({ "name": "x", "type": 11, "auto_archive_duration": 61 });
    world.post(ANA, &threads(TEXT), never).await.fails(400, 50_035);

    world.deny(ANA, Permissions::CREATE_PRIVATE_THREADS | Permissions::SEND_MESSAGES).await;
    start(12).await.fails(403, 50_013);
    start(11).await.made();
    world.deny(ANA, Permissions::CREATE_PUBLIC_THREADS).await;
    start(11).await.fails(403, 50_013);
}

#[tokio::test]
async fn what_is_said_in_a_thread_is_counted_and_makes_speakers_its_members() {
    let world = World::open().await;
    let thread = world.thread(ANA, "Bread").await;

    let first = world.post(BEN, &said(&thread), json!({ "content": "rye" })).await.ok();
    let hello = json!({ "content": format!("<@{BOT}> hello") });
    world.post(BEN, &said(&thread), hello).await.ok();

    let shown = world.get(ANA, &format!("/channels/{thread}")).await.ok();
    assert_eq!((&shown["message_count"], &shown["total_message_sent"]), (&json!(2), &json!(2)));
    assert_eq!(shown["member_count"], 3, "whoever spoke or was mentioned is in it");
    let delete = format!("{}/{}", said(&thread), id(&first));
    world.ask(BEN, Method::DELETE, &delete, Value::Null).await.empty();
    let shown = world.get(ANA, &format!("/channels/{thread}")).await.ok();
    assert_eq!((&shown["message_count"], &shown["total_message_sent"]), (&json!(1), &json!(2)));
}

#[tokio::test]
async fn speaking_in_threads_is_a_permission_of_its_own() {
    let world = World::open().await;
    let thread = world.thread(ANA, "Bread").await;
    let speak = async || world.post(BEN, &said(&thread), json!({ "content": "x" })).await;

    world.deny(BEN, Permissions::SEND_MESSAGES).await;
    speak().await.ok();
    world.deny(BEN, Permissions::SEND_MESSAGES_IN_THREADS).await;
    speak().await.fails(403, 50_013);
    world.deny(BEN, Permissions::VIEW_CHANNEL).await;
    speak().await.fails(403, 50_001);
    world.get(BEN, &format!("/channels/{thread}")).await.fails(403, 50_001);
}

#[tokio::test]
async fn a_private_thread_is_seen_by_its_members_and_moderators_alone() {
    let world = World::open().await;
    let thread = world.private_thread(ANA, false).await;
    let path = format!("/channels/{thread}");

    world.get(BEN, &path).await.fails(403, 50_001);
    world.get(BEN, &said(&thread)).await.fails(403, 50_001);
    world.get(OWNER, &path).await.ok();
    let join = format!("{}/@me", members(&thread));
    world.ask(BEN, Method::PUT, &join, Value::Null).await.fails(403, 50_001);
    let add = |user: UserId| format!("{}/{user}", members(&thread));
    world.ask(ANA, Method::PUT, &add(BEN), Value::Null).await.empty();
    world.get(BEN, &path).await.ok();
    world.ask(BEN, Method::PUT, &add(BOT), Value::Null).await.fails(403, 50_013);
    world.post(BEN, &said(&thread), json!({ "content": format!("<@{BOT}>") })).await.ok();
    world.get(BOT, &path).await.fails(403, 50_001);
    world.ask(BEN, Method::DELETE, &add(ANA), Value::Null).await.fails(403, 50_013);
    world.ask(ANA, Method::DELETE, &add(BEN), Value::Null).await.empty();
    world.get(BEN, &path).await.fails(403, 50_001);
    world.ask(ANA, Method::PUT, &add(DAN), Value::Null).await.fails(404, 10_007);
}

#[tokio::test]
async fn members_join_leave_and_are_listed_by_id() {
    let world = World::open().await;
    let thread = world.thread(BEN, "Bread").await;
    let me = format!("{}/@me", members(&thread));

    world.ask(ANA, Method::PUT, &me, Value::Null).await.empty();
    world.ask(ANA, Method::PUT, &me, Value::Null).await.empty();
    let list = world.get(OWNER, &members(&thread)).await.ok();
    let ids: Vec<_> = list.as_array().unwrap().iter().map(|one| one["user_id"].clone()).collect();
    assert_eq!(ids, [json!(ANA), json!(BEN)]);
    assert!(list[0].get("member").is_none() && list[0]["join_timestamp"].is_string());
    let page = format!("{}?with_member=true&limit=1&after={ANA}", members(&thread));
    let page = world.get(OWNER, &page).await.ok();
    assert_eq!(page[0]["member"]["user"]["username"], "ben");
    let one = format!("{}/{ANA}?with_member=1", members(&thread));
    assert_eq!(world.get(BEN, &one).await.ok()["member"]["user"]["id"], json!(ANA));
    let set = world.ask(ANA, Method::PATCH, &format!("{me}/settings"), json!({ "flags": 4 })).await;
    assert_eq!(set.ok()["flags"], 4);
    // As discord.js writes it.
    let escaped = me.replace('@', "%40");
    world.ask(ANA, Method::DELETE, &escaped, Value::Null).await.empty();
    world.get(BEN, &one).await.fails(404, 10_007);
    let text = format!("/channels/{TEXT}/thread-members/@me");
    world.ask(ANA, Method::PUT, &text, Value::Null).await.fails(400, 50_024);
}

#[tokio::test]
async fn a_starter_changes_their_thread_and_moderators_lock_it() {
    let world = World::open().await;
    let thread = world.thread(ANA, "Bread").await;

    let renamed = world.patch(ANA, &thread, json!({ "name": "Rye", "archived": true })).await.ok();
    assert_eq!(renamed["name"], "Rye");
    assert_eq!(renamed["thread_metadata"]["archived"], true);
    world.patch(BEN, &thread, json!({ "name": "Wheat" })).await.fails(403, 50_013);
    world.patch(ANA, &thread, json!({ "name": "Wheat" })).await.fails(400, 50_083);
    world.patch(ANA, &thread, json!({ "locked": true })).await.fails(403, 50_013);
    world.patch(ANA, &thread, json!({ "rate_limit_per_user": 9 })).await.fails(403, 50_013);
    world.patch(BEN, &thread, json!({ "archived": false })).await.ok();
    world.patch(OWNER, &thread, json!({ "locked": true, "archived": true })).await.ok();
    world.patch(ANA, &thread, json!({ "archived": false })).await.fails(403, 50_013);
    world.post(ANA, &said(&thread), json!({ "content": "x" })).await.fails(403, 160_005);
    world.post(OWNER, &said(&thread), json!({ "content": "x" })).await.ok();
    let delete = format!("/channels/{thread}");
    world.ask(ANA, Method::DELETE, &delete, Value::Null).await.fails(403, 50_013);
    let gone = world.ask(OWNER, Method::DELETE, &delete, Value::Null).await.ok();
    assert_eq!(gone["name"], "Rye");
    world.get(OWNER, &delete).await.fails(404, 10_003);
    world.get(OWNER, &said(&thread)).await.fails(404, 10_003);
}

#[tokio::test]
async fn nothing_changes_in_an_archived_thread_until_someone_speaks() {
    let world = World::open().await;
    let thread = world.thread(ANA, "Bread").await;
    let message = world.post(ANA, &said(&thread), json!({ "content": "rye" })).await.ok();
    world.patch(ANA, &thread, json!({ "archived": true })).await.ok();
    let path = format!("{}/{}", said(&thread), id(&message));

    world.ask(ANA, Method::PATCH, &path, json!({ "content": "y" })).await.fails(400, 50_083);
    let react = format!("{path}/reactions/%F0%9F%8D%BA/@me");
    world.ask(BEN, Method::PUT, &react, Value::Null).await.fails(400, 50_083);
    let join = format!("{}/@me", members(&thread));
    world.ask(BEN, Method::PUT, &join, Value::Null).await.fails(400, 50_083);

    world.post(BEN, &said(&thread), json!({ "content": "awake" })).await.ok();
    let shown = world.get(ANA, &format!("/channels/{thread}")).await.ok();
    assert_eq!(shown["thread_metadata"]["archived"], false);
    world.ask(BEN, Method::PUT, &react, Value::Null).await.empty();
}

#[tokio::test]
async fn silence_archives_a_thread_at_its_time_and_not_before() {
    let world = World::open().await;
    let body = json!({ "name": "Bread", "type": 11, "auto_archive_duration": 60 });
    let thread = id(&world.post(ANA, &threads(TEXT), body).await.made());
    let longer = world.thread(ANA, "Longer").await;
    let archived = async |thread: &str| {
        let shown = world.get(ANA, &format!("/channels/{thread}")).await.ok();
        shown["thread_metadata"]["archived"] == true
    };
    let message = world.post(BEN, &said(&thread), json!({ "content": "rye" })).await.ok();
    let spoke: u64 = id(&message).parse().unwrap();
    let spoke_ms = model::snowflake::unix_ms(spoke);

    signaling::upkeep::round(&world.parts, spoke_ms + 3_600_000 - 1).await;
    assert!(!archived(&thread).await);
    signaling::upkeep::round(&world.parts, spoke_ms + 3_600_000).await;

    assert!(archived(&thread).await);
    assert!(!archived(&longer).await);
}

#[tokio::test]
async fn archived_threads_are_listed_by_kind_and_page() {
    let world = World::open().await;
    let mut public = Vec::new();
    for name in ["one", "two", "three"] {
        let thread = world.thread(ANA, name).await;
        world.patch(ANA, &thread, json!({ "archived": true })).await.ok();
        public.push(thread);
        // Pages are told apart by the millisecond.
        let now_ms = world.parts.now_ms();
        while world.parts.now_ms() == now_ms {
            tokio::task::yield_now().await;
        }
    }
    let private = world.private_thread(ANA, true).await;
    world.patch(ANA, &private, json!({ "archived": true })).await.ok();
    let active = world.thread(BEN, "active").await;
    let path = format!("/channels/{TEXT}/threads/archived/public");

    let page = world.get(ANA, &format!("{path}?limit=2")).await.ok();
    assert_eq!(page["has_more"], true);
    let ids: Vec<_> = page["threads"].as_array().unwrap().iter().map(id).collect();
    assert_eq!(ids, [public[2].clone(), public[1].clone()], "latest archived first");
    assert_eq!(page["members"].as_array().unwrap().len(), 2);
    let before = page["threads"][1]["thread_metadata"]["archive_timestamp"].as_str().unwrap();
    let rest = format!("{path}?before={}", before.replace('+', "%2B"));
    let rest = world.get(BEN, &rest).await.ok();
    assert_eq!((id(&rest["threads"][0]), &rest["has_more"]), (public[0].clone(), &json!(false)));
    assert_eq!(rest["members"], json!([]));

    let moderated = format!("/channels/{TEXT}/threads/archived/private");
    world.get(ANA, &moderated).await.fails(403, 50_013);
    assert_eq!(id(&world.get(OWNER, &moderated).await.ok()["threads"][0]), private);
    let own = format!("/channels/{TEXT}/users/@me/threads/archived/private");
    assert_eq!(id(&world.get(ANA, &own).await.ok()["threads"][0]), private);
    assert_eq!(world.get(BEN, &own).await.ok()["threads"], json!([]));

    let list = world.get(BEN, &format!("/guilds/{GUILD}/threads/active")).await.ok();
    assert_eq!(id(&list["threads"][0]), active);
    assert_eq!(list["threads"].as_array().unwrap().len(), 1);
    assert_eq!(list["members"][0]["user_id"], json!(BEN));
    world.deny(BEN, Permissions::READ_MESSAGE_HISTORY).await;
    world.get(BEN, &path).await.fails(403, 50_013);
}

#[tokio::test]
async fn a_post_comes_with_its_first_message_and_tags() {
    let world = World::open().await;
    let (forum, open, decided) = world.forum().await;
    let body = |tags: Value| json!({ "name": "Beer", "applied_tags": tags, "message": { "content": "more of it" } });

    let post = world.post(ANA, &threads(forum), body(json!([open]))).await.made();

    assert_eq!(post["message"]["id"], post["id"]);
    assert_eq!(post["message"]["content"], "more of it");
    assert_eq!((&post["applied_tags"], &post["type"]), (&json!([open]), &json!(11)));
    assert_eq!((&post["message_count"], &post["last_message_id"]), (&json!(0), &post["id"]));
    let listed = world.get(BEN, &said(&id(&post))).await.ok();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    world.post(ANA, &threads(forum), body(json!([decided]))).await.fails(403, 50_013);
    world.post(ANA, &threads(forum), body(json!(["9"]))).await.fails(400, 50_035);
    world.post(ANA, &threads(forum), json!({ "name": "x" })).await.fails(400, 50_035);
    world.post(ANA, &said(&forum.to_string()), json!({ "content": "x" })).await.fails(400, 40_058);
    let files: &[(&str, &[u8])] = &[("beer.txt", b"cold")];
    let upload = world.upload(BEN, Method::POST, &threads(forum), body(json!([])), files).await;
    let upload = upload.made();
    let file = world.fetch(&upload["message"]["attachments"][0]["url"]).await;
    assert_eq!(&file.body[..], b"cold");

    let required = json!({ "flags": 16, "default_sort_order": 1, "default_forum_layout": 2,
        "default_reaction_emoji": { "emoji_id": null, "emoji_name": "🍺" },
        "available_tags": [{ "id": open, "name": "renamed" }, { "name": "new" }] });
    let changed = world.patch(OWNER, &forum.to_string(), required).await.ok();
    assert_eq!(changed["available_tags"][0]["id"], open, "a tag that stays keeps its id");
    assert_eq!(changed["available_tags"][0]["name"], "renamed");
    assert_eq!((&changed["flags"], &changed["default_sort_order"]), (&json!(16), &json!(1)));
    assert_eq!(changed["default_reaction_emoji"]["emoji_name"], "🍺");
    world.post(ANA, &threads(forum), body(json!([]))).await.fails(400, 40_067);
    let twins = json!({ "available_tags": [{ "name": "a" }, { "name": "A" }] });
    world.patch(OWNER, &forum.to_string(), twins).await.fails(400, 40_061);

    world.patch(OWNER, &id(&post), json!({ "flags": 2 })).await.ok();
    world.patch(OWNER, &id(&upload), json!({ "flags": 2 })).await.fails(400, 30_047);
    world.patch(ANA, &id(&upload), json!({ "flags": 2 })).await.fails(403, 50_013);
    let search = format!("/channels/{forum}/threads/search?tag={open}&sort_by=creation_time");
    let found = world.get(BEN, &search).await.ok();
    assert_eq!((id(&found["threads"][0]), &found["total_results"]), (id(&post), &json!(1)));
}

#[tokio::test]
async fn deleting_a_channel_takes_its_threads_along() {
    let world = World::open().await;
    let (forum, ..) = world.forum().await;
    let body = json!({ "name": "Beer", "message": { "content": "x" } });
    let post = id(&world.post(ANA, &threads(forum), body).await.made());

    world.ask(OWNER, Method::DELETE, &format!("/channels/{forum}"), Value::Null).await.ok();

    world.get(OWNER, &format!("/channels/{post}")).await.fails(404, 10_003);
    let active = world.get(OWNER, &format!("/guilds/{GUILD}/threads/active")).await.ok();
    assert_eq!(active["threads"], json!([]));
}

#[tokio::test]
async fn a_thread_slows_people_down_by_its_own_measure() {
    let world = World::open().await;
    let thread = world.thread(ANA, "Bread").await;
    world.patch(OWNER, &thread, json!({ "rate_limit_per_user": 600 })).await.ok();

    world.post(ANA, &said(&thread), json!({ "content": "x" })).await.ok();
    let again = world.post(ANA, &said(&thread), json!({ "content": "x" })).await;

    assert_eq!(again.status, StatusCode::TOO_MANY_REQUESTS);
    world.say(ANA, json!({ "content": "the channel is not slowed" })).await;
}

#[tokio::test]
async fn words_in_a_thread_are_heard_as_those_of_a_channel() {
    let world = World::open().await;
    let thread = world.thread(ANA, "Bread").await;
    let mut events = world.listen(BEN).await;

    world.post(ANA, &said(&thread), json!({ "content": "rye" })).await.ok();
    world.ask(BEN, Method::POST, &format!("/channels/{thread}/typing"), Value::Null).await.empty();

    let ChatEvent::MessageCreated(message) = events.chat().await else { panic!() };
    assert_eq!((message.channel.to_string(), &*message.content), (thread, "rye"));
    assert!(matches!(events.chat().await, ChatEvent::Typing { .. }));
}
