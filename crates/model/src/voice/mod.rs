//! The words of the Voice Gateway, versions 4 to 8 (Discord: Voice Connections).

mod close;
mod mode;
mod opcode;

pub use close::CloseCode;
pub use mode::EncryptionMode;
pub use mode::SessionKey;
pub use opcode::Opcode;
