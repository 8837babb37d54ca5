//! Guildhall, the server, as a function: [`start`] runs it in this process, [`run`] until a signal.
//!
//! This is the only crate that knows every other. Begin with `wire.rs`: it builds the parts in
//! order and connects them.

pub mod admin;
pub mod bench;
pub mod cli;
pub mod config;
pub mod doctor;
mod door;
mod leftover;
mod lock;
mod metrics;
mod private_file;
mod private_port;
mod progress;
mod relay;
mod serve;
mod shutdown;
pub mod telemetry;
pub mod tls;
mod web;
mod welcome;
mod wire;

pub use config::Config;
pub use serve::Running;
pub use serve::start;
pub use shutdown::run;
