//! OAuth2 grants: secrets are spent once, and what is shown twice ends all of its grant.

use model::wire::id::Id;
use state::oauth::GrantRecord;
use state::oauth::SecretKind;
use state::oauth::SecretRecord;
use state::repo::RepoError;
use storage::Repos;

use crate::fixtures::ANA;
use crate::fixtures::BEN;
use crate::fixtures::NOON;

const HOUR: u64 = 60 * 60 * 1_000;

fn grant(id: u64) -> GrantRecord {
    GrantRecord {
        id: Id::new(id),
        application: Id::new(77),
        user: ANA,
        scopes: vec!["identify".to_owned(), "guilds".to_owned()],
        redirect_uri: Some("https://app.example/back".to_owned()),
        challenge: Some("a challenge".to_owned()),
        guild: Some(Id::new(5)),
        created_ms: NOON,
        until_ms: NOON + HOUR,
    }
}

fn secret(grant: u64, number: u8, kind: SecretKind) -> SecretRecord {
    SecretRecord {
        hash: [number; 32],
        grant: Id::new(grant),
        kind,
        made_ms: NOON + u64::from(number),
        expires_ms: NOON + HOUR,
    }
}

pub(crate) async fn a_grant_is_found_by_its_secrets_until_it_is_removed(repos: &Repos) {
    let code = secret(9, 1, SecretKind::Code);
    repos.grants.create(&grant(9), std::slice::from_ref(&code)).await.expect("created");

    let found = repos.grants.secret(&[1; 32]).await.expect("read");

    assert_eq!(found, Some((code, grant(9))));
    assert_eq!(repos.grants.secret(&[2; 32]).await.expect("read"), None);
    assert_eq!(repos.grants.of_user(ANA).await.expect("listed"), [grant(9)]);
    assert_eq!(repos.grants.of_user(BEN).await.expect("listed"), []);
    repos.grants.remove(Id::new(9)).await.expect("removed");
    assert_eq!(repos.grants.secret(&[1; 32]).await.expect("read"), None);
}

pub(crate) async fn a_secret_that_is_shown_twice_ends_all_of_its_grant(repos: &Repos) {
    repos.grants.create(&grant(8), &[secret(8, 8, SecretKind::Access)]).await.expect("created");
    repos.grants.create(&grant(9), &[secret(9, 1, SecretKind::Code)]).await.expect("created");
    let later = SecretRecord { expires_ms: NOON + 9 * HOUR, ..secret(9, 3, SecretKind::Refresh) };
    let new = [secret(9, 2, SecretKind::Access), later.clone()];

    let first = repos.grants.exchange(&[1; 32], &new).await.expect("exchanged");
    let (found, whole) = repos.grants.secret(&[3; 32]).await.expect("read").expect("is there");
    let again = repos.grants.exchange(&[1; 32], &[secret(9, 4, SecretKind::Access)]).await;

    assert!(first);
    assert_eq!((found, whole.until_ms), (later, NOON + 9 * HOUR));
    assert!(!again.expect("told"));
    for gone in 1..=4 {
        assert_eq!(repos.grants.secret(&[gone; 32]).await.expect("read"), None, "{gone}");
    }
    assert!(repos.grants.secret(&[8; 32]).await.expect("read").is_some(), "another's is spared");
    let unknown = repos.grants.exchange(&[7; 32], &[]).await;
    assert!(matches!(unknown, Err(RepoError::NotFound)), "{unknown:?}");
}

pub(crate) async fn of_many_who_show_a_secret_one_at_most_gets_tokens(repos: &Repos) {
    repos.grants.create(&grant(9), &[secret(9, 1, SecretKind::Code)]).await.expect("created");
    let mut tries = tokio::task::JoinSet::new();
    for number in 10..20 {
        let grants = repos.grants.clone();
        let new = [secret(9, number, SecretKind::Access)];
        tries.spawn(async move { grants.exchange(&[1; 32], &new).await });
    }

    let outcomes = tries.join_all().await;

    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Ok(true))).count(), 1);
    for number in 10..20 {
        assert_eq!(repos.grants.secret(&[number; 32]).await.expect("read"), None);
    }
}

pub(crate) async fn grants_end_after_their_time_and_with_their_application(repos: &Repos) {
    repos.grants.create(&grant(9), &[secret(9, 1, SecretKind::Access)]).await.expect("created");
    let of_ben = GrantRecord { user: BEN, until_ms: NOON + 9 * HOUR, ..grant(10) };
    repos.grants.create(&of_ben, &[secret(10, 2, SecretKind::Access)]).await.expect("created");
    assert_eq!(repos.grants.people(Id::new(77), NOON).await.expect("counted"), 2);
    assert_eq!(repos.grants.people(Id::new(77), NOON + HOUR).await.expect("counted"), 1);

    let later = GrantRecord {
        application: Id::new(78),
        created_ms: NOON + HOUR,
        until_ms: NOON + 9 * HOUR,
        ..grant(11)
    };
    repos.grants.create(&later, &[secret(11, 3, SecretKind::Access)]).await.expect("created");
    assert_eq!(repos.grants.secret(&[1; 32]).await.expect("read"), None);
    assert!(repos.grants.secret(&[2; 32]).await.expect("read").is_some());

    repos.grants.remove_all(Id::new(77), Some(ANA)).await.expect("removed");
    assert!(repos.grants.secret(&[2; 32]).await.expect("read").is_some());
    repos.grants.remove_all(Id::new(77), None).await.expect("removed");
    assert_eq!(repos.grants.secret(&[2; 32]).await.expect("read"), None);
    assert!(repos.grants.secret(&[3; 32]).await.expect("read").is_some());
}

pub(crate) async fn grants_of_one_person_and_their_secrets_are_bounded(repos: &Repos) {
    let most = u64::try_from(model::limits::GRANTS).expect("few");
    for id in 1..=most + 1 {
        repos.grants.create(&grant(id), &[]).await.expect("created");
    }
    let kept = repos.grants.of_user(ANA).await.expect("listed");
    assert_eq!((kept.len() as u64, kept[0].id), (most, Id::new(2)));

    let last = most + 1;
    let first = secret(last, 0, SecretKind::Refresh);
    repos
        .grants
        .create(&grant(last + 1), &[SecretRecord { grant: Id::new(last + 1), ..first }])
        .await
        .expect("created");
    for number in 0..100 {
        let next = secret(last + 1, number + 1, SecretKind::Refresh);
        assert!(repos.grants.exchange(&[number; 32], &[next]).await.expect("exchanged"));
    }
    assert_eq!(repos.grants.secret(&[0; 32]).await.expect("read"), None);
    assert!(repos.grants.secret(&[99; 32]).await.expect("read").is_some());
    assert!(repos.grants.secret(&[100; 32]).await.expect("read").is_some());
}
