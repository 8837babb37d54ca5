//! Tickets: the tokens of VOICE_SERVER_UPDATE, by their hash. Pure.

use std::time::Duration;
use std::time::Instant;

use sha2::Digest as _;
use sha2::Sha256;

/// SHA-256 of a token: enough to recognise it, of no use to whoever sees it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TokenHash([u8; 32]);

impl TokenHash {
    pub(super) fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }
}

impl std::fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenHash({:02x}{:02x}..)", self.0[0], self.0[1])
    }
}

/// A token that was sent to a member and not used yet. It serves one Identify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    pub hash: TokenHash,
    until: Instant,
}

impl Ticket {
    /// A ticket that was sent at `now`.
    pub(super) fn new(hash: TokenHash, now: Instant) -> Self {
        Self { hash, until: now + LIFETIME }
    }

    /// Whether it can still be used.
    pub(super) fn is_valid(&self, now: Instant) -> bool {
        now < self.until
    }
}

/// How long a client may take from the ticket to its Identify. Longer keeps a place for clients
/// that will not come; shorter refuses those behind slow networks.
pub(super) const LIFETIME: Duration = Duration::from_secs(60);

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a virtual clock begins at some instant")]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_good_until_its_lifetime_is_over() {
        let start = Instant::now();
        let ticket = Ticket::new(TokenHash::of("t"), start);

        assert!(ticket.is_valid(start + LIFETIME - Duration::from_nanos(1)));
        assert!(!ticket.is_valid(start + LIFETIME));
    }

    #[test]
    fn a_ticket_does_not_show_its_token() {
        let ticket = Ticket::new(TokenHash::of("hush"), Instant::now());

        assert!(!format!("{ticket:?}").contains("hush"));
    }
}
