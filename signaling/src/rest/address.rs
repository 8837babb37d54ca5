//! Who is at the other end: the client's address, behind proxies that configuration trusts. Pure.

use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// An address or a network in CIDR form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    prefix: u8,
}

/// The text is no address and no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither an address nor a network such as 10.0.0.0/8")]
pub struct BadNetwork(String);

impl FromStr for Network {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<Self, BadNetwork> {
        let bad = || BadNetwork(text.to_owned());
        let (base, prefix) = match text.split_once('/') {
            Some((base, prefix)) => (base, Some(prefix.parse::<u8>().map_err(|_| bad())?)),
            None => (text, None),
        };
        let base: IpAddr = base.trim().parse().map_err(|_| bad())?;
        let longest = if base.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(longest);
        if prefix > longest { Err(bad()) } else { Ok(Self { base, prefix }) }
    }
}

impl Network {
    /// Whether `ip` is in it. An IPv4 address is the same in its IPv6 form.
    #[must_use]
    pub fn covers(self, ip: IpAddr) -> bool {
        match (self.base, ip.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(ip)) => {
                let differs = u32::from(base) ^ u32::from(ip);
                differs.leading_zeros() >= u32::from(self.prefix)
            }
            (IpAddr::V6(base), IpAddr::V6(ip)) => {
                let differs = u128::from(base) ^ u128::from(ip);
                differs.leading_zeros() >= u32::from(self.prefix)
            }
            _ => false,
        }
    }
}

/// The client: the peer of the connection, or, while that is a trusted proxy, whom its
/// `X-Forwarded-For` names, from the right. `forwarded`: the header's values in order.
///
/// Anyone can write that header, so it ends at the first hop that is not trusted; an entry that is
/// no address ends it too.
#[must_use]
pub fn client<'a>(
    peer: IpAddr,
    forwarded: impl DoubleEndedIterator<Item = &'a str>,
    trusted: &[Network],
) -> IpAddr {
    let mut client = peer.to_canonical();
    for hop in forwarded.rev().flat_map(|value| value.rsplit(',')) {
        if !trusted.iter().any(|network| network.covers(client)) {
            break;
        }
        let Some(hop) = address(hop.trim()) else { break };
        client = hop.to_canonical();
    }
    client
}

/// Some proxies write the port too: `1.2.3.4:5`, `[::1]:5`.
fn address(hop: &str) -> Option<IpAddr> {
    hop.parse().ok().or_else(|| Some(hop.parse::<std::net::SocketAddr>().ok()?.ip()))
}

/// What an address is counted as: itself, or its /64, which one household or one machine has
/// whole.
#[must_use]
pub fn subscriber(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn networks(texts: &[&str]) -> Vec<Network> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn networks_cover_their_addresses_and_no_others() {
        let covers =
            |network: &str, address| network.parse::<Network>().unwrap().covers(ip(address));

        assert!(covers("10.0.0.0/8", "10.1.2.3"));
        assert!(covers("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(!covers("10.0.0.0/8", "11.1.2.3"));
        assert!(covers("127.0.0.1", "127.0.0.1"));
        assert!(!covers("127.0.0.1", "127.0.0.2"));
        assert!(covers("0.0.0.0/0", "9.9.9.9"));
        assert!(!covers("0.0.0.0/0", "2001:db8::1"));
        assert!(covers("2001:db8::/32", "2001:db8:1::1"));
        assert!(covers("::/0", "2001:db8:1::1"));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "nonsense", "10.0.0.0/33", "10.0.0.0/-1", "::/129", "10.0.0.0/"] {
            assert_eq!(text.parse::<Network>(), Err(BadNetwork(text.to_owned())));
        }
    }

    #[test]
    fn a_stranger_cannot_name_its_own_address() {
        let seen =
            client(ip("198.51.100.7"), ["203.0.113.1"].into_iter(), &networks(&["10.0.0.1"]));

        assert_eq!(seen, ip("198.51.100.7"));
    }

    #[test]
    fn the_right_most_hop_that_is_no_proxy_of_ours_is_the_client() {
        let trusted = networks(&["10.0.0.0/8"]);
        let forwarded = ["6.6.6.6, 203.0.113.1", "10.0.0.2"];

        let seen = client(ip("10.0.0.1"), forwarded.into_iter(), &trusted);

        assert_eq!(seen, ip("203.0.113.1"));
    }

    #[test]
    fn a_hop_that_is_no_address_ends_the_chain() {
        let trusted = networks(&["10.0.0.0/8"]);

        assert_eq!(
            client(ip("10.0.0.1"), ["1.1.1.1, unknown"].into_iter(), &trusted),
            ip("10.0.0.1")
        );
        assert_eq!(client(ip("10.0.0.1"), ["1.1.1.1:99"].into_iter(), &trusted), ip("1.1.1.1"));
        assert_eq!(client(ip("10.0.0.1"), [].into_iter(), &trusted), ip("10.0.0.1"));
    }

    #[test]
    fn one_household_is_one_subscriber() {
        assert_eq!(subscriber(ip("2001:db8:1:2:3:4:5:6")), ip("2001:db8:1:2::"));
        assert_eq!(subscriber(ip("::ffff:1.2.3.4")), ip("1.2.3.4"));
    }
}
