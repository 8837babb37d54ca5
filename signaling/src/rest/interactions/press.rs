//! A button pressed, or something chosen from a menu, of a message that a bot sent.

use std::sync::Arc;

use model::error_code::ErrorCode;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::record::MessageRecord;

use super::invoke::Call;
use super::options::Names;
use super::resolve;
use crate::interactions::board::Kind;
use crate::rest::ApiError;
use crate::rest::error::FormErrors;
use crate::rest::messages;
use crate::rest::messages::components;
use crate::rest::messages::components::kind;

#[derive(Deserialize)]
struct Pressed {
    component_type: u64,
    custom_id: String,
    #[serde(default)]
    values: Vec<String>,
}

/// Tells the bot.
pub(super) async fn press(call: &Call<'_>) -> Result<(), ApiError> {
    let pressed: Pressed = call.data()?;
    let message = message(call).await?;
    let fault = |field: &str, code: &str, message: &str| {
        ApiError::Form(FormErrors::one(&format!("data.{field}"), code, message))
    };
    let component = components::find(&message.components, &pressed.custom_id);
    let component = component.filter(|component| {
        component["type"] == pressed.component_type && component["disabled"] != true
    });
    let component = component.ok_or_else(|| {
        let message = "The specified component does not exist or cannot be used";
        fault("custom_id", "COMPONENT_VALIDATION_FAILED", message)
    })?;
    let mut data = json!({
        "custom_id": pressed.custom_id,
        "component_type": pressed.component_type,
        "id": component["id"],
    });
    if pressed.component_type != kind::BUTTON {
        let mut names = Names::default();
        choose(component, &pressed.values, &mut names)
            .map_err(|text| fault("values", "COMPONENT_VALIDATION_FAILED", text))?;
        let resolved = resolve::resolve(call.parts, call.me, call.place, &names).await?;
        data["values"] = json!(pressed.values);
        if !resolved.is_empty() {
            data["resolved"] = Value::Object(resolved);
        }
    }
    let mut interaction = call.interaction(Kind::Component);
    interaction.metadata.interacted = Some(message.id);
    interaction.source = Some(Arc::clone(&message));
    call.deliver(interaction, data, vec![("/message".to_owned(), message)]).await
}

/// The message, which the bot said: to everyone here, or to this person alone.
async fn message(call: &Call<'_>) -> Result<Arc<MessageRecord>, ApiError> {
    let id = call.body.message_id.ok_or_else(|| {
        let message = "This field is required";
        ApiError::Form(FormErrors::one("message_id", "BASE_TYPE_REQUIRED", message))
    })?;
    let whispered = call.parts.interactions.board().whispered(call.me.id(), id);
    let message = match whispered {
        Some(message) => message,
        None => messages::existing(call.parts, call.place.channel, id).await?.into(),
    };
    let application = message.origin.as_ref().and_then(|origin| origin.application);
    let application =
        application.map_or_else(|| message.author.get(), |application| application.get());
    if message.channel == call.place.channel && application == call.application().get() {
        Ok(message)
    } else {
        Err(ErrorCode::UnknownMessage.into())
    }
}

/// Checks what was chosen from a menu; whom or what it names is added to `names`.
pub(super) fn choose(
    component: &Value,
    values: &[String],
    names: &mut Names,
) -> Result<(), &'static str> {
    let bound = |field: &str| component.get(field).and_then(Value::as_u64).unwrap_or(1);
    let chosen = values.len() as u64;
    // A menu of a form that need not be used is left as it is.
    let optional = component["required"] == false && values.is_empty();
    if !optional && (chosen < bound("min_values") || chosen > bound("max_values")) {
        return Err("Too few or too many values");
    }
    if values.iter().enumerate().any(|(at, value)| values[..at].contains(value)) {
        return Err("A value is chosen once");
    }
    let kind = component["type"].as_u64().unwrap_or_default();
    if kind == kind::STRING_SELECT {
        let options = component.get("options").and_then(Value::as_array);
        let known = |value: &String| {
            options.into_iter().flatten().any(|option| option["value"] == value.as_str())
        };
        return if values.iter().all(known) {
            Ok(())
        } else {
            Err("A value is none of the options")
        };
    }
    for (number, value) in values.iter().enumerate() {
        let id: u64 = value.parse().map_err(|_| "Value is not snowflake")?;
        match kind {
            kind::USER_SELECT => names.users.push(id),
            kind::ROLE_SELECT => names.roles.push(id),
            kind::MENTIONABLE_SELECT => names.mentionables.push(id),
            kind::CHANNEL_SELECT => {
                let kinds = component.get("channel_types").and_then(Value::as_array);
                let kinds = kinds.into_iter().flatten().filter_map(Value::as_u64);
                let kinds = kinds.filter_map(|kind| u8::try_from(kind).ok()).collect();
                names.channels.push((id, format!("data.values.{number}"), kinds));
            }
            _ => return Err("This component has no values"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(component: Value, values: &[&str]) -> Result<Names, &'static str> {
        let values: Vec<_> = values.iter().map(|&value| value.to_owned()).collect();
        let mut names = Names::default();
        choose(&component, &values, &mut names).map(|()| names)
    }

    #[test]
    fn only_options_are_chosen_and_as_many_as_the_menu_wants() {
        let menu = || {
            json!({ "type": 3, "min_values": 1, "max_values": 2,
                "options": [{ "value": "a" }, { "value": "b" }, { "value": "c" }] })
        };

        assert!(chosen(menu(), &["a"]).is_ok() && chosen(menu(), &["c", "a"]).is_ok());
        for bad in [&[][..], &["a", "b", "c"], &["d"], &["a", "a"]] {
            assert!(chosen(menu(), bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn menus_of_people_and_channels_name_them() {
        let people = chosen(json!({ "type": 5, "max_values": 2 }), &["7", "8"]).unwrap();
        let rooms = chosen(json!({ "type": 8, "channel_types": [0, 2] }), &["9"]).unwrap();

        assert_eq!(people.users, [7, 8]);
        assert_eq!(rooms.channels, [(9, "data.values.0".to_owned(), vec![0, 2])]);
        assert!(chosen(json!({ "type": 6 }), &["role"]).is_err());
        assert!(chosen(json!({ "type": 2 }), &["7"]).is_err());
    }
}
