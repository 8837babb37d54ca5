//! Stages that are on: their moderators open, name and close them; deserted ones end by themselves.

use std::sync::Arc;

use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::ScheduledEventId;
use model::id::StageId;
use model::limits;
use model::wire::channel::ChannelType;
use model::wire::guild::Permissions;

use super::Asked;
use super::Change;
use super::Denied;
use super::field;
use crate::guild::Guild;
use crate::voice::STAGE_MODERATOR;
use crate::voice::StageInstance;

impl<'a> Asked<'a> {
    /// Discord: Create Stage Instance.
    pub(super) fn open_stage(
        self,
        id: StageId,
        channel: ChannelId,
        topic: &str,
        event: Option<ScheduledEventId>,
    ) -> Result<Vec<Change>, Denied> {
        self.require_stage_moderator(channel)?;
        field::length("topic", topic, limits::STAGE_TOPIC)?;
        if self.guild.stages.contains_key(&channel) {
            return Err(ErrorCode::StageAlreadyOpen.into());
        }
        let topic = topic.to_owned();
        let stage = StageInstance { id, guild: self.guild.id, channel, topic, event };
        Ok(vec![Change::PutStage(Arc::new(stage))])
    }

    /// Discord: Modify Stage Instance.
    pub(super) fn edit_stage(
        self,
        channel: ChannelId,
        topic: Option<&str>,
    ) -> Result<Vec<Change>, Denied> {
        let old = self.stage_of(channel)?;
        let Some(topic) = topic.filter(|topic| *topic != old.topic) else { return Ok(Vec::new()) };
        field::length("topic", topic, limits::STAGE_TOPIC)?;
        let stage = StageInstance { topic: topic.to_owned(), ..(**old).clone() };
        Ok(vec![Change::PutStage(Arc::new(stage))])
    }

    /// Discord: Delete Stage Instance. Its people stay.
    pub(super) fn close_stage(self, channel: ChannelId) -> Result<Vec<Change>, Denied> {
        self.stage_of(channel)?;
        Ok(vec![Change::DeleteStage(channel)])
    }

    fn stage_of(self, channel: ChannelId) -> Result<&'a Arc<StageInstance>, Denied> {
        self.require_stage_moderator(channel)?;
        Ok(self.guild.stages.get(&channel).ok_or(ErrorCode::UnknownStageInstance)?)
    }

    fn require_stage_moderator(self, channel: ChannelId) -> Result<(), Denied> {
        let kind = self.guild.channels.get(&channel).ok_or(ErrorCode::UnknownChannel)?.kind;
        self.require_in(channel, Permissions::empty())?;
        if kind != ChannelType::GuildStageVoice {
            return Err(ErrorCode::CannotExecuteOnChannelType.into());
        }
        self.require_in(channel, STAGE_MODERATOR)
    }
}

impl Guild {
    /// Ends those of `stages` that still have no speaker.
    pub(super) fn end_deserted(&self, stages: &[ChannelId]) -> Vec<Change> {
        let deserted = stages.iter().filter(|channel| self.is_deserted(**channel));
        deserted.map(|channel| Change::DeleteStage(*channel)).collect()
    }

    /// Whether a stage is on, and nobody is there who may speak.
    fn is_deserted(&self, channel: ChannelId) -> bool {
        self.stages.contains_key(&channel) && self.voice_in(channel).all(|state| state.suppress)
    }

    /// The stages that are on without a speaker.
    pub fn deserted_stages(&self) -> impl Iterator<Item = ChannelId> {
        self.stages.keys().copied().filter(|channel| self.is_deserted(*channel))
    }
}
