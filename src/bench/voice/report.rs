//! What was measured, as a table for eyes and as JSON by the names of the bars.

use std::fmt;
use std::fmt::Write as _;

use serde::Serialize;

/// All figures of one run. What could not be measured is `null`: CPU and memory of a server on
/// another machine.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The transport.
    pub(super) mode: &'static str,
    pub(super) rooms: usize,
    /// In each room.
    pub(super) speakers: usize,
    /// In each room.
    pub(super) listeners: usize,
    /// Measured seconds, of the server and of the floor each.
    pub(super) seconds: f64,
    pub(super) server: Row,
    pub(super) floor: Row,
    /// Processor time of the whole server per forwarded packet, over the floor's.
    pub(super) cpu_per_forwarded_packet_over_floor: Option<f64>,
    pub(super) join: Join,
    /// Resident memory that each participant added, with its sockets and its gateway session.
    pub(super) memory_per_participant_kib: Option<f64>,
    /// Processor time of the whole server per quiet participant and second.
    pub(super) idle_cpu_per_peer_us_per_s: Option<f64>,
    /// Datagrams that listeners could not open.
    pub(super) strange: u64,
}

/// What was forwarded, and what it took.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) packets: u64,
    pub(super) packets_per_second: f64,
    /// Of the whole process; of sealing and sending for the floor.
    pub(super) cpu_per_forwarded_packet_us: Option<f64>,
    /// Of the threads that forward packets alone.
    pub(super) media_cpu_per_forwarded_packet_us: Option<f64>,
    /// Parts of a core that were used.
    pub(super) cores: Option<f64>,
    /// Part of the packets that no listener heard, 0 to 1.
    pub(super) loss: f64,
    /// From before the speaker seals to after the listener's read.
    pub(super) added_latency_p50_ms: f64,
    pub(super) added_latency_p99_ms: f64,
}

/// What joins took.
#[derive(Debug, Serialize)]
pub(super) struct Join {
    pub(super) joins: usize,
    pub(super) join_p50_ms: f64,
    pub(super) join_p95_ms: f64,
    /// Of the whole process: gateway, TLS, voice gateway and media.
    pub(super) server_cpu_per_join_ms: Option<f64>,
    /// Of the threads that forward packets alone.
    pub(super) media_cpu_per_join_ms: Option<f64>,
}

impl Report {
    /// Parts of the packets that may be lost before a run counts as failed.
    pub(super) const LOSS: f64 = 0.001;
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        let _ = writeln!(
            text,
            "{} rooms of {} speakers and {} listeners, {}, {:.0} s of each row\n",
            self.rooms, self.speakers, self.listeners, self.mode, self.seconds
        );
        let _ = writeln!(
            text,
            "{:<8} {:>11} {:>9} {:>10} {:>10} {:>7} {:>8} {:>8} {:>8}",
            "", "packets", "per s", "CPU us", "media us", "cores", "loss %", "p50 ms", "p99 ms"
        );
        for (name, row) in [("server", &self.server), ("floor", &self.floor)] {
            let _ = writeln!(
                text,
                "{name:<8} {:>11} {:>9.0} {:>10} {:>10} {:>7} {:>8.3} {:>8.2} {:>8.2}",
                row.packets,
                row.packets_per_second,
                or_dash(row.cpu_per_forwarded_packet_us, 3),
                or_dash(row.media_cpu_per_forwarded_packet_us, 3),
                or_dash(row.cores, 2),
                row.loss * 100.0,
                row.added_latency_p50_ms,
                row.added_latency_p99_ms,
            );
        }
        let lines = [
            ("CPU per forwarded packet / floor", self.cpu_per_forwarded_packet_over_floor, 2, ""),
            ("join p50", Some(self.join.join_p50_ms), 1, " ms"),
            ("join p95", Some(self.join.join_p95_ms), 1, " ms"),
            ("server CPU per join, all of it", self.join.server_cpu_per_join_ms, 3, " ms"),
            ("server CPU per join, media threads", self.join.media_cpu_per_join_ms, 3, " ms"),
            ("memory per participant, all of it", self.memory_per_participant_kib, 1, " KiB"),
            ("idle CPU per participant", self.idle_cpu_per_peer_us_per_s, 1, " us/s"),
        ];
        text.push('\n');
        for (name, value, digits, unit) in lines {
            let _ = writeln!(text, "{name:<36} {:>9}{unit}", or_dash(value, digits));
        }
        if self.strange > 0 {
            let _ =
                writeln!(text, "{:<36} {:>9}", "datagrams that nobody could open", self.strange);
        }
        f.write_str(&text)
    }
}

fn or_dash(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}
