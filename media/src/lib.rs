//! The media wing: an SFU (RFC 7667 §3.7) for Discord's UDP transport and for WebRTC.
//!
//! It forwards packets and negotiates transports. It knows no gateway, no guild and no permission:
//! signaling sends [`MediaCommand`](model::media::MediaCommand)s and gets
//! [`MediaEvent`]s back. Begin to read at `shard/mod.rs`: the journey of a voice packet.

#![cfg_attr(
    test,
    allow(clippy::disallowed_methods, reason = "a test needs a moment to count from")
)]

#[doc(hidden)]
pub mod bench;
mod config;
pub mod fallback;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod handle;
#[cfg(feature = "measuring")]
#[doc(hidden)]
pub use crate::shell::measuring;
mod metrics;
mod opus;
mod peer;
mod room;
mod rtp;
mod shard;
mod shell;
mod stream;
mod transport;
mod video;

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::sync_channel;
use std::time::Instant;
use std::time::SystemTime;

use model::media::MediaEvent;
use tokio::sync::mpsc;

pub use crate::config::MediaConfig;
pub use crate::config::PairingPolicy;
pub use crate::handle::MediaHandle;
pub use crate::metrics::DropReason;
pub use crate::metrics::Totals;

use crate::handle::Homes;
use crate::handle::ShardDoor;
use crate::handle::Wing;
use crate::metrics::SharedTotals;
use crate::shard::Places;
use crate::shard::Shard;
use crate::shard::ShardConfig;
use crate::shard::WallClock;
use crate::shell::directory::Directory;
use crate::shell::link::LinkRing;
use crate::shell::link::LinkSender;
use crate::shell::run::Events;
use crate::shell::run::Neighbour;
use crate::shell::run::ShardThread;
use crate::shell::socket::BatchSocket;
use crate::shell::steering;
use crate::shell::steering::Strays;
use crate::shell::waker::Waker;
use crate::shell::window::Window;
use crate::transport::dtls::WebRtcIdentity;

/// Commands that wait for a shard before callers are told [`Busy`](cluster::Busy).
const COMMANDS: usize = 4_096;
/// Datagrams on their way from one shard to another before they are dropped.
const RING: usize = 256;
/// Seconds from the epoch of NTP, 1900, to that of Unix (RFC 5905 §6).
const NTP_TO_UNIX: u64 = 2_208_988_800;

/// The media wing.
#[derive(Debug)]
pub struct Media;

impl Media {
    /// Binds the port and starts the shards. Events go to `events`, which must be read.
    ///
    /// # Errors
    ///
    /// When the port is taken, or the process has no descriptors, threads or randomness left.
    pub fn start(config: MediaConfig, events: mpsc::Sender<MediaEvent>) -> io::Result<MediaHandle> {
        let count = config.shards.map_or_else(default_shards, NonZeroUsize::get);
        let first = BatchSocket::bind(config.listen, count > 1)?;
        // With port 0 the kernel chose one: the others must bind the same.
        let address = first.local_address()?;
        let mut sockets = vec![first];
        for _ in 1..count {
            sockets.push(BatchSocket::bind(address, true)?);
        }
        let shard_config = shard_config(&config, count)?;
        start_threads(sockets, address, &config, &shard_config, &events)
    }
}

/// One shard per core.
fn default_shards() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

#[expect(clippy::disallowed_methods, reason = "starting the wing belongs to the shell")]
fn shard_config(config: &MediaConfig, shards: usize) -> io::Result<ShardConfig> {
    let identity = WebRtcIdentity::generate();
    let identity =
        identity.ok_or_else(|| io::Error::other("cannot generate a DTLS certificate"))?;
    let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let ntp = (unix.as_secs() + NTP_TO_UNIX) << 32;
    Ok(ShardConfig {
        index: 0,
        shards: u16::try_from(shards).map_err(|_| io::Error::other("too many shards"))?,
        idle_timeout: config.idle_timeout,
        places: Places { taken: Arc::new(AtomicUsize::new(0)), most: config.max_peers },
        identity,
        wall_clock: WallClock { at: Instant::now(), ntp },
        tell_names: shards > 1,
    })
}

fn start_threads(
    sockets: Vec<BatchSocket>,
    address: SocketAddr,
    wing_config: &MediaConfig,
    config: &ShardConfig,
    events: &mpsc::Sender<MediaEvent>,
) -> io::Result<MediaHandle> {
    let stop = Arc::new(AtomicBool::new(false));
    let directory = Arc::new(Directory::default());
    let homes = Arc::new(Homes::new(sockets.len(), wing_config.spread_from));
    let mut neighbours = Vec::new();
    let mut rings = Vec::new();
    let shards = sockets.len();
    for _ in &sockets {
        let (ring, handed) = sync_channel(RING);
        let (links, told) = LinkRing::new();
        let (links, waker) = (Arc::new(links), Arc::new(Waker::new()?));
        neighbours.push(Neighbour { ring, links, waker });
        rings.push((handed, told));
    }
    let neighbours: Arc<[Neighbour]> = neighbours.into();
    let (reports, reported) = sync_channel(steering::REPORTS);
    let steered = if sockets.len() > 1 { Some(sockets[0].try_clone()?) } else { None };
    let mut doors = Vec::new();
    let mut parts = Vec::new();
    for (index, (socket, (handed, told))) in sockets.into_iter().zip(rings).enumerate() {
        let (sender, commands) = sync_channel(COMMANDS);
        let totals = Arc::new(SharedTotals::default());
        let waker = Arc::clone(&neighbours[index].waker);
        doors.push(ShardDoor {
            commands: sender,
            waker: Arc::clone(&waker),
            totals: Arc::clone(&totals),
        });
        parts.push(ShardThread {
            index,
            shard: Shard::new(ShardConfig { index: index as u16, ..config.clone() }),
            socket,
            waker,
            commands,
            handed,
            told,
            links: LinkSender::new(index as u16, shards),
            neighbours: Arc::clone(&neighbours),
            directory: Arc::clone(&directory),
            strays: Strays::new(reports.clone()),
            window: Window::new(wing_config.pairing),
            homes: Arc::clone(&homes),
            events: Events::new(events.clone()),
            totals,
            stop: Arc::clone(&stop),
        });
    }
    // Steering ends when the shards, who report to it, have ended.
    drop(reports);
    // From here on the wing owns the threads: if one cannot start, dropping it ends the others.
    let tcp = wing_config.tcp;
    let mut secret = [0; 32];
    aws_lc_rs::rand::fill(&mut secret).map_err(|_| io::Error::other("no randomness"))?;
    let passes = fallback::Passes::new(secret);
    let wing = Wing { address, tcp, passes, doors, threads: Mutex::default(), stop, homes };
    let own = |thread| {
        wing.threads.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(thread);
    };
    for part in parts {
        let name = format!("media-{}", part.index);
        own(std::thread::Builder::new().name(name).spawn(move || part.run())?);
    }
    if let Some(socket) = steered {
        own(steering::start(socket, directory, reported)?);
    }
    Ok(MediaHandle::new(wing))
}
