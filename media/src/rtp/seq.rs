//! Wrapping counters and the window that refuses what was seen before.
//!
//! HOT: a few integer operations; never allocates.

/// Places `low`, the low 16 bits of a counter, next to `highest`, the full counter so far:
/// the candidate nearest to it (RFC 3711 §3.3.1). None when that would be below zero.
pub(crate) fn extend(highest: u64, low: u16) -> Option<u64> {
    let delta = i64::from(low.wrapping_sub(highest as u16) as i16);
    highest.checked_add_signed(delta)
}

/// How many numbers behind the highest are remembered (RFC 3711 §3.3.2 asks for 64 at least).
pub(crate) const WINDOW: u64 = 128;

/// Which of the last [`WINDOW`] numbers were seen.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReplayWindow {
    highest: Option<u64>,
    /// Bit `n` stands for `highest - n`.
    seen: u128,
}

impl ReplayWindow {
    /// The highest number so far.
    pub(crate) fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// Whether `number` is new and inside the window. Changes nothing: the packet may yet fail.
    pub(crate) fn is_new(&self, number: u64) -> bool {
        let Some(highest) = self.highest else { return true };
        match highest.checked_sub(number) {
            None => true,
            Some(behind) => behind < WINDOW && self.seen & (1 << behind) == 0,
        }
    }

    /// Which of the `longest` numbers before the highest were not seen: bit `n` stands for
    /// `highest - n`.
    pub(crate) fn missing(&self, longest: u64) -> u128 {
        let longest = longest.min(WINDOW - 1);
        !self.seen & ((1 << longest) - 1) << 1
    }

    /// Remembers an authenticated number.
    pub(crate) fn insert(&mut self, number: u64) {
        let Some(highest) = self.highest else {
            self.highest = Some(number);
            self.seen = 1;
            return;
        };
        match highest.checked_sub(number) {
            None => {
                let ahead = number - highest;
                self.seen = if ahead < WINDOW { self.seen << ahead } else { 0 } | 1;
                self.highest = Some(number);
            }
            Some(behind) if behind < WINDOW => self.seen |= 1 << behind,
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_extended_across_the_wrap_in_both_directions() {
        assert_eq!(extend(65_535, 0), Some(65_536));
        assert_eq!(extend(65_536, 65_535), Some(65_535));
        assert_eq!(extend(0, 65_535), None);
    }

    proptest! {
        #[test]
        fn the_window_agrees_with_a_set_of_everything_seen(
            steps in proptest::collection::vec(0u64..400, 1..300),
        ) {
            let mut window = ReplayWindow::default();
            let mut seen = HashSet::new();
            let mut highest = 0;
            for (index, step) in steps.into_iter().enumerate() {
                let number = step + 3 * index as u64;
                let expected = seen.is_empty()
                    || number > highest
                    || (highest - number < WINDOW && !seen.contains(&number));

                prop_assert_eq!(window.is_new(number), expected);

                if expected {
                    window.insert(number);
                    seen.insert(number);
                    highest = highest.max(number);
                }
            }
        }
    }
}
