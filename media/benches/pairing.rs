//! What it pays to send several speakers' packets to one listener together: processor time per packet,
//! in two interleaved ways, and what it pays a whole room to wait for company. Read the last columns.
//!
//!     cargo bench -p media --features measuring
//!
//! With the address of a device that discards, the room's listeners are behind that. As root, in a network
//! namespace that goes with the run:
//!
//!     unshare --net sh -c 'ip link add discard type ifb && ip addr add 10.255.255.254/8 dev discard &&
//!         ip link set discard up && ip link set lo up &&
//!         cargo bench -p media --features measuring -- 10.255.255.254'

use std::net::IpAddr;
use std::time::Duration;

use media::measuring::Away;
use media::measuring::send_cost;

const LISTENERS: usize = 50;
const TURNS: usize = 400;
const RUNS: usize = 5;
/// Seconds of speech.
const SECONDS: u32 = 200;
/// The bar for ten speakers.
const TARGET: f64 = 0.7;
const FAILS_ABOVE: f64 = 1.0;

fn main() {
    println!("speakers   alone, ns   together, ns   together / alone");
    for speakers in [1, 2, 3, 5, 8, 16] {
        let mut alone = Vec::new();
        let mut together = Vec::new();
        for _ in 0..RUNS {
            alone.push(send_cost(LISTENERS, speakers, TURNS, false));
            together.push(send_cost(LISTENERS, speakers, TURNS, true));
        }
        let (alone, together) = (median(alone), median(together));
        let ratio = together.as_secs_f64() / alone.as_secs_f64();
        println!(
            "{speakers:>8}   {:>9}   {:>12}   {ratio:>16.2}",
            alone.as_nanos(),
            together.as_nanos()
        );
    }
    let address = std::env::args().skip(1).find_map(|argument| argument.parse::<IpAddr>().ok());
    match address {
        Some(address) => away(address),
        None => {
            println!("\nno address of a device that discards was given: see the top of this file")
        }
    }
}

/// Rooms whose listeners are behind a device that discards.
fn away(address: IpAddr) {
    println!("\nspeakers   floor, ns   alone / floor   together / floor   packets a send");
    let mut last = 0.0;
    for speakers in [2, 3, 5, 10] {
        let mut room = Away::new(address, speakers, LISTENERS).expect("an address of this machine");
        // The first only warms up.
        room.second();
        // Not medians: who meets whom is drawn each second, and all draws count.
        let (mut floor, mut alone, mut together, mut sends) = (0.0, 0.0, 0.0, 0.0);
        for _ in 0..SECONDS {
            let cost = room.second();
            floor += cost.floor.as_secs_f64();
            alone += cost.alone.as_secs_f64();
            together += cost.together.as_secs_f64();
            sends += 1.0 / cost.a_send;
        }
        let seconds = f64::from(SECONDS);
        let nanos = floor / seconds * 1e9;
        let (alone, together, a_send) = (alone / floor, together / floor, seconds / sends);
        println!(
            "{speakers:>8}   {nanos:>9.0}   {alone:>13.2}   {together:>16.2}   {a_send:>14.2}"
        );
        last = together;
    }
    let verdict = match last {
        last if last <= TARGET => "met",
        last if last <= FAILS_ABOVE => "short of the target",
        _ => "FAILED",
    };
    println!(
        "\nwith several speakers per listener and pairing on: / the same floor   {last:.2}   target \
         {TARGET}, fails above {FAILS_ABOVE}: {verdict}"
    );
}

fn median(mut costs: Vec<Duration>) -> Duration {
    costs.sort_unstable();
    costs[costs.len() / 2]
}
