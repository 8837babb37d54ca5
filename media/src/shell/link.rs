//! The ways between shards that have peers of one room: for each shard a ring of packets and a queue
//! of notes, which all others fill.
//!
//! A full ring loses its oldest packet: newer ones say more, and listeners repair a loss. A full queue
//! loses nothing; notes then wait with their sender. No lock: a shard that sleeps or hangs holds up no
//! other.

use std::collections::VecDeque;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::SyncSender;
use std::sync::mpsc::TrySendError;
use std::sync::mpsc::sync_channel;

use crossbeam_queue::ArrayQueue;

use crate::metrics::DropReason;
use crate::shard::Shard;
use crate::shard::linked::Note;
use crate::shard::linked::Passed;
use crate::shell::run::Neighbour;

/// Packets on their way to one shard: a second of the sixteen speakers of a large room.
const PACKETS: usize = 1_024;
/// Notes on their way to one shard.
const NOTES: usize = 4_096;
/// Notes that wait for a full queue. More than there are commands in a second, so that a shard which
/// leaves them there hangs; then the oldest are lost.
const BACKLOG: usize = 65_536;
/// Bytes that a packet's place has from the beginning.
const PAYLOAD: usize = 256;

/// A packet on its way.
#[derive(Debug)]
pub(crate) struct Carried {
    pub(crate) passed: Passed,
    pub(crate) payload: Vec<u8>,
}

/// The way to one shard.
#[derive(Debug)]
pub(crate) struct LinkRing {
    packets: ArrayQueue<Box<Carried>>,
    /// Places that were used, to be used again.
    spare: ArrayQueue<Box<Carried>>,
    notes: SyncSender<(u16, Note)>,
}

impl LinkRing {
    /// A way, and what its shard receives notes by.
    pub(crate) fn new() -> (Self, Receiver<(u16, Note)>) {
        let (notes, told) = sync_channel(NOTES);
        let queue = || ArrayQueue::new(PACKETS);
        (Self { packets: queue(), spare: queue(), notes }, told)
    }

    /// Sends a packet. Whether the oldest had to give way for it.
    fn put(&self, passed: &Passed, payload: &[u8]) -> bool {
        let mut carried = self.spare.pop().unwrap_or_else(|| {
            Box::new(Carried { passed: *passed, payload: Vec::with_capacity(PAYLOAD) })
        });
        carried.passed = *passed;
        carried.payload.clear();
        carried.payload.extend_from_slice(payload);
        match self.packets.force_push(carried) {
            Some(oldest) => {
                self.give_back(oldest);
                true
            }
            None => false,
        }
    }

    /// The next packet for this shard.
    pub(crate) fn take(&self) -> Option<Box<Carried>> {
        self.packets.pop()
    }

    /// Takes back the place of a packet that was handled.
    pub(crate) fn give_back(&self, carried: Box<Carried>) {
        // Of more than the ring holds, the memory goes.
        let _ = self.spare.push(carried);
    }
}

/// One shard's end of the ways to all others.
#[derive(Debug)]
pub(crate) struct LinkSender {
    index: u16,
    /// Notes that wait, by the shard that they are for.
    backlog: Vec<VecDeque<Note>>,
    /// Whom something was sent to.
    wakes: Vec<bool>,
}

impl LinkSender {
    pub(crate) fn new(index: u16, shards: usize) -> Self {
        Self { index, backlog: vec![VecDeque::new(); shards], wakes: vec![false; shards] }
    }

    /// Whether notes wait for a full queue.
    pub(crate) fn is_behind(&self) -> bool {
        self.backlog.iter().any(|notes| !notes.is_empty())
    }

    /// Carries what the shard wants carried, and wakes whoever gets something.
    pub(crate) fn carry(&mut self, shard: &mut Shard, neighbours: &[Neighbour]) {
        for (to, note) in shard.links().take_notes() {
            let Some(waiting) = self.backlog.get_mut(usize::from(to)) else { continue };
            if waiting.len() >= BACKLOG {
                tracing::warn!(
                    "a media shard does not listen to another; the oldest note was lost"
                );
                waiting.pop_front();
            }
            waiting.push_back(note);
        }
        for ((waiting, neighbour), wakes) in
            self.backlog.iter_mut().zip(neighbours).zip(&mut self.wakes)
        {
            while let Some(note) = waiting.pop_front() {
                match neighbour.links.notes.try_send((self.index, note)) {
                    Ok(()) => *wakes = true,
                    Err(TrySendError::Full((_, note))) => {
                        waiting.push_front(note);
                        break;
                    }
                    Err(TrySendError::Disconnected(_)) => waiting.clear(),
                }
            }
        }
        let mut lost = 0;
        for (to, passed, payload) in shard.links().packets() {
            let to = usize::from(to);
            let (Some(neighbour), Some(wakes)) = (neighbours.get(to), self.wakes.get_mut(to))
            else {
                continue;
            };
            lost += u64::from(neighbour.links.put(passed, payload));
            *wakes = true;
        }
        shard.links().clear();
        shard.totals_mut().dropped[DropReason::LinkFull as usize] += lost;
        for (wakes, neighbour) in self.wakes.iter_mut().zip(neighbours) {
            if std::mem::take(wakes) {
                neighbour.waker.wake();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use model::id::ChannelId;
    use model::media::PeerId;

    use super::*;
    use crate::rtp::header::RtpHeader;
    use crate::shard::linked::Content;
    use crate::shard::linked::Voice;
    use crate::shard::linked::Who;
    use crate::shell::counting::allocations;

    fn packet(sequence: u16) -> Passed {
        Passed {
            room: ChannelId::new(5),
            who: Who { peer: PeerId(1), ssrc: 9, shard: 0 },
            header: RtpHeader { marker: false, payload_type: 0, sequence, timestamp: 0, ssrc: 9 },
            content: Content::Voice(Voice {
                source: 0,
                resumptions: 0,
                seq: u64::from(sequence),
                level: None,
                priority: false,
                heard: None,
            }),
        }
    }

    #[test]
    fn a_full_ring_loses_the_oldest_packet_and_keeps_the_order_of_the_rest() {
        let (ring, _told) = LinkRing::new();
        let count = PACKETS as u16 + 3;

        let lost = (0..count).filter(|number| ring.put(&packet(*number), b"words")).count();

        let left = std::iter::from_fn(|| ring.take()).map(|carried| carried.passed.header.sequence);
        assert_eq!(lost, 3);
        assert!(left.eq(3..count));
    }

    #[test]
    fn carrying_a_packet_allocates_nothing_once_places_were_used() {
        let (ring, _told) = LinkRing::new();
        let carry = |number| {
            ring.put(&packet(number), &[7; 200]);
            let carried = ring.take().expect("was put there");
            ring.give_back(carried);
        };
        (0..10).for_each(carry);

        let before = allocations();
        (10..1_000).for_each(carry);

        assert_eq!(allocations() - before, 0);
    }
}
