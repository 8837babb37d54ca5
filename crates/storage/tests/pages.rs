//! The newest messages, read once for many, while others write: nobody is shown an older page than what
//! was acknowledged before they asked.

#![expect(clippy::disallowed_methods, reason = "tests stop their tasks by waiting for them")]

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use model::id::ChannelId;
use model::id::MessageId;
use model::id::UserId;
use model::wire::id::Id;
use state::pages::Pages;
use state::record::MessageRecord;
use state::record::ReactionCount;
use state::record::ReactionEmoji;
use state::repo::Given;
use state::repo::Inserted;
use state::repo::MessageRepo;
use state::repo::Page;
use state::repo::RepoError;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

const TEXT: ChannelId = Id::new(5_003);
const ANA: UserId = Id::new(1_001);

/// A store that counts reads, and lets them and writes pass one by one when it is told to.
struct Counted {
    inner: Arc<dyn MessageRepo>,
    pages: AtomicUsize,
    inserts: AtomicUsize,
    reactions: AtomicUsize,
    /// Reads of pages wait for one each, after storage was asked.
    gate: Semaphore,
    /// Inserts wait for one each, before storage is asked.
    doors: Semaphore,
}

#[async_trait]
impl MessageRepo for Counted {
    async fn insert(&self, message: &MessageRecord) -> Result<Inserted, RepoError> {
        self.inserts.fetch_add(1, Ordering::SeqCst);
        self.doors.acquire().await.expect("open").forget();
        self.inner.insert(message).await
    }

    async fn message(
        &self,
        channel: ChannelId,
        id: MessageId,
    ) -> Result<Option<MessageRecord>, RepoError> {
        self.inner.message(channel, id).await
    }

    async fn page(
        &self,
        channel: ChannelId,
        page: Page,
        limit: u16,
    ) -> Result<Vec<MessageRecord>, RepoError> {
        let read = self.inner.page(channel, page, limit).await;
        self.pages.fetch_add(1, Ordering::SeqCst);
        self.gate.acquire().await.expect("open").forget();
        read
    }

    async fn update(&self, message: &MessageRecord) -> Result<(), RepoError> {
        self.inner.update(message).await
    }

    async fn remove(
        &self,
        channel: ChannelId,
        ids: &[MessageId],
    ) -> Result<Vec<MessageId>, RepoError> {
        self.inner.remove(channel, ids).await
    }

    async fn pins(&self, channel: ChannelId) -> Result<Vec<MessageRecord>, RepoError> {
        self.inner.pins(channel).await
    }

    async fn latest(
        &self,
        channels: &[ChannelId],
    ) -> Result<Vec<(ChannelId, MessageId)>, RepoError> {
        self.inner.latest(channels).await
    }

    async fn react(
        &self,
        channel: ChannelId,
        id: MessageId,
        user: UserId,
        emoji: &ReactionEmoji,
    ) -> Result<bool, RepoError> {
        self.inner.react(channel, id, user, emoji).await
    }

    async fn unreact(
        &self,
        channel: ChannelId,
        id: MessageId,
        user: UserId,
        emoji: &ReactionEmoji,
    ) -> Result<bool, RepoError> {
        self.inner.unreact(channel, id, user, emoji).await
    }

    async fn clear_reactions(
        &self,
        channel: ChannelId,
        id: MessageId,
        emoji: Option<&ReactionEmoji>,
    ) -> Result<(), RepoError> {
        self.inner.clear_reactions(channel, id, emoji).await
    }

    async fn reactions(
        &self,
        channel: ChannelId,
        ids: &[MessageId],
        user: UserId,
    ) -> Result<Vec<(MessageId, Vec<ReactionCount>)>, RepoError> {
        self.reactions.fetch_add(1, Ordering::SeqCst);
        self.inner.reactions(channel, ids, user).await
    }

    async fn given(
        &self,
        channel: ChannelId,
        ids: &[MessageId],
        most: usize,
    ) -> Result<Option<Given>, RepoError> {
        self.reactions.fetch_add(1, Ordering::SeqCst);
        self.inner.given(channel, ids, most).await
    }

    async fn reactors(
        &self,
        channel: ChannelId,
        id: MessageId,
        emoji: &ReactionEmoji,
        after: Option<UserId>,
        limit: u16,
    ) -> Result<Vec<UserId>, RepoError> {
        self.inner.reactors(channel, id, emoji, after, limit).await
    }
}

/// `free`: nothing waits.
fn counted(free: bool) -> (Arc<Counted>, Pages) {
    let repos = storage::memory();
    let permits = if free { 1_000_000 } else { 0 };
    let counted = Arc::new(Counted {
        inner: repos.messages,
        pages: AtomicUsize::new(0),
        inserts: AtomicUsize::new(0),
        reactions: AtomicUsize::new(0),
        gate: Semaphore::new(permits),
        doors: Semaphore::new(permits),
    });
    let messages: Arc<dyn MessageRepo> = counted.clone();
    (counted, Pages::before(messages, repos.polls))
}

fn message(id: u64) -> MessageRecord {
    MessageRecord::said(Id::new(id), TEXT, ANA, format!("message {id}"))
}

async fn newest(messages: &Pages) -> Option<u64> {
    let page = messages.page(TEXT, Page::Latest, 50).await.expect("a page");
    page.first().map(|message| message.id.get())
}

/// Lets the others go on until that is so.
async fn until(so: impl Fn() -> bool) {
    while !so() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_who_ask_at_once_are_one_read() {
    let (counted, messages) = counted(false);
    counted.doors.add_permits(1);
    messages.insert(&message(1)).await.expect("inserted");
    let mut readers = JoinSet::new();
    for _ in 0..1_000 {
        let messages = messages.clone();
        readers.spawn(async move { newest(&messages).await });
    }
    until(|| counted.pages.load(Ordering::SeqCst) > 0).await;
    counted.gate.add_permits(1);

    let read = readers.join_all().await;

    assert!(read.iter().all(|newest| *newest == Some(1)));
    // And whoever asks later is answered from memory.
    assert_eq!(newest(&messages).await, Some(1));
    assert_eq!(counted.pages.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_began_before_a_write_is_not_kept_behind_it() {
    let (counted, messages) = counted(false);
    let early = tokio::spawn({
        let messages = messages.clone();
        async move { newest(&messages).await }
    });
    // It has read an empty channel, and is slow to come back with it.
    until(|| counted.pages.load(Ordering::SeqCst) == 1).await;
    counted.doors.add_permits(1);
    messages.insert(&message(1)).await.expect("inserted");

    counted.gate.add_permits(2);

    assert_eq!(newest(&messages).await, Some(1));
    assert_eq!(early.await.expect("read"), None);
    assert_eq!(newest(&messages).await, Some(1));
    assert_eq!(counted.pages.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_hangs_up_while_they_write_leaves_nothing_stale() {
    let (counted, messages) = counted(false);
    counted.gate.add_permits(10);
    let writing = tokio::spawn({
        let messages = messages.clone();
        async move { messages.insert(&message(1)).await }
    });
    until(|| counted.inserts.load(Ordering::SeqCst) == 1).await;
    writing.abort();
    assert!(writing.await.is_err());
    assert_eq!(newest(&messages).await, None);

    // As a store would, to which the write was handed already.
    counted.inner.insert(&message(1)).await.expect("inserted");

    assert_eq!(newest(&messages).await, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_reads_an_older_page_after_an_acknowledged_write() {
    const WRITES: u64 = 3_000;
    let (_, messages) = counted(true);
    let acknowledged = Arc::new(AtomicU64::new(0));
    let mut readers = JoinSet::new();
    for reader in 0..6_u16 {
        let (messages, acknowledged) = (messages.clone(), Arc::clone(&acknowledged));
        readers.spawn(async move {
            loop {
                let before = acknowledged.load(Ordering::SeqCst);
                let page = messages.page(TEXT, Page::Latest, 10 + reader).await.expect("a page");
                let newest = page.first().map_or(0, |message| message.id.get());
                assert!(newest >= before, "{newest} is older than {before}");
                assert!(page.is_sorted_by(|a, b| a.id > b.id));
                if before == WRITES {
                    return;
                }
                tokio::task::yield_now().await;
            }
        });
    }
    for id in 1..=WRITES {
        messages.insert(&message(id)).await.expect("inserted");
        acknowledged.store(id, Ordering::SeqCst);
        if id % 64 == 0 {
            tokio::task::yield_now().await;
        }
    }
    readers.join_all().await;
}

#[tokio::test]
async fn reactions_to_a_page_are_read_once() {
    let (counted, messages) = counted(true);
    for id in 1..=3 {
        messages.insert(&message(id)).await.expect("inserted");
    }
    let ids = [3, 2, 1].map(Id::new);
    let asked = || counted.reactions.load(Ordering::SeqCst);
    newest(&messages).await;

    for _ in 0..5 {
        assert_eq!(messages.reactions(TEXT, &ids, ANA).await.expect("read"), []);
    }
    assert_eq!(asked(), 1);

    let emoji = ReactionEmoji { id: None, name: "🍞".to_owned() };
    messages.react(TEXT, Id::new(2), ANA, &emoji).await.expect("given");
    newest(&messages).await;
    let before = asked();
    for (user, me) in [(ANA, true), (Id::new(7), false)] {
        let found = messages.reactions(TEXT, &ids, user).await.expect("read");
        let [(id, counts)] = &found[..] else { panic!("{found:?}") };
        assert_eq!((id.get(), counts[0].count, counts[0].me), (2, 1, me));
    }
    // Whose reaction is whose is known of all who react to a page at once.
    assert_eq!(asked(), before + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_who_follow_a_link_to_an_old_message_are_one_read() {
    let (counted, messages) = counted(false);
    counted.doors.add_permits(100);
    for id in 1..=40 {
        messages.insert(&message(id)).await.expect("inserted");
    }
    let around = Page::Around(Id::new(20));
    let read = |messages: Pages| async move {
        let page = messages.page(TEXT, around, 10).await.expect("a page");
        page.iter().map(|message| message.id.get()).collect::<Vec<_>>()
    };
    let mut readers = JoinSet::new();
    for _ in 0..100 {
        readers.spawn(read(messages.clone()));
    }
    until(|| counted.pages.load(Ordering::SeqCst) > 0).await;
    counted.gate.add_permits(1);

    let wanted: Vec<_> = (16..=25).rev().collect();
    assert!(readers.join_all().await.iter().all(|page| *page == wanted));
    // What is said meanwhile changes nothing there; what is deleted there does.
    messages.insert(&message(41)).await.expect("inserted");
    assert_eq!(read(messages.clone()).await, wanted);
    assert_eq!(counted.pages.load(Ordering::SeqCst), 1);
    messages.remove(TEXT, &[Id::new(25)]).await.expect("removed");
    counted.gate.add_permits(1);
    assert_eq!(
        read(messages.clone()).await,
        (16..=26).rev().filter(|id| *id != 25).collect::<Vec<_>>()
    );
    assert_eq!(counted.pages.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_is_shown_a_page_of_the_past_as_it_was_before_an_acknowledged_change() {
    const CHANGES: u64 = 1_500;
    let (_, messages) = counted(true);
    for id in 1..=30 {
        messages.insert(&message(id)).await.expect("inserted");
    }
    let acknowledged = Arc::new(AtomicU64::new(0));
    let mut readers = JoinSet::new();
    for page in [
        Page::Latest,
        Page::Before(Id::new(20)),
        Page::After(Id::new(9)),
        Page::Around(Id::new(15)),
    ] {
        let (messages, acknowledged) = (messages.clone(), Arc::clone(&acknowledged));
        readers.spawn(async move {
            loop {
                let before = acknowledged.load(Ordering::SeqCst);
                let found = messages.page(TEXT, page, 25).await.expect("a page");
                let edited = found.iter().find(|message| message.id.get() == 15).expect("there");
                let now: u64 = edited
                    .content
                    .strip_prefix("message ")
                    .expect("said")
                    .parse()
                    .expect("a number");
                assert!(now >= before || before == 0, "{now} is older than {before}");
                if before == CHANGES {
                    return;
                }
                tokio::task::yield_now().await;
            }
        });
    }
    for change in 16..=CHANGES {
        let edited = MessageRecord { content: format!("message {change}"), ..message(15) };
        messages.update(&edited).await.expect("changed");
        acknowledged.store(change, Ordering::SeqCst);
        if change % 64 == 0 {
            tokio::task::yield_now().await;
        }
    }
    readers.join_all().await;
}
