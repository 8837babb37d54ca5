//! What someone searches messages for, parsed. Pure.

use model::id::ChannelId;
use model::id::MessageId;
use model::id::RoleId;
use model::id::UserId;

use crate::record::MessageRecord;

/// Everything that a message must be to be found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SearchQuery {
    /// In one of these channels; whoever searches may read them all.
    pub channels: Vec<ChannelId>,
    /// All of these are in its text.
    pub terms: Vec<Term>,
    /// By one of these people; by anyone when there are none.
    pub authors: Vec<UserId>,
    /// Mentions one of these people; anyone when there are none.
    pub mentions: Vec<UserId>,
    /// Mentions one of these roles; any when there are none.
    pub mention_roles: Vec<RoleId>,
    /// Mentions everyone, or does not.
    pub mention_everyone: Option<bool>,
    /// Has all of these.
    pub has: Contents,
    /// Has none of these.
    pub has_not: Contents,
    /// Newer than that.
    pub min: Option<MessageId>,
    /// Older than that.
    pub max: Option<MessageId>,
    /// Is pinned, or is not.
    pub pinned: Option<bool>,
    /// In which order.
    pub order: Order,
    /// So many are passed over.
    pub offset: u32,
    /// At most so many.
    pub limit: u32,
}

/// In which order messages are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Newest first.
    #[default]
    Newest,
    /// Oldest first.
    Oldest,
    /// Those that the terms fit best first.
    Relevance,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found {
    /// How many there are, counted up to [`MOST`].
    pub total: u32,
    /// Those of this page, in order.
    pub messages: Vec<MessageRecord>,
}

/// How far results are counted.
pub const MOST: u32 = 10_000;

/// What is looked for in a text. Words are letters and digits, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// A word that begins so.
    Beginning(String),
    /// These words, one after the other.
    Phrase(Vec<String>),
}

/// The terms of what someone typed: each word as a beginning, what stands in quotes as a phrase.
#[must_use]
pub fn terms(typed: &str) -> Vec<Term> {
    let mut terms = Vec::new();
    for (number, part) in typed.split('"').enumerate() {
        // A quote that is not closed quotes nothing.
        let quoted = number % 2 == 1 && typed.matches('"').count() > number;
        if quoted {
            let phrase = words(part);
            if !phrase.is_empty() {
                terms.push(Term::Phrase(phrase));
            }
        } else {
            terms.extend(words(part).into_iter().map(Term::Beginning));
        }
    }
    terms.truncate(TERMS);
    terms
}

/// The words of a text.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// Terms of one search; more would cost more than they find.
const TERMS: usize = 32;

/// Kinds of what messages have, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Contents(pub u8);

impl Contents {
    /// An address of the web.
    pub const LINK: Self = Self(1);
    /// An embed.
    pub const EMBED: Self = Self(1 << 1);
    /// A file.
    pub const FILE: Self = Self(1 << 2);
    /// A picture among its files.
    pub const IMAGE: Self = Self(1 << 3);
    /// A video among its files.
    pub const VIDEO: Self = Self(1 << 4);
    /// Sound among its files.
    pub const SOUND: Self = Self(1 << 5);
    /// A poll.
    pub const POLL: Self = Self(1 << 6);
    /// A forwarded message.
    pub const SNAPSHOT: Self = Self(1 << 7);

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What a message has. SQLite's triggers say the same in SQL.
    #[must_use]
    pub fn of(message: &MessageRecord) -> Self {
        let file = |kind: &str| {
            let mut types = message.attachments.iter().filter_map(|f| f.content_type.as_deref());
            types.any(|found| found.starts_with(kind))
        };
        let content = message.content.to_ascii_lowercase();
        let link = content.contains("http://") || content.contains("https://");
        let having = [
            (Self::LINK, link),
            (Self::EMBED, !message.embeds.is_empty()),
            (Self::FILE, !message.attachments.is_empty()),
            (Self::IMAGE, file("image/")),
            (Self::VIDEO, file("video/")),
            (Self::SOUND, file("audio/")),
            (Self::POLL, message.poll.is_some()),
            (Self::SNAPSHOT, !message.snapshots.is_empty()),
        ];
        let had = having.into_iter().filter(|(_, has)| *has);
        had.fold(Self::default(), |sum, (bit, _)| sum.and(bit))
    }
}

/// Whether a message of that type is searched: what someone or an application said.
#[must_use]
pub const fn is_searched(kind: u8) -> bool {
    matches!(kind, 0 | 19 | 20 | 23)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_beginnings_and_quotes_are_phrases() {
        let beginning = |word: &str| Term::Beginning(word.to_owned());

        let found = terms("Rye  \"dark BREAD!\" o'clock");
        let phrase = Term::Phrase(vec!["dark".to_owned(), "bread".to_owned()]);
        assert_eq!(found, [beginning("rye"), phrase, beginning("o"), beginning("clock")]);
        assert_eq!(terms("say \"cheese"), [beginning("say"), beginning("cheese")]);
        assert_eq!(terms("!? \"\" * NEAR( -"), [beginning("near")]);
        assert_eq!(terms(&"word ".repeat(100)).len(), TERMS);
    }
}
