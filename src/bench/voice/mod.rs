//! Voice through a running server, from outside: what it costs the server to forward a packet, and
//! what it costs this machine to seal and send one, in the same run.
//!
//! Participants are bots that join by the public API. Slices of the server's work and of the
//! floor's take turns, so that a machine whose speed drifts drifts for both.

pub(super) mod bars;
mod browser;
mod cast;
mod chance;
mod clock;
mod code;
mod contest;
#[cfg(any(test, feature = "mouth-to-ear"))]
pub(super) mod duet;
mod ears;
mod floor;
pub(super) mod histogram;
mod janus;
pub(super) mod line;
mod load;
mod memory;
mod mouths;
mod mumble;
mod packet;
mod participant;
pub(super) mod process;
mod quiet;
mod report;
mod rhythm;
pub(super) mod stage;

use std::net::Ipv4Addr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use clap::ValueEnum;
use indicatif::ProgressBar;
use model::voice::EncryptionMode;

use self::contest::Entrants;
use self::janus::Janus;
use self::line::Door;
use self::load::Load;
use self::mumble::Mumble;
use self::participant::Place;
use self::report::Report;
use self::rhythm::Rhythm;
use self::stage::OwnServer;

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
    /// Rooms are stages: who listens is an audience, of which nobody is told who they are
    #[arg(long, conflicts_with = "server")]
    stage: bool,
    /// Measured seconds, of the server and of the floor each
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=3_600))]
    seconds: u16,
    /// The transport of the listeners
    #[arg(long, value_enum, default_value_t = Mode::Aes256Gcm)]
    mode: Mode,
    /// The transport of the speakers; who has Discord's UDP transport has the mode of the
    /// listeners, if that is one
    #[arg(long, value_enum, default_value_t = Speaking::Udp)]
    speaker_mode: Speaking,
    /// Afterwards let more and more speak, up to all, and tell how much the server carries: with
    /// many rooms
    #[arg(long)]
    capacity: bool,
    /// How speakers stand to each other [default: even; free with --paired]
    #[arg(long, value_enum)]
    rhythm: Option<Rhythm>,
    /// Let a second server take turns, which lets packets wait for others to the same listener
    /// (`[media] pairing = "always"`)
    #[arg(long, conflicts_with = "server")]
    paired: bool,
    /// Let mumble-server take turns under the same load, if it is installed
    #[arg(long)]
    mumble: bool,
    /// Let Janus's VideoRoom with two event loops take turns under the same load, if it is
    /// installed: best with --mode webrtc --speaker-mode webrtc, which is all that Janus speaks
    #[arg(long)]
    janus: bool,
    /// Percentage of the packets that the network of each client loses on purpose, in each
    /// direction and each by itself, once it has joined; then no bar is judged
    #[arg(long, default_value_t = 0, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=90))]
    loss: u8,
    /// Joins that begin each second, whether those before have succeeded or not; one that fails is
    /// counted [default: eight under way at a time, and none may fail]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    joins_per_second: Option<u16>,
    /// Threads among which the listeners' sockets are shared out
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    readers: u16,
    /// Threads of the own server that forward packets [default: one per core]
    #[arg(long, value_name = "N", conflicts_with = "server")]
    shards: Option<NonZeroUsize>,
    /// Address that the own server binds; the default, as of every server, is all of the machine,
    /// which makes it look up for each packet which one to answer from
    #[arg(long, default_value = "0.0.0.0", value_name = "ADDRESS", conflicts_with = "server")]
    bind: Ipv4Addr,
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
    /// WebRTC, as browsers
    #[value(name = "webrtc")]
    WebRtc,
}

/// The transports of speakers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Speaking {
    /// Discord's UDP transport
    Udp,
    /// WebRTC, as browsers
    #[value(name = "webrtc")]
    WebRtc,
}

impl Mode {
    /// Its name on the command line and in reports.
    const fn name(self) -> &'static str {
        match self {
            Self::WebRtc => "webrtc",
            other => other.udp().as_str(),
        }
    }

    /// The mode of those on Discord's UDP transport.
    const fn udp(self) -> EncryptionMode {
        match self {
            Self::XChaCha20Poly1305 => EncryptionMode::XChaCha20Poly1305,
            Self::Aes256Gcm | Self::WebRtc => EncryptionMode::Aes256Gcm,
        }
    }
}

/// Measures and prints.
///
/// # Errors
///
/// When the server cannot be started or reached, throws a participant out, or loses packets.
pub(super) async fn run(options: Options, json: bool) -> anyhow::Result<()> {
    process::raise_descriptors();
    let report = super::report(json, async |bar| measure(&options, bar).await).await?;
    anyhow::ensure!(report.server.packets > 0, "no listener heard anything");
    anyhow::ensure!(report.floor.loss <= Report::LOSS, "the floor lost packets: measure again");
    anyhow::ensure!(
        options.loss > 0 || report.server.loss <= Report::LOSS,
        "{:.2} % of the packets were lost: the figures are those of an overloaded machine",
        report.server.loss * 100.0
    );
    let failures = report.joins().map(|join| join.failures).sum::<u64>();
    anyhow::ensure!(failures == 0, "{failures} joins failed");
    Ok(())
}

async fn measure(options: &Options, bar: &ProgressBar) -> anyhow::Result<Report> {
    let mut own = match options.server {
        Some(_) => None,
        None => {
            bar.set_message("starting a server");
            Some(OwnServer::start(options.bind, options.shards).await?)
        }
    };
    let server = match &mut own {
        Some(server) => attend_own(options, server, bar).await?,
        None => Load::attend(options, options.door()?, options.pid, options.places()?, bar).await?,
    };
    let mut pairing = if options.paired { Some(paired(options).await?) } else { None };
    let paired = match &mut pairing {
        Some(server) => Some(attend_own(options, server, bar).await?),
        None => None,
    };
    let mumble = match options.mumble.then(mumble::installed) {
        None => None,
        Some(Some(program)) => {
            anyhow::ensure!(options.rooms == 1, "--mumble compares one room: --rooms 1");
            bar.set_message("joining mumble-server");
            let (speakers, listeners) = (options.speakers.into(), options.listeners.into());
            Some(Mumble::start(&program, speakers, listeners).await?)
        }
        Some(None) => {
            bar.suspend(|| {
                eprintln!("SKIPPED: mumble-server is not installed, nothing is compared")
            });
            None
        }
    };
    let janus = match options.janus.then(janus::installed) {
        None => None,
        Some(Some(program)) => {
            anyhow::ensure!(options.rooms == 1, "--janus compares one room: --rooms 1");
            bar.set_message("starting Janus");
            Some(Janus::start(&program, options.speakers, options.listeners, bar).await?)
        }
        Some(None) => {
            bar.suspend(|| eprintln!("SKIPPED: Janus is not installed, nothing is compared"));
            None
        }
    };
    contest::measure(options, Entrants { server, paired, mumble, janus }, bar).await
}

/// Everybody joins a server of our own.
async fn attend_own(
    options: &Options,
    server: &mut OwnServer,
    bar: &ProgressBar,
) -> anyhow::Result<Load> {
    bar.set_message("making guilds and bots");
    let sizes = (options.speakers.into(), options.listeners.into());
    let places = server.furnish(options.rooms.into(), sizes, options.stage).await?;
    server.restart().await?;
    Load::attend(options, server.door()?, server.process(), places, bar).await
}

/// A server like the own one, which lets packets wait for each other.
async fn paired(options: &Options) -> anyhow::Result<OwnServer> {
    let pairing = ("GUILDHALL__MEDIA__PAIRING", "always".to_owned());
    let shards = options.shards.map(|shards| ("GUILDHALL__MEDIA__SHARDS", shards.to_string()));
    OwnServer::start_with(options.bind, [pairing].into_iter().chain(shards).collect()).await
}

impl Options {
    /// Part of the packets that each client's network loses.
    fn loss(&self) -> f64 {
        f64::from(self.loss) / 100.0
    }

    /// The rhythm that was asked for. Whether packets meet is what pairing is about, so that is
    /// left to chance as among real speakers.
    fn rhythm(&self) -> Rhythm {
        self.rhythm.unwrap_or(if self.paired { Rhythm::Free } else { Rhythm::Even })
    }

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
