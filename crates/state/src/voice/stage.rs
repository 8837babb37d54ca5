//! What a stage is about, while it is on (Discord: Stage Instance Resource). In memory, as its people
//! are: both go with the process.

use std::sync::Arc;

use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::ScheduledEventId;
use model::id::StageId;
use model::id::UserId;
use model::limits;
use model::wire::channel::ChannelType;
use model::wire::guild::Permissions;

use super::STAGE_MODERATOR;
use super::VoiceOutcome;
use super::rules::Asked;
use crate::event::GuildEvent;
use crate::guild::Guild;
use crate::guild::plan::Denied;
use crate::guild::plan::field;

/// A stage that is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageInstance {
    /// Its name.
    pub id: StageId,
    /// In which guild.
    pub guild: GuildId,
    /// The stage channel; one instance each.
    pub channel: ChannelId,
    /// What it is about, 1 to 120 characters.
    pub topic: String,
    /// The event that is on there.
    pub event: Option<ScheduledEventId>,
}

/// A change of a channel's stage instance, and what it came to.
type Changed = (Guild, Vec<GuildEvent>, VoiceOutcome);

impl<'a> Asked<'a> {
    /// Opens a stage (Discord: Create Stage Instance).
    pub(super) fn open_stage(
        self,
        actor: UserId,
        id: StageId,
        channel: ChannelId,
        topic: &str,
        event: Option<ScheduledEventId>,
    ) -> Result<Changed, Denied> {
        self.require_stage_moderator(actor, channel)?;
        field::length("topic", topic, limits::STAGE_TOPIC)?;
        if self.guild.stages.contains_key(&channel) {
            return Err(ErrorCode::StageAlreadyOpen.into());
        }
        let topic = topic.to_owned();
        let stage = Arc::new(StageInstance { id, guild: self.guild.id, channel, topic, event });
        Ok(self.with_stage(stage, GuildEvent::StageOpened))
    }

    /// Names what a stage is about (Discord: Modify Stage Instance).
    pub(super) fn edit_stage(
        self,
        actor: UserId,
        channel: ChannelId,
        topic: Option<&str>,
    ) -> Result<Changed, Denied> {
        let old = self.stage_of(actor, channel)?;
        let Some(topic) = topic.filter(|topic| *topic != old.topic) else {
            return Ok((self.guild.clone(), Vec::new(), VoiceOutcome::Unchanged));
        };
        field::length("topic", topic, limits::STAGE_TOPIC)?;
        let stage = Arc::new(StageInstance { topic: topic.to_owned(), ..(**old).clone() });
        Ok(self.with_stage(stage, GuildEvent::StageChanged))
    }

    /// Closes a stage (Discord: Delete Stage Instance). Its people stay.
    pub(super) fn close_stage(self, actor: UserId, channel: ChannelId) -> Result<Changed, Denied> {
        let stage = Arc::clone(self.stage_of(actor, channel)?);
        let mut guild = self.guild.clone();
        guild.stages.remove(&channel);
        Ok((guild, vec![GuildEvent::StageClosed(stage)], VoiceOutcome::Updated))
    }

    fn with_stage(
        self,
        stage: Arc<StageInstance>,
        event: fn(Arc<StageInstance>) -> GuildEvent,
    ) -> Changed {
        let mut guild = self.guild.clone();
        guild.stages.insert(stage.channel, Arc::clone(&stage));
        (guild, vec![event(stage)], VoiceOutcome::Updated)
    }

    fn stage_of(self, actor: UserId, channel: ChannelId) -> Result<&'a Arc<StageInstance>, Denied> {
        self.require_stage_moderator(actor, channel)?;
        Ok(self.guild.stages.get(&channel).ok_or(ErrorCode::UnknownStageInstance)?)
    }

    fn require_stage_moderator(self, actor: UserId, channel: ChannelId) -> Result<(), Denied> {
        let kind = self.guild.channels.get(&channel).ok_or(ErrorCode::UnknownChannel)?.kind;
        let may = self.guild.permissions_in(actor, channel, self.now_ms);
        may.require(Permissions::VIEW_CHANNEL)?;
        if kind != ChannelType::GuildStageVoice {
            return Err(ErrorCode::CannotExecuteOnChannelType.into());
        }
        Ok(may.require(STAGE_MODERATOR)?)
    }
}

impl Guild {
    /// Whether someone is in the audience of a stage: not called up to it.
    #[must_use]
    pub fn is_audience(&self, user: UserId, channel: ChannelId) -> bool {
        let kind = self.channels.get(&channel).map(|channel| channel.kind);
        kind == Some(ChannelType::GuildStageVoice)
            && self.voice.get(&user).is_none_or(|state| state.suppress)
    }

    /// Closes the stages whose channel is gone. What to publish.
    pub(crate) fn settle_stages(&mut self) -> Vec<GuildEvent> {
        let gone: Vec<_> = self
            .stages
            .values()
            .filter(|stage| !self.channels.contains_key(&stage.channel))
            .cloned()
            .collect();
        for stage in &gone {
            self.stages.remove(&stage.channel);
        }
        gone.into_iter().map(GuildEvent::StageClosed).collect()
    }
}
