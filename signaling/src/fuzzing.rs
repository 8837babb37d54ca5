//! The parsers of untrusted text, as fuzz targets call them. Not part of the wing's interface.

use crate::gateway;
use crate::rest;
use crate::websocket::frame::Message;
use crate::websocket::frame::Reader;
use crate::whip;

/// Reads an SDP offer and answers it, then reads the same as a fragment that trickles.
pub fn whip_offer(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    whip::answer_any(text);
    whip::read_fragment(text);
}

/// Reads a client's WebSocket: the first byte tells how its bytes are cut. However they are, the same
/// is read, and no message is over the limit.
pub fn websocket(bytes: &[u8]) {
    const LARGEST: usize = 300;
    let [cut, bytes @ ..] = bytes else { return };
    let read = |cut: usize| {
        let (mut reader, mut heard) = (Reader::new(LARGEST), Vec::new());
        for part in bytes.chunks(cut) {
            reader.push(part);
            loop {
                match reader.next() {
                    Ok(Some(message)) => heard.push(message),
                    Ok(None) => break,
                    Err(violation) => return (heard, Some(violation)),
                }
            }
        }
        (heard, None)
    };
    let heard = read(usize::from(*cut).max(1));
    assert_eq!(heard, read(bytes.len().max(1)));
    for message in heard.0 {
        match message {
            Message::Text(text) => assert!(text.len() <= LARGEST),
            Message::Binary(bytes) => assert!(bytes.len() <= LARGEST),
            Message::Ping(bytes) => assert!(bytes.len() <= 125),
            Message::Pong | Message::Close(_) => {}
        }
    }
}

/// Reads a gateway client's message in Erlang's terms.
pub fn etf(bytes: &[u8]) {
    gateway::read_any_term(bytes);
}

/// Reads a message, with its components and embeds, and the same bytes as Slack's senders write one.
pub fn message(bytes: &[u8]) {
    rest::read_any_message(bytes);
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    fn seeds(target: &str) -> Vec<Vec<u8>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/fuzz/seeds");
        let files = fs::read_dir(folder.join(target)).expect("it is in the repository");
        files.map(|file| fs::read(file.expect("readable").path()).expect("readable")).collect()
    }

    #[test]
    fn no_seed_breaks_a_target() {
        seeds("etf").iter().for_each(|seed| etf(seed));
        seeds("message").iter().for_each(|seed| message(seed));
        seeds("websocket").iter().for_each(|seed| websocket(seed));
        seeds("whip_offer").iter().for_each(|seed| whip_offer(seed));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_096))]

        /// Seeds in a row, with a byte changed somewhere.
        #[test]
        fn a_websocket_is_read_alike_however_it_is_cut(
            chosen in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
            (at, byte) in (any::<prop::sample::Index>(), any::<u8>()),
        ) {
            let seeds = seeds("websocket");
            let mut input = vec![byte];
            for index in chosen {
                input.extend_from_slice(&index.get(&seeds)[1..]);
            }
            let at = at.index(input.len());
            input[at] ^= byte;
            websocket(&input);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_096))]

        /// A seed with bytes changed, added and lost.
        #[test]
        fn any_term_may_come(
            chosen in any::<prop::sample::Index>(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            cut in any::<prop::sample::Index>(),
        ) {
            let seeds = seeds("etf");
            let mut input = chosen.get(&seeds).clone();
            for (at, byte) in changes {
                let at = at.index(input.len());
                if byte % 3 == 0 {
                    input.insert(at, byte);
                } else {
                    input[at] = byte;
                }
            }
            if cut.index(4) == 0 {
                input.truncate(cut.index(input.len()));
            }
            etf(&input);
        }
    }
}
