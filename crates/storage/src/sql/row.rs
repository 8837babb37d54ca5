//! Between our words and SQLite's: ids, documents, errors.

use model::wire::id::Id;
use serde::Serialize;
use serde::de::DeserializeOwned;
use state::repo::RepoError;

/// An id as SQLite's signed integer. Ids that no generator makes before 2084 are all the largest,
/// so that comparing with them is right and finding them finds nothing.
pub(super) fn key<T>(id: Id<T>) -> i64 {
    i64::try_from(id.get()).unwrap_or(i64::MAX)
}

/// An id out of a row.
pub(super) fn id<T>(key: i64) -> Result<Id<T>, RepoError> {
    let id = u64::try_from(key).ok().and_then(Id::new_checked);
    id.ok_or_else(|| RepoError::Unavailable(format!("a row has the impossible id {key}")))
}

/// A list of ids for `json_each`.
pub(super) fn keys<T>(ids: &[Id<T>]) -> String {
    let keys: Vec<_> = ids.iter().map(|id| key(*id).to_string()).collect();
    format!("[{}]", keys.join(","))
}

/// A number that SQLite keeps signed.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A shape of ours as a document.
pub(super) fn document<T: Serialize>(shape: &T) -> Result<String, RepoError> {
    serde_json::to_string(shape)
        .map_err(|error| RepoError::Unavailable(format!("cannot write a document: {error}")))
}

/// A document's shape.
pub(super) fn parse<T: DeserializeOwned>(document: &str) -> Result<T, RepoError> {
    serde_json::from_str(document)
        .map_err(|error| RepoError::Unavailable(format!("a stored document is damaged: {error}")))
}

/// What a failure of SQLite means to a caller.
pub(super) fn failed(error: sqlx::Error) -> RepoError {
    match &error {
        sqlx::Error::RowNotFound => RepoError::NotFound,
        sqlx::Error::Database(cause) if cause.is_unique_violation() => RepoError::Exists,
        sqlx::Error::Database(cause) if cause.is_foreign_key_violation() => RepoError::NotFound,
        _ => RepoError::Unavailable(error.to_string()),
    }
}
