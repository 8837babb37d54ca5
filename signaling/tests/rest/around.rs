//! What surrounds a guild, from outside: widget, preview, integrations, prunes, many bans at once, and
//! what is closed under attack.

use crate::support::hall::Hall;
use serde_json::Value;
use serde_json::json;
use signaling::parts::now_ms;
use signaling::parts::timestamp;

fn path(hall: &Hall, of: &str) -> String {
    format!("/guilds/{}/{of}", hall.place.guild)
}

#[tokio::test]
async fn a_widget_is_seen_by_anyone_once_it_is_enabled() {
    let hall = Hall::open().await;
    let json_path = path(&hall, "widget.json");
    hall.nobody("GET", &json_path, Value::Null).await.refuses(403, 50_004);
    let settings = path(&hall, "widget");
    hall.ask(&hall.ben, "PATCH", &settings, json!({ "enabled": true })).await.refuses(403, 50_013);

    let body = json!({ "enabled": true, "channel_id": hall.place.text });
    let set = hall.ask(&hall.ana, "PATCH", &settings, body.clone()).await;

    assert_eq!((set.status.as_u16(), &set.body), (200, &body));
    assert_eq!(hall.get(&hall.ana, &settings).await.body, body);
    let shown = hall.api.ask("GET", &json_path).header("origin", "https://page.test").send().await;
    assert_eq!(shown.headers["access-control-allow-origin"], "https://page.test");
    assert_eq!((&shown.body["name"], &shown.body["presence_count"]), (&json!("Hall"), &json!(0)));
    assert_eq!(shown.body["channels"][0]["id"], hall.place.voice, "{shown:?}");
    let invite = shown.body["instant_invite"].as_str().unwrap().to_owned();
    let code = invite.strip_prefix("https://hall.test/invite/").unwrap();
    let found = hall.nobody("GET", &format!("/invites/{code}"), Value::Null).await;
    assert_eq!(found.body["channel"]["id"], hall.place.text);
    let again = hall.nobody("GET", &json_path, Value::Null).await.body;
    assert_eq!(again["instant_invite"], invite, "it is not made anew each time");
    let guild = hall.get(&hall.ben, &format!("/guilds/{}", hall.place.guild)).await.body;
    assert_eq!(
        (&guild["widget_enabled"], &guild["widget_channel_id"]),
        (&json!(true), &json!(hall.place.text),)
    );

    let hide = format!("/channels/{}/permissions/{}", hall.place.voice, hall.place.guild);
    hall.ask(&hall.ana, "PUT", &hide, json!({ "type": 0, "deny": "1024" })).await;
    let hidden = hall.nobody("GET", &json_path, Value::Null).await.body;
    assert_eq!(hidden["channels"], json!([]), "what everyone cannot see is not shown");
}

#[tokio::test]
async fn a_widget_is_a_picture_of_five_styles() {
    let hall = Hall::open().await;
    let picture = path(&hall, "widget.png");
    hall.nobody("GET", &picture, Value::Null).await.refuses(403, 50_004);
    hall.ask(&hall.ana, "PATCH", &path(&hall, "widget"), json!({ "enabled": true })).await;

    for style in ["", "?style=shield", "?style=banner1", "?style=banner4"] {
        let ask = hall.api.ask("GET", &format!("{picture}{style}"));
        let (status, headers, bytes) = ask.send_for_bytes().await;
        assert_eq!(
            (status.as_u16(), &headers["content-type"]),
            (200, &"image/png".parse().unwrap())
        );
        assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n"));
    }
    let other = hall.nobody("GET", &format!("{picture}?style=round"), Value::Null).await;
    other.refuses_field("style", "BASE_TYPE_CHOICES");
}

#[tokio::test]
async fn a_guild_is_previewed_by_its_members() {
    let hall = Hall::open().await;
    let stranger = hall.api.register("cai").await;

    let seen = hall.get(&hall.ben, &path(&hall, "preview")).await.body;

    assert_eq!((&seen["name"], &seen["approximate_member_count"]), (&json!("Hall"), &json!(3)));
    hall.get(&stranger, &path(&hall, "preview")).await.refuses(404, 10_004);
    let vanity = hall.get(&hall.ana, &path(&hall, "vanity-url")).await.body;
    assert_eq!(vanity, json!({ "code": null, "uses": 0 }));
    hall.get(&hall.ben, &path(&hall, "vanity-url")).await.refuses(403, 50_013);
}

#[tokio::test]
async fn bots_are_integrations_and_leave_with_them() {
    let hall = Hall::open().await;
    let all = path(&hall, "integrations");
    hall.get(&hall.ben, &all).await.refuses(403, 50_013);

    let brought = json!({ "application_id": hall.bot.id });
    let brought = hall.ask(&hall.ana, "POST", &path(&hall, "bots"), brought).await;
    assert_eq!(brought.status, 204, "{brought:?}");

    let listed = hall.get(&hall.ana, &all).await.body;

    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    assert_eq!((&listed[0]["type"], &listed[0]["id"]), (&json!("discord"), &json!(hall.bot.id)));
    assert_eq!(listed[0]["application"]["bot"]["username"], "Dicer");
    let unknown = format!("{all}/{}", hall.ben.id);
    hall.ask(&hall.ana, "DELETE", &unknown, Value::Null).await.refuses(404, 10_005);
    let gone = hall.ask(&hall.ana, "DELETE", &format!("{all}/{}", hall.bot.id), Value::Null).await;
    assert_eq!(gone.status, 204, "{gone:?}");
    hall.get(&hall.bot, &path(&hall, "channels")).await.refuses(404, 10_004);
    assert_eq!(hall.get(&hall.ana, &all).await.body, json!([]));
}

#[tokio::test]
async fn roles_are_counted_by_their_members() {
    let hall = Hall::open().await;
    let role = hall.ask(&hall.ana, "POST", &path(&hall, "roles"), json!({})).await.body;
    let role = role["id"].as_str().unwrap();
    for who in [&hall.ben, &hall.bot] {
        let give = path(&hall, &format!("members/{}/roles/{role}", who.id));
        assert_eq!(hall.ask(&hall.ana, "PUT", &give, Value::Null).await.status, 204);
    }

    let counts = hall.get(&hall.ben, &path(&hall, "roles/member-counts")).await.body;

    assert_eq!(counts, json!({ role: 2 }));
}

#[tokio::test]
async fn many_are_banned_at_once_and_who_cannot_be_is_told() {
    let hall = Hall::open().await;
    let cai = hall.api.register("cai").await;
    let bans = path(&hall, "bulk-ban");
    let body = json!({ "user_ids": [hall.ben.id, cai.id, hall.ana.id, "77"] });
    hall.ask(&hall.ben, "POST", &bans, body.clone()).await.refuses(403, 50_013);

    let done = hall.ask(&hall.ana, "POST", &bans, body).await;

    assert_eq!(done.status, 200, "{done:?}");
    assert_eq!(done.body["banned_users"], json!([hall.ben.id, cai.id]));
    assert_eq!(done.body["failed_users"], json!([hall.ana.id, "77"]));
    hall.get(&hall.ben, &path(&hall, "channels")).await.refuses(404, 10_004);
    let none = json!({ "user_ids": [hall.ana.id] });
    hall.ask(&hall.ana, "POST", &bans, none).await.refuses(400, 500_000);
    let many = json!({ "user_ids": (1..=201).map(|id| id.to_string()).collect::<Vec<_>>() });
    let many = hall.ask(&hall.ana, "POST", &bans, many).await;
    many.refuses_field("user_ids", "BASE_TYPE_MAX_LENGTH");
}

#[tokio::test]
async fn who_was_not_here_for_long_is_pruned() {
    let hall = Hall::open().await;
    let guild = hall.place.guild.parse().unwrap();
    let long_ago = timestamp(now_ms() - 40 * 86_400_000);
    let mut people = Vec::new();
    for name in ["cai", "dee", "eve"] {
        let person = hall.api.register(name).await;
        let user = person.id.parse().unwrap();
        let join = state::GuildCommand::Join { user, now: long_ago, roles: Vec::new() };
        hall.api.parts.store.execute(guild, user, join).await.unwrap();
        people.push(person);
    }
    let seen = people[0].id.parse().unwrap();
    hall.api.parts.accounts.saw(seen, now_ms()).await.unwrap();
    let role = hall.ask(&hall.ana, "POST", &path(&hall, "roles"), json!({})).await.body;
    let role = role["id"].as_str().unwrap();
    let give = path(&hall, &format!("members/{}/roles/{role}", people[1].id));
    hall.ask(&hall.ana, "PUT", &give, Value::Null).await;
    let prune = path(&hall, "prune");
    hall.get(&hall.ben, &prune).await.refuses(403, 50_013);

    let counted = hall.get(&hall.ana, &format!("{prune}?days=30")).await.body;
    assert_eq!(counted, json!({ "pruned": 1 }), "only eve");
    let with = hall.get(&hall.ana, &format!("{prune}?days=30&include_roles={role}")).await.body;
    assert_eq!(with, json!({ "pruned": 2 }), "dee too");
    let bad = hall.get(&hall.ana, &format!("{prune}?days=31")).await;
    bad.refuses_field("days", "NUMBER_TYPE_RANGE");

    let pruned = hall.ask(&hall.ana, "POST", &prune, json!({ "days": 30 })).await;

    assert_eq!(pruned.body, json!({ "pruned": 1 }), "{pruned:?}");
    hall.get(&people[2], &path(&hall, "channels")).await.refuses(404, 10_004);
    assert_eq!(hall.get(&people[0], &path(&hall, "channels")).await.status, 200);
    let log = hall.get(&hall.ana, &path(&hall, "audit-logs?action_type=21")).await.body;
    let options = json!({ "delete_member_days": "30", "members_removed": "1" });
    assert_eq!(log["audit_log_entries"][0]["options"], options);
}

#[tokio::test]
async fn invites_and_direct_messages_are_closed_for_a_while() {
    let hall = Hall::open().await;
    let actions = path(&hall, "incident-actions");
    let invite = format!("/channels/{}/invites", hall.place.text);
    let invite = hall.ask(&hall.ana, "POST", &invite, json!({})).await.body;
    let invite = format!("/invites/{}", invite["code"].as_str().unwrap());
    let until = timestamp(now_ms() + 3_600_000);
    let late = json!({ "invites_disabled_until": timestamp(now_ms() + 2 * 86_400_000) });
    let late = hall.ask(&hall.ana, "PUT", &actions, late).await;
    late.refuses_field("invites_disabled_until", "DATE_TYPE_MAX");
    let body = json!({ "invites_disabled_until": until, "dms_disabled_until": until });
    hall.ask(&hall.ben, "PUT", &actions, body.clone()).await.refuses(403, 50_013);

    let set = hall.ask(&hall.ana, "PUT", &actions, body.clone()).await;

    assert_eq!((set.status.as_u16(), &set.body), (200, &body));
    let guild = hall.get(&hall.ben, &format!("/guilds/{}", hall.place.guild)).await.body;
    assert_eq!(guild["incidents_data"], body);
    let cai = hall.api.register("cai").await;
    hall.ask(&cai, "POST", &invite, json!({})).await.refuses(404, 10_006);
    let write = json!({ "recipient_id": hall.bot.id });
    hall.ask(&hall.ben, "POST", "/users/@me/channels", write.clone()).await.refuses(403, 50_007);

    let open = json!({ "invites_disabled_until": null, "dms_disabled_until": null });
    assert_eq!(hall.ask(&hall.ana, "PUT", &actions, open.clone()).await.body, open);
    assert_eq!(hall.ask(&cai, "POST", &invite, json!({})).await.status, 200);
    assert_eq!(hall.ask(&hall.ben, "POST", "/users/@me/channels", write).await.status, 200);
}
