//! Where someone is in voice: a guild, or the call of a private channel. Each says of its people where
//! they are and what they may do there. Pure.

use model::id::ChannelId;
use model::id::GuildId;
use model::id::UserId;
use model::limits;
use model::media::Grants;
use state::Guild;
use state::call::Call;

/// What voice clients call the server (Voice Connections: Identify, `server_id`). No guild has the id of a
/// private channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Server {
    /// A guild.
    Guild(GuildId),
    /// A private channel.
    Call(ChannelId),
}

impl Server {
    /// Its id, whatever it is.
    pub(super) const fn get(self) -> u64 {
        match self {
            Self::Guild(guild) => guild.get(),
            Self::Call(channel) => channel.get(),
        }
    }
}

/// The snapshot of a server.
#[derive(Clone, Copy)]
pub(super) enum Home<'a> {
    Guild(&'a Guild),
    Call(&'a Call),
}

impl<'a> From<&'a Guild> for Home<'a> {
    fn from(guild: &'a Guild) -> Self {
        Self::Guild(guild)
    }
}

/// What a server says of someone who is in voice there, and may be.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    /// The gateway session that joined.
    pub session: String,
    pub room: ChannelId,
    pub grants: Grants,
    /// Of a stage's audience: the others do not hear of them.
    pub is_audience: bool,
    pub may_show: bool,
    pub may_have_priority: bool,
    /// What they are to send, in bits a second.
    pub bitrate: u32,
    /// When a timeout ends, in Unix milliseconds.
    pub timeout_ends_ms: Option<u64>,
}

impl Home<'_> {
    pub(super) fn server(self) -> Server {
        match self {
            Self::Guild(guild) => Server::Guild(guild.id),
            Self::Call(call) => Server::Call(call.channel.id),
        }
    }

    /// The gateway session by which someone is in voice there.
    pub(super) fn session_of(&self, user: UserId) -> Option<&str> {
        let voice = match self {
            Self::Guild(guild) => guild.voice.get(&user),
            Self::Call(call) => call.voice.get(&user),
        };
        voice.map(|state| state.session.as_str())
    }

    /// How someone stands who is in voice there; `None` when they are not, or may not be any more.
    pub(super) fn standing(&self, user: UserId, unix_ms: u64) -> Option<Standing> {
        let session = self.session_of(user)?.to_owned();
        Some(match self {
            Self::Guild(guild) => {
                let (room, grants) = guild.voice_grants(user, unix_ms)?;
                let bitrate = guild.channels.get(&room).and_then(|channel| channel.bitrate);
                Standing {
                    session,
                    room,
                    grants,
                    is_audience: guild.is_audience(user, room),
                    may_show: guild.may_show(user, room, unix_ms),
                    may_have_priority: guild.may_have_priority(user, room, unix_ms),
                    bitrate: bitrate.unwrap_or(limits::BITRATE_DEFAULT),
                    timeout_ends_ms: timeout_ends_ms(guild, user, unix_ms),
                }
            }
            Self::Call(call) => Standing {
                session,
                room: call.channel.id,
                grants: call.grants(user)?,
                is_audience: false,
                may_show: true,
                may_have_priority: false,
                bitrate: limits::BITRATE_DEFAULT,
                timeout_ends_ms: None,
            },
        })
    }
}

/// When a member's timeout ends, in Unix milliseconds, if it has not.
fn timeout_ends_ms(guild: &Guild, user: UserId, unix_ms: u64) -> Option<u64> {
    let until = guild.members.get(&user)?.communication_disabled_until?;
    let ends = u64::try_from(until.as_micros()).ok()?.div_ceil(1_000);
    (ends > unix_ms).then_some(ends)
}
