//! The one task of a session: it owns the socket while there is one, and outlives it.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Bytes;
use model::gateway::CloseCode;
use model::gateway::Intents;
use model::id::GuildId;
use model::limits;
use model::wire::id::Id;
use serde_json::Value;
use serde_json::json;
use state::GuildEvent;
use state::Overflow;
use state::Subscriber;
use state::SubscriberId;
use state::UserEvent;
use state::record::MessageRecord;
use state::users::Users;
use tokio::sync::mpsc;

use super::filter::Viewer;
use super::incoming::Incoming;
use super::incoming::MembersRequest;
use super::incoming::VoiceUpdate;
use super::members;
use super::ready;
use super::ready::Wanted;
use super::registry::Entry;
use super::session::GatewaySession;
use super::session::SocketWatch;
use super::shape;
use super::shape::Shaper;
use super::socket::Door;
use super::socket::Received;
use super::socket::Wire;
use super::socket::now;
use crate::auth;
use crate::auth::Identity;
use crate::cdn::Origin;
use crate::parts::Parts;
use crate::voice::VoiceRequest;
use crate::wire;

/// A socket that resumes a session.
pub(super) struct Attach {
    pub wire: Wire,
    pub watch: SocketWatch,
    /// The last number that its client heard.
    pub seq: u64,
}

/// Events taken from the queue before the socket is flushed.
const BATCH: usize = 64;

/// Whether a session goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Goes,
    Ends,
}

struct Session {
    parts: Parts,
    id: String,
    identity: Identity,
    viewer: Viewer,
    door: Door,
    wanted: Wanted,
    subscriber: SubscriberId,
    core: GatewaySession,
    socket: Option<(Wire, SocketWatch)>,
    /// When a session without a socket ends.
    ends: Instant,
}

/// Makes a session of an identified socket and runs it to its end.
pub(super) async fn begin(
    parts: Parts,
    door: Door,
    identity: Identity,
    wanted: Wanted,
    socket: Wire,
    watch: SocketWatch,
) {
    let id = hex::encode(auth::random::<16>());
    let (attach, attached) = mpsc::channel(1);
    let entry = Entry { user: identity.id(), attach };
    if !parts.sessions.insert(id.clone(), entry) {
        return socket.close(CloseCode::RateLimited).await;
    }
    let (queue, events) = mpsc::channel(limits::SESSION_MAILBOX);
    let overflow = Arc::new(Overflow::default());
    let subscriber = parts.sessions.subscriber();
    parts.store.connect(Subscriber {
        id: subscriber,
        user: identity.id(),
        queue,
        overflow: Arc::clone(&overflow),
    });
    let viewer = Viewer {
        user: identity.id(),
        intents: wanted.intents,
        origin: Origin::new(&parts.config, &door.host, door.tls),
    };
    let mut session = Session {
        ends: now() + parts.config.resume_window,
        parts,
        id,
        identity,
        viewer,
        door,
        wanted,
        subscriber,
        core: GatewaySession::default(),
        socket: Some((socket, watch)),
    };
    if session.ready().await {
        session.run(events, attached, overflow).await;
    }
    session.end().await;
}

impl Session {
    /// READY, then every guild.
    async fn ready(&mut self) -> bool {
        let parts = self.parts.clone();
        let user = self.identity.id();
        let Ok(Some(account)) = parts.accounts.account(user).await else { return false };
        let scheme = if self.door.tls { "wss" } else { "ws" };
        let host = parts.config.public_host.as_deref().unwrap_or(&self.door.host);
        let resume_url = format!("{scheme}://{host}");
        let ready = ready::payload(
            &parts,
            &self.identity,
            &account,
            &self.wanted,
            &self.id,
            &resume_url,
            self.door.version,
        );
        let Ok(ready) = ready.await else { return false };
        self.emit("READY", &shape::encode(&ready)).await;
        let presence = self.wanted.presence.clone();
        parts.store.presence(user, self.subscriber, Some(presence)).await;
        for guild in parts.store.guilds_of(user) {
            self.show_guild(guild.id()).await;
        }
        self.flush().await;
        true
    }

    /// Subscribes to a guild and sends GUILD_CREATE.
    async fn show_guild(&mut self, guild: GuildId) {
        if !ready::on_shard(guild, self.wanted.shard) {
            return;
        }
        let Some(view) = self.parts.store.subscribe(self.subscriber, guild).await else { return };
        let intents = self.viewer.intents;
        if !intents.contains(Intents::GUILDS) {
            return;
        }
        let shown = wire::MembersShown {
            large_threshold: self.wanted.large_threshold,
            all: intents.contains(Intents::GUILD_MEMBERS),
            presences: intents.contains(Intents::GUILD_PRESENCES),
        };
        let users = Arc::clone(self.parts.store.users());
        let now_ms = self.parts.now_ms();
        let payload = wire::guild_create(&view, self.viewer.user, &users, shown, now_ms);
        self.emit("GUILD_CREATE", &shape::encode(&payload)).await;
    }

    async fn run(
        &mut self,
        mut events: mpsc::Receiver<UserEvent>,
        mut attached: mpsc::Receiver<Attach>,
        overflow: Arc<Overflow>,
    ) {
        let closing = self.parts.sessions.closing.clone();
        loop {
            let due = self.socket.as_ref().map_or(self.ends, |(_, watch)| watch.poll_timeout());
            let socket = self.socket.as_mut();
            let then = tokio::select! {
                biased;
                () = closing.cancelled() => {
                    if let Some((mut wire, _)) = self.socket.take() {
                        wire.send(7, Value::Null).await;
                        wire.close(CloseCode::UnknownError).await;
                    }
                    Then::Ends
                }
                () = overflow.tripped() => {
                    self.close(CloseCode::UnknownError).await;
                    Then::Ends
                }
                Some(attach) = attached.recv() => self.attach(attach).await,
                received = async {
                    match socket {
                        Some((wire, _)) => wire.recv().await,
                        None => std::future::pending().await,
                    }
                } => self.handle_received(received).await,
                event = events.recv() => match event {
                    Some(event) => self.handle_events(event, &mut events).await,
                    None => Then::Ends,
                },
                () = tokio::time::sleep_until(due.into()) => self.handle_timeout().await,
            };
            if then == Then::Ends {
                return;
            }
        }
    }

    async fn handle_timeout(&mut self) -> Then {
        match &self.socket {
            None => Then::Ends,
            Some((_, watch)) => {
                if let Some(code) = watch.handle_timeout(now()) {
                    self.close(code).await;
                }
                Then::Goes
            }
        }
    }

    /// A resumed socket takes the place of the old one and is sent what it missed.
    async fn attach(&mut self, attach: Attach) -> Then {
        let Attach { mut wire, watch, seq } = attach;
        if let Some((old, _)) = self.socket.take() {
            // In a task of its own: the old peer may be long gone.
            #[expect(clippy::disallowed_methods, reason = "bounded by the close's own deadline")]
            tokio::spawn(old.close(CloseCode::UnknownError));
        }
        let missed = match self.core.resume(seq) {
            Ok(missed) => missed,
            Err(CloseCode::InvalidSeq) => {
                wire.close(CloseCode::InvalidSeq).await;
                return Then::Ends;
            }
            Err(_) => {
                wire.send(9, json!(false)).await;
                wire.close(CloseCode::UnknownError).await;
                return Then::Ends;
            }
        };
        for frame in &missed {
            if !wire.feed(frame).await {
                self.detached();
                return Then::Goes;
            }
        }
        self.socket = Some((wire, watch));
        self.emit("RESUMED", b"{\"_trace\":[]}").await;
        self.flush().await;
        metrics::counter!("signaling_gateway_resumes_total").increment(1);
        Then::Goes
    }

    async fn handle_received(&mut self, received: Received) -> Then {
        let bytes = match received {
            Received::Message(bytes) => bytes,
            // 1000 and 1001 are goodbyes (Discord: Gateway/Initiating a Disconnect).
            Received::Closed(Some(1000 | 1001)) => return Then::Ends,
            Received::Closed(_) | Received::Lost => {
                self.socket = None;
                self.detached();
                return Then::Goes;
            }
            Received::TooLarge => {
                self.close(CloseCode::DecodeError).await;
                return Then::Goes;
            }
        };
        let Some((_, watch)) = &mut self.socket else { return Then::Goes };
        match watch.handle_message(now(), &bytes) {
            Ok(message) => self.handle_message(message).await,
            Err(code) => self.close(code).await,
        }
        Then::Goes
    }

    async fn handle_message(&mut self, message: Incoming) {
        match message {
            Incoming::Heartbeat => {
                let acknowledged = match &mut self.socket {
                    Some((wire, _)) => wire.send(11, Value::Null).await,
                    None => true,
                };
                if !acknowledged {
                    self.socket = None;
                    self.detached();
                }
            }
            Incoming::Identify(_) | Incoming::Resume(_) => {
                self.close(CloseCode::AlreadyAuthenticated).await;
            }
            Incoming::Presence(value) => {
                let client = self.wanted.presence.client;
                match wire::session_presence(&value, client, self.parts.now_ms()) {
                    Some(presence) => {
                        let user = self.viewer.user;
                        self.parts.store.presence(user, self.subscriber, Some(presence)).await;
                    }
                    None => self.close(CloseCode::DecodeError).await,
                }
            }
            Incoming::Voice(update) => self.voice(update).await,
            Incoming::Members(request) => self.members(&request).await,
            Incoming::Soundboard(guilds) => {
                for guild in guilds.into_iter().take(100) {
                    let payload = json!({ "guild_id": guild.to_string(), "soundboard_sounds": [] });
                    self.emit("SOUNDBOARD_SOUNDS", &shape::encode(&payload)).await;
                }
                self.flush().await;
            }
            Incoming::Ignored => {}
        }
    }

    async fn voice(&mut self, update: VoiceUpdate) {
        let Some(guild) = update.guild_id.and_then(Id::new_checked) else { return };
        let request = VoiceRequest {
            user: self.viewer.user,
            session: self.id.clone(),
            guild,
            channel: update.channel_id.and_then(Id::new_checked),
            self_mute: update.self_mute,
            self_deaf: update.self_deaf,
            self_video: update.self_video,
            host: self.parts.config.public_host.clone().unwrap_or_else(|| self.door.host.clone()),
        };
        // Discord says nothing to a client that may not join; its own timeout does.
        if let Err(error) = self.parts.calls.request(request).await {
            tracing::debug!(%error, user = %self.viewer.user, "a voice request was refused");
        }
    }

    async fn members(&mut self, request: &MembersRequest) {
        for guild in request.guild_id.iter().filter_map(|id| Id::new_checked(*id)) {
            let Some(handle) = self.parts.store.guild(guild) else { continue };
            let view = handle.view();
            if !view.members.contains_key(&self.viewer.user) {
                continue;
            }
            let users = Arc::clone(self.parts.store.users());
            for chunk in members::chunks(&view, &users, request, self.viewer.intents) {
                self.emit("GUILD_MEMBERS_CHUNK", &shape::encode(&chunk)).await;
            }
        }
        self.flush().await;
    }

    async fn handle_events(
        &mut self,
        first: UserEvent,
        events: &mut mpsc::Receiver<UserEvent>,
    ) -> Then {
        let mut event = first;
        for _ in 0..BATCH {
            if self.handle_event(event).await == Then::Ends {
                return Then::Ends;
            }
            event = match events.try_recv() {
                Ok(next) => next,
                Err(_) => {
                    self.flush().await;
                    return Then::Goes;
                }
            };
        }
        let then = self.handle_event(event).await;
        self.flush().await;
        then
    }

    async fn handle_event(&mut self, event: UserEvent) -> Then {
        let parts = self.parts.clone();
        let users = parts.store.users();
        let shaper = Shaper { users, signer: &parts.cdn, now_ms: parts.now_ms() };
        match event {
            UserEvent::Guild(publication) => {
                if !ready::on_shard(publication.guild.id, self.wanted.shard) {
                    return Then::Goes;
                }
                load(users, shape::message_of(&publication.event)).await;
                if let GuildEvent::BanAdded(user) | GuildEvent::MemberRemoved(user) =
                    publication.event
                {
                    let _ = users.user(user).await;
                }
                for (name, payload) in shaper.guild_event(&publication, &self.viewer) {
                    self.emit(name, &payload).await;
                }
            }
            UserEvent::GuildJoined(guild) => self.show_guild(guild).await,
            UserEvent::UserUpdated(user) => {
                let payload = match parts.accounts.account(user.id).await {
                    Ok(Some(account)) => wire::private_user(&account),
                    _ => wire::user(&user),
                };
                self.emit("USER_UPDATE", &shape::encode(&payload)).await;
            }
            UserEvent::PrivateChannelOpened(channel) => {
                if let Ok(people) = users.load(&channel.recipients).await {
                    let payload = wire::private_channel(&channel, self.viewer.user, &people);
                    self.emit("CHANNEL_CREATE", &shape::encode(&payload)).await;
                }
            }
            UserEvent::Private(publication) => {
                load(users, shape::message_of_chat(&publication.event)).await;
                if let Some((name, payload)) = shaper.private_event(&publication, &self.viewer) {
                    self.emit(name, &payload).await;
                }
            }
            UserEvent::VoiceServer { session, guild, token, endpoint } => {
                if session == self.id {
                    let payload =
                        json!({ "token": token, "guild_id": guild, "endpoint": endpoint });
                    self.emit("VOICE_SERVER_UPDATE", &shape::encode(&payload)).await;
                }
            }
            UserEvent::LoggedOut => {
                self.close(CloseCode::AuthenticationFailed).await;
                return Then::Ends;
            }
        }
        Then::Goes
    }

    /// Numbers a dispatch, keeps it, and queues it on the socket if there is one.
    async fn emit(&mut self, name: &str, payload: &[u8]) {
        let frame: Bytes = self.core.dispatch(name, payload);
        metrics::counter!("signaling_dispatches_total").increment(1);
        if let Some((wire, _)) = &mut self.socket
            && !wire.feed(&frame).await
        {
            self.socket = None;
            self.detached();
        }
    }

    async fn flush(&mut self) {
        if let Some((wire, _)) = &mut self.socket
            && !wire.flush().await
        {
            self.socket = None;
            self.detached();
        }
    }

    /// Closes the socket; the session waits to be resumed.
    async fn close(&mut self, code: CloseCode) {
        if let Some((wire, _)) = self.socket.take() {
            wire.close(code).await;
        }
        self.detached();
    }

    fn detached(&mut self) {
        self.ends = now() + self.parts.config.resume_window;
    }

    async fn end(self) {
        self.parts.sessions.remove(&self.id);
        self.parts.store.disconnect(self.subscriber);
        self.parts.store.presence(self.viewer.user, self.subscriber, None).await;
        self.parts.calls.session_ended(self.viewer.user, &self.id).await;
        if let Some((wire, _)) = self.socket {
            wire.close(CloseCode::UnknownError).await;
        }
    }
}

/// Brings the people whom a message names into memory.
async fn load(users: &Arc<Users>, message: Option<&MessageRecord>) {
    if let Some(message) = message
        && wire::load_users(users, [message]).await.is_err()
    {
        tracing::warn!(message = %message.id, "names of a message could not be loaded");
    }
}
