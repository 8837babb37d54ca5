//! Read states and notification settings (userdoccers: Read State, User Guild Settings).

use model::id::GuildId;
use serde_json::Value;
use serde_json::json;
use state::read::CHANNEL;
use state::read::MuteConfig;
use state::read::Notifications;
use state::read::ReadState;

use crate::parts::timestamp;

/// A read state with its unread mentions. Spacebar's clients look for `channel_id`, Discord's for `id`.
#[must_use]
pub fn read_state(state: &ReadState, mentions: u32) -> Value {
    let id = state.of.id.to_string();
    let last = state.last.to_string();
    if state.of.kind != CHANNEL {
        return json!({
            "id": id,
            "read_state_type": state.of.kind,
            "last_acked_id": last,
            "badge_count": 0,
        });
    }
    json!({
        "id": id,
        "channel_id": id,
        "last_message_id": last,
        "mention_count": mentions,
        "last_pin_timestamp": timestamp(state.pins_ms.unwrap_or(0)),
        "flags": state.flags,
        "last_viewed": state.last_viewed,
    })
}

/// What someone wants to be notified of in a guild, or in private channels.
#[must_use]
pub fn notifications(guild: Option<GuildId>, settings: &Notifications) -> Value {
    let overrides = settings.channel_overrides.iter().map(|(channel, own)| {
        json!({
            "channel_id": channel,
            "collapsed": own.collapsed,
            "flags": own.flags,
            "message_notifications": own.message_notifications,
            "muted": own.muted,
            "mute_config": own.mute_config.as_ref().map(mute_config),
        })
    });
    json!({
        "guild_id": guild,
        "suppress_everyone": settings.suppress_everyone,
        "suppress_roles": settings.suppress_roles,
        "mute_scheduled_events": settings.mute_scheduled_events,
        "muted": settings.muted,
        "mute_config": settings.mute_config.as_ref().map(mute_config),
        "mobile_push": settings.mobile_push,
        "message_notifications": settings.message_notifications,
        "hide_muted_channels": settings.hide_muted_channels,
        "notify_highlights": settings.notify_highlights,
        "flags": settings.flags,
        "channel_overrides": overrides.collect::<Vec<_>>(),
        "version": settings.version,
    })
}

fn mute_config(config: &MuteConfig) -> Value {
    json!({
        "end_time": config.end_time,
        "selected_time_window": config.selected_time_window,
    })
}
