//! One speaker as one listener receives it: its numbering, its clock, its counters.
//!
//! HOT: no allocation.

use std::time::Duration;
use std::time::Instant;

use crate::opus;
use crate::rtp::header::RtpHeader;
use crate::rtp::rtcp::ReportBlock;
use crate::rtp::rtcp::SenderReport;
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
    /// Undeafens of the listener.
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
        }
    }

    /// The SSRC that the listener sees.
    pub(crate) fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The header of a packet for this listener with payload type 0, and its packet index.
    /// None when the packet is older than what the listener got as the start of this piece.
    pub(crate) fn rewrite(
        &mut self,
        now: Instant,
        piece: Piece,
        seq: u64,
        source: &RtpHeader,
        length: usize,
    ) -> Option<(RtpHeader, u64)> {
        let switched = self.piece != Some(piece);
        if switched {
            let elapsed =
                self.sent_at.map_or_else(Default::default, |at| now.saturating_duration_since(at));
            self.seq.switch_source(seq);
            self.timestamp.switch_source(source.timestamp, elapsed);
            self.piece = Some(piece);
        }
        let index = self.seq.rewrite(seq)?;
        let header = RtpHeader {
            // A listener's jitter buffer may adapt where a talkspurt begins (RFC 3551 §4.1).
            marker: source.marker || switched,
            payload_type: 0,
            sequence: index as u16,
            timestamp: self.timestamp.rewrite(source.timestamp),
            ssrc: self.ssrc,
        };
        self.sent_at = Some(now);
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(length as u32);
        Some((header, index))
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
        let (before, _) = stream.rewrite(start, PIECE, 100, &packet(1_000), 80).expect("first");

        let later = start + Duration::from_secs(10);
        let (after, _) =
            stream.rewrite(later, PIECE, 101, &packet(1_000 + 480_000), 80).expect("next");

        assert_eq!(after.sequence, before.sequence + 1);
        assert_eq!(after.timestamp.wrapping_sub(before.timestamp), 480_000);
    }

    #[test]
    fn an_unmuted_speaker_goes_on_where_the_listener_stopped() {
        let start = Instant::now();
        let mut stream = OutboundStream::new(5);
        let (before, index) = stream.rewrite(start, PIECE, 100, &packet(1_000), 80).expect("first");

        let unmuted = Piece { speaker: 1, ..PIECE };
        let later = start + Duration::from_secs(2);
        let (after, next) = stream.rewrite(later, unmuted, 200, &packet(77), 80).expect("next");

        assert_eq!(next, index + 1);
        assert_eq!(after.timestamp.wrapping_sub(before.timestamp), 96_000);
        assert!(after.marker);
    }
}
