//! What a run found, as a table and as JSON. Pure.

use std::fmt;

use serde::Serialize;

use super::Options;
use super::pulse::Heard;
use crate::bench::voice::bars::Bar;
use crate::bench::voice::histogram::Times;

/// One kind of question or change, and what messages were said meanwhile.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    what: &'static str,
    asked: u64,
    /// While the machine kept its pace.
    p50_ms: f64,
    p99_ms: f64,
    /// Whatever it did.
    p99_of_all_ms: f64,
    /// From saying to hearing.
    messages: u64,
    message_p50_ms: f64,
    message_longest_ms: f64,
}

impl Row {
    /// A row of these times.
    pub(super) fn new(what: &'static str, times: &mut Times, mut heard: Heard) -> Self {
        let kept = times.kept();
        let [p50_ms, p99_ms] = [0.5, 0.99].map(|part| kept.quantile_ms(part));
        let messages = heard.times.kept();
        Self {
            what,
            asked: times.total(),
            p50_ms,
            p99_ms,
            p99_of_all_ms: times.all().quantile_ms(0.99),
            message_p50_ms: messages.quantile_ms(0.5),
            message_longest_ms: messages.longest_ms(),
            messages: heard.times.total(),
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
        let head = ["asked", "p50 ms", "p99 ms", "of all", "messages", "p50 ms", "longest"];
        write!(f, "\n{:<30}", "")?;
        head.iter().try_for_each(|head| write!(f, "{head:>10}"))?;
        writeln!(f)?;
        for row in &self.rows {
            write!(f, "{:<30}{:>10}", row.what, row.asked)?;
            write!(f, "{:>10.2}{:>10.2}{:>10.2}", row.p50_ms, row.p99_ms, row.p99_of_all_ms)?;
            write!(f, "{:>10}{:>10.2}", row.messages, row.message_p50_ms)?;
            writeln!(f, "{:>10.1}", row.message_longest_ms)?;
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
        let (mut times, now) = (Times::default(), crate::bench::now());
        times.record(now, now + Duration::from_millis(6));
        let rows = vec![Row::new(RANGE, &mut times, Heard::default())];
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
