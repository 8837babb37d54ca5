//! Voice through a running server, from outside: what it costs the server to forward a packet, and
//! what it costs this machine to seal and send one, in the same run.
//!
//! Participants are bots that join by the public API. Slices of the server's work and of the
//! floor's take turns, so that a machine whose speed drifts drifts for both.

mod clock;
mod ears;
mod floor;
mod histogram;
mod line;
mod mouths;
mod packet;
mod participant;
mod process;
mod report;
mod rhythm;
mod stage;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use clap::ValueEnum;
use indicatif::ProgressBar;
use indicatif::ProgressStyle;
use media::bench::UdpCipher;
use model::voice::EncryptionMode;
use model::voice::SessionKey;
use tokio::sync::Semaphore;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::clock::Clock;
use self::ears::Ear;
use self::ears::Ears;
use self::floor::Destination;
use self::floor::Floor;
use self::floor::FloorCost;
use self::histogram::Histogram;
use self::line::Door;
use self::mouths::Mouth;
use self::mouths::Mouths;
use self::packet::Stream;
use self::participant::Company;
use self::participant::Place;
use self::participant::Progress;
use self::participant::Seat;
use self::process::Cpu;
use self::process::Spent;
use self::report::Join;
use self::report::Report;
use self::report::Row;
use self::stage::OwnServer;

/// Participants that come online at once.
const ARRIVALS: usize = 16;
/// Joins under way at once.
const JOINS: usize = 8;
/// The server and the floor take turns of about this length.
const SLICE: Duration = Duration::from_secs(2);
/// Spoken before anything is counted.
const WARM_UP: Duration = Duration::from_secs(1);
/// Until the last packet of a slice was heard.
const DRAIN: Duration = Duration::from_millis(200);
/// How long quiet participants are watched.
const QUIET: Duration = Duration::from_secs(3);
/// How often participants say that they live, as clients do.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// What is measured.
#[derive(Debug, Args)]
pub struct Options {
    /// Voice channels, each in a guild of its own
    #[arg(long, default_value_t = 1, value_name = "R", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    rooms: u16,
    /// Participants of each room who speak and hear nobody
    #[arg(long, default_value_t = 10, value_name = "S", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    speakers: u16,
    /// Participants of each room who hear everybody and do not speak
    #[arg(long, default_value_t = 50, value_name = "L", value_parser = clap::value_parser!(u16).range(1..=5_000))]
    listeners: u16,
    /// Measured seconds, of the server and of the floor each
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=3_600))]
    seconds: u16,
    /// The transport of everybody
    #[arg(long, value_enum, default_value_t = Mode::Aes256Gcm)]
    mode: Mode,
    /// Threads among which the listeners' sockets are shared out
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    readers: u16,
    /// Threads of the own server that forward packets [default: one per core]
    #[arg(long, value_name = "N", conflicts_with = "server")]
    shards: Option<NonZeroUsize>,
    /// A server that runs already, instead of an own one
    #[arg(long, value_name = "HOST:PORT", requires = "token")]
    server: Option<String>,
    /// Token of a bot of that server, once for each participant: for each room its speakers, then
    /// its listeners
    #[arg(long, value_name = "TOKEN", requires = "server")]
    token: Vec<String>,
    /// Voice channel on that server, once for each room [default: the bot's first]
    #[arg(long, value_name = "ID", requires = "server")]
    channel: Vec<String>,
    /// PEM file of the CA that signed that server's certificate; without it, plain HTTP
    #[arg(long, value_name = "FILE", requires = "server")]
    ca: Option<PathBuf>,
    /// Process of that server, if it runs on this machine, to count its CPU and memory
    #[arg(long, value_name = "PID", requires = "server")]
    pid: Option<u32>,
}

/// The transports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Discord's UDP transport with AES
    #[value(name = "aead_aes256_gcm_rtpsize")]
    Aes256Gcm,
    /// Discord's UDP transport with ChaCha20
    #[value(name = "aead_xchacha20_poly1305_rtpsize")]
    XChaCha20Poly1305,
}

impl From<Mode> for EncryptionMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Aes256Gcm => Self::Aes256Gcm,
            Mode::XChaCha20Poly1305 => Self::XChaCha20Poly1305,
        }
    }
}

/// Measures and prints.
///
/// # Errors
///
/// When the server cannot be started or reached, throws a participant out, or loses packets.
pub(super) async fn run(options: Options, json: bool) -> anyhow::Result<()> {
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(100));
    // An interrupted run still ends its server and removes its folder.
    let report = tokio::select! {
        report = measure(&options, &bar) => report,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
    };
    bar.finish_and_clear();
    let report = report?;
    if json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    anyhow::ensure!(report.server.packets > 0, "no listener heard anything");
    anyhow::ensure!(
        report.server.loss <= Report::LOSS,
        "{:.2} % of the packets were lost: the figures are those of an overloaded machine",
        report.server.loss * 100.0
    );
    Ok(())
}

async fn measure(options: &Options, bar: &ProgressBar) -> anyhow::Result<Report> {
    let own = match options.server {
        Some(_) => None,
        None => {
            bar.set_message("starting a server");
            Some(OwnServer::start(options.shards).await?)
        }
    };
    let (door, pid, places) = match &own {
        Some(server) => {
            bar.set_message("making guilds and bots");
            let sizes = (options.speakers.into(), options.listeners.into());
            let places = server.furnish(options.rooms.into(), sizes).await?;
            (server.door()?, server.process(), places)
        }
        None => (options.door()?, options.pid, options.places()?),
    };
    Load::attend(options, door, pid, places, bar).await?.measure(options, bar).await
}

impl Options {
    /// The way to a server that runs already.
    fn door(&self) -> anyhow::Result<Door> {
        let host = self.server.clone().unwrap_or_default();
        match &self.ca {
            Some(ca) => Door::trusting(host, &stage::read(ca)?),
            None => Ok(Door { host, tls: None }),
        }
    }

    /// Who comes to a server that runs already.
    fn places(&self) -> anyhow::Result<Vec<Place>> {
        let in_room = usize::from(self.speakers) + usize::from(self.listeners);
        let wanted = in_room * usize::from(self.rooms);
        anyhow::ensure!(
            self.token.len() == wanted,
            "{wanted} participants need {wanted} tokens; {} were given",
            self.token.len()
        );
        let place = |(index, token): (usize, &String)| Place {
            token: token.clone(),
            room: index / in_room,
            channel: self.channel.get(index / in_room).cloned(),
            speaks: index % in_room < usize::from(self.speakers),
        };
        Ok(self.token.iter().enumerate().map(place).collect())
    }
}

/// Everybody is in their channel.
struct Load {
    seats: Vec<Seat>,
    pid: Option<u32>,
    joined: Join,
    /// Resident memory before the first participant came.
    before: Option<u64>,
    stop: CancellationToken,
    participants: JoinSet<anyhow::Result<()>>,
}

impl Load {
    /// Brings everybody online, then lets them join.
    async fn attend(
        options: &Options,
        door: Door,
        pid: Option<u32>,
        places: Vec<Place>,
        bar: &ProgressBar,
    ) -> anyhow::Result<Self> {
        let before = pid.and_then(process::resident);
        let count = places.len();
        let stop = CancellationToken::new();
        let company = Arc::new(Company {
            door,
            mode: options.mode.into(),
            arriving: Semaphore::new(ARRIVALS),
            joining: Semaphore::new(0),
            stop: stop.clone(),
        });
        let (sender, mut progress) = mpsc::channel(count.max(1));
        let mut participants = JoinSet::new();
        for place in places {
            participants.spawn(participant::attend(Arc::clone(&company), place, sender.clone()));
        }
        drop(sender);
        show(bar, count, "coming online");
        let mut online = 0;
        while online < count {
            next(&mut progress, &mut participants).await?;
            online += 1;
            bar.inc(1);
        }
        show(bar, count, "joining");
        let cpu = read_cpu(pid)?;
        company.joining.add_permits(JOINS);
        let mut seats = Vec::new();
        while seats.len() < count {
            if let Progress::Seated(seat) = next(&mut progress, &mut participants).await? {
                seats.push(seat);
                bar.inc(1);
            }
        }
        let spent = spent_since(pid, cpu.as_ref())?;
        let per_join = |time: Duration| time.as_secs_f64() * 1e3 / count as f64;
        let mut took = Histogram::default();
        seats.iter().for_each(|seat| took.record(seat.took));
        let joined = Join {
            joins: count,
            join_p50_ms: took.quantile_ms(0.5),
            join_p95_ms: took.quantile_ms(0.95),
            server_cpu_per_join_ms: spent.map(|spent| per_join(spent.all)),
            media_cpu_per_join_ms: spent.map(|spent| per_join(spent.media)),
        };
        Ok(Self { seats, pid, joined, before, stop, participants })
    }

    /// Lets the server and the floor take turns.
    async fn measure(mut self, options: &Options, bar: &ProgressBar) -> anyhow::Result<Report> {
        let count = self.seats.len() as f64;
        bar.set_message("watching everybody be quiet");
        let cpu = read_cpu(self.pid)?;
        tokio::time::sleep(QUIET).await;
        let quiet = spent_since(self.pid, cpu.as_ref())?;
        let clock = Clock::start();
        let keepalive = JoinSet::from_iter([keep_alive(&self.seats)]);
        let mode = options.mode.into();
        let (mut mouths, mut floor, ears) = cast(&self.seats, mode, clock, options)?;

        let slices = (Duration::from_secs(options.seconds.into()).as_secs_f64()
            / SLICE.as_secs_f64())
        .ceil() as u32;
        let slice = Duration::from_secs(options.seconds.into()) / slices;
        show(bar, slices as usize, "speaking");
        let (mut sent, mut server_cpu, mut floor_cost) = (0, None::<Spent>, FloorCost::default());
        for index in 0..=slices {
            // The first turn of both warms caches and counts for nothing.
            let counted = index > 0;
            let span = if counted { slice } else { WARM_UP };
            let cpu = read_cpu(self.pid)?;
            let spoken;
            (mouths, spoken) = blocking(mouths, move |mouths| mouths.speak(span, counted)).await?;
            tokio::time::sleep(DRAIN).await;
            let spent = spent_since(self.pid, cpu.as_ref())?;
            let cost;
            (floor, cost) = blocking(floor, move |floor| floor.run(span, counted)).await?;
            tokio::time::sleep(DRAIN).await;
            if counted {
                sent += spoken;
                floor_cost.packets += cost.packets;
                floor_cost.cpu += cost.cpu;
                if let Some(spent) = spent {
                    server_cpu.get_or_insert_default().add(spent);
                }
                bar.inc(1);
            }
        }
        let after = self.pid.and_then(process::resident);
        drop(keepalive);
        let heard = tokio::task::spawn_blocking(move || ears.stop()).await?;
        self.leave().await?;

        let seconds = (slice * slices).as_secs_f64();
        let expected = sent * u64::from(options.listeners);
        let floor_row = Row::new(&heard.floor, floor_cost.packets, seconds)
            .with_cpu(Some(floor_cost.cpu), None);
        let server_row = Row::new(&heard.server, expected, seconds)
            .with_cpu(server_cpu.map(|spent| spent.all), server_cpu.map(|spent| spent.media));
        let grown = self.before.zip(after).map(|(before, after)| after.saturating_sub(before));
        Ok(Report {
            mode: EncryptionMode::from(options.mode).as_str(),
            rooms: options.rooms.into(),
            speakers: options.speakers.into(),
            listeners: options.listeners.into(),
            seconds,
            cpu_per_forwarded_packet_over_floor: server_row
                .cpu_per_forwarded_packet_us
                .zip(floor_row.cpu_per_forwarded_packet_us)
                .map(|(server, floor)| server / floor),
            server: server_row,
            floor: floor_row,
            join: self.joined,
            memory_per_participant_kib: grown.map(|grown| grown as f64 / 1_024.0 / count),
            idle_cpu_per_peer_us_per_s: quiet
                .map(|quiet| quiet.all.as_secs_f64() * 1e6 / QUIET.as_secs_f64() / count),
            strange: heard.strange,
        })
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

impl Row {
    fn new(heard: &Histogram, sent: u64, seconds: f64) -> Self {
        let packets = heard.total();
        Self {
            packets,
            packets_per_second: packets as f64 / seconds,
            cpu_per_forwarded_packet_us: None,
            media_cpu_per_forwarded_packet_us: None,
            cores: None,
            loss: if sent == 0 { 0.0 } else { 1.0 - packets as f64 / sent as f64 },
            added_latency_p50_ms: heard.quantile_ms(0.5),
            added_latency_p99_ms: heard.quantile_ms(0.99),
        }
    }

    fn with_cpu(self, all: Option<Duration>, media: Option<Duration>) -> Self {
        let packets = self.packets.max(1) as f64;
        let per_packet = |time: Duration| time.as_secs_f64() * 1e6 / packets;
        Self {
            cpu_per_forwarded_packet_us: all.map(per_packet),
            media_cpu_per_forwarded_packet_us: media.map(per_packet),
            cores: all.map(|all| all.as_secs_f64() * self.packets_per_second / packets),
            ..self
        }
    }
}

/// Gives the parts: speakers, the floor's sender, listeners.
fn cast(
    seats: &[Seat],
    mode: EncryptionMode,
    clock: Clock,
    options: &Options,
) -> anyhow::Result<(Mouths, Floor, Ears)> {
    let mut mouths = Vec::new();
    let mut speaker_rooms = Vec::new();
    let mut ears = Vec::new();
    let mut rooms: Vec<_> = (0..options.rooms).map(|_| Vec::new()).collect();
    for seat in seats {
        if seat.speaks {
            speaker_rooms.push(seat.room);
            mouths.push(Mouth {
                socket: Arc::clone(&seat.socket),
                server: seat.server,
                cipher: UdpCipher::new(mode, &seat.key),
                stream: Stream::new(seat.ssrc),
                counter: 0,
            });
            continue;
        }
        // A key of its own: the server's counters and the floor's must not meet.
        let floor_key = SessionKey::new(signaling::auth::random());
        // Where the server sees it, the floor finds it too.
        let mut address = seat.socket.local_addr()?;
        address.set_ip(seat.server.ip());
        rooms[seat.room].push(Destination::new(address, UdpCipher::new(mode, &floor_key)));
        ears.push(Ear {
            socket: Arc::clone(&seat.socket),
            server: UdpCipher::new(mode, &seat.key),
            floor: UdpCipher::new(mode, &floor_key),
        });
    }
    let ears = Ears::listen(ears, options.readers.into(), clock)?;
    Ok((Mouths { mouths, clock }, Floor::new(rooms, speaker_rooms, clock)?, ears))
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
        step = progress.recv() => step.context("everybody left"),
        Some(ended) = participants.join_next() => {
            ended?.context("a participant could not join")?;
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
