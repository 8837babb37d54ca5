//! Webhooks as clients see them.

use serde_json::Value;
use serde_json::json;
use state::apps::WebhookRecord;

/// A webhook as everyone may see it (Discord: Webhook Structure): neither its token nor its maker.
#[must_use]
pub fn webhook(webhook: &WebhookRecord) -> Value {
    json!({
        "id": webhook.id,
        "type": webhook_type(webhook),
        "guild_id": webhook.guild,
        "channel_id": webhook.channel,
        "name": webhook.name,
        "avatar": webhook.avatar,
        "application_id": webhook.application,
    })
}

/// Discord: Webhook Types. 2 follows a channel.
#[must_use]
pub const fn webhook_type(webhook: &WebhookRecord) -> u8 {
    if webhook.source.is_some() { 2 } else { 1 }
}
