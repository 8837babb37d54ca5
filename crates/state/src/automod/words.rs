//! Finds keywords and patterns in a text, in time that grows with the text alone.
//!
//! A keyword stands as a whole word, or with `*` at an end inside of one (Discord: Auto
//! Moderation/Keyword Matching Strategies). A word is letters, digits and `_`: Discord speaks of
//! white space, by which a comma would save any word from its rule. What an exception covers
//! triggers nothing. Patterns are Rust's regular expressions, which never run away.
//!
//! HOT: asked for every message that rules judge.

use std::borrow::Cow;
use std::ops::Range;

use aho_corasick::AhoCorasick;
use aho_corasick::AhoCorasickBuilder;
use regex_automata::meta::Regex;

/// A pattern that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadPattern {
    /// Which of the list.
    pub pattern: usize,
    /// Why, for whoever wrote it.
    pub reason: String,
}

/// What triggered a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The keyword or pattern as it is written in the rule.
    pub keyword: String,
    /// What of the text it met.
    pub matched: String,
}

/// A text, ready to be searched by any number of rules.
#[derive(Debug)]
pub struct Text<'a> {
    said: &'a str,
    folded: Cow<'a, str>,
    /// For each byte of `folded` where its character begins in `said`; none for ASCII, where
    /// both are alike.
    origin: Vec<u32>,
}

impl<'a> Text<'a> {
    /// Makes a text ready.
    #[must_use]
    pub fn new(said: &'a str) -> Self {
        if said.is_ascii() {
            return Self { said, folded: Cow::Borrowed(said), origin: Vec::new() };
        }
        let mut folded = String::with_capacity(said.len());
        let mut origin = Vec::with_capacity(said.len() + 1);
        for (at, letter) in said.char_indices() {
            folded.extend(letter.to_lowercase());
            origin.resize(folded.len(), u32::try_from(at).unwrap_or(u32::MAX));
        }
        origin.push(u32::try_from(said.len()).unwrap_or(u32::MAX));
        Self { said, folded: Cow::Owned(folded), origin }
    }

    /// The place in what was said of a place in what is searched; whole characters.
    fn said_at(&self, folded: Range<usize>) -> Range<usize> {
        if self.origin.is_empty() {
            return folded;
        }
        let start = self.origin[folded.start] as usize;
        let last = self.origin[folded.end.saturating_sub(1)] as usize;
        let width = self.said[last..].chars().next().map_or(0, char::len_utf8);
        start..(last + width).max(start)
    }
}

/// Compiled words, patterns and exceptions of one rule.
#[derive(Debug, Clone)]
pub struct Words {
    keywords: Keywords,
    patterns: Option<Regex>,
    sources: Vec<String>,
    allow: Keywords,
}

impl Words {
    /// Compiles lists.
    ///
    /// # Errors
    ///
    /// [`BadPattern`] for the first pattern that is none, or that is too large to be asked of
    /// every message.
    pub fn new<'a>(
        keywords: impl Iterator<Item = &'a str>,
        patterns: &[String],
        allow: &[String],
    ) -> Result<Self, BadPattern> {
        Ok(Self {
            keywords: Keywords::new(keywords),
            patterns: compiled(patterns)?,
            sources: patterns.to_vec(),
            allow: Keywords::new(allow.iter().map(String::as_str)),
        })
    }

    /// The first thing in the text that triggers the rule: keywords before patterns.
    #[must_use]
    pub fn find(&self, text: &Text<'_>) -> Option<Found> {
        let mut allowed = None;
        let mut free = |at: &Range<usize>| {
            let allowed = allowed.get_or_insert_with(|| Covered::by(&self.allow, text));
            !allowed.covers(at)
        };
        let found = self.keywords.each(&text.folded, |keyword, at| {
            let at = text.said_at(at);
            let matched = free(&at).then(|| text.said[at].to_owned())?;
            Some(Found { keyword: keyword.written.clone(), matched })
        });
        if found.is_some() {
            return found;
        }
        let patterns = self.patterns.as_ref()?;
        let finds = patterns.find_iter(text.said).filter(|at| !at.is_empty()).take(PATTERN_FINDS);
        let found = { finds }.find(|at| free(&at.range()))?;
        Some(Found {
            keyword: self.sources.get(found.pattern().as_usize()).cloned().unwrap_or_default(),
            matched: text.said[found.range()].to_owned(),
        })
    }
}

fn compiled(patterns: &[String]) -> Result<Option<Regex>, BadPattern> {
    if patterns.is_empty() {
        return Ok(None);
    }
    let config =
        || Regex::config().nfa_size_limit(Some(PATTERN_BYTES)).hybrid_cache_capacity(PATTERN_CACHE);
    let all = Regex::builder().configure(config()).build_many(patterns);
    all.map(Some).map_err(|error| {
        let one = |pattern: &String| Regex::builder().configure(config()).build(pattern).err();
        let bad = patterns.iter().enumerate().find_map(|(n, one_)| Some((n, one(one_)?)));
        let (pattern, error) = bad.unwrap_or((patterns.len() - 1, error));
        let reason = match error.syntax_error() {
            Some(syntax) => syntax.to_string(),
            None => "The pattern is too large.".to_owned(),
        };
        BadPattern { pattern, reason }
    })
}

/// A keyword and at which of its ends a word may go on.
#[derive(Debug, Clone)]
struct Keyword {
    written: String,
    open_start: bool,
    open_end: bool,
}

#[derive(Debug, Clone, Default)]
struct Keywords {
    search: Option<AhoCorasick>,
    /// By the number of the searched text: those that are written alike but for their ends.
    words: Vec<Vec<Keyword>>,
}

impl Keywords {
    fn new<'a>(written: impl Iterator<Item = &'a str>) -> Self {
        let mut numbers = std::collections::HashMap::new();
        let mut bare: Vec<String> = Vec::new();
        let mut words: Vec<Vec<Keyword>> = Vec::new();
        for written in written {
            let text = fold(self::bare(written));
            if text.is_empty() {
                continue;
            }
            let number = *numbers.entry(text.clone()).or_insert_with(|| {
                bare.push(text);
                words.push(Vec::new());
                words.len() - 1
            });
            let trimmed = written.trim();
            let keyword = Keyword {
                written: written.to_owned(),
                open_start: trimmed.starts_with('*'),
                open_end: trimmed.ends_with('*'),
            };
            let ends = |one: &Keyword| (one.open_start, one.open_end);
            if !words[number].iter().any(|known| ends(known) == ends(&keyword)) {
                words[number].push(keyword);
            }
        }
        let search = (!bare.is_empty())
            .then(|| AhoCorasickBuilder::new().ascii_case_insensitive(true).build(&bare).ok());
        Self { search: search.flatten(), words }
    }

    /// The first result of `wanted` for a keyword that stands in the text, in the order of their
    /// ends.
    fn each<T>(
        &self,
        folded: &str,
        mut wanted: impl FnMut(&Keyword, Range<usize>) -> Option<T>,
    ) -> Option<T> {
        let search = self.search.as_ref()?;
        for at in search.find_overlapping_iter(folded) {
            let (before, after) = (&folded[..at.start()], &folded[at.end()..]);
            let starts = !before.chars().next_back().is_some_and(is_of_word);
            let ends = !after.chars().next().is_some_and(is_of_word);
            for word in self.words.get(at.pattern().as_usize()).into_iter().flatten() {
                if (starts || word.open_start)
                    && (ends || word.open_end)
                    && let Some(found) = wanted(word, at.start()..at.end())
                {
                    return Some(found);
                }
            }
        }
        None
    }
}

/// What exceptions cover of a text: by ascending start, with the farthest end up to there.
struct Covered(Vec<(usize, usize)>);

impl Covered {
    fn by(allow: &Keywords, text: &Text<'_>) -> Self {
        let folded = &*text.folded;
        let mut spans = Vec::new();
        let _: Option<()> = allow.each(folded, |word, at| {
            // An open end takes the rest of its word along.
            let mut at = at;
            if word.open_start {
                let letters = folded[..at.start].chars().rev().take_while(|one| is_of_word(*one));
                at.start -= letters.map(char::len_utf8).sum::<usize>();
            }
            if word.open_end {
                let letters = folded[at.end..].chars().take_while(|one| is_of_word(*one));
                at.end += letters.map(char::len_utf8).sum::<usize>();
            }
            let at = text.said_at(at);
            spans.push((at.start, at.end));
            None
        });
        spans.sort_unstable();
        let mut farthest = 0;
        for span in &mut spans {
            farthest = farthest.max(span.1);
            span.1 = farthest;
        }
        Self(spans)
    }

    fn covers(&self, at: &Range<usize>) -> bool {
        let before = self.0.partition_point(|(start, _)| *start <= at.start);
        before > 0 && self.0[before - 1].1 >= at.end
    }
}

/// A keyword without the signs at its ends; empty when there is nothing else.
#[must_use]
pub fn bare(written: &str) -> &str {
    let text = written.trim();
    let text = text.strip_prefix('*').unwrap_or(text);
    text.strip_suffix('*').unwrap_or(text).trim()
}

fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Bytes that all patterns of a rule may take compiled. A larger one could take milliseconds for
/// each message; `\w` alone takes about 10 KiB.
const PATTERN_BYTES: usize = 128 * 1_024;
/// Bytes of the automaton that patterns make as they go.
const PATTERN_CACHE: usize = 256 * 1_024;
/// How many finds of patterns are held against the exceptions.
const PATTERN_FINDS: usize = 64;
