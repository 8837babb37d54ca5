//! The few bytes of STUN (RFC 8489) that we read or write: whom a request names, whether it nominates, the
//! answer to it, and the challenge that proves a changed path.
//!
//! Hostile bytes are read here before anything is authenticated. HOT: reading allocates nothing.

use std::net::IpAddr;
use std::net::SocketAddr;

use super::hmac_sha1::HmacSha1;

/// Length of a STUN header, in bytes (RFC 8489 §5).
pub(crate) const HEADER: usize = 20;
/// Length of a transaction id, in bytes.
pub(crate) const TRANSACTION: usize = 12;

pub(crate) const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
pub(crate) const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
/// RFC 8489 §14.3.
pub(crate) const USERNAME: u16 = 0x0006;
/// RFC 8489 §14.5; an HMAC-SHA1 of 20 bytes.
const MESSAGE_INTEGRITY: u16 = 0x0008;
pub(crate) const HMAC: usize = 20;
/// RFC 8489 §14.2: family, port and address, masked by cookie and transaction id.
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
/// RFC 8445 §7.1.1.
const PRIORITY: u16 = 0x0024;
/// RFC 8445 §7.1.2.
const USE_CANDIDATE: u16 = 0x0025;
/// RFC 8489 §14.7; a CRC-32 of 4 bytes, masked.
const FINGERPRINT: u16 = 0x8028;
const FINGERPRINT_MASK: u32 = 0x5354_554E;
/// RFC 8445 §7.1.3.
const ICE_CONTROLLED: u16 = 0x8029;
const ICE_CONTROLLING: u16 = 0x802A;
/// The priority that a peer-reflexive candidate learnt from our challenge would have
/// (RFC 8445 §5.1.2.1: type preference 110).
const CHALLENGE_PRIORITY: u32 = (110 << 24) | (65_535 << 8) | 255;

/// Our username fragments begin with two letters that name the shard, so that the kernel can deliver a
/// check there: these, from the first on.
pub(crate) const FIRST_LETTER: u8 = b'A';
pub(crate) const LETTERS: u8 = 26;

/// How the username fragments of a shard's peers begin. A node has a shard for each core; of more than
/// 676 several have the same.
pub(crate) fn mark_of(shard: u16) -> [u8; 2] {
    let letters = u16::from(LETTERS);
    [shard % letters, shard / letters % letters].map(|letter| FIRST_LETTER + letter as u8)
}

/// The transaction id of a success response, by which a challenge is found.
pub(crate) fn success_of(datagram: &[u8]) -> Option<[u8; TRANSACTION]> {
    let header: &[u8; HEADER] = datagram.first_chunk()?;
    if header[..2] != BINDING_SUCCESS || header[4..8] != MAGIC_COOKIE {
        return None;
    }
    header.last_chunk().copied()
}

/// The value of a STUN attribute and where the attribute begins, if the datagram is a well-formed
/// message that has it.
fn attribute(datagram: &[u8], wanted: u16) -> Option<(usize, &[u8])> {
    if datagram.get(4..8)? != MAGIC_COOKIE {
        return None;
    }
    let length = usize::from(u16::from_be_bytes([datagram[2], datagram[3]]));
    let mut at = HEADER;
    let mut attributes = datagram.get(HEADER..HEADER + length)?;
    loop {
        let (head, rest) = attributes.split_first_chunk::<4>()?;
        let kind = u16::from_be_bytes([head[0], head[1]]);
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let value = rest.get(..length)?;
        if kind == wanted {
            return Some((at, value));
        }
        let padded = length.next_multiple_of(4);
        attributes = rest.get(padded..)?;
        at += 4 + padded;
    }
}

/// The receiver's half of `receiver:sender` (RFC 8445 §7.2.2).
pub(crate) fn receiver_ufrag(datagram: &[u8]) -> Option<&str> {
    let username = std::str::from_utf8(attribute(datagram, USERNAME)?.1).ok()?;
    username.split_once(':').map(|(receiver, _)| receiver)
}

/// Whether a datagram is a binding request.
pub(crate) fn is_request(datagram: &[u8]) -> bool {
    datagram.starts_with(&BINDING_REQUEST) && datagram.get(4..8) == Some(&MAGIC_COOKIE)
}

/// Whether a request is from `sender` to `receiver`, by their ICE username fragments.
pub(crate) fn is_between(datagram: &[u8], receiver: &str, sender: &str) -> bool {
    attribute(datagram, USERNAME).is_some_and(|(_, username)| {
        let rest = username.strip_prefix(receiver.as_bytes());
        rest.and_then(|rest| rest.strip_prefix(b":")) == Some(sender.as_bytes())
    })
}

/// Whether the browser chose this path (RFC 8445 §7.3.1.5).
pub(crate) fn nominates(datagram: &[u8]) -> bool {
    attribute(datagram, USE_CANDIDATE).is_some()
}

/// A binding request that only who knows `password` can answer. `username` is
/// `receiver:sender`; both are the receiver's ICE credentials.
pub(crate) fn challenge(
    transaction: [u8; TRANSACTION],
    username: &str,
    password: &str,
    out: &mut Vec<u8>,
) {
    request(transaction, username, password, &[ICE_CONTROLLED], out);
}

/// The check that a browser chooses a path with; `username` is `receiver:sender`, and `password` the
/// receiver's.
pub(crate) fn nomination(
    transaction: [u8; TRANSACTION],
    username: &str,
    password: &str,
    out: &mut Vec<u8>,
) {
    request(transaction, username, password, &[ICE_CONTROLLING, USE_CANDIDATE], out);
}

fn request(
    transaction: [u8; TRANSACTION],
    username: &str,
    password: &str,
    role: &[u16],
    out: &mut Vec<u8>,
) {
    let start = out.len();
    out.extend_from_slice(&BINDING_REQUEST);
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&MAGIC_COOKIE);
    out.extend_from_slice(&transaction);
    put(USERNAME, username.as_bytes(), out);
    put(PRIORITY, &CHALLENGE_PRIORITY.to_be_bytes(), out);
    for attribute in role {
        // Roles are settled: the tie-breaker decides nothing.
        let value: &[u8] = if *attribute == USE_CANDIDATE { &[] } else { &[0; 8] };
        put(*attribute, value, out);
    }
    seal(password, out, start);
}

/// The answer to a request that came from `from` and is genuine; `password` is ours
/// (RFC 8445 §7.3.1.2).
pub(crate) fn success(request: &[u8], from: SocketAddr, password: &str, out: &mut Vec<u8>) -> bool {
    let Some(transaction) = request.get(8..HEADER).and_then(<[u8]>::first_chunk) else {
        return false;
    };
    let start = out.len();
    out.extend_from_slice(&BINDING_SUCCESS);
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&MAGIC_COOKIE);
    out.extend_from_slice(transaction);
    let (mapped, length) = mask(from, transaction);
    put(XOR_MAPPED_ADDRESS, &mapped[..length], out);
    seal(password, out, start);
    true
}

/// Cookie and transaction id, by which addresses are masked (RFC 8489 §14.2): middle boxes used to
/// rewrite addresses that they recognised.
fn masking(transaction: &[u8; TRANSACTION]) -> [u8; 16] {
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&MAGIC_COOKIE);
    mask[4..].copy_from_slice(transaction);
    mask
}

/// The value of a masked address, and its length.
pub(crate) fn mask(address: SocketAddr, transaction: &[u8; TRANSACTION]) -> ([u8; 20], usize) {
    let port = address.port() ^ u16::from_be_bytes([MAGIC_COOKIE[0], MAGIC_COOKIE[1]]);
    let mut value = [0; 20];
    value[2..4].copy_from_slice(&port.to_be_bytes());
    let (family, length) = match address.ip() {
        IpAddr::V4(address) => {
            value[4..8].copy_from_slice(&address.octets());
            (1, 8)
        }
        IpAddr::V6(address) => {
            value[4..].copy_from_slice(&address.octets());
            (2, 20)
        }
    };
    value[1] = family;
    value[4..].iter_mut().zip(masking(transaction)).for_each(|(byte, mask)| *byte ^= mask);
    (value, length)
}

/// The address in a masked value.
pub(crate) fn unmask(value: &[u8], transaction: &[u8; TRANSACTION]) -> Option<SocketAddr> {
    let (head, address) = value.split_first_chunk::<4>()?;
    let port = u16::from_be_bytes([head[2] ^ MAGIC_COOKIE[0], head[3] ^ MAGIC_COOKIE[1]]);
    let mask = masking(transaction);
    let ip = match head[1] {
        1 => {
            let mut octets: [u8; 4] = address.try_into().ok()?;
            octets.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
            IpAddr::from(octets)
        }
        2 => {
            let mut octets: [u8; 16] = address.try_into().ok()?;
            octets.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
            IpAddr::from(octets)
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// Ends a message with its integrity and its fingerprint (RFC 8489 §14.5, §14.7).
fn seal(password: &str, out: &mut Vec<u8>, start: usize) {
    sign_and_seal(password.as_bytes(), out, start);
}

/// The same with a key of any kind (RFC 8489 §9).
pub(crate) fn sign_and_seal(key: &[u8], out: &mut Vec<u8>, start: usize) {
    set_length(out, start, 4 + HMAC);
    let integrity = HmacSha1::new(key).hash([&out[start..]]);
    put(MESSAGE_INTEGRITY, &integrity, out);
    set_length(out, start, 8);
    let crc = crc_32(&out[start..]) ^ FINGERPRINT_MASK;
    put(FINGERPRINT, &crc.to_be_bytes(), out);
}

/// Whether a message was made by who knows `password` (RFC 8489 §9.1.3, §9.1.4).
pub(crate) fn proves(message: &[u8], password: &str) -> bool {
    proves_by_key(message, password.as_bytes())
}

/// The same with a key of any kind (RFC 8489 §9).
pub(crate) fn proves_by_key(message: &[u8], key: &[u8]) -> bool {
    let Some((at, tag)) = attribute(message, MESSAGE_INTEGRITY) else { return false };
    // Its length field counts up to the attribute, whatever follows.
    let length = ((at - HEADER + 4 + HMAC) as u16).to_be_bytes();
    let expected = HmacSha1::new(key).hash([&message[..2], &length, &message[4..at]]);
    aws_lc_rs::constant_time::verify_slices_are_equal(&expected, tag).is_ok()
}

/// Appends an attribute.
pub(crate) fn put(kind: u16, value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&(value.len() as u16).to_be_bytes());
    out.extend_from_slice(value);
    out.resize(out.len() + value.len().next_multiple_of(4) - value.len(), 0);
}

/// Makes the length field count what is there and `more` bytes that will follow.
pub(crate) fn set_length(out: &mut [u8], start: usize, more: usize) {
    let length = (out.len() - start - HEADER + more) as u16;
    out[start + 2..start + 4].copy_from_slice(&length.to_be_bytes());
}

/// CRC-32 as in Ethernet (ITU-T V.42 §8.1.1.6.2), a byte at a time.
fn crc_32(bytes: &[u8]) -> u32 {
    let next = |crc: u32, byte: &u8| (crc >> 8) ^ CRC_32[usize::from(crc as u8 ^ byte)];
    !bytes.iter().fold(u32::MAX, next)
}

/// What each byte does to the checksum.
static CRC_32: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < table.len() {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 0 { crc >> 1 } else { (crc >> 1) ^ 0xEDB8_8320 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The short-term password of RFC 5769 §2.
    const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";
    const REQUEST: &[u8] = include_bytes!("../../tests/data/rfc/rfc5769-2.1-request.bin");
    const RESPONSE: &[u8] = include_bytes!("../../tests/data/rfc/rfc5769-2.2-ipv4-response.bin");
    const RESPONSE_6: &[u8] = include_bytes!("../../tests/data/rfc/rfc5769-2.3-ipv6-response.bin");

    #[test]
    fn the_username_of_rfc_5769_names_its_receiver() {
        assert_eq!(receiver_ufrag(REQUEST), Some("evtj"));
    }

    #[test]
    fn the_responses_of_rfc_5769_prove_their_password_and_no_changed_bit_does() {
        for response in [RESPONSE, RESPONSE_6] {
            assert!(proves(response, PASSWORD));
            assert!(!proves(response, "another"));
            let (tag, _) = attribute(response, MESSAGE_INTEGRITY).expect("has one");
            // The length field counts what follows the tag, too; it is not what was signed.
            for at in (0..2).chain(4..tag) {
                let mut forged = response.to_vec();
                forged[at] ^= 1;
                assert!(!proves(&forged, PASSWORD), "byte {at}");
            }
        }
        assert_eq!(success_of(REQUEST), None);
        assert_eq!(success_of(RESPONSE).as_ref().map(|id| &id[..]), Some(&RESPONSE[8..20]));
    }

    #[test]
    fn the_fingerprint_of_rfc_5769_is_ours() {
        let (at, value) = attribute(REQUEST, FINGERPRINT).expect("has one");

        assert_eq!((crc_32(&REQUEST[..at]) ^ FINGERPRINT_MASK).to_be_bytes(), value);
    }

    #[test]
    fn a_challenge_is_well_formed_and_signed_like_a_response() {
        let mut out = vec![0xAA; 3];
        challenge([7; TRANSACTION], "theirs:ours", PASSWORD, &mut out);
        let request = &out[3..];

        assert_eq!(receiver_ufrag(request), Some("theirs"));
        assert!(!nominates(request));
        assert!(proves(request, PASSWORD));
        let (at, value) = attribute(request, FINGERPRINT).expect("is the last");
        assert_eq!(at + 4 + value.len(), request.len());
        assert_eq!((crc_32(&request[..at]) ^ FINGERPRINT_MASK).to_be_bytes(), value);
    }

    #[test]
    fn the_answers_to_a_check_are_those_of_rfc_5769() {
        // The RFC's answers name their software, which nobody needs; what they map is the same.
        let mapped =
            |message: &[u8]| attribute(message, XOR_MAPPED_ADDRESS).map(|(_, v)| v.to_vec());
        for (from, response) in [
            ("192.0.2.1:32853", RESPONSE),
            ("[2001:db8:1234:5678:11:2233:4455:6677]:32853", RESPONSE_6),
        ] {
            let mut out = vec![0xAA];
            assert!(success(REQUEST, from.parse().expect("address"), PASSWORD, &mut out));
            let answer = &out[1..];

            assert_eq!(mapped(answer), mapped(response));
            assert_eq!(success_of(answer), success_of(response));
            assert!(proves(answer, PASSWORD));
            let (at, value) = attribute(answer, FINGERPRINT).expect("is the last");
            assert_eq!(at + 4 + value.len(), answer.len());
            assert_eq!((crc_32(&answer[..at]) ^ FINGERPRINT_MASK).to_be_bytes(), value);
        }
        assert!(is_between(REQUEST, "evtj", "h6vY"));
        assert!(!is_between(REQUEST, "evtj", "h6v") && !is_between(REQUEST, "evt", "jh6vY"));
        assert!(proves(REQUEST, PASSWORD));
    }

    #[test]
    fn a_nomination_nominates_and_is_signed_too() {
        let mut out = Vec::new();
        nomination([7; TRANSACTION], "ours:theirs", PASSWORD, &mut out);

        assert!(nominates(&out) && proves(&out, PASSWORD));
        assert_eq!(receiver_ufrag(&out), Some("ours"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let mut bytes = bytes;
            if bytes.len() >= 8 {
                bytes[..2].copy_from_slice(&BINDING_SUCCESS);
                bytes[4..8].copy_from_slice(&MAGIC_COOKIE);
            }
            prop_assert!(!proves(&bytes, PASSWORD));
            let _ = (receiver_ufrag(&bytes), nominates(&bytes), success_of(&bytes));
        }
    }
}
