//! The last packets of one layer in the clear, for viewers who missed one. Kept once for all viewers.
//!
//! HOT: places grow to the size of a packet once, and are used again.

/// Packets that are kept: about a second of the largest layer with its keyframe.
pub(crate) const KEPT: usize = 512;

/// A packet that was kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept<'a> {
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) payload: &'a [u8],
}

/// The last packets of a layer.
#[derive(Debug, Default)]
pub(crate) struct History(Vec<Place>);

#[derive(Debug, Default)]
struct Place {
    seq: Option<u64>,
    timestamp: u32,
    marker: bool,
    payload: Vec<u8>,
}

impl History {
    /// Keeps a packet in place of the oldest.
    pub(crate) fn keep(&mut self, seq: u64, timestamp: u32, marker: bool, payload: &[u8]) {
        if self.0.is_empty() {
            self.0.resize_with(KEPT, Place::default);
        }
        let Some(place) = self.0.get_mut(seq as usize % KEPT) else { return };
        if place.seq.is_some_and(|newer| newer > seq) {
            return;
        }
        (place.seq, place.timestamp, place.marker) = (Some(seq), timestamp, marker);
        place.payload.clear();
        place.payload.extend_from_slice(payload);
    }

    /// The packet of this number, if it is still kept.
    pub(crate) fn find(&self, seq: u64) -> Option<Kept<'_>> {
        let place = self.0.get(seq as usize % KEPT)?;
        let (timestamp, marker) = (place.timestamp, place.marker);
        (place.seq == Some(seq)).then_some(Kept { timestamp, marker, payload: &place.payload })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_packets_are_found_and_a_straggler_pushes_none_out() {
        let mut history = History::default();
        for seq in 0..600 {
            history.keep(seq, seq as u32, false, &[seq as u8]);
        }
        history.keep(20, 0, false, b"late");

        assert_eq!(history.find(599).map(|kept| kept.timestamp), Some(599));
        assert_eq!(history.find(88).map(|kept| kept.payload), Some(&[88][..]));
        assert!(history.find(87).is_none() && history.find(20).is_none());
        assert!(history.find(532).is_some(), "the place of the straggler");
    }
}
