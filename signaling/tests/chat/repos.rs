//! A message store that fails or waits at the moment that a test wants.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use axum::body::Bytes;
use model::id::ChannelId;
use model::id::MessageId;
use model::id::UserId;
use state::record::MessageRecord;
use state::record::ReactionCount;
use state::record::ReactionEmoji;
use state::repo::Given;
use state::repo::Inserted;
use state::repo::MessageRepo;
use state::repo::ObjectRepo;
use state::repo::Page;
use state::repo::RepoError;
use tokio::sync::Semaphore;

/// A store that refuses new messages while `full` is set, and that lets one in per permit of
/// `gate` after it told `reached`.
pub(crate) struct Moody {
    pub(crate) inner: Arc<dyn MessageRepo>,
    pub(crate) full: AtomicBool,
    pub(crate) reached: Semaphore,
    pub(crate) gate: Semaphore,
}

impl Moody {
    pub(crate) fn new(inner: Arc<dyn MessageRepo>) -> Self {
        let (reached, gate) = (Semaphore::new(0), Semaphore::new(0));
        Self { inner, full: AtomicBool::new(false), reached, gate }
    }
}

type Result<T> = std::result::Result<T, RepoError>;

#[async_trait::async_trait]
impl MessageRepo for Moody {
    async fn insert(&self, message: &MessageRecord) -> Result<Inserted> {
        self.reached.add_permits(1);
        if self.full.load(Ordering::SeqCst) {
            return Err(RepoError::Unavailable("the disk is full".to_owned()));
        }
        self.gate.acquire().await.expect("an open gate").forget();
        self.inner.insert(message).await
    }

    async fn message(&self, channel: ChannelId, id: MessageId) -> Result<Option<MessageRecord>> {
        self.inner.message(channel, id).await
    }

    async fn page(&self, channel: ChannelId, page: Page, limit: u16) -> Result<Vec<MessageRecord>> {
        self.inner.page(channel, page, limit).await
    }

    async fn update(&self, message: &MessageRecord) -> Result<()> {
        self.inner.update(message).await
    }

    async fn remove(&self, channel: ChannelId, ids: &[MessageId]) -> Result<Vec<MessageId>> {
        self.inner.remove(channel, ids).await
    }

    async fn pins(&self, channel: ChannelId) -> Result<Vec<MessageRecord>> {
        self.inner.pins(channel).await
    }

    async fn latest(&self, channels: &[ChannelId]) -> Result<Vec<(ChannelId, MessageId)>> {
        self.inner.latest(channels).await
    }

    async fn react(
        &self,
        channel: ChannelId,
        id: MessageId,
        user: UserId,
        emoji: &ReactionEmoji,
    ) -> Result<bool> {
        self.inner.react(channel, id, user, emoji).await
    }

    async fn unreact(
        &self,
        channel: ChannelId,
        id: MessageId,
        user: UserId,
        emoji: &ReactionEmoji,
    ) -> Result<bool> {
        self.inner.unreact(channel, id, user, emoji).await
    }

    async fn clear_reactions(
        &self,
        channel: ChannelId,
        id: MessageId,
        emoji: Option<&ReactionEmoji>,
    ) -> Result<()> {
        self.inner.clear_reactions(channel, id, emoji).await
    }

    async fn reactions(
        &self,
        channel: ChannelId,
        ids: &[MessageId],
        user: UserId,
    ) -> Result<Vec<(MessageId, Vec<ReactionCount>)>> {
        self.inner.reactions(channel, ids, user).await
    }

    async fn given(
        &self,
        channel: ChannelId,
        ids: &[MessageId],
        most: usize,
    ) -> Result<Option<Given>> {
        self.inner.given(channel, ids, most).await
    }

    async fn reactors(
        &self,
        channel: ChannelId,
        id: MessageId,
        emoji: &ReactionEmoji,
        after: Option<UserId>,
        limit: u16,
    ) -> Result<Vec<UserId>> {
        self.inner.reactors(channel, id, emoji, after, limit).await
    }
}

/// A file store that counts what it holds.
pub(crate) struct Counted {
    pub(crate) inner: Arc<dyn ObjectRepo>,
    pub(crate) keys: std::sync::Mutex<std::collections::BTreeSet<String>>,
}

impl Counted {
    pub(crate) fn new(inner: Arc<dyn ObjectRepo>) -> Self {
        Self { inner, keys: std::sync::Mutex::default() }
    }

    pub(crate) fn count(&self) -> usize {
        self.keys.lock().expect("no panic").len()
    }
}

#[async_trait::async_trait]
impl ObjectRepo for Counted {
    async fn put(&self, key: &str, bytes: Bytes) -> Result<()> {
        self.inner.put(key, bytes).await?;
        self.keys.lock().expect("no panic").insert(key.to_owned());
        Ok(())
    }

    async fn size(&self, key: &str) -> Result<Option<u64>> {
        self.inner.size(key).await
    }

    async fn read(&self, key: &str, range: std::ops::Range<u64>) -> Result<Bytes> {
        self.inner.read(key, range).await
    }

    async fn remove(&self, key: &str) -> Result<()> {
        self.keys.lock().expect("no panic").remove(key);
        self.inner.remove(key).await
    }
}
