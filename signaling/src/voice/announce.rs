//! Where a client is told to send its media: by UDP, behind that over the TCP port, and at last by TURN.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::net::SocketAddr;

use axum::http::uri::Authority;
use model::id::UserId;
use model::media::RelayPass;
use serde_json::Value;
use serde_json::json;

use crate::connection::Connection;
use crate::parts::Parts;

/// The addresses that one client is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Announced {
    /// The media port.
    pub udp: SocketAddr,
    /// The port that people connect to, if media is taken there too.
    pub tcp: Option<SocketAddr>,
}

impl Announced {
    /// What a client that came by this connection is told; logged when nothing tells.
    pub(crate) fn to(parts: &Parts, connection: Connection) -> Option<Self> {
        let local = || connection.local_ipv4().map(IpAddr::V4);
        let ip = parts.config.announce_ip.or_else(local);
        if ip.is_none() {
            tracing::error!(
                local = %connection.local,
                "signaling.announce_ip must be set: a voice client came by IPv6, and media is announced by IPv4"
            );
        }
        let ip = ip?;
        let port = front_port(parts.config.public_host.as_deref(), connection);
        let tcp = parts.media.takes_tcp().then(|| SocketAddr::new(ip, port));
        Some(Self { udp: SocketAddr::new(ip, parts.media.port()), tcp })
    }

    /// The servers that a browser of `user` may fall back to, as its `RTCConfiguration` has them (W3C
    /// WebRTC §4.2.4): ourselves, under the host name that it reached us by, whose certificate it
    /// trusts. Null where that would lead to somebody else: behind a proxy that speaks TLS itself.
    pub(crate) fn relays(
        self,
        parts: &Parts,
        connection: Connection,
        host: &str,
        user: UserId,
    ) -> Value {
        let is_direct = connection.tls || connection.peer.ip().to_canonical().is_loopback();
        let host = parts.config.public_host.as_deref().unwrap_or(host);
        let url = relay_url(host, connection.tls).filter(|_| is_direct && self.tcp.is_some());
        let pass = parts.media.relay_pass(user, self.udp, parts.now_ms() / 1_000);
        match (url, pass) {
            (Some(url), Some(RelayPass { username, password })) => {
                json!([{ "urls": [url], "username": username, "credential": password }])
            }
            _ => Value::Null,
        }
    }

    /// The media wing's answer with a candidate for TCP behind its own (RFC 6544 §4.5): a client takes
    /// the first that works and prefers UDP.
    pub(crate) fn complete(self, mut fragment: String) -> String {
        let Some(tcp) = self.tcp else { return fragment };
        let (ip, port) = (tcp.ip(), tcp.port());
        let own = fragment.rfind("a=candidate:").map_or(fragment.len(), |at| {
            fragment[at..].find('\n').map_or(fragment.len(), |end| at + end)
        });
        let mut line = String::new();
        // Writing to a String does not fail.
        let _ =
            write!(line, "\na=candidate:2 1 TCP {PRIORITY} {ip} {port} typ host tcptype passive");
        fragment.insert_str(own, &line);
        fragment
    }
}

/// `turns:host:port?transport=tcp` (RFC 7065 §3.1). The port is always named: it is not TURN's own.
fn relay_url(host: &str, tls: bool) -> Option<String> {
    let host: Authority = host.parse().ok()?;
    let (scheme, port) = if tls { ("turns", HTTPS) } else { ("turn", HTTP) };
    let port = host.port_u16().unwrap_or(port);
    Some(format!("{scheme}:{}:{port}?transport=tcp", host.host()))
}

/// The port of the front door as clients know it. One that another port is forwarded from is told by
/// `public_host`; behind a proxy that speaks TLS itself, what that proxy listens on takes no media.
fn front_port(public_host: Option<&str>, connection: Connection) -> u16 {
    let told = public_host.filter(|_| connection.tls);
    let told = told.and_then(|host| host.parse::<Authority>().ok());
    match told {
        Some(host) => host.port_u16().unwrap_or(HTTPS),
        None => connection.local.port(),
    }
}

/// What a host without a port means.
const HTTPS: u16 = 443;
const HTTP: u16 = 80;
/// Of a passive TCP candidate (RFC 6544 §4.2): a type preference of 90, far below that of UDP, and the
/// direction preference 4 above the highest other one.
const PRIORITY: u32 = (90 << 24) | (((4 << 13) | 8_191) << 8) | 255;

#[cfg(test)]
mod tests {
    use super::*;

    const FRAGMENT: &str = "m=audio 5 ICE/SDP\na=candidate:1 1 UDP 4261412862 192.0.2.1 5 typ host\n\
        a=rtpmap:111 opus/48000/2";

    fn announced(tcp: Option<&str>) -> Announced {
        let parse = |text: &str| text.parse().expect("an address");
        Announced { udp: parse("192.0.2.1:5"), tcp: tcp.map(parse) }
    }

    #[test]
    fn the_candidate_for_tcp_stands_behind_that_for_udp_and_below_it() {
        let told = announced(Some("192.0.2.1:443")).complete(FRAGMENT.to_owned());

        assert_eq!(
            told,
            "m=audio 5 ICE/SDP\na=candidate:1 1 UDP 4261412862 192.0.2.1 5 typ host\n\
             a=candidate:2 1 TCP 1520435199 192.0.2.1 443 typ host tcptype passive\n\
             a=rtpmap:111 opus/48000/2"
        );
        assert_eq!(announced(None).complete(FRAGMENT.to_owned()), FRAGMENT);
    }

    #[test]
    fn the_relay_is_named_as_the_client_named_us_and_never_without_a_port() {
        let url = |host, tls| relay_url(host, tls).expect("a host");

        assert_eq!(url("hall.example:8443", true), "turns:hall.example:8443?transport=tcp");
        assert_eq!(url("hall.example", true), "turns:hall.example:443?transport=tcp");
        assert_eq!(url("localhost:8443", false), "turn:localhost:8443?transport=tcp");
        assert_eq!(url("[::1]:9", true), "turns:[::1]:9?transport=tcp");
        assert_eq!(relay_url("no host", true), None);
    }

    #[test]
    fn a_forwarded_port_is_known_by_the_public_host_and_a_proxys_is_not_taken() {
        let came = |tls| Connection {
            peer: ([203, 0, 113, 1], 1).into(),
            local: ([10, 0, 0, 1], 8_443).into(),
            tls,
        };

        assert_eq!(front_port(None, came(true)), 8_443);
        assert_eq!(front_port(Some("voice.example.org:9000"), came(true)), 9_000);
        assert_eq!(front_port(Some("voice.example.org"), came(true)), 443);
        assert_eq!(front_port(Some("voice.example.org"), came(false)), 8_443);
    }
}
