//! One user's media connection: what it may do, where it is, what it sends and receives.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use model::limits;
use model::media::Grants;
use model::media::PeerId;
use model::media::PeerStats;
use slab::Slab;

use crate::room::speakers::Loudness;
use crate::shard::path::Trial;
use crate::stream::funnel::Funnel;
use crate::stream::history::History;
use crate::stream::inbound::InboundStream;
use crate::stream::outbound::OutboundStream;
use crate::stream::outbound::Piece;
use crate::stream::quality::Quality;
use crate::transport::Transport;
use crate::transport::stun::TRANSACTION;
use crate::video::Video;

/// Addresses that one peer may be bound to: a browser probes from each of its interfaces.
const ADDRESSES: usize = 8;
/// Moves of one peer that are doubted a second: each sends a STUN request to an address that the
/// peer named.
const CHALLENGES_PER_SECOND: u32 = 5;
/// STUN requests a second that a session looks at from addresses that are new to it. A browser sends
/// 20 from each of its interfaces while it connects (RFC 8445 §14.2: 50 ms apart), then one in
/// seconds.
const CHECKS_PER_SECOND: u32 = 100;
/// RTCP compounds of one peer that are read a second. Browsers send one in seconds, and in a bad
/// network one with each packet that they miss.
const REPORTS_PER_SECOND: u32 = 100;
/// Packets sent again a second to one listener: no more than one speaker's media, however much it
/// asks for (safety: RTCP abuse).
const AGAIN_PER_SECOND: u32 = 50;
/// Numberings that a listener keeps of speakers who left, in case one returns under its SSRC.
/// SSRCs are unique in the process, so more than this is never needed in honest use.
const FORMER_STREAMS: usize = 1_024;

/// A peer's place in its shard; stale ones are recognised by their generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PeerKey {
    index: usize,
    generation: u64,
}

/// A STUN transaction with a peer. Its id names shard and peer, so that the answer finds both wherever
/// it arrives; that it is genuine, its integrity tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Transaction {
    pub(crate) shard: u16,
    pub(crate) peer: PeerKey,
    pub(crate) number: u32,
}

impl Transaction {
    /// The id: shard, place, and the low 24 bits each of generation and number.
    pub(crate) fn id(self) -> [u8; TRANSACTION] {
        let mut id = [0; TRANSACTION];
        id[..2].copy_from_slice(&self.shard.to_be_bytes());
        id[2..6].copy_from_slice(&(self.peer.index as u32).to_be_bytes());
        id[6..9].copy_from_slice(&(self.peer.generation as u32).to_be_bytes()[1..]);
        id[9..].copy_from_slice(&self.number.to_be_bytes()[1..]);
        id
    }

    /// The shard that an id names.
    pub(crate) fn shard_of(id: &[u8; TRANSACTION]) -> u16 {
        u16::from_be_bytes([id[0], id[1]])
    }
}

/// All peers of a shard.
#[derive(Default)]
pub(crate) struct Peers {
    slab: Slab<(u64, Peer)>,
    next_generation: u64,
}

impl Peers {
    pub(crate) fn insert(&mut self, peer: Peer) -> PeerKey {
        self.next_generation += 1;
        let generation = self.next_generation;
        PeerKey { index: self.slab.insert((generation, peer)), generation }
    }

    pub(crate) fn get_mut(&mut self, key: PeerKey) -> Option<&mut Peer> {
        let (generation, peer) = self.slab.get_mut(key.index)?;
        (*generation == key.generation).then_some(peer)
    }

    pub(crate) fn get(&self, key: PeerKey) -> Option<&Peer> {
        let (generation, peer) = self.slab.get(key.index)?;
        (*generation == key.generation).then_some(peer)
    }

    /// Whom the id of a STUN transaction names, if it is of this shard: whoever takes the answer
    /// compares the whole id.
    pub(crate) fn by_transaction(&self, id: &[u8; TRANSACTION]) -> Option<PeerKey> {
        let index = u32::from_be_bytes([id[2], id[3], id[4], id[5]]) as usize;
        let (generation, _) = self.slab.get(index)?;
        let low = generation.to_be_bytes();
        (low[5..] == id[6..9]).then_some(PeerKey { index, generation: *generation })
    }

    pub(crate) fn remove(&mut self, key: PeerKey) -> Option<Peer> {
        self.get(key)?;
        Some(self.slab.remove(key.index).1)
    }

    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    /// The peer on the first taken place from `cursor` on, which moves behind it and around.
    pub(crate) fn next_after(&self, cursor: &mut usize) -> Option<(PeerKey, &Peer)> {
        for _ in 0..=self.slab.capacity() {
            let index = *cursor;
            *cursor = if index >= self.slab.capacity() { 0 } else { index + 1 };
            if let Some((generation, peer)) = self.slab.get(index) {
                return Some((PeerKey { index, generation: *generation }, peer));
            }
        }
        None
    }
}

/// One user's media connection.
pub(crate) struct Peer {
    pub(crate) id: PeerId,
    /// The room's index in its shard, and the seat in it.
    pub(crate) room: usize,
    pub(crate) seat: usize,
    /// What all listeners see its audio under.
    pub(crate) ssrc: u32,
    pub(crate) grants: Grants,
    /// The shard where it really is, when this only stands for it.
    pub(crate) elsewhere: Option<u16>,
    /// Whether other shards may have somebody who stands for it.
    pub(crate) is_known_afar: bool,
    /// Whether anybody here may have a stream of it.
    pub(crate) was_heard: bool,
    pub(crate) transport: Transport,
    pub(crate) path: Path,
    pub(crate) inbound: InboundStream,
    /// Its last packets, while somebody hears it who may miss one.
    pub(crate) history: History,
    pub(crate) outbound: Outbound,
    pub(crate) audio_rate: RateLimit,
    /// Bytes of audio.
    pub(crate) audio_bytes: RateLimit,
    /// Bits a second that it is to send.
    pub(crate) bitrate: u32,
    pub(crate) discovery_rate: RateLimit,
    pub(crate) challenge_rate: RateLimit,
    /// STUN from addresses where it is not known to be.
    pub(crate) check_rate: RateLimit,
    pub(crate) rtcp_rate: RateLimit,
    /// Packets that are sent to it again.
    pub(crate) again_rate: RateLimit,
    /// How well it hears.
    pub(crate) quality: Quality,
    pub(crate) activity: Activity,
    /// Counts unmutes by the server and returns among the chosen of a large room: each begins a new
    /// piece for all listeners.
    pub(crate) resumptions: u32,
    /// Whether it speaks with priority.
    pub(crate) has_priority: bool,
    /// Whether louder speakers kept its last packet from being forwarded.
    pub(crate) refused: bool,
    pub(crate) packets_sent: u64,
    /// The counters that signaling knows.
    pub(crate) told: PeerStats,
    /// What it sends and is shown besides audio. None while it is neither.
    pub(crate) video: Option<Box<Video>>,
}

impl Peer {
    pub(crate) fn new(
        now: Instant,
        id: PeerId,
        ssrc: u32,
        grants: Grants,
        place: (usize, usize),
    ) -> Self {
        Self {
            id,
            room: place.0,
            seat: place.1,
            ssrc,
            grants,
            elsewhere: None,
            is_known_afar: false,
            was_heard: false,
            transport: Transport::Unchosen,
            path: Path::default(),
            inbound: InboundStream::default(),
            history: History::default(),
            outbound: Outbound::default(),
            audio_rate: RateLimit::new(
                limits::AUDIO_PACKETS_PER_SECOND,
                limits::AUDIO_PACKETS_PER_SECOND,
            ),
            audio_bytes: audio_bytes(limits::BITRATE_DEFAULT),
            bitrate: limits::BITRATE_DEFAULT,
            discovery_rate: RateLimit::new(
                limits::DISCOVERY_PER_SECOND,
                limits::DISCOVERY_PER_SECOND,
            ),
            challenge_rate: RateLimit::new(CHALLENGES_PER_SECOND, CHALLENGES_PER_SECOND),
            check_rate: RateLimit::new(CHECKS_PER_SECOND, CHECKS_PER_SECOND),
            rtcp_rate: RateLimit::new(REPORTS_PER_SECOND, REPORTS_PER_SECOND),
            again_rate: RateLimit::new(AGAIN_PER_SECOND, AGAIN_PER_SECOND),
            quality: Quality::default(),
            activity: Activity::new(now),
            resumptions: 0,
            has_priority: false,
            refused: false,
            packets_sent: 0,
            told: PeerStats::default(),
            video: None,
        }
    }

    /// Whether it has not said yet how its packets come.
    pub(crate) const fn is_choosing(&self) -> bool {
        matches!(self.transport, Transport::Unchosen)
    }

    /// Reads what the next packet to this listener will need. Between two packets the kernel's sends
    /// drive the peers out of the caches; read for many peers in a row, before any of it is
    /// needed, the lines come side by side instead of one after the other. What it returns means
    /// nothing, and keeps the reads from being left out. HOT.
    pub(crate) fn glance(&self) -> u64 {
        let aim = u64::from(self.path.aim.is_some_and(|aim| aim.is_ipv4()));
        let ready = u64::from(self.transport.is_ready());
        let depth = self.quality.depth() as u64;
        aim ^ ready ^ depth ^ u64::from(self.outbound.renewals) ^ self.packets_sent
    }

    /// The counters as signaling sees them.
    pub(crate) fn stats(&self) -> PeerStats {
        PeerStats {
            packets_received: self.inbound.received(),
            packets_sent: self.packets_sent,
            packets_lost: self.inbound.lost(),
            jitter: self.inbound.jitter(),
            listening: self.quality.summary(self.transport.takes_redundancy()),
        }
    }
}

/// Where a peer is, and how sure we are.
#[derive(Debug, Default)]
pub(crate) struct Path {
    /// Where its packets are sent.
    pub(crate) aim: Option<SocketAddr>,
    /// Whether something authentic came from there, rather than a mere IP discovery.
    pub(crate) proven: bool,
    /// Where IP discovery was asked from.
    pub(crate) guess: Option<SocketAddr>,
    /// When something authentic last came from where it aims, seen before or not.
    pub(crate) seen: Option<Instant>,
    /// Where it may have moved, until that holds.
    pub(crate) trial: Option<Trial>,
    /// Challenges so far.
    pub(crate) challenges: u32,
    /// Until when the aim stays: a move turned out to be somebody else's.
    pub(crate) pinned_until: Option<Instant>,
    /// Addresses that the demultiplexer knows it by, newest last.
    bound: Vec<SocketAddr>,
}

impl Path {
    /// Remembers an address. The one that had to give way for it, if any.
    pub(crate) fn bind(&mut self, address: SocketAddr) -> Option<SocketAddr> {
        if self.bound.contains(&address) {
            return None;
        }
        self.bound.push(address);
        if self.bound.len() <= ADDRESSES {
            return None;
        }
        let oldest = self.bound.iter().position(|bound| Some(*bound) != self.aim)?;
        Some(self.bound.remove(oldest))
    }

    /// Whether something authentic came from an address before.
    pub(crate) fn knows(&self, address: SocketAddr) -> bool {
        self.bound.contains(&address)
    }

    /// Forgets an address.
    pub(crate) fn unbind(&mut self, address: SocketAddr) {
        self.bound.retain(|bound| *bound != address);
    }

    /// All addresses, which are forgotten.
    pub(crate) fn take_bound(&mut self) -> Vec<SocketAddr> {
        std::mem::take(&mut self.bound)
    }
}

/// When things last happened.
#[derive(Debug)]
pub(crate) struct Activity {
    /// Something authentic, or a keepalive from its own address.
    pub(crate) alive: Instant,
    /// Whether its silence means that it is gone. Not so for a UDP client that sends no
    /// keepalives: some listen for hours without a packet, and their voice gateway session tells.
    pub(crate) expects_life: bool,
    /// The last packet that was accepted, silence or not.
    pub(crate) heard: Option<Instant>,
    /// The last audio that was voice.
    pub(crate) audio: Option<Instant>,
    /// The last audio that was not silence altogether.
    pub(crate) sound: Option<Instant>,
    /// Whether its last packet was not forwarded, because it has said nothing for long.
    pub(crate) hushed: bool,
    /// What listeners were told last.
    pub(crate) speaking: bool,
    /// Whether a timer will look if the speaker stopped.
    pub(crate) quiet_pending: bool,
    /// The pending timer that drives the transport.
    pub(crate) drive_at: Option<Instant>,
    /// How often it was put off.
    pub(crate) delays: u8,
}

impl Activity {
    fn new(now: Instant) -> Self {
        Self {
            alive: now,
            expects_life: false,
            heard: None,
            audio: None,
            sound: None,
            hushed: false,
            speaking: false,
            quiet_pending: false,
            drive_at: None,
            delays: 0,
        }
    }
}

/// The streams to one listener.
#[derive(Default)]
pub(crate) struct Outbound {
    /// The seats of those who spoke, in order: a stage has thousands of seats. Apart from their streams,
    /// so that a search reads one line of memory.
    seats: Vec<usize>,
    /// Their streams, in the same order.
    live: Vec<OutboundStream>,
    former: HashMap<u32, OutboundStream>,
    /// Counts undeafens, and offers that change how packets are formed: each begins a new piece of
    /// every stream.
    pub(crate) renewals: u32,
    /// For a listener that takes few streams, whoever speaks.
    funnel: Option<Box<Funnel>>,
}

/// A packet of a speaker, as far as it matters for the stream that it goes out on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said {
    pub(crate) seat: usize,
    pub(crate) ssrc: u32,
    /// Restarts of the inbound stream.
    pub(crate) source: u32,
    /// Resumptions of the speaker.
    pub(crate) resumptions: u32,
    /// Smoothed.
    pub(crate) loudness: Loudness,
    pub(crate) voice: bool,
}

impl Outbound {
    /// From now on the listener gets so many streams, the first under `ssrc`. Only the first time:
    /// were they to begin anew, nonces would be used twice.
    pub(crate) fn funnel(&mut self, ssrc: u32, streams: u8) {
        self.funnel.get_or_insert_with(|| Box::new(Funnel::new(ssrc, streams)));
    }

    /// The stream that a packet goes out on, and the piece that it belongs to there. None when this
    /// listener hears others instead. HOT: allocates only when a speaker is first heard.
    pub(crate) fn choose(
        &mut self,
        now: Instant,
        said: &Said,
    ) -> Option<(&mut OutboundStream, Piece)> {
        let mut piece = self.piece(said.source, said.resumptions);
        if self.funnel.is_none() {
            return Some((self.stream(said.seat, said.ssrc), piece));
        }
        let funnel = self.funnel.as_mut()?;
        let (stream, turns) = funnel.choose(now, said.seat, said.loudness, said.voice)?;
        piece.listener = piece.listener.wrapping_add(turns);
        Some((stream, piece))
    }

    /// The seat of who is heard under `ssrc`, for a listener that gets few streams.
    pub(crate) fn funnelled(&self, ssrc: u32) -> Option<usize> {
        self.funnel.as_ref()?.seat(ssrc)
    }

    /// The stream of the speaker on `seat`. HOT: allocates only when a speaker is first heard.
    pub(crate) fn stream(&mut self, seat: usize, ssrc: u32) -> &mut OutboundStream {
        let at = self.seats.binary_search(&seat).unwrap_or_else(|at| {
            let former = self.former.remove(&ssrc);
            let stream = former.unwrap_or_else(|| OutboundStream::new(ssrc));
            self.seats.insert(at, seat);
            self.live.insert(at, stream);
            at
        });
        &mut self.live[at]
    }

    /// Reads of the stream of `seat` what its next packet will: see [`Peer::glance`].
    pub(crate) fn glance(&self, seat: usize) -> u32 {
        let at = self.seats.binary_search(&seat).ok();
        at.and_then(|at| self.live.get(at)).map_or(0, OutboundStream::glance)
    }

    /// The stream on `seat`, if it is the one of this SSRC.
    pub(crate) fn find(&mut self, seat: usize, ssrc: u32) -> Option<&mut OutboundStream> {
        if let Some(funnel) = &mut self.funnel {
            return funnel.find(ssrc);
        }
        let at = self.seats.binary_search(&seat).ok()?;
        self.live.get_mut(at).filter(|stream| stream.ssrc() == ssrc)
    }

    /// Frees a speaker's seat. Its numbering is kept: were the same SSRC to come back and begin
    /// anew, nonces would be used twice.
    pub(crate) fn release(&mut self, seat: usize) {
        if let Some(funnel) = &mut self.funnel {
            funnel.release(seat);
        }
        let Ok(at) = self.seats.binary_search(&seat) else { return };
        self.seats.remove(at);
        let mut stream = self.live.remove(at);
        stream.end_piece();
        if self.former.len() >= FORMER_STREAMS
            && let Some(ssrc) = self.former.keys().next().copied()
        {
            self.former.remove(&ssrc);
        }
        self.former.insert(stream.ssrc(), stream);
    }

    /// All streams that speakers may still send on.
    pub(crate) fn live(&self) -> impl Iterator<Item = &OutboundStream> {
        let funnel = self.funnel.iter().flat_map(|funnel| funnel.live());
        self.live.iter().chain(funnel)
    }

    /// The piece that a packet of this speaker belongs to, for this listener.
    pub(crate) fn piece(&self, source: u32, speaker: u32) -> Piece {
        Piece { source, speaker, listener: self.renewals }
    }
}

/// The bytes of audio a second, and at once, of a peer in a channel of this bitrate.
pub(crate) fn audio_bytes(bits: u32) -> RateLimit {
    let bits = bits.clamp(limits::AUDIO_BITRATE_OF_BOTS, *limits::BITRATE.end());
    let bytes = bits / 8 * limits::AUDIO_OVER_BITRATE;
    RateLimit::new(bytes, bytes)
}

/// A rate with a burst (the generic cell rate algorithm). HOT: one comparison, one addition.
///
/// Every peer has several: they are small.
#[derive(Debug)]
pub(crate) struct RateLimit {
    due: Option<Instant>,
    /// Between two of the average, in nanoseconds.
    interval: u32,
    /// How many are allowed at once beyond the first.
    more: u32,
}

impl RateLimit {
    /// `per_second` on average, `burst` at once. Both at least 1.
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        Self { due: None, interval: SECOND / per_second.max(1), more: burst.max(1) - 1 }
    }

    /// Whether one more is allowed now.
    pub(crate) fn admit(&mut self, now: Instant) -> bool {
        let due = self.due.map_or(now, |due| due.max(now));
        if due > now + self.intervals(self.more) {
            return false;
        }
        self.due = Some(due + self.intervals(1));
        true
    }

    /// Whether so many more are allowed now: all of them as soon as one is.
    pub(crate) fn admit_all(&mut self, now: Instant, count: usize) -> bool {
        let admitted = self.admit(now);
        let rest = self.intervals(count.saturating_sub(1) as u32);
        if let (true, Some(due)) = (admitted, &mut self.due) {
            *due += rest;
        }
        admitted
    }

    fn intervals(&self, count: u32) -> Duration {
        Duration::from_nanos(u64::from(self.interval) * u64::from(count))
    }
}

/// Nanoseconds in a second.
const SECOND: u32 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::outbound::Carried;

    #[test]
    fn a_rate_limit_admits_a_burst_and_then_its_average() {
        let start = Instant::now();
        let mut limit = RateLimit::new(5, 5);

        let at_once = (0..20).filter(|_| limit.admit(start)).count();
        let later = start + Duration::from_secs(2);
        let after = (0..20).filter(|_| limit.admit(later)).count();

        assert_eq!(at_once, 5);
        assert_eq!(after, 5);
    }

    #[test]
    fn a_key_of_a_peer_that_left_finds_nobody() {
        let now = Instant::now();
        let grants = Grants { speak: true, hear: true };
        let mut peers = Peers::default();
        let stale = peers.insert(Peer::new(now, PeerId(1), 1, grants, (0, 0)));
        peers.remove(stale);

        let fresh = peers.insert(Peer::new(now, PeerId(2), 2, grants, (0, 0)));

        assert!(peers.get(stale).is_none());
        assert_eq!(peers.get(fresh).map(|peer| peer.id), Some(PeerId(2)));
    }

    #[test]
    fn a_speaker_who_returns_under_its_ssrc_goes_on_with_its_numbers() {
        let now = Instant::now();
        let header = crate::rtp::header::RtpHeader {
            marker: false,
            payload_type: 120,
            sequence: 0,
            timestamp: 0,
            ssrc: 7,
        };
        let mut outbound = Outbound::default();
        let piece = outbound.piece(0, 0);
        let (_, before) = outbound
            .stream(0, 7)
            .rewrite(now, piece, 9, &header, (1, Carried::default()))
            .expect("first");
        outbound.release(0);

        // Another session of the same speaker may begin with the same number.
        let (_, after) = outbound
            .stream(3, 7)
            .rewrite(now, piece, 9, &header, (1, Carried::default()))
            .expect("first");

        assert_eq!(after, before + 1);
    }
}
