//! Which protocol a datagram speaks and whose it is, decided before any session sees it.
//!
//! By shape first (RFC 7983; RTP is the common case and tested first), then by the address that it
//! came from, then by what it names: a STUN username or an SSRC. Naming is a hint only; keys
//! decide. HOT: two table lookups; no allocation.

use std::collections::HashMap;
use std::net::SocketAddr;

use crate::metrics::DropReason;
use crate::peer::PeerKey;
use crate::rtp::header::FIXED;
use crate::rtp::rtcp;
use crate::transport::discovery;
use crate::transport::stun;
use crate::transport::stun::TRANSACTION;

/// Length of the keepalives that UDP clients send, in bytes.
const KEEPALIVE: usize = 8;

/// What a datagram is, by its shape alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape<'a> {
    /// RTP of this SSRC.
    Rtp {
        ssrc: u32,
    },
    /// RTCP whose sender calls itself by this SSRC.
    Rtcp {
        ssrc: u32,
    },
    /// STUN, and the part of its USERNAME that names the receiver.
    Stun {
        ufrag: Option<&'a str>,
    },
    /// A STUN success response: the answer to a challenge of ours.
    Proof {
        transaction: [u8; TRANSACTION],
    },
    Dtls,
    /// IP discovery for this SSRC.
    Discovery {
        ssrc: u32,
    },
    Keepalive,
}

impl<'a> Shape<'a> {
    /// Recognises a datagram. None for what is nothing of ours.
    pub(crate) fn of(datagram: &'a [u8]) -> Option<Self> {
        let first = *datagram.first()?;
        match first {
            128..=191 if datagram.len() >= FIXED => {
                let word = |at: usize| {
                    let word: &[u8; 4] = datagram.get(at..)?.first_chunk()?;
                    Some(u32::from_be_bytes(*word))
                };
                if rtcp::is_rtcp(datagram[1]) {
                    Some(Self::Rtcp { ssrc: word(4)? })
                } else {
                    Some(Self::Rtp { ssrc: word(8)? })
                }
            }
            _ if datagram.len() == KEEPALIVE => Some(Self::Keepalive),
            0 if datagram.len() == discovery::LENGTH && discovery::parse(datagram).is_some() => {
                discovery::parse(datagram).map(|ssrc| Self::Discovery { ssrc })
            }
            0..=3 if datagram.len() >= stun::HEADER => Some(match stun::success_of(datagram) {
                Some(transaction) => Self::Proof { transaction },
                None => Self::Stun { ufrag: stun::receiver_ufrag(datagram) },
            }),
            20..=63 if datagram.len() >= DTLS_RECORD_HEADER => Some(Self::Dtls),
            _ => None,
        }
    }
}

/// Length of a DTLS 1.2 record header, in bytes (RFC 6347 §4.1).
const DTLS_RECORD_HEADER: usize = 13;

/// What names a peer in datagrams; the tables of all shards hold these.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Name {
    /// An address that it authenticated from.
    Address(SocketAddr),
    /// An address that it only asked for IP discovery from; its keepalives come from there.
    Guess(SocketAddr),
    /// Our ICE username fragment for it.
    Ufrag(Box<str>),
    /// The SSRC that it was assigned.
    Ssrc(u32),
    /// The SSRC that a browser chose for its audio.
    Learnt(u32),
}

/// Whom an address belongs to.
#[derive(Debug, Clone, Copy)]
struct Bound {
    peer: PeerKey,
    /// The one SSRC that can come from there, when the peer uses Discord's UDP transport.
    ssrc: Option<u32>,
}

/// The tables.
#[derive(Default)]
pub(crate) struct Demux {
    addresses: HashMap<SocketAddr, Bound>,
    guesses: HashMap<SocketAddr, PeerKey>,
    ufrags: HashMap<Box<str>, PeerKey>,
    ssrcs: HashMap<u32, PeerKey>,
    learnt: HashMap<u32, PeerKey>,
    /// Names that appeared (true) and went, for whoever keeps the table of all shards.
    pub(crate) changes: Vec<(Name, bool)>,
    /// Whether anybody does.
    tell_changes: bool,
}

impl Demux {
    /// Empty tables. With `tell_changes`, [`changes`](Self::changes) must be drained.
    pub(crate) fn new(tell_changes: bool) -> Self {
        Self { tell_changes, ..Self::default() }
    }

    /// Whose datagram it is.
    ///
    /// # Errors
    ///
    /// [`DropReason::UnknownSource`] when nobody here is known by it.
    pub(crate) fn attribute(
        &self,
        shape: Shape<'_>,
        from: SocketAddr,
    ) -> Result<PeerKey, DropReason> {
        let peer = match shape {
            Shape::Rtp { ssrc } => match self.addresses.get(&from) {
                Some(bound) if bound.ssrc.is_none_or(|only| only == ssrc) => Some(bound.peer),
                _ => self.by_ssrc(ssrc),
            },
            // Clients differ in the SSRC that they report under; some take 0 or 1.
            Shape::Rtcp { ssrc } => self
                .owner(from)
                .or_else(|| self.by_ssrc(ssrc))
                .or_else(|| self.guesses.get(&from).copied()),
            // Found by what it answers, which the peers know.
            Shape::Proof { .. } => None,
            // A username is more exact than an address, which a second session may share.
            Shape::Stun { ufrag } => self.ufrags.get(ufrag.unwrap_or_default()).copied(),
            Shape::Dtls => self.owner(from),
            Shape::Keepalive => self.owner(from).or_else(|| self.guesses.get(&from).copied()),
            Shape::Discovery { ssrc } => self.ssrcs.get(&ssrc).copied(),
        };
        peer.ok_or(DropReason::UnknownSource)
    }

    /// Who was assigned an SSRC: who is heard under it.
    pub(crate) fn assigned(&self, ssrc: u32) -> Option<PeerKey> {
        self.ssrcs.get(&ssrc).copied()
    }

    /// Whom an SSRC names: who was assigned it, else who was first to choose it.
    pub(crate) fn by_ssrc(&self, ssrc: u32) -> Option<PeerKey> {
        self.ssrcs.get(&ssrc).or_else(|| self.learnt.get(&ssrc)).copied()
    }

    /// Who authenticated from an address.
    pub(crate) fn owner(&self, address: SocketAddr) -> Option<PeerKey> {
        self.addresses.get(&address).map(|bound| bound.peer)
    }

    /// Binds an address to a peer, and to its one SSRC if it has but one.
    pub(crate) fn bind(&mut self, address: SocketAddr, peer: PeerKey, ssrc: Option<u32>) {
        self.addresses.insert(address, Bound { peer, ssrc });
        self.tell(Name::Address(address), true);
    }

    /// Makes a peer known by a name. Guesses and SSRCs that browsers chose stay with whom they
    /// named first: they are claims, and must not take another's packets away.
    pub(crate) fn add(&mut self, name: Name, peer: PeerKey) {
        match &name {
            Name::Address(address) => {
                self.addresses.insert(*address, Bound { peer, ssrc: None });
            }
            Name::Guess(address) => {
                self.guesses.entry(*address).or_insert(peer);
            }
            Name::Ufrag(ufrag) => {
                self.ufrags.insert(ufrag.clone(), peer);
            }
            Name::Ssrc(ssrc) => {
                self.ssrcs.insert(*ssrc, peer);
            }
            Name::Learnt(ssrc) => {
                self.learnt.entry(*ssrc).or_insert(peer);
            }
        }
        self.tell(name, true);
    }

    /// Forgets a name, if it is this peer's.
    pub(crate) fn remove(&mut self, name: Name, peer: PeerKey) {
        let owner = match &name {
            Name::Address(address) => self.owner(*address),
            Name::Guess(address) => self.guesses.get(address).copied(),
            Name::Ufrag(ufrag) => self.ufrags.get(ufrag).copied(),
            Name::Ssrc(ssrc) => self.ssrcs.get(ssrc).copied(),
            Name::Learnt(ssrc) => self.learnt.get(ssrc).copied(),
        };
        if owner != Some(peer) {
            return;
        }
        match &name {
            Name::Address(address) => drop(self.addresses.remove(address)),
            Name::Guess(address) => drop(self.guesses.remove(address)),
            Name::Ufrag(ufrag) => drop(self.ufrags.remove(ufrag)),
            Name::Ssrc(ssrc) => drop(self.ssrcs.remove(ssrc)),
            Name::Learnt(ssrc) => drop(self.learnt.remove(ssrc)),
        }
        self.tell(name, false);
    }

    fn tell(&mut self, name: Name, appeared: bool) {
        if self.tell_changes {
            self.changes.push((name, appeared));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_request_is_told_from_an_answer() {
        let request = include_bytes!("../../tests/data/rfc/rfc5769-2.1-request.bin");
        let answer = include_bytes!("../../tests/data/rfc/rfc5769-2.2-ipv4-response.bin");

        assert_eq!(Shape::of(request), Some(Shape::Stun { ufrag: Some("evtj") }));
        assert!(matches!(Shape::of(answer), Some(Shape::Proof { .. })));
    }

    #[test]
    fn rtcp_is_named_by_its_sender_and_not_by_what_is_sealed_behind() {
        let mut report = [0x81, 201, 0, 7, 0, 0, 0, 9, 0xFF, 0xFF, 0xFF, 0xFF];

        assert_eq!(Shape::of(&report), Some(Shape::Rtcp { ssrc: 9 }));
        report[1] = 111;
        assert_eq!(Shape::of(&report), Some(Shape::Rtp { ssrc: 0xFFFF_FFFF }));
    }

    #[test]
    fn discovery_is_told_from_stun_though_both_begin_alike() {
        let mut request = [0; discovery::LENGTH];
        request[..8].copy_from_slice(&[0, 1, 0, 70, 0, 0, 0, 5]);

        assert_eq!(Shape::of(&request), Some(Shape::Discovery { ssrc: 5 }));
    }

    proptest! {
        #[test]
        fn no_datagram_makes_the_demultiplexer_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200), stun: bool,
        ) {
            let mut bytes = bytes;
            if stun && bytes.len() >= 8 {
                bytes[0] = 0;
                bytes[4..8].copy_from_slice(&[0x21, 0x12, 0xA4, 0x42]);
            }
            let _ = Shape::of(&bytes);
        }
    }
}
