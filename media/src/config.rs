//! `[media]`: how this node carries voice. Addresses that clients are told live with signaling.

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use model::limits;

/// `[media]` - how this node carries voice.
#[derive(Debug, Clone, serde::Deserialize, serde::Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct MediaConfig {
    /// The one UDP port of all voice, Discord's UDP transport and WebRTC alike. Default
    /// `0.0.0.0:8443`; port 0 lets the kernel choose, for tests.
    pub listen: SocketAddr,
    /// Whether media is also taken over TCP, at `server.listen`, for people whose network has no
    /// UDP: as ICE over TCP, and by TURN. Default true. They are told of it behind the way by UDP, which browsers prefer.
    pub tcp: bool,
    /// Threads that forward packets; each owns rooms, and parts of large ones. Default: one per core. More than cores
    /// costs context switches, fewer leaves cores idle when many rooms speak.
    pub shards: Option<NonZeroUsize>,
    /// Peers of one room from which on those who join later are carried by other threads too. Default
    /// 200. Lower spreads rooms that one thread carries as well, higher lets listeners of a large one
    /// wait for each other.
    pub spread_from: NonZeroUsize,
    /// Silence after which a peer is dropped, e.g. "30s" (default; RFC 7675 §5.1 gives consent 30
    /// seconds too). Shorter frees places sooner; shorter than the keepalives of clients (5 s)
    /// throws out healthy peers.
    #[serde(with = "humantime_serde")]
    pub idle_timeout: Duration,
    /// Whether packets wait for others to the same listener, to leave in one send: "auto" (default),
    /// up to 2 ms and only while a thread works more than half of its time; "off", never; "always",
    /// 2 ms, for measuring. They wait unread, so a thread is woken less often too.
    pub pairing: PairingPolicy,
    /// Peers that this node carries at most; the next join is refused. Default 10000: about
    /// 400 MiB when all of them are browsers. 0 refuses everybody.
    pub max_peers: usize,
}

/// When packets wait for others to the same listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PairingPolicy {
    /// When the thread runs short of time.
    #[default]
    Auto,
    Off,
    Always,
}

impl Default for MediaConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8443)),
            tcp: true,
            shards: None,
            spread_from: limits::PEERS_TOGETHER,
            idle_timeout: Duration::from_secs(30),
            pairing: PairingPolicy::default(),
            max_peers: 10_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_refused_rather_than_ignored() {
        let parsed = toml::from_str::<MediaConfig>("idle_timeuot = \"30s\"");

        assert!(parsed.is_err());
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        let config: MediaConfig = toml::from_str("idle_timeout = \"45s\"").expect("valid");

        assert_eq!(config.idle_timeout, Duration::from_secs(45));
        assert_eq!(config.max_peers, MediaConfig::default().max_peers);
    }
}
