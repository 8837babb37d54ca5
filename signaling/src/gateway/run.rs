//! IO shell of a session: its one task, which owns the socket while there is one and outlives it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::LazyLock;
use std::task::Context;
use std::task::Poll;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use model::gateway::CloseCode;
use model::id::GuildId;
use model::id::UserId;
use model::limits;
use model::wire::id::Id;
use state::GuildView;
use state::Overflow;
use state::Subscriber;
use state::SubscriberId;
use state::UserEvent;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::time::Sleep;
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::greet::Admitted;
use super::greet::Door;
use super::handshake::VERSIONS;
use super::incoming::VoiceUpdate;
use super::pulse::Pulse;
use super::ready;
use super::ready::Greeting;
use super::registry::Entry;
use super::registry::Listing;
use super::session::GatewaySession;
use super::session::Output;
use super::session::Unresumable;
use super::shape;
use super::shape::Shaper;
use super::socket::Received;
use super::socket::Wire;
use super::socket::now;
use crate::auth;
use crate::parts::Parts;
use crate::voice::VoiceRequest;

/// A socket that wants to resume a session.
pub(super) struct Attach {
    /// The socket.
    pub wire: Wire,
    /// How its client behaved so far.
    pub pulse: Pulse,
    /// The last number that its client heard.
    pub seq: u64,
    /// Gives the socket back.
    pub refused: oneshot::Sender<(Wire, Pulse, Unresumable)>,
}

impl Attach {
    fn refuse(self, why: Unresumable) {
        // Fails only when the connection is gone.
        let _ = self.refused.send((self.wire, self.pulse, why));
    }
}

/// Begins the session of a socket that identified; none when it cannot be had.
pub(super) async fn begin(
    parts: Parts,
    door: Door,
    admitted: Admitted,
    wire: Wire,
    pulse: Pulse,
) -> Option<Box<Task>> {
    let Admitted { identity, wanted, .. } = admitted;
    let user = identity.id();
    let id = hex::encode(auth::random::<16>());
    let (attach, attaching) = mpsc::channel(1);
    let most = parts.config.gateway_sessions;
    let listing = parts.sessions.list(&id, Entry { user, attach }, most);
    let Some(listing) = listing else {
        tracing::warn!(%user, "too many gateway sessions");
        wire.close(CloseCode::RateLimited, Vec::new()).await;
        return None;
    };
    let (queue, events) = mpsc::channel(limits::SESSION_MAILBOX);
    let overflow = Arc::new(Overflow::default());
    let subscription = Subscription { parts: parts.clone(), id: parts.sessions.subscriber() };
    // Connected before the guilds are looked up: whichever is joined meanwhile is told.
    parts.store.connect(Subscriber {
        id: subscription.id,
        user,
        queue,
        overflow: Arc::clone(&overflow),
    });
    let guilds = parts.store.guilds_of(user).into_iter().map(|guild| guild.id());
    let guilds: Vec<_> = guilds.filter(|id| wanted.viewer.shard.has_guild(*id)).collect();
    let host = parts.config.public_host.clone().unwrap_or(door.host);
    let scheme = if door.tls { "wss" } else { "ws" };
    let greeting = Greeting {
        version: door.version.unwrap_or(VERSIONS[1]),
        session: id.clone(),
        resume_url: format!("{scheme}://{host}"),
    };
    let ready = async {
        let account = parts.accounts.account(user).await?;
        let Some(account) = account else { return Ok(None) };
        ready::payload(&parts, &identity, &account, &wanted, &guilds, &greeting).await.map(Some)
    };
    let ready = match ready.await {
        Ok(Some(ready)) => ready,
        Ok(None) => {
            wire.close(CloseCode::AuthenticationFailed, Vec::new()).await;
            return None;
        }
        Err(error) => {
            tracing::error!(%error, "storage failed a READY");
            wire.close(CloseCode::UnknownError, Vec::new()).await;
            return None;
        }
    };
    let viewer = (wanted.viewer, wanted.presence.client);
    let window = parts.config.resume_window;
    let session = GatewaySession::new(id.clone(), viewer, window, pulse, (&ready, guilds));
    tracing::debug!(%user, session = %short(&id), "gateway session began");
    let mut task = Box::new(Task {
        user,
        id,
        host,
        session,
        wire: Some(wire),
        farewell: None,
        events,
        attaching,
        overflow: Box::pin(async move { overflow.tripped().await }),
        closing: Box::pin(parts.sessions.closing.clone().cancelled_owned()),
        sleep: Box::pin(tokio::time::sleep_until(now().into())),
        lane: Lane { waiting: VecDeque::new(), current: None },
        heard: false,
        subscriber: subscription.id,
        parts,
        _registered: (listing, subscription),
    });
    // Before any guild is shown, so that GUILD_CREATE has it.
    task.lane.waiting.push_back(Work::Presence(Box::new(wanted.presence)));
    Some(task)
}

/// Takes the session out of the store, whatever ends its task.
struct Subscription {
    parts: Parts,
    id: SubscriberId,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.parts.store.disconnect(self.id);
    }
}

/// The one task of a session.
pub(super) struct Task {
    parts: Parts,
    user: UserId,
    id: String,
    /// The host by which the client reached us.
    host: String,
    subscriber: SubscriberId,
    session: GatewaySession,
    wire: Option<Wire>,
    /// The last words to the socket before.
    farewell: Option<BoxFuture<'static, ()>>,
    events: mpsc::Receiver<UserEvent>,
    attaching: mpsc::Receiver<Box<Attach>>,
    overflow: BoxFuture<'static, ()>,
    closing: Pin<Box<WaitForCancellationFutureOwned>>,
    sleep: Pin<Box<Sleep>>,
    lane: Lane,
    /// Whether the last input was an event.
    heard: bool,
    /// Its places in the list of sessions and in the store, given up with it.
    _registered: (Listing, Subscription),
}

/// Work that takes time, done one after the other in the order in which the client asked, while
/// the session goes on.
struct Lane {
    waiting: VecDeque<Work>,
    current: Option<(BoxFuture<'static, Done>, Quiet)>,
}

enum Work {
    Voice(VoiceUpdate),
    Presence(Box<state::presence::SessionPresence>),
    Subscribe(GuildId),
}

enum Done {
    Nothing,
    Subscribed(GuildId, Option<GuildView>),
}

/// Whether events wait until the work is done.
type Quiet = bool;

/// What a session waits for.
enum Input {
    Shutdown,
    Overflow,
    Attach(Box<Attach>),
    Done(Done),
    Received(Received),
    Stalled,
    Timeout,
    Event(UserEvent),
    Disconnected,
}

/// Whether a session goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Goes,
    Ends,
}

impl Task {
    /// Runs the session to its end.
    pub(super) async fn run_to_its_end(mut self: Box<Self>) {
        self.run().await;
        // Boxed, that a session holds no room for its end while it lives.
        Box::pin(self.end()).await;
    }

    async fn run(&mut self) {
        while self.drain() == Then::Goes {
            match poll_fn(|context| self.poll_input(context)).await {
                Input::Shutdown => return Box::pin(self.shut_down()).await,
                Input::Overflow => {
                    tracing::warn!(user = %self.user, "a gateway session lost events");
                    self.session.handle_overflow(now());
                }
                Input::Attach(attach) => self.attach(*attach),
                Input::Done(Done::Nothing) => {}
                Input::Done(Done::Subscribed(guild, view)) => {
                    let shaper = shaper(&self.parts);
                    self.session.handle_guild(guild, view.as_ref(), shaper);
                }
                Input::Received(received) => self.handle_received(received),
                Input::Stalled => {
                    metrics::counter!("signaling_gateway_stalls_total").increment(1);
                    self.session.handle_stall(now());
                }
                Input::Timeout => self.session.handle_timeout(now()),
                Input::Event(event) => self.handle_events(event).await,
                // The store is gone.
                Input::Disconnected => return,
            }
        }
    }

    /// Does what the session asks for.
    fn drain(&mut self) -> Then {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Close(code) => {
                    if let Some(wire) = self.wire.take() {
                        self.farewell = Some(wire.close(code, Vec::new()).boxed());
                    }
                }
                Output::Voice(update) => self.lane.waiting.push_back(Work::Voice(update)),
                Output::Presence(presence) => {
                    self.lane.waiting.push_back(Work::Presence(presence));
                }
                Output::Subscribe(guild) => {
                    self.lane.waiting.push_back(Work::Subscribe(guild));
                    // One after the other: the next is asked for when this one is shown.
                    return Then::Goes;
                }
                Output::Members(request) => {
                    for &guild in request.guild_id.iter().take(GUILDS_PER_REQUEST) {
                        let guild = Id::new_checked(guild);
                        let handle = guild.and_then(|guild| self.parts.store.guild(guild));
                        if let Some(handle) = handle {
                            let shaper = shaper(&self.parts);
                            self.session.handle_members(now(), &request, handle.view(), shaper);
                        }
                    }
                }
                Output::End => return Then::Ends,
            }
        }
        Then::Goes
    }

    /// Whatever comes first. Everything polled here keeps what it has when it is not ready.
    fn poll_input(&mut self, context: &mut Context<'_>) -> Poll<Input> {
        // What wakes a session is mostly an event: then the rest is looked at once, after it. Behind an
        // event come no others before the rest had its turn.
        if !std::mem::replace(&mut self.heard, false)
            && let Poll::Ready(input) = self.poll_events(context)
        {
            return Poll::Ready(input);
        }
        if self.closing.as_mut().poll(context).is_ready() {
            return Poll::Ready(Input::Shutdown);
        }
        if self.overflow.as_mut().poll(context).is_ready() {
            return Poll::Ready(Input::Overflow);
        }
        if let Some(farewell) = &mut self.farewell
            && farewell.as_mut().poll(context).is_ready()
        {
            self.farewell = None;
        }
        if let Poll::Ready(Some(attach)) = self.attaching.poll_recv(context) {
            return Poll::Ready(Input::Attach(attach));
        }
        if let Poll::Ready(done) = self.poll_lane(context) {
            return Poll::Ready(Input::Done(done));
        }
        if let Poll::Ready(received) = self.poll_socket(context) {
            return Poll::Ready(Input::Received(received));
        }
        if let Poll::Ready(input) = self.poll_sleep(context) {
            return Poll::Ready(input);
        }
        self.poll_events(context)
    }

    fn poll_events(&mut self, context: &mut Context<'_>) -> Poll<Input> {
        let quiet = self.lane.current.as_ref().is_some_and(|(_, quiet)| *quiet)
            || self.lane.waiting.iter().any(|work| matches!(work, Work::Subscribe(_)));
        if quiet {
            return Poll::Pending;
        }
        let event = std::task::ready!(self.events.poll_recv(context));
        self.heard = true;
        Poll::Ready(event.map_or(Input::Disconnected, Input::Event))
    }

    fn poll_lane(&mut self, context: &mut Context<'_>) -> Poll<Done> {
        if self.lane.current.is_none() {
            let Some(work) = self.lane.waiting.pop_front() else { return Poll::Pending };
            // Between a subscription and its snapshot no event may be heard: the snapshot is older
            // than events that come after it.
            let quiet = matches!(work, Work::Subscribe(_));
            self.lane.current = Some((self.begin_work(work), quiet));
        }
        let Some((current, _)) = &mut self.lane.current else { return Poll::Pending };
        let done = std::task::ready!(current.as_mut().poll(context));
        self.lane.current = None;
        Poll::Ready(done)
    }

    fn begin_work(&self, work: Work) -> BoxFuture<'static, Done> {
        let parts = self.parts.clone();
        let (user, subscriber) = (self.user, self.subscriber);
        match work {
            Work::Voice(update) => {
                let guild = update.guild_id.and_then(Id::new_checked);
                let Some(guild) = guild else { return std::future::ready(Done::Nothing).boxed() };
                let request = VoiceRequest {
                    user,
                    session: self.id.clone(),
                    guild,
                    channel: update.channel_id.and_then(Id::new_checked),
                    self_mute: update.self_mute,
                    self_deaf: update.self_deaf,
                    self_video: update.self_video,
                    host: self.host.clone(),
                };
                async move {
                    // Discord says nothing to a client that may not join; its own timeout does.
                    if let Err(error) = parts.calls.request(request).await {
                        tracing::debug!(%error, %user, %guild, "a voice request was refused");
                    }
                    Done::Nothing
                }
                .boxed()
            }
            Work::Presence(presence) => async move {
                parts.store.presence(user, subscriber, Some(*presence)).await;
                Done::Nothing
            }
            .boxed(),
            Work::Subscribe(guild) => async move {
                Done::Subscribed(guild, parts.store.subscribe(subscriber, guild).await)
            }
            .boxed(),
        }
    }

    fn poll_socket(&mut self, context: &mut Context<'_>) -> Poll<Received> {
        let Some(wire) = &mut self.wire else { return Poll::Pending };
        let shaper = shaper(&self.parts);
        let session = &mut self.session;
        let written = wire.poll_write(context, now(), || session.poll_frame(shaper));
        if let Poll::Ready(Err(_)) = written {
            return Poll::Ready(Received::Lost);
        }
        wire.poll_read(context)
    }

    fn poll_sleep(&mut self, context: &mut Context<'_>) -> Poll<Input> {
        let stall = self.wire.as_ref().and_then(Wire::patience);
        let timeout = self.session.poll_timeout();
        let (due, input) = match (stall, timeout) {
            (Some(stall), Some(timeout)) if stall < timeout => (stall, Input::Stalled),
            (Some(stall), None) => (stall, Input::Stalled),
            (_, Some(timeout)) => (timeout, Input::Timeout),
            (None, None) => return Poll::Pending,
        };
        let due = tokio::time::Instant::from_std(due);
        if self.sleep.deadline() != due {
            self.sleep.as_mut().reset(due);
        }
        self.sleep.as_mut().poll(context).map(|()| input)
    }

    fn attach(&mut self, attach: Attach) {
        // Told whatever the outcome: a client that resumes has given its old socket up.
        if let Err(why) = self.session.resumable(attach.seq) {
            return attach.refuse(why);
        }
        if let Some(old) = self.wire.take() {
            self.farewell = Some(old.close(CloseCode::UnknownError, Vec::new()).boxed());
        }
        let Attach { wire, pulse, seq, .. } = attach;
        // Cannot fail: it was asked for just now.
        if self.session.handle_resume(pulse, seq).is_ok() {
            metrics::counter!("signaling_gateway_resumes_total").increment(1);
            self.wire = Some(wire);
        }
    }

    fn handle_received(&mut self, received: Received) {
        match received {
            Received::Message(bytes) => {
                self.session.handle_frame(now(), self.parts.now_ms(), &bytes)
            }
            Received::Garbage => self.session.handle_garbage(now()),
            Received::Closed(code) => {
                self.farewell = self.wire.take().map(|wire| wire.hang_up(code).boxed());
                self.session.handle_closed(now(), code);
            }
            Received::Lost => {
                self.wire = None;
                self.session.handle_closed(now(), None);
            }
        }
    }

    /// Handles an event and those that wait behind it, before the socket is flushed once.
    async fn handle_events(&mut self, first: UserEvent) {
        let began = now();
        let numbered = self.session.newest();
        let mut next = Some(first);
        let mut handled = 0;
        while let Some(event) = next {
            let users = self.parts.store.users();
            if let Err(error) = shape::prepare(&event, users, &*self.parts.messages).await {
                tracing::warn!(%error, "what an event names could not be loaded");
            }
            self.session.handle_event(now(), &event, shaper(&self.parts));
            handled += 1;
            // Taken only when it will be handled: an event left in hand would be lost.
            next = if handled < BATCH { self.events.try_recv().ok() } else { None };
        }
        let dispatched = self.session.newest() - numbered;
        let meters = &*METERS;
        meters.dispatches.increment(dispatched);
        meters.fanout.record(began.elapsed());
    }

    async fn shut_down(&mut self) {
        self.session.handle_shutdown();
        let shaper = shaper(&self.parts);
        let last = std::iter::from_fn(|| self.session.poll_frame(shaper)).take(BATCH).collect();
        if let Some(wire) = self.wire.take() {
            wire.close(CloseCode::UnknownError, last).await;
        }
    }

    /// The session is over: no socket may resume it, its user left voice and is not present by it.
    async fn end(mut self: Box<Self>) {
        tracing::debug!(user = %self.user, session = %short(&self.id), "gateway session ended");
        self.attaching.close();
        while let Ok(attach) = self.attaching.try_recv() {
            attach.refuse(Unresumable::TooOld);
        }
        let left = async {
            self.parts.calls.session_ended(self.user, &self.id).await;
            self.parts.store.presence(self.user, self.subscriber, None).await;
        };
        let farewell = async {
            if let Some(farewell) = self.farewell.take() {
                farewell.await;
            }
        };
        tokio::join!(left, farewell);
    }
}

/// Looked up once: every event of every session is counted.
struct Meters {
    dispatches: metrics::Counter,
    fanout: metrics::Histogram,
}

static METERS: LazyLock<Meters> = LazyLock::new(|| Meters {
    dispatches: metrics::counter!("signaling_dispatches_total"),
    fanout: metrics::histogram!("signaling_fanout_duration_seconds"),
});

fn shaper(parts: &Parts) -> Shaper<'_> {
    Shaper { users: parts.store.users(), signer: &parts.cdn, now_ms: parts.now_ms() }
}

/// Enough of a session's id to find it in logs; the whole would let a reader of logs resume.
fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

/// Events handled before the socket is flushed. More waits longer with the first one.
const BATCH: usize = 64;
/// Guilds that one request for members may name (Discord: one).
const GUILDS_PER_REQUEST: usize = 1;
