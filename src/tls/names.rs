//! Which names and addresses this machine is reached by, as far as it knows itself.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use crate::config::TlsConfig;

/// Names for the development certificate: loopback, host name, addresses, and the configured.
/// Sorted, each once.
#[must_use]
pub fn own_names(config: &TlsConfig) -> Vec<String> {
    let mut names: BTreeSet<String> =
        ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into_iter().collect();
    names.extend(host_name());
    names.extend(addresses().iter().map(ToString::to_string));
    names.extend(config.extra_names.iter().map(|name| name.to_ascii_lowercase()));
    names.into_iter().filter(|name| !name.is_empty()).collect()
}

/// The machine's host name, if it is one that a certificate can carry.
#[must_use]
pub fn host_name() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| fs::read_to_string("/etc/hostname"))
        .ok()?;
    let name = name.trim().to_ascii_lowercase();
    let is_label = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    (!name.is_empty() && name.len() < 254 && name.chars().all(is_label)).then_some(name)
}

/// The machine's unicast addresses but loopback and link-local; none where the system does not tell.
#[must_use]
pub fn addresses() -> Vec<IpAddr> {
    let mut all: BTreeSet<IpAddr> = BTreeSet::new();
    if let Ok(table) = fs::read_to_string("/proc/net/fib_trie") {
        all.extend(local_ipv4(&table).into_iter().map(IpAddr::V4));
    }
    if let Ok(table) = fs::read_to_string("/proc/net/if_inet6") {
        all.extend(local_ipv6(&table).into_iter().map(IpAddr::V6));
    }
    all.into_iter().collect()
}

/// Addresses that the routing trie marks `host LOCAL` (Linux: /proc/net/fib_trie).
fn local_ipv4(table: &str) -> Vec<Ipv4Addr> {
    let mut found = Vec::new();
    let mut last = None;
    for line in table.lines() {
        let line = line.trim();
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse::<Ipv4Addr>().ok();
        } else if line.starts_with("/32 host LOCAL") {
            found.extend(last.filter(|ip| !ip.is_loopback() && !ip.is_link_local()));
        }
    }
    found
}

/// Addresses of global scope, 00 in the fourth column (Linux: /proc/net/if_inet6).
fn local_ipv6(table: &str) -> Vec<Ipv6Addr> {
    let address = |line: &str| {
        let mut columns = line.split_whitespace();
        let bits = u128::from_str_radix(columns.next()?, 16).ok()?;
        (columns.nth(2)? == "00").then(|| Ipv6Addr::from_bits(bits))
    };
    table.lines().filter_map(address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_addresses_are_read_and_networks_and_loopback_are_not() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n\
            \x20          |-- 127.0.0.1\n              /32 host LOCAL\n\
            \x20          |-- 192.0.2.0\n              /24 link UNICAST\n\
            \x20          |-- 192.0.2.2\n              /32 host LOCAL\n";
        let inet6 = "00000000000000000000000000000001 01 80 10 80       lo\n\
            fe80000000000000021122fffe334455 02 40 20 80     eth0\n\
            20010db8000000000000000000000007 02 40 00 80     eth0\n";

        assert_eq!(local_ipv4(trie), [Ipv4Addr::new(192, 0, 2, 2)]);
        assert_eq!(local_ipv6(inet6), ["2001:db8::7".parse::<Ipv6Addr>().expect("an address")]);
    }

    #[test]
    fn configured_names_are_added_once() {
        let extra_names = vec!["Voice.Example".to_owned(), "localhost".to_owned()];
        let names = own_names(&TlsConfig { extra_names, ..TlsConfig::default() });

        assert_eq!(names.iter().filter(|name| *name == "localhost").count(), 1);
        assert!(names.contains(&"voice.example".to_owned()));
    }
}
