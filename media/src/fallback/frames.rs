//! Datagrams in a byte stream: which kind of stream it is by its first bytes, and where each
//! datagram ends.
//!
//! Hostile bytes are read here before anything is authenticated.

use model::limits;

use crate::transport::stun;

/// How datagrams are told apart in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Two bytes of length before each (RFC 4571 §2), as ICE over TCP has them (RFC 6544 §3).
    Ice,
    /// Messages of TURN, which tell their length themselves (RFC 8656 §3.1, §12.5).
    Turn,
}

/// What the first bytes of a connection tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sniffed {
    /// Too few of them.
    Unsure,
    /// Media, framed so.
    Media(Framing),
    /// Nothing of ours.
    Foreign,
}

/// Bytes by which ICE over TCP is known: a length, and a STUN header up to its cookie.
const TELLING: usize = 10;

/// An Allocate request, with which TURN begins (RFC 8656 §7.1).
const ALLOCATE: [u8; 2] = [0, 3];

/// Tells what a connection carries by its first bytes: ICE over TCP begins with a framed binding
/// request, TURN with a bare Allocate request.
#[must_use]
pub fn sniff(head: &[u8]) -> Sniffed {
    let Some(telling) = head.get(..TELLING) else {
        let possible = head.first().is_none_or(|first| usize::from(*first) <= MOST >> 8);
        return if possible { Sniffed::Unsure } else { Sniffed::Foreign };
    };
    let length = usize::from(u16::from_be_bytes([telling[0], telling[1]]));
    if (stun::HEADER..=MOST).contains(&length) && stun::is_request(&telling[2..]) {
        Sniffed::Media(Framing::Ice)
    } else if telling.starts_with(&ALLOCATE) && telling[4..8] == stun::MAGIC_COOKIE {
        Sniffed::Media(Framing::Turn)
    } else {
        Sniffed::Foreign
    }
}

/// A frame is longer than any datagram of ours: the stream cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a frame is too long")]
pub(crate) struct Broken;

/// Cuts a stream into datagrams.
///
/// Invariant: when [`next`](Self::next) was asked until it had none, less than one frame is held.
#[derive(Debug)]
pub(crate) struct Deframer {
    framing: Framing,
    buffer: Vec<u8>,
    /// Where the next frame begins.
    at: usize,
}

impl Deframer {
    /// Of a stream that has not begun.
    pub(crate) const fn new(framing: Framing) -> Self {
        Self { framing, buffer: Vec::new(), at: 0 }
    }

    /// Takes what came next.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.at);
        self.at = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next datagram that is there as a whole. An empty one means nothing.
    ///
    /// # Errors
    ///
    /// When what follows cannot be ours; it says so ever after.
    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>, Broken> {
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        let Some((head, length, padded)) = measure(self.framing, rest)? else { return Ok(None) };
        let Some(datagram) = rest.get(head..head + length) else { return Ok(None) };
        if rest.len() < head + padded {
            return Ok(None);
        }
        self.at += head + padded;
        Ok(Some(datagram))
    }

    /// Bytes that wait for the rest of their frame.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn held(&self) -> usize {
        self.buffer.len() - self.at
    }
}

/// Of the frame that `bytes` begin with: what stands before the datagram, its length, and its length
/// with what stands behind it.
fn measure(framing: Framing, bytes: &[u8]) -> Result<Option<(usize, usize, usize)>, Broken> {
    match framing {
        Framing::Ice => {
            let Some(head) = bytes.first_chunk() else { return Ok(None) };
            let length = usize::from(u16::from_be_bytes(*head));
            if length > MOST { Err(Broken) } else { Ok(Some((2, length, length))) }
        }
        Framing::Turn => {
            let Some(head) = bytes.first_chunk::<4>() else { return Ok(None) };
            let said = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let length = match head[0] {
                0..0x40 if said.is_multiple_of(4) => stun::HEADER + said,
                0x40..0x50 => 4 + said,
                _ => return Err(Broken),
            };
            let padded = length.next_multiple_of(4);
            if padded > MOST { Err(Broken) } else { Ok(Some((0, length, padded))) }
        }
    }
}

/// Appends a datagram as one frame of ICE over TCP.
pub(crate) fn frame(datagram: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(datagram.len() as u16).to_be_bytes());
    out.extend_from_slice(datagram);
}

const MOST: usize = limits::RELAYED_FRAME;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REQUEST: &[u8] = include_bytes!("../../tests/data/rfc/rfc5769-2.1-request.bin");

    fn framed(datagrams: &[Vec<u8>]) -> Vec<u8> {
        let mut out = Vec::new();
        datagrams.iter().for_each(|datagram| frame(datagram, &mut out));
        out
    }

    #[test]
    fn a_framed_check_is_told_from_tls_from_http_and_from_a_bare_one() {
        let check = framed(&[REQUEST.to_vec()]);

        assert_eq!(sniff(&check), Sniffed::Media(Framing::Ice));
        for known in 0..TELLING {
            assert_eq!(sniff(&check[..known]), Sniffed::Unsure, "{known} bytes");
        }
        for foreign in
            [&b"GET / HTTP/1.1"[..], &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3], REQUEST, &[0; 20]]
        {
            assert_eq!(sniff(foreign), Sniffed::Foreign, "{foreign:02x?}");
        }
        assert_eq!(sniff(b"G"), Sniffed::Foreign);
    }

    #[test]
    fn messages_of_turn_end_where_they_say_and_channels_where_four_bytes_are_full() {
        let mut deframer = Deframer::new(Framing::Turn);
        let allocate = [&[0, 3, 0, 4][..], &stun::MAGIC_COOKIE, &[7; 12], &[1, 2, 3, 4]].concat();
        assert_eq!(sniff(&allocate), Sniffed::Media(Framing::Turn));
        deframer.push(&allocate);
        deframer.push(b"\x40\x00\x00\x05hello\0\0");

        assert_eq!(deframer.next(), Ok(Some(&allocate[..])));
        assert_eq!(deframer.next(), Ok(None), "its filling is missing");
        deframer.push(b"\0\x80");
        assert_eq!(deframer.next(), Ok(Some(&b"\x40\x00\x00\x05hello"[..])));
        deframer.push(&[0; 3]);
        assert_eq!(deframer.next(), Err(Broken), "neither a message nor a channel");
    }

    #[test]
    fn a_frame_longer_than_a_datagram_breaks_the_stream_before_it_is_awaited() {
        let mut deframer = Deframer::new(Framing::Ice);
        deframer.push(&[0, 1, 7]);
        deframer.push(&((MOST + 1) as u16).to_be_bytes());

        assert_eq!(deframer.next(), Ok(Some(&[7][..])));
        assert_eq!(deframer.next(), Err(Broken));
        assert_eq!(deframer.next(), Err(Broken));
    }

    proptest! {
        #[test]
        fn datagrams_come_out_as_they_went_in_however_the_stream_is_cut(
            datagrams in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..12),
            cuts in proptest::collection::vec(1_usize..200, 1..40),
        ) {
            let stream = framed(&datagrams);
            let mut deframer = Deframer::new(Framing::Ice);
            let (mut out, mut rest, mut cuts) = (Vec::new(), &stream[..], cuts.iter().cycle());
            while !rest.is_empty() {
                let (piece, later) = rest.split_at(rest.len().min(*cuts.next().expect("endless")));
                rest = later;
                deframer.push(piece);
                while let Some(datagram) = deframer.next().expect("well framed") {
                    out.push(datagram.to_vec());
                }
            }
            prop_assert_eq!(out, datagrams);
            prop_assert_eq!(deframer.held(), 0);
        }
    }
}
