//! The contest: all servers and the floor take turns under the same load.

use std::mem;
use std::time::Duration;

use anyhow::Context as _;
use indicatif::ProgressBar;
use tokio::task::JoinSet;

use super::Mode;
use super::Options;
use super::cast::Cast;
use super::cast::Parts;
use super::clock::Clock;
use super::code;
use super::ears::Heard;
use super::ears::Way;
use super::janus::Janus;
use super::load;
use super::load::Load;
use super::load::show;
use super::memory;
use super::mouths::Mouths;
use super::mumble::Mumble;
use super::packet::Lap;
use super::process;
use super::quiet;
use super::report::Capacity;
use super::report::Ratio;
use super::report::Report;
use super::report::Row;
use super::rhythm::Slice;
use crate::bench::meter::Meter;
use crate::bench::meter::Metered;
use crate::bench::pace;

/// All take turns of this length.
const SLICE: Duration = Duration::from_secs(1);
/// Spoken before anything is counted.
const WARM_UP: Duration = Duration::from_secs(1);
/// Until the last packet of a slice was heard.
const DRAIN: Duration = Duration::from_millis(200);
/// Until the last joins have settled: their sessions, acknowledgements and first reports, and the five
/// seconds for which the server keeps what a browser's handshake needs.
const SETTLE: Duration = Duration::from_secs(8);
/// How long quiet participants are watched.
const QUIET: Duration = Duration::from_secs(5);
/// Steps of the climb to the capacity; with the laps before them, fewer than laps there may be.
const STEPS: usize = 12;
/// How long one lasts.
const STEP: Duration = Duration::from_secs(2);

/// Everybody who takes turns, in their channels.
pub(super) struct Entrants {
    /// The server that is measured.
    pub(super) server: Load,
    /// The same, as it lets packets wait for each other.
    pub(super) paired: Option<Load>,
    pub(super) mumble: Option<Mumble>,
    pub(super) janus: Option<Janus>,
}

/// One server under the load.
pub(super) struct Contender {
    way: Way,
    pid: Option<u32>,
    mouths: Mouths,
    /// Packets that listeners should have heard.
    wanted: u64,
    /// Processor time of all turns, and nanoseconds of speaking; none of a server on another machine.
    metered: Option<Metered>,
    /// Processor time per packet, in seconds, turn by turn.
    costs: Vec<f64>,
}

impl Contender {
    /// One that had no turn yet.
    pub(super) const fn new(way: Way, pid: Option<u32>, mouths: Mouths) -> Self {
        Self { way, pid, mouths, wanted: 0, metered: None, costs: Vec::new() }
    }

    /// Its speakers speak, and what came of it is heard.
    async fn turn(&mut self, slice: Slice) -> anyhow::Result<()> {
        let (wanted, metered) = self.speak(slice, usize::MAX).await?;
        if slice.lap != Lap::WARM_UP {
            self.wanted += wanted;
            if let Some(metered) = metered {
                self.metered.get_or_insert_default().add(metered);
                self.costs.push(per_packet(metered, wanted, metered.spent.all));
            }
        }
        Ok(())
    }

    /// The first `active` speakers speak. How many packets should be heard, and what it took.
    async fn speak(
        &mut self,
        slice: Slice,
        active: usize,
    ) -> anyhow::Result<(u64, Option<Metered>)> {
        let clock = self.mouths.clock;
        let mouths = mem::replace(&mut self.mouths, Mouths { mouths: Vec::new(), clock });
        let pid = self.pid;
        let done;
        (self.mouths, done) = blocking(mouths, move |mouths| {
            // They speak evenly: what a part of the time cost tells what that part of the packets did.
            let meter = pid.map(|pid| Meter::begin(pid, move || clock.nanos())).transpose()?;
            let wanted = mouths.speak(slice, active);
            anyhow::Ok((wanted, meter.map(Meter::end).transpose()?))
        })
        .await?;
        tokio::time::sleep(DRAIN).await;
        done
    }

    fn row(&self, heard: &mut Heard, seconds: f64) -> Row {
        let row = Row::new(heard.of(self.way, Lap::MAIN), self.wanted, seconds);
        // Who forwards in other servers has no name that tells.
        let ours = matches!(self.way, Way::Server | Way::Paired);
        with_cpu(row, self.metered, self.wanted, ours)
    }
}

/// Seconds of some of the processor time for each of `wanted` packets, of which as great a part counts as of
/// the time.
fn per_packet(metered: Metered, wanted: u64, spent: Duration) -> f64 {
    spent.as_secs_f64() / (wanted as f64 * metered.part())
}

/// A row with processor time, if it is known, and with that of the threads that forward packets.
fn with_cpu(row: Row, metered: Option<Metered>, wanted: u64, media: bool) -> Row {
    let Some(metered) = metered else { return row };
    let of_media = media.then(|| per_packet(metered, wanted, metered.spent.media));
    row.with_cpu(per_packet(metered, wanted, metered.spent.all), of_media)
}

/// Lets all take turns, and tells what came of it.
///
/// # Errors
///
/// When a participant was thrown out, or a server's process is gone.
pub(super) async fn measure(
    options: &Options,
    entrants: Entrants,
    bar: &ProgressBar,
) -> anyhow::Result<Report> {
    let Entrants { mut server, mut paired, mut mumble, mut janus } = entrants;
    let (pid, count) = (server.pid, server.seats.len() as f64);
    let sizes = [true, false]
        .map(|speaks| server.seats.iter().filter(|seat| seat.speaks == speaks).count());
    let clock = Clock::start();
    let sockets = server.sockets().chain(paired.iter().flat_map(Load::sockets)).collect();
    let keepalive = JoinSet::from_iter([load::keep_alive(sockets)]);
    let mut cast = Cast::new(options, clock);
    cast.seat(Way::Server, pid, mem::take(&mut server.seats))?;
    if let Some(load) = &mut paired {
        cast.seat(Way::Paired, load.pid, mem::take(&mut load.seats))?;
    }
    if let Some(mumble) = &mut mumble {
        cast.mumble(mumble.process(), mem::take(&mut mumble.guests));
    }
    if let Some(janus) = &mut janus {
        cast.janus(janus.process(), mem::take(&mut janus.guests));
    }
    let Parts { mut contenders, mut floor, ears } = cast.play()?;

    bar.set_message("watching everybody be quiet");
    tokio::time::sleep(SETTLE).await;
    let meter = pid.map(|pid| Meter::begin(pid, move || clock.nanos())).transpose()?;
    tokio::time::sleep(QUIET).await;
    let idle = meter.map(Meter::end).transpose()?;
    // Nanoseconds of processor time for each nanosecond, of the process and of its media threads.
    let idle = idle.map(|idle| {
        let spent = [idle.spent.all, idle.spent.media];
        spent.map(|spent| spent.as_secs_f64() * 1e9 / idle.work as f64)
    });
    let [before, online, spoken, _] = server.memory;
    let marks = [before, online, spoken, pid.and_then(process::resident)];
    if let Some([_, media]) = idle {
        let micros = media * 1e6 / count;
        bar.println(format!("quiet: {micros:.1} us/s of the media threads for each participant"));
    }

    let checks = if options.mode == Mode::WebRtc {
        bar.set_message("answering checks and nothing else");
        Some(tokio::task::spawn_blocking(quiet::cost_of_check).await??)
    } else {
        None
    };

    bar.set_message("timing the code without sends");
    let (mode, by_browser) = (options.mode.udp(), options.mode == Mode::WebRtc);
    let code = tokio::task::spawn_blocking(move || code::measure(mode, by_browser)).await?;

    let seconds = f64::from(options.seconds) * SLICE.as_secs_f64();
    let rhythm = options.rhythm();
    let (mut floor_cost, mut floor_costs) = (Metered::default(), Vec::new());
    show(bar, options.seconds.into(), "speaking");
    for index in 0..=options.seconds {
        // The first turn of each warms caches and counts for nothing.
        let (lap, span) = if index == 0 { (Lap::WARM_UP, WARM_UP) } else { (Lap::MAIN, SLICE) };
        let slice = Slice { span, lap, rhythm, seed: index.into() };
        for contender in &mut contenders {
            contender.turn(slice).await?;
        }
        let cost;
        (floor, cost) = blocking(floor, move |floor| floor.run(slice)).await?;
        tokio::time::sleep(DRAIN).await;
        if index == 0 {
            continue;
        }
        floor_costs.push(cost.cost());
        floor_cost.add(cost);
        bar.set_message(standing(&contenders, &floor_costs));
        bar.inc(1);
    }
    let after = pid.and_then(process::resident);
    let climb =
        if options.capacity { climb(&mut contenders, options, bar).await? } else { Vec::new() };
    drop(keepalive);
    let mut heard = tokio::task::spawn_blocking(move || {
        pace::settle();
        ears.stop()
    })
    .await?;
    server.leave().await?;
    if let Some(paired) = &mut paired {
        paired.leave().await?;
    }
    drop((mumble, janus));

    let of = |way| contenders.iter().find(|contender| contender.way == way);
    let costs = |way| of(way).map(|contender| &*contender.costs).unwrap_or_default();
    let mut row = |way| of(way).map(|contender| contender.row(&mut heard, seconds));
    let (server_row, paired_row) = (row(Way::Server), row(Way::Paired));
    let (mumble_row, janus_row) = (row(Way::Mumble), row(Way::Janus));
    let floor_row = Row::new(heard.of(Way::Floor, Lap::MAIN), floor_cost.all_work, seconds)
        .with_cpu(floor_cost.cost(), None);
    let climb = climb.iter().map(|step| {
        let row = Row::new(heard.of(Way::Server, step.lap), step.wanted, STEP.as_secs_f64());
        with_cpu(row, step.metered, step.wanted, true)
    });
    let capacity = options.capacity.then(|| Capacity::of(climb.collect()));
    // Among few participants it may even shrink: the allocator gives back what starting took.
    let grown = before.zip(after).map(|(before, after)| after as f64 - before as f64);
    Ok(Report {
        mode: options.mode.name(),
        rhythm: rhythm.name(),
        rooms: options.rooms,
        speakers: options.speakers,
        listeners: options.listeners,
        seconds,
        server: server_row.context("the server had no turn")?,
        floor: floor_row,
        paired: paired_row,
        mumble: mumble_row,
        janus: janus_row,
        over_floor: Ratio::of(costs(Way::Server), &floor_costs),
        paired_over_floor: Ratio::of(costs(Way::Paired), &floor_costs),
        over_mumble: Ratio::of(costs(Way::Server), costs(Way::Mumble)),
        over_janus: Ratio::of(costs(Way::Server), costs(Way::Janus)),
        udp_join: server.joins.udp.report(),
        browser_join: server.joins.browser.report(),
        memory: memory::per_participant(marks, server.browsers, sizes),
        memory_per_participant_kib: grown.map(|grown| grown / 1_024.0 / count),
        idle_cpu_per_participant_us_per_s: idle.map(|[all, _]| all * 1e6 / count),
        idle_media_cpu_per_participant_us_per_s: idle.map(|[_, media]| media * 1e6 / count),
        idle_floor_cpu_per_browser_us_per_s: checks
            .map(|cost| quiet::per_browser(cost).as_secs_f64() * 1e6),
        capacity,
        code,
        loss_on_purpose: options.loss(),
        joins_per_second: options.joins_per_second,
        strange: heard.strange,
        bars: Vec::new(),
        open_bars: Vec::new(),
    }
    .judged())
}

/// How it stands so far, for who watches.
fn standing(contenders: &[Contender], floor: &[f64]) -> String {
    let server = contenders.iter().find(|contender| contender.way == Way::Server);
    let costs = server.map(|server| &*server.costs).unwrap_or_default();
    let over_floor = Ratio::of(costs, floor).map(|over| format!(" {:.2} x floor", over.median));
    let others = contenders.iter().filter(|contender| contender.way != Way::Server);
    let over_others = others.filter_map(|other| {
        let over = Ratio::of(costs, &other.costs)?;
        Some(format!(" {:.2} x {}", over.median, other.way.name()))
    });
    let parts: Vec<_> = over_floor.into_iter().chain(over_others).collect();
    format!("speaking{}{}", if parts.is_empty() { "" } else { ":" }, parts.join(","))
}

/// One step of the climb.
struct Step {
    lap: Lap,
    /// Packets that listeners should have heard.
    wanted: u64,
    metered: Option<Metered>,
}

/// Lets more and more speak, room after room.
async fn climb(
    contenders: &mut [Contender],
    options: &Options,
    bar: &ProgressBar,
) -> anyhow::Result<Vec<Step>> {
    let server = contenders.iter_mut().find(|contender| contender.way == Way::Server);
    let server = server.context("the server had no turn")?;
    let all = server.mouths.mouths.len();
    let steps = STEPS.min(all);
    show(bar, steps, "more and more speak");
    let mut climb = Vec::new();
    for (index, lap) in (1..=steps).zip(Lap::MAIN.0 + 1..) {
        let (active, lap) = ((all * index).div_ceil(steps), Lap(lap));
        let slice = Slice { span: STEP, lap, rhythm: options.rhythm(), seed: index as u64 };
        let (wanted, metered) = server.speak(slice, active).await?;
        climb.push(Step { lap, wanted, metered });
        bar.inc(1);
    }
    Ok(climb)
}

/// Does blocking work with something, which comes back with the result.
async fn blocking<T: Send + 'static, R: Send + 'static>(
    mut with: T,
    work: impl FnOnce(&mut T) -> R + Send + 'static,
) -> anyhow::Result<(T, R)> {
    let done = tokio::task::spawn_blocking(move || {
        let result = work(&mut with);
        (with, result)
    });
    Ok(done.await?)
}
