//! Guilds, channels, roles, members, bans, invites and direct messages, as bots and people use
//! them.

use crate::support::Api;
use serde_json::Value;
use serde_json::json;
use signaling::auth::PrivilegedIntents;
use signaling::parts::timestamp;

fn ids(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_guild_is_made_changed_and_deleted() {
    let api = Api::new().await;
    let ana = api.register("ana").await;
    let place = api.guild(&ana, "Hall").await;
    let path = format!("/guilds/{}", place.guild);

    let body = json!({ "name": "Big Hall", "description": "All of us" });
    let changed = ana.ask(&api, "PATCH", &path).json(&body).send().await;
    let shown = ana.ask(&api, "GET", &format!("{path}?with_counts=1")).send().await;

    assert_eq!(changed.body["name"], "Big Hall");
    assert_eq!(shown.body["description"], "All of us");
    assert_eq!(shown.body["approximate_member_count"], 1);
    let body = json!({ "name": "x" });
    let short = ana.ask(&api, "PATCH", &path).json(&body).send().await;
    short.refuses_field("name", "BASE_TYPE_BAD_LENGTH");
    assert_eq!(ana.ask(&api, "DELETE", &path).send().await.status, 204);
    ana.ask(&api, "GET", &path).send().await.refuses(404, 10_004);
}

#[tokio::test]
async fn channels_are_made_changed_moved_and_deleted() {
    let api = Api::new().await;
    let ana = api.register("ana").await;
    let place = api.guild(&ana, "Hall").await;
    let path = format!("/guilds/{}/channels", place.guild);

    let body = json!({
        "name": "Side Room", "type": 2, "bitrate": 96_000, "user_limit": 5,
        "permission_overwrites": [{ "id": place.guild, "type": 0, "allow": 0, "deny": "1048576" }],
    });
    let made = ana.ask(&api, "POST", &path).json(&body).send().await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!((&made.body["name"], &made.body["bitrate"]), (&json!("Side Room"), &json!(96_000)));
    assert_eq!(made.body["permission_overwrites"][0]["deny"], "1048576");

    let id = made.body["id"].as_str().unwrap();
    let channel = format!("/channels/{id}");
    let body = json!({ "name": "Quiet Room", "user_limit": null });
    let changed = ana.ask(&api, "PATCH", &channel).json(&body).send().await;
    assert_eq!(
        (&changed.body["name"], &changed.body["user_limit"]),
        (&json!("Quiet Room"), &json!(0))
    );

    let moved =
        ana.ask(&api, "PATCH", &path).json(&json!([{ "id": id, "position": 7 }])).send().await;
    assert_eq!(moved.status, 204, "{moved:?}");
    assert_eq!(ana.ask(&api, "GET", &channel).send().await.body["position"], 7);

    let gone = ana.ask(&api, "DELETE", &channel).send().await;
    assert_eq!(gone.body["id"], json!(id));
    ana.ask(&api, "GET", &channel).send().await.refuses(404, 10_003);
    let body = json!({ "name": "x", "type": 99 });
    let odd = ana.ask(&api, "POST", &path).json(&body).send().await;
    odd.refuses_field("type", "BASE_TYPE_CHOICES");
}

#[tokio::test]
async fn roles_are_made_given_taken_and_deleted() {
    let api = Api::new().await;
    let (ana, ben) = (api.register("ana").await, api.register("ben").await);
    let place = api.guild(&ana, "Hall").await;
    api.join(&ana, &place, &ben).await;
    let roles = format!("/guilds/{}/roles", place.guild);

    let body = json!({ "name": "Helper", "color": 0x00ff00, "hoist": true, "permissions": "8" });
    let made = ana.ask(&api, "POST", &roles).json(&body).send().await;
    assert_eq!((&made.body["name"], &made.body["permissions"]), (&json!("Helper"), &json!("8")));
    let role = made.body["id"].as_str().unwrap();
    let held = format!("/guilds/{}/members/{}/roles/{role}", place.guild, ben.id);

    assert_eq!(ana.ask(&api, "PUT", &held).send().await.status, 204);
    let member = format!("/guilds/{}/members/{}", place.guild, ben.id);
    let shown = ana.ask(&api, "GET", &member).send().await;
    assert_eq!(shown.body["roles"], json!([role]));
    assert_eq!(shown.body["user"]["username"], "ben");
    assert_eq!(ana.ask(&api, "DELETE", &held).send().await.status, 204);
    assert_eq!(ana.ask(&api, "GET", &member).send().await.body["roles"], json!([]));

    let one = format!("{roles}/{role}");
    let changed = ana.ask(&api, "PATCH", &one).json(&json!({ "name": "Friend" })).send().await;
    assert_eq!(changed.body["name"], "Friend");
    assert_eq!(ana.ask(&api, "DELETE", &one).send().await.status, 204);
    ana.ask(&api, "GET", &one).send().await.refuses(404, 10_011);
    let everyone = ana.ask(&api, "GET", &roles).send().await;
    assert_eq!(ids(&everyone.body), [place.guild.as_str()]);
}

#[tokio::test]
async fn members_come_in_pages_and_to_bots_only_with_the_switch() {
    let api = Api::new().await;
    let ana = api.register("ana").await;
    let place = api.guild(&ana, "Hall").await;
    let curious = api.bot("Curious", PrivilegedIntents::ALL).await;
    let members = false;
    let modest = api.bot("Modest", PrivilegedIntents { members, ..PrivilegedIntents::ALL }).await;
    let bots = format!("/guilds/{}/bots", place.guild);
    for bot in [&curious, &modest] {
        let body = json!({ "application_id": bot.id });
        assert_eq!(ana.ask(&api, "POST", &bots).json(&body).send().await.status, 204);
    }
    let path = format!("/guilds/{}/members", place.guild);

    let all = curious.ask(&api, "GET", &format!("{path}?limit=1000&after=0")).send().await;
    let second = format!("{path}?limit=1&after={}", ana.id);
    let second = curious.ask(&api, "GET", &second).send().await;

    let names: Vec<_> =
        all.body.as_array().unwrap().iter().map(|m| &m["user"]["username"]).collect();
    assert_eq!(names, ["ana", "Curious", "Modest"]);
    assert_eq!(second.body[0]["user"]["username"], "Curious");
    modest.ask(&api, "GET", &path).send().await.refuses(403, 50_001);
    curious.ask(&api, "GET", &format!("{path}?limit=1001")).send().await.refuses(400, 50_035);
    let found = ana.ask(&api, "GET", &format!("{path}/search?query=CUR&limit=10")).send().await;
    assert_eq!(found.body.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn someone_banned_is_gone_cannot_return_and_can_be_forgiven() {
    let api = Api::new().await;
    let (ana, ben) = (api.register("ana").await, api.register("ben").await);
    let place = api.guild(&ana, "Hall").await;
    api.join(&ana, &place, &ben).await;
    let ban = format!("/guilds/{}/bans/{}", place.guild, ben.id);
    let invites = format!("/channels/{}/invites", place.text);
    let invite = ana.ask(&api, "POST", &invites).json(&json!({ "unique": true })).send().await;
    let invite = format!("/invites/{}", invite.body["code"].as_str().unwrap());

    let banned = ana.ask(&api, "PUT", &ban).header("x-audit-log-reason", "spam%20%E2%9C%8B");
    assert_eq!(banned.send().await.status, 204);

    let shown = ana.ask(&api, "GET", &ban).send().await;
    assert_eq!(shown.body["reason"], "spam ✋");
    assert_eq!(shown.body["user"]["id"], json!(ben.id));
    let list = format!("/guilds/{}/bans", place.guild);
    assert_eq!(ana.ask(&api, "GET", &list).send().await.body.as_array().unwrap().len(), 1);
    let after = format!("{list}?after={}", ben.id);
    assert_eq!(ana.ask(&api, "GET", &after).send().await.body, json!([]));
    ben.ask(&api, "POST", &invite).send().await.refuses(403, 40_007);
    assert_eq!(ana.ask(&api, "DELETE", &ban).send().await.status, 204);
    ana.ask(&api, "GET", &ban).send().await.refuses(404, 10_026);
    assert_eq!(ben.ask(&api, "POST", &invite).send().await.status, 200);
}

#[tokio::test]
async fn an_invite_is_shown_to_all_used_once_each_and_revoked() {
    let api = Api::new().await;
    let (ana, ben, cai) =
        (api.register("ana").await, api.register("ben").await, api.register("cai").await);
    let place = api.guild(&ana, "Hall").await;
    let invites = format!("/channels/{}/invites", place.text);
    let made = ana.ask(&api, "POST", &invites).json(&json!({ "max_uses": 1 })).send().await;
    assert_eq!((&made.body["max_age"], &made.body["uses"]), (&json!(86_400), &json!(0)));
    let code = made.body["code"].as_str().unwrap();
    let path = format!("/invites/{code}");

    let shown = api.ask("GET", &format!("{path}?with_counts=true")).send().await;
    assert_eq!(shown.body["guild"]["name"], "Hall");
    assert_eq!(shown.body["inviter"]["username"], "ana");
    assert_eq!(shown.body["approximate_member_count"], 1);

    // A member uses nothing up; the one use is for the first stranger.
    assert_eq!(ana.ask(&api, "POST", &path).send().await.body["new_member"], false);
    assert_eq!(ben.ask(&api, "POST", &path).send().await.body["new_member"], true);
    cai.ask(&api, "POST", &path).send().await.refuses(404, 10_006);
    api.ask("GET", &path).send().await.refuses(404, 10_006);

    let made = ana.ask(&api, "POST", &invites).send().await;
    let path = format!("/invites/{}", made.body["code"].as_str().unwrap());
    ben.ask(&api, "DELETE", &path).send().await.refuses(403, 50_013);
    assert_eq!(ana.ask(&api, "DELETE", &path).send().await.status, 200);
    cai.ask(&api, "POST", &path).send().await.refuses(404, 10_006);
    let bad = json!({ "max_uses": 101, "max_age": 604_801 });
    let bad = ana.ask(&api, "POST", &invites).json(&bad).send().await;
    bad.refuses_field("max_uses", "NUMBER_TYPE_MAX");
    bad.refuses_field("max_age", "NUMBER_TYPE_MAX");
}

#[tokio::test]
async fn an_invite_of_the_same_terms_is_given_again_unless_it_is_to_be_unique() {
    let api = Api::new().await;
    let ana = api.register("ana").await;
    let place = api.guild(&ana, "Hall").await;
    let invites = format!("/channels/{}/invites", place.text);
    let make = |body| ana.ask(&api, "POST", &invites).json(&body).send();

    let first = make(json!({})).await.body["code"].clone();

    assert_eq!(make(json!({})).await.body["code"], first);
    assert_ne!(make(json!({ "unique": true })).await.body["code"], first);
    assert_ne!(make(json!({ "max_age": 0 })).await.body["code"], first);
}

#[tokio::test]
async fn people_who_share_a_guild_write_to_each_other_and_strangers_do_not() {
    let api = Api::new().await;
    let (ana, ben, cai) =
        (api.register("ana").await, api.register("ben").await, api.register("cai").await);
    let place = api.guild(&ana, "Hall").await;
    api.join(&ana, &place, &ben).await;
    let open = |from: &crate::support::Person, body: Value| {
        from.ask(&api, "POST", "/users/@me/channels").json(&body).send()
    };

    let opened = open(&ana, json!({ "recipient_id": ben.id })).await;
    let again = open(&ben, json!({ "recipients": [ana.id.parse::<u64>().unwrap()] })).await;

    assert_eq!(opened.body["type"], 1, "{opened:?}");
    assert_eq!(opened.body["recipients"][0]["username"], "ben");
    assert_eq!(again.body["id"], opened.body["id"]);
    assert_eq!(again.body["recipients"][0]["username"], "ana");
    open(&ana, json!({ "recipient_id": cai.id })).await.refuses(403, 50_007);
    open(&ana, json!({ "recipient_id": ana.id })).await.refuses(403, 50_007);
    open(&ana, json!({ "recipient_id": "5" })).await.refuses(404, 10_013);
    open(&ana, json!({})).await.refuses(400, 50_035);
    let list = ana.ask(&api, "GET", "/users/@me/channels").send().await;
    assert_eq!(ids(&list.body), [opened.body["id"].as_str().unwrap()]);
    let channel = format!("/channels/{}", opened.body["id"].as_str().unwrap());
    cai.ask(&api, "GET", &channel).send().await.refuses(403, 50_001);
    ana.ask(&api, "PATCH", &channel).json(&json!({})).send().await.refuses(403, 50_003);
    assert_eq!(ana.ask(&api, "DELETE", &channel).send().await.status, 200);
}

#[tokio::test]
async fn a_bot_finds_at_its_start_what_its_library_asks_for() {
    let api = Api::new().await;
    let bot = api.bot("Melody", PrivilegedIntents::ALL).await;

    let gateway = bot.ask(&api, "GET", "/gateway/bot").send().await;
    let application = bot.ask(&api, "GET", "/applications/@me").send().await;
    let sounds = bot.ask(&api, "GET", "/soundboard-default-sounds").send().await;
    let emojis = bot.ask(&api, "GET", &format!("/applications/{}/emojis", bot.id)).send().await;
    let commands = format!("/applications/{}/commands", bot.id);
    let none = bot.ask(&api, "PUT", &commands).json(&json!([])).send().await;
    let some = bot.ask(&api, "PUT", &commands).json(&json!([{ "name": "play" }])).send().await;

    assert_eq!(gateway.body["url"], "wss://hall.test");
    assert_eq!(gateway.body["shards"], 1);
    assert!(gateway.body["session_start_limit"]["max_concurrency"].as_u64().unwrap() >= 1);
    for key in [
        "id",
        "name",
        "icon",
        "description",
        "bot_public",
        "bot_require_code_grant",
        "verify_key",
        "flags",
        "approximate_user_install_count",
        "approximate_guild_count",
        "owner",
        "team",
    ] {
        assert!(application.body.get(key).is_some(), "{key} is missing");
    }
    assert_eq!(sounds.body, json!([]));
    assert_eq!(sounds.headers["content-type"], "application/json");
    assert_eq!(emojis.body, json!({ "items": [] }));
    assert_eq!((none.status.as_u16(), &none.body), (200, &json!([])));
    // A command to type needs a description.
    some.refuses(400, 50_035);
    bot.ask(&api, "POST", "/guilds")
        .json(&json!({ "name": "Mine" }))
        .send()
        .await
        .refuses(403, 20_001);
}

#[tokio::test]
async fn who_is_not_in_voice_has_no_voice_state_and_cannot_be_moved() {
    let api = Api::new().await;
    let (ana, ben) = (api.register("ana").await, api.register("ben").await);
    let place = api.guild(&ana, "Hall").await;
    api.join(&ana, &place, &ben).await;
    let member = format!("/guilds/{}/members/{}", place.guild, ben.id);
    let change = |body| ana.ask(&api, "PATCH", &member).json(&body).send();

    let state = format!("/guilds/{}/voice-states/{}", place.guild, ben.id);
    ana.ask(&api, "GET", &state).send().await.refuses(404, 10_065);
    change(json!({ "channel_id": place.voice })).await.refuses(400, 40_032);
    change(json!({ "mute": true })).await.refuses(400, 40_032);
    let renamed = change(json!({ "nick": "Benny" })).await;
    assert_eq!(renamed.body["nick"], "Benny", "{renamed:?}");
    let own = format!("/guilds/{}/members/@me", place.guild);
    let own = ben.ask(&api, "PATCH", &own).json(&json!({ "nick": null })).send().await;
    assert_eq!(own.body["nick"], Value::Null);
}

#[tokio::test]
async fn a_timeout_is_read_with_its_offset_and_in_the_short_form_of_javascript() {
    let api = Api::new().await;
    let (ana, ben) = (api.register("ana").await, api.register("ben").await);
    let place = api.guild(&ana, "Hall").await;
    api.join(&ana, &place, &ben).await;
    let member = format!("/guilds/{}/members/{}", place.guild, ben.id);
    let hour_ms = 3_600_000;
    // Whole seconds, as they are cut off below.
    let until_ms = api.parts.now_ms() / 1_000 * 1_000 + hour_ms;
    let written = |ms| timestamp(ms).iso_8601().to_string()[..19].to_owned();
    let until = format!("{}.000000+00:00", written(until_ms));

    for text in [
        format!("{}.000Z", written(until_ms)),
        format!("{}+02:00", written(until_ms + 2 * hour_ms)),
    ] {
        let body = json!({ "communication_disabled_until": text });
        let silenced = ana.ask(&api, "PATCH", &member).json(&body).send().await;
        assert_eq!(silenced.body["communication_disabled_until"], until, "{silenced:?}");
        let free = json!({ "communication_disabled_until": null });
        ana.ask(&api, "PATCH", &member).json(&free).send().await;
    }
}
