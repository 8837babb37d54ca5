//! The floor: what it costs this machine to seal a packet for each listener and to send them with
//! `sendmmsg`, and nothing else. Same rhythm, same destinations, same sleeping readers.

use std::io;
use std::io::IoSlice;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::ops::Range;

use media::bench::SrtpCipher;
use media::bench::UdpCipher;
use rustix::net::MMsgHdr;
use rustix::net::SendAncillaryBuffer;
use rustix::net::SendFlags;
use rustix::net::SocketAddrAny;
use rustix::net::sendmmsg;

use super::clock::Clock;
use super::packet::Stamp;
use super::packet::Stream;
use super::rhythm;
use super::rhythm::Slice;
use crate::bench::meter::Bursts;
use crate::bench::meter::Metered;

/// The SSRC of the floor's packets. The server assigns multiples of 32.
pub(super) const FLOOR_SSRC: u32 = 7;
/// Datagrams of one `sendmmsg`.
const BATCH: usize = 64;

/// One listener as the floor sees it.
pub(super) struct Destination {
    address: SocketAddrAny,
    seal: Seal,
    stream: Stream,
    counter: u32,
}

/// How the floor seals for a listener: as the server does for the same transport.
pub(super) enum Seal {
    Udp(UdpCipher),
    WebRtc(SrtpCipher),
}

impl Destination {
    /// A listener's port on this machine, and how the floor seals for it.
    pub(super) fn new(port: u16, seal: Seal) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self { address: address.into(), seal, stream: Stream::new(FLOOR_SSRC), counter: 0 }
    }
}

/// The sender.
pub(super) struct Floor {
    socket: UdpSocket,
    /// Listeners by room.
    rooms: Vec<Vec<Destination>>,
    /// The room of each speaker.
    speakers: Vec<usize>,
    clock: Clock,
    arena: Vec<u8>,
    ranges: Vec<Range<usize>>,
}

impl Floor {
    /// A sender to rooms of listeners; `speakers` tells the room of each speaker.
    ///
    /// # Errors
    ///
    /// When there is no socket left.
    pub(super) fn new(
        rooms: Vec<Vec<Destination>>,
        speakers: Vec<usize>,
        clock: Clock,
    ) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        Ok(Self { socket, rooms, speakers, clock, arena: Vec::new(), ranges: Vec::new() })
    }

    /// Sends for `span` what a server would forward; blocks as long. Its work are packets that the kernel took.
    pub(super) fn run(&mut self, Slice { span, lap, rhythm, seed }: Slice) -> Metered {
        let began = self.clock.elapsed();
        let mut bursts = Bursts::default();
        for turn in rhythm::turns(rhythm, seed, self.speakers.len(), span) {
            self.clock.sleep_until(began + turn.at);
            let payload = Stamp { lap, nanos: self.clock.nanos() }.to_payload();
            let room = self.speakers[turn.speaker];
            bursts.note(|| {
                self.seal(room, &payload[..turn.length]);
                self.send(room)
            });
        }
        bursts.metered()
    }

    fn seal(&mut self, room: usize, payload: &[u8]) {
        self.arena.clear();
        self.ranges.clear();
        for to in &mut self.rooms[room] {
            let start = self.arena.len();
            let header = to.stream.next_header();
            match &mut to.seal {
                Seal::Udp(cipher) => {
                    self.arena.extend_from_slice(&header);
                    self.arena.extend_from_slice(payload);
                    cipher.seal(to.counter, &mut self.arena, start);
                }
                // The header is one, so it is never refused.
                Seal::WebRtc(cipher) => {
                    cipher.seal(&header, to.counter.into(), payload, &mut self.arena);
                }
            }
            to.counter = to.counter.wrapping_add(1);
            self.ranges.push(start..self.arena.len());
        }
    }

    fn send(&self, room: usize) -> u64 {
        let mut sent = 0;
        for (to, ranges) in self.rooms[room].chunks(BATCH).zip(self.ranges.chunks(BATCH)) {
            let slice = |range: &Range<usize>| [IoSlice::new(&self.arena[range.clone()])];
            let slices: Vec<_> = ranges.iter().map(slice).collect();
            let mut controls: [_; BATCH] = std::array::from_fn(|_| SendAncillaryBuffer::default());
            let mut messages: Vec<_> = to
                .iter()
                .zip(&slices)
                .zip(&mut controls)
                .map(|((to, slice), control)| MMsgHdr::new_with_addr(&to.address, slice, control))
                .collect();
            // The socket blocks: all are taken, or the machine is broken and it shows as loss.
            sent += sendmmsg(&self.socket, &mut messages, SendFlags::empty()).unwrap_or(0) as u64;
        }
        sent
    }
}
