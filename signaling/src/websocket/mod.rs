//! WebSockets as a server of very many idle ones wants them: a socket that waits holds no buffer, and
//! what several events make leaves in one write.
//!
//! The server's half of RFC 6455, without extensions. It knows nothing of gateways.

mod carrier;
pub(crate) mod frame;
mod socket;
mod upgrade;

pub(crate) use self::frame::Message;
pub(crate) use self::frame::Violation;
pub(crate) use self::socket::Incoming;
pub(crate) use self::socket::Socket;
pub(crate) use self::upgrade::NoUpgrade;
pub(crate) use self::upgrade::Upgrade;
