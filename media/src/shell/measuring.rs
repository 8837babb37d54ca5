//! What a turn's sends cost, measured on the loopback: for `benches/pairing.rs` alone.
//!
//! Readers are asleep and their buffers full, as a send that wakes nobody costs least; the figures
//! compare two ways of sending in one run and are no promise for a network card.

use std::net::UdpSocket;
use std::time::Duration;

use crate::shard::outbox::Outbox;
use crate::shell::socket::BatchSocket;

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

/// Processor time of this thread so far.
fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec that outlives the call.
    let read = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(read, 0, "Linux has a clock for each thread");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
