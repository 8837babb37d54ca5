//! Who may do what: every operation that the API's description names, asked by everyone who could try.
//!
//! Nothing here lists routes: they come from `/api/openapi.json`, which is made from what is served,
//! and what each says that it needs (`x-needs`) is held against what it does. Askers: nobody, a
//! stranger, the owner of another guild, a plain member, a member with each single permission, the
//! owner. Then each parameter but the first is exchanged for that of another guild.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::fmt::Write as _;

use crate::support::Answer;
use crate::support::Api;
use crate::support::Person;
use crate::support::Place;
use axum::http::StatusCode;
use model::permissions;
use model::wire::guild::Permissions;
use model::wire::util::Timestamp;
use serde_json::Value;
use serde_json::json;

/// An operation of the description.
struct Operation {
    method: String,
    path: String,
    needs: String,
    body: Value,
}

impl Operation {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn reads(&self) -> bool {
        self.method == "GET"
    }
}

/// All operations, with the least body that each takes.
async fn operations(api: &Api) -> Vec<Operation> {
    let described = api.ask("GET", "/api/openapi.json").send().await.body;
    let mut all = Vec::new();
    for (path, methods) in described["paths"].as_object().expect("paths") {
        for (method, told) in methods.as_object().expect("methods") {
            let schema = &told["requestBody"]["content"]["application/json"]["schema"];
            all.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                needs: told["x-needs"].as_str().expect("x-needs").to_owned(),
                body: body(&method.to_uppercase(), path, api.parts.now_ms())
                    .unwrap_or_else(|| least(schema)),
            });
        }
    }
    assert!(all.len() > 100, "{} operations", all.len());
    all
}

/// The least that a schema allows.
fn least(schema: &Value) -> Value {
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    match kind {
        Some("object") => {
            let required = schema["required"].as_array().into_iter().flatten();
            let names = required.filter_map(Value::as_str);
            names.map(|name| (name.to_owned(), least(&schema["properties"][name]))).collect()
        }
        Some("array") => json!([]),
        Some("boolean") => json!(true),
        Some("integer" | "number") => json!(1),
        Some("string") if schema["enum"].is_array() => schema["enum"][0].clone(),
        Some("string") if schema["pattern"].is_string() => json!("1"),
        Some("string") => json!("word"),
        _ => Value::Null,
    }
}

/// Bodies where the least is refused before anybody's permissions are looked at.
fn body(method: &str, path: &str, now_ms: u64) -> Option<Value> {
    Some(match (method, path) {
        (
            "POST" | "PATCH",
            "/channels/{channel}/messages" | "/channels/{channel}/messages/{message}",
        ) => {
            json!({ "content": "word" })
        }
        ("POST", "/channels/{channel}/threads") => json!({ "name": "word", "type": 11 }),
        ("POST", "/channels/{channel}/messages/{message}/threads" | "/guilds/{guild}/channels") => {
            json!({ "name": "word" })
        }
        ("POST", "/guilds/{guild}/bots") => json!({ "application_id": "1" }),
        ("POST", "/guilds/{guild}/emojis") => json!({ "name": "word", "image": DOT }),
        ("POST", "/guilds/{guild}/scheduled-events") => {
            let later = |hours: i64| {
                let seconds = i64::try_from(now_ms / 1_000).unwrap();
                let at = Timestamp::from_secs(seconds + hours * 3_600).expect("a time");
                at.iso_8601().to_string()
            };
            json!({
                "name": "word", "privacy_level": 2, "entity_type": 3,
                "entity_metadata": { "location": "here" },
                "scheduled_start_time": later(24), "scheduled_end_time": later(25),
            })
        }
        ("POST", "/guilds/{guild}/scheduled-events/{event}/exceptions") => {
            json!({ "original_scheduled_start_time": "2100-01-01T12:00:00Z", "is_canceled": true })
        }
        ("PATCH", "/guilds/{guild}/scheduled-events/{event}/exceptions/{exception}") => json!({}),
        ("PATCH", "/guilds/{guild}/scheduled-events/{event}") => json!({ "name": "other" }),
        ("PATCH", path) if path.starts_with("/guilds/{guild}/members/") => {
            json!({ "nick": "word" })
        }
        _ => return None,
    })
}

/// Two guilds, and those who ask.
struct World {
    api: Api,
    owner: Person,
    member: Person,
    stranger: Person,
    other: Person,
    target: Person,
    role: String,
    here: HashMap<&'static str, String>,
    there: HashMap<&'static str, String>,
    places: Option<(Place, Place)>,
}

impl World {
    async fn new() -> Self {
        let api = Api::new().await;
        let owner = api.register("owner").await;
        let member = api.register("member").await;
        let stranger = api.register("stranger").await;
        let other = api.register("other").await;
        let target = api.register("target").await;
        let (role, places) = (String::new(), None);
        let (here, there) = (HashMap::new(), HashMap::new());
        let mut world =
            Self { api, owner, member, stranger, other, target, role, here, there, places };
        world.rebuild().await;
        world
    }

    /// Both guilds anew, as nobody has touched them.
    async fn rebuild(&mut self) {
        if let Some((here, there)) = self.places.take() {
            for (owner, place) in [(self.owner.clone(), here), (self.other.clone(), there)] {
                let path = format!("/guilds/{}", place.guild);
                self.ask(Some(&owner), "DELETE", &path, &Value::Null).await;
            }
        }
        let (owner, other) = (self.owner.clone(), self.other.clone());
        self.api.forget_limits();
        let (here, there) =
            (self.api.guild(&owner, "Here").await, self.api.guild(&other, "There").await);
        for person in [self.member.clone(), self.target.clone()] {
            self.api.join(&owner, &here, &person).await;
        }
        self.here = self.furnish(&owner, &here).await;
        self.there = self.furnish(&other, &there).await;
        let base = Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY;
        let everyone = format!("/guilds/{0}/roles/{0}", here.guild);
        self.done(&owner, "PATCH", &everyone, json!({ "permissions": base.bits().to_string() }))
            .await;
        let roles = format!("/guilds/{}/roles", here.guild);
        let made =
            self.done(&owner, "POST", &roles, json!({ "name": "tried", "permissions": "0" })).await;
        self.role = id(&made);
        let moves =
            json!([{ "id": self.role, "position": 2 }, { "id": self.here["role"], "position": 1 }]);
        self.done(&owner, "PATCH", &roles, moves).await;
        let given =
            format!("/guilds/{}/members/{}/roles/{}", here.guild, self.member.id, self.role);
        self.done(&owner, "PUT", &given, Value::Null).await;
        self.places = Some((here, there));
    }

    /// One of everything that a path can name.
    async fn furnish(&mut self, owner: &Person, place: &Place) -> HashMap<&'static str, String> {
        let guild = format!("/guilds/{}", place.guild);
        let text = format!("/channels/{}", place.text);
        let role = self
            .done(
                owner,
                "POST",
                &format!("{guild}/roles"),
                json!({ "name": "low", "permissions": "0" }),
            )
            .await;
        let said = self
            .done(owner, "POST", &format!("{text}/messages"), json!({ "content": "word" }))
            .await;
        let invite = self.done(owner, "POST", &format!("{text}/invites"), json!({})).await;
        let webhook =
            self.done(owner, "POST", &format!("{text}/webhooks"), json!({ "name": "hook" })).await;
        let emoji = json!({ "name": "dot", "image": DOT });
        let emoji = self.done(owner, "POST", &format!("{guild}/emojis"), emoji).await;
        let events = format!("{guild}/scheduled-events");
        let event = body("POST", "/guilds/{guild}/scheduled-events", self.api.parts.now_ms());
        let event = self.done(owner, "POST", &events, event.expect("a body")).await;
        HashMap::from([
            ("event", id(&event)),
            ("emoji", id(&emoji)),
            ("guild", place.guild.clone()),
            ("channel", place.text.clone()),
            ("voice", place.voice.clone()),
            ("role", id(&role)),
            ("overwrite", id(&role)),
            ("message", id(&said)),
            (
                "user",
                if owner.id == self.owner.id { self.target.id.clone() } else { owner.id.clone() },
            ),
            ("reaction", "%F0%9F%91%8D".to_owned()),
            ("code", invite["code"].as_str().unwrap().to_owned()),
            ("webhook", id(&webhook)),
            ("token", webhook["token"].as_str().unwrap().to_owned()),
        ])
    }

    /// A request that must succeed.
    async fn done(&mut self, who: &Person, method: &str, path: &str, body: Value) -> Value {
        let answer = self.ask(Some(who), method, path, &body).await;
        assert!(answer.status.is_success(), "{method} {path}: {answer:?}");
        answer.body
    }

    /// A request; whoever asked too often is forgiven.
    async fn ask(
        &mut self,
        who: Option<&Person>,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Answer {
        loop {
            let mut ask = self.api.ask(method, path);
            if let Some(who) = who {
                ask = ask.token(&who.token);
            }
            if !body.is_null() {
                ask = ask.json(body);
            }
            let answer = ask.send().await;
            if answer.status != StatusCode::TOO_MANY_REQUESTS {
                return answer;
            }
            self.api.forget_limits();
        }
    }

    /// Asks for `operation` with the things of this guild.
    async fn attempt(&mut self, who: Option<&Person>, operation: &Operation) -> Verdict {
        Verdict::of(&self.attempt_with(who, operation, &HashMap::new()).await)
    }

    /// The same, with those of `instead` in their place.
    async fn attempt_with(
        &mut self,
        who: Option<&Person>,
        operation: &Operation,
        instead: &HashMap<&'static str, String>,
    ) -> Answer {
        let mut path = String::new();
        for part in operation.path.split('/').skip(1) {
            let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
            let value = name.map(|name| {
                if name == "user"
                    && operation.method == "PUT"
                    && operation.path.contains("reactions")
                {
                    return "@me";
                }
                let name = named(&operation.path, name);
                instead.get(name).or_else(|| self.here.get(name)).map_or("1", String::as_str)
            });
            let _ = write!(path, "/{}", value.unwrap_or(part));
        }
        let answer = self.ask(who, &operation.method, &path, &operation.body).await;
        if !operation.reads() && answer.status.is_success() {
            self.rebuild().await;
        }
        answer
    }

    async fn allow(&mut self, permissions: Permissions) {
        let path = format!("/guilds/{}/roles/{}", self.here["guild"], self.role);
        let owner = self.owner.clone();
        self.done(&owner, "PATCH", &path, json!({ "permissions": permissions.bits().to_string() }))
            .await;
    }
}

/// What the parameter `name` of a path stands for.
fn named<'a>(path: &str, name: &'a str) -> &'a str {
    match name {
        "channel" if path.contains("stream-keys") => "voice",
        "emoji" if path.contains("reactions") => "reaction",
        name => name,
    }
}

fn id(made: &Value) -> String {
    made["id"].as_str().expect("an id").to_owned()
}

/// What an answer says of who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Who are you?
    Unknown,
    /// You may not, or there is no such guild or channel for you.
    Denied,
    /// The request was looked at for what it wants, and is wrong: whether they may is not told.
    Wrong,
    /// It was done.
    Done,
}

impl Verdict {
    fn of(answer: &Answer) -> Self {
        match (answer.status.as_u16(), answer.body["code"].as_u64()) {
            (401, _) => Self::Unknown,
            (403, _) | (404, Some(10_003 | 10_004)) => Self::Denied,
            (200..300, _) => Self::Done,
            _ => Self::Wrong,
        }
    }
}

/// Operations whose request is refused for what it names before anybody's permissions are looked at:
/// their own tests have to show who may. None may join them.
const UNPROVEN: [&str; 6] = [
    "POST /channels/{channel}/followers",
    "POST /guilds/{guild}/soundboard-sounds",
    "DELETE /guilds/{guild}/soundboard-sounds/{sound}",
    "PATCH /guilds/{guild}/soundboard-sounds/{sound}",
    "DELETE /guilds/{guild}/stickers/{sticker}",
    "PATCH /guilds/{guild}/stickers/{sticker}",
];

/// A picture of one dot.
const DOT: &str = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";

#[tokio::test]
async fn every_operation_keeps_to_what_it_says_that_it_needs() {
    let mut world = World::new().await;
    let (mut faults, mut unproven) = (Vec::new(), Vec::new());
    for operation in operations(&world.api).await {
        let (stranger, other) = (world.stranger.clone(), world.other.clone());
        let (member, owner) = (world.member.clone(), world.owner.clone());
        let name = operation.name();
        let needs = operation.needs.as_str();
        let mut demand = |who: &str, found: Verdict, wanted: &[Verdict]| {
            if !wanted.contains(&found) {
                faults.push(format!("{name} (needs {needs}): {who} is {found:?}"));
            }
        };
        let found = world.attempt(None, &operation).await;
        if matches!(operation.needs.as_str(), "nothing" | "token in path") {
            continue;
        }
        demand("nobody", found, &[Verdict::Unknown]);
        if matches!(operation.needs.as_str(), "account" | "application") {
            continue;
        }
        demand("a stranger", world.attempt(Some(&stranger), &operation).await, &[Verdict::Denied]);
        demand("another owner", world.attempt(Some(&other), &operation).await, &[Verdict::Denied]);
        world.allow(Permissions::empty()).await;
        let plain = world.attempt(Some(&member), &operation).await;
        let open = needs == "member";
        let looked_at = [Verdict::Done, Verdict::Wrong];
        if !open && plain == Verdict::Wrong {
            unproven.push(name);
            continue;
        }
        demand("a member", plain, if open { &looked_at } else { &[Verdict::Denied] });
        demand("the owner", world.attempt(Some(&owner), &operation).await, &looked_at);
        if open {
            continue;
        }
        let one = matches!(needs, "owner" | "author");
        let mut openers = BTreeSet::new();
        for (bit, permission) in permissions::names(permissions::ALL) {
            world.allow(permission).await;
            if looked_at.contains(&world.attempt(Some(&member), &operation).await) {
                openers.insert(bit);
            }
        }
        let mut wanted: BTreeSet<_> = if needs.contains(" and ") || one {
            BTreeSet::new()
        } else {
            needs.split(" or ").collect()
        };
        if !one {
            wanted.insert("ADMINISTRATOR");
        }
        if openers != wanted {
            faults.push(format!("{name} (needs {needs}): opened by {openers:?}"));
        }
    }
    assert_eq!(unproven, UNPROVEN, "these are asked for in a way that tells nothing");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[tokio::test]
async fn nothing_of_another_guild_is_reached_by_ones_own() {
    let mut world = World::new().await;
    let owner = world.owner.clone();
    let mut reached = Vec::new();
    for operation in operations(&world.api).await {
        let mut names: Vec<_> = operation.path.split('/').collect();
        names.retain(|part| part.starts_with('{'));
        for name in names {
            let name = name.trim_matches(['{', '}']);
            let Some((&key, value)) = world.there.get_key_value(named(&operation.path, name))
            else {
                continue;
            };
            // A person is a person anywhere, and invites and webhooks' tokens are for whoever has them.
            if matches!(key, "user" | "code" | "token" | "reaction") {
                continue;
            }
            // How far one has read is a number, whose ever it is.
            if operation.path.ends_with("/ack") {
                continue;
            }
            let instead = HashMap::from([(key, value.clone())]);
            let answer = world.attempt_with(Some(&owner), &operation, &instead).await;
            if answer.status.is_success() {
                reached
                    .push(format!("{} with another guild's {key}: {answer:?}", operation.name()));
            }
        }
    }
    assert!(reached.is_empty(), "{}", reached.join("\n"));
}
