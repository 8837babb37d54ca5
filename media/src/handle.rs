//! The way into the wing from outside: commands, counters, the end. Never packets.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;

use cluster::Busy;
use cluster::MediaPort;
use model::id::ChannelId;
use model::media::MediaCommand;
use model::media::PeerId;

use crate::metrics::SharedTotals;
use crate::metrics::Totals;
use crate::shell::socket::Waker;

/// A running media wing. Clones are cheap and mean the same wing; it stops when the last is gone
/// or [`shutdown`](Self::shutdown) is called.
#[derive(Clone)]
pub struct MediaHandle {
    wing: Arc<Wing>,
}

/// How a command reaches a shard.
pub(crate) struct ShardDoor {
    pub(crate) commands: SyncSender<MediaCommand>,
    pub(crate) waker: Arc<Waker>,
    pub(crate) totals: Arc<SharedTotals>,
}

pub(crate) struct Wing {
    pub(crate) address: SocketAddr,
    pub(crate) doors: Vec<ShardDoor>,
    pub(crate) threads: Mutex<Vec<JoinHandle<()>>>,
    pub(crate) stop: Arc<AtomicBool>,
    /// Which shard a peer joined. Not needed, and not kept, when there is one.
    pub(crate) shard_of: Mutex<HashMap<PeerId, usize>>,
}

impl MediaHandle {
    pub(crate) fn new(wing: Wing) -> Self {
        Self { wing: Arc::new(wing) }
    }

    /// The address that media arrives on, with the port that was bound.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.wing.address
    }

    /// Counters of all shards since the start.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let mut sum = Totals::default();
        for door in &self.wing.doors {
            sum.add(&door.totals.load());
        }
        sum
    }

    /// Ends all peers with `Left` and `Shutdown`, and the threads. Blocks until they are gone: a
    /// moment, or a second when nobody reads the events. Later calls do nothing.
    pub fn shutdown(&self) {
        self.wing.shut_down();
    }
}

impl Wing {
    fn shut_down(&self) {
        self.stop.store(true, Relaxed);
        for door in &self.doors {
            door.waker.wake();
        }
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A shard's panics are caught inside; one that was not has ended its thread already.
            let _ = thread.join();
        }
    }

    /// The shard that a command is for. All peers of a room share one.
    fn shard_for(&self, command: &MediaCommand) -> usize {
        if self.doors.len() == 1 {
            return 0;
        }
        let shard_of = self.shard_of.lock().unwrap_or_else(PoisonError::into_inner);
        match command {
            MediaCommand::Join { room, .. } => shard_of_room(*room, self.doors.len()),
            // Nobody of that name joined: any shard says so.
            other => shard_of.get(&other.peer()).copied().unwrap_or(0),
        }
    }

    fn remember(&self, peer: PeerId, joined: Option<usize>) {
        if self.doors.len() == 1 {
            return;
        }
        let mut shard_of = self.shard_of.lock().unwrap_or_else(PoisonError::into_inner);
        match joined {
            Some(shard) => shard_of.insert(peer, shard),
            None => shard_of.remove(&peer),
        };
    }
}

impl Drop for Wing {
    fn drop(&mut self) {
        self.shut_down();
    }
}

impl MediaPort for MediaHandle {
    fn command(&self, command: MediaCommand) -> Result<(), Busy> {
        let shard = self.wing.shard_for(&command);
        let peer = command.peer();
        let memory = match &command {
            MediaCommand::Join { .. } => Some(Some(shard)),
            MediaCommand::Leave { .. } => Some(None),
            _ => None,
        };
        let door = self.wing.doors.get(shard).ok_or(Busy)?;
        door.commands.try_send(command).map_err(|_| Busy)?;
        if let Some(memory) = memory {
            self.wing.remember(peer, memory);
        }
        door.waker.wake();
        Ok(())
    }

    fn port(&self) -> u16 {
        self.wing.address.port()
    }
}

/// The shard of a room. The low bits of a snowflake hardly vary, so they are mixed first.
fn shard_of_room(room: ChannelId, shards: usize) -> usize {
    let mixed = room.get().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    (mixed % shards as u64) as usize
}
