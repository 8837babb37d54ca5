//! What is allowed to whom: told to applications of their own token, and to people of all.

use axum::extract::State;
use axum::http::StatusCode;
use model::error_code::ErrorCode;
use model::id::GrantId;
use serde_json::Value;
use serde_json::json;
use state::oauth::GrantRecord;

use crate::auth::Scope;
use crate::cdn::Origin;
use crate::parts::Parts;
use crate::parts::timestamp;
use crate::rest::ApiError;
use crate::rest::caller::Bearer;
use crate::rest::extract::Auth;
use crate::rest::extract::Json;
use crate::rest::extract::Path;
use crate::wire;

/// The application of a grant as everyone may see it.
async fn application(parts: &Parts, grant: &GrantRecord) -> Result<Value, ApiError> {
    let record = parts.accounts.application(grant.application).await?;
    let bot = parts.store.users().user(grant.application.cast()).await?;
    match (record, bot) {
        (Some(record), Some(bot)) => Ok(wire::application(&record, &bot)),
        _ => Err(ErrorCode::UnknownApplication.into()),
    }
}

/// `GET /oauth2/@me`: of the token that asks.
pub(super) async fn me(
    Bearer(access): Bearer,
    State(parts): State<Parts>,
) -> Result<Json<Value>, ApiError> {
    let mut value = json!({
        "application": application(&parts, &access.grant).await?,
        "scopes": access.grant.scopes,
        "expires": timestamp(access.expires_ms),
    });
    if access.has(Scope::Identify) {
        value["user"] = wire::user(&access.identity.user);
    }
    Ok(Json(value))
}

/// `GET /oauth2/userinfo`: who someone is, as OpenID Connect says it (`openid`).
pub(super) async fn userinfo(
    Bearer(access): Bearer,
    State(parts): State<Parts>,
    origin: Origin,
) -> Result<Json<Value>, ApiError> {
    if !access.has(Scope::OpenId) {
        return Err(ErrorCode::MissingScope.into());
    }
    let user = parts.store.users().user(access.identity.id()).await?;
    let user = user.ok_or(ErrorCode::Unauthorized)?;
    let mut value = json!({ "sub": user.id });
    if access.has(Scope::Identify) {
        value["preferred_username"] = json!(user.username);
        value["nickname"] = json!(user.global_name);
        value["locale"] = json!("en-US");
        if let Some(avatar) = &user.avatar {
            let picture = format!("{}/avatars/{}/{avatar}.png", origin.as_str(), user.id);
            value["picture"] = Value::String(picture);
        }
    }
    if access.has(Scope::Email) {
        value["email"] = Value::Null;
        value["email_verified"] = json!(false);
    }
    Ok(Json(value))
}

/// `GET /oauth2/keys`: by which ID tokens are signed; there are no such tokens here.
pub(super) async fn keys() -> Json<Value> {
    Json(json!({ "keys": [] }))
}

/// `GET /oauth2/tokens`: the applications that `me` allows something, one entry each.
pub(super) async fn list(
    Auth(me): Auth,
    State(parts): State<Parts>,
) -> Result<Json<Value>, ApiError> {
    let grants = parts.auth.grants.of_user(me.id(), parts.now_ms()).await?;
    let mut shown: Vec<(GrantRecord, Vec<String>)> = Vec::new();
    for grant in grants {
        let same = |(one, _): &&mut (GrantRecord, _)| one.application == grant.application;
        match shown.iter_mut().find(same) {
            Some((one, scopes)) => {
                let new = grant.scopes.iter().filter(|scope| !scopes.contains(scope)).cloned();
                let new: Vec<_> = new.collect();
                scopes.extend(new);
                *one = grant;
            }
            None => {
                let scopes = grant.scopes.clone();
                shown.push((grant, scopes));
            }
        }
    }
    let mut list = Vec::new();
    for (grant, scopes) in shown {
        // One whose application was deleted at this moment is not shown.
        if let Ok(application) = application(&parts, &grant).await {
            list.push(json!({ "id": grant.id, "scopes": scopes, "application": application }));
        }
    }
    Ok(Json(Value::Array(list)))
}

/// `DELETE /oauth2/tokens/{token.id}`: the application is allowed nothing any more.
pub(super) async fn remove(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(token): Path<GrantId>,
) -> Result<StatusCode, ApiError> {
    let grants = parts.auth.grants.of_user(me.id(), parts.now_ms()).await?;
    let grant = grants.into_iter().find(|grant| grant.id == token);
    let grant = grant.ok_or(ErrorCode::UnknownToken)?;
    parts.auth.grants.end_all(grant.application, Some(me.id())).await?;
    Ok(StatusCode::NO_CONTENT)
}
