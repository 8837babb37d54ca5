//! What signaling tells media to do.

use std::net::SocketAddr;

use super::PeerId;
use crate::id::ChannelId;
use crate::id::UserId;
use crate::voice::EncryptionMode;
use crate::voice::SessionKey;

/// What a peer may do in its room, as permissions and moderators have it at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grants {
    /// Its packets are forwarded: it has SPEAK and is not muted by the server.
    pub speak: bool,
    /// Packets are forwarded to it: it is not deafened by the server or by itself.
    pub hear: bool,
}

impl Grants {
    /// What both allow.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self { speak: self.speak && other.speak, hear: self.hear && other.hear }
    }
}

/// What a peer sends besides its microphone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tracks {
    /// A camera.
    pub camera: bool,
    /// A shared screen, with its sound.
    pub screen: bool,
}

/// What a viewer wants to see (Discord calls it media sink wants). Quality is 1 to 100, 0 for
/// nothing; up to 33 the lowest layer is enough, up to 66 the middle one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wants {
    /// Of every track that is not named.
    pub any: u8,
    /// By the SSRC that the viewer sees a track under; at most
    /// [`limits::WANTS`](crate::limits::WANTS).
    pub each: Vec<(u32, u8)>,
}

impl Wants {
    /// How well the track of this SSRC is wanted.
    #[must_use]
    pub fn of(&self, ssrc: u32) -> u8 {
        let named = self.each.iter().find(|(of, _)| *of == ssrc);
        named.map_or(self.any, |(_, quality)| *quality)
    }
}

/// A change of rooms or peers. Commands of one peer are handled in the order they were sent.
#[derive(Debug, Clone)]
pub enum MediaCommand {
    /// Reserves a place in a room. The peer is heard and hears once its transport is chosen.
    Join {
        /// The peer's name from now on.
        peer: PeerId,
        /// The voice channel; rooms appear with their first peer and go with their last.
        room: ChannelId,
        /// Whose connection it is.
        user: UserId,
        /// The SSRC that all listeners see this peer's audio under; unique in the process.
        ssrc: u32,
        /// What it may do.
        grants: Grants,
    },
    /// The client chose Discord's UDP transport.
    SelectUdp {
        /// Which peer.
        peer: PeerId,
        /// How its packets are sealed.
        mode: EncryptionMode,
        /// With which key, both ways.
        key: SessionKey,
    },
    /// The client chose WebRTC; answered by [`MediaEvent::Answer`](super::MediaEvent::Answer) or
    /// [`MediaEvent::Refused`](super::MediaEvent::Refused).
    SelectWebRtc {
        /// Which peer.
        peer: PeerId,
        /// A full SDP offer, or the fragment of it that Discord's browsers send.
        offer: String,
        /// The address that the answer's ICE candidate names.
        announce: SocketAddr,
    },
    /// From now on whatever the peer hears reaches it on so few streams, each re-pointed to whoever
    /// speaks: for players that know nothing of calls. Their SSRCs are the peer's own and those after
    /// it. Said once, before the transport is chosen.
    Funnel {
        /// Which peer.
        peer: PeerId,
        /// How many, 1 to 31.
        streams: u8,
    },
    /// Permissions or moderation changed; acts on the next packet.
    Update {
        /// Which peer.
        peer: PeerId,
        /// What it may do from now on.
        grants: Grants,
    },
    /// Whether the peer speaks with priority: in a large room it takes the place of others.
    Priority {
        /// Which peer.
        peer: PeerId,
        /// From now on, or no longer.
        on: bool,
    },
    /// How much audio the peer is to send: browsers are asked for it in the answer, and of far more
    /// the rest is dropped. [`limits::BITRATE_DEFAULT`](crate::limits::BITRATE_DEFAULT) before the
    /// first such command.
    Bitrate {
        /// Which peer.
        peer: PeerId,
        /// Bits per second.
        bits: u32,
    },
    /// What of its camera and screen is forwarded from now on; nothing before the first such command.
    Publish {
        /// Which peer.
        peer: PeerId,
        /// What it sends and may send.
        tracks: Tracks,
    },
    /// What the peer wants to see, in place of what it wanted before.
    Want {
        /// Which peer.
        peer: PeerId,
        /// Of whom, and how well.
        wants: Wants,
    },
    /// Takes the peer out of its room and forgets its keys.
    Leave {
        /// Which peer.
        peer: PeerId,
    },
}

impl MediaCommand {
    /// The peer that this command is about.
    #[must_use]
    pub const fn peer(&self) -> PeerId {
        match *self {
            Self::Join { peer, .. }
            | Self::SelectUdp { peer, .. }
            | Self::SelectWebRtc { peer, .. }
            | Self::Funnel { peer, .. }
            | Self::Update { peer, .. }
            | Self::Priority { peer, .. }
            | Self::Bitrate { peer, .. }
            | Self::Publish { peer, .. }
            | Self::Want { peer, .. }
            | Self::Leave { peer } => peer,
        }
    }
}
