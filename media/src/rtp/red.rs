//! Redundant audio (RFC 2198): several frames in one payload, older ones first.
//!
//! Read from browsers, written for browsers. HOT: no allocation; blocks are borrowed.

/// Older frames in one payload that are read at most; more is no honest sender.
pub(crate) const BLOCKS: usize = 8;
/// Older frames that we send along at most.
pub(crate) const DEPTH: usize = 3;
/// Length of the header of an older frame, in bytes; the newest has one byte.
const BLOCK_HEADER: usize = 4;
/// The bit that says that another header follows.
const FOLLOWED: u8 = 0x80;
/// Largest distance between two frames, in timestamp units, and largest frame, in bytes: 14 and 10
/// bits.
const OFFSET_MOST: u32 = (1 << 14) - 1;
const LENGTH_MOST: usize = (1 << 10) - 1;

/// The older frames of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Older<'a> {
    headers: &'a [u8],
    frames: &'a [u8],
}

/// One older frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block<'a> {
    pub(crate) payload_type: u8,
    /// How much older than the newest, in timestamp units.
    pub(crate) offset: u32,
    pub(crate) payload: &'a [u8],
}

/// The newest frame of a payload: its payload type and bytes, and the older ones.
#[must_use]
pub(crate) fn parse(payload: &[u8]) -> Option<(u8, &[u8], Older<'_>)> {
    let mut length = 0;
    let mut count = 0;
    let mut rest = payload;
    while *rest.first()? & FOLLOWED != 0 {
        let (header, after) = rest.split_first_chunk::<BLOCK_HEADER>()?;
        length += read(header).1;
        count += 1;
        if count > BLOCKS {
            return None;
        }
        rest = after;
    }
    let (newest, frames) = rest.split_first()?;
    let (frames, primary) = frames.split_at_checked(length)?;
    let headers = payload.get(..count * BLOCK_HEADER)?;
    Some((*newest, primary, Older { headers, frames }))
}

/// Offset and length of a block's header.
fn read(header: &[u8; BLOCK_HEADER]) -> (u32, usize) {
    let word = u32::from_be_bytes(*header);
    ((word >> 10) & OFFSET_MOST, word as usize & LENGTH_MOST)
}

impl<'a> Older<'a> {
    /// The frames, oldest first.
    pub(crate) fn blocks(self) -> impl Iterator<Item = Block<'a>> {
        let mut frames = self.frames;
        self.headers.as_chunks::<BLOCK_HEADER>().0.iter().map_while(move |header| {
            let (offset, length) = read(header);
            let (payload, rest) = frames.split_at_checked(length)?;
            frames = rest;
            Some(Block { payload_type: header[0] & 0x7F, offset, payload })
        })
    }

    /// How many there are.
    pub(crate) fn len(self) -> usize {
        self.headers.len() / BLOCK_HEADER
    }
}

/// Older frames to send along, oldest first.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Redundancy<'a> {
    frames: [(u32, &'a [u8]); DEPTH],
    count: usize,
}

impl<'a> Redundancy<'a> {
    /// Adds a frame that is older than the newest by `offset` units, and newer than those before.
    /// False when the format cannot carry it or there is no place.
    pub(crate) fn add(&mut self, offset: u32, frame: &'a [u8]) -> bool {
        let fits = (1..=OFFSET_MOST).contains(&offset) && frame.len() <= LENGTH_MOST;
        let Some(place) = self.frames.get_mut(self.count).filter(|_| fits) else { return false };
        *place = (offset, frame);
        self.count += 1;
        true
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Appends the payload: these frames and the newest, all of one payload type.
    pub(crate) fn write(&self, payload_type: u8, newest: &[u8], out: &mut Vec<u8>) {
        let frames = &self.frames[..self.count];
        for (offset, frame) in frames {
            let word = (u32::from(FOLLOWED | payload_type) << 24) | (offset << 10);
            out.extend_from_slice(&(word | frame.len() as u32).to_be_bytes());
        }
        out.push(payload_type);
        for (_, frame) in frames {
            out.extend_from_slice(frame);
        }
        out.extend_from_slice(newest);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_payload_without_older_frames_has_one_byte_more() {
        let (payload_type, primary, older) = parse(&[111, 1, 2, 3]).expect("valid");

        assert_eq!((payload_type, primary, older.len()), (111, &[1, 2, 3][..], 0));
    }

    #[test]
    fn a_length_beyond_the_end_or_a_chain_without_one_is_refused() {
        assert_eq!(parse(&[]), None);
        assert_eq!(parse(&[0x80 | 111, 0, 0]), None);
        assert_eq!(parse(&[0x80 | 111, 0, 0, 9, 111, 1, 2]), None);
        assert_eq!(parse(&[0x80 | 111; 200]), None);
    }

    #[test]
    fn a_frame_that_the_format_cannot_carry_is_left_out() {
        let mut redundancy = Redundancy::default();

        assert!(!redundancy.add(1 << 14, b"too old"));
        assert!(!redundancy.add(0, b"not older"));
        assert!(!redundancy.add(960, &[0; 1_024]));
        assert!(redundancy.is_empty());
        assert!((0..DEPTH).all(|_| redundancy.add(960, b"frame")));
        assert!(!redundancy.add(960, b"one too many"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            frames in proptest::collection::vec(
                (1u32..1 << 14, proptest::collection::vec(any::<u8>(), 0..300)), 0..=DEPTH,
            ),
            newest in proptest::collection::vec(any::<u8>(), 0..300), payload_type in 0u8..128,
        ) {
            let mut redundancy = Redundancy::default();
            for (offset, frame) in &frames {
                prop_assert!(redundancy.add(*offset, frame));
            }
            let mut out = Vec::new();
            redundancy.write(payload_type, &newest, &mut out);

            let (read_type, primary, older) = parse(&out).expect("valid");

            prop_assert_eq!((read_type, primary), (payload_type, &newest[..]));
            let read: Vec<_> = older.blocks().collect();
            prop_assert_eq!(read.len(), older.len());
            for (block, (offset, frame)) in read.iter().zip(&frames) {
                prop_assert_eq!(block.payload_type, payload_type);
                prop_assert_eq!((block.offset, block.payload), (*offset, &frame[..]));
            }
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            if let Some((_, primary, older)) = parse(&bytes) {
                prop_assert!(primary.len() < bytes.len());
                prop_assert_eq!(older.blocks().count(), older.len());
            }
        }
    }
}
