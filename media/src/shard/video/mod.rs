//! The journey of a picture's packet: whose layer it is, whether it is new, and to each viewer of the
//! layer with its own numbers and its own seal.
//!
//! HOT: no allocation, no lock, no log above `trace`. [`wants`] is who is shown what, [`feedback`] what
//! viewers say, [`time`] what happens by time.

mod feedback;
mod time;
mod wants;

use std::time::Instant;

use crate::metrics::DropReason;
use crate::peer::PeerKey;
use crate::rtp::header::RtpHeader;
use crate::rtp::rtcp;
use crate::shard::Shard;
use crate::shard::contained;
use crate::transport::Transport;
use crate::transport::webrtc::WebRtcTransport;
use crate::video::Track;
use crate::video::Video;
use crate::video::VideoPacket;
use crate::video::arrivals::Arrivals;
use crate::video::codec::Codec;
use crate::video::ingest::Place;
use crate::video::sight::From;

impl Shard {
    /// Takes an authentic packet of a track.
    ///
    /// # Errors
    ///
    /// Why it goes no further.
    pub(super) fn take_picture(
        &mut self,
        now: Instant,
        key: PeerKey,
        packet: &VideoPacket<'_>,
    ) -> Result<(), DropReason> {
        let peer = self.peers.get_mut(key).ok_or(DropReason::UnknownSource)?;
        // Taken out for a moment, because publisher and viewers live in one table.
        let mut video = peer.video.take().ok_or(DropReason::NotAnnounced)?;
        let done = self.take_picture_of(now, key, &mut video, packet);
        if let Some(peer) = self.peers.get_mut(key) {
            peer.video = Some(video);
        }
        done
    }

    fn take_picture_of(
        &mut self,
        now: Instant,
        key: PeerKey,
        video: &mut Video,
        packet: &VideoPacket<'_>,
    ) -> Result<(), DropReason> {
        let peer = self.peers.get_mut(key).ok_or(DropReason::UnknownSource)?;
        let Transport::WebRtc(webrtc) = &mut peer.transport else { return Err(DropReason::NoKeys) };
        if !video.rate.admit(now) {
            return Err(DropReason::Policed);
        }
        if let Some(number) = packet.number {
            video.ingest.arrivals.note(now, number, packet.header.ssrc);
            if let Some(to) = peer.path.aim.filter(|_| video.ingest.arrivals.is_due(now)) {
                let (scratch, outbox) = (&mut self.scratch, &mut self.outbox);
                tell_arrivals(now, &mut video.ingest.arrivals, peer.ssrc, scratch, |feedback| {
                    outbox.write(to, |out| webrtc.seal_rtcp(feedback, out));
                });
            }
        }
        let offer = webrtc.video().ok_or(DropReason::ForeignPayloadType)?;
        let (codec, repairs) = match offer.codec(packet.header.payload_type) {
            Some((line, repairs)) => (line.codec, repairs),
            None => (Codec::Opus, false),
        };
        let place = video.ingest.place(offer, packet, repairs).ok_or(DropReason::NotAnnounced)?;
        let is_announced = video.ingest.track(place.track).is_announced;
        if !is_announced || (place.track == Track::Sound) != (codec == Codec::Opus) {
            return Err(DropReason::NotAnnounced);
        }
        if place.track == Track::Sound && !peer.grants.speak {
            return Err(DropReason::Muted);
        }
        let Some((header, payload)) = original(video, place, packet) else { return Ok(()) };
        let Some(from) = note_picture(now, video, (place, codec), &header, payload)? else {
            return Ok(());
        };
        if codec != Codec::Opus
            && let Some(Some(layer)) =
                video.ingest.track_mut(place.track).layers.get_mut(usize::from(place.layer))
            && let Some((first, mask)) = layer.ask_again(now)
            && let Some(to) = peer.path.aim
        {
            self.scratch.clear();
            rtcp::write_nack(peer.ssrc, layer.ssrc, &[(first, mask)], &mut self.scratch);
            let scratch = &self.scratch;
            self.outbox.write(to, |out| webrtc.seal_rtcp(scratch, out));
        }
        self.show(now, key, video, place, &from, &header, payload);
        Ok(())
    }

    /// Takes a packet of a track that another shard took first.
    ///
    /// # Errors
    ///
    /// Why it goes no further.
    pub(super) fn take_passed_picture(
        &mut self,
        now: Instant,
        key: PeerKey,
        (place, codec): (Place, Codec),
        header: &RtpHeader,
        payload: &[u8],
    ) -> Result<(), DropReason> {
        let peer = self.peers.get_mut(key).ok_or(DropReason::UnknownSource)?;
        // Taken out for a moment, because publisher and viewers live in one table.
        let mut video = peer.video.take().ok_or(DropReason::NotAnnounced)?;
        let is_announced = video.ingest.track(place.track).is_announced;
        let noted = match is_announced {
            true => note_picture(now, &mut video, (place, codec), header, payload),
            false => Err(DropReason::NotAnnounced),
        };
        if let Ok(Some(from)) = &noted {
            self.show(now, key, &mut video, place, from, header, payload);
        }
        if let Some(peer) = self.peers.get_mut(key) {
            peer.video = Some(video);
        }
        noted.map(drop)
    }

    /// Sends a packet to everybody who is shown its layer, or is to be.
    #[expect(clippy::too_many_arguments, reason = "one step of the journey, of values all its own")]
    fn show(
        &mut self,
        now: Instant,
        key: PeerKey,
        video: &mut Video,
        place: Place,
        from: &From,
        header: &RtpHeader,
        payload: &[u8],
    ) {
        let Some(peer) = self.peers.get(key) else { return };
        let ssrc = place.track.ssrc(peer.ssrc);
        let track = video.ingest.track_mut(place.track);
        self.pass_picture(key, track, (place, from.codec), header, payload);
        let Some(Some(layer)) = track.layers.get_mut(usize::from(place.layer)) else { return };
        if track.watchers.is_empty() {
            return;
        }
        layer.history.keep(from.seq, header.timestamp, header.marker, payload);
        let highest = layer.highest().unwrap_or(from.seq);
        for viewer in &track.watchers {
            let began = self.show_to(now, *viewer, ssrc, from, header, payload);
            if !began {
                continue;
            }
            // A keyframe's first packet that came late: what follows it is here already.
            for seq in from.seq + 1..=highest {
                let Some(kept) = layer.history.find(seq) else { continue };
                let from = From { seq, begins_keyframe: false, ..*from };
                let header =
                    RtpHeader { timestamp: kept.timestamp, marker: kept.marker, ..*header };
                self.show_to(now, *viewer, ssrc, &from, &header, kept.payload);
            }
        }
    }

    /// Sends a packet to one viewer, if it is of use there. Whether it began a piece.
    fn show_to(
        &mut self,
        now: Instant,
        viewer: PeerKey,
        ssrc: u32,
        from: &From,
        header: &RtpHeader,
        payload: &[u8],
    ) -> bool {
        let Some(peer) = self.peers.get_mut(viewer) else { return false };
        let Transport::WebRtc(webrtc) = &peer.transport else { return false };
        let (Some(to), Some(payload_type)) = (peer.path.aim, payload_type_of(webrtc, from.codec))
        else {
            return false;
        };
        if !webrtc.has_keys() || (from.codec == Codec::Opus && !peer.grants.hear) {
            return false;
        }
        let Some(sight) = peer.video.as_mut().and_then(|video| video.viewing.find(ssrc)) else {
            return false;
        };
        let before = sight.layer();
        if !sight.takes(now, from, header, payload) {
            return false;
        }
        let began = before != sight.layer();
        let send_time = send_time(self.config.wall_clock.ntp_at(now));
        let Some(shaped) = sight.shape(now, from.seq, header, payload, send_time) else {
            self.totals.drop(DropReason::Late);
            return false;
        };
        let header = RtpHeader { payload_type, ..shaped.header };
        let send_time = (from.codec != Codec::Opus).then_some(shaped.send_time);
        let sealed = contained(|| {
            self.outbox.write(to, |out| {
                webrtc.seal_picture(header, shaped.index, send_time, out, |out| {
                    shaped.write(payload, out);
                })
            })
        });
        match sealed {
            Some(true) => peer.packets_sent += 1,
            Some(false) => self.totals.drop(DropReason::NoKeys),
            None => {
                self.totals.drop(DropReason::Fault);
                self.faulty.push(viewer);
            }
        }
        began
    }
}

/// Gives `send` the feedback of all that arrived and was not told yet.
fn tell_arrivals(
    now: Instant,
    arrivals: &mut Arrivals,
    reporter: u32,
    scratch: &mut Vec<u8>,
    mut send: impl FnMut(&[u8]),
) {
    scratch.clear();
    while arrivals.write(now, reporter, scratch) {
        send(scratch);
        scratch.clear();
    }
}

/// Accounts for a packet of a layer: what it is among that layer's. None when there is no such layer.
///
/// # Errors
///
/// [`DropReason::Replay`] for a packet that came before, or too late.
fn note_picture(
    now: Instant,
    video: &mut Video,
    (place, codec): (Place, Codec),
    header: &RtpHeader,
    payload: &[u8],
) -> Result<Option<From>, DropReason> {
    let Some(layer) = video.ingest.layer(now, place, header.ssrc, codec) else { return Ok(None) };
    let seq = layer.accept(now, header).ok_or(DropReason::Replay)?;
    layer.meter.add(now, payload.len());
    if place.repairs {
        layer.note_repaired();
    }
    let begins_keyframe = !payload.is_empty() && codec.begins_keyframe(payload);
    if begins_keyframe && codec != Codec::Opus {
        layer.note_keyframe();
    }
    let (layer, generation) = (place.layer, layer.generation);
    Ok(Some(From { layer, generation, codec, seq, begins_keyframe }))
}

/// The packet that a retransmission holds (RFC 4588 §4), or the packet itself. None for one that holds
/// none, as those that only measure a line.
fn original<'a>(
    video: &Video,
    place: Place,
    packet: &VideoPacket<'a>,
) -> Option<(RtpHeader, &'a [u8])> {
    if !place.repairs {
        return Some((packet.header, packet.payload));
    }
    let (number, payload) = packet.payload.split_first_chunk::<2>()?;
    let ssrc = video.ingest.ssrc_of(place.track, place.layer)?;
    let sequence = u16::from_be_bytes(*number);
    Some((RtpHeader { sequence, ssrc, ..packet.header }, payload))
}

/// A browser's number for a codec.
fn payload_type_of(webrtc: &WebRtcTransport, codec: Codec) -> Option<u8> {
    match codec {
        Codec::Opus => Some(webrtc.opus()),
        codec => webrtc.video()?.line_of(codec).map(|line| line.payload_type),
    }
}

/// A send time: 6 bits of seconds and 18 of their parts, of 64-bit NTP time.
fn send_time(ntp: u64) -> u32 {
    (ntp >> 14) as u32 & 0x00FF_FFFF
}
