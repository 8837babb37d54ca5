//! Polls: a question on a message, its answers, and what came of it. Votes are storage's. Pure.

use model::id::ChannelId;
use model::id::MessageId;
use model::id::UserId;
use serde::Deserialize;
use serde::Serialize;

use crate::record::ReactionEmoji;

/// The poll of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollRecord {
    /// 1 to 300 characters.
    pub question: String,
    /// 1 to 10; numbered from 1.
    pub answers: Vec<PollAnswer>,
    /// Whether one person may choose several.
    #[serde(default)]
    pub multiselect: bool,
    /// Unix milliseconds at which it ends, or ended.
    pub ends_ms: u64,
    /// The counts of each answer, once it ended.
    #[serde(default)]
    pub results: Option<Vec<u32>>,
}

/// One answer of a poll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollAnswer {
    /// Its number, from 1.
    pub id: u8,
    /// Up to 55 characters.
    #[serde(default)]
    pub text: Option<String>,
    /// An emoji beside it.
    #[serde(default)]
    pub emoji: Option<ReactionEmoji>,
}

impl PollRecord {
    /// Whether votes still count at `now_ms`, Unix milliseconds.
    #[must_use]
    pub const fn is_open(&self, now_ms: u64) -> bool {
        self.results.is_none() && now_ms < self.ends_ms
    }

    /// The answer that got most votes; none when nobody voted or several got as many.
    #[must_use]
    pub fn victor(&self) -> Option<(&PollAnswer, u32)> {
        let results = self.results.as_ref()?;
        let most = *results.iter().max().filter(|most| **most > 0)?;
        let mut best = std::iter::zip(&self.answers, results).filter(|(_, count)| **count == most);
        let (answer, _) = best.next()?;
        best.next().is_none().then_some((answer, most))
    }
}

/// How often one answer was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollCount {
    /// Which answer.
    pub answer: u8,
    /// By how many.
    pub count: u32,
    /// Whether the asking user is among them.
    pub me: bool,
}

/// What a vote changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VoteChange {
    /// Answers chosen that were not before.
    pub added: Vec<u8>,
    /// Answers chosen no more.
    pub removed: Vec<u8>,
}

/// Where a poll is.
pub type PollPlace = (ChannelId, MessageId);

/// Someone's choice: all answers that they choose; none takes their vote back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vote {
    /// Whose.
    pub user: UserId,
    /// Which answers.
    pub answers: Vec<u8>,
}
