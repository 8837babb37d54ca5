//! OAuth2 (RFC 6749, 7009, 7636, 9700; Discord: OAuth2).
//!
//! `request` makes sense of an authorization request, `authorize` shows it to the web client's
//! consent page and takes the answer, `install` brings a bot along; `token` exchanges and revokes;
//! `info` tells what is allowed.

mod authorize;
mod info;
mod install;
mod request;
mod token;

use state::audit::AuditAction;

use super::route::Routes;
use super::route::delete;
use super::route::effects;
use super::route::get;
use super::route::post;
use crate::rest::schema;

pub(super) use install::integration;
pub(super) use request::PUBLIC_CLIENT;
pub(super) use request::redirect_uri_fault;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route(
            "/oauth2/authorize",
            get(authorize::show)
                .asks(&schema::applications::CONSENT_QUERY)
                .gives(&schema::applications::CONSENT)
                .or(302)
                .post(authorize::answer)
                .asks(&schema::applications::CONSENT_QUERY)
                .gives(&schema::applications::LOCATION)
                .may_log(&[
                    AuditAction::BotAdd,
                    AuditAction::IntegrationCreate,
                    AuditAction::IntegrationUpdate,
                ])
                .may_tell(effects::INSTALLING),
        )
        .route(
            "/oauth2/token",
            post(token::issue)
                .reads_form(FORM, &schema::applications::TOKEN_FORM)
                .gives(&schema::applications::TOKENS)
                .refuses(&schema::applications::TOKEN_REFUSED)
                .tells_nobody(),
        )
        .route(
            "/oauth2/token/revoke",
            post(token::revoke)
                .reads_form(FORM, &schema::applications::REVOKE_FORM)
                .gives(&schema::applications::NOTHING)
                .refuses(&schema::applications::TOKEN_REFUSED)
                .tells_nobody(),
        )
        .route("/oauth2/@me", get(info::me).gives(&schema::applications::AUTHORIZATION))
        .route("/oauth2/keys", get(info::keys).gives(&schema::applications::KEYS))
        .route("/oauth2/userinfo", get(info::userinfo).gives(&schema::applications::USER_INFO))
        .route("/oauth2/tokens", get(info::list).lists(&schema::applications::GRANT))
        .route("/oauth2/tokens/{token}", delete(info::remove).tells_nobody())
}

/// What the RFCs have clients send.
const FORM: &str = "application/x-www-form-urlencoded";
