//! twilight, unmodified: login, cache, messages, files, limits, resume.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use anyhow::bail;
use anyhow::ensure;
use clients::attempt;
use clients::begin;
use clients::browser;
use clients::check;
use clients::control;
use clients::id;
use clients::surrounding;
use futures_util::future::join_all;
use serde_json::json;
use tokio::sync::broadcast;
use twilight_cache_inmemory::InMemoryCache;
use twilight_gateway::ConfigBuilder;
use twilight_gateway::Event;
use twilight_gateway::EventTypeFlags;
use twilight_gateway::Intents;
use twilight_gateway::MessageSender;
use twilight_gateway::Shard;
use twilight_gateway::ShardId;
use twilight_gateway::StreamExt as _;
use twilight_http::Client;
use twilight_http::api_error::ApiError;
use twilight_http::error::ErrorType;
use twilight_http::request::channel::reaction::RequestReactionType;
use twilight_model::channel::Message;
use twilight_model::channel::message::Embed;
use twilight_model::gateway::payload::outgoing::UpdatePresence;
use twilight_model::gateway::presence::Activity;
use twilight_model::gateway::presence::ActivityType;
use twilight_model::gateway::presence::MinimalActivity;
use twilight_model::gateway::presence::Status;
use twilight_model::http::attachment::Attachment;
use twilight_model::id::Id;
use twilight_model::id::marker::ChannelMarker;
use twilight_model::id::marker::GuildMarker;
use twilight_model::id::marker::UserMarker;

const PATIENCE: Duration = Duration::from_secs(20);
const RESUME_PATIENCE: Duration = Duration::from_secs(45);

struct Bot {
    http: Client,
    cache: Arc<InMemoryCache>,
    sender: MessageSender,
    events: broadcast::Sender<Arc<Event>>,
    me: Id<UserMarker>,
    guild: Id<GuildMarker>,
    text: Id<ChannelMarker>,
    quiet: Id<ChannelMarker>,
}

/// The first of `events` that matches.
async fn heard(
    events: &mut broadcast::Receiver<Arc<Event>>,
    patience: Duration,
    matches: impl Fn(&Event) -> bool,
) -> anyhow::Result<Arc<Event>> {
    let first = async {
        loop {
            let event = events.recv().await?;
            if matches(&event) {
                return Ok(event);
            }
        }
    };
    tokio::time::timeout(patience, first).await.context("no such event came")?
}

impl Bot {
    fn listen(&self) -> broadcast::Receiver<Arc<Event>> {
        self.events.subscribe()
    }

    async fn say(&self, content: &str) -> anyhow::Result<Message> {
        Ok(self.http.create_message(self.text).content(content).await?.model().await?)
    }

    async fn knows_its_guild(&self) -> anyhow::Result<String> {
        let guild = self.cache.guild(self.guild).context("no guild")?;
        ensure!(guild.name() == "Conformance", "its name is {}", guild.name());
        let channel = self.cache.channel(self.text).context("no channel")?;
        ensure!(channel.name.as_deref() == Some("tavern"), "its name is {:?}", channel.name);
        self.cache.member(self.guild, self.me).context("not a member")?;
        let members = self.http.guild_members(self.guild).limit(100).await?.model().await?;
        ensure!(members.len() >= 2, "{} members", members.len());
        Ok(String::new())
    }

    async fn round_trip(&self) -> anyhow::Result<Message> {
        let mut events = self.listen();
        let sent = self.say("Hail, çà và?").await?;
        heard(&mut events, PATIENCE, |event| {
            matches!(event, Event::MessageCreate(m) if m.id == sent.id && m.content == "Hail, çà và?")
        })
        .await?;
        let history = self.http.channel_messages(self.text).limit(5).await?.model().await?;
        ensure!(history.iter().any(|m| m.id == sent.id), "not in the history");
        Ok(sent)
    }

    async fn replies(&self, to: &Message) -> anyhow::Result<String> {
        let request = self.http.create_message(self.text).content("And to you.").reply(to.id);
        let reply = request.await?.model().await?;
        let reference = reply.reference.and_then(|reference| reference.message_id);
        ensure!(reference == Some(to.id), "it refers to {reference:?}");
        Ok(String::new())
    }

    async fn edits(&self, message: &Message) -> anyhow::Result<String> {
        let mut events = self.listen();
        self.http.update_message(self.text, message.id).content(Some("Hail again.")).await?;
        heard(&mut events, PATIENCE, |event| {
            matches!(event, Event::MessageUpdate(m) if m.id == message.id && m.content == "Hail again.")
        })
        .await?;
        Ok(String::new())
    }

    async fn reacts(&self, message: &Message) -> anyhow::Result<String> {
        let beer = RequestReactionType::Unicode { name: "🍺" };
        let mut events = self.listen();
        self.http.create_reaction(self.text, message.id, &beer).await?;
        heard(&mut events, PATIENCE, |event| {
            matches!(event, Event::ReactionAdd(r) if r.message_id == message.id && r.user_id == self.me)
        })
        .await?;
        let fetched = self.http.message(self.text, message.id).await?.model().await?;
        ensure!(fetched.reactions.first().is_some_and(|r| r.me && r.count == 1), "not counted");
        self.http.delete_current_user_reaction(self.text, message.id, &beer).await?;
        heard(
            &mut events,
            PATIENCE,
            |event| matches!(event, Event::ReactionRemove(r) if r.message_id == message.id),
        )
        .await?;
        Ok(String::new())
    }

    async fn embeds(&self) -> anyhow::Result<String> {
        let embed = Embed {
            author: None,
            color: Some(0x00a1_412a),
            description: None,
            fields: Vec::new(),
            flags: None,
            footer: None,
            image: None,
            kind: "rich".to_owned(),
            provider: None,
            thumbnail: None,
            timestamp: None,
            title: Some("Tonight".to_owned()),
            url: None,
            video: None,
        };
        let request = self.http.create_message(self.text).embeds(std::slice::from_ref(&embed));
        let sent = request.await?.model().await?;
        let title = sent.embeds.first().and_then(|embed| embed.title.as_deref());
        ensure!(title == Some("Tonight"), "its title is {title:?}");
        Ok(String::new())
    }

    async fn attaches(&self) -> anyhow::Result<String> {
        // Bytes without a pattern that text handling or compression would leave alone.
        let mut seed = 0x9e37_79b9_u32;
        let data: Vec<u8> = (0..300_000)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (seed >> 24) as u8
            })
            .collect();
        let file = Attachment::from_bytes("map-of-the-road.bin".to_owned(), data.clone(), 1);
        let request = self.http.create_message(self.text).attachments(std::slice::from_ref(&file));
        let sent = request.await?.model().await?;
        let attachment = sent.attachments.first().context("no attachment")?;
        ensure!(attachment.size == data.len() as u64, "{} bytes", attachment.size);
        let fetched = browser()?.get(&attachment.url).send().await?.error_for_status()?;
        ensure!(fetched.bytes().await? == data, "other bytes came back");
        Ok(String::new())
    }

    async fn sees_typing(&self) -> anyhow::Result<String> {
        let mut events = self.listen();
        control("type", json!({ "channel": self.text })).await?;
        heard(&mut events, PATIENCE, |event| {
            matches!(event, Event::TypingStart(t) if t.channel_id == self.text && t.user_id != self.me)
        })
        .await?;
        Ok(String::new())
    }

    async fn shows_presence(&self) -> anyhow::Result<String> {
        let mut events = self.listen();
        let activity = Activity::from(MinimalActivity {
            kind: ActivityType::Watching,
            name: "the tavern".to_owned(),
            url: None,
        });
        self.sender.command(&UpdatePresence::new(vec![activity], false, None, Status::Idle)?)?;
        heard(&mut events, PATIENCE, |event| {
            matches!(event, Event::PresenceUpdate(p)
                if p.user.id() == self.me
                    && p.status == Status::Idle
                    && p.activities.first().is_some_and(|a| a.name == "the tavern"))
        })
        .await?;
        Ok(String::new())
    }

    async fn is_denied(&self) -> anyhow::Result<String> {
        match self.http.create_message(self.quiet).content("psst").await {
            Ok(_) => bail!("it was allowed"),
            Err(error) => expect_code(error.kind(), 50_013),
        }
    }

    async fn waits_at_limits(&self) -> anyhow::Result<String> {
        let texts: Vec<String> = (0..12).map(|n| format!("round {n}")).collect();
        let sent = join_all(texts.iter().map(|text| self.say(text))).await;
        let mut ids = Vec::new();
        for message in sent {
            ids.push(message?.id);
        }
        ids.sort_unstable();
        ids.dedup();
        ensure!(ids.len() == 12, "{} messages", ids.len());
        Ok(String::new())
    }

    async fn deletes(&self, message: &Message) -> anyhow::Result<String> {
        let mut events = self.listen();
        self.http.delete_message(self.text, message.id).await?;
        heard(
            &mut events,
            PATIENCE,
            |event| matches!(event, Event::MessageDelete(m) if m.id == message.id),
        )
        .await?;
        match self.http.message(self.text, message.id).await {
            Ok(_) => bail!("it is still there"),
            Err(error) => expect_code(error.kind(), 10_008),
        }
    }

    async fn resumes(&self) -> anyhow::Result<String> {
        let said = ["first in the dark", "second in the dark", "third in the dark"];
        let mut events = self.listen();
        control("cut", json!({ "seconds": 1, "channel": self.text, "say": said })).await?;
        let mut replayed = Vec::new();
        let resumed = async {
            loop {
                match &*events.recv().await? {
                    Event::MessageCreate(m) if said.contains(&m.content.as_str()) => {
                        replayed.push(m.content.clone());
                    }
                    Event::Ready(_) => bail!("it identified anew"),
                    Event::Resumed => return Ok(()),
                    _ => {}
                }
            }
        };
        tokio::time::timeout(RESUME_PATIENCE, resumed).await.context("it did not resume")??;
        control("say", json!({ "channel": self.text, "content": "light again" })).await?;
        heard(
            &mut events,
            PATIENCE,
            |event| matches!(event, Event::MessageCreate(m) if m.content == "light again"),
        )
        .await?;
        ensure!(replayed == said, "replayed: {replayed:?}");
        Ok(format!("{} replayed", replayed.len()))
    }
}

fn expect_code(kind: &ErrorType, code: u64) -> anyhow::Result<String> {
    match kind {
        ErrorType::Response { error: ApiError::General(error), .. } if error.code == code => {
            Ok(String::new())
        }
        other => bail!("another error: {other:?}"),
    }
}

/// Reads events for ever: fills the cache first, then tells who listens.
async fn pump(mut shard: Shard, cache: Arc<InMemoryCache>, events: broadcast::Sender<Arc<Event>>) {
    while let Some(event) = shard.next_event(EventTypeFlags::all()).await {
        match event {
            Ok(event) => {
                cache.update(&event);
                let _ = events.send(Arc::new(event));
            }
            // Reconnecting is the library's own affair.
            Err(error) => eprintln!("{error:?}"),
        }
    }
}

async fn enter() -> anyhow::Result<Bot> {
    let (token, host) = (surrounding("BOT_TOKEN"), surrounding("HOST"));
    let http = Client::builder().token(token.clone()).proxy(host.clone(), false).build();
    let config = ConfigBuilder::new(token, Intents::all()).proxy_url(format!("wss://{host}"));
    let shard = Shard::with_config(ShardId::ONE, config.build());
    let sender = shard.sender();
    let cache = Arc::new(InMemoryCache::new());
    let (events, mut heard_by_us) = broadcast::channel(4_096);
    tokio::spawn(pump(shard, Arc::clone(&cache), events.clone()));
    let guild = id("GUILD");
    heard(
        &mut heard_by_us,
        PATIENCE,
        |event| matches!(event, Event::GuildCreate(g) if g.id() == guild),
    )
    .await?;
    let me = http.current_user().await?.model().await?.id;
    let (text, quiet) = (id("TEXT_CHANNEL"), id("QUIET_CHANNEL"));
    Ok(Bot { http, cache, sender, events, me, guild, text, quiet })
}

async fn scenario(bot: &Bot) {
    attempt("cache", bot.knows_its_guild()).await;
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
    attempt("429 handled by the library's queue", bot.waits_at_limits()).await;
    attempt("delete", bot.deletes(&message)).await;
    attempt("resume after a cut", bot.resumes()).await;
    check("ends", true, "");
}

#[tokio::main]
async fn main() {
    if let Some(bot) = begin(enter()).await {
        scenario(&bot).await;
    }
}
