//! A small instance on a real port with a recording media wing, its gateway sessions, and voice
//! clients that look at it from outside.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware;
use axum::middleware::Next;
use cluster::Busy;
use cluster::MediaPort;
use futures_util::SinkExt as _;
use futures_util::StreamExt as _;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::UserId;
use model::media::MediaCommand;
use model::media::MediaEvent;
use model::media::PeerId;
use model::wire::channel::ChannelType;
use model::wire::id::Id;
use serde_json::Value;
use serde_json::json;
use signaling::Connection;
use signaling::Parts;
use signaling::SignalingConfig;
use signaling::voice::VoiceRequest;
use state::GuildCommand;
use state::GuildEvent;
use state::Overflow;
use state::Subscriber;
use state::SubscriberId;
use state::UserEvent;
use state::call::CallEvent;
use state::guild::command::ChannelDraft;
use state::guild::command::GuildDraft;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::MaybeTlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::parts;

pub const GUILD: GuildId = Id::new(50);
pub const STAIRS: ChannelId = Id::new(54);
pub const TOWER: ChannelId = Id::new(55);
/// The owner.
pub const ANA: UserId = Id::new(1);
pub const BEN: UserId = Id::new(2);
pub const CAI: UserId = Id::new(3);

/// Longer than anything here takes; a test that waits for it has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A media wing that passes on what it is told, and takes every peer in.
struct Recorder {
    told: mpsc::Sender<MediaCommand>,
    events: mpsc::Sender<MediaEvent>,
}

impl MediaPort for Recorder {
    fn command(&self, command: MediaCommand) -> Result<(), Busy> {
        if let MediaCommand::Join { peer, .. } = command {
            self.events.try_send(MediaEvent::Joined { peer }).map_err(|_| Busy)?;
        }
        self.told.try_send(command).map_err(|_| Busy)
    }

    fn port(&self) -> u16 {
        50_000
    }
}

pub struct Hall {
    pub parts: Parts,
    pub address: SocketAddr,
    commands: mpsc::Receiver<MediaCommand>,
    media: mpsc::Sender<MediaEvent>,
    sessions: u64,
}

impl Hall {
    /// Ana's guild with Ben and Cai in it, and the voice channels STAIRS and TOWER.
    pub async fn open() -> Self {
        let accounts = [(ANA, "ana", false), (BEN, "ben", false), (CAI, "cai", false)];
        let (told, commands) = mpsc::channel(1_024);
        let (media, events) = mpsc::channel(64);
        let port = Arc::new(Recorder { told, events: media.clone() });
        let parts = parts::in_memory(&accounts, port, events, SignalingConfig::default()).await;
        let draft = GuildDraft {
            id: GUILD,
            name: "Harbour".to_owned(),
            owner: ANA,
            icon: None,
            now: parts.now(),
            channel_ids: [Id::new(51), Id::new(52), Id::new(53), STAIRS],
        };
        parts.store.found(draft).await.expect("a guild");
        let address = serve(parts.clone()).await;
        let hall = Self { parts, address, commands, media, sessions: 1_000 };
        for user in [BEN, CAI] {
            let now = hall.parts.now();
            hall.change(user, GuildCommand::Join { user, now, roles: Vec::new() }).await;
        }
        hall.change(
            ANA,
            GuildCommand::CreateChannel(ChannelDraft {
                id: TOWER,
                kind: ChannelType::GuildVoice,
                name: "Tower".to_owned(),
                parent: None,
                topic: None,
                position: None,
                bitrate: None,
                user_limit: None,
                rate_limit_per_user: None,
                nsfw: false,
                overwrites: Vec::new(),
                forum: state::guild::command::ForumPatch::default(),
            }),
        )
        .await;
        hall
    }

    pub async fn change(&self, actor: UserId, command: GuildCommand) {
        self.parts.store.execute(GUILD, actor, command).await.expect("an allowed change");
    }

    /// The next thing that the media wing is told.
    pub async fn told(&mut self) -> MediaCommand {
        let told = tokio::time::timeout(PATIENCE, self.commands.recv()).await;
        told.expect("the media wing is told something").expect("the wing lives")
    }

    /// The media wing was told nothing more.
    pub fn told_nothing(&mut self) {
        assert!(self.commands.try_recv().is_err());
    }

    pub async fn says(&self, event: MediaEvent) {
        self.media.send(event).await.expect("the watch listens");
    }

    /// A gateway session of someone, that hears the guild.
    pub async fn session(&mut self, user: UserId) -> Session {
        self.sessions += 1;
        let id = SubscriberId(self.sessions);
        let (queue, events) = mpsc::channel(64);
        let overflow = Arc::new(Overflow::default());
        self.parts.store.connect(Subscriber { id, user, queue, overflow, hearer: None });
        self.parts.store.subscribe(id, GUILD).await.expect("a member");
        Session { parts: self.parts.clone(), user, name: format!("session-{}", id.0), events }
    }

    /// Someone joins by a new gateway session and identifies; the media wing's Join was taken.
    pub async fn join(&mut self, user: UserId, query: &str) -> (Session, Client, PeerId) {
        let mut session = self.session(user).await;
        session.ask(Some(STAIRS)).await;
        let ticket = session.ticket().await;
        let mut client = self.client(query).await;
        client.identify(&session, &ticket).await;
        let MediaCommand::Join { peer, .. } = self.told().await else { panic!("no join") };
        assert_eq!(client.next().await["op"], 8);
        let ready = client.next().await;
        assert_eq!(ready["op"], 2, "{ready}");
        client.ssrc = ready["d"]["ssrc"].as_u64().expect("an SSRC");
        client.token = ticket;
        (session, client, peer)
    }

    /// The same, with a UDP transport chosen and described.
    pub async fn join_udp(&mut self, user: UserId, query: &str) -> (Session, Client, PeerId) {
        let (session, mut client, peer) = self.join(user, query).await;
        client.send(&select_udp()).await;
        client.until(4).await;
        let MediaCommand::SelectUdp { .. } = self.told().await else { panic!("no transport") };
        (session, client, peer)
    }

    pub async fn client(&self, query: &str) -> Client {
        let url = format!("ws://{}/{query}", self.address);
        let (socket, _) = tokio_tungstenite::connect_async(url).await.expect("a socket");
        Client { socket, ssrc: 0, token: String::new(), heard: 0 }
    }
}

pub fn select_udp() -> Value {
    let data =
        json!({ "address": "127.0.0.1", "port": 1337, "mode": "aead_xchacha20_poly1305_rtpsize" });
    json!({ "op": 1, "d": { "protocol": "udp", "data": data } })
}

/// A gateway session, as far as voice knows one.
pub struct Session {
    parts: Parts,
    pub user: UserId,
    pub name: String,
    events: mpsc::Receiver<UserEvent>,
}

/// What a gateway session hears of voice.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    State { user: UserId, channel: Option<ChannelId>, session: String },
    Server { token: String, endpoint: Option<String> },
}

impl Session {
    /// Op 4 of the main gateway.
    pub async fn ask(&self, channel: Option<ChannelId>) {
        self.ask_in(Some(GUILD), channel).await;
    }

    /// The same, in a guild or outside of all.
    pub async fn ask_in(&self, guild: Option<GuildId>, channel: Option<ChannelId>) {
        let request = VoiceRequest {
            user: self.user,
            session: self.name.clone(),
            guild,
            channel,
            self_mute: false,
            self_deaf: false,
            self_video: false,
            host: "hall.example:8443".to_owned(),
        };
        self.parts.calls.request(request).await.expect("allowed");
    }

    /// The next thing about voice.
    pub async fn hears(&mut self) -> Heard {
        loop {
            let event = tokio::time::timeout(PATIENCE, self.events.recv()).await;
            match event.expect("something is heard").expect("the store lives") {
                UserEvent::Guild(publication) => {
                    if let GuildEvent::VoiceStateUpdated(state) = &publication.event {
                        return Heard::State {
                            user: state.user,
                            channel: state.channel,
                            session: state.session.clone(),
                        };
                    }
                }
                UserEvent::VoiceServer(server) => {
                    assert_ne!(server.guild.is_some(), server.channel.is_some());
                    if server.session == self.name {
                        let (token, endpoint) = (server.token.clone(), server.endpoint.clone());
                        return Heard::Server { token, endpoint };
                    }
                }
                UserEvent::Call(event) => {
                    if let CallEvent::Voice(_, state) = &*event {
                        return Heard::State {
                            user: state.user,
                            channel: state.channel,
                            session: state.session.clone(),
                        };
                    }
                }
                _ => {}
            }
        }
    }

    /// The token of the next voice server.
    pub async fn ticket(&mut self) -> String {
        loop {
            if let Heard::Server { token, .. } = self.hears().await {
                return token;
            }
        }
    }

    /// The next change of someone's channel.
    pub async fn sees(&mut self, user: UserId) -> Option<ChannelId> {
        loop {
            match self.hears().await {
                Heard::State { user: other, channel, .. } if other == user => return channel,
                _ => {}
            }
        }
    }
}

/// A voice client.
pub struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub ssrc: u64,
    pub token: String,
    /// The last number heard.
    pub heard: u64,
}

impl Client {
    pub async fn send(&mut self, message: &Value) {
        self.send_text(&message.to_string()).await;
    }

    pub async fn send_text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.expect("sent");
    }

    pub async fn identify(&mut self, session: &Session, token: &str) {
        self.identify_at(GUILD.get(), session, token).await;
    }

    /// Identifies with a guild or a private channel.
    pub async fn identify_at(&mut self, server: u64, session: &Session, token: &str) {
        let d = json!({
            "server_id": server.to_string(), "user_id": session.user, "session_id": session.name, "token": token,
        });
        self.send(&json!({ "op": 0, "d": d })).await;
    }

    pub async fn resume(&mut self, session: &Session, token: &str, seq_ack: Option<u64>) {
        let mut d = json!({ "server_id": GUILD, "session_id": session.name, "token": token });
        if let Some(seq_ack) = seq_ack {
            d["seq_ack"] = json!(seq_ack);
        }
        self.send(&json!({ "op": 7, "d": d })).await;
    }

    /// The next message.
    pub async fn next(&mut self) -> Value {
        match self.receive().await {
            Ok(value) => value,
            Err(code) => panic!("closed with {code}"),
        }
    }

    /// The messages up to the first of that op, which is the last.
    pub async fn until(&mut self, op: u64) -> Vec<Value> {
        let mut messages = Vec::new();
        loop {
            let message = self.next().await;
            let is_last = message["op"] == op;
            messages.push(message);
            if is_last {
                return messages;
            }
        }
    }

    /// The code of the close, whatever comes before it.
    pub async fn close_code(&mut self) -> u16 {
        loop {
            if let Err(code) = self.receive().await {
                return code;
            }
        }
    }

    /// Goes away, and waits until the server has noticed.
    pub async fn go(mut self) {
        self.socket.close(None).await.expect("a socket that stands");
        let end = async { while let Some(Ok(_)) = self.socket.next().await {} };
        tokio::time::timeout(PATIENCE, end).await.expect("the server lets go");
    }

    async fn receive(&mut self) -> Result<Value, u16> {
        loop {
            let received = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            match received.expect("the server says something") {
                Some(Ok(Message::Text(text))) => {
                    let value: Value = serde_json::from_str(&text).expect("JSON");
                    if let Some(seq) = value["seq"].as_u64() {
                        self.heard = seq;
                    }
                    return Ok(value);
                }
                Some(Ok(Message::Close(frame))) => {
                    return Err(frame.map_or(1_005, |frame| frame.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(1_006),
            }
        }
    }
}

/// Serves on a port that the kernel chooses; connections carry what the door would put there.
async fn serve(parts: Parts) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let connect = move |mut request: Request, next: Next| {
        let peer = SocketAddr::from(([127, 0, 0, 1], 40_000));
        request.extensions_mut().insert(Connection { peer, local: address, tls: false });
        next.run(request)
    };
    let router = signaling::router(parts, Router::new()).layer(middleware::from_fn(connect));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}
