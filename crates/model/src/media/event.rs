//! What media tells signaling happened.

use std::net::SocketAddr;
use std::time::Duration;

use super::PeerId;

/// Something that happened to a peer.
#[derive(Debug, Clone, PartialEq)]
pub enum MediaEvent {
    /// The place that [`MediaCommand::Join`](super::MediaCommand::Join) asked for is there: from
    /// now on IP discovery and handshakes of the peer are answered.
    Joined {
        /// Which peer.
        peer: PeerId,
    },
    /// The SDP answer to [`MediaCommand::SelectWebRtc`](super::MediaCommand::SelectWebRtc).
    Answer {
        /// Which peer.
        peer: PeerId,
        /// The fragment of Session Description: one `m=audio` line with ICE and DTLS parameters.
        sdp: String,
    },
    /// A command could not be carried out; the peer stays as it was.
    Refused {
        /// Which peer.
        peer: PeerId,
        /// Why.
        reason: Refusal,
    },
    /// The first authenticated packet arrived: media flows. Sent again when the address changes.
    Connected {
        /// Which peer.
        peer: PeerId,
        /// Where its packets come from.
        address: SocketAddr,
    },
    /// Audio began or ended to arrive and be forwarded; at most once per change.
    Speaking {
        /// Which peer.
        peer: PeerId,
        /// Whether audio arrives.
        speaking: bool,
    },
    /// The best quality that anybody wants of what the peer sends, 0 to 100; it need not send more.
    /// Of tracks that it does not send it is 0. At most once per change.
    Wanted {
        /// Which peer.
        peer: PeerId,
        /// Of its camera.
        camera: u8,
        /// Of its screen.
        screen: u8,
    },
    /// Media ended the peer by itself.
    Left {
        /// Which peer.
        peer: PeerId,
        /// Why.
        reason: LeaveReason,
    },
    /// Counters of a peer, every few seconds; may be dropped when the mailbox is full.
    Stats {
        /// Which peer.
        peer: PeerId,
        /// The counters.
        stats: PeerStats,
    },
}

/// Why a command was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The peer is not here.
    #[error("no such peer")]
    UnknownPeer,
    /// The offer is larger than the limits allow.
    #[error("the offer is too large")]
    OfferTooLarge,
    /// The offer lacks ICE credentials, a fingerprint or Opus.
    #[error("the offer is not usable")]
    OfferUnusable,
    /// The node is at its limit of peers.
    #[error("the node is full")]
    Full,
}

/// Why media ended a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaveReason {
    /// Nothing authenticated arrived for the idle timeout, or ICE consent ended.
    Silent,
    /// The DTLS handshake failed or the certificate had another fingerprint.
    HandshakeFailed,
    /// A fault of ours in this peer's session; the others go on.
    Fault,
    /// The node shuts down.
    Shutdown,
}

/// Counters of one peer since it joined.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PeerStats {
    /// Packets received and accepted.
    pub packets_received: u64,
    /// Packets that were sent to the peer.
    pub packets_sent: u64,
    /// Packets that never arrived, by sequence number (RFC 3550 §A.3).
    pub packets_lost: u64,
    /// Interarrival jitter (RFC 3550 §A.8).
    pub jitter: Duration,
    /// How well the peer hears. None while it reported nothing, as many bots never do.
    pub listening: Option<ListenerQuality>,
}

/// How well one listener hears, by its own receiver reports (RFC 3550 §6.4.2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ListenerQuality {
    /// Share of the packets sent to it that were lost, 0 to 1.
    pub loss: f32,
    /// Interarrival jitter there, of the stream that jitters most.
    pub jitter: Duration,
    /// Time from us to the listener and back. None until it answered a sender report.
    pub round_trip: Option<Duration>,
    /// Mean opinion score that the E-model estimates (ITU-T G.107, simplified), 1 to 4.5.
    pub mos: f32,
}
