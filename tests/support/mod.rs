//! The server from outside: started in this process on a port that the kernel chose, with people,
//! bots and voice clients that know nothing of its insides.
//!
//! Each test binary uses its own part of this.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub(crate) mod gateway;
pub(crate) mod udp;
pub(crate) mod voice;

use std::path::Path;
use std::time::Duration;

use reqwest::Client;
use reqwest::Method;
use reqwest::StatusCode;
use serde_json::Value;
use serde_json::json;
use server::Config;
use server::Running;
use signaling::auth::accounts::PrivilegedIntents;
use tempfile::TempDir;

/// Longer than anything here takes; a test that waits for it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A running server, the owner's token, and a guild.
pub(crate) struct Instance {
    pub(crate) running: Running,
    pub(crate) http: Client,
    pub(crate) owner: String,
    pub(crate) guild: String,
    _folder: TempDir,
}

impl Instance {
    /// A new one, with ANA as its owner and one guild of hers.
    pub(crate) async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let running = server::start(config(folder.path())).await.expect("the server starts");
        let mut this = Self {
            http: Client::new(),
            owner: String::new(),
            guild: String::new(),
            _folder: folder,
            running,
        };
        let invite = this.running.owner_invite.clone().expect("nobody owns it yet");
        let ana =
            json!({ "username": "ana", "password": "correct horse battery", "invite": invite });
        let answer = this.ask(Method::POST, "/auth/register", Some(ana)).await;
        this.owner = text(&answer["token"]);
        let guild = this.ask(Method::POST, "/guilds", Some(json!({ "name": "Harbour" }))).await;
        this.guild = text(&guild["id"]);
        this
    }

    /// `host:port` of the server.
    pub(crate) fn host(&self) -> String {
        self.running.address.to_string()
    }

    /// A request of the owner that must succeed.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let url = format!("http://{}/api/v10{path}", self.host());
        loop {
            let mut request = self.http.request(method.clone(), &url);
            if !self.owner.is_empty() {
                request = request.header("authorization", &self.owner);
            }
            if let Some(body) = &body {
                request = request.json(body);
            }
            let answer = request.send().await.expect("an answer");
            let status = answer.status();
            let body: Value = answer.json().await.unwrap_or_default();
            if status == StatusCode::TOO_MANY_REQUESTS {
                let wait = body["retry_after"].as_f64().expect("how long to wait");
                tokio::time::sleep(Duration::from_secs_f64(wait)).await;
                continue;
            }
            assert!(status.is_success(), "{path}: {status} {body}");
            return body;
        }
    }

    /// A new channel of the guild; its id.
    pub(crate) async fn channel(&self, name: &str, kind: u8) -> String {
        let path = format!("/guilds/{}/channels", self.guild);
        let draft = json!({ "name": name, "type": kind });
        text(&self.ask(Method::POST, &path, Some(draft)).await["id"])
    }

    /// A new bot in the guild: its id and its token.
    pub(crate) async fn bot(&self, name: &str) -> (String, String) {
        let accounts = self.running.accounts();
        let added = accounts.add_bot(name, None, PrivilegedIntents::ALL).await;
        let (application, token) = added.expect("a new bot");
        let guild = self.guild.parse().expect("an id");
        accounts.join(guild, application.id.cast()).await.expect("a member");
        (application.id.to_string(), token)
    }
}

/// All defaults but the folder, a port of the kernel's choice, and no private port.
pub(crate) fn config(folder: &Path) -> Config {
    let mut config = Config::default();
    config.server.listen = ([127, 0, 0, 1], 0).into();
    config.media.listen = config.server.listen;
    config.server.private_listen = None;
    config.server.data_dir = folder.join("data");
    config
}

/// A string out of JSON.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no string: {value}")).to_owned()
}
