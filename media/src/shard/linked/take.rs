//! What comes from other shards of a room. HOT for packets: no allocation but for the first of a
//! speaker, no log.

use std::time::Instant;

use model::media::Grants;
use model::media::Tracks;

use crate::metrics::DropReason;
use crate::peer::PeerKey;
use crate::peer::Said;
use crate::room::speakers;
use crate::shard::Shard;
use crate::shard::Spoken;
use crate::shard::linked::Content;
use crate::shard::linked::Note;
use crate::shard::linked::Passed;
use crate::shard::linked::Voice;
use crate::shard::linked::Who;
use crate::transport::RtpPacket;
use crate::video::Track;
use crate::video::ingest::Place;

impl Shard {
    /// Takes a packet that another shard opened and accounted for. One of a room that nobody here is
    /// in any more is nobody's.
    pub(crate) fn handle_passed(&mut self, now: Instant, passed: &Passed, payload: &[u8]) {
        if let Some(room) = self.room_of.get(&passed.room).copied()
            && let Err(reason) = self.take_passed(now, room, passed, payload)
        {
            self.totals.drop(reason);
        }
        self.remove_faulty();
    }

    fn take_passed(
        &mut self,
        now: Instant,
        room: usize,
        passed: &Passed,
        payload: &[u8],
    ) -> Result<(), DropReason> {
        let is_ours = passed.who.shard == self.config.index;
        let key = if is_ours {
            // Of our own peer, back from the home.
            self.in_room(room, passed.who.ssrc)
        } else {
            self.stand_in(now, room, passed.who)
        };
        let Some(key) = key else { return Ok(()) };
        match passed.content {
            Content::Voice(voice) => self.take_passed_voice(now, key, passed, voice, payload),
            Content::Picture { track, layer, codec } => {
                let place = Place { track, layer, repairs: false };
                self.take_passed_picture(now, key, (place, codec), &passed.header, payload)
            }
        }
    }

    fn take_passed_voice(
        &mut self,
        now: Instant,
        key: PeerKey,
        passed: &Passed,
        voice: Voice,
        payload: &[u8],
    ) -> Result<(), DropReason> {
        let packet = RtpPacket {
            header: passed.header,
            payload,
            level: voice.level,
            older: None,
            newest: false,
        };
        let Voice { source, resumptions, seq, priority, .. } = voice;
        let Some(peer) = self.peers.get_mut(key) else { return Ok(()) };
        if peer.elsewhere.is_some() {
            peer.activity.heard = Some(now);
        }
        let (seat, ssrc) = (peer.seat, peer.ssrc);
        let Some(loudness) = voice.heard else {
            let spoken = Spoken { source, resumptions, seq, priority };
            return self.decide(now, key, &packet, spoken);
        };
        let (_, voice) = speakers::hear(packet.level, payload);
        let said = Said { seat, ssrc, source, resumptions, loudness, voice };
        self.deliver(now, key, &packet, seq, &said);
        Ok(())
    }

    /// Takes what another shard has to tell about a room.
    pub(crate) fn handle_note(&mut self, now: Instant, from: u16, note: Note) {
        match note {
            Note::Count { room, peers } => {
                let known = self.room_of.get(&room).copied();
                if peers == 0 && known.is_none() {
                    return;
                }
                let room = self.room_for(room);
                self.note_count(room, from, peers);
            }
            Note::Peer { room, who, speaks, tracks } => {
                if let Some(room) = self.room_of.get(&room).copied() {
                    self.note_peer(now, room, who, (speaks, tracks));
                }
            }
            Note::Gone { room, who } => {
                let Some(room) = self.room_of.get(&room).copied() else { return };
                let Some(key) = self.in_room(room, who.ssrc) else { return };
                // Whoever went from one shard to another may be known from there already.
                let elsewhere = self.peers.get(key).and_then(|peer| peer.elsewhere);
                if elsewhere == Some(who.shard) {
                    self.remove(key);
                }
            }
            Note::Wanted { room, ssrc, camera, screen } => {
                let Some(room) = self.room_of.get(&room).copied() else { return };
                let Some(key) = self.in_room(room, ssrc) else { return };
                let Some(peer) = self.peers.get_mut(key) else { return };
                let Some(video) = &mut peer.video else { return };
                for track in Track::ALL {
                    let quality = if track == Track::Camera { camera } else { screen };
                    video.ingest.track_mut(track).note_afar(from, quality);
                }
                self.time_video(now, key);
            }
            Note::Keyframe { room, ssrc, layer } => {
                let Some(room) = self.room_of.get(&room).copied() else { return };
                let Some(key) = self.in_room(room, ssrc) else { return };
                let video = self.peers.get_mut(key).and_then(|peer| peer.video.as_mut());
                let layer = video.and_then(|video| video.ingest.find(layer));
                let due = layer.and_then(|layer| layer.want_keyframe(now).then_some(layer.ssrc));
                if let Some(layer) = due {
                    self.send_picture_loss(key, layer);
                }
            }
        }
    }

    /// So many of the room, whose home this is, are on a shard.
    fn note_count(&mut self, room: usize, shard: u16, peers: usize) {
        let Some(at) = self.rooms.get_mut(room) else { return };
        let is_new = at.note_away(shard, peers);
        if is_new {
            self.catch_up(room, shard);
        }
        if peers > 0 {
            return;
        }
        self.dismiss(room, Some(shard));
        let Some(at) = self.rooms.get(room) else { return };
        for key in at.showing() {
            let video = self.peers.get_mut(key).and_then(|peer| peer.video.as_mut());
            let Some(video) = video else { continue };
            for track in Track::ALL {
                video.ingest.track_mut(track).note_afar(shard, 0);
            }
        }
        self.close_if_empty(room);
    }

    /// This is what a peer of another shard may do and shows.
    fn note_peer(&mut self, now: Instant, room: usize, who: Who, (speaks, tracks): (bool, Tracks)) {
        let Some(key) = self.stand_in(now, room, who) else { return };
        let Some(peer) = self.peers.get_mut(key) else { return };
        let grants = Grants { speak: speaks, ..peer.grants };
        peer.grants = grants;
        let (seat, shows) = (peer.seat, peer.video.is_some());
        if let Some(room) = self.rooms.get_mut(room) {
            room.update(seat, grants);
        }
        if shows || tracks != Tracks::default() {
            // Tells the others, if this is the home.
            self.publish(now, key, tracks);
        } else {
            self.tell_of(key);
        }
    }
}
