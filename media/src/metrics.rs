//! Counters of the packet path: plain numbers inside a shard, atomics for whoever reads them.
//!
//! Nothing is logged per packet; a datagram that goes no further is a [`DropReason`] counted here.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use model::media::ListenerQuality;

macro_rules! drop_reasons {
    ($($(#[$doc:meta])* $name:ident => $label:literal,)*) => {
        /// Why a datagram or packet went no further. Never fatal to a peer.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(usize)]
        pub enum DropReason { $($(#[$doc])* $name,)* }

        impl DropReason {
            /// All reasons, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The value of the metric's `reason` label.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $label,)* }
            }
        }
    };
}

drop_reasons! {
    /// Neither RTP, STUN, DTLS, discovery nor keepalive.
    NotOurs => "not_ours",
    /// No peer is known by this address, ufrag or SSRC.
    UnknownSource => "unknown_source",
    /// Shorter than its own fields say.
    Malformed => "malformed",
    /// The peer has not chosen or not finished its transport.
    NoKeys => "no_keys",
    /// Authentication failed: a wrong key, or forged.
    BadTag => "bad_tag",
    /// Seen before.
    Replay => "replay",
    /// Too old to tell whether it was seen before.
    Late => "late",
    /// An SSRC that is not the peer's.
    ForeignSsrc => "foreign_ssrc",
    /// A payload type that is not Opus.
    ForeignPayloadType => "foreign_payload_type",
    /// The speaker may not speak.
    Muted => "muted",
    /// Nothing but silence for a second or longer, as of a microphone that is switched off.
    Silence => "silence",
    /// Louder speakers take all places of a large room.
    NotSelected => "not_selected",
    /// A picture of a track that its publisher did not announce, or of no track.
    NotAnnounced => "not_announced",
    /// Faster than audio can be.
    Policed => "policed",
    /// More discovery requests than are answered, or from another address than the first.
    DiscoveryRefused => "discovery_refused",
    /// STUN or DTLS that the session did not accept.
    Handshake => "handshake",
    /// A fault of ours, contained.
    Fault => "fault",
    /// The kernel would not take it.
    SendBufferFull => "send_buffer_full",
    /// It belonged to another shard, whose ring was full.
    HandoverFull => "handover_full",
    /// The oldest of a room's packets on their way to another shard, which did not keep up.
    LinkFull => "link_full",
}

/// Counters of one shard since its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals {
    /// Datagrams received.
    pub received: u64,
    /// Datagrams handed to the kernel.
    pub sent: u64,
    /// Datagrams and packets dropped, by number of [`DropReason`].
    pub dropped: [u64; DropReason::ALL.len()],
    /// RTCP packets understood.
    pub rtcp: u64,
    /// Packets sent again to listeners who missed them.
    pub retransmitted: u64,
    /// Frames that were lost and came as a later packet's redundancy.
    pub recovered: u64,
    /// Packets given to other shards that have peers of the same room, once for each.
    pub linked: u64,
    /// Rooms with a peer in them, now; one that is spread over shards counts once.
    pub rooms: u64,
    /// Peers, now.
    pub peers: u64,
}

impl Default for Totals {
    fn default() -> Self {
        Self {
            received: 0,
            sent: 0,
            dropped: [0; DropReason::ALL.len()],
            rtcp: 0,
            retransmitted: 0,
            recovered: 0,
            linked: 0,
            rooms: 0,
            peers: 0,
        }
    }
}

impl Totals {
    /// Counts one drop.
    pub(crate) fn drop(&mut self, reason: DropReason) {
        self.dropped[reason as usize] += 1;
    }

    /// How often something was dropped for this reason.
    #[must_use]
    pub fn dropped_for(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize]
    }

    /// Adds the counters of another shard.
    pub(crate) fn add(&mut self, other: &Self) {
        self.received += other.received;
        self.sent += other.sent;
        self.rtcp += other.rtcp;
        self.retransmitted += other.retransmitted;
        self.recovered += other.recovered;
        self.linked += other.linked;
        self.rooms += other.rooms;
        self.peers += other.peers;
        for (sum, value) in self.dropped.iter_mut().zip(other.dropped) {
            *sum += value;
        }
    }

    /// Publishes through the `metrics` crate what was added since `before`.
    pub(crate) fn publish(&self, before: &Self) {
        metrics::counter!("media_packets_received_total")
            .increment(self.received - before.received);
        metrics::counter!("media_packets_sent_total").increment(self.sent - before.sent);
        metrics::counter!("media_packets_retransmitted_total")
            .increment(self.retransmitted - before.retransmitted);
        metrics::counter!("media_frames_recovered_total")
            .increment(self.recovered - before.recovered);
        metrics::counter!("media_packets_linked_total").increment(self.linked - before.linked);
        for reason in DropReason::ALL {
            let added = self.dropped_for(*reason) - before.dropped_for(*reason);
            metrics::counter!("media_packets_dropped_total", "reason" => reason.label())
                .increment(added);
        }
        // Shards share these gauges, so each moves them by its own change.
        metrics::gauge!("media_rooms").increment(self.rooms as f64 - before.rooms as f64);
        metrics::gauge!("media_peers").increment(self.peers as f64 - before.peers as f64);
    }
}

/// Publishes how well one listener hears.
pub(crate) fn publish_quality(quality: &ListenerQuality) {
    metrics::histogram!("media_listener_loss_ratio").record(f64::from(quality.loss));
    metrics::histogram!("media_listener_jitter_seconds").record(quality.jitter.as_secs_f64());
    if let Some(round_trip) = quality.round_trip {
        metrics::histogram!("media_listener_round_trip_seconds").record(round_trip.as_secs_f64());
    }
    metrics::histogram!("media_listener_mos").record(f64::from(quality.mos));
}

/// The counters of one shard as other threads see them; written once a turn.
#[derive(Debug, Default)]
pub(crate) struct SharedTotals {
    received: AtomicU64,
    sent: AtomicU64,
    dropped: [AtomicU64; DropReason::ALL.len()],
    rtcp: AtomicU64,
    retransmitted: AtomicU64,
    recovered: AtomicU64,
    linked: AtomicU64,
    rooms: AtomicU64,
    peers: AtomicU64,
}

impl SharedTotals {
    pub(crate) fn store(&self, totals: &Totals) {
        self.received.store(totals.received, Relaxed);
        self.sent.store(totals.sent, Relaxed);
        self.rtcp.store(totals.rtcp, Relaxed);
        self.retransmitted.store(totals.retransmitted, Relaxed);
        self.recovered.store(totals.recovered, Relaxed);
        self.linked.store(totals.linked, Relaxed);
        self.rooms.store(totals.rooms, Relaxed);
        self.peers.store(totals.peers, Relaxed);
        for (shared, value) in self.dropped.iter().zip(totals.dropped) {
            shared.store(value, Relaxed);
        }
    }

    pub(crate) fn load(&self) -> Totals {
        Totals {
            received: self.received.load(Relaxed),
            sent: self.sent.load(Relaxed),
            dropped: std::array::from_fn(|index| self.dropped[index].load(Relaxed)),
            rtcp: self.rtcp.load(Relaxed),
            retransmitted: self.retransmitted.load(Relaxed),
            recovered: self.recovered.load(Relaxed),
            linked: self.linked.load(Relaxed),
            rooms: self.rooms.load(Relaxed),
            peers: self.peers.load(Relaxed),
        }
    }
}
