//! Upkeep: what is due by the clock and by nobody's request, such as the ends of polls and threads
//! in which nobody spoke.
//!
//! [`round`] is all of it, at a time that is given; [`run`] is the task that gives it the time.

use std::time::Duration;

use state::GuildCommand;

use crate::parts::Parts;
use crate::rest::messages::polls;

/// Does everything that is due at `now_ms`, Unix milliseconds. What fails is tried again in the
/// next round.
pub async fn round(parts: &Parts, now_ms: u64) {
    end_polls(parts, now_ms).await;
    for guild in parts.store.all() {
        let view = guild.view();
        if !view.has_idle_threads(now_ms) {
            continue;
        }
        let command = GuildCommand::ArchiveIdle { now_ms };
        let archived = parts.store.execute(view.id, view.settings.owner, command).await;
        if let Err(error) = archived {
            tracing::warn!(%error, guild = %view.id, "idle threads were not archived");
        }
    }
}

async fn end_polls(parts: &Parts, now_ms: u64) {
    let due = match parts.polls.due(now_ms, POLLS).await {
        Ok(due) => due,
        Err(error) => return tracing::warn!(%error, "polls that are due were not found"),
    };
    for poll in due {
        if let Err(error) = polls::end(parts, poll, now_ms).await {
            tracing::warn!(?error, channel = %poll.0, "a poll was not ended");
        }
    }
}

/// Goes its rounds until `closing` resolves.
pub async fn run(parts: Parts, closing: impl Future<Output = ()>) {
    tokio::pin!(closing);
    loop {
        // Both arms are cancel-safe.
        tokio::select! {
            biased;
            () = &mut closing => return,
            () = tokio::time::sleep(ROUND) => round(&parts, parts.now_ms()).await,
        }
    }
}

/// Polls ended in one round at most; the rest in the next.
const POLLS: u16 = 200;
/// How late what is due may be.
const ROUND: Duration = Duration::from_secs(5);
