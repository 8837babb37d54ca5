//! Numbers that look drawn and are the same in every run; packets lost by them on purpose. Pure.

/// A number from 0 to 1, below 1, by what it is for.
pub(super) fn part(seed: u64, of: [u64; 2]) -> f64 {
    // The finalizer of SplitMix64, once for each word.
    let mixed = of.into_iter().fold(seed, |state, word| {
        let mut z = (state ^ word).wrapping_add(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    });
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

/// What one client's network loses, each packet by itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dice {
    part: f64,
    client: u64,
    thrown: u64,
}

impl Dice {
    /// A network that loses this part of its packets, 0 to 1. Clients lose different ones.
    pub(super) const fn new(part: f64, client: u64) -> Self {
        Self { part, client, thrown: 0 }
    }

    /// Whether the next packet is lost.
    pub(super) fn drops(&mut self) -> bool {
        if self.part <= 0.0 {
            return false;
        }
        self.thrown += 1;
        part(self.client, [self.thrown, u64::MAX]) < self.part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_loses_its_part_and_no_two_networks_lose_the_same() {
        let lost = |client| {
            let mut dice = Dice::new(0.1, client);
            (0..10_000).filter(|_| dice.drops()).collect::<Vec<_>>()
        };

        let (one, two) = (lost(1), lost(2));

        for lost in [&one, &two] {
            assert!((900..1_100).contains(&lost.len()), "{}", lost.len());
        }
        assert_ne!(one, two);
        assert_eq!((0..100).filter(|_| Dice::new(0.0, 1).drops()).count(), 0);
    }
}
