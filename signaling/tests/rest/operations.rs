//! Which of Discord's operations have a route here, asked one by one, and whether docs say the same.
//!
//! `UPDATE=1 cargo test -p signaling --test operations` writes what was found into the list and the docs;
//! what is new in the list as missing is "not built yet" until somebody says why.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use crate::support::Api;
use crate::support::Person;
use crate::support::hall::Hall;
use axum::http::Method;
use axum::http::StatusCode;
use serde_json::Value;

const LIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/operations.txt");
const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/compatibility.md");
const BEGIN: &str = "<!-- operations: written by signaling/tests/rest/operations.rs -->\n";
const END: &str = "<!-- end of operations -->\n";
const NOT_YET: &str = "not built yet";

/// One line of the list.
#[derive(Clone, PartialEq, Eq)]
struct Operation {
    method: Method,
    path: String,
    name: String,
    /// Why it has no route here; `None` when it has one.
    missing: Option<String>,
}

impl Operation {
    fn read(line: &str) -> Self {
        let (what, missing) = match line.split_once(" - ") {
            Some((what, reason)) => (what, Some(reason.to_owned())),
            None => (line, None),
        };
        let [method, path, name] = what.split(' ').collect::<Vec<_>>()[..] else {
            panic!("not an operation: {line}");
        };
        Self { method: method.parse().unwrap(), path: path.into(), name: name.into(), missing }
    }

    fn written(&self) -> String {
        let Self { method, path, name, missing } = self;
        let reason = missing.as_ref().map(|reason| format!(" - {reason}")).unwrap_or_default();
        format!("{method} {path} {name}{reason}\n")
    }
}

/// The list's comments, and its operations.
fn listed() -> (String, Vec<Operation>) {
    let text = std::fs::read_to_string(LIST).expect("the list of operations");
    let (comments, lines): (Vec<_>, Vec<_>) = text.lines().partition(|line| line.starts_with('#'));
    let comments = comments.iter().map(|line| format!("{line}\n")).collect();
    (comments, lines.into_iter().map(Operation::read).collect())
}

/// A rule of auto moderation: one that is not there is answered as a path that is no route is, without
/// a code of its own, as on Discord.
async fn rule(hall: &Hall) -> String {
    let path = format!("/guilds/{}/auto-moderation/rules", hall.place.guild);
    let body = serde_json::json!({
        "name": "rule", "event_type": 1, "trigger_type": 3, "actions": [{ "type": 1 }],
    });
    let made = hall.ask(&hall.ana, "POST", &path, body).await;
    made.body["id"].as_str().expect("a rule").to_owned()
}

/// The path with ids of things that are there, where there is one of the kind.
fn plausible(path: &str, hall: &Hall, rule: &str) -> String {
    let parts = path.split('/').map(|part| match part {
        "{guild_id}" => hall.place.guild.clone(),
        "{channel_id}" => hall.place.text.clone(),
        "{application_id}" => hall.bot.id.clone(),
        "{user_id}" | "{user_id_1}" | "{user_id_2}" | "{overwrite_id}" => hall.ben.id.clone(),
        "{role_id}" => hall.place.guild.clone(),
        "{rule_id}" => rule.to_owned(),
        "{emoji_name}" => "%F0%9F%8D%BA".to_owned(),
        "{answer_id}" => "1".to_owned(),
        "{code}" | "{instance_id}" => "hgM48av5Q69A".to_owned(),
        "{webhook_token}" | "{interaction_token}" => "aW50ZXJhY3Rpb246".to_owned(),
        part if part.starts_with('{') => "1234567890123456789".to_owned(),
        part => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("/")
}

/// Whether the server knows the route, whatever it says of the request.
async fn is_there(api: &Api, who: &Person, operation: &Operation, path: &str) -> bool {
    let mut ask = who.ask(api, operation.method.as_str(), path);
    if matches!(operation.method, Method::POST | Method::PUT | Method::PATCH) {
        ask = ask.bytes(b"{}".to_vec());
    }
    let (status, _, bytes) = ask.send_for_bytes().await;
    let code = || serde_json::from_slice::<Value>(&bytes).ok()?.get("code")?.as_u64();
    assert_ne!(status, StatusCode::TOO_MANY_REQUESTS, "{path}: the limit hides the route");
    assert!(!status.is_server_error(), "{} {path}: {status}", operation.method);
    match status {
        StatusCode::METHOD_NOT_ALLOWED => false,
        StatusCode::NOT_FOUND => code() != Some(0),
        _ => true,
    }
}

/// What docs say of the operations.
fn told(operations: &[Operation]) -> String {
    let mut reasons: BTreeMap<&str, Vec<&Operation>> = BTreeMap::new();
    for operation in operations {
        if let Some(reason) = &operation.missing {
            reasons.entry(reason).or_default().push(operation);
        }
    }
    let missing: usize = reasons.values().map(Vec::len).sum();
    let mut text = BEGIN.to_owned();
    let (there, all) = (operations.len() - missing, operations.len());
    let _ = write!(
        text,
        "**{there} of {all}** of the operations in Discord's OpenAPI description have a route here. Those \
         that have none, and why:\n\n| why | operations |\n|---|---|\n"
    );
    for (reason, operations) in reasons {
        let names: Vec<_> = operations.iter().map(|one| format!("`{}`", one.name)).collect();
        let _ = writeln!(text, "| {reason} ({}) | {} |", names.len(), names.join(", "));
    }
    text + "\n" + END
}

#[tokio::test]
async fn the_list_and_the_docs_tell_which_operations_have_a_route() {
    let mut hall = Hall::open().await;
    let (comments, list) = listed();
    let rule = rule(&hall).await;

    // What ends things is asked last: the rest still finds them.
    let mut order: Vec<usize> = (0..list.len()).collect();
    order.sort_by_key(|&at| list[at].method == Method::DELETE);
    let mut found = list.clone();
    for at in order {
        hall.api.forget_limits();
        let operation = &list[at];
        let path = plausible(&operation.path, &hall, &rule);
        let there = is_there(&hall.api, &hall.ana, operation, &path).await;
        let reason = operation.missing.clone().unwrap_or_else(|| NOT_YET.to_owned());
        found[at].missing = (!there).then_some(reason);
    }

    let docs = std::fs::read_to_string(DOCS).expect("docs");
    let (before, rest) = docs.split_once(BEGIN).expect("docs have a place for operations");
    let (_, after) = rest.split_once(END).expect("that place ends");
    let written = format!("{before}{}{after}", told(&found));
    if std::env::var_os("UPDATE").is_some() {
        let lines: String = found.iter().map(Operation::written).collect();
        std::fs::write(LIST, comments + &lines).unwrap();
        std::fs::write(Path::new(DOCS), written).unwrap();
        return;
    }
    for (listed, found) in list.iter().zip(&found) {
        let there = if found.missing.is_some() { "has no route" } else { "has a route" };
        assert!(listed == found, "{} {there}: UPDATE=1 writes so", listed.name);
    }
    assert!(docs == written, "docs/compatibility.md tells other operations: UPDATE=1 writes them");
}
