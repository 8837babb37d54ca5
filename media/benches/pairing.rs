//! What it pays to send several speakers' packets to one listener together: processor time per packet,
//! in two interleaved ways. Read the last column.
//!
//!     cargo bench -p media --features measuring

use std::time::Duration;

use media::measuring::send_cost;

const LISTENERS: usize = 50;
const TURNS: usize = 400;
const RUNS: usize = 5;

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
}

fn median(mut costs: Vec<Duration>) -> Duration {
    costs.sort_unstable();
    costs[costs.len() / 2]
}
