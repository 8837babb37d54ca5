//! Which pages are kept, and which are on their way. Pure: what is read is its caller's business.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::HashSet;
use std::io;
use std::io::Write;
use std::sync::Arc;

use model::id::ChannelId;
use model::id::MessageId;
use model::id::UserId;
use model::limits;
use tokio::sync::OnceCell;

use crate::record::MessageRecord;
use crate::record::ReactionCount;
use crate::repo::Given;
use crate::repo::Page;

/// One read of a page, for all who join it, and what came of it.
pub(super) struct Flight {
    /// Which page.
    pub(super) of: Page,
    /// So many messages at most.
    pub(super) limit: u16,
    /// What was read.
    pub(super) page: OnceCell<Arc<[MessageRecord]>>,
    /// Who reacted to them; none when too many did.
    pub(super) given: OnceCell<Option<Given>>,
}

impl Flight {
    /// Whether it brings what is asked for.
    fn serves(&self, of: Page, limit: u16) -> bool {
        let first = matches!(of, Page::Latest | Page::Before(_));
        self.of == of && if first { self.limit >= limit } else { self.limit == limit }
    }

    /// Whether what it brought is true after that write, too.
    fn stands(&self, wrote: Wrote<'_>) -> bool {
        let page = self.page.get();
        match (wrote, self.of) {
            (Wrote::New(id), Page::Before(end)) => end <= id,
            (Wrote::New(id), Page::After(_)) => page.is_some_and(|page| {
                page.len() == usize::from(self.limit)
                    && page.first().is_some_and(|newest| newest.id < id)
            }),
            (Wrote::New(id), Page::Around(middle)) => page.is_some_and(|page| {
                let newer = page.iter().filter(|message| message.id > middle).count();
                newer == usize::from(self.limit / 2)
                    && id > middle
                    && page.first().is_some_and(|newest| newest.id < id)
            }),
            (Wrote::New(_), Page::Latest) => false,
            (Wrote::Changed(ids), _) => {
                page.is_some_and(|page| !page.iter().any(|message| ids.contains(&message.id)))
            }
        }
    }
}

/// What was written in a channel.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wrote<'a> {
    /// A message.
    New(MessageId),
    /// Messages that were there: what they say, what was given to them, or that they are there at all.
    Changed(&'a [MessageId]),
}

struct Slot {
    flight: Arc<Flight>,
    /// When it was last asked for; smaller is longer ago.
    nth: u64,
    bytes: usize,
}

/// See the module.
pub(super) struct Shelf {
    channels: HashMap<ChannelId, Vec<Slot>>,
    /// Channels of pages by when these were last asked for.
    ages: BTreeMap<u64, ChannelId>,
    /// Channels whose pages are not kept any more.
    barred: HashSet<ChannelId>,
    asked: u64,
    bytes: usize,
    most_bytes: usize,
    most_pages: usize,
}

impl Shelf {
    /// Keeps at most so much.
    pub(super) fn new(most_bytes: usize, most_pages: usize) -> Self {
        Self {
            channels: HashMap::new(),
            ages: BTreeMap::new(),
            barred: HashSet::new(),
            asked: 0,
            bytes: 0,
            most_bytes,
            most_pages,
        }
    }

    /// The read of that page that is kept or on its way, or a new one; `None` where nothing is kept.
    pub(super) fn join(&mut self, channel: ChannelId, of: Page, limit: u16) -> Option<Arc<Flight>> {
        if self.barred.contains(&channel) {
            return None;
        }
        self.asked += 1;
        let slots = self.channels.entry(channel).or_default();
        if let Some(slot) = slots.iter_mut().find(|slot| slot.flight.serves(of, limit)) {
            self.ages.remove(&slot.nth);
            slot.nth = self.asked;
            self.ages.insert(slot.nth, channel);
            return Some(Arc::clone(&slot.flight));
        }
        let (page, given) = (OnceCell::new(), OnceCell::new());
        let flight = Arc::new(Flight { of, limit, page, given });
        slots.push(Slot { flight: Arc::clone(&flight), nth: self.asked, bytes: 0 });
        self.ages.insert(self.asked, channel);
        // One that brings more is in place of the one that brought less.
        let replaced = |slot: &Slot| {
            slot.nth != self.asked && flight.serves(slot.flight.of, slot.flight.limit)
        };
        let slots = &self.channels[&channel];
        let oldest = slots.iter().map(|slot| slot.nth).min();
        let many = oldest.filter(|_| slots.len() > limits::PAGES_KEPT);
        let gone = slots.iter().filter(|slot| replaced(slot)).map(|slot| slot.nth).next();
        if let Some(gone) = gone.or(many) {
            self.drop_page(channel, gone);
        }
        self.make_room();
        Some(flight)
    }

    /// A read came back with so many bytes more. Nothing, when it is not kept any more.
    pub(super) fn landed(&mut self, channel: ChannelId, flight: &Arc<Flight>, bytes: usize) {
        let mut slots = self.channels.get_mut(&channel).into_iter().flatten();
        let Some(slot) = slots.find(|slot| Arc::ptr_eq(&slot.flight, flight)) else { return };
        self.bytes += bytes;
        slot.bytes += bytes;
        self.make_room();
    }

    /// A page of a channel that is kept and has all these messages.
    pub(super) fn kept(&self, channel: ChannelId, ids: &[MessageId]) -> Option<Arc<Flight>> {
        let slots = self.channels.get(&channel)?;
        let has_all = |slot: &&Slot| {
            let page = slot.flight.page.get();
            page.is_some_and(|page| {
                ids.iter().all(|id| page.iter().any(|message| message.id == *id))
            })
        };
        slots.iter().find(has_all).map(|slot| Arc::clone(&slot.flight))
    }

    /// Lets go of the pages of a channel that a write made untrue, and of those that are on their way: who
    /// asks for them from now on begins anew.
    pub(super) fn wrote(&mut self, channel: ChannelId, wrote: Wrote<'_>) {
        let slots = self.channels.get(&channel).into_iter().flatten();
        let gone = slots.filter(|slot| !slot.flight.stands(wrote)).map(|slot| slot.nth);
        for nth in gone.collect::<Vec<_>>() {
            self.drop_page(channel, nth);
        }
    }

    /// Keeps nothing of a channel any more: what is written there is not known.
    pub(super) fn bar(&mut self, channel: ChannelId) {
        self.barred.insert(channel);
        let slots = self.channels.get(&channel).into_iter().flatten();
        for nth in slots.map(|slot| slot.nth).collect::<Vec<_>>() {
            self.drop_page(channel, nth);
        }
    }

    fn drop_page(&mut self, channel: ChannelId, nth: u64) {
        self.ages.remove(&nth);
        let Some(slots) = self.channels.get_mut(&channel) else { return };
        if let Some(place) = slots.iter().position(|slot| slot.nth == nth) {
            self.bytes -= slots.swap_remove(place).bytes;
        }
        if slots.is_empty() {
            self.channels.remove(&channel);
        }
    }

    fn make_room(&mut self) {
        while self.bytes > self.most_bytes || self.ages.len() > self.most_pages {
            let oldest = self.ages.iter().next().map(|(nth, channel)| (*nth, *channel));
            let Some((nth, channel)) = oldest else { return };
            self.drop_page(channel, nth);
        }
    }
}

/// What `user` is shown of the reactions to these messages; those without any are left out.
pub(super) fn counts(
    given: &Given,
    ids: &[MessageId],
    user: UserId,
) -> Vec<(MessageId, Vec<ReactionCount>)> {
    let of = |id: &MessageId| {
        let (_, given) = given.iter().find(|(message, _)| message == id)?;
        let counts = given.iter().map(|(emoji, users)| ReactionCount {
            emoji: emoji.clone(),
            count: u32::try_from(users.len()).unwrap_or(u32::MAX),
            me: users.contains(&user),
        });
        Some((*id, counts.collect()))
    };
    ids.iter().filter_map(of).collect()
}

/// Bytes of reactions in memory.
pub(super) fn weight(given: &Given) -> usize {
    let emojis = given.iter().flat_map(|(_, given)| given);
    let emojis = emojis.map(|(emoji, users)| {
        size_of_val(emoji) + emoji.name.len() + size_of_val(users) + size_of_val(&users[..])
    });
    size_of_val(&given[..]) + emojis.sum::<usize>()
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
    use model::wire::id::Id;
    use proptest::prelude::*;

    use super::*;

    const TEXT: ChannelId = Id::new(1);
    const OTHER: ChannelId = Id::new(2);

    fn said(channel: ChannelId, id: u64) -> MessageRecord {
        MessageRecord::said(Id::new(id), channel, UserId::new(9), "bread".to_owned())
    }

    fn read(shelf: &mut Shelf, channel: ChannelId, ids: &[u64]) -> Arc<Flight> {
        let flight = shelf.join(channel, Page::Latest, 50).expect("kept");
        let page: Arc<[_]> = ids.iter().map(|id| said(channel, *id)).collect();
        shelf.landed(channel, &flight, size(&page));
        assert!(flight.page.set(page).is_ok());
        flight
    }

    #[test]
    fn who_asks_for_less_joins_and_who_asks_for_more_begins_anew() {
        let mut shelf = Shelf::new(1 << 20, 10);
        let first = shelf.join(TEXT, Page::Latest, 50).expect("kept");

        assert!(Arc::ptr_eq(&first, &shelf.join(TEXT, Page::Latest, 1).expect("kept")));
        let more = shelf.join(TEXT, Page::Latest, 100).expect("kept");
        assert!(!Arc::ptr_eq(&first, &more));
        assert!(Arc::ptr_eq(&more, &shelf.join(TEXT, Page::Latest, 50).expect("kept")));
    }

    #[test]
    fn what_lands_after_a_write_is_not_kept() {
        let mut shelf = Shelf::new(1 << 20, 10);
        let flight = shelf.join(TEXT, Page::Latest, 50).expect("kept");
        shelf.wrote(TEXT, Wrote::New(Id::new(1)));

        shelf.landed(TEXT, &flight, size(&[said(TEXT, 1)]));

        assert_eq!((shelf.bytes, shelf.channels.len(), shelf.ages.len()), (0, 0, 0));
        assert!(!Arc::ptr_eq(&flight, &shelf.join(TEXT, Page::Latest, 50).expect("kept")));
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
        shelf.wrote(OTHER, Wrote::New(Id::new(9)));
        read(&mut shelf, OTHER, &[7, 6, 5]);
        assert_eq!((shelf.bytes, shelf.ages.len()), (0, 0));

        let mut shelf = Shelf::new(two, 1);
        shelf.join(TEXT, Page::Latest, 50);
        shelf.join(OTHER, Page::Latest, 50);
        assert_eq!(shelf.ages.len(), 1);
    }

    #[test]
    fn nothing_is_kept_of_a_channel_whose_writes_are_not_known() {
        let mut shelf = Shelf::new(1 << 20, 10);
        read(&mut shelf, TEXT, &[1]);

        shelf.bar(TEXT);

        assert!(shelf.join(TEXT, Page::Latest, 50).is_none());
        assert_eq!(shelf.bytes, 0);
    }

    /// What storage would answer.
    fn stored(all: &BTreeMap<u64, u64>, of: Page, limit: u16) -> Vec<(u64, u64)> {
        let limit = usize::from(limit);
        let pair = |(id, text): (&u64, &u64)| (*id, *text);
        let newer = |id: MessageId, most: usize| {
            all.range(id.get() + 1..).take(most).map(pair).collect::<Vec<_>>()
        };
        let mut found: Vec<_> = match of {
            Page::Latest => all.iter().rev().take(limit).map(pair).collect(),
            Page::Before(id) => all.range(..id.get()).rev().take(limit).map(pair).collect(),
            Page::After(id) => newer(id, limit),
            Page::Around(id) => {
                let older = all.range(..=id.get()).rev().take(limit - limit / 2).map(pair);
                newer(id, limit / 2).into_iter().chain(older).collect()
            }
        };
        found.sort_unstable_by(|one, other| other.cmp(one));
        found
    }

    proptest! {
        #[test]
        fn what_is_kept_is_what_storage_would_answer(
            begin in prop::collection::btree_set(1..60_u64, 0..20),
            steps in prop::collection::vec((0..7_u8, 1..60_u64, 1..8_u16), 0..80),
        ) {
            let mut all: BTreeMap<u64, u64> = begin.into_iter().map(|id| (id, 0)).collect();
            let mut shelf = Shelf::new(1 << 20, 1_000);
            for (nth, (kind, id, limit)) in steps.into_iter().enumerate() {
                let message: MessageId = Id::new(id);
                let of = match kind {
                    0 => Page::Latest,
                    1 => Page::Before(message),
                    2 => Page::After(message),
                    3 => Page::Around(message),
                    4 => {
                        // Out of order too, as writes that come together may be.
                        if all.insert(id, nth as u64 + 1).is_none() {
                            shelf.wrote(TEXT, Wrote::New(message));
                        } else {
                            shelf.wrote(TEXT, Wrote::Changed(&[message]));
                        }
                        continue;
                    }
                    5 => {
                        all.insert(100 + nth as u64, nth as u64);
                        shelf.wrote(TEXT, Wrote::New(Id::new(100 + nth as u64)));
                        continue;
                    }
                    _ => {
                        all.remove(&id);
                        shelf.wrote(TEXT, Wrote::Changed(&[message]));
                        continue;
                    }
                };
                let flight = shelf.join(TEXT, of, limit).expect("kept");
                let wanted = stored(&all, of, limit);
                if flight.page.get().is_none() {
                    let page = stored(&all, of, flight.limit).into_iter().map(|(id, text)| {
                        let content = text.to_string();
                        MessageRecord::said(Id::new(id), TEXT, UserId::new(9), content)
                    });
                    let page: Arc<[_]> = page.collect();
                    shelf.landed(TEXT, &flight, size(&page));
                    prop_assert!(flight.page.set(page).is_ok());
                }
                let page = flight.page.get().into_iter().flat_map(|page| page.iter());
                let page = page.take(limit.into());
                let page: Vec<_> =
                    page.map(|one| (one.id.get(), one.content.parse().expect("a number"))).collect();
                prop_assert_eq!(page, wanted);
                prop_assert!(shelf.channels[&TEXT].len() <= limits::PAGES_KEPT);
                let bytes: usize = shelf.channels[&TEXT].iter().map(|slot| slot.bytes).sum();
                prop_assert_eq!((shelf.bytes, shelf.ages.len()), (bytes, shelf.channels[&TEXT].len()));
            }
        }
    }

    #[test]
    fn pages_of_the_past_stay_while_people_speak() {
        let mut shelf = Shelf::new(1 << 20, 10);
        for (of, ids) in [
            (Page::Before(Id::new(5)), &[4, 3][..]),
            (Page::After(Id::new(5)), &[7, 6]),
            (Page::Around(Id::new(5)), &[6, 5]),
            (Page::Latest, &[9, 8]),
        ] {
            let flight = shelf.join(TEXT, of, 2).expect("kept");
            let page: Arc<[_]> = ids.iter().map(|id| said(TEXT, *id)).collect();
            assert!(flight.page.set(page).is_ok());
        }

        shelf.wrote(TEXT, Wrote::New(Id::new(10)));
        let left = |shelf: &Shelf| {
            let mut left: Vec<_> =
                shelf.channels.values().flatten().map(|slot| slot.flight.of).collect();
            left.sort_unstable_by_key(|of| format!("{of:?}"));
            left
        };
        let [after, around, before] =
            [Page::After(Id::new(5)), Page::Around(Id::new(5)), Page::Before(Id::new(5))];
        assert_eq!(left(&shelf), [after, around, before]);
        shelf.wrote(TEXT, Wrote::Changed(&[Id::new(6)]));
        assert_eq!(left(&shelf), [before]);
    }

    #[test]
    fn what_is_asked_for_stays_when_others_go() {
        let mut shelf = Shelf::new(1 << 20, 2);
        let first = shelf.join(TEXT, Page::Latest, 50).expect("kept");
        shelf.join(OTHER, Page::Latest, 50);
        shelf.join(TEXT, Page::Latest, 50);

        shelf.join(OTHER, Page::Before(Id::new(7)), 50);

        assert!(Arc::ptr_eq(&first, &shelf.join(TEXT, Page::Latest, 50).expect("kept")));
    }
}
