//! What a process uses while it works, read every few milliseconds, so that what it used while the machine
//! was slow can be told apart ([`pace`](super::pace)).

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context as _;

use super::pace;
use super::voice::process::Cpu;
use super::voice::process::Spent;
use super::voice::process::own_cpu;

/// Between two readings: each takes half a millisecond of a processor, and what is slow costs all of one.
const APART: Duration = Duration::from_millis(40);

/// What was read at a moment.
struct Reading {
    at: Instant,
    cpu: Cpu,
    work: u64,
}

/// See the module.
pub(super) struct Meter {
    over: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<Vec<Reading>>>,
}

/// What was used, and for how much work.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Metered {
    /// While the machine kept its pace; all, where it never did.
    pub(super) spent: Spent,
    pub(super) work: u64,
    /// All the time.
    pub(super) all_spent: Spent,
    pub(super) all_work: u64,
}

impl Metered {
    /// Of what was used and done, piece by piece, with whether the machine kept its pace.
    fn of(pieces: impl Iterator<Item = ((Spent, u64), Option<bool>)>) -> Self {
        let mut metered = Self::default();
        for ((spent, work), kept) in pieces {
            metered.all_spent.add(spent);
            metered.all_work += work;
            if kept == Some(true) {
                metered.spent.add(spent);
                metered.work += work;
            }
        }
        if metered.work == 0 {
            // The machine never kept its pace: there is nothing else to go by.
            (metered.spent, metered.work) = (metered.all_spent, metered.all_work);
        }
        metered
    }

    /// Both together.
    pub(super) fn add(&mut self, more: Self) {
        self.spent.add(more.spent);
        self.work += more.work;
        self.all_spent.add(more.all_spent);
        self.all_work += more.all_work;
    }

    /// Seconds of a processor for each piece of work.
    pub(super) fn cost(&self) -> f64 {
        self.spent.all.as_secs_f64() / self.work.max(1) as f64
    }

    /// Part of the work that counts, 0 to 1.
    pub(super) fn part(&self) -> f64 {
        self.work as f64 / self.all_work.max(1) as f64
    }
}

impl Meter {
    /// Reads a process from now on, and how much work was done: a number that only grows.
    ///
    /// # Errors
    ///
    /// When there is no thread left.
    pub(super) fn begin(
        process: u32,
        work: impl Fn() -> u64 + Send + 'static,
    ) -> anyhow::Result<Self> {
        let over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&over);
        // The first is read before anything begins, the last after all of it.
        let read = move || {
            let work = work();
            Cpu::read(process).map(|cpu| Reading { at: super::now(), cpu, work })
        };
        let mut readings = vec![read().context("the server's process is gone")?];
        let thread = std::thread::Builder::new().name("meter".to_owned());
        let thread = thread.spawn(move || {
            loop {
                std::thread::park_timeout(APART);
                let over = ends.load(Relaxed);
                readings.push(read()?);
                if over {
                    return Ok(readings);
                }
            }
        })?;
        Ok(Self { over, thread })
    }

    /// Ends it. Blocks for some milliseconds.
    ///
    /// # Errors
    ///
    /// When the process is gone.
    pub(super) fn end(self) -> anyhow::Result<Metered> {
        self.over.store(true, Relaxed);
        self.thread.thread().unpark();
        let readings = self.thread.join().ok().context("the meter panicked")?;
        let readings = readings.context("the server's process is gone")?;
        pace::settle();
        let pairs = || readings.array_windows::<2>();
        let spans: Vec<_> = pairs().map(|[from, to]| [from.at, to.at]).collect();
        let used =
            pairs().map(|[from, to]| (to.cpu.since(&from.cpu), to.work.saturating_sub(from.work)));
        Ok(Metered::of(used.zip(pace::kept(spans))))
    }
}

/// Pieces of work of the calling thread, each of a few milliseconds, and what they took.
#[derive(Debug, Default)]
pub(super) struct Bursts(Vec<([Instant; 2], Spent, u64)>);

impl Bursts {
    /// Works, and notes how much was done.
    ///
    /// # Errors
    ///
    /// Those of the work, of which nothing is noted then.
    pub(super) fn try_note<E>(&mut self, work: impl FnOnce() -> Result<u64, E>) -> Result<(), E> {
        let (from, before) = (super::now(), own_cpu());
        let done = work()?;
        let all = own_cpu().saturating_sub(before);
        self.0.push(([from, super::now()], Spent { all, media: Duration::ZERO }, done));
        Ok(())
    }

    /// The same of what cannot fail.
    pub(super) fn note(&mut self, work: impl FnOnce() -> u64) {
        let Ok(()) = self.try_note(|| Ok::<_, Infallible>(work()));
    }

    /// All of it. Blocks for some milliseconds.
    pub(super) fn metered(&self) -> Metered {
        pace::settle();
        let spans: Vec<_> = self.0.iter().map(|(span, ..)| *span).collect();
        let used = self.0.iter().map(|(_, spent, work)| (*spent, *work));
        Metered::of(used.zip(pace::kept(spans)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    #[test]
    fn what_was_slow_does_not_count_unless_all_was() {
        let spent = |millis| Spent { all: Duration::from_millis(millis), media: Duration::ZERO };
        let piece = |millis, work, kept| ((spent(millis), work), kept);

        let some = [piece(10, 5, Some(true)), piece(90, 5, Some(false)), piece(90, 5, None)];
        let none = [piece(90, 5, Some(false))];

        let some = Metered::of(some.into_iter());
        assert_eq!((some.work, some.all_work, some.cost()), (5, 15, 0.002));
        assert_eq!(some.all_spent.all, Duration::from_millis(190));
        assert_eq!(Metered::of(none.into_iter()).cost(), 0.018);
    }

    #[test]
    fn all_that_was_used_and_done_between_begin_and_end_is_told() {
        let done = Arc::new(AtomicU64::new(7));
        let counted = Arc::clone(&done);
        let meter = Meter::begin(std::process::id(), move || counted.load(Relaxed));
        let meter = meter.expect("this process");

        let began = own_cpu();
        while own_cpu() - began < Duration::from_millis(100) {}
        done.fetch_add(30, Relaxed);

        let metered = meter.end().expect("it lives");
        assert_eq!(metered.all_work, 30);
        assert!(metered.all_spent.all >= Duration::from_millis(90), "{metered:?}");
        // Nobody watches the machine here, so everything counts.
        assert_eq!((metered.work, metered.part()), (30, 1.0));
    }
}
