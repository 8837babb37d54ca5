//! The adapters behind the ports of `state`: SQLite with files, and memory for tests.
//!
//! Nobody but the server's wiring names this crate. It decides nothing about guilds: it keeps what
//! it is given, and says no only for uniqueness, versions and missing rows.

mod key;
mod memory;
mod objects;
mod sql;

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use state::repo::AccountRepo;
use state::repo::AppRepo;
use state::repo::CommandRepo;
use state::repo::GrantRepo;
use state::repo::GuildRepo;
use state::repo::InviteRepo;
use state::repo::MessageRepo;
use state::repo::ObjectRepo;
use state::repo::PollRepo;
use state::repo::PrivateRepo;
use state::repo::ReadRepo;
use state::repo::RelationshipRepo;
use state::repo::SearchRepo;
use state::repo::SettingsRepo;
use state::repo::StreamKeyRepo;
use state::repo::TemplateRepo;
use state::repo::WebhookRepo;

/// Every port of storage, plugged in. Cheap to clone; all clones are the same store.
#[derive(Clone)]
pub struct Repos {
    /// Guilds: structure and members.
    pub guilds: Arc<dyn GuildRepo>,
    /// Accounts, applications, tokens.
    pub accounts: Arc<dyn AccountRepo>,
    /// OAuth2 grants.
    pub grants: Arc<dyn GrantRepo>,
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
    /// Channels between people.
    pub privates: Arc<dyn PrivateRepo>,
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
    database: Option<Arc<sql::Database>>,
}

impl std::fmt::Debug for Repos {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repos").finish_non_exhaustive()
    }
}

impl Repos {
    /// Waits for the writes under way and writes everything into the main file. Writes after this
    /// fail with [`RepoError::Unavailable`](state::repo::RepoError::Unavailable).
    ///
    /// Nothing acknowledged is lost without it; the next start is only a little slower.
    pub async fn close(&self) {
        if let Some(database) = &self.database {
            database.close().await;
        }
    }
}

/// A store that forgets everything with its last clone. For tests.
#[must_use]
pub fn memory() -> Repos {
    memory::open()
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made or written.
    #[error("cannot use the data folder {path}: {source}")]
    Folder {
        /// Which folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another server has the folder open.
    #[error("the data folder {path} is in use by another server")]
    InUse {
        /// Which folder.
        path: PathBuf,
    },
    /// The database cannot be opened: damaged, or not ours.
    #[error("cannot open the database: {0}")]
    Database(#[from] sqlx::Error),
    /// The database's schema is newer than this server, or was changed by hand.
    #[error("cannot bring the database to this server's schema: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
}

/// Opens, or makes, the store in `dir`: `guildhall.db` and `objects/`.
///
/// # Errors
///
/// [`OpenError`], with nothing changed but new folders.
pub async fn open_sqlite(dir: &Path) -> Result<Repos, OpenError> {
    sql::open(dir).await
}

/// How long a nonce makes a retry idempotent, in milliseconds (the port's five minutes).
const NONCE_WINDOW_MS: u64 = 5 * 60 * 1_000;
/// Most pinned messages that are listed (Discord: 250 pins a channel).
const PINS: usize = 250;
