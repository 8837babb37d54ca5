//! A guild with an owner, a member, somebody outside and a bot, all of whom listen; and the making of
//! whatever an operation needs.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::gateway::DispatchName;
use model::id::GuildId;
use model::id::UserId;
use model::wire::util::Timestamp;
use serde_json::Value;
use serde_json::json;
use signaling::auth::Accounts;
use signaling::auth::PrivilegedIntents;
use signaling::voice::VoiceRequest;
use state::GuildEvent;
use state::UserEvent;
use state::audit::AuditQuery;
use state::audit::actions;
use state::event::Personal;
use state::record::AccountRecord;
use state::record::UserRecord;

use super::listener::Listener;
use super::listener::serve;
use crate::support::Answer;
use crate::support::Api;
use crate::support::Person;
use crate::support::Place;

/// A picture of one dot.
pub(super) const DOT: &str =
    "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";

/// Where an application sends people back to.
const BACK: &str = "https://app.example/back";

/// Who asks.
#[derive(Debug, Clone)]
pub(super) enum Who {
    /// The guild's owner, the owner of the applications and of the instance.
    Ana,
    /// A member.
    Ben,
    /// In no guild.
    Cai,
    /// A member that is a bot.
    Bot,
    /// Without a token in the head.
    Nobody,
    /// An application in somebody's name.
    Bearer(Person),
}

pub(super) enum Body {
    Json(Value),
    Other(&'static str, Vec<u8>),
}

impl From<Value> for Body {
    fn from(value: Value) -> Self {
        Self::Json(value)
    }
}

/// What is asked to try an operation.
pub(super) struct Request {
    pub(super) who: Who,
    pub(super) path: String,
    pub(super) header: Option<(&'static str, &'static str)>,
    pub(super) body: Body,
}

/// What an operation caused.
#[derive(Debug, Default)]
pub(super) struct Caused {
    pub(super) logged: BTreeSet<String>,
    pub(super) sent: BTreeSet<String>,
}

pub(super) struct World {
    pub(super) api: Api,
    pub(super) ana: Person,
    pub(super) ben: Person,
    pub(super) cai: Person,
    pub(super) bot: Person,
    pub(super) place: Place,
    listeners: Vec<Listener>,
    marks: u64,
    /// The newest entry of any audit log that was seen.
    logged: u64,
}

impl World {
    pub(super) async fn new() -> Self {
        let api = Api::new().await;
        let ana = person(&api, "ana", true).await;
        let (ben, cai) = (person(&api, "ben", false).await, person(&api, "cai", false).await);
        let place = api.guild(&ana, "Here").await;
        let bot = Self::app(&api, &ana, "Dicer").await;
        let joining = (place.guild.parse().expect("an id"), ben.id.parse().expect("an id"));
        Accounts::from(&api.parts).join(joining.0, joining.1).await.expect("a member");
        let (listeners, marks, logged) = (Vec::new(), 0, 0);
        let world = Self { api, ana, ben, cai, bot, place, listeners, marks, logged };
        world.invite_bot(&world.bot.id).await;
        world
    }

    /// A bot of ana's that may ask for every intent.
    async fn app(api: &Api, ana: &Person, name: &str) -> Person {
        let owner = ana.id.parse().expect("an id");
        let accounts = Accounts::from(&api.parts);
        let bot = accounts.add_bot(name, Some(owner), PrivilegedIntents::ALL).await;
        let (application, token) = bot.expect("a bot");
        Person { id: application.id.to_string(), token: format!("Bot {token}") }
    }

    /// Somebody else, who does not listen.
    pub(super) async fn person(&self, username: &str) -> Person {
        person(&self.api, username, false).await
    }

    pub(super) async fn other_bot(&self) -> Person {
        Self::app(&self.api, &self.ana, "Other").await
    }

    async fn invite_bot(&self, id: &str) {
        self.done(Who::Ana, "POST", &self.guild("/bots"), json!({ "application_id": id })).await;
    }

    /// A path in the guild.
    pub(super) fn guild(&self, rest: &str) -> String {
        format!("/guilds/{}{rest}", self.place.guild)
    }

    /// A path in the text channel.
    pub(super) fn text(&self, rest: &str) -> String {
        format!("/channels/{}{rest}", self.place.text)
    }

    /// `operation` with the ids of this world, and those of `ids` before them.
    pub(super) fn ask<const N: usize>(
        &self,
        operation: &str,
        who: Who,
        ids: [(&str, String); N],
        body: impl Into<Body>,
    ) -> Request {
        let path = self.path(operation, &ids, |name| panic!("{operation}: what is {name}?"));
        Request { who, path, header: None, body: body.into() }
    }

    /// An operation by which ana reads something; what is not known here is `1`.
    pub(super) fn read(&self, operation: &str, ids: &[(&str, String)]) -> Request {
        let path = self.path(operation, ids, |_| "1".to_owned());
        Request { who: Who::Ana, path, header: None, body: Value::Null.into() }
    }

    fn path(
        &self,
        operation: &str,
        ids: &[(&str, String)],
        unknown: impl Fn(&str) -> String,
    ) -> String {
        let path = operation.split_once(' ').expect("a method").1;
        let parts = path.split('/').map(|part| {
            let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) else {
                return part.to_owned();
            };
            let given = ids.iter().find(|(known, _)| *known == name).map(|(_, id)| id.clone());
            given.unwrap_or_else(|| match name {
                "guild" => self.place.guild.clone(),
                "channel" => self.place.text.clone(),
                "user" => self.ben.id.clone(),
                "application" => self.bot.id.clone(),
                "emoji" if path.contains("reactions") => "%F0%9F%8D%BA".to_owned(),
                name => unknown(name),
            })
        });
        parts.collect::<Vec<_>>().join("/")
    }

    /// Asks.
    pub(super) async fn send(&self, method: &str, request: Request) -> Answer {
        let mut ask = self.api.ask(method, &request.path);
        let who = match &request.who {
            Who::Ana => Some(&self.ana),
            Who::Ben => Some(&self.ben),
            Who::Cai => Some(&self.cai),
            Who::Bot => Some(&self.bot),
            Who::Bearer(person) => Some(person),
            Who::Nobody => None,
        };
        if let Some(who) = who {
            ask = ask.token(&who.token);
        }
        if let Some((name, value)) = request.header {
            ask = ask.header(name, value);
        }
        ask = match request.body {
            Body::Json(Value::Null) => ask,
            Body::Json(value) => ask.json(&value),
            Body::Other(media_type, bytes) => ask.body(media_type, bytes),
        };
        let (status, headers, bytes) = ask.send_for_bytes().await;
        // Some answer with a word.
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        Answer { status, headers, body }
    }

    /// A request that must succeed.
    pub(super) async fn done(
        &self,
        who: Who,
        method: &str,
        path: &str,
        body: impl Into<Body>,
    ) -> Value {
        let request = Request { who, path: path.to_owned(), header: None, body: body.into() };
        let answer = self.send(method, request).await;
        assert!(answer.status.is_success(), "{method} {path}: {answer:?}");
        answer.body
    }

    /// The same of something that is made, and has an id.
    pub(super) async fn made(&self, who: Who, path: &str, body: impl Into<Body>) -> String {
        id(&self.done(who, "POST", path, body).await)
    }

    pub(super) async fn role(&self) -> String {
        let body = json!({ "name": "low", "permissions": "0" });
        self.made(Who::Ana, &self.guild("/roles"), body).await
    }

    pub(super) async fn channel(&self, kind: u8) -> String {
        let body = json!({ "name": "more", "type": kind });
        self.made(Who::Ana, &self.guild("/channels"), body).await
    }

    /// A message of ana's in the text channel.
    pub(super) async fn said(&self) -> String {
        self.made(Who::Ana, &self.text("/messages"), json!({ "content": "word" })).await
    }

    pub(super) async fn invite(&self) -> String {
        let made = self.done(Who::Ana, "POST", &self.text("/invites"), json!({})).await;
        made["code"].as_str().expect("a code").to_owned()
    }

    /// A webhook of the text channel, and its token.
    pub(super) async fn webhook(&self) -> (String, String) {
        let body = json!({ "name": "hook" });
        let made = self.done(Who::Ana, "POST", &self.text("/webhooks"), body).await;
        (id(&made), made["token"].as_str().expect("a token").to_owned())
    }

    /// A thread of ana's, with ana in it.
    pub(super) async fn thread(&self) -> String {
        let body = json!({ "name": "word", "type": 11 });
        self.made(Who::Ana, &self.text("/threads"), body).await
    }

    /// So many hours from now.
    pub(super) fn later(&self, hours: i64) -> String {
        let seconds = i64::try_from(self.api.parts.now_ms() / 1_000).expect("a time");
        let at = Timestamp::from_secs(seconds + hours * 3_600).expect("a time");
        at.iso_8601().to_string()
    }

    /// Somebody enters a voice channel of the guild, or a call.
    pub(super) async fn enter(&self, who: &Person, guild: Option<&str>, channel: &str) {
        let request = VoiceRequest {
            user: who.id.parse().expect("an id"),
            session: who.id.clone(),
            guild: guild.map(|guild| guild.parse().expect("an id")),
            channel: Some(channel.parse().expect("an id")),
            self_mute: false,
            self_deaf: false,
            self_video: false,
            host: "hall.test".to_owned(),
        };
        self.api.parts.calls.request(request).await.expect("a place");
    }

    /// A sound of the guild's soundboard.
    pub(super) async fn sound(&self) -> String {
        let body = json!({ "name": "word", "sound": sound() });
        let made = self.done(Who::Ana, "POST", &self.guild("/soundboard-sounds"), body).await;
        made["sound_id"].as_str().expect("an id").to_owned()
    }

    /// A private channel of ana and ben.
    pub(super) async fn pair(&self) -> String {
        let body = json!({ "recipient_id": self.ben.id });
        self.made(Who::Ana, "/users/@me/channels", body).await
    }

    pub(super) async fn befriend(&self, who: Who, person: &Person) {
        let path = format!("/users/@me/relationships/{}", person.id);
        self.done(Who::Ana, "PUT", &path, json!({})).await;
        let path = format!("/users/@me/relationships/{}", self.ana.id);
        self.done(who, "PUT", &path, json!({})).await;
    }

    /// A group of all three.
    pub(super) async fn group(&self) -> String {
        self.befriend(Who::Ben, &self.ben).await;
        self.befriend(Who::Cai, &self.cai).await;
        let body = json!({ "recipients": [self.ben.id, self.cai.id] });
        self.made(Who::Ana, "/users/@me/channels", body).await
    }

    /// The code by which the bot's application gets its tokens in cai's name, and its secret.
    pub(super) async fn code(&self, scope: &str) -> (String, String) {
        let path = format!("/applications/{}", self.bot.id);
        self.done(Who::Ana, "PATCH", &path, json!({ "redirect_uris": [BACK] })).await;
        let reset = self.done(Who::Ana, "POST", &format!("{path}/reset"), json!({})).await;
        let secret = reset["secret"].as_str().expect("a secret").to_owned();
        let asks =
            format!("/oauth2/authorize?client_id={}&response_type=code&scope={scope}", self.bot.id);
        let answer = self.done(Who::Cai, "POST", &asks, json!({ "authorize": true })).await;
        let location = answer["location"].as_str().expect("a location");
        (location.split_once("code=").expect("a code").1.to_owned(), secret)
    }

    /// What the application exchanges a code by.
    pub(super) fn exchange(&self, (code, secret): (String, String)) -> Body {
        form(&format!(
            "grant_type=authorization_code&client_id={}&client_secret={secret}&code={code}",
            self.bot.id
        ))
    }

    /// The application in cai's name; and the bare token and the application's secret.
    pub(super) async fn bearer(&self, scope: &str) -> (Who, String, String) {
        let code = self.code(scope).await;
        let secret = code.1.clone();
        let tokens = self.done(Who::Nobody, "POST", "/oauth2/token", self.exchange(code)).await;
        let token = tokens["access_token"].as_str().expect("a token").to_owned();
        let person = Person { id: self.cai.id.clone(), token: format!("Bearer {token}") };
        (Who::Bearer(person), token, secret)
    }

    /// A command of the bot's, everywhere.
    pub(super) async fn command(&self) -> String {
        let path = format!("/applications/{}/commands", self.bot.id);
        self.made(Who::Bot, &path, json!({ "name": "ping", "description": "Pongs" })).await
    }

    /// Ben uses a command; what tells the bot of it.
    pub(super) async fn called(&mut self) -> Value {
        let command = self.command().await;
        self.listen().await;
        self.settle().await;
        let call = self.call(&command);
        self.done(Who::Ben, "POST", "/interactions", call).await;
        let bot: UserId = self.bot.id.parse().expect("an id");
        let listener = self.listeners.iter_mut().find(|listener| listener.user == bot);
        let listener = listener.expect("the bot listens");
        loop {
            let told = listener.dispatch().await.expect("a session");
            if told["t"] == "INTERACTION_CREATE" {
                return told["d"].clone();
            }
        }
    }

    /// What a client posts to use a command.
    pub(super) fn call(&self, command: &str) -> Value {
        json!({
            "type": 2, "application_id": self.bot.id, "guild_id": self.place.guild,
            "channel_id": self.place.text, "session_id": "s", "nonce": "n1",
            "data": { "id": command, "name": "ping", "type": 1, "options": [] },
        })
    }

    /// Lets all four listen, if they do not yet.
    pub(super) async fn listen(&mut self) {
        if !self.listeners.is_empty() {
            return;
        }
        let address = serve(self.api.router()).await;
        for who in [&self.ana, &self.ben, &self.cai, &self.bot] {
            self.listeners.push(Listener::new(address, who).await);
        }
    }

    /// What was caused until now: all that was told before marks that are told to everyone now, and what
    /// was logged.
    pub(super) async fn settle(&mut self) -> Caused {
        let mut caused = Caused::default();
        let store = self.api.parts.store.clone();
        // Who joined is shown the guild before it hears anything of it, and who left that it is gone.
        for listener in &mut self.listeners {
            let guilds = store.guilds_of(listener.user).into_iter().map(|guild| guild.id());
            let guilds: BTreeSet<GuildId> = guilds.collect();
            while listener.guilds != guilds {
                let Some(told) = listener.dispatch().await else { break };
                caused.sent.insert(name(&told));
            }
        }
        self.marks += 1;
        let mark = UserId::new(self.marks);
        for guild in store.all() {
            guild.publish(GuildEvent::IntegrationDeleted(mark)).await.expect("a guild");
        }
        for listener in &self.listeners {
            let personal = Personal {
                name: DispatchName::UserNoteUpdate,
                guild: None,
                body: json!({ "id": mark, "application_id": mark }),
                messages: Vec::new(),
                files: Vec::new(),
            };
            let told = UserEvent::Personal(Arc::new(personal));
            store.tell_private(vec![listener.user], told).await.expect("a mailbox");
        }
        for listener in &mut self.listeners {
            let mut awaited = listener.guilds.len() + 1;
            while awaited > 0 {
                let Some(told) = listener.dispatch().await else { break };
                if told["d"]["application_id"] == json!(mark) {
                    awaited -= 1;
                } else {
                    caused.sent.insert(name(&told));
                }
            }
        }
        let seen = self.logged;
        for guild in store.all() {
            let query = AuditQuery {
                after: seen,
                before: u64::MAX,
                ascending: true,
                user: None,
                action: None,
                limit: 100,
            };
            for entry in store.audit_log(guild.id(), &query).await.expect("a log") {
                self.logged = self.logged.max(entry.id.get());
                let action = entry.what.action;
                let name =
                    actions::name(action).unwrap_or_else(|| panic!("{action:?} has no name"));
                caused.logged.insert(name.to_owned());
            }
        }
        caused
    }
}

/// Somebody with an account that has no password: hashing one takes long.
async fn person(api: &Api, username: &str, owner: bool) -> Person {
    let id: UserId = api.parts.ids.next();
    let username = username.to_owned();
    let user = UserRecord { id, username, global_name: None, avatar: None, bot: false, flags: 0 };
    let account = AccountRecord { user, password: None, owner, disabled: false };
    api.parts.accounts.create(&account).await.expect("a new account");
    let token = api.parts.auth.issue(id, api.parts.now_ms()).await.expect("a token");
    Person { id: id.to_string(), token }
}

fn name(dispatch: &Value) -> String {
    dispatch["t"].as_str().expect("a name").to_owned()
}

pub(super) fn id(made: &Value) -> String {
    made["id"].as_str().unwrap_or_else(|| panic!("no id: {made}")).to_owned()
}

/// A form as browsers send it.
pub(super) fn form(text: &str) -> Body {
    Body::Other("application/x-www-form-urlencoded", text.as_bytes().to_vec())
}

/// A form with a file.
pub(super) fn multipart(fields: &[(&str, &str)], (name, file): (&str, &[u8])) -> Body {
    let mut body = Vec::new();
    for (name, value) in fields {
        let head = format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend([head.as_bytes(), value.as_bytes(), b"\r\n"].concat());
    }
    let head =
        format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"f\"\r\n\r\n");
    body.extend([head.as_bytes(), file, b"\r\n--b--\r\n"].concat());
    Body::Other("multipart/form-data; boundary=b", body)
}

/// A sound of some frames of silence in MP3.
pub(super) fn sound() -> String {
    let frames = [&[0xff, 0xfb, 0x94, 0][..], &[0; 380]].concat().repeat(10);
    format!("data:audio/mp3;base64,{}", STANDARD.encode(frames))
}
