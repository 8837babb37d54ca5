//! What the operator reads when the server is up: addresses, the owner's invite, the CA for bots.

use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::config::Config;
use crate::config::TlsMode;
use crate::serve::Running;

/// The address that links begin with: the public one, or this machine's own.
pub(crate) fn link_base(config: &Config, address: SocketAddr) -> String {
    match &config.signaling.public_host {
        Some(host) => format!("https://{host}"),
        // Plain HTTP on the machine itself: a secure context for browsers, without certificates.
        None => format!("http://localhost:{}", address.port()),
    }
}

/// The text, a few lines with the things that one copies.
pub(crate) fn text(config: &Config, running: &Running) -> String {
    let base = link_base(config, running.address);
    let mut text = format!("\n{} is open.\n\n  here        {base}\n", config.signaling.name);
    let scheme = if config.tls.mode == TlsMode::Off { "http" } else { "https" };
    for host in hosts(config, running.address) {
        let _ = writeln!(text, "  elsewhere   {scheme}://{host}");
    }
    let _ = writeln!(text, "  voice       UDP port {}", running.media.port());
    if let Some(code) = &running.owner_invite {
        let _ = writeln!(
            text,
            "\n  Become the owner, once and within 7 days:\n              {base}/invite/{code}"
        );
    }
    if let Some(ca) = &running.ca_file {
        let ca = ca.canonicalize().unwrap_or_else(|_| ca.clone());
        let ca = ca.display();
        let _ = writeln!(
            text,
            "\n  Bots trust this server by its private CA:\n              NODE_EXTRA_CA_CERTS={ca}   \
             (Node)\n              SSL_CERT_FILE={ca}   (Python, Go, Rust)"
        );
    }
    text
}

/// Host and port by which others reach the machine.
fn hosts(config: &Config, address: SocketAddr) -> Vec<String> {
    if let Some(host) = &config.signaling.public_host {
        return vec![host.clone()];
    }
    if address.ip().is_loopback() {
        return Vec::new();
    }
    if !address.ip().is_unspecified() {
        return vec![address.to_string()];
    }
    let reachable = |ip: &std::net::IpAddr| ip.is_ipv4() || address.is_ipv6();
    let own = crate::tls::addresses().into_iter().filter(reachable);
    own.map(|ip| SocketAddr::new(ip, address.port()).to_string()).collect()
}
