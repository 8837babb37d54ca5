//! Pictures and the sound of shared screens: who sends which layers, who is shown which of them.
//!
//! Pure, like the rest of a shard: [`ingest`] takes what a publisher sends, [`sight`] makes one
//! seamless stream of it for one viewer, [`budget`] says how much that viewer can take and [`choice`]
//! what it gets of what it wants; [`arrivals`] tells a publisher what came. `shard/video` drives them. Audio of microphones never comes here.
//!
//! HOT: forwarding a packet allocates nothing once a stream's memory has been taken.

pub(crate) mod arrivals;
pub(crate) mod budget;
pub(crate) mod choice;
pub(crate) mod codec;
pub(crate) mod history;
pub(crate) mod ingest;
pub(crate) mod layer;
pub(crate) mod meter;
pub(crate) mod offer;
pub(crate) mod sight;
pub(crate) mod uplink;
pub(crate) mod viewing;

use std::time::Instant;

use model::limits;

use crate::peer::RateLimit;
use crate::rtp::header::RtpHeader;
use crate::video::ingest::Ingest;
use crate::video::offer::Label;
use crate::video::viewing::Viewing;

/// Simulcast layers of one track, at most.
pub(crate) const LAYERS: usize = 3;

/// What a publisher can send besides its microphone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Track {
    Camera,
    Screen,
    /// What the shared screen plays.
    Sound,
}

impl Track {
    /// All of them, in the order of their SSRCs.
    pub(crate) const ALL: [Self; 3] = [Self::Camera, Self::Screen, Self::Sound];

    /// What viewers see it under: the numbers behind the publisher's audio. The one after each is for
    /// retransmission.
    pub(crate) const fn ssrc(self, audio: u32) -> u32 {
        audio.wrapping_add(1 + 2 * self as u32)
    }
}

/// An authentic packet of a track or of its retransmission, in the clear.
#[derive(Debug)]
pub(crate) struct VideoPacket<'a> {
    pub(crate) header: RtpHeader,
    /// Without padding; empty when there was nothing else.
    pub(crate) payload: &'a [u8],
    /// The names that it carries, as a browser's first packets do.
    pub(crate) mid: Option<Label>,
    pub(crate) rid: Option<Label>,
    pub(crate) repaired: Option<Label>,
    /// Its number among all packets of pictures that its publisher sends, where both ends know of that.
    pub(crate) number: Option<u16>,
    /// Whether it is the newest of its SSRC: only such a packet may move the peer's address.
    pub(crate) newest: bool,
}

/// What one peer sends and is shown.
pub(crate) struct Video {
    pub(crate) ingest: Ingest,
    pub(crate) viewing: Viewing,
    /// Packets that it may send.
    pub(crate) rate: RateLimit,
    /// Whether a timer looks after it.
    pub(crate) is_timed: bool,
    /// When reports were sent last.
    pub(crate) reported: Option<Instant>,
}

impl Default for Video {
    fn default() -> Self {
        let rate = limits::VIDEO_PACKETS_PER_SECOND;
        Self {
            ingest: Ingest::default(),
            viewing: Viewing::default(),
            rate: RateLimit::new(rate, rate),
            is_timed: false,
            reported: None,
        }
    }
}
