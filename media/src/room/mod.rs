//! The SFU's live half of a voice channel; it exists while someone is in it.

pub(crate) mod route;
pub(crate) mod select;
pub(crate) mod speakers;

use std::time::Instant;

use model::id::ChannelId;
use model::media::Grants;
use slab::Slab;

use crate::peer::PeerKey;
use crate::room::select::Selection;
use crate::room::speakers::Loudness;
use crate::room::speakers::Speakers;

/// Who sits in a voice channel, and what each may do at this moment.
pub(crate) struct Room {
    pub(crate) channel: ChannelId,
    /// The shard that decides for the room, when that is another.
    pub(crate) home: Option<u16>,
    seats: Slab<Seat>,
    /// How many seats are of this shard's own peers.
    people: usize,
    /// At home: other shards that have peers of the room, and how many each.
    away: Vec<(u16, usize)>,
    /// Who shows a camera or a screen.
    showing: Vec<PeerKey>,
    speakers: Speakers,
    selection: Selection,
}

/// The shard of a node's `shards` that decides for a room, and where its first peers sit. The low bits
/// of a snowflake hardly vary, so they are mixed first.
pub(crate) fn home_of(room: ChannelId, shards: usize) -> usize {
    let mixed = room.get().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    (mixed % shards.max(1) as u64) as usize
}

#[derive(Debug, Clone, Copy)]
struct Seat {
    peer: PeerKey,
    grants: Grants,
    /// Whether it is a peer of this shard, rather than who stands for one of another.
    is_here: bool,
}

impl Room {
    /// An empty room, which another shard decides for if that is its `home`.
    pub(crate) fn new(channel: ChannelId, home: Option<u16>) -> Self {
        Self {
            channel,
            home,
            seats: Slab::new(),
            people: 0,
            away: Vec::new(),
            showing: Vec::new(),
            speakers: Speakers::default(),
            selection: Selection::default(),
        }
    }

    /// The seat that the next peer will take.
    pub(crate) fn next_seat(&self) -> usize {
        self.seats.vacant_key()
    }

    /// Seats a peer of this shard, or who stands for one of another, on
    /// [`next_seat`](Self::next_seat).
    pub(crate) fn join(&mut self, peer: PeerKey, grants: Grants, is_here: bool) {
        self.seats.insert(Seat { peer, grants, is_here });
        self.people += usize::from(is_here);
    }

    /// Frees a seat.
    pub(crate) fn leave(&mut self, seat: usize) {
        let left = self.seats.try_remove(seat);
        self.people -= usize::from(left.is_some_and(|seat| seat.is_here));
        self.speakers.leave(seat);
        self.selection.leave(seat);
    }

    /// Changes what the peer on `seat` may do.
    pub(crate) fn update(&mut self, seat: usize, grants: Grants) {
        if let Some(seat) = self.seats.get_mut(seat) {
            seat.grants = grants;
        }
    }

    /// Whether a packet this loud from `seat` is forwarded: all are, but in a large room where more
    /// speak than anybody could follow. HOT.
    pub(crate) fn admits(
        &mut self,
        now: Instant,
        seat: usize,
        loudness: Loudness,
        priority: bool,
    ) -> bool {
        let smoothed = self.speakers.note(now, seat, loudness);
        let away: usize = self.away.iter().map(|(_, peers)| peers).sum();
        self.selection.choose(now, self.people + away, (seat, priority), smoothed)
    }

    /// How loud the peer on `seat` is at the moment, smoothed. HOT.
    pub(crate) fn loudness(&self, now: Instant, seat: usize) -> Loudness {
        self.speakers.of(now, seat)
    }

    /// Who sits there.
    pub(crate) fn peer_on(&self, seat: usize) -> Option<PeerKey> {
        self.seats.get(seat).map(|seat| seat.peer)
    }

    /// Everybody here, with those who stand for others.
    pub(crate) fn members(&self) -> impl Iterator<Item = PeerKey> {
        self.seats.iter().map(|(_, seat)| seat.peer)
    }

    /// Who shows something; few, whatever the size of the room.
    pub(crate) fn showing(&self) -> impl Iterator<Item = PeerKey> {
        self.showing.iter().copied()
    }

    /// A peer shows something from now on, or nothing.
    pub(crate) fn note_showing(&mut self, peer: PeerKey, shows: bool) {
        self.showing.retain(|known| *known != peer);
        if shows {
            self.showing.push(peer);
        }
    }

    /// Peers of this shard.
    pub(crate) fn people(&self) -> usize {
        self.people
    }

    /// At home: the other shards that have peers of the room.
    pub(crate) fn away(&self) -> impl Iterator<Item = u16> {
        self.away.iter().map(|(shard, _)| *shard)
    }

    /// At home: so many peers of the room are on that shard. Whether it had none before.
    pub(crate) fn note_away(&mut self, shard: u16, peers: usize) -> bool {
        let known = self.away.iter().position(|(of, _)| *of == shard);
        match (known, peers) {
            (Some(at), 0) => drop(self.away.swap_remove(at)),
            (Some(at), _) => self.away[at].1 = peers,
            (None, 0) => {}
            (None, _) => self.away.push((shard, peers)),
        }
        known.is_none() && peers > 0
    }

    /// Whether nobody is in the room, here or as far as this shard decides for others.
    pub(crate) fn is_empty(&self) -> bool {
        self.people == 0 && self.away.is_empty()
    }
}
