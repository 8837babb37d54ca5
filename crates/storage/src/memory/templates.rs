//! Templates in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use model::id::GuildId;
use state::repo::RepoError;
use state::repo::TemplateRepo;
use state::template::TemplateRecord;

use super::lock;

/// See the module.
#[derive(Default)]
pub(super) struct MemoryTemplates {
    rows: Mutex<BTreeMap<String, TemplateRecord>>,
}

impl MemoryTemplates {
    /// Deletes the templates of a guild.
    pub(super) fn forget_guild(&self, guild: GuildId) {
        lock(&self.rows).retain(|_, template| template.guild != guild);
    }
}

#[async_trait]
impl TemplateRepo for MemoryTemplates {
    async fn create(&self, template: &TemplateRecord) -> Result<(), RepoError> {
        let mut rows = lock(&self.rows);
        if rows.contains_key(&template.code) {
            return Err(RepoError::Exists);
        }
        rows.insert(template.code.clone(), template.clone());
        Ok(())
    }

    async fn template(&self, code: &str) -> Result<Option<TemplateRecord>, RepoError> {
        Ok(lock(&self.rows).get(code).cloned())
    }

    async fn of_guild(&self, guild: GuildId) -> Result<Vec<TemplateRecord>, RepoError> {
        let rows = lock(&self.rows);
        Ok(rows.values().filter(|template| template.guild == guild).cloned().collect())
    }

    async fn update(&self, template: &TemplateRecord) -> Result<(), RepoError> {
        let mut rows = lock(&self.rows);
        let row = rows.get_mut(&template.code).ok_or(RepoError::NotFound)?;
        *row = TemplateRecord { uses: row.uses, ..template.clone() };
        Ok(())
    }

    async fn count_use(&self, code: &str) -> Result<(), RepoError> {
        let mut rows = lock(&self.rows);
        rows.get_mut(code).ok_or(RepoError::NotFound)?.uses += 1;
        Ok(())
    }

    async fn remove(&self, code: &str) -> Result<(), RepoError> {
        lock(&self.rows).remove(code).map(drop).ok_or(RepoError::NotFound)
    }
}
