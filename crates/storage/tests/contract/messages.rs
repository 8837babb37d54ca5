//! Messages: stored once, found by page, whatever bucket they fell into.

use std::sync::Arc;

use model::id::MessageId;
use model::wire::id::Id;
use state::record::MessageRecord;
use state::repo::Inserted;
use state::repo::Page;
use state::repo::RepoError;
use storage::Repos;
use tokio::task::JoinSet;

use crate::fixtures::BEN;
use crate::fixtures::CAI;
use crate::fixtures::NOON;
use crate::fixtures::OTHER_TEXT;
use crate::fixtures::TEXT;
use crate::fixtures::message;
use crate::fixtures::message_id;
use crate::fixtures::now;

const DAY: u64 = 24 * 60 * 60 * 1_000;

/// Ten messages, four days apart: they fall into several buckets. Returns their ids, oldest first.
async fn forty_days(repos: &Repos) -> Vec<MessageId> {
    let ids: Vec<_> = (0..10).map(|n| message_id(NOON + n * 4 * DAY, n)).collect();
    for id in &ids {
        repos.messages.insert(&message(*id)).await.expect("inserted");
    }
    ids
}

async fn page(repos: &Repos, page: Page, limit: u16) -> Vec<MessageId> {
    let found = repos.messages.page(TEXT, page, limit).await.expect("a page");
    found.iter().map(|message| message.id).collect()
}

fn newest_first(ids: &[MessageId]) -> Vec<MessageId> {
    ids.iter().rev().copied().collect()
}

pub(crate) async fn a_message_comes_back_as_it_was(repos: &Repos) {
    let full = MessageRecord {
        content: "Grüße \u{1f44b} \"quoted\" \0 end".to_owned(),
        edited_at: Some(now()),
        components: vec![serde_json::json!({"type": 1, "components": []})],
        mentions: vec![BEN, CAI],
        mention_roles: vec![Id::new(3)],
        mention_everyone: true,
        tts: true,
        flags: 1 << 12,
        nonce: Some("n".to_owned()),
        ..message(message_id(NOON, 0))
    };

    let inserted = repos.messages.insert(&full).await.expect("inserted");

    assert_eq!(inserted, Inserted::New);
    assert_eq!(repos.messages.message(TEXT, full.id).await.expect("read"), Some(full.clone()));
    assert_eq!(repos.messages.message(OTHER_TEXT, full.id).await.expect("read"), None);
}

pub(crate) async fn a_message_is_stored_once(repos: &Repos) {
    let first = message(message_id(NOON, 0));
    repos.messages.insert(&first).await.expect("inserted");

    let again =
        repos.messages.insert(&MessageRecord { content: "x".into(), ..first.clone() }).await;

    assert!(matches!(again, Err(RepoError::Exists)), "{again:?}");
    assert_eq!(repos.messages.message(TEXT, first.id).await.expect("read"), Some(first));
}

fn with_nonce(at: u64, sequence: u64) -> MessageRecord {
    MessageRecord { nonce: Some("retry".to_owned()), ..message(message_id(at, sequence)) }
}

pub(crate) async fn a_nonce_makes_a_retry_idempotent(repos: &Repos) {
    let first = with_nonce(NOON, 0);
    repos.messages.insert(&first).await.expect("inserted");

    let retry = repos.messages.insert(&with_nonce(NOON + 299_999, 1)).await.expect("inserted");

    assert_eq!(retry, Inserted::Earlier(Box::new(first.clone())));
    assert_eq!(page(repos, Page::Latest, 10).await, [first.id]);
}

pub(crate) async fn a_nonce_is_the_authors_own_and_the_channels_own(repos: &Repos) {
    repos.messages.insert(&with_nonce(NOON, 0)).await.expect("inserted");

    let of_ben = MessageRecord { author: BEN, ..with_nonce(NOON, 1) };
    let elsewhere = MessageRecord { channel: OTHER_TEXT, ..with_nonce(NOON, 2) };

    assert_eq!(repos.messages.insert(&of_ben).await.expect("inserted"), Inserted::New);
    assert_eq!(repos.messages.insert(&elsewhere).await.expect("inserted"), Inserted::New);
}

pub(crate) async fn a_nonce_is_forgotten_after_five_minutes(repos: &Repos) {
    repos.messages.insert(&with_nonce(NOON, 0)).await.expect("inserted");

    let late = repos.messages.insert(&with_nonce(NOON + 300_000, 1)).await.expect("inserted");

    assert_eq!(late, Inserted::New);
    let retry = repos.messages.insert(&with_nonce(NOON + 300_001, 2)).await.expect("inserted");
    assert_eq!(retry, Inserted::Earlier(Box::new(with_nonce(NOON + 300_000, 1))));
}

pub(crate) async fn of_racing_retries_one_is_new(repos: &Repos) {
    let tries: JoinSet<_> = (0..50)
        .map(|n| {
            let messages = Arc::clone(&repos.messages);
            async move { messages.insert(&with_nonce(NOON, n)).await }
        })
        .collect();
    let mut new = 0;
    for one in tries.join_all().await {
        match one.expect("inserted") {
            Inserted::New => new += 1,
            Inserted::Earlier(earlier) => assert_eq!(earlier.nonce.as_deref(), Some("retry")),
        }
    }

    assert_eq!(new, 1);
    assert_eq!(page(repos, Page::Latest, 100).await.len(), 1);
}

pub(crate) async fn an_edit_replaces_and_needs_the_message(repos: &Repos) {
    let first = message(message_id(NOON, 0));
    repos.messages.insert(&first).await.expect("inserted");
    let edited = MessageRecord { content: "edited".into(), edited_at: Some(now()), ..first };

    repos.messages.update(&edited).await.expect("updated");
    let gone = repos.messages.update(&message(message_id(NOON, 1))).await;

    assert!(matches!(gone, Err(RepoError::NotFound)), "{gone:?}");
    assert_eq!(repos.messages.message(TEXT, edited.id).await.expect("read"), Some(edited));
    assert_eq!(page(repos, Page::Latest, 10).await.len(), 1);
}

pub(crate) async fn removing_tells_what_was_there(repos: &Repos) {
    let ids = forty_days(repos).await;
    let asked = [ids[3], message_id(NOON, 999), ids[0]];

    let removed = repos.messages.remove(TEXT, &asked).await.expect("removed");
    let elsewhere = repos.messages.remove(OTHER_TEXT, &[ids[5]]).await.expect("removed");
    let again = repos.messages.remove(TEXT, &asked).await.expect("removed");

    assert_eq!(removed, [ids[3], ids[0]]);
    assert!(elsewhere.is_empty() && again.is_empty());
    assert_eq!(page(repos, Page::Latest, 100).await.len(), 8);
}

pub(crate) async fn latest_page_is_newest_first_across_buckets(repos: &Repos) {
    let ids = forty_days(repos).await;

    assert_eq!(page(repos, Page::Latest, 7).await, newest_first(&ids[3..]));
    assert_eq!(page(repos, Page::Latest, 100).await, newest_first(&ids));
    assert!(page(repos, Page::Latest, 0).await.is_empty());
    assert!(repos.messages.page(OTHER_TEXT, Page::Latest, 9).await.expect("a page").is_empty());
}

pub(crate) async fn before_and_after_exclude_the_message_they_name(repos: &Repos) {
    let ids = forty_days(repos).await;

    assert_eq!(page(repos, Page::Before(ids[6]), 4).await, newest_first(&ids[2..6]));
    assert!(page(repos, Page::Before(ids[0]), 4).await.is_empty());
    assert_eq!(page(repos, Page::After(ids[6]), 100).await, newest_first(&ids[7..]));
    assert!(page(repos, Page::After(ids[9]), 4).await.is_empty());
    let between = message_id(NOON + 5 * DAY, 0);
    assert_eq!(page(repos, Page::Before(between), 100).await, newest_first(&ids[..2]));
    assert_eq!(page(repos, Page::After(between), 100).await, newest_first(&ids[2..]));
}

pub(crate) async fn after_chooses_the_oldest_of_the_newer(repos: &Repos) {
    let ids = forty_days(repos).await;

    assert_eq!(page(repos, Page::After(ids[1]), 3).await, newest_first(&ids[2..5]));
}

pub(crate) async fn around_holds_both_sides_and_the_message_itself(repos: &Repos) {
    let ids = forty_days(repos).await;

    assert_eq!(page(repos, Page::Around(ids[5]), 5).await, newest_first(&ids[3..8]));
    assert_eq!(page(repos, Page::Around(ids[5]), 4).await, newest_first(&ids[4..8]));
    assert_eq!(page(repos, Page::Around(ids[9]), 4).await, newest_first(&ids[8..]));
    assert_eq!(page(repos, Page::Around(ids[5]), 1).await, [ids[5]]);
}

pub(crate) async fn pages_of_impossible_ids_are_answered(repos: &Repos) {
    let ids = forty_days(repos).await;
    let (least, most) = (Id::new(1), Id::new(u64::MAX));

    assert_eq!(page(repos, Page::Before(most), 100).await, newest_first(&ids));
    assert_eq!(page(repos, Page::After(least), 100).await, newest_first(&ids));
    assert!(page(repos, Page::After(most), 100).await.is_empty());
    assert!(page(repos, Page::Before(least), 100).await.is_empty());
    assert_eq!(repos.messages.message(TEXT, most).await.expect("read"), None);
}

pub(crate) async fn pins_are_newest_first_and_end_with_the_message(repos: &Repos) {
    let ids = forty_days(repos).await;
    for n in [2, 8, 5] {
        let pinned = MessageRecord { pinned: true, ..message(ids[n]) };
        repos.messages.update(&pinned).await.expect("pinned");
    }
    let pins = async || {
        let pins = repos.messages.pins(TEXT).await.expect("pins");
        pins.iter().map(|message| message.id).collect::<Vec<_>>()
    };
    assert_eq!(pins().await, [ids[8], ids[5], ids[2]]);

    repos.messages.update(&message(ids[5])).await.expect("unpinned");
    repos.messages.remove(TEXT, &[ids[8]]).await.expect("removed");

    assert_eq!(pins().await, [ids[2]]);
    assert!(repos.messages.pins(OTHER_TEXT).await.expect("pins").is_empty());
}

pub(crate) async fn latest_names_the_newest_of_each_channel(repos: &Repos) {
    let ids = forty_days(repos).await;
    let other = MessageRecord { channel: OTHER_TEXT, ..message(message_id(NOON, 77)) };
    repos.messages.insert(&other).await.expect("inserted");

    let asked = [TEXT, Id::new(4), OTHER_TEXT];
    let mut latest = repos.messages.latest(&asked).await.expect("latest");

    latest.sort();
    assert_eq!(latest, [(TEXT, ids[9]), (OTHER_TEXT, other.id)]);
}
