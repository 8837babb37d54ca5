//! Of what people want to be notified (userdoccers: User Guild Settings).

use std::collections::BTreeMap;

use axum::extract::State;
use model::gateway::DispatchName;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::UserId;
use model::limits;
use model::wire::id::Id;
use serde::Deserialize;
use serde_json::Value;
use state::read::ChannelNotifications;
use state::read::MuteConfig;
use state::read::Notifications;

use super::ApiError;
use super::carry::carry_out;
use super::error::FormErrors;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::extract::member_view;
use super::extract::some;
use super::messages::embeds;
use super::read_states::require_person;
use super::read_states::tell;
use super::route::Routes;
use super::route::patch;
use super::schema;
use crate::parts::Parts;
use crate::wire;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route(
            "/users/@me/guilds/settings",
            patch(bulk)
                .lists(&schema::people::NOTIFICATIONS)
                .tells(&[DispatchName::UserGuildSettingsUpdate]),
        )
        .route(
            "/users/@me/guilds/{guild}/settings",
            patch(one)
                .gives(&schema::people::NOTIFICATIONS)
                .tells(&[DispatchName::UserGuildSettingsUpdate]),
        )
}

#[derive(Deserialize)]
struct Mute {
    end_time: Option<String>,
    selected_time_window: Option<i64>,
}

#[derive(Deserialize)]
struct Settings {
    suppress_everyone: Option<bool>,
    suppress_roles: Option<bool>,
    mute_scheduled_events: Option<bool>,
    muted: Option<bool>,
    #[serde(default, deserialize_with = "some")]
    mute_config: Option<Option<Mute>>,
    mobile_push: Option<bool>,
    message_notifications: Option<u8>,
    hide_muted_channels: Option<bool>,
    notify_highlights: Option<u8>,
    flags: Option<u32>,
    #[serde(default)]
    channel_overrides: Option<Overrides>,
}

/// Discord's clients send a map, older ones a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Overrides {
    Map(BTreeMap<ChannelId, Override>),
    List(Vec<Listed>),
}

#[derive(Deserialize)]
struct Listed {
    channel_id: ChannelId,
    #[serde(flatten)]
    own: Override,
}

#[derive(Deserialize)]
struct Override {
    muted: Option<bool>,
    #[serde(default, deserialize_with = "some")]
    mute_config: Option<Option<Mute>>,
    message_notifications: Option<u8>,
    collapsed: Option<bool>,
    flags: Option<u32>,
}

/// The guild of a path or a key; none for `@me`, the private channels.
fn place(text: &str) -> Result<Option<GuildId>, ApiError> {
    match text {
        "@me" | "0" | "null" => Ok(None),
        text => text.parse().ok().and_then(Id::new_checked).map(Some).ok_or_else(|| {
            let message = format!(
                "Value \"{}\" is not snowflake.",
                text.chars().take(64).collect::<String>()
            );
            ApiError::Form(FormErrors::one("guild_id", "NUMBER_TYPE_COERCE", message))
        }),
    }
}

/// `PATCH /users/@me/guilds/{guild.id}/settings`, with `@me` for private channels.
async fn one(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<String>,
    Json(body): Json<Settings>,
) -> Result<Json<Value>, ApiError> {
    require_person(&me)?;
    let guild = place(&guild)?;
    carry_out(async move { Ok(Json(change(&parts, me.id(), guild, body).await?)) }).await
}

#[derive(Deserialize)]
struct Bulk {
    guilds: BTreeMap<String, Settings>,
}

/// `PATCH /users/@me/guilds/settings`
async fn bulk(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Json(body): Json<Bulk>,
) -> Result<Json<Value>, ApiError> {
    require_person(&me)?;
    if body.guilds.len() > limits::GUILDS + 1 {
        let message = format!("Must be {} or fewer in length.", limits::GUILDS + 1);
        return Err(ApiError::Form(FormErrors::one("guilds", "BASE_TYPE_MAX_LENGTH", message)));
    }
    carry_out(async move {
        let mut changed = Vec::new();
        for (guild, settings) in body.guilds {
            changed.push(change(&parts, me.id(), place(&guild)?, settings).await?);
        }
        Ok(Json(Value::Array(changed)))
    })
    .await
}

/// Changes what is stored, and tells of it.
async fn change(
    parts: &Parts,
    me: UserId,
    guild: Option<GuildId>,
    body: Settings,
) -> Result<Value, ApiError> {
    let view = guild.map(|guild| member_view(parts, guild, me)).transpose()?;
    let stored = parts.reads.notifications(me).await?;
    let stored = stored.into_iter().find(|(of, _)| *of == guild).map(|(_, settings)| settings);
    let mut settings = stored.unwrap_or_else(|| Notifications {
        message_notifications: view
            .as_ref()
            .map_or(0, |view| view.settings.default_message_notifications),
        ..Notifications::default()
    });
    let known = |channel: ChannelId| {
        view.as_ref().is_none_or(|view| {
            view.channels.contains_key(&channel) || view.threads.contains_key(&channel)
        })
    };
    apply(&mut settings, body, known)?;
    settings.version = parts.now_ms();
    parts.reads.put_notifications(me, guild, &settings).await?;
    let shown = wire::notifications(guild, &settings);
    tell(parts, me, DispatchName::UserGuildSettingsUpdate, shown.clone());
    Ok(shown)
}

fn apply(
    settings: &mut Notifications,
    body: Settings,
    known: impl Fn(ChannelId) -> bool,
) -> Result<(), ApiError> {
    let mut errors = FormErrors::default();
    let set = |field: &mut bool, value: Option<bool>| *field = value.unwrap_or(*field);
    set(&mut settings.suppress_everyone, body.suppress_everyone);
    set(&mut settings.suppress_roles, body.suppress_roles);
    set(&mut settings.mute_scheduled_events, body.mute_scheduled_events);
    set(&mut settings.muted, body.muted);
    set(&mut settings.mobile_push, body.mobile_push);
    set(&mut settings.hide_muted_channels, body.hide_muted_channels);
    settings.flags = body.flags.unwrap_or(settings.flags);
    level(
        &mut settings.message_notifications,
        body.message_notifications,
        3,
        "message_notifications",
        &mut errors,
    );
    level(
        &mut settings.notify_highlights,
        body.notify_highlights,
        2,
        "notify_highlights",
        &mut errors,
    );
    if let Some(config) = body.mute_config {
        settings.mute_config = config.and_then(|config| mute(config, "mute_config", &mut errors));
    }
    let overrides: Vec<_> = match body.channel_overrides {
        None => Vec::new(),
        Some(Overrides::Map(map)) => map.into_iter().collect(),
        Some(Overrides::List(list)) => {
            list.into_iter().map(|one| (one.channel_id, one.own)).collect()
        }
    };
    // Channels that are gone meanwhile are passed over, and forgotten.
    settings.channel_overrides.retain(|channel, _| known(*channel));
    for (channel, change) in overrides.into_iter().filter(|(channel, _)| known(*channel)) {
        let path = format!("channel_overrides.{channel}");
        let own = settings.channel_overrides.entry(channel).or_default();
        set(&mut own.muted, change.muted);
        set(&mut own.collapsed, change.collapsed);
        own.flags = change.flags.unwrap_or(own.flags);
        let field = format!("{path}.message_notifications");
        level(&mut own.message_notifications, change.message_notifications, 3, &field, &mut errors);
        if let Some(config) = change.mute_config {
            let field = format!("{path}.mute_config");
            own.mute_config = config.and_then(|config| mute(config, &field, &mut errors));
        }
    }
    settings.channel_overrides.retain(|_, own| *own != ChannelNotifications::default());
    if settings.channel_overrides.len() > limits::NOTIFICATION_OVERRIDES {
        let message = format!("Must be {} or fewer in length.", limits::NOTIFICATION_OVERRIDES);
        errors.push("channel_overrides", "BASE_TYPE_MAX_LENGTH", message);
    }
    errors.finish()
}

fn level(field: &mut u8, value: Option<u8>, most: u8, path: &str, errors: &mut FormErrors) {
    match value {
        None => {}
        Some(value) if value <= most => *field = value,
        Some(_) => {
            errors.push(path, "BASE_TYPE_CHOICES", format!("Value must be one of 0 to {most}."));
        }
    }
}

fn mute(config: Mute, path: &str, errors: &mut FormErrors) -> Option<MuteConfig> {
    let end_time = match config.end_time {
        None => None,
        Some(text) => {
            let read = embeds::timestamp(&text);
            if read.is_none() {
                let message = "Not a valid ISO 8601 date and time.";
                errors.push(&format!("{path}.end_time"), "BASE_TYPE_BAD_DATETIME", message);
            }
            read
        }
    };
    Some(MuteConfig { end_time, selected_time_window: config.selected_time_window })
}
