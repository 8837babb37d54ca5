//! Who asks a WHIP or WHEP resource, by the bearer token of the request.

use axum::extract::FromRequestParts;
use axum::http::request;
use model::id::UserId;

use super::error::WhipError;
use crate::auth::Identity;
use crate::parts::Parts;

/// Whose token it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asker {
    pub(super) user: UserId,
}

impl FromRequestParts<Parts> for Asker {
    type Rejection = WhipError;

    async fn from_request_parts(
        request: &mut request::Parts,
        _: &Parts,
    ) -> Result<Self, WhipError> {
        // The limiter has found out who asks, on the way here.
        let identity = request.extensions.get::<Identity>();
        identity.map(|identity| Self { user: identity.id() }).ok_or(WhipError::Unauthorized)
    }
}
