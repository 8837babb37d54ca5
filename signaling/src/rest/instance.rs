//! What this instance is, and the invites to it.

use axum::extract::State;
use model::error_code::ErrorCode;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

use super::ApiError;
use super::extract::Auth;
use super::extract::Json;
use super::invites;
use super::route::Routes;
use super::route::get;
use crate::auth::Accounts;
use crate::auth::Identity;
use crate::auth::accounts::InstanceInvite;
use crate::parts::Parts;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route("/instance", get(instance))
        .route("/instance/invites", get(list).post(invite))
        .route("/ping", get(|| async { Json(json!({ "ping": "pong!" })) }))
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
