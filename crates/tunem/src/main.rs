//! `tunem`: a bad network between two TUN devices, for tests where the kernel has no `netem`.
//!
//! It makes the two devices, says `ready`, and carries packets from each to the other until its
//! standard input ends; then it says what became of them. A line `block` there lets TCP alone pass from
//! then on, as some firewalls do, `pass` everything again. Whoever starts it moves the devices into
//! network namespaces and gives them addresses, as `tests/badnet/run` does. Programs under test need
//! not know.

mod random;
#[allow(unsafe_code, reason = "naming a TUN device has no safe wrapper")]
mod tun;
mod way;

use std::fs::File;
use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context as _;
use clap::Parser;
use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;

use crate::way::Profile;
use crate::way::Way;

/// A packet is never larger.
const LARGEST: usize = 65_536;
/// Packets that are read from one device before the other has its turn.
const TURN: usize = 64;

/// Carries packets between two devices, badly.
#[derive(Debug, Parser)]
struct Options {
    /// The two devices to make
    #[arg(long, num_args = 2, value_names = ["LEFT", "RIGHT"], default_values = ["tunem0", "tunem1"])]
    devices: Vec<String>,
    /// Packets that are lost, per cent, in each direction
    #[arg(long, default_value = "0", value_name = "PERCENT", value_parser = percent)]
    loss: f64,
    /// Time that a packet takes, such as 75ms
    #[arg(long, default_value = "0ms", value_name = "TIME", value_parser = time)]
    delay: Duration,
    /// How much more or less it takes, evenly spread
    #[arg(long, default_value = "0ms", value_name = "TIME", value_parser = time)]
    jitter: Duration,
    /// Packets that arrive twice, per cent
    #[arg(long, default_value = "0", value_name = "PERCENT", value_parser = percent)]
    duplicate: f64,
    /// Packets that overtake all others, per cent
    #[arg(long, default_value = "0", value_name = "PERCENT", value_parser = percent)]
    reorder: f64,
    /// Kilobits a second, in each direction [default: no limit]
    #[arg(long, value_name = "KBIT", value_parser = clap::value_parser!(u64).range(1..))]
    rate: Option<u64>,
    /// TCP is only delayed: so that a test of voice does not wait for its signaling
    #[arg(long)]
    spare_tcp: bool,
    /// The same seed loses the same packets
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
}

fn percent(text: &str) -> Result<f64, String> {
    let percent: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if !(0.0..=100.0).contains(&percent) {
        return Err("not from 0 to 100".to_owned());
    }
    Ok(percent / 100.0)
}

fn time(text: &str) -> Result<Duration, String> {
    let milliseconds = match text.strip_suffix("ms") {
        Some(number) => number.parse(),
        None => text.strip_suffix('s').unwrap_or("?").parse().map(|seconds: u64| seconds * 1_000),
    };
    let milliseconds: u64 = milliseconds.map_err(|_| "not a time such as 75ms or 2s".to_owned())?;
    if milliseconds > 60_000 {
        return Err("more than a minute".to_owned());
    }
    Ok(Duration::from_millis(milliseconds))
}

impl Options {
    fn profile(&self) -> Profile {
        Profile {
            loss: self.loss,
            delay: self.delay,
            jitter: self.jitter,
            duplicate: self.duplicate,
            reorder: self.reorder,
            rate: self.rate.map(|kilobits| kilobits * 1_000),
        }
    }
}

/// A device, and the way of what comes from it to the other.
struct Side {
    name: String,
    device: File,
    way: Way,
    spare_tcp: bool,
    /// Whether TCP alone passes.
    blocks: bool,
}

/// What the standard input says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    Block(bool),
    End,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let mut sides = Vec::new();
    for (name, seed) in options.devices.iter().zip(options.seed..) {
        // Neighbouring seeds must not give neighbouring networks.
        let way = Way::new(options.profile(), seed.wrapping_mul(0xD134_2543_DE82_EF95));
        let (device, spare_tcp) = (tun::make(name)?, options.spare_tcp);
        sides.push(Side { name: name.clone(), device, way, spare_tcp, blocks: false });
    }
    let [left, right] = &mut sides[..] else { anyhow::bail!("two devices, not {}", sides.len()) };
    println!("ready");
    io::stdout().flush()?;
    carry(left, right)?;
    println!("{} -> {}: {}", left.name, right.name, left.way.tally());
    println!("{} -> {}: {}", right.name, left.name, right.way.tally());
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the loop reads the clock for both ways")]
fn now() -> Instant {
    Instant::now()
}

/// Carries packets until the standard input ends.
fn carry(left: &mut Side, right: &mut Side) -> anyhow::Result<()> {
    let mut packet = vec![0; LARGEST];
    loop {
        take(left, &mut packet).context("cannot read a packet")?;
        take(right, &mut packet).context("cannot read a packet")?;
        give(&mut left.way, &mut right.device);
        give(&mut right.way, &mut left.device);
        let next = [left.way.poll_timeout(), right.way.poll_timeout()].into_iter().flatten().min();
        let rest = next.map(|next| next.saturating_duration_since(now()));
        match wait(left, right, rest)? {
            Told::Nothing => {}
            Told::Block(blocks) => (left.blocks, right.blocks) = (blocks, blocks),
            Told::End => return Ok(()),
        }
    }
}

/// Reads what a device has, up to a turn.
fn take(side: &mut Side, packet: &mut [u8]) -> io::Result<()> {
    for _ in 0..TURN {
        match side.device.read(packet) {
            Ok(length) if side.blocks && !is_tcp(&packet[..length]) => {}
            Ok(length) if side.spare_tcp && is_tcp(&packet[..length]) => {
                side.way.spare(now(), &packet[..length]);
            }
            Ok(length) => side.way.take(now(), &packet[..length]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            // A device that is still down, or on its way into a namespace.
            Err(error) if error.raw_os_error() == Some(libc::EIO) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether an IP packet carries TCP, as far as its first header says (RFC 791 §3.1, RFC 8200 §3).
fn is_tcp(packet: &[u8]) -> bool {
    const TCP: u8 = 6;
    let protocol = match packet.first().map(|first| first >> 4) {
        Some(4) => packet.get(9),
        Some(6) => packet.get(6),
        _ => None,
    };
    protocol == Some(&TCP)
}

/// Writes what arrives by now. What a device does not take is lost, as on any cable.
fn give(way: &mut Way, device: &mut File) {
    while let Some(packet) = way.poll(now()) {
        let _ = device.write(&packet);
    }
}

/// Waits for a packet, at most for `rest`. What the standard input said meanwhile.
fn wait(left: &Side, right: &Side, rest: Option<Duration>) -> anyhow::Result<Told> {
    let input = io::stdin();
    let mut waited = [
        PollFd::new(&left.device, PollFlags::IN),
        PollFd::new(&right.device, PollFlags::IN),
        PollFd::new(&input, PollFlags::IN),
    ];
    let rest = rest.map(Timespec::try_from).transpose()?;
    match rustix::event::poll(&mut waited, rest.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error).context("cannot wait for packets"),
    }
    if waited[2].revents().is_empty() {
        return Ok(Told::Nothing);
    }
    let mut text = [0; 64];
    let length = input.lock().read(&mut text)?;
    Ok(told(&text[..length]))
}

/// What a line says; nothing at all is the end.
fn told(line: &[u8]) -> Told {
    match line.trim_ascii() {
        _ if line.is_empty() => Told::End,
        b"block" => Told::Block(true),
        b"pass" => Told::Block(false),
        _ => Told::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_percentages_are_read_or_refused_with_a_reason() {
        assert_eq!(time("75ms"), Ok(Duration::from_millis(75)));
        assert_eq!(time("2s"), Ok(Duration::from_secs(2)));
        for wrong in ["", "75", "-1ms", "ms", "s", "61s", "99999999999999999999s", "1h"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
        assert_eq!(percent("30"), Ok(0.3));
        for wrong in ["", "-1", "101", "NaN", "ten"] {
            assert!(percent(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_line_blocks_or_passes_and_the_end_ends() {
        assert_eq!(told(b"block\n"), Told::Block(true));
        assert_eq!(told(b"pass\n"), Told::Block(false));
        assert_eq!((told(b"\n"), told(b"")), (Told::Nothing, Told::End));
    }

    #[test]
    fn tcp_is_told_from_udp_in_both_versions_of_ip() {
        let mut packet = [0; 40];
        for (version, at) in [(0x45, 9), (0x60, 6)] {
            packet[0] = version;
            packet[at] = 6;
            assert!(is_tcp(&packet));
            packet[at] = 17;
            assert!(!is_tcp(&packet) && !is_tcp(&packet[..at]));
        }
    }

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory as _;
        Options::command().debug_assert();
    }
}
