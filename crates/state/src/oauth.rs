//! What people allow applications to do in their name (RFC 6749). Shapes of ours, not of the wire.

use model::id::ApplicationId;
use model::id::GrantId;
use model::id::GuildId;
use model::id::UserId;
use serde::Deserialize;
use serde::Serialize;

/// One permission that a person gave an application: what one code, and all tokens that come of it,
/// stand for. It ends as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantRecord {
    /// Its id.
    pub id: GrantId,
    /// Who was allowed.
    pub application: ApplicationId,
    /// Who allowed it.
    pub user: UserId,
    /// What, in Discord's words (Discord: OAuth2 Scopes).
    pub scopes: Vec<String>,
    /// The redirect URI that was asked with; whoever exchanges the code must name the same (RFC 6749
    /// §4.1.3). `None` when the request named none.
    #[serde(default)]
    pub redirect_uri: Option<String>,
    /// SHA-256 of the verifier that the code is to be exchanged with, in base64url (RFC 7636 §4.2).
    #[serde(default)]
    pub challenge: Option<String>,
    /// The guild that a bot was brought into along with it.
    #[serde(default)]
    pub guild: Option<GuildId>,
    /// Unix milliseconds of its making.
    pub created_ms: u64,
    /// Unix milliseconds at which the last of its secrets expires. Not part of the document.
    #[serde(skip)]
    pub until_ms: u64,
}

/// What a secret is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    /// To be exchanged for tokens, once (RFC 6749 §4.1.2).
    Code,
    /// Opens the API.
    Access,
    /// To be exchanged for new tokens, once (RFC 6749 §6).
    Refresh,
}

/// A code or token of a grant, known by its hash alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRecord {
    /// SHA-256 of the whole secret, which has 256 random bits.
    pub hash: [u8; 32],
    /// Which grant's.
    pub grant: GrantId,
    /// What it is good for.
    pub kind: SecretKind,
    /// Unix milliseconds of its making.
    pub made_ms: u64,
    /// Unix milliseconds from which it is good for nothing.
    pub expires_ms: u64,
}
