//! Reactions: counted, ordered, mine or not.

use model::id::MessageId;
use model::wire::id::Id;
use state::record::ReactionCount;
use state::record::ReactionEmoji;
use state::repo::RepoError;
use storage::Repos;

use crate::fixtures::ANA;
use crate::fixtures::BEN;
use crate::fixtures::CAI;
use crate::fixtures::NOON;
use crate::fixtures::TEXT;
use crate::fixtures::emoji;
use crate::fixtures::message;
use crate::fixtures::message_id;

async fn said(repos: &Repos, sequence: u64) -> MessageId {
    let said = message(message_id(NOON, sequence));
    repos.messages.insert(&said).await.expect("inserted");
    said.id
}

async fn give(repos: &Repos, id: MessageId, user: model::id::UserId, name: &str) {
    let given = repos.messages.react(TEXT, id, user, &emoji(name)).await.expect("given");
    assert!(given, "{name} was given already");
}

fn count(name: &str, count: u32, me: bool) -> ReactionCount {
    ReactionCount { emoji: emoji(name), count, me }
}

pub(crate) async fn a_reaction_is_given_once_and_taken_once(repos: &Repos) {
    let id = said(repos, 0).await;

    give(repos, id, ANA, "👍").await;
    let again = repos.messages.react(TEXT, id, ANA, &emoji("👍")).await.expect("given");
    let taken = repos.messages.unreact(TEXT, id, ANA, &emoji("👍")).await.expect("taken");
    let none = repos.messages.unreact(TEXT, id, ANA, &emoji("👍")).await.expect("taken");

    assert!(!again && taken && !none);
    assert!(repos.messages.reactions(TEXT, &[id], ANA).await.expect("counts").is_empty());
}

pub(crate) async fn a_reaction_needs_a_message(repos: &Repos) {
    let missing = message_id(NOON, 5);
    said(repos, 0).await;

    let given = repos.messages.react(TEXT, missing, ANA, &emoji("👍")).await;

    assert!(matches!(given, Err(RepoError::NotFound)), "{given:?}");
    let taken = repos.messages.unreact(TEXT, missing, ANA, &emoji("👍")).await;
    assert!(matches!(taken, Ok(false)), "{taken:?}");
}

pub(crate) async fn counts_come_in_order_of_first_giving_and_know_me(repos: &Repos) {
    let (first, silent, second) =
        (said(repos, 0).await, said(repos, 1).await, said(repos, 2).await);
    give(repos, first, BEN, "z").await;
    give(repos, first, BEN, "a").await;
    give(repos, first, ANA, "a").await;
    give(repos, first, CAI, "m").await;
    give(repos, second, CAI, "a").await;

    let counts = repos.messages.reactions(TEXT, &[second, silent, first], ANA).await;

    let expected = [
        (second, vec![count("a", 1, false)]),
        (first, vec![count("z", 1, false), count("a", 2, true), count("m", 1, false)]),
    ];
    assert_eq!(counts.expect("counts"), expected);
}

pub(crate) async fn an_emoji_keeps_its_place_when_its_first_giver_takes_it_back(repos: &Repos) {
    let id = said(repos, 0).await;
    give(repos, id, ANA, "first").await;
    give(repos, id, BEN, "second").await;
    give(repos, id, CAI, "first").await;

    repos.messages.unreact(TEXT, id, ANA, &emoji("first")).await.expect("taken");

    let counts = repos.messages.reactions(TEXT, &[id], CAI).await.expect("counts");
    assert_eq!(counts, [(id, vec![count("first", 1, true), count("second", 1, false)])]);

    repos.messages.unreact(TEXT, id, CAI, &emoji("first")).await.expect("taken");
    give(repos, id, CAI, "first").await;

    let counts = repos.messages.reactions(TEXT, &[id], ANA).await.expect("counts");
    assert_eq!(counts, [(id, vec![count("second", 1, false), count("first", 1, false)])]);
}

pub(crate) async fn clearing_spares_other_emoji_and_other_messages(repos: &Repos) {
    let (id, other) = (said(repos, 0).await, said(repos, 1).await);
    for name in ["a", "b", "c"] {
        give(repos, id, ANA, name).await;
        give(repos, other, ANA, name).await;
    }

    repos.messages.clear_reactions(TEXT, id, Some(&emoji("b"))).await.expect("cleared");

    let counts = repos.messages.reactions(TEXT, &[id], ANA).await.expect("counts");
    assert_eq!(counts, [(id, vec![count("a", 1, true), count("c", 1, true)])]);

    repos.messages.clear_reactions(TEXT, id, None).await.expect("cleared");

    let counts = repos.messages.reactions(TEXT, &[id, other], ANA).await.expect("counts");
    assert_eq!(counts.len(), 1);
    assert_eq!(counts[0].1.len(), 3);
}

pub(crate) async fn a_custom_emoji_is_not_its_name(repos: &Repos) {
    let id = said(repos, 0).await;
    let custom = ReactionEmoji { id: Some(Id::new(44)), name: "a".to_owned() };
    give(repos, id, ANA, "a").await;

    assert!(repos.messages.react(TEXT, id, ANA, &custom).await.expect("given"));

    let counts = repos.messages.reactions(TEXT, &[id], BEN).await.expect("counts");
    let of_custom = ReactionCount { emoji: custom, count: 1, me: false };
    assert_eq!(counts, [(id, vec![count("a", 1, false), of_custom])]);
}

pub(crate) async fn a_removed_message_has_no_reactions(repos: &Repos) {
    let id = said(repos, 0).await;
    give(repos, id, ANA, "a").await;

    repos.messages.remove(TEXT, &[id]).await.expect("removed");

    assert!(repos.messages.reactions(TEXT, &[id], ANA).await.expect("counts").is_empty());
    let late = repos.messages.react(TEXT, id, BEN, &emoji("a")).await;
    assert!(matches!(late, Err(RepoError::NotFound)), "{late:?}");
}

pub(crate) async fn reactors_are_paged_by_id(repos: &Repos) {
    let id = said(repos, 0).await;
    for user in [CAI, ANA, BEN] {
        give(repos, id, user, "a").await;
    }
    give(repos, id, ANA, "b").await;
    let a = emoji("a");

    let first = repos.messages.reactors(TEXT, id, &a, None, 2).await.expect("reactors");
    let rest = repos.messages.reactors(TEXT, id, &a, Some(BEN), 2).await.expect("reactors");

    assert_eq!(first, [ANA, BEN]);
    assert_eq!(rest, [CAI]);
    let none = repos.messages.reactors(TEXT, id, &emoji("x"), None, 2).await.expect("reactors");
    assert!(none.is_empty());
}

pub(crate) async fn who_gave_what_comes_at_once_unless_it_is_too_much(repos: &Repos) {
    let (first, silent, second) =
        (said(repos, 0).await, said(repos, 1).await, said(repos, 2).await);
    for (message, user, name) in
        [(first, BEN, "z"), (first, BEN, "a"), (first, ANA, "a"), (second, CAI, "a")]
    {
        give(repos, message, user, name).await;
    }
    let ids = [second, silent, first];

    let given = repos.messages.given(TEXT, &ids, 4).await.expect("given").expect("few");

    let mut of_first = given[1].1.clone();
    of_first.iter_mut().for_each(|(_, users)| users.sort_unstable());
    assert_eq!((given.len(), given[1].0), (2, first));
    assert_eq!(given[0], (second, vec![(emoji("a"), vec![CAI])]));
    assert_eq!(of_first, [(emoji("z"), vec![BEN]), (emoji("a"), vec![ANA, BEN])]);
    assert_eq!(repos.messages.given(TEXT, &ids, 3).await.expect("given"), None);
}
