//! What each operation does beside answering: every operation of the API's description, done by somebody
//! who may, while everyone concerned listens at the gateway with every intent.
//!
//! What is sent to anybody and what is written into the audit log is held against what the route
//! declares (`x-dispatches`, `x-audit-log-actions`): nothing happens that is not declared, and what is
//! declared to happen always does.

mod channels;
mod guilds;
mod listener;
mod own;
mod world;

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use serde_json::Value;

use self::world::Caused;
use self::world::Request;
use self::world::World;
use crate::support::Api;

/// An operation of the description.
struct Operation {
    method: String,
    name: String,
    /// Declared, if it declares anything: what is written always and at times, and what is sent.
    logs: Option<Declared>,
    tells: Option<Declared>,
}

#[derive(Debug, Default)]
struct Declared {
    always: BTreeSet<String>,
    at_times: BTreeSet<String>,
}

impl Declared {
    fn of(effects: &Value) -> Option<Self> {
        let effects = effects.as_array()?;
        let of = |when: &str| {
            let these = effects.iter().filter(|effect| effect["when"] == when);
            these.map(|effect| effect["name"].as_str().expect("a name").to_owned()).collect()
        };
        Some(Self { always: of("always"), at_times: of("at times") })
    }

    /// Where what was caused is not what is declared.
    fn faults(&self, caused: &BTreeSet<String>) -> Vec<String> {
        let known = |one: &&String| self.always.contains(*one) || self.at_times.contains(*one);
        let undeclared = caused.iter().filter(|one| !known(one));
        let undeclared = undeclared.map(|one| format!("{one} is not declared"));
        let missing = self.always.difference(caused);
        undeclared.chain(missing.map(|one| format!("{one} did not happen"))).collect()
    }
}

async fn operations() -> Vec<Operation> {
    let described = Api::new().await.ask("GET", "/api/openapi.json").send().await.body;
    let mut all = Vec::new();
    for (path, methods) in described["paths"].as_object().expect("paths") {
        for (method, told) in methods.as_object().expect("methods") {
            let method = method.to_uppercase();
            all.push(Operation {
                name: format!("{method} {path}"),
                method,
                logs: Declared::of(&told["x-audit-log-actions"]),
                tells: Declared::of(&told["x-dispatches"]),
            });
        }
    }
    assert!(all.len() > 200, "{} operations", all.len());
    all
}

/// What is asked to try an operation, once what it needs is there.
async fn request(world: &mut World, operation: &str) -> Option<Request> {
    if let Some(request) = Box::pin(own::request(world, operation)).await {
        return Some(request);
    }
    if let Some(request) = Box::pin(channels::request(world, operation)).await {
        return Some(request);
    }
    Box::pin(guilds::request(world, operation)).await
}

/// What an operation caused, in a world of its own; or how it failed.
async fn caused(operation: &Operation) -> Result<Caused, String> {
    let mut world = World::new().await;
    let request = request(&mut world, &operation.name).await;
    let request = request.ok_or("nobody knows how to try it")?;
    world.listen().await;
    world.settle().await;
    let answer = world.send(&operation.method, request).await;
    if !answer.status.is_success() {
        return Err(format!("it failed: {answer:?}"));
    }
    Ok(world.settle().await)
}

/// Operations whose only effects here depend on what is not there when they are tried. None may join
/// them but with a reason.
const QUIET: [&str; 6] = [
    // When a session is noticed to be over, presence follows.
    "POST /applications/{application}/bot/reset",
    "POST /auth/logout",
    // Ends a stream, if there is one.
    "DELETE /channels/{channel}/stream-keys/{key}",
    // Only in forums a thread is started.
    "POST /webhooks/{webhook}/{token}",
    "POST /webhooks/{webhook}/{token}/github",
    "POST /webhooks/{webhook}/{token}/slack",
];

/// What a rule of auto moderation logs, and there is none.
const BY_RULES: [&str; 4] = [
    "AUTO_MODERATION_BLOCK_MESSAGE",
    "AUTO_MODERATION_FLAG_TO_CHANNEL",
    "AUTO_MODERATION_QUARANTINE_USER",
    "AUTO_MODERATION_USER_COMMUNICATION_DISABLED",
];

/// Where an operation does not do what it declares.
async fn faults(operation: &Operation) -> Vec<String> {
    let caused = AssertUnwindSafe(caused(operation)).catch_unwind().await;
    let caused = match caused.unwrap_or_else(|_| Err("it could not be tried".to_owned())) {
        Ok(caused) => caused,
        Err(why) => return vec![why],
    };
    println!("{}\t{:?}\t{:?}", operation.name, caused.logged, caused.sent);
    let (Some(logs), Some(tells)) = (&operation.logs, &operation.tells) else {
        return vec!["it declares nothing".to_owned()];
    };
    let mut faults = logs.faults(&caused.logged);
    faults.extend(tells.faults(&caused.sent));
    if !QUIET.contains(&operation.name.as_str()) {
        for (declared, caused) in [(logs, &caused.logged), (tells, &caused.sent)] {
            let mut all = declared.always.union(&declared.at_times);
            if caused.is_empty() && all.any(|one| !BY_RULES.contains(&one.as_str())) {
                faults.push(format!("nothing of {declared:?} happened"));
            }
        }
    }
    faults
}

/// Tries the operations that change something and whose path is such a one.
async fn hold(is_one: impl Fn(&str) -> bool) {
    let mut faulty = Vec::new();
    let mut tried = 0;
    for operation in operations().await {
        let path = operation.name.split_once(' ').expect("a method").1;
        if operation.method == "GET" || !is_one(path) {
            continue;
        }
        tried += 1;
        let found = faults(&operation).await.into_iter();
        faulty.extend(found.map(|fault| format!("{}: {fault}", operation.name)));
    }
    println!("{tried} operations tried");
    assert!(tried > 20, "{tried} operations");
    assert!(faulty.is_empty(), "{} faults:\n{}", faulty.len(), faulty.join("\n"));
}

fn is_of_guild(path: &str) -> bool {
    path.starts_with("/guilds")
}

fn is_of_channel(path: &str) -> bool {
    path.starts_with("/channels") || path.starts_with("/stage-instances")
}

fn is_of_person(path: &str) -> bool {
    path.starts_with("/users") || path.starts_with("/auth") || path.starts_with("/read-states")
}

#[tokio::test]
async fn what_changes_a_guild_logs_and_tells_what_it_declares() {
    hold(is_of_guild).await;
}

#[tokio::test]
async fn what_changes_a_channel_logs_and_tells_what_it_declares() {
    hold(is_of_channel).await;
}

#[tokio::test]
async fn what_a_person_changes_of_their_own_logs_and_tells_what_it_declares() {
    hold(is_of_person).await;
}

#[tokio::test]
async fn all_else_that_changes_something_logs_and_tells_what_it_declares() {
    hold(|path| !is_of_guild(path) && !is_of_channel(path) && !is_of_person(path)).await;
}

#[tokio::test]
async fn what_is_only_read_does_what_it_declares_and_no_more() {
    let mut world = World::new().await;
    let (message, invite, thread) =
        (world.said().await, world.invite().await, world.thread().await);
    let ((webhook, token), role, command) =
        (world.webhook().await, world.role().await, world.command().await);
    world.listen().await;
    world.settle().await;
    let (mut faults, mut done) = (Vec::new(), 0);
    for operation in operations().await.iter().filter(|operation| operation.method == "GET") {
        let of_thread = operation.name.contains("/thread-members");
        let channel = if of_thread { thread.clone() } else { world.place.text.clone() };
        let ids = [
            ("channel", channel),
            ("code", invite.clone()),
            ("command", command.clone()),
            ("message", message.clone()),
            ("role", role.clone()),
            ("token", token.clone()),
            ("webhook", webhook.clone()),
        ];
        world.api.forget_limits();
        let request = world.read(&operation.name, &ids);
        done += usize::from(world.send("GET", request).await.status.is_success());
        let caused = world.settle().await;
        let none = Declared::default();
        let (logs, tells) = (operation.logs.as_ref(), operation.tells.as_ref());
        let found = logs.unwrap_or(&none).faults(&caused.logged).into_iter();
        let found = found.chain(tells.unwrap_or(&none).faults(&caused.sent));
        faults.extend(found.map(|fault| format!("{}: {fault}", operation.name)));
    }
    println!("{done} operations read");
    assert!(done > 60, "{done} operations could be read");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}
