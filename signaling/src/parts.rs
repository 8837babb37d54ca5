//! What handlers share: stores, repositories, the door to media, the makers of ids and time.

use std::ops::Deref;
use std::ops::DerefMut;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use cluster::MediaPort;
use model::snowflake::SnowflakeGenerator;
use model::wire::id::Id;
use model::wire::util::Timestamp;
use state::GuildStore;
use state::repo::AccountRepo;
use state::repo::AppRepo;
use state::repo::CommandRepo;
use state::repo::InviteRepo;
use state::repo::MessageRepo;
use state::repo::ObjectRepo;
use state::repo::PollRepo;
use state::repo::ReadRepo;
use state::repo::RelationshipRepo;
use state::repo::SearchRepo;
use state::repo::SettingsRepo;
use state::repo::StreamKeyRepo;
use state::repo::TemplateRepo;
use state::repo::WebhookRepo;

use crate::auth::Authenticator;
use crate::cdn::Signer;
use crate::config::SignalingConfig;
use crate::gateway::Sessions;
use crate::interactions::Interactions;
use crate::interactions::Outbound;
use crate::rest::limit::Limiter;
use crate::rest::messages::Chat;
use crate::voice::Calls;

/// Everything a handler may need; cheap to clone, for each request does so several times.
#[derive(Clone)]
pub struct Parts(Arc<AllParts>);

impl Deref for Parts {
    type Target = AllParts;

    fn deref(&self) -> &AllParts {
        &self.0
    }
}

/// Who replaces one has parts of their own from then on: others keep what they have.
impl DerefMut for Parts {
    fn deref_mut(&mut self) -> &mut AllParts {
        Arc::make_mut(&mut self.0)
    }
}

impl From<AllParts> for Parts {
    fn from(parts: AllParts) -> Self {
        Self(Arc::new(parts))
    }
}

/// What [`Parts`] are.
#[derive(Clone)]
pub struct AllParts {
    /// Guilds, private channels, users.
    pub store: Arc<GuildStore>,
    /// Accounts, applications, tokens.
    pub accounts: Arc<dyn AccountRepo>,
    /// Invites.
    pub invites: Arc<dyn InviteRepo>,
    /// Stream keys.
    pub stream_keys: Arc<dyn StreamKeyRepo>,
    /// Bots' commands.
    pub commands: Arc<dyn CommandRepo>,
    /// Emojis and role connections of applications.
    pub apps: Arc<dyn AppRepo>,
    /// Webhooks.
    pub webhooks: Arc<dyn WebhookRepo>,
    /// Templates of guilds.
    pub templates: Arc<dyn TemplateRepo>,
    /// Messages and reactions.
    pub messages: Arc<dyn MessageRepo>,
    /// Searching messages.
    pub search: Arc<dyn SearchRepo>,
    /// What people keep for themselves.
    pub settings: Arc<dyn SettingsRepo>,
    /// What people are to each other.
    pub relationships: Arc<dyn RelationshipRepo>,
    /// How far people have read.
    pub reads: Arc<dyn ReadRepo>,
    /// Polls.
    pub polls: Arc<dyn PollRepo>,
    /// Files.
    pub objects: Arc<dyn ObjectRepo>,
    /// The media wing's mailbox.
    pub media: Arc<dyn MediaPort>,
    /// Tokens to identities.
    pub auth: Arc<Authenticator>,
    /// Gateway sessions of this node.
    pub sessions: Arc<Sessions>,
    /// Voice sessions of this node.
    pub calls: Arc<Calls>,
    /// Rate limits.
    pub limiter: Arc<Limiter>,
    /// Snowflakes of this node.
    pub ids: Arc<Ids>,
    /// Signatures of file URLs; its key must outlive restarts, or URLs shown before end.
    pub cdn: Arc<Signer>,
    /// What people do to bots, on this node.
    pub interactions: Arc<Interactions>,
    /// Reaches addresses that bots name.
    pub outbound: Arc<Outbound>,
    /// What this node remembers of text channels: slowmode, edits under way.
    pub chat: Arc<Chat>,
    /// `[signaling]`.
    pub config: Arc<SignalingConfig>,
}

impl Parts {
    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        now_ms()
    }

    /// Now, in the wire's form.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        timestamp(now_ms())
    }
}

/// Milliseconds since the Unix epoch; the wing's one reading of the wall clock.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one reader of the wall clock in this wing")]
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The wire's form of Unix milliseconds; times past the year 9999 are shown as the epoch.
///
/// # Panics
///
/// Never: second zero is a timestamp.
#[must_use]
pub fn timestamp(unix_ms: u64) -> Timestamp {
    let micros = i64::try_from(unix_ms).unwrap_or(i64::MAX / 1_000).saturating_mul(1_000);
    Timestamp::from_micros(micros)
        .or_else(|_| Timestamp::from_secs(0))
        .expect("second zero is a timestamp")
}

/// Makes the node's snowflakes.
#[derive(Debug)]
pub struct Ids(Mutex<SnowflakeGenerator>);

impl Ids {
    /// A maker for node `node`, 0 to 1023.
    #[must_use]
    pub const fn new(node: u16) -> Self {
        Self(Mutex::new(SnowflakeGenerator::new(node)))
    }

    /// The next id, of whatever kind the caller needs.
    #[must_use]
    pub fn next<T>(&self) -> Id<T> {
        let mut generator = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Id::new(generator.next(now_ms()))
    }
}
