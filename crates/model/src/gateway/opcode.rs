//! Opcodes of the main Gateway (Discord: Opcodes and Status Codes/Gateway).

/// What a gateway message is about; the value of its `op` field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// Server: an event with a name.
    Dispatch = 0,
    /// Both: keep the socket alive.
    Heartbeat = 1,
    /// Client: begin a session.
    Identify = 2,
    /// Client: change its presence.
    PresenceUpdate = 3,
    /// Client: join, move in or leave a voice channel.
    VoiceStateUpdate = 4,
    /// Client: take up a session again.
    Resume = 6,
    /// Server: reconnect and resume.
    Reconnect = 7,
    /// Client: ask for members of a guild.
    RequestGuildMembers = 8,
    /// Server: the session cannot be identified or resumed.
    InvalidSession = 9,
    /// Server: heartbeat interval; the first message.
    Hello = 10,
    /// Server: answer to a heartbeat.
    HeartbeatAck = 11,
    /// Client: ask for soundboard sounds.
    RequestSoundboardSounds = 31,
}

impl Opcode {
    /// The opcode of that number, if it is one that a client may send or that we send.
    #[must_use]
    pub const fn from_u64(number: u64) -> Option<Self> {
        Some(match number {
            0 => Self::Dispatch,
            1 => Self::Heartbeat,
            2 => Self::Identify,
            3 => Self::PresenceUpdate,
            4 => Self::VoiceStateUpdate,
            6 => Self::Resume,
            7 => Self::Reconnect,
            8 => Self::RequestGuildMembers,
            9 => Self::InvalidSession,
            10 => Self::Hello,
            11 => Self::HeartbeatAck,
            31 => Self::RequestSoundboardSounds,
            _ => return None,
        })
    }
}
