//! An application as its bot sees and changes it.

use aws_lc_rs::signature::Ed25519KeyPair;
use aws_lc_rs::signature::KeyPair as _;
use axum::extract::State;
use model::error_code::ErrorCode;
use model::limits;
use serde::Deserialize;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use state::record::ApplicationRecord;

use crate::auth::Identity;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::error::FormErrors;
use crate::rest::extract::Auth;
use crate::rest::extract::Json;
use crate::rest::extract::some;
use crate::rest::interactions;
use crate::wire;

/// The key by which an application's interactions are signed.
///
/// Made of the instance's key and the application's number: nothing more is to be kept secret, and
/// it is the same after every start.
pub(in crate::rest) fn signing_key(
    parts: &Parts,
    application: model::id::ApplicationId,
) -> Ed25519KeyPair {
    let seed = parts.cdn.derive(&format!("interactions of {application}"));
    // Every 32 bytes are a seed (RFC 8032 §5.1.5).
    Ed25519KeyPair::from_seed_unchecked(&seed).expect("32 bytes are a seed")
}

async fn shown(
    parts: &Parts,
    me: &Identity,
    record: &ApplicationRecord,
) -> Result<Value, ApiError> {
    let owner = match record.owner {
        Some(owner) => parts.store.users().user(owner).await?,
        None => None,
    };
    let owner = owner.unwrap_or_else(|| me.user.clone());
    let key = signing_key(parts, record.id);
    let mut value = json!({
        "id": record.id,
        "name": record.name,
        "icon": me.user.avatar,
        "description": record.description,
        "summary": "",
        "type": null,
        "bot": wire::user(&me.user),
        "bot_public": true,
        "bot_require_code_grant": false,
        "verify_key": hex::encode(key.public_key().as_ref()),
        "flags": record.flags,
        "owner": wire::user(&owner),
        "team": null,
        "tags": record.tags,
        "hook": true,
        "redirect_uris": [],
        "rpc_origins": [],
        "interactions_endpoint_url": record.interactions_endpoint_url,
        "role_connections_verification_url": null,
        "integration_types_config": {},
        "approximate_guild_count": parts.store.guilds_of(me.id()).len(),
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
    });
    for (field, link) in &record.links {
        value[field] = link.clone();
    }
    Ok(value)
}

/// `GET /applications/@me` and `GET /oauth2/applications/@me`
pub(super) async fn show(
    Auth(me): Auth,
    State(parts): State<Parts>,
) -> Result<Json<Value>, ApiError> {
    let application = me.application.as_ref().ok_or(ErrorCode::OnlyBotsCanUse)?;
    Ok(Json(shown(&parts, &me, application).await?))
}

#[derive(Deserialize)]
pub(super) struct Patch {
    description: Option<String>,
    tags: Option<Vec<String>>,
    #[serde(default, deserialize_with = "some")]
    interactions_endpoint_url: Option<Option<String>>,
    flags: Option<u64>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// `PATCH /applications/@me`: an endpoint for interactions must answer a PING first.
pub(super) async fn edit(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Json(patch): Json<Patch>,
) -> Result<Json<Value>, ApiError> {
    let application = me.application.as_ref().ok_or(ErrorCode::OnlyBotsCanUse)?;
    let mut record =
        parts.accounts.application(application.id).await?.ok_or(ErrorCode::UnknownApplication)?;
    let mut errors = FormErrors::default();
    if let Some(description) = patch.description {
        if description.chars().count() > limits::APPLICATION_DESCRIPTION {
            too_long("description", limits::APPLICATION_DESCRIPTION, &mut errors);
        }
        record.description = description;
    }
    if let Some(tags) = patch.tags {
        if tags.len() > limits::APPLICATION_TAGS {
            too_long("tags", limits::APPLICATION_TAGS, &mut errors);
        }
        for (number, tag) in tags.iter().enumerate() {
            if tag.is_empty() || tag.chars().count() > TAG {
                too_long(&format!("tags.{number}"), TAG, &mut errors);
            }
        }
        record.tags = tags;
    }
    if let Some(flags) = patch.flags {
        // Of its flags a bot changes only what its owner's switches leave it (Discord: limited
        // intents); the rest stays as it is.
        let changes = flags ^ record.flags;
        record.flags ^= changes & record.flags & LIMITED_INTENTS;
    }
    for (field, value) in patch.rest {
        if !LINKS.contains(&field.as_str()) {
            continue;
        }
        if value.is_null() {
            record.links.remove(&field);
        } else {
            record.links.insert(field, value);
        }
    }
    if Value::Object(record.links.clone()).to_string().len() > limits::APPLICATION_LINKS {
        too_long("install_params", limits::APPLICATION_LINKS, &mut errors);
    }
    errors.finish()?;
    if let Some(url) = patch.interactions_endpoint_url {
        let url = url.filter(|url| !url.is_empty());
        if let Some(url) = &url {
            interactions::verify(&parts, record.id, url).await?;
        }
        record.interactions_endpoint_url = url;
    }
    parts.accounts.put_application(&record).await?;
    parts.auth.forget(me.id());
    Ok(Json(shown(&parts, &me, &record).await?))
}

fn too_long(path: &str, most: usize, errors: &mut FormErrors) {
    errors.push(path, "BASE_TYPE_MAX_LENGTH", format!("Must be {most} or fewer in length."));
}

/// What only travels: kept as it came, for clients that ask.
const LINKS: [&str; 4] = [
    "custom_install_url",
    "install_params",
    "integration_types_config",
    "role_connections_verification_url",
];
/// Longest tag, in characters (OpenAPI: ApplicationFormPartial).
const TAG: usize = 20;
/// GATEWAY_PRESENCE_LIMITED, GATEWAY_GUILD_MEMBERS_LIMITED, GATEWAY_MESSAGE_CONTENT_LIMITED.
const LIMITED_INTENTS: u64 = 1 << 13 | 1 << 15 | 1 << 19;
