//! Dispatches kept for Resume, numbered from 1, bounded in number and bytes. Pure.

use std::collections::VecDeque;

use model::limits;

use super::encode::Dispatch;

/// The newest dispatches of a session.
#[derive(Debug, Default)]
pub(super) struct ReplayBuffer {
    kept: VecDeque<Dispatch>,
    /// The number of the newest dispatch ever pushed; 0 before the first.
    newest: u64,
    bytes: usize,
}

impl ReplayBuffer {
    /// Numbers a dispatch and keeps it. [`trim`](Self::trim) afterwards.
    pub(super) fn push(&mut self, dispatch: Dispatch) -> u64 {
        self.newest += 1;
        self.bytes += dispatch.weight();
        self.kept.push_back(dispatch);
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
    pub(super) fn get(&self, seq: u64) -> Option<&Dispatch> {
        let index = seq.checked_sub(self.oldest())?;
        self.kept.get(usize::try_from(index).ok()?)
    }

    /// Bytes of all that came after `seq`.
    pub(super) fn bytes_after(&self, seq: u64) -> usize {
        let skipped = (seq + 1).saturating_sub(self.oldest());
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        self.kept.iter().skip(skipped).map(Dispatch::weight).sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dispatch(bytes: usize) -> Dispatch {
        Dispatch { name: "X", payload: "x".repeat(bytes).into() }
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
                buffer.trim(sent + 1);
            }

            prop_assert!(buffer.oldest() <= sent.min(all.len() as u64) + 1, "unsent ones were lost");
            for (index, dispatch) in all.iter().enumerate() {
                let seq = index as u64 + 1;
                let expected = (seq >= buffer.oldest()).then_some(dispatch);
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
