//! The speakers: one thread that sends for all of them, in their rhythm.

use std::net::SocketAddr;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use media::bench::UdpCipher;

use super::browser::Browser;
use super::chance::Dice;
use super::clock::Clock;
use super::ears;
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
    /// What its network loses.
    pub(super) dice: Dice,
}

/// How a speaker seals.
pub(super) enum Voice {
    Discord(UdpCipher),
    Mumble(Box<Ocb>),
    /// By WebRTC; one of the ears tends its session.
    WebRtc(Arc<Mutex<Browser>>),
}

impl Mouth {
    /// Sends the next packet. Whether the kernel took it, or it was lost on purpose.
    fn say(&mut self, payload: &[u8], plain: &mut Vec<u8>, packet: &mut Vec<u8>) -> bool {
        let counter = self.counter;
        self.counter = counter.wrapping_add(1);
        match &mut self.voice {
            Voice::Discord(cipher) => {
                packet.clear();
                packet.extend_from_slice(&self.stream.next_header());
                packet.extend_from_slice(payload);
                cipher.seal(counter, packet, 0);
            }
            Voice::Mumble(ocb) => {
                wire::put_voice(plain, counter, payload);
                ocb.seal(plain, packet);
            }
            Voice::WebRtc(browser) => {
                let mut browser = browser.lock().unwrap_or_else(PoisonError::into_inner);
                browser.speak(crate::bench::now(), counter, payload);
                return ears::tend(&mut browser, &self.socket, &mut self.dice, |_| {});
            }
        }
        self.dice.drops() || self.socket.send_to(packet, self.server).is_ok()
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
            if mouth.say(&payload[..turn.length], &mut plain, &mut packet) {
                wanted += mouth.audience;
            }
        }
        wanted
    }
}
