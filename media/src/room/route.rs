//! Who hears whom: flags only; permissions were settled when they changed.
//!
//! HOT: no allocation, no lock, no log.

use crate::peer::PeerKey;
use crate::room::Room;

impl Room {
    /// Peers that must receive a packet of the peer on `from`: nobody when it may not speak.
    pub(crate) fn route(&self, from: usize) -> impl Iterator<Item = PeerKey> {
        let heard = self.seats.get(from).is_some_and(|seat| seat.grants.speak);
        self.seats
            .iter()
            .filter(move |&(seat, listener)| heard && seat != from && listener.grants.hear)
            .map(|(_, listener)| listener.peer)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use model::id::ChannelId;
    use model::media::Grants;
    use model::media::PeerId;

    use super::*;
    use crate::peer::Peer;
    use crate::peer::Peers;

    const ALL: Grants = Grants { speak: true, hear: true };

    fn room_of(grants: &[Grants]) -> (Room, Vec<PeerKey>) {
        let mut room = Room::new(ChannelId::new(1), None);
        let mut peers = Peers::default();
        let keys = grants.iter().zip(0..).map(|(grants, id)| {
            let peer = Peer::new(Instant::now(), PeerId(id), 0, *grants, (0, room.next_seat()));
            let key = peers.insert(peer);
            room.join(key, *grants, true);
            key
        });
        let keys = keys.collect();
        (room, keys)
    }

    #[test]
    fn everybody_but_the_speaker_hears() {
        let (room, keys) = room_of(&[ALL; 3]);

        assert_eq!(room.route(1).collect::<Vec<_>>(), vec![keys[0], keys[2]]);
    }

    #[test]
    fn a_muted_peer_is_heard_by_nobody_and_a_deaf_one_hears_nobody() {
        let muted = Grants { speak: false, hear: true };
        let deaf = Grants { speak: true, hear: false };
        let (mut room, keys) = room_of(&[ALL, muted, deaf]);

        assert_eq!(room.route(1).count(), 0);
        assert_eq!(room.route(0).collect::<Vec<_>>(), vec![keys[1]]);

        room.update(2, ALL);
        assert_eq!(room.route(0).count(), 2);
    }
}
