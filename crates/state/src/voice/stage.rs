//! What a stage is about, while it is on (Discord: Stage Instance Resource). Kept with the guild's
//! structure; who changes it how is in `guild::plan`.

use model::id::ChannelId;
use model::id::GuildId;
use model::id::ScheduledEventId;
use model::id::StageId;
use model::id::UserId;
use model::wire::channel::ChannelType;
use serde::Deserialize;
use serde::Serialize;

use crate::event::GuildEvent;
use crate::guild::Guild;

/// A stage that is on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    #[serde(default)]
    pub event: Option<ScheduledEventId>,
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
