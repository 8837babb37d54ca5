//! The courier: says what was published where it is followed, and changes and empties what it said, after
//! whoever published, edited or deleted was answered.
//!
//! What is owed is in storage, so that a process that dies in between delivers it when it is back.
//! [`round`] is all of it; [`run`] is the task that does so when something is owed.

use std::time::Duration;

use crate::parts::Parts;
use crate::rest::messages::following;

/// Delivers all that is owed. What fails is owed on, and tried again in a later round.
pub async fn round(parts: &Parts) {
    let mut after = 0;
    loop {
        let owed = match parts.webhooks.crossposts_owed(after, PAGE).await {
            Ok(owed) => owed,
            Err(error) => return tracing::warn!(%error, "what is owed to followers was not found"),
        };
        let Some(last) = owed.last() else { return };
        after = last.nth;
        for one in owed {
            if let Err(error) = following::deliver(parts, (one.channel, one.message)).await {
                tracing::warn!(?error, channel = %one.channel, "a published message is still owed");
                continue;
            }
            if let Err(error) = parts.webhooks.settle_crosspost(one.nth).await {
                tracing::warn!(%error, "what was delivered to followers may be so again");
            }
        }
    }
}

/// Goes its rounds until `closing` resolves; the first one delivers what a former process owed.
pub async fn run(parts: Parts, closing: impl Future<Output = ()>) {
    tokio::pin!(closing);
    loop {
        // Dropped in between, a round leaves what is owed as it is.
        tokio::select! {
            biased;
            () = &mut closing => return,
            () = round(&parts) => {}
        }
        // All arms are cancel-safe.
        tokio::select! {
            biased;
            () = &mut closing => return,
            () = parts.chat.owed() => {}
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}

/// Messages read at once.
const PAGE: u16 = 50;
/// How long after a failure it is tried again at the latest.
const AGAIN: Duration = Duration::from_secs(30);
