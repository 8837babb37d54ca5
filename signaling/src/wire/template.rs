//! A template as clients see it (Discord: Guild Template Object): its ids are numbers that mean
//! nothing elsewhere.

use model::wire::channel::Channel;
use model::wire::guild::Role;
use serde_json::Value;
use serde_json::json;
use state::template::Snapshot;
use state::template::TemplateRecord;

use crate::parts::timestamp;

/// The template, without its maker. `is_dirty`: whether its guild has changed since, if that is
/// known.
#[must_use]
pub fn template(template: &TemplateRecord, is_dirty: Option<bool>) -> Value {
    json!({
        "code": template.code,
        "name": template.name,
        "description": template.description,
        "usage_count": template.uses,
        "creator_id": template.creator,
        "creator": null,
        "created_at": timestamp(template.created_ms),
        "updated_at": timestamp(template.updated_ms),
        "source_guild_id": template.guild,
        "serialized_source_guild": structure(&template.snapshot),
        "is_dirty": is_dirty,
    })
}

fn structure(snapshot: &Snapshot) -> Value {
    let settings = &snapshot.settings;
    let number = |channel| snapshot.channel_number(channel);
    let roles = snapshot.roles.iter().enumerate().map(|(at, one)| role(at, one));
    let channels = snapshot.channels.iter().map(|one| channel(snapshot, one));
    json!({
        "name": settings.name,
        "description": settings.description,
        "region": null,
        "verification_level": settings.verification_level,
        "default_message_notifications": settings.default_message_notifications,
        "explicit_content_filter": settings.explicit_content_filter,
        "preferred_locale": settings.preferred_locale.as_deref().unwrap_or("en-US"),
        "afk_channel_id": settings.afk_channel.and_then(number),
        "afk_timeout": if settings.afk_timeout == 0 { 300 } else { settings.afk_timeout },
        "system_channel_id": settings.system_channel.and_then(number),
        "system_channel_flags": 0,
        "icon_hash": null,
        "roles": roles.collect::<Vec<_>>(),
        "channels": channels.collect::<Vec<_>>(),
    })
}

#[expect(deprecated, reason = "the field that clients know")]
fn role(number: usize, role: &Role) -> Value {
    json!({
        "id": number,
        "name": role.name,
        "permissions": role.permissions,
        "color": role.color,
        "colors": null,
        "hoist": role.hoist,
        "mentionable": role.mentionable,
        "icon": null,
        "unicode_emoji": null,
    })
}

fn channel(snapshot: &Snapshot, channel: &Channel) -> Value {
    let mut value = super::channel(channel);
    if let Value::Object(fields) = &mut value {
        fields.retain(|field, _| FIELDS.contains(&field.as_str()));
    }
    let overwrites = channel.permission_overwrites.iter().flatten().filter_map(|overwrite| {
        let mut value = json!(overwrite);
        value["id"] = json!(snapshot.role_number(overwrite.id.cast())?);
        Some(value)
    });
    value["id"] = json!(snapshot.channel_number(channel.id));
    value["parent_id"] = json!(channel.parent_id.and_then(|id| snapshot.channel_number(id)));
    value["permission_overwrites"] = overwrites.collect();
    // To index a field that is not there would make it.
    let tags = value.get_mut("available_tags").and_then(Value::as_array_mut);
    for (number, tag) in tags.into_iter().flatten().enumerate() {
        tag["id"] = json!(number);
    }
    value
}

/// What a template's channel shows (OpenAPI: GuildTemplateChannelResponse).
const FIELDS: [&str; 16] = [
    "type",
    "name",
    "position",
    "topic",
    "bitrate",
    "user_limit",
    "nsfw",
    "rate_limit_per_user",
    "default_auto_archive_duration",
    "available_tags",
    "default_reaction_emoji",
    "default_thread_rate_limit_per_user",
    "default_sort_order",
    "default_forum_layout",
    "icon_emoji",
    "theme_color",
];
