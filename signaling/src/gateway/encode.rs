//! Gateway payloads as clients read them, JSON or Erlang's terms: the envelope around a payload that is
//! encoded once for everyone.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::OnceLock;

use model::gateway::DispatchName;
use model::gateway::Opcode;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;

use super::etf;

/// How values are written (Discord: Gateway/Encoding and Compression).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Text.
    Json,
    /// Erlang's external term format.
    Etf,
}

/// The value of `d`: as JSON text, and in the other ways of travelling that a session asked for,
/// made when the first does.
pub(super) struct Payload {
    text: Box<str>,
    term: OnceLock<Box<[u8]>>,
    /// Of the text with the end of its envelope, and of the term.
    deflated: OnceLock<Box<Deflated>>,
}

/// What a payload shrinks to, for each encoding; `None` inside when it could not be compressed.
#[derive(Default)]
struct Deflated {
    text: OnceLock<Option<Box<[u8]>>>,
    term: OnceLock<Option<Box<[u8]>>>,
}

impl Payload {
    /// The payload as it is put into a message of that encoding.
    pub(super) fn body(&self, encoding: Encoding) -> &[u8] {
        match encoding {
            Encoding::Json => self.text.as_bytes(),
            Encoding::Etf => self.term.get_or_init(|| etf::term(&self.text).into()),
        }
    }

    /// The body and what follows it in its message, compressed by `make` for all who ask.
    pub(super) fn deflated(
        &self,
        encoding: Encoding,
        make: impl FnOnce(&[u8], &[u8]) -> Option<Vec<u8>>,
    ) -> Option<&[u8]> {
        let all = self.deflated.get_or_init(Box::default);
        let slot = match encoding {
            Encoding::Json => &all.text,
            Encoding::Etf => &all.term,
        };
        let made = || make(self.body(encoding), encoding.ending()).map(Into::into);
        slot.get_or_init(made).as_deref()
    }
}

impl From<String> for Payload {
    fn from(text: String) -> Self {
        Self { text: text.into(), term: OnceLock::new(), deflated: OnceLock::new() }
    }
}

impl Deref for Payload {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.text.fmt(f)
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Payload {}

impl Encoding {
    /// What follows the payload of a dispatch.
    const fn ending(self) -> &'static [u8] {
        match self {
            Self::Json => b"}",
            // A map tells its size, and has no end.
            Self::Etf => b"",
        }
    }
}

/// A dispatch without its number. Cheap to clone: all sessions that hear it alike share it, and each
/// keeps a pointer for Resume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dispatch(Arc<Shared>);

/// What a dispatch says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shared {
    /// What happened, such as `MESSAGE_CREATE`.
    pub name: DispatchName,
    /// The value of `d`, encoded.
    pub payload: Payload,
}

impl Deref for Dispatch {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Dispatch {
    /// A dispatch whose payload is encoded here.
    pub(super) fn new(name: DispatchName, payload: &Value) -> Self {
        Self::of(name, payload.to_string())
    }

    /// As [`new`](Self::new), of what is no tree of values.
    pub(super) fn written(name: DispatchName, payload: &impl Serialize) -> Self {
        let text = serde_json::to_string(payload);
        Self::of(name, text.expect("texts and numbers under names can be written"))
    }

    /// A dispatch whose payload is encoded.
    pub(super) fn of(name: DispatchName, payload: String) -> Self {
        Self(Arc::new(Shared { name, payload: payload.into() }))
    }

    /// Bytes that keeping it costs, shared ones counted whole.
    pub(super) fn weight(&self) -> usize {
        Self::weight_of(self.payload.len())
    }

    /// As [`weight`](Self::weight), of a payload of so many bytes.
    pub(super) const fn weight_of(payload: usize) -> usize {
        payload + ENVELOPE
    }

    /// How many have it.
    pub(super) fn holders(&self) -> usize {
        Arc::strong_count(&self.0)
    }
}

/// A message on its way to a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame {
    /// One without a number, whole, as JSON.
    Control(String),
    /// A dispatch with the number that this session gave it.
    Dispatch(Dispatch, u64),
}

impl Frame {
    /// Bytes of its JSON text.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Control(text) => text.len(),
            Self::Dispatch(dispatch, seq) => {
                let digits = seq.checked_ilog10().unwrap_or(0) as usize + 1;
                let fixed = OPENING.len() + NUMBER.len() + PAYLOAD.len() + 1;
                fixed + dispatch.name.as_str().len() + digits + dispatch.payload.len()
            }
        }
    }

    /// Puts it behind what is there: the payload, which all sessions share, is copied once and
    /// encoded never.
    pub(super) fn put(&self, encoding: Encoding, out: &mut Vec<u8>) {
        match self {
            Self::Control(text) => match encoding {
                Encoding::Json => out.extend_from_slice(text.as_bytes()),
                Encoding::Etf => {
                    out.push(etf::VERSION);
                    out.extend_from_slice(&etf::term(text));
                }
            },
            Self::Dispatch(dispatch, seq) => {
                put_opening(dispatch.name.as_str(), *seq, encoding, out);
                out.extend_from_slice(dispatch.payload.body(encoding));
                out.extend_from_slice(encoding.ending());
            }
        }
    }
}

/// Puts what precedes the payload of a dispatch behind what is there: all that is not shared.
pub(super) fn put_opening(name: &str, seq: u64, encoding: Encoding, out: &mut Vec<u8>) {
    match encoding {
        Encoding::Json => {
            out.extend_from_slice(OPENING);
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(NUMBER);
            put_number(out, seq);
            out.extend_from_slice(PAYLOAD);
        }
        Encoding::Etf => etf::put_opening(name, seq, out),
    }
}

// The order matters to clients that look for the number and the name before they parse.
const OPENING: &[u8] = br#"{"t":""#;
const NUMBER: &[u8] = br#"","s":"#;
const PAYLOAD: &[u8] = br#","op":0,"d":"#;

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Room for name, number and punctuation around a payload.
const ENVELOPE: usize = 80;

/// A whole message that is no dispatch and has no number.
pub(super) fn control(op: Opcode, d: &Value) -> String {
    json!({ "t": null, "s": null, "op": op as u8, "d": d }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_spliced_around_the_shared_payload() {
        for seq in [0, 7, 9, 10, 99_999, 100_000, u64::MAX] {
            let dispatch = Dispatch::new(DispatchName::TypingStart, &json!({ "user_id": "1" }));
            let frame = Frame::Dispatch(dispatch, seq);
            let mut text = Vec::new();

            frame.put(Encoding::Json, &mut text);

            let value: Value = serde_json::from_slice(&text).unwrap();
            let d = json!({ "user_id": "1" });
            assert_eq!(value, json!({ "op": 0, "t": "TYPING_START", "s": seq, "d": d }));
            assert_eq!(frame.len(), text.len());
        }
    }
}
