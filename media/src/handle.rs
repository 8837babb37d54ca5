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
use crate::shell::waker::Waker;

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
    pub(crate) homes: Arc<Homes>,
}

/// Which shard a peer joined. Not needed, and not kept, when there is one.
#[derive(Debug, Default)]
pub(crate) struct Homes(Mutex<HashMap<PeerId, usize>>);

impl Homes {
    fn find(&self, peer: PeerId) -> Option<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&peer).copied()
    }

    fn add(&self, peer: PeerId, shard: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(peer, shard);
    }

    /// Forgets a peer that left, or that media ended by itself.
    pub(crate) fn remove(&self, peer: PeerId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&peer);
    }
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
        match command {
            MediaCommand::Join { room, .. } => shard_of_room(*room, self.doors.len()),
            // Nobody of that name joined: any shard says so.
            other => self.homes.find(other.peer()).unwrap_or(0),
        }
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
        let joins = matches!(command, MediaCommand::Join { .. });
        let leaves = matches!(command, MediaCommand::Leave { .. });
        let door = self.wing.doors.get(shard).ok_or(Busy)?;
        let several = self.wing.doors.len() > 1;
        // Before it is sent: the shard may end the peer at once, and forgets it here then.
        if several && joins {
            self.wing.homes.add(peer, shard);
        }
        let sent = door.commands.try_send(command);
        let gone = if joins { sent.is_err() } else { leaves && sent.is_ok() };
        if several && gone {
            self.wing.homes.remove(peer);
        }
        sent.map_err(|_| Busy)?;
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
