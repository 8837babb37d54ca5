//! What a run found, as a table and as JSON. Pure.

use std::fmt;

use serde::Serialize;

use super::Options;
use crate::bench::meter::Metered;
use crate::bench::voice::bars::Bar;

/// Server and floor, turn by turn.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    server: Metered,
    floor: Metered,
    ratios: Vec<f64>,
}

impl Delivery {
    /// Notes a turn of each: deliveries and writes.
    pub(super) fn note(&mut self, server: Metered, floor: Metered) {
        self.server.add(server);
        self.floor.add(floor);
        self.ratios.push(server.cost() / floor.cost());
        self.ratios.sort_by(f64::total_cmp);
    }

    /// The median of the turns.
    fn ratio(&self) -> Option<f64> {
        self.ratios.get(self.ratios.len() / 2).copied()
    }
}

/// Reads of a page.
#[derive(Debug, Serialize)]
pub(super) struct Reads {
    pub(super) per_second: f64,
    pub(super) cpu_us: f64,
    pub(super) p99_ms: f64,
}

/// What a run found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) sessions: u16,
    pub(super) rate: u16,
    /// Of the whole server, over all sessions: accepting, identifying, the guild.
    pub(super) identify_cpu_ms: f64,
    /// Of each session after the first tenth.
    pub(super) memory_per_session_kib: f64,
    /// The same of all, what the first brought included.
    pub(super) memory_all_of_it_kib: f64,
    #[serde(skip)]
    pub(super) delivery: Delivery,
    cpu_per_event_us: f64,
    cpu_per_write_us: f64,
    over_floor: Option<f64>,
    pub(super) lost: u64,
    pub(super) added_latency_p50_ms: f64,
    pub(super) added_latency_p99_ms: f64,
    /// The same, whatever the machine did.
    pub(super) added_latency_p99_of_all_ms: f64,
    pub(super) writes_per_second: f64,
    pub(super) create_cpu_us: f64,
    pub(super) create_p99_ms: f64,
    /// The newest page, as everybody asks for it, and as nobody asked for it before.
    pub(super) same_page: Option<Reads>,
    pub(super) other_pages: Option<Reads>,
    pub(super) storm_seconds: Option<f64>,
    bars: Vec<Bar>,
}

impl Report {
    /// A report that nothing is in yet.
    pub(super) fn new(options: &Options) -> Self {
        Self {
            sessions: options.sessions,
            rate: options.rate,
            identify_cpu_ms: 0.0,
            memory_per_session_kib: 0.0,
            memory_all_of_it_kib: 0.0,
            delivery: Delivery::default(),
            cpu_per_event_us: 0.0,
            cpu_per_write_us: 0.0,
            over_floor: None,
            lost: 0,
            added_latency_p50_ms: 0.0,
            added_latency_p99_ms: 0.0,
            added_latency_p99_of_all_ms: 0.0,
            writes_per_second: 0.0,
            create_cpu_us: 0.0,
            create_p99_ms: 0.0,
            same_page: None,
            other_pages: None,
            storm_seconds: None,
            bars: Vec::new(),
        }
    }

    /// Draws the figures that follow from others, and judges the bars.
    pub(super) fn judged(mut self) -> Self {
        self.cpu_per_event_us = self.delivery.server.cost() * 1e6;
        self.cpu_per_write_us = self.delivery.floor.cost() * 1e6;
        self.over_floor = self.delivery.ratio();
        // Writes are judged upside down: how long one takes, at the least.
        let per_write_us = Some(1e6 / self.writes_per_second.max(1.0));
        let p99 = (self.sessions == 1_000 && self.rate == 50).then_some(self.added_latency_p99_ms);
        let bars = [
            ("CPU per delivered event / raw write", self.over_floor, [1.3, 1.3]),
            ("memory per idle session, KiB", Some(self.memory_per_session_kib), [12.0, 12.0]),
            ("latency p99, 1,000 sessions, 50/s, ms", p99, [20.0, 20.0]),
            ("CPU per identify, ms", Some(self.identify_cpu_ms), [1.0, 1.0]),
            ("CPU per durable create, us", Some(self.create_cpu_us), [100.0, 100.0]),
            ("time per acknowledged create, us", per_write_us, [500.0, 500.0]),
            ("everybody back after a restart, s", self.storm_seconds, [20.0, 20.0]),
        ];
        self.bars = bars
            .into_iter()
            .filter_map(|(bar, value, ends)| Some(Bar::new(bar, value?, ends)))
            .collect();
        self
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} sessions in one guild, {} messages/s\n", self.sessions, self.rate)?;
        writeln!(f, "{:<44}{:>10.3}", "CPU per identify, ms", self.identify_cpu_ms)?;
        writeln!(f, "{:<44}{:>10.1}", "memory per idle session, KiB", self.memory_per_session_kib)?;
        writeln!(
            f,
            "{:<44}{:>10.1}",
            "the same, all that the first brought, KiB", self.memory_all_of_it_kib
        )?;
        writeln!(f, "{:<44}{:>10.3}", "CPU per delivered event, us", self.cpu_per_event_us)?;
        writeln!(
            f,
            "{:<44}{:>10.3}",
            "CPU per raw write of the same bytes, us", self.cpu_per_write_us
        )?;
        writeln!(
            f,
            "{:<44}{:>10.2}",
            "from saying to hearing, p50, ms", self.added_latency_p50_ms
        )?;
        writeln!(
            f,
            "{:<44}{:>10.2}",
            "from saying to hearing, p99, ms", self.added_latency_p99_ms
        )?;
        writeln!(f, "{:<44}{:>10.2}", "the same p99 of all, ms", self.added_latency_p99_of_all_ms)?;
        writeln!(f, "{:<44}{:>10.0}", "acknowledged creates a second", self.writes_per_second)?;
        writeln!(f, "{:<44}{:>10.1}", "CPU per durable create, us", self.create_cpu_us)?;
        writeln!(f, "{:<44}{:>10.2}", "until acknowledged, p99, ms", self.create_p99_ms)?;
        for (what, reads) in
            [("the newest page", &self.same_page), ("the same, uncached", &self.other_pages)]
        {
            let Some(Reads { per_second, cpu_us, p99_ms }) = reads else { continue };
            for (figure, value) in
                [("reads a second", per_second), ("CPU per read, us", cpu_us), ("p99, ms", p99_ms)]
            {
                writeln!(f, "{:<44}{value:>10.2}", format!("{what}: {figure}"))?;
            }
        }
        if let Some(seconds) = self.storm_seconds {
            writeln!(f, "{:<44}{seconds:>10.2}", "everybody back after a restart, s")?;
        }
        writeln!(f)?;
        self.bars.iter().try_for_each(|bar| writeln!(f, "{bar}"))
    }
}
