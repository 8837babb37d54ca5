//! Which of many speakers a large room forwards: the last [`SPEAKERS`] who were loudest.
//!
//! In a room of hundreds where everybody's microphone is open, each listener would get hundreds of
//! streams. Nobody understands more than a few at once, and no browser decodes that many. Small
//! rooms forward everybody.
//!
//! Pure and HOT: a packet looks at [`SPEAKERS`] places at most; no allocation.

use std::time::Duration;
use std::time::Instant;

use crate::room::speakers::Loudness;

/// Speakers that a large room forwards at once. More cost every listener bandwidth and decoding;
/// fewer cut laughter and applause.
pub(crate) const SPEAKERS: usize = 16;
/// Members from which a room is large. Below, all are forwarded even if all speak.
pub(crate) const LARGE: usize = 33;
/// How long a chosen speaker keeps its place against louder ones; shorter chops words.
const HOLD: Duration = Duration::from_secs(1);
/// How much louder one must be to take another's place.
const MARGIN: u16 = 6;
/// Silence after which a place is free.
const FREE_AFTER: Duration = Duration::from_millis(500);

/// The chosen speakers of one room.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    places: [Option<Place>; SPEAKERS],
}

#[derive(Debug, Clone, Copy)]
struct Place {
    seat: usize,
    /// Whether it speaks with priority: it keeps its place against all who do not.
    priority: bool,
    since: Instant,
    heard: Instant,
    loudness: Loudness,
}

impl Selection {
    /// Whether a packet of the peer on `seat`, who is this loud now among `members`, goes on. With
    /// priority it does at once, unless all places are taken by others who have it.
    pub(crate) fn choose(
        &mut self,
        now: Instant,
        members: usize,
        (seat, priority): (usize, bool),
        loudness: Loudness,
    ) -> bool {
        if members < LARGE {
            return true;
        }
        if let Some(place) = self.places.iter_mut().flatten().find(|place| place.seat == seat) {
            (place.heard, place.loudness, place.priority) = (now, loudness, priority);
            return true;
        }
        let place = Place { seat, priority, since: now, heard: now, loudness };
        let is_free =
            |taken: Option<Place>| taken.is_none_or(|taken| taken.heard + FREE_AFTER <= now);
        if let Some(free) = self.places.iter_mut().find(|taken| is_free(**taken)) {
            *free = Some(place);
            return true;
        }
        let softest = self
            .places
            .iter_mut()
            .flatten()
            .filter(|place| !place.priority)
            .filter(|place| priority || place.since + HOLD <= now)
            .min_by_key(|place| place.loudness);
        match softest {
            Some(softest) if priority || softest.loudness.plus(MARGIN) < loudness => {
                *softest = place;
                true
            }
            _ => false,
        }
    }

    /// Frees the place of a peer that left.
    pub(crate) fn leave(&mut self, seat: usize) {
        for place in &mut self.places {
            if place.is_some_and(|taken| taken.seat == seat) {
                *place = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FRAME: Duration = Duration::from_millis(20);
    const SOFT: Loudness = Loudness::decibels(70);
    const LOUD: Loudness = Loudness::decibels(90);

    /// A large room in which the first seats speak softly since `start`.
    fn full(start: Instant) -> Selection {
        let mut selection = Selection::default();
        for seat in 0..SPEAKERS {
            assert!(selection.choose(start, LARGE, (seat, false), SOFT));
        }
        selection
    }

    #[test]
    fn a_small_room_forwards_everybody() {
        let now = Instant::now();
        let mut selection = Selection::default();

        for seat in 0..LARGE - 1 {
            assert!(selection.choose(now, LARGE - 1, (seat, false), SOFT));
        }
    }

    #[test]
    fn the_louder_takes_the_place_of_the_softest_once_that_was_heard_for_a_while() {
        let start = Instant::now();
        let mut selection = full(start);
        assert!(!selection.choose(start + FRAME, LARGE, (20, false), LOUD));

        let later = start + HOLD;
        for seat in 1..SPEAKERS {
            selection.choose(later, LARGE, (seat, false), LOUD);
        }
        selection.choose(later, LARGE, (0, false), SOFT);

        assert!(!selection.choose(later, LARGE, (20, false), SOFT.plus(MARGIN)));
        assert!(selection.choose(later, LARGE, (20, false), LOUD));
        assert!(!selection.choose(later, LARGE, (0, false), SOFT));
        assert!(selection.choose(later, LARGE, (20, false), SOFT));
    }

    #[test]
    fn a_place_is_free_when_its_speaker_fell_silent_or_left() {
        let start = Instant::now();
        let mut selection = full(start);
        assert!(!selection.choose(start + FRAME, LARGE, (20, false), SOFT));

        selection.leave(3);
        assert!(selection.choose(start + FRAME, LARGE, (20, false), SOFT));
        assert!(!selection.choose(start + FRAME, LARGE, (21, false), SOFT));
        assert!(selection.choose(start + FREE_AFTER, LARGE, (21, false), SOFT));
    }

    #[test]
    fn priority_takes_a_place_at_once_and_keeps_it_against_the_louder() {
        let start = Instant::now();
        let mut selection = full(start);

        assert!(selection.choose(start + FRAME, LARGE, (20, true), Loudness::SILENCE));
        let seats = |selection: &Selection| {
            selection.places.iter().flatten().filter(|place| place.seat < SPEAKERS).count()
        };
        assert_eq!(seats(&selection), SPEAKERS - 1);
        for frame in 0..200 {
            let now = start + FRAME * frame;
            for seat in 0..19 {
                selection.choose(now, LARGE, (seat, false), LOUD);
            }
            assert!(selection.choose(now, LARGE, (20, true), Loudness::SILENCE));
        }
        // Without it, it is one of many again.
        let later = start + FRAME * 200 + HOLD;
        assert!(selection.choose(later, LARGE, (20, false), Loudness::SILENCE));
        let free = (0..40).filter(|seat| selection.choose(later, LARGE, (*seat, false), LOUD));
        assert!(free.count() >= SPEAKERS);
        assert!(!selection.choose(later, LARGE, (20, false), Loudness::SILENCE));
    }

    proptest! {
        #[test]
        fn never_are_more_forwarded_than_there_are_places(
            packets in proptest::collection::vec((0usize..40, 0u16..128, 0u64..40), 1..400),
        ) {
            let mut now = Instant::now();
            let mut selection = Selection::default();
            for (seat, decibels, millis) in packets {
                now += Duration::from_millis(millis);
                let loudness = Loudness::decibels(decibels);
                let choice = selection.choose(now, 40, (seat, false), loudness);
                let mut seats: Vec<_> =
                    selection.places.iter().flatten().map(|place| place.seat).collect();
                prop_assert_eq!(choice, seats.contains(&seat));
                seats.sort_unstable();
                seats.dedup();
                prop_assert_eq!(seats.len(), selection.places.iter().flatten().count());
            }
        }
    }
}
