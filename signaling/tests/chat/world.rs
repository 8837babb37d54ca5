//! A small instance: a guild with people in it, and ways to ask it for things.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::Body;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::Method;
use axum::http::Request;
use axum::http::StatusCode;
use axum::http::header;
use cluster::MediaPort;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::RoleId;
use model::id::UserId;
use model::media::MediaCommand;
use model::wire::channel::permission_overwrite::PermissionOverwrite;
use model::wire::channel::permission_overwrite::PermissionOverwriteType;
use model::wire::guild::Permissions;
use model::wire::id::Id;
use serde_json::Value;
use signaling::AllParts;
use signaling::Connection;
use signaling::Parts;
use signaling::SignalingConfig;
use signaling::rest::limit::Limiter;
use state::GuildCommand;
use state::GuildEvent;
use state::Overflow;
use state::Subscriber;
use state::SubscriberId;
use state::UserEvent;
use state::event::ChatEvent;
use state::guild::command::ChannelPatch;
use state::guild::command::GuildDraft;
use state::guild::command::RolePatch;
use tokio::sync::mpsc;
use tower::ServiceExt as _;

use super::parts;

pub(crate) const GUILD: GuildId = Id::new(50);
pub(crate) const CATEGORY: ChannelId = Id::new(51);
pub(crate) const TEXT: ChannelId = Id::new(52);
pub(crate) const VOICE: ChannelId = Id::new(54);
/// The host that requests are made to.
pub(crate) const HOST: &str = "chat.example:8443";

/// Owns the guild and may do everything in it.
pub(crate) const OWNER: UserId = Id::new(1);
/// A member without roles.
pub(crate) const ANA: UserId = Id::new(2);
/// Another.
pub(crate) const BEN: UserId = Id::new(3);
/// A member, a bot.
pub(crate) const BOT: UserId = Id::new(4);
/// Not a member.
pub(crate) const DAN: UserId = Id::new(5);

struct NoMedia;

impl MediaPort for NoMedia {
    fn command(&self, _: MediaCommand) -> Result<(), cluster::Busy> {
        Err(cluster::Busy)
    }

    fn port(&self) -> u16 {
        0
    }
}

pub(crate) struct World {
    pub(crate) parts: Parts,
    tokens: Vec<(UserId, String)>,
    listeners: AtomicU64,
    router: Mutex<Option<(Router, u32)>>,
}

impl World {
    pub(crate) async fn open() -> Self {
        Self::with(SignalingConfig::default()).await
    }

    pub(crate) async fn with(config: SignalingConfig) -> Self {
        let accounts = [
            (OWNER, "owner", false),
            (ANA, "ana", false),
            (BEN, "ben", false),
            (BOT, "bot", true),
            (DAN, "dan", false),
        ];
        let (_, events) = mpsc::channel(1);
        let parts = parts::in_memory(&accounts, Arc::new(NoMedia), events, config).await;
        let draft = GuildDraft {
            id: GUILD,
            name: "Harbour".to_owned(),
            owner: OWNER,
            icon: None,
            now: parts.now(),
            channel_ids: [CATEGORY, TEXT, Id::new(53), VOICE],
        };
        parts.store.found(draft).await.expect("a guild");
        let mut tokens = Vec::new();
        for user in [OWNER, ANA, BEN, BOT, DAN] {
            tokens.push((user, parts.auth.issue(user, parts.now_ms()).await.expect("a token")));
        }
        let (listeners, router) = (AtomicU64::new(1), Mutex::default());
        let world = Self { parts, tokens, listeners, router };
        for user in [ANA, BEN, BOT] {
            let now = world.parts.now();
            world.change(user, GuildCommand::Join { user, now, roles: Vec::new() }).await;
        }
        world
    }

    pub(crate) async fn change(&self, actor: UserId, command: GuildCommand) {
        self.parts.store.execute(GUILD, actor, command).await.expect("an allowed change");
    }

    /// Takes `denied` from a person in the text channel.
    pub(crate) async fn deny(&self, user: UserId, denied: Permissions) {
        self.overwrite(user, Permissions::empty(), denied).await;
    }

    /// Gives `granted` to a person in the text channel.
    pub(crate) async fn allow(&self, user: UserId, granted: Permissions) {
        self.overwrite(user, granted, Permissions::empty()).await;
    }

    async fn overwrite(&self, user: UserId, allow: Permissions, deny: Permissions) {
        let kind = PermissionOverwriteType::Member;
        let overwrite = PermissionOverwrite { allow, deny, id: user.cast(), kind };
        self.change(OWNER, GuildCommand::SetOverwrite(TEXT, overwrite)).await;
    }

    pub(crate) async fn role(&self, mentionable: bool) -> RoleId {
        let id = self.parts.ids.next();
        let mentionable = Some(mentionable);
        let patch =
            RolePatch { name: Some("role".to_owned()), mentionable, ..RolePatch::default() };
        self.change(OWNER, GuildCommand::CreateRole(id, patch)).await;
        id
    }

    pub(crate) async fn slowmode(&self, seconds: u16) {
        let patch = ChannelPatch { rate_limit_per_user: Some(seconds), ..ChannelPatch::default() };
        self.change(OWNER, GuildCommand::UpdateChannel(TEXT, patch)).await;
    }

    /// What happens in the guild and the private channels of `user`, from now on.
    pub(crate) async fn listen(&self, user: UserId) -> Events {
        let id = SubscriberId(self.listeners.fetch_add(1, Ordering::Relaxed));
        let (queue, events) = mpsc::channel(2_000);
        let overflow = Arc::new(Overflow::default());
        self.parts.store.connect(Subscriber { id, user, queue, overflow, hearer: None });
        self.parts.store.subscribe(id, GUILD).await;
        Events(events)
    }

    pub(crate) fn request(
        &self,
        user: UserId,
        method: Method,
        path: &str,
    ) -> axum::http::request::Builder {
        let token = self.tokens.iter().find(|(owner, _)| *owner == user);
        let token = &token.expect("a person of this world").1;
        let kind = if user == BOT { "Bot " } else { "" };
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, HOST)
            .header(header::AUTHORIZATION, format!("{kind}{token}"))
    }

    /// The router, on the parts as they are when it is first asked for. Rate limits have tests of
    /// their own: before any is reached, a router takes over that remembers nothing.
    fn router(&self, path: &str) -> Router {
        let mut router = self.router.lock().expect("no panic");
        let once = path.contains("/reactions") || path.ends_with("/bulk-delete");
        let old = router.take().filter(|(_, used)| *used < 4 && !once);
        let (ready, used) = old.unwrap_or_else(|| {
            let limiter = Arc::new(Limiter::default());
            let parts = AllParts { limiter, ..AllParts::clone(&self.parts) };
            (signaling::router(parts.into(), Router::new()), 0)
        });
        *router = Some((ready.clone(), if once { u32::MAX } else { used + 1 }));
        ready
    }

    pub(crate) async fn send(&self, mut request: Request<Body>) -> Answer {
        let address = SocketAddr::from(([127, 0, 0, 1], 8_443));
        request.extensions_mut().insert(Connection { peer: address, local: address, tls: true });
        let path = request.uri().path().to_owned();
        let response = self.router(&path).oneshot(request).await.expect("an answer");
        let (head, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.expect("a whole body");
        Answer { status: head.status, headers: head.headers, body }
    }

    pub(crate) async fn ask(
        &self,
        user: UserId,
        method: Method,
        path: &str,
        body: Value,
    ) -> Answer {
        let request = self
            .request(user, method, &format!("/api/v10{path}"))
            .header(header::CONTENT_TYPE, "application/json");
        let body = if body.is_null() { Body::empty() } else { body.to_string().into() };
        self.send(request.body(body).expect("a request")).await
    }

    pub(crate) async fn get(&self, user: UserId, path: &str) -> Answer {
        self.ask(user, Method::GET, path, Value::Null).await
    }

    pub(crate) async fn post(&self, user: UserId, path: &str, body: Value) -> Answer {
        self.ask(user, Method::POST, path, body).await
    }

    /// Says something in the text channel; the answer must be the message.
    pub(crate) async fn say(&self, user: UserId, body: Value) -> Value {
        self.post(user, &messages(TEXT), body).await.ok()
    }

    pub(crate) async fn upload(
        &self,
        user: UserId,
        method: Method,
        path: &str,
        payload: Value,
        files: &[(&str, &[u8])],
    ) -> Answer {
        let request = self
            .request(user, method, &format!("/api/v10{path}"))
            .header(header::CONTENT_TYPE, format!("multipart/form-data; boundary={BOUNDARY}"));
        self.send(request.body(form(&payload, files).into()).expect("a request")).await
    }

    /// Posts a form that was written before.
    pub(crate) async fn send_form(&self, user: UserId, path: &str, form: Vec<u8>) -> Answer {
        let request = self
            .request(user, Method::POST, &format!("/api/v10{path}"))
            .header(header::CONTENT_TYPE, format!("multipart/form-data; boundary={BOUNDARY}"));
        self.send(request.body(form.into()).expect("a request")).await
    }

    /// Fetches a URL as it stands in a message, without a token.
    pub(crate) async fn fetch(&self, url: &Value) -> Answer {
        self.fetch_with(url, Method::GET, &[]).await
    }

    pub(crate) async fn fetch_with(
        &self,
        url: &Value,
        method: Method,
        headers: &[(&str, &str)],
    ) -> Answer {
        let path = url.as_str().expect("a URL").strip_prefix(&format!("https://{HOST}"));
        let mut request = Request::builder().method(method).uri(path.expect("our own host"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::empty()).expect("a request")).await
    }
}

const BOUNDARY: &str = "x-boundary-of-a-test";

/// A form as browsers write it (HTML: Multipart form data).
pub(crate) fn form(payload: &Value, files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut form = Vec::new();
    if !payload.is_null() {
        let head = "Content-Disposition: form-data; name=\"payload_json\"\r\n\
                    Content-Type: application/json";
        form.extend_from_slice(format!("--{BOUNDARY}\r\n{head}\r\n\r\n{payload}\r\n").as_bytes());
    }
    for (number, (name, bytes)) in files.iter().enumerate() {
        let name = name.replace('\r', "%0D").replace('\n', "%0A").replace('"', "%22");
        let head = format!(
            "Content-Disposition: form-data; name=\"files[{number}]\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream"
        );
        form.extend_from_slice(format!("--{BOUNDARY}\r\n{head}\r\n\r\n").as_bytes());
        form.extend_from_slice(bytes);
        form.extend_from_slice(b"\r\n");
    }
    form.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    form
}

/// A form with a recording of that type.
pub(crate) fn recording(payload: &Value, kind: &str) -> Vec<u8> {
    let form = form(payload, &[("voice.ogg", b"OggS not really")]);
    let text = String::from_utf8(form).expect("text");
    text.replace("application/octet-stream", kind).into_bytes()
}

pub(crate) fn messages(channel: ChannelId) -> String {
    format!("/channels/{channel}/messages")
}

/// The path of a message in the text channel.
pub(crate) fn one(message: &Value) -> String {
    format!("{}/{}", messages(TEXT), message["id"].as_str().expect("an id"))
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/json");
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// The JSON of an answer that must be good.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{:?}", self.body);
        self.json()
    }

    #[track_caller]
    pub(crate) fn empty(&self) {
        assert_eq!(self.status, StatusCode::NO_CONTENT, "{:?}", self.body);
        assert!(self.body.is_empty());
    }

    /// Asserts the status and Discord's code.
    #[track_caller]
    pub(crate) fn fails(&self, status: u16, code: u64) -> Value {
        let body = self.json();
        assert_eq!((self.status.as_u16(), body["code"].as_u64()), (status, Some(code)), "{body}");
        body
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("text"))
    }
}

pub(crate) struct Events(mpsc::Receiver<UserEvent>);

impl Events {
    /// The next thing that was said, changed or taken away.
    pub(crate) async fn chat(&mut self) -> ChatEvent {
        loop {
            match self.0.recv().await.expect("an event") {
                UserEvent::Guild(publication) => {
                    if let GuildEvent::Chat(event) = &publication.event {
                        return event.clone();
                    }
                }
                UserEvent::Private(publication) => return publication.event.clone(),
                _ => {}
            }
        }
    }

    /// Ids of messages said, up to and with one of that content.
    pub(crate) async fn said_until(&mut self, content: &str) -> Vec<String> {
        let mut said = Vec::new();
        loop {
            if let ChatEvent::MessageCreated(message) = self.chat().await {
                said.push(message.id.to_string());
                if message.content == content {
                    return said;
                }
            }
        }
    }
}
