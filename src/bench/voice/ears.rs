//! The listeners: a few threads, each asleep in `epoll_wait` over many sockets, as clients sleep
//! over theirs. What they hear from the server and from the floor is counted apart.

use std::io;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;
use std::time::Duration;
use std::time::Instant;

use media::bench::SrtpCipher;
use media::bench::UdpCipher;
use rustix::event::Timespec;
use rustix::event::epoll;
use rustix::process::setpriority_process;
use rustix::thread::gettid;

use super::browser::Browser;
use super::browser::Wish;
use super::chance::Dice;
use super::chance::part;
use super::clock::Clock;
use super::floor::FLOOR_SSRC;
use super::histogram::Times;
use super::mumble::ocb::Ocb;
use super::mumble::wire;
use super::packet::Lap;
use super::packet::Stamp;

/// Sockets that one `epoll_wait` tells at most.
const EVENTS: usize = 64;
/// The priority of readers (`nice`): elsewhere they are on machines of their own, and none of them takes
/// the processor from whoever sends to it, server or floor.
const MODEST: i32 = 19;
/// How often a sleeping thread looks whether it is over.
const LOOK_UP: Duration = Duration::from_millis(100);
/// Sessions with timers are looked at when one of them is due, but no more often than this.
const PULSE: Duration = Duration::from_millis(5);
/// Room for a datagram, in bytes.
const DATAGRAM: usize = 2_048;

/// One listener.
pub(super) struct Ear {
    /// The server that it listens to.
    pub(super) way: Way,
    pub(super) socket: Arc<UdpSocket>,
    pub(super) hearing: Hearing,
    /// What its network loses, in both directions; the floor has none.
    pub(super) dice: Dice,
}

/// The way that a packet came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// From the floor, which sends directly.
    Floor,
    /// Through the server.
    Server,
    /// Through the server that makes packets wait for each other.
    Paired,
    /// Through mumble-server.
    Mumble,
    /// Through Janus.
    Janus,
}

impl Way {
    /// What reports call it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Server => "server",
            Self::Paired => "paired",
            Self::Mumble => "mumble",
            Self::Janus => "janus",
        }
    }
}

/// How many ways there are.
const WAYS: usize = 5;

/// How a listener opens what its server and what the floor sends it, if that does.
pub(super) enum Hearing {
    Udp {
        server: UdpCipher,
        floor: Option<UdpCipher>,
    },
    WebRtc {
        server: Browser,
        floor: Option<SrtpCipher>,
    },
    Mumble(Box<Ocb>),
    /// A speaker by WebRTC, whose session wants to be told of checks, reports and the time.
    Speaker(Arc<Mutex<Browser>>),
}

/// What listeners heard.
#[derive(Debug)]
pub(super) struct Heard {
    clock: Clock,
    ways: [Laps; WAYS],
    /// Datagrams that were not authentic, or not of this load.
    pub(super) strange: u64,
}

impl Heard {
    /// Nothing yet; `clock` is that of the speakers.
    fn new(clock: Clock) -> Self {
        Self { clock, ways: Default::default(), strange: 0 }
    }

    /// What came this way in a lap.
    pub(super) fn of(&mut self, way: Way, lap: Lap) -> &mut Times {
        self.ways[way as usize].of(lap)
    }

    fn add(&mut self, other: &Self) {
        for (laps, more) in self.ways.iter_mut().zip(&other.ways) {
            laps.add(more);
        }
        self.strange += other.strange;
    }

    /// Counts a payload that came at `now`.
    fn count(&mut self, now: u64, way: Way, payload: Option<&[u8]>) {
        match payload.and_then(Stamp::parse) {
            Some(stamp) => {
                let [from, to] = [stamp.nanos.min(now), now].map(|nanos| self.clock.at(nanos));
                self.of(way, stamp.lap).record(from, to);
            }
            None => self.strange += 1,
        }
    }
}

/// Time from speaker to listener, by lap; the totals are the packets counted.
#[derive(Debug, Default)]
struct Laps(Vec<Times>);

impl Laps {
    fn of(&mut self, lap: Lap) -> &mut Times {
        let index = usize::from(lap.0);
        if self.0.len() <= index {
            self.0.resize_with(index + 1, Times::default);
        }
        &mut self.0[index]
    }

    fn add(&mut self, other: &Self) {
        for (times, lap) in other.0.iter().zip(0..) {
            self.of(Lap(lap)).add(times);
        }
    }
}

/// The running threads.
pub(super) struct Ears {
    threads: Vec<JoinHandle<Heard>>,
    clock: Clock,
    over: Arc<AtomicBool>,
    /// Packets heard so far.
    pub(super) packets: Arc<AtomicU64>,
}

impl Ears {
    /// Starts `threads` threads, among which the listeners are shared out.
    ///
    /// # Errors
    ///
    /// When the process has no descriptors or threads left.
    pub(super) fn listen(ears: Vec<Ear>, threads: usize, clock: Clock) -> io::Result<Self> {
        let mut shares: Vec<Vec<Ear>> = (0..threads).map(|_| Vec::new()).collect();
        for (index, ear) in ears.into_iter().enumerate() {
            shares[index % threads].push(ear);
        }
        let mut this = Self {
            threads: Vec::new(),
            clock,
            over: Arc::new(AtomicBool::new(false)),
            packets: Arc::new(AtomicU64::new(0)),
        };
        for (index, ears) in shares.into_iter().enumerate() {
            let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
            for (number, ear) in (0_u64..).zip(&ears) {
                ear.socket.set_nonblocking(true)?;
                let data = epoll::EventData::new_u64(number);
                epoll::add(&epoll, &ear.socket, data, epoll::EventFlags::IN)?;
            }
            let share = Share {
                epoll,
                ears,
                clock,
                over: Arc::clone(&this.over),
                packets: Arc::clone(&this.packets),
            };
            let thread = std::thread::Builder::new().name(format!("ears-{index}"));
            this.threads.push(thread.spawn(move || share.run())?);
        }
        Ok(this)
    }

    /// Ends the threads; blocks until they are gone. What was heard.
    pub(super) fn stop(mut self) -> Heard {
        self.over.store(true, Relaxed);
        let mut all = Heard::new(self.clock);
        for thread in self.threads.drain(..) {
            // A thread that panicked heard nothing, which shows as loss.
            let Ok(heard) = thread.join() else { continue };
            all.add(&heard);
        }
        all
    }
}

impl Drop for Ears {
    fn drop(&mut self) {
        self.over.store(true, Relaxed);
    }
}

/// One thread's listeners.
struct Share {
    epoll: rustix::fd::OwnedFd,
    ears: Vec<Ear>,
    clock: Clock,
    over: Arc<AtomicBool>,
    packets: Arc<AtomicU64>,
}

impl Share {
    fn run(mut self) -> Heard {
        // Where it is refused the readers push the sender off its processor, and all cost more alike.
        let _ = setpriority_process(Some(gettid()), MODEST);
        let mut heard = Heard::new(self.clock);
        let mut ready = Vec::with_capacity(EVENTS);
        let mut datagram = [0; DATAGRAM];
        let mut look_up = crate::bench::now();
        for (number, ear) in (0..).zip(&mut self.ears) {
            ear.pause(look_up, part(number, [0, 0]));
        }
        while !self.over.load(Relaxed) {
            let room = rustix::buffer::spare_capacity(&mut ready);
            // Only a signal ends the wait early; then nothing is ready.
            let rest = look_up.saturating_duration_since(crate::bench::now()).min(LOOK_UP);
            let nanos = rest.subsec_nanos().into();
            let rest = Timespec { tv_sec: 0, tv_nsec: nanos };
            let _ = epoll::wait(&self.epoll, room, Some(&rest));
            for event in ready.drain(..) {
                let Some(ear) = self.ears.get_mut(event.data.u64() as usize) else { continue };
                // One datagram a turn: a socket that has more is told again.
                let Ok(length) = ear.socket.recv(&mut datagram) else { continue };
                let now = self.clock.nanos();
                self.packets.fetch_add(1, Relaxed);
                ear.hear(now, &mut datagram[..length], &mut heard);
            }
            let now = crate::bench::now();
            if now >= look_up {
                let nanos = self.clock.nanos();
                self.ears.iter_mut().for_each(|ear| ear.pulse(now, nanos, &mut heard));
                let next = self.ears.iter().filter_map(Ear::deadline).min();
                look_up = next.map_or(now + LOOK_UP, |next| next.max(now + PULSE));
            }
        }
        heard
    }
}

impl Ear {
    /// Takes one datagram, which came at `now`.
    fn hear(&mut self, now: u64, datagram: &mut [u8], heard: &mut Heard) {
        let Some(ssrc) = datagram.get(8..12) else { return };
        let is_floor = ssrc == FLOOR_SSRC.to_be_bytes();
        if !is_floor && self.dice.drops() {
            return;
        }
        let dice = &mut self.dice;
        match &mut self.hearing {
            Hearing::Mumble(ocb) => match ocb.open(datagram) {
                Some(packet) if wire::is_ping(packet) => {}
                packet => heard.count(now, self.way, packet.and_then(wire::opus_of)),
            },
            Hearing::Udp { floor: Some(floor), .. } if is_floor => {
                let payload = floor.open(datagram).map(|(_, payload)| payload);
                heard.count(now, Way::Floor, payload);
            }
            Hearing::Udp { server, .. } => {
                let payload = server.open(datagram).map(|(_, payload)| payload);
                heard.count(now, self.way, payload);
            }
            Hearing::WebRtc { floor: Some(floor), .. } if is_floor => {
                heard.count(now, Way::Floor, floor.open(datagram));
            }
            Hearing::WebRtc { server, .. } => {
                server.receive(crate::bench::now(), datagram);
                tend(server, &self.socket, dice, |payload| {
                    heard.count(now, self.way, Some(payload))
                });
            }
            Hearing::Speaker(speaker) => {
                let mut speaker = speaker.lock().unwrap_or_else(PoisonError::into_inner);
                speaker.receive(crate::bench::now(), datagram);
                tend(&mut speaker, &self.socket, dice, |_| {});
            }
        }
    }

    /// Its session's checks are not those of others who joined at the same time.
    fn pause(&mut self, now: Instant, part: f64) {
        match &mut self.hearing {
            Hearing::WebRtc { server, .. } => server.pause(now, part),
            Hearing::Speaker(speaker) => {
                speaker.lock().unwrap_or_else(PoisonError::into_inner).pause(now, part);
            }
            Hearing::Udp { .. } | Hearing::Mumble(_) => {}
        }
    }

    /// When its session wants to know the time, if it has one.
    fn deadline(&self) -> Option<Instant> {
        match &self.hearing {
            Hearing::WebRtc { server, .. } => Some(server.deadline()),
            Hearing::Speaker(speaker) => {
                Some(speaker.lock().unwrap_or_else(PoisonError::into_inner).deadline())
            }
            Hearing::Udp { .. } | Hearing::Mumble(_) => None,
        }
    }

    /// Tells a session the time, if it wants to know.
    fn pulse(&mut self, now: Instant, nanos: u64, heard: &mut Heard) {
        let dice = &mut self.dice;
        match &mut self.hearing {
            Hearing::WebRtc { server, .. } if server.deadline() <= now => {
                server.handle_timeout(now);
                tend(server, &self.socket, dice, |payload| {
                    heard.count(nanos, self.way, Some(payload))
                });
            }
            Hearing::Speaker(speaker) => {
                let mut speaker = speaker.lock().unwrap_or_else(PoisonError::into_inner);
                if speaker.deadline() <= now {
                    speaker.handle_timeout(now);
                    tend(&mut speaker, &self.socket, dice, |_| {});
                }
            }
            _ => {}
        }
    }
}

/// Does what a session wants done. Whether the kernel took all that was not lost on purpose.
pub(super) fn tend(
    browser: &mut Browser,
    socket: &UdpSocket,
    dice: &mut Dice,
    mut heard: impl FnMut(&[u8]),
) -> bool {
    let mut sent = true;
    // A session that failed hears nothing more, which shows as loss.
    while let Ok(Some(wish)) = browser.poll() {
        match wish {
            Wish::Send(..) if dice.drops() => {}
            Wish::Send(to, bytes) => sent &= socket.send_to(&bytes, to).is_ok(),
            Wish::Heard(payload) => heard(&payload),
        }
    }
    sent
}
