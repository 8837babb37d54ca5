//! Which layer of each track a viewer gets, of what it wants and its line carries. Pure.
//!
//! Everybody's lowest layer first, in order of priority; then, in the same order, the best that fits.

use crate::video::LAYERS;
use crate::video::Track;

/// A layer above the present one must leave this much of the budget free, or it would be left again
/// with the next breath: 115 in 100.
const HEADROOM: u64 = 115;
/// How much of its lowest layer must fit for the first picture to be sent, in 100.
const ANYWAY: u64 = 60;
/// What a layer that has only begun is taken for, in bits a second: its rate is not known yet.
const UNKNOWN: u64 = 50_000;

/// A track that a viewer wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// Which of the viewer's sights it is.
    pub(crate) sight: usize,
    pub(crate) track: Track,
    /// 1 to 100.
    pub(crate) quality: u8,
    /// Bits a second of each layer that is sent.
    pub(crate) rates: [Option<u64>; LAYERS],
    /// The layer that it has.
    pub(crate) current: Option<u8>,
    /// The layer that it gets.
    pub(crate) chosen: Option<u8>,
}

impl Candidate {
    /// Fills a place that none takes.
    pub(crate) const NONE: Self = Self {
        sight: 0,
        track: Track::Camera,
        quality: 0,
        rates: [None; LAYERS],
        current: None,
        chosen: None,
    };

    /// Sound first, which is small; then what is looked at; then screens before cameras.
    fn priority(&self) -> (bool, u8, bool) {
        (self.track == Track::Sound, self.quality, self.track == Track::Screen)
    }

    /// The highest layer that its quality asks for.
    fn highest(&self) -> usize {
        match self.quality {
            0..=33 => 0,
            34..=66 => 1,
            _ => LAYERS - 1,
        }
    }

    fn cost(&self, layer: usize) -> Option<u64> {
        let rate = self.rates.get(layer).copied().flatten()?.max(UNKNOWN);
        let rises = self.current.is_some_and(|current| layer > usize::from(current));
        Some(if rises { rate * HEADROOM / 100 } else { rate })
    }
}

/// Fills in `chosen`, within `budget` bits a second. Reorders the candidates.
pub(crate) fn choose(candidates: &mut [Candidate], budget: u64) {
    candidates.sort_unstable_by_key(|candidate| std::cmp::Reverse(candidate.priority()));
    let (mut left, mut seen) = (budget, false);
    for candidate in candidates.iter_mut() {
        candidate.chosen = None;
        let lowest = (0..LAYERS).find_map(|layer| Some((layer, candidate.cost(layer)?)));
        // Where only a higher layer is sent, that is the lowest. The first picture may cost more than
        // there is: a line that carries none tells nothing of itself.
        let is_first = !seen && candidate.track != Track::Sound;
        seen |= is_first;
        let fits = |cost: u64| cost <= left || (is_first && cost * ANYWAY / 100 <= left);
        if let Some((layer, cost)) = lowest.filter(|(_, cost)| fits(*cost)) {
            candidate.chosen = Some(layer as u8);
            left = left.saturating_sub(cost);
        }
    }
    for candidate in candidates.iter_mut() {
        let Some(lowest) = candidate.chosen.map(usize::from) else { continue };
        let Some(paid) = candidate.cost(lowest) else { continue };
        for layer in (lowest + 1..=candidate.highest()).rev() {
            if let Some(cost) = candidate.cost(layer).filter(|cost| *cost <= left + paid) {
                candidate.chosen = Some(layer as u8);
                left = left + paid - cost;
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAMERA: Candidate = Candidate {
        sight: 0,
        track: Track::Camera,
        quality: 100,
        rates: [Some(150_000), Some(500_000), Some(1_500_000)],
        current: None,
        chosen: None,
    };

    fn chosen(mut candidates: Vec<Candidate>, budget: u64) -> Vec<Option<u8>> {
        for (sight, candidate) in candidates.iter_mut().enumerate() {
            candidate.sight = sight;
        }
        choose(&mut candidates, budget);
        candidates.sort_by_key(|candidate| candidate.sight);
        candidates.into_iter().map(|candidate| candidate.chosen).collect()
    }

    #[test]
    fn a_viewer_gets_the_best_that_its_line_carries() {
        for (budget, layer) in [
            (2_000_000, Some(2)),
            (1_499_999, Some(1)),
            (400_000, Some(0)),
            (100_000, Some(0)),
            (80_000, None),
        ] {
            assert_eq!(chosen(vec![CAMERA], budget), [layer], "{budget}");
        }
    }

    #[test]
    fn everybody_is_seen_before_anybody_is_seen_well_and_what_is_looked_at_comes_first() {
        let small = Candidate { quality: 50, ..CAMERA };
        let screen =
            Candidate { track: Track::Screen, rates: [Some(400_000), None, None], ..small };

        assert_eq!(chosen(vec![small, CAMERA], 700_000), [Some(0), Some(1)]);
        assert_eq!(chosen(vec![small, screen], 450_000), [None, Some(0)]);
        assert_eq!(chosen(vec![small, CAMERA], 100_000), [None, Some(0)]);
    }

    #[test]
    fn a_small_picture_gets_no_more_than_it_asks_for() {
        for (quality, layer) in [(100, 2), (50, 1), (20, 0)] {
            let candidate = Candidate { quality, ..CAMERA };

            assert_eq!(chosen(vec![candidate], 9_000_000), [Some(layer)]);
        }
    }

    #[test]
    fn a_layer_is_kept_where_it_would_not_be_climbed_to() {
        let low = Candidate { current: Some(0), ..CAMERA };
        let high = Candidate { current: Some(2), ..CAMERA };

        assert_eq!(chosen(vec![low], 1_600_000), [Some(1)]);
        assert_eq!(chosen(vec![high], 1_600_000), [Some(2)]);
    }

    #[test]
    fn a_layer_that_is_not_sent_is_not_chosen() {
        let only_high = Candidate { rates: [None, None, Some(900_000)], ..CAMERA };

        assert_eq!(chosen(vec![only_high], 1_000_000), [Some(2)]);
        assert_eq!(chosen(vec![Candidate { rates: [None; LAYERS], ..CAMERA }], 1_000_000), [None]);
    }
}
