//! Voice over the one TCP port, for those whose network has no UDP: a stream at the one end, at the
//! other a loopback socket of its own to the media port, which sees an ordinary peer there.
//!
//! What passes and for how long is decided by `media::fallback::Carrier`; this is its shell, and the
//! count of streams. See docs/adr/0005.

mod run;

use std::collections::HashMap;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use media::fallback::Passes;
use model::limits;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use run::carry;

/// Unsent bytes of one stream that the kernel holds; the rest waits with us, where it can be thrown
/// away. Lower wakes us more often; higher is heard as delay when the network is slow.
const UNSENT: u32 = 4_096;

/// What all streams share.
#[derive(Debug)]
pub(crate) struct Relay {
    /// Where the media port is reached from this machine.
    media: SocketAddr,
    /// Who may come by TURN.
    passes: Passes,
    streams: Mutex<HashMap<IpAddr, usize>>,
    tasks: TaskTracker,
    closing: CancellationToken,
}

/// One stream in the count, for as long as it lives and however it ends.
#[derive(Debug)]
pub(crate) struct Seat {
    relay: Arc<Relay>,
    network: IpAddr,
}

impl Relay {
    /// A relay to the media wing that is bound to `media`; streams end at `closing`.
    pub(crate) fn new(
        (media, passes): (SocketAddr, Passes),
        closing: CancellationToken,
    ) -> Arc<Self> {
        // On every address of IPv6 it is on every one of IPv4, too, which is what is announced.
        let ip = if media.ip().is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { media.ip() };
        Arc::new(Self {
            media: SocketAddr::new(ip, media.port()),
            passes,
            streams: Mutex::default(),
            tasks: TaskTracker::new(),
            closing,
        })
    }

    /// A seat for a stream from `client`, unless its network has all that it may have.
    pub(crate) fn admit(self: &Arc<Self>, client: IpAddr) -> Option<Seat> {
        let network = network(client);
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let count = streams.entry(network).or_default();
        if *count >= limits::RELAYS_PER_ADDRESS {
            drop(streams);
            metrics::counter!("server_relays_refused_total").increment(1);
            return None;
        }
        *count += 1;
        metrics::gauge!("server_relays").increment(1.0);
        Some(Seat { relay: Arc::clone(self), network })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        metrics::gauge!("server_relays").decrement(1.0);
        let mut streams = self.relay.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = streams.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                streams.remove(&self.network);
            }
        }
    }
}

/// Keeps what the kernel holds of a stream short, so that sound does not grow old in it.
pub(crate) fn keep_short(stream: &TcpStream) {
    #[cfg(target_os = "linux")]
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT) {
        tracing::debug!(%error, "voice over TCP may be late");
    }
}

/// Whom an address counts as: IPv6 hands out a /64 as IPv4 hands out an address.
fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V4(ip) => ip.into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relay(media: &str) -> Arc<Relay> {
        let media = media.parse().expect("an address");
        Relay::new((media, Passes::new([7; 32])), CancellationToken::new())
    }

    #[test]
    fn one_network_has_so_many_streams_and_no_more_until_one_of_them_ends() {
        let relay = relay("0.0.0.0:1");
        let of = |host: u64| IpAddr::from(Ipv6Addr::from_bits(0x2001 << 112 | u128::from(host)));
        let mut seats: Vec<_> = (0..limits::RELAYS_PER_ADDRESS as u64)
            .map(|host| relay.admit(of(host)).expect("there is room"))
            .collect();

        assert!(relay.admit(of(9)).is_none());
        assert!(relay.admit(Ipv4Addr::LOCALHOST.into()).is_some(), "others have their own");
        seats.pop();
        seats.push(relay.admit(of(9)).expect("there is room again"));
        seats.clear();
        assert!(relay.streams.lock().expect("well").is_empty());
    }

    #[test]
    fn a_media_port_on_every_address_is_reached_at_the_loopback() {
        for (bound, reached) in [
            ("0.0.0.0:5", "127.0.0.1:5"),
            ("[::]:5", "127.0.0.1:5"),
            ("192.0.2.1:5", "192.0.2.1:5"),
        ] {
            let relay = relay(bound);
            assert_eq!(relay.media, reached.parse().expect("valid"));
        }
    }
}
