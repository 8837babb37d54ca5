//! Datagrams that wait for the end of the turn, in one arena that is used again and again.
//!
//! HOT: once the arena has grown to a turn's size, nothing allocates.

use std::net::SocketAddr;
use std::ops::Range;

/// A datagram to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Transmit {
    /// Where to.
    pub(crate) to: SocketAddr,
    /// Which bytes of [`Outbox::bytes`].
    pub(crate) range: Range<usize>,
}

/// What a shard wants sent.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    arena: Vec<u8>,
    transmits: Vec<Transmit>,
}

impl Outbox {
    /// Adds a finished datagram.
    pub(crate) fn push(&mut self, to: SocketAddr, bytes: &[u8]) {
        let start = self.arena.len();
        self.arena.extend_from_slice(bytes);
        self.transmits.push(Transmit { to, range: start..self.arena.len() });
    }

    /// Adds what `write` appends, unless it says that there is nothing to send or panics.
    /// Whether it was added.
    pub(crate) fn write(
        &mut self,
        to: SocketAddr,
        write: impl FnOnce(&mut Vec<u8>) -> bool,
    ) -> bool {
        let start = self.arena.len();
        if !write(&mut self.arena) {
            self.arena.truncate(start);
            return false;
        }
        self.transmits.push(Transmit { to, range: start..self.arena.len() });
        true
    }

    /// The datagrams, in the order in which they were added.
    #[must_use]
    pub(crate) fn transmits(&self) -> &[Transmit] {
        &self.transmits
    }

    /// The bytes that the ranges point into.
    #[must_use]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.arena
    }

    /// The bytes of the datagram that was added last.
    #[must_use]
    pub(crate) fn newest(&self) -> &[u8] {
        self.transmits.last().map_or(&[], |newest| &self.arena[newest.range.clone()])
    }

    /// Empties the outbox and keeps its memory.
    pub(crate) fn clear(&mut self) {
        self.arena.clear();
        self.transmits.clear();
    }
}
