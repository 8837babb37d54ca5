//! The consent: what an application asks a person for, and what the person answers.
//!
//! Who follows an application's link is led to the web client's page, which asks here as every
//! user's client does: with the person's token in a header, that no other page can send. Nobody is
//! sent to an application's address before they answered (RFC 9700 §4.11.2).

use std::sync::Arc;

use axum::Extension;
use axum::extract::RawQuery;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse as _;
use axum::response::Response;
use model::error_code::ErrorCode;
use model::id::GuildId;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::oauth::GrantRecord;
use state::record::ApplicationRecord;
use state::record::UserRecord;

use super::install;
use super::request;
use super::request::Parameters;
use super::request::Refusal;
use super::request::Request;
use super::request::Twice;
use crate::auth::Identity;
use crate::auth::Scope;
use crate::cdn::Origin;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::carry::carry_out;
use crate::rest::error::FormErrors;
use crate::rest::extract::Auth;
use crate::rest::extract::Json;
use crate::wire;

/// A request with whom it is from.
struct Asked {
    application: ApplicationRecord,
    bot: Arc<UserRecord>,
    request: Request,
}

/// Why there is nothing to answer.
enum Failure {
    Refused(Refusal),
    Api(ApiError),
}

impl<E: Into<ApiError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Api(error.into())
    }
}

impl Failure {
    /// As JSON; where the application may hear of it, its address is along, for the person to decide.
    fn into_response(self) -> Response {
        let refusal = match self {
            Self::Refused(refusal) => refusal,
            Self::Api(error) => return error.into_response(),
        };
        let Some(location) = refusal.location else {
            return ApiError::Form(refusal.errors).into_response();
        };
        let body = json!({
            "message": ErrorCode::InvalidFormBody.message(),
            "code": ErrorCode::InvalidFormBody.number(),
            "errors": refusal.errors.tree(),
            "location": location,
        });
        (StatusCode::BAD_REQUEST, Json(body)).into_response()
    }
}

/// Pairs of a query; what is no query has none.
pub(super) fn pairs(query: &str) -> Vec<(String, String)> {
    let url = reqwest::Url::parse("http://query.invalid/").ok();
    let read = url.map(|mut url| {
        url.set_query(Some(query));
        url.query_pairs().into_owned().collect()
    });
    read.unwrap_or_default()
}

async fn read(parts: &Parts, query: &str) -> Result<Asked, Failure> {
    let asked = Parameters::new(pairs(query)).map_err(|Twice(name)| {
        let errors = FormErrors::one(&name, "OAUTH2_INVALID_PARAMETER", "Comes more than once.");
        ApiError::Form(errors)
    })?;
    let id = request::client(&asked).map_err(Failure::Refused)?;
    let application = parts.accounts.application(id).await?.ok_or(ErrorCode::UnknownApplication)?;
    let bot = parts.store.users().user(id.cast()).await?.ok_or(ErrorCode::UnknownApplication)?;
    let request = Request::read(&asked, &application).map_err(Failure::Refused)?;
    Ok(Asked { application, bot, request })
}

fn people_only(me: &Identity) -> Result<(), ErrorCode> {
    if me.user.bot { Err(ErrorCode::BotsCannotUse) } else { Ok(()) }
}

/// `GET /oauth2/authorize`: what is asked, to a person's client; a browser without a token is led to
/// the page that asks.
pub(super) async fn show(
    me: Option<Extension<Identity>>,
    State(parts): State<Parts>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = query.unwrap_or_default();
    let mut response = match me {
        Some(Extension(me)) => match shown(&parts, &me, &query).await {
            Ok(body) => Json(body).into_response(),
            Err(failure) => failure.into_response(),
        },
        None if headers.contains_key(header::AUTHORIZATION) => {
            ApiError::from(ErrorCode::Unauthorized).into_response()
        }
        None => {
            let page = HeaderValue::try_from(format!("/oauth2/authorize?{query}"));
            let page = page.unwrap_or(HeaderValue::from_static("/oauth2/authorize"));
            (StatusCode::FOUND, [(header::LOCATION, page)]).into_response()
        }
    };
    close(&mut response);
    response
}

/// Nothing of a consent is kept by caches, told to the next page, or shown in a frame.
fn close(response: &mut Response) {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

async fn shown(parts: &Parts, me: &Identity, query: &str) -> Result<Value, Failure> {
    people_only(me)?;
    let Asked { application, bot, request } = read(parts, query).await?;
    let allowed = allowed(parts, me, &application).await?;
    let names = Scope::names(&request.scopes);
    let authorized = names.iter().all(|name| allowed.contains(name));
    let mut value = json!({
        "user": wire::user(&me.user),
        "application": wire::application(&application, &bot),
        "authorized": authorized,
        "prompts": request.prompts || !authorized,
        "scopes": names,
        "redirect_uri": request.redirect.as_ref().map(|redirect| &redirect.uri),
        "integration_type": 0,
    });
    if request.scopes.contains(&Scope::Bot) {
        let now_ms = parts.now_ms();
        let guilds = parts.store.guilds_of(me.id()).into_iter().filter_map(|guild| {
            let view = guild.view();
            let allowed = view.permissions(me.id(), now_ms);
            allowed.has(Permissions::MANAGE_GUILD).then(|| {
                json!({
                    "id": view.id,
                    "name": view.settings.name,
                    "icon": view.settings.icon,
                    "mfa_level": 0,
                    "permissions": allowed.0,
                    "has_bot": view.members.contains_key(&bot.id),
                })
            })
        });
        value["guilds"] = guilds.collect();
        value["guild_id"] = json!(request.guild);
        value["permissions"] = json!(request.permissions);
        value["bot"] = wire::user(&bot);
        value["bot"]["approximate_guild_count"] = json!(parts.store.guilds_of(bot.id).len());
    }
    Ok(value)
}

/// What the person allowed the application before.
async fn allowed(
    parts: &Parts,
    me: &Identity,
    application: &ApplicationRecord,
) -> Result<Vec<String>, ApiError> {
    let grants = parts.auth.grants.of_user(me.id(), parts.now_ms()).await?;
    let own = grants.into_iter().filter(|grant| grant.application == application.id);
    Ok(own.flat_map(|grant| grant.scopes).collect())
}

#[derive(Deserialize)]
pub(super) struct Answer {
    authorize: bool,
    permissions: Option<Permissions>,
    guild_id: Option<GuildId>,
}

/// `POST /oauth2/authorize`: the person's answer; where their browser goes now.
pub(super) async fn answer(
    Auth(me): Auth,
    State(parts): State<Parts>,
    origin: Origin,
    RawQuery(query): RawQuery,
    Json(answer): Json<Answer>,
) -> Response {
    let query = query.unwrap_or_default();
    let mut response = match answered(parts, me, &origin, &query, answer).await {
        Ok(location) => Json(json!({ "location": location })).into_response(),
        Err(failure) => failure.into_response(),
    };
    close(&mut response);
    response
}

async fn answered(
    parts: Parts,
    me: Identity,
    origin: &Origin,
    query: &str,
    answer: Answer,
) -> Result<String, Failure> {
    people_only(&me)?;
    let Asked { application, bot, request } = read(&parts, query).await?;
    let home = format!("{}/oauth2/authorized", origin.as_str());
    if !answer.authorize {
        let told = [("error", "access_denied"), ("error_description", "The person said no.")];
        return Ok(request.redirect.map_or(home, |redirect| redirect.with(&told)));
    }
    let guild = match request.scopes.contains(&Scope::Bot) {
        true => Some(answer.guild_id.or(request.guild).ok_or_else(|| {
            let message = "A guild is to be chosen.";
            ApiError::Form(FormErrors::one("guild_id", "BASE_TYPE_REQUIRED", message))
        })?),
        false => None,
    };
    // A person may take from what is asked, not add to it.
    let asked = request.permissions;
    let permissions = answer.permissions.map_or(asked, |chosen| chosen & asked);
    let location = carry_out(async move {
        if let Some(guild) = guild {
            let scopes = Scope::names(&request.scopes);
            let scopes = scopes.into_iter().filter(|name| install::SCOPES.contains(&name.as_str()));
            let bot = install::Bot { application: &application, user: &bot };
            bot.install(&parts, &me, guild, permissions, scopes.collect()).await?;
        }
        let Some(redirect) = request.redirect else { return Ok(home) };
        let grant = GrantRecord {
            id: parts.ids.next(),
            application: application.id,
            user: me.id(),
            scopes: Scope::names(&request.scopes),
            redirect_uri: redirect.named.then(|| redirect.uri.clone()),
            challenge: request.challenge,
            guild,
            created_ms: parts.now_ms(),
            until_ms: 0,
        };
        let code = parts.auth.grants.allow(grant).await?;
        let mut told = vec![("code", code)];
        if let Some(guild) = guild {
            told.push(("guild_id", guild.to_string()));
            told.push(("permissions", permissions.bits().to_string()));
        }
        let told: Vec<_> = told.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Ok(redirect.with(&told))
    });
    Ok(location.await?)
}
