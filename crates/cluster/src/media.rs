//! The door from signaling to the media wing: commands in, never packets.

use std::net::SocketAddr;

use model::id::UserId;
use model::media::MediaCommand;
use model::media::RelayPass;

/// The media wing's mailbox is full: the caller tells its client to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the media wing is busy")]
pub struct Busy;

/// Where signaling sends its commands. In one process it is the media wing's own mailbox.
///
/// Events come back on the bounded queue that the media wing was started with.
pub trait MediaPort: Send + Sync + 'static {
    /// Queues one command without waiting.
    ///
    /// # Errors
    ///
    /// [`Busy`] when the mailbox of the room's shard is full; nothing was done.
    fn command(&self, command: MediaCommand) -> Result<(), Busy>;

    /// The UDP port that media arrives on.
    fn port(&self) -> u16;

    /// Whether media is also taken over TCP, at the port that people connect to.
    fn takes_tcp(&self) -> bool {
        false
    }

    /// A pass by which `user`, who was told that the media port is at `media`, reaches it by TURN from
    /// now on, which is `unix` in seconds. None when media is not taken over TCP.
    fn relay_pass(&self, user: UserId, media: SocketAddr, unix: u64) -> Option<RelayPass> {
        let _ = (user, media, unix);
        None
    }
}
