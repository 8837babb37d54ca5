//! Who asks a WHIP or WHEP resource, by the bearer token of the request: an account's own, or a stream
//! key, which opens one channel in one direction.

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request;
use model::id::UserId;
use state::record::StreamKeyRecord;

use super::error::WhipError;
use crate::auth::Identity;
use crate::auth::token;
use crate::parts::Parts;

/// Whose token it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asker {
    pub(super) user: UserId,
    /// The stream key, if it was one.
    pub(super) key: Option<StreamKeyRecord>,
}

impl FromRequestParts<Parts> for Asker {
    type Rejection = WhipError;

    async fn from_request_parts(
        request: &mut request::Parts,
        parts: &Parts,
    ) -> Result<Self, WhipError> {
        // Of accounts, the limiter has found out who asks, on the way here.
        if let Some(identity) = request.extensions.get::<Identity>() {
            return Ok(Self { user: identity.id(), key: None });
        }
        let header = request.headers.get(header::AUTHORIZATION);
        let token = header.and_then(|value| value.to_str().ok()).and_then(token::bare);
        let token = token.ok_or(WhipError::Unauthorized)?;
        // Looked up by the hash: how long that takes tells nothing of the key itself.
        let key = parts.stream_keys.by_hash(&token::hash(token)).await?;
        let key = key.ok_or(WhipError::Unauthorized)?;
        let account = parts.accounts.account(key.user).await?;
        if account.is_none_or(|account| account.disabled) {
            return Err(WhipError::Unauthorized);
        }
        Ok(Self { user: key.user, key: Some(key) })
    }
}
