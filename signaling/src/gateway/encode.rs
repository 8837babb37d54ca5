//! Gateway payloads as JSON text: the envelope around a payload that is encoded once for everyone.

use std::sync::Arc;

use model::gateway::Opcode;
use serde_json::Value;
use serde_json::json;

/// A dispatch without its number. Cheap to clone: all sessions that hear it alike share the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dispatch {
    /// What happened, such as `MESSAGE_CREATE`.
    pub name: &'static str,
    /// The value of `d`, encoded.
    pub payload: Arc<str>,
}

impl Dispatch {
    /// A dispatch whose payload is encoded here, for one session.
    pub(super) fn new(name: &'static str, payload: &Value) -> Self {
        Self { name, payload: text(payload) }
    }

    /// Bytes that keeping it costs, shared ones counted whole.
    pub(super) fn weight(&self) -> usize {
        Self::weight_of(self.payload.len())
    }

    /// As [`weight`](Self::weight), of a payload of so many bytes.
    pub(super) const fn weight_of(payload: usize) -> usize {
        payload + ENVELOPE
    }
}

/// A message on its way to a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame {
    /// One without a number, whole.
    Control(String),
    /// A dispatch with the number that this session gave it.
    Dispatch(Dispatch, u64),
}

impl Frame {
    /// Bytes of its text.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Control(text) => text.len(),
            Self::Dispatch(dispatch, seq) => {
                let digits = seq.checked_ilog10().unwrap_or(0) as usize + 1;
                let fixed = OPENING.len() + NUMBER.len() + PAYLOAD.len() + 1;
                fixed + dispatch.name.len() + digits + dispatch.payload.len()
            }
        }
    }

    /// Puts its text behind what is there: the payload, which all sessions share, is copied once and
    /// encoded never.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Control(text) => out.extend_from_slice(text.as_bytes()),
            Self::Dispatch(dispatch, seq) => {
                out.extend_from_slice(OPENING);
                out.extend_from_slice(dispatch.name.as_bytes());
                out.extend_from_slice(NUMBER);
                put_number(out, *seq);
                out.extend_from_slice(PAYLOAD);
                out.extend_from_slice(dispatch.payload.as_bytes());
                out.push(b'}');
            }
        }
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

/// A payload, encoded.
pub(super) fn text(payload: &Value) -> Arc<str> {
    payload.to_string().into()
}

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
            let dispatch = Dispatch::new("TYPING_START", &json!({ "user_id": "1" }));
            let frame = Frame::Dispatch(dispatch, seq);
            let mut text = Vec::new();

            frame.put(&mut text);

            let value: Value = serde_json::from_slice(&text).unwrap();
            let d = json!({ "user_id": "1" });
            assert_eq!(value, json!({ "op": 0, "t": "TYPING_START", "s": seq, "d": d }));
            assert_eq!(frame.len(), text.len());
        }
    }
}
