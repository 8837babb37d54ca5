//! What applications were allowed: codes and tokens, made, exchanged and looked up. Knows no HTTP.
//!
//! A secret is told once, when it is made; storage knows its hash.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::id::ApplicationId;
use model::id::GrantId;
use model::id::UserId;
use model::limits;
use state::oauth::GrantRecord;
use state::oauth::SecretKind;
use state::oauth::SecretRecord;
use state::record::ApplicationRecord;
use state::repo::AccountRepo;
use state::repo::GrantRepo;
use state::repo::RepoError;

use super::Identity;
use super::Scope;
use super::random;
use super::recent::Recent;
use super::token;

/// An access token, looked up: in whose name, for which application, and how far.
#[derive(Debug)]
pub struct Access {
    /// The person who allowed it.
    pub identity: Identity,
    /// What was allowed.
    pub grant: GrantRecord,
    /// Unix milliseconds from which the token is good for nothing.
    pub expires_ms: u64,
}

impl Access {
    /// Whether it goes so far.
    #[must_use]
    pub fn has(&self, scope: Scope) -> bool {
        self.grant.scopes.iter().any(|name| name == scope.name())
    }
}

/// New tokens, told once.
pub struct Tokens {
    /// Opens the API.
    pub access: String,
    /// To be exchanged for new ones; clients that act for themselves get none.
    pub refresh: Option<String>,
    /// What they stand for.
    pub grant: GrantRecord,
}

/// Why a code or a refresh token was not exchanged: never told in detail to who shows it.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// Unknown, expired, spent, another client's, or shown without what it is bound to.
    #[error("the grant is invalid")]
    Invalid,
    /// Storage failed.
    #[error(transparent)]
    Repo(#[from] RepoError),
}

/// What a client shows together with a code (RFC 6749 §4.1.3, RFC 7636 §4.5).
#[derive(Debug, Clone, Copy)]
pub struct Proof<'a> {
    /// Who shows it.
    pub application: ApplicationId,
    /// Where the code was sent.
    pub redirect_uri: Option<&'a str>,
    /// What the challenge was made of.
    pub verifier: Option<&'a str>,
}

impl Proof<'_> {
    /// Whether it fits the grant. A verifier without a challenge fits nothing: someone took the
    /// challenge out of the request (RFC 9700 §4.8).
    fn fits(self, grant: &GrantRecord) -> bool {
        let verified = match (&grant.challenge, self.verifier) {
            (None, None) => true,
            (Some(challenge), Some(verifier)) => {
                let made = URL_SAFE_NO_PAD.encode(token::hash(verifier));
                verify_slices_are_equal(made.as_bytes(), challenge.as_bytes()).is_ok()
            }
            _ => false,
        };
        let sent = grant.redirect_uri.as_deref();
        verified
            && grant.application == self.application
            && sent.is_none_or(|sent| self.redirect_uri == Some(sent))
    }
}

/// The grants of this instance, with a bounded memory of recent access tokens.
pub struct Grants {
    repo: Arc<dyn GrantRepo>,
    accounts: Arc<dyn AccountRepo>,
    recent: Mutex<Recent<Arc<Access>>>,
}

impl Grants {
    /// The stored grants.
    #[must_use]
    pub fn new(repo: Arc<dyn GrantRepo>, accounts: Arc<dyn AccountRepo>) -> Self {
        Self { repo, accounts, recent: Mutex::default() }
    }

    /// Stores a grant of its code, which is returned.
    ///
    /// # Errors
    ///
    /// Storage errors.
    pub async fn allow(&self, grant: GrantRecord) -> Result<String, RepoError> {
        let (code, secret) = make(&grant, SecretKind::Code, grant.created_ms);
        let grant = GrantRecord { until_ms: secret.expires_ms, ..grant };
        self.repo.create(&grant, &[secret]).await?;
        Ok(code)
    }

    /// Stores a grant that an application has of its owner.
    ///
    /// # Errors
    ///
    /// Storage errors.
    pub async fn allow_client(&self, grant: GrantRecord) -> Result<Tokens, RepoError> {
        let (access, secret) = make(&grant, SecretKind::Access, grant.created_ms);
        let grant = GrantRecord { until_ms: secret.expires_ms, ..grant };
        self.repo.create(&grant, &[secret]).await?;
        Ok(Tokens { access, refresh: None, grant })
    }

    /// New tokens for a code, once.
    ///
    /// # Errors
    ///
    /// [`ExchangeError`]; a code that was spent already ends all that came of it.
    pub async fn redeem(
        &self,
        code: &str,
        proof: Proof<'_>,
        now_ms: u64,
    ) -> Result<Tokens, ExchangeError> {
        self.exchange(SecretKind::Code, code, |grant| proof.fits(grant), now_ms).await
    }

    /// New tokens for a refresh token, once.
    ///
    /// # Errors
    ///
    /// [`ExchangeError`]; a token that was spent already ends all that came of it.
    pub async fn refresh(
        &self,
        token: &str,
        application: ApplicationId,
        now_ms: u64,
    ) -> Result<Tokens, ExchangeError> {
        let own = |grant: &GrantRecord| grant.application == application;
        self.exchange(SecretKind::Refresh, token, own, now_ms).await
    }

    async fn exchange(
        &self,
        kind: SecretKind,
        secret: &str,
        fits: impl FnOnce(&GrantRecord) -> bool,
        now_ms: u64,
    ) -> Result<Tokens, ExchangeError> {
        let hash = token::hash(secret);
        let (found, grant) = self.repo.secret(&hash).await?.ok_or(ExchangeError::Invalid)?;
        if found.kind != kind || now_ms >= found.expires_ms || !fits(&grant) {
            return Err(ExchangeError::Invalid);
        }
        let account = self.accounts.account(grant.user).await?;
        if account.is_none_or(|account| account.disabled) {
            return Err(ExchangeError::Invalid);
        }
        let (access, opens) = make(&grant, SecretKind::Access, now_ms);
        let (refresh, renews) = make(&grant, SecretKind::Refresh, now_ms);
        match self.repo.exchange(&hash, &[opens, renews]).await {
            Ok(true) => Ok(Tokens { access, refresh: Some(refresh), grant }),
            Ok(false) => {
                // Shown twice: by a thief first, or by a thief now (RFC 9700 §4.14.2).
                self.forget(|access| access.grant.id == grant.id);
                metrics::counter!("signaling_oauth_secrets_reused_total").increment(1);
                tracing::warn!(grant = %grant.id, application = %grant.application, "a spent secret was shown again, and its grant ended");
                Err(ExchangeError::Invalid)
            }
            Err(RepoError::NotFound) => Err(ExchangeError::Invalid),
            Err(error) => Err(error.into()),
        }
    }

    /// What the access token in a header stands for (`Bearer T`); `None` when it is none of ours, has
    /// expired, was revoked, or its account is disabled.
    ///
    /// # Errors
    ///
    /// Storage errors.
    pub async fn access(
        &self,
        header: &str,
        now_ms: u64,
    ) -> Result<Option<Arc<Access>>, RepoError> {
        let Some(token) = bearer(header) else { return Ok(None) };
        self.of_token(token, now_ms).await
    }

    /// As [`access`](Self::access), of a bare token.
    ///
    /// # Errors
    ///
    /// Storage errors.
    pub async fn of_token(
        &self,
        token: &str,
        now_ms: u64,
    ) -> Result<Option<Arc<Access>>, RepoError> {
        let hash = token::hash(token);
        let epoch = {
            let mut recent = self.recent();
            if let Some(access) = recent.get(&hash) {
                return Ok((now_ms < access.expires_ms).then_some(access));
            }
            recent.epoch()
        };
        let Some((secret, grant)) = self.repo.secret(&hash).await? else { return Ok(None) };
        if secret.kind != SecretKind::Access || now_ms >= secret.expires_ms {
            return Ok(None);
        }
        let Some(account) = self.accounts.account(grant.user).await? else { return Ok(None) };
        if account.disabled {
            return Ok(None);
        }
        // Whatever the person owns, no application owns the instance.
        let identity = Identity { user: Arc::new(account.user), application: None, owner: false };
        let access = Arc::new(Access { identity, grant, expires_ms: secret.expires_ms });
        self.recent().remember(hash, Arc::clone(&access), epoch);
        Ok(Some(access))
    }

    /// As [`access`](Self::access), from memory alone.
    #[must_use]
    pub fn remembered(&self, header: &str, now_ms: u64) -> Option<Arc<Access>> {
        let access = self.recent().get(&token::hash(bearer(header)?))?;
        (now_ms < access.expires_ms).then_some(access)
    }

    /// Ends the grant that a token of `application` belongs to, whatever kind of token it is. Unknown
    /// ones are passed over (RFC 7009 §2.2).
    ///
    /// # Errors
    ///
    /// Storage errors.
    pub async fn revoke(&self, token: &str, application: ApplicationId) -> Result<(), RepoError> {
        let found = self.repo.secret(&token::hash(token)).await?;
        let own = |grant: &GrantRecord| grant.application == application;
        match found {
            Some((_, grant)) if own(&grant) => self.end(grant.id).await,
            _ => Ok(()),
        }
    }

    /// Ends one grant.
    ///
    /// # Errors
    ///
    /// Storage errors.
    pub async fn end(&self, id: GrantId) -> Result<(), RepoError> {
        self.repo.remove(id).await?;
        self.forget(|access| access.grant.id == id);
        Ok(())
    }

    /// Ends all grants of an application that `user` gave, or all.
    ///
    /// # Errors
    ///
    /// Storage errors.
    pub async fn end_all(
        &self,
        application: ApplicationId,
        user: Option<UserId>,
    ) -> Result<(), RepoError> {
        self.repo.remove_all(application, user).await?;
        self.forget(|access| {
            access.grant.application == application
                && user.is_none_or(|user| user == access.grant.user)
        });
        Ok(())
    }

    /// The grants that a user gave and that are not over, oldest first.
    ///
    /// # Errors
    ///
    /// Storage errors.
    pub async fn of_user(&self, user: UserId, now_ms: u64) -> Result<Vec<GrantRecord>, RepoError> {
        let mut grants = self.repo.of_user(user).await?;
        grants.retain(|grant| now_ms < grant.until_ms);
        Ok(grants)
    }

    /// How many people allow something to an application.
    ///
    /// # Errors
    ///
    /// Storage errors.
    pub async fn people(&self, application: ApplicationId, now_ms: u64) -> Result<u64, RepoError> {
        self.repo.people(application, now_ms).await
    }

    /// Forgets what is remembered of a user, after their account changed.
    pub fn forget_user(&self, user: UserId) {
        self.forget(|access| access.grant.user == user);
    }

    fn forget(&self, gone: impl Fn(&Access) -> bool) {
        self.recent().forget(|_, access| gone(access));
    }

    fn recent(&self) -> MutexGuard<'_, Recent<Arc<Access>>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A new client secret, and what is kept of it.
#[must_use]
pub fn make_client_secret() -> (String, String) {
    let secret = URL_SAFE_NO_PAD.encode(random::<32>());
    let kept = hex::encode(token::hash(&secret));
    (secret, kept)
}

/// Whether `secret` is the application's; how long that takes tells nothing of it.
#[must_use]
pub fn is_client_secret(application: &ApplicationRecord, secret: &str) -> bool {
    let shown = hex::encode(token::hash(secret));
    let kept = application.secret.as_deref();
    kept.is_some_and(|kept| verify_slices_are_equal(kept.as_bytes(), shown.as_bytes()).is_ok())
}

/// A new secret of a grant, and what is kept of it.
fn make(grant: &GrantRecord, kind: SecretKind, now_ms: u64) -> (String, SecretRecord) {
    let life = match kind {
        SecretKind::Code => limits::CODE_LIFE,
        SecretKind::Access => limits::ACCESS_LIFE,
        SecretKind::Refresh => limits::REFRESH_LIFE,
    };
    let secret = URL_SAFE_NO_PAD.encode(random::<32>());
    let record = SecretRecord {
        hash: token::hash(&secret),
        grant: grant.id,
        kind,
        made_ms: now_ms,
        expires_ms: now_ms.saturating_add(ms(life)),
    };
    (secret, record)
}

fn ms(life: Duration) -> u64 {
    u64::try_from(life.as_millis()).unwrap_or(u64::MAX)
}

/// The access token in a header, if it has the shape of one of ours: 32 bytes in base64url.
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (scheme.eq_ignore_ascii_case("bearer") && token.len() == 43 && token.bytes().all(fits))
        .then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(challenge: Option<&str>, redirect_uri: Option<&str>) -> GrantRecord {
        GrantRecord {
            id: GrantId::new(1),
            application: ApplicationId::new(7),
            user: UserId::new(2),
            scopes: vec!["identify".to_owned()],
            redirect_uri: redirect_uri.map(str::to_owned),
            challenge: challenge.map(str::to_owned),
            guild: None,
            created_ms: 0,
            until_ms: 0,
        }
    }

    /// Of RFC 7636, Appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn fits(grant: &GrantRecord, redirect_uri: Option<&str>, verifier: Option<&str>) -> bool {
        let application = ApplicationId::new(7);
        Proof { application, redirect_uri, verifier }.fits(grant)
    }

    #[test]
    fn a_code_is_bound_to_its_verifier() {
        let bound = grant(Some(CHALLENGE), None);

        assert!(fits(&bound, None, Some(VERIFIER)));
        assert!(!fits(&bound, None, Some(CHALLENGE)));
        assert!(!fits(&bound, None, None));
        assert!(!fits(&grant(None, None), None, Some(VERIFIER)), "a challenge was taken out");
    }

    #[test]
    fn a_code_is_bound_to_its_redirect_uri_and_its_client() {
        let sent = grant(None, Some("https://a.example/b"));

        assert!(fits(&sent, Some("https://a.example/b"), None));
        assert!(!fits(&sent, Some("https://a.example/b/"), None));
        assert!(!fits(&sent, None, None));
        assert!(fits(&grant(None, None), None, None));
        let application = ApplicationId::new(8);
        let proof =
            Proof { application, redirect_uri: Some("https://a.example/b"), verifier: None };
        assert!(!proof.fits(&sent));
    }

    #[test]
    fn client_secrets_are_told_apart() {
        let (secret, kept) = make_client_secret();
        let mut application =
            ApplicationRecord::new(ApplicationId::new(1), "a".to_owned(), None, 0);

        assert!(!is_client_secret(&application, &secret), "none was made");
        application.secret = Some(kept);
        assert!(is_client_secret(&application, &secret));
        assert!(!is_client_secret(&application, &make_client_secret().0));
        assert!(!is_client_secret(&application, ""));
    }

    #[test]
    fn only_the_shape_of_an_access_token_is_looked_up() {
        let token = "a".repeat(43);

        assert_eq!(bearer(&format!("Bearer {token}")), Some(&*token));
        assert_eq!(bearer(&format!("bearer {token}")), Some(&*token));
        for header in [token.as_str(), "Bearer ", &format!("Bot {token}"), "Bearer a.b.c"] {
            assert_eq!(bearer(header), None, "{header}");
        }
    }
}
