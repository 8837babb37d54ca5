//! What a guild shows to newcomers and to the outside (Discord: Guild Onboarding, Welcome Screen,
//! Incidents Data).

use model::id::GuildId;
use serde_json::Value;
use serde_json::json;
use state::Guild;
use state::guild::community::Incidents;
use state::guild::community::NewMemberWelcome;
use state::guild::community::ResourceChannel;
use state::guild::community::SettingsEmoji;

/// What a guild has and does, in Discord's words (Discord: Guild Features).
#[must_use]
pub fn features(guild: &Guild) -> Vec<&'static str> {
    let settings = &guild.settings;
    let (onboarding, screening) = (&settings.onboarding, &settings.screening);
    let all = [
        ("AUTO_MODERATION", guild.rules.values().any(|rule| rule.record.enabled)),
        ("WELCOME_SCREEN_ENABLED", settings.welcome.enabled),
        (
            "GUILD_SERVER_GUIDE",
            settings.new_members.as_ref().is_some_and(|welcome| welcome.enabled),
        ),
        ("GUILD_ONBOARDING", onboarding.enabled),
        ("MEMBER_VERIFICATION_GATE_ENABLED", screening.enabled),
        ("MEMBER_VERIFICATION_MANUAL_APPROVAL", screening.enabled && screening.is_reviewed()),
        // Who has not passed yet is a member who looks on.
        ("PREVIEW_ENABLED", screening.enabled),
        ("GUILD_ONBOARDING_HAS_PROMPTS", onboarding.enabled && !onboarding.prompts.is_empty()),
    ];
    all.into_iter().filter_map(|(name, has)| has.then_some(name)).collect()
}

/// A guild's welcome screen.
#[must_use]
pub fn welcome_screen(guild: &Guild) -> Value {
    let welcome = &guild.settings.welcome;
    let channels = welcome.channels.iter().map(|shown| {
        json!({
            "channel_id": shown.channel,
            "description": shown.description,
            "emoji_id": shown.emoji.id,
            "emoji_name": shown.emoji.name,
        })
    });
    json!({
        "description": welcome.description,
        "welcome_channels": channels.collect::<Vec<_>>(),
    })
}

/// What a guild welcomes newcomers with.
#[must_use]
pub fn new_member_welcome(guild: GuildId, welcome: &NewMemberWelcome) -> Value {
    let shown = |shown: &ResourceChannel| {
        let mut value = json!({
            "channel_id": shown.channel,
            "title": shown.title,
            "description": shown.description,
        });
        if let Some(given) = &shown.emoji {
            value["emoji"] = emoji(given);
        }
        value
    };
    let actions = welcome.actions.iter().map(|action| {
        let mut value = shown(&action.shown);
        value["action_type"] = json!(u8::from(action.speaks));
        value
    });
    json!({
        "guild_id": guild,
        "enabled": welcome.enabled,
        "welcome_message": { "author_ids": welcome.authors, "message": welcome.message },
        "new_member_actions": actions.collect::<Vec<_>>(),
        "resource_channels": welcome.resources.iter().map(shown).collect::<Vec<_>>(),
    })
}

/// A guild's questions to who joins.
#[must_use]
pub fn onboarding(guild: &Guild) -> Value {
    let onboarding = &guild.settings.onboarding;
    let prompts = onboarding.prompts.iter().map(|prompt| {
        let options = prompt.options.iter().map(|option| {
            json!({
                "id": option.id,
                "title": option.title,
                "description": option.description,
                "emoji": emoji(&option.emoji),
                "role_ids": option.roles,
                "channel_ids": option.channels,
            })
        });
        json!({
            "id": prompt.id,
            "title": prompt.title,
            "options": options.collect::<Vec<_>>(),
            "single_select": prompt.single_select,
            "required": prompt.required,
            "in_onboarding": prompt.in_onboarding,
            "type": prompt.kind,
        })
    });
    json!({
        "guild_id": guild.id,
        "prompts": prompts.collect::<Vec<_>>(),
        "default_channel_ids": onboarding.default_channels,
        "enabled": onboarding.enabled,
        "mode": u8::from(onboarding.advanced),
    })
}

fn emoji(emoji: &SettingsEmoji) -> Value {
    json!({ "id": emoji.id, "name": emoji.name, "animated": emoji.animated })
}

/// What is closed for a while; null when nothing ever was.
#[must_use]
pub fn incidents(incidents: &Incidents) -> Value {
    if *incidents == Incidents::default() {
        return Value::Null;
    }
    json!({
        "invites_disabled_until": incidents.invites_disabled_until,
        "dms_disabled_until": incidents.dms_disabled_until,
    })
}
