//! Those who are online: sessions that hear what they must, and come and go when told to.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::StreamExt as _;
use futures_util::TryStreamExt as _;
use indicatif::ProgressBar;
use serde_json::Value;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::folk;
use super::folk::Folk;
use crate::bench::voice::line::Door;
use crate::bench::voice::line::Kind;
use crate::bench::voice::line::Line;

/// Sessions that identify at once.
const ARRIVING: usize = 64;
/// GUILDS (Discord: Gateway Intents).
const GUILDS: u64 = 1;
/// How often somebody goes or comes back.
const CHURN: Duration = Duration::from_millis(50);
/// What is said of those who go, and of those who come back.
const STATUS: [&str; 2] = ["invisible", "online"];

/// See the module.
pub(super) struct Present {
    orders: Vec<mpsc::Sender<Value>>,
    sessions: JoinSet<()>,
    lost: Arc<AtomicUsize>,
}

impl Present {
    /// Lets everybody identify, and waits until all see the guild.
    ///
    /// # Errors
    ///
    /// When the server refuses one.
    pub(super) async fn arrive(folk: Folk, door: &Door, bar: &ProgressBar) -> anyhow::Result<Self> {
        let there = &AtomicUsize::new(0);
        let lines = folk.present().map(|nth| async move {
            let line = identify(door, nth, GUILDS).await?;
            let there = there.fetch_add(1, Relaxed) + 1;
            bar.set_message(format!("coming online, {there} of {}", folk.online));
            anyhow::Ok(line)
        });
        let lines = futures_util::stream::iter(lines).buffer_unordered(ARRIVING);
        let lines: Vec<_> = lines.try_collect().await?;
        let (mut orders, mut sessions) = (Vec::new(), JoinSet::new());
        let lost = Arc::new(AtomicUsize::new(0));
        for line in lines {
            let (order, ordered) = mpsc::channel(ORDERS);
            orders.push(order);
            sessions.spawn(live(line, ordered, Arc::clone(&lost)));
        }
        Ok(Self { orders, sessions, lost })
    }

    /// Lets one after the other go, and come back a little later, for ever.
    ///
    /// # Errors
    ///
    /// When somebody was thrown out.
    pub(super) async fn churn(&self) -> anyhow::Result<()> {
        let mut ticks = tokio::time::interval(CHURN);
        for step in 0_u64.. {
            ticks.tick().await;
            // Twice the same person: gone, then back.
            let who = folk::scatter(step / 2) as usize % self.orders.len();
            let status = STATUS[step as usize % 2];
            let presence = json!({ "since": 0, "activities": [], "status": status, "afk": false });
            self.orders[who].send(presence).await.ok().context("somebody was thrown out")?;
        }
        Ok(())
    }

    /// How many sessions the server ended.
    pub(super) fn lost(&self) -> usize {
        self.lost.load(Relaxed)
    }

    /// Everybody leaves.
    pub(super) async fn leave(mut self) {
        self.orders.clear();
        while self.sessions.join_next().await.is_some() {}
    }
}

/// Hears, and says how present it is, until nobody gives orders any more.
async fn live(mut line: Line, mut orders: mpsc::Receiver<Value>, lost: Arc<AtomicUsize>) {
    loop {
        tokio::select! {
            heard = line.next_text() => {
                if heard.is_err() {
                    lost.fetch_add(1, Relaxed);
                    return;
                }
            }
            order = orders.recv() => match order {
                Some(presence) => {
                    // What was refused is heard of at the next turn.
                    let _ = line.send(3, &presence).await;
                }
                None => return line.hang_up().await,
            },
        }
    }
}

/// Opens a session of someone and waits for the guild.
///
/// # Errors
///
/// When the server refuses it.
pub(super) async fn identify(door: &Door, nth: u32, intents: u64) -> anyhow::Result<Line> {
    let mut line = Line::open(door, Kind::Gateway).await?;
    let identify = json!({
        "token": Folk::token(nth),
        "intents": intents,
        "properties": { "os": "linux", "browser": "guildhall-bench", "device": "guildhall-bench" },
        "presence": { "since": 0, "activities": [], "status": "online", "afk": false },
    });
    line.send(2, &identify).await?;
    line.until_event("GUILD_CREATE").await.context("no guild")?;
    Ok(line)
}

/// Orders that wait for a session at most; then whoever gives them waits.
const ORDERS: usize = 4;
