//! Invites that name people, and invites that give roles.

use crate::support::Answer;
use crate::support::Person;
use crate::support::hall::Hall;
use serde_json::Value;
use serde_json::json;

fn form(parts: &[(&str, &str)]) -> String {
    let mut body = String::new();
    for (name, text) in parts {
        let file = if *name == "target_users_file" { "; filename=\"people.csv\"" } else { "" };
        body += &format!(
            "--b\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n{text}\r\n"
        );
    }
    body + "--b--\r\n"
}

async fn send(
    hall: &Hall,
    who: &Person,
    method: &str,
    path: &str,
    parts: &[(&str, &str)],
) -> Answer {
    let ask = who.ask(&hall.api, method, path);
    ask.body("multipart/form-data; boundary=b", form(parts)).send().await
}

async fn invite(hall: &Hall, who: &Person, parts: &[(&str, &str)]) -> Answer {
    send(hall, who, "POST", &format!("/channels/{}/invites", hall.place.text), parts).await
}

async fn accept(hall: &Hall, who: &Person, invite: &Answer) -> Answer {
    hall.ask(who, "POST", &path(invite), Value::Null).await
}

fn path(invite: &Answer) -> String {
    format!("/invites/{}", invite.body["code"].as_str().expect("a code"))
}

async fn role(hall: &Hall, name: &str) -> String {
    let roles = format!("/guilds/{}/roles", hall.place.guild);
    let made = hall.ask(&hall.ana, "POST", &roles, json!({ "name": name })).await;
    made.body["id"].as_str().expect("a role").to_owned()
}

#[tokio::test]
async fn an_invite_is_for_those_whom_it_names_and_nobody_else_knows_of_it() {
    let hall = Hall::open().await;
    let (cai, dan) = (hall.api.register("cai").await, hall.api.register("dan").await);
    let csv = format!("user_id\n{}\n", cai.id);

    let made = invite(&hall, &hall.ana, &[("target_users_file", &csv), ("max_age", "60")]).await;

    assert_eq!((made.status.as_u16(), &made.body["max_age"]), (200, &json!(60)), "{made:?}");
    let path = path(&made);
    hall.nobody("GET", &path, Value::Null).await.refuses(404, 10_006);
    hall.get(&dan, &path).await.refuses(404, 10_006);
    accept(&hall, &dan, &made).await.refuses(404, 10_006);
    assert_eq!(hall.get(&hall.ana, &path).await.status, 200);
    assert_eq!(hall.get(&cai, &path).await.body["code"], made.body["code"]);
    assert_eq!(accept(&hall, &cai, &made).await.body["new_member"], true);
    // Nobody registers with it either.
    let body = json!({ "username": "eve", "password": "correct horse battery",
                       "invite": made.body["code"] });
    hall.nobody("POST", "/auth/register", body).await.refuses(400, 50_035);
}

#[tokio::test]
async fn whom_an_invite_names_is_seen_and_replaced_by_its_maker_and_managers() {
    let hall = Hall::open().await;
    let dan = hall.api.register("dan").await;
    let plain = hall
        .ask(&hall.ben, "POST", &format!("/channels/{}/invites", hall.place.text), json!({}))
        .await;
    let path = path(&plain);
    let (targets, job) =
        (format!("{path}/target-users"), format!("{path}/target-users/job-status"));
    hall.get(&hall.ben, &targets).await.refuses(404, 10_129);
    hall.get(&hall.ben, &job).await.refuses(404, 10_124);
    hall.get(&hall.bot, &targets).await.refuses(403, 50_013);

    let bad = [("target_users_file", "7\nx\n")];
    let refused = send(&hall, &hall.ben, "PUT", &targets, &bad).await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.body["target_users_file"], json!(["Line 2: invalid user ID format"]));
    send(&hall, &hall.ben, "PUT", &targets, &[])
        .await
        .refuses_field("target_users_file", "BASE_TYPE_REQUIRED");
    let csv = format!("{}\n{}\n", dan.id, dan.id);
    let file = [("target_users_file", &csv[..])];
    send(&hall, &hall.bot, "PUT", &targets, &file).await.refuses(403, 50_013);
    let done = hall.ben.ask(&hall.api, "PUT", &targets);
    let done = done.body("multipart/form-data; boundary=b", form(&file)).send_for_bytes().await;
    assert_eq!(done.0, 204);

    let (status, headers, bytes) = hall.ana.ask(&hall.api, "GET", &targets).send_for_bytes().await;
    assert_eq!((status.as_u16(), &bytes[..]), (200, format!("user_id\n{}\n", dan.id).as_bytes()));
    assert!(headers["content-type"].to_str().unwrap().starts_with("text/csv"));
    let status = hall.get(&hall.ben, &job).await.body;
    assert_eq!((&status["status"], &status["total_users"]), (&json!(2), &json!(1)), "{status}");
    assert!(status["completed_at"].is_string() && status["error_message"].is_null());
    assert_eq!(accept(&hall, &dan, &plain).await.body["new_member"], true);
}

#[tokio::test]
async fn an_invite_gives_roles_that_its_maker_may_give() {
    let hall = Hall::open().await;
    let cai = hall.api.register("cai").await;
    let (low, gone) = (role(&hall, "low").await, role(&hall, "gone").await);
    let invites = format!("/channels/{}/invites", hall.place.text);
    let body = json!({ "role_ids": [low, gone] });
    hall.ask(&hall.ben, "POST", &invites, body.clone()).await.refuses(403, 50_013);
    let unknown = json!({ "role_ids": ["7"] });
    hall.ask(&hall.ana, "POST", &invites, unknown).await.refuses(404, 10_011);
    let everyone = json!({ "role_ids": [hall.place.guild] });
    hall.ask(&hall.ana, "POST", &invites, everyone).await.refuses(403, 50_013);

    let made = hall.ask(&hall.ana, "POST", &invites, body).await;

    assert_eq!(made.status, 200, "{made:?}");
    assert_eq!(made.body["roles"][0]["name"], "low");
    assert!(made.body["roles"][0].get("permissions").is_none());
    let other = hall.ask(&hall.ana, "POST", &invites, json!({})).await;
    assert_ne!(other.body["code"], made.body["code"], "another one, without roles");
    // What is there no more cannot be given.
    let one = format!("/guilds/{}/roles/{gone}", hall.place.guild);
    assert_eq!(hall.ask(&hall.ana, "DELETE", &one, Value::Null).await.status, 204);
    assert_eq!(accept(&hall, &cai, &made).await.status, 200);
    let member = format!("/guilds/{}/members/{}", hall.place.guild, cai.id);
    assert_eq!(hall.get(&hall.ana, &member).await.body["roles"], json!([low]));
    // In a form, too.
    let made = invite(&hall, &hall.ana, &[("role_ids", &low), ("unique", "true")]).await;
    assert_eq!(made.body["roles"][0]["id"], json!(low), "{made:?}");
}
