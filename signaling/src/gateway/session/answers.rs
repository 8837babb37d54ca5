//! What a session answers to what its client asked of a guild, once it has a snapshot of it.

use std::time::Instant;

use model::gateway::CloseCode;
use model::gateway::DispatchName;
use serde_json::json;
use state::Guild;
use state::GuildView;

use super::super::channel_info;
use super::super::encode::Dispatch;
use super::super::incoming::ChannelInfoRequest;
use super::super::incoming::MembersRequest;
use super::super::members::MembersAnswer;
use super::super::shape::Shaper;
use super::GatewaySession;
use crate::wire;

impl GatewaySession {
    /// The snapshot of one guild that came of [`Output::Members`](super::Output::Members).
    pub(in crate::gateway) fn handle_members(
        &mut self,
        now: Instant,
        request: &MembersRequest,
        view: GuildView,
        shaper: Shaper<'_>,
    ) {
        if !self.rest.guilds.contains(&view.id) {
            return;
        }
        if self.due().answers.len() >= ANSWERS {
            return self.close(now, CloseCode::RateLimited);
        }
        let answers = MembersAnswer::new(view, shaper.users, request, &self.viewer);
        self.due().answers.extend(answers);
    }

    /// The snapshot of one guild that came of [`Output::Soundboard`](super::Output::Soundboard).
    pub(in crate::gateway) fn handle_soundboard(&mut self, view: &Guild) {
        if self.rest.guilds.contains(&view.id) {
            let sounds = wire::sounds(view);
            let payload = json!({ "guild_id": view.id, "soundboard_sounds": sounds });
            self.push(Dispatch::new(DispatchName::SoundboardSounds, &payload));
        }
    }

    /// The snapshot of one guild that came of [`Output::ChannelInfo`](super::Output::ChannelInfo).
    pub(in crate::gateway) fn handle_channel_info(
        &mut self,
        now_ms: u64,
        view: &Guild,
        request: &ChannelInfoRequest,
    ) {
        let payload = channel_info::payload(view, &self.viewer, request, now_ms);
        self.push(Dispatch::new(DispatchName::ChannelInfo, &payload));
    }
}

/// Requests for members that wait at most: a minute's worth, each of several guilds at most.
const ANSWERS: usize = 128;
