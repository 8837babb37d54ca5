//! Voice Gateway, versions 4 to 8: sessions that negotiate a place in a room of the media wing.
//!
//! `calls` is what the rest of the server sees. `board` knows who has a place, from the ticket to
//! the end, and tells the media wing; `watch` keeps it true to guilds, media and time. `socket`
//! takes a WebSocket until it identifies or resumes, `run` is the one task of a session, which
//! outlives its sockets, and `session` is its pure core, with `announce`, `payload`, `negotiate`, `others`,
//! `replay` and `link` as its parts. `visit` is the way in for those who come over HTTP. `home` is what the
//! board knows of guilds and of the calls in private channels; `private` lets people into the latter, and
//! `ledger` writes what the channel is told of them.

mod announce;
mod board;
mod calls;
mod home;
mod ledger;
mod link;
mod negotiate;
mod others;
mod outbox;
mod output;
mod payload;
mod private;
mod replay;
mod run;
mod session;
mod socket;
#[cfg(test)]
mod testing;
mod ticket;
mod visit;
mod watch;

pub(crate) use announce::Announced;
pub use calls::Calls;
pub use calls::VoiceRequest;
pub use ledger::Papers;
pub(crate) use socket::upgrade;
pub(crate) use visit::Visit;
pub(crate) use visit::VisitError;
pub(crate) use visit::VisitRequest;
