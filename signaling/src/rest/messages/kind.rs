//! Message types (Discord: Message Types), those that this server makes.

/// Something that someone said.
pub(super) const SAID: u8 = 0;
/// Tells that a message was pinned.
pub(super) const PINNED: u8 = 6;
/// Tells that a thread was started without a message.
pub(super) const THREAD_CREATED: u8 = 18;
/// Tells what came of a poll.
pub(super) const POLL_RESULT: u8 = 46;
/// Something said in answer.
pub(super) const REPLY: u8 = 19;

/// Whether someone said it, rather than the system.
pub(super) const fn is_said(kind: u8) -> bool {
    matches!(kind, SAID | REPLY)
}
