//! IO shell of a session: its one task, which owns the socket while there is one and outlives it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use model::gateway::CloseCode;
use model::gateway::Intents;
use model::id::GuildId;
use model::id::UserId;
use model::limits;
use model::wire::id::Id;
use state::GuildStore;
use state::GuildView;
use state::Hearer as _;
use state::Overflow;
use state::Subscriber;
use state::SubscriberId;
use state::UserEvent;
use state::call::CallEvent;
use state::member_list::Wanted;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::time::Sleep;
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::desk::Core;
use super::desk::Desk;
use super::desk::METERS;
use super::desk::Reception;
use super::desk::shaper;
use super::friends;
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
    /// Gives the socket back.
    pub(super) fn refuse(self, why: Unresumable) {
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
    let reception = Arc::new(Reception::new());
    let most = parts.config.gateway_sessions;
    let entry = Entry { user, reception: Arc::clone(&reception) };
    let listing = parts.sessions.list(&id, entry, most);
    let Some(listing) = listing else {
        tracing::warn!(%user, "too many gateway sessions");
        wire.close(CloseCode::RateLimited, Vec::new()).await;
        return None;
    };
    let (queue, events) = mpsc::channel(limits::SESSION_MAILBOX);
    let overflow = Arc::new(Overflow::default());
    let id_in_store = parts.sessions.subscriber();
    let subscription = Subscription { store: Arc::clone(&parts.store), id: id_in_store };
    let presences = wanted.viewer.wants(Intents::GUILD_PRESENCES);
    let desk = Arc::new(Desk::new(reception, &parts, presences));
    // Connected before the guilds are looked up: whichever is joined meanwhile is told.
    parts.store.connect(Subscriber {
        id: subscription.id,
        user,
        queue,
        overflow: Arc::clone(&overflow),
        hearer: Some(Arc::<Desk>::clone(&desk)),
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
        saw(&parts, user).await;
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
    let mut session = if wanted.whole {
        GatewaySession::whole(id.clone(), viewer, window, pulse, (ready, guilds))
    } else {
        GatewaySession::new(id.clone(), viewer, window, pulse, (&ready, guilds))
    };
    if let Some(form) = wanted.passive {
        session.stay_passive(form);
    }
    if wanted.calls {
        // What happens to them meanwhile waits in the queue, behind this.
        for call in parts.store.calls_of(user) {
            let event = UserEvent::Call(Arc::new(CallEvent::Created(call)));
            session.handle_event(now(), &event, shaper(&parts));
        }
    }
    desk.sit(session, wire);
    tracing::debug!(%user, session = %short(&id), "gateway session began");
    let mut task = Box::new(Task {
        user,
        id,
        host,
        desk,
        farewell: None,
        events,
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
    store: Arc<GuildStore>,
    id: SubscriberId,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.store.disconnect(self.id);
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
    /// The session and its socket.
    desk: Arc<Desk>,
    /// The last words to the socket before.
    farewell: Option<BoxFuture<'static, ()>>,
    events: mpsc::Receiver<UserEvent>,
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
    current: Option<BoxFuture<'static, Done>>,
}

enum Work {
    Voice(VoiceUpdate),
    Presence(Box<state::presence::SessionPresence>),
    Subscribe(GuildId),
    Watch(GuildId, Wanted),
}

enum Done {
    Nothing,
    Subscribed(GuildId, Option<GuildView>),
}

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
    /// The store is gone.
    Disconnected,
    /// The session failed.
    Fault,
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
        let desk = Arc::clone(&self.desk);
        while self.drain(&desk) == Then::Goes {
            let input = poll_fn(|context| self.poll_input(&desk, context)).await;
            if let Input::Event(event) = input {
                self.handle_events(&desk, event).await;
                continue;
            }
            if let Input::Shutdown = input {
                return Box::pin(self.shut_down()).await;
            }
            let mut core = desk.lock();
            let Some(core) = core.as_mut() else { return };
            match input {
                Input::Overflow => {
                    tracing::warn!(user = %self.user, "a gateway session lost events");
                    core.session.handle_overflow(now());
                }
                Input::Attach(attach) => self.attach(core, *attach),
                Input::Done(Done::Subscribed(guild, view)) => {
                    core.session.handle_guild(now(), guild, view.as_ref(), shaper(&self.parts));
                    core.reserved = false;
                }
                Input::Received(received) => self.handle_received(core, received),
                Input::Stalled => {
                    metrics::counter!("signaling_gateway_stalls_total").increment(1);
                    core.session.handle_stall(now());
                }
                Input::Timeout => core.session.handle_timeout(now()),
                Input::Disconnected | Input::Fault => return,
                Input::Done(Done::Nothing) | Input::Event(_) | Input::Shutdown => {}
            }
        }
    }

    /// Does what the session asks for.
    fn drain(&mut self, desk: &Desk) -> Then {
        let mut core = desk.lock();
        let Some(core) = core.as_mut() else { return Then::Ends };
        while let Some(output) = core.session.poll_output() {
            match output {
                Output::Close(code) => {
                    if let Some(wire) = core.wire.take() {
                        self.farewell = Some(wire.close(code, Vec::new()).boxed());
                    }
                }
                Output::Voice(update) => self.lane.waiting.push_back(Work::Voice(update)),
                Output::Presence(presence) => {
                    self.lane.waiting.push_back(Work::Presence(presence));
                }
                Output::Watch(guild, wanted) => {
                    self.lane.waiting.push_back(Work::Watch(guild, wanted));
                }
                Output::Subscribe(guild) => {
                    // Between a subscription and its snapshot no event may be heard: the snapshot is
                    // older than events that come after it.
                    core.reserved = true;
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
                            core.session.handle_members(now(), &request, handle.view(), shaper);
                        }
                    }
                }
                Output::Soundboard(guild) => {
                    if let Some(handle) = self.parts.store.guild(guild) {
                        core.session.handle_soundboard(&handle.view());
                    }
                }
                Output::Call(channel) => {
                    let call = self.parts.store.call_in(channel);
                    let theirs = call.filter(|call| call.channel.recipients.contains(&self.user));
                    if let Some(call) = theirs {
                        let event = UserEvent::Call(Arc::new(CallEvent::Created(call)));
                        core.session.handle_event(now(), &event, shaper(&self.parts));
                    }
                }
                Output::Passive(guild) => {
                    if let Some(handle) = self.parts.store.guild(guild) {
                        core.session.handle_passive(&handle.view(), shaper(&self.parts));
                    }
                }
                Output::ChannelInfo(guild, request) => {
                    if let Some(handle) = self.parts.store.guild(guild) {
                        let now_ms = self.parts.now_ms();
                        core.session.handle_channel_info(now_ms, &handle.view(), &request);
                    }
                }
                Output::End => return Then::Ends,
            }
        }
        Then::Goes
    }

    /// Whatever comes first. Everything polled here keeps what it has when it is not ready.
    fn poll_input(&mut self, desk: &Desk, context: &mut Context<'_>) -> Poll<Input> {
        desk.reception.waker.register(context.waker());
        let mut core = desk.lock();
        let Some(core) = core.as_mut() else { return Poll::Ready(Input::Fault) };
        // What wakes a session is mostly an event: then the rest is looked at once, after it. Behind an
        // event come no others before the rest had its turn.
        if !std::mem::replace(&mut self.heard, false)
            && let Poll::Ready(input) = self.poll_events(core, context)
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
        if let Some(attach) = desk.reception.take() {
            return Poll::Ready(Input::Attach(attach));
        }
        if let Poll::Ready(done) = self.poll_lane(context) {
            return Poll::Ready(Input::Done(done));
        }
        if let Poll::Ready(received) = self.poll_socket(core, context) {
            return Poll::Ready(Input::Received(received));
        }
        if let Poll::Ready(input) = self.poll_sleep(core, context) {
            return Poll::Ready(input);
        }
        self.poll_events(core, context)
    }

    fn poll_events(&mut self, core: &mut Core, context: &mut Context<'_>) -> Poll<Input> {
        // By a subscription that is under way.
        if core.reserved {
            return Poll::Pending;
        }
        let event = std::task::ready!(self.events.poll_recv(context));
        self.heard = true;
        Poll::Ready(event.map_or(Input::Disconnected, Input::Event))
    }

    fn poll_lane(&mut self, context: &mut Context<'_>) -> Poll<Done> {
        if self.lane.current.is_none() {
            let Some(work) = self.lane.waiting.pop_front() else { return Poll::Pending };
            self.lane.current = Some(self.begin_work(work));
        }
        let Some(current) = &mut self.lane.current else { return Poll::Pending };
        let done = std::task::ready!(current.as_mut().poll(context));
        self.lane.current = None;
        Poll::Ready(done)
    }

    fn begin_work(&self, work: Work) -> BoxFuture<'static, Done> {
        let parts = self.parts.clone();
        let (user, subscriber) = (self.user, self.subscriber);
        match work {
            Work::Voice(update) => {
                let guild = update.guild_id.map(Id::new_checked);
                // A guild that cannot be is no guild, and no private channel either.
                let Some(guild) = guild.map_or(Some(None), |guild| guild.map(Some)) else {
                    return std::future::ready(Done::Nothing).boxed();
                };
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
                        tracing::debug!(%error, %user, ?guild, "a voice request was refused");
                    }
                    Done::Nothing
                }
                .boxed()
            }
            Work::Presence(presence) => async move {
                if parts.store.presence(user, subscriber, Some(*presence)).await {
                    friends::announce(&parts, user).await;
                }
                Done::Nothing
            }
            .boxed(),
            Work::Watch(guild, wanted) => async move {
                parts.store.watch_members(subscriber, guild, wanted).await;
                Done::Nothing
            }
            .boxed(),
            Work::Subscribe(guild) => async move {
                Done::Subscribed(guild, parts.store.subscribe(subscriber, guild).await)
            }
            .boxed(),
        }
    }

    fn poll_socket(&self, core: &mut Core, context: &mut Context<'_>) -> Poll<Received> {
        let Core { session, wire, broken, .. } = core;
        let Some(wire) = wire else { return Poll::Pending };
        if std::mem::take(broken) {
            return Poll::Ready(Received::Lost);
        }
        let shaper = shaper(&self.parts);
        let written = wire.poll_write(context, now(), || session.poll_frame(shaper));
        if let Poll::Ready(Err(_)) = written {
            return Poll::Ready(Received::Lost);
        }
        wire.poll_read(context)
    }

    fn poll_sleep(&mut self, core: &Core, context: &mut Context<'_>) -> Poll<Input> {
        let stall = core.wire.as_ref().and_then(Wire::patience);
        let timeout = core.session.poll_timeout();
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

    fn attach(&mut self, core: &mut Core, attach: Attach) {
        // Told whatever the outcome: a client that resumes has given its old socket up.
        if let Err(why) = core.session.resumable(attach.seq) {
            return attach.refuse(why);
        }
        if let Some(old) = core.wire.take() {
            self.farewell = Some(old.close(CloseCode::UnknownError, Vec::new()).boxed());
        }
        let Attach { wire, pulse, seq, .. } = attach;
        // Cannot fail: it was asked for just now.
        if core.session.handle_resume(pulse, seq).is_ok() {
            metrics::counter!("signaling_gateway_resumes_total").increment(1);
            core.wire = Some(wire);
            core.broken = false;
        }
    }

    fn handle_received(&mut self, core: &mut Core, received: Received) {
        match received {
            Received::Message(bytes) => {
                core.session.handle_frame(now(), self.parts.now_ms(), &bytes)
            }
            Received::Garbage => core.session.handle_garbage(now()),
            Received::Closed(code) => {
                self.farewell = core.wire.take().map(|wire| wire.hang_up().boxed());
                core.session.handle_closed(now(), code);
            }
            Received::Lost => {
                core.wire = None;
                core.session.handle_closed(now(), None);
            }
        }
    }

    /// Handles an event and those that wait behind it, before the socket is flushed once.
    async fn handle_events(&mut self, desk: &Desk, first: UserEvent) {
        let began = now();
        let mut next = Some(first);
        let mut handled = 0;
        while let Some(event) = next {
            desk.prepare(&event).await;
            let mut core = desk.lock();
            let Some(core) = core.as_mut() else { return };
            let numbered = core.session.newest();
            core.session.handle_event(now(), &event, shaper(&self.parts));
            // From here on lanes may let it hear what comes after.
            desk.heard_one();
            METERS.dispatches.increment(core.session.newest() - numbered);
            handled += 1;
            // Taken only when it will be handled: an event left in hand would be lost.
            next = if handled < BATCH { self.events.try_recv().ok() } else { None };
        }
        METERS.fanout.record(began.elapsed());
    }

    async fn shut_down(&mut self) {
        let (last, wire) = {
            let mut core = self.desk.lock();
            let Some(core) = core.as_mut() else { return };
            core.session.handle_shutdown();
            let shaper = shaper(&self.parts);
            let last = std::iter::from_fn(|| core.session.poll_frame(shaper)).take(BATCH).collect();
            (last, core.wire.take())
        };
        if let Some(wire) = wire {
            wire.close(CloseCode::UnknownError, last).await;
        }
    }

    /// The session is over: no socket may resume it, its user left voice and is not present by it.
    async fn end(mut self: Box<Self>) {
        tracing::debug!(user = %self.user, session = %short(&self.id), "gateway session ended");
        // Lanes that still know it find nobody.
        *self.desk.lock() = None;
        self.events.close();
        self.desk.reception.close();
        let left = async {
            self.parts.calls.session_ended(self.user, &self.id).await;
            if self.parts.store.presence(self.user, self.subscriber, None).await {
                friends::announce(&self.parts, self.user).await;
            }
            saw(&self.parts, self.user).await;
        };
        let farewell = async {
            if let Some(farewell) = self.farewell.take() {
                farewell.await;
            }
        };
        tokio::join!(left, farewell);
    }
}

/// Notes that someone is here; a failure keeps nobody out.
async fn saw(parts: &Parts, user: UserId) {
    if let Err(error) = parts.accounts.saw(user, parts.now_ms()).await {
        tracing::warn!(%error, %user, "a session was not noted");
    }
}

/// Enough of a session's id to find it in logs; the whole would let a reader of logs resume.
fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

/// Events handled before the socket is flushed. More waits longer with the first one.
const BATCH: usize = 64;
/// Guilds that one request for members may name (Discord: one).
const GUILDS_PER_REQUEST: usize = 1;
