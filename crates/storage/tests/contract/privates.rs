//! Private channels: one for each pair.

use std::sync::Arc;

use model::wire::id::Id;
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
