//! Numbered messages kept for Resume (Discord: Voice Connections/Buffered Resume). Pure.

use std::collections::VecDeque;

/// The newest numbered messages of one voice session, with 16-bit numbers that wrap around.
///
/// Numbers begin with 1, so that a client which heard nothing is at 0.
#[derive(Debug)]
pub(super) struct ReplayBuffer {
    /// The number of the newest message.
    newest: u16,
    kept: VecDeque<String>,
}

impl ReplayBuffer {
    /// Nothing numbered yet.
    pub(super) const fn new() -> Self {
        Self { newest: 0, kept: VecDeque::new() }
    }

    /// Takes the next number, and keeps the message that `with_number` makes of it.
    pub(super) fn push(&mut self, with_number: impl FnOnce(u16) -> String) -> String {
        self.newest = self.newest.wrapping_add(1);
        let message = with_number(self.newest);
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(message.clone());
        message
    }

    /// Lets go of what the client has heard; a number that was never sent is passed over.
    pub(super) fn acknowledge(&mut self, heard: u16) {
        let missed = usize::from(self.newest.wrapping_sub(heard));
        if let Some(heard) = self.kept.len().checked_sub(missed) {
            self.kept.drain(..heard);
        }
    }

    /// What a client that heard up to `heard` has missed, oldest first; `None` when some of that
    /// is not kept any more, or `heard` was never sent.
    pub(super) fn after(&self, heard: u16) -> Option<impl Iterator<Item = &String>> {
        let missed = usize::from(self.newest.wrapping_sub(heard));
        let skipped = self.kept.len().checked_sub(missed)?;
        Some(self.kept.range(skipped..))
    }
}

/// Messages kept: some minutes of a lively channel. More is memory that a detached client may
/// hold; fewer makes long losses begin anew.
const KEPT: usize = 512;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filled(count: usize) -> ReplayBuffer {
        let mut replay = ReplayBuffer::new();
        for _ in 0..count {
            replay.push(|number| number.to_string());
        }
        replay
    }

    fn missed(replay: &ReplayBuffer, heard: u16) -> Option<Vec<String>> {
        replay.after(heard).map(|missed| missed.cloned().collect())
    }

    #[test]
    fn a_client_that_heard_nothing_misses_everything() {
        assert_eq!(missed(&filled(3), 0), Some(vec!["1".into(), "2".into(), "3".into()]));
        assert_eq!(missed(&filled(0), 0), Some(Vec::new()));
    }

    #[test]
    fn a_number_that_was_never_sent_resumes_nothing() {
        assert_eq!(missed(&filled(3), 4), None);
        assert_eq!(missed(&filled(0), u16::MAX), None);
    }

    #[test]
    fn more_than_is_kept_cannot_be_resumed() {
        let replay = filled(KEPT + 1);

        assert_eq!(missed(&replay, 0), None);
        assert_eq!(missed(&replay, 1).map(|missed| missed.len()), Some(KEPT));
    }

    #[test]
    fn numbers_wrap_around_and_replay_goes_on() {
        let replay = filled(65_537);

        assert_eq!(
            missed(&replay, u16::MAX - 1),
            Some(vec!["65535".into(), "0".into(), "1".into()])
        );
    }

    proptest! {
        #[test]
        fn what_is_replayed_is_exactly_what_was_not_heard(
            steps in proptest::collection::vec((1_usize..40, proptest::option::of(0_usize..60)), 1..60),
            lost in 0_usize..600,
        ) {
            let mut replay = ReplayBuffer::new();
            let mut sent: Vec<String> = Vec::new();
            let mut acknowledged = 0;
            for (count, behind) in steps {
                for _ in 0..count {
                    sent.push(replay.push(|number| number.to_string()));
                }
                if let Some(behind) = behind {
                    acknowledged = acknowledged.max(sent.len().saturating_sub(behind));
                    replay.acknowledge(u16::try_from(acknowledged).unwrap());
                }
            }

            let heard = sent.len().saturating_sub(lost);
            let replayed = missed(&replay, u16::try_from(heard).unwrap());

            let is_kept = heard >= acknowledged && sent.len() - heard <= KEPT;
            prop_assert_eq!(replayed, is_kept.then(|| sent[heard..].to_vec()));
        }
    }
}
