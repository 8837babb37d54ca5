//! Messages, reactions, pins and files from outside the crate: HTTP in, HTTP and events out.
//!
//! The router runs without sockets, on the in-memory store; each test has a world of its own.
#![expect(clippy::disallowed_methods, reason = "tests stop their tasks by waiting for them")]

mod changing;
mod files;
#[path = "../support/parts.rs"]
mod parts;
mod pins;
mod polls;
mod reactions;
mod repos;
mod saying;
mod search;
mod threads;
mod world;
