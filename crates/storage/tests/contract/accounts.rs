//! Accounts, tokens, applications.

use std::sync::Arc;

use model::wire::id::Id;
use state::record::ApplicationRecord;
use state::record::TokenRecord;
use state::repo::RepoError;
use storage::Repos;
use tokio::task::JoinSet;

use crate::fixtures::ANA;
use crate::fixtures::BEN;
use crate::fixtures::CAI;
use crate::fixtures::NOON;
use crate::fixtures::account;

pub(crate) async fn an_account_comes_back_by_id_and_by_name_in_any_case(repos: &Repos) {
    let ana = account(ANA, "Änä");

    repos.accounts.create(&ana).await.expect("created");

    assert!(repos.accounts.account(ANA).await.expect("read") == Some(ana.clone()));
    assert!(repos.accounts.by_username("äNÄ").await.expect("read") == Some(ana));
    assert!(repos.accounts.by_username("ana").await.expect("read").is_none());
    assert!(repos.accounts.account(BEN).await.expect("read").is_none());
}

pub(crate) async fn a_username_is_taken_once_whatever_its_case(repos: &Repos) {
    repos.accounts.create(&account(ANA, "ana")).await.expect("created");

    let same_name = repos.accounts.create(&account(BEN, "ANA")).await;
    let same_id = repos.accounts.create(&account(ANA, "ben")).await;

    assert!(matches!(same_name, Err(RepoError::Exists)), "{same_name:?}");
    assert!(matches!(same_id, Err(RepoError::Exists)), "{same_id:?}");
}

pub(crate) async fn an_update_replaces_the_account_but_not_anothers_name(repos: &Repos) {
    repos.accounts.create(&account(ANA, "ana")).await.expect("created");
    repos.accounts.create(&account(BEN, "ben")).await.expect("created");
    let mut changed = account(BEN, "Ben");
    (changed.password, changed.owner, changed.disabled) = (None, true, true);
    changed.user.avatar = Some("a_0123456789abcdef0123456789abcdef".to_owned());

    repos.accounts.update(&changed).await.expect("updated");
    let stolen = repos.accounts.update(&account(BEN, "Ana")).await;
    let unknown = repos.accounts.update(&account(CAI, "cai")).await;

    assert!(repos.accounts.account(BEN).await.expect("read") == Some(changed));
    assert!(matches!(stolen, Err(RepoError::Exists)), "{stolen:?}");
    assert!(matches!(unknown, Err(RepoError::NotFound)), "{unknown:?}");
}

pub(crate) async fn users_leaves_unknown_ids_out(repos: &Repos) {
    repos.accounts.create(&account(ANA, "ana")).await.expect("created");
    repos.accounts.create(&account(BEN, "ben")).await.expect("created");

    let users = repos.accounts.users(&[CAI, BEN, Id::new(u64::MAX)]).await.expect("read");

    assert_eq!(users, [account(BEN, "ben").user]);
    assert!(repos.accounts.users(&[]).await.expect("read").is_empty());
}

pub(crate) async fn accounts_are_listed_oldest_first(repos: &Repos) {
    for (id, name) in [(CAI, "cai"), (ANA, "ana"), (BEN, "ben")] {
        repos.accounts.create(&account(id, name)).await.expect("created");
    }

    let listed = repos.accounts.list().await.expect("listed");

    let ids: Vec<_> = listed.iter().map(|account| account.user.id).collect();
    assert_eq!(ids, [ANA, BEN, CAI]);
}

pub(crate) async fn of_racing_registrations_one_gets_the_name(repos: &Repos) {
    let tries: JoinSet<_> = (1..=20_u64)
        .map(|n| {
            let accounts = Arc::clone(&repos.accounts);
            let name = if n % 2 == 0 { "ana" } else { "ANA" };
            async move { accounts.create(&account(Id::new(n), name)).await }
        })
        .collect();
    let mut created = 0;
    for one in tries.join_all().await {
        match one {
            Ok(()) => created += 1,
            Err(RepoError::Exists) => {}
            Err(error) => panic!("{error}"),
        }
    }

    assert_eq!(created, 1);
    assert_eq!(repos.accounts.list().await.expect("listed").len(), 1);
}

pub(crate) async fn a_token_is_found_until_it_is_revoked(repos: &Repos) {
    let token = TokenRecord { hash: [7; 32], user: ANA, created_ms: 12 };

    repos.accounts.add_token(&token).await.expect("added");
    let again = repos.accounts.add_token(&token).await;

    assert!(matches!(again, Err(RepoError::Exists)), "{again:?}");
    assert_eq!(repos.accounts.token(&[7; 32]).await.expect("read"), Some(token));
    assert_eq!(repos.accounts.token(&[8; 32]).await.expect("read"), None);
    repos.accounts.remove_token(&[7; 32]).await.expect("revoked");
    assert_eq!(repos.accounts.token(&[7; 32]).await.expect("read"), None);
    repos.accounts.remove_token(&[7; 32]).await.expect("revoking again is fine");
}

pub(crate) async fn revoking_all_tokens_of_one_spares_the_others(repos: &Repos) {
    for (first, user) in [(1, ANA), (2, ANA), (3, BEN)] {
        let token = TokenRecord { hash: [first; 32], user, created_ms: 0 };
        repos.accounts.add_token(&token).await.expect("added");
    }

    repos.accounts.remove_tokens(ANA).await.expect("revoked");

    assert_eq!(repos.accounts.token(&[1; 32]).await.expect("read"), None);
    assert_eq!(repos.accounts.token(&[2; 32]).await.expect("read"), None);
    assert!(repos.accounts.token(&[3; 32]).await.expect("read").is_some());
}

pub(crate) async fn applications_are_stored_and_replaced(repos: &Repos) {
    let bot = |name: &str, id| ApplicationRecord {
        description: "rolls dice".to_owned(),
        ..ApplicationRecord::new(Id::new(id), name.to_owned(), Some(ANA), 1 << 18)
    };

    for one in [bot("second", 2), bot("first", 1), bot("renamed", 2)] {
        repos.accounts.put_application(&one).await.expect("stored");
    }

    let found = repos.accounts.application(Id::new(2)).await.expect("read");
    assert_eq!(found, Some(bot("renamed", 2)));
    assert_eq!(repos.accounts.application(Id::new(3)).await.expect("read"), None);
    let all = repos.accounts.applications().await.expect("listed");
    assert_eq!(all, [bot("first", 1), bot("renamed", 2)]);
    repos.accounts.remove_application(Id::new(1)).await.expect("removed");
    let all = repos.accounts.applications().await.expect("listed");
    assert_eq!(all, [bot("renamed", 2)]);
}

pub(crate) async fn who_had_a_session_lately_is_known(repos: &Repos) {
    let day = 24 * 60 * 60 * 1_000;
    for (id, name) in [(ANA, "ana"), (BEN, "ben"), (CAI, "cai")] {
        repos.accounts.create(&account(id, name)).await.expect("created");
    }
    repos.accounts.saw(ANA, NOON).await.expect("noted");
    repos.accounts.saw(BEN, NOON - 10 * day).await.expect("noted");
    repos.accounts.saw(ANA, NOON - 10 * day).await.expect("an older time changes nothing");

    let since = |at: u64| async move {
        let mut seen = repos.accounts.seen_since(&[ANA, BEN, CAI], at).await.expect("read");
        seen.sort_unstable();
        seen
    };

    assert_eq!(since(NOON - day).await, [ANA]);
    assert_eq!(since(NOON - 11 * day).await, [ANA, BEN]);
    assert!(since(NOON + day).await.is_empty());
    let ben = repos.accounts.seen_since(&[BEN], NOON - day).await.expect("read");
    assert!(ben.is_empty());
}
