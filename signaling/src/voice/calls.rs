//! The calls of this node: who is in which, who holds a ticket, and what others are told of them.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cluster::MediaPort;
use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::UserId;
use model::media::Grants;
use model::media::MediaCommand;
use model::media::MediaEvent;
use model::media::PeerId;
use model::voice::CloseCode;
use model::voice::Opcode;
use serde_json::Value;
use serde_json::json;
use state::GuildStore;
use state::UserEvent;
use state::guild::plan::Denied;
use state::store::ChangeError;
use state::voice::VoiceCommand;
use state::voice::VoiceOutcome;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::run::Attach;
use super::socket::now;
use super::ticket::Ticket;
use super::ticket::Tickets;
use super::watch;
use crate::auth;
use crate::parts::now_ms;

/// What gateway op 4 asks for.
#[derive(Debug, Clone)]
pub struct VoiceRequest {
    /// Who asks.
    pub user: UserId,
    /// Id of their gateway session.
    pub session: String,
    /// In which guild.
    pub guild: GuildId,
    /// Which channel; `None` leaves.
    pub channel: Option<ChannelId>,
    /// Muted by themselves.
    pub self_mute: bool,
    /// Deafened by themselves.
    pub self_deaf: bool,
    /// Camera on.
    pub self_video: bool,
    /// `host:port` that the client reached the gateway by, for the voice endpoint.
    pub host: String,
}

/// What a voice session is told from outside its socket.
pub(super) enum Order {
    /// The media wing says something of this peer.
    Media(MediaEvent),
    /// A numbered message to send.
    Send(Opcode, Value),
    /// A new socket takes the session up again.
    Attach(Box<Attach>),
    /// The end, with what the socket is closed with.
    Close(CloseCode),
}

/// One voice session as the others know it.
pub(super) struct Live {
    pub guild: GuildId,
    pub channel: ChannelId,
    pub user: UserId,
    /// Its gateway session.
    pub session: String,
    /// Its ticket's token, which resumes it.
    pub token: String,
    pub ssrc: u32,
    /// What the media wing was told last.
    pub grants: Grants,
    /// The flags of its last op 5; `None` before the first.
    pub speaking: Option<u64>,
    /// Its transport is chosen: it can be told of others.
    pub described: bool,
    pub orders: mpsc::Sender<Order>,
}

/// Orders waiting for a voice session; a fuller one lost its socket long ago, and is ended.
pub(super) const ORDERS: usize = 512;
/// Commands that the media wing was too busy for; above this the oldest is given up.
const RETRIES: usize = 16_384;

/// The calls of this node: voice sessions, their tickets, and the watch over who may speak.
pub struct Calls {
    pub(super) store: Arc<GuildStore>,
    pub(super) media: Arc<dyn MediaPort>,
    inner: Mutex<Inner>,
    next_peer: AtomicU64,
    pub(super) closing: CancellationToken,
    pub(super) tasks: TaskTracker,
}

#[derive(Default)]
pub(super) struct Inner {
    pub tickets: Tickets,
    pub live: HashMap<PeerId, Live>,
    /// The host by which each member reached us, for moves by moderators.
    hosts: HashMap<(GuildId, UserId), String>,
    retries: VecDeque<MediaCommand>,
}

impl Calls {
    /// Starts the watch: a task that follows guild events and media events until both end.
    #[must_use]
    pub fn start(
        store: Arc<GuildStore>,
        media: Arc<dyn MediaPort>,
        events: mpsc::Receiver<MediaEvent>,
    ) -> Arc<Self> {
        let calls = Arc::new(Self {
            store,
            media,
            inner: Mutex::default(),
            next_peer: AtomicU64::new(1),
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        calls.tasks.spawn(watch::run(Arc::clone(&calls), events));
        calls
    }

    /// Gateway op 4: join, move, change flags, leave. On joining, the session is sent
    /// `UserEvent::VoiceServer` with a token, after the `VoiceStateUpdated` of the join.
    ///
    /// # Errors
    ///
    /// [`ChangeError`]: not allowed, full, busy. The gateway ignores it as Discord does.
    pub async fn request(&self, request: VoiceRequest) -> Result<(), ChangeError> {
        let VoiceRequest { user, guild, channel, session, host, .. } = request;
        let handle = self.store.guild(guild).ok_or(Denied::Code(ErrorCode::UnknownGuild))?;
        let command = VoiceCommand::Update {
            user,
            session: session.clone(),
            channel,
            self_mute: request.self_mute,
            self_deaf: request.self_deaf,
            self_video: request.self_video,
        };
        self.inner().hosts.insert((guild, user), host);
        let outcome = handle.voice(command, now_ms()).await?;
        let Some(channel) = channel else {
            self.inner().hosts.remove(&(guild, user));
            return Ok(());
        };
        let give = match outcome {
            VoiceOutcome::Joined => true,
            VoiceOutcome::Left => false,
            // A client that lost its voice session asks again for the same channel.
            VoiceOutcome::Updated | VoiceOutcome::Unchanged => {
                let inner = self.inner();
                let at_home = inner.live.values().any(|live| {
                    live.guild == guild && live.user == user && live.session == session
                });
                !at_home && !inner.tickets.holds(guild, user)
            }
        };
        if give {
            self.give_ticket(guild, channel, user, session);
        }
        Ok(())
    }

    /// Makes a ticket and sends it to the gateway session that is to use it.
    fn give_ticket(&self, guild: GuildId, channel: ChannelId, user: UserId, session: String) {
        let token = hex::encode(auth::random::<16>());
        let ticket = Ticket { guild, channel, user, session: session.clone(), made: now() };
        let endpoint = {
            let mut inner = self.inner();
            inner.tickets.give(token.clone(), ticket);
            inner.hosts.get(&(guild, user)).cloned()
        };
        self.store.notify(user, UserEvent::VoiceServer { session, guild, token, endpoint });
    }

    /// A moderator moves or, with `None`, disconnects someone (REST: Modify Guild Member).
    ///
    /// # Errors
    ///
    /// [`ChangeError`].
    pub async fn move_member(
        &self,
        actor: UserId,
        guild: GuildId,
        target: UserId,
        channel: Option<ChannelId>,
    ) -> Result<(), ChangeError> {
        let handle = self.store.guild(guild).ok_or(Denied::Code(ErrorCode::UnknownGuild))?;
        let command = VoiceCommand::Move { actor, target, channel };
        let outcome = handle.voice(command, now_ms()).await?;
        let session = handle.view().voice.get(&target).map(|state| state.session.clone());
        if let (VoiceOutcome::Joined, Some(channel), Some(session)) = (outcome, channel, session) {
            self.give_ticket(guild, channel, target, session);
        }
        Ok(())
    }

    /// A gateway session ended for good: what it joined, it leaves.
    pub async fn session_ended(&self, user: UserId, session: &str) {
        for handle in self.store.guilds_of(user) {
            if handle.view().voice.get(&user).is_some_and(|state| state.session == session) {
                let command = VoiceCommand::SessionEnded { user, session: session.to_owned() };
                if let Err(error) = handle.voice(command, now_ms()).await {
                    tracing::warn!(%error, %user, "a voice state could not be ended");
                }
            }
        }
    }

    /// Closes every voice socket with 4015 before a planned restart.
    pub async fn shutdown(&self) {
        self.closing.cancel();
        self.tasks.close();
        let _ = tokio::time::timeout(Duration::from_secs(5), self.tasks.wait()).await;
    }

    pub(super) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Turns a ticket into a place: the peer joins its room. `None` when the ticket is no good,
    /// or its holder may not be there any more.
    pub(super) fn admit(
        &self,
        identify: &super::payload::Identify,
        orders: mpsc::Sender<Order>,
    ) -> Option<(PeerId, u32)> {
        let peer = PeerId(self.next_peer.fetch_add(1, Ordering::Relaxed));
        let mut inner = self.inner();
        let ticket = inner.tickets.redeem(
            &identify.token,
            identify.server_id,
            identify.user_id,
            &identify.session_id,
            now(),
        )?;
        let view = self.store.guild(ticket.guild)?.view();
        let (channel, grants) = view.voice_grants(ticket.user, now_ms())?;
        if channel != ticket.channel {
            return None;
        }
        // One voice session for a member: an earlier one makes place.
        let earlier: Vec<_> = inner
            .live
            .iter()
            .filter(|(_, live)| live.guild == ticket.guild && live.user == ticket.user)
            .map(|(peer, _)| *peer)
            .collect();
        for earlier in earlier {
            self.remove(&mut inner, earlier, Some(CloseCode::Disconnected));
        }
        let ssrc = free_ssrc(&inner);
        let live = Live {
            guild: ticket.guild,
            channel,
            user: ticket.user,
            session: ticket.session,
            token: identify.token.clone(),
            ssrc,
            grants,
            speaking: None,
            described: false,
            orders,
        };
        let user = live.user;
        inner.live.insert(peer, live);
        metrics::gauge!("signaling_voice_sessions").increment(1.0);
        self.command(&mut inner, MediaCommand::Join { peer, room: channel, user, ssrc, grants });
        tell_others(&mut inner, peer, Opcode::ClientsConnect, &json!({ "user_ids": [user] }));
        Some((peer, ssrc))
    }

    /// The voice session that a token and a gateway session resume.
    pub(super) fn find(&self, token: &str, session: &str) -> Option<mpsc::Sender<Order>> {
        let inner = self.inner();
        let live = inner.live.values().find(|l| l.token == token && l.session == session)?;
        Some(live.orders.clone())
    }

    /// Takes a peer out: of its room at once, then of sight.
    pub(super) fn remove(&self, inner: &mut Inner, peer: PeerId, code: Option<CloseCode>) {
        self.command(inner, MediaCommand::Leave { peer });
        let Some(live) = inner.live.get(&peer) else { return };
        if let Some(code) = code {
            let _ = live.orders.try_send(Order::Close(code));
        }
        let gone = json!({ "user_id": live.user });
        tell_others(inner, peer, Opcode::ClientDisconnect, &gone);
        inner.live.remove(&peer);
        metrics::gauge!("signaling_voice_sessions").decrement(1.0);
    }

    /// Sends a command, or keeps it until the media wing has room: none may be lost or overtaken.
    pub(super) fn command(&self, inner: &mut Inner, command: MediaCommand) {
        if !inner.retries.is_empty() || self.media.command(command.clone()).is_err() {
            if inner.retries.len() == RETRIES {
                inner.retries.pop_front();
                tracing::error!("the media wing takes no commands; one was given up");
            }
            inner.retries.push_back(command);
        }
    }

    /// Sends what was kept, as far as the media wing has room.
    pub(super) fn retry(&self) {
        let mut inner = self.inner();
        while let Some(command) = inner.retries.front() {
            if self.media.command(command.clone()).is_err() {
                return;
            }
            inner.retries.pop_front();
        }
    }

    /// A peer's speaking flags, told to the others when they changed or are new to them.
    pub(super) fn speaking(&self, peer: PeerId, flags: u64) {
        let mut inner = self.inner();
        let Some(live) = inner.live.get_mut(&peer) else { return };
        live.speaking = Some(flags);
        let d = json!({ "user_id": live.user, "ssrc": live.ssrc, "speaking": flags });
        tell_others(&mut inner, peer, Opcode::Speaking, &d);
    }

    /// Media saw audio begin or end. Clients that said so themselves know better; for the others
    /// it is said here, since receivers drop an SSRC that nobody named.
    pub(super) fn heard(&self, peer: PeerId, speaking: bool) {
        let mut inner = self.inner();
        let Some(live) = inner.live.get_mut(&peer) else { return };
        if live.speaking.is_some_and(|flags| flags != 0) == speaking {
            return;
        }
        if !speaking {
            // Silence between words is no end of speaking to the protocol.
            return;
        }
        live.speaking = Some(1);
        let d = json!({ "user_id": live.user, "ssrc": live.ssrc, "speaking": 1 });
        tell_others(&mut inner, peer, Opcode::Speaking, &d);
    }

    /// A peer's transport is chosen: it learns who the SSRCs are, and the others learn its own.
    pub(super) fn described(&self, peer: PeerId) {
        let mut inner = self.inner();
        let Some(live) = inner.live.get_mut(&peer) else { return };
        live.described = true;
        let (channel, user, ssrc) = (live.channel, live.user, live.ssrc);
        let orders = live.orders.clone();
        for other in inner.live.values().filter(|l| l.channel == channel && l.user != user) {
            let speaking = json!({
                "user_id": other.user,
                "ssrc": other.ssrc,
                "speaking": other.speaking.unwrap_or(0),
            });
            let _ = orders.try_send(Order::Send(Opcode::Speaking, speaking));
            let _ = orders.try_send(Order::Send(Opcode::Video, video(other.user, other.ssrc)));
        }
        tell_others(&mut inner, peer, Opcode::Video, &video(user, ssrc));
    }

    /// Everyone else in a peer's channel, for its first op 11.
    pub(super) fn others(&self, peer: PeerId) -> Vec<UserId> {
        let inner = self.inner();
        let Some(live) = inner.live.get(&peer) else { return Vec::new() };
        let others = inner.live.values().filter(|l| l.channel == live.channel);
        others.map(|other| other.user).filter(|user| *user != live.user).collect()
    }
}

/// Which SSRC a user's audio has (op 12); nobody sends video yet.
fn video(user: UserId, ssrc: u32) -> Value {
    json!({
        "user_id": user,
        "audio_ssrc": ssrc,
        "video_ssrc": 0,
        "rtx_ssrc": 0,
        "streams": [],
    })
}

/// Sends a numbered message to everyone else in a peer's channel. One whose orders are full is
/// closed: it resumes, or begins anew.
pub(super) fn tell_others(inner: &mut Inner, peer: PeerId, op: Opcode, d: &Value) {
    let Some(channel) = inner.live.get(&peer).map(|live| live.channel) else { return };
    for (other, live) in &inner.live {
        // Versions of all clients take these only after their own transport is described, but
        // for who is there.
        let ready =
            live.described || matches!(op, Opcode::ClientsConnect | Opcode::ClientDisconnect);
        if *other != peer && live.channel == channel && ready {
            let _ = live.orders.try_send(Order::Send(op, d.clone()));
        }
    }
}

/// An SSRC that nobody has; the two after it stay free for video and its repairs.
fn free_ssrc(inner: &Inner) -> u32 {
    loop {
        let ssrc = u32::from_be_bytes(auth::random()) & 0xffff_fff0;
        if ssrc != 0 && inner.live.values().all(|live| live.ssrc != ssrc) {
            return ssrc;
        }
    }
}
