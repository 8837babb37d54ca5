//! Emojis of applications and role connections: kept apart by application, gone with it.

use model::wire::id::Id;
use state::apps::RoleConnection;
use state::record::EmojiRecord;
use state::repo::RepoError;
use storage::Repos;

use crate::fixtures::ANA;
use crate::fixtures::BEN;

fn emoji(id: u64, name: &str) -> EmojiRecord {
    EmojiRecord {
        id: Id::new(id),
        name: name.to_owned(),
        roles: Vec::new(),
        user: ANA,
        animated: id == 9,
    }
}

pub(crate) async fn an_applications_emojis_have_names_of_their_own(repos: &Repos) {
    let (dicer, other) = (Id::new(77), Id::new(78));
    for one in [emoji(9, "ale"), emoji(8, "beer")] {
        repos.apps.put_emoji(dicer, &one).await.expect("stored");
    }
    repos.apps.put_emoji(other, &emoji(7, "ale")).await.expect("another's name is free");

    let taken = repos.apps.put_emoji(dicer, &emoji(6, "ale")).await;
    assert!(matches!(taken, Err(RepoError::Exists)), "{taken:?}");
    repos.apps.put_emoji(dicer, &emoji(8, "stout")).await.expect("renamed");
    let own = repos.apps.emojis(dicer).await.expect("listed");
    assert_eq!(own, [emoji(8, "stout"), emoji(9, "ale")]);
    let found = repos.apps.emoji(Id::new(7)).await.expect("read");
    assert_eq!(found, Some((other, emoji(7, "ale"))));

    let others = repos.apps.remove_emoji(dicer, Id::new(7)).await;
    assert!(matches!(others, Err(RepoError::NotFound)), "{others:?}");
    repos.apps.remove_emoji(dicer, Id::new(9)).await.expect("removed");
    assert_eq!(repos.apps.emoji(Id::new(9)).await.expect("read"), None);
}

pub(crate) async fn what_an_application_keeps_ends_with_it(repos: &Repos) {
    let (dicer, other) = (Id::new(77), Id::new(78));
    let connection = RoleConnection {
        platform_name: Some("Ledger".to_owned()),
        platform_username: None,
        metadata: [("debts".to_owned(), "3".to_owned())].into(),
    };
    repos.apps.put_role_connection(dicer, ANA, &connection).await.expect("stored");
    repos.apps.put_role_connection(dicer, BEN, &RoleConnection::default()).await.expect("stored");
    repos.apps.put_role_connection(other, ANA, &RoleConnection::default()).await.expect("stored");
    repos.apps.put_emoji(dicer, &emoji(9, "ale")).await.expect("stored");

    let found = repos.apps.role_connection(dicer, ANA).await.expect("read");
    assert_eq!(found, Some(connection));
    repos.apps.remove_role_connection(dicer, BEN).await.expect("removed");
    assert_eq!(repos.apps.role_connection(dicer, BEN).await.expect("read"), None);

    repos.apps.remove_all(dicer).await.expect("removed");
    assert_eq!(repos.apps.role_connection(dicer, ANA).await.expect("read"), None);
    assert_eq!(repos.apps.emojis(dicer).await.expect("listed"), []);
    assert!(repos.apps.role_connection(other, ANA).await.expect("read").is_some());
}
