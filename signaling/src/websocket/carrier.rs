//! What carries a WebSocket's bytes: a TCP connection, bare of the layers by which its HTTP came, or
//! whatever else it is, such as TLS.

use std::io;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade::downcast;
use rustix::io::Errno;
use rustix::net::SendFlags;
use rustix::net::send;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;
use tokio::net::TcpStream;

/// See the module.
pub(super) enum Carrier {
    Tcp(TcpStream),
    Other(TokioIo<Upgraded>),
}

impl Carrier {
    /// The carrier of an upgraded connection, and what was read of it already.
    pub(super) fn of(connection: Upgraded) -> (Self, Bytes) {
        match downcast::<TokioIo<TcpStream>>(connection) {
            Ok(parts) => (Self::Tcp(parts.io.into_inner()), parts.read_buf),
            // It gives what was read itself.
            Err(connection) => (Self::Other(TokioIo::new(connection)), Bytes::new()),
        }
    }
}

impl AsyncRead for Carrier {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Other(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Carrier {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            // The runtime is asked when the socket takes no more: what it notes of each lies in one more
            // line of memory to wait for.
            Self::Tcp(stream) => match send(&*stream, bytes, AT_ONCE) {
                Err(Errno::AGAIN | Errno::INTR) => Pin::new(stream).poll_write(context, bytes),
                taken => Poll::Ready(taken.map_err(io::Error::from)),
            },
            Self::Other(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Self::Other(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Other(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

/// Without waiting, and without a signal when the peer is gone.
const AT_ONCE: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);
