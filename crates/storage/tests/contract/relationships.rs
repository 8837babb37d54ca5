//! What two people are to each other: both sides, at once.

use std::sync::Arc;

use model::error_code::ErrorCode;
use model::id::UserId;
use model::limits;
use model::wire::id::Id;
use state::relationship::Bond;
use state::relationship::Outcome;
use state::relationship::Wish;
use state::repo::RepoError;
use storage::Repos;
use tokio::task::JoinSet;

use crate::fixtures::ANA;
use crate::fixtures::BEN;
use crate::fixtures::CAI;
use crate::fixtures::NOON;

async fn wish(repos: &Repos, from: UserId, to: UserId, wish: Wish) -> Outcome {
    repos.relationships.change([from, to], wish, NOON).await.expect("carried out")
}

async fn bonds(repos: &Repos, one: UserId, other: UserId) -> [Option<Bond>; 2] {
    repos.relationships.between([one, other]).await.expect("read")
}

pub(crate) async fn a_request_is_accepted_and_a_friendship_ends_for_both(repos: &Repos) {
    wish(repos, ANA, BEN, Wish::Befriend).await;
    assert_eq!(bonds(repos, ANA, BEN).await, [Some(Bond::Outgoing), Some(Bond::Incoming)]);
    let accepted = wish(repos, BEN, ANA, Wish::Befriend).await;
    let Outcome::Changed { before, after } = accepted else { panic!("{accepted:?}") };
    assert_eq!(before[0].as_ref().map(|one| one.bond), Some(Bond::Incoming));
    assert_eq!(after.map(|one| one.map(|one| one.bond)), [Some(Bond::Friend); 2]);
    wish(repos, ANA, CAI, Wish::Befriend).await;

    let all = repos.relationships.of_user(ANA).await.expect("read");
    let shown: Vec<_> = all.iter().map(|one| (one.other, one.bond, one.since_ms)).collect();
    assert_eq!(shown, [(BEN, Bond::Friend, NOON), (CAI, Bond::Outgoing, NOON)]);

    wish(repos, BEN, ANA, Wish::Part).await;
    assert_eq!(bonds(repos, ANA, BEN).await, [None, None]);
    assert_eq!(repos.relationships.of_user(BEN).await.expect("read"), []);
}

pub(crate) async fn a_block_is_ones_own_and_stands_in_the_way(repos: &Repos) {
    wish(repos, ANA, BEN, Wish::Befriend).await;
    wish(repos, BEN, ANA, Wish::Block).await;
    assert_eq!(bonds(repos, ANA, BEN).await, [None, Some(Bond::Blocked)]);
    let again = wish(repos, ANA, BEN, Wish::Befriend).await;
    assert_eq!(again, Outcome::Refused(ErrorCode::FriendRequestBlocked));
    wish(repos, ANA, BEN, Wish::Part).await;
    assert_eq!(bonds(repos, ANA, BEN).await, [None, Some(Bond::Blocked)]);
    wish(repos, BEN, ANA, Wish::Part).await;
    assert_eq!(bonds(repos, ANA, BEN).await, [None, None]);
}

pub(crate) async fn a_friend_is_called_what_one_likes(repos: &Repos) {
    let name = Some("Captain".to_owned());
    let stranger = repos.relationships.rename([ANA, BEN], name.clone()).await;
    assert!(matches!(stranger, Err(RepoError::NotFound)), "{stranger:?}");
    wish(repos, ANA, BEN, Wish::Befriend).await;
    wish(repos, BEN, ANA, Wish::Befriend).await;

    let renamed = repos.relationships.rename([ANA, BEN], name.clone()).await.expect("renamed");

    assert_eq!(renamed.nickname, name);
    assert_eq!(repos.relationships.of_user(ANA).await.expect("read"), [renamed]);
    assert_eq!(repos.relationships.of_user(BEN).await.expect("read")[0].nickname, None);
}

pub(crate) async fn nobody_has_too_many_friends(repos: &Repos) {
    let crowd = 1_000_000..1_000_000 + limits::FRIENDS as u64;
    let asking: JoinSet<_> = crowd
        .map(|other| {
            let relationships = Arc::clone(&repos.relationships);
            async move { relationships.change([Id::new(other), ANA], Wish::Befriend, NOON).await }
        })
        .collect();
    for asked in asking.join_all().await {
        asked.expect("carried out");
    }

    let more = wish(repos, BEN, ANA, Wish::Befriend).await;

    assert_eq!(more, Outcome::Refused(ErrorCode::MaximumFriends));
    assert_eq!(bonds(repos, ANA, BEN).await, [None, None]);
    let accepted = wish(repos, ANA, Id::new(1_000_000), Wish::Befriend).await;
    assert!(matches!(accepted, Outcome::Changed { .. }), "{accepted:?}");
    wish(repos, ANA, BEN, Wish::Block).await;
    assert_eq!(bonds(repos, ANA, BEN).await, [Some(Bond::Blocked), None]);
}

pub(crate) async fn of_two_who_ask_each_other_at_once_both_are_friends(repos: &Repos) {
    let asked = |pair: [UserId; 2]| {
        let relationships = Arc::clone(&repos.relationships);
        async move { relationships.change(pair, Wish::Befriend, NOON).await }
    };

    let (one, other) = tokio::join!(asked([ANA, BEN]), asked([BEN, ANA]));

    one.expect("carried out");
    other.expect("carried out");
    assert_eq!(bonds(repos, ANA, BEN).await, [Some(Bond::Friend); 2]);
}
