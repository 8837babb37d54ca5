//! An application as everyone may see it, and as a guild shows that it has it (Discord: Application
//! Resource, Guild/Integration).

use serde_json::Value;
use serde_json::json;
use state::record::ApplicationRecord;
use state::record::IntegrationRecord;
use state::record::UserRecord;

/// The application, without what is its owner's business.
#[must_use]
pub fn application(record: &ApplicationRecord, bot: &UserRecord) -> Value {
    let mut value = json!({
        "id": record.id,
        "name": record.name,
        "icon": bot.avatar,
        "description": record.description,
        "summary": "",
        "type": null,
        "bot": super::user(bot),
        "bot_public": !record.private,
        "bot_require_code_grant": record.require_code_grant,
        "flags": record.flags,
        "tags": record.tags,
        "hook": true,
    });
    for field in PUBLIC_LINKS {
        if let Some(link) = record.links.get(field) {
            value[field] = link.clone();
        }
    }
    value
}

/// Links that everyone may see.
const PUBLIC_LINKS: [&str; 6] = [
    "custom_install_url",
    "install_params",
    "integration_types_config",
    "privacy_policy_url",
    "role_connections_verification_url",
    "terms_of_service_url",
];

/// An integration, without who brought it. Its number is the application's.
#[must_use]
pub fn integration(bot: &UserRecord, integration: &IntegrationRecord) -> Value {
    let id = bot.id;
    json!({
        "id": id,
        "name": integration.name,
        "type": "discord",
        "enabled": true,
        "account": { "id": id, "name": integration.name },
        "application": integration_application(bot, &integration.name, &integration.description),
        "scopes": integration.scopes,
    })
}

/// The application of an integration.
#[must_use]
pub fn integration_application(bot: &UserRecord, name: &str, description: &str) -> Value {
    json!({
        "id": bot.id,
        "name": name,
        "icon": bot.avatar,
        "description": description,
        "summary": "",
        "type": null,
        "bot": super::user(bot),
    })
}
