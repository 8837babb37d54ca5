//! Chat through a running server, from outside: what it costs the server to deliver an event to a
//! session, and what it costs this machine to write as many bytes to as many sockets, in the same run.
//!
//! Sessions are bots in one guild, on plain connections: TLS would be the dearest part of both sides
//! of the ratio, and is no part of what is compared.

pub(super) mod crowd;
mod floor;
mod hall;
pub(super) mod post;
mod report;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use indicatif::ProgressBar;

use self::crowd::Crowd;
use self::floor::Floor;
use self::hall::Hall;
use self::report::Delivery;
use self::report::Reads;
use self::report::Report;
use crate::bench::meter::Meter;
use crate::bench::meter::Metered;
use crate::bench::pace;
use crate::bench::voice::process;
use crate::bench::voice::stage::OwnServer;

/// What is measured.
#[derive(Debug, Args)]
pub struct Options {
    /// Gateway sessions, each of a bot of its own, all in one guild
    #[arg(long, default_value_t = 1_000, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=20_000))]
    sessions: u16,
    /// Messages a second that all of them hear
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    rate: u16,
    /// Measured seconds, of the server and of the floor each, and of the writes
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=3_600))]
    seconds: u16,
    /// Messages that wait to be acknowledged at once, when as many as possible are written
    #[arg(long, default_value_t = 64, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    writers: u16,
    /// Transport compression that all sessions ask for
    #[arg(long, value_name = "NAME")]
    compress: Option<Compress>,
    /// At the end kill the server, start it again, and wait until everybody is back
    #[arg(long)]
    storm: bool,
}

/// Transport compression (Discord: Gateway/Transport Compression).
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Compress {
    /// One stream of zlib a connection.
    ZlibStream,
}

/// Descriptors and connections beside those of sessions: requests, the database, the runtime.
const REQUESTS: usize = 2_000;
/// One turn of the server or the floor.
const SLICE: Duration = Duration::from_secs(1);
/// Until everything that was said is heard.
const DRAIN: Duration = Duration::from_millis(300);
/// Until sessions that came together have settled.
const SETTLE: Duration = Duration::from_secs(3);

/// Measures and prints.
///
/// # Errors
///
/// When the server cannot be started, throws a session out, or loses events.
pub(super) async fn run(options: Options, json: bool) -> anyhow::Result<()> {
    let descriptors = process::raise_descriptors();
    let report = super::report(json, async |bar| measure(&options, descriptors, bar).await).await?;
    anyhow::ensure!(report.lost == 0, "{} events were not delivered", report.lost);
    Ok(())
}

async fn measure(
    options: &Options,
    descriptors: usize,
    bar: &ProgressBar,
) -> anyhow::Result<Report> {
    bar.set_message("starting a server");
    let sessions = usize::from(options.sessions);
    let connections = ("GUILDHALL__SERVER__MAX_CONNECTIONS", (sessions + REQUESTS).to_string());
    let mut server = OwnServer::start_with(Ipv4Addr::LOCALHOST, vec![connections]).await?;
    let mut hall = Hall::furnish(&server, (sessions, options.compress.is_some()), bar).await?;
    server.restart().await?;
    let mut report = Report::new(options);

    let before = resident(&server)?;
    let mut crowd = Crowd::empty(&hall);
    let arrived = crowd.arrived();
    let meter = Meter::begin(id(&server)?, move || arrived.load(Relaxed))?;
    // What the first sessions bring into memory, such as the server's own code, is no session's.
    let first = sessions.div_ceil(10).min(sessions - 1);
    crowd.admit(&hall, 0..first, bar).await?;
    tokio::time::sleep(SETTLE).await;
    let warm = resident(&server)?;
    crowd.admit(&hall, first..sessions, bar).await?;
    tokio::time::sleep(SETTLE).await;
    let after = resident(&server)?;
    report.identify_cpu_ms = ended(meter).await?.cost() * 1e3;
    let grown = |since: u64, by: usize| (after as f64 - since as f64) / 1_024.0 / by as f64;
    report.memory_per_session_kib = grown(warm, sessions - first);
    report.memory_all_of_it_kib = grown(before, sessions);

    // Each of the floor's connections has both of its ends here.
    let room = descriptors.saturating_sub(sessions + REQUESTS) / 2;
    let floor = Floor::open(sessions.min(room)).await?;
    report.delivery = deliver(options, &server, (&mut hall, &mut crowd), floor, bar).await?;
    report.lost = crowd.heard().missing();
    pace::settle();
    let mut times = crowd.heard().times();
    report.added_latency_p99_of_all_ms = times.all().quantile_ms(0.99);
    report.added_latency_p50_ms = times.kept().quantile_ms(0.5);
    report.added_latency_p99_ms = times.kept().quantile_ms(0.99);
    crowd.leave().await;
    tokio::time::sleep(SETTLE).await;

    bar.set_message("writing as much as it takes");
    let span = Duration::from_secs(options.seconds.into());
    let acknowledged = hall.acknowledged();
    let meter = Meter::begin(id(&server)?, move || acknowledged.load(Relaxed))?;
    let written = hall.write(options.writers.into(), span).await?;
    report.create_cpu_us = ended(meter).await?.cost() * 1e6;
    report.writes_per_second = written.acknowledged as f64 / written.took.as_secs_f64();
    report.create_p99_ms = written.p99_ms;

    for same in [true, false] {
        bar.set_message("reading the newest page, many at once");
        let acknowledged = hall.acknowledged();
        let meter = Meter::begin(id(&server)?, move || acknowledged.load(Relaxed))?;
        let read = hall.read(same).await?;
        let cost = ended(meter).await?.cost();
        let reads = Reads {
            per_second: read.acknowledged as f64 / read.took.as_secs_f64(),
            cpu_us: cost * 1e6,
            p99_ms: read.p99_ms,
        };
        *(if same { &mut report.same_page } else { &mut report.other_pages }) = Some(reads);
    }

    if options.storm {
        let crowd = Crowd::arrive(&hall, bar).await?;
        bar.set_message("the server was killed; everybody comes back");
        let began = crate::bench::now();
        server.restart().await?;
        crowd.come_back(&hall, bar).await?;
        report.storm_seconds = Some(began.elapsed().as_secs_f64());
    }
    Ok(report.judged())
}

/// Server and floor take turns, so that a machine whose speed drifts drifts for both.
async fn deliver(
    options: &Options,
    server: &OwnServer,
    (hall, crowd): (&mut Hall, &mut Crowd),
    mut floor: Floor,
    bar: &ProgressBar,
) -> anyhow::Result<Delivery> {
    let sessions = u64::from(options.sessions);
    let mut delivery = Delivery::default();
    for turn in 0..=options.seconds {
        bar.set_message(format!("speaking and writing in turns, {turn} of {}", options.seconds));
        let heard = Arc::clone(crowd.heard());
        let meter = Meter::begin(id(server)?, move || heard.count())?;
        let said = hall.speak(options.rate, SLICE).await?;
        tokio::time::sleep(DRAIN).await;
        let metered = ended(meter).await?;
        crowd.heard().expect(said * sessions);
        let bytes = crowd.heard().longest();
        let cost;
        (floor, cost) = tokio::task::spawn_blocking(move || {
            let cost = floor.run(said, SLICE, bytes);
            (floor, cost)
        })
        .await?;
        // The first turn of each warms caches and counts for nothing.
        if turn == 0 {
            crowd.heard().forget_times();
            continue;
        }
        delivery.note(metered, cost?);
    }
    Ok(delivery)
}

/// What was used until now.
async fn ended(meter: Meter) -> anyhow::Result<Metered> {
    tokio::task::spawn_blocking(move || meter.end()).await?
}

fn id(server: &OwnServer) -> anyhow::Result<u32> {
    server.process().context("the server ended")
}

fn resident(server: &OwnServer) -> anyhow::Result<u64> {
    process::resident(id(server)?).context("the memory of the server is not known")
}
