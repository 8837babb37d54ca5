//! The little that an SFU knows of Opus: its clock and its silence. It never decodes.

/// RTP timestamp units per second (RFC 7587 §4.1: always 48 kHz, whatever the codec runs at).
pub(crate) const CLOCK_RATE: u32 = 48_000;

/// Timestamp units of the usual 20 ms packet.
pub(crate) const FRAME: u32 = CLOCK_RATE / 50;

/// The payload type on Discord's UDP transport (Discord: Voice Connections/RTP).
pub(crate) const UDP_PAYLOAD_TYPE: u8 = 120;

/// The payload that clients send when they stop to speak, so that decoders do not extrapolate
/// (Discord: Voice Connections/Voice Data Interpolation).
const SILENCE: [u8; 3] = [0xF8, 0xFF, 0xFE];

/// Longest payload of a frame that says only that nothing is said, in bytes: the TOC byte, and one
/// more (opus_encoder.h on OPUS_SET_DTX: two bytes or less need not be transmitted).
const DTX: usize = 2;

/// Whether a payload is Discord's silence, or DTX. False for end-to-end encrypted ones, which hide
/// it. Its length and three fixed bytes are all that is looked at.
pub(crate) fn is_silence(payload: &[u8]) -> bool {
    payload.len() <= DTX || payload == SILENCE
}
