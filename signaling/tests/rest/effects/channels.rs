//! How what happens in channels is tried: messages, threads, webhooks, voice.

use serde_json::Value;
use serde_json::json;

use super::world::Request;
use super::world::Who;
use super::world::World;
use super::world::id;

/// What is asked to try an operation of this family.
pub(super) async fn request(w: &mut World, operation: &str) -> Option<Request> {
    use Who::*;
    let word = json!({ "content": "word" });
    Some(match operation {
        "PATCH /channels/{channel}" => w.ask(operation, Ana, [], json!({ "name": "other" })),
        "DELETE /channels/{channel}" => w.ask(operation, Ana, [], Value::Null),
        "POST /channels/{channel}/typing" => w.ask(operation, Ana, [], Value::Null),
        "PUT /channels/{channel}/permissions/{overwrite}" => {
            let role = w.role().await;
            let body = json!({ "type": 0, "deny": "2048" });
            w.ask(operation, Ana, [("overwrite", role)], body)
        }
        "DELETE /channels/{channel}/permissions/{overwrite}" => {
            let role = w.role().await;
            let path = w.text(&format!("/permissions/{role}"));
            w.done(Ana, "PUT", &path, json!({ "type": 0, "deny": "2048" })).await;
            w.ask(operation, Ana, [("overwrite", role)], Value::Null)
        }
        "POST /channels/{channel}/messages" => w.ask(operation, Ana, [], word),
        "PATCH /channels/{channel}/messages/{message}" => {
            let message = w.said().await;
            w.ask(operation, Ana, [("message", message)], json!({ "content": "other" }))
        }
        // Of somebody else: only that is logged.
        "DELETE /channels/{channel}/messages/{message}" => {
            let message = w.made(Ben, &w.text("/messages"), word).await;
            w.ask(operation, Ana, [("message", message)], Value::Null)
        }
        "POST /channels/{channel}/messages/bulk-delete" => {
            let (one, two) = (w.said().await, w.said().await);
            w.ask(operation, Ana, [], json!({ "messages": [one, two] }))
        }
        "PUT /channels/{channel}/messages/pins/{message}"
        | "PUT /channels/{channel}/pins/{message}" => {
            let message = w.said().await;
            w.ask(operation, Ana, [("message", message)], Value::Null)
        }
        "DELETE /channels/{channel}/messages/pins/{message}"
        | "DELETE /channels/{channel}/pins/{message}" => {
            let message = w.said().await;
            w.done(Ana, "PUT", &w.text(&format!("/pins/{message}")), Value::Null).await;
            w.ask(operation, Ana, [("message", message)], Value::Null)
        }
        "POST /channels/{channel}/messages/{message}/crosspost" => {
            let news = w.channel(5).await;
            let message = w.made(Ana, &format!("/channels/{news}/messages"), word).await;
            w.ask(operation, Ana, [("channel", news), ("message", message)], Value::Null)
        }
        "POST /channels/{channel}/followers" => {
            let news = w.channel(5).await;
            let body = json!({ "webhook_channel_id": w.place.text });
            w.ask(operation, Ana, [("channel", news)], body)
        }
        "POST /channels/{channel}/messages/{message}/threads" => {
            let message = w.said().await;
            w.ask(operation, Ana, [("message", message)], json!({ "name": "word" }))
        }
        "POST /channels/{channel}/threads" => {
            w.ask(operation, Ana, [], json!({ "name": "word", "type": 11 }))
        }
        "PUT /channels/{channel}/thread-members/{user}" => {
            let thread = w.thread().await;
            w.ask(operation, Ana, [("channel", thread)], Value::Null)
        }
        "DELETE /channels/{channel}/thread-members/{user}" => {
            let thread = w.thread().await;
            let path = format!("/channels/{thread}/thread-members/{}", w.ben.id);
            w.done(Ana, "PUT", &path, Value::Null).await;
            w.ask(operation, Ana, [("channel", thread)], Value::Null)
        }
        "PATCH /channels/{channel}/thread-members/@me/settings" => {
            let thread = w.thread().await;
            w.ask(operation, Ana, [("channel", thread)], json!({ "flags": 4 }))
        }
        "PUT /channels/{channel}/polls/{message}/answers/@me" => {
            let message = poll(w).await;
            w.ask(operation, Ben, [("message", message)], json!({ "answer_ids": ["1"] }))
        }
        "DELETE /channels/{channel}/polls/{message}/answers/@me" => {
            let message = poll(w).await;
            let path = w.text(&format!("/polls/{message}/answers/@me"));
            w.done(Ben, "PUT", &path, json!({ "answer_ids": ["1"] })).await;
            w.ask(operation, Ben, [("message", message)], Value::Null)
        }
        "POST /channels/{channel}/polls/{message}/expire" => {
            let message = poll(w).await;
            w.ask(operation, Ana, [("message", message)], Value::Null)
        }
        _ => return more(w, operation).await,
    })
}

/// The same of reactions, webhooks and interactions.
async fn more(w: &mut World, operation: &str) -> Option<Request> {
    use Who::*;
    let word = json!({ "content": "word" });
    if operation.contains("/reactions") {
        let message = w.said().await;
        let own = w.text(&format!("/messages/{message}/reactions/%F0%9F%8D%BA/@me"));
        let ids = [("message", message), ("user", "@me".to_owned())];
        if !operation.starts_with("PUT") {
            w.done(Ben, "PUT", &own, Value::Null).await;
            w.api.forget_limits();
        }
        let who = if operation.ends_with("{user}") { Ben } else { Ana };
        return Some(w.ask(operation, who, ids, Value::Null));
    }
    if operation.contains(" /webhooks/{webhook}") {
        let (webhook, token) = w.webhook().await;
        let path = format!("/webhooks/{webhook}/{token}?wait=true");
        let said = w.done(Nobody, "POST", &path, word.clone()).await;
        let ids = [("webhook", webhook), ("token", token), ("message", id(&said))];
        return Some(match operation {
            "PATCH /webhooks/{webhook}" | "DELETE /webhooks/{webhook}" => {
                w.ask(operation, Ana, ids, json!({ "name": "other" }))
            }
            "PATCH /webhooks/{webhook}/{token}" | "DELETE /webhooks/{webhook}/{token}" => {
                w.ask(operation, Nobody, ids, json!({ "name": "other" }))
            }
            "POST /webhooks/{webhook}/{token}/slack" => {
                w.ask(operation, Nobody, ids, json!({ "text": "word" }))
            }
            "POST /webhooks/{webhook}/{token}/github" => {
                let body = json!({
                    "action": "opened", "sender": { "login": "ana", "html_url": "https://a.example" },
                    "repository": { "full_name": "a/b", "html_url": "https://a.example" },
                    "issue": { "number": 1, "title": "word", "html_url": "https://a.example", "body": "x" },
                });
                let request = w.ask(operation, Nobody, ids, body);
                Request { header: Some(("x-github-event", "issues")), ..request }
            }
            _ => w.ask(operation, Nobody, ids, json!({ "content": "other" })),
        });
    }
    Some(match operation {
        "POST /channels/{channel}/webhooks" => w.ask(operation, Ana, [], json!({ "name": "hook" })),
        "POST /interactions" => {
            let command = w.command().await;
            w.ask(operation, Ben, [], w.call(&command))
        }
        "POST /interactions/{interaction}/{token}/callback" => {
            let told = w.called().await;
            let token = told["token"].as_str().expect("a token").to_owned();
            let ids = [("interaction", id(&told)), ("token", token)];
            w.ask(operation, Nobody, ids, json!({ "type": 4, "data": word }))
        }
        _ => return voice(w, operation).await,
    })
}

/// The same of voice channels and stages.
async fn voice(w: &mut World, operation: &str) -> Option<Request> {
    use Who::*;
    let (guild, channel) = (w.place.guild.clone(), w.place.voice.clone());
    let here = ("channel", channel.clone());
    Some(match operation {
        "PUT /channels/{channel}/voice-status" => {
            w.ask(operation, Ana, [here], json!({ "status": "word" }))
        }
        "POST /channels/{channel}/send-soundboard-sound" => {
            let sound = w.sound().await;
            w.enter(&w.ana, Some(&guild), &channel).await;
            w.ask(operation, Ana, [here], json!({ "sound_id": sound }))
        }
        "POST /channels/{channel}/stream-keys" => {
            w.ask(operation, Ana, [here], json!({ "way": "publish", "name": "word" }))
        }
        "DELETE /channels/{channel}/stream-keys/{key}" => {
            let path = format!("/channels/{channel}/stream-keys");
            let key = w.made(Ana, &path, json!({ "way": "publish", "name": "word" })).await;
            w.ask(operation, Ana, [here, ("key", key)], Value::Null)
        }
        "POST /stage-instances" => {
            let stage = w.channel(13).await;
            w.ask(operation, Ana, [], json!({ "channel_id": stage, "topic": "word" }))
        }
        "PATCH /stage-instances/{channel}" | "DELETE /stage-instances/{channel}" => {
            let stage = w.channel(13).await;
            let body = json!({ "channel_id": stage, "topic": "word" });
            w.done(Ana, "POST", "/stage-instances", body).await;
            w.ask(operation, Ana, [("channel", stage)], json!({ "topic": "other" }))
        }
        "PATCH /guilds/{guild}/voice-states/@me" => {
            let stage = w.channel(13).await;
            w.enter(&w.ben, Some(&guild), &stage).await;
            let hand = w.later(1);
            w.ask(operation, Ben, [], json!({ "request_to_speak_timestamp": hand }))
        }
        "PATCH /guilds/{guild}/voice-states/{user}" => {
            let stage = w.channel(13).await;
            w.enter(&w.ben, Some(&guild), &stage).await;
            w.ask(operation, Ana, [], json!({ "channel_id": stage, "suppress": false }))
        }
        _ => return None,
    })
}

async fn poll(w: &World) -> String {
    let answer = |text: &str| json!({ "poll_media": { "text": text } });
    let poll =
        json!({ "question": { "text": "What?" }, "answers": [answer("ale"), answer("mead")] });
    w.made(Who::Ana, &w.text("/messages"), json!({ "poll": poll })).await
}
