//! Invites: counted, bounded, raced for.

use std::sync::Arc;

use model::wire::id::Id;
use state::record::InviteRecord;
use state::record::InviteTargets;
use state::repo::RepoError;
use storage::Repos;
use tokio::task::JoinSet;

use crate::fixtures::ANA;
use crate::fixtures::BEN;
use crate::fixtures::GUILD;
use crate::fixtures::NOON;
use crate::fixtures::invite;

pub(crate) async fn an_invite_comes_back_and_can_be_removed_once(repos: &Repos) {
    let stored = InviteRecord { owner: true, temporary: true, ..invite("code") };

    repos.invites.create(&stored).await.expect("created");
    let again = repos.invites.create(&stored).await;

    assert!(matches!(again, Err(RepoError::Exists)), "{again:?}");
    assert_eq!(repos.invites.invite("code").await.expect("read"), Some(stored));
    assert_eq!(repos.invites.invite("CODE").await.expect("read"), None);
    repos.invites.remove("code").await.expect("removed");
    let removed_again = repos.invites.remove("code").await;
    assert!(matches!(removed_again, Err(RepoError::NotFound)), "{removed_again:?}");
    assert_eq!(repos.invites.invite("code").await.expect("read"), None);
}

pub(crate) async fn an_invite_counts_its_uses_up_to_the_last(repos: &Repos) {
    repos.invites.create(&InviteRecord { max_uses: 2, ..invite("two") }).await.expect("created");

    let first = repos.invites.use_once("two", NOON).await.expect("first");
    let second = repos.invites.use_once("two", NOON).await.expect("second");
    let third = repos.invites.use_once("two", NOON).await;

    assert_eq!((first.uses, second.uses), (1, 2));
    assert!(matches!(third, Err(RepoError::NotFound)), "{third:?}");
    assert_eq!(repos.invites.invite("two").await.expect("read").map(|i| i.uses), Some(2));
    let unknown = repos.invites.use_once("none", NOON).await;
    assert!(matches!(unknown, Err(RepoError::NotFound)), "{unknown:?}");
}

pub(crate) async fn an_old_invite_cannot_be_used(repos: &Repos) {
    repos.invites.create(&InviteRecord { max_age: 60, ..invite("old") }).await.expect("created");

    repos.invites.use_once("old", NOON + 59_999).await.expect("just in time");
    let late = repos.invites.use_once("old", NOON + 60_000).await;

    assert!(matches!(late, Err(RepoError::NotFound)), "{late:?}");
}

pub(crate) async fn at_the_last_use_exactly_one_of_many_succeeds(repos: &Repos) {
    let last = InviteRecord { max_uses: 5, uses: 4, ..invite("last") };
    repos.invites.create(&last).await.expect("created");

    let tries: JoinSet<_> = (0..50)
        .map(|_| {
            let invites = Arc::clone(&repos.invites);
            async move { invites.use_once("last", NOON).await }
        })
        .collect();
    let mut used = 0;
    for one in tries.join_all().await {
        match one {
            Ok(invite) => {
                assert_eq!(invite.uses, 5);
                used += 1;
            }
            Err(RepoError::NotFound) => {}
            Err(error) => panic!("{error}"),
        }
    }

    assert_eq!(used, 1);
}

pub(crate) async fn invites_are_listed_by_guild_and_by_instance(repos: &Repos) {
    let instance = InviteRecord { guild: None, channel: None, ..invite("instance") };
    for one in [&invite("b"), &invite("a"), &instance] {
        repos.invites.create(one).await.expect("created");
    }
    let used = repos.invites.use_once("a", NOON).await.expect("used");

    let of_guild = repos.invites.list(Some(GUILD)).await.expect("listed");

    assert_eq!(of_guild, [used, invite("b")]);
    assert_eq!(repos.invites.list(None).await.expect("listed"), [instance]);
}

pub(crate) async fn an_invite_is_for_those_whom_it_names_last(repos: &Repos) {
    let given = InviteRecord { roles: vec![Id::new(9)], ..invite("few") };
    repos.invites.create(&given).await.expect("created");
    assert!(!repos.invites.is_target("few", ANA).await.expect("read"));

    for users in [vec![BEN], vec![BEN, ANA, BEN]] {
        repos.invites.target("few", &users, NOON + 1).await.expect("named");
    }

    let targets = Some(InviteTargets { users: 2, named_ms: NOON + 1 });
    let named = InviteRecord { targets, ..given };
    assert_eq!(repos.invites.invite("few").await.expect("read"), Some(named));
    let mut both = [ANA, BEN];
    both.sort_unstable();
    assert_eq!(repos.invites.targets("few").await.expect("read"), both);
    assert!(repos.invites.is_target("few", BEN).await.expect("read"));
    repos.invites.target("few", &[ANA], NOON + 2).await.expect("named");
    assert!(!repos.invites.is_target("few", BEN).await.expect("read"));
    // Uses go on counting.
    assert_eq!(repos.invites.use_once("few", NOON).await.expect("used").uses, 1);
    repos.invites.target("few", &[ANA], NOON + 3).await.expect("named");
    assert_eq!(repos.invites.invite("few").await.expect("read").map(|invite| invite.uses), Some(1));

    let unknown = repos.invites.target("none", &[ANA], NOON).await;
    assert!(matches!(unknown, Err(RepoError::NotFound)), "{unknown:?}");
    repos.invites.remove("few").await.expect("removed");
    assert!(repos.invites.targets("few").await.expect("read").is_empty());
}
