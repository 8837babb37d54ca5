//! A guild object and GUILD_CREATE (Discord: Guild, Gateway Events/Guild Create).

use std::collections::BTreeSet;
use std::sync::Arc;

use model::id::UserId;
use model::wire::guild::Permissions;
use model::wire::guild::Role;
use serde_json::Value;
use serde_json::json;
use state::Guild;
use state::users::Users;

/// A role.
#[must_use]
pub fn role(role: &Role) -> Value {
    let mut value = serde_json::to_value(role).unwrap_or_default();
    if let Value::Object(map) = &mut value {
        map.entry("icon").or_insert(Value::Null);
        map.entry("unicode_emoji").or_insert(Value::Null);
    }
    value
}

/// A guild as REST returns it.
#[must_use]
pub fn guild(guild: &Guild) -> Value {
    let settings = &guild.settings;
    json!({
        "id": guild.id,
        "name": settings.name,
        "icon": settings.icon,
        "icon_hash": null,
        "splash": null,
        "discovery_splash": null,
        "owner_id": settings.owner,
        "region": null,
        "afk_channel_id": settings.afk_channel,
        "afk_timeout": if settings.afk_timeout == 0 { 300 } else { settings.afk_timeout },
        "widget_enabled": settings.widget.enabled,
        "widget_channel_id": settings.widget.channel,
        "verification_level": settings.verification_level,
        "default_message_notifications": settings.default_message_notifications,
        "explicit_content_filter": settings.explicit_content_filter,
        "roles": guild.roles.values().map(|r| role(r)).collect::<Vec<_>>(),
        "emojis": super::guild_emojis(guild),
        "stickers": super::stickers(guild),
        "features": super::features(guild),
        "mfa_level": 0,
        "application_id": null,
        "system_channel_id": settings.system_channel,
        "system_channel_flags": 0,
        "rules_channel_id": null,
        "max_presences": null,
        "max_members": 10_000_000,
        "vanity_url_code": null,
        "description": settings.description,
        "banner": null,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "preferred_locale": settings.preferred_locale.as_deref().unwrap_or("en-US"),
        "public_updates_channel_id": null,
        "safety_alerts_channel_id": null,
        "max_video_channel_users": 25,
        "max_stage_video_channel_users": 50,
        "nsfw_level": 0,
        "nsfw": false,
        "premium_progress_bar_enabled": false,
        "incidents_data": super::incidents(&settings.incidents),
    })
}

/// Above how many members a guild is large: then only those who are online, in voice, or the
/// session's own user come with GUILD_CREATE (Discord: Identify, `large_threshold`, 50 to 250).
#[derive(Debug, Clone, Copy)]
pub struct MembersShown {
    /// The threshold of Identify.
    pub large_threshold: usize,
    /// Whether the GUILD_MEMBERS intent was asked for and granted: then all members come while
    /// the guild is not large.
    pub all: bool,
    /// Whether presences may be told.
    pub presences: bool,
}

/// The payload of GUILD_CREATE as `viewer` may see it: only channels with VIEW_CHANNEL, and only
/// voice states in these.
#[must_use]
pub fn guild_create(
    view: &Guild,
    viewer: UserId,
    users: &Users,
    shown: MembersShown,
    now_ms: u64,
) -> Value {
    let sees =
        |channel| view.permissions_in(viewer, channel, now_ms).has(Permissions::VIEW_CHANNEL);
    let large = view.members.len() > shown.large_threshold;
    // Of a large guild only those who come are looked at: everybody else may be a million.
    let coming: BTreeSet<UserId> = match shown.all {
        true if !large => view.members.keys().collect(),
        true => view.presences.keys().chain(view.voice.keys()).copied().chain([viewer]).collect(),
        false => view.voice.keys().copied().chain([viewer]).collect(),
    };
    let members = coming
        .into_iter()
        .filter_map(|user| Some(super::member(&*view.members.get(&user)?, &*users.cached(user)?)));
    let members: Vec<_> = members.collect();
    let channels: Vec<_> = view
        .channels
        .values()
        .filter(|channel| sees(channel.id))
        .map(|channel| super::channel_in(view, channel))
        .collect();
    let threads: Vec<_> = super::active_threads(view, viewer, now_ms, |_| true)
        .map(|thread| super::thread(thread, view.id, Some(viewer)))
        .collect();
    let voice_states: Vec<_> = view
        .voice
        .values()
        .filter(|state| state.channel.is_some_and(sees))
        .map(|state| super::voice_state(state, None))
        .collect();
    let stages: Vec<_> = view
        .stages
        .values()
        .filter(|stage| sees(stage.channel))
        .map(|stage| super::stage_instance(stage))
        .collect();
    let open = view.scheduled.values().filter(|event| {
        !event.record.status.is_final() && view.sees_scheduled(viewer, &event.record, now_ms)
    });
    let events = open.map(|event| {
        let mut shown = super::scheduled_event(view.id, &event.record);
        shown["user_count"] = json!(event.interested.len());
        shown
    });
    let events: Vec<_> = events.collect();
    let presences: Vec<_> = view
        .presences
        .values()
        .filter(|presence| shown.presences || presence.user == viewer)
        .map(|presence: &Arc<_>| super::presence(presence, view.id))
        .collect();
    let mut value = guild(view);
    if let Value::Object(map) = &mut value {
        let joined_at = view.members.get(&viewer).map(|member| member.joined_at);
        for (key, part) in [
            ("joined_at", json!(joined_at)),
            ("large", json!(large)),
            ("unavailable", json!(false)),
            ("member_count", json!(view.members.len())),
            ("voice_states", Value::Array(voice_states)),
            ("members", Value::Array(members)),
            ("channels", Value::Array(channels)),
            ("threads", Value::Array(threads)),
            ("presences", Value::Array(presences)),
            ("stage_instances", Value::Array(stages)),
            ("guild_scheduled_events", Value::Array(events)),
            ("soundboard_sounds", Value::Array(super::sounds(view))),
        ] {
            map.insert(key.to_owned(), part);
        }
    }
    value
}
