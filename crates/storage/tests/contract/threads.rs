//! Threads: their rows, their members, and what is counted in them.

use std::sync::Arc;

use model::id::ChannelId;
use model::id::UserId;
use model::wire::channel::ChannelType;
use model::wire::id::Id;
use state::Change;
use state::Plan;
use state::record::MessageRecord;
use state::thread::Thread;
use state::thread::ThreadMember;
use state::thread::ThreadRecord;
use storage::Repos;

use crate::fixtures::ANA;
use crate::fixtures::BEN;
use crate::fixtures::GUILD;
use crate::fixtures::NOON;
use crate::fixtures::TEXT;
use crate::fixtures::guild;
use crate::fixtures::message_id;

const THREAD: ChannelId = Id::new(6_001);

fn record(id: ChannelId) -> Arc<ThreadRecord> {
    Arc::new(ThreadRecord {
        id,
        parent: TEXT,
        kind: ChannelType::PrivateThread,
        owner: ANA,
        name: "Bread".to_owned(),
        auto_archive_minutes: 1_440,
        rate_limit_per_user: 5,
        archived: true,
        locked: true,
        invitable: true,
        created_ms: NOON,
        archive_ms: NOON + 1,
        flags: 2,
        tags: vec![Id::new(3)],
    })
}

const fn member(user: UserId) -> ThreadMember {
    ThreadMember { user, joined_ms: NOON, flags: 1 }
}

async fn commit(repos: &Repos, version: u64, changes: Vec<Change>) {
    let plan = Plan { guild: GUILD, version, changes };
    repos.guilds.commit(&plan).await.expect("committed");
}

async fn threads(repos: &Repos) -> Vec<Arc<Thread>> {
    let guild = repos.guilds.load().await.expect("loaded").remove(0);
    guild.threads.values().cloned().collect()
}

async fn say(repos: &Repos, sequence: u64, kind: u8) -> MessageRecord {
    let id = message_id(NOON, sequence);
    let message = MessageRecord { kind, ..MessageRecord::said(id, THREAD, ANA, "x".to_owned()) };
    repos.messages.insert(&message).await.expect("stored");
    message
}

pub(crate) async fn a_thread_comes_back_with_its_members(repos: &Repos) {
    repos.guilds.create(&guild()).await.expect("created");
    let changes = vec![
        Change::PutThread(record(THREAD)),
        Change::PutThreadMember(THREAD, member(ANA)),
        Change::PutThreadMember(THREAD, member(BEN)),
    ];
    commit(repos, 1, changes).await;

    let mut expected = Thread::new(record(THREAD));
    expected.members.insert(ANA, member(ANA));
    expected.members.insert(BEN, member(BEN));
    assert_eq!(threads(repos).await, [Arc::new(expected.clone())]);

    let renamed = Arc::new(ThreadRecord { name: "Rye".to_owned(), ..(*record(THREAD)).clone() });
    let quiet = ThreadMember { flags: 8, ..member(ANA) };
    let changes = vec![
        Change::PutThread(Arc::clone(&renamed)),
        Change::PutThreadMember(THREAD, quiet),
        Change::DeleteThreadMember(THREAD, BEN),
    ];
    commit(repos, 2, changes).await;

    expected.record = renamed;
    expected.members.insert(ANA, quiet);
    expected.members.remove(&BEN);
    assert_eq!(threads(repos).await, [Arc::new(expected)]);
    commit(repos, 3, vec![Change::DeleteThread(THREAD)]).await;
    assert_eq!(threads(repos).await, []);
}

pub(crate) async fn messages_of_a_thread_are_counted_but_for_the_first(repos: &Repos) {
    repos.guilds.create(&guild()).await.expect("created");
    commit(repos, 1, vec![Change::PutThread(record(THREAD))]).await;

    say(repos, 1, 21).await;
    let first = say(repos, 2, 0).await;
    let last = say(repos, 3, 0).await;
    repos.messages.remove(THREAD, &[first.id, message_id(NOON, 99)]).await.expect("removed");
    // A change of the thread does not touch what was counted.
    commit(repos, 2, vec![Change::PutThread(record(THREAD))]).await;

    let counts = threads(repos).await[0].counts;
    assert_eq!((counts.messages, counts.sent, counts.last_message), (1, 2, Some(last.id)));
}

pub(crate) async fn whoever_leaves_the_guild_leaves_its_threads(repos: &Repos) {
    repos.guilds.create(&guild()).await.expect("created");
    let joined = vec![
        Change::PutThread(record(THREAD)),
        Change::PutThreadMember(THREAD, member(ANA)),
        Change::PutThreadMember(THREAD, member(BEN)),
    ];
    commit(repos, 1, joined).await;

    commit(repos, 2, vec![Change::DeleteMember(BEN)]).await;

    let left: Vec<_> = threads(repos).await[0].members.keys().copied().collect();
    assert_eq!(left, [ANA]);
}

pub(crate) async fn a_deleted_thread_takes_its_messages_along(repos: &Repos) {
    repos.guilds.create(&guild()).await.expect("created");
    commit(repos, 1, vec![Change::PutThread(record(THREAD))]).await;
    let said = say(repos, 1, 0).await;

    commit(repos, 2, vec![Change::DeleteThread(THREAD)]).await;

    let gone = async || {
        let found = repos.messages.message(THREAD, said.id).await.expect("answered");
        found.is_none()
    };
    // SQLite purges when nothing else is to be written.
    let purged = async {
        while !gone().await {
            tokio::task::yield_now().await;
        }
    };
    let patience = std::time::Duration::from_secs(20);
    tokio::time::timeout(patience, purged).await.expect("the message goes");
}
