//! Who is shown what: a track that is announced, to whoever wants it and can take pictures.

use std::time::Instant;

use model::media::Tracks;
use model::media::Wants;

use crate::peer::PeerKey;
use crate::peer::Peers;
use crate::shard::Shard;
use crate::transport::Transport;
use crate::video::Track;
use crate::video::Video;

impl Shard {
    /// From now on these tracks of a peer are forwarded.
    pub(in crate::shard) fn publish(&mut self, now: Instant, key: PeerKey, tracks: Tracks) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let stands_in = peer.elsewhere.is_some();
        let ingest = &mut peer.video.get_or_insert_default().ingest;
        for track in Track::ALL {
            let is_announced = match track {
                Track::Camera => tracks.camera,
                Track::Screen | Track::Sound => tracks.screen,
            };
            let track = ingest.track_mut(track);
            track.is_announced = is_announced;
            if !is_announced {
                track.layers = Default::default();
                track.afar.clear();
                // Who sends it forgot what is wanted here, just so.
                track.told = if stands_in { 0 } else { track.told };
            }
        }
        let (shows, room) = (ingest.is_active(), peer.room);
        if let Some(room) = self.rooms.get_mut(room) {
            room.note_showing(key, shows);
        }
        self.tell_of(key);
        for viewer in self.others_in_room(key) {
            self.relate(viewer, key);
            self.time_video(now, viewer);
        }
        self.time_video(now, key);
    }

    /// From now on a peer wants to see this.
    pub(in crate::shard) fn want(&mut self, now: Instant, key: PeerKey, wants: Wants) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        peer.video.get_or_insert_default().viewing.wants = wants;
        self.show_wanted(now, key);
    }

    /// The peer's packets are formed in another way from now on, under the same keys.
    pub(in crate::shard) fn renew_sights(&mut self, now: Instant, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        for sight in peer.video.iter_mut().flat_map(|video| &mut video.viewing.sights) {
            sight.renew();
        }
        self.show_wanted(now, key);
    }

    /// The peer has another transport: its SSRCs are others, and what it was shown begins anew.
    pub(in crate::shard) fn restart_video(&mut self, now: Instant, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        if let Some(video) = &mut peer.video {
            video.ingest.restart();
        }
        self.renew_sights(now, key);
    }

    /// The peer is about to leave: nobody is shown it, and it is shown nobody.
    pub(in crate::shard) fn leave_video(&mut self, key: PeerKey) {
        let Some(video) = self.peers.get_mut(key).and_then(|peer| peer.video.take()) else {
            return;
        };
        for track in Track::ALL {
            for watcher in &video.ingest.track(track).watchers {
                if let Some(theirs) = video_of(&mut self.peers, *watcher) {
                    theirs.viewing.hide(|sight| sight.publisher == key);
                }
            }
        }
        for sight in &video.viewing.sights {
            if let Some(theirs) = video_of(&mut self.peers, sight.publisher) {
                theirs.ingest.track_mut(sight.track).watchers.retain(|watcher| *watcher != key);
            }
        }
    }

    fn show_wanted(&mut self, now: Instant, viewer: PeerKey) {
        let room = self.peers.get(viewer).and_then(|peer| self.rooms.get(peer.room));
        let showing = room.into_iter().flat_map(|room| room.showing());
        let showing: Vec<_> = showing.filter(|publisher| *publisher != viewer).collect();
        for publisher in showing {
            self.relate(viewer, publisher);
        }
        self.time_video(now, viewer);
    }

    /// Brings what a viewer is shown of a publisher in line with what both said.
    fn relate(&mut self, viewer: PeerKey, publisher: PeerKey) {
        for track in Track::ALL {
            let Some(peer) = self.peers.get(publisher) else { return };
            let Some(video) = &peer.video else { return };
            let is_announced = video.ingest.track(track).is_announced;
            let ssrc = track.ssrc(peer.ssrc);
            // A screen is seen with its sound.
            let wanted = if track == Track::Sound { Track::Screen.ssrc(peer.ssrc) } else { ssrc };
            let Some(peer) = self.peers.get_mut(viewer) else { return };
            let Some(video) = &mut peer.video else { return };
            let can =
                matches!(&peer.transport, Transport::WebRtc(webrtc) if webrtc.video().is_some());
            let quality =
                if is_announced && can { video.viewing.wants.of(wanted).min(100) } else { 0 };
            let shown = quality > 0 && video.viewing.show(publisher, track, ssrc, quality);
            if quality == 0 {
                video.viewing.hide(|sight| sight.ssrc == ssrc && sight.publisher == publisher);
            }
            let Some(video) = self.peers.get_mut(publisher).and_then(|peer| peer.video.as_mut())
            else {
                return;
            };
            let watchers = &mut video.ingest.track_mut(track).watchers;
            watchers.retain(|watcher| *watcher != viewer);
            if shown {
                watchers.push(viewer);
            }
        }
    }

    fn others_in_room(&self, key: PeerKey) -> Vec<PeerKey> {
        let room = self.peers.get(key).and_then(|peer| self.rooms.get(peer.room));
        let members = room.into_iter().flat_map(|room| room.members());
        members.filter(|member| *member != key).collect()
    }
}

fn video_of(peers: &mut Peers, key: PeerKey) -> Option<&mut Video> {
    peers.get_mut(key)?.video.as_deref_mut()
}
