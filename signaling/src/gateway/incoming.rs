//! What gateway clients send, read into types. Pure; every input is untrusted.

use std::collections::BTreeMap;

use model::gateway::CloseCode;
use model::gateway::Opcode;
use model::id::ChannelId;
use model::wire::id::Id;
use serde::Deserialize;
use serde_json::Value;

/// A message of a client (Discord: Gateway/Sending Events).
#[derive(Debug)]
pub(super) enum Incoming {
    /// Op 1.
    Heartbeat,
    /// Op 2.
    Identify(Box<Identify>),
    /// Op 3: the presence as it came.
    Presence(Value),
    /// Op 4.
    Voice(VoiceUpdate),
    /// Op 6.
    Resume(Resume),
    /// Op 8.
    Members(Box<MembersRequest>),
    /// Op 31: guilds whose soundboard is asked for.
    Soundboard(Vec<u64>),
    /// Op 43.
    ChannelInfo(ChannelInfoRequest),
    /// Op 14 and op 37: the guilds that a person's client looks at, and rows of their member lists.
    Subscriptions(Vec<(u64, Subscription)>),
    /// Op 13: the private channel whose call is asked for.
    Call(ChannelId),
    /// An op that only people's clients send, and that has no effect here.
    Personal,
}

/// Op 2 (Discord: Identify).
#[derive(Deserialize)]
pub(super) struct Identify {
    /// Secret.
    pub token: String,
    #[serde(default)]
    pub properties: Value,
    pub intents: Option<u64>,
    #[serde(default)]
    pub compress: Option<bool>,
    #[serde(default)]
    pub large_threshold: Option<u64>,
    /// What a person's client knows beyond the documented events; bots name none.
    #[serde(default)]
    pub capabilities: Option<u64>,
    #[serde(default)]
    pub shard: Option<[u64; 2]>,
    #[serde(default)]
    pub presence: Option<Value>,
}

impl std::fmt::Debug for Identify {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identify").field("intents", &self.intents).finish_non_exhaustive()
    }
}

/// Op 6 (Discord: Resume).
#[derive(Deserialize)]
pub(super) struct Resume {
    /// Secret.
    pub token: String,
    pub session_id: String,
    #[serde(default)]
    pub seq: Option<u64>,
}

impl std::fmt::Debug for Resume {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resume").field("seq", &self.seq).finish_non_exhaustive()
    }
}

/// Op 4 (Discord: Update Voice State). discord.py sends snowflakes as numbers.
#[derive(Debug, Deserialize)]
pub(super) struct VoiceUpdate {
    #[serde(default, deserialize_with = "snowflake")]
    pub guild_id: Option<u64>,
    #[serde(default, deserialize_with = "snowflake")]
    pub channel_id: Option<u64>,
    #[serde(default)]
    pub self_mute: bool,
    #[serde(default)]
    pub self_deaf: bool,
    #[serde(default)]
    pub self_video: bool,
}

/// Op 8 (Discord: Request Guild Members).
#[derive(Debug, Deserialize)]
pub(super) struct MembersRequest {
    #[serde(deserialize_with = "snowflakes")]
    pub guild_id: Vec<u64>,
    #[serde(default)]
    pub query: Option<String>,
    #[serde(default)]
    pub limit: Option<u64>,
    #[serde(default)]
    pub presences: Option<bool>,
    #[serde(default, deserialize_with = "snowflakes")]
    pub user_ids: Vec<u64>,
    #[serde(default)]
    pub nonce: Option<String>,
}

/// What a person's client looks at in a guild (userdoccers: Update Guild Subscriptions).
#[derive(Debug, Default, Deserialize)]
pub(super) struct Subscription {
    #[serde(default, deserialize_with = "snowflake")]
    guild_id: Option<u64>,
    /// Rows of member lists, by channel.
    #[serde(default)]
    pub channels: Option<BTreeMap<ChannelId, Vec<[usize; 2]>>>,
    #[serde(default)]
    typing: Option<bool>,
    #[serde(default)]
    activities: Option<bool>,
    #[serde(default)]
    threads: Option<bool>,
}

impl Subscription {
    /// Whether the client looks at the guild from here on: whatever it asks for, unless all that it says
    /// is what it wants no more.
    pub(super) fn looks(&self) -> bool {
        let said = [self.typing, self.activities, self.threads];
        said.contains(&Some(true)) || said == [None; 3] || self.channels.is_some()
    }
}

#[derive(Deserialize)]
struct Subscriptions {
    #[serde(default)]
    subscriptions: BTreeMap<String, Subscription>,
}

fn subscriptions(op: u64, d: Value) -> Result<Incoming, CloseCode> {
    if op == SUBSCRIBE {
        let one: Subscription = read(d)?;
        let guild = one.guild_id.ok_or(CloseCode::DecodeError)?;
        return Ok(Incoming::Subscriptions(vec![(guild, one)]));
    }
    let all = read::<Subscriptions>(d)?.subscriptions.into_iter();
    let all: Option<Vec<_>> = all.map(|(guild, one)| Some((guild.parse().ok()?, one))).collect();
    all.map(Incoming::Subscriptions).ok_or(CloseCode::DecodeError)
}

#[derive(Deserialize)]
struct SoundboardRequest {
    #[serde(deserialize_with = "snowflakes")]
    guild_ids: Vec<u64>,
}

/// Op 43: whose channels' ephemeral data is asked for (Discord: Request Channel Info).
#[derive(Debug, Default, Deserialize)]
pub(super) struct ChannelInfoRequest {
    #[serde(default, deserialize_with = "snowflake")]
    pub guild_id: Option<u64>,
    #[serde(default)]
    fields: Option<Vec<String>>,
}

impl ChannelInfoRequest {
    /// Whether a field is asked for; all are where none is named.
    pub(super) fn asks_for(&self, field: &str) -> bool {
        self.fields.as_ref().is_none_or(|fields| fields.iter().any(|asked| asked == field))
    }
}

#[derive(Deserialize)]
struct CallRequest {
    #[serde(default, deserialize_with = "snowflake")]
    channel_id: Option<u64>,
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
pub(super) fn parse(bytes: &[u8]) -> Result<Incoming, CloseCode> {
    // serde would take a list for an object, its elements for the fields in order.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(CloseCode::DecodeError);
    }
    let Envelope { op, d } = serde_json::from_slice(bytes).map_err(|_| CloseCode::DecodeError)?;
    if op == CHANNEL_INFO {
        let request: ChannelInfoRequest = read(d)?;
        request.guild_id.ok_or(CloseCode::DecodeError)?;
        return Ok(Incoming::ChannelInfo(request));
    }
    if op == CALL_CONNECT {
        let channel = read::<CallRequest>(d)?.channel_id.and_then(Id::new_checked);
        return channel.map(Incoming::Call).ok_or(CloseCode::DecodeError);
    }
    if op == SUBSCRIBE || op == SUBSCRIBE_MANY {
        return subscriptions(op, d);
    }
    if op == QOS_HEARTBEAT {
        return Ok(Incoming::Heartbeat);
    }
    let Some(op) = Opcode::from_u64(op) else {
        return if PERSONAL.contains(&op) {
            Ok(Incoming::Personal)
        } else {
            Err(CloseCode::UnknownOpcode)
        };
    };
    Ok(match op {
        Opcode::Heartbeat => Incoming::Heartbeat,
        Opcode::Identify => Incoming::Identify(Box::new(read(d)?)),
        Opcode::PresenceUpdate if d.is_object() => Incoming::Presence(d),
        Opcode::PresenceUpdate => return Err(CloseCode::DecodeError),
        Opcode::VoiceStateUpdate => Incoming::Voice(read(d)?),
        Opcode::Resume => Incoming::Resume(read(d)?),
        Opcode::RequestGuildMembers => Incoming::Members(Box::new(read(d)?)),
        Opcode::RequestSoundboardSounds => {
            Incoming::Soundboard(read::<SoundboardRequest>(d)?.guild_ids)
        }
        Opcode::Dispatch
        | Opcode::Reconnect
        | Opcode::InvalidSession
        | Opcode::Hello
        | Opcode::HeartbeatAck => return Err(CloseCode::UnknownOpcode),
    })
}

/// Request Channel Info (Discord: Opcodes and Status Codes/Gateway Opcodes).
const CHANNEL_INFO: u64 = 43;

/// Call Connect (userdoccers: Gateway Events/Request Call Connect).
const CALL_CONNECT: u64 = 13;

/// Ops that Discord's own clients send and its documentation does not name: voice ping, streams.
/// Closing would throw people's clients out.
const PERSONAL: [u64; 10] = [5, 12, 15, 18, 19, 22, 34, 36, 39, 41];
/// A heartbeat that tells beside its sequence how the client fares (userdoccers: Gateway Opcodes, QoS
/// Heartbeat). Who sends it sends no other.
const QOS_HEARTBEAT: u64 = 40;
/// Update Guild Subscriptions, of one guild and of several (userdoccers: Gateway Opcodes).
const SUBSCRIBE: u64 = 14;
const SUBSCRIBE_MANY: u64 = 37;

fn read<T: serde::de::DeserializeOwned>(d: Value) -> Result<T, CloseCode> {
    if !d.is_object() {
        return Err(CloseCode::DecodeError);
    }
    serde_json::from_value(d).map_err(|_| CloseCode::DecodeError)
}

/// A snowflake as a string or as a number; never through a float.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn snowflake<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Option<u64>, D::Error> {
    let value = Value::deserialize(d)?;
    if value.is_null() {
        return Ok(None);
    }
    number(&value).map(Some).ok_or_else(|| serde::de::Error::custom("not a snowflake"))
}

/// One snowflake or a list of them.
fn snowflakes<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Vec<u64>, D::Error> {
    let value = Value::deserialize(d)?;
    let all = match &value {
        Value::Null => Some(Vec::new()),
        Value::Array(list) => list.iter().map(number).collect(),
        one => number(one).map(|one| vec![one]),
    };
    all.ok_or_else(|| serde::de::Error::custom("not snowflakes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snowflakes_are_strings_or_numbers_beyond_a_float() {
        let text =
            br#"{"op":4,"d":{"guild_id":1300000000000000001,"channel_id":"1300000000000000003"}}"#;

        let Ok(Incoming::Voice(update)) = parse(text) else { panic!("not a voice update") };

        assert_eq!(update.guild_id, Some(1_300_000_000_000_000_001));
        assert_eq!(update.channel_id, Some(1_300_000_000_000_000_003));
    }

    #[test]
    fn a_list_is_no_message() {
        for text in ["[1]", " [1,null]", r#"{"op":2,"d":["token",0,{}]}"#] {
            assert_eq!(parse(text.as_bytes()).err(), Some(CloseCode::DecodeError), "{text}");
        }
    }

    #[test]
    fn a_guild_may_come_alone_or_in_a_list() {
        for text in [r#"{"op":8,"d":{"guild_id":"7"}}"#, r#"{"op":8,"d":{"guild_id":["7"]}}"#] {
            let Ok(Incoming::Members(request)) = parse(text.as_bytes()) else { panic!("{text}") };
            assert_eq!(request.guild_id, [7]);
        }
    }

    #[test]
    fn a_heartbeat_that_tells_how_the_client_fares_is_a_heartbeat() {
        for text in [
            r#"{"op":1,"d":7}"#,
            r#"{"op":40,"d":{"seq":7,"qos":{"ver":27,"active":true,"reasons":["foregrounded"]}}}"#,
        ] {
            assert!(matches!(parse(text.as_bytes()), Ok(Incoming::Heartbeat)), "{text}");
        }
    }

    #[test]
    fn a_token_is_not_in_what_is_logged() {
        let incoming = parse(br#"{"op":2,"d":{"token":"secret"}}"#).unwrap();

        assert!(!format!("{incoming:?}").contains("secret"));
    }

    #[test]
    fn what_cannot_be_read_names_its_close_code() {
        for (text, code) in [
            ("", CloseCode::DecodeError),
            ("[", CloseCode::DecodeError),
            ("{}", CloseCode::DecodeError),
            (r#"{"op":"1"}"#, CloseCode::DecodeError),
            (r#"{"op":2,"d":{}}"#, CloseCode::DecodeError),
            (r#"{"op":4,"d":{"guild_id":{}}}"#, CloseCode::DecodeError),
            (r#"{"op":99}"#, CloseCode::UnknownOpcode),
            (r#"{"op":0,"d":{}}"#, CloseCode::UnknownOpcode),
            (r#"{"op":11}"#, CloseCode::UnknownOpcode),
            (r#"{"op":-1}"#, CloseCode::DecodeError),
            (r#"{"op":8,"d":{"guild_id":1.5}}"#, CloseCode::DecodeError),
            (r#"{"op":13,"d":{}}"#, CloseCode::DecodeError),
            (r#"{"op":13,"d":{"channel_id":"0"}}"#, CloseCode::DecodeError),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap_err(), code, "{text}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(parse(deep.as_bytes()).unwrap_err(), CloseCode::DecodeError);
    }
}
