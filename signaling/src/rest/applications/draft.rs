//! A command as a bot sends it, checked: what was wrong is told by field, in Discord's words.
//!
//! Pure (Discord: Application Commands, Application Command Structure). [`Body`] is what bots
//! send, [`CommandRecord`] is what it means.

use std::collections::BTreeMap;
use std::collections::HashSet;

use model::id::CommandId;
use model::limits;
use model::permissions;
use serde::Deserialize;
use serde_json::Number;
use serde_json::Value;
use state::apps::CommandChoice;
use state::apps::CommandOption;
use state::apps::CommandRecord;
use state::apps::Localizations;

use super::kind;
use crate::rest::error::FormErrors;
use crate::rest::extract::some;

type Texts = BTreeMap<String, Option<String>>;

/// The body of Create and Edit Application Command.
#[derive(Deserialize, Debug, Clone, Default)]
pub(super) struct Body {
    /// Which one it is, when all are overwritten.
    #[serde(default)]
    pub id: Option<CommandId>,
    pub name: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<u8>,
    #[serde(default, deserialize_with = "some")]
    name_localizations: Option<Option<Texts>>,
    #[serde(default, deserialize_with = "some")]
    description: Option<Option<String>>,
    #[serde(default, deserialize_with = "some")]
    description_localizations: Option<Option<Texts>>,
    #[serde(default, deserialize_with = "some")]
    options: Option<Option<Vec<OptionBody>>>,
    #[serde(default, deserialize_with = "some")]
    default_member_permissions: Option<Option<Value>>,
    /// What `default_member_permissions` was before.
    default_permission: Option<bool>,
    /// What `contexts` was before.
    dm_permission: Option<bool>,
    #[serde(default, deserialize_with = "some")]
    contexts: Option<Option<Vec<u8>>>,
    #[serde(default, deserialize_with = "some")]
    integration_types: Option<Option<Vec<u8>>>,
    nsfw: Option<bool>,
}

#[derive(Deserialize, Debug, Clone)]
struct OptionBody {
    #[serde(rename = "type")]
    kind: u8,
    name: String,
    #[serde(default)]
    name_localizations: Option<Texts>,
    description: String,
    #[serde(default)]
    description_localizations: Option<Texts>,
    required: Option<bool>,
    autocomplete: Option<bool>,
    choices: Option<Vec<ChoiceBody>>,
    options: Option<Vec<Self>>,
    channel_types: Option<Vec<u8>>,
    min_value: Option<Number>,
    max_value: Option<Number>,
    min_length: Option<u16>,
    max_length: Option<u16>,
}

#[derive(Deserialize, Debug, Clone)]
struct ChoiceBody {
    name: String,
    #[serde(default)]
    name_localizations: Option<Texts>,
    value: Value,
}

/// Types of options (Discord: Application Command Option Type).
pub(in crate::rest) mod option {
    pub(in crate::rest) const SUB_COMMAND: u8 = 1;
    pub(in crate::rest) const SUB_COMMAND_GROUP: u8 = 2;
    pub(in crate::rest) const STRING: u8 = 3;
    pub(in crate::rest) const INTEGER: u8 = 4;
    pub(in crate::rest) const BOOLEAN: u8 = 5;
    pub(in crate::rest) const USER: u8 = 6;
    pub(in crate::rest) const CHANNEL: u8 = 7;
    pub(in crate::rest) const ROLE: u8 = 8;
    pub(in crate::rest) const MENTIONABLE: u8 = 9;
    pub(in crate::rest) const NUMBER: u8 = 10;
    pub(in crate::rest) const ATTACHMENT: u8 = 11;
}

impl Body {
    /// The command that `old` becomes by this body; what is absent stays. Faults are added to
    /// `errors` under `path`, which is empty or ends with a dot.
    pub(super) fn onto(
        self,
        old: CommandRecord,
        path: &str,
        errors: &mut FormErrors,
    ) -> CommandRecord {
        let at = |field: &str| format!("{path}{field}");
        let mut new = old;
        if let Some(name) = self.name {
            new.name = name;
        }
        if let Some(texts) = self.name_localizations {
            new.name_localizations = texts.map(told);
        }
        if let Some(description) = self.description {
            new.description = description.unwrap_or_default();
        }
        if let Some(texts) = self.description_localizations {
            new.description_localizations = texts.map(told);
        }
        if let Some(options) = self.options {
            let options = options.unwrap_or_default();
            new.options = options_of(options, &at("options"), 0, errors);
        }
        match (self.default_member_permissions, self.default_permission) {
            (Some(None), _) => new.default_member_permissions = None,
            (Some(Some(value)), _) => {
                match permissions::parse(&value).map(|permissions| permissions.bits()) {
                    Some(bits) => new.default_member_permissions = Some(bits),
                    None => errors.push(
                        &at("default_member_permissions"),
                        "NUMBER_TYPE_COERCE",
                        "Value is not a set of permissions.",
                    ),
                }
            }
            (None, Some(false)) => new.default_member_permissions = Some(0),
            (None, _) => {}
        }
        match (self.contexts, self.dm_permission) {
            (Some(contexts), _) => new.contexts = contexts,
            (None, Some(false)) => new.contexts = Some(vec![0]),
            (None, Some(true)) => new.contexts = None,
            (None, None) => {}
        }
        if let Some(types) = self.integration_types {
            new.integration_types = types;
        }
        if let Some(nsfw) = self.nsfw {
            new.nsfw = nsfw;
        }
        check(&new, path, errors);
        new
    }
}

fn told(texts: Texts) -> Localizations {
    texts.into_iter().filter_map(|(locale, text)| Some((locale, text?))).collect()
}

fn check(command: &CommandRecord, path: &str, errors: &mut FormErrors) {
    let at = |field: &str| format!("{path}{field}");
    if command.name.is_empty() {
        errors.push(&at("name"), "BASE_TYPE_REQUIRED", "This field is required");
    } else {
        name_fits(&command.name, command.kind == kind::CHAT_INPUT, &at("name"), errors);
    }
    for (locale, name) in command.name_localizations.iter().flatten() {
        let at = at(&format!("name_localizations.{locale}"));
        locale_exists(locale, &at, errors);
        name_fits(name, command.kind == kind::CHAT_INPUT, &at, errors);
    }
    if command.kind == kind::CHAT_INPUT {
        length(&command.description, limits::COMMAND_DESCRIPTION, &at("description"), errors);
        for (locale, text) in command.description_localizations.iter().flatten() {
            let at = at(&format!("description_localizations.{locale}"));
            locale_exists(locale, &at, errors);
            length(text, limits::COMMAND_DESCRIPTION, &at, errors);
        }
    } else {
        if !command.description.is_empty() {
            errors.push(
                &at("description"),
                "APPLICATION_COMMAND_INVALID_DESCRIPTION",
                "Context menu commands cannot have description",
            );
        }
        if !command.options.is_empty() {
            errors.push(
                &at("options"),
                "APPLICATION_COMMAND_INVALID_OPTIONS",
                "Context menu commands cannot have options",
            );
        }
    }
    choices(command.contexts.as_deref(), 2, &at("contexts"), errors);
    choices(command.integration_types.as_deref(), 1, &at("integration_types"), errors);
    if characters(command) > limits::COMMAND_CHARACTERS {
        errors.push(
            path.trim_end_matches('.'),
            "APPLICATION_COMMAND_TOO_LARGE",
            format!("Command exceeds maximum size ({})", limits::COMMAND_CHARACTERS),
        );
    }
}

/// A list of numbers up to `most`, each once, and not empty.
fn choices(list: Option<&[u8]>, most: u8, path: &str, errors: &mut FormErrors) {
    let Some(list) = list else { return };
    if list.is_empty() {
        errors.push(path, "BASE_TYPE_MIN_LENGTH", "Must be 1 or more in length.");
    }
    let mut seen = HashSet::new();
    for (number, one) in list.iter().enumerate() {
        if *one > most || !seen.insert(*one) {
            errors.push(
                &format!("{path}.{number}"),
                "BASE_TYPE_CHOICES",
                format!("Value must be one of 0 to {most}, once."),
            );
        }
    }
}

/// Reads and checks options: of a command at `depth` 0, of a group at 1, of a subcommand at 2.
fn options_of(
    list: Vec<OptionBody>,
    path: &str,
    depth: u8,
    errors: &mut FormErrors,
) -> Vec<CommandOption> {
    if list.len() > limits::COMMAND_OPTIONS {
        too_many(path, errors);
        return Vec::new();
    }
    let nested = |kind: u8| matches!(kind, option::SUB_COMMAND | option::SUB_COMMAND_GROUP);
    let any_nested = list.iter().any(|option| nested(option.kind));
    let mut names = HashSet::new();
    let mut optional = false;
    let mut options = Vec::with_capacity(list.len());
    for (number, body) in list.into_iter().enumerate() {
        let at = format!("{path}.{number}");
        if any_nested && !nested(body.kind) {
            errors.push(
                &at,
                "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
                "Sub-command and sub-command group option types are mutually exclusive to all \
                 other types",
            );
        }
        let fits = match body.kind {
            option::SUB_COMMAND_GROUP => depth == 0,
            option::SUB_COMMAND => depth <= 1,
            option::STRING..=option::ATTACHMENT => depth != 1,
            _ => {
                errors.push(
                    &format!("{at}.type"),
                    "BASE_TYPE_CHOICES",
                    "Value must be one of (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11).",
                );
                continue;
            }
        };
        if !fits {
            errors.push(
                &format!("{at}.type"),
                "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
                "Groups hold sub-commands, and sub-commands hold neither",
            );
            continue;
        }
        if !names.insert(body.name.clone()) {
            errors.push(
                &format!("{at}.name"),
                "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS",
                "Option name already exists",
            );
        }
        let required = body.required.unwrap_or(false) && !nested(body.kind);
        if required && optional {
            errors.push(
                &at,
                "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
                "Required options must be placed before non-required options",
            );
        }
        optional |= !required;
        options.push(option_of(body, &at, errors));
    }
    options
}

fn option_of(body: OptionBody, path: &str, errors: &mut FormErrors) -> CommandOption {
    let at = |field: &str| format!("{path}.{field}");
    name_fits(&body.name, true, &at("name"), errors);
    length(&body.description, limits::COMMAND_DESCRIPTION, &at("description"), errors);
    let name_localizations = body.name_localizations.map(told);
    for (locale, name) in name_localizations.iter().flatten() {
        let at = at(&format!("name_localizations.{locale}"));
        locale_exists(locale, &at, errors);
        name_fits(name, true, &at, errors);
    }
    let description_localizations = body.description_localizations.map(told);
    for (locale, text) in description_localizations.iter().flatten() {
        let at = at(&format!("description_localizations.{locale}"));
        locale_exists(locale, &at, errors);
        length(text, limits::COMMAND_DESCRIPTION, &at, errors);
    }
    let nested = matches!(body.kind, option::SUB_COMMAND | option::SUB_COMMAND_GROUP);
    let kind = body.kind;
    let options = match body.options {
        Some(options) if nested => {
            let depth = if kind == option::SUB_COMMAND { 2 } else { 1 };
            options_of(options, &at("options"), depth, errors)
        }
        Some(options) if !options.is_empty() => {
            errors.push(
                &at("options"),
                "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
                "Only sub-commands and sub-command groups have options",
            );
            Vec::new()
        }
        _ => Vec::new(),
    };
    if kind == option::SUB_COMMAND_GROUP && options.is_empty() {
        errors.push(&at("options"), "BASE_TYPE_REQUIRED", "This field is required");
    }
    let choices = choices_of(body.choices.unwrap_or_default(), kind, &at("choices"), errors);
    let autocomplete = body.autocomplete.unwrap_or(false);
    let typed = matches!(kind, option::STRING | option::INTEGER | option::NUMBER);
    if autocomplete && (!choices.is_empty() || !typed) {
        errors.push(
            &at("autocomplete"),
            "APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_INVALID",
            "Autocomplete is for strings, integers and numbers without choices",
        );
    }
    if kind == option::STRING {
        let most = u16::try_from(limits::OPTION_TEXT).unwrap_or(u16::MAX);
        let (min, max) = (body.min_length.unwrap_or(0), body.max_length.unwrap_or(most));
        if max == 0 || max > most || min > max {
            errors.push(
                &at("max_length"),
                "NUMBER_TYPE_MAX",
                format!("Lengths must be between 0 and {most}, the smaller first."),
            );
        }
    }
    let number = matches!(kind, option::INTEGER | option::NUMBER);
    let (min_value, max_value) =
        if number { (body.min_value, body.max_value) } else { (None, None) };
    if let (Some(min), Some(max)) = (&min_value, &max_value)
        && min.as_f64() > max.as_f64()
    {
        errors.push(&at("max_value"), "NUMBER_TYPE_MIN", "Must be at least min_value.");
    }
    let string = kind == option::STRING;
    CommandOption {
        kind,
        name: body.name,
        name_localizations,
        description: body.description,
        description_localizations,
        required: body.required.unwrap_or(false) && !nested,
        autocomplete,
        choices,
        options,
        channel_types: match kind {
            option::CHANNEL => body.channel_types.unwrap_or_default(),
            _ => Vec::new(),
        },
        min_value,
        max_value,
        min_length: body.min_length.filter(|_| string),
        max_length: body.max_length.filter(|_| string),
    }
}

fn choices_of(
    list: Vec<ChoiceBody>,
    kind: u8,
    path: &str,
    errors: &mut FormErrors,
) -> Vec<CommandChoice> {
    if list.len() > limits::COMMAND_OPTIONS {
        too_many(path, errors);
        return Vec::new();
    }
    let mut names = HashSet::new();
    let mut choices = Vec::with_capacity(list.len());
    for (number, body) in list.into_iter().enumerate() {
        let at = |field: &str| format!("{path}.{number}.{field}");
        length(&body.name, limits::CHOICE_NAME, &at("name"), errors);
        let name_localizations = body.name_localizations.map(told);
        for (locale, name) in name_localizations.iter().flatten() {
            let at = at(&format!("name_localizations.{locale}"));
            locale_exists(locale, &at, errors);
            length(name, limits::CHOICE_NAME, &at, errors);
        }
        if !names.insert(body.name.clone()) {
            errors.push(
                &at("name"),
                "APPLICATION_COMMAND_OPTIONS_CHOICE_NAME_ALREADY_EXISTS",
                "Option choice name already exists",
            );
        }
        match chosen(body.value, kind) {
            Ok(value) => {
                choices.push(CommandChoice { name: body.name, name_localizations, value });
            }
            Err((code, message)) => errors.push(&at("value"), code, message),
        }
    }
    choices
}

/// The value of a choice, as an option of that kind takes it.
fn chosen(value: Value, kind: u8) -> Result<Value, (&'static str, &'static str)> {
    match (kind, value) {
        (option::STRING, Value::String(text)) => {
            if text.chars().count() > limits::OPTION_TEXT {
                return Err(("BASE_TYPE_MAX_LENGTH", "Must be 6000 or fewer in length."));
            }
            Ok(Value::String(text))
        }
        (option::STRING, Value::Number(number)) => Ok(Value::String(number.to_string())),
        (option::STRING, _) => Err(("STRING_TYPE_CONVERT", "Could not interpret as string.")),
        (option::INTEGER, value) => {
            let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
            let safe = number.filter(|number| number.unsigned_abs() <= SAFE_INTEGER);
            safe.map(Value::from).ok_or(("NUMBER_TYPE_COERCE", "Value is not an integer."))
        }
        (option::NUMBER, value) => {
            let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
            let finite = number.filter(|number| number.is_finite());
            finite.map(Value::from).ok_or(("NUMBER_TYPE_COERCE", "Value is not a number."))
        }
        _ => Err(("APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "This type has no choices")),
    }
}

/// Largest integer that a JavaScript client keeps exactly (Discord: INTEGER, "between -2^53+1 and
/// 2^53-1").
pub(in crate::rest) const SAFE_INTEGER: u64 = (1 << 53) - 1;

fn name_fits(name: &str, chat: bool, path: &str, errors: &mut FormErrors) {
    length(name, limits::COMMAND_NAME, path, errors);
    let letter = |c: char| {
        c.is_alphanumeric()
            || matches!(c, '-' | '_' | '\'')
            // Signs that stand upon letters, in Devanagari and Thai.
            || matches!(c, '\u{900}'..='\u{97f}' | '\u{e00}'..='\u{e7f}')
    };
    let fits = if chat {
        name.chars().all(|c| letter(c) && c.to_lowercase().eq([c]))
    } else {
        !name.trim().is_empty()
    };
    if !fits && !name.is_empty() {
        errors.push(path, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid");
    }
}

fn locale_exists(locale: &str, path: &str, errors: &mut FormErrors) {
    if !LOCALES.contains(&locale) {
        errors.push(path, "BASE_TYPE_CHOICES", "This is no locale that clients speak.");
    }
}

fn length(text: &str, range: std::ops::RangeInclusive<usize>, path: &str, errors: &mut FormErrors) {
    if !range.contains(&text.chars().count()) {
        let (least, most) = (range.start(), range.end());
        errors.push(
            path,
            "BASE_TYPE_BAD_LENGTH",
            format!("Must be between {least} and {most} in length."),
        );
    }
}

fn too_many(path: &str, errors: &mut FormErrors) {
    let most = limits::COMMAND_OPTIONS;
    errors.push(path, "BASE_TYPE_MAX_LENGTH", format!("Must be {most} or fewer in length."));
}

/// Names, descriptions and values together; of localised texts the longest (Discord: Limits).
fn characters(command: &CommandRecord) -> usize {
    longest(&command.name, command.name_localizations.as_ref())
        + longest(&command.description, command.description_localizations.as_ref())
        + command.options.iter().map(option_characters).sum::<usize>()
}

fn option_characters(option: &CommandOption) -> usize {
    let choices = option.choices.iter().map(|choice| {
        let value = choice.value.as_str().map_or(0, |text| text.chars().count());
        value + longest(&choice.name, choice.name_localizations.as_ref())
    });
    longest(&option.name, option.name_localizations.as_ref())
        + longest(&option.description, option.description_localizations.as_ref())
        + choices.sum::<usize>()
        + option.options.iter().map(option_characters).sum::<usize>()
}

fn longest(text: &str, localizations: Option<&Localizations>) -> usize {
    let others = localizations.into_iter().flatten().map(|(_, text)| text.chars().count());
    others.chain([text.chars().count()]).max().unwrap_or(0)
}

/// Discord: Reference/Locales.
const LOCALES: [&str; 34] = [
    "id", "da", "de", "en-GB", "en-US", "es-ES", "es-419", "fr", "hr", "it", "lt", "hu", "nl",
    "no", "pl", "pt-BR", "ro", "fi", "sv-SE", "vi", "tr", "cs", "el", "bg", "ru", "uk", "hi", "th",
    "zh-CN", "ja", "zh-TW", "ko", "ar", "he",
];

#[cfg(test)]
mod tests {
    use model::wire::id::Id;
    use serde_json::json;

    use super::*;

    fn blank(kind: u8) -> CommandRecord {
        CommandRecord {
            id: Id::new(1),
            application: Id::new(2),
            guild: None,
            version: Id::new(3),
            kind,
            name: String::new(),
            name_localizations: None,
            description: String::new(),
            description_localizations: None,
            options: Vec::new(),
            default_member_permissions: None,
            nsfw: false,
            contexts: None,
            integration_types: None,
        }
    }

    fn read(kind: u8, json: Value) -> (CommandRecord, Value) {
        let body: Body = serde_json::from_value(json).unwrap();
        let mut errors = FormErrors::default();
        let command = body.onto(blank(kind), "", &mut errors);
        (command, errors.tree())
    }

    fn with_options(options: Value) -> Value {
        read(1, json!({ "name": "a", "description": "b", "options": options })).1
    }

    fn named(kind: u8, name: &str) -> bool {
        let description = if kind == 1 { "x" } else { "" };
        read(kind, json!({ "name": name, "description": description })).1 == json!({})
    }

    #[test]
    fn names_of_slash_commands_are_lower_case_words() {
        for name in ["roll", "roll-dice", "würfel", "помощь", "กล้า", "हिंदी", "d20", "it's", "投票"]
        {
            assert!(named(1, name), "{name}");
        }
        let long = "a".repeat(33);
        for name in ["", "Roll", "roll dice", "roll!", "a/b", "🎲", long.as_str()] {
            assert!(!named(1, name), "{name}");
        }
        assert!(named(2, "Report This Person!") && named(3, "Translate"));
        assert!(!named(2, "   "));
    }

    #[test]
    fn menus_have_neither_description_nor_options() {
        let (_, faults) = read(
            3,
            json!({ "name": "Pin", "description": "no", "options": [
                { "type": 3, "name": "a", "description": "b" }
            ] }),
        );

        assert!(faults["description"]["_errors"].is_array());
        assert!(faults["options"]["_errors"].is_array());
    }

    #[test]
    fn options_are_told_by_their_path() {
        let faults = with_options(json!([
            { "type": 3, "name": "Bad", "description": "" },
            { "type": 4, "name": "a", "description": "b", "required": true },
            { "type": 4, "name": "a", "description": "b" },
            { "type": 12, "name": "c", "description": "d" },
        ]));

        let code = |pointer: &str| faults.pointer(pointer).cloned().unwrap_or_default();
        assert_eq!(code("/options/0/name/_errors/0/code"), "APPLICATION_COMMAND_INVALID_NAME");
        assert_eq!(code("/options/0/description/_errors/0/code"), "BASE_TYPE_BAD_LENGTH");
        let order = "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID";
        assert_eq!(code("/options/1/_errors/0/code"), order);
        assert!(code("/options/2/name/_errors/0/code").is_string());
        assert_eq!(code("/options/3/type/_errors/0/code"), "BASE_TYPE_CHOICES");
    }

    #[test]
    fn subcommands_nest_in_groups_and_no_deeper() {
        let leaf = json!({ "type": 3, "name": "x", "description": "y" });
        let sub = |options: Value| json!({ "type": 1, "name": "s", "description": "d", "options": options });
        let group = |options: Value| json!({ "type": 2, "name": "g", "description": "d", "options": options });

        assert_eq!(with_options(json!([group(json!([sub(json!([leaf]))]))])), json!({}));
        assert_eq!(with_options(json!([sub(json!([]))])), json!({}));
        for bad in [
            json!([group(json!([]))]),
            json!([group(json!([group(json!([sub(json!([]))]))]))]),
            json!([sub(json!([sub(json!([]))]))]),
            json!([group(json!([leaf]))]),
            json!([sub(json!([])), leaf]),
        ] {
            assert_ne!(with_options(bad.clone()), json!({}), "{bad}");
        }
    }

    #[test]
    fn choices_have_values_of_their_options_type() {
        let with = |kind: u8, value: Value| {
            with_options(json!([{ "type": kind, "name": "x", "description": "y",
                "choices": [{ "name": "c", "value": value }] }]))
        };

        for (kind, value) in [(3, json!("a")), (4, json!(7)), (10, json!(1.5)), (10, json!(2))] {
            assert_eq!(with(kind, value.clone()), json!({}), "{kind} {value}");
        }
        for (kind, value) in [
            (3, json!(true)),
            (3, json!("a".repeat(6_001))),
            (4, json!(1.5)),
            (4, json!(1_u64 << 53)),
            (10, json!("x")),
            (5, json!(true)),
        ] {
            assert_ne!(with(kind, value.clone()), json!({}), "{kind} {value}");
        }
    }

    #[test]
    fn autocomplete_excludes_choices() {
        let option = json!([{ "type": 3, "name": "x", "description": "y", "autocomplete": true,
            "choices": [{ "name": "c", "value": "c" }] }]);

        assert!(with_options(option)["options"]["0"]["autocomplete"].is_object());
    }

    #[test]
    fn a_command_is_as_large_as_the_longest_of_its_texts() {
        let option = |n: u32| {
            let choices: Vec<_> = (0..3)
                .map(|c| json!({ "name": format!("c{c}"), "value": "v".repeat(1_000) }))
                .collect();
            json!({ "type": 3, "name": format!("o{n}"), "description": "d", "choices": choices })
        };

        assert_eq!(with_options(json!([option(0), option(1)])), json!({}));
        let faults = with_options(json!([option(0), option(1), option(2)]));
        assert_eq!(faults["_errors"][0]["code"], "APPLICATION_COMMAND_TOO_LARGE");
    }

    #[test]
    fn a_patch_changes_what_it_names_and_null_clears() {
        let old = CommandRecord {
            name: "roll".to_owned(),
            description: "rolls".to_owned(),
            default_member_permissions: Some(8),
            contexts: Some(vec![0]),
            ..blank(1)
        };
        let patch: Body = serde_json::from_value(json!({
            "description": "throws", "default_member_permissions": null,
        }))
        .unwrap();
        let mut errors = FormErrors::default();

        let new = patch.onto(old, "", &mut errors);

        assert!(errors.is_empty());
        assert_eq!((new.name.as_str(), new.description.as_str()), ("roll", "throws"));
        assert_eq!((new.default_member_permissions, new.contexts), (None, Some(vec![0])));
    }

    #[test]
    fn permissions_are_strings_or_numbers_and_unknown_locales_are_faults() {
        let with = |permissions: Value| {
            read(
                1,
                json!({ "name": "a", "description": "b",
                "default_member_permissions": permissions }),
            )
        };

        assert_eq!(with(json!("8")).0.default_member_permissions, Some(8));
        assert_eq!(with(json!(0)).0.default_member_permissions, Some(0));
        assert_ne!(with(json!("all")).1, json!({}));
        let localised = read(
            1,
            json!({ "name": "a", "description": "b", "name_localizations": { "xx": "c" } }),
        );
        assert!(localised.1["name_localizations"]["xx"]["_errors"].is_array());
    }
}
