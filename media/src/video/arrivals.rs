//! When a publisher's packets arrived, and the feedback that tells it of that: from it the publisher's
//! own end estimates what its line carries, as only it can, for only it knows when they were sent.
//!
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01.) Pictures only: audio is never numbered so.
//! HOT: a write into a ring; no allocation but for the memory of that.

use std::time::Duration;
use std::time::Instant;

use crate::rtp::rtcp;
use crate::rtp::seq::extend;

/// Numbers that are remembered and told at once. At 1,500 packets a second it is a third of one; all
/// of them told together fit a datagram, see [`Arrivals::write`].
const KEPT: u64 = 448;
/// As many untold numbers are told at once, before the ring overflows.
const MANY: u64 = KEPT / 2;
/// Least time between feedbacks. Lower costs the publisher downlink, higher lets an overrun last
/// longer (browsers' own receivers: 50 to 250 ms).
const EVERY: Duration = Duration::from_millis(50);
/// Unit of arrival times; 256 of them are the unit of a feedback's reference time (§3.1).
const TICK_MICROS: u128 = 250;
const REFERENCE_TICKS: u32 = 8;

/// What becomes of a number (§3.1.1).
const MISSING: u8 = 0;
const SOON: u8 = 1;
const FAR: u8 = 2;
/// Equal ones from which a run is shorter than a vector of seven (§3.1.3, §3.1.4).
const VECTOR: usize = 7;

/// Arrivals of one publisher, by the number that all its packets share.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    began: Option<Instant>,
    /// Extended number and tick of arrival, at the number's place; empty before the first.
    ring: Vec<(u64, u64)>,
    highest: Option<u64>,
    /// The first number that is not told.
    next: u64,
    told: Option<Instant>,
    /// The SSRC that came last: feedback must name one that its reader sends.
    ssrc: u32,
    feedbacks: u8,
}

impl Arrivals {
    /// Notes a packet, by its number.
    pub(crate) fn note(&mut self, now: Instant, number: u16, ssrc: u32) {
        let began = *self.began.get_or_insert(now);
        let tick = (now.saturating_duration_since(began).as_micros() / TICK_MICROS) as u64;
        let number = match self.highest {
            // Above zero, so that packets from before the first have a number too.
            None => u64::from(number) + (1 << 16),
            Some(highest) => match extend(highest, number) {
                Some(number) if number + KEPT > highest => number,
                _ => return,
            },
        };
        if self.ring.is_empty() {
            self.ring = vec![(0, 0); KEPT as usize];
            self.next = number;
        }
        let highest = self.highest.map_or(number, |highest| highest.max(number));
        self.ring[(number % KEPT) as usize] = (number, tick);
        self.highest = Some(highest);
        // One that came late is told along with all behind it. After a leap nothing in it is.
        self.next = match highest + 1 - self.next.min(number) {
            span if span > KEPT => number,
            _ => self.next.min(number),
        };
        self.ssrc = ssrc;
    }

    /// Whether feedback is to be sent.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        let Some(highest) = self.highest.filter(|highest| *highest >= self.next) else {
            return false;
        };
        highest - self.next >= MANY || self.told.is_none_or(|told| told + EVERY <= now)
    }

    /// Whether feedback was ever sent.
    #[cfg(test)]
    pub(crate) fn is_told(&self) -> bool {
        self.told.is_some()
    }

    /// Appends one feedback, of 1,044 bytes at most. False when there is nothing to tell; what a
    /// feedback cannot hold, the next does.
    pub(crate) fn write(&mut self, now: Instant, reporter: u32, out: &mut Vec<u8>) -> bool {
        let Some(highest) = self.highest.filter(|highest| *highest >= self.next) else {
            return false;
        };
        let mut statuses = [MISSING; KEPT as usize];
        let mut deltas = [0i16; KEPT as usize];
        let (base, mut count) = (self.next, 0);
        // Where the last one came, and the time that the first is told relative to.
        let (mut before, mut reference) = (None, 0);
        for (number, (status, delta)) in
            (base..=highest).zip(statuses.iter_mut().zip(deltas.iter_mut()))
        {
            let (known, tick) = self.ring[(number % KEPT) as usize];
            if known == number {
                let last = *before.get_or_insert_with(|| {
                    reference = tick >> REFERENCE_TICKS;
                    reference << REFERENCE_TICKS
                });
                let Ok(distance) = i16::try_from(tick as i64 - last as i64) else { break };
                *status = if (0..256).contains(&distance) { SOON } else { FAR };
                *delta = distance;
                before = Some(tick);
            }
            count += 1;
        }
        self.next = base + count;
        self.told = Some(now);
        let statuses = &statuses[..count as usize];
        let feedbacks = self.feedbacks;
        self.feedbacks = feedbacks.wrapping_add(1);
        rtcp::write_transport_feedback(reporter, self.ssrc, out, |out| {
            out.extend_from_slice(&(base as u16).to_be_bytes());
            out.extend_from_slice(&(count as u16).to_be_bytes());
            out.extend_from_slice(&(reference as u32).to_be_bytes()[1..]);
            out.push(feedbacks);
            write_statuses(statuses, out);
            for (status, delta) in statuses.iter().zip(deltas) {
                match *status {
                    SOON => out.push(delta as u8),
                    FAR => out.extend_from_slice(&delta.to_be_bytes()),
                    _ => {}
                }
            }
        });
        true
    }
}

/// Appends what became of numbers, in chunks of two bytes: a run of equal ones, or seven of any kind.
fn write_statuses(mut statuses: &[u8], out: &mut Vec<u8>) {
    while let Some(first) = statuses.first() {
        let run = statuses.iter().take_while(|status| *status == first).count();
        let (chunk, length) = if run >= VECTOR || run == statuses.len() {
            (u16::from(*first) << 13 | run as u16, run)
        } else {
            let length = VECTOR.min(statuses.len());
            let vector = statuses[..length].iter().zip((0..VECTOR).rev());
            let symbols = vector.fold(0, |all, (one, at)| all | u16::from(*one) << (2 * at));
            (0xC000 | symbols, length)
        };
        out.extend_from_slice(&chunk.to_be_bytes());
        statuses = &statuses[length..];
    }
}

/// Reads a feedback: its count, and the number and the time in ticks of each packet that came. Written
/// from the draft and not from the writer above. For `fuzzing` and for tests.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn read(feedback: &[u8]) -> Option<(u8, Vec<(u16, i64)>)> {
    let word = |at: usize| Some(u16::from_be_bytes([*feedback.get(at)?, *feedback.get(at + 1)?]));
    let whole = feedback.len() == 4 * (usize::from(word(2)?) + 1);
    if !whole || feedback[0] != 0x8F || feedback[1] != 205 {
        return None;
    }
    let (base, count) = (word(12)?, usize::from(word(14)?));
    let reference = u32::from_be_bytes([0, *feedback.get(16)?, feedback[17], feedback[18]]);
    let (mut at, mut statuses) = (20, Vec::new());
    while statuses.len() < count {
        let chunk = word(at)?;
        at += 2;
        match chunk >> 14 {
            0 | 1 => {
                let run = usize::from(chunk & 0x1FFF);
                statuses.extend(std::iter::repeat_n(chunk >> 13 & 3, run));
            }
            2 => statuses.extend((0..14).rev().map(|bit| chunk >> bit & 1)),
            _ => statuses.extend((0..7).rev().map(|pair| chunk >> (2 * pair) & 3)),
        }
    }
    let mut time = i64::from(reference) * 256;
    let mut arrived = Vec::new();
    for (number, status) in statuses[..count].iter().enumerate() {
        match status {
            0 => continue,
            1 => {
                time += i64::from(*feedback.get(at)?);
                at += 1;
            }
            2 => {
                time += i64::from(word(at)? as i16);
                at += 2;
            }
            _ => return None,
        }
        arrived.push((base.wrapping_add(number as u16), time));
    }
    let rest = feedback.get(at..)?;
    (rest.len() < 4 && rest.iter().all(|byte| *byte == 0)).then_some((feedback[19], arrived))
}

/// Notes arrivals, each a step of number and of time, and tells of them whenever that is due. What is
/// told is what came. For `fuzzing` and for tests.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn tell_any(began: Instant, steps: impl Iterator<Item = (i16, u64)>) {
    let mut arrivals = Arrivals::default();
    let (mut number, mut ticks, mut told) = (0u16, 0, 0u8);
    let (mut first, mut came) = (None, std::collections::HashMap::new());
    for (step, passed) in steps {
        number = number.wrapping_add_signed(step);
        ticks += passed;
        let now = began + Duration::from_micros(ticks * TICK_MICROS as u64);
        arrivals.note(now, number, 9);
        first.get_or_insert(ticks);
        came.entry(number).or_insert_with(Vec::new).push(ticks);
        while arrivals.is_due(now) {
            let mut out = Vec::new();
            while arrivals.write(now, 1, &mut out) {
                assert!(out.len() <= 1_044, "{}", out.len());
                assert!(rtcp::Compound::parse(&out).is_some());
                let (count, arrived) = read(&out).expect("a feedback");
                assert_eq!(count, told);
                told = told.wrapping_add(1);
                for (number, at) in arrived {
                    // Ticks count from the first arrival; the reference has 24 bits.
                    let first = first.unwrap_or(0);
                    let times = came.get(&number).expect("nobody tells of what did not come");
                    let same =
                        |time: &u64| (*time - first) as i64 & 0xFFFF_FFFF == at & 0xFFFF_FFFF;
                    assert!(times.iter().any(same), "{number} at {at}, not of {times:?}");
                }
                out.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// What is told by now: numbers, and when they came in milliseconds.
    fn told(arrivals: &mut Arrivals, now: Instant) -> Vec<(u16, i64)> {
        let mut all = Vec::new();
        let mut out = Vec::new();
        while arrivals.write(now, 1, &mut out) {
            let (_, arrived) = read(&out).expect("a feedback");
            all.extend(arrived.into_iter().map(|(number, ticks)| (number, ticks / 4)));
            out.clear();
        }
        all
    }

    #[test]
    fn packets_are_told_with_their_times_across_the_wrap_and_the_lost_left_out() {
        let now = Instant::now();
        let mut arrivals = Arrivals::default();
        for (number, at) in [(65_534, 0), (65_535, 10), (2, 90), (3, 91)] {
            arrivals.note(now + at * MS, number, 9);
        }

        let arrived = told(&mut arrivals, now + 100 * MS);

        assert_eq!(arrived, [(65_534, 0), (65_535, 10), (2, 90), (3, 91)]);
        assert!(!arrivals.is_due(now + 1_000 * MS), "all is told");
    }

    #[test]
    fn a_feedback_is_laid_out_as_the_draft_says() {
        let now = Instant::now();
        let mut arrivals = Arrivals::default();
        for (number, at) in [(10, 0), (11, 2), (13, 102)] {
            arrivals.note(now + at * MS, number, 9);
        }
        let mut out = Vec::new();

        arrivals.write(now + 150 * MS, 1, &mut out);

        // Two bits each: here, here, lost, here after more than 64 ms.
        let vector = 0b1101_0100_1000_0000u16.to_be_bytes();
        let head = [0x8F, 205, 0, 6, 0, 0, 0, 1, 0, 0, 0, 9, 0, 10, 0, 4, 0, 0, 0, 0];
        let deltas = [0, 8, 1, 0x90, 0, 0];
        assert_eq!(out, [&head[..], &vector, &deltas].concat());
    }

    #[test]
    fn a_packet_that_came_late_is_told_in_the_next_feedback() {
        let now = Instant::now();
        let mut arrivals = Arrivals::default();
        for number in [1, 2, 4] {
            arrivals.note(now, number, 9);
        }
        assert_eq!(told(&mut arrivals, now).len(), 3);

        arrivals.note(now + 60 * MS, 3, 9);

        assert!(arrivals.is_due(now + 60 * MS));
        assert_eq!(told(&mut arrivals, now + 60 * MS), [(3, 60), (4, 0)]);
    }

    #[test]
    fn feedback_is_due_after_its_time_or_when_much_is_untold() {
        let now = Instant::now();
        let mut arrivals = Arrivals::default();
        assert!(!arrivals.is_due(now), "nothing came");
        arrivals.note(now, 1, 9);
        assert_eq!(told(&mut arrivals, now).len(), 1);

        arrivals.note(now + 10 * MS, 2, 9);
        assert!(!arrivals.is_due(now + 10 * MS));
        assert!(arrivals.is_due(now + 50 * MS));
        for number in 3..=2 + MANY as u16 {
            arrivals.note(now + 11 * MS, number, 9);
        }
        assert!(arrivals.is_due(now + 11 * MS));
    }

    #[test]
    fn a_leap_of_numbers_is_not_told_as_a_loss() {
        let now = Instant::now();
        let mut arrivals = Arrivals::default();
        arrivals.note(now, 1, 9);

        arrivals.note(now, 20_000, 9);

        let mut out = Vec::new();
        assert!(arrivals.write(now, 1, &mut out));
        assert_eq!(out[14..16], [0, 1], "one number in all");
        assert_eq!(read(&out).map(|(_, arrived)| arrived), Some(vec![(20_000, 0)]));
    }

    proptest! {
        #[test]
        fn whatever_comes_is_told_as_it_came(
            steps in proptest::collection::vec(
                (prop_oneof![4 => Just(1i16), 2 => -3i16..6, 1 => any::<i16>()],
                 prop_oneof![8 => 0u64..300, 1 => 0u64..200_000]),
                0..1_500,
            ),
        ) {
            tell_any(Instant::now(), steps.into_iter());
        }
    }
}
