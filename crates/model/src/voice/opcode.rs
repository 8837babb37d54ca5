//! Opcodes of the Voice Gateway (Discord: Opcodes and Status Codes/Voice).

/// What a voice gateway message is about; the value of its `op` field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// Client: begin a voice session.
    Identify = 0,
    /// Client: choose the transport, `udp` or `webrtc`.
    SelectProtocol = 1,
    /// Server: SSRC, address and modes.
    Ready = 2,
    /// Client: keep the socket alive.
    Heartbeat = 3,
    /// Server: key and mode, or the SDP answer.
    SessionDescription = 4,
    /// Both: who speaks, and with which SSRC.
    Speaking = 5,
    /// Server: answer to a heartbeat.
    HeartbeatAck = 6,
    /// Client: take up a session again.
    Resume = 7,
    /// Server: heartbeat interval; the first message.
    Hello = 8,
    /// Server: the resume succeeded.
    Resumed = 9,
    /// Server: users who are in the channel.
    ClientsConnect = 11,
    /// Both: a user's video and audio SSRCs.
    Video = 12,
    /// Server: a user left.
    ClientDisconnect = 13,
    /// Client: codecs changed.
    SessionUpdate = 14,
    /// Both: which streams a viewer wants.
    MediaSinkWants = 15,
    /// Both: version of the voice backend.
    VoiceBackendVersion = 16,
    /// Server: a user's flags.
    ClientFlags = 18,
    /// Server: a user's platform.
    ClientPlatform = 20,
}

impl Opcode {
    /// The opcode of that number, if it is one that this server reads.
    #[must_use]
    pub const fn from_u64(number: u64) -> Option<Self> {
        Some(match number {
            0 => Self::Identify,
            1 => Self::SelectProtocol,
            2 => Self::Ready,
            3 => Self::Heartbeat,
            4 => Self::SessionDescription,
            5 => Self::Speaking,
            6 => Self::HeartbeatAck,
            7 => Self::Resume,
            8 => Self::Hello,
            9 => Self::Resumed,
            11 => Self::ClientsConnect,
            12 => Self::Video,
            13 => Self::ClientDisconnect,
            14 => Self::SessionUpdate,
            15 => Self::MediaSinkWants,
            16 => Self::VoiceBackendVersion,
            18 => Self::ClientFlags,
            20 => Self::ClientPlatform,
            _ => return None,
        })
    }
}
