//! Emojis of applications and role connections in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use model::id::ApplicationId;
use model::id::EmojiId;
use model::id::UserId;
use state::apps::RoleConnection;
use state::record::EmojiRecord;
use state::repo::AppRepo;
use state::repo::RepoError;

use super::lock;

/// See the module.
#[derive(Default)]
pub(super) struct MemoryApps {
    emojis: Mutex<BTreeMap<EmojiId, (ApplicationId, EmojiRecord)>>,
    connections: Mutex<BTreeMap<(ApplicationId, UserId), RoleConnection>>,
}

#[async_trait]
impl AppRepo for MemoryApps {
    async fn emojis(&self, application: ApplicationId) -> Result<Vec<EmojiRecord>, RepoError> {
        let rows = lock(&self.emojis);
        let own = rows.values().filter(|(of, _)| *of == application);
        Ok(own.map(|(_, emoji)| emoji.clone()).collect())
    }

    async fn emoji(&self, id: EmojiId) -> Result<Option<(ApplicationId, EmojiRecord)>, RepoError> {
        Ok(lock(&self.emojis).get(&id).cloned())
    }

    async fn put_emoji(
        &self,
        application: ApplicationId,
        emoji: &EmojiRecord,
    ) -> Result<(), RepoError> {
        let mut rows = lock(&self.emojis);
        let taken = |(of, other): &(ApplicationId, EmojiRecord)| {
            *of == application && other.name == emoji.name && other.id != emoji.id
        };
        if rows.values().any(taken) {
            return Err(RepoError::Exists);
        }
        rows.insert(emoji.id, (application, emoji.clone()));
        Ok(())
    }

    async fn remove_emoji(&self, application: ApplicationId, id: EmojiId) -> Result<(), RepoError> {
        let mut rows = lock(&self.emojis);
        if rows.get(&id).is_none_or(|(of, _)| *of != application) {
            return Err(RepoError::NotFound);
        }
        rows.remove(&id);
        Ok(())
    }

    async fn role_connection(
        &self,
        application: ApplicationId,
        user: UserId,
    ) -> Result<Option<RoleConnection>, RepoError> {
        Ok(lock(&self.connections).get(&(application, user)).cloned())
    }

    async fn put_role_connection(
        &self,
        application: ApplicationId,
        user: UserId,
        connection: &RoleConnection,
    ) -> Result<(), RepoError> {
        lock(&self.connections).insert((application, user), connection.clone());
        Ok(())
    }

    async fn remove_role_connection(
        &self,
        application: ApplicationId,
        user: UserId,
    ) -> Result<(), RepoError> {
        lock(&self.connections).remove(&(application, user));
        Ok(())
    }

    async fn remove_all(&self, application: ApplicationId) -> Result<(), RepoError> {
        lock(&self.emojis).retain(|_, (of, _)| *of != application);
        lock(&self.connections).retain(|(of, _), _| *of != application);
        Ok(())
    }
}
