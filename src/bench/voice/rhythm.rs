//! When speakers send: every 20 ms, each at its own point of them, and how much. Pure.

use std::time::Duration;

use clap::ValueEnum;

use super::chance::part;
use super::packet::LONGEST;
use super::packet::Lap;
use super::packet::PAYLOAD;
use super::packet::SHORTEST;

/// Between two packets of a speaker.
pub(super) const FRAME: Duration = Duration::from_millis(20);

/// How speakers stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Rhythm {
    /// Spread over the 20 ms as evenly as any number of them can be, all packets equally long
    Even,
    /// Each at a point of the 20 ms of its own, drawn anew every second, with packets as long as a
    /// variable bit rate makes them: as people who do not know of each other
    Free,
}

impl Rhythm {
    /// Its name on the command line and in reports.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Even => "even",
            Self::Free => "free",
        }
    }
}

/// A part of the run that everybody who is compared has in turn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slice {
    pub(super) span: Duration,
    /// What its packets are counted as.
    pub(super) lap: Lap,
    pub(super) rhythm: Rhythm,
    /// What the rhythm is drawn by.
    pub(super) seed: u64,
}

/// One packet of a speaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    /// When, from the start.
    pub(super) at: Duration,
    /// Whose turn it is.
    pub(super) speaker: usize,
    /// Bytes of the payload.
    pub(super) length: usize,
}

/// All turns of `speakers` in `span`, in order. The same `seed` draws the same, so that all who are
/// compared are asked for the same.
///
/// The even rhythm spreads by the golden ratio. Packets that arrive together are cheaper, and which
/// do is chance: the even rhythm has no chance in it, the free one has that of real speakers.
pub(super) fn turns(
    rhythm: Rhythm,
    seed: u64,
    speakers: usize,
    span: Duration,
) -> impl Iterator<Item = Turn> {
    const GOLDEN: f64 = 0.618_033_988_749_895;
    let phase = move |index: usize| match rhythm {
        Rhythm::Even => FRAME.mul_f64((index as f64 * GOLDEN).fract()),
        Rhythm::Free => FRAME.mul_f64(part(seed, [index as u64, u64::MAX])),
    };
    let length = move |frame: u32, index: usize| match rhythm {
        Rhythm::Even => PAYLOAD,
        // The sum of two draws: mostly in the middle, on average the even rhythm's length.
        Rhythm::Free => {
            let draw = |which| part(seed, [index as u64, u64::from(frame) * 2 + which]);
            let spread = (LONGEST - SHORTEST) as f64;
            SHORTEST + (spread * (draw(0) + draw(1)) / 2.0).round() as usize
        }
    };
    let mut order: Vec<_> = (0..speakers).map(|index| (phase(index), index)).collect();
    order.sort_unstable();
    let frames = u32::try_from(span.as_nanos() / FRAME.as_nanos()).unwrap_or(u32::MAX);
    (0..frames).flat_map(move |frame| {
        order.clone().into_iter().map(move |(phase, speaker)| Turn {
            at: FRAME * frame + phase,
            speaker,
            length: length(frame, speaker),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_speaks_once_a_frame_and_in_order() {
        for rhythm in [Rhythm::Even, Rhythm::Free] {
            let turns: Vec<_> = turns(rhythm, 1, 3, Duration::from_millis(45)).collect();

            assert_eq!(turns.len(), 6);
            assert!(turns.is_sorted());
            for frame in turns.chunks(3) {
                let mut who: Vec<_> = frame.iter().map(|turn| turn.speaker).collect();
                who.sort_unstable();
                assert_eq!(who, [0, 1, 2]);
            }
            assert!(turns.iter().all(|turn| turn.at < Duration::from_millis(40)));
        }
    }

    #[test]
    fn the_free_rhythm_is_drawn_anew_by_its_seed_and_is_the_same_under_one() {
        let drawn = |seed| turns(Rhythm::Free, seed, 10, FRAME).collect::<Vec<_>>();

        assert_eq!(drawn(3), drawn(3));
        assert_ne!(drawn(3), drawn(4));
    }

    #[test]
    fn free_speakers_come_as_close_to_each_other_as_chance_lets_them() {
        let mut close = 0;
        for seed in 0..1_000 {
            let at: Vec<_> = turns(Rhythm::Free, seed, 10, FRAME).map(|turn| turn.at).collect();
            close += at.windows(2).filter(|pair| pair[1] - pair[0] < FRAME / 10).count();
        }

        // Nine gaps each, of which 1 - (1 - 1/10)^10 are shorter than a tenth of the frame.
        assert!((5_600..6_100).contains(&close), "{close}");
    }

    #[test]
    fn free_packets_are_of_all_lengths_and_on_average_as_long_as_the_even_ones() {
        let span = FRAME * 1_000;
        let lengths: Vec<_> = turns(Rhythm::Free, 1, 4, span).map(|turn| turn.length).collect();

        assert!(lengths.iter().all(|length| (SHORTEST..=LONGEST).contains(length)));
        let mean = lengths.iter().sum::<usize>() as f64 / lengths.len() as f64;
        assert!((mean - PAYLOAD as f64).abs() < 1.0, "{mean}");
        assert!(lengths.iter().any(|length| *length < 70) && lengths.iter().any(|l| *l > 130));
    }
}
