//! A poll object (Discord: Poll).

use serde_json::Value;
use serde_json::json;
use state::poll::PollCount;
use state::poll::PollRecord;

/// A poll. Its results are final, or `counts` of this moment; they are left out when nobody
/// looked them up (Discord: Poll Results Object).
#[must_use]
pub fn poll(poll: &PollRecord, counts: Option<&[PollCount]>) -> Value {
    let answers: Vec<_> = poll
        .answers
        .iter()
        .map(|answer| {
            let mut media = json!({ "text": answer.text });
            if let Some(emoji) = &answer.emoji {
                media["emoji"] = super::emoji(emoji);
            }
            json!({ "answer_id": answer.id, "poll_media": media })
        })
        .collect();
    let mut value = json!({
        "question": { "text": poll.question },
        "answers": answers,
        "expiry": crate::parts::timestamp(poll.ends_ms),
        "allow_multiselect": poll.multiselect,
        "layout_type": 1,
    });
    if poll.results.is_none() && counts.is_none() {
        return value;
    }
    let mine =
        |answer: u8| counts.into_iter().flatten().any(|count| count.answer == answer && count.me);
    let counted =
        |answer: u8, count: u32| json!({ "id": answer, "count": count, "me_voted": mine(answer) });
    let shown: Vec<_> = match &poll.results {
        Some(results) => std::iter::zip(&poll.answers, results)
            .map(|(answer, count)| counted(answer.id, *count))
            .collect(),
        None => {
            counts.into_iter().flatten().map(|count| counted(count.answer, count.count)).collect()
        }
    };
    value["results"] = json!({ "is_finalized": poll.results.is_some(), "answer_counts": shown });
    value
}
