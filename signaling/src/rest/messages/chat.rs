//! What a node remembers of text channels: who spoke last, for slowmode, and edits under way.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::PoisonError;

use model::id::ChannelId;
use model::id::MessageId;
use model::id::UserId;
use state::automod::spam::Recent;
use tokio::sync::MutexGuard;
use tokio::sync::Notify;

/// See the module.
#[derive(Debug)]
pub struct Chat {
    spoke: Mutex<HashMap<(ChannelId, UserId), u64>>,
    /// What rules against spam and mention raids remember.
    recent: Mutex<Recent>,
    changes: Vec<tokio::sync::Mutex<()>>,
    /// A message was published that is still to be said where its channel is followed.
    owed: Notify,
}

impl Default for Chat {
    fn default() -> Self {
        Self {
            spoke: Mutex::default(),
            recent: Mutex::default(),
            changes: (0..STRIPES).map(|_| tokio::sync::Mutex::default()).collect(),
            owed: Notify::new(),
        }
    }
}

impl Chat {
    /// Whether `user` may say something at `now_ms` in a channel of that slowmode; counts it if
    /// so. The error is how many milliseconds are left.
    pub(super) fn take_turn(
        &self,
        channel: ChannelId,
        user: UserId,
        slowmode_ms: u64,
        now_ms: u64,
    ) -> Result<(), u64> {
        let mut spoke = self.spoke.lock().unwrap_or_else(PoisonError::into_inner);
        if spoke.len() >= REMEMBERED {
            spoke.retain(|_, at| now_ms.saturating_sub(*at) < LONGEST_MS);
            if spoke.len() >= REMEMBERED {
                spoke.clear();
            }
        }
        match spoke.get(&(channel, user)) {
            Some(at) if now_ms.saturating_sub(*at) < slowmode_ms => {
                Err(slowmode_ms - now_ms.saturating_sub(*at))
            }
            _ => {
                spoke.insert((channel, user), now_ms);
                Ok(())
            }
        }
    }

    /// What was said lately, as far as spam and raids show in it.
    pub(in crate::rest) fn recent(&self) -> std::sync::MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something is to be delivered to followers.
    pub(super) fn owe(&self) {
        self.owed.notify_one();
    }

    /// Resolves when something is to be delivered to followers. Cancel-safe.
    pub(crate) async fn owed(&self) {
        self.owed.notified().await;
    }

    /// Waits until no one else on this node changes that message: an edit reads, changes and
    /// writes it whole, and a pin set in between would be lost.
    pub(in crate::rest) async fn change(&self, message: MessageId) -> MutexGuard<'_, ()> {
        // Low bits count within a millisecond; the time above them spreads messages evenly.
        let stripe = (message.get() ^ (message.get() >> 22)) as usize % self.changes.len();
        self.changes[stripe].lock().await
    }
}

/// Last words remembered before old ones are forgotten.
const REMEMBERED: usize = 65_536;
/// The longest slowmode (Discord: Channel, `rate_limit_per_user`).
const LONGEST_MS: u64 = 21_600 * 1_000;
/// Locks for changes of messages. Fewer would make strangers wait for each other.
const STRIPES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: ChannelId = ChannelId::new(1);
    const THERE: ChannelId = ChannelId::new(2);
    const ANA: UserId = UserId::new(1);
    const BEN: UserId = UserId::new(2);

    #[test]
    fn slowmode_holds_one_person_in_one_channel() {
        let chat = Chat::default();

        assert_eq!(chat.take_turn(HERE, ANA, 5_000, 1_000), Ok(()));
        assert_eq!(chat.take_turn(HERE, ANA, 5_000, 2_000), Err(4_000));
        assert_eq!(chat.take_turn(HERE, BEN, 5_000, 2_000), Ok(()));
        assert_eq!(chat.take_turn(THERE, ANA, 5_000, 2_000), Ok(()));
        assert_eq!(chat.take_turn(HERE, ANA, 5_000, 6_000), Ok(()));
    }

    #[test]
    fn a_refused_message_does_not_begin_the_wait_anew() {
        let chat = Chat::default();
        chat.take_turn(HERE, ANA, 5_000, 0).unwrap();

        for now_ms in [1_000, 2_000, 4_999] {
            assert_eq!(chat.take_turn(HERE, ANA, 5_000, now_ms), Err(5_000 - now_ms));
        }

        assert_eq!(chat.take_turn(HERE, ANA, 5_000, 5_000), Ok(()));
    }

    #[test]
    fn what_is_remembered_stays_bounded() {
        let chat = Chat::default();

        for user in 1..=(REMEMBERED as u64 + 10) {
            chat.take_turn(HERE, UserId::new(user), 5_000, 0).unwrap();
        }

        assert!(chat.spoke.lock().unwrap().len() <= REMEMBERED);
    }
}
