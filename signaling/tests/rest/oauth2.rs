//! OAuth2 from outside: consent, codes, tokens, what they open, and bots that are invited.

use crate::support::Answer;
use crate::support::Person;
use crate::support::hall::Hall;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use serde_json::json;
use state::GuildEvent;

const BACK: &str = "https://app.example/back";
/// Of RFC 7636, Appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// An application of ana's that may send people to [`BACK`].
struct App {
    id: String,
    secret: String,
}

impl App {
    async fn make(hall: &Hall, name: &str) -> Self {
        let made = hall.ask(&hall.ana, "POST", "/applications", json!({ "name": name })).await;
        assert_eq!(made.status, 201, "{made:?}");
        let id = made.body["id"].as_str().unwrap().to_owned();
        let path = format!("/applications/{id}");
        let patch = json!({ "redirect_uris": [BACK] });
        let patched = hall.ask(&hall.ana, "PATCH", &path, patch).await;
        assert_eq!(patched.body["redirect_uris"], json!([BACK]), "{patched:?}");
        let reset = hall.ask(&hall.ana, "POST", &format!("{path}/reset"), json!({})).await;
        let secret = reset.body["secret"].as_str().unwrap().to_owned();
        Self { id, secret }
    }

    /// The path by which a person's client asks what is asked.
    fn asks(&self, scope: &str, more: &str) -> String {
        let scope = scope.replace(' ', "%20");
        format!("/oauth2/authorize?client_id={}&scope={scope}{more}", self.id)
    }

    /// The same with a code as the answer.
    fn code(&self, scope: &str, more: &str) -> String {
        let back = "&redirect_uri=https%3A%2F%2Fapp.example%2Fback";
        self.asks(scope, &format!("&response_type=code{back}&state=s%26t{more}"))
    }

    /// `who` allows it; the code.
    async fn allowed(&self, hall: &Hall, who: &Person, scope: &str, more: &str) -> String {
        let yes = json!({ "authorize": true });
        let answer = hall.ask(who, "POST", &self.code(scope, more), yes).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let location = answer.body["location"].as_str().unwrap();
        assert!(location.ends_with("&state=s%26t"), "{location}");
        let code = location.strip_prefix("https://app.example/back?code=").expect("a code");
        code.split('&').next().unwrap().to_owned()
    }

    /// Asks the token endpoint, by HTTP Basic.
    async fn token(&self, hall: &Hall, form: &str) -> Answer {
        // As in a form (RFC 6749 §2.3.1): strict clients write even what need not be escaped so.
        let secret = self.secret.replace('-', "%2D").replace('_', "%5F");
        let basic = STANDARD.encode(format!("{}:{secret}", self.id));
        let ask = hall.api.ask("POST", "/api/oauth2/token");
        let ask = ask.header("authorization", &format!("Basic {basic}"));
        ask.body("application/x-www-form-urlencoded", form.to_owned()).send().await
    }

    async fn exchange(&self, hall: &Hall, code: &str, more: &str) -> Answer {
        let form = format!(
            "grant_type=authorization_code&code={code}&redirect_uri=https%3A%2F%2Fapp.example%2Fback{more}"
        );
        self.token(hall, &form).await
    }

    /// `who` allows it and it has its tokens: by which it is asked in their name.
    async fn person(&self, hall: &Hall, who: &Person, scope: &str) -> Person {
        let code = self.allowed(hall, who, scope, "").await;
        let tokens = self.exchange(hall, &code, "").await;
        assert_eq!(tokens.status, 200, "{tokens:?}");
        let token = tokens.body["access_token"].as_str().unwrap();
        Person { id: who.id.clone(), token: format!("Bearer {token}") }
    }
}

fn text<'a>(answer: &'a Answer, field: &str) -> &'a str {
    answer.body[field].as_str().unwrap_or_else(|| panic!("no {field}: {answer:?}"))
}

/// Demands an error of the RFC's.
#[track_caller]
fn refused(answer: &Answer, status: u16, error: &str) {
    let found = (answer.status.as_u16(), &answer.body["error"]);
    assert_eq!(found, (status, &json!(error)), "{answer:?}");
    assert!(answer.body["error_description"].is_string());
}

#[tokio::test]
async fn a_person_allows_an_application_what_it_then_may_and_no_more() {
    let hall = Hall::open().await;
    let app = App::make(&hall, "Reader").await;
    let more = format!("&code_challenge={CHALLENGE}&code_challenge_method=S256");

    let shown = hall.get(&hall.ben, &app.code("identify", &more)).await;
    assert_eq!(shown.body["application"]["name"], "Reader", "{shown:?}");
    assert_eq!(shown.body["user"]["username"], "ben");
    assert_eq!(
        (&shown.body["authorized"], &shown.body["redirect_uri"]),
        (&json!(false), &json!(BACK))
    );
    assert!(shown.body["application"].get("redirect_uris").is_none());
    assert_eq!(shown.headers["x-frame-options"], "DENY");
    assert_eq!(shown.headers["cache-control"], "no-store");

    let code = app.allowed(&hall, &hall.ben, "identify", &more).await;
    refused(&app.exchange(&hall, &code, "").await, 400, "invalid_grant");
    let wrong = format!("&code_verifier={CHALLENGE}");
    refused(&app.exchange(&hall, &code, &wrong).await, 400, "invalid_grant");
    let tokens = app.exchange(&hall, &code, &format!("&code_verifier={VERIFIER}")).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    assert_eq!((text(&tokens, "token_type"), text(&tokens, "scope")), ("Bearer", "identify"));
    assert_eq!(tokens.body["expires_in"], 604_800);
    assert_eq!(tokens.headers["cache-control"], "no-store");

    let bearer = format!("Bearer {}", text(&tokens, "access_token"));
    let ben = Person { id: hall.ben.id.clone(), token: bearer };
    let me = hall.get(&ben, "/users/@me").await;
    assert_eq!((text(&me, "username"), me.body.get("email")), ("ben", None));
    let about = hall.get(&ben, "/oauth2/@me").await;
    assert_eq!(
        (&about.body["scopes"], &about.body["user"]["id"]),
        (&json!(["identify"]), &json!(ben.id))
    );
    assert_eq!(about.body["application"]["id"], app.id.as_str());
    hall.get(&ben, "/users/@me/guilds").await.refuses(403, 50_026);
    hall.get(&ben, "/users/@me/connections").await.refuses(403, 50_026);
    hall.get(&ben, "/oauth2/userinfo").await.refuses(403, 50_026);
    // Whatever says nothing of applications is closed to them.
    for (method, path) in [
        ("GET", "/users/@me/channels".to_owned()),
        ("PATCH", "/users/@me".to_owned()),
        ("GET", format!("/guilds/{}", hall.place.guild)),
        ("GET", format!("/channels/{}/messages", hall.place.text)),
        ("POST", format!("/channels/{}/messages", hall.place.text)),
        ("GET", "/oauth2/tokens".to_owned()),
        ("POST", app.code("identify", "")),
        ("POST", "/applications".to_owned()),
        ("POST", "/auth/logout".to_owned()),
    ] {
        let answer = hall.ask(&ben, method, &path, json!({ "authorize": true })).await;
        assert_eq!(answer.status, 401, "{method} {path}: {answer:?}");
    }
    hall.get(&hall.ben, "/oauth2/@me").await.refuses(401, 0);
}

#[tokio::test]
async fn each_scope_opens_its_routes() {
    let hall = Hall::open().await;
    let app = App::make(&hall, "Reader").await;
    let scope = "identify email guilds guilds.members.read connections openid";
    let ben = app.person(&hall, &hall.ben, scope).await;

    let me = hall.get(&ben, "/users/@me").await;
    assert_eq!(me.body.get("email"), Some(&Value::Null), "{me:?}");
    let guilds = hall.get(&ben, "/users/@me/guilds").await;
    assert_eq!(guilds.body[0]["id"], hall.place.guild.as_str());
    let member = format!("/users/@me/guilds/{}/member", hall.place.guild);
    assert_eq!(hall.get(&ben, &member).await.body["user"]["id"], ben.id.as_str());
    assert_eq!(hall.get(&ben, "/users/@me/connections").await.body, json!([]));
    let info = hall.get(&ben, "/oauth2/userinfo").await;
    assert_eq!((text(&info, "sub"), text(&info, "preferred_username")), (ben.id.as_str(), "ben"));
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_a_stolen_one_ends_all() {
    let hall = Hall::open().await;
    let app = App::make(&hall, "Reader").await;
    let code = app.allowed(&hall, &hall.ben, "identify", "").await;
    let first = app.exchange(&hall, &code, "").await;
    let refresh = |answer: &Answer| {
        format!("grant_type=refresh_token&refresh_token={}", text(answer, "refresh_token"))
    };

    let other = App::make(&hall, "Thief").await;
    refused(&other.token(&hall, &refresh(&first)).await, 400, "invalid_grant");
    let second = app.token(&hall, &refresh(&first)).await;
    assert_eq!(second.status, 200, "{second:?}");
    assert_ne!(text(&first, "access_token"), text(&second, "access_token"));
    let bearer = |answer: &Answer| Person {
        id: hall.ben.id.clone(),
        token: format!("Bearer {}", text(answer, "access_token")),
    };
    assert_eq!(hall.get(&bearer(&second), "/users/@me").await.status, 200);

    refused(&app.token(&hall, &refresh(&first)).await, 400, "invalid_grant");
    hall.get(&bearer(&second), "/users/@me").await.refuses(401, 0);
    hall.get(&bearer(&first), "/users/@me").await.refuses(401, 0);
    refused(&app.token(&hall, &refresh(&second)).await, 400, "invalid_grant");
    assert_eq!(hall.get(&hall.ben, "/oauth2/tokens").await.body, json!([]));
}

#[tokio::test]
async fn a_code_is_good_once_and_shown_again_ends_what_came_of_it() {
    let hall = Hall::open().await;
    let app = App::make(&hall, "Reader").await;
    let other = App::make(&hall, "Thief").await;
    let code = app.allowed(&hall, &hall.ben, "identify", "").await;

    refused(&other.exchange(&hall, &code, "").await, 400, "invalid_grant");
    let form = format!("grant_type=authorization_code&code={code}");
    refused(&app.token(&hall, &form).await, 400, "invalid_grant");
    let tokens = app.exchange(&hall, &code, "").await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    refused(&app.exchange(&hall, &code, "").await, 400, "invalid_grant");

    let token = format!("Bearer {}", text(&tokens, "access_token"));
    let ben = Person { id: hall.ben.id.clone(), token };
    hall.get(&ben, "/users/@me").await.refuses(401, 0);
}

#[tokio::test]
async fn the_token_endpoint_knows_its_clients() {
    let hall = Hall::open().await;
    let app = App::make(&hall, "Reader").await;
    let code = app.allowed(&hall, &hall.ben, "identify", "").await;
    let liar = App { id: app.id.clone(), secret: "not it".to_owned() };

    let wrong = liar.exchange(&hall, &code, "").await;
    refused(&wrong, 401, "invalid_client");
    assert!(wrong.headers["www-authenticate"].to_str().unwrap().starts_with("Basic"));
    let ask = async |kind: &str, form: String| {
        hall.api.ask("POST", "/oauth2/token").body(kind, form).send().await
    };
    let form = "application/x-www-form-urlencoded";
    let nameless = ask(form, "grant_type=refresh_token&refresh_token=x".to_owned()).await;
    refused(&nameless, 401, "invalid_client");
    let (id, secret) = (&app.id, &app.secret);
    let own = format!("client_id={id}&client_secret={secret}");
    let json = json!({ "client_id": id, "client_secret": secret, "grant_type": "refresh_token" });
    refused(&ask("application/json", json.to_string()).await, 400, "invalid_request");
    refused(&ask(form, format!("{own}&client_id={id}")).await, 400, "invalid_request");
    refused(&ask(form, own.clone()).await, 400, "invalid_request");
    let password = format!("{own}&grant_type=password&username=ben&password=x");
    refused(&ask(form, password).await, 400, "unsupported_grant_type");
    let both = app.token(&hall, &format!("client_secret={secret}&grant_type=refresh_token")).await;
    refused(&both, 400, "invalid_request");

    let back = "redirect_uri=https%3A%2F%2Fapp.example%2Fback";
    let good = format!("{own}&grant_type=authorization_code&code={code}&{back}");
    assert_eq!(ask(form, good).await.status, 200);
}

#[tokio::test]
async fn nobody_is_sent_where_the_application_did_not_say() {
    let hall = Hall::open().await;
    let app = App::make(&hall, "Reader").await;
    let yes = json!({ "authorize": true });

    let elsewhere =
        app.asks("identify", "&response_type=code&redirect_uri=https%3A%2F%2Fevil.example");
    let answer = hall.ask(&hall.ben, "POST", &elsewhere, yes.clone()).await;
    answer.refuses_field("redirect_uri", "OAUTH2_INVALID_PARAMETER");
    assert!(answer.body.get("location").is_none());
    let unknown = "/oauth2/authorize?client_id=5&scope=identify&response_type=code";
    hall.get(&hall.ben, unknown).await.refuses(404, 10_002);

    let odd = hall.get(&hall.ben, &app.code("identify rpc", "")).await;
    odd.refuses_field("scope", "OAUTH2_INVALID_PARAMETER");
    let location = text(&odd, "location");
    assert!(location.starts_with("https://app.example/back?error=invalid_scope&"), "{location}");
    assert!(location.ends_with("&state=s%26t"), "{location}");

    let no =
        hall.ask(&hall.ben, "POST", &app.code("identify", ""), json!({ "authorize": false })).await;
    let location = text(&no, "location");
    assert!(location.starts_with("https://app.example/back?error=access_denied&"), "{location}");

    hall.ask(&hall.bot, "POST", &app.code("identify", ""), yes).await.refuses(403, 20_001);
    for uri in ["javascript:alert(1)", "https://a.example/#x"] {
        let path = format!("/applications/{}", app.id);
        let patch = json!({ "redirect_uris": [uri] });
        let answer = hall.ask(&hall.ana, "PATCH", &path, patch).await;
        answer.refuses_field("redirect_uris.0", "URL_TYPE_INVALID_URL");
    }
}

#[tokio::test]
async fn a_browser_without_a_token_is_led_to_the_page_that_asks() {
    let hall = Hall::open().await;
    let app = App::make(&hall, "Reader").await;
    let path = app.code("identify", "");

    let led = hall.api.ask("GET", &path).send().await;

    let query = path.split_once('?').unwrap().1;
    assert_eq!(led.status, 302);
    assert_eq!(led.headers["location"], format!("/oauth2/authorize?{query}").as_str());
    assert_eq!(led.headers["x-frame-options"], "DENY");
    hall.api.ask("POST", &path).json(&json!({ "authorize": true })).send().await.refuses(401, 0);
    hall.api.ask("GET", &path).token("Bearer nonsense").send().await.refuses(401, 0);
}

#[tokio::test]
async fn what_was_allowed_is_listed_skipped_and_taken_back() {
    let hall = Hall::open().await;
    let app = App::make(&hall, "Reader").await;
    let ben = app.person(&hall, &hall.ben, "identify guilds").await;

    let again = hall.get(&hall.ben, &app.code("identify", "&prompt=none")).await;
    assert_eq!((&again.body["authorized"], &again.body["prompts"]), (&json!(true), &json!(false)));
    let more = hall.get(&hall.ben, &app.code("identify connections", "&prompt=none")).await;
    assert_eq!((&more.body["authorized"], &more.body["prompts"]), (&json!(false), &json!(true)));

    let list = hall.get(&hall.ben, "/oauth2/tokens").await;
    assert_eq!(list.body[0]["application"]["id"], app.id.as_str(), "{list:?}");
    assert_eq!(list.body[0]["scopes"], json!(["identify", "guilds"]));
    let own = hall.get(&hall.ana, &format!("/applications/{}", app.id)).await;
    assert_eq!(own.body["approximate_user_authorization_count"], 1);
    let one = format!("/oauth2/tokens/{}", list.body[0]["id"].as_str().unwrap());
    hall.ask(&hall.ana, "DELETE", &one, Value::Null).await.refuses(404, 10_012);
    assert_eq!(hall.ask(&hall.ben, "DELETE", &one, Value::Null).await.status, 204);
    hall.get(&ben, "/users/@me").await.refuses(401, 0);
    assert_eq!(hall.get(&hall.ben, "/oauth2/tokens").await.body, json!([]));
}

#[tokio::test]
async fn a_client_revokes_its_own_tokens_alone() {
    let hall = Hall::open().await;
    let app = App::make(&hall, "Reader").await;
    let other = App::make(&hall, "Other").await;
    let ben = app.person(&hall, &hall.ben, "identify").await;
    let token = ben.token.strip_prefix("Bearer ").unwrap();
    let revoke = async |app: &App, secret: &str| {
        let form = format!("client_id={}&client_secret={secret}&token={token}", app.id);
        let ask = hall.api.ask("POST", "/oauth2/token/revoke");
        ask.body("application/x-www-form-urlencoded", form).send().await
    };

    assert_eq!(revoke(&other, &other.secret).await.status, 200);
    refused(&revoke(&app, "wrong").await, 401, "invalid_client");
    assert_eq!(hall.get(&ben, "/users/@me").await.status, 200);
    assert_eq!(revoke(&app, &app.secret).await.status, 200);
    hall.get(&ben, "/users/@me").await.refuses(401, 0);
    assert_eq!(revoke(&app, &app.secret).await.status, 200);
}

#[tokio::test]
async fn a_disabled_account_takes_its_applications_along() {
    let hall = Hall::open().await;
    let app = App::make(&hall, "Reader").await;
    let ben = app.person(&hall, &hall.ben, "identify").await;
    assert_eq!(hall.get(&ben, "/users/@me").await.status, 200);

    let accounts = signaling::auth::Accounts::from(&hall.api.parts);
    accounts.set_disabled(ben.id.parse().unwrap(), true).await.unwrap();

    hall.get(&ben, "/users/@me").await.refuses(401, 0);
}

#[tokio::test]
async fn an_invited_bot_comes_with_a_role_of_its_own_and_leaves_with_it() {
    let hall = Hall::open().await;
    let app = App::make(&hall, "Dealer").await;
    let mut ears = hall.ears(&hall.ben).await;
    let guild = format!("/guilds/{}", hall.place.guild);
    // View channels, send messages, and one that its bringer will take away: manage the guild.
    let invite = app.asks("bot applications.commands", "&permissions=3104");
    let shown = hall.get(&hall.ana, &invite).await;
    assert_eq!((text(&shown, "permissions"), &shown.body["redirect_uri"]), ("3104", &Value::Null));
    assert_eq!(shown.body["guilds"][0]["id"], hall.place.guild.as_str());
    assert_eq!(hall.get(&hall.ben, &invite).await.body["guilds"], json!([]));

    let body = json!({ "authorize": true, "guild_id": hall.place.guild, "permissions": "3072" });
    hall.ask(&hall.ben, "POST", &invite, body.clone()).await.refuses(403, 50_013);
    hall.ask(&hall.ana, "POST", &invite, json!({ "authorize": true }))
        .await
        .refuses_field("guild_id", "BASE_TYPE_REQUIRED");
    let done = hall.ask(&hall.ana, "POST", &invite, body.clone()).await;
    assert!(text(&done, "location").ends_with("/oauth2/authorized"), "{done:?}");

    let bot = format!("{guild}/members/{}", app.id);
    let roles = hall.get(&hall.ana, &bot).await.body["roles"].clone();
    let all = hall.get(&hall.ana, &guild).await.body["roles"].clone();
    let own = all.as_array().unwrap().iter().find(|role| role["id"] == roles[0]).unwrap();
    assert_eq!((&own["name"], &own["permissions"]), (&json!("Dealer"), &json!("3072")));
    assert_eq!((&own["managed"], &own["tags"]["bot_id"]), (&json!(true), &json!(app.id)));
    let came = ears.guild(|event| match event {
        GuildEvent::IntegrationCreated(member) => Some(member.user.to_string()),
        _ => None,
    });
    assert_eq!(came.await, app.id);
    let list = hall.get(&hall.ana, &format!("{guild}/integrations")).await;
    assert_eq!(list.body[0]["application"]["bot"]["id"], app.id.as_str(), "{list:?}");
    assert_eq!(list.body[0]["scopes"], json!(["bot", "applications.commands"]));
    assert_eq!(list.body[0]["user"]["username"], "ana");
    hall.get(&hall.ben, &format!("{guild}/integrations")).await.refuses(403, 50_013);

    // Invited again with more, it gets more.
    let more = json!({ "authorize": true, "guild_id": hall.place.guild });
    assert_eq!(hall.ask(&hall.ana, "POST", &invite, more).await.status, 200);
    let all = hall.get(&hall.ana, &guild).await.body["roles"].clone();
    let own = all.as_array().unwrap().iter().find(|role| role["id"] == roles[0]).unwrap();
    assert_eq!(own["permissions"], "3104");

    let one = format!("{guild}/integrations/{}", app.id);
    hall.ask(&hall.ben, "DELETE", &one, Value::Null).await.refuses(403, 50_013);
    assert_eq!(hall.ask(&hall.ana, "DELETE", &one, Value::Null).await.status, 204);
    hall.ask(&hall.ana, "DELETE", &one, Value::Null).await.refuses(404, 10_005);
    hall.get(&hall.ana, &bot).await.refuses(404, 10_007);
    let all = hall.get(&hall.ana, &guild).await.body["roles"].clone();
    assert!(!all.as_array().unwrap().iter().any(|role| role["id"] == roles[0]));
    let log = hall.get(&hall.ana, &format!("{guild}/audit-logs")).await;
    let entries = log.body["audit_log_entries"].as_array().unwrap();
    let numbers: Vec<_> = entries.iter().map(|entry| entry["action_type"].clone()).collect();
    assert_eq!(numbers, [82, 80, 28], "{log:?}");
}

#[tokio::test]
async fn nobody_grants_a_bot_what_they_lack() {
    let hall = Hall::open().await;
    let app = App::make(&hall, "Dealer").await;
    let guild = format!("/guilds/{}", hall.place.guild);
    let role = json!({ "name": "stewards", "permissions": "32" });
    let role = hall.ask(&hall.ana, "POST", &format!("{guild}/roles"), role).await;
    let give = format!("{guild}/members/{}/roles/{}", hall.ben.id, text(&role, "id"));
    assert_eq!(hall.ask(&hall.ana, "PUT", &give, Value::Null).await.status, 204);

    // Administrator, and view channels.
    let invite = app.asks("bot", "&permissions=1032");
    let body = json!({ "authorize": true, "guild_id": hall.place.guild });
    assert_eq!(hall.ask(&hall.ben, "POST", &invite, body.clone()).await.status, 200);

    let all = hall.get(&hall.ana, &guild).await.body["roles"].clone();
    let own = all.as_array().unwrap().iter().find(|role| role["managed"] == true).unwrap();
    assert_eq!(own["permissions"], "1024");

    let private = App::make(&hall, "Private").await;
    let path = format!("/applications/{}", private.id);
    hall.ask(&hall.ana, "PATCH", &path, json!({ "bot_public": false })).await;
    let invite = private.asks("bot", "");
    hall.ask(&hall.ben, "POST", &invite, body.clone()).await.refuses(403, 20_012);
    assert_eq!(hall.ask(&hall.ana, "POST", &invite, body).await.status, 200);
}

#[tokio::test]
async fn a_bot_that_comes_with_a_code_tells_its_guild() {
    let hall = Hall::open().await;
    let app = App::make(&hall, "Dealer").await;
    let path = app.code("bot identify", "&permissions=1024");
    let body = json!({ "authorize": true, "guild_id": hall.place.guild });

    let answer = hall.ask(&hall.ana, "POST", &path, body).await;

    let location = text(&answer, "location");
    let expected = format!("&guild_id={}&permissions=1024&state=s%26t", hall.place.guild);
    assert!(location.ends_with(&expected), "{location}");
    let code = location.split_once("code=").unwrap().1.split('&').next().unwrap();
    let tokens = app.exchange(&hall, code, "").await;
    assert_eq!(tokens.body["guild"]["id"], hall.place.guild.as_str(), "{tokens:?}");
}

#[tokio::test]
async fn a_bot_brings_in_whoever_allowed_it() {
    let hall = Hall::open().await;
    let app = App::make(&hall, "Greeter").await;
    let cai = hall.api.register("cai").await;
    let body = json!({ "authorize": true, "guild_id": hall.place.guild });
    let invite = app.asks("bot", "&permissions=268435457");
    assert_eq!(hall.ask(&hall.ana, "POST", &invite, body).await.status, 200);
    let token = hall
        .ask(&hall.ana, "POST", &format!("/applications/{}/bot/reset", app.id), json!({}))
        .await;
    let bot = Person { id: app.id.clone(), token: format!("Bot {}", text(&token, "token")) };
    let path = format!("/guilds/{}/members/{}", hall.place.guild, cai.id);
    let with = |person: &Person, more: Value| {
        let mut body = json!({ "access_token": person.token.strip_prefix("Bearer ").unwrap() });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };

    let identify = app.person(&hall, &cai, "identify").await;
    hall.ask(&bot, "PUT", &path, with(&identify, json!({}))).await.refuses(403, 50_026);
    let join = app.person(&hall, &cai, "guilds.join").await;
    let of_ben = app.person(&hall, &hall.ben, "guilds.join").await;
    hall.ask(&bot, "PUT", &path, with(&of_ben, json!({}))).await.refuses(400, 50_025);
    hall.ask(&hall.bot, "PUT", &path, with(&join, json!({}))).await.refuses(400, 50_025);
    hall.ask(&hall.ana, "PUT", &path, with(&join, json!({}))).await.refuses(403, 20_002);
    let named = with(&join, json!({ "nick": "Captain" }));
    hall.ask(&bot, "PUT", &path, named).await.refuses(403, 50_013);

    let came = hall.ask(&bot, "PUT", &path, with(&join, json!({}))).await;
    assert_eq!(
        (came.status.as_u16(), &came.body["user"]["username"]),
        (201, &json!("cai")),
        "{came:?}"
    );
    assert_eq!(hall.ask(&bot, "PUT", &path, with(&join, json!({}))).await.status, 204);
    assert_eq!(hall.get(&cai, &format!("/guilds/{}", hall.place.guild)).await.status, 200);
}

#[tokio::test]
async fn a_client_by_itself_changes_its_commands() {
    let hall = Hall::open().await;
    let app = App::make(&hall, "Dealer").await;
    let form = |scope: &str| format!("grant_type=client_credentials&scope={scope}");

    let tokens = app.token(&hall, &form("applications.commands.update%20identify")).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    assert!(tokens.body.get("refresh_token").is_none());
    let token = format!("Bearer {}", text(&tokens, "access_token"));
    let client = Person { id: hall.ana.id.clone(), token };
    let path = format!("/applications/{}/commands", app.id);
    let commands = json!([{ "name": "deal", "description": "Deals cards" }]);
    let put = hall.ask(&client, "PUT", &path, commands).await;
    assert_eq!(put.body[0]["name"], "deal", "{put:?}");
    let other = format!("/applications/{}/commands", hall.bot.id);
    hall.get(&client, &other).await.refuses(403, 20_012);
    assert_eq!(text(&hall.get(&client, "/users/@me").await, "username"), "ana");

    refused(&app.token(&hall, &form("bot")).await, 400, "invalid_scope");
    refused(&app.token(&hall, &form("")).await, 400, "invalid_scope");
    let identify = app.token(&hall, &form("identify")).await;
    let token = format!("Bearer {}", text(&identify, "access_token"));
    let client = Person { id: hall.ana.id.clone(), token };
    hall.get(&client, &path).await.refuses(403, 50_026);
}

#[tokio::test]
async fn a_public_client_has_a_verifier_instead_of_a_secret() {
    let hall = Hall::open().await;
    let app = App::make(&hall, "Phone").await;
    let path = format!("/applications/{}", app.id);
    hall.ask(&hall.ana, "PATCH", &path, json!({ "flags": 1 << 16 })).await;
    let bare = async |form: String| {
        let form = format!("client_id={}&{form}", app.id);
        let ask = hall.api.ask("POST", "/oauth2/token");
        ask.body("application/x-www-form-urlencoded", form).send().await
    };

    let without = hall.get(&hall.ben, &app.code("identify", "")).await;
    without.refuses_field("code_challenge", "OAUTH2_INVALID_PARAMETER");
    let more = format!("&code_challenge={CHALLENGE}&code_challenge_method=S256");
    let code = app.allowed(&hall, &hall.ben, "identify", &more).await;
    let form = format!(
        "grant_type=authorization_code&code={code}&redirect_uri=https%3A%2F%2Fapp.example%2Fback&code_verifier={VERIFIER}"
    );
    let tokens = bare(form).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    let refresh =
        format!("grant_type=refresh_token&refresh_token={}", text(&tokens, "refresh_token"));
    assert_eq!(bare(refresh).await.status, 200);
    let alone = bare("grant_type=client_credentials&scope=identify".to_owned()).await;
    refused(&alone, 400, "unauthorized_client");
}

#[tokio::test]
async fn a_person_makes_lists_and_deletes_applications() {
    let hall = Hall::open().await;
    let app = App::make(&hall, "Dealer").await;
    let path = format!("/applications/{}", app.id);

    let list = hall.get(&hall.ana, "/applications").await;
    assert_eq!(list.body[0]["id"], app.id.as_str(), "{list:?}");
    assert!(!list.body.to_string().contains("secret"), "{list:?}");
    assert_eq!(hall.get(&hall.ben, "/applications").await.body, json!([]));
    hall.get(&hall.ben, &path).await.refuses(403, 20_012);
    hall.ask(&hall.ben, "POST", &format!("{path}/reset"), json!({})).await.refuses(403, 20_012);
    hall.ask(&hall.ben, "POST", &format!("{path}/bot/reset"), json!({})).await.refuses(403, 20_012);
    let taken = hall.ask(&hall.ben, "POST", "/applications", json!({ "name": "dealer" })).await;
    taken.refuses(400, 50_035);

    let token = hall.ask(&hall.ana, "POST", &format!("{path}/bot/reset"), json!({})).await;
    let bot = Person { id: app.id.clone(), token: format!("Bot {}", text(&token, "token")) };
    assert_eq!(text(&hall.get(&bot, "/users/@me").await, "username"), "Dealer");
    // A bot's token is in more hands than its owner's.
    let patch = json!({ "redirect_uris": ["https://evil.example/"], "description": "Deals" });
    let patched = hall.ask(&bot, "PATCH", "/applications/@me", patch).await;
    assert_eq!(
        (&patched.body["description"], &patched.body["redirect_uris"]),
        (&json!("Deals"), &json!([BACK]))
    );
    hall.ask(&bot, "POST", &format!("{path}/reset"), json!({})).await.refuses(403, 20_001);

    let body = json!({ "authorize": true, "guild_id": hall.place.guild });
    assert_eq!(hall.ask(&hall.ana, "POST", &app.asks("bot", ""), body).await.status, 200);
    let ben = app.person(&hall, &hall.ben, "identify").await;
    assert_eq!(hall.ask(&hall.ana, "POST", &format!("{path}/delete"), json!({})).await.status, 204);
    hall.get(&ben, "/users/@me").await.refuses(401, 0);
    hall.get(&bot, "/users/@me").await.refuses(401, 0);
    hall.get(&hall.ana, &path).await.refuses(404, 10_002);
    let member = format!("/guilds/{}/members/{}", hall.place.guild, app.id);
    hall.get(&hall.ana, &member).await.refuses(404, 10_007);
}
