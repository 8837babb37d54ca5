//! The one task of a stream that carries media: reads it, writes it, and owns its loopback socket.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use media::fallback::Carrier;
use media::fallback::Ended;
use media::fallback::Framing;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UdpSocket;
use tokio::time::Instant;

use super::Seat;

/// Bytes read at once, and written at once: some packets of sound, one of a picture.
const READ: usize = 4_096;
const WRITTEN: usize = 4_096;
/// Datagrams of the media port that are taken before the stream is looked at again.
const DATAGRAMS: usize = 32;
/// How long the loopback address of a stream is kept after it: the media port may send there for as
/// long as it believes a browser to be alive there, and must not reach somebody else's stream.
const QUARANTINE: Duration = Duration::from_secs(5);

/// Carries media until the stream ends or must end. `head` is what was read of it already.
pub(crate) async fn carry<S>(
    stream: S,
    head: &[u8],
    framing: Framing,
    client: SocketAddr,
    seat: Seat,
) where
    S: AsyncRead + AsyncWrite + Send,
{
    let socket = match open(seat.relay.media).await {
        Ok(socket) => socket,
        Err(error) => return tracing::warn!(%error, "cannot carry media over TCP"),
    };
    let mut carrier = match (framing, socket.local_addr()) {
        (Framing::Turn, Ok(own)) => {
            let (passes, drawn) = (seat.relay.passes.clone(), signaling::auth::random());
            Carrier::turn(now().into_std(), passes, (client, own.port()), drawn)
        }
        _ => Carrier::ice(now().into_std()),
    };
    let (why, closing) = (exchange(stream, head, &mut carrier, &socket), &seat.relay.closing);
    let why = tokio::select! {
        why = why => why,
        () = closing.cancelled() => return,
    };
    let reason = why.map_or_else(|ended| ended.to_string(), |()| "closed".to_owned());
    tracing::debug!(%client, reason, "stream of media ended");
    metrics::counter!("server_relays_ended_total", "reason" => reason).increment(1);
    if carrier.is_proven() {
        let closing = closing.clone();
        seat.relay.tasks.spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(QUARANTINE) => {}
                () = closing.cancelled() => {}
            }
            drop(socket);
        });
    }
}

/// A socket that hears the media port and nobody else.
async fn open(media: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((media.ip(), 0)).await?;
    socket.connect(media).await?;
    Ok(socket)
}

/// Moves datagrams both ways until the client closes the stream.
async fn exchange<S>(
    stream: S,
    head: &[u8],
    carrier: &mut Carrier,
    socket: &UdpSocket,
) -> Result<(), Ended>
where
    S: AsyncRead + AsyncWrite + Send,
{
    let (mut reader, mut writer) = tokio::io::split(stream);
    // The media port may have no room for it just now: as on any other way, it is lost then.
    let to_media = |datagram: &[u8]| drop(socket.try_send(datagram));
    carrier.read(times(), head, to_media)?;
    let mut inbound = vec![0; READ];
    let mut datagram = vec![0; READ];
    let mut outbound = Outbound::default();
    let timer = tokio::time::sleep_until(carrier.poll_timeout().into());
    let mut timer = std::pin::pin!(timer);
    loop {
        if !outbound.waits() {
            outbound.refill(|out| carrier.take_output(now().into_std(), WRITTEN, out));
        }
        tokio::select! {
            read = reader.read(&mut inbound) => match read {
                Ok(0) | Err(_) => return Ok(()),
                Ok(count) => carrier.read(times(), &inbound[..count], to_media)?,
            },
            // An error is the port's refusal of an earlier datagram: it may be there again.
            received = socket.recv(&mut datagram) => {
                let (time, mut received) = (now().into_std(), received);
                for _ in 0..DATAGRAMS {
                    let Ok(count) = received else { break };
                    carrier.take_datagram(time, &datagram[..count]);
                    received = socket.try_recv(&mut datagram);
                }
            }
            wrote = outbound.write(&mut writer), if outbound.waits() => match wrote {
                Ok(()) => {}
                Err(_) => return Ok(()),
            },
            () = timer.as_mut() => {
                carrier.handle_timeout(now().into_std())?;
                timer.as_mut().reset(carrier.poll_timeout().into());
            }
        }
        let (late, refused) = carrier.take_dropped();
        for (count, reason) in [(late, "late"), (refused, "refused")] {
            if count > 0 {
                metrics::counter!("server_relay_dropped_total", "reason" => reason)
                    .increment(count);
            }
        }
    }
}

/// What is on its way into the stream: written, and then pushed through whatever TLS holds back,
/// before more is taken, so that all that waits waits where it can be thrown away.
#[derive(Default)]
struct Outbound {
    bytes: Vec<u8>,
    written: usize,
    unflushed: bool,
}

impl Outbound {
    fn waits(&self) -> bool {
        self.written < self.bytes.len() || self.unflushed
    }

    fn refill(&mut self, take: impl FnOnce(&mut Vec<u8>)) {
        self.bytes.clear();
        self.written = 0;
        take(&mut self.bytes);
        self.unflushed = !self.bytes.is_empty();
    }

    /// One step. Cancel-safe.
    async fn write<W: AsyncWrite + Unpin>(&mut self, writer: &mut W) -> io::Result<()> {
        if self.written < self.bytes.len() {
            match writer.write(&self.bytes[self.written..]).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                count => self.written += count,
            }
        } else {
            writer.flush().await?;
            self.unflushed = false;
        }
        Ok(())
    }
}

/// Now, and the seconds of the wall clock.
fn times() -> (std::time::Instant, u64) {
    (now().into_std(), signaling::parts::now_ms() / 1_000)
}

#[expect(clippy::disallowed_methods, reason = "the relay is a shell: it reads the clock")]
fn now() -> Instant {
    Instant::now()
}
