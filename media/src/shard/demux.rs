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
use crate::transport::discovery;

/// Length of the keepalives that UDP clients send, in bytes.
const KEEPALIVE: usize = 8;

/// What a datagram is, by its shape alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape<'a> {
    /// RTP or RTCP, and the SSRC at byte 8: RTP's sender.
    Rtp {
        ssrc: u32,
    },
    /// STUN, and the part of its USERNAME that names the receiver.
    Stun {
        ufrag: Option<&'a str>,
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
                let ssrc: &[u8; 4] = datagram[8..].first_chunk()?;
                Some(Self::Rtp { ssrc: u32::from_be_bytes(*ssrc) })
            }
            _ if datagram.len() == KEEPALIVE => Some(Self::Keepalive),
            0 if datagram.len() == discovery::LENGTH && discovery::parse(datagram).is_some() => {
                discovery::parse(datagram).map(|ssrc| Self::Discovery { ssrc })
            }
            0..=3 if datagram.len() >= STUN_HEADER => {
                Some(Self::Stun { ufrag: receiver_ufrag(datagram) })
            }
            20..=63 if datagram.len() >= DTLS_RECORD_HEADER => Some(Self::Dtls),
            _ => None,
        }
    }
}

/// Length of a STUN header, in bytes (RFC 8489 §5).
const STUN_HEADER: usize = 20;
/// Length of a DTLS 1.2 record header, in bytes (RFC 6347 §4.1).
const DTLS_RECORD_HEADER: usize = 13;
/// The USERNAME attribute (RFC 8489 §14.3).
const STUN_USERNAME: u16 = 0x0006;
/// The USE-CANDIDATE attribute (RFC 8445 §7.1.2).
const STUN_USE_CANDIDATE: u16 = 0x0025;

/// The value of a STUN attribute, if the datagram is a well-formed message that has it.
fn stun_attribute(datagram: &[u8], wanted: u16) -> Option<&[u8]> {
    if datagram.get(4..8)? != [0x21, 0x12, 0xA4, 0x42] {
        return None;
    }
    let length = usize::from(u16::from_be_bytes([datagram[2], datagram[3]]));
    let mut attributes = datagram.get(STUN_HEADER..STUN_HEADER + length)?;
    loop {
        let (head, rest) = attributes.split_first_chunk::<4>()?;
        let kind = u16::from_be_bytes([head[0], head[1]]);
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let value = rest.get(..length)?;
        if kind == wanted {
            return Some(value);
        }
        attributes = rest.get(length.next_multiple_of(4)..)?;
    }
}

/// The receiver's half of `receiver:sender` (RFC 8445 §7.2.2).
fn receiver_ufrag(datagram: &[u8]) -> Option<&str> {
    let username = std::str::from_utf8(stun_attribute(datagram, STUN_USERNAME)?).ok()?;
    username.split_once(':').map(|(receiver, _)| receiver)
}

/// Whether the browser chose this path (RFC 8445 §7.3.1.5).
pub(crate) fn nominates(datagram: &[u8]) -> bool {
    stun_attribute(datagram, STUN_USE_CANDIDATE).is_some()
}

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
                _ => self.ssrcs.get(&ssrc).or_else(|| self.learnt.get(&ssrc)).copied(),
            },
            // A username is more exact than an address, which a second session may share.
            Shape::Stun { ufrag } => self.ufrags.get(ufrag.unwrap_or_default()).copied(),
            Shape::Dtls => self.owner(from),
            Shape::Keepalive => self.owner(from).or_else(|| self.guesses.get(&from).copied()),
            Shape::Discovery { ssrc } => self.ssrcs.get(&ssrc).copied(),
        };
        peer.ok_or(DropReason::UnknownSource)
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
    fn the_username_of_rfc_5769_names_its_receiver() {
        let request = include_bytes!("../../tests/data/rfc/rfc5769-2.1-request.bin");

        assert_eq!(Shape::of(request), Some(Shape::Stun { ufrag: Some("evtj") }));
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
            let _ = nominates(&bytes);
        }
    }
}
