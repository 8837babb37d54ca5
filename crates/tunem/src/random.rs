//! Chance from a seed: the same seed gives the same network. No source of secrets.

/// A generator of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators).
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// A generator that this seed determines.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to below 1.
    pub(crate) fn part(&mut self) -> f64 {
        // The 53 bits that a double holds exactly.
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Whether something of this likelihood, 0 to 1, happens.
    pub(crate) fn happens(&mut self, likelihood: f64) -> bool {
        self.part() < likelihood
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_and_another_gives_another() {
        let [mut one, mut same, mut other] = [1, 1, 2].map(Random::new);

        let parts: Vec<_> = (0..8).map(|_| one.part()).collect();
        assert!(parts.iter().all(|part| *part == same.part() && (0.0..1.0).contains(part)));
        assert!(parts.iter().any(|part| *part != other.part()));
    }

    #[test]
    fn what_is_likely_happens_as_often_as_it_is() {
        let mut random = Random::new(3);
        let happened = (0..100_000).filter(|_| random.happens(0.3)).count();

        assert!((29_500..30_500).contains(&happened), "{happened}");
        assert!(!random.happens(0.0) && random.happens(1.0));
    }
}
