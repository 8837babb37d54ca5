//! One UDP socket that receives and sends many datagrams per system call. Linux only: `recvmmsg`,
//! `sendmmsg`.

use std::io;
use std::mem;
use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::os::fd::RawFd;
use std::ptr;

use socket2::Domain;
use socket2::Protocol;
use socket2::Socket;
use socket2::Type;

use crate::shard::outbox::Outbox;
use crate::shell::address::from_address;
use crate::shell::address::to_address;
use crate::shell::control::Control;
use crate::shell::control::UDP_SEGMENT;
use crate::shell::control::asked_address;
use crate::shell::control::leave_from;
use crate::shell::control::put_control;
use crate::shell::pairing::Group;
use crate::shell::pairing::Pairing;
use crate::shell::pairing::TOGETHER;
use crate::shell::replies::Replies;

/// Datagrams per receive. More saves little: a call costs as much as two datagrams.
pub(crate) const BATCH: usize = 32;
/// Datagrams per send.
const SEND_BATCH: usize = 64;
/// Largest datagram received whole, in bytes. Nothing of ours is larger than an Ethernet frame.
pub(crate) const DATAGRAM: usize = 2_048;
/// Kernel buffers, in bytes: 100,000 packets/s for 100 ms. The kernel may give less.
const KERNEL_BUFFER: usize = 4 * 1_024 * 1_024;

/// A shard's socket with its buffers.
pub(crate) struct BatchSocket {
    socket: Socket,
    controls: Box<[Control; BATCH]>,
    /// Which address of this machine each sender of the last batch asked.
    asked: [Option<IpAddr>; BATCH],
    /// Bound to every address of the machine: answers must leave from the one that was asked.
    everywhere: bool,
    /// An IPv6 socket carries IPv4 too, in mapped addresses (RFC 4291 §2.5.5.2). They end here:
    /// inside, an IPv4 client has an IPv4 address whatever socket it reached.
    six: bool,
    replies: Replies,
    pairing: Pairing,
    together: bool,
    buffers: Box<[[u8; DATAGRAM]; BATCH]>,
    addresses: Box<[libc::sockaddr_storage; BATCH]>,
    received: [(SocketAddr, usize); BATCH],
}

impl BatchSocket {
    /// Binds the port. With `shared`, other sockets of this process may bind it too.
    ///
    /// # Errors
    ///
    /// What the kernel says, such as the port being taken.
    pub(crate) fn bind(listen: SocketAddr, shared: bool) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(listen), Type::DGRAM, Some(Protocol::UDP))?;
        if listen.is_ipv6() {
            socket.set_only_v6(false)?;
        }
        socket.set_reuse_port(shared)?;
        socket.set_nonblocking(true)?;
        // Smaller buffers than asked for only cost packets in bursts.
        let _ = socket.set_recv_buffer_size(KERNEL_BUFFER);
        let _ = socket.set_send_buffer_size(KERNEL_BUFFER);
        socket.bind(&listen.into())?;
        let unknown = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
        let everywhere = listen.ip().is_unspecified();
        let mut this = Self {
            socket,
            controls: Box::new([Control::EMPTY; BATCH]),
            asked: [None; BATCH],
            everywhere,
            six: listen.is_ipv6(),
            replies: Replies::default(),
            pairing: Pairing::default(),
            together: false,
            buffers: vec![[0; DATAGRAM]; BATCH].try_into().expect("the vector has BATCH elements"),
            // SAFETY: all zeros is a valid sockaddr_storage: it is plain data.
            addresses: Box::new([unsafe { mem::zeroed() }; BATCH]),
            received: [(unknown, 0); BATCH],
        };
        // Spares the kernel its per-destination MTU cache, which costs a quarter of a send. Our
        // packets are far smaller than any path's MTU. IPv4 packets of an IPv6 socket go by the
        // option of IPv4.
        this.set_option(libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_PROBE);
        if this.six {
            let probe = libc::IPV6_PMTUDISC_PROBE;
            this.set_option(libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, probe);
        }
        match (everywhere, this.six) {
            (true, false) => this.set_option(libc::IPPROTO_IP, libc::IP_PKTINFO, 1),
            (true, true) => this.set_option(libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1),
            (false, _) => {}
        }
        this.send_together(true);
        Ok(this)
    }

    /// Sets an option whose value is an int. A kernel that refuses one of ours is slower, or
    /// answers as it would without it.
    fn set_option(&self, level: libc::c_int, name: libc::c_int, value: libc::c_int) {
        let length = size_of_val(&value) as libc::socklen_t;
        // SAFETY: the descriptor is open, and the option's value is an int that outlives the call.
        unsafe {
            libc::setsockopt(
                self.socket.as_raw_fd(),
                level,
                name,
                ptr::from_ref(&value).cast(),
                length,
            );
        }
    }

    /// The same socket once more, to set options of its group.
    ///
    /// # Errors
    ///
    /// When the process has no descriptors left.
    pub(crate) fn try_clone(&self) -> io::Result<Socket> {
        self.socket.try_clone()
    }

    /// For waiting until there is something.
    pub(super) fn descriptor(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// The address that it is bound to.
    pub(crate) fn local_address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()?.as_socket().ok_or_else(|| io::Error::other("not an IP socket"))
    }

    /// Receives what is there, at most [`BATCH`] datagrams. 0 when there is nothing. Errors that
    /// earlier sends left on the socket (ICMP) are nobody's business here and count as nothing.
    pub(crate) fn receive(&mut self) -> usize {
        let mut slices: [libc::iovec; BATCH] = std::array::from_fn(|index| libc::iovec {
            iov_base: self.buffers[index].as_mut_ptr().cast(),
            iov_len: DATAGRAM,
        });
        // SAFETY: all zeros is a valid mmsghdr: plain data and null pointers.
        let mut headers: [libc::mmsghdr; BATCH] = unsafe { mem::zeroed() };
        for index in 0..BATCH {
            let header = &mut headers[index].msg_hdr;
            header.msg_name = ptr::from_mut(&mut self.addresses[index]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_iov = &raw mut slices[index];
            header.msg_iovlen = 1;
            if self.everywhere {
                header.msg_control = ptr::from_mut(&mut self.controls[index]).cast();
                header.msg_controllen = size_of::<Control>() as _;
            }
        }
        // SAFETY: every header points at an iovec, a buffer, an address and room for control data
        // that live until the call returns and overlap nothing else; the count is the array's length.
        let count = unsafe {
            libc::recvmmsg(
                self.socket.as_raw_fd(),
                headers.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_DONTWAIT as _,
                ptr::null_mut(),
            )
        };
        let Ok(count) = usize::try_from(count) else { return 0 };
        for (index, header) in headers.iter().take(count).enumerate() {
            let whole = header.msg_hdr.msg_flags & libc::MSG_TRUNC == 0;
            let address = to_address(&self.addresses[index]);
            // A datagram that did not fit or has no sender becomes an empty one, which is dropped.
            self.received[index] = match address {
                Some(address) if whole => (address, header.msg_len as usize),
                _ => (self.received[index].0, 0),
            };
            self.asked[index] = if self.everywhere { asked_address(&header.msg_hdr) } else { None };
        }
        count
    }

    /// Which address of this machine the datagram at `index` was sent to, where that matters.
    pub(crate) fn asked(&self, index: usize) -> Option<IpAddr> {
        self.asked[index]
    }

    /// From now on datagrams to `from` leave from the address that it asked.
    pub(crate) fn answer_from(&mut self, from: SocketAddr, asked: Option<IpAddr>) {
        if let Some(asked) = asked {
            self.replies.learn(from, asked);
        }
    }

    /// The routes of this machine may have changed; called now and then.
    pub(crate) fn forget_routes(&mut self) {
        self.replies.forget_routes();
    }

    /// The datagram at `index` of the batch just received.
    pub(crate) fn datagram(&mut self, index: usize) -> (SocketAddr, &mut [u8]) {
        let (from, length) = self.received[index];
        (from, &mut self.buffers[index][..length])
    }

    /// Whether datagrams to one destination leave together. False also when the kernel or the device
    /// turned out not to know how.
    #[cfg(test)]
    pub(crate) fn sends_together(&self) -> bool {
        self.together
    }

    /// Sends datagrams to one destination together, or each by itself.
    pub(crate) fn send_together(&mut self, together: bool) {
        self.together = together && self.knows_segments();
    }

    /// How many sends the last call of [`send`](Self::send) needed.
    pub(crate) fn sends(&self) -> usize {
        self.pairing.groups().len()
    }

    /// Sends everything, to each destination in order. How many the kernel took: the rest finds its
    /// buffers full, and voice that waits is worth less than voice that is lost.
    pub(crate) fn send(&mut self, outbox: &Outbox) -> usize {
        let mut pairing = mem::take(&mut self.pairing);
        pairing.plan(outbox.transmits(), outbox.bytes(), self.together);
        let mut sent = 0;
        let mut groups = pairing.groups();
        while !groups.is_empty() {
            let (batch, rest) = groups.split_at(groups.len().min(SEND_BATCH));
            sent += self.send_batch(outbox, &pairing, batch);
            groups = rest;
        }
        self.pairing = pairing;
        sent
    }

    fn send_batch(&mut self, outbox: &Outbox, pairing: &Pairing, groups: &[Group]) -> usize {
        // SAFETY: all zeros is valid for each of these: plain data and null pointers.
        let mut addresses: [libc::sockaddr_in6; SEND_BATCH] = unsafe { mem::zeroed() };
        // SAFETY: as above.
        let mut slices: [[libc::iovec; TOGETHER]; SEND_BATCH] = unsafe { mem::zeroed() };
        // SAFETY: as above.
        let mut headers: [libc::mmsghdr; SEND_BATCH] = unsafe { mem::zeroed() };
        let mut controls = [Control::EMPTY; SEND_BATCH];
        for (index, group) in groups.iter().take(SEND_BATCH).enumerate() {
            let mut count = 0;
            for (slice, member) in slices[index].iter_mut().zip(pairing.members(group)) {
                let payload = &outbox.bytes()[outbox.transmits()[member].range.clone()];
                // The kernel only reads through this pointer.
                *slice = libc::iovec {
                    iov_base: payload.as_ptr().cast_mut().cast(),
                    iov_len: payload.len(),
                };
                count += 1;
            }
            let length = from_address(group.to, self.six, &mut addresses[index]);
            let header = &mut headers[index].msg_hdr;
            header.msg_name = (&raw mut addresses[index]).cast();
            header.msg_namelen = length;
            header.msg_iov = slices[index].as_mut_ptr();
            header.msg_iovlen = count;
            if self.everywhere
                && let Some(source) = self.replies.source(group.to)
            {
                leave_from(source, self.six, header, &mut controls[index]);
            }
            if group.count > 1 {
                let kind = (libc::SOL_UDP, UDP_SEGMENT);
                put_control(kind, group.segment, header, &mut controls[index]);
            }
        }
        let (mut sent, mut at) = (0, 0);
        let count = groups.len().min(SEND_BATCH);
        while at < count {
            // SAFETY: the headers from `at` to `count` point at iovecs, payloads, addresses and
            // control data that live until the call returns, and `count - at` of them follow.
            let taken = unsafe {
                libc::sendmmsg(
                    self.socket.as_raw_fd(),
                    headers.as_mut_ptr().add(at),
                    (count - at) as libc::c_uint,
                    libc::MSG_DONTWAIT as _,
                )
            };
            match usize::try_from(taken) {
                Ok(taken) if taken > 0 => {
                    let groups = &groups[at..at + taken];
                    sent += groups.iter().map(|group| usize::from(group.count)).sum::<usize>();
                    at += taken;
                }
                _ if io::Error::last_os_error().kind() == io::ErrorKind::WouldBlock => break,
                _ if groups[at].count > 1 => {
                    // The device cannot cut segments (udp(7): EIO without checksum offload), or the
                    // destination is unreachable. If each alone does leave, it is the device.
                    let alone = self.send_alone(outbox, pairing, &groups[at]);
                    self.together &= alone == 0;
                    sent += alone;
                    at += 1;
                }
                // One destination is unreachable: the others still get theirs.
                _ => at += 1,
            }
        }
        sent
    }

    /// Sends a group's datagrams one by one.
    fn send_alone(&mut self, outbox: &Outbox, pairing: &Pairing, group: &Group) -> usize {
        let mut alone = Outbox::default();
        for member in pairing.members(group) {
            alone.push(group.to, &outbox.bytes()[outbox.transmits()[member].range.clone()]);
        }
        let mut pairing = Pairing::default();
        pairing.plan(alone.transmits(), alone.bytes(), false);
        self.send_batch(&alone, &pairing, pairing.groups())
    }

    /// Whether the kernel knows segments at all (Linux 4.18).
    fn knows_segments(&self) -> bool {
        let none: libc::c_int = 0;
        let length = size_of_val(&none) as libc::socklen_t;
        // SAFETY: the descriptor is open, and the option's value is an int that outlives the call.
        let set = unsafe {
            libc::setsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_UDP,
                UDP_SEGMENT,
                ptr::from_ref(&none).cast(),
                length,
            )
        };
        set == 0
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::net::UdpSocket;
    use std::time::Duration;

    use super::*;

    /// What a client at `own` gets that asks `asked` of a server bound to all of `everywhere`, and
    /// which address the server says was asked. The client is connected: it hears no other address.
    fn ask(everywhere: &str, own: &str, asked: &str) -> (Option<IpAddr>, SocketAddr, Vec<u8>) {
        let listen = SocketAddr::new(everywhere.parse().expect("address"), 0);
        let mut server = BatchSocket::bind(listen, false).expect("port");
        let port = server.local_address().expect("bound").port();
        let client = UdpSocket::bind((own, 0)).expect("port");
        client.connect((asked, port)).expect("loopback");
        client.set_read_timeout(Some(Duration::from_secs(5))).expect("socket");
        client.send(b"who are you?").expect("loopback");

        while server.receive() == 0 {}
        let asked = server.asked(0);
        let from = server.datagram(0).0;
        server.answer_from(from, asked);
        let mut outbox = Outbox::default();
        outbox.push(from, b"whom you asked");
        assert_eq!(server.send(&outbox), 1);
        let mut buffer = [0; 64];
        let length = client.recv(&mut buffer).expect("an answer from the address that was asked");
        (asked, from, buffer[..length].to_vec())
    }

    #[test]
    fn packets_that_leave_together_arrive_as_they_were_in_either_family_and_from_anywhere() {
        for (everywhere, own) in
            [("0.0.0.0", "127.0.0.1"), ("127.0.0.1", "127.0.0.1"), ("::", "::1")]
        {
            if own == "::1" && !has_six() {
                continue;
            }
            let listen = SocketAddr::new(everywhere.parse().expect("address"), 0);
            let mut server = BatchSocket::bind(listen, false).expect("port");
            let client = UdpSocket::bind((own, 0)).expect("port");
            client.set_read_timeout(Some(Duration::from_secs(5))).expect("socket");
            let to = client.local_addr().expect("bound");
            server.answer_from(to, Some(own.parse().expect("address")));
            let mut outbox = Outbox::default();
            for (speaker, length) in [(1, 100), (2, 100), (3, 60), (4, 200), (5, 210)] {
                outbox.push(to, &vec![speaker; length]);
            }

            assert!(server.sends_together());
            assert_eq!(server.send(&outbox), 5);

            let mut arrived: Vec<Vec<u8>> = (0..5)
                .map(|_| {
                    let mut buffer = [0; 300];
                    let length = client.recv(&mut buffer).expect("a packet");
                    buffer[..length].to_vec()
                })
                .collect();
            arrived.sort();
            let sent = outbox.transmits().iter().map(|one| &outbox.bytes()[one.range.clone()]);
            assert!(arrived.iter().map(Vec::as_slice).eq(sent), "{everywhere}");
            assert!(server.sends_together(), "{everywhere}: the kernel refused");
        }
    }

    #[test]
    fn a_destination_that_refuses_segments_gets_its_packets_one_by_one() {
        let mut server =
            BatchSocket::bind("127.0.0.1:0".parse().expect("address"), false).expect("port");
        let client = UdpSocket::bind("127.0.0.1:0").expect("port");
        client.set_read_timeout(Some(Duration::from_secs(5))).expect("socket");
        let to = client.local_addr().expect("bound");
        // With checksums off the kernel cuts no segments (net/ipv4/udp.c, udp_send_skb).
        server.set_option(libc::SOL_SOCKET, libc::SO_NO_CHECK, 1);
        let mut outbox = Outbox::default();
        outbox.push(to, &[1; 100]);
        outbox.push(to, &[2; 100]);

        assert_eq!(server.send(&outbox), 2);

        assert!(!server.sends_together());
        let mut buffer = [0; 300];
        assert_eq!((client.recv(&mut buffer).expect("one"), buffer[0]), (100, 1));
        assert_eq!((client.recv(&mut buffer).expect("two"), buffer[0]), (100, 2));
    }

    /// Whether this machine has IPv6 at all.
    fn has_six() -> bool {
        UdpSocket::bind("[::1]:0").is_ok()
    }

    #[test]
    fn an_answer_leaves_from_the_address_that_was_asked() {
        let (asked, _, answer) = ask("0.0.0.0", "127.0.0.1", "127.0.0.3");

        assert_eq!(asked, Some(Ipv4Addr::new(127, 0, 0, 3).into()));
        assert_eq!(answer, b"whom you asked");
    }

    #[test]
    fn an_ipv6_socket_answers_ipv4_from_the_address_that_was_asked() {
        if !has_six() {
            return;
        }

        let (asked, from, answer) = ask("::", "127.0.0.1", "127.0.0.3");

        assert_eq!(asked, Some(Ipv4Addr::new(127, 0, 0, 3).into()));
        assert!(from.is_ipv4(), "{from} is a mapped address");
        assert_eq!(answer, b"whom you asked");
    }

    /// An IPv6 address of this machine beside the loopback's, or that one. Connecting sends nothing;
    /// it asks the routes (RFC 3849: the destination is for documentation only).
    fn second_six() -> Ipv6Addr {
        let routed = UdpSocket::bind("[::]:0").and_then(|socket| {
            socket.connect(("2001:db8::1", 9))?;
            socket.local_addr()
        });
        match routed.map(|address| address.ip()) {
            Ok(IpAddr::V6(own)) => own,
            _ => Ipv6Addr::LOCALHOST,
        }
    }

    #[test]
    fn an_ipv6_socket_answers_ipv6_from_the_address_that_was_asked() {
        if !has_six() {
            return;
        }
        let own = second_six();

        let (asked, from, answer) = ask("::", "::1", &own.to_string());

        assert_eq!(asked, Some(own.into()));
        assert_eq!(from.ip(), Ipv6Addr::LOCALHOST);
        assert_eq!(answer, b"whom you asked");
    }

    #[test]
    fn an_ipv6_datagram_leaves_from_the_source_that_was_remembered_or_not_at_all() {
        if !has_six() {
            return;
        }
        let mut server =
            BatchSocket::bind("[::]:0".parse().expect("address"), false).expect("port");
        let client = UdpSocket::bind("[::1]:0").expect("port");
        let to = client.local_addr().expect("bound");
        let mut outbox = Outbox::default();
        outbox.push(to, b"hello");
        assert_eq!(server.send(&outbox), 1);

        // The loopback has no second IPv6 address to leave from, so one that is nobody's shows that
        // the kernel was told which: it refuses (RFC 3849: for documentation only).
        server.answer_from(to, Some("2001:db8::7".parse().expect("address")));

        assert_eq!(server.send(&outbox), 0);
    }

    #[test]
    fn a_batch_arrives_with_its_senders_and_its_answers_return() {
        let mut server =
            BatchSocket::bind("127.0.0.1:0".parse().expect("address"), false).expect("port");
        let address = server.local_address().expect("bound");
        let clients: Vec<_> =
            (0..3).map(|_| UdpSocket::bind("127.0.0.1:0").expect("port")).collect();
        for (client, byte) in clients.iter().zip(0u8..) {
            client.send_to(&[byte; 100], address).expect("loopback");
        }

        let mut outbox = Outbox::default();
        let mut seen = 0;
        while seen < 3 {
            let count = server.receive();
            for index in 0..count {
                let (from, bytes) = server.datagram(index);
                outbox.push(from, bytes);
            }
            seen += count;
        }

        assert_eq!(server.send(&outbox), 3);
        for (client, byte) in clients.iter().zip(0u8..) {
            let mut buffer = [0; 200];
            assert_eq!(client.recv(&mut buffer).expect("answer"), 100);
            assert_eq!(buffer[..100], [byte; 100]);
        }
    }
}
