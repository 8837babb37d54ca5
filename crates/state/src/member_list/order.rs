//! An ordered list of people with places: found by a comparison, inserted and removed anywhere.
//!
//! Chunks of ids: eight bytes a person and a little room. A million of them are two thousand chunks,
//! so that a place is found in some microseconds.

use std::cmp::Ordering;

use model::id::UserId;

/// See the module.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ordered {
    chunks: Vec<Vec<UserId>>,
    len: usize,
}

impl Ordered {
    /// Of people who are in order already.
    pub(crate) fn of(people: &[UserId]) -> Self {
        let chunks = people.chunks(FILLED).map(<[_]>::to_vec).collect();
        Self { chunks, len: people.len() }
    }

    /// Of people who are in order already.
    pub(crate) fn from_sorted(people: impl Iterator<Item = UserId>) -> Self {
        let mut list = Self::default();
        for user in people {
            match list.chunks.last_mut() {
                Some(chunk) if chunk.len() < FILLED => chunk.push(user),
                _ => {
                    let mut chunk = Vec::with_capacity(FILLED);
                    chunk.push(user);
                    list.chunks.push(chunk);
                }
            }
            list.len += 1;
        }
        list
    }

    /// How many of them come before: all for whom that holds come first.
    pub(crate) fn place(&self, before: impl Fn(UserId) -> bool) -> usize {
        let first = |chunk: &Vec<UserId>| chunk.first().is_some_and(|first| before(*first));
        let at = self.chunks.partition_point(first).saturating_sub(1);
        let Some(chunk) = self.chunks.get(at) else { return 0 };
        self.before(at) + chunk.partition_point(|other| before(*other))
    }

    /// How many.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Bytes of memory, with the room in it.
    pub(crate) fn bytes(&self) -> usize {
        let room: usize = self.chunks.iter().map(Vec::capacity).sum();
        room * size_of::<UserId>() + self.chunks.capacity() * size_of::<Vec<UserId>>()
    }

    /// From that place on, in order.
    pub(crate) fn from(&self, place: usize) -> impl Iterator<Item = UserId> {
        let mut skip = place;
        let mut first = self.chunks.len();
        for (at, chunk) in self.chunks.iter().enumerate() {
            if skip < chunk.len() {
                first = at;
                break;
            }
            skip -= chunk.len();
        }
        self.chunks[first..].iter().flatten().copied().skip(skip)
    }

    /// Puts someone where `than` says: how another one compares to them. Their place.
    pub(crate) fn insert(&mut self, user: UserId, than: impl Fn(UserId) -> Ordering) -> usize {
        let before =
            |chunk: &Vec<UserId>| chunk.first().is_some_and(|first| than(*first) == Ordering::Less);
        let at = self.chunks.partition_point(before).saturating_sub(1);
        if self.chunks.is_empty() {
            self.chunks.push(Vec::with_capacity(FILLED));
        }
        let within = self.chunks[at].partition_point(|other| than(*other) == Ordering::Less);
        self.chunks[at].insert(within, user);
        self.len += 1;
        let place = self.before(at) + within;
        if self.chunks[at].len() > FULL {
            let rest = self.chunks[at].split_off(FULL / 2);
            self.chunks[at].shrink_to(FILLED);
            self.chunks.insert(at + 1, rest);
        }
        place
    }

    /// The place of someone who is where `than` says, or, when that has changed, wherever they are.
    pub(crate) fn find(&self, user: UserId, than: impl Fn(UserId) -> Ordering) -> Option<usize> {
        let (at, within) = self.seek(user, than)?;
        Some(self.before(at) + within)
    }

    /// Whether whoever is at that place is where `than` says.
    pub(crate) fn is_in_order(&self, place: usize, than: impl Fn(UserId) -> Ordering) -> bool {
        let around = |place: Option<usize>, wanted: Ordering| {
            let other = place.and_then(|place| self.from(place).next());
            other.is_none_or(|other| than(other) == wanted)
        };
        around(place.checked_sub(1), Ordering::Less) && around(Some(place + 1), Ordering::Greater)
    }

    /// Takes someone out, as [`find`](Self::find) finds them. The place where they were.
    pub(crate) fn remove(
        &mut self,
        user: UserId,
        than: impl Fn(UserId) -> Ordering,
    ) -> Option<usize> {
        let (at, within) = self.seek(user, than)?;
        let place = self.before(at) + within;
        self.chunks[at].remove(within);
        if self.chunks[at].is_empty() {
            self.chunks.remove(at);
        }
        self.len -= 1;
        Some(place)
    }

    /// The chunk of someone, and the place in it.
    fn seek(&self, user: UserId, than: impl Fn(UserId) -> Ordering) -> Option<(usize, usize)> {
        let before =
            |chunk: &Vec<UserId>| chunk.first().is_some_and(|first| than(*first) == Ordering::Less);
        let within = |at: usize| {
            let within = self.chunks[at].iter().position(|other| *other == user)?;
            Some((at, within))
        };
        let start = self.chunks.partition_point(before).saturating_sub(1);
        let near = (start..self.chunks.len()).take(2).find_map(within);
        near.or_else(|| (0..self.chunks.len()).find_map(within))
    }

    fn before(&self, chunk: usize) -> usize {
        self.chunks[..chunk].iter().map(Vec::len).sum()
    }
}

/// People in a chunk when it is made, and when it is divided. More costs moves, fewer costs sums.
const FILLED: usize = 512;
const FULL: usize = 1_024;

#[cfg(test)]
mod tests {
    use model::wire::id::Id;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_sorted_list(
            steps in prop::collection::vec((any::<bool>(), 1..400_u64), 0..3_000),
            begin in prop::collection::btree_set(1..400_u64, 0..400),
        ) {
            let mut model: Vec<u64> = begin.into_iter().collect();
            let people: Vec<UserId> = model.iter().map(|id| Id::new(*id)).collect();
            let mut list = Ordered::of(&people);
            for (add, id) in steps {
                let user: UserId = Id::new(id);
                let than = |other: UserId| other.cmp(&user);
                match (add, model.binary_search(&id)) {
                    (true, Err(place)) => {
                        model.insert(place, id);
                        prop_assert_eq!(list.insert(user, than), place);
                    }
                    (false, Ok(place)) => {
                        model.remove(place);
                        prop_assert_eq!(list.remove(user, than), Some(place));
                    }
                    (false, Err(_)) => prop_assert_eq!(list.remove(user, than), None),
                    (true, Ok(_)) => {}
                }
                prop_assert_eq!(list.len(), model.len());
            }
            for place in [0, 1, model.len() / 2, model.len()] {
                let there: Vec<u64> = list.from(place).map(Id::get).collect();
                prop_assert_eq!(&there[..], &model[place.min(model.len())..]);
            }
        }
    }

    #[test]
    fn a_long_list_is_divided_and_keeps_its_order() {
        let mut list = Ordered::default();
        for id in (1..=10_000_u64).rev() {
            let user: UserId = Id::new(id);
            list.insert(user, |other| other.cmp(&user));
        }

        assert!(list.chunks.len() > 8);
        let all: Vec<u64> = list.from(0).map(Id::get).collect();
        assert_eq!(all, (1..=10_000).collect::<Vec<_>>());
        // Wherever they are, when the comparison tells it no more.
        assert_eq!(list.remove(Id::new(5_000), |_| Ordering::Greater), Some(4_999));
    }
}
