//! Why a voice gateway socket is closed (Discord: Opcodes and Status Codes/Voice Close Codes).

/// The close code of a voice gateway socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum CloseCode {
    /// An opcode that does not exist.
    UnknownOpcode = 4001,
    /// A payload that could not be read.
    FailedToDecode = 4002,
    /// A message before Identify.
    NotAuthenticated = 4003,
    /// The token is wrong.
    AuthenticationFailed = 4004,
    /// A second Identify.
    AlreadyAuthenticated = 4005,
    /// The session is gone; begin anew.
    SessionNoLongerValid = 4006,
    /// No heartbeat in time.
    SessionTimeout = 4009,
    /// The guild or channel of the token is gone.
    ServerNotFound = 4011,
    /// A transport that does not exist.
    UnknownProtocol = 4012,
    /// Kicked, moved, or the channel was deleted: do not reconnect.
    Disconnected = 4014,
    /// The voice server restarts: resume.
    VoiceServerCrashed = 4015,
    /// An encryption mode that is not offered.
    UnknownEncryptionMode = 4016,
    /// End-to-end encryption is demanded and the client lacks it.
    DaveRequired = 4017,
    /// A malformed request.
    BadRequest = 4020,
    /// Too many messages: do not reconnect.
    RateLimited = 4021,
    /// The call ended: do not reconnect.
    CallTerminated = 4022,
}

impl CloseCode {
    /// The number on the wire.
    #[must_use]
    pub const fn code(self) -> u16 {
        self as u16
    }
}
