//! A gateway client, as thin as can be: it identifies, beats, and waits for what it is told to.

use std::sync::Arc;
use std::time::Duration;

use futures_util::SinkExt as _;
use futures_util::StreamExt as _;
use futures_util::stream::SplitSink;
use futures_util::stream::SplitStream;
use serde_json::Value;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio_tungstenite::MaybeTlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::Message;

use super::PATIENCE;

const BEAT: Duration = Duration::from_secs(5);
/// Guilds, messages, voice states and direct messages.
const INTENTS: u64 = 1 | 1 << 7 | 1 << 9 | 1 << 12;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// One WebSocket that speaks JSON.
pub(crate) struct Wire {
    url: String,
    read: SplitStream<Socket>,
    write: Arc<Mutex<SplitSink<Socket, Message>>>,
    /// Ends with us.
    _beats: JoinSet<()>,
}

impl Wire {
    /// Opens `url`.
    pub(crate) async fn open(url: &str) -> Self {
        let opening = tokio_tungstenite::connect_async(url);
        let opened = tokio::time::timeout(PATIENCE, opening).await.expect("in time");
        let (write, read) = opened.expect("a WebSocket").0.split();
        let write = Arc::new(Mutex::new(write));
        // Voice beats with op 3, the main gateway with op 1.
        let beat = if url.contains("encoding") {
            json!({ "op": 1, "d": null })
        } else {
            json!({ "op": 3, "d": { "t": 1, "seq_ack": -1 } })
        };
        let mut beats = JoinSet::new();
        beats.spawn(beat_for_ever(Arc::clone(&write), Message::text(beat.to_string())));
        Self { url: url.to_owned(), read, write, _beats: beats }
    }

    /// Sends one payload.
    pub(crate) async fn send(&mut self, payload: Value) {
        self.raw(Message::text(payload.to_string())).await.expect("sent");
    }

    /// Sends whatever it is.
    pub(crate) async fn raw(&mut self, message: Message) -> Result<(), Error> {
        self.write.lock().await.send(message).await
    }

    /// The next payload.
    ///
    /// # Panics
    ///
    /// When there is none in time.
    pub(crate) async fn next(&mut self) -> Value {
        match tokio::time::timeout(PATIENCE, self.poll()).await.expect("in time") {
            Ok(payload) => payload,
            Err(code) => panic!("{} closed with {code:?}", self.url),
        }
    }

    /// The next payload with `op`.
    pub(crate) async fn op(&mut self, op: u64) -> Value {
        loop {
            let payload = self.next().await;
            if payload["op"] == op {
                return payload["d"].clone();
            }
        }
    }

    /// Reads until it is closed; with which code, if any came.
    pub(crate) async fn closed(&mut self) -> Option<u16> {
        let reading = async {
            loop {
                if let Err(code) = self.poll().await {
                    return code;
                }
            }
        };
        tokio::time::timeout(PATIENCE, reading).await.expect("closed in time")
    }

    /// A payload that is there already or comes within `wait`.
    pub(crate) async fn within(&mut self, wait: Duration) -> Option<Value> {
        tokio::time::timeout(wait, self.poll()).await.ok()?.ok()
    }

    async fn poll(&mut self) -> Result<Value, Option<u16>> {
        loop {
            match self.read.next().await {
                Some(Ok(Message::Text(text))) => {
                    return Ok(serde_json::from_str(&text).expect("JSON"));
                }
                Some(Ok(Message::Close(frame))) => {
                    return Err(frame.map(|frame| frame.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }
}

/// Well within what both gateways ask for.
async fn beat_for_ever(write: Arc<Mutex<SplitSink<Socket, Message>>>, beat: Message) {
    loop {
        tokio::time::sleep(BEAT).await;
        if write.lock().await.send(beat.clone()).await.is_err() {
            return;
        }
    }
}

/// A session of a bot or a person.
pub(crate) struct Gateway {
    pub(crate) wire: Wire,
    pub(crate) user: String,
    pub(crate) session: String,
}

impl Gateway {
    /// Identifies; READY was received.
    pub(crate) async fn identify(host: &str, token: &str) -> Self {
        let mut wire = Wire::open(&format!("ws://{host}/?v=10&encoding=json")).await;
        wire.op(10).await;
        let properties = json!({ "os": "linux", "browser": "test", "device": "test" });
        let d = json!({ "token": token, "intents": INTENTS, "properties": properties });
        wire.send(json!({ "op": 2, "d": d })).await;
        let ready = wire.op(0).await;
        let user = super::text(&ready["user"]["id"]);
        Self { wire, user, session: super::text(&ready["session_id"]) }
    }

    /// The next dispatch called `name`.
    pub(crate) async fn dispatch(&mut self, name: &str) -> Value {
        loop {
            let payload = self.wire.next().await;
            if payload["t"] == name {
                return payload["d"].clone();
            }
        }
    }

    /// Asks for a place in a voice channel; the voice server that was named.
    pub(crate) async fn enter(&mut self, guild: &str, channel: &str) -> Value {
        let d = json!({
            "guild_id": guild, "channel_id": channel, "self_mute": false, "self_deaf": false
        });
        self.wire.send(json!({ "op": 4, "d": d })).await;
        self.dispatch("VOICE_SERVER_UPDATE").await
    }

    /// Leaves the voice channel of a guild.
    pub(crate) async fn leave(&mut self, guild: &str) {
        let d = json!({
            "guild_id": guild, "channel_id": null, "self_mute": false, "self_deaf": false
        });
        self.wire.send(json!({ "op": 4, "d": d })).await;
    }
}
