//! Components of a request: buttons, menus, layouts and forms, checked and numbered.
//!
//! Pure (Discord: Component Reference). What Discord's clients would not show is told by its path;
//! fields that nobody knows are passed through as they came.

use std::collections::HashSet;

use model::limits;
use model::validate::component::COMPONENT_BUTTON_LABEL_LENGTH;
use model::validate::component::COMPONENT_COUNT;
use model::validate::component::COMPONENT_V2_COUNT;
use serde_json::Value;
use serde_json::json;

use crate::rest::error::FormErrors;

/// Types of components.
pub(in crate::rest) mod kind {
    pub(in crate::rest) const ROW: u64 = 1;
    pub(in crate::rest) const BUTTON: u64 = 2;
    pub(in crate::rest) const STRING_SELECT: u64 = 3;
    pub(in crate::rest) const TEXT_INPUT: u64 = 4;
    pub(in crate::rest) const USER_SELECT: u64 = 5;
    pub(in crate::rest) const ROLE_SELECT: u64 = 6;
    pub(in crate::rest) const MENTIONABLE_SELECT: u64 = 7;
    pub(in crate::rest) const CHANNEL_SELECT: u64 = 8;
    pub(in crate::rest) const SECTION: u64 = 9;
    pub(in crate::rest) const TEXT: u64 = 10;
    pub(in crate::rest) const THUMBNAIL: u64 = 11;
    pub(in crate::rest) const GALLERY: u64 = 12;
    pub(in crate::rest) const FILE: u64 = 13;
    pub(in crate::rest) const SEPARATOR: u64 = 14;
    pub(in crate::rest) const CONTAINER: u64 = 17;
    pub(in crate::rest) const LABEL: u64 = 18;
}

/// Where components may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    /// In a message of the older kind.
    Message,
    /// In a message with IS_COMPONENTS_V2, or one of which that is not known.
    Modern,
    /// In a form.
    Modal,
}

/// Tells what is wrong with the components of a message. `modern`: IS_COMPONENTS_V2, or it is not
/// known.
pub(super) fn check(components: &[Value], modern: bool, errors: &mut FormErrors) {
    let stand = if modern { Stand::Modern } else { Stand::Message };
    Walk { stand, seen: HashSet::new(), count: 0, text: 0, errors }.all(components, "components");
}

/// Tells what is wrong with the components of a form; `path` is that of the list.
pub(in crate::rest) fn check_modal(components: &[Value], path: &str, errors: &mut FormErrors) {
    if components.is_empty() {
        let message = format!("Must be between 1 and {COMPONENT_COUNT} in length.");
        errors.push(path, "BASE_TYPE_BAD_LENGTH", message);
    }
    let stand = Stand::Modal;
    Walk { stand, seen: HashSet::new(), count: 0, text: 0, errors }.all(components, path);
}

/// Gives every component that has none a number of its own (Discord: `id`, "32 bit integer used as
/// an optional identifier", filled in by their order).
pub(in crate::rest) fn number(components: &mut [Value]) {
    fn taken(component: &Value, ids: &mut HashSet<u64>) {
        ids.extend(component.get("id").and_then(Value::as_u64));
        for inner in children(component) {
            taken(inner, ids);
        }
    }
    fn give(component: &mut Value, ids: &mut HashSet<u64>, next: &mut u64) {
        let Value::Object(map) = component else { return };
        if map.get("id").and_then(Value::as_u64).is_none_or(|id| id == 0) {
            while !ids.insert(*next) {
                *next += 1;
            }
            map.insert("id".to_owned(), json!(*next));
        }
        for field in ["component", "accessory"] {
            if let Some(inner) = map.get_mut(field) {
                give(inner, ids, next);
            }
        }
        for inner in map.get_mut("components").and_then(Value::as_array_mut).into_iter().flatten() {
            give(inner, ids, next);
        }
    }
    let mut ids = HashSet::new();
    for component in &*components {
        taken(component, &mut ids);
    }
    let mut next = 1;
    for component in components {
        give(component, &mut ids, &mut next);
    }
}

/// What stands inside a component.
fn children(component: &Value) -> impl Iterator<Item = &Value> {
    let list = component.get("components").and_then(Value::as_array).into_iter().flatten();
    let single = ["component", "accessory"].into_iter().filter_map(|field| component.get(field));
    list.chain(single)
}

/// The component of that custom id, at any depth.
pub(in crate::rest) fn find<'a>(components: &'a [Value], custom_id: &str) -> Option<&'a Value> {
    components.iter().find_map(|component| within(component, custom_id))
}

fn within<'a>(component: &'a Value, custom_id: &str) -> Option<&'a Value> {
    if component.get("custom_id").and_then(Value::as_str) == Some(custom_id) {
        return Some(component);
    }
    children(component).find_map(|inner| within(inner, custom_id))
}

/// All that asks for an answer: components with a custom id, at any depth.
pub(in crate::rest) fn asking(components: &[Value]) -> Vec<&Value> {
    let mut found = Vec::new();
    let mut left: Vec<&Value> = components.iter().rev().collect();
    while let Some(component) = left.pop() {
        if component.get("custom_id").is_some() {
            found.push(component);
        }
        let inner: Vec<_> = children(component).collect();
        left.extend(inner.into_iter().rev());
    }
    found
}

struct Walk<'a, 'e> {
    stand: Stand,
    seen: HashSet<&'a str>,
    count: usize,
    /// Characters of text displays.
    text: usize,
    errors: &'e mut FormErrors,
}

impl<'a> Walk<'a, '_> {
    fn all(mut self, components: &'a [Value], path: &str) {
        let most = if self.stand == Stand::Message { COMPONENT_COUNT } else { COMPONENT_V2_COUNT };
        if components.len() > most {
            let message = format!("Must be between 1 and {most} in length.");
            self.errors.push(path, "BASE_TYPE_BAD_LENGTH", message);
            return;
        }
        if components.iter().map(|component| component.to_string().len()).sum::<usize>() > BYTES {
            self.errors.push(path, "BASE_TYPE_MAX_LENGTH", "The components are too large.");
            return;
        }
        let allowed: &[u64] = match self.stand {
            Stand::Message => &[kind::ROW],
            Stand::Modern => &[
                kind::ROW,
                kind::SECTION,
                kind::TEXT,
                kind::GALLERY,
                kind::FILE,
                kind::SEPARATOR,
                kind::CONTAINER,
            ],
            Stand::Modal => &[kind::ROW, kind::TEXT, kind::LABEL],
        };
        for (number, component) in components.iter().enumerate() {
            self.one(component, &format!("{path}.{number}"), allowed);
        }
        if self.count > COMPONENT_V2_COUNT {
            let message = format!("There may be at most {COMPONENT_V2_COUNT} components in all.");
            self.errors.push(path, "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", message);
        }
        if self.text > TEXT {
            let message = format!("All text together must be {TEXT} or fewer in length.");
            self.errors.push(path, "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", message);
        }
    }

    /// One component, which must be of an `allowed` type.
    fn one(&mut self, component: &'a Value, path: &str, allowed: &[u64]) {
        self.count += 1;
        let Some(kind) = component.get("type").and_then(Value::as_u64) else {
            let message = "This field is required";
            return self.errors.push(&format!("{path}.type"), "BASE_TYPE_REQUIRED", message);
        };
        if !allowed.contains(&kind) {
            let allowed: Vec<_> = allowed.iter().map(u64::to_string).collect();
            let message =
                format!("Value of field \"type\" must be one of ({},).", allowed.join(", "));
            return self.errors.push(&format!("{path}.type"), "UNION_TYPE_CHOICES", message);
        }
        self.identity(component, kind, path);
        match kind {
            kind::ROW => self.row(component, path),
            kind::BUTTON => self.button(component, path),
            kind::STRING_SELECT..=kind::CHANNEL_SELECT if kind != kind::TEXT_INPUT => {
                self.select(component, kind, path);
            }
            kind::TEXT_INPUT => self.input(component, path),
            kind::SECTION => {
                self.list(component, path, 1..=3, &[kind::TEXT]);
                match component.get("accessory") {
                    Some(accessory) => {
                        let at = format!("{path}.accessory");
                        self.one(accessory, &at, &[kind::BUTTON, kind::THUMBNAIL]);
                    }
                    None => self.required(path, "accessory"),
                }
            }
            kind::TEXT => {
                let text = component.get("content").and_then(Value::as_str).unwrap_or_default();
                self.text += text.chars().count();
                self.length(component, path, "content", 1..=TEXT, true);
            }
            kind::THUMBNAIL => self.media(component.get("media"), &format!("{path}.media")),
            kind::GALLERY => {
                let items = component.get("items").and_then(Value::as_array);
                let items = items.map_or(&[][..], Vec::as_slice);
                self.between(items.len(), 1..=GALLERY, &format!("{path}.items"));
                for (number, item) in items.iter().enumerate().take(GALLERY) {
                    self.media(item.get("media"), &format!("{path}.items.{number}.media"));
                }
            }
            kind::FILE => self.media(component.get("file"), &format!("{path}.file")),
            kind::CONTAINER => {
                let inner = [
                    kind::ROW,
                    kind::SECTION,
                    kind::TEXT,
                    kind::GALLERY,
                    kind::FILE,
                    kind::SEPARATOR,
                ];
                self.list(component, path, 1..=COMPONENT_V2_COUNT, &inner);
            }
            kind::LABEL => {
                self.length(component, path, "label", 1..=LABEL, true);
                self.length(component, path, "description", 0..=SHORT, false);
                match component.get("component") {
                    Some(inner) => self.one(inner, &format!("{path}.component"), &IN_LABEL),
                    None => self.required(path, "component"),
                }
            }
            _ => {}
        }
    }

    fn identity(&mut self, component: &'a Value, kind: u64, path: &str) {
        let id = component.get("custom_id").and_then(Value::as_str);
        // A button may lead elsewhere, and premium ones have no id either.
        let linked = component.get("style").and_then(Value::as_u64).is_some_and(|style| style > 4);
        let asks = match kind {
            kind::BUTTON => !linked,
            kind::STRING_SELECT..=kind::CHANNEL_SELECT => true,
            _ => return,
        };
        if asks {
            self.length(component, path, "custom_id", limits::CUSTOM_ID, true);
        }
        if let Some(id) = id
            && !self.seen.insert(id)
        {
            self.errors.push(
                &format!("{path}.custom_id"),
                "COMPONENT_CUSTOM_ID_DUPLICATED",
                "Component custom id cannot be duplicated",
            );
        }
    }

    fn row(&mut self, component: &'a Value, path: &str) {
        let list = component.get("components").and_then(Value::as_array);
        let first = list.and_then(|list| list.first());
        let first = first.and_then(|first| first.get("type")).and_then(Value::as_u64);
        match (self.stand, first) {
            (Stand::Modal, _) => self.list(component, path, 1..=1, &[kind::TEXT_INPUT]),
            (_, Some(kind::BUTTON)) => self.list(component, path, 1..=5, &[kind::BUTTON]),
            (_, _) => self.list(component, path, 1..=1, &IN_ROW),
        }
    }

    fn list(
        &mut self,
        component: &'a Value,
        path: &str,
        range: std::ops::RangeInclusive<usize>,
        allowed: &[u64],
    ) {
        let at = format!("{path}.components");
        let list = component.get("components").and_then(Value::as_array);
        let list = list.map_or(&[][..], Vec::as_slice);
        let most = *range.end();
        self.between(list.len(), range, &at);
        for (number, inner) in list.iter().enumerate().take(most) {
            self.one(inner, &format!("{at}.{number}"), allowed);
        }
    }

    fn button(&mut self, component: &Value, path: &str) {
        self.length(component, path, "label", 0..=COMPONENT_BUTTON_LABEL_LENGTH, false);
        let style = component.get("style").and_then(Value::as_u64).unwrap_or(0);
        let shows = ["label", "emoji"].into_iter().any(|field| {
            component.get(field).is_some_and(|value| !value.is_null() && *value != json!(""))
        });
        match style {
            1..=4 => {}
            5 => self.length(component, path, "url", 1..=512, true),
            6 => return self.length(component, path, "sku_id", 1..=20, true),
            _ => {
                let message = "Value must be one of (1, 2, 3, 4, 5, 6).";
                self.errors.push(&format!("{path}.style"), "BASE_TYPE_CHOICES", message);
            }
        }
        if style == 5 && component.get("custom_id").is_some_and(|id| !id.is_null()) {
            self.errors.push(
                path,
                "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE",
                "A custom id and url cannot both be specified",
            );
        }
        if !shows {
            let message = "A button needs a label or an emoji.";
            self.errors.push(&format!("{path}.label"), "BASE_TYPE_REQUIRED", message);
        }
    }

    fn select(&mut self, component: &Value, kind: u64, path: &str) {
        self.length(component, path, "placeholder", 0..=PLACEHOLDER, false);
        let number = |field: &str, otherwise: u64| {
            component.get(field).and_then(Value::as_u64).unwrap_or(otherwise)
        };
        let (least, most) = (number("min_values", 1), number("max_values", 1));
        if least > OPTIONS as u64 || most == 0 || most > OPTIONS as u64 || least > most {
            let message = format!("Must be between 1 and {OPTIONS}, and not below min_values.");
            self.errors.push(&format!("{path}.max_values"), "NUMBER_TYPE_MAX", message);
        }
        if kind != kind::STRING_SELECT {
            return;
        }
        let options = component.get("options").and_then(Value::as_array);
        let options = options.map_or(&[][..], Vec::as_slice);
        self.between(options.len(), 1..=OPTIONS, &format!("{path}.options"));
        let mut values = HashSet::new();
        for (number, option) in options.iter().enumerate().take(OPTIONS) {
            let at = format!("{path}.options.{number}");
            self.length(option, &at, "label", 1..=SHORT, true);
            self.length(option, &at, "value", 1..=SHORT, true);
            self.length(option, &at, "description", 0..=SHORT, false);
            if !values.insert(option.get("value").and_then(Value::as_str)) {
                self.errors.push(
                    &format!("{at}.value"),
                    "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
                    "The specified option value is already used",
                );
            }
        }
    }

    fn input(&mut self, component: &Value, path: &str) {
        if !matches!(component.get("style").and_then(Value::as_u64), Some(1 | 2)) {
            let message = "Value must be one of (1, 2).";
            self.errors.push(&format!("{path}.style"), "BASE_TYPE_CHOICES", message);
        }
        self.length(component, path, "label", 0..=LABEL, false);
        self.length(component, path, "placeholder", 0..=SHORT, false);
        self.length(component, path, "value", 0..=INPUT, false);
        let number = |field: &str, otherwise: usize| {
            let number = component.get(field).and_then(Value::as_u64);
            number.map_or(otherwise, |number| usize::try_from(number).unwrap_or(usize::MAX))
        };
        let (least, most) = (number("min_length", 0), number("max_length", INPUT));
        if most == 0 || most > INPUT || least > most {
            let message = format!("Must be between 1 and {INPUT}, and not below min_length.");
            self.errors.push(&format!("{path}.max_length"), "NUMBER_TYPE_MAX", message);
        }
    }

    fn media(&mut self, media: Option<&Value>, path: &str) {
        match media {
            Some(media) => self.length(media, path, "url", 1..=limits::URL, true),
            None => self.errors.push(path, "BASE_TYPE_REQUIRED", "This field is required"),
        }
    }

    fn length(
        &mut self,
        component: &Value,
        path: &str,
        field: &str,
        range: std::ops::RangeInclusive<usize>,
        required: bool,
    ) {
        match component.get(field).filter(|value| !value.is_null()) {
            Some(Value::String(text)) => {
                self.between(text.chars().count(), range, &format!("{path}.{field}"));
            }
            // Snowflakes are written as numbers too.
            Some(Value::Number(_)) if field == "sku_id" => {}
            Some(_) => self.errors.push(
                &format!("{path}.{field}"),
                "STRING_TYPE_CONVERT",
                "Could not interpret as string.",
            ),
            None if required => self.required(path, field),
            None => {}
        }
    }

    fn between(&mut self, length: usize, range: std::ops::RangeInclusive<usize>, path: &str) {
        if !range.contains(&length) {
            let (least, most) = (range.start(), range.end());
            let message = format!("Must be between {least} and {most} in length.");
            self.errors.push(path, "BASE_TYPE_BAD_LENGTH", message);
        }
    }

    fn required(&mut self, path: &str, field: &str) {
        let message = "This field is required";
        self.errors.push(&format!("{path}.{field}"), "BASE_TYPE_REQUIRED", message);
    }
}

/// What stands in a row of a message beside buttons.
const IN_ROW: [u64; 6] = [
    kind::BUTTON,
    kind::STRING_SELECT,
    kind::USER_SELECT,
    kind::ROLE_SELECT,
    kind::MENTIONABLE_SELECT,
    kind::CHANNEL_SELECT,
];
/// What a label of a form may carry; 19 and beyond are files, radios and checkboxes.
const IN_LABEL: [u64; 10] = [
    kind::STRING_SELECT,
    kind::TEXT_INPUT,
    kind::USER_SELECT,
    kind::ROLE_SELECT,
    kind::MENTIONABLE_SELECT,
    kind::CHANNEL_SELECT,
    19,
    21,
    22,
    23,
];
/// All components of a message as JSON, in bytes: a few times what Discord's own limits add up to.
const BYTES: usize = 64 * 1_024;
/// All text displays of a message, in characters.
const TEXT: usize = 4_000;
/// Text of a text input, in characters.
const INPUT: usize = 4_000;
/// Label of a text input, in characters.
const LABEL: usize = 45;
/// Labels, values and descriptions of options, in characters.
const SHORT: usize = 100;
/// Placeholder of a menu, in characters.
const PLACEHOLDER: usize = 150;
/// Options of a menu, and most of them that are chosen.
const OPTIONS: usize = 25;
/// Items of a media gallery.
const GALLERY: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(components: Value, modern: bool) -> Value {
        let mut errors = FormErrors::default();
        check(components.as_array().unwrap(), modern, &mut errors);
        errors.tree()
    }

    fn button(id: &str) -> Value {
        json!({ "type": 2, "style": 1, "label": "Go", "custom_id": id })
    }

    fn row(inner: &[Value]) -> Value {
        json!({ "type": 1, "components": inner })
    }

    fn menu(options: usize) -> Value {
        let options: Vec<_> = (0..options)
            .map(|n| json!({ "label": format!("l{n}"), "value": format!("v{n}") }))
            .collect();
        json!({ "type": 3, "custom_id": "menu", "options": options })
    }

    #[test]
    fn a_row_of_buttons_passes_and_a_bare_button_does_not() {
        assert_eq!(faults(json!([row(&[button("go")])]), false), json!({}));
        for modern in [false, true] {
            let bare = faults(json!([button("go")]), modern);
            assert!(bare["components"]["0"]["type"].is_object());
        }
    }

    #[test]
    fn ids_are_short_and_unique_at_any_depth() {
        let twice = faults(json!([row(&[button("a")]), row(&[button("a")])]), false);
        assert!(twice.pointer("/components/1/components/0/custom_id/_errors").is_some());
        let long = faults(json!([row(&[button(&"x".repeat(101))])]), false);
        assert!(long.pointer("/components/0/components/0/custom_id/_errors").is_some());
    }

    #[test]
    fn buttons_lead_somewhere_and_show_something() {
        for good in [
            button("a"),
            json!({ "type": 2, "style": 5, "label": "Read", "url": "https://x.example" }),
            json!({ "type": 2, "style": 4, "emoji": { "name": "🍺" }, "custom_id": "b" }),
            json!({ "type": 2, "style": 6, "sku_id": "5" }),
        ] {
            assert_eq!(
                faults(json!([row(std::slice::from_ref(&good))]), false),
                json!({}),
                "{good}"
            );
        }
        for bad in [
            json!({ "type": 2, "style": 1, "label": "x" }),
            json!({ "type": 2, "style": 1, "custom_id": "x" }),
            json!({ "type": 2, "style": 7, "label": "x", "custom_id": "x" }),
            json!({ "type": 2, "label": "x", "custom_id": "x" }),
            json!({ "type": 2, "style": 5, "label": "x" }),
            json!({ "type": 2, "style": 5, "label": "x", "url": "https://x", "custom_id": "x" }),
            json!({ "type": 2, "style": 1, "label": "x".repeat(81), "custom_id": "x" }),
        ] {
            assert_ne!(faults(json!([row(std::slice::from_ref(&bad))]), false), json!({}), "{bad}");
        }
    }

    #[test]
    fn menus_stand_alone_and_have_options() {
        assert_eq!(faults(json!([row(&[menu(25)])]), false), json!({}));
        let users = json!({ "type": 5, "custom_id": "u", "min_values": 0, "max_values": 25 });
        assert_eq!(faults(json!([row(&[users])]), false), json!({}));
        for bad in [
            row(&[menu(0)]),
            row(&[menu(26)]),
            row(&[menu(2), button("x")]),
            row(&[button("x"), menu(2)]),
            row(&[json!({ "type": 5, "custom_id": "u", "min_values": 3, "max_values": 2 })]),
            row(&[]),
            row(&vec![button("x"); 6]),
        ] {
            assert_ne!(faults(json!([bad]), false), json!({}), "{bad}");
        }
        let same = json!([{ "label": "a", "value": "x" }, { "label": "b", "value": "x" }]);
        let same = json!({ "type": 3, "custom_id": "m", "options": same });
        assert_ne!(faults(json!([row(&[same])]), false), json!({}));
    }

    #[test]
    fn layouts_hold_what_they_may() {
        let text = |length: usize| json!({ "type": 10, "content": "t".repeat(length) });
        let section = json!({ "type": 9, "components": [text(3)], "accessory": button("s") });
        let picture =
            json!({ "type": 12, "items": [{ "media": { "url": "attachment://a.png" } }] });
        let file = json!({ "type": 13, "file": { "url": "attachment://a.txt" } });
        let line = json!({ "type": 14 });
        let all = json!({ "type": 17, "components":
            [section, picture, file, line, text(5), row(&[button("c")])] });

        assert_eq!(faults(json!([all, text(1)]), true), json!({}));
        for bad in [
            json!([text(0)]),
            json!([text(2_500), text(2_500)]),
            json!([{ "type": 9, "components": [text(1)] }]),
            json!([{ "type": 9, "components": [line], "accessory": button("s") }]),
            json!([{ "type": 12, "items": [] }]),
            json!([{ "type": 13 }]),
            json!([{ "type": 17, "components": [{ "type": 17, "components": [line] }] }]),
            json!([{ "type": 17, "components": vec![line.clone(); 40] }]),
            json!([{ "type": 18, "label": "x", "component": button("s") }]),
        ] {
            assert_ne!(faults(bad.clone(), true), json!({}), "{bad}");
        }
        assert_ne!(faults(json!([text(1)]), false), json!({}));
    }

    #[test]
    fn forms_hold_inputs_in_rows_or_labels() {
        let modal = |components: Value| {
            let mut errors = FormErrors::default();
            check_modal(components.as_array().unwrap(), "data.components", &mut errors);
            errors.tree()
        };
        let input = json!({ "type": 4, "style": 1, "label": "Name", "custom_id": "n" });
        let bare = json!({ "type": 4, "style": 2, "custom_id": "n" });

        assert_eq!(modal(json!([row(std::slice::from_ref(&input))])), json!({}));
        assert_eq!(modal(json!([{ "type": 18, "label": "x", "component": bare }])), json!({}));
        for bad in [
            json!([]),
            json!([row(&[button("x")])]),
            json!([row(&[input.clone(), input.clone()])]),
            json!([input]),
            json!([row(&[json!({ "type": 4, "style": 3, "custom_id": "n" })])]),
            json!([row(&[json!({ "type": 4, "style": 1, "custom_id": "n", "min_length": 5,
                "max_length": 4 })])]),
        ] {
            assert!(modal(bad.clone())["data"]["components"].is_object(), "{bad}");
        }
    }

    #[test]
    fn components_are_numbered_by_their_order_around_given_numbers() {
        let mut components = vec![row(&[button("a"), button("b")]), row(&[button("c")])];
        components[0]["components"][1]["id"] = json!(2);

        number(&mut components);

        let ids: Vec<_> = [&components[0], &components[1]]
            .iter()
            .flat_map(|row| [&row["id"], &row["components"][0]["id"]])
            .collect();
        assert_eq!(ids, [&json!(1), &json!(3), &json!(4), &json!(5)]);
        assert_eq!(components[0]["components"][1]["id"], 2);
    }

    #[test]
    fn what_asks_is_found_at_any_depth() {
        let section = json!({ "type": 9, "components": [], "accessory": button("s") });
        let components = [json!({ "type": 17, "components": [section, row(&[menu(1)])] })];

        assert_eq!(find(&components, "s").unwrap()["type"], 2);
        assert!(find(&components, "t").is_none());
        let asking: Vec<_> = asking(&components).iter().map(|one| &one["custom_id"]).collect();
        assert_eq!(asking, [&json!("s"), &json!("menu")]);
    }

    #[test]
    fn too_many_or_too_large_components_are_refused() {
        let one = row(&[button("a")]);
        let large = json!([{ "type": 1, "x": "y".repeat(BYTES) }]);

        assert_ne!(faults(json!(vec![one.clone(); 6]), false), json!({}));
        assert_ne!(faults(json!(vec![one; 41]), true), json!({}));
        assert_ne!(faults(large, false), json!({}));
        for odd in [json!([5]), json!([null]), json!([{ "type": "1" }])] {
            assert_ne!(faults(odd.clone(), true), json!({}), "{odd}");
        }
    }
}
