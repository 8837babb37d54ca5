//! Who stands for somebody of another shard: a peer without a transport, in the same room, under the
//! same SSRC. To this shard's listeners it speaks and shows like any other.

use std::time::Duration;
use std::time::Instant;

use model::media::Grants;

use crate::peer::Peer;
use crate::peer::PeerKey;
use crate::shard::Shard;
use crate::shard::linked::Who;
use crate::shard::timer::Timer;

/// How long a stand-in is kept that does nothing: whoever left is told of, so this is for packets that
/// came after that. Shorter would forget speakers in their pauses.
const KEPT: Duration = Duration::from_secs(60);

impl Shard {
    /// Whoever is heard under an SSRC: a peer of this shard, or who stands for one of another.
    pub(in crate::shard) fn heard_as(&self, ssrc: u32) -> Option<PeerKey> {
        self.demux.assigned(ssrc).or_else(|| self.stand_ins.get(&ssrc).copied())
    }

    /// The same, in this room.
    pub(super) fn in_room(&self, room: usize, ssrc: u32) -> Option<PeerKey> {
        let key = self.heard_as(ssrc)?;
        (self.peers.get(key)?.room == room).then_some(key)
    }

    /// Who stands for somebody in this room, from now on. None for peers of this shard.
    pub(super) fn stand_in(&mut self, now: Instant, room: usize, who: Who) -> Option<PeerKey> {
        if who.shard == self.config.index || self.demux.assigned(who.ssrc).is_some() {
            return None;
        }
        if let Some(key) = self.stand_ins.get(&who.ssrc).copied() {
            let peer = self.peers.get(key)?;
            // Where it begins anew, its numbers may be the same again.
            if peer.room == room && peer.id == who.peer && peer.elsewhere == Some(who.shard) {
                return Some(key);
            }
            self.remove(key);
        }
        let seat = self.rooms.get(room)?.next_seat();
        let grants = Grants { speak: true, hear: false };
        let mut peer = Peer::new(now, who.peer, who.ssrc, grants, (room, seat));
        peer.elsewhere = Some(who.shard);
        let key = self.peers.insert(peer);
        self.rooms.get_mut(room)?.join(key, grants, false);
        self.stand_ins.insert(who.ssrc, key);
        self.timers.set_roughly(now + KEPT, Timer::StandIn(key));
        Some(key)
    }

    /// Looks whether a stand-in still stands for anything.
    pub(in crate::shard) fn end_idle_stand_in(&mut self, now: Instant, key: PeerKey) {
        let Some(peer) = self.peers.get(key) else { return };
        let shows = peer.video.as_ref().is_some_and(|video| video.ingest.is_active());
        let until = peer.activity.heard.unwrap_or(peer.activity.alive) + KEPT;
        if shows || until > now {
            self.timers.set_roughly(until.max(now + KEPT / 2), Timer::StandIn(key));
        } else {
            self.remove(key);
        }
    }

    /// Ends those who stand for peers of `shard` in a room, or for anybody.
    pub(in crate::shard) fn dismiss(&mut self, room: usize, shard: Option<u16>) {
        let Some(members) = self.rooms.get(room).map(|room| room.members()) else { return };
        let gone: Vec<_> = members
            .filter(|key| {
                let elsewhere = self.peers.get(*key).and_then(|peer| peer.elsewhere);
                elsewhere.is_some_and(|at| shard.is_none_or(|shard| shard == at))
            })
            .collect();
        for key in gone {
            self.remove(key);
        }
    }
}
