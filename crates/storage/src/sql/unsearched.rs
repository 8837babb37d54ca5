//! Messages that are stored and cannot be searched yet.
//!
//! What can be searched of a message changes the pages of three trees and an index of words, so that of many
//! messages together costs a fraction of that of one after the other. It waits here until it is enough, until
//! some time has passed, or until somebody asks. What waits is in memory, and can be lost without loss: the
//! table `unsearched` names the oldest message of each channel that waits, written with the message itself,
//! and [`catch_up`] puts in what a process that was killed left behind.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use sqlx::SqliteConnection;
use state::search::Contents;

use super::row::key;
use super::search;
use super::together;
use super::together::NewMessage;
use super::together::SIZES;
use super::together::size_of;
use super::writer::is_refusal;

/// What waits; whoever puts it in is the writer.
#[derive(Default)]
pub(super) struct Unsearched {
    waiting: Vec<Arc<NewMessage>>,
    bytes: usize,
    since: Option<Instant>,
    /// The oldest message of each channel that is named in the table.
    marks: HashMap<i64, i64>,
    /// Some of what is named could not be put in: it is left for the next start.
    stuck: bool,
}

/// Messages that wait at most. More hold up those who write for longer when their turn comes.
const MOST: usize = 512;
/// Bytes of them.
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// For how long.
const LATEST: Duration = Duration::from_millis(500);
/// Columns of `new_searched`.
const COLUMNS: usize = 7;

static INSERTS: LazyLock<[String; SIZES.len()]> =
    LazyLock::new(|| SIZES.map(|size| together::insert_into("new_searched", COLUMNS, size)));

impl Unsearched {
    /// Nothing waits, after a [`catch_up`] that left the table `empty` or did not.
    pub(super) fn caught_up(empty: bool) -> Self {
        Self { stuck: !empty, ..Self::default() }
    }

    /// Whether anything waits.
    pub(super) const fn is_behind(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether enough waits to be put in with what is written next.
    pub(super) const fn is_due(&self) -> bool {
        self.waiting.len() >= MOST || self.bytes >= MOST_BYTES
    }

    /// What was to be put in could not be: it waits again.
    pub(super) fn put_off(&mut self, now: Instant) {
        self.since = self.since.map(|_| now);
    }

    /// How long what waits may still wait; `None` when nothing does.
    pub(super) fn left(&self, now: Instant) -> Option<Duration> {
        let since = self.since?;
        Some((since + LATEST).saturating_duration_since(now))
    }

    /// Says of messages about to be inserted which have to be named in the table, after `put` in the same
    /// transaction: each that is older than what its channel has there, for others of them may be refused.
    pub(super) fn mark<'a>(&self, messages: impl Iterator<Item = &'a NewMessage>, put: Put) {
        for message in messages {
            let (channel, id) = (key(message.record.channel), key(message.record.id));
            let oldest = self.marks.get(&channel).filter(|_| put != Put::All);
            let marked =
                search::is_searched(&message.record) && oldest.is_none_or(|oldest| id < *oldest);
            message.marked.store(marked, Ordering::Relaxed);
        }
    }

    /// Notes what a transaction did that was committed: `put`, then inserted messages.
    pub(super) fn committed<'a>(
        &mut self,
        put: Put,
        messages: impl Iterator<Item = &'a Arc<NewMessage>>,
        now: Instant,
    ) {
        if put != Put::Nothing {
            self.waiting.clear();
            (self.bytes, self.since) = (0, None);
        }
        if put == Put::All {
            self.marks.clear();
        }
        for message in messages.filter(|message| message.stored.load(Ordering::Relaxed)) {
            let (channel, id) = (key(message.record.channel), key(message.record.id));
            if message.marked.load(Ordering::Relaxed) {
                let oldest = self.marks.entry(channel).or_insert(id);
                *oldest = id.min(*oldest);
            }
            if search::is_searched(&message.record) {
                self.bytes += message.document.len();
                self.waiting.push(Arc::clone(message));
                self.since.get_or_insert(now);
            }
        }
    }

    /// Puts what waits where it can be searched, within a transaction. What SQLite refuses stays named in
    /// the table, for the next start.
    ///
    /// # Errors
    ///
    /// When SQLite cannot write.
    pub(super) async fn put(
        &mut self,
        connection: &mut SqliteConnection,
    ) -> Result<Put, sqlx::Error> {
        if self.waiting.is_empty() {
            return Ok(Put::Nothing);
        }
        sqlx::query("SAVEPOINT searched").execute(&mut *connection).await?;
        match insert(connection, &self.waiting).await {
            Ok(()) => {}
            Err(error) if is_refusal(&error) => {
                tracing::error!(%error, "some messages cannot be searched before the next start");
                sqlx::query("ROLLBACK TO searched").execute(&mut *connection).await?;
                self.stuck = true;
            }
            Err(error) => return Err(error),
        }
        let (end, put) = if self.stuck {
            ("RELEASE searched", Put::Some)
        } else {
            ("DELETE FROM unsearched; RELEASE searched", Put::All)
        };
        sqlx::query(end).execute(connection).await?;
        Ok(put)
    }
}

/// What became of messages that waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    /// They wait.
    Nothing,
    /// None waits, but the table still names some.
    Some,
    /// None waits, and the table is empty.
    All,
}

async fn insert(
    connection: &mut SqliteConnection,
    messages: &[Arc<NewMessage>],
) -> Result<(), sqlx::Error> {
    for some in messages.chunks(together::MOST) {
        let (nth, size) = size_of(some.len());
        let mut query = sqlx::query(INSERTS[nth].as_str());
        for NewMessage { record, .. } in some.iter().map(|message| &**message) {
            let Contents(has) = Contents::of(record);
            query = query
                .bind(key(record.channel))
                .bind(key(record.id))
                .bind(key(record.author))
                .bind(record.pinned)
                .bind(has)
                .bind(record.content.as_str())
                .bind(search::mentions(record));
        }
        let left = COLUMNS * (size - some.len());
        let query = (0..left).fold(query, |query, _| query.bind(None::<i64>));
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

/// Puts in what a process that was killed, or a connection that broke, left behind; of the messages that the
/// table names and those after them, some may have been put in. Whether it is empty now: what SQLite refuses
/// stays named in it.
///
/// # Errors
///
/// When SQLite cannot read or write.
pub(super) async fn catch_up(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    match sqlx::query(CATCH_UP).execute(&mut *connection).await {
        Ok(_) => Ok(true),
        Err(error) if is_refusal(&error) => {
            tracing::error!(%error, "some messages cannot be searched");
            sqlx::query("ROLLBACK").execute(connection).await?;
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

const CATCH_UP: &str = "
    BEGIN IMMEDIATE;
    INSERT INTO new_searched (channel, id, author, pinned, has, content, mentions)
    SELECT said.channel, said.id, CAST(said.author AS INTEGER), said.pinned, said.has, said.content,
        said.mentions
    FROM unsearched CROSS JOIN searchable AS said
    WHERE said.channel = unsearched.channel
      AND (said.bucket, said.id) >= (unsearched.bucket, unsearched.id)
      AND NOT EXISTS (
        SELECT 1 FROM searched WHERE searched.channel = said.channel AND searched.id = said.id);
    DELETE FROM unsearched;
    COMMIT";
