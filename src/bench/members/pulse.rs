//! Messages that are said all the while: how long each takes to be heard tells how long the guild
//! keeps everybody waiting.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use hyper::Method;
use serde_json::json;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::folk::Folk;
use super::folk::TEXT;
use super::present::identify;
use crate::bench::chat::crowd::said_at;
use crate::bench::chat::post::Client;
use crate::bench::voice::histogram::Times;
use crate::bench::voice::line::Door;
use crate::bench::voice::line::Line;

/// GUILDS, GUILD_MESSAGES and MESSAGE_CONTENT (Discord: Gateway Intents).
const INTENTS: u64 = 1 | 1 << 9 | 1 << 15;
/// Messages a second, and how many of them one person says: five in five seconds are allowed.
const PER_SECOND: u32 = 40;

/// What was heard since it was last asked.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) times: Times,
}

/// See the module.
pub(super) struct Pulse {
    heard: Arc<Mutex<Heard>>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Pulse {
    /// Begins to speak, as those who are online in turn, and to listen.
    ///
    /// # Errors
    ///
    /// When the server refuses the one who listens.
    pub(super) async fn begin(door: &Door, client: &Client, folk: Folk) -> anyhow::Result<Self> {
        let line = identify(door, folk.present().start, INTENTS).await?;
        let (heard, stop) = (Arc::<Mutex<Heard>>::default(), CancellationToken::new());
        let began = crate::bench::now();
        let mut tasks = JoinSet::new();
        tasks.spawn(listen(line, began, Arc::clone(&heard), stop.clone()));
        tasks.spawn(speak(client.clone(), folk, began, stop.clone()));
        Ok(Self { heard, stop, tasks })
    }

    /// What was heard since the last time.
    pub(super) fn take(&self) -> Heard {
        std::mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Falls silent.
    pub(super) async fn end(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

async fn listen(mut line: Line, began: Instant, heard: Arc<Mutex<Heard>>, stop: CancellationToken) {
    loop {
        let text = tokio::select! {
            text = line.next_text() => text,
            () = stop.cancelled() => return line.hang_up().await,
        };
        let Ok((text, _)) = text else { return };
        if text.starts_with(r#"{"t":"MESSAGE_CREATE""#)
            && let Some(said) = said_at(&text)
        {
            let now = crate::bench::now();
            let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
            heard.times.record((began + said).min(now), now);
        }
    }
}

async fn speak(client: Client, folk: Folk, began: Instant, stop: CancellationToken) {
    // One message a second of each.
    let people = folk.online.min(PER_SECOND);
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / people);
    let path = format!("/api/v10/channels/{TEXT}/messages");
    let mut under_way = JoinSet::new();
    for nth in 0_u32.. {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.cancelled() => return,
        }
        let token = Folk::token(folk.present().start + nth % people);
        let (client, path) = (client.clone(), path.clone());
        under_way.spawn(async move {
            let content =
                format!("t{} and the words of an ordinary message", began.elapsed().as_nanos());
            // What is refused is not heard, which is told.
            let body = json!({ "content": content });
            let _ = client.ask(&Method::POST, Some((&token, false)), &path, Some(&body)).await;
        });
        while under_way.try_join_next().is_some() {}
    }
}
