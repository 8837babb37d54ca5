//! Passwords: argon2id, off the runtime threads, a few at a time.

use argon2::Argon2;
use argon2::PasswordHasher as _;
use argon2::PasswordVerifier as _;
use tokio::sync::Semaphore;

/// Hashes under way at once: each takes 19 MiB and some tens of milliseconds of a core.
static RUNNING: Semaphore = Semaphore::const_new(2);

/// A PHC string of argon2id with the parameters that OWASP recommends (19 MiB, two passes).
///
/// # Panics
///
/// Never on input: argon2 takes any password of the lengths that are let through.
pub async fn hash(password: String) -> String {
    let _turn = RUNNING.acquire().await;
    let hashing = tokio::task::spawn_blocking(move || {
        Argon2::default()
            .hash_password(password.as_bytes())
            .expect("argon2 takes every password of allowed length")
            .to_string()
    });
    hashing.await.expect("hashing does not panic")
}

/// Whether `password` is the one of `phc`. Without a `phc` the answer is no, in the same time.
pub async fn verify(password: String, phc: Option<String>) -> bool {
    let _turn = RUNNING.acquire().await;
    let verifying = tokio::task::spawn_blocking(move || {
        let known = phc.is_some();
        let phc = phc.as_deref().unwrap_or(NOBODY);
        let right = argon2::PasswordHash::new(phc).is_ok_and(|hash| {
            Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
        });
        known && right
    });
    verifying.await.unwrap_or(false)
}

/// A hash that no password is checked for but time: unknown users must not answer faster.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$\
    Z3VpbGRoYWxsLW5vYm9keQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_a_known_account_passes() {
        let phc = hash("correct horse".to_owned()).await;

        assert!(phc.starts_with("$argon2id$"));
        assert!(verify("correct horse".to_owned(), Some(phc.clone())).await);
        assert!(!verify("wrong horse".to_owned(), Some(phc)).await);
        assert!(!verify("correct horse".to_owned(), None).await);
        assert!(argon2::PasswordHash::new(NOBODY).is_ok());
    }
}
