//! `/api/v10` and `/api/v9`: one line per family of routes.

pub mod error;
pub mod extract;
pub mod limit;

use axum::Router;

use crate::parts::Parts;

pub use error::ApiError;

/// All REST routes, under every prefix that clients use.
pub fn routes() -> Router<Parts> {
    Router::new()
}
