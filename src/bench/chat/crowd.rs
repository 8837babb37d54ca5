//! The crowd: sessions that hear everything, and count it.

use std::ops::Range;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context as _;
use futures_util::StreamExt as _;
use futures_util::TryStreamExt as _;
use indicatif::ProgressBar;
use serde_json::json;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::hall::Hall;
use crate::bench::voice::histogram::Times;
use crate::bench::voice::line::Door;
use crate::bench::voice::line::Kind;
use crate::bench::voice::line::Line;

/// Sessions that identify at once.
const ARRIVING: usize = 64;
/// How long a session that was thrown out waits before it tries again.
const AGAIN: Duration = Duration::from_millis(200);
/// GUILDS, GUILD_MESSAGES and MESSAGE_CONTENT (Discord: Gateway Intents).
const INTENTS: u64 = 1 | 1 << 9 | 1 << 15;
/// Histograms that the sessions share.
const STRIPES: usize = 16;

/// What the crowd heard.
#[derive(Default)]
pub(super) struct Heard {
    began: Option<Instant>,
    expected: AtomicU64,
    count: AtomicU64,
    longest: AtomicUsize,
    times: [Mutex<Times>; STRIPES],
}

impl Heard {
    /// Notes how many deliveries there should have been.
    pub(super) fn expect(&self, more: u64) {
        self.expected.fetch_add(more, Relaxed);
    }

    /// Deliveries that did not come.
    pub(super) fn missing(&self) -> u64 {
        self.expected.load(Relaxed).saturating_sub(self.count.load(Relaxed))
    }

    /// Bytes of the longest message.
    pub(super) fn longest(&self) -> usize {
        self.longest.load(Relaxed)
    }

    /// Forgets the times of what came so far.
    pub(super) fn forget_times(&self) {
        for stripe in &self.times {
            *stripe.lock().unwrap_or_else(PoisonError::into_inner) = Times::default();
        }
    }

    /// How long deliveries took.
    pub(super) fn times(&self) -> Times {
        let mut all = Times::default();
        for stripe in &self.times {
            all.add(&stripe.lock().unwrap_or_else(PoisonError::into_inner));
        }
        all
    }

    /// Deliveries so far.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }

    fn note(&self, session: usize, text: &str, length: usize) {
        let Some(began) = self.began else { return };
        if !text.starts_with(r#"{"t":"MESSAGE_CREATE""#) {
            return;
        }
        self.count.fetch_add(1, Relaxed);
        self.longest.fetch_max(length, Relaxed);
        if let Some(said) = said_at(text) {
            let now = crate::bench::now();
            let stripe = &self.times[session % STRIPES];
            let mut times = stripe.lock().unwrap_or_else(PoisonError::into_inner);
            times.record((began + said).min(now), now);
        }
    }
}

/// When a message was said, which it tells itself.
pub(in crate::bench) fn said_at(text: &str) -> Option<Duration> {
    let (_, rest) = text.split_once(r#""content":"t"#)?;
    let digits = rest.find(|letter: char| !letter.is_ascii_digit())?;
    rest[..digits].parse().ok().map(Duration::from_nanos)
}

/// Sessions in the hall.
pub(super) struct Crowd {
    heard: Arc<Heard>,
    /// How many identified.
    arrived: Arc<AtomicU64>,
    sessions: JoinSet<()>,
    stop: CancellationToken,
}

impl Crowd {
    /// Nobody yet.
    pub(super) fn empty(hall: &Hall) -> Self {
        let heard = Arc::new(Heard { began: Some(hall.began), ..Heard::default() });
        Self {
            heard,
            arrived: Arc::default(),
            sessions: JoinSet::new(),
            stop: CancellationToken::new(),
        }
    }

    /// Lets everybody identify, and waits until all see the guild.
    ///
    /// # Errors
    ///
    /// When the server refuses one.
    pub(super) async fn arrive(hall: &Hall, bar: &ProgressBar) -> anyhow::Result<Self> {
        let mut crowd = Self::empty(hall);
        crowd.admit(hall, 0..hall.tokens.len(), bar).await?;
        Ok(crowd)
    }

    /// The same for some.
    ///
    /// # Errors
    ///
    /// When the server refuses one.
    pub(super) async fn admit(
        &mut self,
        hall: &Hall,
        who: Range<usize>,
        bar: &ProgressBar,
    ) -> anyhow::Result<()> {
        let lines = who.map(|session| {
            let arrived = &self.arrived;
            async move {
                let line = identify(&hall.door, &hall.tokens[session], hall.compressed).await?;
                let there = arrived.fetch_add(1, Relaxed) + 1;
                bar.set_message(format!("coming online, {there} of {}", hall.tokens.len()));
                anyhow::Ok((session, line))
            }
        });
        let lines: Vec<_> =
            futures_util::stream::iter(lines).buffer_unordered(ARRIVING).try_collect().await?;
        for (session, mut line) in lines {
            let (heard, stop) = (Arc::clone(&self.heard), self.stop.clone());
            self.sessions.spawn(async move {
                tokio::select! {
                    () = listen(session, &mut line, &heard) => {}
                    () = stop.cancelled() => {}
                }
                line.hang_up().await;
            });
        }
        Ok(())
    }

    /// What it heard so far.
    pub(super) fn heard(&self) -> &Arc<Heard> {
        &self.heard
    }

    /// How many identified so far.
    pub(super) fn arrived(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.arrived)
    }

    /// Everybody leaves.
    pub(super) async fn leave(mut self) {
        self.stop.cancel();
        while self.sessions.join_next().await.is_some() {}
    }

    /// The server went away: everybody tries until it is back, and all see the guild again.
    ///
    /// # Errors
    ///
    /// Never; it waits for as long as it takes.
    pub(super) async fn come_back(self, hall: &Hall, bar: &ProgressBar) -> anyhow::Result<()> {
        self.leave().await;
        let back = AtomicUsize::new(0);
        let all = hall.tokens.iter().map(|token| {
            let back = &back;
            async move {
                let line = loop {
                    match identify(&hall.door, token, hall.compressed).await {
                        Ok(line) => break line,
                        Err(_) => tokio::time::sleep(AGAIN).await,
                    }
                };
                let back = back.fetch_add(1, Relaxed) + 1;
                bar.set_message(format!("coming back, {back} of {}", hall.tokens.len()));
                line
            }
        });
        // All at once, as a storm is.
        let lines = futures_util::stream::iter(all).buffer_unordered(usize::MAX >> 1);
        lines.collect::<Vec<_>>().await;
        Ok(())
    }
}

/// Opens a session and waits for its guild.
async fn identify(door: &Door, token: &str, compressed: bool) -> anyhow::Result<Line> {
    let mut line = Line::open_as(door, Kind::Gateway, compressed).await?;
    let identify = json!({
        "token": token,
        "intents": INTENTS,
        "properties": { "os": "linux", "browser": "guildhall-bench", "device": "guildhall-bench" },
    });
    line.send(2, &identify).await?;
    line.until_event("GUILD_CREATE").await.context("no guild")?;
    Ok(line)
}

/// Counts what comes, until the server hangs up; then events are missing, which is told.
async fn listen(session: usize, line: &mut Line, heard: &Heard) {
    while let Ok((text, length)) = line.next_text().await {
        heard.note(session, &text, length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_tells_when_it_was_said() {
        let text = r#"{"t":"MESSAGE_CREATE","s":3,"op":0,"d":{"content":"t1500 and","id":"1"}}"#;

        assert_eq!(said_at(text), Some(Duration::from_nanos(1_500)));
        assert_eq!(said_at(r#"{"content":"hello"}"#), None);
    }

    #[test]
    fn what_did_not_come_is_missing() {
        let heard = Heard { began: Some(crate::bench::now()), ..Heard::default() };
        heard.expect(2);

        heard.note(0, r#"{"t":"MESSAGE_CREATE","s":3,"op":0,"d":{"content":"t1 x"}}"#, 60);
        heard.note(0, r#"{"t":"TYPING_START","s":4,"op":0,"d":{}}"#, 40);

        assert_eq!(heard.missing(), 1);
    }
}
