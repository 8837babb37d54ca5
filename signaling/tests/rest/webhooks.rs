//! Webhooks from outside: who manages them, how they speak, in whose words.

use crate::support::hall::Hall;
use axum::http::StatusCode;
use serde_json::Value;
use serde_json::json;
use state::GuildEvent;

/// A webhook in the text channel: its id, and the path by its token.
async fn made(hall: &Hall) -> (String, String) {
    let path = format!("/channels/{}/webhooks", hall.place.text);
    let made = hall.ask(&hall.ana, "POST", &path, json!({ "name": " Herald " })).await;
    assert_eq!(made.status, 200, "{made:?}");
    let field = |field: &str| made.body[field].as_str().unwrap().to_owned();
    (field("id"), format!("/webhooks/{}/{}", field("id"), field("token")))
}

#[tokio::test]
async fn a_webhook_is_made_listed_changed_moved_and_deleted() {
    let hall = Hall::open().await;
    let mut ears = hall.ears(&hall.bot).await;
    let (id, by_token) = made(&hall).await;
    let at = |event: &GuildEvent| match event {
        GuildEvent::WebhooksUpdated(channel) => Some(channel.to_string()),
        _ => None,
    };
    assert_eq!(ears.guild(at).await, hall.place.text);

    let one = format!("/webhooks/{id}");
    let shown = hall.get(&hall.ana, &one).await;
    assert_eq!((&shown.body["name"], &shown.body["type"]), (&json!("Herald"), &json!(1)));
    assert_eq!(shown.body["user"]["username"], "ana");
    assert!(shown.body["url"].as_str().unwrap().ends_with(&by_token));
    let bare = hall.nobody("GET", &by_token, Value::Null).await;
    assert!(bare.body.get("user").is_none() && bare.body["token"].is_string());
    for list in [
        format!("/channels/{}/webhooks", hall.place.text),
        format!("/guilds/{}/webhooks", hall.place.guild),
    ] {
        assert_eq!(hall.get(&hall.ana, &list).await.body, json!([shown.body]), "{list}");
        hall.get(&hall.ben, &list).await.refuses(403, 50_013);
    }
    let renamed = hall.nobody("PATCH", &by_token, json!({ "name": "Crier" })).await;
    assert_eq!(renamed.body["name"], "Crier");
    let moved = hall.ask(&hall.ana, "PATCH", &one, json!({ "channel_id": hall.place.voice })).await;
    assert_eq!(moved.body["channel_id"], hall.place.voice, "{moved:?}");
    assert_eq!(ears.guild(at).await, hall.place.text, "renamed");
    assert_eq!(ears.guild(at).await, hall.place.text, "left");
    assert_eq!(ears.guild(at).await, hall.place.voice, "came");
    hall.ask(&hall.ben, "DELETE", &one, Value::Null).await.refuses(403, 50_013);
    assert_eq!(hall.get(&hall.ana, &one).await.status, 200);
    assert_eq!(hall.nobody("DELETE", &by_token, Value::Null).await.status, 204);
    hall.get(&hall.ana, &one).await.refuses(404, 10_015);
}

#[tokio::test]
async fn names_of_webhooks_are_short_and_are_not_discords() {
    let hall = Hall::open().await;
    let path = format!("/channels/{}/webhooks", hall.place.text);
    let make = async |name: &str| hall.ask(&hall.ana, "POST", &path, json!({ "name": name })).await;

    for name in ["", "  ", &"x".repeat(81)] {
        make(name).await.refuses_field("name", "BASE_TYPE_BAD_LENGTH");
    }
    make("My Discord").await.refuses_field("name", "USERNAME_INVALID_CONTAINS");
    hall.ask(&hall.ben, "POST", &path, json!({ "name": "x" })).await.refuses(403, 50_013);
    let dan = hall.api.register("dan").await;
    let (id, _) = made(&hall).await;
    hall.get(&dan, &format!("/webhooks/{id}")).await.refuses(404, 10_015);
}

#[tokio::test]
async fn a_channel_has_so_many_webhooks_and_no_more() {
    let mut hall = Hall::open().await;
    let path = format!("/channels/{}/webhooks", hall.place.text);
    for _ in 0..15 {
        hall.api.forget_limits();
        made(&hall).await;
    }
    hall.api.forget_limits();

    let more = hall.ask(&hall.ana, "POST", &path, json!({ "name": "x" })).await;

    more.refuses(400, 30_007);
}

#[tokio::test]
async fn a_webhook_speaks_under_its_own_name_or_another() {
    let hall = Hall::open().await;
    let (id, path) = made(&hall).await;

    let silent = hall.nobody("POST", &path, json!({ "content": "Hear, hear" })).await;
    assert_eq!((silent.status, silent.body), (StatusCode::NO_CONTENT, Value::Null));
    let body = json!({ "content": "<@1> @everyone", "username": "Town Crier",
        "embeds": [{ "title": "News" }], "allowed_mentions": { "parse": ["everyone"] } });
    let spoken = hall.nobody("POST", &format!("{path}?wait=true"), body).await;
    assert_eq!(spoken.status, 200, "{spoken:?}");
    let author = &spoken.body["author"];
    assert_eq!((&author["username"], &author["id"]), (&json!("Town Crier"), &json!(id)));
    assert_eq!((&author["bot"], &author["discriminator"]), (&json!(true), &json!("0000")));
    assert_eq!(spoken.body["webhook_id"], id);
    assert_eq!(
        (&spoken.body["mention_everyone"], &spoken.body["mentions"]),
        (&json!(true), &json!([]))
    );
    let history = hall.history().await;
    assert_eq!(history[1]["author"]["username"], "Herald");
    assert_eq!(history[0]["embeds"][0]["title"], "News");

    let one = format!("{path}/messages/{}", spoken.body["id"].as_str().unwrap());
    let changed = hall.nobody("PATCH", &one, json!({ "content": "Old news" })).await;
    assert_eq!(changed.body["content"], "Old news", "{changed:?}");
    assert_eq!(changed.body["author"]["username"], "Town Crier");
    assert_eq!(hall.nobody("GET", &one, Value::Null).await.body["content"], "Old news");
    assert_eq!(hall.nobody("DELETE", &one, Value::Null).await.status, 204);
    hall.nobody("GET", &one, Value::Null).await.refuses(404, 10_008);
}

#[tokio::test]
async fn by_its_token_a_webhook_reaches_its_own_messages_alone() {
    let hall = Hall::open().await;
    let (id, path) = made(&hall).await;
    let said = format!("/channels/{}/messages", hall.place.text);
    let said = hall.ask(&hall.ana, "POST", &said, json!({ "content": "mine" })).await;

    let one = format!("{path}/messages/{}", said.body["id"].as_str().unwrap());
    hall.nobody("PATCH", &one, json!({ "content": "yours" })).await.refuses(404, 10_008);
    hall.nobody("DELETE", &one, Value::Null).await.refuses(404, 10_008);
    let guess = format!("/webhooks/{id}/guess");
    hall.nobody("POST", &guess, json!({ "content": "x" })).await.refuses(401, 50_027);
    let none = json!({ "content": "x" });
    hall.nobody("POST", "/webhooks/5/guess", none).await.refuses(404, 10_015);
    hall.nobody("POST", &path, json!({ "content": " " })).await.refuses(400, 50_006);
    let thread = format!("{path}?thread_id={}", hall.place.voice);
    hall.nobody("POST", &thread, json!({ "content": "x" })).await.refuses(404, 10_003);
    assert_eq!(hall.history().await[0]["content"], "mine");
}

#[tokio::test]
async fn buttons_are_for_webhooks_that_somebody_hears() {
    let hall = Hall::open().await;
    let (_, path) = made(&hall).await;
    let asking = json!([{ "type": 1, "components":
        [{ "type": 2, "style": 1, "label": "Go", "custom_id": "go" }] }]);
    let leading = json!([{ "type": 1, "components":
        [{ "type": 2, "style": 5, "label": "Read", "url": "https://x.example" }] }]);
    let post = async |query: &str, components: &Value| {
        let body = json!({ "content": "x", "components": components });
        hall.nobody("POST", &format!("{path}?wait=1{query}"), body).await
    };

    assert_eq!(post("", &asking).await.body["components"], json!([]));
    let refused = post("&with_components=true", &asking).await;
    refused.refuses_field("components", "WEBHOOK_COMPONENTS_NOT_ALLOWED");
    let shown = post("&with_components=true", &leading).await;
    assert_eq!(shown.body["components"][0]["components"][0]["label"], "Read");

    // A bot's own webhook may have them: the bot hears.
    let grant = format!("/guilds/{}/members/{}", hall.place.guild, hall.bot.id);
    let roles = format!("/guilds/{}/roles", hall.place.guild);
    let role = json!({ "name": "heralds", "permissions": (1_u64 << 29).to_string() });
    let role = hall.ask(&hall.ana, "POST", &roles, role).await;
    hall.ask(&hall.ana, "PATCH", &grant, json!({ "roles": [role.body["id"]] })).await;
    let channel = format!("/channels/{}/webhooks", hall.place.text);
    let own = hall.ask(&hall.bot, "POST", &channel, json!({ "name": "Bot's" })).await;
    assert_eq!(own.body["application_id"], hall.bot.id, "{own:?}");
    let token = own.body["token"].as_str().unwrap();
    let path = format!("/webhooks/{}/{token}?wait=true", own.body["id"].as_str().unwrap());
    let body = json!({ "content": "x", "components": asking });
    let said = hall.nobody("POST", &path, body).await;
    assert_eq!(said.body["components"][0]["components"][0]["custom_id"], "go");
    let seen =
        hall.get(&hall.ana, &format!("/webhooks/{}", own.body["id"].as_str().unwrap())).await;
    assert!(seen.body.get("token").is_none(), "a person sees the token of a bot's webhook");
    let mut call = hall.call(3, json!({ "component_type": 2, "custom_id": "go" }));
    call["message_id"] = said.body["id"].clone();
    let mut ears = hall.ears(&hall.bot).await;
    assert_eq!(hall.ask(&hall.ben, "POST", "/interactions", call).await.status, 204);
    assert_eq!(ears.personal("INTERACTION_CREATE").await.body["data"]["custom_id"], "go");
}

#[tokio::test]
async fn a_webhook_of_a_deleted_channel_is_gone() {
    let hall = Hall::open().await;
    let (id, path) = made(&hall).await;

    let channel = format!("/channels/{}", hall.place.text);
    assert_eq!(hall.ask(&hall.ana, "DELETE", &channel, Value::Null).await.status, 200);

    hall.nobody("POST", &path, json!({ "content": "x" })).await.refuses(404, 10_015);
    hall.get(&hall.ana, &format!("/webhooks/{id}")).await.refuses(404, 10_015);
}

#[tokio::test]
async fn what_slack_and_github_send_is_understood() {
    let hall = Hall::open().await;
    let (_, path) = made(&hall).await;

    let slack = json!({ "text": "<https://x.example|built>", "username": "CI" });
    let ask = hall.api.ask("POST", &format!("{path}/slack")).json(&slack);
    let (status, _, body) = ask.send_for_bytes().await;
    assert_eq!((status, &body[..]), (StatusCode::OK, &b"ok"[..]));
    let star = json!({ "repository": { "full_name": "ana/hall" }, "sender": { "login": "ben" } });
    let ask = hall.api.ask("POST", &format!("{path}/github")).header("x-github-event", "watch");
    assert_eq!(ask.json(&star).send().await.status, StatusCode::NO_CONTENT);
    let ask = hall.api.ask("POST", &format!("{path}/github")).header("x-github-event", "ping");
    assert_eq!(ask.json(&json!({ "zen": "x" })).send().await.status, StatusCode::NO_CONTENT);

    let history = hall.history().await;
    assert_eq!(history.len(), 2);
    assert_eq!(history[0]["embeds"][0]["title"], "[ana/hall] New star");
    assert_eq!(history[1]["content"], "[built](https://x.example)");
    assert_eq!(history[1]["author"]["username"], "CI");
}

#[tokio::test]
async fn a_webhook_that_speaks_too_often_waits_and_others_do_not() {
    let hall = Hall::open().await;
    let ((_, one), (_, other)) = (made(&hall).await, made(&hall).await);
    let mut last = None;
    for n in 0..6 {
        last = Some(hall.nobody("POST", &one, json!({ "content": n.to_string() })).await);
    }

    let limited = last.unwrap();
    assert_eq!(limited.status, 429, "{limited:?}");
    assert_eq!(limited.headers["x-ratelimit-bucket"], "webhook-execute");
    assert_eq!(hall.nobody("POST", &other, json!({ "content": "x" })).await.status, 204);
}

#[tokio::test]
async fn a_webhook_of_a_forum_makes_posts_and_speaks_in_them() {
    let mut hall = Hall::open().await;
    let channels = format!("/guilds/{}/channels", hall.place.guild);
    let forum = json!({ "name": "reports", "type": 15, "available_tags": [{ "name": "bug" }] });
    let forum = hall.ask(&hall.ana, "POST", &channels, forum).await;
    assert_eq!(forum.status, 201, "{forum:?}");
    let (id, tag) = (&forum.body["id"], &forum.body["available_tags"][0]["id"]);
    let forum = id.as_str().unwrap();
    let made = format!("/channels/{forum}/webhooks");
    let made = hall.ask(&hall.ana, "POST", &made, json!({ "name": "Herald" })).await;
    assert_eq!(made.status, 200, "{made:?}");
    let field = |field: &str| made.body[field].as_str().unwrap().to_owned();
    let path = format!("/webhooks/{}/{}", field("id"), field("token"));

    let body = json!({ "content": "It leaks", "thread_name": "Roof", "applied_tags": [tag] });
    let post = hall.nobody("POST", &format!("{path}?wait=true"), body).await;

    assert_eq!(post.status, 200, "{post:?}");
    assert_eq!(post.body["id"], post.body["channel_id"]);
    let thread = post.body["channel_id"].as_str().unwrap().to_owned();
    let shown = hall.get(&hall.ben, &format!("/channels/{thread}")).await.body;
    assert_eq!((&shown["name"], &shown["parent_id"]), (&json!("Roof"), id));
    assert_eq!((&shown["owner_id"], &shown["applied_tags"]), (&made.body["id"], &json!([tag])));
    let inside = format!("{path}?wait=true&thread_id={thread}");
    let more = hall.nobody("POST", &inside, json!({ "content": "More" })).await;
    assert_eq!(more.body["channel_id"], thread, "{more:?}");
    let messages = hall.get(&hall.ben, &format!("/channels/{thread}/messages")).await.body;
    let said: Vec<_> = messages.as_array().unwrap().iter().map(|one| &one["content"]).collect();
    assert_eq!(said, [&json!("More"), &json!("It leaks")]);
    hall.api.forget_limits();
    // Which post is meant has to be said, once, and only in a forum.
    let say = json!({ "content": "x" });
    let named = json!({ "content": "x", "thread_name": "y" });
    hall.nobody("POST", &path, say.clone()).await.refuses(400, 220_001);
    hall.nobody("POST", &inside, named.clone()).await.refuses(400, 220_002);
    let long = json!({ "content": "x", "thread_name": "y".repeat(101) });
    hall.nobody("POST", &path, long).await.refuses_field("thread_name", "BASE_TYPE_BAD_LENGTH");
    let odd = json!({ "content": "x", "thread_name": "y", "applied_tags": ["9"] });
    hall.nobody("POST", &path, odd).await.refuses_field("applied_tags.0", "INVALID_FORUM_TAG");
    hall.api.forget_limits();
    let slack = hall.nobody("POST", &format!("{path}/slack"), json!({ "text": "x" })).await;
    slack.refuses(400, 220_004);
    let (_, elsewhere) = self::made(&hall).await;
    hall.nobody("POST", &elsewhere, named).await.refuses(400, 220_003);
}
