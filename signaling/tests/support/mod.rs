//! The wing without sockets: its router on storage in memory, and people who ask it things.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part of this")]

mod effects;
pub mod hall;
mod parts;
mod schema;

use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;

use axum::Router;
use axum::body::Body;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::Request;
use axum::http::StatusCode;
use axum::http::header;
use cluster::Busy;
use cluster::MediaPort;
use model::media::MediaCommand;
use model::media::MediaEvent;
use serde_json::Value;
use serde_json::json;
use signaling::Connection;
use signaling::Parts;
use signaling::SignalingConfig;
use signaling::auth::Accounts;
use signaling::auth::PrivilegedIntents;
use signaling::rest::limit::Limiter;
use tokio::sync::mpsc;
use tower::ServiceExt as _;

/// A media wing that does nothing and remembers what it was told.
#[derive(Default)]
pub struct FakeMedia {
    pub commands: Mutex<Vec<MediaCommand>>,
}

impl MediaPort for FakeMedia {
    fn command(&self, command: MediaCommand) -> Result<(), Busy> {
        self.commands.lock().unwrap().push(command);
        Ok(())
    }

    fn port(&self) -> u16 {
        50_000
    }
}

/// What a test may look into beside the parts.
pub struct Behind {
    pub media: Arc<FakeMedia>,
    pub media_events: mpsc::Sender<MediaEvent>,
}

/// Parts on storage in memory, with registration open and production's limits.
pub async fn parts() -> Parts {
    parts_with(SignalingConfig { open_registration: true, ..SignalingConfig::default() }).await.0
}

/// Parts of that configuration.
pub async fn parts_with(config: SignalingConfig) -> (Parts, Behind) {
    let media = Arc::new(FakeMedia::default());
    let (media_events, events) = mpsc::channel(64);
    let parts = parts::in_memory(&[], media.clone(), events, config).await;
    (parts, Behind { media, media_events })
}

/// The wing as a client reaches it.
pub struct Api {
    pub parts: Parts,
    pub behind: Behind,
    router: Router,
    watch: effects::Watch,
}

/// Someone with an account.
#[derive(Debug, Clone)]
pub struct Person {
    pub id: String,
    pub token: String,
}

impl Api {
    pub async fn new() -> Self {
        Self::with(SignalingConfig { open_registration: true, ..SignalingConfig::default() }).await
    }

    pub async fn with(config: SignalingConfig) -> Self {
        let (parts, behind) = parts_with(config).await;
        let watch = effects::Watch::of(&parts);
        let router = signaling::router(parts.clone(), Router::new());
        Self { router, parts, behind, watch }
    }

    /// What answers its requests, to be served on a port.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Forgets what was counted so far.
    pub fn forget_limits(&mut self) {
        self.parts.limiter = Arc::new(Limiter::default());
        self.router = signaling::router(self.parts.clone(), Router::new());
    }

    /// A request to `path` below `/api/v10`, or to a whole path that begins with `/api`.
    pub fn ask(&self, method: &str, path: &str) -> Ask {
        let path = if path.starts_with("/api") { path.into() } else { format!("/api/v10{path}") };
        Ask {
            router: self.router.clone(),
            parts: self.parts.clone(),
            watch: self.watch.clone(),
            request: Request::builder().method(method).uri(path).header(header::HOST, "hall.test"),
            body: Body::empty(),
            peer: IpAddr::from([192, 0, 2, 1]),
            tls: true,
        }
    }

    /// A request to a path outside the API.
    pub fn ask_outside(&self, method: &str, path: &str) -> Ask {
        let mut ask = self.ask(method, "");
        ask.request = ask.request.uri(path);
        ask
    }

    /// Registers through REST, with open registration.
    pub async fn register(&self, username: &str) -> Person {
        let body = json!({ "username": username, "password": PASSWORD });
        let answer = self.ask("POST", "/auth/register").json(&body).send().await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        Person {
            id: answer.body["user_id"].as_str().unwrap().to_owned(),
            token: answer.body["token"].as_str().unwrap().to_owned(),
        }
    }

    /// A bot with these switches.
    pub async fn bot(&self, name: &str, intents: PrivilegedIntents) -> Person {
        let (application, token) =
            Accounts::from(&self.parts).add_bot(name, None, intents).await.unwrap();
        Person { id: application.id.to_string(), token: format!("Bot {token}") }
    }

    /// Founds a guild; its id, and those of its text and its voice channel.
    pub async fn guild(&self, owner: &Person, name: &str) -> Place {
        let made = owner.ask(self, "POST", "/guilds").json(&json!({ "name": name })).send().await;
        assert_eq!(made.status, 201, "{}", made.body);
        let guild = made.body["id"].as_str().unwrap().to_owned();
        let path = format!("/guilds/{guild}/channels");
        let channels = owner.ask(self, "GET", &path).send().await.body;
        let of_kind = |kind: u64| {
            let channel = channels.as_array().unwrap().iter().find(|one| one["type"] == kind);
            channel.unwrap()["id"].as_str().unwrap().to_owned()
        };
        Place { text: of_kind(0), voice: of_kind(2), guild }
    }

    /// Makes `person` a member by an invite of `owner`.
    pub async fn join(&self, owner: &Person, place: &Place, person: &Person) {
        let path = format!("/channels/{}/invites", place.text);
        let invite = owner.ask(self, "POST", &path).send().await;
        assert_eq!(invite.status, 200, "{}", invite.body);
        let path = format!("/invites/{}", invite.body["code"].as_str().unwrap());
        let joined = person.ask(self, "POST", &path).send().await;
        assert_eq!(joined.status, 200, "{}", joined.body);
    }
}

/// A guild as `GuildDraft` makes it.
#[derive(Debug, Clone)]
pub struct Place {
    pub guild: String,
    pub text: String,
    pub voice: String,
}

/// Everyone's password.
pub const PASSWORD: &str = "correct horse battery";

impl Person {
    pub fn ask(&self, api: &Api, method: &str, path: &str) -> Ask {
        api.ask(method, path).token(&self.token)
    }
}

/// A request being put together.
pub struct Ask {
    router: Router,
    parts: Parts,
    watch: effects::Watch,
    request: axum::http::request::Builder,
    body: Body,
    peer: IpAddr,
    tls: bool,
}

impl Ask {
    pub fn token(self, token: &str) -> Self {
        self.header("authorization", token)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub fn json(self, body: &Value) -> Self {
        self.bytes(body.to_string().into_bytes())
    }

    pub fn bytes(mut self, bytes: Vec<u8>) -> Self {
        self.request = self.request.header(header::CONTENT_TYPE, "application/json");
        self.body = Body::from(bytes);
        self
    }

    /// A body of another media type.
    pub fn body(mut self, media_type: &str, body: impl Into<Body>) -> Self {
        self.request = self.request.header(header::CONTENT_TYPE, media_type);
        self.body = body.into();
        self
    }

    pub fn from(mut self, peer: &str) -> Self {
        self.peer = peer.parse().unwrap();
        self
    }

    pub fn plain(mut self) -> Self {
        self.tls = false;
        self
    }

    pub async fn send(self) -> Answer {
        let (status, headers, bytes) = self.send_for_bytes().await;
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).unwrap_or_else(|_| {
                panic!("not JSON: {}", String::from_utf8_lossy(&bytes));
            })
        };
        Answer { status, headers, body }
    }

    pub async fn send_for_bytes(self) -> (StatusCode, HeaderMap, Bytes) {
        let mut request = self.request.body(self.body).unwrap();
        request.extensions_mut().insert(Connection {
            peer: SocketAddr::new(self.peer, 40_000),
            local: SocketAddr::from(([192, 0, 2, 200], 443)),
            tls: self.tls,
        });
        let (method, path) = (request.method().clone(), request.uri().to_string());
        let watched = self.watch.begin(&self.parts).await;
        let response =
            self.router.clone().oneshot(request).await.expect("the router does not fail");
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = axum::body::to_bytes(response.into_body(), 16 << 20).await.unwrap();
        schema::check(&self.router, &method, &path, (status, &headers, &bytes)).await;
        let told = schema::told(&self.router, &method, &path).await;
        let faults = self.watch.faults(watched, &self.parts, told.unwrap_or(&Value::Null)).await;
        assert!(faults.is_empty(), "{method} {path}: {}", faults.join("; "));
        (status, headers, bytes)
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    /// Demands an error of that status and of Discord's code.
    #[track_caller]
    pub fn refuses(&self, status: u16, code: u64) {
        assert_eq!((self.status.as_u16(), &self.body["code"]), (status, &json!(code)), "{self:?}");
        assert!(self.body["message"].is_string(), "{self:?}");
    }

    /// Demands a field error of that code.
    #[track_caller]
    pub fn refuses_field(&self, field: &str, code: &str) {
        self.refuses(400, 50_035);
        let pointer = format!("/errors/{}/_errors/0/code", field.replace('.', "/"));
        assert_eq!(self.body.pointer(&pointer), Some(&json!(code)), "{self:?}");
    }
}
