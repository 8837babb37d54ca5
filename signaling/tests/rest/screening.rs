//! Membership screening from outside: the form, what a newcomer may do before it is passed, and requests.

use crate::support::Answer;
use crate::support::Person;
use crate::support::hall::Hall;
use serde_json::Value;
use serde_json::json;

fn path(hall: &Hall, of: &str) -> String {
    format!("/guilds/{}/{of}", hall.place.guild)
}

fn rules() -> Value {
    json!({ "field_type": "TERMS", "label": "Rules", "required": true, "values": ["No shouting."] })
}

fn question() -> Value {
    json!({ "field_type": "PARAGRAPH", "label": "Why here?", "required": true,
            "placeholder": "I sail." })
}

fn with(mut field: Value, response: Value) -> Value {
    field["response"] = response;
    field
}

/// Has newcomers fill in a form of those fields.
async fn screen(hall: &Hall, fields: Value) -> Value {
    let form = path(hall, "member-verification");
    let body = json!({ "enabled": true, "form_fields": fields, "description": "A hall." });
    let set = hall.ask(&hall.ana, "PATCH", &form, body).await;
    assert_eq!(set.status, 200, "{set:?}");
    set.body
}

/// Someone who came by an invite just now; and what they were answered.
async fn newcomer(hall: &Hall, name: &str) -> (Person, Answer) {
    let person = hall.api.register(name).await;
    let invites = format!("/channels/{}/invites", hall.place.text);
    let invite = hall.ask(&hall.ana, "POST", &invites, json!({})).await.body;
    let invite = format!("/invites/{}", invite["code"].as_str().unwrap());
    let joined = hall.ask(&person, "POST", &invite, json!({})).await;
    assert_eq!(joined.status, 200, "{joined:?}");
    (person, joined)
}

async fn pending(hall: &Hall, person: &Person) -> Value {
    let member = path(hall, &format!("members/{}", person.id));
    hall.get(&hall.ana, &member).await.body["pending"].clone()
}

async fn send(hall: &Hall, who: &Person) -> Answer {
    let messages = format!("/channels/{}/messages", hall.place.text);
    hall.ask(who, "POST", &messages, json!({ "content": "hail" })).await
}

#[tokio::test]
async fn a_form_is_set_and_shown_with_the_features_that_it_makes() {
    let hall = Hall::open().await;
    let form = path(&hall, "member-verification");
    hall.get(&hall.ben, &form).await.refuses(404, 10_068);
    let body = json!({ "form_fields": [rules(), question()], "description": "A hall." });
    hall.ask(&hall.ben, "PATCH", &form, body.clone()).await.refuses(403, 50_013);

    let set = hall.ask(&hall.ana, "PATCH", &form, body).await;

    assert_eq!(set.status, 200, "{set:?}");
    assert_eq!(set.body["description"], "A hall.");
    let expected = json!([
        { "field_type": "TERMS", "label": "Rules", "description": null, "required": true,
          "automations": null, "values": ["No shouting."] },
        { "field_type": "PARAGRAPH", "label": "Why here?", "description": null, "required": true,
          "automations": null, "placeholder": "I sail." },
    ]);
    assert_eq!(set.body["form_fields"], expected);
    assert!(set.body["version"].is_string());
    assert_eq!(hall.get(&hall.ben, &form).await.body, set.body);
    let features = |guild: Value| guild["features"].as_array().unwrap().clone();
    let guild = path(&hall, "");
    let guild = guild.trim_end_matches('/');
    assert!(features(hall.get(&hall.ben, guild).await.body).is_empty());
    let on = hall.ask(&hall.ana, "PUT", &form, json!({ "enabled": true })).await;
    assert_eq!(on.body, set.body, "what is absent stays");
    let wanted = [
        "MEMBER_VERIFICATION_GATE_ENABLED",
        "MEMBER_VERIFICATION_MANUAL_APPROVAL",
        "PREVIEW_ENABLED",
    ];
    assert_eq!(features(hall.get(&hall.ben, guild).await.body), wanted);
    let log = hall.get(&hall.ana, &path(&hall, "audit-logs?action_type=210")).await.body;
    let entries = log["audit_log_entries"].as_array().unwrap();
    assert_eq!(entries.len(), 2, "{log}");
    let keys: Vec<_> =
        entries[0]["changes"].as_array().unwrap().iter().map(|c| &c["key"]).collect();
    assert_eq!(keys, ["manual_approval_enabled", "verification_enabled"]);
}

#[tokio::test]
async fn bad_forms_are_refused_by_their_field() {
    let hall = Hall::open().await;
    let form = path(&hall, "member-verification");
    for (body, field, code) in [
        (json!({ "enabled": true }), "form_fields", "BASE_TYPE_REQUIRED"),
        (
            json!({ "form_fields": [{ "label": "x" }] }),
            "form_fields.0.field_type",
            "BASE_TYPE_REQUIRED",
        ),
        (
            json!({ "form_fields": [{ "field_type": "VERIFICATION", "label": "x" }] }),
            "form_fields.0.field_type",
            "BASE_TYPE_BAD_VALUE",
        ),
        (
            json!({ "form_fields": [{ "field_type": "TERMS", "label": "x" }] }),
            "form_fields.0.values",
            "BASE_TYPE_BAD_LENGTH",
        ),
        (json!({ "description": "x".repeat(301) }), "description", "BASE_TYPE_MAX_LENGTH"),
        (json!({ "bulk_action": "STARTED" }), "bulk_action", "BASE_TYPE_BAD_VALUE"),
    ] {
        hall.ask(&hall.ana, "PATCH", &form, body).await.refuses_field(field, code);
    }
}

#[tokio::test]
async fn who_is_pending_reads_and_does_nothing_else_until_they_agree() {
    let mut hall = Hall::open().await;
    let said = send(&hall, &hall.ana).await.body;
    let message = said["id"].as_str().unwrap().to_owned();
    let reaction =
        format!("/channels/{}/messages/{message}/reactions/%F0%9F%8D%BA/@me", hall.place.text);
    hall.ask(&hall.ana, "PUT", &reaction, Value::Null).await;
    let form = screen(&hall, json!([rules()])).await;
    hall.api.forget_limits();

    let (dan, joined) = newcomer(&hall, "dan").await;

    assert_eq!(joined.body["show_verification_form"], true, "{joined:?}");
    assert_eq!(pending(&hall, &dan).await, true);
    assert_eq!(pending(&hall, &hall.ben).await, false, "who was here stays as they are");
    let history = format!("/channels/{}/messages", hall.place.text);
    assert_eq!(hall.get(&dan, &history).await.body[0]["content"], "hail");
    send(&hall, &dan).await.refuses(403, 50_013);
    hall.ask(&dan, "PUT", &reaction, Value::Null).await.refuses(403, 50_013);
    let nick = path(&hall, "members/@me");
    hall.ask(&dan, "PATCH", &nick, json!({ "nick": "Danny" })).await.refuses(403, 50_013);
    let write = json!({ "recipient_id": hall.ben.id });
    hall.ask(&dan, "POST", "/users/@me/channels", write.clone()).await.refuses(403, 50_007);
    let press = hall.call(3, json!({ "custom_id": "x", "component_type": 2 }));
    hall.ask(&dan, "POST", "/interactions", press).await.refuses(403, 50_013);
    let own = path(&hall, "requests/@me");
    let begun = hall.get(&dan, &own).await.body;
    assert_eq!(
        (&begun["application_status"], &begun["user_id"]),
        (&json!("STARTED"), &json!(dan.id))
    );
    hall.get(&hall.ben, &own).await.refuses(404, 10_068);

    let shown = &form["form_fields"][0];
    let fill = |response: Value| json!({ "version": form["version"], "form_fields": [with(shown.clone(), response)] });
    let no = hall.ask(&dan, "PUT", &own, fill(json!(false))).await;
    no.refuses_field("form_fields.0.response", "BASE_TYPE_REQUIRED");
    let odd = hall.ask(&dan, "PUT", &own, fill(json!({ "yes": 1 }))).await;
    odd.refuses_field("form_fields.0.response", "BASE_TYPE_BAD_VALUE");
    let agreed = hall.ask(&dan, "PUT", &own, fill(json!(true))).await;

    assert_eq!(agreed.status, 200, "{agreed:?}");
    assert_eq!(agreed.body["application_status"], "APPROVED");
    assert_eq!(agreed.body["id"], begun["id"]);
    assert_eq!(pending(&hall, &dan).await, false);
    assert_eq!(send(&hall, &dan).await.status, 200);
    assert_eq!(hall.ask(&dan, "POST", "/users/@me/channels", write).await.status, 200);
    let again = hall.ask(&dan, "PUT", &own, fill(json!(true))).await;
    assert_eq!(again.body, agreed.body, "a retry is answered alike");
}

#[tokio::test]
async fn a_form_that_has_changed_is_read_anew() {
    let hall = Hall::open().await;
    let old = screen(&hall, json!([rules()])).await;
    let (dan, _) = newcomer(&hall, "dan").await;
    // Versions are as of the millisecond.
    let mut new = old.clone();
    while new["version"] == old["version"] {
        let values = json!(["No shouting.", format!("{}", hall.api.parts.now_ms())]);
        let mut rules = rules();
        rules["values"] = values;
        new = screen(&hall, json!([rules])).await;
    }

    let stale = json!({ "version": old["version"], "form_fields": [with(rules(), json!(true))] });
    let stale = hall.ask(&dan, "PUT", &path(&hall, "requests/@me"), stale).await;

    stale.refuses_field("version", "BASE_TYPE_BAD_VALUE");
    let fresh = json!({ "version": new["version"], "form_fields": [with(rules(), json!(true))] });
    let fresh = hall.ask(&dan, "PUT", &path(&hall, "requests/@me"), fresh).await;
    assert_eq!(fresh.body["application_status"], "APPROVED", "{fresh:?}");
}

#[tokio::test]
async fn moderators_see_what_was_answered_and_decide() {
    let mut hall = Hall::open().await;
    screen(&hall, json!([rules(), question()])).await;
    let requests = path(&hall, "requests");
    let mut people = Vec::new();
    for name in ["dan", "eva", "fay"] {
        hall.api.forget_limits();
        let (person, _) = newcomer(&hall, name).await;
        let filled =
            json!({ "form_fields": [with(rules(), json!(true)), with(question(), json!(name))] });
        let asked = hall.ask(&person, "PUT", &path(&hall, "requests/@me"), filled).await;
        assert_eq!(asked.body["application_status"], "SUBMITTED", "{asked:?}");
        assert!(asked.body.get("form_responses").is_none());
        people.push((person, asked.body["id"].as_str().unwrap().to_owned()));
    }
    let (started, _) = newcomer(&hall, "gus").await;
    hall.get(&hall.ben, &requests).await.refuses(403, 50_013);

    let all = hall.get(&hall.ana, &requests).await.body;

    assert_eq!(all["total"], 3, "who has only begun is not told: {all}");
    let newest = &all["guild_join_requests"][0];
    assert_eq!((&newest["id"], &newest["user"]["username"]), (&json!(people[2].1), &json!("fay")));
    assert_eq!(newest["form_responses"][1]["response"], "fay");
    let page = format!("{requests}?limit=1&before={}&status=SUBMITTED", people[2].1);
    let page = hall.get(&hall.ana, &page).await.body;
    assert_eq!(page["guild_join_requests"][0]["id"], json!(people[1].1));
    hall.get(&hall.ana, &format!("{requests}?limit=101"))
        .await
        .refuses_field("limit", "NUMBER_TYPE_RANGE");
    let begun = hall.get(&hall.ana, &format!("{requests}?status=STARTED")).await;
    begun.refuses_field("status", "BASE_TYPE_CHOICES");

    let decide = |nth: usize| path(&hall, &format!("requests/{}", people[nth].1));
    hall.ask(&hall.ben, "PATCH", &decide(0), json!({ "action": "APPROVED" }))
        .await
        .refuses(403, 50_013);
    let odd = hall.ask(&hall.ana, "PATCH", &decide(0), json!({ "action": "SUBMITTED" })).await;
    odd.refuses_field("action", "BASE_TYPE_BAD_VALUE");
    let unknown = hall
        .ask(&hall.ana, "PATCH", &path(&hall, "requests/77"), json!({ "action": "APPROVED" }))
        .await;
    assert_eq!(unknown.status, 404);
    let approved = hall.ask(&hall.ana, "PATCH", &decide(0), json!({ "action": "APPROVED" })).await;
    assert_eq!(approved.status, 200, "{approved:?}");
    assert_eq!(approved.body["application_status"], "APPROVED");
    assert_eq!(approved.body["actioned_by_user"]["id"], json!(hall.ana.id));
    assert!(approved.body["reviewed_at"].is_string());
    assert_eq!(pending(&hall, &people[0].0).await, false);
    let twice = hall.ask(&hall.ana, "PATCH", &decide(0), json!({ "action": "REJECTED" })).await;
    assert_eq!(twice.status, 404, "{twice:?}");

    let why = json!({ "action": "REJECTED", "rejection_reason": "Nobody knows you." });
    let rejected = hall.ask(&hall.ana, "PATCH", &decide(1), why).await;
    assert_eq!(rejected.body["rejection_reason"], "Nobody knows you.", "{rejected:?}");
    let member = path(&hall, &format!("members/{}", people[1].0.id));
    hall.get(&hall.ana, &member).await.refuses(404, 10_007);
    let log = hall.get(&hall.ana, &path(&hall, "audit-logs?action_type=20")).await.body;
    assert_eq!(log["audit_log_entries"][0]["reason"], "Nobody knows you.");
    hall.api.forget_limits();
    hall.ask(&hall.ben, "PATCH", &requests, json!({ "action": "APPROVED" }))
        .await
        .refuses(403, 50_013);
    let rest = hall.ask(&hall.ana, "PATCH", &requests, json!({ "action": "APPROVED" })).await;
    assert_eq!(rest.status, 204, "{rest:?}");
    assert_eq!(pending(&hall, &people[2].0).await, false);
    assert_eq!(pending(&hall, &started).await, true, "who has filled nothing in waits for nobody");
    let counted = hall.get(&hall.ana, &format!("{requests}?status=APPROVED")).await.body;
    assert_eq!(counted["total"], 2, "{counted}");
}

#[tokio::test]
async fn what_was_filled_in_is_taken_back() {
    let hall = Hall::open().await;
    screen(&hall, json!([question()])).await;
    let (dan, _) = newcomer(&hall, "dan").await;
    let own = path(&hall, "requests/@me");
    let filled = json!({ "form_fields": [with(question(), json!("I sail."))] });
    let first = hall.ask(&dan, "PUT", &own, filled.clone()).await.body;

    let reset = hall.ask(&dan, "DELETE", &own, Value::Null).await;

    assert_eq!(reset.body["application_status"], "STARTED", "{reset:?}");
    assert_ne!(reset.body["id"], first["id"]);
    let listed = hall.get(&hall.ana, &path(&hall, "requests")).await.body;
    assert_eq!(listed["total"], 0);
    let second = hall.ask(&dan, "PUT", &own, filled).await.body;
    assert_eq!(
        (&second["application_status"], &second["id"]),
        (&json!("SUBMITTED"), &reset.body["id"])
    );
    hall.ask(&hall.ben, "POST", &own, Value::Null).await.refuses(404, 10_068);
}

#[tokio::test]
async fn roles_and_the_flag_let_someone_pass_and_bots_are_never_screened() {
    let hall = Hall::open().await;
    screen(&hall, json!([rules()])).await;
    let role = json!({ "name": "sailors", "permissions": "0" });
    let role = hall.ask(&hall.ana, "POST", &path(&hall, "roles"), role).await.body;
    let (dan, _) = newcomer(&hall, "dan").await;
    let (eva, _) = newcomer(&hall, "eva").await;

    let given = format!("members/{}/roles/{}", dan.id, role["id"].as_str().unwrap());
    hall.ask(&hall.ana, "PUT", &path(&hall, &given), Value::Null).await;
    let member = path(&hall, &format!("members/{}", eva.id));
    hall.ask(&hall.ben, "PATCH", &member, json!({ "flags": 4 })).await.refuses(403, 50_013);
    let flagged = hall.ask(&hall.ana, "PATCH", &member, json!({ "flags": 4 })).await;

    assert_eq!(pending(&hall, &dan).await, false);
    assert_eq!((&flagged.body["pending"], &flagged.body["flags"]), (&json!(false), &json!(4)));
    let log = hall.get(&hall.ana, &path(&hall, "audit-logs?action_type=24")).await.body;
    let changes = &log["audit_log_entries"][0]["changes"];
    assert_eq!(changes, &json!([{ "key": "bypasses_verification", "new_value": true }]));
    let bot = hall.api.bot("Second", signaling::auth::PrivilegedIntents::ALL).await;
    let (guild, user) = (hall.place.guild.parse().unwrap(), bot.id.parse().unwrap());
    signaling::auth::Accounts::from(&hall.api.parts).join(guild, user).await.unwrap();
    assert_eq!(pending(&hall, &bot).await, false);
}

#[tokio::test]
async fn turning_the_screening_off_lets_everyone_pass_or_rejects_who_waits() {
    for (action, there) in [(Value::Null, true), (json!("REJECTED"), false)] {
        let hall = Hall::open().await;
        screen(&hall, json!([question()])).await;
        let (dan, _) = newcomer(&hall, "dan").await;
        let filled = json!({ "form_fields": [with(question(), json!("I sail."))] });
        hall.ask(&dan, "PUT", &path(&hall, "requests/@me"), filled).await;

        let off = json!({ "enabled": false, "bulk_action": action });
        let off = hall.ask(&hall.ana, "PATCH", &path(&hall, "member-verification"), off).await;

        assert_eq!(off.status, 200, "{off:?}");
        let member = hall.get(&hall.ana, &path(&hall, &format!("members/{}", dan.id))).await;
        assert_eq!(member.status == 200, there);
        if there {
            assert_eq!(member.body["pending"], false);
        }
    }
}
