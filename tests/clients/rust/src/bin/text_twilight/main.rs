//! twilight, unmodified: what is said, what a guild has, what bots are called for.

mod apps;
mod guild;
mod talk;

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use anyhow::Context as _;
use anyhow::bail;
use clients::Person;
use clients::attempt;
use clients::begin;
use clients::check;
use clients::id;
use clients::surrounding;
use tokio::sync::broadcast;
use twilight_cache_inmemory::InMemoryCache;
use twilight_gateway::Config;
use twilight_gateway::ConfigBuilder;
use twilight_gateway::Event;
use twilight_gateway::EventTypeFlags;
use twilight_gateway::Intents;
use twilight_gateway::MessageSender;
use twilight_gateway::Shard;
use twilight_gateway::ShardId;
use twilight_gateway::StreamExt as _;
use twilight_gateway::error::ReceiveMessageErrorType;
use twilight_http::Client;
use twilight_http::Response;
use twilight_http::api_error::ApiError;
use twilight_http::error::ErrorType;
use twilight_model::channel::Message;
use twilight_model::id::Id;
use twilight_model::id::marker::ApplicationMarker;
use twilight_model::id::marker::ChannelMarker;
use twilight_model::id::marker::GuildMarker;
use twilight_model::id::marker::UserMarker;

const PATIENCE: Duration = Duration::from_secs(20);
const RESUME_PATIENCE: Duration = Duration::from_secs(45);

type Events = broadcast::Receiver<Arc<Event>>;

struct Bot {
    http: Client,
    cache: Arc<InMemoryCache>,
    sender: MessageSender,
    events: broadcast::Sender<Arc<Event>>,
    unread: Arc<Mutex<Vec<String>>>,
    person: Person,
    application: Id<ApplicationMarker>,
    me: Id<UserMarker>,
    guild: Id<GuildMarker>,
    text: Id<ChannelMarker>,
    quiet: Id<ChannelMarker>,
    forum: Id<ChannelMarker>,
    stage: Id<ChannelMarker>,
}

impl Bot {
    fn listen(&self) -> Events {
        self.events.subscribe()
    }

    async fn say(&self, content: &str) -> anyhow::Result<Message> {
        Ok(self.http.create_message(self.text).content(content).await?.model().await?)
    }
}

/// What `pick` takes of the first of `events` that has it.
async fn first<T>(events: &mut Events, pick: impl Fn(&Event) -> Option<T>) -> anyhow::Result<T> {
    let picking = async {
        loop {
            if let Some(picked) = pick(&*events.recv().await?) {
                return Ok(picked);
            }
        }
    };
    tokio::time::timeout(PATIENCE, picking).await.context("no such event came")?
}

/// Waits for an event that matches.
async fn heard(events: &mut Events, matches: impl Fn(&Event) -> bool) -> anyhow::Result<()> {
    first(events, |event| matches(event).then_some(())).await
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
fn refused<T>(
    answer: Result<Response<T>, twilight_http::Error>,
    code: u64,
) -> anyhow::Result<String> {
    let Err(error) = answer else { bail!("it was allowed") };
    match error.kind() {
        ErrorType::Response { error: ApiError::General(error), .. } if error.code == code => {
            Ok(String::new())
        }
        other => bail!("another error: {other:?}"),
    }
}

/// Reads events for ever: fills the cache first, then tells who listens. What the library could not
/// read is kept.
async fn pump(
    mut shard: Shard,
    cache: Arc<InMemoryCache>,
    events: broadcast::Sender<Arc<Event>>,
    unread: Arc<Mutex<Vec<String>>>,
) {
    while let Some(event) = shard.next_event(EventTypeFlags::all()).await {
        match event {
            Ok(event) => {
                cache.update(&event);
                let _ = events.send(Arc::new(event));
            }
            Err(error) => {
                eprintln!("{error:?}");
                // Reconnecting is the library's own affair.
                if let ReceiveMessageErrorType::Deserializing { event } = error.kind() {
                    unread.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone());
                }
            }
        }
    }
}

fn config() -> Config {
    let url = format!("wss://{}", surrounding("HOST"));
    ConfigBuilder::new(surrounding("BOT_TOKEN"), Intents::all()).proxy_url(url).build()
}

async fn enter() -> anyhow::Result<Bot> {
    let (token, host) = (surrounding("BOT_TOKEN"), surrounding("HOST"));
    let http = Client::builder().token(token).proxy(host, false).build();
    let shard = Shard::with_config(ShardId::ONE, config());
    let sender = shard.sender();
    let cache = Arc::new(InMemoryCache::new());
    let (events, mut heard_by_us) = broadcast::channel(4_096);
    let unread = Arc::default();
    tokio::spawn(pump(shard, Arc::clone(&cache), events.clone(), Arc::clone(&unread)));
    let guild = id("GUILD");
    heard(
        &mut heard_by_us,
        |event| matches!(event, Event::GuildCreate(told) if told.id() == guild),
    )
    .await?;
    let me = http.current_user().await?.model().await?.id;
    let application = http.current_user_application().await?.model().await?.id;
    let person = Person::at(application);
    let (text, quiet) = (id("TEXT_CHANNEL"), id("QUIET_CHANNEL"));
    let (forum, stage) = (id("FORUM"), id("STAGE"));
    Ok(Bot {
        http,
        cache,
        sender,
        events,
        unread,
        person,
        application,
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
    attempt("edit", bot.edits(&message)).await;
    attempt("reaction", bot.reacts(&message)).await;
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
    attempt("forward", bot.forwards(&message)).await;
    attempt("delete", bot.deletes(&message)).await;
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
    attempt("apps: components of version 2", bot.lays_out()).await;
    attempt("apps: webhook", bot.speaks_by_a_webhook()).await;
    attempt("apps: audit log", bot.reads_the_audit_log()).await;
    attempt("apps: auto moderation", bot.forbids_words()).await;
    attempt("apps: scheduled events", bot.plans_an_event()).await;
    attempt("resume after a cut", bot.resumes()).await;
    let unread = bot.unread.lock().unwrap_or_else(PoisonError::into_inner);
    check("every event is understood", unread.is_empty(), unread.join("\n"));
    check("ends", true, "");
}

#[tokio::main]
async fn main() {
    if let Some(bot) = begin(enter()).await {
        scenario(&bot).await;
    }
}
