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
    seats: Slab<Seat>,
    speakers: Speakers,
    selection: Selection,
}

#[derive(Debug, Clone, Copy)]
struct Seat {
    peer: PeerKey,
    grants: Grants,
}

impl Room {
    /// An empty room.
    pub(crate) fn new(channel: ChannelId) -> Self {
        Self {
            channel,
            seats: Slab::new(),
            speakers: Speakers::default(),
            selection: Selection::default(),
        }
    }

    /// The seat that the next peer will take.
    pub(crate) fn next_seat(&self) -> usize {
        self.seats.vacant_key()
    }

    /// Seats a peer on [`next_seat`](Self::next_seat).
    pub(crate) fn join(&mut self, peer: PeerKey, grants: Grants) {
        self.seats.insert(Seat { peer, grants });
    }

    /// Frees a seat.
    pub(crate) fn leave(&mut self, seat: usize) {
        self.seats.try_remove(seat);
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
    pub(crate) fn admits(&mut self, now: Instant, seat: usize, loudness: Loudness) -> bool {
        let smoothed = self.speakers.note(now, seat, loudness);
        self.selection.choose(now, self.seats.len(), seat, smoothed)
    }

    /// How loud the peer on `seat` is at the moment, smoothed. HOT.
    pub(crate) fn loudness(&self, now: Instant, seat: usize) -> Loudness {
        self.speakers.of(now, seat)
    }

    /// Who sits there.
    pub(crate) fn peer_on(&self, seat: usize) -> Option<PeerKey> {
        self.seats.get(seat).map(|seat| seat.peer)
    }

    /// Everybody here.
    pub(crate) fn members(&self) -> impl Iterator<Item = PeerKey> {
        self.seats.iter().map(|(_, seat)| seat.peer)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }
}
