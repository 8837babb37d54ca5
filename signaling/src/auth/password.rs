//! Passwords: argon2id, off the runtime threads, a few at a time.

use argon2::Algorithm;
use argon2::Argon2;
use argon2::Params;
use argon2::PasswordHasher as _;
use argon2::PasswordVerifier as _;
use argon2::Version;
use tokio::sync::Semaphore;
use tokio::sync::SemaphorePermit;

use super::random;

/// Too many passwords are being checked already: the client is to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are being checked")]
pub struct Busy;

/// Hashes under way at once: each takes 19 MiB and some tens of milliseconds of a core, and voice
/// needs the other cores.
static RUNNING: Semaphore = Semaphore::const_new(2);
/// Callers that wait or run at once: more are turned away, so that a flood of logins costs 503s
/// and not memory.
static ADMITTED: Semaphore = Semaphore::const_new(64);

async fn turn() -> Result<[SemaphorePermit<'static>; 2], Busy> {
    let admitted = ADMITTED.try_acquire().map_err(|_| Busy)?;
    let running = RUNNING.acquire().await.map_err(|_| Busy)?;
    Ok([admitted, running])
}

/// A PHC string of argon2id with the parameters that OWASP recommends (Password Storage Cheat
/// Sheet: 19 MiB, two passes, one lane).
///
/// # Errors
///
/// [`Busy`].
///
/// # Panics
///
/// Never on input: argon2 takes every password of the lengths that are let through.
pub async fn hash(password: String) -> Result<String, Busy> {
    let turn = turn().await?;
    let hashing = tokio::task::spawn_blocking(move || {
        // The turn ends with the work, even when the caller has gone.
        let _turn = turn;
        argon2()
            .hash_password_with_salt(password.as_bytes(), &random::<16>())
            .expect("argon2 takes every password of allowed length")
            .to_string()
    });
    Ok(hashing.await.expect("hashing does not panic and is not aborted"))
}

/// Whether `password` is the one of `phc`. Without a `phc` the answer is no, in the same time.
///
/// # Errors
///
/// [`Busy`].
pub async fn verify(password: String, phc: Option<String>) -> Result<bool, Busy> {
    let turn = turn().await?;
    let verifying = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let known = phc.is_some();
        let phc = phc.as_deref().unwrap_or(NOBODY);
        let right = argon2::PasswordHash::new(phc)
            .is_ok_and(|hash| argon2().verify_password(password.as_bytes(), &hash).is_ok());
        known && right
    });
    Ok(verifying.await.unwrap_or(false))
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(19 * 1_024, 2, 1, None).expect("the parameters are within bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// A hash that nobody's password has: it is checked so that unknown names take as long.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$\
    Z3VpbGRoYWxsLW5vYm9keQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_a_known_account_passes() {
        let phc = hash("correct horse".to_owned()).await.unwrap();

        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert_eq!(verify("correct horse".to_owned(), Some(phc.clone())).await, Ok(true));
        assert_eq!(verify("wrong horse".to_owned(), Some(phc)).await, Ok(false));
        assert_eq!(verify("correct horse".to_owned(), None).await, Ok(false));
    }

    #[test]
    fn an_unknown_account_costs_the_same_work_as_a_known_one() {
        let nobody = argon2::PasswordHash::new(NOBODY).expect("else it is not hashed at all");
        let params = Params::try_from(&nobody).unwrap();

        assert_eq!(
            (params.m_cost(), params.t_cost(), params.p_cost()),
            (argon2().params().m_cost(), argon2().params().t_cost(), argon2().params().p_cost())
        );
    }
}
