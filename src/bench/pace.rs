//! Whether the machine kept its pace: virtual machines stand still, or run at a tenth of their speed, for
//! tens of milliseconds at a time, whatever runs on them. What was measured meanwhile tells of the machine.
//!
//! A thread does a small piece of work again and again, in registers alone, and reads how much processor
//! time it took. Waiting for a processor takes none, so that the load of a run is never mistaken for the
//! machine ([ADR 15](../../docs/adr/0015-the-machines-own-pace.md)).

use std::fmt;
use std::hint::black_box;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use serde::Serialize;

use super::voice::process::own_cpu;

/// Between two probes.
const APART: Duration = Duration::from_millis(1);
/// Turns of the loop of a probe, some microseconds, and how often it is done: an interrupt falls into one.
const TURNS: u64 = 4_000;
const RUNS: usize = 3;
/// Probes from which the machine's own speed is taken, at first and then again and again.
const FIRST: usize = 200;
const AGAIN: usize = 1_000;
/// The part of them that is faster than that speed: a few are too fast, where the clock of processor time
/// steps, and more may be slow.
const FASTER: usize = 5;
/// From how many times what a probe takes at the machine's own speed it is slow. Caches, a sibling on the
/// same core and clocks that rise and fall make less.
const SLOW: u32 = 3;

/// Moments in order at which a machine was slow. Pure.
#[derive(Debug)]
pub(super) struct Pace {
    /// What a probe takes at the machine's own speed.
    usual: Duration,
    /// Probes from which that is taken next.
    probes: Vec<Duration>,
    /// Spans that do not meet.
    slow: Vec<[Instant; 2]>,
    /// Whether the last probe was slow.
    is_slow: bool,
    began: Instant,
    /// The end of the last probe: nothing is known of what comes after.
    until: Instant,
}

impl Pace {
    /// Of a machine of which nothing is known from then on.
    /// Where a probe takes so long.
    pub(super) const fn new(now: Instant, usual: Duration) -> Self {
        Self { usual, probes: Vec::new(), slow: Vec::new(), is_slow: false, began: now, until: now }
    }

    /// Takes a probe between two moments, and the processor time that it took.
    pub(super) fn probe(&mut self, [from, to]: [Instant; 2], took: Duration) {
        let is_slow = took > self.usual * SLOW;
        self.probes.push(took);
        if self.probes.len() == AGAIN {
            self.usual = usual(&mut self.probes);
            self.probes.clear();
        }
        // Slowness began after the probe before, and ends before the first that is fast again.
        let span = match (self.is_slow, is_slow) {
            (_, true) => Some([self.until, to]),
            (true, false) => Some([self.until, from]),
            (false, false) => None,
        };
        if let Some([start, end]) = span {
            match self.slow.last_mut() {
                Some(last) if last[1] >= start => last[1] = end,
                _ => self.slow.push([start, end]),
            }
        }
        (self.is_slow, self.until) = (is_slow, to);
    }

    /// Whether the machine kept its pace between two moments; none while that is not known.
    pub(super) fn kept(&self, [from, to]: [Instant; 2]) -> Option<bool> {
        let next = self.slow.partition_point(|[_, end]| *end < from);
        if self.slow.get(next).is_some_and(|[start, _]| *start <= to) {
            return Some(false);
        }
        (to < self.until).then_some(true)
    }

    fn told(&self) -> Told {
        let lost: Duration = self.slow.iter().map(|[start, end]| *end - *start).sum();
        let all = self.until - self.began;
        Told {
            seconds: all.as_secs_f64(),
            slow_part: lost.as_secs_f64() / all.as_secs_f64().max(f64::MIN_POSITIVE),
            times: self.slow.len(),
        }
    }
}

/// How a machine kept its pace in a run.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    /// How long it was watched.
    pub(super) seconds: f64,
    /// Part of the time for which it was slow, 0 to 1.
    pub(super) slow_part: f64,
    /// How often.
    pub(super) times: usize,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seconds, slow_part, times } = self;
        write!(
            f,
            "\nthe machine kept its pace for {:.1} % of {seconds:.0} s",
            (1.0 - slow_part) * 100.0
        )?;
        if *times > 0 {
            write!(
                f,
                ": {times} times it ran at less than a third of its speed, whatever ran on it. What was \
                 measured then counts only where it says \"of all\""
            )?;
        }
        Ok(())
    }
}

static MACHINE: OnceLock<Mutex<Pace>> = OnceLock::new();

/// Watches this machine from now on. A run in which nobody does measures as if it were never slow.
pub(super) fn watch() {
    let first = || {
        let mut probes: Vec<_> = (0..FIRST).map(|_| work()).collect();
        Mutex::new(Pace::new(super::now(), usual(&mut probes)))
    };
    let pace = MACHINE.get_or_init(first);
    // Without a thread nothing is known, and everything counts.
    let _ = std::thread::Builder::new().name("pace".to_owned()).spawn(move || {
        loop {
            std::thread::sleep(APART);
            let from = super::now();
            let took = work();
            lock(pace).probe([from, super::now()], took);
        }
    });
}

/// How it was until now; none when nobody watches.
pub(super) fn told() -> Option<Told> {
    MACHINE.get().map(|pace| lock(pace).told())
}

/// Tells of some spans, in any order, whether the machine kept its pace meanwhile; none where that is not
/// known yet.
pub(super) fn kept<'a>(
    spans: impl IntoIterator<Item = [Instant; 2]> + 'a,
) -> impl Iterator<Item = Option<bool>> + 'a {
    let pace = MACHINE.get().map(lock);
    spans.into_iter().map(move |span| match &pace {
        Some(pace) => pace.kept(span),
        None => Some(true),
    })
}

/// Waits until it is known how the machine was until now.
pub(super) fn settle() {
    let now = super::now();
    // It is no more than a few milliseconds; nobody waits for ever for a thread that is gone.
    let last = now + Duration::from_secs(1);
    while MACHINE.get().is_some_and(|pace| lock(pace).until <= now) && super::now() < last {
        std::thread::sleep(APART);
    }
}

fn lock(pace: &Mutex<Pace>) -> std::sync::MutexGuard<'_, Pace> {
    pace.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What probes take at the machine's own speed.
fn usual(probes: &mut [Duration]) -> Duration {
    probes.sort_unstable();
    probes.get(probes.len() / FASTER).copied().unwrap_or(Duration::MAX)
}

/// Processor time of the fastest of a few pieces of work.
fn work() -> Duration {
    let run = |seed: u64| {
        let before = own_cpu();
        let mut value = black_box(seed);
        for turn in 0..TURNS {
            value = value.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(turn);
        }
        black_box(value);
        own_cpu().saturating_sub(before)
    };
    (0..RUNS as u64).map(run).min().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Probes of a microsecond every millisecond, of which some take so many times as long.
    fn watched(took: &[u32]) -> (Instant, Pace) {
        let began = crate::bench::now();
        let mut pace = Pace::new(began, Duration::from_micros(1));
        for (nth, took) in (1..).zip(took) {
            let from = began + MS * nth;
            let took = Duration::from_micros(1) * *took;
            pace.probe([from, from + took], took);
        }
        (began, pace)
    }

    #[test]
    fn what_overlaps_a_slow_span_is_told_apart() {
        let (began, pace) = watched(&[1, 1, 20, 30, 1, 2, 1]);
        let kept = |from: u32, to: u32| pace.kept([began + MS * from / 10, began + MS * to / 10]);

        // After the second probe, until the fifth began.
        assert_eq!(kept(5, 19), Some(true));
        assert_eq!(kept(15, 22), Some(false));
        assert_eq!(kept(30, 31), Some(false));
        assert_eq!(kept(10, 65), Some(false));
        assert_eq!(kept(51, 65), Some(true));
        assert_eq!(kept(65, 90), None);
        assert_eq!(pace.told().times, 1);
        assert!((pace.told().slow_part - 3.0 / 7.0).abs() < 0.01, "{:?}", pace.told());
    }

    #[test]
    fn a_machine_that_is_slow_now_may_be_so_still() {
        let (began, pace) = watched(&[1, 1, 20]);

        assert_eq!(pace.kept([began + MS * 4, began + MS * 5]), None);
        assert_eq!(pace.kept([began, began + MS * 5]), Some(false));
    }

    #[test]
    fn its_own_speed_is_found_again_and_by_no_probe_that_was_too_fast() {
        // Now each takes thirty: it was measured wrong, or clocks were lowered.
        let mut took = vec![30; AGAIN];
        took[7] = 0;
        took.extend([30, 30, 200, 30]);

        let (began, pace) = watched(&took);

        let at = |ms: usize| began + MS * ms as u32 + MS / 2;
        assert_eq!(pace.kept([at(AGAIN - 1), at(AGAIN - 1)]), Some(false));
        assert_eq!(pace.kept([at(AGAIN + 1), at(AGAIN + 1)]), Some(true));
        assert_eq!(pace.kept([at(AGAIN + 2), at(AGAIN + 2)]), Some(false));
    }

    #[test]
    fn a_little_slower_is_its_pace() {
        let (_, pace) = watched(&[1, 3, 2, 3, 1]);

        assert_eq!(pace.told().times, 0);
    }
}
