//! The floor: one thread writes as many bytes to as many sockets, whose readers sleep until they come.

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::task::JoinSet;

use crate::bench::meter::Bursts;
use crate::bench::meter::Metered;

/// Bytes of a WebSocket frame's head, for messages of 126 bytes to 64 KiB (RFC 6455 §5.2).
const FRAME: usize = 4;

/// Connections to oneself.
pub(super) struct Floor {
    writers: Vec<TcpStream>,
    _readers: JoinSet<()>,
}

impl Floor {
    /// Opens so many connections.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub(super) async fn open(count: usize) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let to = listener.local_addr()?;
        let (mut writers, mut readers) = (Vec::new(), JoinSet::new());
        for _ in 0..count {
            let writer = TcpStream::connect(to)?;
            writer.set_nodelay(true)?;
            let (reader, _) = listener.accept()?;
            reader.set_nonblocking(true)?;
            let mut reader = tokio::net::TcpStream::from_std(reader)?;
            writers.push(writer);
            readers.spawn(async move {
                let mut bytes = [0; 4_096];
                while reader.read(&mut bytes).await.is_ok_and(|count| count > 0) {}
            });
        }
        Ok(Self { writers, _readers: readers })
    }

    /// Writes `messages` of so many bytes to everybody, evenly over the span. Its work are writes.
    ///
    /// # Errors
    ///
    /// When a connection broke.
    pub(super) fn run(
        &mut self,
        messages: u64,
        span: Duration,
        bytes: usize,
    ) -> anyhow::Result<Metered> {
        let message = vec![b'x'; bytes + FRAME];
        let began = crate::bench::now();
        let mut bursts = Bursts::default();
        for number in 0..messages {
            let due = span.mul_f64(number as f64 / messages as f64);
            std::thread::sleep(due.saturating_sub(began.elapsed()));
            bursts.try_note(|| {
                for writer in &mut self.writers {
                    writer.write_all(&message)?;
                }
                anyhow::Ok(self.writers.len() as u64)
            })?;
        }
        Ok(bursts.metered())
    }
}
