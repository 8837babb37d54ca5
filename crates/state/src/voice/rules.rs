//! Who may join, move, be moved and speak; each rule looks at one snapshot at one time.

use std::sync::Arc;

use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::UserId;
use model::wire::channel::ChannelType;
use model::wire::guild::Permissions;
use model::wire::util::Timestamp;

use super::CONNECTED;
use super::STAGE_MODERATOR;
use super::VoiceOutcome;
use super::VoiceState;
use super::is_voice;
use crate::event::GuildEvent;
use crate::guild::Guild;
use crate::guild::plan::Denied;

/// A command on one snapshot at one time.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) guild: &'a Guild,
    pub(super) now_ms: u64,
}

/// What a user says of themselves.
#[derive(Clone, Copy)]
pub(super) struct SelfFlags {
    pub(super) mute: bool,
    pub(super) deaf: bool,
    pub(super) video: bool,
}

/// One user's next voice state and what it means.
pub(super) struct Step {
    state: Option<VoiceState>,
    outcome: VoiceOutcome,
}

impl Step {
    pub(super) const fn unchanged() -> Self {
        Self { state: None, outcome: VoiceOutcome::Unchanged }
    }

    const fn new(state: VoiceState, outcome: VoiceOutcome) -> Self {
        Self { state: Some(state), outcome }
    }

    pub(super) fn onto(self, guild: &Guild, now_ms: u64) -> (Guild, Vec<GuildEvent>, VoiceOutcome) {
        let mut guild = guild.clone();
        let mut events = Vec::new();
        if let Some(state) = self.state {
            let from = guild.voice.get(&state.user).and_then(|state| state.channel);
            let to = state.channel;
            events.push(guild.put_voice(state));
            if from != to {
                let touched = from.into_iter().chain(to);
                let told = touched.flat_map(|channel| guild.settle_live(channel, Some(now_ms)));
                events.extend(told);
            }
        }
        (guild, events, self.outcome)
    }
}

impl Asked<'_> {
    pub(super) fn leave(self, user: UserId) -> Step {
        match self.guild.voice.get(&user) {
            Some(state) => {
                Step::new(VoiceState { channel: None, ..(**state).clone() }, VoiceOutcome::Left)
            }
            None => Step::unchanged(),
        }
    }

    pub(super) fn update(
        self,
        user: UserId,
        session: &str,
        channel: ChannelId,
        flags: SelfFlags,
    ) -> Result<Step, Denied> {
        let member = self.guild.members.get(&user).ok_or(ErrorCode::MissingAccess)?;
        let kind = self.voice_kind(channel)?;
        let current = self.guild.voice.get(&user);
        let stays =
            current.is_some_and(|state| state.channel == Some(channel) && state.session == session);
        let may = self.guild.permissions_in(user, channel, self.now_ms);
        // Who is there already and has not moved may say that they are muted, timed out or not.
        if !stays {
            may.require(CONNECTED)?;
            if !may.has(Permissions::MOVE_MEMBERS) {
                self.require_room(user, channel)?;
            }
        }
        let kept = current.filter(|state| state.channel == Some(channel));
        let state = VoiceState {
            guild: Some(self.guild.id),
            channel: Some(channel),
            user,
            session: session.to_owned(),
            mute: member.mute,
            deaf: member.deaf,
            self_mute: flags.mute,
            self_deaf: flags.deaf,
            self_video: flags.video && may.has(Permissions::STREAM),
            self_stream: stays && kept.is_some_and(|state| state.self_stream),
            suppress: kept.map_or_else(
                || self.suppressed_at_first(user, channel, kind),
                |state| state.suppress,
            ),
            request_to_speak: kept.and_then(|state| state.request_to_speak),
        };
        Ok(match current {
            Some(current) if **current == state => Step::unchanged(),
            _ if stays => Step::new(state, VoiceOutcome::Updated),
            _ => Step::new(state, VoiceOutcome::Joined),
        })
    }

    pub(super) fn share(self, user: UserId, session: &str, screen: bool) -> Step {
        let current = self.guild.voice.get(&user).filter(|state| state.session == session);
        let Some((state, channel)) = current.and_then(|state| Some((state, state.channel?))) else {
            return Step::unchanged();
        };
        let screen = screen && self.guild.may_show(user, channel, self.now_ms);
        if state.self_stream == screen {
            return Step::unchanged();
        }
        let state = VoiceState { self_stream: screen, ..(**state).clone() };
        Step::new(state, VoiceOutcome::Updated)
    }

    pub(super) fn relocate(
        self,
        actor: UserId,
        target: UserId,
        channel: Option<ChannelId>,
    ) -> Result<Step, Denied> {
        let state = self.connected(target)?;
        let from = state.channel.ok_or(ErrorCode::NotConnectedToVoice)?;
        self.require(actor, from, Permissions::VIEW_CHANNEL | Permissions::MOVE_MEMBERS)?;
        let Some(channel) = channel else { return Ok(self.leave(target)) };
        let kind = self.voice_kind(channel)?;
        self.require(actor, channel, CONNECTED | Permissions::MOVE_MEMBERS)?;
        // Nobody is put where they could not stay: the next change would disconnect them.
        if !self.guild.may_stay(target, channel) {
            return Err(ErrorCode::MissingPermissions.into());
        }
        if from == channel {
            return Ok(Step::unchanged());
        }
        let state = VoiceState {
            channel: Some(channel),
            self_stream: false,
            suppress: self.suppressed_at_first(target, channel, kind),
            request_to_speak: None,
            ..(**state).clone()
        };
        Ok(Step::new(state, VoiceOutcome::Joined))
    }

    /// Discord: Modify Current User Voice State, Modify User Voice State.
    pub(super) fn stage(
        self,
        (actor, target): (UserId, UserId),
        stage: Option<ChannelId>,
        suppress: Option<bool>,
        request: Option<Option<Timestamp>>,
    ) -> Result<Step, Denied> {
        let state = self.guild.voice.get(&target).ok_or(ErrorCode::UnknownVoiceState)?;
        let channel = state.channel.ok_or(ErrorCode::UnknownVoiceState)?;
        if stage.is_some_and(|stage| stage != channel) {
            return Err(ErrorCode::UnknownVoiceState.into());
        }
        if self.voice_kind(channel)? != ChannelType::GuildStageVoice {
            return Err(ErrorCode::CannotExecuteOnChannelType.into());
        }
        let mut new = (**state).clone();
        if let Some(suppress) = suppress {
            // Everyone may step down; up is for moderators.
            if actor != target || !suppress {
                self.require(
                    actor,
                    channel,
                    Permissions::VIEW_CHANNEL | Permissions::MUTE_MEMBERS,
                )?;
            }
            new.suppress = suppress;
            new.request_to_speak = None;
        }
        if let Some(request) = request {
            // Of another, only that they are called up with it.
            if actor != target && suppress != Some(false) {
                return Err(ErrorCode::MissingPermissions.into());
            }
            if actor == target && request.is_some() {
                self.require(actor, channel, Permissions::REQUEST_TO_SPEAK)?;
            }
            new.request_to_speak = request;
        }
        if new == **state {
            return Ok(Step::unchanged());
        }
        Ok(Step::new(new, VoiceOutcome::Updated))
    }

    fn connected(&self, user: UserId) -> Result<&Arc<VoiceState>, Denied> {
        Ok(self.guild.voice.get(&user).ok_or(ErrorCode::NotConnectedToVoice)?)
    }

    fn require(self, who: UserId, channel: ChannelId, needed: Permissions) -> Result<(), Denied> {
        Ok(self.guild.permissions_in(who, channel, self.now_ms).require(needed)?)
    }

    fn voice_kind(self, channel: ChannelId) -> Result<ChannelType, Denied> {
        let kind = self.guild.channels.get(&channel).ok_or(ErrorCode::UnknownChannel)?.kind;
        if is_voice(kind) { Ok(kind) } else { Err(ErrorCode::CannotExecuteOnChannelType.into()) }
    }

    fn require_room(self, user: UserId, channel: ChannelId) -> Result<(), Denied> {
        let limit = self.guild.channels.get(&channel).and_then(|channel| channel.user_limit);
        let limit = usize::try_from(limit.unwrap_or(0)).unwrap_or(usize::MAX);
        // Without a limit nobody is counted: on a stage there may be thousands.
        if limit == 0 {
            return Ok(());
        }
        let others = self.guild.voice_in(channel).filter(|state| state.user != user).count();
        if others >= limit {
            return Err(ErrorCode::MissingPermissions.into());
        }
        Ok(())
    }

    /// On a stage all but its moderators listen at first (Discord: Stage Instance Resource);
    /// elsewhere it tells who lacks SPEAK.
    fn suppressed_at_first(self, user: UserId, channel: ChannelId, kind: ChannelType) -> bool {
        if kind == ChannelType::GuildStageVoice {
            let may = self.guild.permissions_in(user, channel, self.now_ms);
            !may.has(STAGE_MODERATOR)
        } else {
            !self.guild.may_speak(user, channel)
        }
    }
}
