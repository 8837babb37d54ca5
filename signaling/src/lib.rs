//! The signaling wing: people and clients by HTTP and WebSocket, in the shapes of Discord's API.
//!
//! The whole public face is [`Parts`] and [`router`]. It never sees a packet: media is reached
//! through `cluster::MediaPort` alone.

#![cfg_attr(
    test,
    allow(clippy::disallowed_methods, reason = "a test needs a moment to count from")
)]

pub mod auth;
pub mod cdn;
pub mod config;
pub mod connection;
pub mod courier;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod gateway;
pub mod interactions;
pub mod parts;
pub mod rest;
mod root;
pub mod upkeep;
pub mod voice;
mod websocket;
mod whip;
pub mod wire;

pub use config::SignalingConfig;
pub use connection::Connection;
pub use parts::AllParts;
pub use parts::Parts;

use axum::Router;

/// The wing as one router. `web` serves everything that is not the API: the web client.
///
/// Every request must carry a [`Connection`] extension, put there by whoever accepted it.
pub fn router(parts: Parts, web: Router) -> Router {
    Router::new()
        .merge(rest::routes(&parts))
        .merge(whip::routes(&parts))
        .merge(cdn::routes())
        .merge(root::routes(web.clone()))
        .with_state(parts)
        .fallback_service(web)
}
