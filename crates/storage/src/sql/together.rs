//! Messages that one commit inserts, in as few visits to SQLite's thread as there can be.
//!
//! A visit wakes that thread and then the writer again, which costs more than inserting a message.

use std::sync::LazyLock;

use sqlx::SqliteConnection;

use super::messages::INSERT_ROWS;
use super::messages::NewMessage;

/// Messages of one visit: a few sizes, because each is a statement that is kept prepared.
const SIZES: [usize; 3] = [16, 4, 1];

/// The statements of each size, and that of a lone message, which is its own transaction.
static STATEMENTS: LazyLock<[String; 3]> =
    LazyLock::new(|| SIZES.map(|size| INSERT_ROWS.repeat(size)));
static ALONE: LazyLock<String> = LazyLock::new(|| format!("BEGIN IMMEDIATE;{INSERT_ROWS}COMMIT"));

/// Inserts and commits messages, all or none.
///
/// # Errors
///
/// When one cannot be inserted, or the commit fails. The transaction may be open then.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    messages: &[&NewMessage],
) -> Result<(), sqlx::Error> {
    if let [alone] = messages {
        alone.bind(sqlx::query(&**ALONE)).execute(connection).await?;
        return Ok(());
    }
    sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await?;
    let mut rest = messages;
    for (size, statement) in SIZES.iter().zip(&*STATEMENTS) {
        while let Some((some, others)) = rest.split_at_checked(*size) {
            let query = sqlx::query(&**statement);
            let query = some.iter().fold(query, |query, message| message.bind(query));
            query.execute(&mut *connection).await?;
            rest = others;
        }
    }
    sqlx::query("COMMIT").execute(connection).await?;
    Ok(())
}
