//! A form that a bot showed, sent back.

use std::sync::Arc;

use model::error_code::ErrorCode;
use model::id::InteractionId;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

use super::invoke::Call;
use super::options::Names;
use super::press::choose;
use super::resolve;
use crate::interactions::board::Kind;
use crate::rest::ApiError;
use crate::rest::error::FormErrors;
use crate::rest::messages::components;
use crate::rest::messages::components::kind;

#[derive(Deserialize)]
struct Sent {
    /// The interaction that showed it.
    id: InteractionId,
    custom_id: String,
    components: Vec<Value>,
}

/// Tells the bot what was filled in.
pub(super) async fn send(call: &Call<'_>) -> Result<(), ApiError> {
    let sent: Sent = call.data()?;
    let modal = call.parts.interactions.board().shown(call.me.id(), sent.id);
    let modal = modal.filter(|modal| {
        modal.application == call.application()
            && modal.channel == call.place.channel
            && modal.guild == call.place.guild()
            && modal.custom_id == sent.custom_id
    });
    let modal = modal.ok_or(ErrorCode::UnknownInteraction)?;
    let (mut names, mut errors) = (Names::default(), FormErrors::default());
    let filled = fill(&modal.components, &sent.components, &mut names, &mut errors);
    errors.finish()?;
    let resolved = resolve::resolve(call.parts, call.me, call.place, &names).await?;
    let mut data = json!({ "custom_id": modal.custom_id, "components": filled });
    if !resolved.is_empty() {
        data["resolved"] = Value::Object(resolved);
    }
    let mut interaction = call.interaction(Kind::Modal);
    interaction.metadata.trigger = Some(Box::new(modal.trigger.clone()));
    interaction.source.clone_from(&modal.source);
    let source = modal.source.iter().map(|source| ("/message".to_owned(), Arc::clone(source)));
    call.deliver(interaction, data, source.collect()).await?;
    call.parts.interactions.board().sent(sent.id);
    Ok(())
}

/// What was filled in, as the bot reads it: the form's own components, with values and without
/// what they look like.
fn fill(form: &[Value], sent: &[Value], names: &mut Names, errors: &mut FormErrors) -> Vec<Value> {
    form.iter().map(|component| filled(component, sent, names, errors)).collect()
}

fn filled(component: &Value, sent: &[Value], names: &mut Names, errors: &mut FormErrors) -> Value {
    let mut value = json!({ "type": component["type"], "id": component["id"] });
    if let Some(inner) = component.get("components").and_then(Value::as_array) {
        value["components"] = Value::Array(fill(inner, sent, names, errors));
        return value;
    }
    if let Some(inner) = component.get("component") {
        value["component"] = filled(inner, sent, names, errors);
        return value;
    }
    let Some(id) = component.get("custom_id").and_then(Value::as_str) else { return value };
    value["custom_id"] = json!(id);
    let given = components::find(sent, id);
    let path = format!("data.components.{id}");
    let fault = |errors: &mut FormErrors, message: &str| {
        errors.push(&path, "COMPONENT_VALIDATION_FAILED", message);
    };
    match component["type"].as_u64().unwrap_or_default() {
        kind::TEXT_INPUT => {
            let text = given.and_then(|given| given.get("value")).and_then(Value::as_str);
            let text = text.unwrap_or_default();
            let bound = |field: &str| component.get(field).and_then(Value::as_u64);
            let length = text.chars().count() as u64;
            let required = component["required"] != false;
            if length == 0 && required {
                fault(errors, "This field is required");
            } else if length > 0 && length < bound("min_length").unwrap_or(0)
                || length > bound("max_length").unwrap_or(INPUT)
            {
                fault(errors, "The text is too short or too long");
            }
            value["value"] = json!(text);
        }
        kind::STRING_SELECT..=kind::CHANNEL_SELECT => {
            let values = given.and_then(|given| given.get("values")).and_then(Value::as_array);
            let values: Vec<String> = values
                .into_iter()
                .flatten()
                .filter_map(|value| value.as_str().map(str::to_owned))
                .collect();
            if let Err(message) = choose(component, &values, names) {
                fault(errors, message);
            }
            value["values"] = json!(values);
        }
        // Kinds that came later: what was sent is passed on as it is.
        _ => {
            for field in ["value", "values"] {
                if let Some(sent) = given.and_then(|given| given.get(field)) {
                    value[field] = sent.clone();
                }
            }
        }
    }
    value
}

/// Text of a text input, in characters (Discord: Text Input Structure).
const INPUT: u64 = 4_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn run(form: Value, sent: Value) -> (Vec<Value>, Value) {
        let (mut names, mut errors) = (Names::default(), FormErrors::default());
        let (form, sent) = (form.as_array().unwrap(), sent.as_array().unwrap());
        let filled = fill(form, sent, &mut names, &mut errors);
        (filled, errors.tree())
    }

    fn input(more: Value) -> Value {
        let mut input = json!({ "type": 4, "id": 2, "custom_id": "n", "style": 1, "label": "N" });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([{ "type": 1, "id": 1, "components": [input] }])
    }

    fn sent(text: &str) -> Value {
        json!([{ "type": 1, "components": [{ "type": 4, "custom_id": "n", "value": text }] }])
    }

    #[test]
    fn the_bot_reads_the_forms_own_shape_with_values() {
        let (filled, faults) = run(input(json!({})), sent("Ana"));

        assert_eq!(faults, json!({}));
        let inner = json!({ "type": 4, "id": 2, "custom_id": "n", "value": "Ana" });
        assert_eq!(filled, [json!({ "type": 1, "id": 1, "components": [inner] })]);
    }

    #[test]
    fn texts_keep_to_their_bounds() {
        let fits = |more: Value, text: &str| run(input(more), sent(text)).1 == json!({});

        assert!(!fits(json!({}), ""));
        assert!(fits(json!({ "required": false }), ""));
        assert!(fits(json!({ "min_length": 2, "max_length": 3 }), "éé"));
        assert!(!fits(json!({ "min_length": 2, "max_length": 3 }), "é"));
        assert!(!fits(json!({ "min_length": 2, "max_length": 3 }), "éééé"));
        assert!(!fits(json!({}), &"x".repeat(4_001)));
        assert_ne!(run(input(json!({})), json!([])).1, json!({}));
    }

    #[test]
    fn menus_under_labels_are_read_too() {
        let menu = json!({ "type": 3, "id": 2, "custom_id": "m", "options": [{ "value": "a" }] });
        let form = json!([{ "type": 18, "id": 1, "label": "L", "component": menu }]);
        let with = |value: &str| {
            json!([{ "type": 18,
                "component": { "type": 3, "custom_id": "m", "values": [value] } }])
        };

        let (filled, faults) = run(form.clone(), with("a"));

        assert_eq!(faults, json!({}));
        assert_eq!(filled[0]["component"]["values"], json!(["a"]));
        assert_ne!(run(form, with("b")).1, json!({}));
    }
}
