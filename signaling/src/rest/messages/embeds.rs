//! Embeds of a request: read leniently, checked strictly, told by field what is wrong.
//!
//! Pure (Discord: Message/Embed Limits). Clients leave out `type` and send nulls; what only
//! Discord's own link previews carry is dropped.

use model::validate::embed;
use model::validate::message::EMBED_COUNT_LIMIT;
use model::wire::channel::message::Embed;
use model::wire::util::Timestamp;
use serde_json::Map;
use serde_json::Value;

use crate::rest::error::FormErrors;

/// The embeds of `list`; faults are added to `errors`.
pub(super) fn parse(list: &[Value], errors: &mut FormErrors) -> Vec<Embed> {
    if list.len() > EMBED_COUNT_LIMIT {
        too_long("embeds", EMBED_COUNT_LIMIT, errors);
    }
    let mut embeds = Vec::new();
    for (number, value) in list.iter().take(EMBED_COUNT_LIMIT).enumerate() {
        let path = format!("embeds.{number}");
        match read(value) {
            Ok(embed) => {
                check(&embed, &path, errors);
                embeds.push(embed);
            }
            Err(Fault { field, code, message }) => {
                errors.push(&format!("{path}.{field}"), code, message);
            }
        }
    }
    if embeds.iter().map(embed::chars).sum::<usize>() > embed::EMBED_TOTAL_LENGTH {
        errors.push(
            "embeds",
            "MAX_EMBED_SIZE_EXCEEDED",
            format!("Embed size exceeds maximum size of {}", embed::EMBED_TOTAL_LENGTH),
        );
    }
    embeds
}

/// Why a value is no embed at all.
struct Fault {
    field: &'static str,
    code: &'static str,
    message: String,
}

fn read(value: &Value) -> Result<Embed, Fault> {
    let bad = |field, code, message: &str| Fault { field, code, message: message.to_owned() };
    let Some(map) = value.as_object() else {
        return Err(bad("", "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType"));
    };
    let mut map = map.clone();
    map.retain(|key, value| KEYS.contains(&key.as_str()) && !value.is_null());
    map.insert("type".to_owned(), Value::from("rich"));
    for part in ["author", "footer", "image", "thumbnail"] {
        if let Some(part) = map.get_mut(part).and_then(Value::as_object_mut) {
            part.retain(|key, value| PART_KEYS.contains(&key.as_str()) && !value.is_null());
        }
    }
    for field in map.get_mut("fields").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(field) = field.as_object_mut() {
            field.retain(|_, value| !value.is_null());
        }
    }
    if let Some(time) = map.remove("timestamp") {
        let time = time.as_str().and_then(timestamp);
        let time = time.ok_or_else(|| {
            bad("timestamp", "BASE_TYPE_BAD_DATETIME", "Not a valid ISO 8601 date and time.")
        })?;
        map.insert("timestamp".to_owned(), Value::from(time.iso_8601().to_string()));
    }
    without_pictures_without_url(&mut map);
    serde_json::from_value(Value::Object(map))
        .map_err(|error| bad("", "BASE_TYPE_BAD_VALUE", &error.to_string()))
}

/// Libraries send `"image": {"url": null}` or `{}` for no image.
fn without_pictures_without_url(map: &mut Map<String, Value>) {
    for part in ["image", "thumbnail"] {
        if map.get(part).is_some_and(|part| part.is_object() && part.get("url").is_none()) {
            map.remove(part);
        }
    }
}

const KEYS: [&str; 10] = [
    "title",
    "description",
    "url",
    "timestamp",
    "color",
    "footer",
    "image",
    "thumbnail",
    "author",
    "fields",
];
const PART_KEYS: [&str; 4] = ["name", "text", "url", "icon_url"];

fn check(embed: &Embed, path: &str, errors: &mut FormErrors) {
    let mut text = |field: &str, text: Option<&str>, most: usize| {
        if text.is_some_and(|text| text.chars().count() > most) {
            too_long(&format!("{path}.{field}"), most, errors);
        }
    };
    text("title", embed.title.as_deref(), embed::TITLE_LENGTH);
    text("description", embed.description.as_deref(), embed::DESCRIPTION_LENGTH);
    let author = embed.author.as_ref();
    text("author.name", author.map(|author| &*author.name), embed::AUTHOR_NAME_LENGTH);
    let footer = embed.footer.as_ref();
    text("footer.text", footer.map(|footer| &*footer.text), embed::FOOTER_TEXT_LENGTH);
    for (number, field) in embed.fields.iter().enumerate() {
        text(&format!("fields.{number}.name"), Some(&field.name), embed::FIELD_NAME_LENGTH);
        text(&format!("fields.{number}.value"), Some(&field.value), embed::FIELD_VALUE_LENGTH);
    }
    for (number, field) in embed.fields.iter().enumerate() {
        for (key, text) in [("name", &field.name), ("value", &field.value)] {
            if text.is_empty() {
                errors.push(
                    &format!("{path}.fields.{number}.{key}"),
                    "BASE_TYPE_REQUIRED",
                    "This field is required",
                );
            }
        }
    }
    if embed.fields.len() > embed::FIELD_COUNT {
        too_long(&format!("{path}.fields"), embed::FIELD_COUNT, errors);
    }
    if embed.color.is_some_and(|color| color > embed::COLOR_MAXIMUM) {
        errors.push(
            &format!("{path}.color"),
            "NUMBER_TYPE_MAX",
            format!("int value should be less than or equal to {}.", embed::COLOR_MAXIMUM),
        );
    }
    let links = [
        ("url", embed.url.as_deref(), false),
        ("author.url", author.and_then(|author| author.url.as_deref()), false),
        ("author.icon_url", author.and_then(|author| author.icon_url.as_deref()), true),
        ("footer.icon_url", footer.and_then(|footer| footer.icon_url.as_deref()), true),
        ("image.url", embed.image.as_ref().map(|image| &*image.url), true),
        ("thumbnail.url", embed.thumbnail.as_ref().map(|image| &*image.url), true),
    ];
    for (field, url, picture) in links {
        let Some(url) = url else { continue };
        let path = format!("{path}.{field}");
        if url.len() > URL_LENGTH {
            too_long(&path, URL_LENGTH, errors);
        }
        // Clients open these; `javascript:` and the like must never reach them.
        let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        match scheme.as_deref() {
            Some("http" | "https") => {}
            Some("attachment") if picture => {}
            _ => errors.push(
                &path,
                "URL_TYPE_INVALID_SCHEME",
                "Scheme must be one of ('http', 'https').",
            ),
        }
    }
}

fn too_long(path: &str, most: usize, errors: &mut FormErrors) {
    errors.push(path, "BASE_TYPE_MAX_LENGTH", format!("Must be {most} or fewer in length."));
}

/// Longest URL, in bytes (Discord accepts 2,048).
const URL_LENGTH: usize = 2_048;

/// A date and time of ISO 8601 as clients write it: `2026-01-31T12:00:00[.000][Z|+01:00]`, UTC
/// without an offset. twilight reads only the form that Discord itself sends.
pub(in crate::rest) fn timestamp(text: &str) -> Option<Timestamp> {
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = text.get(from..to)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
    };
    let marks = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    let marked = marks.iter().all(|&(at, mark)| text.as_bytes().get(at) == Some(&mark));
    let separated = matches!(text.as_bytes().get(10), Some(b'T' | b't' | b' '));
    if !marked || !separated {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let real = (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !real {
        return None;
    }
    let (mut micros, mut rest) = (0, text.get(19..)?);
    if let Some(fraction) = rest.strip_prefix('.') {
        let end = fraction.find(|c: char| !c.is_ascii_digit()).unwrap_or(fraction.len());
        let digits = fraction.get(..end.min(6)).filter(|digits| !digits.is_empty())?;
        micros = format!("{digits:0<6}").parse::<i64>().ok()?;
        rest = &fraction[end..];
    }
    let offset = match rest {
        "" | "Z" | "z" => 0,
        _ => {
            let sign = match rest.as_bytes()[0] {
                b'+' => 1,
                b'-' => -1,
                _ => return None,
            };
            let (hours, minutes) = rest.get(1..)?.split_once(':')?;
            let hours: i64 = hours.parse().ok().filter(|hours| (0..24).contains(hours))?;
            let minutes: i64 = minutes.parse().ok().filter(|minutes| (0..60).contains(minutes))?;
            sign * (hours * 60 + minutes) * 60
        }
    };
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Timestamp::from_micros((seconds - offset) * 1_000_000 + micros).ok()
}

fn days_of(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the Gregorian calendar, counting years from March so that the leap
/// day is a year's last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let before = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    before + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn errors_of(list: &[Value]) -> Value {
        let mut errors = FormErrors::default();
        parse(list, &mut errors);
        errors.tree()
    }

    #[test]
    fn an_embed_is_read_as_libraries_send_it() {
        let mut errors = FormErrors::default();

        let embeds = parse(
            &[json!({
                "title": "t", "color": null, "provider": {"name": "no"}, "type": "image",
                "timestamp": "2026-01-31T12:00:00.000Z", "footer": {"text": "f", "icon_url": null},
                "fields": [{"name": "a", "value": "b", "inline": null}], "image": {"url": null},
                "thumbnail": {"url": "attachment://a.png", "height": 5},
            })],
            &mut errors,
        );

        assert!(errors.is_empty());
        assert_eq!(
            json!(embeds[0]),
            json!({
                "type": "rich", "title": "t", "timestamp": "2026-01-31T12:00:00.000000+00:00",
                "footer": {"text": "f"}, "fields": [{"name": "a", "value": "b", "inline": false}],
                "thumbnail": {"url": "attachment://a.png"},
            })
        );
    }

    /// Where the fault is told, an embed with a text there, and the longest text.
    type Case = (&'static str, fn(String) -> Value, usize);

    #[test]
    fn each_limit_holds_at_its_edge_and_is_told_by_field() {
        let text = |n: usize| "é".repeat(n);
        let cases: [Case; 6] = [
            ("/0/title", |t| json!({ "title": t }), 256),
            ("/0/description", |t| json!({ "description": t }), 4_096),
            ("/0/footer/text", |t| json!({ "footer": { "text": t } }), 2_048),
            ("/0/author/name", |t| json!({ "author": { "name": t } }), 256),
            ("/0/fields/0/name", |t| json!({ "fields": [{ "name": t, "value": "v" }] }), 256),
            ("/0/fields/0/value", |t| json!({ "fields": [{ "name": "n", "value": t }] }), 1_024),
        ];

        for (path, embed, most) in cases {
            assert_eq!(errors_of(&[embed(text(most))]), json!({}), "{path}");
            let errors = errors_of(&[embed(text(most + 1))]);
            let fault = errors.pointer(&format!("/embeds{path}/_errors/0/code"));
            assert_eq!(fault, Some(&json!("BASE_TYPE_MAX_LENGTH")), "{path}: {errors}");
        }
    }

    #[test]
    fn all_embeds_together_are_limited() {
        let embed = json!({ "description": "x".repeat(3_001) });

        let errors = errors_of(&[embed.clone(), embed]);

        assert_eq!(errors["embeds"]["_errors"][0]["code"], "MAX_EMBED_SIZE_EXCEEDED");
        assert!(errors_of(&vec![json!({ "title": "t" }); 11])["embeds"]["_errors"].is_array());
    }

    #[test]
    fn only_links_that_browsers_may_open_pass() {
        for url in
            ["javascript:alert(1)", "JAVASCRIPT://x", "data:text/html,x", "/a", "attachment://a"]
        {
            assert_ne!(errors_of(&[json!({ "url": url })]), json!({}), "{url}");
        }
        assert_eq!(errors_of(&[json!({ "url": "HTTPS://example.com" })]), json!({}));
        assert_eq!(errors_of(&[json!({ "image": { "url": "attachment://a.png" } })]), json!({}));
    }

    #[test]
    fn what_is_no_embed_is_told_by_number() {
        let errors = errors_of(&[json!({ "title": "t" }), json!(5), json!({ "title": 5 })]);

        assert!(errors["embeds"]["1"]["_errors"].is_array());
        assert!(errors["embeds"]["2"]["_errors"].is_array());
        assert!(errors["embeds"]["0"].is_null());
    }

    #[test]
    fn times_are_read_in_every_form_that_clients_write() {
        let shown = |text| timestamp(text).map(|time| time.iso_8601().to_string());
        let noon = Some("2024-02-29T12:00:00.000000+00:00".to_owned());

        for text in [
            "2024-02-29T12:00:00Z",
            "2024-02-29 12:00:00",
            "2024-02-29T12:00:00.000000+00:00",
            "2024-02-29T13:30:00.0+01:30",
            "2024-02-28T23:00:00-13:00",
        ] {
            assert_eq!(shown(text), noon, "{text}");
        }
        for text in [
            "",
            "now",
            "2024-02-30T12:00:00Z",
            "2023-02-29T12:00:00Z",
            "2024-02-29T24:00:00Z",
            "2024-02-29T12:00:00.Z",
            "2024-02-29T12:00:00+1",
            "2024-02-29T12:00:00é",
            "2024-13-01T00:00:00Z",
            "2024-02-29T12:00",
            "+024-02-29T12:00:00Z",
        ] {
            assert_eq!(shown(text), None, "{text}");
        }
    }
}
