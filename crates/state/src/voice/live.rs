//! What is true of a voice channel only while people are in it: since when, and its status (Discord:
//! Channel Info). In memory only.

use std::collections::BTreeSet;

use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::UserId;
use model::limits;
use model::permissions::SET_VOICE_CHANNEL_STATUS;
use model::wire::channel::ChannelType;
use model::wire::guild::Permissions;

use super::VoiceOutcome;
use crate::event::GuildEvent;
use crate::guild::Guild;
use crate::guild::plan::Denied;
use crate::guild::plan::field;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Live {
    /// Unix seconds at which the first one came; `None` while nobody is there.
    pub since: Option<u64>,
    /// What is going on there, up to 500 characters.
    pub status: Option<String>,
}

impl Guild {
    /// Says what is going on in a voice channel, or with `None` nothing any more. Needs
    /// SET_VOICE_CHANNEL_STATUS, and of who is not there MANAGE_CHANNELS too.
    pub(super) fn set_status(
        &self,
        actor: UserId,
        channel: ChannelId,
        status: Option<&str>,
        now_ms: u64,
    ) -> Result<(Self, Vec<GuildEvent>, VoiceOutcome), Denied> {
        let may = self.permissions_in(actor, channel, now_ms);
        may.require(Permissions::VIEW_CHANNEL)?;
        let there = self.voice.get(&actor).and_then(|state| state.channel) == Some(channel);
        may.require(SET_VOICE_CHANNEL_STATUS)?;
        if !there {
            may.require(Permissions::MANAGE_CHANNELS)?;
        }
        let kind = self.channels.get(&channel).ok_or(ErrorCode::UnknownChannel)?.kind;
        if kind != ChannelType::GuildVoice {
            return Err(ErrorCode::CannotExecuteOnChannelType.into());
        }
        let status = status.map(str::trim).filter(|status| !status.is_empty());
        field::at_most("status", status.unwrap_or_default(), limits::VOICE_STATUS)?;
        let old = self.live.get(&channel).cloned().unwrap_or_default();
        if old.status.as_deref() == status {
            return Ok((self.clone(), Vec::new(), VoiceOutcome::Unchanged));
        }
        let mut guild = self.clone();
        let status = status.map(ToOwned::to_owned);
        guild.put_live(channel, Live { status: status.clone(), ..old });
        let changed = GuildEvent::VoiceStatusChanged { channel, status };
        Ok((guild, vec![changed], VoiceOutcome::Updated))
    }

    /// Brings what is true of a channel in line with who is there: the first one who comes at `now_ms`
    /// begins it, the last one who leaves ends it. What to publish. Costs a look at those who are in
    /// voice, up to the first in that channel.
    pub(super) fn settle_live(
        &mut self,
        channel: ChannelId,
        now_ms: Option<u64>,
    ) -> Vec<GuildEvent> {
        let there = self.voice_in(channel).next().is_some();
        let old = self.live.get(&channel).cloned().unwrap_or_default();
        match (there, old.since, now_ms) {
            (true, None, Some(now_ms)) => {
                let since = Some(now_ms / 1_000);
                self.put_live(channel, Live { since, ..old });
                vec![GuildEvent::VoiceStarted { channel, since }]
            }
            (false, Some(_), _) => {
                self.live.remove(&channel);
                let mut ended = vec![GuildEvent::VoiceStarted { channel, since: None }];
                if old.status.is_some() {
                    ended.push(GuildEvent::VoiceStatusChanged { channel, status: None });
                }
                ended
            }
            _ => Vec::new(),
        }
    }

    /// Ends what is true of channels in which nobody is any more. What to publish.
    pub(super) fn settle_empty(&mut self) -> Vec<GuildEvent> {
        if self.live.values().all(|live| live.since.is_none()) {
            return Vec::new();
        }
        let there: BTreeSet<_> = self.voice.values().filter_map(|state| state.channel).collect();
        let begun = self.live.iter().filter(|(_, live)| live.since.is_some());
        let empty = begun.map(|(channel, _)| *channel).filter(|channel| !there.contains(channel));
        let empty: BTreeSet<_> = empty.collect();
        empty.into_iter().flat_map(|channel| self.settle_live(channel, None)).collect()
    }

    fn put_live(&mut self, channel: ChannelId, live: Live) {
        if live == Live::default() {
            self.live.remove(&channel);
        } else {
            self.live.insert(channel, live);
        }
    }
}
