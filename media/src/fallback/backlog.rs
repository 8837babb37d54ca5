//! What waits to be written to a stream that takes it more slowly than it comes. A voice that is late
//! is worse than a voice with a gap: sound and pictures that waited are thrown away, oldest first.

use std::collections::VecDeque;
use std::time::Duration;
use std::time::Instant;

use model::limits;

/// Sound and pictures that waited longer are not worth sending. Lower drops in every hiccup of TCP;
/// higher makes a call behind a bad network a talk over the moon.
const STALE: Duration = Duration::from_millis(200);
/// Emptied buffers that are kept for the next frames.
const SPARE: usize = 32;

#[derive(Debug)]
struct Waiting {
    since: Instant,
    /// Whether it may be thrown away: sound and pictures. What negotiates may not.
    perishes: bool,
    bytes: Vec<u8>,
}

/// Frames in the order that they leave in.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    spare: Vec<Vec<u8>>,
    dropped: u64,
}

impl Backlog {
    /// Queues one frame, which `write` makes.
    pub(crate) fn push(&mut self, now: Instant, perishes: bool, write: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.clear();
        write(&mut bytes);
        if bytes.is_empty() {
            return self.recycle(bytes);
        }
        self.forget_stale(now);
        while self.bytes + bytes.len() > limits::RELAY_BACKLOG {
            let Some(oldest) = self.waiting.iter().position(|waiting| waiting.perishes) else {
                // All that waits matters more than one more of it.
                self.dropped += 1;
                return self.recycle(bytes);
            };
            self.forget(oldest);
        }
        self.bytes += bytes.len();
        self.waiting.push_back(Waiting { since: now, perishes, bytes });
    }

    /// Moves frames to the end of `out`, until that has `most` bytes or more.
    pub(crate) fn take(&mut self, now: Instant, most: usize, out: &mut Vec<u8>) {
        self.forget_stale(now);
        while out.len() < most
            && let Some(Waiting { bytes, .. }) = self.waiting.pop_front()
        {
            self.bytes -= bytes.len();
            out.extend_from_slice(&bytes);
            self.recycle(bytes);
        }
    }

    /// Frames that were thrown away since the last call.
    pub(crate) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    fn forget_stale(&mut self, now: Instant) {
        while let Some(oldest) = self.waiting.iter().position(|waiting| waiting.perishes)
            && self.waiting[oldest].since + STALE < now
        {
            self.forget(oldest);
        }
    }

    fn forget(&mut self, at: usize) {
        if let Some(Waiting { bytes, .. }) = self.waiting.remove(at) {
            self.bytes -= bytes.len();
            self.dropped += 1;
            self.recycle(bytes);
        }
    }

    fn recycle(&mut self, bytes: Vec<u8>) {
        if self.spare.len() < SPARE {
            self.spare.push(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(backlog: &mut Backlog, now: Instant, perishes: bool, name: u8, length: usize) {
        backlog.push(now, perishes, |out| out.resize(length, name));
    }

    fn take(backlog: &mut Backlog, now: Instant) -> Vec<u8> {
        let mut out = Vec::new();
        backlog.take(now, usize::MAX, &mut out);
        out
    }

    #[test]
    fn sound_that_waited_too_long_is_dropped_and_what_negotiates_is_not() {
        let start = Instant::now();
        let mut backlog = Backlog::default();
        put(&mut backlog, start, true, 1, 1);
        put(&mut backlog, start, false, 2, 1);
        put(&mut backlog, start + STALE, true, 3, 1);

        let later = start + STALE + Duration::from_millis(1);
        assert_eq!(take(&mut backlog, later), [2, 3]);
        assert_eq!((backlog.take_dropped(), backlog.take_dropped()), (1, 0));
    }

    #[test]
    fn however_much_comes_the_backlog_stays_within_its_bytes_and_keeps_the_newest() {
        let now = Instant::now();
        let mut backlog = Backlog::default();
        let frame = limits::RELAY_BACKLOG / 4;
        for name in 0..9 {
            put(&mut backlog, now, true, name, frame);
        }

        let left = take(&mut backlog, now);
        assert_eq!(left.len(), limits::RELAY_BACKLOG);
        assert_eq!((left[0], left[3 * frame]), (5, 8));
        assert_eq!(backlog.take_dropped(), 5);
    }

    #[test]
    fn a_backlog_of_what_negotiates_alone_takes_no_more_of_it() {
        let now = Instant::now();
        let mut backlog = Backlog::default();
        put(&mut backlog, now, false, 1, limits::RELAY_BACKLOG);
        put(&mut backlog, now, false, 2, 1);
        put(&mut backlog, now, true, 3, 1);

        assert_eq!(take(&mut backlog, now).len(), limits::RELAY_BACKLOG);
        assert_eq!(backlog.take_dropped(), 2);
    }

    #[test]
    fn frames_leave_in_their_order_and_whole() {
        let now = Instant::now();
        let mut backlog = Backlog::default();
        for name in 0..4 {
            put(&mut backlog, now, name % 2 == 0, name, 3);
        }
        let mut out = Vec::new();

        backlog.take(now, 4, &mut out);
        assert_eq!(out, [0, 0, 0, 1, 1, 1]);
        backlog.take(now, usize::MAX, &mut out);
        assert_eq!(out[6..], [2, 2, 2, 3, 3, 3]);
    }
}
