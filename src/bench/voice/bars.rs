//! The bars: what a run of the load can judge of them, with target and limit. Pure.

use std::fmt;

use serde::Serialize;

use super::report::Join;
use super::report::Ratio;
use super::report::Report;
use super::report::Row;

/// One bar, as it was met.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(in crate::bench) struct Bar {
    /// Its name in the table of bars.
    pub(in crate::bench) bar: &'static str,
    pub(in crate::bench) value: f64,
    /// Of the value and its limits; empty for a ratio.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(in crate::bench) unit: &'static str,
    pub(in crate::bench) target: f64,
    pub(in crate::bench) fails_above: f64,
    pub(in crate::bench) verdict: Verdict,
}

/// How a bar was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::bench) enum Verdict {
    /// At the target or below.
    Met,
    /// Above the target, not above the limit.
    Short,
    /// Above the limit.
    Failed,
}

impl Bar {
    /// Judges a figure by its target and its limit.
    pub(in crate::bench) fn new(
        bar: &'static str,
        value: f64,
        [target, fails_above]: [f64; 2],
    ) -> Self {
        let verdict = match value {
            value if value <= target => Verdict::Met,
            value if value <= fails_above => Verdict::Short,
            _ => Verdict::Failed,
        };
        Self { bar, value, unit: "", target, fails_above, verdict }
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Met => "met",
            Verdict::Short => "short of the target",
            Verdict::Failed => "FAILED",
        };
        let Self { bar, value, unit, target, fails_above, .. } = self;
        let (target, fails_above) = (short(*target), short(*fails_above));
        let gap = if unit.is_empty() { "" } else { " " };
        let value = format!("{value:.2}{gap}{unit}");
        write!(f, "{bar:<72} {value:>11}   target {target}, fails above {fails_above}: {verdict}")
    }
}

/// A limit without digits that nobody needs.
fn short(limit: f64) -> String {
    let text = format!("{limit:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A bar that a run could not judge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Open {
    pub(super) bar: &'static str,
    /// The command that judges it.
    pub(super) judged_by: &'static str,
}

/// One line of the table of bars.
struct Line {
    bar: &'static str,
    unit: &'static str,
    /// Target, and above which it fails.
    ends: [f64; 2],
    /// The command that judges it.
    by: &'static str,
}

/// The table of bars, in its order, by its names: docs/performance.md tells what each is.
const TABLE: [Line; 15] = [
    line("CPU per forwarded packet / floor", "", [1.10, 1.30], VOICE),
    line(
        "with several speakers per listener and pairing on: / the same floor",
        "",
        [0.70, 1.00],
        PAIRING,
    ),
    line("user code only, sends stubbed", "ns", [200.0, 350.0], VOICE),
    line("growth of CPU per packet, rooms of 10 -> 100", "x", [1.1, 1.25], VOICE),
    line("allocations per forwarded packet, steady state", "", [0.0, 0.01], ROUTE),
    line("heap per idle browser peer", "KiB", [36.0, 48.0], SETTLED),
    line("heap per idle UDP peer", "KiB", [2.0, 4.0], ROUTE),
    line("idle CPU per browser peer", "us/s", [3.0, 6.0], BROWSERS),
    line("server CPU per browser join", "ms", [0.35, 0.6], BROWSERS),
    line("server CPU per UDP join", "ms", [0.05, 0.1], VOICE),
    line("added latency p99 at 50 % of the capacity", "ms", [1.0, 3.0], CAPACITY),
    line("added latency p99 at 80 % of the capacity", "ms", [5.0, 10.0], CAPACITY),
    line(
        "versus Janus (event_loops = 2), same load, interleaved, CPU per packet",
        "",
        [1.0 / 4.0, 1.0 / 3.0],
        "guildhall bench voice --mode webrtc --speaker-mode webrtc --janus",
    ),
    line("versus mumble-server, same load, interleaved, CPU per packet", "", [0.75, 1.0], MUMBLE),
    line("added latency p99 at 10 x 50, interleaved with mumble-server", "ms", [0.5, 1.0], MUMBLE),
];
const VOICE: &str = "guildhall bench voice";
const BROWSERS: &str = "guildhall bench voice --mode webrtc";
const CAPACITY: &str = "guildhall bench voice --rooms 10 --capacity";
const MUMBLE: &str = "guildhall bench voice --mumble";
const PAIRING: &str = "cargo bench -p media --features measuring";
const ROUTE: &str = "cargo bench -p media --bench route";
const SETTLED: &str = "cargo test -p media a_settled_browser -- --nocapture";

const fn line(bar: &'static str, unit: &'static str, ends: [f64; 2], by: &'static str) -> Line {
    Line { bar, unit, ends, by }
}

/// The bars that a run can judge, and the others.
pub(super) fn judge(report: &Report) -> (Vec<Bar>, Vec<Open>) {
    let (mut judged, mut open) = (Vec::new(), Vec::new());
    for (Line { bar, unit, ends, by }, value) in TABLE.into_iter().zip(figures(report)) {
        match value {
            Some(value) => judged.push(Bar { unit, ..Bar::new(bar, value, ends) }),
            None => open.push(Open { bar, judged_by: by }),
        }
    }
    (judged, open)
}

/// The figures of the table that a run has, line by line.
fn figures(report: &Report) -> [Option<f64>; TABLE.len()] {
    // Packets that were lost on purpose cost a server nothing, or repairs; and those that it did not
    // forward make the others look cheap: of more than 32 members only the loudest are.
    if report.loss_on_purpose > 0.0 || !is_whole(&report.server) {
        return [None; TABLE.len()];
    }
    let took_part = |row: &Option<Row>| row.as_ref().is_some_and(is_whole);
    let median = |ratio: &Option<Ratio>| ratio.as_ref().map(|ratio| ratio.median);
    let join = |join: &Option<Join>| join.as_ref().and_then(|join| join.media_cpu_per_join_ms);
    let is_10x50 = (report.rooms, report.speakers, report.listeners) == (1, 10, 50);
    // Shares of a capacity that was not reached are not known.
    let capacity = report.capacity.as_ref().filter(|capacity| !capacity.at_least);
    [
        median(&report.over_floor),
        // On the loopback the sender delivers, too, and takes apart what left together.
        None,
        report.code.map(|code| code.per_forwarded_packet_ns),
        report.code.map(|code| code.growth),
        None,
        None,
        None,
        report.code.and_then(|code| code.idle_per_browser_us_per_s),
        join(&report.browser_join),
        join(&report.udp_join),
        capacity.map(|capacity| capacity.added_latency_p99_at_50_percent_ms),
        capacity.map(|capacity| capacity.added_latency_p99_at_80_percent_ms),
        median(&report.over_janus).filter(|_| is_10x50 && took_part(&report.janus)),
        median(&report.over_mumble).filter(|_| is_10x50 && took_part(&report.mumble)),
        report.mumble.as_ref().filter(|_| is_10x50).map(|_| report.server.added_latency_p99_ms),
    ]
}

/// Whether a server forwarded all that was asked of it.
fn is_whole(row: &Row) -> bool {
    row.loss <= Report::LOSS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_met_at_its_target_and_failed_only_above_its_limit() {
        let verdict = |value| Bar::new("ratio", value, [1.10, 1.30]).verdict;

        assert_eq!(verdict(1.10), Verdict::Met);
        assert_eq!(verdict(1.11), Verdict::Short);
        assert_eq!(verdict(1.30), Verdict::Short);
        assert_eq!(verdict(1.31), Verdict::Failed);
    }

    #[test]
    fn limits_are_told_without_digits_that_nobody_needs() {
        let told = [1.0 / 3.0, 0.25, 1.1, 200.0, 0.0].map(short);

        assert_eq!(told, ["0.333", "0.25", "1.1", "200", "0"]);
    }

    #[test]
    fn every_bar_of_the_table_is_documented_under_its_name() {
        let documented = include_str!("../../../docs/performance.md");

        for Line { bar, by, .. } in TABLE {
            assert!(documented.contains(&format!("| `{bar}` |")), "{bar}");
            assert!(documented.contains(by), "{by}");
        }
    }

    #[test]
    fn a_server_that_forwards_half_of_the_packets_is_not_judged_by_them() {
        let row = |wanted| {
            let mut heard = crate::bench::voice::histogram::Times::default();
            let now = crate::bench::now();
            let end = now + std::time::Duration::from_millis(1);
            (0..1_000).for_each(|_| heard.record(now, end));
            Row::new(&mut heard, wanted, 1.0)
        };

        assert!(is_whole(&row(1_000)) && is_whole(&row(1_001)));
        assert!(!is_whole(&row(1_002)) && !is_whole(&row(2_000)));
    }
}
