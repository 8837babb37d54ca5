//! What goes to other shards of a room. HOT for packets: no allocation, no log.

use model::media::Tracks;

use crate::peer::Peer;
use crate::peer::PeerKey;
use crate::room::Room;
use crate::room::speakers::Loudness;
use crate::rtp::header::RtpHeader;
use crate::shard::Shard;
use crate::shard::Spoken;
use crate::shard::linked::Content;
use crate::shard::linked::Note;
use crate::shard::linked::Passed;
use crate::shard::linked::Voice;
use crate::shard::linked::Who;
use crate::transport::RtpPacket;
use crate::video::Track;
use crate::video::codec::Codec;
use crate::video::ingest::Place;
use crate::video::ingest::TrackIn;

impl Shard {
    /// Gives a voice packet to the room's home, which decides about it.
    pub(in crate::shard) fn pass_up(
        &mut self,
        key: PeerKey,
        home: u16,
        packet: &RtpPacket<'_>,
        spoken: Spoken,
    ) {
        self.pass_voice(key, Some(home), packet, spoken, None);
    }

    /// Gives a voice packet, of which this shard decided that it is heard, to the room's others.
    pub(in crate::shard) fn pass_down(
        &mut self,
        key: PeerKey,
        packet: &RtpPacket<'_>,
        spoken: Spoken,
        loudness: Loudness,
    ) {
        self.pass_voice(key, None, packet, spoken, Some(loudness));
    }

    fn pass_voice(
        &mut self,
        key: PeerKey,
        home: Option<u16>,
        packet: &RtpPacket<'_>,
        spoken: Spoken,
        heard: Option<Loudness>,
    ) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let Some(room) = self.rooms.get(peer.room) else { return };
        let Spoken { source, resumptions, seq, priority } = spoken;
        let voice = Voice { source, resumptions, seq, level: packet.level, priority, heard };
        let (who, header) = (who(peer, self.config.index), packet.header);
        let passed = Passed { room: room.channel, who, header, content: Content::Voice(voice) };
        let to = home.into_iter().chain(room.away().filter(|_| home.is_none()));
        let count = self.links.pass(to, passed, packet.payload);
        self.totals.linked += count as u64;
        peer.is_known_afar |= count > 0;
    }

    /// Gives a picture's packet to the shards where somebody wants it.
    pub(in crate::shard) fn pass_picture(
        &mut self,
        key: PeerKey,
        track: &TrackIn,
        (place, codec): (Place, Codec),
        header: &RtpHeader,
        payload: &[u8],
    ) {
        if track.afar.is_empty() {
            return;
        }
        let Some(peer) = self.peers.get(key) else { return };
        let Some(room) = self.rooms.get(peer.room) else { return };
        let content = Content::Picture { track: place.track, layer: place.layer, codec };
        let who = who(peer, self.config.index);
        let passed = Passed { room: room.channel, who, header: *header, content };
        let to = track.afar.iter().map(|(shard, _)| *shard);
        self.totals.linked += self.links.pass(to, passed, payload) as u64;
    }

    /// Tells the room's other shards what a peer may do and shows.
    pub(in crate::shard) fn tell_of(&mut self, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let Some(room) = self.rooms.get(peer.room) else { return };
        let note = note_of(room, peer, self.config.index);
        for shard in neighbours(room, peer) {
            peer.is_known_afar = true;
            self.links.tell(shard, note.clone());
        }
    }

    /// Tells a shard that is new in the room who shows something there.
    pub(super) fn catch_up(&mut self, room: usize, shard: u16) {
        let Some(room) = self.rooms.get(room) else { return };
        for key in room.showing() {
            let Some(peer) = self.peers.get_mut(key) else { continue };
            if peer.elsewhere != Some(shard) {
                peer.is_known_afar |= peer.elsewhere.is_none();
                self.links.tell(shard, note_of(room, peer, self.config.index));
            }
        }
    }

    /// Tells the room's other shards that a peer left, as far as they know of it.
    pub(in crate::shard) fn tell_gone(&mut self, room: usize, peer: &Peer) {
        let Some(room) = self.rooms.get(room) else { return };
        if !peer.is_known_afar && peer.elsewhere.is_none() {
            return;
        }
        for shard in neighbours(room, peer) {
            let who = who(peer, self.config.index);
            self.links.tell(shard, Note::Gone { room: room.channel, who });
        }
    }

    /// Tells the home how many of the room are here.
    pub(in crate::shard) fn tell_count(&mut self, room: usize) {
        let Some(room) = self.rooms.get(room) else { return };
        if let Some(home) = room.home {
            self.links.tell(home, Note::Count { room: room.channel, peers: room.people() });
        }
    }

    /// Tells the shard that a stand-in's packets come from what is wanted of it here.
    pub(in crate::shard) fn tell_wanted_of(&mut self, key: PeerKey, (camera, screen): (u8, u8)) {
        let Some((shard, room, ssrc)) = self.way_to(key) else { return };
        self.links.tell(shard, Note::Wanted { room, ssrc, camera, screen });
    }

    /// Asks the shard that a stand-in's packets come from for a keyframe.
    pub(in crate::shard) fn pass_picture_loss(&mut self, key: PeerKey, layer: u32) {
        let Some((shard, room, ssrc)) = self.way_to(key) else { return };
        self.links.tell(shard, Note::Keyframe { room, ssrc, layer });
    }

    /// The shard that a stand-in's packets come from, its room and its SSRC.
    fn way_to(&self, key: PeerKey) -> Option<(u16, model::id::ChannelId, u32)> {
        let peer = self.peers.get(key)?;
        let room = self.rooms.get(peer.room)?;
        Some((room.home.or(peer.elsewhere)?, room.channel, peer.ssrc))
    }
}

/// Whom this shard tells about a peer: the home, or from there all others.
fn neighbours(room: &Room, peer: &Peer) -> impl Iterator<Item = u16> + use<> {
    let from = peer.elsewhere;
    // At home the room has few neighbours, as a node has few cores.
    let up = room.home.filter(|_| from.is_none());
    let down: Vec<u16> = room.away().filter(|shard| from != Some(*shard)).collect();
    up.into_iter().chain(down)
}

fn who(peer: &Peer, here: u16) -> Who {
    Who { peer: peer.id, ssrc: peer.ssrc, shard: peer.elsewhere.unwrap_or(here) }
}

fn note_of(room: &Room, peer: &Peer, here: u16) -> Note {
    let is_announced =
        |track| peer.video.as_ref().is_some_and(|video| video.ingest.track(track).is_announced);
    let tracks =
        Tracks { camera: is_announced(Track::Camera), screen: is_announced(Track::Screen) };
    Note::Peer { room: room.channel, who: who(peer, here), speaks: peer.grants.speak, tracks }
}
