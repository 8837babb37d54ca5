//! What was measured, as a table for eyes and as JSON.

use std::fmt;
use std::fmt::Write as _;

use serde::Serialize;

use super::bars;
use super::bars::Bar;
use super::bars::Open;
use super::code::Code;
use super::histogram::Times;
use super::memory::PerParticipant;

/// All figures of one run. What could not be measured is `null`: CPU and memory of a server on
/// another machine.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The listeners' transport.
    pub(super) mode: &'static str,
    /// How speakers stand to each other.
    pub(super) rhythm: &'static str,
    pub(super) rooms: u16,
    /// In each room.
    pub(super) speakers: u16,
    /// In each room.
    pub(super) listeners: u16,
    /// Measured seconds, of the server and of the floor each.
    pub(super) seconds: f64,
    pub(super) server: Row,
    pub(super) floor: Row,
    /// The server as it lets packets wait for each other (`[media] pairing = "always"`), if that
    /// was asked.
    pub(super) paired: Option<Row>,
    /// mumble-server under the same load, if that was asked and it is installed. There the speakers
    /// hear each other too.
    pub(super) mumble: Option<Row>,
    /// Janus's VideoRoom with two event loops under the same load, if that was asked and it is
    /// installed.
    pub(super) janus: Option<Row>,
    /// Processor time of the whole server per forwarded packet, over the floor's.
    pub(super) over_floor: Option<Ratio>,
    /// The same of the server as it lets packets wait for each other.
    pub(super) paired_over_floor: Option<Ratio>,
    /// Processor time of the whole server per forwarded packet, over mumble-server's.
    pub(super) over_mumble: Option<Ratio>,
    /// The same over Janus's.
    pub(super) over_janus: Option<Ratio>,
    pub(super) udp_join: Option<Join>,
    pub(super) browser_join: Option<Join>,
    /// Our own code without sends, measured by this process.
    pub(super) code: Option<Code>,
    /// Joins that began each second, if they were paced.
    pub(super) joins_per_second: Option<u16>,
    /// Part of the packets that each client's network lost on purpose in each direction, 0 to 1.
    pub(super) loss_on_purpose: f64,
    /// Resident memory that a participant of each transport added, once all had settled.
    pub(super) memory: PerParticipant,
    /// Resident memory that each participant added, with its sockets and its gateway session.
    pub(super) memory_per_participant_kib: Option<f64>,
    /// Processor time of the whole server per quiet participant and second.
    pub(super) idle_cpu_per_participant_us_per_s: Option<f64>,
    /// Of the threads that forward packets alone.
    pub(super) idle_media_cpu_per_participant_us_per_s: Option<f64>,
    /// What a thread would take that only wakes for a browser's checks and answers them, per browser and
    /// second; measured by this process where there are browsers.
    pub(super) idle_floor_cpu_per_browser_us_per_s: Option<f64>,
    /// How much the server carries, if that was asked.
    pub(super) capacity: Option<Capacity>,
    /// Datagrams that listeners could not open.
    pub(super) strange: u64,
    /// The bars that this run can judge.
    pub(super) bars: Vec<Bar>,
    /// Those that it cannot, with the commands that can.
    pub(super) open_bars: Vec<Open>,
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
    /// From before the speaker seals to after the listener's read, while the machine kept its pace.
    pub(super) added_latency_p50_ms: f64,
    pub(super) added_latency_p99_ms: f64,
    /// The same of all packets.
    pub(super) added_latency_p99_of_all_ms: f64,
}

/// What joins took.
#[derive(Debug, Serialize)]
pub(super) struct Join {
    pub(super) joins: u64,
    /// Those that failed, which counts only under a pace: else one ends the run.
    pub(super) failures: u64,
    pub(super) join_p50_ms: f64,
    pub(super) join_p95_ms: f64,
    /// Of the whole process: gateway, TLS, voice gateway and media.
    pub(super) server_cpu_per_join_ms: Option<f64>,
    /// Of the threads that forward packets alone.
    pub(super) media_cpu_per_join_ms: Option<f64>,
}

/// How the server compares, turn by turn: what else the machine did at the time hit
/// single turns, and the median is what it did not.
#[derive(Debug, Serialize)]
pub(super) struct Ratio {
    /// The bar is judged by it.
    pub(super) median: f64,
    pub(super) lower_quartile: f64,
    pub(super) upper_quartile: f64,
}

impl Ratio {
    /// Of what each turn cost the one and the other; `None` when there was none.
    pub(super) fn of(costs: &[f64], over: &[f64]) -> Option<Self> {
        let mut turns: Vec<_> = costs.iter().zip(over).map(|(cost, over)| cost / over).collect();
        turns.sort_unstable_by(f64::total_cmp);
        let last = turns.len().checked_sub(1)?;
        let at = |part: f64| turns[(last as f64 * part).round() as usize];
        Some(Self { median: at(0.5), lower_quartile: at(0.25), upper_quartile: at(0.75) })
    }
}

/// What a server carries beside the load on the same machine: without loss, and not late.
#[derive(Debug, Serialize)]
pub(super) struct Capacity {
    /// Whether the highest step held, so that it carries more than was asked of it.
    pub(super) at_least: bool,
    pub(super) packets_per_second: f64,
    pub(super) added_latency_p99_at_50_percent_ms: f64,
    pub(super) added_latency_p99_at_80_percent_ms: f64,
    pub(super) steps: Vec<Row>,
}

impl Capacity {
    /// A packet that comes later is of no use in a conversation, in milliseconds.
    const LATE: f64 = 30.0;

    /// The capacity that steps of more and more packets show.
    pub(super) fn of(steps: Vec<Row>) -> Self {
        let holds = |row: &&Row| {
            row.loss <= Report::LOSS && row.added_latency_p99_ms < Self::LATE && row.packets > 0
        };
        let held = steps.iter().take_while(holds).count();
        let capacity = held.checked_sub(1).map_or(0.0, |top| steps[top].packets_per_second);
        let p99_at = |part: f64| {
            let near = |row: &&Row| (row.packets_per_second - capacity * part).abs();
            let nearest = steps[..held].iter().min_by(|a, b| near(a).total_cmp(&near(b)));
            nearest.map_or(0.0, |row| row.added_latency_p99_ms)
        };
        Self {
            at_least: held == steps.len(),
            packets_per_second: capacity,
            added_latency_p99_at_50_percent_ms: p99_at(0.5),
            added_latency_p99_at_80_percent_ms: p99_at(0.8),
            steps,
        }
    }
}

impl Report {
    /// Parts of the packets that may be lost before a run counts as failed.
    pub(super) const LOSS: f64 = 0.001;

    /// The report with the bars that it can judge.
    pub(super) fn judged(mut self) -> Self {
        (self.bars, self.open_bars) = bars::judge(&self);
        self
    }

    /// Joins by each transport.
    pub(super) fn joins(&self) -> impl Iterator<Item = &Join> {
        self.udp_join.iter().chain(&self.browser_join)
    }
}

impl Row {
    /// What listeners heard of `sent` packets in `seconds`.
    pub(super) fn new(heard: &mut Times, sent: u64, seconds: f64) -> Self {
        let packets = heard.total();
        let kept = heard.kept();
        let [p50, p99] = [0.5, 0.99].map(|part| kept.quantile_ms(part));
        Self {
            packets,
            packets_per_second: packets as f64 / seconds,
            cpu_per_forwarded_packet_us: None,
            media_cpu_per_forwarded_packet_us: None,
            cores: None,
            loss: if sent == 0 { 0.0 } else { 1.0 - packets as f64 / sent as f64 },
            added_latency_p50_ms: p50,
            added_latency_p99_ms: p99,
            added_latency_p99_of_all_ms: heard.all().quantile_ms(0.99),
        }
    }

    /// The same with processor time, in seconds for each packet: of the process, and of its media threads.
    pub(super) fn with_cpu(self, all: f64, media: Option<f64>) -> Self {
        Self {
            cpu_per_forwarded_packet_us: Some(all * 1e6),
            media_cpu_per_forwarded_packet_us: media.map(|media| media * 1e6),
            cores: Some(all * self.packets_per_second),
            ..self
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        let _ = writeln!(
            text,
            "{} rooms of {} speakers and {} listeners, {}, {} rhythm, {:.0} s of each row\n",
            self.rooms, self.speakers, self.listeners, self.mode, self.rhythm, self.seconds
        );
        let _ = writeln!(
            text,
            "{:<8} {:>11} {:>9} {:>10} {:>10} {:>7} {:>8} {:>8} {:>8} {:>8}",
            "",
            "packets",
            "per s",
            "CPU us",
            "media us",
            "cores",
            "loss %",
            "p50 ms",
            "p99 ms",
            "of all"
        );
        let mut rows = vec![("server", &self.server), ("floor", &self.floor)];
        rows.extend(self.paired.as_ref().map(|row| ("paired", row)));
        rows.extend(self.mumble.as_ref().map(|row| ("mumble", row)));
        rows.extend(self.janus.as_ref().map(|row| ("janus", row)));
        let steps = self.capacity.iter().flat_map(|capacity| &capacity.steps);
        rows.extend(steps.map(|step| ("  more", step)));
        for (name, row) in rows {
            let _ = writeln!(text, "{name:<8} {row}");
        }
        let ratios = [
            ("server / floor", &self.over_floor),
            ("paired / floor", &self.paired_over_floor),
            ("server / mumble", &self.over_mumble),
            ("server / janus", &self.over_janus),
        ];
        for (name, ratio) in ratios {
            let Some(Ratio { median, lower_quartile, upper_quartile }) = ratio else { continue };
            let _ = writeln!(
                text,
                "\n{name}, turn by turn: median {median:.2}, half of the turns within \
                 {lower_quartile:.2} and {upper_quartile:.2}"
            );
        }
        if let Some(capacity) = &self.capacity {
            let least = if capacity.at_least { "at least " } else { "" };
            let _ =
                writeln!(text, "\ncapacity: {least}{:.0} packets/s", capacity.packets_per_second);
        }
        let _ = writeln!(
            text,
            "\n{:<8} {:>11} {:>9} {:>10} {:>10} {:>7}",
            "joins", "p50 ms", "p95 ms", "CPU ms", "media ms", "failed"
        );
        for (name, join) in [("udp", &self.udp_join), ("browser", &self.browser_join)] {
            let Some(join) = join else { continue };
            let _ = writeln!(
                text,
                "{name:<8} {:>11.1} {:>9.1} {:>10} {:>10} {:>7}",
                join.join_p50_ms,
                join.join_p95_ms,
                or_dash(join.server_cpu_per_join_ms, 3),
                or_dash(join.media_cpu_per_join_ms, 3),
                join.failures,
            );
        }
        if let Some(rate) = self.joins_per_second {
            let _ = writeln!(text, "{rate} joins began each second");
        }
        if self.loss_on_purpose > 0.0 {
            let _ = writeln!(
                text,
                "\nlost on purpose: {:.0} % each way, {:.1} % both ways; no bar is judged",
                self.loss_on_purpose * 100.0,
                (1.0 - (1.0 - self.loss_on_purpose).powi(2)) * 100.0
            );
        }
        let lines = [
            ("memory per participant by UDP", self.memory.udp_kib, " KiB"),
            ("memory per browser", self.memory.browser_kib, " KiB"),
            ("memory per participant, all of it", self.memory_per_participant_kib, " KiB"),
            (
                "idle CPU per participant, all of it",
                self.idle_cpu_per_participant_us_per_s,
                " us/s",
            ),
            (
                "idle CPU per participant, media threads",
                self.idle_media_cpu_per_participant_us_per_s,
                " us/s",
            ),
            (
                "floor: to wake for its checks and answer",
                self.idle_floor_cpu_per_browser_us_per_s,
                " us/s",
            ),
        ];
        text.push('\n');
        // A transport that nobody had has no line; what is not known has one.
        let [udp, browser] = [&self.udp_join, &self.browser_join].map(Option::is_some);
        let told = [udp, browser, true, true, true, browser];
        for ((name, value, unit), told) in lines.into_iter().zip(told) {
            if !told {
                continue;
            }
            let _ = writeln!(text, "{name:<40} {:>8}{unit}", or_dash(value, 1));
        }
        if self.strange > 0 {
            let _ =
                writeln!(text, "{:<40} {:>8}", "datagrams that nobody could open", self.strange);
        }
        if !self.bars.is_empty() {
            text.push('\n');
        }
        for bar in &self.bars {
            let _ = writeln!(text, "{bar}");
        }
        if !self.open_bars.is_empty() {
            let _ = writeln!(text, "\n{} bars are judged by other commands:", self.open_bars.len());
        }
        for Open { bar, judged_by } in &self.open_bars {
            let _ = writeln!(text, "{bar:<72} {judged_by}");
        }
        f.write_str(&text)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>11} {:>9.0} {:>10} {:>10} {:>7} {:>8.3} {:>8.2} {:>8.2} {:>8.2}",
            self.packets,
            self.packets_per_second,
            or_dash(self.cpu_per_forwarded_packet_us, 3),
            or_dash(self.media_cpu_per_forwarded_packet_us, 3),
            or_dash(self.cores, 2),
            self.loss * 100.0,
            self.added_latency_p50_ms,
            self.added_latency_p99_ms,
            self.added_latency_p99_of_all_ms,
        )
    }
}

fn or_dash(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn step(packets: u64, sent: u64, millis: u64) -> Row {
        let (mut times, now) = (Times::default(), crate::bench::now());
        (0..packets).for_each(|_| times.record(now, now + Duration::from_millis(millis)));
        Row::new(&mut times, sent, 1.0)
    }

    #[test]
    fn the_capacity_is_the_last_step_before_packets_are_lost_or_late() {
        let steps = |top| vec![step(100, 100, 1), step(200, 200, 2), step(300, 300, 4), top];

        let lossy = Capacity::of(steps(step(350, 400, 5)));
        let late = Capacity::of(steps(step(400, 400, 31)));
        let fine = Capacity::of(steps(step(400, 400, 8)));

        for capacity in [lossy, late] {
            assert_eq!((capacity.packets_per_second, capacity.at_least), (300.0, false));
            assert_eq!(capacity.added_latency_p99_at_80_percent_ms, 2.0);
        }
        assert_eq!((fine.packets_per_second, fine.at_least), (400.0, true));
        assert_eq!(fine.added_latency_p99_at_50_percent_ms, 2.0);
        assert_eq!(fine.added_latency_p99_at_80_percent_ms, 4.0);
    }

    #[test]
    fn one_bad_turn_does_not_move_the_median() {
        let over = Ratio::of(&[1.2, 18.0, 1.1, 1.0, 1.3, 7.0], &[1.0, 2.0, 1.0, 1.0, 1.0]);

        let over = over.expect("five turns");

        assert_eq!((over.lower_quartile, over.median, over.upper_quartile), (1.1, 1.2, 1.3));
        assert!(Ratio::of(&[1.0], &[]).is_none());
    }

    #[test]
    fn a_server_that_carries_nothing_has_no_capacity() {
        let none = Capacity::of(vec![step(0, 100, 1)]);

        assert_eq!((none.packets_per_second, none.at_least), (0.0, false));
    }
}
