//! A request body, checked: what was wrong is told by field, what is right cannot be wrong later.

use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::MessageId;
use model::id::RoleId;
use model::id::UserId;
use model::limits;
use model::validate;
use model::wire::channel::message::Embed;
use serde::Deserialize;
use serde_json::Value;

use crate::rest::ApiError;
use crate::rest::error::FormErrors;

/// The body of Create Message and Edit Message (Discord: Create Message).
#[derive(Deserialize, Default)]
pub(super) struct Body {
    #[serde(default, deserialize_with = "crate::rest::extract::some")]
    pub content: Option<Option<String>>,
    #[serde(default)]
    pub tts: Option<bool>,
    pub nonce: Option<Value>,
    #[serde(default)]
    pub enforce_nonce: Option<bool>,
    #[serde(default, deserialize_with = "crate::rest::extract::some")]
    pub embeds: Option<Option<Vec<Value>>>,
    /// An old form that some libraries still send.
    pub embed: Option<Value>,
    pub allowed_mentions: Option<AllowedMentions>,
    pub message_reference: Option<Reference>,
    #[serde(default)]
    pub components: Option<Vec<Value>>,
    pub flags: Option<u64>,
    #[serde(default)]
    pub attachments: Option<Vec<AttachmentMeta>>,
}

/// What may be notified (Discord: Allowed Mentions Object).
#[derive(Deserialize, Default, Debug, Clone)]
pub(super) struct AllowedMentions {
    /// Kinds that are all allowed: `roles`, `users`, `everyone`.
    pub parse: Option<Vec<String>>,
    #[serde(default)]
    pub roles: Option<Vec<RoleId>>,
    #[serde(default)]
    pub users: Option<Vec<UserId>>,
    #[serde(default)]
    pub replied_user: Option<bool>,
}

/// The message that one answers.
#[derive(Deserialize, Debug, Clone)]
pub(super) struct Reference {
    pub message_id: Option<MessageId>,
    #[serde(default)]
    pub channel_id: Option<ChannelId>,
    #[serde(default)]
    pub guild_id: Option<GuildId>,
    #[serde(default)]
    pub fail_if_not_exists: Option<bool>,
    #[serde(rename = "type", default)]
    pub kind: Option<u8>,
}

/// What a client says of a file: of a new one by its number in the form, of a kept one by its id.
#[derive(Deserialize, Debug, Clone)]
pub(super) struct AttachmentMeta {
    pub id: Value,
    #[serde(default)]
    pub filename: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
}

impl AttachmentMeta {
    /// The number or snowflake, which clients send as either.
    pub(super) fn number(&self) -> Option<u64> {
        self.id.as_u64().or_else(|| self.id.as_str()?.parse().ok())
    }
}

impl Body {
    /// The checked text, if the body has one.
    pub(super) fn content(&self) -> Result<Option<String>, ApiError> {
        let Some(content) = &self.content else { return Ok(None) };
        let content = content.as_deref().unwrap_or_default();
        if content.chars().count() > limits::CONTENT_LENGTH {
            return Err(ApiError::Form(FormErrors::one(
                "content",
                "BASE_TYPE_MAX_LENGTH",
                format!("Must be {} or fewer in length.", limits::CONTENT_LENGTH),
            )));
        }
        Ok(Some(content.to_owned()))
    }

    /// The checked embeds, if the body has any.
    pub(super) fn embeds(&self) -> Result<Option<Vec<Embed>>, ApiError> {
        let single = self.embed.as_ref().filter(|embed| !embed.is_null()).map(std::slice::from_ref);
        let list = match (&self.embeds, single) {
            (Some(list), _) => list.as_deref().unwrap_or_default(),
            (None, Some(single)) => single,
            (None, None) => return Ok(None),
        };
        let mut errors = FormErrors::default();
        if list.len() > validate::message::EMBED_COUNT_LIMIT {
            errors.push("embeds", "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.");
        }
        let mut embeds = Vec::new();
        for (number, value) in list.iter().take(validate::message::EMBED_COUNT_LIMIT).enumerate() {
            match embed(value) {
                Ok(embed) => embeds.push(embed),
                Err(message) => {
                    errors.push(&format!("embeds.{number}"), "BASE_TYPE_BAD_VALUE", message);
                }
            }
        }
        errors.finish()?;
        Ok(Some(embeds))
    }

    /// The checked nonce: a string of up to 25 characters, or an integer.
    pub(super) fn nonce(&self) -> Result<Option<String>, ApiError> {
        let nonce = match &self.nonce {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(nonce)) => nonce.clone(),
            Some(Value::Number(nonce)) => nonce.to_string(),
            Some(_) => String::from("!").repeat(limits::NONCE_LENGTH + 1),
        };
        if nonce.chars().count() > limits::NONCE_LENGTH {
            return Err(ApiError::Form(FormErrors::one(
                "nonce",
                "NONCE_TYPE_TOO_LONG",
                "Must be a string of 25 or fewer characters, or an integer.",
            )));
        }
        Ok(Some(nonce).filter(|nonce| !nonce.is_empty()))
    }

    /// Components are passed through as they came, within limits.
    pub(super) fn components(&self) -> Result<Option<Vec<Value>>, ApiError> {
        let Some(components) = &self.components else { return Ok(None) };
        if components.len() > 40 {
            return Err(ApiError::Form(FormErrors::one(
                "components",
                "BASE_TYPE_BAD_LENGTH",
                "Must be 40 or fewer in length.",
            )));
        }
        Ok(Some(components.clone()))
    }
}

/// One embed. Clients leave out `type`; they may not set what only links have.
fn embed(value: &Value) -> Result<Embed, String> {
    let mut value = value.clone();
    let Some(map) = value.as_object_mut() else { return Err("Must be an object.".to_owned()) };
    map.insert("type".to_owned(), Value::from("rich"));
    for key in ["provider", "video"] {
        map.remove(key);
    }
    map.retain(|_, part| !part.is_null());
    if let Some(fields) = map.get_mut("fields").and_then(Value::as_array_mut) {
        for field in fields.iter_mut().filter_map(Value::as_object_mut) {
            field.entry("inline").or_insert(Value::Bool(false));
        }
    }
    let embed: Embed = serde_json::from_value(value).map_err(|error| error.to_string())?;
    validate::embed::embed(&embed).map_err(|error| error.to_string())?;
    Ok(embed)
}

/// Refuses a message without anything in it.
pub(super) fn require_something(
    content: &str,
    embeds: usize,
    attachments: usize,
    components: usize,
) -> Result<(), ApiError> {
    if content.trim().is_empty() && embeds == 0 && attachments == 0 && components == 0 {
        return Err(ErrorCode::EmptyMessage.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(json: &str) -> Body {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn content_of_2000_characters_passes_and_one_more_does_not() {
        let text = |n: usize| format!(r#"{{"content":"{}"}}"#, "é".repeat(n));

        assert!(body(&text(2_000)).content().is_ok());
        assert!(matches!(body(&text(2_001)).content(), Err(ApiError::Form(_))));
    }

    #[test]
    fn an_embed_is_read_without_its_type_and_with_nulls() {
        let embeds = body(
            r#"{"embeds":[{"title":"t","color":null,"fields":[{"name":"a","value":"b"}],
                "footer":{"text":"f"}}]}"#,
        )
        .embeds()
        .unwrap()
        .unwrap();

        assert_eq!(embeds[0].title.as_deref(), Some("t"));
        assert_eq!(embeds[0].fields[0].name, "a");
    }

    #[test]
    fn too_large_or_broken_embeds_are_told_by_number() {
        let long = "x".repeat(257);

        let result =
            body(&format!(r#"{{"embeds":[{{"title":"ok"}},{{"title":"{long}"}}]}}"#)).embeds();

        assert!(matches!(result, Err(ApiError::Form(_))));
    }

    #[test]
    fn a_nonce_is_a_short_string_or_a_number() {
        assert_eq!(body(r#"{"nonce":"abc"}"#).nonce().unwrap().as_deref(), Some("abc"));
        assert_eq!(body(r#"{"nonce":12}"#).nonce().unwrap().as_deref(), Some("12"));
        assert!(body(r#"{"nonce":{}}"#).nonce().is_err());
        assert!(body(&format!(r#"{{"nonce":"{}"}}"#, "n".repeat(26))).nonce().is_err());
    }
}
