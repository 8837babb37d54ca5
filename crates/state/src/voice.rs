//! Who is in which voice channel, and what they may do there. Pure; lives in the guild's mailbox.

use model::id::ChannelId;
use model::id::GuildId;
use model::id::UserId;
use model::media::Grants;
use model::wire::util::Timestamp;

use crate::event::GuildEvent;
use crate::guild::Guild;
use crate::guild::plan::Denied;

/// One user's voice connection in a guild.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoiceState {
    /// In which guild.
    pub guild: GuildId,
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
    /// A moderator moves someone (MOVE_MEMBERS and CONNECT there), or with `None` disconnects.
    Move {
        /// The moderator.
        actor: UserId,
        /// Whom.
        target: UserId,
        /// Where to.
        channel: Option<ChannelId>,
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
        let _ = (command, now_ms);
        todo!()
    }

    /// What the media wing is told about a user who is connected; `None` when they are not, or
    /// may not be any more (VIEW_CHANNEL or CONNECT is gone).
    ///
    /// SPEAK, server mute, suppression and timeout take `speak`; deafening by a moderator or by
    /// oneself takes `hear`. One's own mute does not take `speak`: the client does that.
    #[must_use]
    pub fn voice_grants(&self, user: UserId, now_ms: u64) -> Option<(ChannelId, Grants)> {
        let _ = (user, now_ms);
        todo!()
    }
}
