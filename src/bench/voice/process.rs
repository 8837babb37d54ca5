//! What a process has used, as the kernel counts it (proc(5)).

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::time::Duration;

/// Names of the threads that forward packets begin with this.
const MEDIA: &str = "media-";
/// What `stat` counts processor time in: 100 a second on every Linux.
const TICK: Duration = Duration::from_millis(10);

/// Processor time of each thread so far.
#[derive(Debug, Clone, Default)]
pub(in crate::bench) struct Cpu(BTreeMap<u32, Thread>);

#[derive(Debug, Clone)]
struct Thread {
    media: bool,
    used: Duration,
}

/// Processor time of a span.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::bench) struct Spent {
    /// Of the whole process.
    pub(in crate::bench) all: Duration,
    /// Of the threads that forward packets.
    pub(in crate::bench) media: Duration,
}

impl Spent {
    /// Both together.
    pub(in crate::bench) fn add(&mut self, more: Self) {
        self.all += more.all;
        self.media += more.media;
    }
}

impl Cpu {
    /// Reads what a process has used.
    ///
    /// # Errors
    ///
    /// When there is no such process.
    pub(in crate::bench) fn read(process: u32) -> io::Result<Self> {
        let mut threads = BTreeMap::new();
        for entry in fs::read_dir(format!("/proc/{process}/task"))? {
            let folder = entry?.path();
            let id = folder.file_name().and_then(|name| name.to_str()?.parse().ok());
            // A thread that ended meanwhile is not missed: it used next to nothing.
            let (Some(id), Ok(name)) = (id, fs::read_to_string(folder.join("comm"))) else {
                continue;
            };
            // To the nanosecond where the kernel keeps it, else to the tick.
            let exact = fs::read_to_string(folder.join("schedstat")).ok();
            let used = match exact.as_deref().and_then(from_schedstat) {
                Some(used) => Some(used),
                None => fs::read_to_string(folder.join("stat")).ok().as_deref().and_then(from_stat),
            };
            if let Some(used) = used {
                threads.insert(id, Thread { media: name.starts_with(MEDIA), used });
            }
        }
        Ok(Self(threads))
    }

    /// What was used since `before`. Threads that ended in between are left out.
    pub(in crate::bench) fn since(&self, before: &Self) -> Spent {
        let mut spent = Spent::default();
        for (id, thread) in &self.0 {
            let former = before.0.get(id).map_or(Duration::ZERO, |former| former.used);
            let used = thread.used.saturating_sub(former);
            spent.all += used;
            if thread.media {
                spent.media += used;
            }
        }
        spent
    }
}

/// The first field of `schedstat`: nanoseconds on a processor.
fn from_schedstat(text: &str) -> Option<Duration> {
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// Fields 14 and 15 of `stat`: ticks in user and in kernel mode.
fn from_stat(text: &str) -> Option<Duration> {
    // The name in parentheses may hold spaces and parentheses itself.
    let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u32>().ok();
    Some(TICK * (ticks()? + ticks()?))
}

/// Resident memory of a process, in bytes.
pub(in crate::bench) fn resident(process: u32) -> Option<u64> {
    memory(process, "VmRSS:")
}

/// The most that was resident of a process, in bytes.
pub(in crate::bench) fn peak(process: u32) -> Option<u64> {
    memory(process, "VmHWM:")
}

fn memory(process: u32, field: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib * 1_024)
}

/// Processor time of the calling thread.
pub(in crate::bench) fn own_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Raises this process's limit of descriptors, and that of those it starts, as far as it may: a
/// participant has three here and two at the server, and the usual limit is 1,024. How many there may
/// be.
pub(in crate::bench) fn raise_descriptors() -> usize {
    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current = limit.maximum;
    // Without it large loads end with "too many open files".
    let _ = rustix::process::setrlimit(rustix::process::Resource::Nofile, limit);
    limit.maximum.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_files_of_a_thread_are_understood() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194560 100 0 0 0 12 30 0 0 20 0 1 0 99 0 0";

        assert_eq!(from_stat(stat), Some(Duration::from_millis(420)));
        assert_eq!(from_schedstat("1500 20 3\n"), Some(Duration::from_nanos(1_500)));
        assert_eq!(from_stat("7 (a"), None);
    }

    #[test]
    fn work_of_a_named_thread_is_seen_apart() {
        let before = Cpu::read(std::process::id()).expect("this process");
        let work = || {
            let began = own_cpu();
            while own_cpu() - began < Duration::from_millis(20) {}
            Cpu::read(std::process::id()).expect("this process")
        };

        let named = std::thread::Builder::new().name("media-x".to_owned()).spawn(work);
        let after = named.expect("a thread").join().expect("it counted");

        let spent = after.since(&before);
        assert!(spent.media >= Duration::from_millis(15), "{spent:?}");
        assert!(spent.all >= spent.media);
        assert!(resident(std::process::id()).is_some_and(|bytes| bytes > 100_000));
    }
}
