//! A poll in a request, checked (Discord: Poll Create Request Object). Pure.

use model::id::EmojiId;
use model::limits;
use serde::Deserialize;
use state::poll::PollAnswer;
use state::poll::PollRecord;
use state::record::ReactionEmoji;

use crate::rest::error::FormErrors;

/// A poll that a client asks for.
#[derive(Deserialize, Debug, Clone)]
pub(in crate::rest) struct PollDraft {
    question: Media,
    #[serde(default)]
    answers: Vec<Answer>,
    /// Hours. discord.py sends them with a fraction, as `1.0`.
    duration: Option<f64>,
    allow_multiselect: Option<bool>,
    layout_type: Option<u8>,
}

#[derive(Deserialize, Debug, Clone)]
struct Answer {
    poll_media: Media,
}

#[derive(Deserialize, Debug, Clone)]
struct Media {
    text: Option<String>,
    emoji: Option<Emoji>,
}

#[derive(Deserialize, Debug, Clone)]
struct Emoji {
    id: Option<EmojiId>,
    name: Option<String>,
}

impl PollDraft {
    /// Tells what is wrong with it.
    pub(in crate::rest) fn check(&self, errors: &mut FormErrors) {
        let question = self.question.text.as_deref().unwrap_or_default();
        if question.trim().is_empty() {
            errors.push("poll.question.text", "BASE_TYPE_REQUIRED", "This field is required");
        }
        length("poll.question.text", question, limits::POLL_QUESTION, errors);
        if !(1..=limits::POLL_ANSWERS).contains(&self.answers.len()) {
            let message = format!("Must be between 1 and {} in length.", limits::POLL_ANSWERS);
            errors.push("poll.answers", "BASE_TYPE_BAD_LENGTH", message);
        }
        for (number, answer) in self.answers.iter().enumerate() {
            let path = format!("poll.answers.{number}.poll_media");
            let text = answer.poll_media.text.as_deref().unwrap_or_default();
            length(&format!("{path}.text"), text, limits::POLL_ANSWER, errors);
            let emoji = answer.poll_media.emoji.as_ref().and_then(Emoji::record);
            if text.trim().is_empty() && emoji.is_none() {
                errors.push(&path, "BASE_TYPE_REQUIRED", "An answer has a text or an emoji.");
            }
        }
        if let Some(hours) = self.duration
            && !(1.0..=f64::from(*limits::POLL_HOURS.end())).contains(&hours)
        {
            let message = "int value should be between 1 and 768.";
            errors.push("poll.duration", "NUMBER_TYPE_RANGE", message);
        }
        if self.layout_type.is_some_and(|layout| layout != 1) {
            errors.push("poll.layout_type", "BASE_TYPE_CHOICES", "Value must be one of (1,).");
        }
    }

    /// The poll, if it passed its [check](Self::check), begun at `now_ms`.
    pub(in crate::rest) fn begin(self, now_ms: u64) -> PollRecord {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between one hour and 32 days"
        )]
        let length_ms = (self.duration.unwrap_or(DEFAULT_HOURS) * 3_600_000.0) as u64;
        let answers = (1..).zip(self.answers).map(|(id, answer)| PollAnswer {
            id,
            text: answer.poll_media.text.filter(|text| !text.is_empty()),
            emoji: answer.poll_media.emoji.as_ref().and_then(Emoji::record),
        });
        PollRecord {
            question: self.question.text.unwrap_or_default(),
            answers: answers.collect(),
            multiselect: self.allow_multiselect.unwrap_or_default(),
            ends_ms: now_ms.saturating_add(length_ms),
            results: None,
        }
    }
}

impl Emoji {
    fn record(&self) -> Option<ReactionEmoji> {
        let name = self.name.clone().unwrap_or_default();
        let named = !name.is_empty() && name.chars().count() <= EMOJI_NAME;
        (self.id.is_some() || named).then_some(ReactionEmoji { id: self.id, name })
    }
}

fn length(path: &str, text: &str, most: usize, errors: &mut FormErrors) {
    if text.chars().count() > most {
        errors.push(path, "BASE_TYPE_MAX_LENGTH", format!("Must be {most} or fewer in length."));
    }
}

/// How long a poll is open that does not say (Discord: Poll Create Request Object).
const DEFAULT_HOURS: f64 = 24.0;
/// Longest emoji, in characters: families of people are long.
const EMOJI_NAME: usize = 32;

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use serde_json::json;

    use super::*;

    fn faults(poll: Value) -> Value {
        let mut errors = FormErrors::default();
        serde_json::from_value::<PollDraft>(poll).unwrap().check(&mut errors);
        errors.tree()
    }

    fn poll(changes: Value) -> Value {
        let mut poll = json!({
            "question": { "text": "q" }, "answers": [{ "poll_media": { "text": "a" } }],
        });
        for (key, value) in changes.as_object().unwrap() {
            poll[key] = value.clone();
        }
        poll
    }

    #[test]
    fn a_poll_at_every_limit_passes_and_beyond_it_does_not() {
        let answer = |text: &str| json!({ "poll_media": { "text": text } });
        for good in [
            json!({}),
            json!({ "question": { "text": "é".repeat(300) }, "duration": 768 }),
            json!({ "duration": 1.0 }),
            json!({ "answers": vec![answer(&"é".repeat(55)); 10], "duration": 1 }),
            json!({ "answers": [{ "poll_media": { "emoji": { "name": "🍺" } } }] }),
        ] {
            assert_eq!(faults(poll(good.clone())), json!({}), "{good}");
        }
        for (bad, path) in [
            (json!({ "question": { "text": "é".repeat(301) } }), "/question/text"),
            (json!({ "question": { "text": " " } }), "/question/text"),
            (json!({ "answers": [] }), "/answers"),
            (json!({ "answers": vec![answer("a"); 11] }), "/answers"),
            (json!({ "answers": [answer(&"é".repeat(56))] }), "/answers/0/poll_media/text"),
            (json!({ "answers": [answer("")] }), "/answers/0/poll_media"),
            (json!({ "duration": 0 }), "/duration"),
            (json!({ "duration": 769 }), "/duration"),
            (json!({ "layout_type": 2 }), "/layout_type"),
        ] {
            let tree = faults(poll(bad.clone()));
            let errors = tree.pointer(&format!("/poll{path}/_errors"));
            assert!(errors.is_some_and(Value::is_array), "{bad}: {tree}");
        }
    }
}
