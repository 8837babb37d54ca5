//! `[signaling]`: how this node talks to people and clients.

use std::net::IpAddr;
use std::time::Duration;

use model::limits;
use serde::Deserialize;
use serde::Serialize;

/// `[signaling]` in the configuration file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SignalingConfig {
    /// The instance's name, shown to people who are invited. Default "Guildhall".
    pub name: String,
    /// `host:port` by which clients reach this instance. Default: whatever host name each client
    /// used itself, which is right without a proxy that rewrites `Host`.
    pub public_host: Option<String>,
    /// IPv4 address announced for media. Default: the address on which each client's own
    /// connection arrived, which is right unless the machine is behind NAT: there set the outer
    /// address, or clients stay at "connecting".
    pub announce_ip: Option<IpAddr>,
    /// Anyone may register, invited or not. Default false.
    pub open_registration: bool,
    /// Largest upload, in bytes. Default 25 MiB; a request is held in memory while it uploads.
    pub max_upload: u64,
    /// Requests per second that one address may make before 429, all routes together. Default 50,
    /// as Discord's global limit; lower cuts off pages that load many pictures.
    pub requests_per_second: u32,
    /// How long a gateway session without a socket can be resumed. Default "3m".
    #[serde(with = "humantime_serde")]
    pub resume_window: Duration,
    /// Gateway sessions that this node holds at most, with or without a socket. Default 50,000;
    /// each costs tens of KiB, more when its client compresses. Further ones are closed with 4008.
    pub gateway_sessions: usize,
    /// Addresses or networks of reverse proxies whose `X-Forwarded-For` is believed. Default none.
    pub trusted_proxies: Vec<String>,
    /// Bots and webhooks may name addresses in private networks, and plain HTTP, for what this server
    /// requests of them: interactions, pictures. Default false: whoever holds a bot's token could
    /// otherwise make the server ask for things that only it can reach.
    pub private_endpoints: bool,
}

impl Default for SignalingConfig {
    fn default() -> Self {
        Self {
            name: "Guildhall".to_owned(),
            public_host: None,
            announce_ip: None,
            open_registration: false,
            max_upload: limits::UPLOAD,
            requests_per_second: 50,
            resume_window: limits::RESUME_WINDOW,
            gateway_sessions: 50_000,
            trusted_proxies: Vec::new(),
            private_endpoints: false,
        }
    }
}
