//! The load: everybody comes online, joins, and stays until they are let go.

use std::mem;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use anyhow::Context as _;
use indicatif::ProgressBar;
use indicatif::ProgressStyle;
use tokio::sync::Semaphore;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Interval;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::Mode;
use super::Options;
use super::Speaking;
use super::histogram::Histogram;
use super::line::Door;
use super::participant;
use super::participant::Company;
use super::participant::Place;
use super::participant::Progress;
use super::participant::Seat;
use super::participant::Transport;
use super::process;
use super::report::Join;
use crate::bench::meter::Meter;
use crate::bench::meter::Metered;

/// Participants that come online at once.
const ARRIVALS: usize = 16;
/// Joins under way at once.
const JOINS: usize = 8;
/// How long joins may go on: who joined first says nothing until the last has.
const LONGEST_JOINING: Duration = Duration::from_secs(20);
/// How often participants say that they live, as clients do.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// Everybody is in their channel.
pub(super) struct Load {
    /// Until the run has given them parts.
    pub(super) seats: Vec<Seat>,
    pub(super) pid: Option<u32>,
    pub(super) joins: Joins,
    /// Whether speakers and whether listeners are browsers.
    pub(super) browsers: [bool; 2],
    /// Resident memory before the first participant came, when all were online, when the speakers
    /// and when the listeners had joined.
    pub(super) memory: [Option<u64>; 4],
    stop: CancellationToken,
    participants: JoinSet<anyhow::Result<()>>,
}

/// What the joins took, by transport.
#[derive(Default)]
pub(super) struct Joins {
    pub(super) udp: Tally,
    pub(super) browser: Tally,
}

/// What the joins by one transport took.
#[derive(Default)]
pub(super) struct Tally {
    took: Histogram,
    /// With joins as work.
    metered: Option<Metered>,
    /// Joins that failed.
    failures: u64,
}

impl Tally {
    /// The figures, if there were any.
    pub(super) fn report(&self) -> Option<Join> {
        let joins = self.took.total();
        let per_join = |metered: Metered, time: Duration| {
            time.as_secs_f64() * 1e3 / metered.work.max(1) as f64
        };
        (joins + self.failures > 0).then(|| Join {
            joins,
            failures: self.failures,
            join_p50_ms: self.took.quantile_ms(0.5),
            join_p95_ms: self.took.quantile_ms(0.95),
            server_cpu_per_join_ms: self.metered.map(|of| per_join(of, of.spent.all)),
            media_cpu_per_join_ms: self.metered.map(|of| per_join(of, of.spent.media)),
        })
    }
}

impl Tally {
    /// How it went so far, for who watches.
    fn line(&self, by_browser: bool) -> String {
        let (joins, failures) = (self.took.total(), self.failures);
        let p95 = self.took.quantile_ms(0.95);
        let way = if by_browser { "WebRTC" } else { "UDP" };
        format!("joined by {way}: {joins}, within {p95:.1} ms (p95); failed: {failures}")
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
        let count = places.len();
        if let Some(rate) = options.joins_per_second {
            anyhow::ensure!(
                count as f64 / f64::from(rate) <= LONGEST_JOINING.as_secs_f64(),
                "{count} joins at {rate} a second would take longer than {} s, after which a server \
                 throws out who has joined and says nothing",
                LONGEST_JOINING.as_secs()
            );
        }
        let before = pid.and_then(process::resident);
        let browsers = [options.speaker_mode == Speaking::WebRtc, options.mode == Mode::WebRtc];
        let stop = CancellationToken::new();
        let speakers = places.iter().filter(|place| place.speaks).count();
        let company = Arc::new(Company {
            door,
            mode: options.mode.udp(),
            browsers,
            arriving: Semaphore::new(ARRIVALS),
            joining: [Semaphore::new(0), Semaphore::new(0)],
            paced: options.joins_per_second.is_some(),
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
        let online = pid.and_then(process::resident);
        let (mut seats, mut joins) = (Vec::with_capacity(count), Joins::default());
        let mut memory = [before, online, None, None];
        let begun = [speakers, count - speakers];
        let mut told = false;
        show(bar, count, "joining");
        for (phase, most) in begun.into_iter().enumerate() {
            let tally = if browsers[phase] { &mut joins.browser } else { &mut joins.udp };
            let joined = Arc::new(AtomicU64::new(0));
            let counted = Arc::clone(&joined);
            let meter = pid.map(|pid| Meter::begin(pid, move || counted.load(Relaxed)));
            let meter = meter.transpose()?;
            let mut leave = Leave::give(options, &company.joining[phase], most);
            let mut arrived = 0;
            while arrived < most {
                let step = tokio::select! {
                    step = next(&mut progress, &mut participants) => step?,
                    () = leave.next() => continue,
                };
                match step {
                    Progress::Online => continue,
                    Progress::Seated(seat) => {
                        joined.fetch_add(1, Relaxed);
                        tally.took.record(seat.took);
                        seats.push(*seat);
                    }
                    Progress::Failed(error) => {
                        tally.failures += 1;
                        // One is told, or a server that refuses all would fill the screen.
                        if !mem::replace(&mut told, true) {
                            bar.suspend(|| eprintln!("a join failed: {error:#}"));
                        }
                    }
                }
                arrived += 1;
                bar.inc(1);
            }
            if let Some(meter) = meter {
                let metered = tokio::task::spawn_blocking(move || meter.end()).await??;
                tally.metered.get_or_insert_default().add(metered);
            }
            bar.println(tally.line(browsers[phase]));
            memory[2 + phase] = pid.and_then(process::resident);
        }
        Ok(Self { seats, pid, joins, browsers, memory, stop, participants })
    }

    /// The sockets of those who say that they live by keepalives, and where they send: browsers have
    /// their checks for that.
    pub(super) fn sockets(&self) -> impl Iterator<Item = (Arc<UdpSocket>, SocketAddr)> {
        let by_udp = |seat: &&Seat| matches!(seat.transport, Transport::Udp(_));
        self.seats.iter().filter(by_udp).map(|seat| (Arc::clone(&seat.socket), seat.server))
    }

    /// Lets everybody go; an error when one was thrown out before.
    pub(super) async fn leave(&mut self) -> anyhow::Result<()> {
        self.stop.cancel();
        while let Some(ended) = self.participants.join_next().await {
            ended?.context("a participant was thrown out")?;
        }
        Ok(())
    }
}

/// How leave to join is given.
struct Leave<'a> {
    gate: &'a Semaphore,
    /// Joins that have no leave yet, and how often one gets it.
    waiting: Option<(usize, Interval)>,
}

impl<'a> Leave<'a> {
    /// At the pace that was asked for; else to a few at once, who pass it on.
    fn give(options: &Options, gate: &'a Semaphore, joins: usize) -> Self {
        let pace = |rate: u16| {
            let mut pace = tokio::time::interval(Duration::from_secs(1) / u32::from(rate));
            // A pace that fell behind catches up: the rate is what was asked for.
            pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
            (joins, pace)
        };
        let waiting = options.joins_per_second.map(pace);
        if waiting.is_none() {
            gate.add_permits(JOINS);
        }
        Self { gate, waiting }
    }

    /// Gives leave to the next. It ends when it has, and never once all have it.
    async fn next(&mut self) {
        match &mut self.waiting {
            Some((waiting, pace)) if *waiting > 0 => {
                pace.tick().await;
                *waiting -= 1;
                self.gate.add_permits(1);
            }
            _ => std::future::pending().await,
        }
    }
}

/// Sends what clients send to keep their way through NATs open: a counter of eight bytes. One client
/// after the other, as far from each other as they can be.
pub(super) async fn keep_alive(sockets: Vec<(Arc<UdpSocket>, SocketAddr)>) {
    let Some(count) = u32::try_from(sockets.len()).ok().filter(|count| *count > 0) else { return };
    let mut beat = tokio::time::interval(KEEPALIVE / count);
    for counter in 0_u64.. {
        for (socket, server) in &sockets {
            beat.tick().await;
            let _ = socket.send_to(&counter.to_le_bytes(), server);
        }
    }
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

/// Shows how far a part of the run is.
pub(super) fn show(bar: &ProgressBar, length: usize, what: &'static str) {
    // The template is a constant; it is right or every run shows the default.
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {elapsed}") {
        bar.set_style(style);
    }
    bar.set_length(length as u64);
    bar.set_position(0);
    bar.set_message(what);
}
