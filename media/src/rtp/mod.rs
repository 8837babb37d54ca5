//! RTP as it is on the wire (RFC 3550): headers, extensions, sequence arithmetic, RTCP.
//!
//! Pure parsing and writing. Nothing here knows keys, peers or time.

pub(crate) mod ext;
pub(crate) mod header;
pub(crate) mod red;
pub(crate) mod rtcp;
pub(crate) mod seq;
