//! One thread's rooms and peers: the whole path of a voice packet, without sockets and clocks.
//!
//! [`Shard::handle_datagram`] is the product. Feed it datagrams, commands and the time; then drain
//! [`Shard::outbox`] and [`Shard::poll_event`], and wake it at [`Shard::poll_timeout`].
//!
//! HOT: no allocation, no lock, no log above `trace` on the path of a packet.

mod command;
pub(crate) mod demux;
pub(crate) mod linked;
mod negotiate;
pub(crate) mod outbox;
pub(crate) mod path;
mod repair;
mod report;
#[cfg(test)]
mod tests;
pub(crate) mod timer;
mod video;

use std::collections::HashMap;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;
use std::time::Instant;

use model::id::ChannelId;
use model::media::LeaveReason;
use model::media::ListenerQuality;
use model::media::MediaEvent;
use model::media::PeerId;
use slab::Slab;

use crate::metrics::DropReason;
use crate::metrics::Totals;
use crate::peer::Peer;
use crate::peer::PeerKey;
use crate::peer::Peers;
use crate::peer::RateLimit;
use crate::peer::Said;
use crate::room::Room;
use crate::room::speakers;
use crate::room::speakers::Loudness;
use crate::rtp::ext::AudioLevel;
use crate::shard::demux::Demux;
use crate::shard::demux::Name;
use crate::shard::demux::Shape;
use crate::shard::linked::Links;
use crate::shard::outbox::Outbox;
use crate::shard::timer::Timer;
use crate::shard::timer::Timers;
use crate::stream::inbound::Accepted;
use crate::transport::Opened;
use crate::transport::Outgoing;
use crate::transport::RtpPacket;
use crate::transport::Transport;
use crate::transport::dtls::WebRtcIdentity;
use crate::transport::webrtc::AudioClaim;

/// Events that may wait before statistics are left out.
const EVENTS_BEFORE_STATS_DROP: usize = 1_024;

/// What a shard is told once.
#[derive(Clone)]
pub(crate) struct ShardConfig {
    /// Which of the node's shards it is, and how many there are.
    pub(crate) index: u16,
    pub(crate) shards: u16,
    /// Silence after which a peer is dropped.
    pub(crate) idle_timeout: Duration,
    /// Places on the node, shared by its shards.
    pub(crate) places: Places,
    /// The certificate of all WebRTC sessions.
    pub(crate) identity: WebRtcIdentity,
    /// A moment on the wall clock, for sender reports.
    pub(crate) wall_clock: WallClock,
    /// Whether to report names, so that other shards can hand datagrams over.
    pub(crate) tell_names: bool,
}

/// How many peers the node still takes.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    pub(crate) taken: Arc<AtomicUsize>,
    pub(crate) most: usize,
}

/// One moment on both clocks; NTP time is 64-bit, 2^32 to a second (RFC 5905 §6).
#[derive(Debug, Clone, Copy)]
pub(crate) struct WallClock {
    pub(crate) at: Instant,
    pub(crate) ntp: u64,
}

/// Whether a datagram found its peer here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handled {
    /// Done with: forwarded, or dropped and counted.
    Here,
    /// Nobody here is known by it; another shard's peer may be. It is unchanged and not counted.
    Unattributed,
}

/// An accepted packet's place among its speaker's.
#[derive(Debug, Clone, Copy)]
struct Spoken {
    /// Restarts of the inbound stream.
    source: u32,
    /// Resumptions of the speaker where it is, as far as they were counted there.
    resumptions: u32,
    /// Extended sequence number.
    seq: u64,
    /// Whether it is said with priority.
    priority: bool,
}

/// One thread's rooms and peers.
pub(crate) struct Shard {
    config: ShardConfig,
    peers: Peers,
    ids: HashMap<PeerId, PeerKey>,
    rooms: Slab<Room>,
    room_of: HashMap<ChannelId, usize>,
    /// Who stands for peers of other shards, by the SSRC that these are heard under.
    stand_ins: HashMap<u32, PeerKey>,
    /// Rooms that another shard decides for.
    rooms_away: u64,
    links: Links,
    demux: Demux,
    timers: Timers,
    outbox: Outbox,
    events: VecDeque<MediaEvent>,
    totals: Totals,
    /// What listeners said since the last publication of metrics.
    qualities: Vec<ListenerQuality>,
    /// Peers whose session panicked in this turn; removed at its end.
    faulty: Vec<PeerKey>,
    /// Scratch for those who hear a packet.
    listeners: Vec<PeerKey>,
    /// Scratch for RTCP compounds before they are sealed, and for packets whose sender is sought.
    scratch: Vec<u8>,
    /// How often the sender of a packet from nowhere is sought, and the peer where the last search
    /// ended.
    search_rate: RateLimit,
    searched: usize,
}

/// Searches a second, and at once. More finds a moved browser in a flood sooner; each costs up to
/// what `path::search` is bounded to, and a flood from nowhere can ask for all of them.
const SEARCHES: u32 = 200;
/// How long silence is forwarded behind what was said, so that listeners hear where it ends. Browsers whose
/// microphone is off, or that have none, go on to send a packet of silence each 400 ms, which shows
/// where they are and is nobody else's business.
const HUSH: Duration = Duration::from_secs(1);
/// Listeners that are read ahead of a packet: as many as stay in a core's own caches until their turn.
const AT_A_GLANCE: usize = 32;

impl Shard {
    /// A shard without rooms.
    pub(crate) fn new(config: ShardConfig) -> Self {
        let demux = Demux::new(config.tell_names);
        let timers = Timers::new(config.wall_clock.at);
        Self {
            config,
            peers: Peers::default(),
            ids: HashMap::new(),
            rooms: Slab::new(),
            room_of: HashMap::new(),
            stand_ins: HashMap::new(),
            rooms_away: 0,
            links: Links::default(),
            demux,
            timers,
            outbox: Outbox::default(),
            events: VecDeque::new(),
            totals: Totals::default(),
            qualities: Vec::new(),
            faulty: Vec::new(),
            listeners: Vec::new(),
            scratch: Vec::new(),
            search_rate: RateLimit::new(SEARCHES, SEARCHES),
            searched: 0,
        }
    }

    /// Takes one datagram. HOT. Its bytes are decrypted in place.
    pub(crate) fn handle_datagram(
        &mut self,
        now: Instant,
        from: SocketAddr,
        bytes: &mut [u8],
    ) -> Handled {
        let handled = match self.journey(now, from, bytes) {
            Ok(()) => Handled::Here,
            Err(DropReason::UnknownSource) => Handled::Unattributed,
            Err(reason) => {
                self.totals.drop(reason);
                Handled::Here
            }
        };
        self.remove_faulty();
        handled
    }

    /// The journey of a datagram, in order.
    fn journey(
        &mut self,
        now: Instant,
        from: SocketAddr,
        bytes: &mut [u8],
    ) -> Result<(), DropReason> {
        let shape = Shape::of(bytes).ok_or(DropReason::NotOurs)?;
        let peer = self.attribute(now, shape, from, bytes)?;
        let ssrc = match shape {
            Shape::Rtp { ssrc } | Shape::Rtcp { ssrc } => ssrc,
            Shape::Stun { .. } => return self.check(now, peer, from, bytes),
            Shape::Dtls => return self.shake_hands(now, peer, from, bytes),
            Shape::Proof { .. } => return self.take_proof(now, peer, from, bytes),
            Shape::Discovery { .. } => return self.discover(now, peer, from),
            Shape::Keepalive => return self.keep_alive(now, peer, from),
        };
        let opened = self.open(peer, bytes);
        if opened.as_ref().is_err_and(|reason| *reason == DropReason::Replay) {
            self.note_duplicate(now, peer, from);
            return Err(DropReason::Replay);
        }
        let opened = opened?;
        self.settle(peer);
        match opened {
            Opened::Rtcp { compound, newest } => {
                self.follow(now, peer, from, newest);
                self.take_report(now, peer, compound)?;
            }
            Opened::Video(packet) => {
                self.follow(now, peer, from, packet.newest);
                self.take_picture(now, peer, &packet)?;
            }
            Opened::Rtp(packet) => {
                self.follow(now, peer, from, packet.newest);
                let (before, accepted) = self.account(now, peer, ssrc, &packet)?;
                self.recover(now, peer, &packet, accepted);
                self.ask_again(peer, before, accepted);
                self.forward(now, peer, &packet, accepted)?;
            }
        }
        Ok(())
    }

    /// Whose datagram it is: known by address or name, or found by the keys it fits. HOT: two table
    /// lookups and a comparison, unless the sender is new.
    fn attribute(
        &mut self,
        now: Instant,
        shape: Shape<'_>,
        from: SocketAddr,
        bytes: &[u8],
    ) -> Result<PeerKey, DropReason> {
        let hint = match shape {
            Shape::Proof { transaction } => self.peers.by_transaction(&transaction),
            _ => self.demux.attribute(shape, from).ok(),
        };
        let certain = match (shape, hint.and_then(|key| self.peers.get(key))) {
            (Shape::Rtp { ssrc }, Some(peer)) => match &peer.transport {
                Transport::WebRtc(webrtc) => webrtc.audio_ssrc() == Some(ssrc),
                _ => true,
            },
            (Shape::Rtp { .. } | Shape::Rtcp { .. }, None) => false,
            _ => true,
        };
        let found = if certain { hint } else { self.search(now, shape, bytes, (from, hint)) };
        found.ok_or(DropReason::UnknownSource)
    }

    /// Authenticates and decrypts.
    fn open<'a>(&mut self, key: PeerKey, bytes: &'a mut [u8]) -> Result<Opened<'a>, DropReason> {
        let peer = self.peers.get_mut(key).ok_or(DropReason::UnknownSource)?;
        let (transport, ssrc) = (&mut peer.transport, peer.ssrc);
        contained(move || transport.open(ssrc, bytes)).unwrap_or_else(|| {
            self.faulty.push(key);
            Err(DropReason::Fault)
        })
    }

    /// Counts the packet and refuses duplicates, other SSRCs and floods. The highest number before it
    /// in its piece, and its own.
    fn account(
        &mut self,
        now: Instant,
        key: PeerKey,
        ssrc: u32,
        packet: &RtpPacket<'_>,
    ) -> Result<(Option<u64>, Accepted), DropReason> {
        let peer = self.peers.get_mut(key).ok_or(DropReason::UnknownSource)?;
        let older = packet.older.iter().flat_map(|older| older.blocks());
        let bytes = packet.payload.len() + older.map(|block| block.payload.len()).sum::<usize>();
        if !peer.audio_rate.admit(now) || !peer.audio_bytes.admit_all(now, bytes) {
            return Err(DropReason::Policed);
        }
        if let Transport::WebRtc(webrtc) = &mut peer.transport {
            let quiet =
                peer.activity.heard.map_or(Duration::MAX, |at| now.saturating_duration_since(at));
            match webrtc.claim_audio(ssrc, quiet) {
                AudioClaim::Same => {}
                AudioClaim::Refused => return Err(DropReason::ForeignSsrc),
                AudioClaim::TakenOver { former } => {
                    peer.inbound.restart();
                    if let Some(former) = former {
                        self.demux.remove(Name::Learnt(former), key);
                    }
                    self.demux.add(Name::Learnt(ssrc), key);
                }
            }
        }
        let (piece, before) = (peer.inbound.piece, peer.inbound.highest());
        let accepted = peer.inbound.accept(now, &packet.header)?;
        peer.activity.heard = Some(now);
        Ok((before.filter(|_| peer.inbound.piece == piece), accepted))
    }

    /// Has the packet sent to everybody who hears the peer. Whether anybody does, the room's home
    /// decides.
    fn forward(
        &mut self,
        now: Instant,
        key: PeerKey,
        packet: &RtpPacket<'_>,
        accepted: Accepted,
    ) -> Result<(), DropReason> {
        let speaker = self.peers.get_mut(key).ok_or(DropReason::UnknownSource)?;
        if !speaker.grants.speak {
            return Err(DropReason::Muted);
        }
        if !packet.level.is_some_and(AudioLevel::is_silence) {
            speaker.activity.sound = Some(now);
        } else if speaker.activity.sound.is_none_or(|sound| sound + HUSH < now) {
            speaker.activity.hushed = true;
            return Err(DropReason::Silence);
        }
        // What was left out must not seem lost.
        if std::mem::take(&mut speaker.activity.hushed) {
            speaker.resumptions = speaker.resumptions.wrapping_add(1);
        }
        let Some(room) = self.rooms.get(speaker.room) else { return Ok(()) };
        let (source, resumptions) = (speaker.inbound.piece, speaker.resumptions);
        let (seq, priority) = (accepted.seq, speaker.has_priority);
        let spoken = Spoken { source, resumptions, seq, priority };
        if let Some(home) = room.home {
            self.pass_up(key, home, packet, spoken);
            return Ok(());
        }
        self.decide(now, key, packet, spoken)
    }

    /// Has a packet heard by the whole room, whose home this is, unless louder ones are.
    fn decide(
        &mut self,
        now: Instant,
        key: PeerKey,
        packet: &RtpPacket<'_>,
        spoken: Spoken,
    ) -> Result<(), DropReason> {
        let speaker = self.peers.get_mut(key).ok_or(DropReason::UnknownSource)?;
        if !speaker.grants.speak {
            return Err(DropReason::Muted);
        }
        let Some(room) = self.rooms.get_mut(speaker.room) else { return Ok(()) };
        let (loudness, voice) = speakers::hear(packet.level, packet.payload);
        if !room.admits(now, speaker.seat, loudness, spoken.priority) {
            speaker.refused = true;
            return Err(DropReason::NotSelected);
        }
        if std::mem::take(&mut speaker.refused) {
            speaker.resumptions = speaker.resumptions.wrapping_add(1);
        }
        let elsewhere = if speaker.elsewhere.is_some() { spoken.resumptions } else { 0 };
        let resumptions = speaker.resumptions.wrapping_add(elsewhere);
        let (seat, ssrc, source) = (speaker.seat, speaker.ssrc, spoken.source);
        // Whoever hears but few streams hears this one, too.
        let loudness = if spoken.priority { Loudness::LOUDEST } else { room.loudness(now, seat) };
        if room.away().next().is_some() {
            self.pass_down(key, packet, Spoken { resumptions, ..spoken }, loudness);
        }
        let said = Said { seat, ssrc, source, resumptions, loudness, voice };
        self.deliver(now, key, packet, spoken.seq, &said);
        Ok(())
    }

    /// Sends the packet to everybody here who hears the peer: for each its own numbers and its own
    /// seal.
    fn deliver(
        &mut self,
        now: Instant,
        key: PeerKey,
        packet: &RtpPacket<'_>,
        seq: u64,
        said: &Said,
    ) {
        let Some(speaker) = self.peers.get_mut(key) else { return };
        let room = speaker.room;
        speaker.was_heard = true;
        // Taken out for a moment, because speaker and listeners live in one table.
        let mut history = std::mem::take(&mut speaker.history);
        if speaker.elsewhere.is_none() {
            self.note_speaking(now, key, said.voice);
        }
        let Some(room) = self.rooms.get(room) else { return };
        let mut wanted = false;
        let mut listeners = std::mem::take(&mut self.listeners);
        listeners.clear();
        listeners.extend(room.route(said.seat));
        for some in listeners.chunks(AT_A_GLANCE) {
            self.glance(some, said.seat);
            for listener in some.iter().copied() {
                let Some(peer) = self.peers.get_mut(listener) else { continue };
                let (Some(to), true) = (peer.path.aim, peer.transport.is_ready()) else { continue };
                wanted |= peer.transport.may_ask_again();
                let depth =
                    if peer.transport.takes_redundancy() { peer.quality.depth() } else { 0 };
                let Some((stream, piece)) = peer.outbound.choose(now, said) else { continue };
                let name = (seq, packet.header.timestamp);
                let (redundancy, carried) =
                    repair::redundancy(&history, stream, piece, name, depth);
                let length = (packet.payload.len(), carried);
                let rewritten = stream.rewrite(now, piece, seq, &packet.header, length);
                let Some((header, index)) = rewritten else {
                    self.totals.drop(DropReason::Late);
                    continue;
                };
                let (level, payload) = (packet.level, packet.payload);
                let outgoing = Outgoing { header, index, level, payload, redundancy };
                let transport = &mut peer.transport;
                let sealed =
                    contained(|| self.outbox.write(to, |out| transport.seal(&outgoing, out)));
                match sealed {
                    Some(true) => peer.packets_sent += 1,
                    Some(false) => self.totals.drop(DropReason::NoKeys),
                    None => {
                        self.totals.drop(DropReason::Fault);
                        self.faulty.push(listener);
                    }
                }
            }
        }
        self.listeners = listeners;
        if let Some(speaker) = self.peers.get_mut(key) {
            if wanted {
                history.keep((said.source, seq), &packet.header, packet.level, packet.payload);
            }
            speaker.history = history;
        }
    }

    /// Brings listeners into the caches: see [`Peer::glance`].
    fn glance(&self, listeners: &[PeerKey], seat: usize) {
        let peers = || listeners.iter().filter_map(|listener| self.peers.get(*listener));
        let peer = peers().fold(0, |all, peer| all ^ peer.glance());
        let stream = peers().fold(0, |all, peer| all ^ peer.outbound.glance(seat));
        std::hint::black_box((peer, stream));
    }

    /// Tells once that a peer began to speak, or that it said that it stopped.
    fn note_speaking(&mut self, now: Instant, key: PeerKey, speaking: bool) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        if speaking {
            peer.activity.audio = Some(now);
        }
        if peer.activity.speaking == speaking {
            return;
        }
        peer.activity.speaking = speaking;
        self.events.push_back(MediaEvent::Speaking { peer: peer.id, speaking });
        if speaking && !std::mem::replace(&mut peer.activity.quiet_pending, true) {
            self.timers.set(now + timer::QUIET, Timer::Quiet(key));
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    pub(crate) fn poll_timeout(&mut self) -> Option<Instant> {
        // To wake for a timer that means nothing any more costs more than to look.
        while let Some((when, timer)) = self.timers.next() {
            let means = match timer {
                Timer::Drive(key) => {
                    self.peers.get(key).is_some_and(|peer| peer.activity.drive_at == Some(when))
                }
                Timer::Discovery(key, _) => self.peers.get(key).is_some_and(Peer::is_choosing),
                _ => true,
            };
            if means {
                return Some(when);
            }
            self.timers.pop(when);
        }
        None
    }

    /// What signaling should learn next.
    pub(crate) fn poll_event(&mut self) -> Option<MediaEvent> {
        self.events.pop_front()
    }

    /// What to send; the caller clears it.
    pub(crate) fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    /// What to carry to other shards; the caller clears it.
    pub(crate) fn links(&mut self) -> &mut Links {
        &mut self.links
    }

    /// The counters, which the caller may add to.
    pub(crate) fn totals_mut(&mut self) -> &mut Totals {
        self.totals.peers = self.ids.len() as u64;
        self.totals.rooms = self.rooms.len() as u64 - self.rooms_away;
        &mut self.totals
    }

    /// How well listeners hear, one entry for each that was reported on since the last call.
    pub(crate) fn take_qualities(&mut self) -> std::vec::Drain<'_, ListenerQuality> {
        self.qualities.drain(..)
    }

    /// Names that peers became known by (true) or are no longer known by, since the last call.
    pub(crate) fn take_name_changes(&mut self) -> std::vec::Drain<'_, (Name, bool)> {
        self.demux.changes.drain(..)
    }

    /// Ends everybody, because the node shuts down.
    pub(crate) fn shut_down(&mut self) {
        let keys: Vec<_> = self.ids.values().copied().collect();
        for key in keys {
            self.end(key, LeaveReason::Shutdown);
        }
    }
}

/// Runs one session's part of a step. None when it panicked: that session is over, and no other
/// notices. The session must not be used again, so a state half changed is seen by nobody.
fn contained<R>(step: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(step)).ok()
}
