//! Message types (Discord: Message Types), those that this server makes.

/// Something that someone said.
pub(in crate::rest) const SAID: u8 = 0;
/// Tells that someone was brought into a group.
pub(in crate::rest) const RECIPIENT_ADDED: u8 = 1;
/// Tells that someone left a group, or was removed.
pub(in crate::rest) const RECIPIENT_REMOVED: u8 = 2;
/// Tells a group's new name.
pub(in crate::rest) const NAME_CHANGED: u8 = 4;
/// Tells that a group has a new icon.
pub(in crate::rest) const ICON_CHANGED: u8 = 5;
/// Tells that a message was pinned.
pub(in crate::rest) const PINNED: u8 = 6;
/// Tells that the channel follows another.
pub(in crate::rest) const FOLLOWED: u8 = 12;
/// Tells that a thread was started without a message.
pub(in crate::rest) const THREAD_CREATED: u8 = 18;
/// Tells what came of a poll.
pub(in crate::rest) const POLL_RESULT: u8 = 46;
/// Something said in answer.
pub(in crate::rest) const REPLY: u8 = 19;
/// Tells that a rule of auto moderation was triggered.
pub(in crate::rest) const RULE_ALERT: u8 = 24;
/// The answer to a slash command.
pub(in crate::rest) const COMMAND: u8 = 20;
/// The answer to a command of a menu.
pub(in crate::rest) const MENU_COMMAND: u8 = 23;

/// Whether someone said it, rather than the system.
pub(in crate::rest) const fn is_said(kind: u8) -> bool {
    matches!(kind, SAID | REPLY | COMMAND | MENU_COMMAND)
}
