//! One UDP socket that receives and sends many datagrams per system call, and the waker of its
//! thread. Linux only: `recvmmsg`, `sendmmsg`, `eventfd`.

use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Write;
use std::mem;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::net::SocketAddrV4;
use std::net::SocketAddrV6;
use std::os::fd::AsRawFd;
use std::os::fd::FromRawFd;
use std::os::fd::OwnedFd;
use std::ptr;
use std::time::Duration;

use socket2::Domain;
use socket2::Protocol;
use socket2::Socket;
use socket2::Type;

use crate::shard::outbox::Outbox;

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
        let this = Self {
            socket,
            buffers: vec![[0; DATAGRAM]; BATCH].try_into().expect("the vector has BATCH elements"),
            // SAFETY: all zeros is a valid sockaddr_storage: it is plain data.
            addresses: Box::new([unsafe { mem::zeroed() }; BATCH]),
            received: [(unknown, 0); BATCH],
        };
        this.do_not_track_path_mtu(listen.is_ipv4());
        Ok(this)
    }

    /// Spares the kernel its per-destination MTU cache, which costs a quarter of a send. Our
    /// packets are far smaller than any path's MTU.
    fn do_not_track_path_mtu(&self, v4: bool) {
        let (level, name, value) = if v4 {
            (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_PROBE)
        } else {
            (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_PROBE)
        };
        let length = size_of_val(&value) as libc::socklen_t;
        // SAFETY: the descriptor is open, and the option's value is an int that outlives the call.
        // A kernel that refuses the option is only slower.
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
        }
        // SAFETY: every header points at an iovec, a buffer and an address that live until the
        // call returns and overlap nothing else; the count is the array's length.
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
        }
        count
    }

    /// The datagram at `index` of the batch just received.
    pub(crate) fn datagram(&mut self, index: usize) -> (SocketAddr, &mut [u8]) {
        let (from, length) = self.received[index];
        (from, &mut self.buffers[index][..length])
    }

    /// Sends everything, in order. How many the kernel took: the rest finds its buffers full, and
    /// voice that waits is worth less than voice that is lost.
    pub(crate) fn send(&self, outbox: &Outbox) -> usize {
        let mut sent = 0;
        for chunk in outbox.transmits().chunks(SEND_BATCH) {
            sent += self.send_batch(outbox.bytes(), chunk);
        }
        sent
    }

    fn send_batch(&self, bytes: &[u8], transmits: &[crate::shard::outbox::Transmit]) -> usize {
        let count = transmits.len().min(SEND_BATCH);
        // SAFETY: all zeros is valid for each of these: plain data and null pointers.
        let mut addresses: [libc::sockaddr_in6; SEND_BATCH] = unsafe { mem::zeroed() };
        // SAFETY: as above.
        let mut slices: [libc::iovec; SEND_BATCH] = unsafe { mem::zeroed() };
        // SAFETY: as above.
        let mut headers: [libc::mmsghdr; SEND_BATCH] = unsafe { mem::zeroed() };
        for (index, transmit) in transmits.iter().take(count).enumerate() {
            let payload = &bytes[transmit.range.clone()];
            // The kernel only reads through this pointer.
            slices[index] = libc::iovec {
                iov_base: payload.as_ptr().cast_mut().cast(),
                iov_len: payload.len(),
            };
            let length = from_address(transmit.to, &mut addresses[index]);
            let header = &mut headers[index].msg_hdr;
            header.msg_name = (&raw mut addresses[index]).cast();
            header.msg_namelen = length;
            header.msg_iov = &raw mut slices[index];
            header.msg_iovlen = 1;
        }
        let (mut sent, mut at) = (0, 0);
        while at < count {
            // SAFETY: the headers from `at` to `count` point at iovecs, payloads and addresses that
            // live until the call returns, and `count - at` of them follow.
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
                    sent += taken;
                    at += taken;
                }
                _ if io::Error::last_os_error().kind() == io::ErrorKind::WouldBlock => break,
                // One destination is unreachable: the others still get theirs.
                _ => at += 1,
            }
        }
        sent
    }
}

/// Reads what the kernel wrote.
fn to_address(storage: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match i32::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says that it is a sockaddr_in, which is smaller than the storage
            // and needs no more alignment.
            let v4 = unsafe { &*ptr::from_ref(storage).cast::<libc::sockaddr_in>() };
            let ip = u32::from_be(v4.sin_addr.s_addr);
            Some(SocketAddrV4::new(ip.into(), u16::from_be(v4.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above, with sockaddr_in6.
            let v6 = unsafe { &*ptr::from_ref(storage).cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            let port = u16::from_be(v6.sin6_port);
            Some(SocketAddrV6::new(ip, port, v6.sin6_flowinfo, v6.sin6_scope_id).into())
        }
        _ => None,
    }
}

/// Writes an address as the kernel reads it. Its length.
fn from_address(address: SocketAddr, out: &mut libc::sockaddr_in6) -> libc::socklen_t {
    match address {
        SocketAddr::V4(v4) => {
            let raw = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: v4.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from(*v4.ip()).to_be() },
                sin_zero: [0; 8],
            };
            // SAFETY: a sockaddr_in is smaller than a sockaddr_in6 and needs no more alignment.
            unsafe { ptr::from_mut(out).cast::<libc::sockaddr_in>().write(raw) };
            size_of::<libc::sockaddr_in>() as libc::socklen_t
        }
        SocketAddr::V6(v6) => {
            *out = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: v6.port().to_be(),
                sin6_flowinfo: v6.flowinfo(),
                sin6_addr: libc::in6_addr { s6_addr: v6.ip().octets() },
                sin6_scope_id: v6.scope_id(),
            };
            size_of::<libc::sockaddr_in6>() as libc::socklen_t
        }
    }
}

/// Wakes a shard's thread out of its wait.
#[derive(Debug)]
pub(crate) struct Waker(File);

impl Waker {
    /// A new eventfd.
    ///
    /// # Errors
    ///
    /// When the process has no descriptors left.
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: eventfd takes no pointers.
        let raw = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
        if raw < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just opened and belongs to nobody else.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(raw) }.into()))
    }

    /// Ends the wait, or the next one.
    pub(crate) fn wake(&self) {
        // It fails only when the counter is full, and then the thread is awake anyway.
        let _ = (&self.0).write(&1u64.to_ne_bytes());
    }

    fn clear(&self) {
        let mut counter = [0; 8];
        let _ = (&self.0).read(&mut counter);
    }
}

/// Sleeps until the socket has something, the waker was called, or `most` is over.
pub(crate) fn wait(socket: &BatchSocket, waker: &Waker, most: Duration) {
    let interest = |fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    let mut watched = [interest(socket.socket.as_raw_fd()), interest(waker.0.as_raw_fd())];
    let nanos = most.subsec_nanos();
    let most =
        libc::timespec { tv_sec: most.as_secs() as libc::time_t, tv_nsec: nanos as libc::c_long };
    // SAFETY: the array and the timespec outlive the call, and two entries are what it has.
    unsafe { libc::ppoll(watched.as_mut_ptr(), 2, &raw const most, ptr::null()) };
    if watched[1].revents != 0 {
        waker.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

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
