//! A small instance on a real port, and gateway clients that look at it from outside.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware;
use axum::middleware::Next;
use cluster::MediaPort;
use futures_util::SinkExt as _;
use futures_util::StreamExt as _;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::UserId;
use model::media::MediaCommand;
use model::wire::id::Id;
use serde_json::Value;
use serde_json::json;
use signaling::Connection;
use signaling::Parts;
use signaling::SignalingConfig;
use state::GuildCommand;
use state::GuildEvent;
use state::event::ChatEvent;
use state::guild::command::GuildDraft;
use state::record::AccountRecord;
use state::record::ApplicationRecord;
use state::record::MessageRecord;
use state::record::UserRecord;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::MaybeTlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::parts;
use super::terms;

pub(crate) const GUILD: GuildId = Id::new(50);
pub(crate) const TEXT: ChannelId = Id::new(52);
pub(crate) const VOICE: ChannelId = Id::new(54);
/// A person, owner of the guild.
pub(crate) const ANA: UserId = Id::new(1);
/// A bot in the guild, with all privileged intents.
pub(crate) const BOT: UserId = Id::new(2);
/// A person in the guild.
pub(crate) const BEN: UserId = Id::new(3);

/// Every intent that is documented.
pub(crate) const ALL: u64 = 53_608_447;

/// Takes every command and does nothing: calls are set up, but never carry sound.
struct SilentMedia;

impl MediaPort for SilentMedia {
    fn command(&self, _: MediaCommand) -> Result<(), cluster::Busy> {
        Ok(())
    }

    fn port(&self) -> u16 {
        1
    }
}

pub(crate) struct Stage {
    pub(crate) parts: Parts,
    pub(crate) address: SocketAddr,
    tokens: Vec<(UserId, String)>,
    _media: mpsc::Sender<model::media::MediaEvent>,
}

impl Stage {
    pub(crate) async fn open() -> Self {
        Self::with(SignalingConfig::default()).await
    }

    pub(crate) async fn with(config: SignalingConfig) -> Self {
        let accounts = [(ANA, "ana", false), (BOT, "bot", true), (BEN, "ben", false)];
        let (media_events, events) = mpsc::channel(8);
        let parts = parts::in_memory(&accounts, Arc::new(SilentMedia), events, config).await;
        let flags = 1 << 13 | 1 << 15 | 1 << 19;
        let application = ApplicationRecord::new(BOT.cast(), "bot".to_owned(), Some(ANA), flags);
        parts.accounts.put_application(&application).await.expect("an application");
        let draft = GuildDraft {
            id: GUILD,
            name: "Harbour".to_owned(),
            owner: ANA,
            icon: None,
            now: parts.now(),
            channel_ids: [Id::new(51), TEXT, Id::new(53), VOICE],
        };
        parts.store.found(draft).await.expect("a guild");
        let mut tokens = Vec::new();
        for user in [ANA, BOT, BEN] {
            tokens.push((user, parts.auth.issue(user, parts.now_ms()).await.expect("a token")));
        }
        let address = serve(parts.clone()).await;
        let stage = Self { parts, address, tokens, _media: media_events };
        for user in [BOT, BEN] {
            let now = stage.parts.now();
            stage.change(user, GuildCommand::Join { user, now, roles: Vec::new() }).await;
        }
        stage
    }

    pub(crate) fn token(&self, user: UserId) -> String {
        let known = self.tokens.iter().find(|(known, _)| *known == user);
        known.expect("a user of this stage").1.clone()
    }

    /// Someone comes along who is in no guild.
    #[allow(dead_code, reason = "not every binary of tests has such people")]
    pub(crate) async fn welcome(&mut self, id: UserId, username: &str) {
        let user = UserRecord {
            id,
            username: username.to_owned(),
            global_name: None,
            avatar: None,
            bot: false,
            flags: 0,
        };
        let account = AccountRecord { user, password: None, owner: false, disabled: false };
        self.parts.accounts.create(&account).await.expect("a new account");
        let token = self.parts.auth.issue(id, self.parts.now_ms()).await.expect("a token");
        self.tokens.push((id, token));
    }

    pub(crate) async fn change(&self, actor: UserId, command: GuildCommand) {
        self.parts.store.execute(GUILD, actor, command).await.expect("an allowed change");
    }

    /// Ana says something in the text channel.
    pub(crate) async fn say(&self, content: &str) {
        let id: model::id::MessageId = self.parts.ids.next();
        let message: MessageRecord = serde_json::from_value(json!({
            "id": id, "channel": TEXT, "guild": GUILD, "author": ANA, "kind": 0, "content": content,
        }))
        .expect("a message");
        let event = GuildEvent::Chat(ChatEvent::MessageCreated(Arc::new(message)));
        let guild = self.parts.store.guild(GUILD).expect("the guild");
        guild.publish(event).await.expect("a guild that listens");
    }

    /// A client that was greeted.
    pub(crate) async fn connect(&self, query: &str) -> Client {
        let url = format!("ws://{}/?{query}", self.address);
        let (socket, _) = tokio_tungstenite::connect_async(url).await.expect("a socket");
        let mut client = Client { socket, codec: Codec::of(query) };
        let hello = client.next().await;
        assert_eq!(hello["op"], 10);
        client
    }

    /// A client whose session began; READY is returned, the guild was shown.
    pub(crate) async fn identify(&self, user: UserId, query: &str) -> (Client, Value) {
        let mut client = self.connect(query).await;
        client.identify(&self.token(user)).await;
        let ready = client.hear("READY").await;
        client.hear("GUILD_CREATE").await;
        (client, ready)
    }
}

/// Serves on a port of its own until the test ends.
async fn serve(parts: Parts) -> SocketAddr {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    // So that a client that does not read is soon seen.
    socket.set_send_buffer_size(SENT_UNREAD).expect("a small buffer");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let listener = socket.listen(1_024).expect("a port that listens");
    let address = listener.local_addr().expect("an address");
    let connection = Connection { peer: address, local: address, tls: false };
    let app = signaling::router(parts, Router::new()).layer(middleware::from_fn(
        move |mut request: Request, next: Next| {
            request.extensions_mut().insert(connection);
            next.run(request)
        },
    ));
    #[expect(clippy::disallowed_methods, reason = "the test's runtime ends it")]
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// Bytes that a connection of the server keeps for its client, and about as much again.
const SENT_UNREAD: u32 = 16 * 1_024;

/// How a client reads what it is sent, and writes what it says.
struct Codec {
    packing: Packing,
    /// Erlang's terms instead of JSON.
    terms: bool,
}

enum Packing {
    Plain,
    Zlib(Box<flate2::Decompress>),
    Zstd(Box<zstd::stream::raw::Decoder<'static>>),
}

impl Codec {
    fn of(query: &str) -> Self {
        let packing = if query.contains("zlib-stream") {
            Packing::Zlib(Box::new(flate2::Decompress::new(true)))
        } else if query.contains("zstd-stream") {
            let decoder = zstd::stream::raw::Decoder::new().expect("a decoder");
            Packing::Zstd(Box::new(decoder))
        } else {
            Packing::Plain
        };
        Self { packing, terms: query.contains("encoding=etf") }
    }

    fn decode(&mut self, message: Message) -> Value {
        let bytes = match (&mut self.packing, message) {
            (Packing::Plain, Message::Text(text)) if !self.terms => text.as_bytes().to_vec(),
            (Packing::Plain, Message::Binary(bytes)) if self.terms => bytes.to_vec(),
            (Packing::Zlib(inflate), Message::Binary(bytes)) => {
                assert!(bytes.ends_with(&[0, 0, 0xff, 0xff]), "a message without its end");
                let mut text = Vec::with_capacity(1 << 20);
                inflate
                    .decompress_vec(&bytes, &mut text, flate2::FlushDecompress::Sync)
                    .expect("zlib");
                text
            }
            (Packing::Zstd(decoder), Message::Binary(bytes)) => {
                use zstd::stream::raw::Operation as _;
                let mut text = vec![0; 1 << 20];
                let status = decoder.run_on_buffers(&bytes, &mut text).expect("zstd");
                text.truncate(status.bytes_written);
                text
            }
            (_, other) => panic!("unexpected message {other:?}"),
        };
        if self.terms { terms::read(&bytes) } else { serde_json::from_slice(&bytes).expect("JSON") }
    }

    fn encode(&self, message: &Value) -> Message {
        if self.terms {
            Message::binary(terms::write(message))
        } else {
            Message::text(message.to_string())
        }
    }
}

pub(crate) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    codec: Codec,
}

impl Client {
    /// The next message; fails at a close, or when none comes.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            match self.read().await {
                Some(Message::Ping(_) | Message::Pong(_)) => {}
                Some(Message::Close(frame)) => panic!("closed with {frame:?}"),
                Some(message) => return self.codec.decode(message),
                None => panic!("the connection is gone"),
            }
        }
    }

    /// The next dispatch of that name; others before it are passed over.
    pub(crate) async fn hear(&mut self, name: &str) -> Value {
        loop {
            let message = self.next().await;
            if message["t"] == name {
                return message;
            }
        }
    }

    /// The next message of that op; others before it are passed over.
    pub(crate) async fn hear_op(&mut self, op: u8) -> Value {
        loop {
            let message = self.next().await;
            if message["op"] == op {
                return message;
            }
        }
    }

    /// The code that the server closes with; messages before it are passed over.
    pub(crate) async fn close_code(&mut self) -> u16 {
        loop {
            match self.read().await {
                Some(Message::Close(Some(frame))) => return frame.code.into(),
                Some(Message::Close(None)) | None => panic!("no close code"),
                Some(_) => {}
            }
        }
    }

    async fn read(&mut self) -> Option<Message> {
        let read = tokio::time::timeout(PATIENCE, self.socket.next()).await;
        read.expect("nothing came").map(|read| read.expect("a whole message"))
    }

    pub(crate) async fn send(&mut self, op: u8, d: Value) {
        let message = self.codec.encode(&json!({ "op": op, "d": d }));
        self.send_message(message).await;
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.send_message(Message::text(text)).await;
    }

    pub(crate) async fn send_message(&mut self, message: Message) {
        self.socket.send(message).await.expect("an open socket");
    }

    pub(crate) async fn identify(&mut self, token: &str) {
        let d = json!({
            "token": token,
            "intents": ALL,
            "properties": { "os": "linux", "browser": "test", "device": "test" },
        });
        self.send(2, d).await;
    }

    pub(crate) async fn resume(&mut self, token: &str, session: &Value, seq: u64) {
        self.send(6, json!({ "token": token, "session_id": session, "seq": seq })).await;
    }

    /// Says goodbye, and goes on to listen.
    pub(crate) async fn part(&mut self, code: u16) {
        let frame = CloseFrame { code: code.into(), reason: "".into() };
        self.socket.send(Message::Close(Some(frame))).await.expect("sent");
    }

    pub(crate) async fn close(mut self, code: u16) {
        let frame = CloseFrame { code: CloseCode::from(code), reason: "".into() };
        self.socket.close(Some(frame)).await.expect("an open socket");
        while self.socket.next().await.is_some() {}
    }
}

/// How long a test waits for what must come: far more than it takes.
const PATIENCE: Duration = Duration::from_secs(20);
