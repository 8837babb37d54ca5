//! The guild where the crowd meets: its channels, its bots, and those who speak in it.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context as _;
use futures_util::StreamExt as _;
use futures_util::TryStreamExt as _;
use hyper::Method;
use indicatif::ProgressBar;
use serde_json::Value;
use serde_json::json;
use tokio::task::JoinSet;

use super::post::Client;
use crate::admin::AdminCommand;
use crate::admin::AdminReply;
use crate::bench::pace;
use crate::bench::voice::histogram::Times;
use crate::bench::voice::line::Door;
use crate::bench::voice::stage::OwnServer;

/// Admin commands under way at once.
const COMMANDS: usize = 64;
/// Messages a second that nobody is to be refused. A member may say five in five seconds in each
/// channel (Discord: Rate Limits), and the writers are to be held up by nothing but the disk.
const UNREFUSED: usize = 30_000;
/// Text channels at least and at most.
const CHANNELS: (usize, usize) = (8, 400);
/// The owner of the guild.
const OWNER: &str = "bench";
const PASSWORD: &str = "a long enough password";

/// A furnished guild.
pub(super) struct Hall {
    /// The way to the server.
    pub(super) door: Door,
    /// Whether what they hear is compressed (`zlib-stream`).
    pub(super) compressed: bool,
    /// The bots' tokens.
    pub(super) tokens: Arc<[String]>,
    client: Client,
    channels: Arc<[String]>,
    /// Requests of writers and readers that were answered.
    acknowledged: Arc<AtomicU64>,
    /// Counts everything that was said, so that everybody speaks in turn.
    said: u64,
    /// What times in messages are counted from.
    pub(super) began: Instant,
}

/// What the writers did, or the readers.
pub(super) struct Written {
    pub(super) acknowledged: u64,
    pub(super) took: Duration,
    pub(super) p99_ms: f64,
}

impl Hall {
    /// Founds the guild and makes its bots.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub(super) async fn furnish(
        server: &OwnServer,
        (bots, compressed): (usize, bool),
        bar: &ProgressBar,
    ) -> anyhow::Result<Self> {
        let (username, password) = (OWNER.to_owned(), Some(PASSWORD.to_owned()));
        server.ask(AdminCommand::UserAdd { username, password, owner: true }).await?;
        let found = AdminCommand::GuildCreate { name: "Hall".to_owned(), owner: OWNER.to_owned() };
        let AdminReply::Guild(guild) = server.ask(found).await? else {
            anyhow::bail!("no guild was founded")
        };
        let listen = server.listen();
        let client = Client::new(listen);
        let login = json!({ "login": OWNER, "password": PASSWORD });
        let login = client.post(None, "/api/v10/auth/login", &login).await?;
        let owner = login["token"].as_str().context("the owner cannot log in")?.to_owned();
        let mut channels = Vec::new();
        let wanted = UNREFUSED.div_ceil(bots.max(1)).clamp(CHANNELS.0, CHANNELS.1);
        for number in 0..wanted {
            // Few bots need many channels, which the server lets nobody make at once.
            bar.set_message(format!("making channels, {number} of {wanted}"));
            let channel = json!({ "name": format!("hall-{number}"), "type": 0 });
            let path = format!("/api/v10/guilds/{}/channels", guild.id);
            let made = client.patiently(Some((&owner, false)), &path, &channel).await?;
            channels.push(made["id"].as_str().context("no channel was made")?.to_owned());
        }
        let id = guild.id.parse()?;
        let made = AtomicUsize::new(0);
        let tokens = (0..bots).map(|index| {
            let made = &made;
            async move {
                let add = AdminCommand::BotAdd {
                    name: format!("bot-{index}"),
                    guild: Some(id),
                    members: false,
                    content: true,
                    presences: false,
                };
                let AdminReply::Bot { token: Some(token), .. } = server.ask(add).await? else {
                    anyhow::bail!("no bot was made")
                };
                let made = made.fetch_add(1, Relaxed) + 1;
                bar.set_message(format!("making bots, {made} of {bots}"));
                Ok(token)
            }
        });
        let tokens: Vec<_> =
            futures_util::stream::iter(tokens).buffered(COMMANDS).try_collect().await?;
        Ok(Self {
            door: Door { host: format!("127.0.0.1:{}", listen.port()), tls: None },
            compressed,
            tokens: tokens.into(),
            client,
            channels: channels.into(),
            acknowledged: Arc::default(),
            said: 0,
            began: crate::bench::now(),
        })
    }

    /// Says `rate` messages a second for a while, evenly, one bot after the other. How many.
    ///
    /// # Errors
    ///
    /// When one is refused.
    pub(super) async fn speak(&mut self, rate: u16, span: Duration) -> anyhow::Result<u64> {
        let count = (f64::from(rate) * span.as_secs_f64()).round() as u32;
        let mut ticks = tokio::time::interval(span / count.max(1));
        let mut under_way = JoinSet::new();
        for _ in 0..count {
            ticks.tick().await;
            let (client, said) = (self.client.clone(), self.said);
            let (tokens, channels, began) =
                (Arc::clone(&self.tokens), Arc::clone(&self.channels), self.began);
            under_way.spawn(async move { say(&client, &tokens, &channels, said, began).await });
            self.said += 1;
        }
        while let Some(done) = under_way.join_next().await {
            done??;
        }
        Ok(count.into())
    }

    /// Lets so many writers write, each waiting for its acknowledgement before the next.
    ///
    /// # Errors
    ///
    /// When one is refused.
    pub(super) async fn write(&self, writers: usize, span: Duration) -> anyhow::Result<Written> {
        let began = crate::bench::now();
        let next = Arc::new(AtomicU64::new(self.said));
        let mut all = JoinSet::new();
        for _ in 0..writers {
            let (client, next) = (self.client.clone(), Arc::clone(&next));
            let (tokens, channels) = (Arc::clone(&self.tokens), Arc::clone(&self.channels));
            let (start, acknowledged) = (self.began, self.acknowledged());
            all.spawn(async move {
                let mut times = Times::default();
                while began.elapsed() < span {
                    let said = next.fetch_add(1, Relaxed);
                    let at = crate::bench::now();
                    say(&client, &tokens, &channels, said, start).await?;
                    times.record(at, crate::bench::now());
                    acknowledged.fetch_add(1, Relaxed);
                }
                anyhow::Ok(times)
            });
        }
        written(began, all).await
    }

    /// How many requests of writers and readers were answered so far.
    pub(super) fn acknowledged(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.acknowledged)
    }
}

/// How many read the newest messages of a channel at once.
const READERS: u64 = 32;
/// How often each bot does, so that nobody is told to be patient: twenty in five seconds are allowed.
const READS: u64 = 8;
/// A snowflake that is not reached before the year 2084.
const LATER: u64 = 1 << 62;

impl Hall {
    /// Lets many read the newest page of one channel at once: all the same page, or each as many messages
    /// before another moment to come, which nobody asked for before.
    ///
    /// # Errors
    ///
    /// When one is refused.
    pub(super) async fn read(&self, same: bool) -> anyhow::Result<Written> {
        let reads = READS * self.tokens.len() as u64;
        let (began, next) = (crate::bench::now(), Arc::new(AtomicU64::new(0)));
        let mut all = JoinSet::new();
        for _ in 0..READERS {
            let (client, next) = (self.client.clone(), Arc::clone(&next));
            let (tokens, channel) = (Arc::clone(&self.tokens), self.channels[0].clone());
            let acknowledged = self.acknowledged();
            all.spawn(async move {
                let mut times = Times::default();
                loop {
                    let nth = next.fetch_add(1, Relaxed);
                    if nth >= reads {
                        return anyhow::Ok(times);
                    }
                    let page =
                        if same { String::new() } else { format!("&before={}", LATER + nth) };
                    let path = format!("/api/v10/channels/{channel}/messages?limit=50{page}");
                    let token = &tokens[nth as usize % tokens.len()];
                    let at = crate::bench::now();
                    let asking = client.ask(&Method::GET, Some((token, true)), &path, None);
                    let (status, answer) = asking.await?;
                    times.record(at, crate::bench::now());
                    acknowledged.fetch_add(1, Relaxed);
                    let text = String::from_utf8_lossy(&answer);
                    anyhow::ensure!(status.is_success(), "a page was refused: {text}");
                }
            });
        }
        written(began, all).await
    }
}

/// What all of them did since then, when the last is done.
async fn written(
    began: Instant,
    mut all: JoinSet<anyhow::Result<Times>>,
) -> anyhow::Result<Written> {
    let mut times = Times::default();
    while let Some(done) = all.join_next().await {
        times.add(&done??);
    }
    let took = began.elapsed();
    pace::settle();
    Ok(Written { acknowledged: times.total(), took, p99_ms: times.kept().quantile_ms(0.99) })
}

/// Says one message, which tells when it was said. Bots take turns, and so do the channels of each.
async fn say(
    client: &Client,
    tokens: &[String],
    channels: &[String],
    number: u64,
    began: Instant,
) -> anyhow::Result<()> {
    let token = &tokens[number as usize % tokens.len()];
    let channel = &channels[number as usize / tokens.len() % channels.len()];
    let path = format!("/api/v10/channels/{channel}/messages");
    let content = format!("t{} and the words of an ordinary message", began.elapsed().as_nanos());
    let said: Value =
        client.post(Some((token, true)), &path, &json!({ "content": content })).await?;
    anyhow::ensure!(said["id"].is_string(), "a message was refused: {said}");
    Ok(())
}
