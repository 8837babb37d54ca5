//! The main Gateway, version 10 (and 9): sessions that hear what their user may hear.
//!
//! In the order of a connection: `socket` takes a WebSocket, `greet` brings it to a session by way
//! of `handshake` (pure), `run` is the one task of a session, which outlives its sockets, around
//! `session` (pure). In the order of an event: `filter` decides who hears it, `shape` what it looks
//! like, `encode` puts a number on it as JSON or, with `etf`, as Erlang's terms, `replay` keeps it,
//! `compress` packs it.

mod channel_info;
mod compress;
mod desk;
mod encode;
mod etf;
mod filter;
pub(crate) mod friends;
mod greet;
mod handshake;
mod incoming;
mod member_list;
mod members;
mod names;
mod own;
mod pulse;
mod ready;
mod ready_whole;
mod registry;
mod replay;
mod run;
mod session;
mod shape;
mod socket;
#[cfg(test)]
mod testing;

pub use names::name as dispatch_name;
pub use registry::MAX_CONCURRENCY;
pub use registry::Sessions;
pub(crate) use socket::upgrade;

/// Reads a message of a client that speaks Erlang's terms, as far as the session would.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn read_any_term(bytes: &[u8]) {
    let Ok(value) = etf::read(bytes) else { return };
    let text = value.to_string();
    // JSON reads what was made of it: no number, no text and no nesting is beyond it.
    assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
    drop(incoming::parse(text.as_bytes()));
}
