//! Ways in for those whose network has no UDP: media over the TCP port of the front door, as ICE over
//! TCP or, where nothing but TLS passes, by TURN.
//!
//! Pure: bytes of a stream in, datagrams of the media port out, and back. The front door owns the
//! streams, and for each a loopback socket by which its datagrams reach a shard, which sees an
//! ordinary peer at a loopback address. See docs/adr/0005.

mod backlog;
mod carrier;
mod frames;
mod message;
mod turn;

pub use carrier::Carrier;
pub use carrier::Ended;
pub use frames::Framing;
pub use frames::Sniffed;
pub use frames::sniff;
pub use turn::Passes;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use frames::Deframer;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use turn::Taken;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use turn::Turn;
