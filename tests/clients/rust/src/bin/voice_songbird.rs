//! songbird with twilight, unmodified: plays and records by orders, one JSON line each.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use anyhow::Context as _;
use anyhow::bail;
use async_trait::async_trait;
use clients::id;
use clients::surrounding;
use clients::tell;
use serde_json::Value;
use serde_json::json;
use songbird::Call;
use songbird::Config;
use songbird::CoreEvent;
use songbird::Event as SongbirdEvent;
use songbird::EventContext;
use songbird::EventHandler;
use songbird::TrackEvent;
use songbird::driver::Bitrate;
use songbird::driver::CryptoMode;
use songbird::driver::DecodeConfig;
use songbird::driver::DecodeMode;
use songbird::error::JoinError;
use songbird::error::JoinResult;
use songbird::input::File;
use songbird::shards::Shard as SongbirdShard;
use songbird::shards::VoiceUpdate;
use tokio::io::AsyncBufReadExt as _;
use tokio::io::BufReader;
use twilight_gateway::ConfigBuilder;
use twilight_gateway::Event;
use twilight_gateway::EventTypeFlags;
use twilight_gateway::Intents;
use twilight_gateway::MessageSender;
use twilight_gateway::Shard;
use twilight_gateway::ShardId;
use twilight_gateway::StreamExt as _;
use twilight_http::Client;
use twilight_model::gateway::payload::outgoing::UpdateVoiceState;
use twilight_model::id::Id;
use twilight_model::id::marker::GuildMarker;
use twilight_model::id::marker::UserMarker;

const RATE: u32 = 48_000;
const PATIENCE: Duration = Duration::from_secs(20);
/// What the library's playout buffer still holds when a recording ends.
const PLAYOUT: Duration = Duration::from_millis(300);

/// Keeps what one person said, as 48 kHz stereo samples, and what happened to the connection.
#[derive(Default)]
struct Tape {
    users: HashMap<u32, u64>,
    wanted: u64,
    samples: Vec<i16>,
    reconnects: u32,
    connected: bool,
}

#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Tape>>);

impl Ear {
    fn with<T>(&self, run: impl FnOnce(&mut Tape) -> T) -> T {
        run(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn hear(&self, context: &EventContext<'_>) {
        self.with(|tape| match context {
            EventContext::SpeakingStateUpdate(speaking) => {
                if let Some(user) = speaking.user_id {
                    tape.users.insert(speaking.ssrc, user.0);
                }
            }
            EventContext::VoiceTick(tick) => {
                for (ssrc, voice) in &tick.speaking {
                    if tape.users.get(ssrc) == Some(&tape.wanted) {
                        tape.samples.extend(voice.decoded_voice.iter().flatten());
                    }
                }
            }
            EventContext::DriverConnect(_) => tape.connected = true,
            EventContext::DriverReconnect(_) => {
                tape.connected = true;
                tape.reconnects += 1;
            }
            EventContext::DriverDisconnect(_) => tape.connected = false,
            _ => {}
        });
    }
}

#[async_trait]
impl EventHandler for Ear {
    async fn act(&self, context: &EventContext<'_>) -> Option<SongbirdEvent> {
        self.hear(context);
        None
    }
}

/// Tells when a track was played to its end.
struct Played;

#[async_trait]
impl EventHandler for Played {
    async fn act(&self, _: &EventContext<'_>) -> Option<SongbirdEvent> {
        tell(&json!({ "played": true }));
        Some(SongbirdEvent::Cancel)
    }
}

/// Tells that a track could not be played.
struct Unplayable;

#[async_trait]
impl EventHandler for Unplayable {
    async fn act(&self, context: &EventContext<'_>) -> Option<SongbirdEvent> {
        if let EventContext::Track([(state, _), ..]) = context {
            tell(&json!({ "error": format!("{:?}", state.playing) }));
        }
        Some(SongbirdEvent::Cancel)
    }
}

/// The gateway, as songbird wants it.
struct Wire(MessageSender);

#[async_trait]
impl VoiceUpdate for Wire {
    async fn update_voice_state(
        &self,
        guild: songbird::id::GuildId,
        channel: Option<songbird::id::ChannelId>,
        deaf: bool,
        mute: bool,
    ) -> JoinResult<()> {
        let guild: Id<GuildMarker> = Id::from(guild.0);
        let update = UpdateVoiceState::new(guild, channel.map(|c| Id::from(c.0)), deaf, mute);
        self.0.command(&update).map_err(|_| JoinError::NoSender)
    }
}

/// What the gateway says of us.
#[derive(Default, Clone)]
struct Own {
    channel: Option<String>,
    muted: bool,
    readies: u32,
    resumes: u32,
}

struct Bot {
    call: Arc<tokio::sync::Mutex<Call>>,
    ear: Ear,
    own: Arc<Mutex<Own>>,
    mode: &'static str,
}

impl Bot {
    fn own(&self) -> Own {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn join(&self, channel: &str) -> anyhow::Result<Value> {
        let channel: NonZeroU64 = channel.parse()?;
        let there = self.own().channel.as_deref() == Some(channel.to_string().as_str());
        if !(there && self.ear.with(|tape| tape.connected)) {
            let joined = self.call.lock().await.join(channel).await?;
            tokio::time::timeout(PATIENCE, joined).await.context("no voice in time")??;
        }
        Ok(json!({ "joined": channel.to_string(), "mode": self.mode }))
    }

    async fn play(&self, file: &str) -> anyhow::Result<Value> {
        let mut call = self.call.lock().await;
        call.set_bitrate(Bitrate::Bits(64_000));
        let track = call.play_only_input(File::new(file.to_owned()).into());
        track.add_event(SongbirdEvent::Track(TrackEvent::End), Played)?;
        track.add_event(SongbirdEvent::Track(TrackEvent::Error), Unplayable)?;
        Ok(json!({ "playing": true }))
    }

    async fn stop(&self, file: &str) -> anyhow::Result<Value> {
        tokio::time::sleep(PLAYOUT).await;
        let samples = self.ear.with(|tape| {
            tape.wanted = 0;
            std::mem::take(&mut tape.samples)
        });
        write_wav(Path::new(file), &samples)?;
        let seconds = samples.len() as f64 / f64::from(2 * RATE);
        Ok(json!({ "recorded": { "seconds": seconds, "listening": true } }))
    }

    fn state(&self) -> Value {
        let own = self.own();
        let (connected, reconnects) = self.ear.with(|tape| (tape.connected, tape.reconnects));
        json!({ "state": {
            "connected": connected && own.channel.is_some(),
            "mode": self.mode,
            "channel": own.channel,
            "muted": own.muted,
            "readies": own.readies,
            "resumes": own.resumes,
            "voiceReconnects": reconnects,
        }})
    }

    async fn obey(&self, order: &Value) -> anyhow::Result<Value> {
        let text = |key: &str| order[key].as_str().with_context(|| format!("no {key}"));
        match text("order")? {
            "join" => self.join(text("channel")?).await,
            "play" => self.play(text("file")?).await,
            "hush" => {
                self.call.lock().await.stop();
                Ok(json!({ "hushed": true }))
            }
            "record" => {
                let user = text("user")?.parse()?;
                self.ear.with(|tape| {
                    tape.wanted = user;
                    tape.samples.clear();
                });
                Ok(json!({ "recording": true }))
            }
            "stop" => self.stop(text("file")?).await,
            "state" => Ok(self.state()),
            "leave" => {
                self.call.lock().await.leave().await?;
                self.ear.with(|tape| tape.connected = false);
                Ok(json!({ "left": true }))
            }
            other => bail!("an unknown order: {other}"),
        }
    }
}

fn write_wav(path: &Path, samples: &[i16]) -> anyhow::Result<()> {
    let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let length = u32::try_from(data.len())?;
    let mut file = Vec::with_capacity(44 + data.len());
    file.extend(b"RIFF");
    file.extend((36 + length).to_le_bytes());
    file.extend(b"WAVEfmt ");
    for field in [16, 1 | 2 << 16, RATE, RATE * 4, 4 | 16 << 16] {
        file.extend(field.to_le_bytes());
    }
    file.extend(b"data");
    file.extend(length.to_le_bytes());
    file.extend(data);
    Ok(std::fs::write(path, file)?)
}

/// Reads gateway events for ever; those about our voice go to songbird.
async fn pump(
    mut shard: Shard,
    me: Id<UserMarker>,
    call: Arc<tokio::sync::Mutex<Call>>,
    own: Arc<Mutex<Own>>,
    available: tokio::sync::oneshot::Sender<()>,
) {
    let mut available = Some(available);
    while let Some(event) = shard.next_event(EventTypeFlags::all()).await {
        let note = |change: &dyn Fn(&mut Own)| {
            change(&mut own.lock().unwrap_or_else(PoisonError::into_inner));
        };
        match event {
            Ok(Event::Ready(_)) => note(&|own| own.readies += 1),
            Ok(Event::Resumed) => note(&|own| own.resumes += 1),
            Ok(Event::GuildCreate(_)) => drop(available.take().map(|tell| tell.send(()))),
            Ok(Event::VoiceStateUpdate(state)) if state.user_id == me => {
                note(&|own| {
                    own.channel = state.channel_id.map(|channel| channel.to_string());
                    own.muted = state.mute;
                });
                let channel = state.channel_id.map(NonZeroU64::from);
                call.lock().await.update_state(state.session_id.clone(), channel);
            }
            Ok(Event::VoiceServerUpdate(server)) => {
                if let Some(endpoint) = server.endpoint {
                    call.lock().await.update_server(endpoint, server.token);
                }
            }
            Ok(_) => {}
            Err(error) => eprintln!("{error:?}"),
        }
    }
}

async fn enter() -> anyhow::Result<Bot> {
    let (token, host) = (surrounding("BOT_TOKEN"), surrounding("HOST"));
    let http = Client::builder().token(token.clone()).proxy(host.clone(), false).build();
    let me = http.current_user().await?.model().await?.id;
    let config = ConfigBuilder::new(token, Intents::all()).proxy_url(format!("wss://{host}"));
    let shard = Shard::with_config(ShardId::ONE, config.build());

    let (mode, crypto) = ("aead_aes256_gcm_rtpsize", CryptoMode::Aes256Gcm);
    let config = Config::default()
        .crypto_mode(crypto)
        .decode_mode(DecodeMode::Decode(DecodeConfig::default()));
    let wire = SongbirdShard::Generic(Arc::new(Wire(shard.sender())));
    let guild: Id<GuildMarker> = id("GUILD");
    let mut call = Call::from_config(NonZeroU64::from(guild), wire, NonZeroU64::from(me), config);
    let ear = Ear::default();
    for event in [
        CoreEvent::SpeakingStateUpdate,
        CoreEvent::VoiceTick,
        CoreEvent::DriverConnect,
        CoreEvent::DriverReconnect,
        CoreEvent::DriverDisconnect,
    ] {
        call.add_global_event(event.into(), ear.clone());
    }
    let (call, own) = (Arc::new(tokio::sync::Mutex::new(call)), Arc::default());
    let (available, guild_is_here) = tokio::sync::oneshot::channel();
    tokio::spawn(pump(shard, me, Arc::clone(&call), Arc::clone(&own), available));
    tokio::time::timeout(PATIENCE, guild_is_here).await.context("no guild in time")??;
    tell(&json!({ "ready": me.to_string() }));
    Ok(Bot { call, ear, own, mode })
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let bot = match enter().await {
        Ok(bot) => bot,
        Err(error) => {
            tell(&json!({ "error": format!("{error:#}") }));
            return Ok(());
        }
    };
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = orders.next_line().await? {
        let order: Value = serde_json::from_str(&line)?;
        match bot.obey(&order).await {
            Ok(answer) => tell(&answer),
            Err(error) => tell(&json!({ "error": format!("{}: {error:#}", order["order"]) })),
        }
    }
    // Its threads would outlive us.
    std::process::exit(0)
}
