//! RTP streams: what arrives from one SSRC, what leaves for one listener, and the joints between.

pub(crate) mod inbound;
pub(crate) mod outbound;
pub(crate) mod rewrite;
