//! Who is in which voice channel, and what they may do there. Pure; lives in the guild's mailbox.

mod live;
mod rules;
mod stage;

use std::sync::Arc;

use model::id::ChannelId;
use model::id::GuildId;
use model::id::UserId;
use model::media::Grants;
use model::wire::channel::ChannelType;
use model::wire::guild::Permissions;
use model::wire::util::Timestamp;

use crate::event::GuildEvent;
use crate::guild::Guild;
use crate::guild::plan::Denied;
use crate::permissions::NO_TIMEOUTS;
pub use live::Live;
use rules::Asked;
use rules::SelfFlags;
use rules::Step;
pub use stage::StageInstance;

/// One user's voice connection in a guild, or in the call of a private channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoiceState {
    /// In which guild; none for a call.
    pub guild: Option<GuildId>,
    /// In which channel; `None` in the event that tells of leaving.
    pub channel: Option<ChannelId>,
    /// Who.
    pub user: UserId,
    /// The gateway session that joined: only it is sent the voice server.
    pub session: String,
    /// Muted by a moderator.
    pub mute: bool,
    /// Deafened by a moderator.
    pub deaf: bool,
    /// Muted by themselves.
    pub self_mute: bool,
    /// Deafened by themselves.
    pub self_deaf: bool,
    /// Camera on.
    pub self_video: bool,
    /// Sharing a screen.
    pub self_stream: bool,
    /// Not (yet) a speaker of a stage.
    pub suppress: bool,
    /// Raised the hand on a stage, when.
    pub request_to_speak: Option<Timestamp>,
}

/// What someone wants of voice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VoiceCommand {
    /// Join, move oneself, change one's own flags, or with `channel: None` leave (gateway op 4).
    Update {
        /// Who.
        user: UserId,
        /// Their gateway session.
        session: String,
        /// Where to; CONNECT is needed, and room under the user limit or MOVE_MEMBERS.
        channel: Option<ChannelId>,
        /// Muted by themselves.
        self_mute: bool,
        /// Deafened by themselves.
        self_deaf: bool,
        /// Camera on.
        self_video: bool,
    },
    /// Someone shares their screen, or no longer, by the gateway session that joined.
    Share {
        /// Who.
        user: UserId,
        /// Their gateway session.
        session: String,
        /// Whether they share it; STREAM is needed.
        screen: bool,
    },
    /// A moderator moves someone (MOVE_MEMBERS and CONNECT there), or with `None` disconnects.
    Move {
        /// The moderator.
        actor: UserId,
        /// Whom.
        target: UserId,
        /// Where to.
        channel: Option<ChannelId>,
    },
    /// On a stage: someone becomes a speaker or a listener again (MUTE_MEMBERS, or to step down
    /// oneself nothing), or raises or lowers their own hand (REQUEST_TO_SPEAK to raise it). Whoever
    /// is called up by another can be noted as called, by a request along with it.
    Stage {
        /// Who asks.
        actor: UserId,
        /// Of whom.
        target: UserId,
        /// The stage that they have to be on; whichever it is, if none is said.
        channel: Option<ChannelId>,
        /// A listener (`true`) or a speaker; `None` leaves it.
        suppress: Option<bool>,
        /// When the hand was raised, or lowered; `None` leaves it.
        request: Option<Option<Timestamp>>,
    },
    /// Someone says what is going on in a voice channel; with `None`, nothing any more.
    Status {
        /// Who.
        actor: UserId,
        /// Where.
        channel: ChannelId,
        /// Up to 500 characters.
        status: Option<String>,
    },
    /// The gateway session ended: whoever joined by it leaves.
    SessionEnded {
        /// Who.
        user: UserId,
        /// Which session.
        session: String,
    },
}

/// What a voice command came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VoiceOutcome {
    /// Nothing to tell anyone.
    Unchanged,
    /// Flags changed in the same channel.
    Updated,
    /// Joined or moved: the session must be given a (new) voice server.
    Joined,
    /// Left.
    Left,
}

impl Guild {
    /// The guild after `command`, what to publish, and what it came to.
    ///
    /// # Errors
    ///
    /// [`Denied`] when the user may not connect there, the channel is full or not a voice channel,
    /// or a moderator's target is not connected.
    pub fn voice_command(
        &self,
        command: &VoiceCommand,
        now_ms: u64,
    ) -> Result<(Self, Vec<GuildEvent>, VoiceOutcome), Denied> {
        let asked = Asked { guild: self, now_ms };
        let step = match command {
            VoiceCommand::Update { user, channel: None, .. } => asked.leave(*user),
            VoiceCommand::Update {
                user,
                session,
                channel: Some(channel),
                self_mute,
                self_deaf,
                self_video,
            } => {
                let flags = SelfFlags { mute: *self_mute, deaf: *self_deaf, video: *self_video };
                asked.update(*user, session, *channel, flags)?
            }
            VoiceCommand::Share { user, session, screen } => asked.share(*user, session, *screen),
            VoiceCommand::Move { actor, target, channel } => {
                asked.relocate(*actor, *target, *channel)?
            }
            VoiceCommand::Stage { actor, target, channel, suppress, request } => {
                asked.stage((*actor, *target), *channel, *suppress, *request)?
            }
            VoiceCommand::Status { actor, channel, status } => {
                return self.set_status(*actor, *channel, status.as_deref(), now_ms);
            }
            VoiceCommand::SessionEnded { user, session } => {
                let theirs = self.voice.get(user).is_some_and(|state| state.session == *session);
                if theirs { asked.leave(*user) } else { Step::unchanged() }
            }
        };
        Ok(step.onto(self, now_ms))
    }

    /// What the media wing is told about a user who is connected; `None` when they are not, or
    /// may not be any more (VIEW_CHANNEL or CONNECT is gone).
    ///
    /// SPEAK, server mute, suppression and timeout take `speak`; deafening by a moderator or by
    /// oneself takes `hear`. One's own mute does not take `speak`: the client does that.
    #[must_use]
    pub fn voice_grants(&self, user: UserId, now_ms: u64) -> Option<(ChannelId, Grants)> {
        let state = self.voice.get(&user)?;
        let channel = state.channel?;
        if !self.may_stay(user, channel) {
            return None;
        }
        let may_speak = self.permissions_in(user, channel, now_ms).has(Permissions::SPEAK);
        let grants = Grants {
            speak: may_speak && !state.mute && !state.suppress,
            hear: !state.deaf && !state.self_deaf,
        };
        Some((channel, grants))
    }

    /// Whether someone in a voice channel may show their camera or screen there (STREAM); the audience
    /// of a stage may not.
    #[must_use]
    pub fn may_show(&self, user: UserId, channel: ChannelId, now_ms: u64) -> bool {
        !self.is_audience(user, channel)
            && self.permissions_in(user, channel, now_ms).has(Permissions::STREAM)
    }

    /// Whether someone in a voice channel may speak there with priority (PRIORITY_SPEAKER).
    #[must_use]
    pub fn may_have_priority(&self, user: UserId, channel: ChannelId, now_ms: u64) -> bool {
        self.permissions_in(user, channel, now_ms).has(Permissions::PRIORITY_SPEAKER)
    }

    /// Everyone connected to a voice channel.
    pub fn voice_in(&self, channel: ChannelId) -> impl Iterator<Item = &Arc<VoiceState>> {
        self.voice.values().filter(move |state| state.channel == Some(channel))
    }

    /// Whether someone who is in a channel may stay there. A timeout silences, it does not
    /// disconnect.
    fn may_stay(&self, user: UserId, channel: ChannelId) -> bool {
        let kind = self.channels.get(&channel).map(|channel| channel.kind);
        kind.is_some_and(is_voice) && self.permissions_in(user, channel, NO_TIMEOUTS).has(CONNECTED)
    }

    /// Brings voice in line with what has just changed: whoever may not stay is disconnected,
    /// moderation and suppression are copied anew. What to publish comes in order of user ids.
    pub(crate) fn settle_voice(&mut self) -> Vec<GuildEvent> {
        let mut settled = Vec::new();
        let channels = &self.channels;
        self.live.retain(|channel, _| channels.contains_key(channel));
        for state in self.voice.values() {
            let Some(channel) = state.channel else { continue };
            let Some(member) = self.members.get(&state.user) else { continue };
            if !self.may_stay(state.user, channel) {
                settled.push(VoiceState { channel: None, ..(**state).clone() });
                continue;
            }
            let suppress = match self.channels.get(&channel).map(|channel| channel.kind) {
                Some(ChannelType::GuildStageVoice) => state.suppress,
                _ => !self.may_speak(state.user, channel),
            };
            let may_show = self.may_show(state.user, channel, NO_TIMEOUTS);
            let new = VoiceState {
                mute: member.mute,
                deaf: member.deaf,
                self_video: state.self_video && may_show,
                self_stream: state.self_stream && may_show,
                suppress,
                ..(**state).clone()
            };
            if new != **state {
                settled.push(new);
            }
        }
        settled.sort_unstable_by_key(|state| state.user);
        let mut events: Vec<_> = settled.into_iter().map(|state| self.put_voice(state)).collect();
        events.extend(self.settle_empty());
        events
    }

    /// Stores a voice state, or forgets one that left, and tells of it.
    pub(crate) fn put_voice(&mut self, state: VoiceState) -> GuildEvent {
        let state = Arc::new(state);
        if state.channel.is_some() {
            self.voice.insert(state.user, Arc::clone(&state));
        } else {
            self.voice.remove(&state.user);
        }
        GuildEvent::VoiceStateUpdated(state)
    }

    /// SPEAK, timeouts aside: what `suppress` of a voice channel tells.
    fn may_speak(&self, user: UserId, channel: ChannelId) -> bool {
        self.permissions_in(user, channel, NO_TIMEOUTS).has(Permissions::SPEAK)
    }
}

const fn is_voice(kind: ChannelType) -> bool {
    matches!(kind, ChannelType::GuildVoice | ChannelType::GuildStageVoice)
}

/// What makes a moderator of a stage (Discord: Stage Instance Resource/Definitions).
pub(crate) const STAGE_MODERATOR: Permissions =
    Permissions::MANAGE_CHANNELS.union(Permissions::MUTE_MEMBERS).union(Permissions::MOVE_MEMBERS);

/// What it takes to be in a voice channel.
const CONNECTED: Permissions = Permissions::VIEW_CHANNEL.union(Permissions::CONNECT);
