//! Upkeep: what is due by the clock and by nobody's request, such as the ends of polls and threads
//! in which nobody spoke.
//!
//! [`round`] is all of it, at a time that is given; [`run`] is the task that gives it the time.

use std::time::Duration;

use state::Guild;
use state::GuildCommand;

use crate::cdn::picture;
use crate::cdn::picture::Owner;
use crate::parts::Parts;
use crate::rest::messages::polls;

/// Does everything that is due at `now_ms`, Unix milliseconds. What fails is tried again in the
/// next round.
pub async fn round(parts: &Parts, now_ms: u64) {
    end_polls(parts, now_ms).await;
    for guild in parts.store.all() {
        let view = guild.view();
        tend_events(parts, &view, now_ms).await;
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

/// Begins, ends and forgets the guild's events.
async fn tend_events(parts: &Parts, view: &Guild, now_ms: u64) {
    if !view.has_due_events(now_ms) {
        return;
    }
    let command = GuildCommand::TendScheduledEvents { now_ms };
    let tended = match parts.store.execute(view.id, view.settings.owner, command).await {
        Ok(tended) => tended,
        Err(error) => {
            return tracing::warn!(%error, guild = %view.id, "events were not brought up to date");
        }
    };
    for (id, event) in &view.scheduled {
        if !tended.scheduled.contains_key(id) {
            picture::forget(parts, Owner::Event(*id), event.record.image.as_deref(), None).await;
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
