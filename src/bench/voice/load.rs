//! The load: everybody joins, then the server and the floor take turns.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use indicatif::ProgressBar;
use indicatif::ProgressStyle;
use tokio::sync::Semaphore;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Mode;
use super::Options;
use super::cast::Cast;
use super::cast::cast;
use super::clock::Clock;
use super::floor::FloorCost;
use super::histogram::Histogram;
use super::line::Door;
use super::mouths::Mouths;
use super::mumble::Mumble;
use super::packet::Lap;
use super::participant;
use super::participant::Company;
use super::participant::Place;
use super::participant::Progress;
use super::participant::Seat;
use super::process;
use super::process::Cpu;
use super::process::Spent;
use super::report::Capacity;
use super::report::Join;
use super::report::Ratio;
use super::report::Report;
use super::report::Row;

/// Participants that come online at once.
const ARRIVALS: usize = 16;
/// Joins under way at once.
const JOINS: usize = 8;
/// The server and the floor take turns of this length.
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
/// How often participants say that they live, as clients do.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// Everybody is in their channel.
pub(super) struct Load {
    seats: Vec<Seat>,
    pid: Option<u32>,
    joins: Joins,
    /// Resident memory before the first participant came.
    before: Option<u64>,
    stop: CancellationToken,
    participants: JoinSet<anyhow::Result<()>>,
}

/// What the joins took, by transport.
#[derive(Default)]
struct Joins {
    udp: Tally,
    browser: Tally,
}

#[derive(Default)]
struct Tally {
    took: Histogram,
    spent: Option<Spent>,
}

impl Tally {
    fn report(&self) -> Option<Join> {
        let joins = self.took.total();
        let per_join = |time: Duration| time.as_secs_f64() * 1e3 / joins as f64;
        (joins > 0).then(|| Join {
            joins,
            join_p50_ms: self.took.quantile_ms(0.5),
            join_p95_ms: self.took.quantile_ms(0.95),
            server_cpu_per_join_ms: self.spent.map(|spent| per_join(spent.all)),
            media_cpu_per_join_ms: self.spent.map(|spent| per_join(spent.media)),
        })
    }
}

impl Load {
    /// Brings everybody online, then lets the speakers join, then the listeners.
    ///
    /// # Errors
    ///
    /// When the server refuses or throws out a participant.
    pub(super) async fn attend(
        options: &Options,
        door: Door,
        pid: Option<u32>,
        places: Vec<Place>,
        bar: &ProgressBar,
    ) -> anyhow::Result<Self> {
        let before = pid.and_then(process::resident);
        let browsers = options.mode == Mode::WebRtc;
        let (count, stop) = (places.len(), CancellationToken::new());
        let speakers = places.iter().filter(|place| place.speaks).count();
        let company = Arc::new(Company {
            door,
            mode: options.mode.udp(),
            browsers,
            arriving: Semaphore::new(ARRIVALS),
            joining: [Semaphore::new(0), Semaphore::new(0)],
            stop: stop.clone(),
        });
        let (sender, mut progress) = mpsc::channel(count.max(1));
        let mut participants = JoinSet::new();
        for place in places {
            participants.spawn(participant::attend(Arc::clone(&company), place, sender.clone()));
        }
        drop(sender);
        show(bar, count, "coming online");
        for _ in 0..count {
            next(&mut progress, &mut participants).await?;
            bar.inc(1);
        }
        show(bar, count, "joining");
        let (mut seats, mut joins) = (Vec::new(), Joins::default());
        for (phase, most) in [speakers, count].into_iter().enumerate() {
            let of_browsers = browsers && phase == 1;
            let tally = if of_browsers { &mut joins.browser } else { &mut joins.udp };
            let cpu = read_cpu(pid)?;
            company.joining[phase].add_permits(JOINS);
            while seats.len() < most {
                if let Progress::Seated(seat) = next(&mut progress, &mut participants).await? {
                    tally.took.record(seat.took);
                    seats.push(seat);
                    bar.inc(1);
                }
            }
            if let Some(spent) = spent_since(pid, cpu.as_ref())? {
                tally.spent.get_or_insert_default().add(spent);
            }
        }
        Ok(Self { seats, pid, joins, before, stop, participants })
    }

    /// Lets the server and the floor take turns.
    ///
    /// # Errors
    ///
    /// When a participant was thrown out, or the server's process is gone.
    pub(super) async fn measure(
        mut self,
        options: &Options,
        mut mumble: Option<Mumble>,
        bar: &ProgressBar,
    ) -> anyhow::Result<Report> {
        let count = self.seats.len() as f64;
        let clock = Clock::start();
        let keepalive = JoinSet::from_iter([keep_alive(&self.seats)]);
        let seats = std::mem::take(&mut self.seats);
        let guests = mumble.as_mut().map(|mumble| std::mem::take(&mut mumble.guests));
        let Cast { mut mouths, mut guests, mut floor, ears } =
            cast(seats, clock, options, guests.unwrap_or_default())?;
        let mumble_pid = mumble.as_ref().and_then(Mumble::process);
        bar.set_message("watching everybody be quiet");
        tokio::time::sleep(SETTLE).await;
        let cpu = read_cpu(self.pid)?;
        tokio::time::sleep(QUIET).await;
        let quiet = spent_since(self.pid, cpu.as_ref())?;

        let seconds = f64::from(options.seconds) * SLICE.as_secs_f64();
        show(bar, options.seconds.into(), "speaking");
        let (mut sent, mut server_cpu, mut floor_cost) = (0, None::<Spent>, FloorCost::default());
        let (mut guest_sent, mut guest_cpu) = (0, None::<Spent>);
        let (mut over_floor, mut over_mumble) = (Vec::new(), Vec::new());
        let (to, to_guests) = (u64::from(options.listeners), options.heard_on_mumble());
        for index in 0..=options.seconds {
            // The first turn of each warms caches and counts for nothing.
            let (lap, span) = if index == 0 { (Lap::WARM_UP, WARM_UP) } else { (Lap::MAIN, SLICE) };
            let (spoken, spent);
            (mouths, spoken, spent) = turn(mouths, self.pid, span, lap).await?;
            let cost;
            (floor, cost) = blocking(floor, move |floor| floor.run(span, lap)).await?;
            tokio::time::sleep(DRAIN).await;
            let (guest_spoken, guest_spent);
            (guests, guest_spoken, guest_spent) = turn(guests, mumble_pid, span, lap).await?;
            if index == 0 {
                continue;
            }
            sent += spoken * to;
            guest_sent += guest_spoken * to_guests;
            floor_cost.packets += cost.packets;
            floor_cost.cpu += cost.cpu;
            if let Some(spent) = spent {
                server_cpu.get_or_insert_default().add(spent);
                let per_packet = spent.all.as_secs_f64() / (spoken * to) as f64;
                over_floor.push(per_packet / (cost.cpu.as_secs_f64() / cost.packets as f64));
                if let Some(guest) = guest_spent.filter(|_| mumble_pid.is_some()) {
                    guest_cpu.get_or_insert_default().add(guest);
                    let packets = (guest_spoken * to_guests) as f64;
                    over_mumble.push(per_packet / (guest.all.as_secs_f64() / packets));
                }
            }
            bar.inc(1);
        }
        let after = self.pid.and_then(process::resident);
        let climb = if options.capacity { self.climb(mouths, bar).await? } else { Vec::new() };
        drop(keepalive);
        let mut heard = tokio::task::spawn_blocking(move || ears.stop()).await?;
        self.leave().await?;

        let floor = Row::new(heard.floor.of(Lap::MAIN), floor_cost.packets, seconds)
            .with_cpu(Some(floor_cost.cpu), None);
        let server = Row::new(heard.server.of(Lap::MAIN), sent, seconds)
            .with_cpu(server_cpu.map(|spent| spent.all), server_cpu.map(|spent| spent.media));
        let mumble = mumble.map(|_| {
            let row = Row::new(heard.mumble.of(Lap::MAIN), guest_sent, seconds);
            row.with_cpu(guest_cpu.map(|spent| spent.all), None)
        });
        let climb = climb.iter().map(|step| {
            let sent = step.sent * u64::from(options.listeners);
            let row = Row::new(heard.server.of(step.lap), sent, STEP.as_secs_f64());
            row.with_cpu(step.spent.map(|spent| spent.all), step.spent.map(|spent| spent.media))
        });
        let capacity = options.capacity.then(|| Capacity::of(climb.collect()));
        // Among few participants it may even shrink: the allocator gives back what starting took.
        let grown = self.before.zip(after).map(|(before, after)| after as f64 - before as f64);
        let idle = |time: Duration| time.as_secs_f64() * 1e6 / QUIET.as_secs_f64() / count;
        Ok(Report {
            mode: options.mode.name(),
            rooms: options.rooms,
            speakers: options.speakers,
            listeners: options.listeners,
            seconds,
            server,
            floor,
            mumble,
            over_mumble: Ratio::of(over_mumble),
            over_floor: Ratio::of(over_floor),
            udp_join: self.joins.udp.report(),
            browser_join: self.joins.browser.report(),
            memory_per_participant_kib: grown.map(|grown| grown / 1_024.0 / count),
            idle_cpu_per_participant_us_per_s: quiet.map(|quiet| idle(quiet.all)),
            idle_media_cpu_per_participant_us_per_s: quiet.map(|quiet| idle(quiet.media)),
            capacity,
            strange: heard.strange,
            bars: Vec::new(),
        }
        .judged())
    }

    /// Lets more and more speak, room after room.
    async fn climb(&self, mut mouths: Mouths, bar: &ProgressBar) -> anyhow::Result<Vec<Step>> {
        let all = mouths.mouths.len();
        let steps = STEPS.min(all);
        show(bar, steps, "more and more speak");
        let mut climb = Vec::new();
        for (index, lap) in (1..=steps).zip(Lap::MAIN.0 + 1..) {
            let (active, lap) = ((all * index).div_ceil(steps), Lap(lap));
            let cpu = read_cpu(self.pid)?;
            let sent;
            (mouths, sent) =
                blocking(mouths, move |mouths| mouths.speak(STEP, lap, active)).await?;
            tokio::time::sleep(DRAIN).await;
            climb.push(Step { lap, sent, spent: spent_since(self.pid, cpu.as_ref())? });
            bar.inc(1);
        }
        Ok(climb)
    }

    /// Lets everybody go; an error when one was thrown out before.
    async fn leave(&mut self) -> anyhow::Result<()> {
        self.stop.cancel();
        while let Some(ended) = self.participants.join_next().await {
            ended?.context("a participant was thrown out")?;
        }
        Ok(())
    }
}

/// One turn of a server: its speakers speak, and what came of it is heard. How many packets they
/// sent, and what the server took.
async fn turn(
    mouths: Mouths,
    pid: Option<u32>,
    span: Duration,
    lap: Lap,
) -> anyhow::Result<(Mouths, u64, Option<Spent>)> {
    if mouths.mouths.is_empty() {
        return Ok((mouths, 0, None));
    }
    let cpu = read_cpu(pid)?;
    let speak = move |mouths: &mut Mouths| mouths.speak(span, lap, usize::MAX);
    let (mouths, sent) = blocking(mouths, speak).await?;
    tokio::time::sleep(DRAIN).await;
    Ok((mouths, sent, spent_since(pid, cpu.as_ref())?))
}

/// One step of the climb.
struct Step {
    lap: Lap,
    /// Packets of speakers.
    sent: u64,
    spent: Option<Spent>,
}

/// Sends what clients send to keep their way through NATs open: a counter of eight bytes.
fn keep_alive(seats: &[Seat]) -> impl Future<Output = ()> + Send + 'static {
    let sockets: Vec<_> =
        seats.iter().map(|seat| (Arc::clone(&seat.socket), seat.server)).collect();
    async move {
        let mut beat = tokio::time::interval(KEEPALIVE);
        for counter in 0_u64.. {
            beat.tick().await;
            for (socket, server) in &sockets {
                let _ = socket.send_to(&counter.to_le_bytes(), server);
            }
        }
    }
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

/// The next step of a participant, or why one failed.
async fn next(
    progress: &mut mpsc::Receiver<Progress>,
    participants: &mut JoinSet<anyhow::Result<()>>,
) -> anyhow::Result<Progress> {
    tokio::select! {
        Some(step) = progress.recv() => Ok(step),
        // Nobody leaves before the load ends but for a reason.
        ended = participants.join_next() => {
            ended.context("there is nobody")??.context("a participant could not join")?;
            anyhow::bail!("a participant left")
        }
    }
}

fn read_cpu(pid: Option<u32>) -> anyhow::Result<Option<Cpu>> {
    pid.map(Cpu::read).transpose().context("the server's process is gone")
}

fn spent_since(pid: Option<u32>, before: Option<&Cpu>) -> anyhow::Result<Option<Spent>> {
    Ok(read_cpu(pid)?.zip(before).map(|(after, before)| after.since(before)))
}

fn show(bar: &ProgressBar, length: usize, what: &'static str) {
    // The template is a constant; it is right or every run shows the default.
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {elapsed}") {
        bar.set_style(style);
    }
    bar.set_length(length as u64);
    bar.set_position(0);
    bar.set_message(what);
}
