//! Registering, logging in and out. Discord documents none of it; the shapes are its clients'.

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::header;
use model::gateway::DispatchName;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

use super::ApiError;
use super::automod;
use super::carry::carry_out;
use super::extract::Auth;
use super::extract::Json;
use super::limit::ClientIp;
use super::route::Routes;
use super::route::effects;
use super::route::post;
use super::schema;
use crate::auth::Accounts;
use crate::auth::accounts::Registration;
use crate::parts::Parts;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route(
            "/auth/register",
            post(register)
                .gives(&schema::people::SIGNED_IN)
                .may_log(effects::NAMING)
                .may_tell(&[DispatchName::GuildMemberAdd])
                .may_tell(effects::PROFILE),
        )
        .route("/auth/login", post(login).gives(&schema::people::SIGNED_IN).tells_nobody())
        .route(
            "/auth/logout",
            post(logout).may_tell(&[
                DispatchName::PresenceUpdate,
                DispatchName::VoiceStateUpdate,
                DispatchName::VoiceChannelStartTimeUpdate,
                DispatchName::VoiceChannelStatusUpdate,
            ]),
        )
}

#[derive(Deserialize)]
struct Register {
    username: String,
    password: String,
    global_name: Option<String>,
    invite: Option<String>,
}

/// `POST /auth/register`
async fn register(
    State(parts): State<Parts>,
    Json(body): Json<Register>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let wanted = Registration {
        username: body.username,
        password: body.password,
        global_name: body.global_name,
        invite: body.invite,
        open: parts.config.open_registration,
        first_guild: parts.config.name.clone(),
    };
    // Who hangs up between the invite's use and the account's making would have paid for nothing.
    let made = carry_out(async move {
        let account = Accounts::from(&parts).register(wanted).await?;
        for guild in parts.store.guilds_of(account.user.id) {
            automod::profile(&parts, guild.id(), account.user.id, false).await;
        }
        let token = parts.auth.issue(account.user.id, parts.now_ms()).await?;
        Ok(json!({ "token": token, "user_id": account.user.id }))
    });
    Ok((StatusCode::CREATED, Json(made.await?)))
}

#[derive(Deserialize)]
struct Login {
    #[serde(alias = "email", alias = "username")]
    login: String,
    password: String,
}

/// `POST /auth/login`
async fn login(
    State(parts): State<Parts>,
    Extension(ClientIp(ip)): Extension<ClientIp>,
    Json(body): Json<Login>,
) -> Result<Json<Value>, ApiError> {
    parts.limiter.login(ip, &body.login, parts.now_ms())?;
    let account = Accounts::from(&parts).login(&body.login, body.password).await?;
    let token = parts.auth.issue(account.user.id, parts.now_ms()).await?;
    Ok(Json(json!({ "token": token, "user_id": account.user.id })))
}

/// `POST /auth/logout`: the token of this request ends, others of the account stay.
async fn logout(
    Auth(_): Auth,
    State(parts): State<Parts>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    parts.auth.revoke(token.unwrap_or_default()).await?;
    Ok(StatusCode::NO_CONTENT)
}
