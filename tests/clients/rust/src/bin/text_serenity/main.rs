//! serenity, unmodified: what is said, what a guild has, what bots are called for.
//!
//! The library always asks `https://discord.com`, but lets its HTTP client be chosen: one that finds this
//! name at the harness. So its own queue of limits is judged too, which its `proxy` would turn off; where
//! the gateway is, it is told by way of its proxy.

mod apps;
mod guild;
mod talk;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context as _;
use anyhow::bail;
use clients::Person;
use clients::attempt;
use clients::begin;
use clients::browser;
use clients::check;
use clients::surrounding;
use serenity::all::Cache;
use serenity::all::ChannelId;
use serenity::all::ErrorResponse;
use serenity::all::Event;
use serenity::all::EventHandler;
use serenity::all::GatewayIntents;
use serenity::all::GuildId;
use serenity::all::Http;
use serenity::all::HttpBuilder;
use serenity::all::HttpError;
use serenity::all::Message;
use serenity::all::RatelimitInfo;
use serenity::all::RawEventHandler;
use serenity::all::ShardManager;
use serenity::all::UserId;
use serenity::client::Client;
use serenity::client::ClientBuilder;
use serenity::http::Ratelimiter;
use tokio::sync::broadcast;

const PATIENCE: Duration = Duration::from_secs(20);
const RESUME_PATIENCE: Duration = Duration::from_secs(45);

/// An event, and the shard that it came by.
struct Told {
    shard: u32,
    event: Event,
}

/// Tells every event to whoever listens. The library hands each on in a task of its own, so that their
/// order is not kept.
struct Teller(broadcast::Sender<Arc<Told>>);

#[serenity::async_trait]
impl RawEventHandler for Teller {
    async fn raw_event(&self, context: serenity::all::Context, event: Event) {
        let _ = self.0.send(Arc::new(Told { shard: context.shard_id.get(), event }));
    }
}

/// Counts how often the library's queue lets a request wait.
struct Waits(Arc<AtomicU32>);

#[serenity::async_trait]
impl EventHandler for Waits {
    async fn ratelimit(&self, _: RatelimitInfo) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct Bot {
    http: Arc<Http>,
    /// What fetches files: their addresses are of the host that the library asked.
    web: reqwest::Client,
    cache: Arc<Cache>,
    shards: Arc<ShardManager>,
    events: broadcast::Sender<Arc<Told>>,
    waits: Arc<AtomicU32>,
    person: Person,
    me: UserId,
    guild: GuildId,
    text: ChannelId,
    quiet: ChannelId,
    forum: ChannelId,
    stage: ChannelId,
}

impl Bot {
    fn listen(&self) -> broadcast::Receiver<Arc<Told>> {
        self.events.subscribe()
    }

    async fn say(&self, content: &str) -> anyhow::Result<Message> {
        Ok(self.text.say(&self.http, content).await?)
    }
}

/// What `found` makes of the first event that it takes.
async fn heard<T>(
    events: &mut broadcast::Receiver<Arc<Told>>,
    found: impl Fn(&Event) -> Option<T>,
) -> anyhow::Result<T> {
    let first = async {
        loop {
            if let Some(value) = found(&events.recv().await?.event) {
                return Ok(value);
            }
        }
    };
    tokio::time::timeout(PATIENCE, first).await.context("no such event came")?
}

/// `Some` when the condition holds.
fn when(holds: bool) -> Option<()> {
    holds.then_some(())
}

/// Waits for what the library's cache comes to hold.
async fn until(holds: impl Fn() -> bool) -> anyhow::Result<()> {
    let becomes = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, becomes).await.context("the cache never had it")
}

/// That the library was refused with this code.
fn refused<T>(answer: serenity::Result<T>, wanted: isize) -> anyhow::Result<String> {
    match answer {
        Ok(_) => bail!("it was allowed"),
        Err(serenity::Error::Http(HttpError::UnsuccessfulRequest(ErrorResponse {
            error, ..
        }))) if error.code == wanted => Ok(String::new()),
        Err(other) => bail!("another error: {other:?}"),
    }
}

/// A client that has not begun yet, and what it hears.
struct Connection {
    client: Client,
    web: reqwest::Client,
    events: broadcast::Sender<Arc<Told>>,
    waits: Arc<AtomicU32>,
}

async fn connect() -> anyhow::Result<Connection> {
    let (token, host) = (surrounding("BOT_TOKEN"), surrounding("HOST"));
    let (_, port) = host.split_once(':').context("no port")?;
    let harness = SocketAddr::from(([127, 0, 0, 1], port.parse()?));
    // Its certificate is of another name; the gateway, whose address we tell, is checked in full.
    let web = reqwest::Client::builder()
        .resolve("discord.com", harness)
        .danger_accept_invalid_certs(true)
        .build()?;
    let waits = Arc::new(AtomicU32::new(0));
    let limits = Ratelimiter::new(web.clone(), format!("Bot {token}"));
    let http = HttpBuilder::new(&token).client(web.clone()).ratelimiter(limits).build();
    let (events, _) = broadcast::channel(4_096);
    let client = ClientBuilder::new_with_http(http, GatewayIntents::all())
        .raw_event_handler(Teller(events.clone()))
        .event_handler(Waits(Arc::clone(&waits)))
        .await?;
    let proxied = HttpBuilder::new(&token).client(browser()?).proxy(surrounding("BASE"));
    let proxied = proxied.ratelimiter_disabled(true).build();
    *client.ws_url.lock().await = proxied.get_gateway().await?.url;
    Ok(Connection { client, web, events, waits })
}

async fn enter() -> anyhow::Result<Bot> {
    let Connection { mut client, web, events, waits } = connect().await?;
    let mut heard_by_us = events.subscribe();
    let (http, cache) = (Arc::clone(&client.http), Arc::clone(&client.cache));
    let shards = Arc::clone(&client.shard_manager);
    tokio::spawn(async move {
        if let Err(error) = client.start().await {
            eprintln!("{error:?}");
        }
    });
    let id = |key: &str| surrounding(key).parse::<u64>().with_context(|| format!("{key} is an id"));
    let guild = GuildId::new(id("GUILD")?);
    heard(&mut heard_by_us, |event| match event {
        Event::GuildCreate(told) => when(told.guild.id == guild),
        _ => None,
    })
    .await?;
    let me = http.get_current_user().await?.id;
    let person = Person::at(http.application_id().context("no application")?);
    let (text, quiet) = (id("TEXT_CHANNEL")?.into(), id("QUIET_CHANNEL")?.into());
    let (forum, stage) = (id("FORUM")?.into(), id("STAGE")?.into());
    Ok(Bot {
        http,
        web,
        cache,
        shards,
        events,
        waits,
        person,
        me,
        guild,
        text,
        quiet,
        forum,
        stage,
    })
}

async fn scenario(bot: &Bot) {
    attempt("cache", bot.knows_its_guild()).await;
    attempt("member chunks", bot.asks_for_members()).await;
    let message = match bot.round_trip().await {
        Ok(message) => message,
        Err(error) => return check("text round trip", false, format!("{error:#}")),
    };
    check("text round trip", true, "");
    attempt("reply", bot.replies(&message)).await;
    attempt("edit", bot.edits(message.id)).await;
    attempt("reaction", bot.reacts(message.id)).await;
    attempt("embed", bot.embeds()).await;
    attempt("attachment equal byte for byte", bot.attaches()).await;
    attempt("typing", bot.sees_typing()).await;
    attempt("presence", bot.shows_presence()).await;
    attempt("permission denied with 50013", bot.is_denied()).await;
    attempt("permissions by overwrites", bot.obeys_overwrites()).await;
    attempt("429 handled by the library's queue", bot.waits_at_limits()).await;
    attempt("thread", bot.threads(message.id)).await;
    attempt("forum post", bot.posts_in_a_forum()).await;
    attempt("poll", bot.asks_by_a_poll()).await;
    attempt("forward", bot.forwards(message.id)).await;
    attempt("delete", bot.deletes(message.id)).await;
    attempt("stage", bot.sees_a_stage()).await;
    attempt("two shards", bot.runs_in_two_shards()).await;
    match bot.registers().await.as_deref() {
        Ok([roll, sing]) => {
            check("apps: register commands", true, "");
            let deferred = "apps: deferred answer, edited and followed up";
            attempt(deferred, bot.defers(roll)).await;
            attempt("apps: autocomplete", bot.suggests(sing)).await;
            attempt("apps: button", bot.is_pressed(sing)).await;
            attempt("apps: modal", bot.asks_by_a_form(sing)).await;
        }
        other => check("apps: register commands", false, format!("{other:?}")),
    }
    attempt("apps: webhook", bot.speaks_by_a_webhook()).await;
    attempt("apps: audit log", bot.reads_the_audit_log()).await;
    attempt("apps: auto moderation", bot.forbids_words()).await;
    attempt("apps: scheduled events", bot.plans_an_event()).await;
    attempt("resume after a cut", bot.resumes()).await;
    check("ends", true, "");
}

#[tokio::main]
async fn main() {
    if let Some(bot) = begin(enter()).await {
        scenario(&bot).await;
    }
}
