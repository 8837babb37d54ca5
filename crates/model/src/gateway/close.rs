//! Why a gateway socket is closed (Discord: Opcodes and Status Codes/Gateway Close Codes).

/// The close code of a gateway socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum CloseCode {
    /// We do not know what went wrong: resume.
    UnknownError = 4000,
    /// An opcode that does not exist.
    UnknownOpcode = 4001,
    /// A payload that could not be read, or was larger than 4,096 bytes.
    DecodeError = 4002,
    /// A message before Identify.
    NotAuthenticated = 4003,
    /// The token is wrong; fatal for clients.
    AuthenticationFailed = 4004,
    /// A second Identify.
    AlreadyAuthenticated = 4005,
    /// A Resume with a sequence number that was never sent.
    InvalidSeq = 4007,
    /// More than 120 messages in 60 seconds.
    RateLimited = 4008,
    /// No heartbeat in time: resume.
    SessionTimedOut = 4009,
    /// A gateway shard that does not exist; fatal.
    InvalidShard = 4010,
    /// Too many guilds for one gateway shard; fatal.
    ShardingRequired = 4011,
    /// A version of the API that does not exist; fatal.
    InvalidApiVersion = 4012,
    /// Intents that do not exist; fatal.
    InvalidIntents = 4013,
    /// Privileged intents that the application has not switched on; fatal.
    DisallowedIntents = 4014,
}

impl CloseCode {
    /// The number on the wire.
    #[must_use]
    pub const fn code(self) -> u16 {
        self as u16
    }
}
