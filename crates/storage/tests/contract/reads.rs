//! How far people have read, what mentions they missed, and of what they are notified.

use model::id::ChannelId;
use model::id::MessageId;
use model::id::RoleId;
use model::wire::id::Id;
use state::read::Ack;
use state::read::Counted;
use state::read::Notifications;
use state::read::Resource;
use state::read::Unread;
use state::record::MessageRecord;
use storage::Repos;

use crate::fixtures::ANA;
use crate::fixtures::BEN;
use crate::fixtures::CAI;
use crate::fixtures::GUILD;
use crate::fixtures::NOON;
use crate::fixtures::OTHER_TEXT;
use crate::fixtures::TEXT;
use crate::fixtures::message;
use crate::fixtures::message_id;

const SCRIBES: RoleId = Id::new(77);

fn said(nth: u64) -> MessageId {
    message_id(NOON + nth, 0)
}

pub(crate) async fn reading_goes_forward_and_is_each_ones_own(repos: &Repos) {
    let reads = &repos.reads;
    reads.acknowledge(ANA, &[Ack::read(TEXT, said(5))]).await.expect("stored");
    reads.acknowledge(ANA, &[Ack::read(TEXT, said(3))]).await.expect("stored");
    let seen = Ack { flags: Some(1), last_viewed: Some(4_000), ..Ack::read(OTHER_TEXT, said(1)) };
    let home = Resource { kind: 3, id: GUILD.get() };
    reads.acknowledge(ANA, &[seen, Ack::of(home, 9)]).await.expect("stored");
    reads.acknowledge(BEN, &[Ack::read(TEXT, said(1))]).await.expect("stored");

    let ana = reads.of_user(ANA).await.expect("read");
    let of: Vec<_> = ana.iter().map(|state| (state.of, state.last)).collect();
    let channel = Resource::channel;
    let expected =
        [(channel(TEXT), said(5).get()), (channel(OTHER_TEXT), said(1).get()), (home, 9)];
    assert_eq!(of, expected);
    assert_eq!((ana[1].flags, ana[1].last_viewed), (1, Some(4_000)));

    let back = Ack { back: true, ..Ack::read(TEXT, said(2)) };
    reads.acknowledge(ANA, &[back]).await.expect("stored");
    assert_eq!(reads.of_user(ANA).await.expect("read")[0].last, said(2).get());
    reads.forget(ANA, home).await.expect("forgotten");
    reads.forget(ANA, home).await.expect("forgotten twice");
    assert_eq!(reads.of_user(ANA).await.expect("read").len(), 2);
    assert_eq!(reads.of_user(BEN).await.expect("read")[0].last, said(1).get());
}

async fn say(repos: &Repos, nth: u64, change: impl FnOnce(&mut MessageRecord)) {
    let mut message = message(said(nth));
    change(&mut message);
    repos.messages.insert(&message).await.expect("said");
}

fn asked(channel: ChannelId, after: u64, counted: Counted) -> Unread {
    Unread { channel, after, counted }
}

fn mentions(everyone: bool, roles: Vec<RoleId>) -> Counted {
    Counted::Mentions { everyone, roles }
}

pub(crate) async fn mentions_are_counted_from_where_one_stopped(repos: &Repos) {
    say(repos, 1, |said| said.mentions = vec![BEN]).await;
    say(repos, 2, |said| said.mentions = vec![BEN, CAI]).await;
    say(repos, 3, |said| {
        said.mention_everyone = true;
        said.mentions = vec![BEN];
    })
    .await;
    say(repos, 4, |said| said.mention_roles = vec![SCRIBES]).await;
    say(repos, 5, |said| {
        said.author = BEN;
        said.mention_everyone = true;
    })
    .await;
    say(repos, 6, |_| {}).await;
    let count = async |after: u64, counted: Counted| {
        let unread = [asked(TEXT, after, counted)];
        let found = repos.reads.count(BEN, &unread).await.expect("counted");
        found.first().map_or(0, |(_, count)| *count)
    };

    assert_eq!(count(0, mentions(true, vec![SCRIBES])).await, 4);
    assert_eq!(count(said(1).get(), mentions(true, vec![SCRIBES])).await, 3);
    assert_eq!(count(said(3).get(), mentions(true, vec![])).await, 0);
    assert_eq!(count(0, mentions(false, vec![])).await, 3);
    assert_eq!(count(0, Counted::Everything).await, 5);
    let cai = repos.reads.count(CAI, &[asked(TEXT, 0, mentions(true, vec![]))]).await;
    assert_eq!(cai.expect("counted"), [(TEXT, 3)]);

    let mut edited = message(said(2));
    edited.mentions = vec![CAI];
    repos.messages.update(&edited).await.expect("edited");
    assert_eq!(count(0, mentions(false, vec![])).await, 2);
    repos.messages.remove(TEXT, &[said(1)]).await.expect("deleted");
    assert_eq!(count(0, mentions(false, vec![])).await, 1);
}

pub(crate) async fn notifications_are_replaced_and_end_with_their_guild(repos: &Repos) {
    let guild = crate::fixtures::guild();
    repos.guilds.create(&guild).await.expect("founded");
    let quiet = Notifications { muted: true, version: 5, ..Notifications::default() };
    let mentions = Notifications { message_notifications: 1, ..Notifications::default() };
    repos.reads.put_notifications(ANA, Some(GUILD), &mentions).await.expect("stored");
    repos.reads.put_notifications(ANA, Some(GUILD), &quiet).await.expect("replaced");
    repos.reads.put_notifications(ANA, None, &mentions).await.expect("stored");

    let stored = repos.reads.notifications(ANA).await.expect("read");
    assert_eq!(stored, [(None, mentions.clone()), (Some(GUILD), quiet)]);
    assert_eq!(repos.reads.notifications(BEN).await.expect("read"), []);

    let changes = vec![state::Change::DeleteGuild];
    let plan = state::Plan { guild: GUILD, version: guild.version, changes };
    repos.guilds.commit(&plan).await.expect("deleted");
    assert_eq!(repos.reads.notifications(ANA).await.expect("read"), [(None, mentions)]);
}

pub(crate) async fn a_guild_knows_the_newest_message_of_each_channel(repos: &Repos) {
    repos.guilds.create(&crate::fixtures::guild()).await.expect("founded");
    say(repos, 2, |_| {}).await;
    say(repos, 1, |_| {}).await;

    let loaded = repos.guilds.load().await.expect("loaded");

    assert_eq!(loaded[0].newest.iter().collect::<Vec<_>>(), [(&TEXT, &said(2))]);
}
