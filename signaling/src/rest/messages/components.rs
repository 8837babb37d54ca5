//! Components of a request: passed through as they came, within limits.
//!
//! Pure (Discord: Component Reference). Their meaning belongs to clients and to the bots that sent
//! them; only sizes and what would break a client are checked.

use std::collections::HashSet;

use model::validate::component::COMPONENT_BUTTON_LABEL_LENGTH;
use model::validate::component::COMPONENT_COUNT;
use model::validate::component::COMPONENT_CUSTOM_ID_LENGTH;
use model::validate::component::COMPONENT_V2_COUNT;
use serde_json::Value;

use crate::rest::error::FormErrors;

/// Tells what is wrong with `components`. `modern`: IS_COMPONENTS_V2, or it is not known.
pub(super) fn check(components: &[Value], modern: bool, errors: &mut FormErrors) {
    let most = if modern { COMPONENT_V2_COUNT } else { COMPONENT_COUNT };
    if components.len() > most {
        errors.push(
            "components",
            "BASE_TYPE_BAD_LENGTH",
            format!("Must be between 1 and {most} in length."),
        );
        return;
    }
    if components.iter().map(|component| component.to_string().len()).sum::<usize>() > BYTES {
        errors.push("components", "BASE_TYPE_MAX_LENGTH", "The components are too large.");
        return;
    }
    let mut seen = HashSet::new();
    for (number, component) in components.iter().enumerate() {
        let path = format!("components.{number}");
        let kind = component.get("type").and_then(Value::as_u64);
        if !modern && kind.is_some_and(|kind| kind != ACTION_ROW) {
            errors.push(
                &format!("{path}.type"),
                "UNION_TYPE_CHOICES",
                "Value of field \"type\" must be one of (1,).",
            );
        }
        walk(component, &path, &mut seen, errors);
    }
}

fn walk<'a>(
    component: &'a Value,
    path: &str,
    seen: &mut HashSet<&'a str>,
    errors: &mut FormErrors,
) {
    if component.get("type").and_then(Value::as_u64).is_none() {
        errors.push(&format!("{path}.type"), "BASE_TYPE_REQUIRED", "This field is required");
        return;
    }
    let limits =
        [("custom_id", COMPONENT_CUSTOM_ID_LENGTH), ("label", COMPONENT_BUTTON_LABEL_LENGTH)];
    for (field, most) in limits {
        let text = component.get(field).and_then(Value::as_str).unwrap_or_default();
        if text.chars().count() > most {
            errors.push(
                &format!("{path}.{field}"),
                "BASE_TYPE_BAD_LENGTH",
                format!("Must be between 1 and {most} in length."),
            );
        }
    }
    if let Some(id) = component.get("custom_id").and_then(Value::as_str)
        && !seen.insert(id)
    {
        errors.push(
            &format!("{path}.custom_id"),
            "COMPONENT_CUSTOM_ID_DUPLICATED",
            "Component custom id cannot be duplicated",
        );
    }
    let children = component.get("components").and_then(Value::as_array);
    for (number, child) in children.into_iter().flatten().enumerate() {
        walk(child, &format!("{path}.components.{number}"), seen, errors);
    }
}

const ACTION_ROW: u64 = 1;
/// All components of a message as JSON, in bytes: a few times what Discord's own limits add up to.
const BYTES: usize = 64 * 1_024;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(components: Value, modern: bool) -> Value {
        let mut errors = FormErrors::default();
        check(components.as_array().unwrap(), modern, &mut errors);
        errors.tree()
    }

    #[test]
    fn a_row_of_buttons_passes_and_a_bare_button_does_not() {
        let button = json!({ "type": 2, "style": 1, "label": "Go", "custom_id": "go" });

        assert_eq!(faults(json!([{ "type": 1, "components": [button] }]), false), json!({}));
        assert!(faults(json!([button]), false)["components"]["0"]["type"].is_object());
        assert_eq!(faults(json!([button]), true), json!({}));
    }

    #[test]
    fn ids_are_short_and_unique_at_any_depth() {
        let row = |id: &str| json!({ "type": 1, "components": [{ "type": 2, "custom_id": id }] });

        let twice = faults(json!([row("a"), row("a")]), false);
        assert!(twice.pointer("/components/1/components/0/custom_id/_errors").is_some());
        let long = faults(json!([row(&"x".repeat(101))]), false);
        assert!(long.pointer("/components/0/components/0/custom_id/_errors").is_some());
    }

    #[test]
    fn too_many_or_too_large_components_are_refused() {
        let row = json!({ "type": 1, "components": [] });
        let large = json!([{ "type": 1, "x": "y".repeat(BYTES) }]);

        assert_ne!(faults(json!(vec![row.clone(); 6]), false), json!({}));
        assert_ne!(faults(json!(vec![row; 41]), true), json!({}));
        assert_ne!(faults(large, false), json!({}));
        for odd in [json!([5]), json!([null]), json!([{ "type": "1" }])] {
            assert_ne!(faults(odd.clone(), true), json!({}), "{odd}");
        }
    }
}
