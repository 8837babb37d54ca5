//! What a browser's check costs this machine at least: a thread sleeps, is woken by the check, receives
//! it, answers it, and sleeps again. Nothing is read or signed. While nobody speaks, checks are what a
//! server is woken for.

use std::io;
use std::net::Ipv4Addr;
use std::net::UdpSocket;
use std::time::Duration;

use anyhow::Context as _;
use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::poll;

use super::browser::CHECK;
use super::process::own_cpu;

/// Checks that are answered, and the time between two: nobody is awake by then.
const CHECKS: u32 = 300;
const APART: Duration = Duration::from_millis(5);
/// Those before them that warm up.
const WARM_UP: u32 = 20;
/// Bytes of a check as Chromium's, and of its answer.
const CHECK_BYTES: usize = 108;
const ANSWER_BYTES: usize = 64;

/// Processor time of one check, of the thread that answers it. Blocks for two seconds.
///
/// # Errors
///
/// When there is no socket or thread left.
pub(super) fn cost_of_check() -> anyhow::Result<Duration> {
    let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    server.set_nonblocking(true)?;
    let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    client.connect(server.local_addr()?)?;
    // Nothing is lost on the loopback; if it were, the run ends instead of hanging.
    client.set_read_timeout(Some(Duration::from_secs(5)))?;
    let answering = std::thread::Builder::new().name("check-floor".to_owned());
    let answering = answering.spawn(move || answer(&server))?;
    for _ in 0..WARM_UP + CHECKS {
        std::thread::sleep(APART);
        client.send(&[1; CHECK_BYTES])?;
        client.recv(&mut [0; CHECK_BYTES])?;
    }
    let spent = answering.join().ok().context("the floor's thread panicked")??;
    Ok(spent / CHECKS)
}

/// Answers the checks. What those after the first few took.
fn answer(socket: &UdpSocket) -> io::Result<Duration> {
    let (mut answered, mut before) = (0, Duration::ZERO);
    while answered < WARM_UP + CHECKS {
        poll(&mut [PollFd::new(socket, PollFlags::IN)], None)?;
        match socket.recv_from(&mut [0; 2 * CHECK_BYTES]) {
            Ok((_, from)) => socket.send_to(&[2; ANSWER_BYTES], from)?,
            // Woken for nothing.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        answered += 1;
        if answered == WARM_UP {
            before = own_cpu();
        }
    }
    Ok(own_cpu().saturating_sub(before))
}

/// The same of a browser in a second.
pub(super) fn per_browser(cost: Duration) -> Duration {
    cost.div_f64(CHECK.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_costs_something_and_each_browser_makes_less_than_one_a_second() {
        let cost = cost_of_check().expect("loopback");

        assert!(cost > Duration::ZERO && cost < Duration::from_millis(1), "{cost:?}");
        assert!(per_browser(cost) < cost);
    }
}
