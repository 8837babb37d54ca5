//! Objects in memory.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use state::repo::ObjectRepo;
use state::repo::RepoError;

use super::lock;
use crate::key;

/// See the module.
#[derive(Default)]
pub(super) struct MemoryObjects {
    rows: Mutex<HashMap<String, Bytes>>,
}

#[async_trait]
impl ObjectRepo for MemoryObjects {
    async fn put(&self, key: &str, bytes: Bytes) -> Result<(), RepoError> {
        if !key::is_valid(key) {
            return Err(key::invalid());
        }
        lock(&self.rows).insert(key.to_owned(), bytes);
        Ok(())
    }

    async fn size(&self, key: &str) -> Result<Option<u64>, RepoError> {
        Ok(lock(&self.rows).get(key).map(|bytes| bytes.len() as u64))
    }

    async fn read(&self, key: &str, range: Range<u64>) -> Result<Bytes, RepoError> {
        let rows = lock(&self.rows);
        let bytes = rows.get(key).ok_or(RepoError::NotFound)?;
        let end = usize::try_from(range.end).unwrap_or(usize::MAX).min(bytes.len());
        let start = usize::try_from(range.start).unwrap_or(usize::MAX).min(end);
        Ok(bytes.slice(start..end))
    }

    async fn remove(&self, key: &str) -> Result<(), RepoError> {
        lock(&self.rows).remove(key);
        Ok(())
    }
}
