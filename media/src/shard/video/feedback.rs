//! What viewers say of pictures: a packet is missing, a picture cannot be decoded, so much arrives.
//! Each makes us do no more than a limit allows (safety: RTCP abuse).

use std::time::Instant;

use crate::peer::PeerKey;
use crate::rtp::header::RtpHeader;
use crate::rtp::rtcp;
use crate::rtp::rtcp::ReportBlock;
use crate::shard::Shard;
use crate::shard::contained;
use crate::shard::video::payload_type_of;
use crate::shard::video::send_time;
use crate::transport::Transport;
use crate::video::Track;
use crate::video::Video;
use crate::video::codec::Codec;

impl Shard {
    /// A viewer needs a keyframe of what it sees under `ssrc`.
    pub(in crate::shard) fn take_picture_loss(&mut self, now: Instant, key: PeerKey, ssrc: u32) {
        let Some(video) = self.peers.get_mut(key).and_then(|peer| peer.video.as_mut()) else {
            return;
        };
        let Some(sight) = video.viewing.find(ssrc) else { return };
        let (publisher, track) = (sight.publisher, sight.track);
        if let Some(layer) = sight.layer().or(sight.target) {
            self.ask_for_keyframe(now, publisher, track, layer);
        }
    }

    /// Asks a publisher for a keyframe of a layer, now or as soon as it may be asked again.
    pub(super) fn ask_for_keyframe(
        &mut self,
        now: Instant,
        publisher: PeerKey,
        track: Track,
        layer: u8,
    ) {
        if track == Track::Sound {
            return;
        }
        let Some(video) = self.peers.get_mut(publisher).and_then(|peer| peer.video.as_mut()) else {
            return;
        };
        let layers = &mut video.ingest.track_mut(track).layers;
        let Some(Some(layer)) = layers.get_mut(usize::from(layer)) else { return };
        if layer.want_keyframe(now) {
            let ssrc = layer.ssrc;
            self.send_picture_loss(publisher, ssrc);
        }
    }

    pub(in crate::shard) fn send_picture_loss(&mut self, publisher: PeerKey, ssrc: u32) {
        let Some(peer) = self.peers.get_mut(publisher) else { return };
        if peer.elsewhere.is_some() {
            return self.pass_picture_loss(publisher, ssrc);
        }
        let (Some(to), Transport::WebRtc(webrtc)) = (peer.path.aim, &mut peer.transport) else {
            return;
        };
        self.scratch.clear();
        rtcp::write_picture_loss(peer.ssrc, ssrc, &mut self.scratch);
        let scratch = &self.scratch;
        self.outbox.write(to, |out| webrtc.seal_rtcp(scratch, out));
    }

    /// A viewer estimates how much can arrive.
    pub(in crate::shard) fn take_estimate(&mut self, now: Instant, key: PeerKey, bits: u64) {
        let Some(video) = self.peers.get_mut(key).and_then(|peer| peer.video.as_mut()) else {
            return;
        };
        let sent = video.viewing.rate(now);
        if sent > 0 {
            video.viewing.budget.take_estimate(now, bits, sent);
        }
    }

    /// A viewer reports how a stream arrives. One of few packets tells nothing of the line.
    pub(in crate::shard) fn take_video_reception(
        &mut self,
        now: Instant,
        key: PeerKey,
        block: &ReportBlock,
    ) {
        let Some(video) = self.peers.get_mut(key).and_then(|peer| peer.video.as_mut()) else {
            return;
        };
        let sent = video.viewing.rate(now);
        let Some(sight) = video.viewing.find(block.ssrc) else { return };
        if sight.track != Track::Sound && sight.meter.rate(now) * 4 >= sent {
            video.viewing.budget.take_loss(now, block.fraction_lost, sent);
        }
    }

    /// Sends a packet again to a viewer who misses it. Whether it is of a picture at all.
    pub(in crate::shard) fn send_picture_again(
        &mut self,
        now: Instant,
        viewer: PeerKey,
        ssrc: u32,
        sequence: u16,
    ) -> bool {
        let Some(peer) = self.peers.get_mut(viewer) else { return false };
        let Some(mut video) = peer.video.take() else { return false };
        let is_picture = video.viewing.find(ssrc).is_some();
        if is_picture
            && video.viewing.may_send_again(now)
            && let Some(bytes) = self.send_kept_picture(now, viewer, &mut video, (ssrc, sequence))
        {
            video.viewing.note_again(now, bytes);
            self.totals.retransmitted += 1;
        }
        if let Some(peer) = self.peers.get_mut(viewer) {
            peer.video = Some(video);
        }
        is_picture
    }

    fn send_kept_picture(
        &mut self,
        now: Instant,
        viewer: PeerKey,
        video: &mut Video,
        (ssrc, sequence): (u32, u16),
    ) -> Option<usize> {
        let sight = video.viewing.find(ssrc)?;
        let recalled = sight.recall(now, sequence)?;
        let publisher = self.peers.get(sight.publisher)?.video.as_ref()?;
        let layer = publisher.ingest.track(sight.track).layers.get(usize::from(recalled.layer))?;
        let layer = layer.as_ref().filter(|layer| {
            layer.generation == recalled.generation && layer.codec == recalled.codec
        })?;
        let kept = layer.history.find(recalled.source)?;
        let peer = self.peers.get(viewer)?;
        let to = peer.path.aim?;
        let Transport::WebRtc(webrtc) = &peer.transport else { return None };
        let time_now = send_time(self.config.wall_clock.ntp_at(now));
        let rtx = webrtc.video()?.line_of(recalled.codec).and_then(|line| line.rtx);
        // Sent again under its own number, it must be the same to the last bit (RFC 7714 §8.1).
        let time = if rtx.is_some() { time_now } else { recalled.send_time.unwrap_or(time_now) };
        let shaped =
            sight.shape_again(&recalled, (kept.timestamp, kept.marker), kept.payload, time);
        let sealed = match rtx {
            Some(payload_type) => {
                let index = sight.next_rtx();
                let header = RtpHeader {
                    payload_type,
                    sequence: index as u16,
                    ssrc: ssrc.wrapping_add(1),
                    ..shaped.header
                };
                let number = shaped.header.sequence.to_be_bytes();
                contained(|| {
                    self.outbox.write(to, |out| {
                        webrtc.seal_picture(header, index, Some(time), out, |out| {
                            out.extend_from_slice(&number);
                            shaped.write(kept.payload, out);
                        })
                    })
                })
            }
            None => {
                let payload_type = payload_type_of(webrtc, recalled.codec)?;
                let header = RtpHeader { payload_type, ..shaped.header };
                let time = (recalled.codec != Codec::Opus).then_some(time);
                contained(|| {
                    self.outbox.write(to, |out| {
                        webrtc.seal_picture(header, shaped.index, time, out, |out| {
                            shaped.write(kept.payload, out);
                        })
                    })
                })
            }
        };
        if sealed.is_none() {
            self.faulty.push(viewer);
        }
        sealed?.then_some(kept.payload.len())
    }
}
