//! What auto moderation finds in texts: words against a model that reads letter by letter, and what
//! spam and raids look like on a virtual clock.

use model::id::GuildId;
use model::id::UserId;
use proptest::prelude::*;
use state::automod::spam::Recent;
use state::automod::spam::sign;
use state::automod::words::Found;
use state::automod::words::Text;
use state::automod::words::Words;
use state::automod::words::bare;

/// How long a mention raid lasts after the last mention, in milliseconds.
const CALM_MS: u64 = 5 * 60_000;

fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

const GUILD: GuildId = GuildId::new(1);
const ANA: UserId = UserId::new(1);
const BEN: UserId = UserId::new(2);

fn words(keywords: &[&str], patterns: &[&str], allow: &[&str]) -> Words {
    let owned = |list: &[&str]| list.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    Words::new(keywords.iter().copied(), &owned(patterns), &owned(allow)).expect("good patterns")
}

fn matched(words: &Words, text: &str) -> Option<String> {
    words.find(&Text::new(text)).map(|found| found.matched)
}

#[test]
fn ends_say_where_a_word_may_go_on() {
    // A keyword, what it meets, and what it does not.
    let table: [(&str, &[&str], &[&str]); 5] = [
        ("cat", &["cat", "a CAT!", "(cat)", "cat,dog"], &["catch", "copycat", "location", ""]),
        ("cat*", &["catch", "CAtTLE", "the cat"], &["copycat", "location"]),
        ("*cat", &["copyCat", "cat"], &["catch", "location"]),
        ("*cat*", &["location", "cat", "catch"], &["dog", "ca t"]),
        ("the mat", &["on the mat.", "The Mat"], &["the matrix", "breathe mat"]),
    ];

    for (keyword, hits, misses) in table {
        let words = words(&[keyword], &[], &[]);
        for text in hits {
            assert!(matched(&words, text).is_some(), "{keyword} in {text}");
        }
        for text in misses {
            assert_eq!(matched(&words, text), None, "{keyword} in {text}");
        }
    }
}

#[test]
fn what_was_met_is_told_as_it_was_said() {
    let found = words(&["*straße*"], &[], &[]).find(&Text::new("die LangeSTRAßE hier"));

    let expected = Found { keyword: "*straße*".to_owned(), matched: "STRAßE".to_owned() };
    assert_eq!(found, Some(expected));
    // One letter that two become in lower case.
    assert_eq!(matched(&words(&["*i*"], &[], &[]), "xİx"), Some("İ".to_owned()));
}

#[test]
fn what_an_exception_covers_triggers_nothing() {
    let words = words(&["*ana*"], &["b.n"], &["banana", "ban*"]);

    assert_eq!(matched(&words, "a banana"), None);
    assert_eq!(matched(&words, "a ban and bandana"), None, "an open end covers the word");
    assert_eq!(matched(&words, "banana, ana"), Some("ana".to_owned()));
    assert_eq!(matched(&words, "a bun"), Some("bun".to_owned()));
}

#[test]
fn patterns_are_rusts_and_told_by_their_place() {
    let two = words(&[], &["(b|c)at", r"^(?:[0-9]{1,3}\.){3}[0-9]{1,3}$"], &[]);
    let found = two.find(&Text::new("192.0.2.1")).expect("an address");
    assert_eq!(found.keyword, r"^(?:[0-9]{1,3}\.){3}[0-9]{1,3}$");
    assert_eq!(matched(&two, "a Bat"), None, "patterns say themselves whether case counts");

    let bad = |patterns: &[&str]| {
        let patterns: Vec<_> = patterns.iter().map(|one| (*one).to_owned()).collect();
        Words::new(std::iter::empty(), &patterns, &[]).expect_err("a bad pattern").pattern
    };
    assert_eq!(bad(&["a", "(b"]), 1);
    assert_eq!(bad(&["a(?=b)"]), 0, "no looking around");
    assert_eq!(bad(&["a", r"(\w{1000}){1000}"]), 1);
}

#[test]
fn a_pattern_that_would_run_away_elsewhere_does_not() {
    let words = words(&[], &["(a*)*b", "(a|aa)+$", "(.*)(.*)(.*)(.*)(.*)x"], &[]);
    let text = "a".repeat(4_000) + "c";

    assert_eq!(matched(&words, &text), None);
}

/// Whether a keyword stands in a text, letter by letter.
fn stands(keyword: &str, text: &str) -> bool {
    let lower = |text: &str| text.chars().flat_map(char::to_lowercase).collect::<Vec<_>>();
    let (wanted, text) = (lower(bare(keyword)), lower(text));
    if wanted.is_empty() {
        return false;
    }
    (0..text.len()).any(|at| {
        let end = at + wanted.len();
        let starts = at == 0 || !is_of_word(text[at - 1]) || keyword.trim().starts_with('*');
        let ends = end >= text.len() || !is_of_word(text[end]) || keyword.trim().ends_with('*');
        end <= text.len() && text[at..end] == wanted[..] && starts && ends
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn keywords_are_found_where_the_model_finds_them(
        keywords in prop::collection::vec("[*]?[abAß é_.]{1,4}[*]?", 1..6),
        text in "[abABß é_.,\u{130}]{0,24}",
    ) {
        let words = Words::new(keywords.iter().map(String::as_str), &[], &[]).expect("no patterns");

        let found = words.find(&Text::new(&text));

        let expected = keywords.iter().any(|keyword| stands(keyword, &text));
        prop_assert_eq!(found.is_some(), expected, "{:?} in {:?}", keywords, text);
        if let Some(found) = found {
            prop_assert!(keywords.contains(&found.keyword));
            prop_assert!(text.contains(&found.matched));
            prop_assert!(stands(&found.keyword, &text));
        }
    }

    #[test]
    fn any_lists_and_any_text_are_taken(
        keywords in prop::collection::vec("\\PC{0,12}", 0..5),
        allow in prop::collection::vec("\\PC{0,12}", 0..5),
        pattern in "[a-c.*+?|()\\[\\]]{0,8}",
        text in "\\PC{0,60}",
    ) {
        if let Ok(words) = Words::new(keywords.iter().map(String::as_str), &[pattern], &allow) {
            let found = words.find(&Text::new(&text));
            prop_assert!(found.is_none_or(|found| text.contains(&found.matched)));
        }
    }

    #[test]
    fn an_exception_only_takes_away(
        keyword in "[*]?[ab]{1,3}[*]?",
        allow in "[*]?[ab]{1,4}[*]?",
        text in "[ab ]{0,16}",
    ) {
        let strict = words(&[&keyword], &[], &[]);
        let lenient = words(&[&keyword], &[], &[&allow]);

        let (strict, lenient) = (matched(&strict, &text), matched(&lenient, &text));

        prop_assert!(lenient.is_none() || strict.is_some());
        // As long as the exception is not in the text, nothing changes.
        if !stands(&allow, &text) {
            prop_assert_eq!(strict, lenient);
        }
    }
}

#[test]
fn ordinary_talk_is_no_spam() {
    for text in
        ["", "hello", "https://a.example and https://b.example", "ha ha ha ha ha", "aaaaaaargh"]
    {
        assert_eq!(sign(text), None, "{text}");
    }
}

#[test]
fn walls_of_the_same_are_spam() {
    assert_eq!(sign(&"https://a.example/x ".repeat(11)), Some("https://a.example/x"));
    assert_eq!(sign(&"discord.gg/x ".repeat(4)), Some("discord.gg/x"));
    assert_eq!(sign(&"buy ".repeat(26)), Some("buy"));
    assert_eq!(sign(&"é".repeat(201)), Some("é".repeat(64).as_str()));
}

#[test]
fn the_same_again_and_again_is_spam_until_it_is_long_ago() {
    let mut recent = Recent::default();
    for now_ms in [0, 1_000, 2_000] {
        assert!(!recent.repeats(GUILD, ANA, "Buy boats!", now_ms));
    }

    assert!(recent.repeats(GUILD, ANA, "buy BOATS", 3_000));
    assert!(!recent.repeats(GUILD, BEN, "buy boats", 3_000));
    assert!(!recent.repeats(GUILD, ANA, "sell boats", 3_000));
    assert!(!recent.repeats(GUILD, ANA, "buy boats", 40_000));
}

#[test]
fn short_words_may_be_said_often() {
    let mut recent = Recent::default();

    assert!((0..50).all(|now_ms| !recent.repeats(GUILD, ANA, "lol", now_ms)));
}

#[test]
fn many_who_mention_many_are_a_raid_until_it_is_calm() {
    let mut recent = Recent::default();
    for raider in 1..=3 {
        assert!(!recent.raided(GUILD, UserId::new(raider), 6, 1_000));
    }

    assert!(recent.raided(GUILD, UserId::new(4), 6, 2_000));
    assert!(recent.raided(GUILD, UserId::new(9), 1, 60_000), "it goes on");
    assert!(!recent.raided(GUILD, UserId::new(9), 0, 60_000), "who mentions nobody is free");
    assert!(!recent.raided(GUILD, UserId::new(9), 1, 60_000 + CALM_MS));
}

#[test]
fn one_who_mentions_many_is_no_raid() {
    let mut recent = Recent::default();

    assert!((0..50).all(|n| !recent.raided(GUILD, ANA, 10, n * 100)));
}
