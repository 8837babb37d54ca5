//! One speaker as one listener receives it: its numbering, its clock, its counters.
//!
//! HOT: no allocation.

use std::time::Duration;
use std::time::Instant;

use crate::opus;
use crate::rtp::header::RtpHeader;
use crate::rtp::red::DEPTH;
use crate::rtp::rtcp::ReportBlock;
use crate::rtp::rtcp::SenderReport;
use crate::stream::history::KEPT;
use crate::stream::quality::Reception;
use crate::stream::quality::Reported;
use crate::stream::rewrite::SeqRewriter;
use crate::stream::rewrite::TimestampRewriter;

/// Names the uninterrupted piece of audio that a packet belongs to. It changes when the speaker
/// restarts, is unmuted or chosen again, and when the listener is undeafened; numbering then goes on seamlessly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Restarts of the inbound stream.
    pub(crate) source: u32,
    /// Unmutes of the speaker, and its returns among the chosen of a large room.
    pub(crate) speaker: u32,
    /// Undeafens of the listener, and changes of how its packets are formed.
    pub(crate) listener: u32,
}

/// One SSRC sent to a peer.
#[derive(Debug, Clone)]
pub(crate) struct OutboundStream {
    ssrc: u32,
    seq: SeqRewriter,
    timestamp: TimestampRewriter,
    piece: Option<Piece>,
    sent_at: Option<Instant>,
    packets: u32,
    octets: u32,
    reported: Option<Reported>,
    /// How each of the last packets was sent, by the low bits of its index.
    shapes: [Shape; KEPT],
}

impl OutboundStream {
    /// A stream that the listener will see under `ssrc`.
    pub(crate) fn new(ssrc: u32) -> Self {
        // Any start below 2^15 will do (RFC 3711 §3.3.1); the SSRC is as good as a random one.
        let first = (ssrc & 0x3FFF) as u16;
        Self {
            ssrc,
            seq: SeqRewriter::starting_at(first),
            timestamp: TimestampRewriter::default(),
            piece: None,
            sent_at: None,
            packets: 0,
            octets: 0,
            reported: None,
            shapes: [Shape::default(); KEPT],
        }
    }

    /// Reads of it what its next packet will: see `Peer::glance`. HOT.
    pub(crate) fn glance(&self) -> u32 {
        let next = self.seq.next();
        let shape = self.shapes[next as usize % KEPT];
        self.ssrc ^ self.packets ^ next as u32 ^ u32::from(shape.marker())
    }

    /// The SSRC that the listener sees.
    pub(crate) fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The header of a packet for this listener with payload type 0, and its packet index. `carried`
    /// says which older frames go along. None when the packet is older than what the listener got as
    /// the start of this piece.
    pub(crate) fn rewrite(
        &mut self,
        now: Instant,
        piece: Piece,
        seq: u64,
        source: &RtpHeader,
        (length, carried): (usize, Carried),
    ) -> Option<(RtpHeader, u64)> {
        let switched = self.piece != Some(piece);
        if switched {
            let elapsed =
                self.sent_at.map_or_else(Default::default, |at| now.saturating_duration_since(at));
            self.seq.switch_source(seq);
            self.timestamp.switch_source(source.timestamp, elapsed);
            self.piece = Some(piece);
            self.shapes = [Shape::default(); KEPT];
        }
        let next = self.seq.next();
        let index = self.seq.rewrite(seq)?;
        let header = RtpHeader {
            // A listener's jitter buffer may adapt where a talkspurt begins (RFC 3551 §4.1).
            marker: source.marker || switched,
            payload_type: 0,
            sequence: index as u16,
            timestamp: self.timestamp.rewrite(source.timestamp),
            ssrc: self.ssrc,
        };
        // What was not sent between the last one and this has no shape.
        for skipped in (next..index).rev().take(KEPT) {
            self.shapes[skipped as usize % KEPT] = Shape::default();
        }
        if index + KEPT as u64 > self.seq.next() {
            self.shapes[index as usize % KEPT] = Shape::new(header.marker, carried);
        }
        self.sent_at = Some(now);
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(length as u32);
        Some((header, index))
    }

    /// Its speaker left: whatever comes is of another piece, even if it is named alike.
    pub(crate) fn end_piece(&mut self) {
        self.piece = None;
    }

    /// Whether the packet `seq` of its speaker belongs to what this listener gets at present: it is
    /// of the piece that was sent last, and not from before its start.
    pub(crate) fn continues(&self, piece: Piece, seq: u64) -> bool {
        self.piece == Some(piece) && self.seq.has_begun_by(seq)
    }

    /// What was sent under the sequence number `low`, to send the very same once more. None when it
    /// is not known any more, never was, or was sent again often enough.
    pub(crate) fn recall(&mut self, low: u16) -> Option<Recalled> {
        let piece = self.piece?;
        let (index, seq) = self.seq.recall(low)?;
        if index + (KEPT as u64) < self.seq.next() {
            return None;
        }
        let shape = self.shapes.get_mut(index as usize % KEPT)?;
        if !shape.again() {
            return None;
        }
        let (marker, carried, times) = (shape.marker(), shape.carried(), shape.times());
        let source = (piece.source, seq);
        Some(Recalled { ssrc: self.ssrc, index, source, marker, carried, times })
    }

    /// The timestamp that a packet of the current piece has for this listener.
    pub(crate) fn timestamp(&self, source: u32) -> u32 {
        self.timestamp.of(source)
    }

    /// Adds what the listener says of this stream.
    pub(crate) fn take_reception(
        &mut self,
        block: &ReportBlock,
        middle_now: u32,
        reception: &mut Reception,
    ) {
        reception.add(block, &mut self.reported, self.packets, middle_now);
    }

    /// The sender report of this moment. None when nothing was sent for [`REPORTED_AFTER`]: who is
    /// no sender reports nothing (RFC 3550 §6.4), and a stage has thousands who once spoke.
    pub(crate) fn report(&self, now: Instant, ntp: u64) -> Option<SenderReport> {
        let elapsed = now.saturating_duration_since(self.sent_at?);
        if elapsed > REPORTED_AFTER {
            return None;
        }
        let elapsed = elapsed.as_micros();
        let units = elapsed * u128::from(opus::CLOCK_RATE) / 1_000_000;
        Some(SenderReport {
            ssrc: self.ssrc,
            ntp,
            rtp_timestamp: self.timestamp.last().wrapping_add(units as u32),
            packets: self.packets,
            octets: self.octets,
        })
    }
}

/// Which older frames go along with a packet: bit `n` stands for the one `n + 1` packets before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Carried(u8);

impl Carried {
    /// Adds the frame `distance` packets before, 1 to [`DEPTH`].
    pub(crate) fn add(&mut self, distance: usize) {
        self.0 |= 1 << (distance - 1);
    }

    /// The distances, farthest first: that is oldest first.
    pub(crate) fn distances(self) -> impl Iterator<Item = usize> {
        (1..=DEPTH).rev().filter(move |distance| self.0 & (1 << (distance - 1)) != 0)
    }
}

/// How a packet was sent. Sent again, it must be the same to the last bit: under its number another
/// plaintext would break the cipher (RFC 3711 §9.1, RFC 7714 §8.1). Zero for one that was not sent.
///
/// Bits 0-2 are [`Carried`], 3-4 count how often it was sent again, 6 is the marker, 7 is set.
#[derive(Debug, Clone, Copy, Default)]
struct Shape(u8);

const SENT: u8 = 0x80;
const MARKER: u8 = 0x40;
const AGAIN: u8 = 0x08;
/// How often a packet is sent again: where much is lost, the second one is lost as well.
const AGAIN_MOST: u8 = 2;

impl Shape {
    fn new(marker: bool, carried: Carried) -> Self {
        Self(SENT | if marker { MARKER } else { 0 } | carried.0)
    }

    fn marker(self) -> bool {
        self.0 & MARKER != 0
    }

    fn carried(self) -> Carried {
        Carried(self.0 & 0x07)
    }

    fn times(self) -> u8 {
        (self.0 / AGAIN) & 0x03
    }

    /// Counts another sending. False when there were enough, or none at all.
    fn again(&mut self) -> bool {
        let may = self.0 & SENT != 0 && self.times() < AGAIN_MOST;
        if may {
            self.0 += AGAIN;
        }
        may
    }
}

/// A packet that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Recalled {
    pub(crate) ssrc: u32,
    pub(crate) index: u64,
    /// The piece and the sequence number that its speaker sent it under.
    pub(crate) source: (u32, u64),
    pub(crate) marker: bool,
    pub(crate) carried: Carried,
    /// How often it is sent again, with this time.
    pub(crate) times: u8,
}

/// How long after its last packet a stream is reported on: two reports, as RFC 3550 §6.4 has it.
const REPORTED_AFTER: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    const PIECE: Piece = Piece { source: 0, speaker: 0, listener: 0 };

    fn packet(timestamp: u32) -> RtpHeader {
        RtpHeader { marker: false, payload_type: 120, sequence: 0, timestamp, ssrc: 9 }
    }

    #[test]
    fn ten_seconds_of_dtx_silence_keep_numbers_and_clock_continuous() {
        let start = Instant::now();
        let mut stream = OutboundStream::new(5);
        let (before, _) = stream
            .rewrite(start, PIECE, 100, &packet(1_000), (80, Carried::default()))
            .expect("first");

        let later = start + Duration::from_secs(10);
        let (after, _) = stream
            .rewrite(later, PIECE, 101, &packet(1_000 + 480_000), (80, Carried::default()))
            .expect("next");

        assert_eq!(after.sequence, before.sequence + 1);
        assert_eq!(after.timestamp.wrapping_sub(before.timestamp), 480_000);
    }

    #[test]
    fn what_was_sent_is_recalled_as_it_was_twice_and_what_was_not_never() {
        let now = Instant::now();
        let mut stream = OutboundStream::new(5);
        let mut carried = Carried::default();
        carried.add(1);
        carried.add(3);
        let first = stream.rewrite(now, PIECE, 100, &packet(0), (80, Carried::default()));
        let (_, first) = first.expect("first");
        stream.rewrite(now, PIECE, 102, &packet(1_920), (80, carried)).expect("later");

        let recalled = stream.recall((first + 2) as u16).expect("was sent");
        assert_eq!((recalled.index, recalled.source), (first + 2, (0, 102)));
        assert_eq!((recalled.marker, recalled.carried), (false, carried));
        assert_eq!(carried.distances().collect::<Vec<_>>(), [3, 1]);
        assert!(stream.recall((first + 2) as u16).is_some());
        assert!(stream.recall((first + 2) as u16).is_none(), "twice is enough");
        assert!(stream.recall(first as u16).is_some_and(|first| first.marker));
        assert!(stream.recall((first + 1) as u16).is_none(), "it never came");
        assert!(stream.recall((first + 3) as u16).is_none(), "it was not sent yet");

        for seq in 103..103 + KEPT as u64 {
            stream.rewrite(now, PIECE, seq, &packet(0), (80, carried)).expect("later");
        }
        assert!(stream.recall(first as u16).is_none(), "too old");
        let again = Piece { source: 1, ..PIECE };
        stream.rewrite(now, again, 7, &packet(0), (80, carried)).expect("another piece");
        assert!(stream.recall((first + 60) as u16).is_none(), "of the piece before");
    }

    #[test]
    fn an_unmuted_speaker_goes_on_where_the_listener_stopped() {
        let start = Instant::now();
        let mut stream = OutboundStream::new(5);
        let (before, index) = stream
            .rewrite(start, PIECE, 100, &packet(1_000), (80, Carried::default()))
            .expect("first");

        let unmuted = Piece { speaker: 1, ..PIECE };
        let later = start + Duration::from_secs(2);
        let (after, next) = stream
            .rewrite(later, unmuted, 200, &packet(77), (80, Carried::default()))
            .expect("next");

        assert_eq!(next, index + 1);
        assert_eq!(after.timestamp.wrapping_sub(before.timestamp), 96_000);
        assert!(after.marker);
    }
}
