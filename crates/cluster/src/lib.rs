//! How the wings reach each other, in one process or between nodes.

mod media;

pub use media::Busy;
pub use media::MediaPort;
