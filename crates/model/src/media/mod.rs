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

/// One user's media connection as both wings name it; unique for the life of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(pub u64);
