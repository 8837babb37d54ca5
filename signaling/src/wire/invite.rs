//! An invite object (Discord: Invite).

use model::wire::guild::Role;
use serde_json::Value;
use serde_json::json;
use state::Guild;
use state::record::InviteRecord;
use state::record::UserRecord;

/// An invite as anyone who has its code may see it. An instance's invite has no guild; whether it
/// makes an owner is told so that the client can welcome them.
#[must_use]
pub fn invite(
    invite: &InviteRecord,
    guild: Option<&Guild>,
    inviter: Option<&UserRecord>,
    counts: bool,
) -> Value {
    let expires_at = (invite.max_age != 0)
        .then(|| crate::parts::timestamp(invite.created_ms + u64::from(invite.max_age) * 1_000));
    let channel = guild
        .zip(invite.channel)
        .and_then(|(guild, channel)| guild.channels.get(&channel))
        .map(|channel| json!({"id": channel.id, "name": channel.name, "type": channel.kind}));
    let mut value = json!({
        "type": 0,
        "code": invite.code,
        "guild": guild.map(|guild| json!({
            "id": guild.id,
            "name": guild.settings.name,
            "icon": guild.settings.icon,
            "splash": null,
            "banner": null,
            "description": guild.settings.description,
            "features": super::features(guild),
            "verification_level": guild.settings.verification_level,
            "vanity_url_code": null,
            "nsfw_level": 0,
            "premium_subscription_count": 0,
        })),
        "guild_id": invite.guild,
        "channel": channel,
        "inviter": inviter.map(super::user),
        "expires_at": expires_at,
    });
    if let Some(guild) = guild.filter(|guild| guild.settings.welcome.enabled) {
        value["guild"]["welcome_screen"] = super::welcome_screen(guild);
    }
    if let Some(guild) = guild.filter(|_| !invite.roles.is_empty()) {
        let roles = invite.roles.iter().filter_map(|role| guild.roles.get(role));
        value["roles"] = roles.map(|role| given_role(role)).collect();
    }
    if let Value::Object(map) = &mut value {
        if invite.guild.is_none() {
            map.insert("owner".to_owned(), json!(invite.owner));
        }
        if let (true, Some(guild)) = (counts, guild) {
            map.insert("approximate_member_count".to_owned(), json!(guild.members.len()));
            map.insert("approximate_presence_count".to_owned(), json!(guild.presences.len()));
        }
    }
    value
}

/// A role that an invite gives, in part (Discord: Invite Structure).
#[expect(deprecated, reason = "the field that clients know")]
fn given_role(role: &Role) -> Value {
    json!({
        "id": role.id,
        "name": role.name,
        "position": role.position,
        "color": role.color,
        "colors": { "primary_color": role.color, "secondary_color": null, "tertiary_color": null },
        "icon": role.icon,
        "unicode_emoji": role.unicode_emoji,
    })
}
