//! `/api/v10` and `/api/v9`: one line per family of routes.

pub mod applications;
mod auth;
mod bans;
mod channels;
pub mod error;
pub mod extract;
mod gateway;
mod guilds;
mod invites;
pub mod limit;
mod members;
pub mod messages;
mod reactions;
mod roles;
mod users;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware;
use axum::response::IntoResponse as _;
use model::limits;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::Any;
use tower_http::cors::CorsLayer;

use crate::parts::Parts;

pub use error::ApiError;

/// All REST routes, under every prefix that clients use.
pub fn routes(parts: &Parts) -> Router<Parts> {
    let api = Router::new()
        .merge(applications::routes())
        .merge(auth::routes())
        .merge(bans::routes())
        .merge(channels::routes())
        .merge(gateway::routes())
        .merge(guilds::routes())
        .merge(invites::routes())
        .merge(members::routes())
        .merge(reactions::routes())
        .merge(roles::routes())
        .merge(users::routes())
        .layer(DefaultBodyLimit::max(limits::JSON_BODY))
        .merge(messages::routes(&parts.config))
        .fallback(|| async { ApiError::Status(StatusCode::NOT_FOUND) })
        .method_not_allowed_fallback(|| async { ApiError::Status(StatusCode::METHOD_NOT_ALLOWED) });
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods(Any)
        .allow_headers(Any)
        .expose_headers(Any);
    let layered = api
        .layer(middleware::from_fn_with_state(parts.clone(), limit::layer))
        .layer(cors)
        .layer(CatchPanicLayer::custom(|_| {
            metrics::counter!("signaling_panics_total").increment(1);
            ApiError::Status(StatusCode::INTERNAL_SERVER_ERROR).into_response()
        }));
    Router::new()
        .nest("/api/v10", layered.clone())
        .nest("/api/v9", layered.clone())
        .nest("/api", layered)
}
