//! Pages of messages, read once for all who ask at the same time, and kept until something is written that
//! makes them untrue.
//!
//! A message that wakes a thousand people is followed by a thousand reads of the newest page, and a link to
//! an old one by as many of the page around it. Whoever is answered here gets what storage said after the
//! last write that was acknowledged before they asked: a write lets go of the pages that it touches before
//! it is acknowledged, and who asks then begins anew. Who may read is the asker's business. Bounded in
//! bytes.

mod shelf;

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use async_trait::async_trait;
use model::id::ChannelId;
use model::id::MessageId;
use model::id::UserId;
use model::limits;

use self::shelf::Flight;
use self::shelf::Shelf;
use self::shelf::Wrote;
use crate::poll::PollCount;
use crate::poll::PollPlace;
use crate::poll::Vote;
use crate::poll::VoteChange;
use crate::record::MessageRecord;
use crate::record::ReactionCount;
use crate::record::ReactionEmoji;
use crate::repo::Given;
use crate::repo::Inserted;
use crate::repo::MessageRepo;
use crate::repo::Page;
use crate::repo::PollRepo;
use crate::repo::RepoError;

/// Messages and polls with the pages that many read in memory. All writes have to come this way.
#[derive(Clone)]
pub struct Pages(Arc<Inner>);

struct Inner {
    messages: Arc<dyn MessageRepo>,
    polls: Arc<dyn PollRepo>,
    shelf: Mutex<Shelf>,
}

impl Pages {
    /// In front of these.
    #[must_use]
    pub fn before(messages: Arc<dyn MessageRepo>, polls: Arc<dyn PollRepo>) -> Self {
        let shelf = Mutex::new(Shelf::new(limits::PAGES_BYTES, limits::PAGES));
        Self(Arc::new(Inner { messages, polls, shelf }))
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries out a write in a channel; whoever asks after it ended begins anew.
    async fn write<T>(
        &self,
        channel: ChannelId,
        wrote: Wrote<'_>,
        write: impl Future<Output = Result<T, RepoError>> + Send,
    ) -> Result<T, RepoError> {
        let mut writing = Writing { pages: self, channel, wrote, over: false };
        let outcome = write.await;
        writing.over = true;
        outcome
    }

    /// What a flight brings; the first who asks flies.
    async fn read(
        &self,
        flight: &Arc<Flight>,
        channel: ChannelId,
    ) -> Result<Arc<[MessageRecord]>, RepoError> {
        let read = async {
            let page = self.0.messages.page(channel, flight.of, flight.limit).await?;
            let page: Arc<[MessageRecord]> = page.into();
            let bytes = shelf::size(&page);
            self.shelf().landed(channel, flight, bytes);
            Ok(page)
        };
        flight.page.get_or_try_init(|| read).await.cloned()
    }
}

/// A write that is under way.
struct Writing<'a> {
    pages: &'a Pages,
    channel: ChannelId,
    wrote: Wrote<'a>,
    over: bool,
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let mut shelf = self.pages.shelf();
        shelf.wrote(self.channel, self.wrote);
        if !self.over {
            // Whoever wrote hung up, and the write may come about at any time from now on.
            shelf.bar(self.channel);
        }
    }
}

#[async_trait]
impl MessageRepo for Pages {
    async fn insert(&self, message: &MessageRecord) -> Result<Inserted, RepoError> {
        let wrote = Wrote::New(message.id);
        self.write(message.channel, wrote, self.0.messages.insert(message)).await
    }

    async fn message(
        &self,
        channel: ChannelId,
        id: MessageId,
    ) -> Result<Option<MessageRecord>, RepoError> {
        self.0.messages.message(channel, id).await
    }

    async fn page(
        &self,
        channel: ChannelId,
        page: Page,
        limit: u16,
    ) -> Result<Vec<MessageRecord>, RepoError> {
        let flight = self.shelf().join(channel, page, limit);
        let Some(flight) = flight else {
            return self.0.messages.page(channel, page, limit).await;
        };
        let page = self.read(&flight, channel).await?;
        Ok(page.iter().take(limit.into()).cloned().collect())
    }

    async fn update(&self, message: &MessageRecord) -> Result<(), RepoError> {
        let wrote = Wrote::Changed(std::slice::from_ref(&message.id));
        self.write(message.channel, wrote, self.0.messages.update(message)).await
    }

    async fn remove(
        &self,
        channel: ChannelId,
        ids: &[MessageId],
    ) -> Result<Vec<MessageId>, RepoError> {
        self.write(channel, Wrote::Changed(ids), self.0.messages.remove(channel, ids)).await
    }

    async fn pins(&self, channel: ChannelId) -> Result<Vec<MessageRecord>, RepoError> {
        self.0.messages.pins(channel).await
    }

    async fn latest(
        &self,
        channels: &[ChannelId],
    ) -> Result<Vec<(ChannelId, MessageId)>, RepoError> {
        self.0.messages.latest(channels).await
    }

    async fn react(
        &self,
        channel: ChannelId,
        id: MessageId,
        user: UserId,
        emoji: &ReactionEmoji,
    ) -> Result<bool, RepoError> {
        self.write(channel, Wrote::Changed(&[id]), self.0.messages.react(channel, id, user, emoji))
            .await
    }

    async fn unreact(
        &self,
        channel: ChannelId,
        id: MessageId,
        user: UserId,
        emoji: &ReactionEmoji,
    ) -> Result<bool, RepoError> {
        self.write(
            channel,
            Wrote::Changed(&[id]),
            self.0.messages.unreact(channel, id, user, emoji),
        )
        .await
    }

    async fn clear_reactions(
        &self,
        channel: ChannelId,
        id: MessageId,
        emoji: Option<&ReactionEmoji>,
    ) -> Result<(), RepoError> {
        self.write(
            channel,
            Wrote::Changed(&[id]),
            self.0.messages.clear_reactions(channel, id, emoji),
        )
        .await
    }

    /// Of the messages of a page that is kept, those who reacted are kept too, unless they are very many.
    async fn reactions(
        &self,
        channel: ChannelId,
        ids: &[MessageId],
        user: UserId,
    ) -> Result<Vec<(MessageId, Vec<ReactionCount>)>, RepoError> {
        let messages = &self.0.messages;
        let kept = self.shelf().kept(channel, ids);
        let Some(flight) = kept else {
            return messages.reactions(channel, ids, user).await;
        };
        let read = async {
            let page = flight.page.get().into_iter().flat_map(|page| page.iter());
            let all: Vec<_> = page.map(|message| message.id).collect();
            let given = messages.given(channel, &all, limits::REACTIONS_KEPT).await?;
            self.shelf().landed(channel, &flight, given.as_ref().map_or(0, shelf::weight));
            Ok::<_, RepoError>(given)
        };
        match flight.given.get_or_try_init(|| read).await? {
            Some(given) => Ok(shelf::counts(given, ids, user)),
            None => messages.reactions(channel, ids, user).await,
        }
    }

    async fn given(
        &self,
        channel: ChannelId,
        ids: &[MessageId],
        most: usize,
    ) -> Result<Option<Given>, RepoError> {
        self.0.messages.given(channel, ids, most).await
    }

    async fn reactors(
        &self,
        channel: ChannelId,
        id: MessageId,
        emoji: &ReactionEmoji,
        after: Option<UserId>,
        limit: u16,
    ) -> Result<Vec<UserId>, RepoError> {
        self.0.messages.reactors(channel, id, emoji, after, limit).await
    }
}

#[async_trait]
impl PollRepo for Pages {
    async fn vote(
        &self,
        poll: PollPlace,
        vote: Vote,
        now_ms: u64,
    ) -> Result<VoteChange, RepoError> {
        self.0.polls.vote(poll, vote, now_ms).await
    }

    async fn counts(
        &self,
        channel: ChannelId,
        ids: &[MessageId],
        user: UserId,
    ) -> Result<Vec<(MessageId, Vec<PollCount>)>, RepoError> {
        self.0.polls.counts(channel, ids, user).await
    }

    async fn voters(
        &self,
        poll: PollPlace,
        answer: u8,
        after: Option<UserId>,
        limit: u16,
    ) -> Result<Vec<UserId>, RepoError> {
        self.0.polls.voters(poll, answer, after, limit).await
    }

    async fn due(&self, now_ms: u64, limit: u16) -> Result<Vec<PollPlace>, RepoError> {
        self.0.polls.due(now_ms, limit).await
    }

    async fn end(&self, poll: PollPlace, now_ms: u64) -> Result<Option<MessageRecord>, RepoError> {
        self.write(poll.0, Wrote::Changed(&[poll.1]), self.0.polls.end(poll, now_ms)).await
    }
}
