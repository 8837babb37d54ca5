//! User code of one forwarded packet: the whole path of a voice packet with the sends stubbed. After
//! divan's table comes a summary per *forwarded* packet, in one run: growth with the room's size,
//! allocations, and heap per peer.

use std::cell::RefCell;
use std::hint::black_box;
use std::time::Duration;
use std::time::Instant;

use divan::Bencher;
use divan::counter::ItemsCount;
use media::bench::BrowserCipher;
use media::bench::Counting;
use media::bench::DryRoom;
use media::bench::DrySpeaker;
use media::bench::allocations;
use media::bench::forged_check;
use media::bench::live_bytes;
use model::voice::EncryptionMode;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Sizes of rooms.
const SIZES: [usize; 4] = [10, 50, 100, 1_000];
/// Packets that each figure of the summary forwards, about.
const FORWARDED: usize = 400_000;
/// Rounds of the summary, in which sizes take turns; the median counts.
const ROUNDS: usize = 9;
/// Forged checks in a round.
const FLOOD: usize = 50_000;
/// Peers over which the heap is shared out.
const PEERS: usize = 10_000;

fn main() {
    divan::main();
    if std::env::args().any(|argument| argument == "--bench") {
        summary();
    }
}

#[divan::bench(args = SIZES)]
fn aes256_gcm(bencher: Bencher<'_, '_>, listeners: usize) {
    forward(bencher, Listeners::Udp(EncryptionMode::Aes256Gcm), listeners);
}

#[divan::bench(args = SIZES)]
fn xchacha20_poly1305(bencher: Bencher<'_, '_>, listeners: usize) {
    forward(bencher, Listeners::Udp(EncryptionMode::XChaCha20Poly1305), listeners);
}

#[divan::bench(args = SIZES)]
fn webrtc_aes_cm(bencher: Bencher<'_, '_>, listeners: usize) {
    forward(bencher, Listeners::Browsers(BrowserCipher::Cm), listeners);
}

#[divan::bench(args = SIZES)]
fn webrtc_aes_gcm(bencher: Bencher<'_, '_>, listeners: usize) {
    forward(bencher, Listeners::Browsers(BrowserCipher::Gcm), listeners);
}

/// One inbound packet; an item is a forwarded one.
fn forward(bencher: Bencher<'_, '_>, kind: Listeners, listeners: usize) {
    let (mut room, speaker) = room_of(kind, listeners);
    let speaker = RefCell::new(speaker);
    bencher
        .counter(ItemsCount::new(listeners))
        .with_inputs(|| speaker.borrow_mut().speak())
        .bench_local_values(|mut packet| room.forward(&speaker.borrow(), black_box(&mut packet)));
}

#[expect(clippy::disallowed_methods, reason = "measuring reads the clock")]
fn now() -> Instant {
    Instant::now()
}

/// Who listens.
#[derive(Clone, Copy)]
enum Listeners {
    Udp(EncryptionMode),
    Browsers(BrowserCipher),
}

impl Listeners {
    const ALL: [Self; 4] = [
        Self::Udp(EncryptionMode::Aes256Gcm),
        Self::Udp(EncryptionMode::XChaCha20Poly1305),
        Self::Browsers(BrowserCipher::Cm),
        Self::Browsers(BrowserCipher::Gcm),
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Udp(mode) => mode.as_str(),
            Self::Browsers(BrowserCipher::Cm) => "webrtc, AES-CM",
            Self::Browsers(BrowserCipher::Gcm) => "webrtc, AES-GCM",
        }
    }

    fn add_to(self, room: &mut DryRoom) {
        match self {
            Self::Udp(mode) => room.add_listener(mode),
            Self::Browsers(cipher) => {
                room.add_browser(cipher);
            }
        }
    }
}

fn room_of(kind: Listeners, listeners: usize) -> (DryRoom, DrySpeaker) {
    let mode = match kind {
        Listeners::Udp(mode) => mode,
        Listeners::Browsers(_) => EncryptionMode::Aes256Gcm,
    };
    let (mut room, speaker) = DryRoom::new(now(), mode).expect("randomness for a certificate");
    (0..listeners).for_each(|_| kind.add_to(&mut room));
    (room, speaker)
}

/// A room that runs, and what was seen of it.
struct Lane {
    listeners: usize,
    room: DryRoom,
    speaker: DrySpeaker,
    nanos: Vec<f64>,
    allocations: u64,
    forwarded: usize,
}

impl Lane {
    fn new(kind: Listeners, listeners: usize) -> Self {
        let (room, speaker) = room_of(kind, listeners);
        Self { listeners, room, speaker, nanos: Vec::new(), allocations: 0, forwarded: 0 }
    }

    /// Forwards a share of the packets.
    fn round(&mut self, count: bool) {
        let packets = FORWARDED / ROUNDS / self.listeners;
        let mut packets: Vec<_> = (0..packets).map(|_| self.speaker.speak()).collect();
        let (mut forwarded, mut time) = (0, Duration::ZERO);
        let before = allocations();
        // One by one as they come, so that what other work evicts from caches is not flattered.
        for packet in &mut packets {
            let began = now();
            forwarded += self.room.forward(&self.speaker, black_box(packet));
            time += began.elapsed();
        }
        if count {
            self.allocations += allocations() - before;
            self.forwarded += forwarded;
            self.nanos.push(time.as_nanos() as f64 / forwarded as f64);
        }
        self.room.rest();
    }

    fn median(&mut self) -> f64 {
        self.nanos.sort_by(f64::total_cmp);
        self.nanos[self.nanos.len() / 2]
    }
}

fn summary() {
    for kind in Listeners::ALL {
        let mut lanes = SIZES.map(|listeners| Lane::new(kind, listeners));
        for round in 0..=ROUNDS {
            // The first warms up.
            lanes.iter_mut().for_each(|lane| lane.round(round > 0));
        }
        println!("\nuser code per forwarded packet, sends stubbed, {}", kind.name());
        for lane in &mut lanes {
            let median = lane.median();
            println!(
                "  room of {:>5}  {:>8.1} ns  {:>8.4} allocations",
                lane.listeners,
                median,
                lane.allocations as f64 / lane.forwarded as f64
            );
        }
        let growth = |to: usize, from: usize, lanes: &mut [Lane; 4]| {
            lanes[to].median() / lanes[from].median()
        };
        println!("  growth of rooms of 10 -> 100    {:>6.2}x", growth(2, 0, &mut lanes));
        println!("  growth of rooms of 10 -> 1,000  {:>6.2}x", growth(3, 0, &mut lanes));
        if let Listeners::Udp(mode) = kind {
            println!("  heap per idle UDP peer          {:>6.2} KiB", heap_per_peer(mode));
        }
    }
    flood();
}

/// What a flood of STUN checks costs: each is read, and nobody is found.
fn flood() {
    let (mut room, _) = room_of(Listeners::Udp(EncryptionMode::Aes256Gcm), 1_000);
    let check = forged_check();
    let mut nanos = Vec::new();
    for _ in 0..ROUNDS {
        let mut checks = vec![check.clone(); FLOOD];
        let began = now();
        let refused = checks.iter_mut().map(|check| room.refuse(black_box(check)));
        let dropped = refused.filter(|refused| *refused).count();
        nanos.push(began.elapsed().as_nanos() as f64 / FLOOD as f64);
        assert_eq!(dropped, FLOOD);
    }
    nanos.sort_by(f64::total_cmp);
    println!("\na forged STUN check among 1,000 peers, dropped  {:.1} ns", nanos[ROUNDS / 2]);
}

/// Heap that each of many peers added to a shard, before anybody spoke.
fn heap_per_peer(mode: EncryptionMode) -> f64 {
    let (mut room, _) = room_of(Listeners::Udp(mode), 1);
    let before = live_bytes();
    (0..PEERS).for_each(|_| room.add_listener(mode));
    (live_bytes() - before) as f64 / PEERS as f64 / 1_024.0
}
