//! The calls of this node, for the rest of the server: gateway op 4, moderators, the end.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cluster::MediaPort;
use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::UserId;
use model::media::MediaEvent;
use model::media::PeerId;
use model::media::Tracks;
use model::voice::CloseCode;
use state::GuildEvent;
use state::GuildHandle;
use state::GuildStore;
use state::GuildView;
use state::Publication;
use state::UserEvent;
use state::call::CallCommand;
use state::call::CallEvent;
use state::call::CallView;
use state::event::VoiceServer;
use state::guild::plan::Denied;
use state::store::ChangeError;
use state::voice::VoiceCommand;
use state::voice::VoiceOutcome;
use tokio::sync::Notify;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::board::Admitted;
use super::board::Board;
use super::board::Departure;
use super::board::Drawn;
use super::board::Member;
use super::board::Moment;
use super::board::Note;
use super::board::Shown;
use super::board::Strings;
use super::home::Home;
use super::home::Server;
use super::ledger;
use super::ledger::Ledger;
use super::ledger::Papers;
use super::payload::Identify;
use super::run::Attach;
use super::socket::now;
use super::ticket::Ticket;
use super::ticket::TokenHash;
use super::visit::Visits;
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
    /// In which guild; none for the calls of private channels.
    pub guild: Option<GuildId>,
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

/// The calls of this node: voice sessions, their tickets, and the watch over who may speak.
pub struct Calls {
    pub(super) store: Arc<GuildStore>,
    board: Mutex<Board<Box<Attach>>>,
    next_peer: AtomicU64,
    /// Wakes the watch when the media wing was too busy for a command.
    pub(super) busy: Notify,
    pub(super) closing: CancellationToken,
    pub(super) tasks: TaskTracker,
    pub(super) visits: Visits,
    pub(super) papers: Papers,
    /// What is to be written of calls in private channels.
    pub(super) ledger: Ledger,
}

/// What a voice session's task hears by.
pub(super) struct Ears {
    pub notes: mpsc::Receiver<Note>,
    pub attach: mpsc::Receiver<Box<Attach>>,
    /// Why the notes ended.
    pub code: Arc<OnceLock<CloseCode>>,
}

impl Calls {
    /// Starts the watch: a task that follows guild events and media events until
    /// [`shutdown`](Self::shutdown).
    #[must_use]
    pub fn start(
        store: Arc<GuildStore>,
        media: Arc<dyn MediaPort>,
        events: mpsc::Receiver<MediaEvent>,
        papers: Papers,
    ) -> Arc<Self> {
        let calls = Arc::new(Self {
            store,
            board: Mutex::new(Board::new(media)),
            next_peer: AtomicU64::new(1),
            busy: Notify::new(),
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
            visits: Visits::default(),
            papers,
            ledger: Ledger::default(),
        });
        // Before anyone can join, so that no change is missed.
        let observed = watch::observe(&calls.store);
        calls.tasks.spawn(watch::run(Arc::clone(&calls), observed, events));
        calls.tasks.spawn(ledger::keep(Arc::clone(&calls)));
        calls
    }

    /// Gateway op 4: join, move, change flags, leave. On joining, the session is sent
    /// `UserEvent::VoiceServer` with a token, after the `VoiceStateUpdated` of the join.
    ///
    /// # Errors
    ///
    /// [`ChangeError`]: not allowed, full, busy. The gateway ignores it as Discord does.
    pub async fn request(self: &Arc<Self>, request: VoiceRequest) -> Result<(), ChangeError> {
        let Some(guild) = request.guild else { return self.request_private(request).await };
        let VoiceRequest { user, channel, host, .. } = request;
        let handle = self.handle(guild)?;
        let command = VoiceCommand::Update {
            user,
            session: request.session,
            channel,
            self_mute: request.self_mute,
            self_deaf: request.self_deaf,
            self_video: request.self_video,
        };
        let outcome = handle.voice(command, now_ms()).await?;
        let server = Server::Guild(guild);
        let wants = |again| channel.is_some() && self.needs_ticket((server, user), again);
        let why = match outcome {
            VoiceOutcome::Joined => {
                // Who is called away is in no call any more. Where they have come they are let in all the
                // same.
                if let Err(error) = self.leave_calls(user, None).await {
                    tracing::warn!(%error, %user, "a call was not left for a voice channel");
                }
                Some(Why::Joined)
            }
            VoiceOutcome::Updated => wants(false).then_some(Why::Told),
            VoiceOutcome::Unchanged => wants(true).then_some(Why::Untold),
            VoiceOutcome::Left => None,
        };
        if let Some(why) = why {
            self.invite(server, user, Some(host), why);
        }
        Ok(())
    }

    /// Whether someone who asks for where they are already needs a ticket; see
    /// [`Board::needs_ticket`].
    pub(super) fn needs_ticket(&self, member: Member, again: bool) -> bool {
        self.with(|board| board.needs_ticket(now(), member, again))
    }

    /// A moderator moves or, with `None`, disconnects someone (REST: Modify Guild Member).
    ///
    /// # Errors
    ///
    /// [`ChangeError`].
    pub async fn move_member(
        self: &Arc<Self>,
        actor: UserId,
        guild: GuildId,
        target: UserId,
        channel: Option<ChannelId>,
    ) -> Result<(), ChangeError> {
        let handle = self.handle(guild)?;
        let command = VoiceCommand::Move { actor, target, channel };
        if handle.voice(command, now_ms()).await? == VoiceOutcome::Joined {
            self.invite(Server::Guild(guild), target, None, Why::Joined);
        }
        Ok(())
    }

    /// A gateway session ended for good: what it joined, it leaves.
    pub async fn session_ended(&self, user: UserId, session: &str) {
        for handle in self.store.guilds_of(user) {
            if handle.view().voice.get(&user).is_some_and(|state| state.session == session) {
                let member = (Server::Guild(handle.id()), user);
                self.depart(Departure { member, session: session.to_owned() }).await;
            }
        }
        for call in self.store.calls_of(user) {
            if call.voice.get(&user).is_some_and(|state| state.session == session) {
                let member = (Server::Call(call.channel.id), user);
                self.depart(Departure { member, session: session.to_owned() }).await;
            }
        }
    }

    /// Closes every voice socket with 4015 before a planned restart; waits for that at most five
    /// seconds.
    pub async fn shutdown(&self) {
        // Before the watch ends: what it hears of it is still written.
        if let Err(error) = self.store.call(CallCommand::EndAll).await {
            tracing::warn!(%error, "calls in private channels were not ended");
        }
        self.closing.cancel();
        self.with(|board| board.end_all(CloseCode::VoiceServerCrashed));
        self.tasks.close();
        let _ = tokio::time::timeout(Duration::from_secs(5), self.tasks.wait()).await;
    }

    /// Looks at or changes the board. Nothing is awaited meanwhile.
    pub(super) fn with<T>(&self, change: impl FnOnce(&mut Board<Box<Attach>>) -> T) -> T {
        let mut board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut board);
        if board.has_waiting() {
            self.busy.notify_one();
        }
        result
    }

    /// Turns the ticket of an Identify into a place.
    ///
    /// # Errors
    ///
    /// The code that the socket is to be closed with.
    pub(super) fn redeem(
        &self,
        identify: &Identify,
    ) -> Result<(PeerId, Admitted, Ears), CloseCode> {
        let (drawn, strings, ears) = self.draw();
        let peer = drawn.peer;
        let admitted = self.with(|board| {
            if self.closing.is_cancelled() {
                return Err(CloseCode::VoiceServerCrashed);
            }
            // Read under the board's lock: what changes later is seen by the watch, which then
            // finds this peer.
            let member = board.member(identify).ok_or(CloseCode::AuthenticationFailed)?;
            let kept = self.kept(member.0);
            let home = kept.as_ref().map(Kept::home);
            board.redeem(moment(), home, identify, drawn, strings)
        })?;
        Ok((peer, admitted, ears))
    }

    /// What a new voice session needs: a name, an SSRC to be, and its ends.
    pub(super) fn draw(&self) -> (Drawn, Strings<Box<Attach>>, Ears) {
        let peer = PeerId(self.next_peer.fetch_add(1, Ordering::Relaxed));
        let (notes, noted) = mpsc::channel(NOTES);
        let (attach, attached) = mpsc::channel(1);
        let code = Arc::new(OnceLock::new());
        let strings = Strings { notes, code: Arc::clone(&code), attach };
        let drawn = Drawn { peer, ssrcs: || u32::from_be_bytes(auth::random()) };
        (drawn, strings, Ears { notes: noted, attach: attached, code })
    }

    /// A client shows this from now on; everybody's voice states tell whether it shares its screen.
    pub(super) async fn show(&self, peer: PeerId, tracks: Tracks) {
        let Some(shown) = self.with(|board| board.video(peer, tracks)) else { return };
        let Shown { member: (server, user), session, tracks: Tracks { screen, .. } } = shown;
        let told = match server {
            Server::Guild(guild) => {
                let Some(handle) = self.store.guild(guild) else { return };
                let command = VoiceCommand::Share { user, session, screen };
                handle.voice(command, now_ms()).await.map(drop)
            }
            Server::Call(_) => {
                self.store.call(CallCommand::Share { user, session, screen }).await.map(drop)
            }
        };
        if let Err(error) = told {
            tracing::debug!(%error, ?server, %user, "a shared screen was not told of");
        }
    }

    /// Ends a voice state that nobody is behind any more.
    pub(super) async fn depart(&self, departure: Departure) {
        let Departure { member: (server, user), session } = departure;
        let ended = match server {
            Server::Guild(guild) => {
                let Some(handle) = self.store.guild(guild) else { return };
                let command = VoiceCommand::SessionEnded { user, session };
                handle.voice(command, now_ms()).await.map(drop)
            }
            Server::Call(_) => {
                let command = CallCommand::Leave { user, session: Some(session) };
                self.store.call(command).await.map(drop)
            }
        };
        if let Err(error) = ended {
            tracing::warn!(%error, ?server, %user, "a voice state could not be ended yet");
            self.with(|board| {
                board.end_of_member((server, user), CloseCode::Disconnected);
                board.depart(now(), (server, user));
            });
        }
    }

    /// The snapshot of a server at this moment; none of one that is gone.
    pub(super) fn kept(&self, server: Server) -> Option<Kept> {
        match server {
            Server::Guild(guild) => Some(Kept::Guild(self.store.guild(guild)?.view())),
            Server::Call(channel) => Some(Kept::Call(self.store.call_in(channel)?)),
        }
    }

    fn handle(&self, guild: GuildId) -> Result<GuildHandle, ChangeError> {
        if self.closing.is_cancelled() {
            return Err(ChangeError::Busy);
        }
        self.store.guild(guild).ok_or_else(|| Denied::Code(ErrorCode::UnknownGuild).into())
    }

    /// Gives a member a ticket and sends it to the gateway session that joined, after the voice
    /// state: both go through the same mailbox, and the state went before. Bots hear of it a moment
    /// later ([`APART`]).
    pub(super) fn invite(
        self: &Arc<Self>,
        server: Server,
        user: UserId,
        host: Option<String>,
        why: Why,
    ) {
        let token = hex::encode(auth::random::<24>());
        let hash = TokenHash::of(&token);
        self.with(|board| {
            // Read under the board's lock: of two requests at once, the later ticket is for what
            // both came to.
            let Some(kept) = self.kept(server) else { return };
            if why == Why::Joined {
                board.end_of_member((server, user), CloseCode::Disconnected);
            }
            let ticket = Ticket::new(hash, now());
            let given = board.give_ticket(now(), kept.home(), user, ticket, host);
            let Some(given) = given else { return };
            if why == Why::Untold
                && let Some(state) = kept.told_anew(user)
            {
                self.tell(server, user, state);
            }
            let (guild, channel) = match server {
                Server::Guild(guild) => (Some(guild), None),
                Server::Call(channel) => (None, Some(channel)),
            };
            let (session, endpoint) = (given.session, given.host);
            let server_given = VoiceServer { session, guild, channel, token, endpoint };
            let event = UserEvent::VoiceServer(Arc::new(server_given));
            if !self.store.users().cached(user).is_some_and(|user| user.bot) {
                return self.tell(server, user, event);
            }
            let calls = Arc::clone(self);
            self.tasks.spawn(async move {
                tokio::time::sleep(APART).await;
                // Of those who asked again meanwhile the later ticket counts, and is on its way.
                if calls.with(|board| board.waits_for((server, user), hash)) {
                    calls.tell(server, user, event);
                }
            });
        });
    }

    /// Tells a member's sessions something behind what its server tells them, if it can.
    fn tell(&self, server: Server, user: UserId, event: UserEvent) {
        let told = match server {
            Server::Guild(guild) => {
                self.store.guild(guild).is_some_and(|handle| handle.tell(user, event.clone()))
            }
            Server::Call(_) => self.store.tell_of_call(user, event.clone()),
        };
        if !told {
            self.store.notify(user, event);
        }
    }
}

/// The snapshot of a server, held.
pub(super) enum Kept {
    Guild(GuildView),
    Call(CallView),
}

impl Kept {
    pub(super) fn home(&self) -> Home<'_> {
        match self {
            Self::Guild(guild) => Home::Guild(guild),
            Self::Call(call) => Home::Call(call),
        }
    }

    /// The event that tells how someone is in voice there.
    fn told_anew(&self, user: UserId) -> Option<UserEvent> {
        Some(match self {
            Self::Guild(guild) => {
                let event = GuildEvent::VoiceStateUpdated(Arc::clone(guild.voice.get(&user)?));
                let told = Publication::new(event, Arc::clone(guild), Arc::clone(guild));
                UserEvent::Guild(Arc::new(told))
            }
            Self::Call(call) => {
                let state = Arc::clone(call.voice.get(&user)?);
                UserEvent::Call(Arc::new(CallEvent::Voice(Arc::clone(call), state)))
            }
        })
    }
}

/// Why a ticket is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// They joined or moved: the voice session before is over.
    Joined,
    /// Their call is lost and they asked again, with other flags, of which they were told.
    Told,
    /// Their call is lost and they asked again: clients wait for the voice state too, and nothing
    /// else sends it.
    Untold,
}

/// Now, on both clocks.
pub(super) fn moment() -> Moment {
    Moment { now: now(), unix_ms: now_ms() }
}

/// How long after their voice state bots hear of their voice server. discord.py (2.7.1,
/// `_wait_for_state`) waits for the two with an event that it sets and clears at once: a second one that
/// comes while it wakes up from the first is lost, and it waits until its time is over. Where Discord has
/// to find a server first, that never shows.
const APART: Duration = Duration::from_millis(100);
/// Notes waiting for a voice session. One whose notes do not fit is ended: more hides a client
/// that reads nothing, fewer ends good ones in a burst of joins.
const NOTES: usize = 1_024;
