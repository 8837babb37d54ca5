//! Gateway payloads as JSON text: the envelope around a payload that is encoded once for everyone.

use axum::extract::ws::Utf8Bytes;
use model::gateway::Opcode;
use serde_json::Value;
use serde_json::json;

/// A dispatch without its number. Cheap to clone: all sessions that hear it alike share the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dispatch {
    /// What happened, such as `MESSAGE_CREATE`.
    pub name: &'static str,
    /// The value of `d`, encoded.
    pub payload: Utf8Bytes,
}

impl Dispatch {
    /// A dispatch whose payload is encoded here, for one session.
    pub(super) fn new(name: &'static str, payload: &Value) -> Self {
        Self { name, payload: text(payload) }
    }

    /// Bytes that keeping it costs, shared ones counted whole.
    pub(super) fn weight(&self) -> usize {
        self.payload.len() + ENVELOPE
    }

    /// The whole message, with the number that this session gave it: one copy of the payload, no
    /// second encoding.
    pub(super) fn frame(&self, seq: u64) -> String {
        let mut frame = String::with_capacity(self.weight());
        frame.push_str(r#"{"t":""#);
        frame.push_str(self.name);
        frame.push_str(r#"","s":"#);
        frame.push_str(&seq.to_string());
        frame.push_str(r#","op":0,"d":"#);
        frame.push_str(self.payload.as_str());
        frame.push('}');
        frame
    }
}

/// Room for name, number and punctuation around a payload.
const ENVELOPE: usize = 80;

/// A payload, encoded.
pub(super) fn text(payload: &Value) -> Utf8Bytes {
    Utf8Bytes::from(payload.to_string())
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
        let dispatch = Dispatch::new("TYPING_START", &json!({ "user_id": "1" }));

        let frame: Value = serde_json::from_str(&dispatch.frame(7)).unwrap();

        assert_eq!(frame, json!({ "op": 0, "t": "TYPING_START", "s": 7, "d": { "user_id": "1" } }));
    }
}
