//! The speakers: one thread that sends for all of them, in their rhythm.

use std::net::SocketAddr;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use media::bench::UdpCipher;

use super::clock::Clock;
use super::mumble::ocb::Ocb;
use super::mumble::wire;
use super::packet::Lap;
use super::packet::Stamp;
use super::packet::Stream;
use super::rhythm;

/// One speaker.
pub(super) struct Mouth {
    pub(super) socket: Arc<UdpSocket>,
    pub(super) server: SocketAddr,
    pub(super) voice: Voice,
    pub(super) stream: Stream,
    /// How many packets it sent, and the nonce of the next.
    pub(super) counter: u32,
}

/// How a speaker seals.
pub(super) enum Voice {
    Discord(UdpCipher),
    Mumble(Box<Ocb>),
}

impl Mouth {
    /// The next packet.
    fn seal(&mut self, stamp: Stamp, plain: &mut Vec<u8>, packet: &mut Vec<u8>) {
        match &mut self.voice {
            Voice::Discord(cipher) => {
                packet.clear();
                packet.extend_from_slice(&self.stream.next_header());
                packet.extend_from_slice(&stamp.to_payload());
                cipher.seal(self.counter, packet, 0);
            }
            Voice::Mumble(ocb) => {
                wire::put_voice(plain, self.counter, &stamp.to_payload());
                ocb.seal(plain, packet);
            }
        }
        self.counter = self.counter.wrapping_add(1);
    }
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
        let (mut sent, mut plain, mut packet) = (0, Vec::new(), Vec::new());
        for (at, index) in rhythm::turns(active.min(self.mouths.len()), span) {
            self.clock.sleep_until(began + at);
            let mouth = &mut self.mouths[index];
            let stamp = Stamp { lap, nanos: self.clock.nanos() };
            mouth.seal(stamp, &mut plain, &mut packet);
            sent += u64::from(mouth.socket.send_to(&packet, mouth.server).is_ok());
        }
        sent
    }
}
