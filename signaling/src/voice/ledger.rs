//! What a private channel is told of its calls: one message for each, which names who was in it and, when
//! it is over, since when (userdoccers: Message Call Object).
//!
//! [`Ledger`] knows what is to be written and hands it out call by call; [`keep`] is the one task that
//! writes, in order. Of a call that changes faster than storage writes, only the newest is written; what
//! storage refuses is tried again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use model::id::MessageId;
use state::GuildStore;
use state::call::CallEvent;
use state::call::CallView;
use state::event::ChatEvent;
use state::record::CallRecord;
use state::record::MessageRecord;
use state::repo::MessageRepo;
use state::repo::RelationshipRepo;
use state::repo::RepoError;
use tokio::sync::Notify;

use super::calls::Calls;
use crate::parts::Ids;

/// What calls in private channels need of the rest of the server.
#[derive(Clone)]
pub struct Papers {
    /// Where messages are written.
    pub messages: Arc<dyn MessageRepo>,
    /// Who has blocked whom.
    pub relationships: Arc<dyn RelationshipRepo>,
    /// Numbers messages.
    pub ids: Arc<Ids>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Ledger {
    book: Mutex<Book>,
    /// There is something to write, or there will never be more.
    stir: Notify,
}

#[derive(Default)]
struct Book {
    entries: BTreeMap<MessageId, Entry>,
    is_closed: bool,
}

/// A call that goes on, or whose end is not written yet.
struct Entry {
    call: CallView,
    ended_ms: Option<u64>,
    is_stored: bool,
    is_dirty: bool,
}

/// One thing to write.
struct Page {
    call: CallView,
    record: CallRecord,
    is_stored: bool,
}

impl Ledger {
    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what happened to a call, at Unix milliseconds.
    pub(super) fn follow(&self, event: &CallEvent, now_ms: u64) {
        let ended_ms = matches!(event, CallEvent::Deleted { .. }).then_some(now_ms);
        self.lock().note(event.call(), ended_ms);
        self.stir.notify_one();
    }

    /// Events were lost: calls that go on are taken as they are, and the others have ended.
    pub(super) fn settle(&self, store: &GuildStore, now_ms: u64) {
        let mut book = self.lock();
        let known: Vec<_> = book.entries.values().map(|entry| Arc::clone(&entry.call)).collect();
        for old in known {
            match store.call_in(old.channel.id).filter(|call| call.message == old.message) {
                Some(call) => book.note(&call, None),
                None => book.note(&old, Some(now_ms)),
            }
        }
        drop(book);
        self.stir.notify_one();
    }

    /// Nothing more will happen.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.stir.notify_one();
    }
}

impl Book {
    fn note(&mut self, call: &CallView, ended_ms: Option<u64>) {
        let entry = self.entries.entry(call.message).or_insert_with(|| Entry {
            call: Arc::clone(call),
            ended_ms: None,
            is_stored: false,
            is_dirty: true,
        });
        let came = entry.call.participants != call.participants;
        entry.call = Arc::clone(call);
        // The end is the end, whatever is heard of it again.
        let ended = ended_ms.is_some() && entry.ended_ms.is_none();
        entry.ended_ms = entry.ended_ms.or(ended_ms);
        entry.is_dirty |= came || ended;
    }

    /// The next thing to write; whoever takes it says what came of it.
    fn take(&mut self) -> Option<Page> {
        let entry = self.entries.values_mut().find(|entry| entry.is_dirty)?;
        entry.is_dirty = false;
        let record =
            CallRecord { participants: entry.call.participants.clone(), ended_ms: entry.ended_ms };
        Some(Page { call: Arc::clone(&entry.call), record, is_stored: entry.is_stored })
    }

    /// It was written.
    fn written(&mut self, id: MessageId) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        entry.is_stored = true;
        if entry.ended_ms.is_some() && !entry.is_dirty {
            self.entries.remove(&id);
        }
    }

    /// It was not.
    fn refused(&mut self, id: MessageId) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.is_dirty = true;
        }
    }
}

/// Writes until the ledger is closed and all of it is written. Whatever storage refuses at the end is
/// given up.
pub(super) async fn keep(calls: Arc<Calls>) {
    loop {
        let (page, is_closed) = {
            let mut book = calls.ledger.lock();
            (book.take(), book.is_closed)
        };
        let Some(page) = page else {
            if is_closed {
                return;
            }
            calls.ledger.stir.notified().await;
            continue;
        };
        let message = page.call.message;
        match write(&calls, &page).await {
            Ok(()) => calls.ledger.lock().written(message),
            Err(error) => {
                tracing::warn!(%error, "a call was not written down yet");
                if is_closed {
                    return;
                }
                calls.ledger.lock().refused(message);
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

/// Stores the message of a call, or how it is now, and tells the channel.
async fn write(calls: &Calls, page: &Page) -> Result<(), RepoError> {
    let Page { call, record, is_stored } = page;
    let messages = &calls.papers.messages;
    let event = if *is_stored {
        let Some(message) = messages.message(call.channel.id, call.message).await? else {
            return Ok(());
        };
        let message = MessageRecord { call: Some(Box::new(record.clone())), ..message };
        match messages.update(&message).await {
            Ok(()) => ChatEvent::MessageUpdated(Arc::new(message)),
            // Somebody deleted it.
            Err(RepoError::NotFound) => return Ok(()),
            Err(error) => return Err(error),
        }
    } else {
        let said = MessageRecord::said(call.message, call.channel.id, call.starter, String::new());
        let call = Some(Box::new(record.clone()));
        let message = MessageRecord { kind: CALL, call, ..said };
        messages.insert(&message).await?;
        ChatEvent::MessageCreated(Arc::new(message))
    };
    if let Err(error) = calls.store.publish_private(Arc::clone(&call.channel), event).await {
        tracing::debug!(%error, "nobody was told of the message of a call");
    }
    Ok(())
}

/// Discord: Message Types.
const CALL: u8 = 3;
/// How long storage is left alone that refused.
const AGAIN: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use model::id::ChannelId;
    use model::id::UserId;
    use state::call::Call;
    use state::record::PrivateChannel;

    use super::*;

    const ANA: UserId = UserId::new(1);
    const BEN: UserId = UserId::new(2);

    fn call(participants: &[UserId]) -> CallView {
        let channel = PrivateChannel {
            id: ChannelId::new(90),
            recipients: vec![ANA, BEN],
            last_message: None,
            group: None,
        };
        Arc::new(Call {
            channel: Arc::new(channel),
            message: MessageId::new(500),
            starter: ANA,
            ringing: BTreeMap::new(),
            voice: BTreeMap::new(),
            participants: participants.to_vec(),
        })
    }

    /// What is to be written next: whether it is there already, who was in it, and the end.
    fn taken(book: &mut Book) -> Option<(bool, usize, Option<u64>)> {
        let page = book.take()?;
        Some((page.is_stored, page.record.participants.len(), page.record.ended_ms))
    }

    #[test]
    fn a_call_is_written_when_it_begins_when_somebody_comes_and_when_it_ends() {
        let mut book = Book::default();
        let id = MessageId::new(500);

        book.note(&call(&[ANA]), None);
        assert_eq!(taken(&mut book), Some((false, 1, None)));
        book.written(id);
        book.note(&call(&[ANA]), None);
        assert_eq!(taken(&mut book), None, "flags and ringing are not written");
        book.note(&call(&[ANA, BEN]), None);
        assert_eq!(taken(&mut book), Some((true, 2, None)));
        book.written(id);
        book.note(&call(&[ANA, BEN]), Some(7));
        assert_eq!(taken(&mut book), Some((true, 2, Some(7))));
        book.written(id);
        assert!(book.entries.is_empty(), "what is over and written is forgotten");
    }

    #[test]
    fn what_happens_while_storage_writes_is_written_after_it_at_once() {
        let mut book = Book::default();
        book.note(&call(&[ANA]), None);
        assert_eq!(taken(&mut book), Some((false, 1, None)));
        book.note(&call(&[ANA, BEN]), None);
        book.note(&call(&[ANA, BEN]), Some(7));
        book.written(MessageId::new(500));

        assert_eq!(taken(&mut book), Some((true, 2, Some(7))));
    }

    #[test]
    fn what_storage_refused_is_tried_again_as_it_was() {
        let mut book = Book::default();
        book.note(&call(&[ANA]), None);
        assert!(book.take().is_some());
        assert!(book.take().is_none());

        book.refused(MessageId::new(500));

        assert_eq!(taken(&mut book), Some((false, 1, None)));
    }

    #[test]
    fn an_end_is_told_once() {
        let mut book = Book::default();
        book.note(&call(&[ANA]), Some(7));
        assert_eq!(taken(&mut book), Some((false, 1, Some(7))));
        book.note(&call(&[ANA]), Some(9));
        assert_eq!(taken(&mut book), None);
        book.written(MessageId::new(500));
        assert!(book.entries.is_empty());
    }
}
