//! The pure core of a session: what its client says, what it hears, and what it may resume.
//!
//! No clock, no socket, no store: time and snapshots are arguments, and whatever takes time is
//! asked for by an output. A session outlives its sockets.

mod answers;
mod calls;
mod passive;
mod whole;

use std::collections::HashSet;
use std::collections::VecDeque;
use std::time::Duration;
use std::time::Instant;

use model::gateway::CloseCode;
use model::gateway::DispatchName;
use model::gateway::Intents;
use model::gateway::Opcode;
use model::id::ChannelId;
use model::id::GuildId;
use model::limits;
use model::wire::id::Id;
use serde_json::Value;
use serde_json::json;
use state::GuildView;
use state::Publication;
use state::UserEvent;
use state::member_list::Wanted;
use state::presence::Client;
use state::presence::SessionPresence;
use state::private::PrivatePublication;
use state::record::PrivateChannel;

use super::encode;
use super::encode::Dispatch;
use super::encode::Frame;
use super::filter::ChatPlace;
use super::filter::Heard;
use super::filter::Sight;
use super::filter::Viewer;
use super::incoming::ChannelInfoRequest;
use super::incoming::Incoming;
use super::incoming::MembersRequest;
use super::incoming::VoiceUpdate;
use super::member_list;
use super::members::MembersAnswer;
use super::pulse::Beat;
use super::pulse::Pulse;
use super::ready_whole::Pending;
use super::replay::ReplayBuffer;
use super::shape::Shaper;
use crate::wire;

use passive::Passive;
pub(super) use passive::PassiveForm;

/// One identified session.
///
/// After each input drain [`poll_output`](Self::poll_output); [`poll_frame`](Self::poll_frame) is
/// called whenever the socket takes more.
///
/// What each event touches is in the session itself, as close together as it goes: a thousand sessions
/// hear one event after the other, and each line of memory is waited for.
#[derive(Debug)]
pub(super) struct GatewaySession {
    link: Link,
    replay: ReplayBuffer,
    /// The guild that was heard last, one of those that are heard.
    latest: Option<GuildId>,
    /// None while there is nothing to be done.
    due: Option<Box<Due>>,
    /// READY of a person's client that wants its guilds in it, until all of them are there.
    pending: Option<Box<Pending>>,
    sight: Sight,
    viewer: Viewer,
    /// Of a client that wants to be told little of guilds that it does not look at.
    passive: Option<Box<Passive>>,
    rest: Box<Rest>,
}

/// What is hardly ever looked at.
#[derive(Debug)]
struct Rest {
    id: String,
    client: Client,
    resume_window: Duration,
    /// Guilds that are heard.
    guilds: HashSet<GuildId>,
    /// Private channels that a bot was told of.
    told: HashSet<ChannelId>,
    /// The guild and version whose changes of view were told last.
    flipped: Option<(GuildId, u64)>,
    /// Whether it is a person's client that wants its guilds in READY: then they have the shape that it
    /// knows.
    whole: bool,
}

/// What is to be done, and to be answered.
#[derive(Debug, Default)]
struct Due {
    outputs: VecDeque<Output>,
    /// Guilds to be heard: shown one by one as the socket takes them.
    waiting: VecDeque<GuildId>,
    /// Answers on their way, the first one under way.
    answers: VecDeque<MembersAnswer>,
}

impl Due {
    fn is_empty(&self) -> bool {
        self.outputs.is_empty() && self.waiting.is_empty() && self.answers.is_empty()
    }
}

#[derive(Debug)]
enum Link {
    /// There is a socket.
    Attached(Attached),
    /// The socket was lost; whoever resumes before `until` misses nothing. Dispatches from `next`
    /// on were never sent: without them nobody can resume.
    Detached { until: Instant, next: u64 },
    /// The session ended; every input is ignored.
    Over,
}

#[derive(Debug)]
struct Attached {
    pulse: Pulse,
    /// Messages without a number, sent before dispatches.
    controls: VecDeque<String>,
    /// The number of the next dispatch to send.
    next: u64,
    /// Bytes of dispatches from `next` on.
    unsent: usize,
    /// How many of these are guilds and members, which are asked for and paced.
    paced: usize,
}

/// What is to be done for a session.
#[derive(Debug)]
pub(super) enum Output {
    /// Close the socket.
    Close(CloseCode),
    /// Ask for voice (op 4).
    Voice(VoiceUpdate),
    /// Tell the store what the user does.
    Presence(Box<SessionPresence>),
    /// Take a snapshot for [`GatewaySession::handle_members`].
    Members(Box<MembersRequest>),
    /// Look up the soundboard of a guild.
    Soundboard(GuildId),
    /// Take a snapshot for [`GatewaySession::handle_channel_info`].
    ChannelInfo(GuildId, ChannelInfoRequest),
    /// Look up the call of a private channel, and tell of it.
    Call(ChannelId),
    /// Take a snapshot for [`GatewaySession::handle_passive`].
    Passive(GuildId),
    /// Look at rows of a guild's member lists.
    Watch(GuildId, Wanted),
    /// Subscribe to a guild, then [`GatewaySession::handle_guild`]. No event may be handled in
    /// between.
    Subscribe(GuildId),
    /// The session is over: leave voice, presence and the store.
    End,
}

/// Why a socket may not resume a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unresumable {
    /// It names a dispatch that was never sent (4007).
    InvalidSeq,
    /// What it missed is not kept any more (op 9).
    TooOld,
}

impl GatewaySession {
    /// The session of a socket that identified; `ready` is the payload of READY and names
    /// `guilds`, which are shown after it.
    pub(super) fn new(
        id: String,
        (viewer, client): (Viewer, Client),
        resume_window: Duration,
        pulse: Pulse,
        (ready, guilds): (&Value, Vec<GuildId>),
    ) -> Self {
        let mut session = Self::bare(id, (viewer, client), resume_window, pulse, guilds);
        session.push(Dispatch::new(DispatchName::Ready, ready));
        session
    }

    fn bare(
        id: String,
        (viewer, client): (Viewer, Client),
        resume_window: Duration,
        pulse: Pulse,
        guilds: Vec<GuildId>,
    ) -> Self {
        let rest = Rest {
            id,
            client,
            resume_window,
            guilds: HashSet::new(),
            told: HashSet::new(),
            flipped: None,
            whole: false,
        };
        let due = Due { waiting: guilds.into(), ..Due::default() };
        Self {
            link: Link::Attached(Attached::new(pulse, 1, 0)),
            replay: ReplayBuffer::default(),
            latest: None,
            due: (!due.is_empty()).then(|| Box::new(due)),
            pending: None,
            sight: Sight::default(),
            viewer,
            passive: None,
            rest: Box::new(rest),
        }
    }

    /// Takes one message of the client; `now_ms` is Unix milliseconds.
    pub(super) fn handle_frame(&mut self, now: Instant, now_ms: u64, bytes: &[u8]) {
        let Link::Attached(attached) = &mut self.link else { return };
        let incoming = match attached.pulse.handle_frame(now, bytes) {
            Ok(incoming) => incoming,
            Err(code) => return self.close(now, code),
        };
        match incoming {
            Incoming::Heartbeat => attached.control(Opcode::HeartbeatAck, &json!({})),
            Incoming::Identify(_) | Incoming::Resume(_) => {
                self.close(now, CloseCode::AlreadyAuthenticated);
            }
            Incoming::Presence(value) => {
                match wire::session_presence(&value, self.rest.client, now_ms) {
                    Some(presence) => self.ask(Output::Presence(Box::new(presence))),
                    None => self.close(now, CloseCode::DecodeError),
                }
            }
            Incoming::Voice(update) => self.ask(Output::Voice(update)),
            Incoming::Members(request) => self.ask(Output::Members(request)),
            Incoming::Soundboard(guilds) => {
                for guild in guilds.into_iter().filter_map(Id::new_checked) {
                    if self.rest.guilds.contains(&guild) {
                        self.ask(Output::Soundboard(guild));
                    }
                }
            }
            Incoming::ChannelInfo(request) => {
                let guild = request.guild_id.and_then(Id::new_checked);
                if let Some(guild) = guild.filter(|guild| self.rest.guilds.contains(guild)) {
                    self.ask(Output::ChannelInfo(guild, request));
                }
            }
            Incoming::Subscriptions(_) if self.viewer.bot => {
                self.close(now, CloseCode::UnknownOpcode);
            }
            Incoming::Subscriptions(all) => {
                for (guild, subscription) in all {
                    let guild = Id::new_checked(guild);
                    let guild = guild.filter(|guild| self.rest.guilds.contains(guild));
                    let Some(guild) = guild else { continue };
                    self.look_at(guild, subscription.looks());
                    if let Some(channels) = subscription.channels {
                        let wanted = channels.into_iter().collect();
                        self.ask(Output::Watch(guild, wanted));
                    }
                }
            }
            Incoming::Personal | Incoming::Call(_) if self.viewer.bot => {
                self.close(now, CloseCode::UnknownOpcode);
            }
            Incoming::Call(channel) => self.ask(Output::Call(channel)),
            Incoming::Personal => {}
        }
        self.give_up_on_slow_readers(now);
    }

    /// A message came that no client may send: over every limit, or no WebSocket message at all.
    pub(super) fn handle_garbage(&mut self, now: Instant) {
        self.close(now, CloseCode::DecodeError);
    }

    /// The client closed its socket, with that code, or the connection broke.
    pub(super) fn handle_closed(&mut self, now: Instant, code: Option<u16>) {
        match code {
            // Goodbyes (Discord: Gateway/Initiating a Disconnect).
            Some(1000 | 1001) => self.end(),
            _ => self.detach(now),
        }
    }

    /// Whether a socket whose client heard up to `seq` may take the session up.
    ///
    /// # Errors
    ///
    /// [`Unresumable`]; the session stays as it is.
    pub(super) fn resumable(&self, seq: u64) -> Result<(), Unresumable> {
        match self.link {
            _ if seq > self.replay.newest() => Err(Unresumable::InvalidSeq),
            Link::Over => Err(Unresumable::TooOld),
            _ if seq + 1 < self.replay.oldest() => Err(Unresumable::TooOld),
            _ => Ok(()),
        }
    }

    /// A socket takes the session up after `seq`, in place of any other: it is sent all that came
    /// after, then RESUMED.
    ///
    /// # Errors
    ///
    /// As [`resumable`](Self::resumable).
    pub(super) fn handle_resume(&mut self, pulse: Pulse, seq: u64) -> Result<(), Unresumable> {
        self.resumable(seq)?;
        let unsent = self.replay.bytes_after(seq);
        self.link = Link::Attached(Attached::new(pulse, seq + 1, unsent));
        self.push(Dispatch::new(DispatchName::Resumed, &json!({ "_trace": [] })));
        Ok(())
    }

    /// Takes one event of the store. What it names was loaded for `shaper`.
    pub(super) fn handle_event(&mut self, now: Instant, event: &UserEvent, shaper: Shaper<'_>) {
        if matches!(self.link, Link::Over) {
            return;
        }
        if let Some(pending) = &mut self.pending
            && !matches!(event, UserEvent::LoggedOut)
        {
            if let Some(gone) = pending.handle_event(event, self.viewer.user) {
                self.rest.guilds.remove(&gone);
            }
            return;
        }
        match event {
            UserEvent::Guild(publication) => self.handle_publication(now, publication, shaper),
            UserEvent::MemberList(update) => {
                self.push(member_list::dispatch(update, shaper.users));
            }
            UserEvent::GuildJoined(guild) => {
                let waits = |due: &Due| due.waiting.contains(guild);
                let known =
                    self.rest.guilds.contains(guild) || self.due.as_deref().is_some_and(waits);
                if !known && self.viewer.shard.has_guild(*guild) {
                    self.due().waiting.push_back(*guild);
                }
            }
            UserEvent::UserUpdated(user) => {
                self.push(Dispatch::new(DispatchName::UserUpdate, &wire::own_user(user)));
            }
            UserEvent::PrivateChannelOpened(channel) => {
                // Bots are told when there is something to read.
                if !self.viewer.bot && self.viewer.shard.has_private() {
                    self.tell(channel, shaper);
                }
            }
            UserEvent::Private(publication) => self.handle_private(publication, shaper),
            UserEvent::Call(event) => self.handle_call(event),
            UserEvent::VoiceServer(server) => self.handle_voice_server(server),
            UserEvent::Personal(personal) => {
                let shard = self.viewer.shard;
                if personal
                    .guild
                    .map_or_else(|| shard.has_private(), |guild| shard.has_guild(guild))
                {
                    self.push(shaper.personal(personal, &self.viewer));
                }
            }
            UserEvent::LoggedOut => {
                self.close(now, CloseCode::AuthenticationFailed);
                self.end();
            }
        }
        self.give_up_on_slow_readers(now);
    }

    fn handle_publication(&mut self, now: Instant, publication: &Publication, shaper: Shaper<'_>) {
        let guild = publication.guild.id;
        if self.latest != Some(guild) {
            if !self.rest.guilds.contains(&guild) {
                return;
            }
            self.latest = Some(guild);
        }
        let mut heard = self.sight.hears(&self.viewer, publication, shaper.now_ms);
        if let Some(passive) = &mut self.passive {
            match heard {
                Heard::No => {}
                Heard::GuildGone => passive.forget(guild),
                Heard::Yes | Heard::VoiceLeft => {
                    if passive.withholds(now, publication, &self.viewer) {
                        heard = Heard::No;
                    }
                }
            }
        }
        if heard == Heard::GuildGone {
            self.rest.guilds.remove(&guild);
            self.latest = None;
        }
        if heard != Heard::GuildGone || self.viewer.wants(Intents::GUILDS) {
            let added = (heard == Heard::Yes).then(|| shaper.added(publication, &self.viewer));
            let dispatch = shaper.guild_event(publication, &self.viewer, heard);
            added.flatten().into_iter().chain(dispatch).for_each(|dispatch| self.push(dispatch));
        }
        if heard == Heard::GuildGone {
            return;
        }
        // One change may make many events; what it does to one's standing is told once.
        let version = (guild, publication.guild.version);
        if self.viewer.standing_changed(publication) {
            if self.rest.flipped == Some(version) {
                return;
            }
            self.rest.flipped = Some(version);
        }
        for flip in self.viewer.flips(publication, shaper.now_ms) {
            for dispatch in shaper.flip(publication, flip, &self.viewer) {
                let voice = dispatch.name == DispatchName::VoiceStateUpdate;
                if !voice || self.viewer.wants(Intents::GUILD_VOICE_STATES) {
                    self.push(dispatch);
                }
            }
        }
    }

    fn handle_private(&mut self, publication: &PrivatePublication, shaper: Shaper<'_>) {
        let heard = self.viewer.hears_chat(&publication.event, ChatPlace::Private);
        if !heard || !self.viewer.shard.has_private() {
            return;
        }
        if self.viewer.bot && !self.rest.told.contains(&publication.channel.id) {
            if self.rest.told.len() >= TOLD {
                self.rest.told.clear();
            }
            self.rest.told.insert(publication.channel.id);
            self.tell(&publication.channel, shaper);
        }
        if let Some(dispatch) = shaper.private_event(publication, &self.viewer) {
            self.push(dispatch);
        }
    }

    fn tell(&mut self, channel: &PrivateChannel, shaper: Shaper<'_>) {
        let people: Vec<_> =
            channel.recipients.iter().filter_map(|id| shaper.users.cached(*id)).collect();
        let payload = wire::private_channel(channel, self.viewer.user, &people);
        self.push(Dispatch::new(DispatchName::ChannelCreate, &payload));
    }

    /// The snapshot that came of [`Output::Subscribe`]; `None` when the user is not in the guild.
    pub(super) fn handle_guild(
        &mut self,
        now: Instant,
        guild: GuildId,
        view: Option<&GuildView>,
        shaper: Shaper<'_>,
    ) {
        if view.is_some() {
            self.rest.guilds.insert(guild);
        }
        if let Some(pending) = &mut self.pending {
            pending.handle_guild(guild, view);
            if pending.is_complete() {
                self.greet(now, shaper);
            }
            return;
        }
        let shown = self.viewer.wants(Intents::GUILDS);
        match view {
            Some(view) if shown => {
                let payload = self.shown(view, shaper);
                self.push_paced(Dispatch::new(DispatchName::GuildCreate, &payload));
            }
            // READY named it.
            None if shown => {
                self.push(Dispatch::new(DispatchName::GuildDelete, &json!({ "id": guild })));
            }
            Some(_) | None => {}
        }
    }

    /// The server goes down: the client is told to reconnect (op 7); then close the socket.
    pub(super) fn handle_shutdown(&mut self) {
        if let Link::Attached(attached) = &mut self.link {
            attached.control(Opcode::Reconnect, &Value::Null);
        }
    }

    /// Events were lost: nothing that came after could be resumed.
    pub(super) fn handle_overflow(&mut self, now: Instant) {
        self.close(now, CloseCode::UnknownError);
        self.end();
    }

    /// The socket took nothing for too long.
    pub(super) fn handle_stall(&mut self, now: Instant) {
        self.close(now, CloseCode::UnknownError);
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called, if nothing comes first.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match &self.link {
            Link::Attached(attached) => {
                let passive = self.passive.as_ref().and_then(|passive| passive.poll_timeout());
                let pulse = attached.pulse.poll_timeout();
                Some(passive.map_or(pulse, |passive| passive.min(pulse)))
            }
            Link::Detached { until, .. } => Some(*until),
            Link::Over => None,
        }
    }

    /// Asks silent clients for a heartbeat, closes dead ones, ends what nobody resumed, tells what came of
    /// guilds that are not looked at.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.is_attached() {
            self.tell_passive(now);
        }
        match &mut self.link {
            Link::Attached(attached) => match attached.pulse.handle_timeout(now) {
                Some(Beat::Ask) => attached.control(Opcode::Heartbeat, &Value::Null),
                Some(Beat::Dead) => self.close(now, CloseCode::SessionTimedOut),
                None => {}
            },
            Link::Detached { until, .. } if now >= *until => self.end(),
            Link::Detached { .. } | Link::Over => {}
        }
    }

    /// Whether something may be to be done, or answers are on their way.
    pub(super) const fn has_outputs(&self) -> bool {
        self.due.is_some()
    }

    /// The next thing to be done.
    pub(super) fn poll_output(&mut self) -> Option<Output> {
        let due = self.due.as_mut()?;
        if let Some(output) = due.outputs.pop_front() {
            return Some(output);
        }
        if due.is_empty() {
            self.due = None;
            return None;
        }
        let Link::Attached(attached) = &self.link else { return None };
        // Guilds are large; the next is asked for when the socket has taken most of the last.
        if attached.unsent > PACE || !due.answers.is_empty() {
            return None;
        }
        due.waiting.pop_front().map(Output::Subscribe)
    }

    fn due(&mut self) -> &mut Due {
        self.due.get_or_insert_default()
    }

    fn ask(&mut self, output: Output) {
        self.due().outputs.push_back(output);
    }

    /// The next message for the socket.
    pub(super) fn poll_frame(&mut self, shaper: Shaper<'_>) -> Option<Frame> {
        loop {
            let Link::Attached(attached) = &mut self.link else { return None };
            if let Some(control) = attached.controls.pop_front() {
                return Some(Frame::Control(control));
            }
            // The one before is written by now.
            self.replay.pack(attached.next - 1);
            if let Some(dispatch) = self.replay.get(attached.next) {
                attached.unsent = attached.unsent.saturating_sub(dispatch.weight());
                let frame = Frame::Dispatch(dispatch, attached.next);
                attached.next += 1;
                attached.paced = attached.paced.min(attached.unsent);
                self.replay.trim(attached.next);
                return Some(frame);
            }
            let answers = &mut self.due.as_mut()?.answers;
            match answers.front_mut()?.next_chunk(shaper.users) {
                Some(chunk) => {
                    self.push_paced(Dispatch::new(DispatchName::GuildMembersChunk, &chunk))
                }
                None => drop(answers.pop_front()),
            }
        }
    }

    /// The number of the newest dispatch.
    pub(super) const fn newest(&self) -> u64 {
        self.replay.newest()
    }

    /// Whether there is a socket.
    pub(super) const fn is_attached(&self) -> bool {
        matches!(self.link, Link::Attached(_))
    }

    /// Numbers a dispatch and keeps it; the socket takes it when it can.
    fn push(&mut self, dispatch: Dispatch) {
        let weight = dispatch.weight();
        match &mut self.link {
            Link::Attached(attached) => {
                attached.unsent += weight;
                self.replay.push(dispatch);
                self.replay.trim(attached.next);
            }
            Link::Detached { next, .. } => {
                let next = *next;
                self.replay.push(dispatch);
                self.replay.trim(u64::MAX);
                if self.replay.oldest() > next {
                    self.end();
                }
            }
            Link::Over => {}
        }
    }

    /// As [`push`](Self::push), of something that was asked for when the socket had room: that it
    /// is large does not make a reader slow.
    fn push_paced(&mut self, dispatch: Dispatch) {
        if let Link::Attached(attached) = &mut self.link {
            attached.paced += dispatch.weight();
        }
        self.push(dispatch);
    }

    fn give_up_on_slow_readers(&mut self, now: Instant) {
        let Link::Attached(attached) = &self.link else { return };
        let behind = self.replay.newest() + 1 - attached.next;
        if behind > UNSENT_DISPATCHES || attached.unsent - attached.paced > UNSENT_BYTES {
            self.close(now, CloseCode::UnknownError);
        }
    }

    /// Closes the socket; the session goes on without one.
    fn close(&mut self, now: Instant, code: CloseCode) {
        if self.is_attached() {
            self.ask(Output::Close(code));
            self.detach(now);
        }
    }

    fn detach(&mut self, now: Instant) {
        let Link::Attached(Attached { next, .. }) = self.link else { return };
        self.link = Link::Detached { until: now + self.rest.resume_window, next };
        // Whoever asked and went asks again.
        if let Some(due) = &mut self.due {
            due.answers.clear();
        }
        self.replay.trim(u64::MAX);
        if self.replay.oldest() > next {
            self.end();
        }
    }

    fn end(&mut self) {
        if !matches!(self.link, Link::Over) {
            self.link = Link::Over;
            self.ask(Output::End);
        }
    }
}

impl Attached {
    const fn new(pulse: Pulse, next: u64, unsent: usize) -> Self {
        Self { pulse, controls: VecDeque::new(), next, unsent, paced: 0 }
    }

    fn control(&mut self, op: Opcode, d: &Value) {
        self.controls.push_back(encode::control(op, d));
    }
}

/// Unsent bytes above which no further guild is asked for. Lower makes a client with many guilds
/// wait for round trips; higher holds more of them in memory.
const PACE: usize = 256 * 1_024;
/// Unsent bytes and dispatches above which a reader is too slow: less than Resume keeps, so that
/// a closed one has the time of the rest to come back.
const UNSENT_BYTES: usize = limits::REPLAY_BYTES / 4 * 3;
const UNSENT_DISPATCHES: u64 = limits::REPLAY_DISPATCHES as u64 / 4 * 3;
/// Private channels that a bot's session remembers having told of; when full it tells again.
const TOLD: usize = 4_096;

#[cfg(test)]
mod tests;
