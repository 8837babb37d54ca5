//! The server dies by `kill -9` while people write, again and again: every message that it
//! acknowledged is there afterwards, once, in the order in which it was acknowledged.

mod support;

use std::collections::HashSet;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use reqwest::Client;
use serde_json::Value;
use serde_json::json;
use signaling::auth::PrivilegedIntents;
use support::PATIENCE;
use support::text;
use tokio::task::JoinSet;

const KILLS: usize = 20;
const WRITERS: usize = 8;
/// Acknowledged messages after which the first round kills; each round waits for some more, so
/// that the log is cut at different points.
const FIRST: usize = 5;
/// A text channel (Discord: Channel Types). Each writer has one, for a channel takes five messages
/// in five seconds from one account.
const TEXT: u8 = 0;

/// The binary on a port that was free a moment ago.
struct Victim {
    process: Child,
    host: String,
}

impl Victim {
    async fn start(folder: &Path) -> Self {
        loop {
            let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
            let host = port.local_addr().expect("bound").to_string();
            drop(port);
            let process = Command::new(env!("CARGO_BIN_EXE_guildhall"))
                .args(["serve", "--listen", &host, "--data-dir"])
                .arg(folder.join("data"))
                .env("GUILDHALL__SERVER__PRIVATE_LISTEN", "")
                .env("GUILDHALL__SIGNALING__REQUESTS_PER_SECOND", "100000")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("the server starts");
            let mut this = Self { process, host };
            let ready = async {
                while Client::new()
                    .get(format!("http://{}/api/v10/gateway", this.host))
                    .send()
                    .await
                    .is_err()
                {
                    // Another took the port.
                    if this.process.try_wait().expect("asked").is_some() {
                        return false;
                    }
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
                true
            };
            if tokio::time::timeout(PATIENCE, ready).await.expect("ready in time") {
                return this;
            }
        }
    }
}

impl Drop for Victim {
    /// Without warning: SIGKILL.
    fn drop(&mut self) {
        self.process.kill().expect("killed");
        self.process.wait().expect("dead");
    }
}

/// A person who writes to a channel of their own.
#[derive(Clone)]
struct Writer {
    token: String,
    channel: String,
    /// What was acknowledged: id and content, in order.
    acknowledged: Vec<(u64, String)>,
    /// Sent, and the server died before it answered.
    unknown: HashSet<String>,
}

impl Writer {
    /// Writes until the server is gone.
    async fn write(&mut self, host: &str, round: usize, total: Arc<AtomicUsize>) {
        let http = Client::new();
        let url = format!("http://{host}/api/v10/channels/{}/messages", self.channel);
        for n in 0.. {
            let content = format!("{} {round} {n}", self.channel);
            let body = json!({ "content": content, "nonce": format!("{round}-{n}"), "enforce_nonce": true });
            let request = http.post(&url).header("authorization", &self.token).json(&body);
            let Ok(answer) = request.send().await else {
                self.unknown.insert(content);
                return;
            };
            let status = answer.status().as_u16();
            let Ok(body) = answer.json::<Value>().await else {
                self.unknown.insert(content);
                return;
            };
            match status {
                200 => {
                    self.acknowledged.push((id_of(&body), content));
                    total.fetch_add(1, Ordering::Relaxed);
                }
                429 => {
                    let wait = body["retry_after"].as_f64().expect("how long");
                    tokio::time::sleep(std::time::Duration::from_secs_f64(wait)).await;
                }
                _ => panic!("{status}: {body}"),
            }
        }
    }

    /// All that is stored in the channel, oldest first.
    async fn read(&self, host: &str) -> Vec<(u64, String)> {
        let http = Client::new();
        let mut stored = Vec::new();
        let mut before = String::new();
        loop {
            let url = format!(
                "http://{host}/api/v10/channels/{}/messages?limit=100{before}",
                self.channel
            );
            let request = http.get(url).header("authorization", &self.token);
            let answer = request.send().await.expect("an answer");
            let body: Value = answer.json().await.expect("JSON");
            if let Some(wait) = body["retry_after"].as_f64() {
                tokio::time::sleep(std::time::Duration::from_secs_f64(wait)).await;
                continue;
            }
            let page = body.as_array().unwrap_or_else(|| panic!("{body}"));
            let Some(oldest) = page.last() else { break };
            before = format!("&before={}", id_of(oldest));
            stored.extend(page.iter().map(|message| (id_of(message), text(&message["content"]))));
        }
        stored.reverse();
        stored
    }
}

fn id_of(message: &Value) -> u64 {
    text(&message["id"]).parse().expect("a snowflake")
}

async fn ask(host: &str, path: &str, token: &str, body: Value) -> Value {
    let request = Client::new().post(format!("http://{host}/api/v10{path}")).json(&body);
    let answer = request.header("authorization", token).send().await.expect("an answer");
    let status = answer.status();
    let body: Value = answer.json().await.expect("JSON");
    assert!(status.is_success(), "{path}: {status} {body}");
    body
}

/// Eight accounts, each with a channel.
async fn enter(folder: &Path) -> (Victim, Vec<Writer>) {
    // In this process first: it knows the owner's invite, and needs nobody's limits.
    let running = server::start(support::config(folder)).await.expect("the server starts");
    let host = running.address.to_string();
    let invite = running.owner_invite.clone().expect("nobody owns it yet");
    let ana = json!({ "username": "ana", "password": "correct horse battery", "invite": invite });
    let token = text(&ask(&host, "/auth/register", "", ana).await["token"]);
    let guild = text(&ask(&host, "/guilds", &token, json!({ "name": "Harbour" })).await["id"]);
    let mut writers = Vec::new();
    for n in 0..WRITERS {
        let draft = json!({ "name": format!("room-{n}"), "type": TEXT });
        let channel = ask(&host, &format!("/guilds/{guild}/channels"), &token, draft).await;
        let accounts = running.accounts();
        let name = format!("writer {n}");
        let added = accounts.add_bot(&name, None, PrivilegedIntents::ALL);
        let (bot, token) = added.await.expect("a bot");
        accounts.join(guild.parse().expect("an id"), bot.id.cast()).await.expect("a member");
        writers.push(Writer {
            token: format!("Bot {token}"),
            channel: text(&channel["id"]),
            acknowledged: Vec::new(),
            unknown: HashSet::new(),
        });
    }
    running.stop().await;
    (Victim::start(folder).await, writers)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_messages_survive_twenty_kills_once_and_in_order() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (mut victim, mut writers) = enter(folder.path()).await;

    for round in 0..KILLS {
        let total = Arc::new(AtomicUsize::new(0));
        let host = victim.host.clone();
        let mut tasks = JoinSet::new();
        for mut writer in writers {
            let (host, total) = (host.clone(), Arc::clone(&total));
            tasks.spawn(async move {
                writer.write(&host, round, total).await;
                writer
            });
        }
        let enough = async {
            while total.load(Ordering::Relaxed) < FIRST + round {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(PATIENCE, enough).await.expect("messages are acknowledged");
        drop(victim);
        writers = tasks.join_all().await;
        victim = Victim::start(folder.path()).await;
    }

    let mut acknowledged = 0;
    for writer in &writers {
        let stored = writer.read(&victim.host).await;
        assert!(stored.is_sorted_by(|a, b| a.0 < b.0), "out of order: {stored:?}");
        let contents: HashSet<_> = stored.iter().map(|(_, content)| content).collect();
        assert_eq!(contents.len(), stored.len(), "doubled: {stored:?}");
        let known: Vec<_> = stored
            .iter()
            .filter(|(_, content)| !writer.unknown.contains(content))
            .cloned()
            .collect();
        assert_eq!(known, writer.acknowledged, "lost, doubled or out of order");
        acknowledged += known.len();
    }
    println!("{KILLS} kills, {acknowledged} acknowledged, 0 lost, 0 doubled, 0 out of order");
    assert!(acknowledged >= KILLS * FIRST);
}
