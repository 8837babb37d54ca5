//! Who asks: tokens to identities, passwords to accounts.

pub mod accounts;
pub mod grants;
pub mod password;
mod recent;
pub mod scope;
pub mod token;

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use model::id::UserId;
use rand::RngCore as _;
use state::record::ApplicationRecord;
use state::record::TokenRecord;
use state::record::UserRecord;
use state::repo::AccountRepo;
use state::repo::GrantRepo;
use state::repo::RepoError;

use recent::Recent;

pub use accounts::AccountError;
pub use accounts::Accounts;
pub use accounts::PrivilegedIntents;
pub use grants::Access;
pub use grants::Grants;
pub use scope::Scope;

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
    /// What applications were allowed.
    pub grants: Grants,
    accounts: Arc<dyn AccountRepo>,
    recent: Mutex<Recent<Identity>>,
    /// Held while a name is looked up and taken, so that two who want it do not both pay with an
    /// invite.
    registering: tokio::sync::Mutex<()>,
}

impl Authenticator {
    /// An authenticator on the stored accounts and grants.
    #[must_use]
    pub fn new(accounts: Arc<dyn AccountRepo>, grants: Arc<dyn GrantRepo>) -> Self {
        Self {
            grants: Grants::new(grants, Arc::clone(&accounts)),
            accounts,
            recent: Mutex::default(),
            registering: tokio::sync::Mutex::default(),
        }
    }

    /// Whose token `header` carries: the value of `Authorization` (`Bot T`, `Bearer T` or `T`) or
    /// the bare token of Identify. `None` when it is no token of ours, was revoked, or its
    /// account is disabled.
    ///
    /// # Errors
    ///
    /// Storage errors.
    pub async fn authenticate(&self, header: &str) -> Result<Option<Identity>, RepoError> {
        let Some(token) = token::bare(header) else { return Ok(None) };
        // Looked up by the hash: how long that takes tells nothing of the token itself.
        let hash = token::hash(token);
        let epoch = {
            let mut recent = self.recent();
            if let Some(identity) = recent.get(&hash) {
                return Ok(Some(identity));
            }
            recent.epoch()
        };
        let Some(record) = self.accounts.token(&hash).await? else { return Ok(None) };
        let Some(account) = self.accounts.account(record.user).await? else { return Ok(None) };
        if account.disabled {
            return Ok(None);
        }
        let application = if account.user.bot {
            self.accounts.application(account.user.id.cast()).await?.map(Arc::new)
        } else {
            None
        };
        let identity = Identity { user: Arc::new(account.user), application, owner: account.owner };
        self.recent().remember(hash, identity.clone(), epoch);
        Ok(Some(identity))
    }

    /// As [`authenticate`](Self::authenticate), from memory alone.
    #[must_use]
    pub fn remembered(&self, header: &str) -> Option<Identity> {
        self.recent().get(&token::hash(token::bare(header)?))
    }

    /// Makes a new token for `user`, stores its hash and returns it; this is the only moment
    /// that the token itself is known.
    ///
    /// # Errors
    ///
    /// Storage errors.
    pub async fn issue(&self, user: UserId, now_ms: u64) -> Result<String, RepoError> {
        let token = token::make(user, now_ms, &random());
        let record = TokenRecord { hash: token::hash(&token), user, created_ms: now_ms };
        self.accounts.add_token(&record).await?;
        Ok(token)
    }

    /// Revokes the token that `header` carries.
    ///
    /// # Errors
    ///
    /// Storage errors.
    pub async fn revoke(&self, header: &str) -> Result<(), RepoError> {
        let Some(token) = token::bare(header) else { return Ok(()) };
        let hash = token::hash(token);
        self.accounts.remove_token(&hash).await?;
        self.recent().forget(|remembered, _| *remembered == hash);
        Ok(())
    }

    /// Forgets what is remembered of `user`, after their account or tokens changed.
    pub fn forget(&self, user: UserId) {
        self.recent().forget(|_, identity| identity.id() == user);
        self.grants.forget_user(user);
    }

    fn recent(&self) -> MutexGuard<'_, Recent<Identity>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Random bytes for secrets.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place where secrets are drawn")]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}
