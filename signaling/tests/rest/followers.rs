//! Announcement channels that are followed: what is published there is said elsewhere too.

use crate::support::Person;
use crate::support::Place;
use crate::support::hall::Hall;
use serde_json::Value;
use serde_json::json;
use signaling::courier;

/// Ana's guild with an announcement channel, and a guild of Ben's that follows it.
struct News {
    hall: Hall,
    /// The announcement channel's path.
    source: String,
    theirs: Place,
    webhook: String,
}

impl News {
    async fn open() -> Self {
        let hall = Hall::open().await;
        let channels = format!("/guilds/{}/channels", hall.place.guild);
        let body = json!({ "name": "news", "type": 5 });
        let made = hall.ask(&hall.ana, "POST", &channels, body).await;
        let source = format!("/channels/{}", made.body["id"].as_str().unwrap());
        let theirs = hall.api.guild(&hall.ben, "Other").await;
        let body = json!({ "webhook_channel_id": theirs.text });
        let followed = hall.ask(&hall.ben, "POST", &format!("{source}/followers"), body).await;
        assert_eq!(followed.status, 200, "{followed:?}");
        assert_eq!(followed.body["channel_id"], made.body["id"]);
        let webhook = followed.body["webhook_id"].as_str().unwrap().to_owned();
        Self { hall, source, theirs, webhook }
    }

    /// Says something in the announcement channel and publishes it; its path.
    async fn publish(&self, content: &str) -> String {
        let body = json!({ "content": content, "embeds": [{ "title": "Bread" }] });
        let said = self.hall.ask(&self.hall.ana, "POST", &self.messages(), body).await;
        let one = format!("{}/{}", self.messages(), said.body["id"].as_str().unwrap());
        let path = format!("{one}/crosspost");
        let published = self.hall.ask(&self.hall.ana, "POST", &path, Value::Null).await;
        assert_eq!(published.body["flags"], 1, "{published:?}");
        courier::round(&self.hall.api.parts).await;
        one
    }

    fn messages(&self) -> String {
        format!("{}/messages", self.source)
    }

    /// What was said in Ben's channel, newest first.
    async fn heard(&self) -> Vec<Value> {
        let path = format!("/channels/{}/messages", self.theirs.text);
        self.hall.get(&self.hall.ben, &path).await.body.as_array().unwrap().clone()
    }
}

async fn follow(hall: &Hall, who: &Person, source: &str, target: &str) -> crate::support::Answer {
    let body = json!({ "webhook_channel_id": target });
    hall.ask(who, "POST", &format!("{source}/followers"), body).await
}

#[tokio::test]
async fn a_channel_is_followed_by_whoever_sees_it_and_manages_webhooks() {
    let News { hall, source, theirs, webhook } = News::open().await;

    let told = format!("/channels/{}/messages", theirs.text);
    let told = hall.get(&hall.ben, &told).await.body[0].clone();
    assert_eq!((&told["type"], &told["content"]), (&json!(12), &json!("Hall #news")), "{told}");
    let hooks = format!("/channels/{}/webhooks", theirs.text);
    let hooks = hall.get(&hall.ben, &hooks).await.body;
    assert_eq!((&hooks[0]["type"], &hooks[0]["id"]), (&json!(2), &json!(webhook)), "{hooks}");
    assert_eq!(hooks[0]["source_guild"]["name"], "Hall");
    assert_eq!(hooks[0]["source_channel"]["name"], "news");
    assert!(hooks[0].get("token").is_none());
    let speak = format!("/webhooks/{webhook}/x");
    hall.nobody("POST", &speak, json!({ "content": "x" })).await.refuses(401, 50_027);

    // Again: the same.
    assert_eq!(follow(&hall, &hall.ben, &source, &theirs.text).await.body["webhook_id"], webhook);
    let plain = format!("/channels/{}", hall.place.text);
    follow(&hall, &hall.ben, &plain, &theirs.text).await.refuses(400, 50_024);
    follow(&hall, &hall.ben, &source, &hall.place.text).await.refuses(403, 50_013);
    follow(&hall, &hall.ana, &source, &theirs.text).await.refuses(403, 50_001);
}

#[tokio::test]
async fn what_is_published_is_said_there_and_changes_with_its_source() {
    let news = News::open().await;
    let one = news.publish("Bread is ready, @everyone").await;

    let copy = news.heard().await[0].clone();
    assert_eq!(copy["content"], "Bread is ready, @everyone", "{copy}");
    assert_eq!((&copy["flags"], &copy["webhook_id"]), (&json!(2), &json!(news.webhook)));
    assert_eq!(copy["author"]["username"], "Hall #news");
    assert_eq!(copy["embeds"][0]["title"], "Bread");
    assert_eq!(copy["mention_everyone"], false);
    let reference = &copy["message_reference"];
    assert!(one.ends_with(reference["message_id"].as_str().unwrap()), "{reference}");
    assert_eq!(reference["guild_id"], news.hall.place.guild);

    let hall = &news.hall;
    hall.ask(&hall.ana, "PATCH", &one, json!({ "content": "Sold out" })).await;
    courier::round(&hall.api.parts).await;
    let changed = news.heard().await[0].clone();
    assert_eq!((&changed["id"], &changed["content"]), (&copy["id"], &json!("Sold out")));
    assert!(changed["edited_timestamp"].is_string());
    assert_eq!(changed["flags"], 2);

    assert_eq!(hall.ask(&hall.ana, "DELETE", &one, Value::Null).await.status, 204);
    courier::round(&hall.api.parts).await;
    let emptied = news.heard().await[0].clone();
    assert_eq!(emptied["content"], "[Original Message Deleted]", "{emptied}");
    assert_eq!((&emptied["id"], &emptied["flags"]), (&copy["id"], &json!(2 | 8)));
    assert_eq!(emptied["embeds"], json!([]));
}

#[tokio::test]
async fn the_files_of_a_copy_stay_its_sources() {
    let news = News::open().await;
    let hall = &news.hall;
    let body = "--b\r\ncontent-disposition: form-data; name=\"files[0]\"; filename=\"a.txt\"\r\n\r\n\
                warm\r\n--b--\r\n";
    let ask = hall.ana.ask(&hall.api, "POST", &news.messages());
    let said = ask.body("multipart/form-data; boundary=b", body).send().await;
    let one = format!("{}/{}", news.messages(), said.body["id"].as_str().unwrap());
    hall.ask(&hall.ana, "POST", &format!("{one}/crosspost"), Value::Null).await;
    courier::round(&hall.api.parts).await;
    let copy = news.heard().await[0].clone();
    assert_eq!(copy["attachments"][0]["filename"], "a.txt", "{copy}");

    let path = format!("/channels/{}/messages/{}", news.theirs.text, copy["id"].as_str().unwrap());
    assert_eq!(hall.ask(&hall.ben, "DELETE", &path, Value::Null).await.status, 204);

    let url = said.body["attachments"][0]["url"].as_str().unwrap();
    let at = url.find("/attachments/").unwrap();
    let (status, _, bytes) = hall.api.ask_outside("GET", &url[at..]).send_for_bytes().await;
    assert_eq!((status.as_u16(), &bytes[..]), (200, &b"warm"[..]));
}

#[tokio::test]
async fn nothing_follows_after_the_webhook_is_gone() {
    let news = News::open().await;
    let hook = format!("/webhooks/{}", news.webhook);
    assert_eq!(news.hall.ask(&news.hall.ben, "DELETE", &hook, Value::Null).await.status, 204);

    news.publish("Anyone?").await;

    assert_eq!(news.heard().await.len(), 1);
}

#[tokio::test]
async fn who_publishes_is_answered_first_and_what_is_owed_is_delivered_once() {
    let news = News::open().await;
    let hall = &news.hall;
    let body = json!({ "content": "Bread" });
    let said = hall.ask(&hall.ana, "POST", &news.messages(), body).await;
    let id = said.body["id"].as_str().unwrap();
    let path = format!("{}/{id}/crosspost", news.messages());
    assert_eq!(hall.ask(&hall.ana, "POST", &path, Value::Null).await.body["flags"], 1);
    assert_eq!(news.heard().await.len(), 1, "answered before anything is delivered");
    // What is said by then is what was changed meanwhile.
    let one = format!("{}/{id}", news.messages());
    hall.ask(&hall.ana, "PATCH", &one, json!({ "content": "Rye" })).await;

    // A process that dies before it settles delivers again.
    let parts = &hall.api.parts;
    let source: (model::id::ChannelId, model::id::MessageId) =
        (news.source.rsplit('/').next().unwrap().parse().unwrap(), id.parse().unwrap());
    courier::round(parts).await;
    parts.webhooks.owe_crosspost(source).await.unwrap();
    courier::round(parts).await;

    let heard = news.heard().await;
    assert_eq!((heard.len(), &heard[0]["content"]), (2, &json!("Rye")));
    assert_eq!(parts.webhooks.crossposts_owed(0, 9).await.unwrap(), []);
    // Or when the copy was noted, and not yet said.
    let copy: model::id::MessageId = heard[0]["id"].as_str().unwrap().parse().unwrap();
    let theirs = news.theirs.text.parse().unwrap();
    parts.messages.remove(theirs, &[copy]).await.unwrap();
    parts.webhooks.owe_crosspost(source).await.unwrap();
    courier::round(parts).await;
    assert_eq!(news.heard().await[0]["id"], json!(copy));
}

#[tokio::test]
async fn what_is_deleted_before_it_is_delivered_is_said_nowhere() {
    let news = News::open().await;
    let hall = &news.hall;
    let said = hall.ask(&hall.ana, "POST", &news.messages(), json!({ "content": "Bread" })).await;
    let one = format!("{}/{}", news.messages(), said.body["id"].as_str().unwrap());
    hall.ask(&hall.ana, "POST", &format!("{one}/crosspost"), Value::Null).await;
    assert_eq!(hall.ask(&hall.ana, "DELETE", &one, Value::Null).await.status, 204);

    courier::round(&hall.api.parts).await;

    assert_eq!(news.heard().await.len(), 1);
    assert_eq!(hall.api.parts.webhooks.crossposts_owed(0, 9).await.unwrap(), []);
}
