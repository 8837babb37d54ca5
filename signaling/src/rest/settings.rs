//! What people's clients keep for themselves (userdoccers: User Settings, User Settings Proto).

use axum::extract::DefaultBodyLimit;
use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::gateway::DispatchName;
use model::id::UserId;
use model::limits;
use serde::Deserialize;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use state::repo::RepoError;
use state::settings::JSON;
use state::settings::KINDS;
use state::settings::SettingsChange;
use state::settings::fields;

use super::ApiError;
use super::carry::carry_out;
use super::error::FormErrors;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::messages::embeds;
use super::read_states::require_person;
use super::read_states::tell;
use super::route::Routes;
use super::route::get;
use super::schema;
use crate::parts::Parts;

pub(super) fn routes() -> Routes {
    let largest = limits::SETTINGS_PROTO / 3 * 4 + 64 * 1_024;
    Routes::new()
        .route(
            "/users/@me/settings",
            get(show)
                .gives(&schema::people::SETTINGS)
                .patch(update)
                .gives(&schema::people::SETTINGS)
                .tells(&[DispatchName::UserSettingsUpdate]),
        )
        .route(
            "/users/@me/settings-proto/{kind}",
            get(show_proto)
                .gives(&schema::people::SETTINGS_PROTO)
                .patch(update_proto)
                .gives(&schema::people::SETTINGS_PROTO)
                .tells(&[DispatchName::UserSettingsProtoUpdate])
                .layer(DefaultBodyLimit::max(largest)),
        )
}

/// `GET /users/@me/settings`
async fn show(Auth(me): Auth, State(parts): State<Parts>) -> Result<Json<Value>, ApiError> {
    require_person(&me)?;
    Ok(Json(shown(&parts, me.id()).await?))
}

/// The settings of someone, with defaults where they set nothing.
///
/// # Errors
///
/// Storage errors.
pub(crate) async fn shown(parts: &Parts, me: UserId) -> Result<Value, RepoError> {
    let stored = stored(parts, me).await?;
    let mut all: Map<String, Value> =
        KEYS.iter().map(|(key, kind)| ((*key).to_owned(), kind.default())).collect();
    all.extend(stored);
    Ok(Value::Object(all))
}

/// The language that someone's clients show, as BCP 47 writes it.
///
/// # Errors
///
/// Storage errors.
pub(crate) async fn locale(parts: &Parts, user: UserId) -> Result<Value, RepoError> {
    let chosen = stored(parts, user).await?.remove("locale");
    Ok(chosen.unwrap_or_else(|| Kind::Locale.default()))
}

/// What someone chose otherwise than it is by default.
async fn stored(parts: &Parts, user: UserId) -> Result<Map<String, Value>, RepoError> {
    let stored = parts.settings.settings(user, JSON).await?.unwrap_or_default();
    Ok(serde_json::from_slice(&stored).unwrap_or_default())
}

/// What a key holds.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// A yes or no, and which by default.
    Flag(bool),
    /// A whole number, from, to, and by default.
    Number(i64, i64, i64),
    /// A number from 0 to 100.
    Volume,
    /// One of these, the first by default.
    Choice(&'static [&'static str]),
    /// A language, as BCP 47 writes it.
    Locale,
    /// Ids.
    Ids,
    /// A custom status, or null.
    Status,
    /// Folders of guilds.
    Folders,
    /// An object of yes and no, or null.
    Sources,
}

/// The keys that there are. Others are passed over, as Discord does.
const KEYS: &[(&str, Kind)] = &[
    ("activity_restricted_guild_ids", Kind::Ids),
    ("activity_joining_restricted_guild_ids", Kind::Ids),
    ("afk_timeout", Kind::Number(60, 600, 600)),
    ("allow_accessibility_detection", Kind::Flag(false)),
    ("allow_activity_party_privacy_friends", Kind::Flag(true)),
    ("allow_activity_party_privacy_voice_channel", Kind::Flag(true)),
    ("animate_emoji", Kind::Flag(true)),
    ("animate_stickers", Kind::Number(0, 2, 0)),
    ("contact_sync_enabled", Kind::Flag(false)),
    ("convert_emoticons", Kind::Flag(true)),
    ("custom_status", Kind::Status),
    ("default_guilds_restricted", Kind::Flag(false)),
    ("detect_platform_accounts", Kind::Flag(false)),
    ("developer_mode", Kind::Flag(false)),
    ("disable_games_tab", Kind::Flag(true)),
    ("enable_tts_command", Kind::Flag(true)),
    ("explicit_content_filter", Kind::Number(0, 2, 0)),
    ("friend_discovery_flags", Kind::Number(0, 7, 0)),
    ("friend_source_flags", Kind::Sources),
    ("gif_auto_play", Kind::Flag(true)),
    ("guild_folders", Kind::Folders),
    ("guild_positions", Kind::Ids),
    ("inline_attachment_media", Kind::Flag(true)),
    ("inline_embed_media", Kind::Flag(true)),
    ("locale", Kind::Locale),
    ("message_display_compact", Kind::Flag(false)),
    ("native_phone_integration_enabled", Kind::Flag(false)),
    ("passwordless", Kind::Flag(false)),
    ("render_embeds", Kind::Flag(true)),
    ("render_reactions", Kind::Flag(true)),
    ("restricted_guilds", Kind::Ids),
    ("show_current_game", Kind::Flag(true)),
    ("soundboard_volume", Kind::Volume),
    ("status", Kind::Choice(&["online", "idle", "dnd", "invisible"])),
    ("stream_notifications_enabled", Kind::Flag(true)),
    ("theme", Kind::Choice(&["dark", "light", "darker", "midnight"])),
    ("timezone_offset", Kind::Number(-840, 840, 0)),
    ("view_nsfw_commands", Kind::Flag(false)),
    ("view_nsfw_guilds", Kind::Flag(false)),
];

impl Kind {
    fn default(self) -> Value {
        match self {
            Self::Flag(value) => json!(value),
            Self::Number(_, _, value) => json!(value),
            Self::Volume => json!(100),
            Self::Choice(choices) => json!(choices.first()),
            Self::Locale => json!("en-US"),
            Self::Ids | Self::Folders => json!([]),
            Self::Status => Value::Null,
            Self::Sources => json!({ "all": true }),
        }
    }

    /// The value as it is kept; `None` when it is no such thing.
    fn read(self, value: Value) -> Option<Value> {
        let fits = match (self, &value) {
            (Self::Flag(_), Value::Bool(_)) | (Self::Status | Self::Sources, Value::Null) => true,
            (Self::Number(from, to, _), Value::Number(number)) => {
                number.as_i64().is_some_and(|number| (from..=to).contains(&number))
            }
            (Self::Volume, Value::Number(number)) => {
                number.as_f64().is_some_and(|number| (0.0..=100.0).contains(&number))
            }
            (Self::Choice(choices), Value::String(text)) => choices.contains(&text.as_str()),
            (Self::Locale, Value::String(text)) => {
                (2..=16).contains(&text.len())
                    && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            }
            (Self::Ids, Value::Array(ids)) => ids.len() <= limits::GUILDS && ids.iter().all(is_id),
            (Self::Status, Value::Object(_)) => return status(value),
            (Self::Folders, Value::Array(_)) => return folders(value),
            (Self::Sources, Value::Object(map)) => {
                map.len() <= 8 && map.values().all(Value::is_boolean)
            }
            _ => false,
        };
        fits.then_some(value)
    }
}

fn is_id(value: &Value) -> bool {
    serde_json::from_value::<model::id::GuildId>(value.clone()).is_ok()
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    emoji_id: Option<model::id::EmojiId>,
    #[serde(default)]
    emoji_name: Option<String>,
    #[serde(default)]
    expires_at: Option<String>,
}

fn status(value: Value) -> Option<Value> {
    let status: Status = serde_json::from_value(value).ok()?;
    let short =
        |text: &Option<String>, most| text.as_ref().is_none_or(|text| text.chars().count() <= most);
    let timely = status.expires_at.as_ref().is_none_or(|text| embeds::timestamp(text).is_some());
    let fits = short(&status.text, limits::CUSTOM_STATUS) && short(&status.emoji_name, 64);
    (fits && timely).then(|| {
        json!({
            "text": status.text,
            "emoji_id": status.emoji_id,
            "emoji_name": status.emoji_name,
            "expires_at": status.expires_at,
        })
    })
}

#[derive(Deserialize)]
struct Folder {
    #[serde(default)]
    id: Option<i64>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    color: Option<u32>,
    guild_ids: Vec<model::id::GuildId>,
}

fn folders(value: Value) -> Option<Value> {
    let folders: Vec<Folder> = serde_json::from_value(value).ok()?;
    let guilds: usize = folders.iter().map(|folder| folder.guild_ids.len()).sum();
    let named = |folder: &Folder| {
        folder.name.as_ref().is_none_or(|name| name.chars().count() <= *limits::NAME.end())
    };
    // Guilds that one left stay in the list until the client says so.
    let fits = folders.len() <= 2 * limits::GUILDS && guilds <= 2 * limits::GUILDS;
    (fits && folders.iter().all(named)).then(|| {
        let shown = folders.iter().map(|folder| {
            json!({
                "id": folder.id,
                "name": folder.name,
                "color": folder.color,
                "guild_ids": folder.guild_ids,
            })
        });
        Value::Array(shown.collect())
    })
}

/// `PATCH /users/@me/settings`: what is not told stays.
async fn update(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Json(body): Json<Map<String, Value>>,
) -> Result<Json<Value>, ApiError> {
    require_person(&me)?;
    let mut keys = Map::new();
    let mut errors = FormErrors::default();
    for (key, value) in body {
        let Some((_, kind)) = KEYS.iter().find(|(known, _)| *known == key) else { continue };
        match kind.read(value) {
            Some(value) => drop(keys.insert(key, value)),
            None => errors.push(&key, "BASE_TYPE_BAD_VALUE", "Not a valid value."),
        }
    }
    errors.finish()?;
    carry_out(async move {
        if !keys.is_empty() {
            let change = SettingsChange::Keys(keys.clone());
            store(&parts, me.id(), &change, limits::SETTINGS_JSON).await?;
            tell(&parts, me.id(), DispatchName::UserSettingsUpdate, Value::Object(keys));
        }
        Ok(Json(shown(&parts, me.id()).await?))
    })
    .await
}

async fn store(
    parts: &Parts,
    me: UserId,
    change: &SettingsChange,
    most: usize,
) -> Result<Option<Vec<u8>>, ApiError> {
    match parts.settings.change(me, change, most).await {
        Ok(changed) => Ok(changed),
        Err(RepoError::Exists) => {
            let message = format!("Must be {most} bytes or fewer.");
            let errors = FormErrors::one("settings", "BASE_TYPE_MAX_LENGTH", message);
            Err(ApiError::Form(errors))
        }
        Err(error) => Err(error.into()),
    }
}

/// A kind of settings that is a protobuf message.
fn proto_kind(kind: u8) -> Result<u8, ApiError> {
    if (1..=KINDS).contains(&kind) {
        return Ok(kind);
    }
    let message = format!("Value must be one of 1 to {KINDS}.");
    Err(ApiError::Form(FormErrors::one("type", "BASE_TYPE_CHOICES", message)))
}

/// `GET /users/@me/settings-proto/{type}`
async fn show_proto(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(kind): Path<u8>,
) -> Result<Json<Value>, ApiError> {
    require_person(&me)?;
    let stored = parts.settings.settings(me.id(), proto_kind(kind)?).await?.unwrap_or_default();
    Ok(Json(json!({ "settings": STANDARD.encode(stored) })))
}

#[derive(Deserialize)]
struct Proto {
    settings: String,
    #[serde(default)]
    required_data_version: Option<u32>,
}

/// `PATCH /users/@me/settings-proto/{type}`: top-level fields replace those that were there.
async fn update_proto(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(kind): Path<u8>,
    Json(body): Json<Proto>,
) -> Result<Json<Value>, ApiError> {
    require_person(&me)?;
    let kind = proto_kind(kind)?;
    let partial = STANDARD.decode(body.settings.trim_end()).ok();
    let Some(partial) = partial.filter(|partial| fields(partial).is_some()) else {
        let message = "Not a serialized protobuf message.";
        return Err(ApiError::Form(FormErrors::one("settings", "BASE_TYPE_BAD_VALUE", message)));
    };
    let on_version = body.required_data_version;
    let change = SettingsChange::Fields { kind, partial, on_version };
    carry_out(async move {
        match store(&parts, me.id(), &change, limits::SETTINGS_PROTO).await? {
            Some(all) => {
                let all = STANDARD.encode(all);
                let settings = json!({ "type": kind, "proto": all });
                let told = json!({ "settings": settings, "partial": false });
                tell(&parts, me.id(), DispatchName::UserSettingsProtoUpdate, told);
                Ok(Json(json!({ "settings": all })))
            }
            None => {
                let stored = parts.settings.settings(me.id(), kind).await?.unwrap_or_default();
                Ok(Json(json!({ "settings": STANDARD.encode(stored), "out_of_date": true })))
            }
        }
    })
    .await
}

/// The newer form of the settings, for READY; `None` when a client never kept any.
///
/// # Errors
///
/// Storage errors.
pub(crate) async fn preloaded(parts: &Parts, me: UserId) -> Result<Option<String>, RepoError> {
    Ok(parts.settings.settings(me, 1).await?.map(|stored| STANDARD.encode(stored)))
}
