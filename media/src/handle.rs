//! The way into the wing from outside: commands, counters, the end. Never packets.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;

use cluster::Busy;
use cluster::MediaPort;
use model::id::ChannelId;
use model::id::UserId;
use model::media::MediaCommand;
use model::media::PeerId;
use model::media::RelayPass;

use crate::fallback::Passes;
use crate::metrics::SharedTotals;
use crate::metrics::Totals;
use crate::room::home_of;
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
    pub(crate) tcp: bool,
    pub(crate) passes: Passes,
    pub(crate) doors: Vec<ShardDoor>,
    pub(crate) threads: Mutex<Vec<JoinHandle<()>>>,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) homes: Arc<Homes>,
}

/// Which shard each peer is on, and how many of each room each shard has.
#[derive(Debug)]
pub(crate) struct Homes {
    shards: usize,
    /// Peers of a room that sit at its home before others go elsewhere.
    together: usize,
    seating: Mutex<Seating>,
}

#[derive(Debug, Default)]
struct Seating {
    peers: HashMap<PeerId, (usize, ChannelId)>,
    /// By shard.
    rooms: HashMap<ChannelId, Box<[usize]>>,
}

impl Homes {
    pub(crate) fn new(shards: usize, together: NonZeroUsize) -> Self {
        Self { shards, together: together.get(), seating: Mutex::default() }
    }

    fn find(&self, peer: PeerId) -> Option<usize> {
        self.lock().peers.get(&peer).map(|(shard, _)| *shard)
    }

    /// Gives a peer that joins a room its shard: the room's home while there is place, then the one
    /// that has the fewest of the room. Also the shard that the peer was on before, if any.
    fn seat(&self, peer: PeerId, room: ChannelId) -> (usize, Option<usize>) {
        let mut seating = self.lock();
        let former = seating.remove(peer).map(|(shard, _)| shard);
        let home = home_of(room, self.shards);
        let counts =
            seating.rooms.entry(room).or_insert_with(|| vec![0; self.shards].into_boxed_slice());
        let shard = if counts[home] < self.together {
            home
        } else {
            // From the home on, so that of several large rooms each begins with another neighbour.
            let around = (0..self.shards).map(|step| (home + step) % self.shards);
            around.min_by_key(|shard| counts[*shard]).unwrap_or(home)
        };
        counts[shard] += 1;
        seating.peers.insert(peer, (shard, room));
        (shard, former)
    }

    /// Forgets a peer that left, or that media ended by itself.
    pub(crate) fn remove(&self, peer: PeerId) {
        self.lock().remove(peer);
    }

    fn lock(&self) -> MutexGuard<'_, Seating> {
        self.seating.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seating {
    fn remove(&mut self, peer: PeerId) -> Option<(usize, ChannelId)> {
        let (shard, room) = self.peers.remove(&peer)?;
        if let Some(counts) = self.rooms.get_mut(&room) {
            counts[shard] = counts[shard].saturating_sub(1);
            if counts.iter().all(|count| *count == 0) {
                self.rooms.remove(&room);
            }
        }
        Some((shard, room))
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

    /// What knows the passes of this wing again; for the front door.
    #[must_use]
    pub fn passes(&self) -> Passes {
        self.wing.passes.clone()
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

    fn send(&self, shard: usize, command: MediaCommand) -> Result<(), Busy> {
        let door = self.doors.get(shard).ok_or(Busy)?;
        door.commands.try_send(command).map_err(|_| Busy)?;
        door.waker.wake();
        Ok(())
    }

    /// Sends a Join to the shard that has place for it.
    fn join(&self, peer: PeerId, room: ChannelId, command: MediaCommand) -> Result<(), Busy> {
        // Before it is sent: the shard may end the peer at once, and forgets it here then.
        let (shard, former) = self.homes.seat(peer, room);
        if let Some(former) = former.filter(|former| *former != shard) {
            // A second Join of one name replaces the first.
            let _ = self.send(former, MediaCommand::Leave { peer });
        }
        let sent = self.send(shard, command);
        if sent.is_err() {
            self.homes.remove(peer);
        }
        sent
    }
}

impl Drop for Wing {
    fn drop(&mut self) {
        self.shut_down();
    }
}

impl MediaPort for MediaHandle {
    fn command(&self, command: MediaCommand) -> Result<(), Busy> {
        let peer = command.peer();
        if let MediaCommand::Join { room, .. } = command {
            return self.wing.join(peer, room, command);
        }
        // Nobody of that name joined: any shard says so.
        let shard = self.wing.homes.find(peer).unwrap_or(0);
        let leaves = matches!(command, MediaCommand::Leave { .. });
        self.wing.send(shard, command)?;
        if leaves {
            self.wing.homes.remove(peer);
        }
        Ok(())
    }

    fn port(&self) -> u16 {
        self.wing.address.port()
    }

    fn takes_tcp(&self) -> bool {
        self.wing.tcp
    }

    fn relay_pass(&self, user: UserId, media: SocketAddr, unix: u64) -> Option<RelayPass> {
        self.wing.tcp.then(|| self.wing.passes.issue(user, media, unix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: ChannelId = ChannelId::new(7);

    fn homes(shards: usize, together: usize) -> Homes {
        Homes::new(shards, NonZeroUsize::new(together).expect("above zero"))
    }

    #[test]
    fn a_room_stays_together_until_it_is_large_and_is_then_shared_out_evenly() {
        let homes = homes(3, 4);
        let home = home_of(ROOM, 3);

        let shards: Vec<_> = (0..12).map(|peer| homes.seat(PeerId(peer), ROOM).0).collect();

        assert!(shards[..4].iter().all(|shard| *shard == home));
        for shard in 0..3 {
            assert_eq!(shards.iter().filter(|of| **of == shard).count(), 4);
        }
        homes.remove(PeerId(0));
        assert_eq!(homes.seat(PeerId(20), ROOM), (home, None), "there is place at home again");
    }

    #[test]
    fn who_joins_again_is_counted_once_and_an_empty_room_is_forgotten() {
        let homes = homes(2, 1);
        let home = home_of(ROOM, 2);
        homes.seat(PeerId(1), ROOM);
        homes.seat(PeerId(2), ROOM);

        assert_eq!(homes.seat(PeerId(1), ROOM), (home, Some(home)));
        assert_eq!(homes.find(PeerId(2)), Some(1 - home));
        homes.remove(PeerId(1));
        homes.remove(PeerId(2));
        homes.remove(PeerId(2));

        let seating = homes.lock();
        assert!(seating.peers.is_empty() && seating.rooms.is_empty());
    }
}
