//! What the API's description says of itself: whole, without loose ends, and true in its bounds.
//!
//! That answers are what it says is held by every test that asks anything (`support/schema.rs`).

use std::collections::BTreeSet;

use crate::support::Api;
use crate::support::hall::Hall;
use axum::http::StatusCode;
use axum::http::header;
use serde_json::Value;
use serde_json::json;

/// Operations that answer with something of which the description does not say what it is. None may
/// join them.
const UNTOLD: [&str; 0] = [];

async fn document(api: &Api) -> Value {
    api.ask("GET", "/api/openapi.json").send().await.body
}

/// Each operation with its name.
fn operations(document: &Value) -> impl Iterator<Item = (String, &Value)> {
    let paths = document["paths"].as_object().expect("paths").iter();
    paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().expect("methods").iter();
        methods.map(move |(method, told)| (format!("{} {path}", method.to_uppercase()), told))
    })
}

#[tokio::test]
async fn every_answer_has_a_schema() {
    let document = document(&Api::new().await).await;
    let (mut told, mut untold) = (0, Vec::new());
    for (name, operation) in operations(&document) {
        let answers = operation["responses"].as_object().expect("responses").iter();
        let schemas = answers
            .filter(|(status, _)| status.starts_with('2'))
            .filter_map(|(_, answer)| answer["content"]["application/json"].get("schema"));
        let says_nothing = |schema: &Value| schema.as_object().is_none_or(|it| it.is_empty());
        if schemas.into_iter().any(says_nothing) {
            untold.push(name);
        } else {
            told += 1;
        }
    }
    let schemas = document["components"]["schemas"].as_object().expect("schemas").len();
    println!(
        "{told} of {} operations say what they answer, by {schemas} schemas",
        told + untold.len()
    );
    assert_eq!(untold, UNTOLD, "these do not say what they answer");
}

#[tokio::test]
async fn the_description_has_no_loose_ends() {
    let document = document(&Api::new().await).await;
    let mut references = Vec::new();
    gather(&document, &mut references);
    assert!(references.len() > 500, "{} references", references.len());
    for reference in &references {
        let pointer = reference.strip_prefix('#').expect("nothing outside is referred to");
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    let mut ids = BTreeSet::new();
    for (name, operation) in operations(&document) {
        let id = operation["operationId"].as_str().expect("an id");
        assert!(ids.insert(id), "{name}: another one is {id}, too");
        assert!(!id.contains(['{', '<']), "{name}: {id} is no name");
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let of_path: Vec<_> = parameters
            .filter(|one| one["in"] == "path")
            .map(|one| format!("{{{}}}", one["name"].as_str().expect("a name")))
            .collect();
        let named: Vec<_> = name.split('/').filter(|part| part.starts_with('{')).collect();
        assert_eq!(of_path, named, "{name}: the parameters of its path");
    }
}

/// All references below a value.
fn gather(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            into.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|one| gather(one, into));
        }
        Value::Array(list) => list.iter().for_each(|one| gather(one, into)),
        _ => {}
    }
}

#[tokio::test]
async fn numbers_of_a_query_have_the_bounds_that_are_told() {
    let mut hall = Hall::open().await;
    let document = document(&hall.api).await;
    let said = serde_json::json!({ "content": "word" });
    let path = format!("/channels/{}/messages", hall.place.text);
    let message = hall.ask(&hall.ana, "POST", &path, said).await.body;
    let mut tried = 0;
    for (name, operation) in operations(&document) {
        let Some(path) = name.strip_prefix("GET ") else { continue };
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let (least, most) = (&parameter["schema"]["minimum"], &parameter["schema"]["maximum"]);
            let (Some(least), Some(most)) = (least.as_i64(), most.as_i64()) else { continue };
            let path = path
                .replace("{guild}", &hall.place.guild)
                .replace("{channel}", &hall.place.text)
                .replace("{message}", message["id"].as_str().unwrap())
                .replace("{emoji}", "%F0%9F%8D%BA")
                .replace("{event}", "1")
                .replace("{exception}", "1");
            let query = parameter["name"].as_str().expect("a name");
            // Who searches for nobody is refused for that.
            let others = if path.ends_with("/search") { "&query=a" } else { "" };
            let mut faults = Vec::new();
            for number in [least - 1, least, most, most + 1] {
                hall.api.forget_limits();
                let path = format!("{path}?{query}={number}{others}");
                let answer = hall.get(&hall.ana, &path).await;
                let refused = answer.body["errors"].get(query).is_some()
                    || answer.body["errors"].get("query").is_some();
                faults.push((answer.status == StatusCode::BAD_REQUEST && refused, number));
            }
            // What is not there is said before its query is looked at.
            if path.ends_with("/1/users") {
                continue;
            }
            let refused: Vec<_> = faults.iter().map(|(refused, _)| *refused).collect();
            assert_eq!(refused, [true, false, false, true], "{name}: {query}: {faults:?}");
            tried += 1;
        }
    }
    assert!(tried >= 6, "{tried} bounds were tried");
}

#[tokio::test]
async fn the_description_and_its_page_are_kept_by_browsers_until_they_change() {
    let api = Api::new().await;
    for path in ["/api/openapi.json", "/api/docs", "/api/docs/docs.css", "/api/docs/docs.js"] {
        let (status, headers, bytes) = api.ask("GET", path).send_for_bytes().await;
        assert_eq!(status, 200, "{path}");
        assert!(!bytes.is_empty());
        let tag = headers[header::ETAG].to_str().unwrap().to_owned();
        assert_eq!(headers[header::CACHE_CONTROL], "no-cache");

        let again = api.ask("GET", path).header("if-none-match", &tag).send_for_bytes().await;

        assert_eq!((again.0.as_u16(), again.2.len()), (304, 0), "{path}");
        assert_eq!(again.1[header::ETAG], tag.as_str());
    }
}

#[tokio::test]
async fn the_page_may_load_nothing_but_its_own_files() {
    let api = Api::new().await;

    let (_, headers, page) = api.ask("GET", "/api/docs").send_for_bytes().await;

    assert_eq!(headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
    let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    for forbidden in ["unsafe-inline", "unsafe-eval", "http", "*", "data:"] {
        assert!(!policy.contains(forbidden), "{policy}");
    }
    let page = String::from_utf8(page.to_vec()).unwrap();
    for inline in ["<style", "style=", "<script>", "onclick", "http://", "https://"] {
        assert!(!page.contains(inline), "{inline} would be refused by the policy");
    }
}

#[tokio::test]
async fn what_an_operation_logs_and_sends_is_told_by_discords_names() {
    let document = document(&Api::new().await).await;

    let ban = &document["paths"]["/guilds/{guild}/bans/{user}"]["put"];
    let logged = json!([{ "name": "MEMBER_BAN_ADD", "action_type": 22, "when": "always" }]);
    assert_eq!(ban["x-audit-log-actions"], logged);
    let sent = ban["x-dispatches"].as_array().expect("dispatches");
    for (name, when) in [
        ("GUILD_BAN_ADD", "always"),
        ("GUILD_MEMBER_REMOVE", "at times"),
        ("GUILD_AUDIT_LOG_ENTRY_CREATE", "always"),
    ] {
        assert!(sent.contains(&json!({ "name": name, "when": when })), "{name}: {sent:?}");
    }
    for (name, operation) in operations(&document) {
        let logged = operation["x-audit-log-actions"].as_array().into_iter().flatten();
        for action in logged {
            assert!(action["name"].is_string(), "{name}: {action} has no name");
        }
        let declares = operation["x-dispatches"].is_array();
        assert!(declares || name.starts_with("GET "), "{name} says nothing of its effects");
        let sent = operation["x-dispatches"].as_array().into_iter().flatten();
        let names: Vec<_> = sent.map(|one| one["name"].as_str().expect("a name")).collect();
        let once: BTreeSet<_> = names.iter().collect();
        assert_eq!(once.len(), names.len(), "{name} says something twice: {names:?}");
    }
}
