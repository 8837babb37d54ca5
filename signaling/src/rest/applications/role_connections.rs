//! Role connections: what an application may know of people, and what it says of each (Discord:
//! Application Role Connection Metadata, User/Application Role Connection).

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use model::error_code::ErrorCode;
use model::id::ApplicationId;
use model::limits;
use model::wire::util::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::apps::Localizations;
use state::apps::RoleConnection;
use state::apps::RoleConnectionField;
use state::record::ApplicationRecord;

use super::me;
use crate::auth::Scope;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::caller::Bearer;
use crate::rest::error::FormErrors;
use crate::rest::extract::Auth;
use crate::rest::extract::Json;
use crate::rest::extract::Path;

/// `GET /applications/{application.id}/role-connections/metadata`
pub(super) async fn fields(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(application): Path<ApplicationId>,
) -> Result<Json<Vec<RoleConnectionField>>, ApiError> {
    let (record, _) = me::managed(&parts, &me, application).await?;
    Ok(Json(record.role_connections))
}

#[derive(Deserialize)]
pub(super) struct Field {
    #[serde(rename = "type")]
    kind: u8,
    key: String,
    name: String,
    #[serde(default)]
    name_localizations: Option<Localizations>,
    description: String,
    #[serde(default)]
    description_localizations: Option<Localizations>,
}

/// `PUT /applications/{application.id}/role-connections/metadata`: all of them at once.
pub(super) async fn set_fields(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(application): Path<ApplicationId>,
    Json(fields): Json<Vec<Field>>,
) -> Result<Json<Vec<RoleConnectionField>>, ApiError> {
    let (record, _) = me::managed(&parts, &me, application).await?;
    let fields = checked(fields)?;
    let record = ApplicationRecord { role_connections: fields, ..record };
    parts.accounts.put_application(&record).await?;
    parts.auth.forget(application.cast());
    Ok(Json(record.role_connections))
}

fn checked(fields: Vec<Field>) -> Result<Vec<RoleConnectionField>, ApiError> {
    let mut errors = FormErrors::default();
    let most = limits::ROLE_CONNECTION_FIELDS;
    if fields.len() > most {
        let message = format!("Must be {most} or fewer in length.");
        errors.push("_root", "BASE_TYPE_MAX_LENGTH", message);
    }
    for (number, field) in fields.iter().enumerate().take(most) {
        let mut push = |name: &str, code: &str, message: &str| {
            errors.push(&format!("{number}.{name}"), code, message);
        };
        if !(1..=8).contains(&field.kind) {
            push("type", "BASE_TYPE_CHOICES", "Value must be between 1 and 8.");
        }
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if !(1..=50).contains(&field.key.len()) || !field.key.bytes().all(plain) {
            push("key", "STRING_TYPE_REGEX", "1 to 50 small letters, digits and underscores.");
        }
        if fields[..number].iter().any(|other| other.key == field.key) {
            push("key", "APPLICATION_ROLE_CONNECTION_KEY_DUPLICATE", "The key comes twice.");
        }
        if !(1..=100).contains(&field.name.chars().count()) {
            push("name", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.");
        }
        if !(1..=200).contains(&field.description.chars().count()) {
            push("description", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 200 in length.");
        }
        for (texts, name, most) in [
            (&field.name_localizations, "name_localizations", 100),
            (&field.description_localizations, "description_localizations", 200),
        ] {
            let long = |text: &String| !(1..=most).contains(&text.chars().count());
            if texts.as_ref().is_some_and(|texts| texts.len() > 64 || texts.values().any(long)) {
                push(name, "BASE_TYPE_BAD_LENGTH", "Has a text that is too long, or too many.");
            }
        }
    }
    errors.finish()?;
    let kept = fields.into_iter().map(|field| RoleConnectionField {
        kind: field.kind,
        key: field.key,
        name: field.name,
        name_localizations: field.name_localizations,
        description: field.description,
        description_localizations: field.description_localizations,
    });
    Ok(kept.collect())
}

/// The application of a token that may say such things, if it is the one that the path names.
async fn sayer(
    parts: &Parts,
    access: &crate::auth::Access,
    application: ApplicationId,
) -> Result<ApplicationRecord, ApiError> {
    if !access.has(Scope::RoleConnectionsWrite) {
        return Err(ErrorCode::MissingScope.into());
    }
    if access.grant.application != application {
        return Err(ErrorCode::NotThisApplication.into());
    }
    let record = parts.accounts.application(application).await?;
    record.ok_or_else(|| ErrorCode::UnknownApplication.into())
}

fn shown(connection: &RoleConnection) -> Value {
    json!({
        "platform_name": connection.platform_name,
        "platform_username": connection.platform_username,
        "metadata": connection.metadata,
    })
}

/// `GET /users/@me/applications/{application.id}/role-connection` (`role_connections.write`)
pub(super) async fn show(
    Bearer(access): Bearer,
    State(parts): State<Parts>,
    Path(application): Path<ApplicationId>,
) -> Result<Json<Value>, ApiError> {
    sayer(&parts, &access, application).await?;
    let found = parts.apps.role_connection(application, access.grant.user).await?;
    Ok(Json(shown(&found.unwrap_or_default())))
}

#[derive(Deserialize)]
pub(super) struct Said {
    platform_name: Option<String>,
    platform_username: Option<String>,
    #[serde(default)]
    metadata: Option<BTreeMap<String, Value>>,
}

/// `PUT /users/@me/applications/{application.id}/role-connection` (`role_connections.write`): all of
/// it at once.
pub(super) async fn set(
    Bearer(access): Bearer,
    State(parts): State<Parts>,
    Path(application): Path<ApplicationId>,
    Json(said): Json<Said>,
) -> Result<Json<Value>, ApiError> {
    let record = sayer(&parts, &access, application).await?;
    let connection = read(said, &record.role_connections)?;
    parts.apps.put_role_connection(application, access.grant.user, &connection).await?;
    Ok(Json(shown(&connection)))
}

/// `DELETE /users/@me/applications/{application.id}/role-connection` (`role_connections.write`)
pub(super) async fn remove(
    Bearer(access): Bearer,
    State(parts): State<Parts>,
    Path(application): Path<ApplicationId>,
) -> Result<StatusCode, ApiError> {
    sayer(&parts, &access, application).await?;
    parts.apps.remove_role_connection(application, access.grant.user).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn read(said: Said, fields: &[RoleConnectionField]) -> Result<RoleConnection, ApiError> {
    let mut errors = FormErrors::default();
    for (name, text, most) in [
        ("platform_name", &said.platform_name, 50),
        ("platform_username", &said.platform_username, 100),
    ] {
        if text.as_ref().is_some_and(|text| text.chars().count() > most) {
            errors.push(
                name,
                "BASE_TYPE_MAX_LENGTH",
                format!("Must be {most} or fewer in length."),
            );
        }
    }
    let mut metadata = BTreeMap::new();
    for (key, value) in said.metadata.unwrap_or_default() {
        let path = format!("metadata.{}", key.chars().take(64).collect::<String>());
        let field = fields.iter().find(|field| field.key == key);
        let text = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(yes) => u8::from(yes).to_string(),
            _ => String::new(),
        };
        match field {
            None => errors.push(&path, "BASE_TYPE_CHOICES", "The application has no such field."),
            Some(field) if !fits(field.kind, &text) => {
                errors.push(&path, "BASE_TYPE_BAD_VALUE", "This is no value of the field.");
            }
            Some(_) => {
                metadata.insert(key, text);
            }
        }
    }
    errors.finish()?;
    let (platform_name, platform_username) = (said.platform_name, said.platform_username);
    Ok(RoleConnection { platform_name, platform_username, metadata })
}

/// Whether a text is a value of such a field: 1 to 4 whole numbers, 5 and 6 moments, 7 and 8 yes or
/// no (Discord: Application Role Connection Metadata Type).
fn fits(kind: u8, text: &str) -> bool {
    match kind {
        1..=4 => text.parse::<i64>().is_ok(),
        // A moment, or a whole day.
        5 | 6 => {
            let day = format!("{text}T00:00:00+00:00");
            [text, day.as_str()].into_iter().any(|text| Timestamp::parse(text).is_ok())
        }
        _ => matches!(text, "0" | "1"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_what_their_field_is_of() {
        for (kind, text) in [
            (1, "3"),
            (2, "-4"),
            (5, "2026-01-02T03:04:05+00:00"),
            (6, "2026-01-02"),
            (7, "1"),
            (8, "0"),
        ] {
            assert!(fits(kind, text), "{kind} {text}");
        }
        for (kind, text) in [(1, "three"), (1, ""), (5, "yesterday"), (7, "2"), (8, "true")] {
            assert!(!fits(kind, text), "{kind} {text}");
        }
    }
}
