//! What this instance is, and the invites to it.

use axum::Router;
use axum::extract::State;
use axum::routing;
use model::error_code::ErrorCode;
use model::limits;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

use super::ApiError;
use super::extract::Auth;
use super::extract::Json;
use super::invites;
use super::route::Routes;
use super::route::get;
use super::schema;
use crate::auth::Accounts;
use crate::auth::Identity;
use crate::auth::accounts::InstanceInvite;
use crate::cdn::Origin;
use crate::parts::Parts;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route("/instance", get(instance).gives(&schema::instance::INSTANCE))
        .route(
            "/instance/invites",
            get(list)
                .lists(&schema::channels::INVITE)
                .post(invite)
                .gives(&schema::channels::INVITE)
                .tells_nobody(),
        )
        .route("/policies/instance/domains", get(domains).gives(&schema::instance::DOMAINS))
        .route("/policies/instance", get(policies).gives(&schema::instance::POLICIES))
        .route("/policies/instance/config", get(rules).gives(&schema::instance::RULES))
        .route("/ping", get(ping).gives(&schema::instance::PONG))
}

/// `GET /instance`: what a client shows before anyone logs in. Our own route; no authentication.
async fn instance(State(parts): State<Parts>) -> Json<Value> {
    let registration = if parts.config.open_registration { "open" } else { "invite" };
    Json(json!({
        "name": parts.config.name,
        "version": env!("CARGO_PKG_VERSION"),
        "api_versions": [9, 10],
        "registration": registration,
        "max_upload": parts.config.max_upload,
    }))
}

/// `GET /policies/instance/domains`: where clients that know Spacebar find everything.
async fn domains(origin: Origin) -> Json<Value> {
    Json(json!({
        "cdn": origin.as_str(),
        "gateway": socket(&origin),
        "defaultApiVersion": "9",
        "apiEndpoint": format!("{}/api", origin.as_str()),
    }))
}

/// The gateway of an origin.
fn socket(origin: &Origin) -> String {
    origin.as_str().replacen("http", "ws", 1)
}

/// `GET /ping`: that the API is here, and whose it is, by Spacebar's names; no authentication.
async fn ping(State(parts): State<Parts>) -> Json<Value> {
    Json(json!({
        "ping": "pong!",
        "instance": {
            "id": null,
            "name": parts.config.name,
            "description": null,
            "image": null,
            "correspondenceEmail": null,
            "correspondenceUserID": null,
            "frontPage": null,
            "tosPage": null,
        },
    }))
}

/// `GET /policies/instance`: what Spacebar's clients call an instance.
async fn policies(State(parts): State<Parts>) -> Json<Value> {
    Json(json!({
        "instanceName": parts.config.name,
        "instanceDescription": null,
        "frontPage": null,
        "tosPage": null,
        "correspondenceEmail": null,
        "correspondenceUserID": null,
        "image": null,
    }))
}

/// `GET /policies/instance/config`: limits and rules, by Spacebar's names.
async fn rules(State(parts): State<Parts>) -> Json<Value> {
    let open = parts.config.open_registration;
    Json(json!({
        "limits_user_maxGuilds": limits::GUILDS,
        "limits_user_maxBio": limits::BIO,
        "limits_user_maxPronouns": limits::PRONOUNS,
        "limits_guild_maxEmojis": 2 * limits::EMOJIS,
        "limits_guild_maxRoles": limits::ROLES,
        "limits_message_maxCharacters": limits::CONTENT_LENGTH,
        "limits_message_maxAttachmentSize": parts.config.max_upload,
        "limits_message_maxEmbedDownloadSize": 0,
        "limits_channel_maxWebhooks": limits::WEBHOOKS,
        "register_dateOfBirth_required": false,
        "register_password_required": true,
        "register_disabled": false,
        "register_requireInvite": !open,
        "register_allowNewRegistration": true,
        "register_allowMultipleAccounts": true,
        "register_email_required": false,
        "guild_autoJoin_canLeave": true,
        "guild_autoJoin_guilds_x": [],
        "can_recover_account": false,
    }))
}

/// What clients of other people's servers ask a host, outside the API (Spacebar: Well-known).
pub(crate) fn well_known() -> Router<Parts> {
    Router::new()
        .route("/.well-known/spacebar", routing::get(spacebar))
        .route("/.well-known/spacebar/client", routing::get(spacebar_client))
}

/// `GET /.well-known/spacebar`
async fn spacebar(origin: Origin) -> Json<Value> {
    Json(json!({ "api": format!("{}/api/v9", origin.as_str()) }))
}

/// `GET /.well-known/spacebar/client`
async fn spacebar_client(origin: Origin) -> Json<Value> {
    Json(json!({
        "api": { "baseUrl": origin.as_str(), "apiVersions": { "default": "9", "active": ["9", "10"] } },
        "gateway": {
            "baseUrl": socket(&origin),
            "encoding": ["json"],
            "compression": ["zlib-stream", "zstd-stream"],
        },
        "cdn": { "baseUrl": origin.as_str() },
    }))
}

fn require_owner(me: &Identity) -> Result<(), ApiError> {
    if me.owner { Ok(()) } else { Err(ErrorCode::MissingPermissions.into()) }
}

/// `GET /instance/invites`: the invites to register here. Our own route; for the owner.
async fn list(Auth(me): Auth, State(parts): State<Parts>) -> Result<Json<Value>, ApiError> {
    require_owner(&me)?;
    let now_ms = parts.now_ms();
    let invites = parts.invites.list(None).await?;
    let valid = invites.iter().filter(|invite| invite.is_valid(now_ms) && !invite.owner);
    Ok(Json(valid.map(|invite| invites::detailed(invite, None, None)).collect()))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Wanted {
    max_age: Option<u32>,
    max_uses: Option<u32>,
}

/// `POST /instance/invites`: an invite to register here and nothing more. Our own route; for the
/// owner.
async fn invite(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Json(body): Json<Wanted>,
) -> Result<Json<Value>, ApiError> {
    require_owner(&me)?;
    let terms = invites::Terms::parse(body.max_age, body.max_uses)?;
    let wanted = InstanceInvite {
        max_uses: terms.max_uses,
        max_age: terms.max_age,
        owner: false,
        inviter: Some(me.id()),
    };
    let invite = Accounts::from(&parts).invite_to_instance(wanted).await?;
    Ok(Json(invites::detailed(&invite, None, Some(&me.user))))
}
