//! Searching messages: found as soon as they are stored, by all that they are.

use model::id::MessageId;
use model::wire::channel::Attachment;
use model::wire::id::Id;
use serde_json::json;
use state::record::MessageRecord;
use state::search::Contents;
use state::search::Order;
use state::search::SearchQuery;
use state::search::terms;
use storage::Repos;

use crate::fixtures::ANA;
use crate::fixtures::BEN;
use crate::fixtures::CAI;
use crate::fixtures::NOON;
use crate::fixtures::OTHER_TEXT;
use crate::fixtures::TEXT;
use crate::fixtures::message;
use crate::fixtures::message_id;

const NOTHING: [MessageId; 0] = [];

async fn say(repos: &Repos, sequence: u64, change: impl FnOnce(&mut MessageRecord)) -> MessageId {
    let mut message = message(message_id(NOON, sequence));
    message.content = "nothing".to_owned();
    change(&mut message);
    repos.messages.insert(&message).await.expect("stored");
    message.id
}

fn of(change: impl FnOnce(&mut SearchQuery)) -> SearchQuery {
    let mut query = SearchQuery { channels: vec![TEXT], limit: 25, ..SearchQuery::default() };
    change(&mut query);
    query
}

async fn found(repos: &Repos, query: SearchQuery) -> Vec<MessageId> {
    let found = repos.search.search(&query).await.expect("searched");
    found.messages.iter().map(|message| message.id).collect()
}

async fn words(repos: &Repos, typed: &str) -> Vec<MessageId> {
    found(repos, of(|query| query.terms = terms(typed))).await
}

fn text(content: &str) -> impl FnOnce(&mut MessageRecord) {
    let content = content.to_owned();
    move |message| message.content = content
}

pub(crate) async fn words_are_found_by_their_beginnings_and_phrases_whole(repos: &Repos) {
    let rye = say(repos, 1, text("Rye bread, dark and warm")).await;
    let wheat = say(repos, 2, text("dark wheat; BREAD")).await;

    assert_eq!(words(repos, "bread").await, [wheat, rye]);
    assert_eq!(words(repos, "brea dar").await, [wheat, rye]);
    assert_eq!(words(repos, "rye bread").await, [rye]);
    assert_eq!(words(repos, "\"bread dark\"").await, [rye]);
    assert_eq!(words(repos, "\"dark bread\"").await, NOTHING);
    assert_eq!(words(repos, "read").await, NOTHING);
    // What would be an operator of a query language is only words.
    assert_eq!(words(repos, "content : rye OR NOT * ^ ( wheat").await, NOTHING);
}

pub(crate) async fn an_edit_is_found_and_what_it_replaced_is_not(repos: &Repos) {
    let id = say(repos, 1, text("rye")).await;
    let mut edited = repos.messages.message(TEXT, id).await.expect("found").expect("there");
    edited.content = "wheat".to_owned();

    repos.messages.update(&edited).await.expect("updated");
    assert_eq!(words(repos, "rye").await, NOTHING);
    assert_eq!(words(repos, "wheat").await, [id]);

    repos.messages.remove(TEXT, &[id]).await.expect("removed");
    assert_eq!(words(repos, "wheat").await, NOTHING);
    assert_eq!(found(repos, of(|_| {})).await, NOTHING);
}

pub(crate) async fn people_roles_and_everyone_are_found(repos: &Repos) {
    let by_ben = say(repos, 1, |message| message.author = BEN).await;
    let cai = say(repos, 2, |message| message.mentions = vec![CAI]).await;
    let role = say(repos, 3, |message| message.mention_roles = vec![Id::new(77)]).await;
    let all = say(repos, 4, |message| message.mention_everyone = true).await;
    // A number in a text is no mention.
    say(repos, 5, text(&format!("u{CAI}"))).await;

    assert_eq!(found(repos, of(|query| query.authors = vec![BEN, CAI])).await, [by_ben]);
    assert_eq!(found(repos, of(|query| query.mentions = vec![CAI, ANA])).await, [cai]);
    assert_eq!(found(repos, of(|query| query.mention_roles = vec![Id::new(77)])).await, [role]);
    assert_eq!(found(repos, of(|query| query.mention_everyone = Some(true))).await, [all]);
    assert_eq!(found(repos, of(|query| query.mention_everyone = Some(false))).await.len(), 4);
}

pub(crate) async fn what_messages_have_is_found(repos: &Repos) {
    let file = |kind: &str| -> Attachment {
        serde_json::from_value(json!({
            "id": "1", "filename": "f", "size": 1, "url": "/f", "proxy_url": "/f",
            "content_type": kind,
        }))
        .expect("an attachment")
    };
    let link = say(repos, 1, text("see HTTPS://example.org")).await;
    let image = say(repos, 2, |message| message.attachments = vec![file("image/png")]).await;
    let sound = say(repos, 3, |message| message.attachments = vec![file("audio/ogg")]).await;
    let pinned = say(repos, 4, |message| message.pinned = true).await;
    let has = async |has: Contents| found(repos, of(|query| query.has = has)).await;

    assert_eq!(has(Contents::LINK).await, [link]);
    assert_eq!(has(Contents::FILE).await, [sound, image]);
    assert_eq!(has(Contents::IMAGE).await, [image]);
    assert_eq!(has(Contents::SOUND.and(Contents::FILE)).await, [sound]);
    assert_eq!(has(Contents::POLL).await, NOTHING);
    assert_eq!(found(repos, of(|query| query.has_not = Contents::FILE)).await, [pinned, link]);
    assert_eq!(found(repos, of(|query| query.pinned = Some(true))).await, [pinned]);
    // SQL and Rust see the same in every message.
    for id in [link, image, sound, pinned] {
        let message = repos.messages.message(TEXT, id).await.expect("found").expect("there");
        let exactly = Contents::of(&message);
        let query = of(|query| (query.has, query.has_not) = (exactly, Contents(!exactly.0)));
        assert!(found(repos, query).await.contains(&id));
    }
}

pub(crate) async fn results_are_ordered_paged_and_counted(repos: &Repos) {
    let mut ids = Vec::new();
    for sequence in 1..=5 {
        ids.push(say(repos, sequence, text("rye")).await);
    }
    say(repos, 6, |message| (message.content, message.kind) = ("rye".to_owned(), 18)).await;
    let page = |change: fn(&mut SearchQuery)| {
        of(|query| {
            query.terms = terms("rye");
            change(query);
        })
    };

    let newest = repos.search.search(&page(|query| (query.offset, query.limit) = (1, 2))).await;
    let newest = newest.expect("searched");
    let shown: Vec<_> = newest.messages.iter().map(|message| message.id).collect();
    assert_eq!((newest.total, shown), (5, vec![ids[3], ids[2]]));
    assert_eq!(found(repos, page(|query| query.order = Order::Oldest)).await, ids);
    assert_eq!(found(repos, page(|query| query.order = Order::Relevance)).await.len(), 5);
    let mut between = page(|_| {});
    (between.min, between.max) = (Some(ids[0]), Some(ids[3]));
    assert_eq!(found(repos, between).await, [ids[2], ids[1]]);
}

pub(crate) async fn only_the_channels_asked_for_are_searched(repos: &Repos) {
    let here = say(repos, 1, text("rye")).await;
    let there = say(repos, 2, |message| {
        (message.channel, message.content) = (OTHER_TEXT, "rye".to_owned());
    })
    .await;

    assert_eq!(words(repos, "rye").await, [here]);
    let both = of(|query| query.channels = vec![TEXT, OTHER_TEXT]);
    assert_eq!(found(repos, both).await, [there, here]);
    assert_eq!(found(repos, of(|query| query.channels = Vec::new())).await, NOTHING);
}
