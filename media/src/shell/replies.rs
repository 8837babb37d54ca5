//! Which address of ours the datagrams to a client must leave from.
//!
//! A socket that is bound to every address leaves the choice to the kernel's routes, and a client
//! that asked another one takes the answer for a stranger's (RFC 8445 §7.2.5.2.1). Naming the source
//! costs the kernel a twentieth of a send, so it is named only to clients for whom the routes would
//! choose another than they asked.

use std::collections::HashMap;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::net::UdpSocket;

/// Clients that are remembered; when full it starts anew, and each is learnt again with its next
/// datagram.
const MOST: usize = 65_536;

/// The clients of one socket.
#[derive(Default)]
pub(super) struct Replies {
    clients: HashMap<SocketAddr, Reply>,
    /// How many of them need their source named. On most machines nobody.
    named: usize,
    /// What the routes choose for a destination, as far as asked.
    routes: HashMap<IpAddr, Option<IpAddr>>,
    /// Counts how often the routes were forgotten.
    epoch: u32,
}

#[derive(Clone, Copy)]
struct Reply {
    asked: IpAddr,
    named: bool,
    epoch: u32,
}

impl Replies {
    /// From now on datagrams to `client` leave from the address that it asked.
    pub(super) fn learn(&mut self, client: SocketAddr, asked: IpAddr) {
        self.learn_by(client, asked, chosen_by_routes);
    }

    fn learn_by(
        &mut self,
        client: SocketAddr,
        asked: IpAddr,
        route: impl FnOnce(SocketAddr) -> Option<IpAddr>,
    ) {
        let known = self.clients.get(&client).copied();
        if known.is_some_and(|known| known.asked == asked && known.epoch == self.epoch) {
            return;
        }
        if self.clients.len() >= MOST {
            self.clients.clear();
            self.named = 0;
        }
        if self.routes.len() >= MOST {
            self.routes.clear();
        }
        let chosen = *self.routes.entry(client.ip()).or_insert_with(|| route(client));
        let reply = Reply { asked, named: chosen != Some(asked), epoch: self.epoch };
        let former = self.clients.insert(client, reply);
        self.named -= usize::from(former.is_some_and(|former| former.named));
        self.named += usize::from(reply.named);
    }

    /// The source to name for a datagram to this client, if one must be. HOT.
    pub(super) fn source(&self, client: SocketAddr) -> Option<IpAddr> {
        if self.named == 0 {
            return None;
        }
        self.clients.get(&client).filter(|reply| reply.named).map(|reply| reply.asked)
    }

    /// Asks the routes again with each client's next datagram, because they may have changed.
    pub(super) fn forget_routes(&mut self) {
        self.routes.clear();
        self.epoch = self.epoch.wrapping_add(1);
    }
}

/// What the kernel would choose. Connecting a UDP socket sends nothing (udp(7)).
fn chosen_by_routes(client: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = match client {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(client).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: [IpAddr; 2] =
        [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2))];

    fn client(port: u16) -> SocketAddr {
        SocketAddr::from(([198, 51, 100, 1], port))
    }

    #[test]
    fn a_source_is_named_only_to_who_asked_another_than_the_routes_choose() {
        let mut replies = Replies::default();
        replies.learn_by(client(1), OURS[0], |_| Some(OURS[0]));
        assert_eq!(replies.source(client(1)), None);

        replies.learn_by(client(2), OURS[1], |_| unreachable!("asked of this destination before"));

        assert_eq!(replies.source(client(2)), Some(OURS[1]));
        assert_eq!(replies.source(client(1)), None);
        assert_eq!(replies.source(client(3)), None, "a stranger");
    }

    #[test]
    fn a_client_that_asks_another_address_is_answered_from_that_one() {
        let mut replies = Replies::default();
        replies.learn_by(client(1), OURS[1], |_| Some(OURS[0]));
        assert_eq!(replies.source(client(1)), Some(OURS[1]));

        replies.learn_by(client(1), OURS[0], |_| unreachable!());

        assert_eq!((replies.source(client(1)), replies.named), (None, 0));
    }

    #[test]
    fn routes_that_changed_are_asked_again_and_until_then_the_former_answer_holds() {
        let mut replies = Replies::default();
        replies.learn_by(client(1), OURS[1], |_| Some(OURS[0]));
        replies.forget_routes();
        assert_eq!(replies.source(client(1)), Some(OURS[1]));

        replies.learn_by(client(1), OURS[1], |_| Some(OURS[1]));

        assert_eq!(replies.source(client(1)), None);
    }

    #[test]
    fn without_a_route_the_source_is_named() {
        let mut replies = Replies::default();

        replies.learn_by(client(1), OURS[0], |_| None);

        assert_eq!(replies.source(client(1)), Some(OURS[0]));
    }

    #[test]
    fn the_kernel_says_which_address_it_would_choose() {
        assert_eq!(
            chosen_by_routes(SocketAddr::from(([127, 0, 0, 1], 9))),
            Some(Ipv4Addr::LOCALHOST.into())
        );
    }
}
