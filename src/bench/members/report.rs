//! What a run found, as a table and as JSON. Pure.

use std::fmt;

use serde::Serialize;

use super::Options;
use super::pulse::Heard;
use crate::bench::voice::bars::Bar;
use crate::bench::voice::histogram::Histogram;

/// One kind of question or change, and what messages were said meanwhile.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    what: &'static str,
    asked: u64,
    p50_ms: f64,
    p99_ms: f64,
    /// From saying to hearing.
    messages: u64,
    message_p50_ms: f64,
    message_longest_ms: f64,
}

impl Row {
    /// A row of these times.
    pub(super) fn new(what: &'static str, times: &Histogram, heard: Heard) -> Self {
        Self {
            what,
            asked: times.total(),
            p50_ms: times.quantile_ms(0.5),
            p99_ms: times.quantile_ms(0.99),
            messages: heard.times.total(),
            message_p50_ms: heard.times.quantile_ms(0.5),
            message_longest_ms: heard.longest.as_secs_f64() * 1e3,
        }
    }
}

/// What a run found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    members: u32,
    online: u16,
    lookers: u16,
    /// From the start of the process until it answers.
    pub(super) opened_s: f64,
    /// Resident when it had just been opened, with the account of each, above a server without members;
    /// what opening took and was not given back yet is in it.
    pub(super) bytes_when_opened: f64,
    /// Resident at most until then.
    pub(super) peak_mib: f64,
    /// Time for each of many who came online at once.
    pub(super) identified_ms: f64,
    pub(super) first_list_ms: f64,
    /// The same as when it was opened, in the end: all sessions are in it.
    pub(super) bytes_per_member: f64,
    /// Resident in the end.
    pub(super) with_use_mib: f64,
    pub(super) rows: Vec<Row>,
    bars: Vec<Bar>,
}

/// The row that a bar is about.
const RANGE: &str = "range of the member list";

impl Report {
    /// A report that nothing is in yet.
    pub(super) const fn new(options: &Options) -> Self {
        Self {
            members: options.members,
            online: options.online,
            lookers: options.lookers,
            opened_s: 0.0,
            bytes_when_opened: 0.0,
            peak_mib: 0.0,
            identified_ms: 0.0,
            first_list_ms: 0.0,
            bytes_per_member: 0.0,
            with_use_mib: 0.0,
            rows: Vec::new(),
            bars: Vec::new(),
        }
    }

    /// Judges the bars, which are of a million.
    pub(super) fn judged(mut self) -> Self {
        let is_large = self.members >= 1_000_000;
        let range = self.rows.iter().find(|row| row.what == RANGE).map(|row| row.p99_ms);
        let bars = [
            ("a range of the member list, p99, ms", range, [5.0, 5.0]),
            ("memory per member, bytes", Some(self.bytes_per_member), [200.0, 200.0]),
        ];
        let judged = bars.into_iter().filter(|_| is_large);
        self.bars =
            judged.filter_map(|(bar, value, ends)| Some(Bar::new(bar, value?, ends))).collect();
        self
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { members, online, lookers, .. } = self;
        writeln!(
            f,
            "a guild of {members} members, {online} of them online, {lookers} who scroll\n"
        )?;
        for (what, value, digits) in [
            ("opening it, s", self.opened_s, 2),
            ("memory per member when it is open, bytes", self.bytes_when_opened, 1),
            ("resident while it was opened at most, MiB", self.peak_mib, 1),
            ("coming online, many at once, ms each", self.identified_ms, 2),
            ("until the first list is there, ms", self.first_list_ms, 2),
            ("memory per member in the end, sessions and all, bytes", self.bytes_per_member, 1),
            ("resident in the end, MiB", self.with_use_mib, 1),
        ] {
            writeln!(f, "{what:<54}{value:>10.digits$}")?;
        }
        let head = ["asked", "p50 ms", "p99 ms", "messages", "p50 ms", "longest"];
        write!(f, "\n{:<30}", "")?;
        head.iter().try_for_each(|head| write!(f, "{head:>10}"))?;
        writeln!(f)?;
        for row in &self.rows {
            let Row { what, asked, p50_ms, p99_ms, messages, message_p50_ms, message_longest_ms } =
                row;
            writeln!(
                f,
                "{what:<30}{asked:>10}{p50_ms:>10.2}{p99_ms:>10.2}{messages:>10}{message_p50_ms:>10.2}{message_longest_ms:>10.1}"
            )?;
        }
        writeln!(f)?;
        self.bars.iter().try_for_each(|bar| writeln!(f, "{bar}"))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn report(members: u32) -> Report {
        let options =
            Options { members, online: 10, lookers: 2, seconds: 1, keep: None, program: None };
        let mut times = Histogram::default();
        times.record(Duration::from_millis(6));
        let rows = vec![Row::new(RANGE, &times, Heard::default())];
        Report { bytes_per_member: 150.0, rows, ..Report::new(&options) }.judged()
    }

    #[test]
    fn a_million_is_judged_by_its_list_and_its_memory() {
        let told = report(1_000_000).to_string();

        assert!(told.contains("6.00   target 5, fails above 5: FAILED"), "{told}");
        assert!(told.contains("150.00   target 200, fails above 200: met"), "{told}");
    }

    #[test]
    fn a_small_guild_is_not_judged() {
        assert!(report(2_000).bars.is_empty());
    }
}
