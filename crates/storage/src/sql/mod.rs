//! Everything but files in SQLite: one writer, some readers, one file beside its log.
//!
//! Durable means on disk: WAL with `synchronous=FULL`, answered after the commit. One process
//! owns the folder (a lock file says so), for the state store above is a cache of this.

mod accounts;
mod apps;
mod audit;
mod commands;
mod grants;
mod guilds;
mod invites;
mod join_requests;
mod messages;
mod polls;
mod privates;
mod purge;
mod reactions;
mod reads;
mod relationships;
mod row;
mod search;
mod settings;
mod stream_keys;
mod templates;
mod together;
mod unsearched;
mod webhooks;
mod writer;

use std::fs::File;
use std::fs::TryLockError;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use sqlx::Connection;
use sqlx::SqliteConnection;
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::sqlite::SqliteJournalMode;
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::sqlite::SqliteSynchronous;

use self::unsearched::Unsearched;
use crate::OpenError;
use crate::Repos;
use crate::objects::FileObjects;

/// An open database; every SQL port is one of these.
pub(crate) struct Database {
    writer: writer::Writer,
    readers: SqlitePool,
    lock: Mutex<Option<File>>,
}

impl Database {
    /// Waits for queued writes, moves the log into the file, and lets go of the folder.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

pub(crate) async fn open(dir: &Path) -> Result<Repos, OpenError> {
    let folder = |source| OpenError::Folder { path: dir.to_owned(), source };
    std::fs::create_dir_all(dir).map_err(folder)?;
    let lock = File::create(dir.join("guildhall.lock")).map_err(folder)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(OpenError::InUse { path: dir.to_owned() }),
        Err(TryLockError::Error(source)) => return Err(folder(source)),
    }
    let options = SqliteConnectOptions::new()
        .filename(dir.join("guildhall.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        .row_buffer_size(ROWS)
        .pragma("journal_size_limit", LOG_BYTES);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    sqlx::migrate!("./migrations/sqlite").run(&mut connection).await?;
    let unsearched = Unsearched::caught_up(unsearched::catch_up(&mut connection).await?);
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(BUSY)
        // It was asked when it was given back; nothing can have come between us and a file since.
        .test_before_acquire(false)
        .connect_lazy_with(options.clone().pragma("query_only", "1"));
    let objects = FileObjects::open(&dir.join("objects")).map_err(folder)?;
    let database = Arc::new(Database {
        writer: writer::Writer::start(connection, options, unsearched),
        readers,
        lock: Mutex::new(Some(lock)),
    });
    Ok(Repos {
        guilds: Arc::<Database>::clone(&database),
        accounts: Arc::<Database>::clone(&database),
        apps: Arc::<Database>::clone(&database),
        grants: Arc::<Database>::clone(&database),
        invites: Arc::<Database>::clone(&database),
        stream_keys: Arc::<Database>::clone(&database),
        commands: Arc::<Database>::clone(&database),
        webhooks: Arc::<Database>::clone(&database),
        templates: Arc::<Database>::clone(&database),
        privates: Arc::<Database>::clone(&database),
        messages: Arc::<Database>::clone(&database),
        search: Arc::<Database>::clone(&database),
        settings: Arc::<Database>::clone(&database),
        relationships: Arc::<Database>::clone(&database),
        reads: Arc::<Database>::clone(&database),
        polls: Arc::<Database>::clone(&database),
        objects: Arc::new(objects),
        database: Some(database),
    })
}

/// Rows and results that SQLite's thread may be ahead of who waits for them: more than any statement of
/// ours has, for each time it waits costs two wake-ups.
const ROWS: usize = 256;
/// Connections that read: more help only while cores and disk are idle.
const READERS: u32 = 4;
/// How long to wait for a lock or for a reader before the store counts as unavailable.
const BUSY: Duration = Duration::from_secs(5);
/// Size to which the log is cut after a checkpoint.
const LOG_BYTES: &str = "67108864";
