//! A bot's command (Discord: Application Command Structure).

use serde_json::Value;
use serde_json::json;
use state::apps::CommandOption;
use state::apps::CommandRecord;

/// A command, with its texts in every locale or without.
#[must_use]
pub fn command(command: &CommandRecord, localizations: bool) -> Value {
    let bits = command.default_member_permissions.map(|bits| bits.to_string());
    let mut value = json!({
        "id": command.id,
        "application_id": command.application,
        "version": command.version,
        "default_member_permissions": bits,
        "type": command.kind,
        "name": command.name,
        "description": command.description,
        "dm_permission": command.contexts.as_ref().is_none_or(|contexts| contexts.contains(&1)),
        "contexts": command.contexts,
        "integration_types": command.integration_types.as_deref().unwrap_or(&[0]),
        "nsfw": command.nsfw,
    });
    if localizations {
        value["name_localizations"] = json!(command.name_localizations);
        value["description_localizations"] = json!(command.description_localizations);
    }
    if let Some(guild) = command.guild {
        value["guild_id"] = json!(guild);
    }
    if !command.options.is_empty() {
        let options = command.options.iter().map(|option| shown(option, localizations));
        value["options"] = options.collect();
    }
    value
}

fn shown(option: &CommandOption, localizations: bool) -> Value {
    let mut value = json!(option);
    if !localizations {
        strip(&mut value);
    }
    value
}

/// Takes the texts of other locales out of an option and what is in it.
fn strip(option: &mut Value) {
    let Value::Object(map) = option else { return };
    map.remove("name_localizations");
    map.remove("description_localizations");
    for inner in ["options", "choices"] {
        for one in map.get_mut(inner).and_then(Value::as_array_mut).into_iter().flatten() {
            strip(one);
        }
    }
}
