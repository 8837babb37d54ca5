//! Which pages are kept, and which are on their way. Pure: what is read is its caller's business.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::HashSet;
use std::io;
use std::io::Write;
use std::sync::Arc;

use model::id::ChannelId;
use model::id::MessageId;
use tokio::sync::OnceCell;

use crate::record::MessageRecord;

/// One read of a channel's newest messages, for all who join it, and what came of it.
#[derive(Default)]
pub(super) struct Flight {
    /// So many messages.
    pub(super) limit: u16,
    /// What was read.
    pub(super) page: OnceCell<Arc<[MessageRecord]>>,
    /// Those of them that have reactions.
    pub(super) reacted: OnceCell<HashSet<MessageId>>,
}

struct Slot {
    flight: Arc<Flight>,
    /// Its age; smaller is older.
    nth: u64,
    bytes: usize,
}

/// See the module.
pub(super) struct Shelf {
    slots: HashMap<ChannelId, Slot>,
    /// Channels by age.
    ages: BTreeMap<u64, ChannelId>,
    /// Channels whose pages are not kept any more.
    barred: HashSet<ChannelId>,
    made: u64,
    bytes: usize,
    most_bytes: usize,
    most_channels: usize,
}

impl Shelf {
    /// Keeps at most so much.
    pub(super) fn new(most_bytes: usize, most_channels: usize) -> Self {
        Self {
            slots: HashMap::new(),
            ages: BTreeMap::new(),
            barred: HashSet::new(),
            made: 0,
            bytes: 0,
            most_bytes,
            most_channels,
        }
    }

    /// The read of at least `limit` messages that is kept or on its way, or a new one; `None` where
    /// nothing is kept.
    pub(super) fn join(&mut self, channel: ChannelId, limit: u16) -> Option<Arc<Flight>> {
        if self.barred.contains(&channel) {
            return None;
        }
        let known = self.slots.get(&channel).filter(|slot| slot.flight.limit >= limit);
        if let Some(slot) = known {
            return Some(Arc::clone(&slot.flight));
        }
        self.forget(channel);
        self.made += 1;
        let flight = Arc::new(Flight { limit, ..Flight::default() });
        let slot = Slot { flight: Arc::clone(&flight), nth: self.made, bytes: 0 };
        self.ages.insert(slot.nth, channel);
        self.slots.insert(channel, slot);
        self.make_room();
        Some(flight)
    }

    /// A read came back with so many bytes. Nothing, when the channel was written to meanwhile.
    pub(super) fn landed(&mut self, channel: ChannelId, flight: &Arc<Flight>, bytes: usize) {
        let slot = self.slots.get_mut(&channel);
        let Some(slot) = slot.filter(|slot| Arc::ptr_eq(&slot.flight, flight)) else { return };
        self.bytes = self.bytes - slot.bytes + bytes;
        slot.bytes = bytes;
        self.make_room();
    }

    /// The page of a channel, if it is kept and has all these messages.
    pub(super) fn kept(&self, channel: ChannelId, ids: &[MessageId]) -> Option<Arc<Flight>> {
        let flight = &self.slots.get(&channel)?.flight;
        let page = flight.page.get()?;
        let has = |id: &MessageId| page.iter().any(|message| message.id == *id);
        ids.iter().all(has).then(|| Arc::clone(flight))
    }

    /// Lets go of a channel's page: who asks from now on begins anew.
    pub(super) fn forget(&mut self, channel: ChannelId) {
        if let Some(slot) = self.slots.remove(&channel) {
            self.ages.remove(&slot.nth);
            self.bytes -= slot.bytes;
        }
    }

    /// Keeps nothing of a channel any more: what is written there is not known.
    pub(super) fn bar(&mut self, channel: ChannelId) {
        self.barred.insert(channel);
        self.forget(channel);
    }

    fn make_room(&mut self) {
        while self.bytes > self.most_bytes || self.slots.len() > self.most_channels {
            let Some(oldest) = self.ages.values().next().copied() else { return };
            self.forget(oldest);
        }
    }
}

/// Bytes of messages as they are stored, and some for the rest.
pub(super) fn size(page: &[MessageRecord]) -> usize {
    struct Counted(usize);
    impl Write for Counted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut counted = Counted(size_of_val(page));
    for message in page {
        // Counting cannot fail, and a message that cannot be written was never stored.
        drop(serde_json::to_writer(&mut counted, message));
    }
    counted.0
}

#[cfg(test)]
mod tests {
    use model::id::UserId;
    use model::wire::id::Id;

    use super::*;

    const TEXT: ChannelId = Id::new(1);
    const OTHER: ChannelId = Id::new(2);

    fn said(channel: ChannelId, id: u64) -> MessageRecord {
        MessageRecord::said(Id::new(id), channel, UserId::new(9), "bread".to_owned())
    }

    fn read(shelf: &mut Shelf, channel: ChannelId, ids: &[u64]) -> Arc<Flight> {
        let flight = shelf.join(channel, 50).expect("kept");
        let page: Arc<[_]> = ids.iter().map(|id| said(channel, *id)).collect();
        shelf.landed(channel, &flight, size(&page));
        assert!(flight.page.set(page).is_ok());
        flight
    }

    #[test]
    fn who_asks_for_less_joins_and_who_asks_for_more_begins_anew() {
        let mut shelf = Shelf::new(1 << 20, 10);
        let first = shelf.join(TEXT, 50).expect("kept");

        assert!(Arc::ptr_eq(&first, &shelf.join(TEXT, 1).expect("kept")));
        let more = shelf.join(TEXT, 100).expect("kept");
        assert!(!Arc::ptr_eq(&first, &more));
        assert!(Arc::ptr_eq(&more, &shelf.join(TEXT, 50).expect("kept")));
    }

    #[test]
    fn what_lands_after_a_write_is_not_kept() {
        let mut shelf = Shelf::new(1 << 20, 10);
        let flight = shelf.join(TEXT, 50).expect("kept");
        shelf.forget(TEXT);

        shelf.landed(TEXT, &flight, size(&[said(TEXT, 1)]));

        assert_eq!((shelf.bytes, shelf.slots.len(), shelf.ages.len()), (0, 0, 0));
        assert!(!Arc::ptr_eq(&flight, &shelf.join(TEXT, 50).expect("kept")));
    }

    #[test]
    fn a_page_is_known_by_all_of_its_messages() {
        let mut shelf = Shelf::new(1 << 20, 10);
        read(&mut shelf, TEXT, &[3, 2]);

        assert!(shelf.kept(TEXT, &[Id::new(2), Id::new(3)]).is_some());
        assert!(shelf.kept(TEXT, &[Id::new(2), Id::new(1)]).is_none());
        assert!(shelf.kept(OTHER, &[]).is_none());
    }

    #[test]
    fn the_oldest_goes_when_it_is_too_much() {
        let two = 2 * size(&[said(TEXT, 1)]);
        let mut shelf = Shelf::new(two, 10);
        read(&mut shelf, TEXT, &[2, 1]);
        assert_eq!(shelf.bytes, two);
        read(&mut shelf, OTHER, &[4]);
        assert!(shelf.kept(TEXT, &[]).is_none() && shelf.kept(OTHER, &[]).is_some());
        // What is larger than all of it is not kept at all.
        shelf.forget(OTHER);
        read(&mut shelf, OTHER, &[7, 6, 5]);
        assert_eq!((shelf.bytes, shelf.slots.len()), (0, 0));

        let mut shelf = Shelf::new(two, 1);
        shelf.join(TEXT, 50);
        shelf.join(OTHER, 50);
        assert_eq!(shelf.slots.len(), 1);
    }

    #[test]
    fn nothing_is_kept_of_a_channel_whose_writes_are_not_known() {
        let mut shelf = Shelf::new(1 << 20, 10);
        read(&mut shelf, TEXT, &[1]);

        shelf.bar(TEXT);

        assert!(shelf.join(TEXT, 50).is_none());
        assert_eq!(shelf.bytes, 0);
    }
}
