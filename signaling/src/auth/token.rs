//! Tokens: `base64(user id).time.secret`, opaque, 256 random bits, stored only as SHA-256.
//!
//! The shape is Discord's because hikari refuses any other.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::id::UserId;

/// Longest token that is looked at; ours have about 80 characters.
const LONGEST: usize = 128;

/// A new token of `user`, out of 32 random bytes.
#[must_use]
pub fn make(user: UserId, now_ms: u64, secret: &[u8; 32]) -> String {
    let time = u32::try_from(now_ms / 1_000).unwrap_or(u32::MAX).to_be_bytes();
    format!(
        "{}.{}.{}",
        URL_SAFE_NO_PAD.encode(user.to_string()),
        URL_SAFE_NO_PAD.encode(time),
        URL_SAFE_NO_PAD.encode(secret)
    )
}

/// The bare token in a header value: `Bot T`, `Bearer T` or `T`. `None` when it has not the shape
/// of a token.
#[must_use]
pub fn bare(header: &str) -> Option<&str> {
    let token = header
        .strip_prefix("Bot ")
        .or_else(|| header.strip_prefix("Bearer "))
        .unwrap_or(header)
        .trim();
    let fits = token.len() <= LONGEST
        && token.split('.').count() == 3
        && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    fits.then_some(token)
}

/// What storage knows a token by.
#[must_use]
pub fn hash(token: &str) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, token.as_bytes());
    let mut hash = [0; 32];
    hash.copy_from_slice(digest.as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_user_and_has_three_parts() {
        let token = make(UserId::new(123), 1_700_000_000_000, &[7; 32]);

        let id = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();

        assert_eq!(id, b"123");
        assert_eq!(bare(&format!("Bot {token}")), Some(token.as_str()));
        assert_eq!(bare(&token), Some(token.as_str()));
        assert!(token.split('.').next_back().unwrap().len() >= 38);
    }

    #[test]
    fn what_has_not_the_shape_of_a_token_is_none() {
        for header in ["", "Bot ", "a.b", "a.b.c.d", "a b.c.d", "ä.b.c", &"a.b.".repeat(99)] {
            assert_eq!(bare(header), None, "{header}");
        }
    }
}
