//! Calls in private channels: who is in them, whom they ring, and until when. Pure; lives in the mailbox
//! of the private channels, as a guild's voice lives in the guild's.
//!
//! Feed it by `handle*`, then drain [`Switchboard::poll_event`]; [`Switchboard::handle_timeout`] is due at
//! [`Switchboard::poll_timeout`]. Nobody is in two calls at once. Whether people want to hear of each
//! other (blocks, friends) is the caller's business.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::Instant;

use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::MessageId;
use model::id::UserId;
use model::limits;
use model::media::Grants;

use crate::record::PrivateChannel;
use crate::voice::VoiceState;

/// A call at one moment: what every reader holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Where. Its people are those who may be in it.
    pub channel: Arc<PrivateChannel>,
    /// The message that tells of it.
    pub message: MessageId,
    /// Who began it.
    pub starter: UserId,
    /// Who is rung, until when.
    pub ringing: BTreeMap<UserId, Instant>,
    /// Who is in it.
    pub voice: BTreeMap<UserId, Arc<VoiceState>>,
    /// Who is in it or was, in the order in which they came.
    pub participants: Vec<UserId>,
}

/// An immutable snapshot of a call.
pub type CallView = Arc<Call>;

impl Call {
    /// What the media wing is told of someone who is in it; there is nobody to silence others.
    #[must_use]
    pub fn grants(&self, user: UserId) -> Option<Grants> {
        let state = self.voice.get(&user)?;
        Some(Grants { speak: true, hear: !state.self_deaf })
    }

    /// Who hears of it.
    fn people(&self) -> &[UserId] {
        &self.channel.recipients
    }
}

/// What someone wants of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallCommand {
    /// Join, or change one's own flags (gateway op 4). Whoever comes first begins the call.
    Join {
        /// Where; whoever joins is in it.
        channel: Arc<PrivateChannel>,
        /// Who.
        user: UserId,
        /// Their gateway session.
        session: String,
        /// Muted by themselves.
        self_mute: bool,
        /// Deafened by themselves.
        self_deaf: bool,
        /// Camera on.
        self_video: bool,
        /// The message that is to tell of the call, if it begins.
        message: MessageId,
    },
    /// Someone leaves whatever call they are in.
    Leave {
        /// Who.
        user: UserId,
        /// Only if they joined by this gateway session; by whichever, if none is said.
        session: Option<String>,
    },
    /// Someone shares their screen, or no longer, by the gateway session that joined.
    Share {
        /// Who.
        user: UserId,
        /// Their gateway session.
        session: String,
        /// Whether they share it.
        screen: bool,
    },
    /// Someone in a call rings people of its channel; those who are in it are left alone.
    Ring {
        /// Where.
        channel: ChannelId,
        /// Who.
        by: UserId,
        /// Whom.
        people: Vec<UserId>,
        /// When.
        now: Instant,
    },
    /// Someone is not to be rung any more: by their own wish, or by that of someone in the call.
    StopRinging {
        /// Where.
        channel: ChannelId,
        /// Who wishes it.
        by: UserId,
        /// Whom.
        people: Vec<UserId>,
    },
    /// Everyone is told anew how the call is.
    Tell {
        /// Where.
        channel: ChannelId,
    },
    /// Someone who came to the channel is told of the call that goes on there, if one does.
    Show {
        /// Where.
        channel: ChannelId,
        /// Who.
        user: UserId,
    },
    /// The people of a channel changed: who is not in it any more leaves its call.
    Settle(Arc<PrivateChannel>),
    /// One of two has blocked the other: the call that they have to themselves is over.
    Part([UserId; 2]),
    /// The server goes down: every call ends.
    EndAll,
}

/// What a command came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOutcome {
    /// Nothing to tell anyone.
    Unchanged,
    /// Something changed, but not who is where.
    Updated,
    /// Joined or moved: the session must be given a (new) voice server.
    Joined,
    /// Somebody left.
    Left,
}

/// Something that happened to a call, with the call after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallEvent {
    /// It began.
    Created(CallView),
    /// It goes on, and somebody comes to its channel, who alone is told.
    Shown(CallView, UserId),
    /// Somebody is rung from now on, or not any more.
    Updated(CallView),
    /// Somebody came, left or changed flags. `channel: None` means left.
    Voice(CallView, Arc<VoiceState>),
    /// It is over.
    Deleted {
        /// How it was at the end, with nobody in it.
        call: CallView,
        /// Because the server goes down.
        unavailable: bool,
    },
}

impl CallEvent {
    /// The call after it.
    #[must_use]
    pub const fn call(&self) -> &CallView {
        match self {
            Self::Created(call)
            | Self::Shown(call, _)
            | Self::Updated(call)
            | Self::Voice(call, _)
            | Self::Deleted { call, .. } => call,
        }
    }

    /// Who hears of it: the people of the channel, and whoever left it together with the call.
    pub fn people(&self) -> impl Iterator<Item = UserId> {
        let people = match self {
            Self::Shown(_, user) => std::slice::from_ref(user),
            _ => self.call().people(),
        };
        let gone = match self {
            Self::Voice(_, state) if !people.contains(&state.user) => Some(state.user),
            _ => None,
        };
        people.iter().copied().chain(gone)
    }
}

/// Every call of this node.
#[derive(Debug, Default)]
pub struct Switchboard {
    calls: BTreeMap<ChannelId, CallView>,
    /// In which call someone is.
    places: HashMap<UserId, ChannelId>,
    events: VecDeque<CallEvent>,
}

impl Switchboard {
    /// Carries out a command.
    ///
    /// # Errors
    ///
    /// 50001 for who is not in the channel, 40032 for who is to be in its call and is not.
    pub fn handle(&mut self, command: CallCommand) -> Result<CallOutcome, ErrorCode> {
        match command {
            CallCommand::Join {
                channel,
                user,
                session,
                self_mute,
                self_deaf,
                self_video,
                message,
            } => {
                let state = VoiceState {
                    guild: None,
                    channel: Some(channel.id),
                    user,
                    session,
                    mute: false,
                    deaf: false,
                    self_mute,
                    self_deaf,
                    self_video,
                    self_stream: false,
                    suppress: false,
                    request_to_speak: None,
                };
                self.join(&channel, state, message)
            }
            CallCommand::Leave { user, session } => {
                let whose = |state: &VoiceState| session.is_none_or(|named| named == state.session);
                Ok(match self.place_of(user).filter(|(_, state)| whose(state)) {
                    Some((channel, _)) => self.leave(channel, user),
                    None => CallOutcome::Unchanged,
                })
            }
            CallCommand::Share { user, session, screen } => Ok(self.share(user, &session, screen)),
            CallCommand::Ring { channel, by, people, now } => self.ring(channel, by, &people, now),
            CallCommand::StopRinging { channel, by, people } => self.stop(channel, by, &people),
            CallCommand::Tell { channel } => {
                let Some(call) = self.calls.get(&channel) else {
                    return Ok(CallOutcome::Unchanged);
                };
                self.events.push_back(CallEvent::Updated(Arc::clone(call)));
                Ok(CallOutcome::Updated)
            }
            CallCommand::Show { channel, user } => {
                let Some(call) = self.calls.get(&channel) else {
                    return Ok(CallOutcome::Unchanged);
                };
                self.events.push_back(CallEvent::Shown(Arc::clone(call), user));
                Ok(CallOutcome::Updated)
            }
            CallCommand::Settle(channel) => Ok(self.settle(&channel)),
            CallCommand::Part(pair) => {
                let theirs = |call: &&CallView| {
                    let of_two = call.channel.group.is_none();
                    of_two && pair.iter().all(|user| call.people().contains(user))
                };
                let channel = self.calls.values().find(theirs).map(|call| call.channel.id);
                Ok(channel.map_or(CallOutcome::Unchanged, |channel| self.end(channel, false)))
            }
            CallCommand::EndAll => {
                let all: Vec<_> = self.calls.keys().copied().collect();
                let ended = all.into_iter().map(|channel| self.end(channel, true)).count();
                Ok(if ended == 0 { CallOutcome::Unchanged } else { CallOutcome::Left })
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.calls.values().flat_map(|call| call.ringing.values()).min().copied()
    }

    /// Ends whatever rang for long enough.
    pub fn handle_timeout(&mut self, now: Instant) {
        let over = |call: &&CallView| call.ringing.values().any(|until| *until <= now);
        let channels: Vec<_> =
            self.calls.values().filter(over).map(|call| call.channel.id).collect();
        for channel in channels {
            self.change(channel, |call| call.ringing.retain(|_, until| *until > now));
        }
    }

    /// What happened, in order.
    pub fn poll_event(&mut self) -> Option<CallEvent> {
        self.events.pop_front()
    }

    /// In which call someone is, and how.
    fn place_of(&self, user: UserId) -> Option<(ChannelId, Arc<VoiceState>)> {
        let channel = *self.places.get(&user)?;
        let state = self.calls.get(&channel)?.voice.get(&user)?;
        Some((channel, Arc::clone(state)))
    }

    fn join(
        &mut self,
        channel: &Arc<PrivateChannel>,
        state: VoiceState,
        message: MessageId,
    ) -> Result<CallOutcome, ErrorCode> {
        let user = state.user;
        if !channel.recipients.contains(&user) {
            return Err(ErrorCode::MissingAccess);
        }
        match self.place_of(user) {
            Some((place, old)) if place == channel.id && old.session == state.session => {
                let state = VoiceState { self_stream: old.self_stream, ..state };
                if *old == state {
                    return Ok(CallOutcome::Unchanged);
                }
                self.put(channel.id, state);
                return Ok(CallOutcome::Updated);
            }
            Some((place, _)) if place != channel.id => drop(self.leave(place, user)),
            // Another of their own sessions takes the place over.
            Some(_) | None => {}
        }
        if let Entry::Vacant(vacant) = self.calls.entry(channel.id) {
            let call = Arc::new(Call {
                channel: Arc::clone(channel),
                message,
                starter: user,
                ringing: BTreeMap::new(),
                voice: BTreeMap::from([(user, Arc::new(state.clone()))]),
                participants: vec![user],
            });
            vacant.insert(Arc::clone(&call));
            self.places.insert(user, channel.id);
            self.events.push_back(CallEvent::Created(call));
        }
        self.put(channel.id, state);
        // Whoever answers is not rung any more, on none of their clients.
        self.change(channel.id, |call| {
            call.ringing.remove(&user);
        });
        Ok(CallOutcome::Joined)
    }

    /// Stores a voice state, and tells of it.
    fn put(&mut self, channel: ChannelId, state: VoiceState) {
        let Some(call) = self.calls.get_mut(&channel) else { return };
        let state = Arc::new(state);
        let now = Arc::make_mut(call);
        now.voice.insert(state.user, Arc::clone(&state));
        self.places.insert(state.user, channel);
        if !now.participants.contains(&state.user) {
            now.participants.push(state.user);
        }
        self.events.push_back(CallEvent::Voice(Arc::clone(call), state));
    }

    /// Takes someone out of a call; it is over when they were the last.
    fn leave(&mut self, channel: ChannelId, user: UserId) -> CallOutcome {
        let Some(call) = self.calls.get_mut(&channel) else { return CallOutcome::Unchanged };
        let Some(state) = Arc::make_mut(call).voice.remove(&user) else {
            return CallOutcome::Unchanged;
        };
        self.places.remove(&user);
        let left = Arc::new(VoiceState { channel: None, ..(*state).clone() });
        self.events.push_back(CallEvent::Voice(Arc::clone(call), left));
        if call.voice.is_empty() {
            self.end(channel, false);
        }
        CallOutcome::Left
    }

    fn end(&mut self, channel: ChannelId, unavailable: bool) -> CallOutcome {
        let Some(mut call) = self.calls.remove(&channel) else { return CallOutcome::Unchanged };
        while let Some((user, state)) = Arc::make_mut(&mut call).voice.pop_first() {
            self.places.remove(&user);
            let left = Arc::new(VoiceState { channel: None, ..(*state).clone() });
            self.events.push_back(CallEvent::Voice(Arc::clone(&call), left));
        }
        Arc::make_mut(&mut call).ringing.clear();
        self.events.push_back(CallEvent::Deleted { call, unavailable });
        CallOutcome::Left
    }

    fn share(&mut self, user: UserId, session: &str, screen: bool) -> CallOutcome {
        match self.place_of(user) {
            Some((channel, state)) if state.session == session && state.self_stream != screen => {
                self.put(channel, VoiceState { self_stream: screen, ..(*state).clone() });
                CallOutcome::Updated
            }
            _ => CallOutcome::Unchanged,
        }
    }

    fn ring(
        &mut self,
        channel: ChannelId,
        by: UserId,
        people: &[UserId],
        now: Instant,
    ) -> Result<CallOutcome, ErrorCode> {
        let Some(call) = self.calls.get(&channel) else { return Ok(CallOutcome::Unchanged) };
        if !call.voice.contains_key(&by) {
            return Err(ErrorCode::NotConnectedToVoice);
        }
        let until = now + limits::RING;
        Ok(self.change(channel, |call| {
            for user in people {
                if call.channel.recipients.contains(user) && !call.voice.contains_key(user) {
                    call.ringing.insert(*user, until);
                }
            }
        }))
    }

    fn stop(
        &mut self,
        channel: ChannelId,
        by: UserId,
        people: &[UserId],
    ) -> Result<CallOutcome, ErrorCode> {
        let Some(call) = self.calls.get(&channel) else { return Ok(CallOutcome::Unchanged) };
        if people.iter().any(|user| *user != by) && !call.voice.contains_key(&by) {
            return Err(ErrorCode::NotConnectedToVoice);
        }
        Ok(self.change(channel, |call| call.ringing.retain(|user, _| !people.contains(user))))
    }

    /// Changes who is rung, and tells of it if that is somebody else.
    fn change(&mut self, channel: ChannelId, change: impl FnOnce(&mut Call)) -> CallOutcome {
        let Some(call) = self.calls.get_mut(&channel) else { return CallOutcome::Unchanged };
        let mut changed = (**call).clone();
        change(&mut changed);
        let same = changed.ringing.keys().eq(call.ringing.keys());
        *call = Arc::new(changed);
        if same {
            return CallOutcome::Unchanged;
        }
        self.events.push_back(CallEvent::Updated(Arc::clone(call)));
        CallOutcome::Updated
    }

    fn settle(&mut self, channel: &Arc<PrivateChannel>) -> CallOutcome {
        let Some(call) = self.calls.get_mut(&channel.id) else { return CallOutcome::Unchanged };
        Arc::make_mut(call).channel = Arc::clone(channel);
        let gone = |user: &UserId| !channel.recipients.contains(user);
        let left: Vec<_> = call.voice.keys().copied().filter(gone).collect();
        let outcome = self.change(channel.id, |call| call.ringing.retain(|user, _| !gone(user)));
        let left = left.into_iter().map(|user| self.leave(channel.id, user)).last();
        left.unwrap_or(outcome)
    }
}

#[cfg(test)]
mod tests;
