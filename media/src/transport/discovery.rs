//! IP discovery: a UDP client asks how its address looks from here (Discord: Voice
//! Connections/IP Discovery). The answer is exactly as long as the question.

use std::io::Write;
use std::net::SocketAddr;

/// Length of request and reply, in bytes.
pub(crate) const LENGTH: usize = 74;
/// Type and length fields of a request.
const REQUEST: [u8; 4] = [0, 1, 0, 70];
/// Type and length fields of a reply.
const REPLY: [u8; 4] = [0, 2, 0, 70];

/// The SSRC that a request asks for. None when it is no request.
#[must_use]
pub(crate) fn parse(datagram: &[u8]) -> Option<u32> {
    let request: &[u8; LENGTH] = datagram.try_into().ok()?;
    let [a, b, c, d, ssrc @ ..] = request;
    if [*a, *b, *c, *d] != REQUEST {
        return None;
    }
    ssrc.first_chunk().map(|ssrc| u32::from_be_bytes(*ssrc))
}

/// The reply: the address as NUL-padded text at byte 8, the port in the last two bytes.
#[must_use]
pub(crate) fn reply(ssrc: u32, address: SocketAddr) -> [u8; LENGTH] {
    let mut reply = [0; LENGTH];
    reply[..4].copy_from_slice(&REPLY);
    reply[4..8].copy_from_slice(&ssrc.to_be_bytes());
    // 63 bytes and a NUL; the longest address, IPv6 in full, has 45.
    let mut text = &mut reply[8..71];
    let written = write!(text, "{}", address.ip().to_canonical());
    debug_assert!(written.is_ok(), "an address fits 63 bytes");
    reply[72..].copy_from_slice(&address.port().to_be_bytes());
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reply_is_laid_out_as_clients_read_it() {
        let reply = reply(0x0102_0304, "192.0.2.17:50000".parse().expect("address"));

        assert_eq!(&reply[..8], &[0, 2, 0, 70, 1, 2, 3, 4]);
        assert_eq!(&reply[8..18], b"192.0.2.17");
        assert!(reply[18..72].iter().all(|byte| *byte == 0));
        assert_eq!(&reply[72..], &50_000u16.to_be_bytes());
    }

    #[test]
    fn only_a_request_of_exact_length_is_one() {
        let mut request = [0; LENGTH];
        request[..8].copy_from_slice(&[0, 1, 0, 70, 0, 0, 0, 5]);

        assert_eq!(parse(&request), Some(5));
        assert_eq!(parse(&request[..73]), None);
        request[1] = 2;
        assert_eq!(parse(&request), None);
    }
}
