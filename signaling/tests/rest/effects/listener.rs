//! A gateway client that listens with every intent, and notes the names of what it is told.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware;
use axum::middleware::Next;
use futures_util::SinkExt as _;
use futures_util::StreamExt as _;
use model::id::GuildId;
use model::id::UserId;
use serde_json::Value;
use serde_json::json;
use signaling::Connection;
use tokio::net::TcpStream;
use tokio_tungstenite::MaybeTlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::support::Person;

/// Every intent that is documented.
const ALL: u64 = 53_608_447;

/// How long a test waits for what must come: far more than it takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Serves on a port of its own until the test ends.
pub(super) async fn serve(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let connection = Connection { peer: address, local: address, tls: false };
    let app = router.layer(middleware::from_fn(move |mut request: Request, next: Next| {
        request.extensions_mut().insert(connection);
        next.run(request)
    }));
    #[expect(clippy::disallowed_methods, reason = "the test's runtime ends it")]
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

pub(super) struct Listener {
    pub(super) user: UserId,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The guilds that it was shown and that are not gone.
    pub(super) guilds: BTreeSet<GuildId>,
    /// The server ended it.
    pub(super) over: bool,
}

impl Listener {
    pub(super) async fn new(address: SocketAddr, who: &Person) -> Self {
        let url = format!("ws://{address}/?v=10&encoding=json");
        let (mut socket, _) = tokio_tungstenite::connect_async(url).await.expect("a socket");
        let identify = json!({ "op": 2, "d": {
            "token": who.token, "intents": ALL,
            "properties": { "os": "linux", "browser": "test", "device": "test" },
        } });
        socket.send(Message::text(identify.to_string())).await.expect("an open socket");
        let user = who.id.parse().expect("an id");
        let mut listener = Self { user, socket, guilds: BTreeSet::new(), over: false };
        while listener.dispatch().await.expect("a session")["t"] != "READY" {}
        listener
    }

    /// The next dispatch; `None` once the server ended the session.
    pub(super) async fn dispatch(&mut self) -> Option<Value> {
        while !self.over {
            let read = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            match read.expect("a message in time") {
                Some(Ok(Message::Text(text))) => {
                    let message: Value = serde_json::from_str(&text).expect("JSON");
                    if message["op"] == 0 {
                        self.note(&message);
                        return Some(message);
                    }
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => self.over = true,
            }
        }
        None
    }

    fn note(&mut self, dispatch: &Value) {
        let guild = || dispatch["d"]["id"].as_str().expect("an id").parse().expect("an id");
        match dispatch["t"].as_str() {
            Some("GUILD_CREATE") => drop(self.guilds.insert(guild())),
            Some("GUILD_DELETE") => drop(self.guilds.remove(&guild())),
            _ => {}
        }
    }
}
