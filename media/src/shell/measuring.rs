//! What a turn's sends cost, and what forwarding does with and without waiting for company: for
//! `benches/pairing.rs` alone.
//!
//! On the loopback readers are asleep and their buffers full, as a send that wakes nobody costs least.
//! It is the sender, though, who takes apart there what left together, and delivers it: a device that
//! discards has what a sender pays where its readers are on other machines.

use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::time::Duration;
use std::time::Instant;

use model::voice::EncryptionMode;
use model::voice::SessionKey;

use crate::bench::DryRoom;
use crate::bench::DrySpeaker;
use crate::bench::UdpCipher;
use crate::rtp::header::FIXED;
use crate::shard::outbox::Outbox;
use crate::shell::socket::BatchSocket;
use crate::shell::window::LONGEST;

/// The processor time that this thread took to send, per packet.
///
/// Each of `turns` turns sends one packet of each of `speakers` speakers to each of `listeners`
/// listeners, together or each by itself.
///
/// # Panics
///
/// When the machine has no loopback or no descriptors left.
#[must_use]
pub fn send_cost(listeners: usize, speakers: usize, turns: usize, together: bool) -> Duration {
    let loopback = "127.0.0.1:0".parse().expect("an address");
    let mut server = BatchSocket::bind(loopback, false).expect("a free port");
    server.send_together(together);
    let readers: Vec<_> =
        (0..listeners).map(|_| UdpSocket::bind(loopback).expect("a free port")).collect();
    let mut outbox = Outbox::default();
    for speaker in 0..speakers {
        for reader in &readers {
            // 100 bytes of Opus, sealed.
            let mut packet = [speaker as u8; 132];
            packet[0] = 0x80;
            outbox.push(reader.local_addr().expect("bound"), &packet);
        }
    }
    for _ in 0..turns / 10 {
        server.send(&outbox);
    }
    let before = thread_time();
    for _ in 0..turns {
        server.send(&outbox);
    }
    (thread_time() - before) / (turns * speakers * listeners).max(1) as u32
}

/// What forwarding costs, as processor time of a packet for a listener.
#[derive(Debug, Clone, Copy)]
pub struct Forwarding {
    /// To seal the packet and to hand it to `sendmmsg` in batches, and nothing else.
    pub floor: Duration,
    /// To open, route, seal and send each speaker's packet when it comes.
    pub alone: Duration,
    /// The same where packets that come within the longest rest of a shard leave together.
    pub together: Duration,
    /// How many leave with one send then.
    pub a_send: f64,
}

/// A room whose listeners are behind a device that discards.
pub struct Away {
    socket: BatchSocket,
    room: DryRoom,
    speakers: Vec<DrySpeaker>,
    floor: Vec<(SocketAddr, UdpCipher)>,
    counter: u32,
    chance: u64,
}

/// One packet on its way to the room: how long after the one before, who speaks, how many bytes.
type Arrival = (Duration, usize, usize);
/// Between two packets of a speaker, and how many of each make a turn: a second.
const FRAME: Duration = Duration::from_millis(20);
const FRAMES: u32 = 50;
const MODE: EncryptionMode = EncryptionMode::Aes256Gcm;

impl Away {
    /// Speakers and listeners, who have addresses in 10.0.0.0/8; packets leave from `from`.
    ///
    /// # Errors
    ///
    /// When `from` is no address of this machine, or there is no randomness.
    pub fn new(from: IpAddr, speakers: usize, listeners: usize) -> io::Result<Self> {
        let socket = BatchSocket::bind(SocketAddr::from((from, 0)), false)?;
        let missing = || io::Error::other("no randomness");
        #[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
        let (mut room, first) = DryRoom::new(Instant::now(), MODE).ok_or_else(missing)?;
        let others = (1..speakers).map(|_| room.add_speaker(MODE));
        let speakers = [first].into_iter().chain(others).collect();
        (0..listeners).for_each(|_| room.add_listener(MODE));
        let floor = (1..=listeners as u16).map(|number| {
            let [high, low] = number.to_be_bytes();
            let mut key = [9; 32];
            key[..2].copy_from_slice(&[high, low]);
            let address = SocketAddr::from(([10, 1, high, low], 40_000));
            (address, UdpCipher::new(MODE, &SessionKey::new(key)))
        });
        let floor = floor.collect();
        Ok(Self { socket, room, speakers, floor, counter: 0, chance: 1 })
    }

    /// A second of speech, forwarded in all three ways, one after the other.
    pub fn second(&mut self) -> Forwarding {
        let arrivals = self.arrivals();
        let forwarded = (arrivals.len() * self.floor.len()) as u32;
        let floor = self.run_floor(&arrivals);
        let (alone, _) = self.forward(&arrivals, Duration::ZERO);
        let (together, sends) = self.forward(&arrivals, LONGEST);
        let [floor, alone, together] = [floor, alone, together].map(|cost| cost / forwarded);
        Forwarding { floor, alone, together, a_send: f64::from(forwarded) / sends as f64 }
    }

    /// When whose packets come: each speaker at a point of the 20 ms of its own, with a variable bit rate.
    fn arrivals(&mut self) -> Vec<Arrival> {
        let phases: Vec<_> = (0..self.speakers.len()).map(|_| FRAME.mul_f64(self.draw())).collect();
        let mut at = Vec::new();
        for frame in 0..FRAMES {
            for (speaker, phase) in phases.iter().enumerate() {
                let length = 60 + (40.0 * (self.draw() + self.draw())).round() as usize;
                at.push((FRAME * frame + *phase, speaker, length));
            }
        }
        at.sort_unstable();
        let mut before = Duration::ZERO;
        for (at, ..) in &mut at {
            let after = *at - before;
            before = std::mem::replace(at, after);
        }
        at
    }

    /// Between 0 and 1 (Marsaglia, Xorshift RNGs).
    fn draw(&mut self) -> f64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        (self.chance >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn run_floor(&mut self, arrivals: &[Arrival]) -> Duration {
        self.socket.send_together(false);
        let (mut outbox, mut packet) = (Outbox::default(), Vec::new());
        let before = thread_time();
        for (_, _, length) in arrivals {
            for (to, cipher) in &mut self.floor {
                packet.clear();
                packet.resize(FIXED + length, 0x80);
                cipher.seal(self.counter, &mut packet, 0);
                outbox.push(*to, &packet);
            }
            self.counter += 1;
            self.socket.send(&outbox);
            outbox.clear();
        }
        thread_time() - before
    }

    /// Forwards what comes within `rest` of a first packet at once. What it took, and how many sends.
    fn forward(&mut self, arrivals: &[Arrival], rest: Duration) -> (Duration, usize) {
        self.socket.send_together(!rest.is_zero());
        let speak = |(_, speaker, length): &Arrival| self.speakers[*speaker].speak_of(*length);
        let mut packets: Vec<_> = arrivals.iter().map(speak).collect();
        let (mut waited, mut sends) = (Duration::ZERO, 0);
        let before = thread_time();
        for (index, (arrival, packet)) in arrivals.iter().zip(&mut packets).enumerate() {
            self.room.take(arrival.0, &self.speakers[arrival.1], packet);
            let next = arrivals.get(index + 1).map_or(FRAME, |next| next.0);
            waited += next;
            if waited >= rest {
                waited = Duration::ZERO;
                self.socket.send(self.room.outbox());
                sends += self.socket.sends();
                self.room.outbox().clear();
            }
        }
        let took = thread_time() - before;
        self.room.rest();
        (took, sends)
    }
}

/// Processor time of this thread so far.
fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec that outlives the call.
    let read = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(read, 0, "Linux has a clock for each thread");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
