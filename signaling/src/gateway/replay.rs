//! Dispatches kept for Resume, numbered from 1, bounded in number and bytes. Pure.
//!
//! A guild that was shown is large, nobody's but this session's, and hardly ever asked for again: once
//! sent it is kept packed.

use std::cell::RefCell;
use std::collections::VecDeque;

use model::gateway::DispatchName;
use model::limits;
use zstd::bulk::Compressor;
use zstd::bulk::Decompressor;

use super::encode::Dispatch;

/// Bytes of a payload from which packing pays.
const PACKABLE: usize = 1_024;

thread_local! {
    /// Fails only without memory; then nothing is packed.
    static PACKER: RefCell<Option<Compressor<'static>>> = RefCell::new(Compressor::new(1).ok());
}

/// A dispatch as it is kept: two words, for there are thousands.
#[derive(Debug)]
enum Kept {
    Plain(Dispatch),
    Packed(Box<Packed>),
}

/// A dispatch whose payload is packed.
#[derive(Debug)]
struct Packed {
    name: DispatchName,
    payload: Box<[u8]>,
    /// Bytes of the payload as it was.
    length: usize,
}

impl Kept {
    fn weight(&self) -> usize {
        match self {
            Self::Plain(dispatch) => dispatch.weight(),
            Self::Packed(packed) => Dispatch::weight_of(packed.length),
        }
    }

    /// The dispatch as it was.
    fn dispatch(&self) -> Option<Dispatch> {
        match self {
            Self::Plain(dispatch) => Some(dispatch.clone()),
            Self::Packed(packed) => {
                let Packed { name, payload, length } = &**packed;
                let bytes = Decompressor::new().ok()?.decompress(payload, *length).ok()?;
                Some(Dispatch::of(*name, String::from_utf8(bytes).ok()?))
            }
        }
    }

    fn pack(&mut self) {
        let Self::Plain(dispatch) = self else { return };
        let (name, length) = (dispatch.name, dispatch.payload.len());
        // What others keep too costs nothing here.
        if length < PACKABLE || dispatch.holders() > 1 {
            return;
        }
        let packed = PACKER
            .with_borrow_mut(|packer| packer.as_mut()?.compress(dispatch.payload.as_bytes()).ok());
        if let Some(payload) = packed {
            *self = Self::Packed(Box::new(Packed { name, payload: payload.into(), length }));
        }
    }
}

/// The newest dispatches of a session.
#[derive(Debug, Default)]
pub(super) struct ReplayBuffer {
    kept: VecDeque<Kept>,
    /// The number of the newest dispatch ever pushed; 0 before the first.
    newest: u64,
    bytes: usize,
}

impl ReplayBuffer {
    /// Numbers a dispatch and keeps it. [`trim`](Self::trim) afterwards.
    pub(super) fn push(&mut self, dispatch: Dispatch) -> u64 {
        self.newest += 1;
        self.bytes += dispatch.weight();
        self.kept.push_back(Kept::Plain(dispatch));
        self.newest
    }

    /// Lets go of the oldest until the buffer is within its bounds, but of nothing from number
    /// `needed` on: that was not sent yet.
    pub(super) fn trim(&mut self, needed: u64) {
        while self.kept.len() > limits::REPLAY_DISPATCHES || self.bytes > limits::REPLAY_BYTES {
            if self.oldest() >= needed {
                return;
            }
            let Some(old) = self.kept.pop_front() else { return };
            self.bytes -= old.weight();
        }
    }

    /// The number of the newest dispatch; 0 before the first.
    pub(super) const fn newest(&self) -> u64 {
        self.newest
    }

    /// The number of the oldest that is kept; one above the newest when none is.
    pub(super) fn oldest(&self) -> u64 {
        self.newest + 1 - self.kept.len() as u64
    }

    /// The dispatch of that number, if it is kept.
    pub(super) fn get(&self, seq: u64) -> Option<Dispatch> {
        self.kept.get(self.place(seq)?)?.dispatch()
    }

    /// Packs the dispatch of that number, which was sent: it is not likely to be asked for again.
    pub(super) fn pack(&mut self, seq: u64) {
        if let Some(place) = self.place(seq)
            && let Some(kept) = self.kept.get_mut(place)
        {
            kept.pack();
        }
    }

    fn place(&self, seq: u64) -> Option<usize> {
        usize::try_from(seq.checked_sub(self.oldest())?).ok()
    }

    /// Bytes of all that came after `seq`.
    pub(super) fn bytes_after(&self, seq: u64) -> usize {
        let skipped = (seq + 1).saturating_sub(self.oldest());
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        self.kept.iter().skip(skipped).map(Kept::weight).sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dispatch(bytes: usize) -> Dispatch {
        Dispatch::of(DispatchName::TypingStart, "x".repeat(bytes))
    }

    #[test]
    fn what_was_not_sent_is_kept_beyond_the_bounds() {
        let mut buffer = ReplayBuffer::default();
        for _ in 0..3 {
            buffer.push(dispatch(limits::REPLAY_BYTES));
        }

        buffer.trim(2);

        assert_eq!(buffer.oldest(), 2);
        buffer.trim(4);
        assert_eq!(buffer.oldest(), 4);
        assert_eq!(buffer.newest(), 3);
    }

    #[test]
    fn what_was_sent_is_packed_and_given_back_as_it_was() {
        let mut buffer = ReplayBuffer::default();
        buffer.push(dispatch(20_000));
        let shared = dispatch(20_000);
        buffer.push(shared.clone());
        buffer.push(dispatch(10));

        (1..=4).for_each(|seq| buffer.pack(seq));

        assert!(matches!(&buffer.kept[0], Kept::Packed(packed) if packed.payload.len() < 200));
        assert!(matches!(&buffer.kept[1], Kept::Plain(_)), "others keep it too");
        assert!(matches!(&buffer.kept[2], Kept::Plain(_)), "it is small");
        assert_eq!(buffer.get(1), Some(dispatch(20_000)));
        assert_eq!(buffer.bytes_after(0), 2 * dispatch(20_000).weight() + dispatch(10).weight());
    }

    proptest! {
        /// Against a model that never lets go of anything.
        #[test]
        fn every_kept_number_gives_back_its_own_dispatch(
            sizes in prop::collection::vec(1_usize..60_000, 1..200),
            sent in 0_u64..200,
        ) {
            let mut buffer = ReplayBuffer::default();
            let mut all = Vec::new();

            for &size in &sizes {
                all.push(dispatch(size));
                let seq = buffer.push(dispatch(size));
                prop_assert_eq!(seq, all.len() as u64);
                if seq <= sent {
                    buffer.pack(seq);
                }
                buffer.trim(sent + 1);
            }

            prop_assert!(buffer.oldest() <= sent.min(all.len() as u64) + 1, "unsent ones were lost");
            for (index, dispatch) in all.iter().enumerate() {
                let seq = index as u64 + 1;
                let expected = (seq >= buffer.oldest()).then(|| dispatch.clone());
                prop_assert_eq!(buffer.get(seq), expected);
                let after: usize = all[index + 1..].iter().map(Dispatch::weight).sum();
                if seq + 1 >= buffer.oldest() {
                    prop_assert_eq!(buffer.bytes_after(seq), after);
                }
            }
            prop_assert_eq!(buffer.get(0), None);
            prop_assert_eq!(buffer.get(all.len() as u64 + 1), None);
            buffer.trim(u64::MAX);
            let kept: usize = all[(buffer.oldest() - 1) as usize..]
                .iter()
                .map(Dispatch::weight)
                .sum();
            prop_assert!(kept <= limits::REPLAY_BYTES);
        }
    }
}
