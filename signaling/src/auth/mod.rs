//! Who asks: tokens to identities, passwords to accounts.

pub mod password;
pub mod token;

use std::sync::Arc;

use model::id::UserId;
use state::record::ApplicationRecord;
use state::record::UserRecord;
use state::repo::AccountRepo;
use state::repo::RepoError;

/// Who a token belongs to.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The account.
    pub user: Arc<UserRecord>,
    /// A bot's application.
    pub application: Option<Arc<ApplicationRecord>>,
    /// Owns the instance.
    pub owner: bool,
}

impl Identity {
    /// The account's id.
    #[must_use]
    pub fn id(&self) -> UserId {
        self.user.id
    }
}

/// Turns tokens into identities, with a bounded memory of recent ones.
pub struct Authenticator {
    _accounts: Arc<dyn AccountRepo>,
}

impl Authenticator {
    /// An authenticator on the stored accounts.
    #[must_use]
    pub fn new(accounts: Arc<dyn AccountRepo>) -> Self {
        Self { _accounts: accounts }
    }

    /// Whose token `header` carries: the value of `Authorization` (`Bot T`, `Bearer T` or `T`) or
    /// the bare token of Identify. `None` when it is no token of ours, was revoked, or its
    /// account is disabled.
    ///
    /// # Errors
    ///
    /// Storage errors.
    pub async fn authenticate(&self, header: &str) -> Result<Option<Identity>, RepoError> {
        let _ = header;
        todo!()
    }

    /// Makes a new token for `user`, stores its hash and returns it; this is the only moment
    /// that the token itself is known.
    ///
    /// # Errors
    ///
    /// Storage errors.
    pub async fn issue(&self, user: UserId, now_ms: u64) -> Result<String, RepoError> {
        let _ = (user, now_ms);
        todo!()
    }

    /// Revokes the token that `header` carries.
    ///
    /// # Errors
    ///
    /// Storage errors.
    pub async fn revoke(&self, header: &str) -> Result<(), RepoError> {
        let _ = header;
        todo!()
    }

    /// Forgets what is remembered of `user`, after their account or tokens changed.
    pub fn forget(&self, user: UserId) {
        let _ = user;
        todo!()
    }
}
