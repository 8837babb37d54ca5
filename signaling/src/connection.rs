//! What is known of the TCP connection that a request came by.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;

/// One accepted TCP connection; an extension of each of its requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection {
    /// The client's side.
    pub peer: SocketAddr,
    /// Our side: the address that the client reached us at.
    pub local: SocketAddr,
    /// Whether TLS is on it.
    pub tls: bool,
}

impl Connection {
    /// Our IPv4 address as this client knows it; loopback for a client on the IPv6 loopback.
    ///
    /// `None` when the client came by some other IPv6 address: then configuration must tell.
    #[must_use]
    pub fn local_ipv4(&self) -> Option<Ipv4Addr> {
        match self.local.ip().to_canonical() {
            IpAddr::V4(ip) => Some(ip),
            IpAddr::V6(ip) if ip.is_loopback() => Some(Ipv4Addr::LOCALHOST),
            IpAddr::V6(_) => None,
        }
    }
}
