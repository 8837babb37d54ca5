//! One track as one viewer sees it: a seamless stream, whatever layer it is made of.
//!
//! Layers change at keyframes only, and the numbers go on: of packets, of time, of pictures. A number
//! of one SSRC never names two packets, so no nonce is used twice. HOT: no allocation.

use std::time::Duration;
use std::time::Instant;

use crate::peer::PeerKey;
use crate::rtp::header::RtpHeader;
use crate::rtp::rtcp::SenderReport;
use crate::rtp::seq::extend;
use crate::video::Track;
use crate::video::codec::Codec;
use crate::video::codec::Counters;
use crate::video::history::KEPT;
use crate::video::meter::Meter;

/// How often a packet is sent again.
const AGAIN: u8 = 4;
/// A viewer that asks again sooner than this asks for what is under way.
const AGAIN_AFTER: Duration = Duration::from_millis(15);

/// One track on its way to one viewer.
#[derive(Debug)]
pub(crate) struct Sight {
    pub(crate) publisher: PeerKey,
    pub(crate) track: Track,
    /// What the viewer sees it under; the number after it is for retransmission.
    pub(crate) ssrc: u32,
    /// What the viewer wants of it, 1 to 100.
    pub(crate) quality: u8,
    /// The layer that it is to get; none while there is no room for any.
    pub(crate) target: Option<u8>,
    pub(crate) meter: Meter,
    piece: Option<Piece>,
    before: Option<Piece>,
    numbers: Numbers,
    /// When each of the last packets was sent, by the low bits of its number.
    sent: Box<[Sent; KEPT]>,
    timestamp: u32,
    clock: u32,
    sent_at: Option<Instant>,
    picture: u16,
    base: u8,
    packets: u32,
    octets: u32,
}

/// The next numbers of a stream and of its retransmission.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Numbers {
    pub(crate) ssrc: u32,
    next: u64,
    next_rtx: u64,
}

/// An uninterrupted run of one layer.
#[derive(Debug, Clone, Copy)]
struct Piece {
    layer: u8,
    generation: u32,
    codec: Codec,
    source: u64,
    sent: u64,
    timestamp: u32,
    picture: u16,
    base: u8,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sent {
    at: Option<Instant>,
    /// The send time that it carried.
    send_time: u32,
    times: u8,
}

/// A packet of a layer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct From {
    pub(crate) layer: u8,
    pub(crate) generation: u32,
    pub(crate) codec: Codec,
    pub(crate) seq: u64,
    pub(crate) begins_keyframe: bool,
}

/// How a packet looks to a viewer; its payload type is still to be filled in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shaped {
    pub(crate) header: RtpHeader,
    pub(crate) index: u64,
    pub(crate) counters: Option<(Counters, u16, u8)>,
    pub(crate) send_time: u32,
}

/// A packet that a viewer misses: where to find it, and how it looked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recalled {
    pub(crate) layer: u8,
    pub(crate) generation: u32,
    pub(crate) codec: Codec,
    pub(crate) source: u64,
    pub(crate) index: u64,
    /// The send time that it carried, if it was sent.
    pub(crate) send_time: Option<u32>,
    piece: Piece,
}

impl Shaped {
    /// Appends the payload with its counters changed.
    pub(crate) fn write(&self, payload: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(payload);
        if let Some((counters, picture, base)) = self.counters {
            counters.write(picture, base, &mut out[start..]);
        }
    }
}

impl Numbers {
    /// The numbers of a stream that begins. Below 2^15 a viewer cannot mistake the roll-over counter
    /// even when the first packets are lost (RFC 3711 §3.3.1).
    pub(crate) fn beginning(ssrc: u32) -> Self {
        let first = u64::from(ssrc & 0x3FFF);
        Self { ssrc, next: first, next_rtx: first }
    }
}

impl Sight {
    pub(crate) fn new(publisher: PeerKey, track: Track, quality: u8, numbers: Numbers) -> Self {
        Self {
            publisher,
            track,
            ssrc: numbers.ssrc,
            quality,
            target: None,
            meter: Meter::default(),
            piece: None,
            before: None,
            numbers,
            sent: Box::new([Sent::default(); KEPT]),
            timestamp: numbers.ssrc,
            clock: 90_000,
            sent_at: None,
            picture: numbers.ssrc as u16 & 0x3FFF,
            base: numbers.ssrc as u8,
            packets: 0,
            octets: 0,
        }
    }

    /// Its numbers, for the time when the viewer wants it again.
    pub(crate) fn numbers(&self) -> Numbers {
        self.numbers
    }

    /// The layer that it is made of at present.
    pub(crate) fn layer(&self) -> Option<u8> {
        self.piece.map(|piece| piece.layer)
    }

    /// Shows nothing until another keyframe.
    pub(crate) fn pause(&mut self) {
        self.before = self.piece.take().or(self.before);
    }

    /// Forgets what was sent, because packets are formed in another way from now on.
    pub(crate) fn renew(&mut self) {
        (self.piece, self.before) = (None, None);
    }

    /// Whether a packet of this layer is of use. The first of a keyframe of the layer that it is to
    /// get begins a piece.
    pub(crate) fn takes(
        &mut self,
        now: Instant,
        from: &From,
        source: &RtpHeader,
        payload: &[u8],
    ) -> bool {
        let is_current = |piece: &Piece| {
            piece.layer == from.layer
                && piece.generation == from.generation
                && piece.codec == from.codec
        };
        if self.piece.as_ref().is_some_and(is_current) {
            // Paused: what is on the screen stays there.
            return self.target.is_some();
        }
        let begins = self.target == Some(from.layer) && from.begins_keyframe;
        if begins {
            self.begin(now, from, source, payload);
        }
        begins
    }

    fn begin(&mut self, now: Instant, from: &From, source: &RtpHeader, payload: &[u8]) {
        self.clock = from.codec.clock();
        let elapsed = self.sent_at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        let units = (elapsed.as_micros() * u128::from(self.clock) / 1_000_000) as u32;
        // One frame at least: of two frames at one time, one would be thrown away.
        let timestamp = self.timestamp.wrapping_add(units.max(self.clock / 60));
        let counters = from.codec.counters(payload);
        let (picture, base) =
            counters.map_or((0, 0), |counters| (counters.picture, counters.base.unwrap_or(0)));
        self.before = self
            .piece
            .replace(Piece {
                layer: from.layer,
                generation: from.generation,
                codec: from.codec,
                source: from.seq,
                sent: self.numbers.next,
                timestamp: timestamp.wrapping_sub(source.timestamp),
                picture: self.picture.wrapping_add(1).wrapping_sub(picture),
                base: self.base.wrapping_add(1).wrapping_sub(base),
            })
            .or(self.before);
    }

    /// How the packet looks to the viewer. None when it is from before the present piece.
    pub(crate) fn shape(
        &mut self,
        now: Instant,
        seq: u64,
        source: &RtpHeader,
        payload: &[u8],
        send_time: u32,
    ) -> Option<Shaped> {
        let piece = self.piece?;
        let index = piece.sent + seq.checked_sub(piece.source)?;
        // What is jumped over was not sent, and must not be taken for what was.
        for skipped in (self.numbers.next..index).rev().take(KEPT) {
            self.sent[skipped as usize % KEPT] = Sent::default();
        }
        if index + (KEPT as u64) < self.numbers.next {
            return None;
        }
        self.numbers.next = self.numbers.next.max(index + 1);
        self.sent[index as usize % KEPT] = Sent { at: Some(now), send_time, times: 0 };
        self.sent_at = Some(now);
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(payload.len() as u32);
        self.meter.add(now, payload.len());
        let shaped =
            piece.shape(self.ssrc, index, (source.timestamp, source.marker), payload, send_time);
        if shaped.header.timestamp.wrapping_sub(self.timestamp) as i32 > 0 {
            self.timestamp = shaped.header.timestamp;
        }
        if let Some((_, picture, base)) = shaped.counters {
            // Their highest, in the 15 and 8 bits that they have.
            if (picture.wrapping_sub(self.picture) << 1) as i16 > 0 {
                self.picture = picture;
            }
            if base.wrapping_sub(self.base) as i8 > 0 {
                self.base = base;
            }
        }
        Some(shaped)
    }

    /// What was to be sent under the number whose low bits these are, to send it once more.
    pub(crate) fn recall(&mut self, now: Instant, low: u16) -> Option<Recalled> {
        let index = extend(self.numbers.next.checked_sub(1)?, low)?;
        if index >= self.numbers.next || index + (KEPT as u64) < self.numbers.next {
            return None;
        }
        let pieces = [self.piece, self.before];
        let piece = pieces.into_iter().flatten().find(|piece| index >= piece.sent)?;
        let sent = &mut self.sent[index as usize % KEPT];
        if sent.times >= AGAIN || sent.at.is_some_and(|at| at + AGAIN_AFTER > now) {
            return None;
        }
        let send_time = sent.at.map(|_| sent.send_time);
        sent.at = Some(now);
        sent.times += 1;
        Some(Recalled {
            layer: piece.layer,
            generation: piece.generation,
            codec: piece.codec,
            source: piece.source + (index - piece.sent),
            index,
            send_time,
            piece,
        })
    }

    /// How a recalled packet looks: as it looked the first time.
    pub(crate) fn shape_again(
        &mut self,
        recalled: &Recalled,
        source: (u32, bool),
        payload: &[u8],
        send_time: u32,
    ) -> Shaped {
        self.sent[recalled.index as usize % KEPT].send_time = send_time;
        recalled.piece.shape(self.ssrc, recalled.index, source, payload, send_time)
    }

    /// The next number of the retransmission stream.
    pub(crate) fn next_rtx(&mut self) -> u64 {
        let next = self.numbers.next_rtx;
        self.numbers.next_rtx += 1;
        next
    }

    /// The sender report of this moment. None while nothing is sent.
    pub(crate) fn report(&self, now: Instant, ntp: u64) -> Option<SenderReport> {
        let elapsed = now.saturating_duration_since(self.sent_at?);
        if elapsed > REPORTED_AFTER {
            return None;
        }
        let units = elapsed.as_micros() * u128::from(self.clock) / 1_000_000;
        Some(SenderReport {
            ssrc: self.ssrc,
            ntp,
            rtp_timestamp: self.timestamp.wrapping_add(units as u32),
            packets: self.packets,
            octets: self.octets,
        })
    }
}

/// How long after its last packet a stream is reported on.
const REPORTED_AFTER: Duration = Duration::from_secs(10);

impl Piece {
    fn shape(
        &self,
        ssrc: u32,
        index: u64,
        (timestamp, marker): (u32, bool),
        payload: &[u8],
        send_time: u32,
    ) -> Shaped {
        let counters = self.codec.counters(payload).map(|counters| {
            let picture = counters.picture.wrapping_add(self.picture) & 0x7FFF;
            (counters, picture, counters.base.unwrap_or(0).wrapping_add(self.base))
        });
        let header = RtpHeader {
            marker,
            payload_type: 0,
            sequence: index as u16,
            timestamp: timestamp.wrapping_add(self.timestamp),
            ssrc,
        };
        Shaped { header, index, counters, send_time }
    }
}

#[cfg(test)]
mod tests {
    use model::media::Grants;
    use model::media::PeerId;
    use proptest::prelude::*;

    use super::*;
    use crate::peer::Peer;
    use crate::peer::Peers;

    fn sight(now: Instant) -> Sight {
        let grants = Grants { speak: true, hear: true };
        let key = Peers::default().insert(Peer::new(now, PeerId(1), 1, grants, (0, 0)));
        let mut sight = Sight::new(key, Track::Camera, 100, Numbers::beginning(33));
        sight.target = Some(0);
        sight
    }

    fn packet(seq: u64, layer: u8, key: bool) -> (From, RtpHeader) {
        let codec = Codec::Vp8;
        let from = From { layer, generation: u32::from(layer), codec, seq, begins_keyframe: key };
        let header = RtpHeader {
            marker: false,
            payload_type: 96,
            sequence: seq as u16,
            timestamp: 1_000_000 * u32::from(layer) + seq as u32 * 3_000,
            ssrc: 1,
        };
        (from, header)
    }

    /// S, X; I, L; a picture number of 15 bits, a base number, a keyframe's or another's first byte.
    fn vp8(picture: u16, base: u8, key: bool) -> [u8; 6] {
        let [high, low] = (0x8000 | picture).to_be_bytes();
        [0x90, 0xC0, high, low, base, u8::from(!key)]
    }

    fn send(
        sight: &mut Sight,
        now: Instant,
        seq: u64,
        layer: u8,
        payload: &[u8],
    ) -> Option<Shaped> {
        let (from, header) = packet(seq, layer, Codec::Vp8.begins_keyframe(payload));
        if !sight.takes(now, &from, &header, payload) {
            return None;
        }
        sight.shape(now, seq, &header, payload, 0)
    }

    #[test]
    fn nothing_is_shown_before_a_keyframe() {
        let now = Instant::now();
        let mut sight = sight(now);

        assert!(send(&mut sight, now, 70_000, 0, &vp8(5, 5, false)).is_none());
        assert!(send(&mut sight, now, 70_001, 0, &vp8(6, 6, true)).is_some());
        assert!(send(&mut sight, now, 70_002, 0, &vp8(7, 7, false)).is_some());
    }

    #[test]
    fn layers_change_at_a_keyframe_and_all_numbers_go_on() {
        let now = Instant::now();
        let mut sight = sight(now);
        let first = send(&mut sight, now, 70_000, 0, &vp8(0x7FFF, 9, true)).expect("begins");
        sight.target = Some(2);

        let low = send(&mut sight, now, 70_001, 0, &vp8(0, 10, false)).expect("goes on meanwhile");
        assert!(send(&mut sight, now, 99, 2, &vp8(500, 77, false)).is_none());
        let later = now + Duration::from_millis(33);
        let high = send(&mut sight, later, 100, 2, &vp8(501, 78, true)).expect("switches");
        assert!(send(&mut sight, later, 70_002, 0, &vp8(1, 11, false)).is_none(), "no more of it");

        assert_eq!(low.index, first.index + 1);
        assert_eq!(high.index, first.index + 2);
        let pictures = [first, low, high].map(|shaped| shaped.counters.expect("VP8").1);
        assert_eq!(
            [pictures[1], pictures[2]],
            [pictures[0] + 1, pictures[0] + 2].map(|p| p & 0x7FFF)
        );
        let bases = [first, low, high].map(|shaped| shaped.counters.expect("VP8").2);
        assert_eq!([bases[1], bases[2]], [bases[0].wrapping_add(1), bases[0].wrapping_add(2)]);
        let passed = high.header.timestamp.wrapping_sub(low.header.timestamp);
        assert_eq!(passed, 2_970, "33 ms of a clock of 90,000");
    }

    #[test]
    fn a_packet_of_either_side_of_a_change_can_be_sent_again() {
        let now = Instant::now();
        let mut sight = sight(now);
        let old = send(&mut sight, now, 70_000, 0, &vp8(1, 1, true)).expect("begins");
        sight.target = Some(1);
        let new = send(&mut sight, now, 500, 1, &vp8(1, 1, true)).expect("switches");

        let soon = now + Duration::from_millis(5);
        assert!(sight.recall(soon, old.index as u16).is_none(), "it is under way");
        let later = now + Duration::from_millis(50);
        let recalled = sight.recall(later, old.index as u16).expect("kept");
        assert_eq!((recalled.layer, recalled.source), (0, 70_000));
        let recalled = sight.recall(later, new.index as u16).expect("kept");
        assert_eq!((recalled.layer, recalled.source), (1, 500));
        assert!(sight.recall(later, new.index as u16 + 1).is_none(), "never sent");
    }

    #[test]
    fn a_paused_track_sends_nothing_and_begins_again_with_a_keyframe() {
        let now = Instant::now();
        let mut sight = sight(now);
        let before = send(&mut sight, now, 70_000, 0, &vp8(1, 1, true)).expect("begins");
        sight.target = None;
        sight.pause();

        assert!(send(&mut sight, now, 70_001, 0, &vp8(2, 2, true)).is_none());
        sight.target = Some(0);
        assert!(send(&mut sight, now, 70_002, 0, &vp8(3, 3, false)).is_none());
        let after = send(&mut sight, now, 70_003, 0, &vp8(4, 4, true)).expect("begins again");

        assert_eq!(after.index, before.index + 1);
    }

    proptest! {
        #[test]
        fn no_number_is_used_twice(steps in proptest::collection::vec(
            (0u8..3, 0u64..40, any::<bool>(), proptest::option::of(0u8..3)), 1..200,
        )) {
            let now = Instant::now();
            let mut sight = sight(now);
            let mut seen = std::collections::HashSet::new();
            let mut came = std::collections::HashSet::new();
            for (layer, seq, key, target) in steps {
                sight.target = target;
                if target.is_none() {
                    sight.pause();
                }
                // A publisher's packets are accepted once each.
                if !came.insert((layer, seq)) {
                    continue;
                }
                if let Some(shaped) = send(&mut sight, now, seq + 70_000, layer, &vp8(1, 1, key)) {
                    prop_assert!(seen.insert(shaped.index), "{}", shaped.index);
                }
            }
        }
    }
}
