//! The last packets of one speaker in the clear, for listeners who missed one.
//!
//! Kept once for all listeners and sealed anew for each. HOT: memory is taken when a speaker is
//! first heard by somebody who can use it, and used again.

use crate::rtp::ext::AudioLevel;
use crate::rtp::header::RtpHeader;

/// Packets that are kept: 1.28 s of the usual frames. What is older is too late for every listener.
pub(crate) const KEPT: usize = 64;
/// Bytes that a place has from the beginning; larger frames make it grow once.
const FRAME: usize = 256;

/// A packet that was kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept<'a> {
    pub(crate) timestamp: u32,
    pub(crate) level: Option<AudioLevel>,
    pub(crate) payload: &'a [u8],
}

/// The last packets.
#[derive(Debug, Default)]
pub(crate) struct History(Vec<Place>);

#[derive(Debug, Clone)]
struct Place {
    /// Which piece of the stream, and its extended sequence number.
    name: Option<(u32, u64)>,
    timestamp: u32,
    level: Option<AudioLevel>,
    payload: Vec<u8>,
}

impl History {
    /// Keeps a packet of a piece in place of the oldest.
    pub(crate) fn keep(
        &mut self,
        (piece, seq): (u32, u64),
        header: &RtpHeader,
        level: Option<AudioLevel>,
        payload: &[u8],
    ) {
        if self.0.is_empty() {
            self.0.resize_with(KEPT, || Place {
                name: None,
                timestamp: 0,
                level: None,
                payload: Vec::with_capacity(FRAME),
            });
        }
        let Some(place) = self.0.get_mut(seq as usize % KEPT) else { return };
        // A straggler must not push out what is newer.
        if place.name.is_some_and(|(of, newer)| of == piece && newer > seq) {
            return;
        }
        place.name = Some((piece, seq));
        (place.timestamp, place.level) = (header.timestamp, level);
        place.payload.clear();
        place.payload.extend_from_slice(payload);
    }

    /// The packet of this name, if it is still kept.
    pub(crate) fn find(&self, piece: u32, seq: u64) -> Option<Kept<'_>> {
        let place = self.0.get(seq as usize % KEPT)?;
        (place.name == Some((piece, seq))).then_some(Kept {
            timestamp: place.timestamp,
            level: place.level,
            payload: &place.payload,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(timestamp: u32) -> RtpHeader {
        RtpHeader { marker: false, payload_type: 120, sequence: 0, timestamp, ssrc: 1 }
    }

    #[test]
    fn the_last_packets_are_found_and_older_ones_of_the_same_place_are_not() {
        let mut history = History::default();
        for seq in 0..100u64 {
            history.keep((0, seq), &header(seq as u32), None, &[seq as u8]);
        }

        assert_eq!(history.find(0, 99).map(|kept| kept.payload), Some(&[99][..]));
        assert_eq!(history.find(0, 36).map(|kept| kept.timestamp), Some(36));
        assert!(history.find(0, 35).is_none());
        assert!(history.find(1, 99).is_none(), "another piece has its own numbers");
        history.keep((0, 35), &header(0), None, b"straggler");
        assert!(history.find(0, 99).is_some());
    }
}
