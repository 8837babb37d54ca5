//! Private channels: one for each pair.

use std::sync::Arc;

use model::error_code::ErrorCode;
use model::wire::id::Id;
use state::group::Group;
use state::group::GroupChange;
use state::group::GroupOutcome;
use state::record::PrivateChannel;
use state::repo::RepoError;
use storage::Repos;
use tokio::task::JoinSet;

use crate::fixtures::ANA;
use crate::fixtures::BEN;
use crate::fixtures::CAI;
use crate::fixtures::NOON;
use crate::fixtures::message;
use crate::fixtures::message_id;

pub(crate) async fn a_pair_has_one_channel_whoever_opens_it(repos: &Repos) {
    let first = repos.privates.open(Id::new(10), [BEN, ANA]).await.expect("opened");
    let second = repos.privates.open(Id::new(11), [ANA, BEN]).await.expect("opened");
    let other = repos.privates.open(Id::new(12), [CAI, BEN]).await.expect("opened");

    assert_eq!(first.id, Id::new(10));
    assert_eq!(second, first);
    let mut people = first.recipients.clone();
    people.sort();
    assert_eq!(people, [ANA, BEN]);
    assert_eq!(repos.privates.channel(Id::new(10)).await.expect("read"), Some(first.clone()));
    assert_eq!(repos.privates.channel(Id::new(11)).await.expect("read"), None);
    assert_eq!(repos.privates.of_user(BEN).await.expect("read"), [first.clone(), other]);
    assert_eq!(repos.privates.of_user(ANA).await.expect("read"), [first]);
}

pub(crate) async fn racing_openers_get_the_same_channel(repos: &Repos) {
    let tries: JoinSet<_> = (1..=20_u64)
        .map(|n| {
            let privates = Arc::clone(&repos.privates);
            let pair = if n % 2 == 0 { [ANA, BEN] } else { [BEN, ANA] };
            async move { privates.open(Id::new(n), pair).await }
        })
        .collect();
    let mut ids = Vec::new();
    for one in tries.join_all().await {
        ids.push(one.expect("opened").id);
    }

    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(repos.privates.of_user(ANA).await.expect("read").len(), 1);
}

pub(crate) async fn a_private_channel_knows_its_newest_message(repos: &Repos) {
    let channel = repos.privates.open(Id::new(10), [ANA, BEN]).await.expect("opened");
    assert_eq!(channel.last_message, None);
    for at in [NOON + 5, NOON] {
        let mut said = message(message_id(at, 0));
        (said.channel, said.guild) = (channel.id, None);
        repos.messages.insert(&said).await.expect("said");
    }

    let newest = Some(message_id(NOON + 5, 0));

    let again = repos.privates.open(Id::new(11), [ANA, BEN]).await.expect("opened");
    assert_eq!(again.last_message, newest);
    let read = repos.privates.channel(channel.id).await.expect("read").expect("there");
    assert_eq!(read.last_message, newest);
    assert_eq!(repos.privates.of_user(BEN).await.expect("read")[0].last_message, newest);
}

fn group(id: u64) -> PrivateChannel {
    let group = Group { owner: ANA, name: None, icon: None, version: 0 };
    PrivateChannel {
        id: Id::new(id),
        recipients: vec![ANA, CAI, BEN],
        last_message: None,
        group: Some(group),
    }
}

pub(crate) async fn a_group_is_found_by_its_people_and_changes(repos: &Repos) {
    let pair = repos.privates.open(Id::new(30), [ANA, BEN]).await.expect("opened");
    repos.privates.create_group(&group(20)).await.expect("created");
    let again = repos.privates.create_group(&group(20)).await;
    assert!(matches!(again, Err(RepoError::Exists)), "{again:?}");
    assert_eq!(repos.privates.of_user(BEN).await.expect("read"), [group(20), pair]);

    let named =
        GroupChange::Update { name: Some(Some("Crew".to_owned())), icon: None, owner: None };
    for change in [named, GroupChange::Remove(BEN)] {
        repos.privates.change_group(Id::new(20), &change).await.expect("changed");
    }

    let read = repos.privates.channel(Id::new(20)).await.expect("read").expect("there");
    assert_eq!(read.recipients, [ANA, CAI]);
    let group = read.group.expect("a group");
    assert_eq!((group.name.as_deref(), group.version), (Some("Crew"), 2));
    assert_eq!(repos.privates.of_user(BEN).await.expect("read").len(), 1);
    let refused = repos.privates.change_group(Id::new(20), &GroupChange::Remove(BEN)).await;
    assert_eq!(refused.expect("read"), GroupOutcome::Refused(ErrorCode::UnknownUser));
    let unknown = repos.privates.change_group(Id::new(99), &GroupChange::Remove(BEN)).await;
    assert!(matches!(unknown, Err(RepoError::NotFound)), "{unknown:?}");
}

pub(crate) async fn an_empty_group_is_gone_with_what_was_said(repos: &Repos) {
    repos.privates.create_group(&group(20)).await.expect("created");
    let mut said = message(message_id(NOON, 0));
    (said.channel, said.guild) = (Id::new(20), None);
    repos.messages.insert(&said).await.expect("said");
    let read = repos.privates.channel(Id::new(20)).await.expect("read").expect("there");
    assert_eq!(read.last_message, Some(said.id));

    for user in [ANA, BEN, CAI] {
        let change = GroupChange::Remove(user);
        repos.privates.change_group(Id::new(20), &change).await.expect("changed");
    }

    assert_eq!(repos.privates.channel(Id::new(20)).await.expect("read"), None);
    assert_eq!(repos.privates.of_user(CAI).await.expect("read"), []);
}
