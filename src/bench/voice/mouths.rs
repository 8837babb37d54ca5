//! The speakers: one thread that sends for all of them, in their rhythm.

use std::net::SocketAddr;
use std::net::UdpSocket;
use std::sync::Arc;

use media::bench::UdpCipher;

use super::clock::Clock;
use super::mumble::ocb::Ocb;
use super::mumble::wire;
use super::packet::Stamp;
use super::packet::Stream;
use super::rhythm;
use super::rhythm::Slice;

/// One speaker.
pub(super) struct Mouth {
    pub(super) socket: Arc<UdpSocket>,
    pub(super) server: SocketAddr,
    pub(super) voice: Voice,
    pub(super) stream: Stream,
    /// How many packets it sent, and the nonce of the next.
    pub(super) counter: u32,
    /// How many hear it.
    pub(super) audience: u64,
}

/// How a speaker seals.
pub(super) enum Voice {
    Discord(UdpCipher),
    Mumble(Box<Ocb>),
}

impl Mouth {
    /// The next packet.
    fn seal(&mut self, payload: &[u8], plain: &mut Vec<u8>, packet: &mut Vec<u8>) {
        match &mut self.voice {
            Voice::Discord(cipher) => {
                packet.clear();
                packet.extend_from_slice(&self.stream.next_header());
                packet.extend_from_slice(payload);
                cipher.seal(self.counter, packet, 0);
            }
            Voice::Mumble(ocb) => {
                wire::put_voice(plain, self.counter, payload);
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
    /// The first `active` speakers speak; blocks as long. How many packets listeners should hear of
    /// what the kernel took.
    pub(super) fn speak(&mut self, slice: Slice, active: usize) -> u64 {
        let Slice { span, lap, rhythm, seed } = slice;
        let began = self.clock.elapsed();
        let (mut wanted, mut plain, mut packet) = (0, Vec::new(), Vec::new());
        for turn in rhythm::turns(rhythm, seed, active.min(self.mouths.len()), span) {
            self.clock.sleep_until(began + turn.at);
            let mouth = &mut self.mouths[turn.speaker];
            let payload = Stamp { lap, nanos: self.clock.nanos() }.to_payload();
            mouth.seal(&payload[..turn.length], &mut plain, &mut packet);
            if mouth.socket.send_to(&packet, mouth.server).is_ok() {
                wanted += mouth.audience;
            }
        }
        wanted
    }
}
