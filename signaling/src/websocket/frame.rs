//! Frames: what a client's bytes say, and how a server's frame begins (RFC 6455 §5). Pure.

use bytes::Buf as _;
use bytes::BytesMut;

/// What a client said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    /// A whole text message.
    Text(String),
    /// A whole binary message.
    Binary(Vec<u8>),
    /// A question that is to be answered with the same bytes, 125 at most.
    Ping(Vec<u8>),
    /// An answer to a question of ours.
    Pong,
    /// The client closes, with that code; nothing comes after it.
    Close(Option<u16>),
}

/// Why nothing more can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Violation {
    /// No WebSocket frame, or one that a client may not send here.
    Protocol,
    /// A text that is no UTF-8.
    NotUtf8,
    /// A message over the limit.
    TooLarge,
}

/// Opcodes (RFC 6455 §11.8).
const CONTINUATION: u8 = 0x0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xA;

/// Puts the head of a final, unmasked frame of `length` bytes behind what is there.
pub(crate) fn put_head(out: &mut Vec<u8>, opcode: u8, length: usize) {
    out.push(0x80 | opcode);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ ..126), _) => out.push(short),
        (_, Ok(middle)) => {
            out.push(126);
            out.extend_from_slice(&middle.to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

/// Puts a close frame behind what is there. Of the reason, as much as fits.
pub(crate) fn put_close(out: &mut Vec<u8>, code: u16, reason: &str) {
    let mut end = reason.len().min(SHORT - 2);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    put_head(out, CLOSE, 2 + end);
    out.extend_from_slice(&code.to_be_bytes());
    out.extend_from_slice(&reason.as_bytes()[..end]);
}

/// Most bytes of a control frame (RFC 6455 §5.5).
const SHORT: usize = 125;

/// Reads what a client sends, however it is cut.
#[derive(Debug)]
pub(crate) struct Reader {
    /// Most bytes of a message.
    largest: usize,
    /// What was not read yet.
    input: BytesMut,
    /// The opcode of the message under way, and what came of it.
    under_way: Option<(u8, Vec<u8>)>,
}

/// The head of a client's frame.
struct Head {
    end: bool,
    opcode: u8,
    length: usize,
    mask: [u8; 4],
    size: usize,
}

impl Head {
    /// The head that the bytes begin with; none when there are too few of them.
    fn parse(bytes: &[u8]) -> Result<Option<Self>, Violation> {
        let [first, second, rest @ ..] = bytes else { return Ok(None) };
        // Reserved bits belong to extensions, and clients mask (RFC 6455 §5.2, §5.1).
        if first & 0x70 != 0 || second & 0x80 == 0 {
            return Err(Violation::Protocol);
        }
        let (length, extra) = match second & 0x7F {
            126 => {
                let Some(length) = rest.first_chunk() else { return Ok(None) };
                (u64::from(u16::from_be_bytes(*length)), 2)
            }
            127 => {
                let Some(length) = rest.first_chunk() else { return Ok(None) };
                (u64::from_be_bytes(*length), 8)
            }
            short => (u64::from(short), 0),
        };
        let Some(mask) = rest[extra..].first_chunk() else { return Ok(None) };
        Ok(Some(Self {
            end: first & 0x80 != 0,
            opcode: first & 0x0F,
            length: usize::try_from(length).map_err(|_| Violation::TooLarge)?,
            mask: *mask,
            size: 2 + extra + 4,
        }))
    }
}

impl Reader {
    /// A reader of messages of so many bytes at most.
    pub(crate) fn new(largest: usize) -> Self {
        Self { largest, input: BytesMut::new(), under_way: None }
    }

    /// Takes what came.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// The next message, if it is there.
    ///
    /// # Errors
    ///
    /// [`Violation`]; nothing more can be read.
    pub(crate) fn next(&mut self) -> Result<Option<Message>, Violation> {
        loop {
            let Some(head) = Head::parse(&self.input)? else { return Ok(None) };
            let before = match &self.under_way {
                Some((_, before)) if head.opcode == CONTINUATION => before.len(),
                _ => 0,
            };
            let control = head.opcode >= CLOSE;
            if control && (!head.end || head.length > SHORT) {
                return Err(Violation::Protocol);
            }
            // Told by its head, before any of it is kept.
            if head.length > self.largest.saturating_sub(before) {
                return Err(Violation::TooLarge);
            }
            if self.input.len() < head.size + head.length {
                return Ok(None);
            }
            self.input.advance(head.size);
            let mut payload = self.input[..head.length].to_vec();
            self.input.advance(head.length);
            if self.input.is_empty() {
                // A client that waits holds no buffer.
                self.input = BytesMut::new();
            }
            for (byte, mask) in payload.iter_mut().zip(head.mask.iter().cycle()) {
                *byte ^= mask;
            }
            if control {
                return control_message(head.opcode, payload).map(Some);
            }
            if let Some(message) = self.add(head.opcode, head.end, payload)? {
                return Ok(Some(message));
            }
        }
    }

    /// Adds a frame to the message under way.
    fn add(
        &mut self,
        opcode: u8,
        end: bool,
        payload: Vec<u8>,
    ) -> Result<Option<Message>, Violation> {
        let (opcode, whole) = match (opcode, self.under_way.take()) {
            (TEXT | BINARY, None) => (opcode, payload),
            (CONTINUATION, Some((opcode, mut before))) => {
                before.extend_from_slice(&payload);
                (opcode, before)
            }
            _ => return Err(Violation::Protocol),
        };
        if !end {
            self.under_way = Some((opcode, whole));
            return Ok(None);
        }
        Ok(Some(match opcode {
            TEXT => Message::Text(String::from_utf8(whole).map_err(|_| Violation::NotUtf8)?),
            _ => Message::Binary(whole),
        }))
    }
}

fn control_message(opcode: u8, payload: Vec<u8>) -> Result<Message, Violation> {
    match (opcode, &payload[..]) {
        (PING, _) => Ok(Message::Ping(payload)),
        (PONG, _) => Ok(Message::Pong),
        (CLOSE, []) => Ok(Message::Close(None)),
        (CLOSE, [high, low, reason @ ..]) => {
            let code = u16::from_be_bytes([*high, *low]);
            // RFC 6455 §7.4: others may not be sent.
            if !matches!(code, 1_000..=1_003 | 1_007..=1_014 | 3_000..=4_999) {
                return Err(Violation::Protocol);
            }
            match std::str::from_utf8(reason) {
                Ok(_) => Ok(Message::Close(Some(code))),
                Err(_) => Err(Violation::NotUtf8),
            }
        }
        _ => Err(Violation::Protocol),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MASK: [u8; 4] = [7, 99, 0, 201];

    /// A client's frame.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![first];
        match payload.len() {
            short @ ..126 => bytes.push(0x80 | short as u8),
            middle @ ..65_536 => {
                bytes.push(0x80 | 126);
                bytes.extend_from_slice(&(middle as u16).to_be_bytes());
            }
            long => {
                bytes.push(0x80 | 127);
                bytes.extend_from_slice(&(long as u64).to_be_bytes());
            }
        }
        bytes.extend_from_slice(&MASK);
        bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Vec<Message>, Violation> {
        let mut reader = Reader::new(1_000);
        reader.push(bytes);
        let mut all = Vec::new();
        while let Some(message) = reader.next()? {
            all.push(message);
        }
        Ok(all)
    }

    fn text(text: &str) -> Message {
        Message::Text(text.to_owned())
    }

    #[test]
    fn a_message_in_pieces_is_whole_and_questions_between_them_come_at_once() {
        let pieces = [frame(0x01, b"good"), frame(0x89, b"?"), frame(0x80, b"bye")].concat();

        assert_eq!(read(&pieces), Ok(vec![Message::Ping(b"?".to_vec()), text("goodbye")]));
    }

    #[test]
    fn what_a_client_may_not_send_ends_it() {
        let unmasked = [0x81, 1, b'x'];
        let reserved_bit = frame(0xC1, b"x");
        let reserved_opcode = frame(0x83, b"x");
        let nothing_to_continue = frame(0x80, b"x");
        let two_at_once = [frame(0x01, b"a"), frame(0x81, b"b")].concat();
        let question_in_pieces = frame(0x09, b"x");
        let long_question = frame(0x89, &[0; 126]);
        let half_a_code = frame(0x88, &[3]);
        let forbidden_code = frame(0x88, &1_005_u16.to_be_bytes());

        for bytes in [
            &unmasked[..],
            &reserved_bit,
            &reserved_opcode,
            &nothing_to_continue,
            &two_at_once,
            &question_in_pieces,
            &long_question,
            &half_a_code,
            &forbidden_code,
        ] {
            assert_eq!(read(bytes), Err(Violation::Protocol), "{bytes:?}");
        }
        assert_eq!(read(&frame(0x81, b"\xFF")), Err(Violation::NotUtf8));
    }

    #[test]
    fn a_message_over_the_limit_is_refused_by_its_head_however_it_is_cut() {
        let whole = &frame(0x82, &[0; 1_001])[..8];
        let huge = [0x82, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4];
        let pieces = [frame(0x02, &[0; 600]), frame(0x80, &[0; 401])].concat();

        assert_eq!(read(whole), Err(Violation::TooLarge));
        assert_eq!(read(&huge), Err(Violation::TooLarge));
        assert_eq!(read(&pieces), Err(Violation::TooLarge));
        assert_eq!(read(&frame(0x82, &[0; 1_000])).map(|all| all.len()), Ok(1));
    }

    #[test]
    fn goodbyes_tell_their_code() {
        let code = [&4_000_u16.to_be_bytes()[..], b"so long"].concat();

        assert_eq!(read(&frame(0x88, &code)), Ok(vec![Message::Close(Some(4_000))]));
        assert_eq!(read(&frame(0x88, &[])), Ok(vec![Message::Close(None)]));
    }

    #[test]
    fn a_reader_that_waits_holds_no_buffer() {
        let mut reader = Reader::new(1_000);
        reader.push(&frame(0x81, &[b'x'; 900]));

        assert!(reader.next().is_ok_and(|message| message.is_some()));
        assert_eq!(reader.input.capacity(), 0);
    }

    #[test]
    fn a_reason_that_does_not_fit_is_cut_between_letters() {
        let mut out = Vec::new();

        put_close(&mut out, 4_000, &"ä".repeat(100));

        assert_eq!(&out[..4], &[0x88, 124, 0x0F, 0xA0]);
        assert_eq!(std::str::from_utf8(&out[4..]), Ok("ä".repeat(61).as_str()));
    }

    proptest! {
        /// However messages are cut into frames, and frames into reads.
        #[test]
        fn what_was_said_is_read(
            said in prop::collection::vec(prop::collection::vec(".{0,200}", 1..4), 1..6),
            cut in 1_usize..64,
        ) {
            let mut bytes = Vec::new();
            for pieces in &said {
                for (index, piece) in pieces.iter().enumerate() {
                    let last = if index + 1 == pieces.len() { 0x80 } else { 0 };
                    let opcode = if index == 0 { TEXT } else { CONTINUATION };
                    bytes.extend(frame(last | opcode, piece.as_bytes()));
                }
            }
            let mut reader = Reader::new(10_000);
            let mut heard = Vec::new();
            for part in bytes.chunks(cut) {
                reader.push(part);
                while let Some(message) = reader.next().unwrap() {
                    heard.push(message);
                }
            }

            let said: Vec<_> = said.iter().map(|pieces| Message::Text(pieces.concat())).collect();
            prop_assert_eq!(heard, said);
        }

        /// An independent client reads what a server writes.
        #[test]
        fn heads_are_those_that_clients_know(length in prop::sample::select(
            vec![0_usize, 1, 125, 126, 127, 65_535, 65_536, 70_000],
        )) {
            use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;

            let mut out = Vec::new();
            put_head(&mut out, BINARY, length);

            let mut cursor = std::io::Cursor::new(&out);
            let (header, read) = FrameHeader::parse(&mut cursor).unwrap().unwrap();
            prop_assert_eq!(read, length as u64);
            prop_assert!(header.is_final && header.mask.is_none());
            prop_assert_eq!(cursor.position(), out.len() as u64);
        }
    }
}
