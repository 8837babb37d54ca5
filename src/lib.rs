//! The server as a library: the only place that knows both wings. `start` wires and runs it, so
//! that tests start it in-process; `cli` is the command around it.

pub mod admin;
mod bench;
pub mod cli;
pub mod config;
mod doctor;
mod door;
mod private;
mod services;
mod start;
mod telemetry;
mod tls;
mod web;

pub use config::Config;
pub use start::Running;
pub use start::start;
