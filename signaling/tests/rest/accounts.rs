//! Registering, logging in, tokens and their end, through the router.

use crate::support::Api;
use crate::support::PASSWORD;
use serde_json::json;
use signaling::SignalingConfig;
use signaling::auth::Accounts;
use signaling::auth::PrivilegedIntents;
use signaling::auth::accounts::InstanceInvite;
use tokio::task::JoinSet;

const OWNER: InstanceInvite =
    InstanceInvite { max_uses: 1, max_age: 0, owner: true, inviter: None };
const GUEST: InstanceInvite = InstanceInvite { owner: false, ..OWNER };

async fn invite(api: &Api, wanted: InstanceInvite) -> String {
    Accounts::from(&api.parts).invite_to_instance(wanted).await.unwrap().code
}

#[tokio::test]
async fn the_owners_invite_makes_an_owner_with_a_guild_named_as_the_instance() {
    let config = SignalingConfig { name: "The Hall".to_owned(), ..SignalingConfig::default() };
    let api = Api::with(config).await;
    let code = invite(&api, OWNER).await;

    let shown = api.ask("GET", &format!("/invites/{code}")).send().await;
    let body = json!({ "username": "Ana", "password": PASSWORD, "invite": code });
    let made = api.ask("POST", "/auth/register").json(&body).send().await;

    assert_eq!(shown.body["owner"], true, "{shown:?}");
    assert_eq!(made.status, 201, "{made:?}");
    let token = made.body["token"].as_str().unwrap();
    let me = api.ask("GET", "/users/@me").token(token).send().await;
    assert_eq!((&me.body["username"], &me.body["id"]), (&json!("ana"), &made.body["user_id"]));
    let guilds = api.ask("GET", "/users/@me/guilds").token(token).send().await;
    assert_eq!(guilds.body[0]["name"], "The Hall");
    assert_eq!(guilds.body[0]["owner"], true);
    let invites = api.ask("GET", "/instance/invites").token(token).send().await;
    assert_eq!(invites.status, 200, "{invites:?}");
}

#[tokio::test]
async fn nobody_registers_without_an_invite_where_registration_is_closed() {
    let api = Api::with(SignalingConfig::default()).await;
    let body = json!({ "username": "ana", "password": PASSWORD });

    let without = api.ask("POST", "/auth/register").json(&body).send().await;
    let mut body = body;
    body["invite"] = json!("nonsense");
    let unknown = api.ask("POST", "/auth/register").json(&body).send().await;

    without.refuses_field("invite", "BASE_TYPE_REQUIRED");
    unknown.refuses_field("invite", "INVITE_INVALID");
}

#[tokio::test]
async fn of_many_at_the_last_use_of_an_invite_one_gets_in() {
    let api = Api::with(SignalingConfig::default()).await;
    let code = invite(&api, GUEST).await;

    let mut asking = JoinSet::new();
    for n in 0..8 {
        let body = json!({ "username": format!("ana{n}"), "password": PASSWORD, "invite": code });
        let ask = api.ask("POST", "/auth/register").json(&body);
        asking.spawn(ask.send());
    }
    let answers = asking.join_all().await;

    let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|a| a.status == 201);
    assert_eq!(made.len(), 1);
    for answer in refused {
        answer.refuses_field("invite", "INVITE_INVALID");
    }
    assert_eq!(api.parts.accounts.list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn of_many_who_want_a_name_one_gets_it_and_the_others_keep_their_invite() {
    let api = Api::with(SignalingConfig::default()).await;
    let code = invite(&api, InstanceInvite { max_uses: 8, ..GUEST }).await;

    let mut asking = JoinSet::new();
    for _ in 0..8 {
        let body = json!({ "username": "ana", "password": PASSWORD, "invite": code });
        asking.spawn(api.ask("POST", "/auth/register").json(&body).send());
    }
    let answers = asking.join_all().await;

    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.refuses_field("username", "USERNAME_ALREADY_TAKEN");
    }
    assert_eq!(api.parts.invites.invite(&code).await.unwrap().unwrap().uses, 1);
}

#[tokio::test]
async fn fields_that_cannot_be_are_told_each_by_its_name() {
    let api = Api::new().await;
    let ask = |body| api.ask("POST", "/auth/register").json(&body).send();

    let bad = ask(json!({ "username": "a b", "password": "short", "global_name": "x".repeat(33) }));
    let bad = bad.await;
    let missing = ask(json!({ "password": PASSWORD })).await;
    let long = ask(json!({ "username": "a".repeat(33), "password": "x".repeat(257) })).await;

    bad.refuses_field("username", "USERNAME_INVALID_CHARACTERS");
    bad.refuses_field("password", "BASE_TYPE_BAD_LENGTH");
    bad.refuses_field("global_name", "BASE_TYPE_BAD_LENGTH");
    missing.refuses_field("username", "BASE_TYPE_REQUIRED");
    long.refuses_field("username", "BASE_TYPE_BAD_LENGTH");
    long.refuses_field("password", "BASE_TYPE_BAD_LENGTH");
}

#[tokio::test]
async fn a_guilds_invite_registers_and_joins() {
    let api = Api::new().await;
    let ana = api.register("ana").await;
    let place = api.guild(&ana, "Hall").await;
    let path = format!("/channels/{}/invites", place.text);
    let invite = ana.ask(&api, "POST", &path).json(&json!({ "max_uses": 1 })).send().await;
    let code = &invite.body["code"];

    let body = json!({ "username": "ben", "password": PASSWORD, "invite": code });
    let made = api.ask("POST", "/auth/register").json(&body).send().await;

    let token = made.body["token"].as_str().unwrap();
    let path = format!("/guilds/{}/members/@me", place.guild);
    assert_eq!(api.ask("GET", &path).token(token).send().await.status, 200);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_are_answered_alike() {
    let api = Api::new().await;
    api.register("ana").await;
    let ask = |login: &str, password: &str| {
        let body = json!({ "login": login, "password": password });
        api.ask("POST", "/auth/login").json(&body).send()
    };

    let right = ask("ANA", PASSWORD).await;
    let wrong = ask("ana", "something else").await;
    let unknown = ask("nobody", PASSWORD).await;

    assert_eq!(right.status, 200, "{right:?}");
    wrong.refuses_field("login", "INVALID_LOGIN");
    assert_eq!(wrong.body, unknown.body);
    assert_eq!(wrong.status, unknown.status);
}

#[tokio::test]
async fn guessing_a_password_is_cut_off_with_all_that_libraries_wait_by() {
    let api = Api::new().await;
    let ask = || {
        let body = json!({ "login": "ana", "password": "guess" });
        api.ask("POST", "/auth/login").json(&body).send()
    };
    for _ in 0..10 {
        assert_eq!(ask().await.status, 400);
    }

    let cut = ask().await;

    assert_eq!(cut.status, 429);
    assert_eq!(cut.headers["via"], "1.1 guildhall");
    assert!(cut.headers["retry-after"].to_str().unwrap().parse::<f64>().unwrap() > 0.0);
    assert!(cut.body["retry_after"].as_f64().unwrap() > 0.0);
    assert_eq!(cut.body["global"], false);
}

#[tokio::test]
async fn tokens_have_the_shape_that_libraries_take_apart() {
    use base64::Engine as _;
    let api = Api::new().await;
    let ana = api.register("ana").await;

    let parts: Vec<_> = ana.token.split('.').collect();
    let id = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(parts[0]).unwrap();

    assert_eq!(String::from_utf8(id).unwrap(), ana.id);
    assert_eq!(parts.len(), 3);
    assert!(parts[1].len() >= 6 && parts[2].len() >= 38);
    for scheme in ["", "Bot ", "Bearer "] {
        let token = format!("{scheme}{}", ana.token);
        assert_eq!(api.ask("GET", "/users/@me").token(&token).send().await.status, 200);
    }
}

#[tokio::test]
async fn a_token_that_is_none_of_ours_is_401() {
    let api = Api::new().await;
    let ana = api.register("ana").await;
    let mut forged = ana.token.clone();
    forged.replace_range(forged.len() - 2.., "xx");

    for token in ["", "Bot ", "nonsense", "a.b.c", &forged, "Basic YTpi"] {
        let answer = api.ask("GET", "/users/@me").token(token).send().await;
        assert_eq!(answer.status, 401, "{token}");
        assert_eq!(answer.body, json!({ "message": "401: Unauthorized", "code": 0 }));
    }
}

#[tokio::test]
async fn logging_out_ends_that_token_and_no_other() {
    let api = Api::new().await;
    let ana = api.register("ana").await;
    let body = json!({ "login": "ana", "password": PASSWORD });
    let second = api.ask("POST", "/auth/login").json(&body).send().await;
    let second = second.body["token"].as_str().unwrap();

    assert_eq!(ana.ask(&api, "POST", "/auth/logout").send().await.status, 204);

    ana.ask(&api, "GET", "/users/@me").send().await.refuses(401, 0);
    assert_eq!(api.ask("GET", "/users/@me").token(second).send().await.status, 200);
}

#[tokio::test]
async fn a_new_password_needs_the_old_one_and_ends_all_tokens() {
    let api = Api::new().await;
    let ana = api.register("ana").await;
    let ask = |body| ana.ask(&api, "PATCH", "/users/@me").json(&body).send();

    let wrong = ask(json!({ "password": "not it at all", "new_password": "a new password" })).await;
    let right = ask(json!({ "password": PASSWORD, "new_password": "a new password" })).await;

    wrong.refuses_field("password", "PASSWORD_DOES_NOT_MATCH");
    assert_eq!(right.status, 200, "{right:?}");
    ana.ask(&api, "GET", "/users/@me").send().await.refuses(401, 0);
    let fresh = right.body["token"].as_str().unwrap();
    assert_eq!(api.ask("GET", "/users/@me").token(fresh).send().await.status, 200);
    let body = json!({ "login": "ana", "password": "a new password" });
    assert_eq!(api.ask("POST", "/auth/login").json(&body).send().await.status, 200);
}

#[tokio::test]
async fn a_disabled_account_has_no_tokens_and_cannot_log_in() {
    let api = Api::new().await;
    let ana = api.register("ana").await;
    assert_eq!(ana.ask(&api, "GET", "/users/@me").send().await.status, 200);

    let id = ana.id.parse().unwrap();
    Accounts::from(&api.parts).set_disabled(id, true).await.unwrap();

    ana.ask(&api, "GET", "/users/@me").send().await.refuses(401, 0);
    let body = json!({ "login": "ana", "password": PASSWORD });
    api.ask("POST", "/auth/login").json(&body).send().await.refuses(403, 40_002);
}

#[tokio::test]
async fn a_bots_new_token_replaces_the_old_one() {
    let api = Api::new().await;
    let bot = api.bot("Melody", PrivilegedIntents::ALL).await;
    let shown = bot.ask(&api, "GET", "/oauth2/applications/@me").send().await;
    assert_eq!(shown.body["id"], json!(bot.id), "{shown:?}");

    let accounts = Accounts::from(&api.parts);
    let fresh = accounts.reset_bot_token(bot.id.parse().unwrap()).await.unwrap();

    bot.ask(&api, "GET", "/users/@me").send().await.refuses(401, 0);
    let me = api.ask("GET", "/users/@me").token(&format!("Bot {fresh}")).send().await;
    assert_eq!((&me.body["bot"], &me.body["username"]), (&json!(true), &json!("Melody")));
}

#[tokio::test]
async fn names_are_changed_unless_someone_has_them() {
    let api = Api::new().await;
    let ana = api.register("ana").await;
    api.register("ben").await;
    let ask = |body| ana.ask(&api, "PATCH", "/users/@me").json(&body).send();

    ask(json!({ "username": "BEN" })).await.refuses_field("username", "USERNAME_ALREADY_TAKEN");
    let changed = ask(json!({ "username": "anna", "global_name": " Anna " })).await;

    assert_eq!(changed.body["username"], "anna");
    let me = ana.ask(&api, "GET", "/users/@me").send().await;
    assert_eq!(me.body["global_name"], "Anna");
    let seen = ana.ask(&api, "GET", &format!("/users/{}", ana.id)).send().await;
    assert_eq!(seen.body["username"], "anna");
}
