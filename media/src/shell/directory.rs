//! Which shard knows a datagram's peer, for the datagrams that the kernel gave to another.
//!
//! Read only when a shard does not know the peer itself, and by nobody when there is one shard.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::PoisonError;
use std::sync::RwLock;

use crate::peer::Transaction;
use crate::shard::demux::Name;
use crate::shard::demux::Shape;

/// Names of all shards' peers.
#[derive(Debug, Default)]
pub(crate) struct Directory(RwLock<HashMap<Name, usize>>);

impl Directory {
    /// Takes over what changed in one shard.
    pub(crate) fn apply(&self, shard: usize, changes: impl Iterator<Item = (Name, bool)>) {
        let mut names = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (name, appeared) in changes {
            if appeared {
                names.insert(name, shard);
            } else if names.get(&name) == Some(&shard) {
                names.remove(&name);
            }
        }
    }

    /// The shard of the peer that authenticated from this address.
    pub(crate) fn shard_of_address(&self, address: SocketAddr) -> Option<usize> {
        let names = self.0.read().unwrap_or_else(PoisonError::into_inner);
        names.get(&Name::Address(address)).copied()
    }

    /// The shard whose peer this datagram is from, if any is known.
    pub(crate) fn shard_of(&self, from: SocketAddr, datagram: &[u8]) -> Option<usize> {
        let names = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let find = |name: Name| names.get(&name).copied();
        match Shape::of(datagram)? {
            Shape::Rtp { ssrc } | Shape::Rtcp { ssrc } => find(Name::Address(from))
                .or_else(|| find(Name::Ssrc(ssrc)))
                .or_else(|| find(Name::Learnt(ssrc))),
            // It names its shard: it may be from an address that nobody is known by yet.
            Shape::Proof { transaction } => Some(usize::from(Transaction::shard_of(&transaction))),
            Shape::Stun { ufrag } => find(Name::Ufrag(ufrag?.into())),
            Shape::Dtls => find(Name::Address(from)),
            Shape::Keepalive => find(Name::Address(from)).or_else(|| find(Name::Guess(from))),
            Shape::Discovery { ssrc } => find(Name::Ssrc(ssrc)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_a_challenge_finds_its_shard_from_an_address_that_nobody_knows() {
        let directory = Directory::default();
        let mut answer =
            include_bytes!("../../tests/data/rfc/rfc5769-2.2-ipv4-response.bin").to_vec();
        answer[8..10].copy_from_slice(&5u16.to_be_bytes());
        let from = "203.0.113.9:9".parse().expect("address");

        assert_eq!(directory.shard_of(from, &answer), Some(5));
    }
}
