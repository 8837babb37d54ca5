//! Kinds of commands (Discord: Application Command Types).

/// Called by typing a slash.
pub(in crate::rest) const CHAT_INPUT: u8 = 1;
/// In the menu of a person.
pub(in crate::rest) const USER: u8 = 2;
/// In the menu of a message.
pub(in crate::rest) const MESSAGE: u8 = 3;
