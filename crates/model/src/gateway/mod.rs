//! The words of the main Gateway, version 10 (Discord: Gateway).

mod close;
mod dispatch;
mod opcode;

pub use close::CloseCode;
pub use dispatch::DispatchName;
pub use opcode::Opcode;

/// The event groups that a gateway session asked to hear.
pub use crate::wire::gateway::Intents;
