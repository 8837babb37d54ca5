//! Upkeep: what is due by the clock and by nobody's request, such as the ends of polls and threads
//! in which nobody spoke, and of stages without a speaker.
//!
//! [`round`] and [`end_deserted`] are all of it, at a time that is given; [`run`] is the task that gives
//! it the time.

use std::collections::HashMap;
use std::time::Duration;

use model::id::ChannelId;
use model::limits;
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
    for view in parts.store.due(now_ms) {
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

/// The stages that had no speaker in the last round, and since when, in Unix milliseconds.
#[derive(Debug, Default)]
pub struct Deserted(HashMap<ChannelId, u64>);

/// Ends the stages that are without a speaker for as long as [`limits::STAGE_DESERTED_MS`] at
/// `now_ms`, Unix milliseconds, by what former rounds saw.
pub async fn end_deserted(parts: &Parts, deserted: &mut Deserted, now_ms: u64) {
    let before = std::mem::take(&mut deserted.0);
    for guild in parts.store.staged() {
        let view = guild.view();
        let mut over = Vec::new();
        for stage in view.deserted_stages() {
            let since = before.get(&stage).copied().unwrap_or(now_ms);
            deserted.0.insert(stage, since);
            if now_ms.saturating_sub(since) >= limits::STAGE_DESERTED_MS {
                over.push(stage);
            }
        }
        if over.is_empty() {
            continue;
        }
        let command = GuildCommand::EndDeserted(over);
        if let Err(error) = parts.store.execute(view.id, view.settings.owner, command).await {
            tracing::warn!(%error, guild = %view.id, "deserted stages were not ended");
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
    let mut deserted = Deserted::default();
    loop {
        // Both arms are cancel-safe.
        tokio::select! {
            biased;
            () = &mut closing => return,
            () = tokio::time::sleep(ROUND) => {
                round(&parts, parts.now_ms()).await;
                end_deserted(&parts, &mut deserted, parts.now_ms()).await;
            }
        }
    }
}

/// Polls ended in one round at most; the rest in the next.
const POLLS: u16 = 200;
/// How late what is due may be.
const ROUND: Duration = Duration::from_secs(5);
