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

use super::route::Routes;
use super::route::delete;
use super::route::get;
use super::route::post;

pub(super) use install::integration;
pub(super) use request::PUBLIC_CLIENT;
pub(super) use request::redirect_uri_fault;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route("/oauth2/authorize", get(authorize::show).post(authorize::answer))
        .route("/oauth2/token", post(token::issue))
        .route("/oauth2/token/revoke", post(token::revoke))
        .route("/oauth2/@me", get(info::me))
        .route("/oauth2/keys", get(info::keys))
        .route("/oauth2/userinfo", get(info::userinfo))
        .route("/oauth2/tokens", get(info::list))
        .route("/oauth2/tokens/{token}", delete(info::remove))
}
