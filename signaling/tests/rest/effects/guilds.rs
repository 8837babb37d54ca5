//! How what changes a guild is tried: its structure, its people, what it has.

use model::wire::util::Timestamp;
use serde_json::Value;
use serde_json::json;
use state::GuildCommand;

use super::world::Body;
use super::world::DOT;
use super::world::Request;
use super::world::Who;
use super::world::World;
use super::world::id;
use super::world::multipart;
use super::world::sound;

/// What is asked to try an operation of this family.
pub(super) async fn request(w: &mut World, operation: &str) -> Option<Request> {
    use Who::*;
    Some(match operation {
        "POST /guilds" => w.ask(operation, Cai, [], json!({ "name": "There" })),
        "PATCH /guilds/{guild}" => w.ask(operation, Ana, [], json!({ "name": "Other" })),
        "DELETE /guilds/{guild}" => w.ask(operation, Ana, [], Value::Null),
        "POST /guilds/{guild}/channels" => w.ask(operation, Ana, [], json!({ "name": "word" })),
        "PATCH /guilds/{guild}/channels" => {
            let more = w.channel(0).await;
            let moves =
                json!([{ "id": more, "position": 0 }, { "id": w.place.text, "position": 1 }]);
            w.ask(operation, Ana, [], moves)
        }
        "POST /guilds/{guild}/bots" => {
            let other = w.other_bot().await;
            w.ask(operation, Ana, [], json!({ "application_id": other.id }))
        }
        "DELETE /guilds/{guild}/integrations/{integration}" => {
            w.ask(operation, Ana, [("integration", w.bot.id.clone())], Value::Null)
        }
        "PUT /guilds/{guild}/incident-actions" => {
            let until = w.later(1);
            w.ask(operation, Ana, [], json!({ "invites_disabled_until": until }))
        }
        "PATCH /guilds/{guild}/widget" => w.ask(operation, Ana, [], json!({ "enabled": true })),
        "PATCH /guilds/{guild}/welcome-screen" => {
            w.ask(operation, Ana, [], json!({ "enabled": true, "description": "Hail!" }))
        }
        "PUT /guilds/{guild}/new-member-welcome" => w.ask(operation, Ana, [], welcome(w)),
        "PUT /guilds/{guild}/onboarding" => {
            let role = w.role().await;
            w.ask(operation, Ana, [], prompts(&role))
        }
        "POST /guilds/{guild}/onboarding-responses"
        | "PUT /guilds/{guild}/onboarding-responses" => {
            let role = w.role().await;
            let set = w.done(Ana, "PUT", &w.guild("/onboarding"), prompts(&role)).await;
            let option = id(&set["prompts"][0]["options"][0]);
            w.ask(operation, Ben, [], json!({ "onboarding_responses": [option] }))
        }
        "POST /guilds/{guild}/prune" => {
            // Somebody who is not there.
            let dan = w.person("dan").await.id.parse().expect("an id");
            let long_ago = Timestamp::from_secs(1_600_000_000).expect("a time");
            let join = GuildCommand::Join { user: dan, now: long_ago, roles: Vec::new() };
            let guild = w.place.guild.parse().expect("an id");
            w.api.parts.store.execute(guild, dan, join).await.expect("a member");
            w.ask(operation, Ana, [], json!({ "days": 30 }))
        }
        _ => return people(w, operation).await,
    })
}

/// The same of its people and their standing.
async fn people(w: &mut World, operation: &str) -> Option<Request> {
    use Who::*;
    Some(match operation {
        "PUT /guilds/{guild}/bans/{user}" => w.ask(operation, Ana, [], json!({})),
        "DELETE /guilds/{guild}/bans/{user}" => {
            let path = w.guild(&format!("/bans/{}", w.ben.id));
            w.done(Ana, "PUT", &path, json!({})).await;
            w.ask(operation, Ana, [], Value::Null)
        }
        "POST /guilds/{guild}/bulk-ban" => {
            w.ask(operation, Ana, [], json!({ "user_ids": [w.ben.id] }))
        }
        "PUT /guilds/{guild}/members/{user}" => {
            let (_, token, _) = w.bearer("guilds.join").await;
            let ids = [("user", w.cai.id.clone())];
            w.ask(operation, Bot, ids, json!({ "access_token": token }))
        }
        "PATCH /guilds/{guild}/members/{user}" => {
            w.ask(operation, Ana, [], json!({ "nick": "word" }))
        }
        "PATCH /guilds/{guild}/members/@me" | "PATCH /guilds/{guild}/members/@me/nick" => {
            w.ask(operation, Ben, [], json!({ "nick": "word" }))
        }
        "DELETE /guilds/{guild}/members/{user}" => w.ask(operation, Ana, [], Value::Null),
        "DELETE /users/@me/guilds/{guild}" => w.ask(operation, Ben, [], Value::Null),
        "PUT /guilds/{guild}/members/{user}/roles/{role}" => {
            let role = w.role().await;
            w.ask(operation, Ana, [("role", role)], Value::Null)
        }
        "DELETE /guilds/{guild}/members/{user}/roles/{role}" => {
            let role = w.role().await;
            let given = w.guild(&format!("/members/{}/roles/{role}", w.ben.id));
            w.done(Ana, "PUT", &given, Value::Null).await;
            w.ask(operation, Ana, [("role", role)], Value::Null)
        }
        "POST /guilds/{guild}/roles" => w.ask(operation, Ana, [], json!({ "name": "word" })),
        "PATCH /guilds/{guild}/roles" => {
            let (one, _two) = (w.role().await, w.role().await);
            w.ask(operation, Ana, [], json!([{ "id": one, "position": 2 }]))
        }
        "PATCH /guilds/{guild}/roles/{role}" => {
            let role = w.role().await;
            w.ask(operation, Ana, [("role", role)], json!({ "name": "other" }))
        }
        "DELETE /guilds/{guild}/roles/{role}" => {
            let role = w.role().await;
            w.ask(operation, Ana, [("role", role)], Value::Null)
        }
        "POST /invites/{code}" => w.ask(operation, Cai, [("code", w.invite().await)], json!({})),
        "DELETE /invites/{code}" => {
            w.ask(operation, Ana, [("code", w.invite().await)], Value::Null)
        }
        "PUT /invites/{code}/target-users" => {
            let file = multipart(&[], ("target_users_file", w.cai.id.as_bytes()));
            let path = w.text("/invites");
            let made = w.done(Ana, "POST", &path, file).await;
            let code = made["code"].as_str().expect("a code").to_owned();
            let file = multipart(&[], ("target_users_file", w.ben.id.as_bytes()));
            w.ask(operation, Ana, [("code", code)], file)
        }
        "POST /channels/{channel}/invites" => w.ask(operation, Ana, [], json!({})),
        _ => return newcomers(w, operation).await,
    })
}

/// The same of newcomers who have to say why they come.
async fn newcomers(w: &mut World, operation: &str) -> Option<Request> {
    use Who::*;
    let question = json!({ "field_type": "PARAGRAPH", "label": "Why here?", "required": true });
    let screened = json!({ "enabled": true, "form_fields": [question] });
    let form = w.guild("/member-verification");
    let own = w.guild("/requests/@me");
    if operation.ends_with("/member-verification") && !operation.starts_with("GET") {
        return Some(w.ask(operation, Ana, [], screened));
    }
    if !operation.contains("/guilds/{guild}/requests") {
        return Box::pin(things(w, operation)).await;
    }
    w.done(Ana, "PATCH", &form, screened).await;
    let invite = format!("/invites/{}", w.invite().await);
    w.done(Cai, "POST", &invite, json!({})).await;
    let mut filled = question;
    filled["response"] = json!("I sail.");
    let filled = json!({ "form_fields": [filled] });
    if operation.starts_with("PUT") {
        return Some(w.ask(operation, Cai, [], filled));
    }
    let request = id(&w.done(Cai, "PUT", &own, filled).await);
    Some(match operation {
        "POST /guilds/{guild}/requests/@me" | "DELETE /guilds/{guild}/requests/@me" => {
            w.ask(operation, Cai, [], Value::Null)
        }
        "PATCH /guilds/{guild}/requests" => {
            w.ask(operation, Ana, [], json!({ "action": "REJECTED" }))
        }
        "PATCH /guilds/{guild}/requests/{request}" => {
            w.ask(operation, Ana, [("request", request)], json!({ "action": "REJECTED" }))
        }
        _ => return None,
    })
}

/// The same of what a guild has: emojis, stickers, sounds, events, rules, templates.
async fn things(w: &mut World, operation: &str) -> Option<Request> {
    use Who::*;
    let (name, other) = (json!({ "name": "word" }), json!({ "name": "other" }));
    Some(match operation {
        "POST /guilds/{guild}/emojis" => {
            w.ask(operation, Ana, [], json!({ "name": "word", "image": DOT }))
        }
        "PATCH /guilds/{guild}/emojis/{emoji}" | "DELETE /guilds/{guild}/emojis/{emoji}" => {
            let body = json!({ "name": "word", "image": DOT });
            let emoji = w.made(Ana, &w.guild("/emojis"), body).await;
            w.ask(operation, Ana, [("emoji", emoji)], other)
        }
        "POST /guilds/{guild}/stickers" => w.ask(operation, Ana, [], sticker()),
        "PATCH /guilds/{guild}/stickers/{sticker}"
        | "DELETE /guilds/{guild}/stickers/{sticker}" => {
            let sticker = w.made(Ana, &w.guild("/stickers"), sticker()).await;
            w.ask(operation, Ana, [("sticker", sticker)], other)
        }
        "POST /guilds/{guild}/soundboard-sounds" => {
            w.ask(operation, Ana, [], json!({ "name": "word", "sound": sound() }))
        }
        "PATCH /guilds/{guild}/soundboard-sounds/{sound}"
        | "DELETE /guilds/{guild}/soundboard-sounds/{sound}" => {
            let sound = w.sound().await;
            w.ask(operation, Ana, [("sound", sound)], other)
        }
        "POST /guilds/{guild}/scheduled-events" => w.ask(operation, Ana, [], picnic()),
        "PATCH /guilds/{guild}/scheduled-events/{event}"
        | "DELETE /guilds/{guild}/scheduled-events/{event}" => {
            let event = w.made(Ana, &w.guild("/scheduled-events"), picnic()).await;
            w.ask(operation, Ana, [("event", event)], other)
        }
        "PUT /guilds/{guild}/scheduled-events/{event}/users/@me" => {
            let event = w.made(Ana, &w.guild("/scheduled-events"), picnic()).await;
            w.ask(operation, Ben, [("event", event)], Value::Null)
        }
        "DELETE /guilds/{guild}/scheduled-events/{event}/users/@me" => {
            let event = w.made(Ana, &w.guild("/scheduled-events"), picnic()).await;
            let path = w.guild(&format!("/scheduled-events/{event}/users/@me"));
            w.done(Ben, "PUT", &path, Value::Null).await;
            w.ask(operation, Ben, [("event", event)], Value::Null)
        }
        "POST /guilds/{guild}/scheduled-events/{event}/exceptions" => {
            let event = w.made(Ana, &w.guild("/scheduled-events"), picnic()).await;
            w.ask(operation, Ana, [("event", event)], called_off())
        }
        "PATCH /guilds/{guild}/scheduled-events/{event}/exceptions/{exception}"
        | "DELETE /guilds/{guild}/scheduled-events/{event}/exceptions/{exception}" => {
            let event = w.made(Ana, &w.guild("/scheduled-events"), picnic()).await;
            let path = w.guild(&format!("/scheduled-events/{event}/exceptions"));
            let made = w.done(Ana, "POST", &path, called_off()).await;
            let exception = made["event_exception_id"].as_str().expect("an id").to_owned();
            let ids = [("event", event), ("exception", exception)];
            w.ask(
                operation,
                Ana,
                ids,
                json!({ "scheduled_start_time": "2100-01-08T18:00:00Z",
                "scheduled_end_time": "2100-01-08T19:00:00Z", "is_canceled": false }),
            )
        }
        "POST /guilds/{guild}/auto-moderation/rules" => w.ask(operation, Ana, [], rule()),
        "PATCH /guilds/{guild}/auto-moderation/rules/{rule}"
        | "DELETE /guilds/{guild}/auto-moderation/rules/{rule}" => {
            let rule = w.made(Ana, &w.guild("/auto-moderation/rules"), rule()).await;
            w.ask(operation, Ana, [("rule", rule)], other)
        }
        "POST /guilds/{guild}/templates" => w.ask(operation, Ana, [], name),
        "PUT /guilds/{guild}/templates/{code}"
        | "PATCH /guilds/{guild}/templates/{code}"
        | "DELETE /guilds/{guild}/templates/{code}" => {
            let code = template(w).await;
            w.ask(operation, Ana, [("code", code)], other)
        }
        "POST /guilds/templates/{code}" => {
            let code = template(w).await;
            w.ask(operation, Cai, [("code", code)], name)
        }
        _ => return None,
    })
}

async fn template(w: &World) -> String {
    let made = w.done(Who::Ana, "POST", &w.guild("/templates"), json!({ "name": "word" })).await;
    made["code"].as_str().expect("a code").to_owned()
}

fn welcome(w: &World) -> Value {
    let todo =
        |kind: u8| json!({ "channel_id": w.place.text, "action_type": kind, "title": "Say hello" });
    json!({
        "enabled": true,
        "welcome_message": { "author_ids": [w.ana.id], "message": "Hello" },
        "new_member_actions": [todo(1), todo(0), todo(0)],
    })
}

fn prompts(role: &str) -> Value {
    json!({ "prompts": [{
        "title": "How?", "single_select": true, "required": true, "in_onboarding": true,
        "options": [{ "title": "Boats", "role_ids": [role] }, { "title": "Swims", "role_ids": [role] }],
    }] })
}

fn sticker() -> Body {
    const GIF: &[u8] = b"GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0;";
    let fields = [("name", "word"), ("description", ""), ("tags", "beer")];
    multipart(&fields, ("file", GIF))
}

/// Each Friday.
fn picnic() -> Value {
    json!({
        "name": "word", "privacy_level": 2, "entity_type": 3,
        "entity_metadata": { "location": "here" },
        "scheduled_start_time": "2100-01-01T12:00:00Z",
        "scheduled_end_time": "2100-01-01T14:00:00Z",
        "recurrence_rule": { "start": "2100-01-01T12:00:00Z", "frequency": 2, "by_weekday": [4] },
    })
}

fn called_off() -> Value {
    json!({ "original_scheduled_start_time": "2100-01-08T12:00:00Z", "is_canceled": true })
}

fn rule() -> Value {
    json!({
        "name": "word", "event_type": 1, "trigger_type": 1, "enabled": true,
        "trigger_metadata": { "keyword_filter": ["boat"] },
        "actions": [{ "type": 1, "metadata": {} }],
    })
}
