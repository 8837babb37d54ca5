//! The speakers: one thread that sends for all of them, in their rhythm.

use std::net::SocketAddr;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use media::bench::UdpCipher;

use super::clock::Clock;
use super::packet::Lap;
use super::packet::Stamp;
use super::packet::Stream;
use super::rhythm;

/// One speaker.
pub(super) struct Mouth {
    pub(super) socket: Arc<UdpSocket>,
    pub(super) server: SocketAddr,
    pub(super) cipher: UdpCipher,
    pub(super) stream: Stream,
    /// The nonce of the next packet.
    pub(super) counter: u32,
}

/// All speakers.
pub(super) struct Mouths {
    pub(super) mouths: Vec<Mouth>,
    pub(super) clock: Clock,
}

impl Mouths {
    /// The first `active` speakers speak for `span`; blocks as long. How many packets the kernel
    /// took.
    pub(super) fn speak(&mut self, span: Duration, lap: Lap, active: usize) -> u64 {
        let began = self.clock.elapsed();
        let (mut sent, mut packet) = (0, Vec::new());
        for (at, index) in rhythm::turns(active.min(self.mouths.len()), span) {
            self.clock.sleep_until(began + at);
            let mouth = &mut self.mouths[index];
            let stamp = Stamp { lap, nanos: self.clock.nanos() };
            packet.clear();
            packet.extend_from_slice(&mouth.stream.next_header());
            packet.extend_from_slice(&stamp.to_payload());
            mouth.cipher.seal(mouth.counter, &mut packet, 0);
            mouth.counter = mouth.counter.wrapping_add(1);
            sent += u64::from(mouth.socket.send_to(&packet, mouth.server).is_ok());
        }
        sent
    }
}
