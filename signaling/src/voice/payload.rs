//! What voice gateway clients send, read into types. Pure; every input is untrusted.

use model::limits;
use model::media::Tracks;
use model::media::Wants;
use model::voice::CloseCode;
use model::voice::EncryptionMode;
use model::voice::Opcode;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

/// A message of a voice client (Discord: Voice Connections).
#[derive(Debug, PartialEq)]
pub(super) enum Incoming {
    /// Op 0.
    Identify(Box<Identify>),
    /// Op 1.
    Select(Select),
    /// Op 3: what op 6 answers, and in version 8 the last number heard.
    Heartbeat { echo: Value, seq_ack: Option<u16> },
    /// Op 5: speaking flags. Its SSRC is not read: a peer has the one that it was assigned.
    Speaking { flags: u64 },
    /// Op 7.
    Resume(Box<Resume>),
    /// Op 12: what a user client shows. Its SSRCs are not read: others see those that it was assigned.
    Video(Tracks),
    /// Op 15: what it wants to see.
    Wants(Wants),
    /// Op 16: which backend this is.
    BackendVersion,
    /// Known, and of no effect here.
    Ignored,
}

/// Text that is in no log: its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(super) struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Op 0.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Identify {
    #[serde(deserialize_with = "snowflake")]
    pub server_id: u64,
    #[serde(deserialize_with = "snowflake")]
    pub user_id: u64,
    pub session_id: String,
    pub token: Secret,
    /// User clients say whether they can send video; bots leave it out.
    #[serde(default)]
    pub video: Option<bool>,
    /// The simulcast streams that a user client would send.
    #[serde(default)]
    pub streams: Vec<Stream>,
}

/// One stream of op 0 (userdoccers: Stream Structure).
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Stream {
    #[serde(default)]
    pub rid: Option<String>,
    #[serde(default)]
    pub quality: Option<f64>,
}

/// Op 7.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Resume {
    #[serde(deserialize_with = "snowflake")]
    pub server_id: u64,
    pub session_id: String,
    pub token: Secret,
    /// The last number heard; version 8 only, -1 before the first.
    #[serde(default)]
    seq_ack: Option<i64>,
}

impl Resume {
    /// The last number heard; 0 before the first.
    pub(super) fn heard(&self) -> u16 {
        self.seq_ack.and_then(|seq| u16::try_from(seq).ok()).unwrap_or(0)
    }
}

/// Op 1: the two values of `protocol`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Select {
    /// Discord's UDP transport in that mode.
    Udp(EncryptionMode),
    /// WebRTC with that offer, whole or a fragment.
    WebRtc(Secret),
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
pub(super) fn parse(text: &str) -> Result<Incoming, CloseCode> {
    // serde would take a list for an object, its elements for the fields in order.
    if !text.trim_ascii_start().starts_with('{') {
        return Err(CloseCode::FailedToDecode);
    }
    let Envelope { op, d } = serde_json::from_str(text).map_err(|_| CloseCode::FailedToDecode)?;
    let op = Opcode::from_u64(op).ok_or(CloseCode::UnknownOpcode)?;
    Ok(match op {
        Opcode::Identify => Incoming::Identify(read(d)?),
        Opcode::Resume => Incoming::Resume(read(d)?),
        Opcode::SelectProtocol => Incoming::Select(select(&d)?),
        Opcode::Heartbeat => heartbeat(d)?,
        Opcode::Speaking => Incoming::Speaking { flags: speaking(&d)? },
        Opcode::Video => Incoming::Video(tracks(&d)),
        Opcode::MediaSinkWants => Incoming::Wants(wants(&d)?),
        Opcode::VoiceBackendVersion => Incoming::BackendVersion,
        Opcode::SessionUpdate | Opcode::ClientFlags | Opcode::ClientPlatform => Incoming::Ignored,
        Opcode::Ready
        | Opcode::SessionDescription
        | Opcode::HeartbeatAck
        | Opcode::Hello
        | Opcode::Resumed
        | Opcode::ClientsConnect
        | Opcode::ClientDisconnect => return Err(CloseCode::UnknownOpcode),
    })
}

fn read<T: serde::de::DeserializeOwned>(d: Value) -> Result<T, CloseCode> {
    if !d.is_object() {
        return Err(CloseCode::FailedToDecode);
    }
    serde_json::from_value(d).map_err(|_| CloseCode::FailedToDecode)
}

/// The answer has the form of the question: version 8 sends an object, earlier ones a number.
/// Some user clients take null for no answer, so theirs is never that.
fn heartbeat(d: Value) -> Result<Incoming, CloseCode> {
    Ok(match d {
        Value::Object(map) => {
            let t = match map.get("t") {
                Some(t @ (Value::Number(_) | Value::String(_))) => t.clone(),
                None | Some(Value::Null) => json!(0),
                Some(_) => return Err(CloseCode::FailedToDecode),
            };
            let seq_ack = map.get("seq_ack").and_then(Value::as_u64);
            let seq_ack = seq_ack.and_then(|seq| u16::try_from(seq).ok());
            Incoming::Heartbeat { echo: json!({ "t": t }), seq_ack }
        }
        Value::Number(_) | Value::String(_) => Incoming::Heartbeat { echo: d, seq_ack: None },
        Value::Null => Incoming::Heartbeat { echo: json!(0), seq_ack: None },
        Value::Bool(_) | Value::Array(_) => return Err(CloseCode::FailedToDecode),
    })
}

/// The flags of op 5; a boolean before version 4, and some clients never changed.
fn speaking(d: &Value) -> Result<u64, CloseCode> {
    let flags = match d.get("speaking") {
        Some(Value::Bool(speaking)) => Some(u64::from(*speaking)),
        Some(flags) => flags.as_u64(),
        None => None,
    };
    Ok(flags.ok_or(CloseCode::FailedToDecode)? & SPEAKING_FLAGS)
}

/// Which streams of op 12 are active (userdoccers: Video). Clients without simulcast name one by
/// `video_ssrc` alone.
fn tracks(d: &Value) -> Tracks {
    let streams = d.get("streams").and_then(Value::as_array);
    let shows = |kind: &str| {
        let is_shown = |stream: &Value| {
            let active = stream.get("active").and_then(Value::as_bool).unwrap_or(true);
            active && stream.get("type").and_then(Value::as_str) == Some(kind)
        };
        streams.is_some_and(|streams| streams.iter().any(is_shown))
    };
    let alone = || d.get("video_ssrc").and_then(Value::as_u64).is_some_and(|ssrc| ssrc != 0);
    let has_streams = streams.is_some_and(|streams| !streams.is_empty());
    Tracks { camera: if has_streams { shows("video") } else { alone() }, screen: shows("screen") }
}

/// Op 15: qualities by SSRC, and `any` for all others (userdoccers: Media Sink Wants). What is no
/// number names something else and is passed over.
fn wants(d: &Value) -> Result<Wants, CloseCode> {
    let map = d.as_object().ok_or(CloseCode::FailedToDecode)?;
    let quality = |value: &Value| {
        let value = value.as_f64().filter(|value| value.is_finite())?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
        let quality = value.clamp(0.0, 100.0).ceil() as u8;
        Some(quality)
    };
    let any = map.get("any").and_then(quality).unwrap_or(0);
    let each = map.iter().filter_map(|(ssrc, value)| Some((ssrc.parse().ok()?, quality(value)?)));
    Ok(Wants { any, each: each.take(limits::WANTS).collect() })
}

fn select(d: &Value) -> Result<Select, CloseCode> {
    let field = |name: &str| d.get(name).and_then(Value::as_str);
    match field("protocol") {
        Some("udp") => {
            let mode = d.get("data").and_then(|data| data.get("mode")).and_then(Value::as_str);
            let mode = mode.or_else(|| field("mode")).ok_or(CloseCode::FailedToDecode)?;
            EncryptionMode::parse(mode).map(Select::Udp).ok_or(CloseCode::UnknownEncryptionMode)
        }
        Some("webrtc") => {
            let offer = field("sdp").or_else(|| field("data")).ok_or(CloseCode::FailedToDecode)?;
            Ok(Select::WebRtc(Secret(offer.to_owned())))
        }
        Some(_) => Err(CloseCode::UnknownProtocol),
        None => Err(CloseCode::FailedToDecode),
    }
}

/// A string as documented, or a number as some libraries send it.
fn snowflake<'de, D: serde::Deserializer<'de>>(d: D) -> Result<u64, D::Error> {
    let value = Value::deserialize(d)?;
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    number.ok_or_else(|| serde::de::Error::custom("not a snowflake"))
}

/// Microphone, sound share, priority (Discord: Speaking).
const SPEAKING_FLAGS: u64 = 0b111;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_is_answered_in_the_form_that_it_came_in() {
        let heartbeat = |text: &str| match parse(text).unwrap() {
            Incoming::Heartbeat { echo, seq_ack } => (echo, seq_ack),
            other => panic!("{other:?}"),
        };

        assert_eq!(
            heartbeat(r#"{"op":3,"d":1501184119561}"#),
            (json!(1_501_184_119_561_u64), None)
        );
        assert_eq!(
            heartbeat(r#"{"op":3,"d":{"t":5,"seq_ack":10}}"#),
            (json!({ "t": 5 }), Some(10))
        );
        assert_eq!(heartbeat(r#"{"op":3,"d":{"t":5,"seq_ack":-1}}"#), (json!({ "t": 5 }), None));
        assert_eq!(heartbeat(r#"{"op":3,"d":null}"#), (json!(0), None));
    }

    #[test]
    fn ids_may_be_strings_or_numbers() {
        for text in [
            r#"{"op":0,"d":{"server_id":"41771983423143937","user_id":2,"session_id":"s","token":"t"}}"#,
            r#"{"op":0,"d":{"server_id":41771983423143937,"user_id":"2","session_id":"s","token":"t"}}"#,
        ] {
            let Ok(Incoming::Identify(identify)) = parse(text) else { panic!("{text}") };

            assert_eq!((identify.server_id, identify.user_id), (41_771_983_423_143_937, 2));
        }
    }

    #[test]
    fn an_offer_stands_in_either_field() {
        for field in ["data", "sdp"] {
            let text = json!({ "op": 1, "d": { "protocol": "webrtc", field: "a=ice-ufrag:x" } });

            let offer = Secret("a=ice-ufrag:x".to_owned());
            assert_eq!(parse(&text.to_string()), Ok(Incoming::Select(Select::WebRtc(offer))));
        }
    }

    #[test]
    fn what_a_client_shows_is_what_it_calls_active() {
        for (d, camera, screen) in [
            (r#"{"audio_ssrc":1,"video_ssrc":0,"rtx_ssrc":0,"streams":[]}"#, false, false),
            (r#"{"audio_ssrc":1,"video_ssrc":2,"rtx_ssrc":3}"#, true, false),
            (r#"{"video_ssrc":2,"streams":[{"type":"video","active":false}]}"#, false, false),
            (r#"{"streams":[{"type":"video"},{"type":"screen","active":true}]}"#, true, true),
            (r#"{"streams":{"type":"video"}}"#, false, false),
            ("null", false, false),
        ] {
            let text = format!(r#"{{"op":12,"d":{d}}}"#);

            assert_eq!(parse(&text), Ok(Incoming::Video(Tracks { camera, screen })), "{d}");
        }
    }

    #[test]
    fn what_a_viewer_wants_is_read_by_ssrc_within_bounds() {
        let wants = |d: &str| match parse(&format!(r#"{{"op":15,"d":{d}}}"#)) {
            Ok(Incoming::Wants(wants)) => wants,
            other => panic!("{other:?}"),
        };
        let many: Vec<_> = (0..1_000).map(|ssrc| format!("\"{ssrc}\":1")).collect();

        assert_eq!(
            wants(r#"{"any":20,"65":100,"67":1e9,"69":-3,"pixelCounts":{"65":5},"x":7}"#),
            Wants { any: 20, each: vec![(65, 100), (67, 100), (69, 0)] }
        );
        assert_eq!(wants(&format!("{{{}}}", many.join(","))).each.len(), limits::WANTS);
        assert_eq!(parse(r#"{"op":15,"d":[]}"#), Err(CloseCode::FailedToDecode));
    }

    #[test]
    fn what_cannot_be_read_names_its_close_code() {
        for (text, code) in [
            ("", CloseCode::FailedToDecode),
            ("{}", CloseCode::FailedToDecode),
            ("[0]", CloseCode::FailedToDecode),
            (" [3,1]", CloseCode::FailedToDecode),
            (r#"{"op":7,"d":["1","session","token"]}"#, CloseCode::FailedToDecode),
            ("{\"op\":3,\"d\":[]}", CloseCode::FailedToDecode),
            ("{\"op\":-1}", CloseCode::FailedToDecode),
            ("{\"op\":1e999}", CloseCode::FailedToDecode),
            ("{\"op\":3,\"d\":1}}", CloseCode::FailedToDecode),
            ("{\"op\":3,\"op\":3,\"d\":1}", CloseCode::FailedToDecode),
            ("{\"op\":5,\"d\":{\"speaking\":\"\\ud800\"}}", CloseCode::FailedToDecode),
            (r#"{"op":0,"d":{}}"#, CloseCode::FailedToDecode),
            (r#"{"op":5,"d":{"speaking":"loud"}}"#, CloseCode::FailedToDecode),
            (r#"{"op":5,"d":{"speaking":-1}}"#, CloseCode::FailedToDecode),
            (r#"{"op":1,"d":{"protocol":"webrtc"}}"#, CloseCode::FailedToDecode),
            (r#"{"op":77}"#, CloseCode::UnknownOpcode),
            (r#"{"op":2,"d":{}}"#, CloseCode::UnknownOpcode),
            (r#"{"op":1,"d":{"protocol":"carrier pigeon"}}"#, CloseCode::UnknownProtocol),
            (
                r#"{"op":1,"d":{"protocol":"udp","data":{"mode":"xsalsa20_poly1305"}}}"#,
                CloseCode::UnknownEncryptionMode,
            ),
        ] {
            assert_eq!(parse(text), Err(code), "{text}");
        }
    }

    #[test]
    fn endless_nesting_is_refused_rather_than_followed() {
        for open in ["[", "{\"d\":"] {
            let text = format!("{{\"op\":3,\"d\":{}", open.repeat(20_000));

            assert_eq!(parse(&text), Err(CloseCode::FailedToDecode));
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let text = r#"{"op":0,"d":{"server_id":1,"user_id":2,"session_id":"s","token":"hush"}}"#;

        assert!(!format!("{:?}", parse(text)).contains("hush"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,200}") {
            let _ = parse(&text);
        }

        #[test]
        fn no_payload_makes_the_reader_panic(op in 0_u64..40, d in "[\\[\\]{}\":,0-9a-z.-]{0,60}") {
            let _ = parse(&format!("{{\"op\":{op},\"d\":{d}}}"));
        }
    }
}
