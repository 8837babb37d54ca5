//! Our own word lists: short, for what most communities mean, and no substitute for moderators.
//!
//! They are written as keywords are (`*` at an open end). Slurs are kept turned by 13 letters, so
//! that nobody meets them in this file.

use super::rule::Preset;

/// The words of a list.
pub(super) fn of(preset: Preset) -> Vec<String> {
    let (words, turned) = match preset {
        Preset::Profanity => (PROFANITY, false),
        Preset::Sexual => (SEXUAL, false),
        Preset::Slurs => (SLURS, true),
    };
    words.iter().map(|word| if turned { turn(word) } else { (*word).to_owned() }).collect()
}

/// Turns letters by 13 places.
fn turn(word: &str) -> String {
    let letter = |letter: char| match letter {
        'a'..='m' => char::from(letter as u8 + 13),
        'n'..='z' => char::from(letter as u8 - 13),
        other => other,
    };
    word.chars().map(letter).collect()
}

const PROFANITY: &[&str] = &[
    "*fuck*",
    "shit*",
    "bullshit*",
    "asshole*",
    "arsehole*",
    "bitch*",
    "bastard*",
    "wanker*",
    "twat*",
    "prick",
    "pricks",
    "dickhead*",
    "bollocks",
];

const SEXUAL: &[&str] = &[
    "porn*",
    "blowjob*",
    "handjob*",
    "cumshot*",
    "dildo*",
    "gangbang*",
    "masturbat*",
    "hentai",
    "creampie*",
    "milf*",
];

const SLURS: &[&str] =
    &["avttre*", "avttn*", "snttbg*", "xvxr", "xvxrf", "genaal*", "fcvp", "fcvpf", "jrgonpx*"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_is_of_keywords_in_lower_case() {
        for preset in [Preset::Profanity, Preset::Sexual, Preset::Slurs] {
            let words = of(preset);

            assert!(!words.is_empty());
            for word in words {
                let bare = word.trim_matches('*');
                assert!(bare.len() > 2 && bare.bytes().all(|byte| byte.is_ascii_lowercase()));
            }
        }
    }

    #[test]
    fn turning_twice_changes_nothing() {
        assert_eq!(turn(&turn("harbour*")), "harbour*");
        assert_eq!(turn("abc"), "nop");
    }
}
