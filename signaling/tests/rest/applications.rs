//! What applications keep, from outside: emojis, what they say of people; and what is not sold here.

use crate::support::Answer;
use crate::support::Person;
use crate::support::hall::Hall;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use serde_json::json;

/// A GIF of one pixel that stands still.
const GIF: &[u8] = b"GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0;";

fn image() -> String {
    format!("data:image/gif;base64,{}", STANDARD.encode(GIF))
}

async fn make(hall: &Hall, who: &Person, name: &str) -> Answer {
    let path = format!("/applications/{}/emojis", hall.bot.id);
    hall.ask(who, "POST", &path, json!({ "name": name, "image": image() })).await
}

#[tokio::test]
async fn an_applications_emoji_is_its_bots_to_use_everywhere() {
    let hall = Hall::open().await;
    let path = format!("/applications/{}/emojis", hall.bot.id);
    assert_eq!(hall.get(&hall.bot, &path).await.body, json!({ "items": [] }));

    let made = make(&hall, &hall.bot, "ale").await;

    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(
        (&made.body["name"], &made.body["user"]["id"]),
        (&json!("ale"), &json!(hall.bot.id))
    );
    let id = made.body["id"].as_str().unwrap();
    let file = format!("/emojis/{id}.gif");
    let (status, _, bytes) = hall.api.ask_outside("GET", &file).send_for_bytes().await;
    assert_eq!((status.as_u16(), &bytes[..]), (200, GIF));
    make(&hall, &hall.bot, "ale")
        .await
        .refuses_field("name", "APPLICATION_EMOJI_NAME_ALREADY_TAKEN");
    make(&hall, &hall.bot, "a!").await.refuses_field("name", "STRING_TYPE_REGEX");
    make(&hall, &hall.ben, "beer").await.refuses(403, 20_012);

    let messages = format!("/channels/{}/messages", hall.place.text);
    let said = hall.ask(&hall.ana, "POST", &messages, json!({ "content": "hello" })).await;
    let message = said.body["id"].as_str().unwrap();
    let react = format!("{messages}/{message}/reactions/ale:{id}/@me");
    hall.ask(&hall.ben, "PUT", &react, Value::Null).await.refuses(404, 10_014);
    assert_eq!(hall.ask(&hall.bot, "PUT", &react, Value::Null).await.status, 204);

    let one = format!("{path}/{id}");
    let renamed = hall.ask(&hall.bot, "PATCH", &one, json!({ "name": "stout" })).await;
    assert_eq!(renamed.body["name"], "stout", "{renamed:?}");
    assert_eq!(hall.get(&hall.bot, &path).await.body["items"][0], renamed.body);
    hall.ask(&hall.ben, "DELETE", &one, Value::Null).await.refuses(403, 20_012);
    assert_eq!(hall.ask(&hall.bot, "DELETE", &one, Value::Null).await.status, 204);
    hall.get(&hall.bot, &one).await.refuses(404, 10_014);
    assert_eq!(hall.api.ask_outside("GET", &file).send_for_bytes().await.0, 404);
}

/// ben's token for an application of ana's that asks for this.
async fn bearer(hall: &Hall, scope: &str) -> (String, Person) {
    let made = hall.ask(&hall.ana, "POST", "/applications", json!({ "name": "Ledger" })).await;
    let id = made.body["id"].as_str().unwrap().to_owned();
    let path = format!("/applications/{id}");
    let back = "https://app.example/back";
    hall.ask(&hall.ana, "PATCH", &path, json!({ "redirect_uris": [back] })).await;
    let secret = hall.ask(&hall.ana, "POST", &format!("{path}/reset"), json!({})).await;
    let secret = secret.body["secret"].as_str().unwrap().to_owned();
    let asks = format!("/oauth2/authorize?client_id={id}&response_type=code&scope={scope}");
    let answer = hall.ask(&hall.ben, "POST", &asks, json!({ "authorize": true })).await;
    let location = answer.body["location"].as_str().unwrap().to_owned();
    let code = location.split_once("code=").unwrap().1;
    let form =
        format!("grant_type=authorization_code&client_id={id}&client_secret={secret}&code={code}");
    let ask = hall.api.ask("POST", "/oauth2/token");
    let tokens = ask.body("application/x-www-form-urlencoded", form).send().await;
    let token = format!("Bearer {}", tokens.body["access_token"].as_str().unwrap());
    (id, Person { id: hall.ben.id.clone(), token })
}

#[tokio::test]
async fn an_application_says_what_it_knows_of_a_person_who_allowed_it() {
    let hall = Hall::open().await;
    let (id, ben) = bearer(&hall, "role_connections.write").await;
    let fields = format!("/applications/{id}/role-connections/metadata");
    let field =
        json!({ "type": 2, "key": "debts", "name": "Debts", "description": "What is owed" });

    hall.ask(&hall.ben, "PUT", &fields, json!([field])).await.refuses(403, 20_012);
    let odd = json!([{ "type": 9, "key": "De bts", "name": "", "description": "x" }]);
    hall.ask(&hall.ana, "PUT", &fields, odd).await.refuses_field("0.type", "BASE_TYPE_CHOICES");
    let many: Vec<_> = (0..6)
        .map(|n| json!({ "type": 1, "key": format!("k{n}"), "name": "n", "description": "d" }))
        .collect();
    hall.ask(&hall.ana, "PUT", &fields, json!(many)).await.refuses(400, 50_035);
    let put = hall.ask(&hall.ana, "PUT", &fields, json!([field])).await;
    assert_eq!((put.status.as_u16(), &put.body), (200, &json!([field])));
    assert_eq!(hall.get(&hall.ana, &fields).await.body, json!([field]));

    let path = format!("/users/@me/applications/{id}/role-connection");
    let none = json!({ "platform_name": null, "platform_username": null, "metadata": {} });
    assert_eq!(hall.get(&ben, &path).await.body, none);
    let said = json!({ "platform_name": "Ledger", "platform_username": "ben", "metadata": { "debts": 3 } });
    let kept = hall.ask(&ben, "PUT", &path, said).await;
    assert_eq!(kept.body["metadata"], json!({ "debts": "3" }), "{kept:?}");
    assert_eq!(hall.get(&ben, &path).await.body, kept.body);
    let unknown = json!({ "metadata": { "wealth": "1" } });
    hall.ask(&ben, "PUT", &path, unknown)
        .await
        .refuses_field("metadata.wealth", "BASE_TYPE_CHOICES");
    let odd = json!({ "metadata": { "debts": "many" } });
    hall.ask(&ben, "PUT", &path, odd).await.refuses_field("metadata.debts", "BASE_TYPE_BAD_VALUE");
    // Nobody says it of themselves, and no application of another's.
    hall.get(&hall.ben, &path).await.refuses(401, 0);
    let other = format!("/users/@me/applications/{}/role-connection", hall.bot.id);
    hall.get(&ben, &other).await.refuses(403, 20_012);
    assert_eq!(hall.ask(&ben, "DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(hall.get(&ben, &path).await.body, none);
}

#[tokio::test]
async fn an_application_tells_of_itself_and_has_its_bots_face() {
    let hall = Hall::open().await;
    let patch = json!({
        "description": { "default": "Rolls dice" },
        "icon": image(),
        "tags": ["games"],
        "terms_of_service_url": "https://dice.example/terms",
        "install_params": { "scopes": ["bot"], "permissions": "8" },
    });

    let patched = hall.ask(&hall.bot, "PATCH", "/applications/@me", patch).await;

    assert_eq!(patched.status, 200, "{patched:?}");
    assert_eq!(patched.body["description"], "Rolls dice");
    assert_eq!(patched.body["terms_of_service_url"], "https://dice.example/terms");
    let icon = patched.body["icon"].as_str().unwrap();
    assert_eq!(patched.body["bot"]["avatar"], icon);
    let file = format!("/app-icons/{}/{icon}.gif", hall.bot.id);
    let (status, _, bytes) = hall.api.ask_outside("GET", &file).send_for_bytes().await;
    assert_eq!((status.as_u16(), &bytes[..]), (200, GIF));
    let odd = json!({ "custom_install_url": "javascript:alert(1)" });
    hall.ask(&hall.bot, "PATCH", "/applications/@me", odd)
        .await
        .refuses_field("custom_install_url", "URL_TYPE_INVALID_URL");
}

#[tokio::test]
async fn what_is_not_sold_here_says_so() {
    let hall = Hall::open().await;
    let own = format!("/applications/{}", hall.bot.id);
    assert_eq!(hall.get(&hall.bot, &format!("{own}/skus")).await.body, json!([]));
    assert_eq!(hall.get(&hall.bot, &format!("{own}/entitlements")).await.body, json!([]));
    let bought = format!("/users/@me{own}/entitlements");
    assert_eq!(hall.get(&hall.ben, &bought).await.body, json!([]));
    assert_eq!(hall.api.ask("GET", "/oauth2/keys").send().await.body, json!({ "keys": [] }));
    for (method, path, status, code) in [
        ("POST", format!("{own}/entitlements"), 404, 10_027),
        ("GET", format!("{own}/entitlements/5"), 404, 10_029),
        ("DELETE", format!("{own}/entitlements/5"), 404, 10_029),
        ("POST", format!("{own}/entitlements/5/consume"), 404, 10_029),
        ("GET", "/skus/5/subscriptions".to_owned(), 404, 10_027),
        ("GET", "/skus/5/subscriptions/6".to_owned(), 404, 10_027),
        ("POST", "/lobbies".to_owned(), 403, 20_012),
        ("GET", "/lobbies/5".to_owned(), 404, 10_031),
        ("POST", "/lobbies/5/members/bulk".to_owned(), 404, 10_031),
        ("PATCH", "/lobbies/5/channel-linking".to_owned(), 404, 10_031),
        ("POST", "/partner-sdk/token".to_owned(), 403, 20_012),
        ("POST", format!("{own}/attachment"), 403, 20_012),
        ("GET", format!("{own}/activity-instances/x"), 404, 0),
    ] {
        hall.ask(&hall.bot, method, &path, json!({})).await.refuses(status, code);
    }
    hall.api.ask("GET", "/skus/5/subscriptions").send().await.refuses(401, 0);
}
