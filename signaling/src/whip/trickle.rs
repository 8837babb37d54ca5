//! The body of a PATCH: `application/trickle-ice-sdpfrag` (RFC 8840 §9). Pure.
//!
//! Of its candidates nothing is kept: as an ICE lite agent with one public address we check nobody,
//! and learn where a client is from its own checks (RFC 8445 §2.5).

use model::limits;

/// What a fragment says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fragment<'a> {
    /// ICE username fragment and password: those of the offer, or new ones for an ICE restart.
    pub(super) ice: (&'a str, &'a str),
    /// How many candidates it names.
    pub(super) candidates: usize,
}

impl<'a> Fragment<'a> {
    /// Reads a fragment. None for what is none: credentials are missing, a line has no sense, or there
    /// are more than an honest client ever has.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        if text.len() > limits::SDP_BYTES {
            return None;
        }
        let (mut ufrag, mut password, mut candidates) = (None, None, 0);
        for line in text.split('\n').map(str::trim_end).filter(|line| !line.is_empty()) {
            if line.as_bytes().get(1) != Some(&b'=') {
                return None;
            }
            if let Some(value) = line.strip_prefix("a=ice-ufrag:") {
                ufrag = ufrag.or(Some(value));
            } else if let Some(value) = line.strip_prefix("a=ice-pwd:") {
                password = password.or(Some(value));
            } else if let Some(value) = line.strip_prefix("a=candidate:") {
                // foundation, component, transport, priority, address, port, "typ", type
                if value.split(' ').count() < 8 {
                    return None;
                }
                candidates += 1;
            }
        }
        let ice = ufrag.zip(password)?;
        (candidates <= CANDIDATES).then_some(Self { ice, candidates })
    }
}

/// Reads a fragment and drops it.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn read_fragment(text: &str) {
    let fragment = Fragment::parse(text);
    assert!(fragment.is_none_or(|fragment| fragment.candidates <= CANDIDATES));
}

/// Candidates in one fragment: a machine with many interfaces and relays has dozens.
const CANDIDATES: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    const FRAGMENT: &str = "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCabcd\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n\
        a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0\r\n\
        a=end-of-candidates\r\n";

    #[test]
    fn a_fragment_names_its_ice_session_and_candidates() {
        let ice = ("EsAw", "P2uYro0UCOQ4zxjKXaWCabcd");

        assert_eq!(Fragment::parse(FRAGMENT), Some(Fragment { ice, candidates: 1 }));
    }

    #[test]
    fn what_is_no_fragment_is_none() {
        for (from, to) in [
            ("a=ice-ufrag:EsAw", "a=x"),
            ("a=ice-pwd:", "a=pwd:"),
            (" typ host generation 0", ""),
            ("m=audio", "audio"),
        ] {
            assert_eq!(Fragment::parse(&FRAGMENT.replace(from, to)), None, "{to}");
        }
        let flood =
            format!("{FRAGMENT}{}", "a=candidate:1 1 udp 1 a 1 typ host\n".repeat(CANDIDATES));
        assert_eq!(Fragment::parse(&flood), None);
    }
}
