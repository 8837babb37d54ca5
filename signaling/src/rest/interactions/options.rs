//! What someone gave to a command, held against what the command takes.
//!
//! Pure. The bot may rely on types, on bounds and on what is required; whom and what the values name
//! is gathered for `resolve`.

use model::limits;
use model::wire::id::Id;
use model::wire::id::marker::GenericMarker;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::apps::CommandOption;
use state::apps::CommandRecord;

use crate::rest::applications::SAFE_INTEGER;
use crate::rest::applications::option;
use crate::rest::error::FormErrors;

/// An option as a person's client sends it.
#[derive(Deserialize, Debug, Clone)]
pub(super) struct Given {
    name: String,
    #[serde(default)]
    value: Value,
    #[serde(default)]
    options: Vec<Self>,
    #[serde(default)]
    focused: bool,
}

/// What values name, by kind.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Names {
    pub users: Vec<u64>,
    pub roles: Vec<u64>,
    /// Users or roles.
    pub mentionables: Vec<u64>,
    /// Channels, with the JSON path and the kinds that they may have.
    pub channels: Vec<(u64, String, Vec<u8>)>,
    /// Numbers of files in the request.
    pub attachments: Vec<(u64, String)>,
}

/// Checks what was given to `command`, and writes it as its bot reads it. `typing`: only a
/// suggestion is asked for, so what is missing or does not fit yet is no fault.
pub(super) fn check(
    command: &CommandRecord,
    given: &[Given],
    typing: bool,
    names: &mut Names,
    errors: &mut FormErrors,
) -> Vec<Value> {
    let shown = list(&command.options, given, typing, "data.options", names, errors);
    if typing && focused(given, &command.options).is_none() {
        errors.push("data.options", "BASE_TYPE_REQUIRED", "No option suggests values.");
    }
    shown
}

/// The option that suggests values while one types in it.
fn focused<'a>(given: &[Given], known: &'a [CommandOption]) -> Option<&'a CommandOption> {
    given.iter().find_map(|one| {
        let known = known.iter().find(|known| known.name == one.name)?;
        if one.focused && known.autocomplete {
            Some(known)
        } else {
            focused(&one.options, &known.options)
        }
    })
}

fn list(
    known: &[CommandOption],
    given: &[Given],
    typing: bool,
    path: &str,
    names: &mut Names,
    errors: &mut FormErrors,
) -> Vec<Value> {
    let nested = known.iter().any(|one| is_nested(one.kind));
    if nested && given.len() != 1 {
        errors.push(path, "BASE_TYPE_BAD_LENGTH", "Exactly one sub-command must be called.");
        return Vec::new();
    }
    let mut shown = Vec::with_capacity(given.len());
    for (number, one) in given.iter().enumerate().take(limits::COMMAND_OPTIONS) {
        let at = format!("{path}.{number}");
        let Some(option) = known.iter().find(|known| known.name == one.name) else {
            errors.push(&at, "APPLICATION_COMMAND_UNKNOWN_OPTION", "There is no such option.");
            continue;
        };
        if given[..number].iter().any(|other| other.name == one.name) {
            errors.push(&at, "BASE_TYPE_CHOICES", "An option is given once.");
            continue;
        }
        let mut value = json!({ "name": option.name, "type": option.kind });
        if is_nested(option.kind) {
            let inner = format!("{at}.options");
            let options = list(&option.options, &one.options, typing, &inner, names, errors);
            value["options"] = Value::Array(options);
        } else {
            let at = format!("{at}.value");
            // Of what is being typed the bot reads the letters.
            let read = if typing && one.focused {
                typed(&one.value)
            } else {
                read(option, &one.value, &at, names).or_else(|fault| {
                    if typing { Ok(typed(&one.value).unwrap_or_default()) } else { Err(fault) }
                })
            };
            match read {
                Ok(read) => value["value"] = read,
                Err((code, message)) => errors.push(&at, code, message),
            }
            if typing && one.focused {
                value["focused"] = json!(true);
            }
        }
        shown.push(value);
    }
    for option in known.iter().filter(|option| option.required && !typing) {
        if !given.iter().any(|one| one.name == option.name) {
            let message = format!("The option {} is required.", option.name);
            errors.push(path, "APPLICATION_COMMAND_REQUIRED_OPTION", message);
        }
    }
    shown
}

const fn is_nested(kind: u8) -> bool {
    matches!(kind, option::SUB_COMMAND | option::SUB_COMMAND_GROUP)
}

type Fault = (&'static str, String);

fn fault(code: &'static str, message: impl Into<String>) -> Fault {
    (code, message.into())
}

/// A value that is still being typed.
fn typed(value: &Value) -> Result<Value, Fault> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    if text.chars().count() > limits::OPTION_TEXT {
        return Err(fault("BASE_TYPE_MAX_LENGTH", "Must be 6000 or fewer in length."));
    }
    Ok(Value::String(text))
}

fn read(
    option: &CommandOption,
    value: &Value,
    path: &str,
    names: &mut Names,
) -> Result<Value, Fault> {
    let id = || {
        let id = value.as_u64().or_else(|| value.as_str()?.parse().ok());
        let id = id.and_then(Id::<GenericMarker>::new_checked);
        id.ok_or_else(|| fault("NUMBER_TYPE_COERCE", "Value is not snowflake."))
    };
    let read = match option.kind {
        option::STRING => {
            let text = value.as_str();
            let text = text.ok_or_else(|| fault("STRING_TYPE_CONVERT", "Value is no string."))?;
            let length = text.chars().count();
            let least = option.min_length.map_or(0, usize::from);
            let most = option.max_length.map_or(limits::OPTION_TEXT, usize::from);
            if !(least..=most).contains(&length) {
                let message = format!("Must be between {least} and {most} in length.");
                return Err(fault("BASE_TYPE_BAD_LENGTH", message));
            }
            json!(text)
        }
        option::INTEGER => {
            let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
            let number = number.filter(|number| number.unsigned_abs() <= SAFE_INTEGER);
            let number =
                number.ok_or_else(|| fault("NUMBER_TYPE_COERCE", "Value is not an integer."))?;
            #[expect(clippy::cast_precision_loss, reason = "safe integers fit a double")]
            bounds(option, number as f64)?;
            json!(number)
        }
        option::NUMBER => {
            let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
            let number = number.filter(|number| number.is_finite());
            let number =
                number.ok_or_else(|| fault("NUMBER_TYPE_COERCE", "Value is not a number."))?;
            bounds(option, number)?;
            json!(number)
        }
        option::BOOLEAN => {
            let truth = value.as_bool();
            json!(truth.ok_or_else(|| fault("BOOLEAN_TYPE_CONVERT", "Must be true or false."))?)
        }
        option::USER => {
            let id = id()?;
            names.users.push(id.get());
            json!(id)
        }
        option::ROLE => {
            let id = id()?;
            names.roles.push(id.get());
            json!(id)
        }
        option::MENTIONABLE => {
            let id = id()?;
            names.mentionables.push(id.get());
            json!(id)
        }
        option::CHANNEL => {
            let id = id()?;
            let kinds = option.channel_types.clone();
            names.channels.push((id.get(), path.to_owned(), kinds));
            json!(id)
        }
        option::ATTACHMENT => {
            let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
            let number =
                number.ok_or_else(|| fault("NUMBER_TYPE_COERCE", "Value is no file's number."))?;
            names.attachments.push((number, path.to_owned()));
            json!(number.to_string())
        }
        _ => return Err(fault("BASE_TYPE_CHOICES", "There is no such type.")),
    };
    if !option.choices.is_empty() && !option.choices.iter().any(|one| same(&one.value, &read)) {
        return Err(fault("BASE_TYPE_CHOICES", "Value is none of the choices."));
    }
    Ok(read)
}

/// Numbers are the same in whatever form.
fn same(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one.total_cmp(&other).is_eq(),
        _ => one == other,
    }
}

fn bounds(option: &CommandOption, number: f64) -> Result<(), Fault> {
    if let Some(least) = option.min_value.as_ref().and_then(serde_json::Number::as_f64)
        && number < least
    {
        return Err(fault("NUMBER_TYPE_MIN", format!("Value should be at least {least}.")));
    }
    if let Some(most) = option.max_value.as_ref().and_then(serde_json::Number::as_f64)
        && number > most
    {
        return Err(fault("NUMBER_TYPE_MAX", format!("Value should be at most {most}.")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(options: Value) -> CommandRecord {
        serde_json::from_value(json!({
            "id": "1", "application": "2", "guild": null, "version": "3", "kind": 1,
            "name": "x", "description": "y", "options": options,
        }))
        .unwrap()
    }

    fn run(options: Value, given: Value, typing: bool) -> (Vec<Value>, Names, Value) {
        let given: Vec<Given> = serde_json::from_value(given).unwrap();
        let (mut names, mut errors) = (Names::default(), FormErrors::default());
        let shown = check(&command(options), &given, typing, &mut names, &mut errors);
        (shown, names, errors.tree())
    }

    fn option(kind: u8, more: Value) -> Value {
        let mut option = json!({ "type": kind, "name": "o", "description": "d" });
        option.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        option
    }

    fn fits(kind: u8, more: Value, value: Value) -> bool {
        let (_, _, faults) =
            run(json!([option(kind, more)]), json!([{ "name": "o", "value": value }]), false);
        faults == json!({})
    }

    #[test]
    fn values_are_of_their_options_type_and_bounds() {
        let none = || json!({});
        assert!(fits(3, none(), json!("a")) && !fits(3, none(), json!(1)));
        assert!(fits(4, none(), json!(5)) && fits(4, none(), json!("5")));
        assert!(!fits(4, none(), json!(5.5)) && !fits(4, none(), json!(1_u64 << 53)));
        assert!(fits(10, none(), json!(5.5)) && !fits(10, none(), json!("NaN")));
        assert!(fits(5, none(), json!(true)) && !fits(5, none(), json!("true")));
        assert!(fits(6, none(), json!("77")) && !fits(6, none(), json!("0")));
        let bounds = || json!({ "min_value": 2, "max_value": 6 });
        assert!(fits(4, bounds(), json!(2)) && fits(4, bounds(), json!(6)));
        assert!(!fits(4, bounds(), json!(1)) && !fits(4, bounds(), json!(7)));
        let lengths = || json!({ "min_length": 2, "max_length": 3 });
        assert!(fits(3, lengths(), json!("éé")) && !fits(3, lengths(), json!("éééé")));
    }

    #[test]
    fn of_choices_one_must_be_taken() {
        let choices = || json!({ "choices": [{ "name": "c", "value": 1.0 }] });

        assert!(fits(10, choices(), json!(1)));
        assert!(!fits(10, choices(), json!(2)));
    }

    #[test]
    fn what_is_required_must_be_given_once_and_nothing_else() {
        let required = || json!([option(3, json!({ "required": true }))]);

        let (_, _, missing) = run(required(), json!([]), false);
        assert_eq!(
            missing["data"]["options"]["_errors"][0]["code"],
            "APPLICATION_COMMAND_REQUIRED_OPTION"
        );
        let twice = json!([{ "name": "o", "value": "a" }, { "name": "o", "value": "b" }]);
        assert_ne!(run(required(), twice, false).2, json!({}));
        let other = json!([{ "name": "o", "value": "a" }, { "name": "p", "value": "b" }]);
        assert_ne!(run(required(), other, false).2, json!({}));
    }

    #[test]
    fn sub_commands_are_called_one_at_a_time() {
        let sub = |name: &str| json!({ "type": 1, "name": name, "description": "d", "options": [option(3, json!({}))] });
        let both = || json!([sub("a"), sub("b")]);
        let call = json!([{ "name": "b", "type": 1, "options": [{ "name": "o", "value": "v" }] }]);

        let (shown, _, faults) = run(both(), call, false);

        assert_eq!(faults, json!({}));
        assert_eq!(shown[0]["options"][0]["value"], "v");
        assert_ne!(run(both(), json!([]), false).2, json!({}));
        let two = json!([{ "name": "a" }, { "name": "b" }]);
        assert_ne!(run(both(), two, false).2, json!({}));
    }

    #[test]
    fn while_typing_what_is_missing_or_half_is_no_fault() {
        let options = json!([
            { "type": 4, "name": "o", "description": "d", "autocomplete": true, "required": true },
            { "type": 3, "name": "p", "description": "d", "required": true },
        ]);

        let half = json!([{ "name": "o", "value": "4x", "focused": true }]);
        let (shown, _, faults) = run(options.clone(), half, true);

        assert_eq!(faults, json!({}));
        assert_eq!(shown[0], json!({ "name": "o", "type": 4, "value": "4x", "focused": true }));
        let plain = json!([{ "name": "p", "value": "a", "focused": true }]);
        assert_ne!(run(options, plain, true).2, json!({}));
    }

    #[test]
    fn whom_values_name_is_gathered_by_kind() {
        let options = json!([
            { "type": 6, "name": "u", "description": "d" },
            { "type": 7, "name": "c", "description": "d", "channel_types": [2] },
            { "type": 11, "name": "f", "description": "d" },
        ]);
        let given = json!([
            { "name": "u", "value": "5" }, { "name": "c", "value": "6" },
            { "name": "f", "value": "0" },
        ]);

        let (_, names, faults) = run(options, given, false);

        assert_eq!(faults, json!({}));
        assert_eq!(names.users, [5]);
        assert_eq!(names.channels, [(6, "data.options.1.value".to_owned(), vec![2])]);
        assert_eq!(names.attachments, [(0, "data.options.2.value".to_owned())]);
    }
}
