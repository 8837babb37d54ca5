//! The bars: what a run of the load can judge of them, with target and limit. Pure.

use std::fmt;

use serde::Serialize;

use super::report::Report;

/// One bar, as it was met.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(in crate::bench) struct Bar {
    /// Its name in the table of bars.
    pub(in crate::bench) bar: &'static str,
    pub(in crate::bench) value: f64,
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
        Self { bar, value, target, fails_above, verdict }
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Met => "met",
            Verdict::Short => "short of the target",
            Verdict::Failed => "FAILED",
        };
        let Self { bar, value, target, fails_above, .. } = self;
        write!(f, "{bar:<38} {value:>7.2}   target {target}, fails above {fails_above}: {verdict}")
    }
}

/// The bars that a run can judge: those whose figures it has.
pub(super) fn judge(report: &Report) -> Vec<Bar> {
    let ratio = report.over_floor.as_ref().map(|over| over.median);
    let mumble = report.over_mumble.as_ref().map(|over| over.median);
    let paired = report.paired_over_floor.as_ref().map(|over| over.median);
    let paired = paired.filter(|_| report.speakers > 1);
    let janus = report.over_janus.as_ref().map(|over| over.median);
    let join = |join: &Option<super::report::Join>| {
        join.as_ref().and_then(|join| join.media_cpu_per_join_ms)
    };
    let is_browsers = report.browser_join.is_some();
    let idle = report.idle_media_cpu_per_participant_us_per_s.filter(|_| is_browsers);
    let is_10x50 = (report.rooms, report.speakers, report.listeners) == (1, 10, 50);
    let p99 = is_10x50.then_some(report.server.added_latency_p99_ms);
    // Shares of a capacity that was not reached are not known.
    let capacity = report.capacity.as_ref().filter(|capacity| !capacity.at_least);
    let half = capacity.map(|capacity| capacity.added_latency_p99_at_50_percent_ms);
    let most = capacity.map(|capacity| capacity.added_latency_p99_at_80_percent_ms);
    let bars = [
        ("CPU per forwarded packet / floor", ratio, [1.10, 1.30]),
        ("the same, several speakers (pairing)", paired, [0.70, 1.00]),
        ("CPU per packet / mumble-server", mumble, [0.75, 1.0]),
        ("CPU per packet / Janus (event_loops = 2)", janus, [1.0 / 4.0, 1.0 / 3.0]),
        ("server CPU per UDP join, ms", join(&report.udp_join), [0.05, 0.1]),
        ("server CPU per browser join, ms", join(&report.browser_join), [0.35, 0.6]),
        ("idle CPU per browser peer, us/s", idle, [3.0, 6.0]),
        ("added latency p99 at 10 x 50, ms", p99, [0.5, 1.0]),
        ("added latency p99 at 50 % load, ms", half, [1.0, 3.0]),
        ("added latency p99 at 80 % load, ms", most, [5.0, 10.0]),
    ];
    bars.into_iter().filter_map(|(bar, value, ends)| Some(Bar::new(bar, value?, ends))).collect()
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
}
