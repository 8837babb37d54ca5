//! The messages of TURN (RFC 8656 §5, §18; RFC 8489 §5, §14), read without copying and written into a
//! buffer.
//!
//! Hostile bytes are read here before anything is authenticated.

use std::net::SocketAddr;
use std::ops::RangeInclusive;

use crate::transport::stun;
use crate::transport::stun::TRANSACTION;

/// Kinds of messages: method and class together (RFC 8656 §17).
pub(super) mod kind {
    pub(crate) const ALLOCATE: u16 = 0x0003;
    pub(crate) const REFRESH: u16 = 0x0004;
    pub(crate) const CREATE_PERMISSION: u16 = 0x0008;
    pub(crate) const CHANNEL_BIND: u16 = 0x0009;
    pub(crate) const SEND: u16 = 0x0016;
    pub(crate) const DATA: u16 = 0x0017;
}

/// Attributes (RFC 8489 §18.3, RFC 8656 §18).
pub(super) mod named {
    pub(crate) const USERNAME: u16 = 0x0006;
    pub(crate) const MESSAGE_INTEGRITY: u16 = 0x0008;
    pub(crate) const ERROR_CODE: u16 = 0x0009;
    pub(crate) const UNKNOWN_ATTRIBUTES: u16 = 0x000A;
    pub(crate) const CHANNEL_NUMBER: u16 = 0x000C;
    pub(crate) const LIFETIME: u16 = 0x000D;
    pub(crate) const XOR_PEER_ADDRESS: u16 = 0x0012;
    pub(crate) const DATA: u16 = 0x0013;
    pub(crate) const REALM: u16 = 0x0014;
    pub(crate) const NONCE: u16 = 0x0015;
    pub(crate) const XOR_RELAYED_ADDRESS: u16 = 0x0016;
    pub(crate) const REQUESTED_ADDRESS_FAMILY: u16 = 0x0017;
    pub(crate) const REQUESTED_TRANSPORT: u16 = 0x0019;
    pub(crate) const XOR_MAPPED_ADDRESS: u16 = 0x0020;
}

/// Numbers of channels (RFC 8656 §12).
pub(super) const CHANNELS: RangeInclusive<u16> = 0x4000..=0x4FFF;
/// Attributes from here on may be passed over (RFC 8489 §14).
const OPTIONAL: u16 = 0x8000;
const SUCCESS: u16 = 0x0100;
const ERROR: u16 = 0x0110;

/// The channel and what came on it, if that is what these bytes are.
pub(super) fn channel_data(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<4>()?;
    let number = u16::from_be_bytes([head[0], head[1]]);
    let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
    Some((number, rest.get(..length)?)).filter(|_| CHANNELS.contains(&number))
}

/// Appends a datagram on a channel, filled up to four bytes as streams need it (RFC 8656 §12.5).
pub(super) fn put_channel_data(number: u16, data: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&number.to_be_bytes());
    out.extend_from_slice(&(data.len() as u16).to_be_bytes());
    out.extend_from_slice(data);
    out.resize(out.len() + data.len().next_multiple_of(4) - data.len(), 0);
}

/// One message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a> {
    pub(super) kind: u16,
    whole: &'a [u8],
    transaction: [u8; TRANSACTION],
    /// Those in front of the integrity; what stands behind is nobody's word.
    attributes: &'a [u8],
    is_signed: bool,
}

impl<'a> Message<'a> {
    /// Reads a message; none when it is no well-formed one.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (head, attributes) = bytes.split_first_chunk::<{ stun::HEADER }>()?;
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        if head[0] > 0x3F || head[4..8] != stun::MAGIC_COOKIE || attributes.len() != length {
            return None;
        }
        let mut message = Self {
            kind: u16::from_be_bytes([head[0], head[1]]),
            whole: bytes,
            transaction: *head.last_chunk()?,
            attributes,
            is_signed: false,
        };
        let mut all = Attributes(attributes);
        while let Some((kind, _)) = all.next() {
            if kind == named::MESSAGE_INTEGRITY {
                let behind = all.0.len() + 4 + stun::HMAC;
                message.attributes = &attributes[..attributes.len().checked_sub(behind)?];
                message.is_signed = true;
                return Some(message);
            }
        }
        all.0.is_empty().then_some(message)
    }

    /// Whether it carries an integrity, right or wrong.
    pub(super) const fn is_signed(&self) -> bool {
        self.is_signed
    }

    /// Whether its integrity was made with `key`.
    pub(super) fn proves(&self, key: &[u8]) -> bool {
        self.is_signed && stun::proves_by_key(self.whole, key)
    }

    /// The value of the first attribute of a kind.
    pub(super) fn get(&self, wanted: u16) -> Option<&'a [u8]> {
        Attributes(self.attributes).find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
    }

    /// The address in the first attribute of a kind.
    pub(super) fn address(&self, wanted: u16) -> Option<SocketAddr> {
        self.addresses(wanted).next().flatten()
    }

    /// The addresses in the attributes of a kind; none where one is unreadable.
    pub(super) fn addresses(&self, wanted: u16) -> impl Iterator<Item = Option<SocketAddr>> {
        let transaction = self.transaction;
        Attributes(self.attributes)
            .filter(move |(kind, _)| *kind == wanted)
            .map(move |(_, value)| stun::unmask(value, &transaction))
    }

    /// Attributes that must be understood and are not.
    pub(super) fn unknown(&self) -> impl Iterator<Item = u16> {
        Attributes(self.attributes)
            .map(|(kind, _)| kind)
            .filter(|kind| *kind < OPTIONAL && !KNOWN.contains(kind))
    }
}

/// Attributes that a request may have.
const KNOWN: &[u16] = &[
    named::USERNAME,
    named::CHANNEL_NUMBER,
    named::LIFETIME,
    named::XOR_PEER_ADDRESS,
    named::DATA,
    named::REALM,
    named::NONCE,
    named::REQUESTED_ADDRESS_FAMILY,
    named::REQUESTED_TRANSPORT,
];

/// What is left to read. It ends where it is no longer well-formed.
struct Attributes<'a>(&'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (head, rest) = self.0.split_first_chunk::<4>()?;
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let value = rest.get(..length)?;
        self.0 = rest.get(length.next_multiple_of(4)..)?;
        Some((u16::from_be_bytes([head[0], head[1]]), value))
    }
}

/// A message of ours that is being written.
pub(super) struct Reply<'o> {
    out: &'o mut Vec<u8>,
    start: usize,
    transaction: [u8; TRANSACTION],
}

impl<'o> Reply<'o> {
    pub(super) fn success(request: &Message<'_>, out: &'o mut Vec<u8>) -> Self {
        Self::begin(request.kind | SUCCESS, request.transaction, out)
    }

    /// With its code; who reads it knows the reason by that (RFC 8489 §14.8).
    pub(super) fn error(request: &Message<'_>, code: u16, out: &'o mut Vec<u8>) -> Self {
        let mut reply = Self::begin(request.kind | ERROR, request.transaction, out);
        reply.put(named::ERROR_CODE, &[0, 0, (code / 100) as u8, (code % 100) as u8]);
        reply
    }

    pub(super) fn indication(kind: u16, out: &'o mut Vec<u8>) -> Self {
        Self::begin(kind, [0; TRANSACTION], out)
    }

    fn begin(kind: u16, transaction: [u8; TRANSACTION], out: &'o mut Vec<u8>) -> Self {
        let start = out.len();
        out.extend_from_slice(&kind.to_be_bytes());
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&stun::MAGIC_COOKIE);
        out.extend_from_slice(&transaction);
        Self { out, start, transaction }
    }

    pub(super) fn put(&mut self, kind: u16, value: &[u8]) {
        stun::put(kind, value, self.out);
    }

    pub(super) fn put_address(&mut self, kind: u16, address: SocketAddr) {
        let (value, length) = stun::mask(address, &self.transaction);
        self.put(kind, &value[..length]);
    }

    /// Ends it, signed if there is a key.
    pub(super) fn finish(self, key: Option<&[u8]>) {
        match key {
            Some(key) => stun::sign_and_seal(key, self.out, self.start),
            None => stun::set_length(self.out, self.start, 0),
        }
    }
}
