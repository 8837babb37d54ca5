//! Files to browsers and bots: attachments and pictures, by signed or content-addressed URL.

use axum::Router;

use crate::parts::Parts;

/// All CDN routes.
pub fn routes() -> Router<Parts> {
    Router::new()
}
