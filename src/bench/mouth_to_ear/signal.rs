//! What the mouth says, and how late the ear heard it. Pure.

/// Samples a second.
pub(super) const RATE: usize = 48_000;
/// From one chirp to the next, in samples.
pub(super) const PERIOD: usize = RATE;
/// Where in its period a chirp begins, in samples: in no frame's first sample.
const OFFSET: usize = RATE / 4 + 123;
/// How long a chirp is, in samples.
const LENGTH: usize = RATE / 10;
/// Where its tone begins and ends, in hertz: a telephone's band and an octave more.
const TONES: [f32; 2] = [300.0, 6_000.0];
/// How loud it is, 0 to 1.
const LEVEL: f32 = 0.5;
/// How like the chirp a sound must be to be it, 0 to 1.
const LIKE: f64 = 0.6;

/// A tone that rises, and swells and fades so that nothing clicks. Delayed by a sample it is like
/// nothing but itself.
pub(super) fn chirp() -> Vec<f32> {
    use std::f32::consts::TAU;

    let seconds = LENGTH as f32 / RATE as f32;
    let sample = |index: usize| {
        let t = index as f32 / RATE as f32;
        let phase = TAU * (TONES[0] * t + (TONES[1] - TONES[0]) * t * t / (2.0 * seconds));
        let swell = (TAU / 2.0 * index as f32 / LENGTH as f32).sin().powi(2);
        LEVEL * swell * phase.sin()
    };
    (0..LENGTH).map(sample).collect()
}

/// Where a chirp begins, in samples from the start.
pub(super) const fn begins(chirp: usize) -> usize {
    chirp * PERIOD + OFFSET
}

/// Samples of a microphone into which a chirp is played every second, from sample `from` on.
pub(super) fn microphone(chirp: &[f32], from: usize, samples: &mut [f32]) {
    for (sample, at) in samples.iter_mut().zip(from..) {
        let into = (at % PERIOD).checked_sub(OFFSET);
        *sample = into.and_then(|into| chirp.get(into)).copied().unwrap_or(0.0);
    }
}

/// By how many samples, up to `most`, `heard` is later than `said`. `None` when it is not in there.
pub(super) fn lag(said: &[f32], heard: &[f32], most: usize) -> Option<usize> {
    let square = |sample: &f32| f64::from(*sample).powi(2);
    let own = said.iter().map(square).sum::<f64>().sqrt();
    // The energy up to each sample: that of a window is a difference.
    let mut energy = vec![0.0];
    energy.extend(heard.iter().map(square).scan(0.0, |sum, square| {
        *sum += square;
        Some(*sum)
    }));
    let like = |(lag, window): (usize, &[f32])| {
        let product: f32 = window.iter().zip(said).map(|(heard, said)| heard * said).sum();
        let window = (energy[lag + said.len()] - energy[lag]).max(0.0).sqrt();
        // A codec may turn the wave over; quiet is like nothing.
        (lag, f64::from(product).abs() / (own * window).max(1e-6))
    };
    let windows = heard.windows(said.len()).take(most + 1).enumerate().map(like);
    let (lag, best) = windows.max_by(|(_, one), (_, two)| one.total_cmp(two))?;
    (best >= LIKE).then_some(lag)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a microphone takes up in three seconds.
    fn said() -> Vec<f32> {
        let mut samples = vec![0.0; 3 * PERIOD];
        microphone(&chirp(), 0, &mut samples);
        samples
    }

    #[test]
    fn the_lag_of_a_chirp_is_found_to_the_sample_in_noise() {
        let (chirp, said) = (chirp(), said());
        for late in [0, 1, 960, 1_519] {
            let noise = |index: usize| ((index * 7_919) % 997) as f32 / 997.0 * 0.2 - 0.1;
            let heard = |index: usize| {
                index.checked_sub(late).map_or(0.0, |index| said[index]) + noise(index)
            };
            let from = begins(1);
            let heard: Vec<_> = (from..from + LENGTH + 2_000).map(heard).collect();

            assert_eq!(lag(&chirp, &heard, 2_000), Some(late));
        }
    }

    #[test]
    fn what_is_not_there_or_too_late_has_no_lag() {
        let (chirp, said) = (chirp(), said());
        let from = begins(1);

        assert_eq!(lag(&chirp, &vec![0.0; LENGTH + 500], 500), None);
        assert_eq!(lag(&chirp, &said[from - 5_000..], 2_000), None);
        assert_eq!(lag(&chirp, &[], 2_000), None);
    }

    #[test]
    fn a_microphone_that_is_read_in_pieces_hears_the_same() {
        let (chirp, whole) = (chirp(), said());
        let mut pieces = vec![0.0; whole.len()];

        for (index, piece) in pieces.chunks_mut(960).enumerate() {
            microphone(&chirp, index * 960, piece);
        }

        assert_eq!(pieces, whole);
        assert_eq!(whole[begins(1)..begins(1) + LENGTH], chirp);
    }
}
