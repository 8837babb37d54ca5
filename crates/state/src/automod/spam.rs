//! What generic spam and mention raids look like: rules of thumb on a virtual clock, no learning.
//!
//! A text is spam by itself when it is mostly links, invites, or one thing over and over; a member
//! spams who says the same again and again. Milliseconds are those of the Unix epoch.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::hash::Hash as _;
use std::hash::Hasher as _;

use model::id::GuildId;
use model::id::UserId;

/// What of a text is spam by itself, whoever says it: the piece that shows it.
#[must_use]
pub fn sign(text: &str) -> Option<&str> {
    let (mut links, mut invites, mut alike) = (0, 0, 0);
    let mut before = "";
    for word in text.split_whitespace() {
        let link = word.contains("http://") || word.contains("https://");
        let invite = INVITES.iter().any(|form| word.contains(form));
        links += usize::from(link);
        invites += usize::from(invite);
        alike = if word == before { alike + 1 } else { 1 };
        before = word;
        if links > LINKS || invites > INVITES_SAID || alike > WORDS_ALIKE || has_run(word) {
            let end = word.char_indices().nth(SHOWN).map_or(word.len(), |(at, _)| at);
            return Some(&word[..end]);
        }
    }
    None
}

/// Whether one character comes so often in a row that nobody reads it.
fn has_run(word: &str) -> bool {
    if word.len() < LETTERS_ALIKE {
        return false;
    }
    let (mut run, mut before) = (0, None);
    word.chars().any(|letter| {
        run = if Some(letter) == before { run + 1 } else { 1 };
        before = Some(letter);
        run > LETTERS_ALIKE
    })
}

/// What was said lately, as far as spam and raids show in it. Bounded.
#[derive(Debug, Default)]
pub struct Recent {
    said: HashMap<(GuildId, UserId), VecDeque<Said>>,
    raids: HashMap<GuildId, Mentions>,
}

#[derive(Debug, Clone, Copy)]
struct Said {
    at_ms: u64,
    hash: u64,
}

#[derive(Debug, Default)]
struct Mentions {
    /// When, by whom, how many.
    lately: VecDeque<(u64, UserId, usize)>,
    raid_until_ms: u64,
}

impl Recent {
    /// Notes that `user` says `text`; whether they said the same too often lately.
    pub fn repeats(&mut self, guild: GuildId, user: UserId, text: &str, now_ms: u64) -> bool {
        let mut hasher = std::hash::DefaultHasher::new();
        let mut letters = 0_usize;
        for letter in text.chars().filter(|letter| letter.is_alphanumeric()) {
            letter.to_lowercase().for_each(|letter| letter.hash(&mut hasher));
            letters += 1;
        }
        if letters < SHORTEST {
            return false;
        }
        if self.said.len() >= REMEMBERED {
            let fresh = |said: &Said| now_ms.saturating_sub(said.at_ms) < REPEATS_MS;
            self.said.retain(|_, said| said.back().is_some_and(fresh));
            if self.said.len() >= REMEMBERED {
                self.said.clear();
            }
        }
        let hash = hasher.finish();
        let said = self.said.entry((guild, user)).or_default();
        said.retain(|said| now_ms.saturating_sub(said.at_ms) < REPEATS_MS);
        let before = said.iter().filter(|said| said.hash == hash).count();
        if said.len() >= KEPT_EACH {
            said.pop_front();
        }
        said.push_back(Said { at_ms: now_ms, hash });
        before >= REPEATS
    }

    /// Notes that `user` mentions `count` people and roles; whether a mention raid is on. It is
    /// from the moment that several people together mention many within seconds, until nobody
    /// mentioned anyone for some minutes.
    pub fn raided(&mut self, guild: GuildId, user: UserId, count: usize, now_ms: u64) -> bool {
        if count == 0 {
            return false;
        }
        if self.raids.len() >= REMEMBERED {
            self.raids.retain(|_, raid| now_ms < raid.raid_until_ms);
        }
        let raid = self.raids.entry(guild).or_default();
        raid.lately.retain(|(at_ms, ..)| now_ms.saturating_sub(*at_ms) < RAID_MS);
        if raid.lately.len() >= KEPT_RAID {
            raid.lately.pop_front();
        }
        raid.lately.push_back((now_ms, user, count));
        let mut people: Vec<_> = raid.lately.iter().map(|(_, user, _)| *user).collect();
        people.sort_unstable();
        people.dedup();
        let mentions: usize = raid.lately.iter().map(|(.., count)| count).sum();
        let begins = people.len() >= RAIDERS && mentions >= RAID_MENTIONS;
        let on = begins || now_ms < raid.raid_until_ms;
        if on {
            raid.raid_until_ms = now_ms + RAID_CALM_MS;
        }
        on
    }
}

/// Links in one message above which it is spam.
const LINKS: usize = 10;
/// Invites in one message above which it is spam.
const INVITES_SAID: usize = 3;
/// How invites are written.
const INVITES: [&str; 3] = ["discord.gg/", "discord.com/invite/", "/invite/"];
/// The same word in a row, above which it is spam.
const WORDS_ALIKE: usize = 25;
/// The same letter in a row, above which it is spam.
const LETTERS_ALIKE: usize = 200;
/// Characters shown of what shows it.
const SHOWN: usize = 64;
/// How often the same may have been said before within [`REPEATS_MS`].
const REPEATS: usize = 3;
const REPEATS_MS: u64 = 30_000;
/// Letters and digits below which repeating is no spam: "ok", "lol".
const SHORTEST: usize = 5;
/// Members, and guilds, that are remembered at once.
const REMEMBERED: usize = 65_536;
/// Messages of one member that are remembered.
const KEPT_EACH: usize = 16;
/// Messages with mentions of one guild that are remembered.
const KEPT_RAID: usize = 256;
/// People who together make a raid, with at least so many mentions within [`RAID_MS`].
const RAIDERS: usize = 4;
const RAID_MENTIONS: usize = 20;
const RAID_MS: u64 = 15_000;
/// How long without mentions until a raid is over.
const RAID_CALM_MS: u64 = 5 * 60_000;
