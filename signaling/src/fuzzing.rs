//! The parsers of untrusted text, as fuzz targets call them. Not part of the wing's interface.

use crate::whip;

/// Reads an SDP offer and answers it, then reads the same as a fragment that trickles.
pub fn whip_offer(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    whip::answer_any(text);
    whip::read_fragment(text);
}
