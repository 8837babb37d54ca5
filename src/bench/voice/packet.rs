//! The packets of the load: RTP headers, and payloads that say when they were sent. Pure.

/// Bytes of a payload: Opus of 40 kbit/s in frames of 20 ms.
pub(super) const PAYLOAD: usize = 100;
/// Between these are payloads of a variable bit rate, in bytes.
pub(super) const SHORTEST: usize = 60;
pub(super) const LONGEST: usize = 140;
/// Payload type of Opus on Discord's UDP transport.
const OPUS: u8 = 120;
/// First byte of an Opus packet: 20 ms of full-band CELT, one frame (RFC 6716 §3.1).
const TOC: u8 = 0xF8;
/// Samples in a frame of 20 ms at 48 kHz.
const SAMPLES: u32 = 960;

/// A part of the run whose packets are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lap(pub(super) u8);

impl Lap {
    /// Before anything counts.
    pub(super) const WARM_UP: Self = Self(0);
    /// The server and the floor take turns.
    pub(super) const MAIN: Self = Self(1);
    /// Laps that a run has at most; those from here on are not ours.
    pub(super) const END: u8 = 32;
}

/// What a payload says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Which lap it belongs to; [`Lap::WARM_UP`] counts for nothing.
    pub(super) lap: Lap,
    /// When it was sent: nanoseconds since the load began.
    pub(super) nanos: u64,
}

impl Stamp {
    /// The longest payload; its beginning is one of any length.
    pub(super) fn to_payload(self) -> [u8; LONGEST] {
        let mut payload = [0x55; LONGEST];
        payload[0] = TOC;
        payload[1] = self.lap.0;
        payload[2..10].copy_from_slice(&self.nanos.to_be_bytes());
        payload
    }

    /// Reads a payload. `None` for one that is not ours.
    pub(super) fn parse(payload: &[u8]) -> Option<Self> {
        if !(SHORTEST..=LONGEST).contains(&payload.len()) {
            return None;
        }
        let (&[toc, lap], rest) = payload.split_first_chunk()?;
        let nanos = u64::from_be_bytes(*rest.first_chunk()?);
        (toc == TOC && lap < Lap::END).then_some(Self { lap: Lap(lap), nanos })
    }
}

/// Where a stream of packets stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stream {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
}

impl Stream {
    /// A stream that sends its first packet next.
    pub(super) const fn new(ssrc: u32) -> Self {
        Self { ssrc, sequence: 0, timestamp: 0 }
    }

    /// The header of the next packet (RFC 3550 §5.1).
    pub(super) fn next_header(&mut self) -> [u8; 12] {
        let mut header = [0; 12];
        header[0] = 0x80;
        header[1] = OPUS;
        header[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        header[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        header[8..].copy_from_slice(&self.ssrc.to_be_bytes());
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(SAMPLES);
        header
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_from_the_payload_that_it_wrote() {
        for lap in [Lap::WARM_UP, Lap::MAIN, Lap(Lap::END - 1)] {
            let stamp = Stamp { lap, nanos: 0x0102_0304_0506_0708 };

            for length in [SHORTEST, PAYLOAD, LONGEST] {
                assert_eq!(Stamp::parse(&stamp.to_payload()[..length]), Some(stamp));
            }
        }
    }

    #[test]
    fn other_payloads_have_no_stamp() {
        assert_eq!(Stamp::parse(&[0xF8, 0xFF, 0xFE]), None);
        assert_eq!(Stamp::parse(&[0x55; PAYLOAD]), None);
        let ours = Stamp { lap: Lap::MAIN, nanos: 1 }.to_payload();
        assert_eq!(Stamp::parse(&ours[..SHORTEST - 1]), None);
    }

    #[test]
    fn sequence_and_timestamp_go_on() {
        let mut stream = Stream::new(7);

        let (first, second) = (stream.next_header(), stream.next_header());

        assert_eq!(first, [0x80, 120, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
        assert_eq!(second, [0x80, 120, 0, 1, 0, 0, 0x03, 0xC0, 0, 0, 0, 7]);
    }
}
