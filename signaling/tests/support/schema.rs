//! Holds every answer that a test sees against the server's own description of it.
//!
//! It is stricter than the document: there, other fields than those that are told are not forbidden,
//! so that clients which check do not break on what comes later; here they are faults.
#![allow(unreachable_pub, reason = "shared by test binaries")]

use axum::Router;
use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::Method;
use axum::http::Request;
use axum::http::StatusCode;
use axum::http::header;
use model::wire::util::Timestamp;
use serde_json::Value;
use tokio::sync::OnceCell;
use tower::ServiceExt as _;

/// The server's description; the same for all tests of a binary.
static DOCUMENT: OnceCell<Value> = OnceCell::const_new();

/// Demands that an answer to `method path` is one that the description knows of.
///
/// # Panics
///
/// When it is not: another status, another media type, a body of another shape.
pub async fn check(
    router: &Router,
    method: &Method,
    path: &str,
    answer: (StatusCode, &HeaderMap, &[u8]),
) {
    let document = DOCUMENT.get_or_init(|| read(router.clone())).await;
    let (status, headers, bytes) = answer;
    let Some(operation) = operation(document, method, path) else { return };
    if let Err(fault) = judge(document, operation, status, headers, bytes) {
        let told = String::from_utf8_lossy(&bytes[..bytes.len().min(2_000)]);
        panic!("{method} {path}: {fault}: {status} {told}");
    }
}

/// What the description says of `method path`; `None` for paths that are told by no one.
pub async fn told(router: &Router, method: &Method, path: &str) -> Option<&'static Value> {
    let document = DOCUMENT.get_or_init(|| read(router.clone())).await;
    operation(document, method, path)
}

async fn read(router: Router) -> Value {
    let request = Request::get("/api/openapi.json").body(Body::empty()).unwrap();
    let response = router.oneshot(request).await.expect("the router does not fail");
    let bytes = axum::body::to_bytes(response.into_body(), 16 << 20).await.unwrap();
    serde_json::from_slice(&bytes).expect("the description is JSON")
}

/// The operation that answers; `None` for paths that are told by no one.
fn operation<'a>(document: &'a Value, method: &Method, path: &str) -> Option<&'a Value> {
    let path = path.split('?').next().unwrap_or_default();
    let path = path.strip_prefix("/api")?;
    let path = path.strip_prefix("/v10").or_else(|| path.strip_prefix("/v9")).unwrap_or(path);
    let asked: Vec<_> = path.split('/').collect();
    let paths = document["paths"].as_object().expect("paths");
    let fitting = paths.iter().filter(|(template, _)| {
        let parts: Vec<_> = template.split('/').collect();
        parts.len() == asked.len()
            && parts.iter().zip(&asked).all(|(part, asked)| part == asked || part.starts_with('{'))
    });
    // The router prefers what is written to what may be anything, from the left.
    let best = fitting.min_by_key(|(template, _)| {
        template.split('/').map(|part| part.starts_with('{')).collect::<Vec<_>>()
    });
    best?.1.get(method.as_str().to_lowercase())
}

fn judge(
    document: &Value,
    operation: &Value,
    status: StatusCode,
    headers: &HeaderMap,
    bytes: &[u8],
) -> Result<(), String> {
    let response = &operation["responses"][status.as_str()];
    if response.is_null() {
        return Err("a status that is not told".to_owned());
    }
    let response = resolve(document, response);
    let Some(contents) = response.get("content").and_then(Value::as_object) else {
        return if bytes.is_empty() { Ok(()) } else { Err("a body where none is told".to_owned()) };
    };
    let media_type = headers.get(header::CONTENT_TYPE).map_or("none", |it| it.to_str().unwrap());
    let content = contents.get(media_type).ok_or_else(|| format!("{media_type} is not told"))?;
    if media_type != "application/json" {
        return Ok(());
    }
    let value: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    fits(document, &content["schema"], &value)
        .map_err(|(at, fault)| format!("at \"{at}\", {fault}"))
}

/// What a reference leads to.
fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => {
            let pointer = reference.strip_prefix('#').expect("references stay in the document");
            document.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"))
        }
        None => schema,
    }
}

/// Where a value does not fit, and why.
type Fault = (String, String);

fn fits(document: &Value, schema: &Value, value: &Value) -> Result<(), Fault> {
    let schema = resolve(document, schema);
    let fault = |text: String| Err((String::new(), text));
    if let Some(either) = schema["oneOf"].as_array() {
        let mut faults = either.iter().filter_map(|one| fits(document, one, value).err());
        let (first, all) = (faults.next(), faults.count() + 1 == either.len());
        return match first {
            Some(first) if all => Err(first),
            _ => Ok(()),
        };
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let allowed = |wanted: &Value| wanted == kind || (wanted == "number" && kind == "integer");
    let right = match &schema["type"] {
        Value::Null => true,
        Value::Array(kinds) => kinds.iter().any(allowed),
        wanted => allowed(wanted),
    };
    if !right {
        return fault(format!("{value} is no {}", schema["type"]));
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        return fault(format!("{value} is none of {words:?}"));
    }
    match value {
        Value::String(text) => {
            if schema["format"] == "date-time" && Timestamp::parse(text).is_err() {
                return fault(format!("{value} is no moment"));
            }
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let matches = match schema["pattern"].as_str() {
                None => true,
                Some("^[1-9][0-9]{0,19}$") => digits && !text.starts_with('0') && text.len() <= 20,
                Some("^[0-9]{1,20}$") => digits && text.len() <= 20,
                Some(pattern) => panic!("{pattern} is not known here"),
            };
            if !matches {
                return fault(format!("{value} is not {}", schema["pattern"]));
            }
        }
        Value::Array(list) => {
            for (at, one) in list.iter().enumerate() {
                fits(document, &schema["items"], one).map_err(|fault| below(at, fault))?;
            }
        }
        Value::Object(fields) => {
            let required = schema["required"].as_array().into_iter().flatten();
            let mut required = required.filter_map(Value::as_str);
            if let Some(missing) = required.find(|name| !fields.contains_key(*name)) {
                return fault(format!("`{missing}` is missing"));
            }
            // Where no fields are told, any may be there.
            let any = schema["additionalProperties"] == true || schema["type"].is_null();
            for (name, one) in fields {
                let told = match schema["properties"].get(name) {
                    Some(told) => told,
                    None if schema["additionalProperties"].is_object() => {
                        &schema["additionalProperties"]
                    }
                    None if any => continue,
                    None => return fault(format!("`{name}` is not told")),
                };
                fits(document, told, one).map_err(|fault| below(name, fault))?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// The same fault, seen from what holds it.
fn below(name: impl std::fmt::Display, (at, text): Fault) -> Fault {
    (if at.is_empty() { name.to_string() } else { format!("{name}.{at}") }, text)
}
