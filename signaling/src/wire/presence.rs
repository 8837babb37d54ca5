//! A presence (Discord: Gateway Events/Presence Update).

use model::id::GuildId;
use model::id::UserId;
use model::wire::gateway::presence::Activity;
use model::wire::gateway::presence::Status;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;
use state::presence::Client;
use state::presence::Presence;
use state::presence::SessionPresence;

/// A [`Presence`] as others see it, to be written without being copied.
#[derive(Serialize)]
pub(crate) struct Shown<'a> {
    user: Whose,
    /// None of a friend, outside any guild.
    #[serde(skip_serializing_if = "Option::is_none")]
    guild_id: Option<GuildId>,
    status: Status,
    activities: &'a [Activity],
    client_status: Clients,
}

#[derive(Serialize)]
struct Whose {
    id: UserId,
}

#[derive(Serialize)]
struct Clients {
    #[serde(skip_serializing_if = "Option::is_none")]
    desktop: Option<Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mobile: Option<Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    web: Option<Status>,
}

impl<'a> Shown<'a> {
    /// A presence in a guild, or outside any.
    pub(crate) fn new(presence: &'a Presence, guild: Option<GuildId>) -> Self {
        let Presence { desktop, mobile, web, .. } = *presence;
        Self {
            user: Whose { id: presence.user },
            guild_id: guild,
            status: shown(presence.status),
            activities: &presence.activities,
            client_status: Clients { desktop, mobile, web },
        }
    }
}

/// What others see of someone in a guild.
#[must_use]
pub fn presence(presence: &Presence, guild: GuildId) -> Value {
    json!(Shown::new(presence, Some(guild)))
}

/// What a friend sees of someone, outside any guild.
#[must_use]
pub fn presence_of_friend(friend: &Presence) -> Value {
    json!(Shown::new(friend, None))
}

/// Invisible people are shown as offline.
const fn shown(status: Status) -> Status {
    match status {
        Status::Invisible => Status::Offline,
        status => status,
    }
}

/// Reads what a client says of itself: the `presence` of Identify, or the body of op 3. `None`
/// when it is not a presence; unknown fields are passed over.
#[must_use]
pub fn session_presence(value: &Value, client: Client, now_ms: u64) -> Option<SessionPresence> {
    let status = match value.get("status") {
        None | Some(Value::Null) => Status::Online,
        Some(status) => serde_json::from_value(status.clone()).ok()?,
    };
    // `game` is the old form of one activity; hikari still sends it.
    let game = value.get("game").filter(|game| game.is_object()).map(std::slice::from_ref);
    let listed = value.get("activities").and_then(Value::as_array).map(Vec::as_slice);
    let activities = listed
        .or(game)
        .unwrap_or_default()
        .iter()
        .take(ACTIVITIES)
        .filter_map(|activity| activity_of(activity.clone(), now_ms))
        .collect();
    Some(SessionPresence {
        status,
        activities,
        since: value.get("since").and_then(Value::as_u64),
        afk: value.get("afk").and_then(Value::as_bool).unwrap_or(false),
        client,
    })
}

/// Bots send activities without the fields that only users' clients have; they get defaults.
fn activity_of(mut value: Value, now_ms: u64) -> Option<Activity> {
    let map = value.as_object_mut()?;
    map.entry("type").or_insert(json!(0));
    // The server says since when (Discord: Activity Object); hikari reads it unasked.
    map.insert("created_at".to_owned(), json!(now_ms));
    serde_json::from_value(value).ok()
}

/// Activities kept of one session; clients have one to three. More would be sent to every guild.
const ACTIVITIES: usize = 5;
