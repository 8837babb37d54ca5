//! Templates in SQLite.

use async_trait::async_trait;
use model::id::GuildId;
use state::repo::RepoError;
use state::repo::TemplateRepo;
use state::template::TemplateRecord;

use super::Database;
use super::row;
use super::row::failed;
use super::row::key;

fn template((document, uses): (String, i64)) -> Result<TemplateRecord, RepoError> {
    let template: TemplateRecord = row::parse(&document)?;
    Ok(TemplateRecord { uses: u32::try_from(uses).unwrap_or(u32::MAX), ..template })
}

impl Database {
    /// Runs a statement that is to change exactly the template of that code.
    async fn change_template(
        &self,
        work: &'static str,
        statement: &'static str,
        code: &str,
        document: Option<String>,
    ) -> Result<(), RepoError> {
        let code = code.to_owned();
        let work = self.writer.write(work, move |connection| {
            Box::pin(async move {
                let query = sqlx::query(statement).bind(code).bind(document);
                let done = query.execute(connection).await.map_err(failed)?;
                if done.rows_affected() == 0 { Err(RepoError::NotFound) } else { Ok(()) }
            })
        });
        work.await
    }
}

#[async_trait]
impl TemplateRepo for Database {
    async fn create(&self, template: &TemplateRecord) -> Result<(), RepoError> {
        let (template, document) = (template.clone(), row::document(template)?);
        let work = self.writer.write("template_create", move |connection| {
            Box::pin(async move {
                sqlx::query(
                    "INSERT INTO templates (code, guild, uses, document) VALUES (?, ?, ?, ?)",
                )
                .bind(template.code)
                .bind(key(template.guild))
                .bind(template.uses)
                .bind(document)
                .execute(connection)
                .await
                .map_err(failed)?;
                Ok(())
            })
        });
        work.await
    }

    async fn template(&self, code: &str) -> Result<Option<TemplateRecord>, RepoError> {
        let found: Option<(String, i64)> =
            sqlx::query_as("SELECT document, uses FROM templates WHERE code = ?")
                .bind(code)
                .fetch_optional(&self.readers)
                .await
                .map_err(failed)?;
        found.map(template).transpose()
    }

    async fn of_guild(&self, guild: GuildId) -> Result<Vec<TemplateRecord>, RepoError> {
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT document, uses FROM templates WHERE guild = ? ORDER BY code")
                .bind(key(guild))
                .fetch_all(&self.readers)
                .await
                .map_err(failed)?;
        rows.into_iter().map(template).collect()
    }

    async fn update(&self, template: &TemplateRecord) -> Result<(), RepoError> {
        let statement = "UPDATE templates SET document = ?2 WHERE code = ?1";
        let document = row::document(template)?;
        self.change_template("template_update", statement, &template.code, Some(document)).await
    }

    async fn count_use(&self, code: &str) -> Result<(), RepoError> {
        let statement = "UPDATE templates SET uses = uses + 1 WHERE code = ?1 AND ?2 IS NULL";
        self.change_template("template_use", statement, code, None).await
    }

    async fn remove(&self, code: &str) -> Result<(), RepoError> {
        let statement = "DELETE FROM templates WHERE code = ?1 AND ?2 IS NULL";
        self.change_template("template_remove", statement, code, None).await
    }
}
