//! Dispatches kept for Resume, bounded in number and bytes. Pure.

use std::collections::VecDeque;

use axum::body::Bytes;
use model::limits;

/// The newest dispatches of a session, as the JSON that was sent.
#[derive(Debug, Default)]
pub(super) struct ReplayBuffer {
    kept: VecDeque<(u64, Bytes)>,
    bytes: usize,
}

impl ReplayBuffer {
    /// Keeps a dispatch; `seq` grows by one each time.
    pub(super) fn push(&mut self, seq: u64, frame: Bytes) {
        self.bytes += frame.len();
        self.kept.push_back((seq, frame));
        while self.kept.len() > limits::REPLAY_DISPATCHES
            || (self.bytes > limits::REPLAY_BYTES && self.kept.len() > 1)
        {
            if let Some((_, old)) = self.kept.pop_front() {
                self.bytes -= old.len();
            }
        }
    }

    /// Everything after `seq`, if nothing of it was let go. `newest` is the last number given.
    pub(super) fn after(&self, seq: u64, newest: u64) -> Option<impl Iterator<Item = &Bytes>> {
        let oldest = self.kept.front().map_or(newest + 1, |(seq, _)| *seq);
        let complete = seq + 1 >= oldest;
        complete.then(|| self.kept.iter().filter(move |(kept, _)| *kept > seq).map(|(_, f)| f))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(seq: u64) -> Bytes {
        Bytes::from(seq.to_string())
    }

    #[test]
    fn all_after_a_number_comes_back_in_order() {
        let mut buffer = ReplayBuffer::default();
        for seq in 1..=10 {
            buffer.push(seq, frame(seq));
        }

        let replayed: Vec<_> = buffer.after(7, 10).unwrap().cloned().collect();

        assert_eq!(replayed, [frame(8), frame(9), frame(10)]);
        assert_eq!(buffer.after(10, 10).unwrap().count(), 0);
    }

    #[test]
    fn what_was_let_go_cannot_be_resumed() {
        let mut buffer = ReplayBuffer::default();
        let newest = limits::REPLAY_DISPATCHES as u64 + 5;
        for seq in 1..=newest {
            buffer.push(seq, frame(seq));
        }

        assert!(buffer.after(4, newest).is_none());
        assert!(buffer.after(5, newest).is_some());
    }

    #[test]
    fn large_dispatches_are_let_go_by_their_bytes() {
        let mut buffer = ReplayBuffer::default();
        for seq in 1..=5 {
            buffer.push(seq, Bytes::from(vec![b'x'; limits::REPLAY_BYTES / 2]));
        }

        assert!(buffer.after(1, 5).is_none());
        assert!(buffer.after(4, 5).is_some());
    }
}
