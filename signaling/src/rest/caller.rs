//! Who asks, where applications may ask in someone's name: each such route says by which scope.
//!
//! [`Auth`](super::extract::Auth) knows accounts alone, so that a route which says nothing is closed
//! to applications.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request;
use model::error_code::ErrorCode;
use model::id::ApplicationId;

use super::error::ApiError;
use crate::auth::Access;
use crate::auth::Identity;
use crate::auth::Scope;
use crate::parts::Parts;

/// An account, or an application in the name of one; 401 when it is neither.
pub(super) enum Caller {
    /// By its own token.
    Account(Identity),
    /// By an OAuth2 access token.
    Application(Arc<Access>),
}

impl Caller {
    /// In whose name it is asked, if that is allowed by `scope`.
    ///
    /// # Errors
    ///
    /// 50026.
    pub(super) fn with(self, scope: Scope) -> Result<Identity, ApiError> {
        match self {
            Self::Account(identity) => Ok(identity),
            Self::Application(access) if access.has(scope) => Ok(access.identity.clone()),
            Self::Application(_) => Err(ErrorCode::MissingScope.into()),
        }
    }

    /// As [`with`](Self::with), of what concerns one application: others may not (20012).
    ///
    /// # Errors
    ///
    /// 50026, 20012.
    pub(super) fn of(self, application: ApplicationId, scope: Scope) -> Result<Identity, ApiError> {
        match &self {
            Self::Application(access) if access.grant.application != application => {
                Err(ErrorCode::NotThisApplication.into())
            }
            _ => self.with(scope),
        }
    }

    /// The access token's, if it is asked by one.
    pub(super) fn access(&self) -> Option<&Arc<Access>> {
        match self {
            Self::Account(_) => None,
            Self::Application(access) => Some(access),
        }
    }
}

impl FromRequestParts<Parts> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(request: &mut request::Parts, _: &Parts) -> Result<Self, ApiError> {
        // The limiter has found out who asks, on the way here.
        if let Some(identity) = request.extensions.get::<Identity>() {
            return Ok(Self::Account(identity.clone()));
        }
        let access = request.extensions.get::<Arc<Access>>();
        access.cloned().map(Self::Application).ok_or_else(|| ErrorCode::Unauthorized.into())
    }
}

/// An access token and nothing else; 401 for accounts' own tokens.
pub(super) struct Bearer(pub(super) Arc<Access>);

impl FromRequestParts<Parts> for Bearer {
    type Rejection = ApiError;

    async fn from_request_parts(request: &mut request::Parts, _: &Parts) -> Result<Self, ApiError> {
        let access = request.extensions.get::<Arc<Access>>();
        access.cloned().map(Self).ok_or_else(|| ErrorCode::Unauthorized.into())
    }
}

/// A bot, or by `applications.commands.update` its application as the bot; people pass as they are.
pub(super) struct AsBot(pub(super) Identity);

impl FromRequestParts<Parts> for AsBot {
    type Rejection = ApiError;

    async fn from_request_parts(
        request: &mut request::Parts,
        parts: &Parts,
    ) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(request, parts).await?;
        let Some(application) = caller.access().map(|access| access.grant.application) else {
            return Ok(Self(caller.with(Scope::CommandsUpdate)?));
        };
        caller.with(Scope::CommandsUpdate)?;
        let user = parts.store.users().user(application.cast()).await?;
        let record = parts.accounts.application(application).await?;
        let (Some(user), Some(record)) = (user, record) else {
            return Err(ErrorCode::Unauthorized.into());
        };
        Ok(Self(Identity { user, application: Some(Arc::new(record)), owner: false }))
    }
}
