//! What a command changes: who is in which room, with which transport, and what it may do.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use model::id::ChannelId;
use model::media::Grants;
use model::media::LeaveReason;
use model::media::MediaCommand;
use model::media::MediaEvent;
use model::media::PeerId;
use model::media::Refusal;
use model::voice::EncryptionMode;
use model::voice::SessionKey;

use crate::peer::Peer;
use crate::peer::PeerKey;
use crate::peer::audio_bytes;
use crate::room::Room;
use crate::room::home_of;
use crate::shard::Shard;
use crate::shard::contained;
use crate::shard::demux::Name;
use crate::shard::timer;
use crate::shard::timer::Timer;
use crate::transport::Transport;
use crate::transport::sdp::Offer;
use crate::transport::udp::UdpTransport;
use crate::transport::webrtc::WebRtcTransport;

/// A peer's SSRCs: the numbers from its own to the next multiple of 32, less one.
const MOST_STREAMS: u8 = 31;

impl Shard {
    /// Carries out one command. Those about a peer that is not here are refused, but for Leave.
    pub(crate) fn handle_command(&mut self, now: Instant, command: MediaCommand) {
        let id = command.peer();
        let done = match (command, self.ids.get(&id).copied()) {
            (MediaCommand::Join { room, ssrc, grants, .. }, known) => {
                let joined = self.join(now, id, room, (ssrc, grants), known);
                if joined.is_ok() {
                    self.events.push_back(MediaEvent::Joined { peer: id });
                }
                joined
            }
            (MediaCommand::Leave { .. }, None) => Ok(()),
            (_, None) => Err(Refusal::UnknownPeer),
            (MediaCommand::SelectUdp { mode, key, .. }, Some(peer)) => {
                self.select_udp(now, peer, mode, key);
                Ok(())
            }
            (MediaCommand::SelectWebRtc { offer, announce, .. }, Some(peer)) => {
                // Reading an offer builds a session of a foreign library: its panic is one refusal.
                contained(|| {
                    let offer = Offer::parse(&offer)?;
                    self.select_webrtc(now, peer, offer, announce)
                })
                .unwrap_or(Err(Refusal::OfferUnusable))
            }
            (MediaCommand::Funnel { streams, .. }, Some(peer)) => {
                if let Some(peer) = self.peers.get_mut(peer) {
                    peer.outbound.funnel(peer.ssrc, streams.min(MOST_STREAMS));
                }
                Ok(())
            }
            (MediaCommand::Update { grants, .. }, Some(peer)) => {
                self.update(peer, grants);
                Ok(())
            }
            (MediaCommand::Priority { on, .. }, Some(peer)) => {
                if let Some(peer) = self.peers.get_mut(peer) {
                    peer.has_priority = on;
                }
                Ok(())
            }
            (MediaCommand::Bitrate { bits, .. }, Some(peer)) => {
                self.set_bitrate(peer, bits);
                Ok(())
            }
            (MediaCommand::Publish { tracks, .. }, Some(peer)) => {
                self.publish(now, peer, tracks);
                Ok(())
            }
            (MediaCommand::Want { wants, .. }, Some(peer)) => {
                self.want(now, peer, wants);
                Ok(())
            }
            (MediaCommand::Leave { .. }, Some(peer)) => {
                self.remove(peer);
                Ok(())
            }
        };
        if let Err(reason) = done {
            self.events.push_back(MediaEvent::Refused { peer: id, reason });
        }
        self.remove_faulty();
    }

    fn join(
        &mut self,
        now: Instant,
        id: PeerId,
        channel: ChannelId,
        (ssrc, grants): (u32, Grants),
        known: Option<PeerKey>,
    ) -> Result<(), Refusal> {
        // A second Join of one name replaces the first.
        if let Some(known) = known {
            self.remove(known);
        }
        let places = &self.config.places;
        let admit = |taken| (taken < places.most).then_some(taken + 1);
        places.taken.fetch_update(Relaxed, Relaxed, admit).map_err(|_| Refusal::Full)?;
        // Who came here from another shard is stood for no more: two numberings under one SSRC would
        // use nonces twice.
        if let Some(stand_in) = self.stand_ins.get(&ssrc).copied() {
            self.remove(stand_in);
        }
        let room = self.room_for(channel);
        let seat = self.rooms[room].next_seat();
        let key = self.peers.insert(Peer::new(now, id, ssrc, grants, (room, seat)));
        self.rooms[room].join(key, grants, true);
        self.tell_count(room);
        self.ids.insert(id, key);
        self.demux.add(Name::Ssrc(ssrc), key);
        self.timers.set_roughly(now + timer::REPORT, Timer::Report(key));
        Ok(())
    }

    /// The room of a channel; a new one if nobody is in it.
    pub(super) fn room_for(&mut self, channel: ChannelId) -> usize {
        let config = &self.config;
        let home = home_of(channel, usize::from(config.shards)) as u16;
        let home = (config.shards > 1 && home != config.index).then_some(home);
        *self.room_of.entry(channel).or_insert_with(|| {
            self.rooms_away += u64::from(home.is_some());
            self.rooms.insert(Room::new(channel, home))
        })
    }

    /// Ends a room that nobody is in.
    pub(super) fn close_if_empty(&mut self, room: usize) {
        if !self.rooms.get(room).is_some_and(Room::is_empty) {
            return;
        }
        self.dismiss(room, None);
        let room = self.rooms.remove(room);
        self.room_of.remove(&room.channel);
        self.rooms_away -= u64::from(room.home.is_some());
    }

    fn select_udp(&mut self, now: Instant, key: PeerKey, mode: EncryptionMode, secret: SessionKey) {
        self.forget_session(key);
        let Some(peer) = self.peers.get_mut(key) else { return };
        if let Transport::Udp(udp) = &peer.transport
            && udp.is_same(mode, &secret)
        {
            return;
        }
        peer.path.renew();
        peer.transport = Transport::Udp(UdpTransport::new(mode, secret));
        peer.activity.alive = now;
    }

    fn select_webrtc(
        &mut self,
        now: Instant,
        key: PeerKey,
        offer: Offer,
        announce: std::net::SocketAddr,
    ) -> Result<(), Refusal> {
        let peer = self.peers.get_mut(key).ok_or(Refusal::UnknownPeer)?;
        let id = peer.id;
        if let Transport::WebRtc(webrtc) = &mut peer.transport
            && let Some(changed) = webrtc.renegotiate(&offer, announce)
        {
            if changed {
                // What was sent in the former way must not be sent again in another.
                peer.outbound.renewals = peer.outbound.renewals.wrapping_add(1);
                self.renew_sights(now, key);
            }
            let Some(peer) = self.peers.get(key) else { return Ok(()) };
            let Transport::WebRtc(webrtc) = &peer.transport else { return Ok(()) };
            let sdp = webrtc.answer_text().to_owned();
            self.events.push_back(MediaEvent::Answer { peer: id, sdp });
            return Ok(());
        }
        if let Transport::WebRtc(webrtc) = &mut peer.transport
            && webrtc.can_restart(&offer, announce)
        {
            let (changed, gone) = webrtc.restart(offer)?;
            let ufrag = Name::Ufrag(webrtc.ufrag().into());
            let sdp = webrtc.answer_text().to_owned();
            peer.path.restart();
            if changed {
                peer.outbound.renewals = peer.outbound.renewals.wrapping_add(1);
                self.renew_sights(now, key);
            }
            if let Some(gone) = gone {
                self.demux.remove(Name::Ufrag(gone.into()), key);
            }
            self.demux.add(ufrag, key);
            self.events.push_back(MediaEvent::Answer { peer: id, sdp });
            return Ok(());
        }
        let bitrate = peer.bitrate;
        let from = (self.config.index, &self.config.identity);
        let webrtc = WebRtcTransport::answer(now, from, (offer, bitrate), announce)?;
        self.forget_session(key);
        let sdp = webrtc.answer_text().to_owned();
        let ufrag = webrtc.ufrag().into();
        let peer = self.peers.get_mut(key).ok_or(Refusal::UnknownPeer)?;
        // What was proven belongs to the transport before.
        peer.activity.drive_at = None;
        peer.path.aim = None;
        peer.path.proven = false;
        peer.path.renew();
        peer.activity.alive = now;
        peer.activity.heard = None;
        peer.transport = Transport::WebRtc(Box::new(webrtc));
        self.expect_life(now, key);
        self.demux.add(Name::Ufrag(ufrag), key);
        self.restart_video(now, key);
        self.events.push_back(MediaEvent::Answer { peer: id, sdp });
        Ok(())
    }

    /// The peer is to send so many bits of audio a second. A browser reads it in the next answer.
    fn set_bitrate(&mut self, key: PeerKey, bits: u32) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        (peer.bitrate, peer.audio_bytes) = (bits, audio_bytes(bits));
        if let Transport::WebRtc(webrtc) = &mut peer.transport {
            webrtc.set_bitrate(bits);
        }
    }

    /// From now on silence means that the peer is gone.
    pub(super) fn expect_life(&mut self, now: Instant, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        if !peer.activity.expects_life {
            peer.activity.expects_life = true;
            self.timers.set_roughly(now + self.config.idle_timeout, Timer::Idle(key));
        }
    }

    fn update(&mut self, key: PeerKey, grants: Grants) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let before = std::mem::replace(&mut peer.grants, grants);
        if grants.speak && !before.speak {
            peer.resumptions = peer.resumptions.wrapping_add(1);
        }
        if grants.hear && !before.hear {
            peer.outbound.renewals = peer.outbound.renewals.wrapping_add(1);
        }
        if !grants.speak && std::mem::take(&mut peer.activity.speaking) {
            self.events.push_back(MediaEvent::Speaking { peer: peer.id, speaking: false });
        }
        if let Some(room) = self.rooms.get_mut(peer.room) {
            room.update(peer.seat, grants);
        }
        if peer.is_known_afar && before.speak != grants.speak {
            self.tell_of(key);
        }
    }

    /// Takes back the names of a WebRTC session that another transport replaces.
    fn forget_session(&mut self, key: PeerKey) {
        let Some(peer) = self.peers.get(key) else { return };
        if let Transport::WebRtc(webrtc) = &peer.transport {
            let ufrag = Name::Ufrag(webrtc.ufrag().into());
            let former = webrtc.former_ufrag().map(|ufrag| Name::Ufrag(ufrag.into()));
            let audio = webrtc.audio_ssrc().map(Name::Learnt);
            self.demux.remove(ufrag, key);
            if let Some(former) = former {
                self.demux.remove(former, key);
            }
            if let Some(audio) = audio {
                self.demux.remove(audio, key);
            }
        }
    }

    /// Ends a peer and says why.
    pub(super) fn end(&mut self, key: PeerKey, reason: LeaveReason) {
        if let Some(peer) = self.remove(key) {
            self.events.push_back(MediaEvent::Left { peer: peer.id, reason });
        }
    }

    /// Takes a peer, or who stands for one, out of its room and every table.
    pub(super) fn remove(&mut self, key: PeerKey) -> Option<Peer> {
        self.forget_session(key);
        self.leave_video(key);
        let mut peer = self.peers.remove(key)?;
        if peer.elsewhere.is_some() {
            self.stand_ins.remove(&peer.ssrc);
        } else {
            self.config.places.taken.fetch_sub(1, Relaxed);
            self.ids.remove(&peer.id);
            self.demux.remove(Name::Ssrc(peer.ssrc), key);
        }
        if let Some(guess) = peer.path.guess {
            self.demux.remove(Name::Guess(guess), key);
        }
        for address in peer.path.take_bound() {
            self.demux.remove(Name::Address(address), key);
        }
        if let Some(room) = self.rooms.get_mut(peer.room) {
            room.leave(peer.seat);
            room.note_showing(key, false);
            // Of the audience nobody has a stream: thousands may leave at once.
            for member in room.members().filter(|_| peer.was_heard) {
                if let Some(member) = self.peers.get_mut(member) {
                    member.outbound.release(peer.seat);
                }
            }
        }
        self.tell_gone(peer.room, &peer);
        if peer.elsewhere.is_none() {
            self.tell_count(peer.room);
            self.close_if_empty(peer.room);
        }
        Some(peer)
    }

    /// Ends the peers whose session panicked. The others never noticed.
    pub(super) fn remove_faulty(&mut self) {
        while let Some(key) = self.faulty.pop() {
            self.end(key, LeaveReason::Fault);
        }
    }
}
