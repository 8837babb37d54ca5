//! The treaty between the wings: all that signaling and media ever say to each other.
//!
//! Commands go down, events come up; packets never travel this way. The same enums cross a
//! mailbox in one process and a bus between nodes.

mod command;
mod event;

pub use command::Grants;
pub use command::MediaCommand;
pub use command::Tracks;
pub use command::Wants;
pub use event::LeaveReason;
pub use event::ListenerQuality;
pub use event::MediaEvent;
pub use event::PeerStats;
pub use event::Refusal;

/// What opens the way by TURN to the media port, and to nothing else (RFC 8489 §9.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayPass {
    /// Says whose it is, until when, and for which address of the media port.
    pub username: String,
    /// A secret.
    pub password: String,
}

/// One user's media connection as both wings name it; unique for the life of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(pub u64);
