//! IO shell: one WebSocket. All of a thread's sockets read and write by way of the same buffers; a
//! socket keeps only what its peer did not take, or did not finish.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::task::ready;

use bytes::Bytes;
use tokio::io::AsyncRead as _;
use tokio::io::AsyncWrite as _;
use tokio::io::ReadBuf;

use super::carrier::Carrier;
use super::frame;
use super::frame::Message;
use super::frame::Reader;
use super::frame::Violation;

/// Bytes that are read at once.
const READ: usize = 16 * 1_024;
/// Bytes of frames that are gathered before the kernel is asked to take them.
const GATHER: usize = 16 * 1_024;
/// Bytes that a thread's buffer keeps room for between writes.
const KEPT: usize = 256 * 1_024;
/// What answers a goodbye without a code (RFC 6455 §7.4.1).
const NO_CODE: u16 = 1_000;
/// Frames without a message that are read before others have their turn.
const BURST: usize = 64;

thread_local! {
    static INPUT: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into());
    static OUTPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// One WebSocket.
pub(crate) struct Socket {
    carrier: Carrier,
    reader: Reader,
    /// What the peer did not take yet, from a place on.
    unsent: (Vec<u8>, usize),
    /// Whether something was written that was not flushed.
    dirty: bool,
    /// The answer to the peer's last question.
    pong: Option<Vec<u8>>,
    goodbye: Goodbye,
}

/// Our close frame (RFC 6455 §5.5.1: whoever hears one answers it, at once, and says one only).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goodbye {
    No,
    /// The peer said one, with that code.
    Owed(u16),
    Said,
}

/// What came of reading.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A text, a binary message, or a goodbye.
    Message(Message),
    /// No WebSocket any more.
    Violation(Violation),
    /// The connection broke.
    Lost,
}

impl Socket {
    /// A socket on a connection of which some bytes were read already.
    pub(super) fn new((carrier, read): (Carrier, Bytes), largest: usize) -> Self {
        let (unsent, pong, goodbye) = ((Vec::new(), 0), None, Goodbye::No);
        let mut reader = Reader::new(largest);
        reader.push(&read);
        Self { carrier, reader, unsent, dirty: false, pong, goodbye }
    }

    /// Writes the frames that `fill` puts behind what is there, as long as it says that it put one and
    /// the peer takes them. Ready when all is on its way.
    ///
    /// # Errors
    ///
    /// When the connection broke.
    pub(crate) fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        mut fill: impl FnMut(&mut Vec<u8>) -> bool,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_unsent(context))?;
            let done = OUTPUT.with_borrow_mut(|output| {
                output.clear();
                if let Some(pong) = self.pong.take() {
                    frame::put_head(output, frame::PONG, pong.len());
                    output.extend_from_slice(&pong);
                }
                if let Goodbye::Owed(code) = self.goodbye {
                    frame::put_close(output, code, "");
                    self.goodbye = Goodbye::Said;
                }
                while output.len() < GATHER && fill(output) {}
                let taken = self.poll_bytes(context, output);
                if let Ok(taken) = taken
                    && taken < output.len()
                {
                    self.unsent = (output[taken..].to_vec(), 0);
                }
                let done = taken.map(|_| output.is_empty());
                if output.capacity() > KEPT {
                    *output = Vec::new();
                }
                done
            })?;
            if done {
                break;
            }
        }
        self.poll_flushed(context)
    }

    fn poll_flushed(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.dirty {
            ready!(Pin::new(&mut self.carrier).poll_flush(context))?;
            self.dirty = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Whether frames may be written at once: nothing waits before them.
    pub(crate) fn is_clear(&self) -> bool {
        let owed = matches!(self.goodbye, Goodbye::Owed(_)) || self.pong.is_some();
        self.unsent.0.is_empty() && !owed
    }

    /// Writes frames, of which it keeps what the peer does not take, while it [is
    /// clear](Self::is_clear). Ready when all is on its way.
    ///
    /// # Errors
    ///
    /// When the connection broke.
    pub(crate) fn poll_frames(
        &mut self,
        context: &mut Context<'_>,
        frames: &[u8],
    ) -> Poll<io::Result<()>> {
        let taken = self.poll_bytes(context, frames)?;
        if taken < frames.len() {
            self.unsent = (frames[taken..].to_vec(), 0);
            return Poll::Pending;
        }
        self.poll_flushed(context)
    }

    /// Writes what was left.
    fn poll_unsent(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (bytes, at) = std::mem::take(&mut self.unsent);
        if bytes.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let at = at + self.poll_bytes(context, &bytes[at..])?;
        if at < bytes.len() {
            self.unsent = (bytes, at);
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    /// How many of the bytes were taken now.
    fn poll_bytes(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> io::Result<usize> {
        let mut at = 0;
        while at < bytes.len() {
            match Pin::new(&mut self.carrier).poll_write(context, &bytes[at..]) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(taken)) => {
                    at += taken;
                    self.dirty = true;
                }
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => break,
            }
        }
        Ok(at)
    }

    /// The next message; questions and goodbyes are answered. Nothing is lost when it is not waited for.
    pub(crate) fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Incoming> {
        for _ in 0..BURST {
            match self.reader.next() {
                Ok(Some(Message::Ping(bytes))) => {
                    self.pong = Some(bytes);
                    if let Poll::Ready(Err(_)) = self.poll_write(context, |_| false) {
                        return Poll::Ready(Incoming::Lost);
                    }
                }
                Ok(Some(Message::Pong)) => {}
                Ok(Some(Message::Close(code))) => {
                    if self.goodbye == Goodbye::No {
                        self.goodbye = Goodbye::Owed(code.unwrap_or(NO_CODE));
                        // What does not fit now is lost with the connection, which the peer gives up.
                        let _ = self.poll_write(context, |_| false);
                    }
                    return Poll::Ready(Incoming::Message(Message::Close(code)));
                }
                Ok(Some(message)) => return Poll::Ready(Incoming::Message(message)),
                Err(violation) => return Poll::Ready(Incoming::Violation(violation)),
                Ok(None) => {
                    let count = ready!(self.poll_bytes_in(context));
                    if count.is_none() {
                        return Poll::Ready(Incoming::Lost);
                    }
                }
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Brings what came to the reader; none when nothing comes any more.
    fn poll_bytes_in(&mut self, context: &mut Context<'_>) -> Poll<Option<()>> {
        INPUT.with_borrow_mut(|input| {
            let mut input = ReadBuf::new(input);
            let read = ready!(Pin::new(&mut self.carrier).poll_read(context, &mut input));
            let came = read.is_ok() && !input.filled().is_empty();
            self.reader.push(input.filled());
            Poll::Ready(came.then_some(()))
        })
    }

    /// The next message, as [`poll_read`](Self::poll_read). Cancel-safe.
    pub(crate) async fn read(&mut self) -> Incoming {
        poll_fn(|context| self.poll_read(context)).await
    }

    /// Writes frames that are encoded already, behind all that waits.
    ///
    /// # Errors
    ///
    /// When the connection broke.
    pub(crate) async fn write(&mut self, frames: &[u8]) -> io::Result<()> {
        let mut waiting = Some(frames);
        poll_fn(|context| {
            self.poll_write(context, |out| {
                let Some(frames) = waiting.take() else { return false };
                out.extend_from_slice(frames);
                true
            })
        })
        .await
    }

    /// Says goodbye, behind all that waits.
    ///
    /// # Errors
    ///
    /// When the connection broke.
    pub(crate) async fn close(&mut self, code: u16, reason: &str) -> io::Result<()> {
        if self.goodbye != Goodbye::No {
            return self.write(&[]).await;
        }
        self.goodbye = Goodbye::Said;
        let mut goodbye = Vec::new();
        frame::put_close(&mut goodbye, code, reason);
        self.write(&goodbye).await
    }

    /// Reads until the peer has said goodbye, which is answered, or has hung up; what else it says is
    /// heard no more.
    pub(crate) async fn drain(&mut self) {
        loop {
            match self.read().await {
                Incoming::Message(Message::Close(_)) | Incoming::Lost => return,
                Incoming::Message(_) => {}
                Incoming::Violation(_) => break,
            }
        }
        while poll_fn(|context| self.poll_bytes_in(context)).await.is_some() {
            self.reader = Reader::new(0);
        }
    }
}
