//! The main Gateway, version 10 (and 9): sessions that hear what their user may hear.
//!
//! `socket` takes a WebSocket until it identifies or resumes; `run` is the one task of a session,
//! which outlives its sockets; `session` and `replay` are its pure core. `filter` decides who
//! sees an event, `shape` what it looks like, `compress` how it travels.

mod compress;
mod filter;
mod incoming;
mod members;
mod ready;
mod registry;
mod replay;
mod run;
mod session;
mod shape;
mod socket;

pub use registry::Sessions;
pub use socket::upgrade;
