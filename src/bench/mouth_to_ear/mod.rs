//! From mouth to ear: a chirp every second through a client that encodes, the server, and a client
//! that decodes, and how much later it is heard than said.
//!
//! Both clients have Discord's UDP transport and one clock. What a person has beside them is not in it:
//! the buffers of microphone and loudspeaker, and the network.

mod player;
mod signal;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context as _;
use clap::Args;
use indicatif::ProgressBar;
use serde::Serialize;

use super::voice::duet::Duet;
use super::voice::duet::End;
use super::voice::histogram::Histogram;

use self::player::Player;

/// Samples of a frame of 20 ms.
const FRAME: usize = signal::RATE / 50;
/// The same as time.
const FRAME_TIME: Duration = Duration::from_millis(20);
/// Longest Opus frame, in bytes.
const OPUS: usize = 1_275;
/// A chirp that is heard later than this counts as not heard.
const LATEST: Duration = Duration::from_millis(200);

/// What is measured.
#[derive(Debug, Args)]
pub struct Options {
    /// Chirps, one a second
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=600))]
    chirps: u16,
    /// Bits a second
    #[arg(long, default_value_t = 64_000, value_name = "BITS", value_parser = clap::value_parser!(i32).range(8_000..=510_000))]
    bitrate: i32,
}

/// The figures.
#[derive(Debug, Serialize)]
struct Report {
    chirps: u16,
    /// Chirps that were not heard, or too late.
    missed: u64,
    packets: u64,
    /// Packets that did not come.
    lost: u64,
    /// From before a packet is sealed to after it is read.
    server_path_p50_ms: f64,
    server_path_p95_ms: f64,
    /// From the microphone's sample to the ear's.
    whole_path_p50_ms: f64,
    whole_path_p95_ms: f64,
    /// Of which the frame takes until it is full, and the codec looks ahead.
    frame_ms: f64,
    lookahead_ms: f64,
}

/// A packet under way.
struct Sent {
    opus: Vec<u8>,
    at: Duration,
}

/// Measures and prints.
///
/// # Errors
///
/// When the server cannot be started, or no chirp is heard.
pub(super) async fn run(options: Options, json: bool) -> anyhow::Result<()> {
    let report = super::report(json, async |bar| measure(&options, bar).await).await?;
    anyhow::ensure!(report.missed == 0, "{} chirps were not heard", report.missed);
    Ok(())
}

async fn measure(options: &Options, bar: &ProgressBar) -> anyhow::Result<Report> {
    let mut duet = Duet::begin(bar).await?;
    let (speaker, listener) = duet.take().context("nobody is there")?;
    bar.set_message("chirping");
    let (chirps, bitrate) = (options.chirps, options.bitrate);
    let call = tokio::task::spawn_blocking(move || call(speaker, &listener, chirps, bitrate));
    let report = call.await??;
    duet.end().await?;
    Ok(report)
}

/// Speaks and listens; blocks as long.
fn call(speaker: End, listener: &End, chirps: u16, bitrate: i32) -> anyhow::Result<Report> {
    // A second before the first chirp that counts, and one after the last.
    let seconds = usize::from(chirps) + 2;
    let frames = seconds * signal::PERIOD / FRAME;
    let under_way = Mutex::new(VecDeque::new());
    let mut encoder =
        opus::Encoder::new(signal::RATE as u32, opus::Channels::Mono, opus::Application::Voip)?;
    encoder.set_bitrate(opus::Bitrate::Bits(bitrate))?;
    let lookahead = f64::from(encoder.get_lookahead()?) * 1e3 / signal::RATE as f64;
    listener.socket.set_read_timeout(Some(LATEST))?;
    listener.socket.set_nonblocking(false)?;
    let began = super::now();
    let (heard, spoken) = std::thread::scope(|threads| {
        let hearing = threads.spawn(|| hear(listener, began, frames, &under_way));
        let spoken = speak(speaker, began, frames, encoder, &under_way);
        (hearing.join(), spoken)
    });
    spoken?;
    let Heard { player, times } = heard.map_err(|_| anyhow::anyhow!("the listener panicked"))??;
    let said = signal::chirp();
    let (mut whole, mut missed) = (Histogram::default(), 0);
    let most = LATEST.as_millis() as usize * signal::RATE / 1_000;
    for chirp in 1..=usize::from(chirps) {
        let from = signal::begins(chirp);
        match signal::lag(&said, &player.heard()[from..from + most + said.len()], most) {
            Some(lag) => whole.record(Duration::from_secs_f64(lag as f64 / signal::RATE as f64)),
            None => missed += 1,
        }
    }
    Ok(Report {
        chirps,
        missed,
        packets: times.total(),
        lost: frames as u64 - times.total(),
        server_path_p50_ms: times.quantile_ms(0.5),
        server_path_p95_ms: times.quantile_ms(0.95),
        whole_path_p50_ms: whole.quantile_ms(0.5),
        whole_path_p95_ms: whole.quantile_ms(0.95),
        frame_ms: FRAME_TIME.as_secs_f64() * 1e3,
        lookahead_ms: lookahead,
    })
}

/// The mouth: each frame is encoded and sent when its last sample has been said.
fn speak(
    mut speaker: End,
    began: Instant,
    frames: usize,
    mut encoder: opus::Encoder,
    under_way: &Mutex<VecDeque<Sent>>,
) -> anyhow::Result<()> {
    let chirp = signal::chirp();
    let (mut samples, mut packet, mut bytes) = ([0.0; FRAME], Vec::new(), [0; OPUS]);
    for frame in 0..frames {
        signal::microphone(&chirp, frame * FRAME, &mut samples);
        let full = began + FRAME_TIME * (frame as u32 + 1);
        std::thread::sleep(full.saturating_duration_since(super::now()));
        let length = encoder.encode_float(&samples, &mut bytes)?;
        let opus = bytes[..length].to_vec();
        // Noted before it is sent, or it could come before it is known.
        let at = began.elapsed();
        lock(under_way).push_back(Sent { opus, at });
        speaker.seal(&bytes[..length], &mut packet);
        speaker.socket.send_to(&packet, speaker.server)?;
    }
    Ok(())
}

/// What came of it.
struct Heard {
    player: Player,
    /// Of packets, from one client to the other.
    times: Histogram,
}

/// The ear: each frame is decoded and played when it comes.
fn hear(
    listener: &End,
    began: Instant,
    frames: usize,
    under_way: &Mutex<VecDeque<Sent>>,
) -> anyhow::Result<Heard> {
    let mut decoder = opus::Decoder::new(signal::RATE as u32, opus::Channels::Mono)?;
    let mut player = Player::new((frames + 50) * FRAME);
    let (mut times, mut datagram, mut samples) = (Histogram::default(), [0; 2_048], [0.0; FRAME]);
    let end = FRAME_TIME * (frames as u32 + 25);
    while began.elapsed() < end && times.total() < frames as u64 {
        // A pause ends the wait, and shows as loss.
        let Ok(length) = listener.socket.recv(&mut datagram) else { continue };
        let at = began.elapsed();
        let Some(opus) = listener.open(&mut datagram[..length]) else { continue };
        // The server changes no payload: by it a packet is known, and those before it are lost.
        let mut under_way = lock(under_way);
        let Some(place) = under_way.iter().position(|sent| sent.opus == opus) else { continue };
        let Some(sent) = under_way.drain(..=place).next_back() else { continue };
        drop(under_way);
        times.record(at.saturating_sub(sent.at));
        for _ in 0..place {
            decoder.decode_float(&[], &mut samples, false)?;
        }
        let length = decoder.decode_float(opus, &mut samples, false)?;
        player.play(began.elapsed(), &samples[..length]);
    }
    Ok(Heard { player, times })
}

fn lock(under_way: &Mutex<VecDeque<Sent>>) -> std::sync::MutexGuard<'_, VecDeque<Sent>> {
    under_way.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} chirps, {} packets, {} lost\n", self.chirps, self.packets, self.lost)?;
        writeln!(f, "{:<52} {:>8} {:>8}", "", "p50 ms", "p95 ms")?;
        let rows = [
            (
                "server path: sealed, forwarded, read",
                self.server_path_p50_ms,
                self.server_path_p95_ms,
            ),
            (
                "whole path: microphone's sample to ear's",
                self.whole_path_p50_ms,
                self.whole_path_p95_ms,
            ),
        ];
        for (name, p50, p95) in rows {
            writeln!(f, "{name:<52} {p50:>8.2} {p95:>8.2}")?;
        }
        let Self { frame_ms, lookahead_ms, .. } = self;
        writeln!(f, "of which a frame of {frame_ms:.0} ms and the codec's {lookahead_ms:.1} ms")
    }
}
