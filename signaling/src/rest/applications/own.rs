//! The applications of a person: made, listed, given secrets, deleted. Discord documents none of it;
//! the shapes are its developer page's.

use axum::extract::State;
use axum::http::StatusCode;
use model::error_code::ErrorCode;
use model::id::ApplicationId;
use model::limits;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::record::ApplicationRecord;

use super::me;
use super::me::Manager;
use crate::auth::Accounts;
use crate::auth::Identity;
use crate::auth::grants::make_client_secret;
use crate::cdn::picture;
use crate::cdn::picture::Owner;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::carry::carry_out;
use crate::rest::error::FormErrors;
use crate::rest::extract::Auth;
use crate::rest::extract::Json;
use crate::rest::extract::Path;

async fn of(parts: &Parts, me: &Identity) -> Result<Vec<ApplicationRecord>, ApiError> {
    if me.user.bot {
        return Err(ErrorCode::BotsCannotUse.into());
    }
    let mut applications = parts.accounts.applications().await?;
    applications.retain(|application| application.owner == Some(me.id()));
    Ok(applications)
}

/// An application of `me`, who is its owner and not its bot.
async fn owned(
    parts: &Parts,
    me: &Identity,
    application: ApplicationId,
) -> Result<ApplicationRecord, ApiError> {
    match me::managed(parts, me, application).await? {
        (record, Manager::Owner) => Ok(record),
        (_, Manager::Bot) => Err(ErrorCode::BotsCannotUse.into()),
    }
}

/// `GET /applications`: oldest first.
pub(super) async fn list(
    Auth(me): Auth,
    State(parts): State<Parts>,
) -> Result<Json<Value>, ApiError> {
    let mut list = Vec::new();
    for application in of(&parts, &me).await? {
        list.push(me::shown(&parts, &application).await?);
    }
    Ok(Json(Value::Array(list)))
}

#[derive(Deserialize)]
pub(super) struct Create {
    name: String,
}

/// `POST /applications`: an application and its bot, which has no token until one is
/// [asked for](reset_token).
pub(super) async fn create(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Json(body): Json<Create>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    if of(&parts, &me).await?.len() >= limits::APPLICATIONS {
        let message = format!("You can have {} applications at most.", limits::APPLICATIONS);
        let errors = FormErrors::one("name", "APPLICATIONS_MAXIMUM", message);
        return Err(ApiError::Form(errors));
    }
    let made = carry_out(async move {
        let accounts = Accounts::from(&parts);
        let made = accounts.add_application(&body.name, Some(me.id()), 0).await?;
        me::shown(&parts, &made).await
    });
    Ok((StatusCode::CREATED, Json(made.await?)))
}

/// `POST /applications/{application.id}/reset`: a new client secret, told only now.
pub(super) async fn reset_secret(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(application): Path<ApplicationId>,
) -> Result<Json<Value>, ApiError> {
    let record = owned(&parts, &me, application).await?;
    let (secret, kept) = make_client_secret();
    let record = ApplicationRecord { secret: Some(kept), ..record };
    parts.accounts.put_application(&record).await?;
    parts.auth.forget(application.cast());
    Ok(Json(json!({ "secret": secret })))
}

/// `POST /applications/{application.id}/bot/reset`: a new token of the bot, told only now; the old
/// ones and its sessions end.
pub(super) async fn reset_token(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(application): Path<ApplicationId>,
) -> Result<Json<Value>, ApiError> {
    owned(&parts, &me, application).await?;
    let token =
        carry_out(async move { Ok(Accounts::from(&parts).reset_bot_token(application).await?) });
    Ok(Json(json!({ "token": token.await? })))
}

/// `POST /applications/{application.id}/delete`
pub(super) async fn delete(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(application): Path<ApplicationId>,
) -> Result<StatusCode, ApiError> {
    owned(&parts, &me, application).await?;
    carry_out(async move {
        for emoji in parts.apps.emojis(application).await? {
            picture::forget(&parts, Owner::Emoji(emoji.id), Some(""), None).await;
        }
        parts.apps.remove_all(application).await?;
        parts.commands.replace(application, None, &[]).await?;
        for guild in parts.store.guilds_of(application.cast()) {
            parts.commands.replace(application, Some(guild.id()), &[]).await?;
        }
        Accounts::from(&parts).remove_application(application).await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
