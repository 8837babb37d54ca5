//! RTP streams: what arrives from one SSRC, what leaves for one listener, the joints between, and
//! how well it arrives.

pub(crate) mod funnel;
pub(crate) mod history;
pub(crate) mod inbound;
pub(crate) mod outbound;
pub(crate) mod quality;
pub(crate) mod rewrite;
