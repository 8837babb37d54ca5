//! An application as its bot and its owner see and change it.

use std::sync::Arc;

use aws_lc_rs::signature::Ed25519KeyPair;
use aws_lc_rs::signature::KeyPair as _;
use axum::extract::State;
use model::error_code::ErrorCode;
use model::id::ApplicationId;
use model::limits;
use serde::Deserialize;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use state::record::ApplicationRecord;

use crate::auth::Identity;
use crate::cdn::picture::Wish;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::carry::carry_out;
use crate::rest::error::FormErrors;
use crate::rest::extract::Auth;
use crate::rest::extract::Json;
use crate::rest::extract::Path;
use crate::rest::extract::some;
use crate::rest::interactions;
use crate::rest::oauth2;
use crate::rest::users;
use crate::wire;

/// The key by which an application's interactions are signed.
///
/// Made of the instance's key and the application's number: nothing more is to be kept secret, and
/// it is the same after every start.
pub(in crate::rest) fn signing_key(parts: &Parts, application: ApplicationId) -> Ed25519KeyPair {
    let seed = parts.cdn.derive(&format!("interactions of {application}"));
    // Every 32 bytes are a seed (RFC 8032 §5.1.5).
    Ed25519KeyPair::from_seed_unchecked(&seed).expect("32 bytes are a seed")
}

/// An application that `me` may manage: its bot, or its owner; and as which of the two.
pub(in crate::rest) async fn managed(
    parts: &Parts,
    me: &Identity,
    id: ApplicationId,
) -> Result<(ApplicationRecord, Manager), ApiError> {
    let record = parts.accounts.application(id).await?.ok_or(ErrorCode::UnknownApplication)?;
    if me.application.as_ref().is_some_and(|own| own.id == id) {
        Ok((record, Manager::Bot))
    } else if record.owner == Some(me.id()) {
        Ok((record, Manager::Owner))
    } else {
        Err(ErrorCode::NotThisApplication.into())
    }
}

/// Who manages an application. A bot's token is in more hands than its owner's: it cannot say where
/// people's codes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rest) enum Manager {
    Bot,
    Owner,
}

/// The application, whole; never its secret.
pub(super) async fn shown(parts: &Parts, record: &ApplicationRecord) -> Result<Value, ApiError> {
    let bot = parts.store.users().user(record.id.cast()).await?;
    let bot = bot.ok_or(ErrorCode::UnknownApplication)?;
    let owner = match record.owner {
        Some(owner) => parts.store.users().user(owner).await?,
        None => None,
    };
    let owner = owner.unwrap_or_else(|| Arc::clone(&bot));
    let key = signing_key(parts, record.id);
    let people = parts.auth.grants.people(record.id, parts.now_ms()).await?;
    let mut value = wire::application(record, &bot);
    let rest = json!({
        "verify_key": hex::encode(key.public_key().as_ref()),
        "owner": wire::user(&owner),
        "team": null,
        "redirect_uris": record.redirect_uris,
        "rpc_origins": [],
        "interactions_endpoint_url": record.interactions_endpoint_url,
        "role_connections_verification_url": null,
        "integration_types_config": {},
        "approximate_guild_count": parts.store.guilds_of(bot.id).len(),
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": people,
    });
    if let (Value::Object(value), Value::Object(rest)) = (&mut value, rest) {
        value.extend(rest);
        value.extend(record.links.clone());
    }
    Ok(value)
}

/// `GET /applications/@me` and `GET /oauth2/applications/@me`
pub(super) async fn show(
    Auth(me): Auth,
    State(parts): State<Parts>,
) -> Result<Json<Value>, ApiError> {
    let application = me.application.as_ref().ok_or(ErrorCode::OnlyBotsCanUse)?;
    Ok(Json(shown(&parts, application).await?))
}

/// `GET /applications/{application.id}`: for its bot and its owner.
pub(super) async fn show_one(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(application): Path<ApplicationId>,
) -> Result<Json<Value>, ApiError> {
    let (record, _) = managed(&parts, &me, application).await?;
    Ok(Json(shown(&parts, &record).await?))
}

/// A text, or one in several languages, of which the first is kept (OpenAPI: ApplicationFormPartial).
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Description {
    Text(String),
    Localized { default: String },
}

#[derive(Deserialize)]
pub(super) struct Patch {
    name: Option<String>,
    description: Option<Description>,
    tags: Option<Vec<String>>,
    #[serde(default, deserialize_with = "some")]
    interactions_endpoint_url: Option<Option<String>>,
    flags: Option<u64>,
    redirect_uris: Option<Vec<String>>,
    bot_public: Option<bool>,
    #[serde(default, deserialize_with = "some")]
    icon: Option<Option<String>>,
    bot_require_code_grant: Option<bool>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// `PATCH /applications/@me`
pub(super) async fn edit(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Json(patch): Json<Patch>,
) -> Result<Json<Value>, ApiError> {
    let application = me.application.as_ref().ok_or(ErrorCode::OnlyBotsCanUse)?.id;
    edited(&parts, &me, application, patch).await
}

/// `PATCH /applications/{application.id}`: for its bot and its owner.
pub(super) async fn edit_one(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(application): Path<ApplicationId>,
    Json(patch): Json<Patch>,
) -> Result<Json<Value>, ApiError> {
    edited(&parts, &me, application, patch).await
}

/// An endpoint for interactions must answer a PING first.
async fn edited(
    parts: &Parts,
    me: &Identity,
    application: ApplicationId,
    patch: Patch,
) -> Result<Json<Value>, ApiError> {
    let (mut record, manager) = managed(parts, me, application).await?;
    let mut errors = FormErrors::default();
    let url = patch.interactions_endpoint_url.clone();
    let bot = parts.store.users().user(record.id.cast()).await?;
    let bot = bot.ok_or(ErrorCode::UnknownApplication)?;
    // An application has its bot's face.
    let icon = Wish::read("icon", patch.icon.clone(), bot.avatar.as_deref())?;
    patch.onto(&mut record, manager, &mut errors);
    errors.finish()?;
    if let Some(url) = url {
        let url = url.filter(|url| !url.is_empty());
        if let Some(url) = &url {
            interactions::verify(parts, record.id, url).await?;
        }
        record.interactions_endpoint_url = url;
    }
    parts.accounts.put_application(&record).await?;
    parts.auth.forget(record.id.cast());
    if icon != Wish::Keep {
        carry_out(users::change_avatar(parts.clone(), bot.id, icon)).await?;
    }
    Ok(Json(shown(parts, &record).await?))
}

impl Patch {
    fn onto(self, record: &mut ApplicationRecord, manager: Manager, errors: &mut FormErrors) {
        if let Some(
            Description::Text(description) | Description::Localized { default: description },
        ) = self.description
        {
            if description.chars().count() > limits::APPLICATION_DESCRIPTION {
                too_long("description", limits::APPLICATION_DESCRIPTION, errors);
            }
            record.description = description;
        }
        if let Some(tags) = self.tags {
            if tags.len() > limits::APPLICATION_TAGS {
                too_long("tags", limits::APPLICATION_TAGS, errors);
            }
            for (number, tag) in tags.iter().enumerate() {
                if tag.is_empty() || tag.chars().count() > TAG {
                    too_long(&format!("tags.{number}"), TAG, errors);
                }
            }
            record.tags = tags;
        }
        if let Some(flags) = self.flags {
            let changes = flags ^ record.flags;
            record.flags ^= match manager {
                // Of its flags a bot changes only what its owner's switches leave it (Discord:
                // limited intents); the rest stays as it is.
                Manager::Bot => changes & record.flags & LIMITED_INTENTS,
                Manager::Owner => changes & (LIMITED_INTENTS | PUBLIC_CLIENT),
            };
        }
        for (field, value) in self.rest {
            if !LINKS.contains(&field.as_str()) {
                continue;
            }
            let is_address = |text: &str| {
                text.len() <= limits::URL
                    && reqwest::Url::parse(text)
                        .is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
            };
            if field.ends_with("_url")
                && !value.is_null()
                && !value.as_str().is_some_and(is_address)
            {
                errors.push(&field, "URL_TYPE_INVALID_URL", "Not a well formed URL.");
                continue;
            }
            if value.is_null() {
                record.links.remove(&field);
            } else {
                record.links.insert(field, value);
            }
        }
        if Value::Object(record.links.clone()).to_string().len() > limits::APPLICATION_LINKS {
            too_long("install_params", limits::APPLICATION_LINKS, errors);
        }
        if manager == Manager::Bot {
            return;
        }
        if let Some(name) = self.name {
            let name = name.trim();
            if !limits::USERNAME.contains(&name.chars().count()) {
                let message = "Must be between 2 and 32 in length.";
                errors.push("name", "BASE_TYPE_BAD_LENGTH", message);
            }
            name.clone_into(&mut record.name);
        }
        if let Some(uris) = self.redirect_uris {
            if uris.len() > limits::REDIRECT_URIS {
                too_long("redirect_uris", limits::REDIRECT_URIS, errors);
            }
            for (number, uri) in uris.iter().enumerate() {
                if let Some(fault) = oauth2::redirect_uri_fault(uri) {
                    errors.push(&format!("redirect_uris.{number}"), "URL_TYPE_INVALID_URL", fault);
                }
            }
            record.redirect_uris = uris;
        }
        record.private = self.bot_public.map_or(record.private, |public| !public);
        record.require_code_grant =
            self.bot_require_code_grant.unwrap_or(record.require_code_grant);
    }
}

fn too_long(path: &str, most: usize, errors: &mut FormErrors) {
    errors.push(path, "BASE_TYPE_MAX_LENGTH", format!("Must be {most} or fewer in length."));
}

/// What only travels: kept as it came, for clients that ask.
const LINKS: [&str; 6] = [
    "custom_install_url",
    "install_params",
    "integration_types_config",
    "privacy_policy_url",
    "role_connections_verification_url",
    "terms_of_service_url",
];
/// Longest tag, in characters (OpenAPI: ApplicationFormPartial).
const TAG: usize = 20;
/// GATEWAY_PRESENCE_LIMITED, GATEWAY_GUILD_MEMBERS_LIMITED, GATEWAY_MESSAGE_CONTENT_LIMITED.
const LIMITED_INTENTS: u64 = 1 << 13 | 1 << 15 | 1 << 19;
/// PUBLIC_OAUTH2_CLIENT.
const PUBLIC_CLIENT: u64 = oauth2::PUBLIC_CLIENT;
