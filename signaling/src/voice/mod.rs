//! Voice Gateway, versions 4 to 8: sessions that negotiate a place in a room of the media wing.
//!
//! `calls` knows every voice session of the node and gives out tickets; `watch` keeps the media
//! wing true to the guilds; `socket` takes a WebSocket until it identifies or resumes; `run` is
//! the one task of a session; `session` and `payload` are its pure core.

mod calls;
mod payload;
mod run;
mod session;
mod socket;
mod ticket;
mod watch;

pub use calls::Calls;
pub use calls::VoiceRequest;
pub use socket::upgrade;
