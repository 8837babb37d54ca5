//! A room that is spread over several shards: what they say to each other about it.
//!
//! One shard is the room's home ([`crate::room::home_of`]): it decides who is heard, and every packet
//! of the room passes it. A packet goes to the home once and from there once to each other shard of
//! the room, never once a listener; each shard makes it its own listeners'. Of somebody who sits
//! elsewhere and speaks or shows something, a shard keeps a stand-in: a peer without a transport.
//!
//! Packets may be lost on the way, [`Note`]s may not. Pure, like the rest of a shard: what is to go is
//! an output, what came an input, and whoever owns the shards carries it. Relies on each sender's
//! notes staying in order, and on a sender's notes not being overtaken by its later packets.

mod pass;
mod stand_in;
mod take;

use std::ops::Range;

use model::id::ChannelId;
use model::media::PeerId;
use model::media::Tracks;

use crate::room::speakers::Loudness;
use crate::rtp::ext::AudioLevel;
use crate::rtp::header::RtpHeader;
use crate::video::Track;
use crate::video::codec::Codec;

/// Something about a room that another shard has to know. It replaces what was said before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Note {
    /// To the home: so many peers of the room are on the sender's shard.
    Count { room: ChannelId, peers: usize },
    /// What a peer may do and shows.
    Peer { room: ChannelId, who: Who, speaks: bool, tracks: Tracks },
    /// A peer left.
    Gone { room: ChannelId, who: Who },
    /// How well anybody there wants what a peer shows, 0 to 100.
    Wanted { room: ChannelId, ssrc: u32, camera: u8, screen: u8 },
    /// Somebody there needs a keyframe of this layer of a peer's.
    Keyframe { room: ChannelId, ssrc: u32, layer: u32 },
}

/// Whose packet or note it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) peer: PeerId,
    /// What all listeners see its audio under.
    pub(crate) ssrc: u32,
    /// The shard that it is on.
    pub(crate) shard: u16,
}

/// A packet on its way between two shards of a room, in the clear and accounted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Passed {
    pub(crate) room: ChannelId,
    pub(crate) who: Who,
    pub(crate) header: RtpHeader,
    pub(crate) content: Content,
}

/// What it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    Voice(Voice),
    Picture { track: Track, layer: u8, codec: Codec },
}

/// What belongs to a voice packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Voice {
    /// Restarts and resumptions of the speaker, as in [`crate::peer::Said`].
    pub(crate) source: u32,
    pub(crate) resumptions: u32,
    /// Extended sequence number.
    pub(crate) seq: u64,
    pub(crate) level: Option<AudioLevel>,
    /// Whether it is said with priority.
    pub(crate) priority: bool,
    /// How loud its speaker is, once the home decided that it is heard.
    pub(crate) heard: Option<Loudness>,
}

/// What waits to go to other shards, in one arena that is used again and again.
///
/// HOT: once the arena has grown to a turn's size, packets allocate nothing.
#[derive(Debug, Default)]
pub(crate) struct Links {
    arena: Vec<u8>,
    packets: Vec<(u16, Passed, Range<usize>)>,
    notes: Vec<(u16, Note)>,
}

impl Links {
    /// One copy of a packet for each of these shards. How many those are.
    fn pass(&mut self, to: impl Iterator<Item = u16>, passed: Passed, payload: &[u8]) -> usize {
        let (start, before) = (self.arena.len(), self.packets.len());
        let range = start..start + payload.len();
        self.packets.extend(to.map(|to| (to, passed, range.clone())));
        let count = self.packets.len() - before;
        if count > 0 {
            self.arena.extend_from_slice(payload);
        }
        count
    }

    fn tell(&mut self, to: u16, note: Note) {
        self.notes.push((to, note));
    }

    /// The packets: to which shard, and each with its payload.
    pub(crate) fn packets(&self) -> impl Iterator<Item = (u16, &Passed, &[u8])> {
        self.packets
            .iter()
            .filter_map(|(to, passed, range)| Some((*to, passed, self.arena.get(range.clone())?)))
    }

    /// Takes the notes out, which go before the packets.
    pub(crate) fn take_notes(&mut self) -> std::vec::Drain<'_, (u16, Note)> {
        self.notes.drain(..)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.packets.is_empty() && self.notes.is_empty()
    }

    /// Forgets the packets, which were carried, and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.arena.clear();
        self.packets.clear();
    }
}
