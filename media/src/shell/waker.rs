//! How a shard's thread sleeps and is woken: by its socket, by other threads, or by time.
//! Linux only: `eventfd`, `ppoll`.

use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::fd::FromRawFd;
use std::os::fd::OwnedFd;
use std::ptr;
use std::time::Duration;

use crate::shell::socket::BatchSocket;

/// Wakes a shard's thread out of its wait.
#[derive(Debug)]
pub(crate) struct Waker(File);

impl Waker {
    /// A new eventfd.
    ///
    /// # Errors
    ///
    /// When the process has no descriptors left.
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: eventfd takes no pointers.
        let raw = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
        if raw < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just opened and belongs to nobody else.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(raw) }.into()))
    }

    /// Ends the wait, or the next one.
    pub(crate) fn wake(&self) {
        // It fails only when the counter is full, and then the thread is awake anyway.
        let _ = (&self.0).write(&1u64.to_ne_bytes());
    }

    fn clear(&self) {
        let mut counter = [0; 8];
        let _ = (&self.0).read(&mut counter);
    }
}

/// Sleeps until the socket has something, the waker was called, or `most` is over. Whether the socket
/// has something.
pub(crate) fn wait(socket: &BatchSocket, waker: &Waker, most: Duration) -> bool {
    let interest = |fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    let mut watched = [interest(socket.descriptor()), interest(waker.0.as_raw_fd())];
    let nanos = most.subsec_nanos();
    let most =
        libc::timespec { tv_sec: most.as_secs() as libc::time_t, tv_nsec: nanos as libc::c_long };
    // SAFETY: the array and the timespec outlive the call, and two entries are what it has.
    unsafe { libc::ppoll(watched.as_mut_ptr(), 2, &raw const most, ptr::null()) };
    if watched[1].revents != 0 {
        waker.clear();
    }
    watched[0].revents != 0
}
