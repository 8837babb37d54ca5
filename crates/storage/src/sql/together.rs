//! Inserting messages, as many as there are with one statement.
//!
//! A statement of its own for each message, and for each table that a message is in, has to be bound, run
//! and answered for: that, and waking threads for it, cost more than the rows. What a row writes is in
//! migration 0096. Statements are kept prepared in a few sizes; rows that are left over are bound to nothing
//! and insert nothing.

use std::collections::HashSet;
use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use model::id::MessageId;
use model::snowflake;
use serde_json::Value;
use serde_json::json;
use sqlx::Sqlite;
use sqlx::SqliteConnection;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use state::record::MessageRecord;
use state::thread::counts_in_thread;

use super::messages::bucket;
use super::row;
use super::row::key;
use crate::NONCE_WINDOW_MS;

/// A message to be inserted, and what is stored of it.
pub(super) struct NewMessage {
    pub(super) record: MessageRecord,
    pub(super) document: String,
    /// Whether it is the first of its channel that cannot be searched, which is to be stored with it.
    pub(super) marked: AtomicBool,
    /// Whether it was inserted, though perhaps not committed.
    pub(super) stored: AtomicBool,
}

/// A statement with what is bound to it so far.
type Statement<'q> = Query<'q, Sqlite, SqliteArguments>;

/// Rows of a statement.
pub(super) const SIZES: [usize; 13] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96];
/// Rows of one statement at most.
pub(super) const MOST: usize = SIZES[SIZES.len() - 1];
/// Columns of `new_messages`.
const COLUMNS: usize = 13;

static INSERTS: LazyLock<[String; SIZES.len()]> =
    LazyLock::new(|| SIZES.map(|size| insert_into("new_messages", COLUMNS, size)));

/// A statement that inserts up to `size` rows.
pub(super) fn insert_into(table: &str, columns: usize, size: usize) -> String {
    let row = format!("({})", vec!["?"; columns].join(","));
    if size == 1 {
        return format!("INSERT INTO {table} VALUES {row}");
    }
    let rows = vec![row; size].join(",");
    format!("INSERT INTO {table} SELECT * FROM (VALUES {rows}) WHERE column1 IS NOT NULL")
}

/// The smallest of the sizes that has room for so many rows, and which it is.
pub(super) fn size_of(rows: usize) -> (usize, usize) {
    let nth = SIZES.iter().position(|size| *size >= rows).unwrap_or(SIZES.len() - 1);
    (nth, SIZES[nth])
}

/// Inserts messages: up to [`MOST`] of them all or none, by one statement. More are to be in a transaction.
///
/// # Errors
///
/// When one cannot be inserted.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    messages: &[&NewMessage],
) -> Result<(), sqlx::Error> {
    for some in messages.chunks(MOST) {
        let (nth, size) = size_of(some.len());
        let query =
            some.iter().fold(sqlx::query(INSERTS[nth].as_str()), |query, new| new.bind(query));
        let query =
            (0..COLUMNS * (size - some.len())).fold(query, |query, _| query.bind(None::<i64>));
        query.execute(&mut *connection).await?;
        some.iter().for_each(|new| new.stored.store(true, Ordering::Relaxed));
    }
    Ok(())
}

/// Of messages with nonces, which may repeat one: of a message that is stored, or of another of them.
///
/// # Errors
///
/// When SQLite cannot read.
pub(super) async fn repeated(
    connection: &mut SqliteConnection,
    messages: &[&NewMessage],
) -> Result<HashSet<MessageId>, sqlx::Error> {
    let mut repeated = HashSet::new();
    let (mut asked, mut seen) = (Vec::new(), HashSet::new());
    for record in messages.iter().map(|new| &new.record) {
        let Some(nonce) = record.nonce.as_deref() else { continue };
        let (channel, author, id) = (key(record.channel), key(record.author), key(record.id));
        if !seen.insert((channel, author, nonce)) {
            repeated.insert(record.id);
        }
        let since = snowflake::unix_ms(record.id.get()).saturating_sub(NONCE_WINDOW_MS);
        asked.push(json!([channel, author, nonce, row::signed(since), id]));
    }
    if asked.is_empty() {
        return Ok(repeated);
    }
    let query = sqlx::query_scalar::<_, i64>(REPEATED).bind(Value::Array(asked).to_string());
    let found = query.fetch_all(connection).await?;
    repeated.extend(found.into_iter().filter_map(|id| row::id(id).ok()));
    Ok(repeated)
}

const REPEATED: &str = "
    SELECT asked.value ->> 4 FROM json_each(?) AS asked CROSS JOIN nonces
    WHERE nonces.channel = (asked.value ->> 0) AND nonces.author = (asked.value ->> 1)
      AND nonces.nonce = (asked.value ->> 2) AND nonces.made_ms > (asked.value ->> 3)";

impl NewMessage {
    /// Binds one row of `new_messages`.
    fn bind<'q>(&'q self, query: Statement<'q>) -> Statement<'q> {
        let Self { record, document, marked, .. } = self;
        let made_ms = snowflake::unix_ms(record.id.get());
        let nonce = record.nonce.as_deref();
        query
            .bind(key(record.channel))
            .bind(bucket(record.id))
            .bind(key(record.id))
            .bind(record.pinned)
            .bind(document.as_str())
            .bind(key(record.author))
            .bind(mentioned(record))
            .bind(counts_in_thread(record))
            .bind(record.poll.as_ref().map(|poll| row::signed(poll.ends_ms)))
            .bind(marked.load(Ordering::Relaxed))
            .bind(nonce)
            .bind(row::signed(made_ms))
            .bind(nonce.map(|_| row::signed(made_ms.saturating_sub(NONCE_WINDOW_MS))))
    }
}

/// Whom a message mentions: a person's id, a role's id made negative, or 0 for everyone (migration 0019).
fn mentioned(message: &MessageRecord) -> Option<String> {
    let people = message.mentions.iter().map(|id| key(*id));
    let roles = message.mention_roles.iter().map(|id| -key(*id));
    let everyone = message.mention_everyone.then_some(0);
    let targets: Vec<_> = people.chain(roles).chain(everyone).map(|one| one.to_string()).collect();
    (!targets.is_empty()).then(|| format!("[{}]", targets.join(",")))
}
