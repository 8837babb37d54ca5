//! Janus's JSON API over a WebSocket (Janus: "WebSockets Interface", "VideoRoom plugin
//! documentation"): one session, with a handle for each connection of a participant.

use std::collections::HashSet;
use std::net::SocketAddr;

use anyhow::Context as _;
use futures_util::SinkExt as _;
use futures_util::StreamExt as _;
use serde_json::Value;
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::bench::voice::line::PATIENCE;

/// The plugin that forwards.
const PLUGIN: &str = "janus.plugin.videoroom";

/// The session.
pub(super) struct Session {
    socket: WebSocketStream<TcpStream>,
    id: u64,
    transactions: u64,
    /// The connections that Janus says are up.
    up: HashSet<u64>,
}

/// A connection of a participant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Handle(u64);

/// What the plugin said.
pub(super) struct Reply {
    /// In its own words.
    pub(super) data: Value,
    /// An offer or an answer that came with it.
    pub(super) sdp: Option<String>,
}

impl Session {
    /// Opens one.
    ///
    /// # Errors
    ///
    /// When nobody answers there.
    pub(super) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let tcp = TcpStream::connect(address).await?;
        tcp.set_nodelay(true)?;
        let mut request = format!("ws://{address}/").into_client_request()?;
        let protocol = HeaderValue::from_static("janus-protocol");
        request.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
        let (socket, _) = tokio_tungstenite::client_async(request, tcp).await?;
        let mut this = Self { socket, id: 0, transactions: 0, up: HashSet::new() };
        let created = this.ask(json!({ "janus": "create" })).await?;
        this.id = created["data"]["id"].as_u64().context("no session")?;
        Ok(this)
    }

    /// A handle of the plugin.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub(super) async fn attach(&mut self) -> anyhow::Result<Handle> {
        let attach = json!({ "janus": "attach", "session_id": self.id, "plugin": PLUGIN });
        let attached = self.ask(attach).await?;
        Ok(Handle(attached["data"]["id"].as_u64().context("no handle")?))
    }

    /// Asks the plugin.
    ///
    /// # Errors
    ///
    /// When it refuses.
    pub(super) async fn request(
        &mut self,
        handle: Handle,
        body: Value,
        jsep: Option<Value>,
    ) -> anyhow::Result<Reply> {
        let mut message = json!({
            "janus": "message",
            "session_id": self.id,
            "handle_id": handle.0,
            "body": body,
        });
        if let Some(jsep) = jsep {
            message["jsep"] = jsep;
        }
        let mut answer = self.ask(message).await?;
        let data = answer["plugindata"]["data"].take();
        anyhow::ensure!(data["error"].is_null(), "the plugin refused: {data}");
        Ok(Reply { data, sdp: answer["jsep"]["sdp"].as_str().map(str::to_owned) })
    }

    /// Says that no candidate follows those of the description.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub(super) async fn complete(&mut self, handle: Handle) -> anyhow::Result<()> {
        let trickle = json!({
            "janus": "trickle",
            "session_id": self.id,
            "handle_id": handle.0,
            "candidate": { "completed": true },
        });
        self.ask(trickle).await.map(drop)
    }

    /// Waits until Janus says that a connection is up: before that, a speaker is none to it.
    ///
    /// # Errors
    ///
    /// When it does not say so in time.
    pub(super) async fn until_up(&mut self, handle: Handle) -> anyhow::Result<()> {
        let waiting = async {
            while !self.up.contains(&handle.0) {
                self.next().await?;
            }
            Ok(())
        };
        tokio::time::timeout(PATIENCE, waiting).await.context("not up within 20 s")?
    }

    /// Sends a message, and waits for what answers it.
    async fn ask(&mut self, mut message: Value) -> anyhow::Result<Value> {
        self.transactions += 1;
        let transaction = self.transactions.to_string();
        message["transaction"] = json!(transaction);
        let asynchronous = message["janus"] == "message";
        self.socket.send(Message::text(message.to_string())).await?;
        let waiting = async {
            loop {
                let heard = self.next().await?;
                if answers(&heard, &transaction, asynchronous)? {
                    return anyhow::Ok(heard);
                }
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.context("not within 20 s")?
    }

    async fn next(&mut self) -> anyhow::Result<Value> {
        loop {
            match self.socket.next().await.context("Janus hung up")?? {
                Message::Text(text) => {
                    let heard: Value = serde_json::from_str(&text)?;
                    if heard["janus"] == "webrtcup" {
                        self.up.extend(heard["sender"].as_u64());
                    }
                    return Ok(heard);
                }
                Message::Close(frame) => anyhow::bail!("Janus closed: {frame:?}"),
                _ => {}
            }
        }
    }

    /// Takes what is told, as long as it lasts.
    pub(super) async fn hold(mut self) {
        while self.next().await.is_ok() {}
    }
}

/// Whether a message answers a transaction. To an `asynchronous` one an `ack` is no answer yet.
///
/// # Errors
///
/// When it is refused.
fn answers(heard: &Value, transaction: &str, asynchronous: bool) -> anyhow::Result<bool> {
    if heard["transaction"] != transaction {
        return Ok(false);
    }
    anyhow::ensure!(heard["janus"] != "error", "Janus refused: {}", heard["error"]);
    Ok(heard["janus"] != "ack" || !asynchronous)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_answers_a_message_and_its_acknowledgement_does_not() {
        let heard =
            |kind: &str, transaction: &str| json!({ "janus": kind, "transaction": transaction });
        let answered = |heard: Value, asynchronous| answers(&heard, "7", asynchronous).ok();

        assert_eq!(answered(heard("ack", "7"), true), Some(false));
        assert_eq!(answered(heard("ack", "7"), false), Some(true));
        assert_eq!(answered(heard("event", "7"), true), Some(true));
        assert_eq!(answered(heard("event", "6"), true), Some(false));
        assert_eq!(answered(json!({ "janus": "webrtcup", "sender": 1 }), true), Some(false));
        assert_eq!(answered(heard("error", "7"), true), None);
    }
}
