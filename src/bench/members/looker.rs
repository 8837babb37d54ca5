//! Someone who looks at the member list, as a person's client does, and asks for members.

use std::time::Duration;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::task::JoinSet;

use super::Took;
use super::folk;
use super::folk::Folk;
use super::folk::GUILD;
use super::folk::TEXT;
use super::present::identify;
use crate::bench::voice::histogram::Times;
use crate::bench::voice::line::Door;
use crate::bench::voice::line::Line;
use crate::bench::voice::line::PATIENCE;

/// Rows that a client asks for at once (userdoccers: Update Guild Subscriptions).
const ROWS: usize = 100;
/// Screens that are scrolled before a jump to elsewhere.
const SCREENS: u64 = 8;
/// Members asked for by id at once, at most (Discord: Request Guild Members).
const IDS: u64 = 100;
/// GUILDS (Discord: Gateway Intents).
const GUILDS: u64 = 1;

/// See the module.
pub(super) struct Looker {
    line: Line,
    folk: Folk,
    /// Where its chance begins.
    seed: u64,
    /// Questions so far.
    asked: u64,
}

impl Looker {
    /// Opens a session more of one of those who are online.
    ///
    /// # Errors
    ///
    /// When the server refuses it.
    pub(super) async fn open(door: &Door, folk: Folk, nth: usize) -> anyhow::Result<Self> {
        let who = folk.present().start + u32::try_from(nth)?;
        let line = identify(door, who, GUILDS).await?;
        Ok(Self { line, folk, seed: (nth as u64) << 32, asked: 0 })
    }

    /// Looks at the head of the list and at a screen from that row on; how long until it is there.
    ///
    /// # Errors
    ///
    /// When it does not come.
    pub(super) async fn look(&mut self, row: usize) -> anyhow::Result<Took> {
        let first = row / ROWS * ROWS;
        let mut ranges = vec![[0, ROWS - 1]];
        if first > 0 {
            ranges.push([first, first + ROWS - 1]);
        }
        let wanted = json!({ "guild_id": GUILD, "channels": { TEXT.to_string(): ranges } });
        let is_it = |update: &str| {
            let update = serde_json::from_str::<Update<'_>>(update)?;
            let rows = |op: &Op<'_>| op.items.is_some_and(|items| items.get() != "[]");
            Ok(update
                .d
                .ops
                .iter()
                .any(|op| op.range.is_some_and(|[of, _]| of == first) && rows(op)))
        };
        self.ask((14, &wanted), "GUILD_MEMBER_LIST_UPDATE", is_it).await
    }

    /// Asks for a hundred members by their ids.
    ///
    /// # Errors
    ///
    /// When not all of them come.
    pub(super) async fn by_ids(&mut self, chance: u64) -> anyhow::Result<Took> {
        let members = u64::from(self.folk.members);
        let some = (0..IDS).map(|nth| folk::scatter(chance ^ nth << 40) % members);
        let mut some: Vec<_> = some.collect();
        some.sort_unstable();
        some.dedup();
        let ids: Vec<_> = some.iter().map(|nth| folk::id(*nth as u32)).collect();
        let nonce = chance.to_string();
        let wanted = json!({ "guild_id": GUILD, "user_ids": ids, "nonce": nonce });
        let is_it = |chunk: &str| {
            let chunk = &serde_json::from_str::<Value>(chunk)?["d"];
            let members = chunk["members"].as_array().map_or(0, Vec::len);
            Ok(chunk["nonce"] == nonce.as_str() && members == ids.len())
        };
        self.ask((8, &wanted), "GUILD_MEMBERS_CHUNK", is_it).await
    }

    /// Asks for members by the beginning of their names: of one, or of many.
    ///
    /// # Errors
    ///
    /// When they do not come.
    pub(super) async fn by_prefix(&mut self, chance: u64) -> anyhow::Result<Took> {
        let name = folk::username((chance % u64::from(self.folk.members)) as u32);
        // The more letters, the fewer people.
        let letters = 2 + (chance >> 40) as usize % (name.len() - 1);
        let prefix: String = name.chars().take(letters).collect();
        let nonce = chance.to_string();
        let wanted = json!({
            "guild_id": GUILD, "query": prefix, "limit": 100, "nonce": nonce,
        });
        let is_it = |chunk: &str| {
            let chunk = &serde_json::from_str::<Value>(chunk)?["d"];
            let members = chunk["members"].as_array().map_or(0, Vec::len);
            Ok(chunk["nonce"] == nonce.as_str() && members > 0)
        };
        self.ask((8, &wanted), "GUILD_MEMBERS_CHUNK", is_it).await
    }

    /// Where someone scrolls to next: on from where they are, and now and then elsewhere.
    fn next_row(&mut self) -> usize {
        self.asked += 1;
        let rows = self.folk.online as usize;
        let jump = folk::scatter(self.seed ^ (self.asked / SCREENS)) as usize % rows;
        (jump + (self.asked % SCREENS) as usize * ROWS) % rows
    }

    /// Something that looks like chance and was not there before.
    fn chance(&mut self) -> u64 {
        self.asked += 1;
        folk::scatter(self.seed ^ self.asked) | 1
    }

    async fn ask(
        &mut self,
        (op, wanted): (u8, &Value),
        event: &str,
        is_it: impl Fn(&str) -> serde_json::Result<bool>,
    ) -> anyhow::Result<Took> {
        let head = format!(r#"{{"t":"{event}""#);
        let began = crate::bench::now();
        self.line.send(op, wanted).await?;
        let answer = async {
            loop {
                let (text, _) = self.line.next_text().await?;
                // To read it is not the server's.
                let came = crate::bench::now();
                if text.starts_with(&head) && is_it(&text)? {
                    return anyhow::Ok([began, came]);
                }
            }
        };
        let answer = tokio::time::timeout(PATIENCE, answer).await;
        answer.with_context(|| format!("no {event} to {wanted}"))?
    }

    /// Hangs up.
    pub(super) async fn leave(self) {
        self.line.hang_up().await;
    }
}

/// GUILD_MEMBER_LIST_UPDATE, as far as it is read: reading rows is the client's own time.
#[derive(Deserialize)]
struct Update<'a> {
    #[serde(borrow)]
    d: Ops<'a>,
}

#[derive(Deserialize)]
struct Ops<'a> {
    #[serde(borrow)]
    ops: Vec<Op<'a>>,
}

#[derive(Deserialize)]
struct Op<'a> {
    /// Of SYNC alone.
    range: Option<[usize; 2]>,
    #[serde(borrow)]
    items: Option<&'a RawValue>,
}

/// Lets all of them scroll for a while, each at its own moments; they come back.
///
/// # Errors
///
/// When rows do not come.
pub(super) async fn scroll(
    lookers: Vec<Looker>,
    span: Duration,
    each: Duration,
) -> anyhow::Result<(Vec<Looker>, Times)> {
    let count = lookers.len() as u32;
    let began = crate::bench::now();
    // A task for each: what one reads keeps no other one waiting.
    let mut all = JoinSet::new();
    for (nth, mut looker) in (0_u32..).zip(lookers) {
        all.spawn(async move {
            let mut times = Times::default();
            tokio::time::sleep(each * nth / count).await;
            let mut ticks = tokio::time::interval(each);
            while began.elapsed() < span {
                ticks.tick().await;
                let row = looker.next_row();
                let [asked, came] = looker.look(row).await?;
                times.record(asked, came);
            }
            anyhow::Ok((looker, times))
        });
    }
    let (mut lookers, mut times) = (Vec::new(), Times::default());
    while let Some(done) = all.join_next().await {
        let (looker, theirs) = done??;
        lookers.push(looker);
        times.add(&theirs);
    }
    Ok((lookers, times))
}

/// Lets one after the other ask so often.
///
/// # Errors
///
/// When an answer does not come.
pub(super) async fn each(
    lookers: &mut [Looker],
    times: u32,
    ask: impl AsyncFn(&mut Looker, u64) -> anyhow::Result<Took>,
) -> anyhow::Result<Times> {
    let mut took = Times::default();
    for _ in 0..times {
        for looker in &mut *lookers {
            let chance = looker.chance();
            let [asked, came] = ask(looker, chance).await?;
            took.record(asked, came);
        }
    }
    Ok(took)
}
