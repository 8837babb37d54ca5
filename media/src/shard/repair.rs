//! What is done about lost packets: older frames carried along, those that others carried taken out,
//! packets sent again, and asked for again.
//!
//! All of it works on whole payloads: what is end-to-end encrypted stays so.

use std::time::Duration;
use std::time::Instant;

use crate::peer::PeerKey;
use crate::rtp::header::RtpHeader;
use crate::rtp::red::Redundancy;
use crate::rtp::rtcp;
use crate::shard::Shard;
use crate::shard::contained;
use crate::stream::history::History;
use crate::stream::inbound::Accepted;
use crate::stream::outbound::Carried;
use crate::stream::outbound::OutboundStream;
use crate::stream::outbound::Piece;
use crate::transport::Outgoing;
use crate::transport::RtpPacket;
use crate::transport::Transport;

/// A listener farther away than this is sent nothing again: it would come after its turn, since
/// jitter buffers of browsers are seldom longer.
const AGAIN_WITHIN: Duration = Duration::from_millis(300);
/// Lost packets that one compound may name; more would only cost time.
pub(super) const MISSING: usize = 64;

/// The frames before `seq` that go along with it, at most `depth`, and which they are. Never one from
/// before the listener's present piece: it was not meant for it. HOT.
pub(super) fn redundancy<'a>(
    history: &'a History,
    stream: &OutboundStream,
    piece: Piece,
    (seq, timestamp): (u64, u32),
    depth: usize,
) -> (Redundancy<'a>, Carried) {
    let (mut redundancy, mut carried) = (Redundancy::default(), Carried::default());
    for distance in (1..=depth).rev() {
        let Some(older) = seq.checked_sub(distance as u64) else { continue };
        if stream.continues(piece, older)
            && let Some(kept) = history.find(piece.source, older)
            && redundancy.add(timestamp.wrapping_sub(kept.timestamp), kept.payload)
        {
            carried.add(distance);
        }
    }
    (redundancy, carried)
}

/// After how many packets a browser is asked again: after half its round trip, in its usual frames.
fn pace(round_trip: Option<Duration>) -> u64 {
    const FRAME_MS: u128 = 20;
    round_trip.map_or(PACE, |time| (time.as_millis() / 2).div_ceil(FRAME_MS) as u64).clamp(2, 12)
}

/// The pace while nothing is known of the way, as for one of 160 ms there and back.
const PACE: u64 = 4;

impl Shard {
    /// Forwards the frames that a packet carried along and that were missing, oldest first.
    pub(super) fn recover(
        &mut self,
        now: Instant,
        key: PeerKey,
        packet: &RtpPacket<'_>,
        carrier: Accepted,
    ) {
        let Some(older) = packet.older else { return };
        let count = older.len();
        // RFC 2198 tells times and no numbers. Browsers carry the packets just before; where the times
        // are not evenly spaced, it may be others, and guessing would garble the order.
        let Some(step) = older.blocks().last().map(|nearest| nearest.offset) else { return };
        for (at, block) in older.blocks().enumerate() {
            let distance = (count - at) as u32;
            let Some(peer) = self.peers.get_mut(key) else { return };
            let is_opus = matches!(&peer.transport, Transport::WebRtc(webrtc)
                if webrtc.opus() == block.payload_type);
            // Opus frames are 2.5 to 120 ms long (RFC 6716 §2.1.4).
            let plausible = (120..=5_760).contains(&step) && block.offset == step * distance;
            if !is_opus || !plausible || block.payload.is_empty() {
                continue;
            }
            let Some(accepted) = peer.inbound.recover(carrier.seq, u64::from(distance)) else {
                continue;
            };
            if !peer.audio_rate.admit(now) {
                return;
            }
            self.totals.recovered += 1;
            let header = RtpHeader {
                marker: false,
                sequence: accepted.seq as u16,
                timestamp: packet.header.timestamp.wrapping_sub(block.offset),
                ..packet.header
            };
            let frame = RtpPacket {
                header,
                payload: block.payload,
                level: packet.level,
                older: None,
                newest: false,
            };
            // Why it goes no further is counted with the packet that carried it.
            let _ = self.forward(now, key, &frame, accepted);
        }
    }

    /// Asks a browser for the packets that are missing, if it sends again what it is asked for.
    pub(super) fn ask_again(&mut self, key: PeerKey, before: Option<u64>, accepted: Accepted) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let Transport::WebRtc(webrtc) = &mut peer.transport else { return };
        let (Some(ssrc), Some(to)) = (webrtc.audio_ssrc(), peer.path.aim) else { return };
        if !webrtc.answers_nack() {
            return;
        }
        let every = pace(peer.quality.round_trip());
        let asked = peer.inbound.missing(before, accepted, every);
        if asked.entries().is_empty() {
            return;
        }
        self.scratch.clear();
        rtcp::write_nack(peer.ssrc, ssrc, asked.entries(), &mut self.scratch);
        let scratch = &self.scratch;
        self.outbox.write(to, |out| webrtc.seal_rtcp(scratch, out));
    }

    /// Sends a packet again to a listener who misses it: the very same to the last bit.
    pub(super) fn send_again(&mut self, now: Instant, listener: PeerKey, ssrc: u32, sequence: u16) {
        let Some(key) = self.heard_under(listener, ssrc) else { return };
        let Some(speaker) = self.peers.get_mut(key) else { return };
        if !speaker.grants.speak {
            return;
        }
        let seat = speaker.seat;
        // Taken out for a moment, because speaker and listener live in one table.
        let history = std::mem::take(&mut speaker.history);
        if self.send_kept(now, &history, listener, (seat, ssrc, sequence)).is_some() {
            self.totals.retransmitted += 1;
        }
        if let Some(speaker) = self.peers.get_mut(key) {
            speaker.history = history;
        }
    }

    /// Who a listener hears under an SSRC.
    fn heard_under(&self, listener: PeerKey, ssrc: u32) -> Option<PeerKey> {
        let listener = self.peers.get(listener)?;
        match listener.outbound.funnelled(ssrc) {
            Some(seat) => self.rooms.get(listener.room)?.peer_on(seat),
            None => self.heard_as(ssrc),
        }
    }

    fn send_kept(
        &mut self,
        now: Instant,
        history: &History,
        listener: PeerKey,
        (seat, ssrc, sequence): (usize, u32, u16),
    ) -> Option<()> {
        let peer = self.peers.get_mut(listener)?;
        let in_time = peer.quality.round_trip().is_none_or(|time| time <= AGAIN_WITHIN);
        let to = peer.path.aim.filter(|_| peer.grants.hear)?;
        let stream = peer.outbound.find(seat, ssrc)?;
        let recalled = stream.recall(sequence)?;
        if recalled.times == 1 {
            peer.quality.note_asked();
        }
        if !in_time {
            return None;
        }
        let (piece, seq) = recalled.source;
        let kept = history.find(piece, seq)?;
        let mut redundancy = Redundancy::default();
        for distance in recalled.carried.distances() {
            let older = history.find(piece, seq.checked_sub(distance as u64)?)?;
            if !redundancy.add(kept.timestamp.wrapping_sub(older.timestamp), older.payload) {
                return None;
            }
        }
        let header = RtpHeader {
            marker: recalled.marker,
            payload_type: 0,
            sequence: recalled.index as u16,
            timestamp: stream.timestamp(kept.timestamp),
            ssrc: recalled.ssrc,
        };
        let (index, level, payload) = (recalled.index, kept.level, kept.payload);
        let outgoing = Outgoing { header, index, level, payload, redundancy };
        if !peer.again_rate.admit(now) {
            return None;
        }
        let transport = &mut peer.transport;
        let sealed = contained(|| self.outbox.write(to, |out| transport.seal(&outgoing, out)));
        let Some(sent) = sealed else {
            self.faulty.push(listener);
            return None;
        };
        sent.then_some(())
    }
}
