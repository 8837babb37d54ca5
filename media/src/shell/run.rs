//! One shard's thread: receive a batch, handle it, send what came of it, take commands, sleep.
//!
//! Every turn does a bounded amount of each, so that an always-ready socket starves neither timers
//! nor commands.

#![expect(clippy::disallowed_methods, reason = "a shell reads the clock")]

use std::collections::VecDeque;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::SyncSender;
use std::time::Duration;
use std::time::Instant;

use model::media::MediaCommand;
use model::media::MediaEvent;
use model::media::Refusal;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::handle::Homes;
use crate::metrics::DropReason;
use crate::metrics::SharedTotals;
use crate::metrics::Totals;
use crate::metrics::publish_quality;
use crate::shard::Handled;
use crate::shard::Shard;
use crate::shard::linked::Note;
use crate::shell::directory::Directory;
use crate::shell::link::LinkRing;
use crate::shell::link::LinkSender;
use crate::shell::socket;
use crate::shell::socket::BatchSocket;
use crate::shell::steering::Strays;
use crate::shell::waker;
use crate::shell::waker::Waker;
use crate::shell::window::Window;

/// Receive batches in one turn: with 32 each, about a millisecond of work.
const BATCHES_PER_TURN: usize = 8;
/// Commands between two batches; a handshake is the dearest.
const COMMANDS_AT_ONCE: usize = 32;
/// Handed-over datagrams in one turn.
const HANDED_PER_TURN: usize = 64;
/// Packets of other shards' speakers between two batches.
const LINKED_AT_ONCE: usize = 64;
/// Datagrams that wait in the outbox before they are sent within a batch.
const FLUSH_AT: usize = 512;
/// Longest sleep: counters are published this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
/// How often the kernel's routes are asked anew.
const ROUTES: Duration = Duration::from_secs(60);
/// Sleep while events wait for a full queue.
const RETRY: Duration = Duration::from_millis(5);
/// Events that wait for a full queue before speaking changes among them are given up.
const BACKLOG: usize = 16_384;
/// Statistics that wait for a full queue; of more, the oldest are dropped.
const STATS_BACKLOG: usize = 64;
/// How long a shutdown waits for its last events to be taken.
const LAST_EVENTS: Duration = Duration::from_secs(1);

/// Largest datagram that is handed over, in bytes: a full Ethernet frame's.
const HANDED: usize = 1_500;

/// A datagram on its way to the shard that knows its sender.
pub(crate) struct HandedDatagram {
    from: SocketAddr,
    /// Which address of this machine it was sent to.
    asked: Option<IpAddr>,
    length: usize,
    bytes: [u8; HANDED],
}

/// How other shards reach one.
#[derive(Clone)]
pub(crate) struct Neighbour {
    pub(crate) ring: SyncSender<HandedDatagram>,
    pub(crate) links: Arc<LinkRing>,
    pub(crate) waker: Arc<Waker>,
}

/// Everything one thread owns.
pub(crate) struct ShardThread {
    pub(crate) index: usize,
    pub(crate) shard: Shard,
    pub(crate) socket: BatchSocket,
    pub(crate) waker: Arc<Waker>,
    pub(crate) commands: Receiver<MediaCommand>,
    pub(crate) handed: Receiver<HandedDatagram>,
    pub(crate) told: Receiver<(u16, Note)>,
    pub(crate) links: LinkSender,
    pub(crate) neighbours: Arc<[Neighbour]>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) strays: Strays,
    pub(crate) window: Window,
    pub(crate) homes: Arc<Homes>,
    pub(crate) events: Events,
    pub(crate) totals: Arc<SharedTotals>,
    pub(crate) stop: Arc<AtomicBool>,
}

impl ShardThread {
    /// Runs until told to stop.
    pub(crate) fn run(mut self) {
        let mut published = Totals::default();
        let mut woke = Instant::now();
        let mut publish_at = woke + LONGEST_SLEEP;
        let mut routes_at = woke + ROUTES;
        let mut heard = true;
        while !self.stop.load(Relaxed) {
            let busy = self.turn(heard);
            let now = Instant::now();
            if now >= publish_at {
                publish_at = now + LONGEST_SLEEP;
                let totals = self.shard.totals_mut();
                totals.publish(&published);
                published = totals.clone();
                self.shard.take_qualities().for_each(|quality| publish_quality(&quality));
                self.strays.forget();
                if now >= routes_at {
                    routes_at = now + ROUTES;
                    self.socket.forget_routes();
                }
            }
            self.totals.store(self.shard.totals_mut());
            let next = self.shard.poll_timeout();
            let until = next.map_or(LONGEST_SLEEP, |at| at.saturating_duration_since(now));
            let waits = self.events.is_behind() || self.links.is_behind();
            let most = if waits { RETRY } else { LONGEST_SLEEP };
            let sleep = if busy { Duration::ZERO } else { until.min(most) };
            heard = waker::wait(&self.socket, &self.waker, sleep);
            let worked = now.saturating_duration_since(woke);
            if heard && !busy {
                let slept = now.elapsed();
                std::thread::sleep(self.window.rest(now, worked, slept));
            } else {
                self.window.rest_not();
            }
            woke = Instant::now();
            self.window.note_turn(worked, woke.saturating_duration_since(now));
        }
        self.shard.shut_down();
        self.tell_names();
        self.emit();
        self.events.drain_for(LAST_EVENTS);
        let totals = self.shard.totals_mut();
        totals.publish(&published);
        self.totals.store(totals);
    }

    /// One turn. Whether there may be more to do at once. The socket is asked if it was `heard` to have
    /// something.
    ///
    /// Commands are taken between receiving datagrams and handling them: a packet that was sent
    /// after a command was queued is always handled after it.
    fn turn(&mut self, heard: bool) -> bool {
        let (mut full, mut commands, mut linked) = (0, 0, 0);
        for _ in 0..BATCHES_PER_TURN {
            let count = if heard { self.socket.receive() } else { 0 };
            let now = Instant::now();
            self.shard.totals_mut().received += count as u64;
            commands += self.take_commands(now);
            for index in 0..count {
                self.take_datagram(now, index);
            }
            linked = self.take_linked(now);
            self.flush_all(now);
            if count < socket::BATCH {
                break;
            }
            full += 1;
        }
        let now = Instant::now();
        let handed = self.take_handed(now);
        guarded(&mut self.shard, |shard| shard.handle_timeout(now));
        self.flush_all(now);
        self.tell_names();
        self.emit();
        full == BATCHES_PER_TURN
            || handed == HANDED_PER_TURN
            || linked == LINKED_AT_ONCE
            || commands >= COMMANDS_AT_ONCE
    }

    /// Takes what other shards have for the rooms that are spread over them and this: all notes, then
    /// packets. How many packets.
    fn take_linked(&mut self, now: Instant) -> usize {
        while let Ok((from, note)) = self.told.try_recv() {
            guarded(&mut self.shard, |shard| shard.handle_note(now, from, note));
        }
        let mut count = 0;
        while count < LINKED_AT_ONCE
            && let Some(ring) = self.neighbours.get(self.index).map(|own| Arc::clone(&own.links))
            && let Some(carried) = ring.take()
        {
            count += 1;
            guarded(&mut self.shard, |shard| {
                shard.handle_passed(now, &carried.passed, &carried.payload);
            });
            ring.give_back(carried);
            if self.shard.outbox().transmits().len() >= FLUSH_AT {
                self.flush(now);
            }
        }
        count
    }

    /// Gives other shards what is for them. Before anything is sent: then all of a room's shards send
    /// at the same time.
    fn pass_on(&mut self) {
        if !self.shard.links().is_empty() || self.links.is_behind() {
            self.links.carry(&mut self.shard, &self.neighbours);
        }
    }

    /// Carries out commands that wait. How many.
    fn take_commands(&mut self, now: Instant) -> usize {
        let mut count = 0;
        while count < COMMANDS_AT_ONCE
            && let Ok(command) = self.commands.try_recv()
        {
            guarded(&mut self.shard, |shard| shard.handle_command(now, command));
            count += 1;
        }
        count
    }

    fn take_datagram(&mut self, now: Instant, index: usize) {
        let asked = self.socket.asked(index);
        let (from, bytes) = self.socket.datagram(index);
        let mut handled = Handled::Here;
        guarded(&mut self.shard, |shard| handled = shard.handle_datagram(now, from, bytes));
        if handled == Handled::Unattributed {
            let reason = self.hand_over(index);
            if let Some(reason) = reason {
                self.shard.totals_mut().drop(reason);
            }
        } else {
            self.socket.answer_from(from, asked);
        }
        if self.shard.outbox().transmits().len() >= FLUSH_AT {
            self.flush(now);
        }
    }

    /// Gives a datagram to the shard that knows its sender, if any does. Why not, otherwise.
    fn hand_over(&mut self, index: usize) -> Option<DropReason> {
        if self.neighbours.len() < 2 {
            return Some(DropReason::UnknownSource);
        }
        let asked = self.socket.asked(index);
        let (from, bytes) = self.socket.datagram(index);
        let owner = self.directory.shard_of(from, bytes).filter(|owner| *owner != self.index);
        let neighbour = owner.and_then(|owner| self.neighbours.get(owner));
        let Some(neighbour) = neighbour else { return Some(DropReason::UnknownSource) };
        let mut handed = HandedDatagram { from, asked, length: bytes.len(), bytes: [0; HANDED] };
        let Some(room) = handed.bytes.get_mut(..bytes.len()) else {
            return Some(DropReason::Malformed);
        };
        room.copy_from_slice(bytes);
        if neighbour.ring.try_send(handed).is_err() {
            return Some(DropReason::HandoverFull);
        }
        neighbour.waker.wake();
        self.strays.note(from);
        None
    }

    /// Takes datagrams that other shards received for this one. They are not handed on again.
    fn take_handed(&mut self, now: Instant) -> usize {
        let mut count = 0;
        while count < HANDED_PER_TURN
            && let Ok(mut handed) = self.handed.try_recv()
        {
            count += 1;
            self.take_commands(now);
            let bytes = &mut handed.bytes[..handed.length];
            let mut handled = Handled::Here;
            guarded(&mut self.shard, |shard| {
                handled = shard.handle_datagram(now, handed.from, bytes)
            });
            if handled == Handled::Unattributed {
                self.shard.totals_mut().drop(DropReason::UnknownSource);
            } else {
                self.socket.answer_from(handed.from, handed.asked);
            }
        }
        count
    }

    /// Sends what is there.
    fn flush_all(&mut self, now: Instant) {
        self.pass_on();
        if !self.shard.outbox().transmits().is_empty() {
            self.flush(now);
        }
    }

    fn flush(&mut self, now: Instant) {
        self.pass_on();
        let outbox = self.shard.outbox();
        let count = outbox.transmits().len();
        let sent = self.socket.send(outbox);
        outbox.clear();
        self.window.note_sent(now, count, self.socket.sends());
        let totals = self.shard.totals_mut();
        totals.sent += sent as u64;
        totals.dropped[DropReason::SendBufferFull as usize] += (count - sent) as u64;
    }

    fn tell_names(&mut self) {
        let changes = self.shard.take_name_changes();
        if changes.len() > 0 {
            self.directory.apply(self.index, changes);
        }
    }

    fn emit(&mut self) {
        self.events.retry();
        while let Some(event) = self.shard.poll_event() {
            let ended = match event {
                MediaEvent::Left { peer, .. } => Some(peer),
                MediaEvent::Refused { peer, reason: Refusal::Full | Refusal::UnknownPeer } => {
                    Some(peer)
                }
                _ => None,
            };
            if let Some(peer) = ended {
                self.homes.remove(peer);
            }
            self.events.push(event);
        }
    }
}

/// Runs a step of the shard. A panic that no session's own guard caught is our bug; it costs this
/// step, and the thread goes on.
fn guarded(shard: &mut Shard, step: impl FnOnce(&mut Shard)) {
    let stepped = catch_unwind(AssertUnwindSafe(|| step(shard)));
    if stepped.is_err() {
        tracing::error!("a step of a media shard panicked");
        shard.totals_mut().drop(DropReason::Fault);
    }
}

/// The way up: the bounded queue to signaling, and what waits because it was full.
pub(crate) struct Events {
    queue: mpsc::Sender<MediaEvent>,
    backlog: VecDeque<MediaEvent>,
    /// How many of them are statistics.
    stats: usize,
}

impl Events {
    pub(crate) fn new(queue: mpsc::Sender<MediaEvent>) -> Self {
        Self { queue, backlog: VecDeque::new(), stats: 0 }
    }

    fn is_behind(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Sends in order. For a full queue changes of state are kept, and the newest statistics.
    fn push(&mut self, event: MediaEvent) {
        if self.backlog.is_empty() {
            match self.queue.try_send(event) {
                Ok(()) | Err(TrySendError::Closed(_)) => {}
                Err(TrySendError::Full(event)) => self.keep(event),
            }
        } else {
            self.keep(event);
        }
    }

    fn keep(&mut self, event: MediaEvent) {
        if matches!(event, MediaEvent::Stats { .. }) {
            self.stats += 1;
            if self.stats > STATS_BACKLOG {
                self.drop_oldest_stats();
            }
        }
        if self.backlog.len() >= BACKLOG {
            // Nobody reads: who speaks is the first thing that is no longer worth telling.
            self.backlog.retain(|event| !matches!(event, MediaEvent::Speaking { .. }));
            if self.backlog.len() >= BACKLOG {
                tracing::warn!("media events are not being read; the oldest was lost");
                let oldest = self.backlog.pop_front();
                self.stats -= usize::from(matches!(oldest, Some(MediaEvent::Stats { .. })));
            }
        }
        self.backlog.push_back(event);
    }

    /// Forgets the statistics that waited longest: newer ones of that peer, or of the next report,
    /// say more.
    fn drop_oldest_stats(&mut self) {
        let oldest =
            self.backlog.iter().position(|event| matches!(event, MediaEvent::Stats { .. }));
        if let Some(oldest) = oldest {
            self.backlog.remove(oldest);
            self.stats -= 1;
        }
    }

    fn retry(&mut self) {
        while let Some(event) = self.backlog.pop_front() {
            let is_stats = matches!(event, MediaEvent::Stats { .. });
            match self.queue.try_send(event) {
                Ok(()) => self.stats -= usize::from(is_stats),
                Err(TrySendError::Full(event)) => {
                    self.backlog.push_front(event);
                    return;
                }
                Err(TrySendError::Closed(_)) => {
                    self.backlog.clear();
                    self.stats = 0;
                }
            }
        }
    }

    /// Keeps trying until all is sent or the time is over.
    fn drain_for(&mut self, most: Duration) {
        let until = Instant::now() + most;
        self.retry();
        while self.is_behind() && Instant::now() < until {
            std::thread::sleep(RETRY);
            self.retry();
        }
    }
}

#[cfg(test)]
mod tests {
    use model::media::LeaveReason;
    use model::media::PeerId;
    use model::media::PeerStats;

    use super::*;

    fn left(peer: u64) -> MediaEvent {
        MediaEvent::Left { peer: PeerId(peer), reason: LeaveReason::Silent }
    }

    fn stats(peer: u64) -> MediaEvent {
        MediaEvent::Stats { peer: PeerId(peer), stats: PeerStats::default() }
    }

    /// Reads everything, as a reader who is back does.
    fn read_all(events: &mut Events, receiver: &mut mpsc::Receiver<MediaEvent>) -> Vec<MediaEvent> {
        let mut seen = Vec::new();
        while let Ok(event) = receiver.try_recv() {
            seen.push(event);
            events.retry();
        }
        seen
    }

    #[test]
    fn a_full_queue_costs_the_oldest_statistics_but_no_change_of_state() {
        let (sender, mut receiver) = mpsc::channel(1);
        let mut events = Events::new(sender);
        events.push(left(1));

        let many = STATS_BACKLOG as u64 + 2;
        for peer in 2..2 + many {
            events.push(stats(peer));
            events.push(left(peer));
        }

        let seen = read_all(&mut events, &mut receiver);
        let states = (1..2 + many).map(left);
        assert!(
            seen.iter()
                .filter(|event| matches!(event, MediaEvent::Left { .. }))
                .cloned()
                .eq(states)
        );
        let kept = seen.iter().filter(|event| matches!(event, MediaEvent::Stats { .. })).cloned();
        assert!(kept.eq((4..2 + many).map(stats)), "the oldest two went");
        assert!(!events.is_behind());
        assert_eq!(events.stats, 0);
    }
}
