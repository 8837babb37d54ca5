//! What our own code takes, without sockets, in this process: for a forwarded packet, in rooms of several
//! sizes that take turns, and for a browser that is there and says nothing.

use std::hint::black_box;
use std::time::Duration;

use media::bench::BrowserCipher;
use media::bench::DryRoom;
use media::bench::DrySpeaker;
use model::voice::EncryptionMode;
use serde::Serialize;

use super::browser::CHECK;

/// Listeners of the rooms.
const SIZES: [usize; 3] = [10, 50, 100];
/// Rounds in which they take turns; the median counts, and the first only warms up.
const ROUNDS: usize = 9;
/// Browsers that are there and say nothing, and how often each checks its path while it is measured.
const QUIET: u32 = 20;
const QUIET_ROUNDS: u32 = 24;
/// Packets that each forwards in a round, about.
const FORWARDED: usize = 40_000;

/// The figures.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Code {
    /// In a room of 50, in nanoseconds.
    pub(super) per_forwarded_packet_ns: f64,
    /// A room of 100 over a room of 10.
    pub(super) growth: f64,
    /// Of a quiet browser, in microseconds each second; `None` when listeners come by UDP.
    pub(super) idle_per_browser_us_per_s: Option<f64>,
}

/// Measures for about half a second, with listeners by WebRTC or by UDP. `None` when there is no
/// randomness for a certificate.
pub(super) fn measure(mode: EncryptionMode, by_browser: bool) -> Option<Code> {
    let lane = |listeners: usize| {
        let (mut room, speaker) = DryRoom::new(crate::bench::now(), mode)?;
        for _ in 0..listeners {
            if by_browser {
                room.add_browser(BrowserCipher::Cm);
            } else {
                room.add_listener(mode);
            }
        }
        Some((room, speaker))
    };
    let mut lanes: Vec<_> = SIZES.into_iter().map(lane).collect::<Option<_>>()?;
    let mut nanos = [const { Vec::new() }; SIZES.len()];
    for index in 0..=ROUNDS {
        for ((room, speaker), (size, nanos)) in lanes.iter_mut().zip(SIZES.iter().zip(&mut nanos)) {
            let nano = round(room, speaker, FORWARDED / size);
            if index > 0 {
                nanos.push(nano);
            }
        }
    }
    let [ten, fifty, hundred] = nanos.map(|mut nanos| {
        nanos.sort_unstable_by(f64::total_cmp);
        nanos[nanos.len() / 2]
    });
    let idle_per_browser_us_per_s = if by_browser { Some(quiet(mode)?) } else { None };
    Some(Code { per_forwarded_packet_ns: fifty, growth: hundred / ten, idle_per_browser_us_per_s })
}

/// Microseconds each second that a browser costs which only checks its path, as often as Chromium does:
/// its checks read, authenticated and answered, and all that timers do.
fn quiet(mode: EncryptionMode) -> Option<f64> {
    let (mut room, _) = DryRoom::new(crate::bench::now(), mode)?;
    let mut browsers: Vec<_> = (0..QUIET).map(|_| room.add_browser(BrowserCipher::Cm)).collect();
    // Until nothing is left to do of their joins.
    room.pass(Duration::from_secs(12));
    let mut time = Duration::ZERO;
    for _ in 0..QUIET_ROUNDS {
        for browser in &mut browsers {
            let began = crate::bench::now();
            room.pass(CHECK / QUIET);
            black_box(room.check(browser));
            time += began.elapsed();
        }
    }
    let seconds = (CHECK * QUIET_ROUNDS).as_secs_f64() * f64::from(QUIET);
    Some(time.as_secs_f64() * 1e6 / seconds)
}

/// Nanoseconds of each forwarded packet of one round.
fn round(room: &mut DryRoom, speaker: &mut DrySpeaker, packets: usize) -> f64 {
    let mut packets: Vec<_> = (0..packets).map(|_| speaker.speak()).collect();
    let (mut forwarded, mut time) = (0, Duration::ZERO);
    // One by one as they come, so that what other work evicts from caches is not flattered.
    for packet in &mut packets {
        let began = crate::bench::now();
        forwarded += room.forward(speaker, black_box(packet));
        time += began.elapsed();
    }
    room.rest();
    time.as_nanos() as f64 / forwarded as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_packet_of_a_round_is_forwarded_to_all() {
        let mode = EncryptionMode::Aes256Gcm;
        let (mut room, mut speaker) = DryRoom::new(crate::bench::now(), mode).expect("randomness");

        assert_eq!(round(&mut room, &mut speaker, 3), f64::INFINITY, "nobody is there");
        room.add_listener(mode);
        let nanos = round(&mut room, &mut speaker, 3);
        assert!(nanos > 0.0 && nanos.is_finite(), "{nanos}");
    }
}
