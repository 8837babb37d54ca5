//! Mumble's messages, as far as the load needs them: protobuf on TCP, varints in voice packets
//! (Mumble protocol 1.2.5, "Protocol stack (TCP)" and "Voice data"). Pure.

/// Types of messages on TCP.
pub(super) const VERSION: u16 = 0;
pub(super) const AUTHENTICATE: u16 = 2;
pub(super) const PING: u16 = 3;
pub(super) const REJECT: u16 = 4;
pub(super) const SERVER_SYNC: u16 = 5;
pub(super) const CRYPT_SETUP: u16 = 15;

/// First byte of a voice packet: Opus, to everybody in the channel.
const OPUS: u8 = 4 << 5;
/// First byte of a ping by UDP.
const UDP_PING: u8 = 1 << 5;

/// A message, framed for TCP.
pub(super) fn framed(kind: u16, body: &[u8]) -> Vec<u8> {
    let length = body.len() as u32;
    [&kind.to_be_bytes()[..], &length.to_be_bytes(), body].concat()
}

/// Adds a number as a field.
pub(super) fn put_number(body: &mut Vec<u8>, field: u8, number: u64) {
    body.push(field << 3);
    put_leb(body, number);
}

/// Adds bytes or a text as a field.
pub(super) fn put_bytes(body: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    body.push((field << 3) | 2);
    put_leb(body, bytes.len() as u64);
    body.extend_from_slice(bytes);
}

fn put_leb(body: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        body.push(number as u8 | 0x80);
        number >>= 7;
    }
    body.push(number as u8);
}

/// The bytes of a field of a message. `None` when it is not there or the message is malformed.
pub(super) fn bytes_of(mut body: &[u8], wanted: u64) -> Option<&[u8]> {
    while !body.is_empty() {
        let key = take_leb(&mut body)?;
        let (field, kind) = (key >> 3, key & 7);
        let length = match kind {
            0 => {
                take_leb(&mut body)?;
                continue;
            }
            1 => 8,
            2 => usize::try_from(take_leb(&mut body)?).ok()?,
            5 => 4,
            _ => return None,
        };
        let value;
        (value, body) = body.split_at_checked(length)?;
        if field == wanted && kind == 2 {
            return Some(value);
        }
    }
    None
}

fn take_leb(body: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = body.split_first()?;
        *body = rest;
        number |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// A voice packet as a client sends it.
pub(in crate::bench::voice) fn put_voice(packet: &mut Vec<u8>, sequence: u32, opus: &[u8]) {
    packet.clear();
    packet.push(OPUS);
    put_varint(packet, sequence);
    put_varint(packet, opus.len() as u32);
    packet.extend_from_slice(opus);
}

/// The Opus of a voice packet as a server sends it. `None` for other packets.
pub(in crate::bench::voice) fn opus_of(packet: &[u8]) -> Option<&[u8]> {
    let (kind, mut rest) = packet.split_first()?;
    if kind >> 5 != OPUS >> 5 {
        return None;
    }
    let (_session, _sequence) = (take_varint(&mut rest)?, take_varint(&mut rest)?);
    // The bit above the length says that it is the last of a talkspurt.
    let length = take_varint(&mut rest)? & 0x1FFF;
    rest.get(..length as usize)
}

/// Whether a packet is a ping that came back.
pub(in crate::bench::voice) fn is_ping(packet: &[u8]) -> bool {
    packet.first().is_some_and(|kind| kind >> 5 == UDP_PING >> 5)
}

/// A ping by UDP, which shows the server where a client is.
pub(super) fn udp_ping() -> Vec<u8> {
    vec![UDP_PING, 1]
}

/// Mumble's own varint: the leading ones of the first byte count the bytes that follow.
fn put_varint(packet: &mut Vec<u8>, number: u32) {
    match number {
        0..0x80 => packet.push(number as u8),
        0x80..0x4000 => packet.extend_from_slice(&(number as u16 | 0x8000).to_be_bytes()),
        0x4000..0x20_0000 => {
            packet.extend_from_slice(&(number | 0xC0_0000).to_be_bytes()[1..]);
        }
        0x20_0000..0x1000_0000 => {
            packet.extend_from_slice(&(number | 0xE000_0000).to_be_bytes());
        }
        _ => {
            packet.push(0xF0);
            packet.extend_from_slice(&number.to_be_bytes());
        }
    }
}

fn take_varint(packet: &mut &[u8]) -> Option<u32> {
    let (first, rest) = packet.split_first()?;
    let (more, bits) = match first {
        0..0x80 => (0, first & 0x7F),
        0x80..0xC0 => (1, first & 0x3F),
        0xC0..0xE0 => (2, first & 0x1F),
        0xE0..0xF0 => (3, first & 0x0F),
        0xF0..0xF4 => (4, 0),
        _ => return None,
    };
    let (bytes, rest) = rest.split_at_checked(more)?;
    *packet = rest;
    Some(bytes.iter().fold(u32::from(bits), |number, byte| number << 8 | u32::from(*byte)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_field_is_found_behind_others() {
        let mut body = Vec::new();
        put_number(&mut body, 1, 300);
        put_bytes(&mut body, 2, b"nonce");
        put_bytes(&mut body, 3, b"other");

        assert_eq!(bytes_of(&body, 3), Some(&b"other"[..]));
        assert_eq!(bytes_of(&body, 1), None);
        assert_eq!(bytes_of(&body[..body.len() - 1], 3), None);
    }

    proptest! {
        #[test]
        fn a_varint_is_read_as_it_was_written(number: u32) {
            let mut packet = Vec::new();
            put_varint(&mut packet, number);

            let mut rest = &packet[..];
            prop_assert_eq!(take_varint(&mut rest), Some(number));
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn no_packet_makes_the_readers_panic(bytes in proptest::collection::vec(any::<u8>(), 0..50)) {
            let _ = (bytes_of(&bytes, 1), opus_of(&bytes));
        }
    }
}
