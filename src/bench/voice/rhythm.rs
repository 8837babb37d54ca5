//! When speakers send: every 20 ms, each at its own point of them. Pure.

use std::time::Duration;

/// Between two packets of a speaker.
pub(super) const FRAME: Duration = Duration::from_millis(20);

/// All turns of `speakers` in `span`, in order: when, from the start, and whose turn it is.
///
/// Speakers are spread over the frame by the golden ratio, as evenly as any number of them can be:
/// people do not begin to speak together, and packets that arrive together are cheaper.
pub(super) fn turns(speakers: usize, span: Duration) -> impl Iterator<Item = (Duration, usize)> {
    const GOLDEN: f64 = 0.618_033_988_749_895;
    let phase = |index: usize| FRAME.mul_f64((index as f64 * GOLDEN).fract());
    let mut order: Vec<_> = (0..speakers).map(|index| (phase(index), index)).collect();
    order.sort_unstable();
    let frames = u32::try_from(span.as_nanos() / FRAME.as_nanos()).unwrap_or(u32::MAX);
    (0..frames).flat_map(move |frame| {
        order.clone().into_iter().map(move |(phase, index)| (FRAME * frame + phase, index))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_speaks_once_a_frame_and_in_order() {
        let turns: Vec<_> = turns(3, Duration::from_millis(45)).collect();

        assert_eq!(turns.len(), 6);
        assert!(turns.is_sorted());
        for frame in turns.chunks(3) {
            let mut who: Vec<_> = frame.iter().map(|(_, index)| *index).collect();
            who.sort_unstable();
            assert_eq!(who, [0, 1, 2]);
        }
        assert!(turns.iter().all(|(at, _)| *at < Duration::from_millis(40)));
    }
}
