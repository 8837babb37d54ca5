//! How what concerns oneself is tried: accounts, settings, friends, groups, calls, applications.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use serde_json::json;

use super::world::DOT;
use super::world::Request;
use super::world::Who;
use super::world::World;
use super::world::form;
use crate::support::PASSWORD;

/// What is asked to try an operation of this family.
pub(super) async fn request(w: &mut World, operation: &str) -> Option<Request> {
    use Who::*;
    let dan = json!({ "username": "dan", "password": PASSWORD });
    Some(match operation {
        "POST /auth/register" => {
            let mut dan = dan;
            dan["invite"] = json!(w.invite().await);
            w.ask(operation, Nobody, [], dan)
        }
        "POST /auth/login" => {
            w.done(Nobody, "POST", "/auth/register", dan).await;
            w.ask(operation, Nobody, [], json!({ "login": "dan", "password": PASSWORD }))
        }
        "POST /auth/logout" => w.ask(operation, Ben, [], json!({})),
        "POST /instance/invites" => w.ask(operation, Ana, [], json!({})),
        "PATCH /users/@me" => w.ask(operation, Ben, [], json!({ "global_name": "Word" })),
        "PATCH /users/@me/profile" => w.ask(operation, Ben, [], json!({ "bio": "word" })),
        "PATCH /users/@me/settings" => w.ask(operation, Ben, [], json!({ "theme": "light" })),
        "PATCH /users/@me/settings-proto/{kind}" => {
            let body = json!({ "settings": STANDARD.encode([0x20, 7, 0x28, 8]) });
            w.ask(operation, Ben, [("kind", "1".to_owned())], body)
        }
        "PUT /users/@me/notes/{user}" => w.ask(operation, Ana, [], json!({ "note": "word" })),
        "PATCH /users/@me/guilds/settings" => {
            w.ask(operation, Ben, [], json!({ "guilds": { &w.place.guild: { "muted": true } } }))
        }
        "PATCH /users/@me/guilds/{guild}/settings" => {
            w.ask(operation, Ben, [], json!({ "muted": true }))
        }
        "POST /users/@me/channels" => {
            w.ask(operation, Ana, [], json!({ "recipient_id": w.ben.id }))
        }
        "POST /users/@me/relationships" => w.ask(operation, Ana, [], json!({ "username": "ben" })),
        "DELETE /users/@me/relationships" => {
            let path = format!("/users/@me/relationships/{}", w.ben.id);
            w.done(Ana, "PUT", &path, json!({})).await;
            w.ask(operation, Ben, [], Value::Null)
        }
        "PUT /users/@me/relationships/{user}" => w.ask(operation, Ana, [], json!({})),
        "PATCH /users/@me/relationships/{user}" | "DELETE /users/@me/relationships/{user}" => {
            w.befriend(Ben, &w.ben).await;
            w.ask(operation, Ana, [], json!({ "nickname": "Word" }))
        }
        "PUT /channels/{channel}/recipients/{user}" => {
            let group = w.group().await;
            let gone = format!("/channels/{group}/recipients/{}", w.cai.id);
            w.done(Ana, "DELETE", &gone, Value::Null).await;
            w.ask(operation, Ana, [("channel", group), ("user", w.cai.id.clone())], json!({}))
        }
        "DELETE /channels/{channel}/recipients/{user}" => {
            let group = w.group().await;
            w.ask(operation, Ana, [("channel", group)], Value::Null)
        }
        "PATCH /channels/{channel}/call" => {
            let pair = w.pair().await;
            w.enter(&w.ana, None, &pair).await;
            w.ask(operation, Ana, [("channel", pair)], json!({ "region": "guildhall" }))
        }
        "POST /channels/{channel}/call/ring" => {
            let pair = w.pair().await;
            w.enter(&w.ana, None, &pair).await;
            w.ask(operation, Ana, [("channel", pair)], json!({ "recipients": null }))
        }
        "POST /channels/{channel}/call/stop-ringing" => {
            let pair = w.pair().await;
            w.enter(&w.ana, None, &pair).await;
            let ring = format!("/channels/{pair}/call/ring");
            w.done(Ana, "POST", &ring, json!({ "recipients": null })).await;
            w.ask(operation, Ben, [("channel", pair)], json!({}))
        }
        "POST /channels/{channel}/messages/{message}/ack" => {
            let message = w.said().await;
            w.ask(operation, Ben, [("message", message)], json!({}))
        }
        "DELETE /channels/{channel}/messages/ack" => w.ask(operation, Ben, [], json!({})),
        "POST /channels/{channel}/pins/ack" => {
            let message = w.said().await;
            w.done(Ana, "PUT", &w.text(&format!("/pins/{message}")), Value::Null).await;
            w.ask(operation, Ben, [], json!({}))
        }
        "POST /guilds/{guild}/ack" => {
            w.said().await;
            w.ask(operation, Ben, [], json!({}))
        }
        "POST /guilds/{guild}/ack/{kind}/{entity}" => w.ask(
            operation,
            Ben,
            [("kind", "1".to_owned()), ("entity", "77".to_owned())],
            json!({}),
        ),
        "POST /users/@me/{kind}/{entity}/ack" => w.ask(
            operation,
            Ben,
            [("kind", "2".to_owned()), ("entity", "77".to_owned())],
            json!({}),
        ),
        "POST /read-states/ack-bulk" => {
            let message = w.said().await;
            let states = json!([{ "channel_id": w.place.text, "message_id": message,
                "read_state_type": 0 }]);
            w.ask(operation, Ben, [], json!({ "read_states": states }))
        }
        _ => return oauth2(w, operation).await,
    })
}

/// The same of what people allow applications.
async fn oauth2(w: &mut World, operation: &str) -> Option<Request> {
    use Who::*;
    Some(match operation {
        "POST /oauth2/authorize" => {
            let other = w.other_bot().await;
            let body = json!({ "authorize": true, "guild_id": w.place.guild, "permissions": "0" });
            let mut request = w.ask(operation, Ana, [], body);
            request.path += &format!("?client_id={}&scope=bot&permissions=0", other.id);
            request
        }
        "POST /oauth2/token" => {
            let code = w.code("identify").await;
            w.ask(operation, Nobody, [], w.exchange(code))
        }
        "POST /oauth2/token/revoke" => {
            let (_, token, secret) = w.bearer("identify").await;
            let text = format!("client_id={}&client_secret={secret}&token={token}", w.bot.id);
            w.ask(operation, Nobody, [], form(&text))
        }
        "DELETE /oauth2/tokens/{token}" => {
            w.bearer("identify").await;
            let listed = w.done(Cai, "GET", "/oauth2/tokens", Value::Null).await;
            let token = listed[0]["id"].as_str().expect("an id").to_owned();
            w.ask(operation, Cai, [("token", token)], Value::Null)
        }
        "PUT /users/@me/applications/{application}/role-connection"
        | "DELETE /users/@me/applications/{application}/role-connection" => {
            let (cai, ..) = w.bearer("role_connections.write").await;
            w.ask(operation, cai, [], json!({ "platform_name": "Word", "metadata": {} }))
        }
        _ => return applications(w, operation).await,
    })
}

/// The same of applications.
async fn applications(w: &mut World, operation: &str) -> Option<Request> {
    use Who::*;
    let command = json!({ "name": "pong", "description": "Pings" });
    let other = json!({ "name": "other", "description": "Pings" });
    let own = format!("/applications/{}", w.bot.id);
    Some(match operation {
        "POST /applications" => w.ask(operation, Ana, [], json!({ "name": "Ledger" })),
        "PATCH /applications/@me" => w.ask(operation, Bot, [], json!({ "icon": DOT })),
        "PATCH /applications/{application}" => w.ask(operation, Ana, [], json!({ "icon": DOT })),
        "POST /applications/{application}/reset"
        | "POST /applications/{application}/bot/reset"
        | "POST /applications/{application}/delete" => w.ask(operation, Ana, [], json!({})),
        "POST /applications/{application}/emojis" => {
            w.ask(operation, Bot, [], json!({ "name": "word", "image": DOT }))
        }
        "PATCH /applications/{application}/emojis/{emoji}"
        | "DELETE /applications/{application}/emojis/{emoji}" => {
            let body = json!({ "name": "word", "image": DOT });
            let emoji = w.made(Bot, &format!("{own}/emojis"), body).await;
            w.ask(operation, Bot, [("emoji", emoji)], json!({ "name": "other" }))
        }
        "PUT /applications/{application}/role-connections/metadata" => {
            let field =
                json!({ "type": 2, "key": "debts", "name": "Debts", "description": "Owed" });
            w.ask(operation, Ana, [], json!([field]))
        }
        "POST /applications/{application}/commands"
        | "POST /applications/{application}/guilds/{guild}/commands" => {
            w.ask(operation, Bot, [], command)
        }
        "PUT /applications/{application}/commands"
        | "PUT /applications/{application}/guilds/{guild}/commands" => {
            w.ask(operation, Bot, [], json!([command]))
        }
        "PATCH /applications/{application}/commands/{command}"
        | "DELETE /applications/{application}/commands/{command}" => {
            let command = w.command().await;
            w.ask(operation, Bot, [("command", command)], other)
        }
        "PATCH /applications/{application}/guilds/{guild}/commands/{command}"
        | "DELETE /applications/{application}/guilds/{guild}/commands/{command}" => {
            let path = format!("{own}{}/commands", w.guild(""));
            let command = w.made(Bot, &path, command).await;
            w.ask(operation, Bot, [("command", command)], other)
        }
        "PUT /applications/{application}/guilds/{guild}/commands/{command}/permissions" => {
            let command = w.command().await;
            let no = json!([{ "id": w.place.guild, "type": 1, "permission": false }]);
            w.ask(operation, Ana, [("command", command)], json!({ "permissions": no }))
        }
        _ => return None,
    })
}
