//! What voice gateway clients send, read into types. Pure; every input is untrusted.

use model::voice::CloseCode;
use model::voice::EncryptionMode;
use model::voice::Opcode;
use serde::Deserialize;
use serde_json::Value;

/// A message of a voice client (Discord: Voice Connections).
#[derive(Debug)]
pub(super) enum Incoming {
    /// Op 0.
    Identify(Box<Identify>),
    /// Op 1.
    Select(Select),
    /// Op 3: what to echo, and in version 8 the last number heard.
    Heartbeat { echo: Value, seq_ack: Option<u64> },
    /// Op 5: speaking flags.
    Speaking { flags: u64 },
    /// Op 7.
    Resume(Resume),
    /// Op 12: which of its streams a user client sends.
    Video,
    /// Op 16: which backend this is.
    BackendVersion,
    /// Known, and of no effect here.
    Ignored,
}

/// Op 0.
#[derive(Debug, Deserialize)]
pub(super) struct Identify {
    #[serde(deserialize_with = "snowflake")]
    pub server_id: u64,
    #[serde(deserialize_with = "snowflake")]
    pub user_id: u64,
    pub session_id: String,
    pub token: String,
    /// User clients say whether they can send video; bots leave it out.
    #[serde(default)]
    pub video: Option<bool>,
}

/// Op 7.
#[derive(Debug, Deserialize)]
pub(super) struct Resume {
    pub session_id: String,
    pub token: String,
    /// The last number heard; version 8 only, -1 before the first.
    #[serde(default)]
    pub seq_ack: Option<i64>,
}

/// Op 1: the two values of `protocol`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Select {
    /// Discord's UDP transport in that mode.
    Udp(EncryptionMode),
    /// WebRTC with that offer, whole or a fragment.
    WebRtc(String),
}

#[derive(Deserialize)]
struct Envelope {
    op: u64,
    #[serde(default)]
    d: Value,
}

/// Reads one message.
///
/// # Errors
///
/// The code that the socket is to be closed with.
pub(super) fn parse(text: &[u8]) -> Result<Incoming, CloseCode> {
    let Envelope { op, d } = serde_json::from_slice(text).map_err(|_| CloseCode::FailedToDecode)?;
    let op = Opcode::from_u64(op).ok_or(CloseCode::UnknownOpcode)?;
    Ok(match op {
        Opcode::Identify => Incoming::Identify(Box::new(read(d)?)),
        Opcode::Resume => Incoming::Resume(read(d)?),
        Opcode::SelectProtocol => Incoming::Select(select(&d)?),
        Opcode::Heartbeat => match &d {
            // Version 8 has an object, earlier ones a bare number.
            Value::Object(map) => Incoming::Heartbeat {
                echo: map.get("t").cloned().unwrap_or_else(|| Value::from(0)),
                seq_ack: map.get("seq_ack").and_then(Value::as_u64),
            },
            _ => Incoming::Heartbeat { echo: d, seq_ack: None },
        },
        Opcode::Speaking => {
            let flags = match d.get("speaking") {
                Some(Value::Bool(speaking)) => u64::from(*speaking),
                Some(flags) => flags.as_u64().ok_or(CloseCode::FailedToDecode)?,
                None => return Err(CloseCode::FailedToDecode),
            };
            Incoming::Speaking { flags: flags & 0b111 }
        }
        Opcode::Video => Incoming::Video,
        Opcode::VoiceBackendVersion => Incoming::BackendVersion,
        Opcode::SessionUpdate
        | Opcode::MediaSinkWants
        | Opcode::ClientFlags
        | Opcode::ClientPlatform
        | Opcode::ClientDisconnect => Incoming::Ignored,
        Opcode::Ready
        | Opcode::SessionDescription
        | Opcode::HeartbeatAck
        | Opcode::Hello
        | Opcode::Resumed
        | Opcode::ClientsConnect => return Err(CloseCode::UnknownOpcode),
    })
}

fn read<T: serde::de::DeserializeOwned>(d: Value) -> Result<T, CloseCode> {
    serde_json::from_value(d).map_err(|_| CloseCode::FailedToDecode)
}

fn select(d: &Value) -> Result<Select, CloseCode> {
    match d.get("protocol").and_then(Value::as_str) {
        Some("udp") => {
            let mode = d
                .get("data")
                .and_then(|data| data.get("mode"))
                .or_else(|| d.get("mode"))
                .and_then(Value::as_str)
                .ok_or(CloseCode::FailedToDecode)?;
            let mode = EncryptionMode::parse(mode).ok_or(CloseCode::UnknownEncryptionMode)?;
            Ok(Select::Udp(mode))
        }
        Some("webrtc") => {
            let offer = d
                .get("sdp")
                .and_then(Value::as_str)
                .or_else(|| d.get("data").and_then(Value::as_str))
                .ok_or(CloseCode::FailedToDecode)?;
            Ok(Select::WebRtc(offer.to_owned()))
        }
        Some(_) => Err(CloseCode::UnknownProtocol),
        None => Err(CloseCode::FailedToDecode),
    }
}

fn snowflake<'de, D: serde::Deserializer<'de>>(d: D) -> Result<u64, D::Error> {
    let value = Value::deserialize(d)?;
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    number.ok_or_else(|| serde::de::Error::custom("not a snowflake"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_heartbeat_are_echoed() {
        let echo = |text: &str| match parse(text.as_bytes()).unwrap() {
            Incoming::Heartbeat { echo, seq_ack } => (echo, seq_ack),
            other => panic!("{other:?}"),
        };

        assert_eq!(echo(r#"{"op":3,"d":1501184119561}"#), (1_501_184_119_561_u64.into(), None));
        assert_eq!(echo(r#"{"op":3,"d":{"t":5,"seq_ack":10}}"#), (5.into(), Some(10)));
        assert_eq!(echo(r#"{"op":3,"d":{"t":5,"seq_ack":-1}}"#), (5.into(), None));
    }

    #[test]
    fn what_cannot_be_read_names_its_close_code() {
        for (text, code) in [
            ("", CloseCode::FailedToDecode),
            ("{}", CloseCode::FailedToDecode),
            (r#"{"op":0,"d":{}}"#, CloseCode::FailedToDecode),
            (r#"{"op":5,"d":{"speaking":"loud"}}"#, CloseCode::FailedToDecode),
            (r#"{"op":77}"#, CloseCode::UnknownOpcode),
            (r#"{"op":2,"d":{}}"#, CloseCode::UnknownOpcode),
            (r#"{"op":1,"d":{"protocol":"carrier pigeon"}}"#, CloseCode::UnknownProtocol),
            (
                r#"{"op":1,"d":{"protocol":"udp","data":{"mode":"xsalsa20_poly1305"}}}"#,
                CloseCode::UnknownEncryptionMode,
            ),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap_err(), code, "{text}");
        }
        assert!(parse("[".repeat(60_000).as_bytes()).is_err());
    }

    #[test]
    fn an_offer_stands_in_either_field() {
        let fragment = r#"{"op":1,"d":{"protocol":"webrtc","data":"a=ice-ufrag:x"}}"#;
        let Ok(Incoming::Select(select)) = parse(fragment.as_bytes()) else { panic!() };

        assert_eq!(select, Select::WebRtc("a=ice-ufrag:x".to_owned()));
    }
}
