//! Bots' commands in SQLite.

use async_trait::async_trait;
use model::id::ApplicationId;
use model::id::CommandId;
use model::id::GuildId;
use sqlx::SqliteConnection;
use state::apps::CommandPermission;
use state::apps::CommandRecord;
use state::repo::CommandRepo;
use state::repo::RepoError;

use super::Database;
use super::row;
use super::row::failed;
use super::row::key;

/// A guild's column; 0 is every guild.
fn place(guild: Option<GuildId>) -> i64 {
    guild.map_or(0, key)
}

#[async_trait]
impl CommandRepo for Database {
    async fn list(
        &self,
        application: ApplicationId,
        guild: Option<GuildId>,
    ) -> Result<Vec<CommandRecord>, RepoError> {
        let documents: Vec<String> = sqlx::query_scalar(
            "SELECT document FROM commands WHERE application = ? AND guild = ? ORDER BY id",
        )
        .bind(key(application))
        .bind(place(guild))
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        documents.iter().map(|document| row::parse(document)).collect()
    }

    async fn command(
        &self,
        application: ApplicationId,
        id: CommandId,
    ) -> Result<Option<CommandRecord>, RepoError> {
        let found: Option<String> =
            sqlx::query_scalar("SELECT document FROM commands WHERE application = ? AND id = ?")
                .bind(key(application))
                .bind(key(id))
                .fetch_optional(&self.readers)
                .await
                .map_err(failed)?;
        found.map(|document| row::parse(&document)).transpose()
    }

    async fn replace(
        &self,
        application: ApplicationId,
        guild: Option<GuildId>,
        commands: &[CommandRecord],
    ) -> Result<(), RepoError> {
        let rows = commands.iter().map(|command| Ok((command.clone(), row::document(command)?)));
        let rows = rows.collect::<Result<Vec<_>, RepoError>>()?;
        let work = self.writer.write("commands_replace", move |connection| {
            Box::pin(async move {
                sqlx::query("DELETE FROM commands WHERE application = ? AND guild = ?")
                    .bind(key(application))
                    .bind(place(guild))
                    .execute(&mut *connection)
                    .await
                    .map_err(failed)?;
                for (command, document) in rows {
                    insert(connection, &command, document).await?;
                }
                forget_unsaid(connection, application).await
            })
        });
        work.await
    }

    async fn put(&self, command: &CommandRecord) -> Result<(), RepoError> {
        let (command, document) = (command.clone(), row::document(command)?);
        let work = self.writer.write("command_put", move |connection| {
            Box::pin(async move {
                sqlx::query("DELETE FROM commands WHERE application = ? AND id = ?")
                    .bind(key(command.application))
                    .bind(key(command.id))
                    .execute(&mut *connection)
                    .await
                    .map_err(failed)?;
                insert(connection, &command, document).await
            })
        });
        work.await
    }

    async fn remove(&self, application: ApplicationId, id: CommandId) -> Result<(), RepoError> {
        let work = self.writer.write("command_remove", move |connection| {
            Box::pin(async move {
                let done = sqlx::query("DELETE FROM commands WHERE application = ? AND id = ?")
                    .bind(key(application))
                    .bind(key(id))
                    .execute(&mut *connection)
                    .await
                    .map_err(failed)?;
                if done.rows_affected() == 0 {
                    return Err(RepoError::NotFound);
                }
                forget_unsaid(connection, application).await
            })
        });
        work.await
    }

    async fn permissions(
        &self,
        application: ApplicationId,
        guild: GuildId,
    ) -> Result<Vec<(CommandId, Vec<CommandPermission>)>, RepoError> {
        let rows: Vec<(i64, String)> = sqlx::query_as(
            "SELECT command, document FROM command_permissions
             WHERE application = ? AND guild = ? ORDER BY command",
        )
        .bind(key(application))
        .bind(key(guild))
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        rows.iter().map(|(id, document)| Ok((row::id(*id)?, row::parse(document)?))).collect()
    }

    async fn set_permissions(
        &self,
        application: ApplicationId,
        guild: GuildId,
        command: CommandId,
        permissions: &[CommandPermission],
    ) -> Result<(), RepoError> {
        let said = !permissions.is_empty();
        let document = row::document(&permissions)?;
        let work = self.writer.write("command_permissions_set", move |connection| {
            Box::pin(async move {
                let query = if said {
                    sqlx::query(
                        "INSERT OR REPLACE INTO command_permissions
                         (application, guild, command, document) VALUES (?, ?, ?, ?)",
                    )
                } else {
                    sqlx::query(
                        "DELETE FROM command_permissions
                         WHERE application = ? AND guild = ? AND command = ?",
                    )
                };
                let query = query.bind(key(application)).bind(key(guild)).bind(key(command));
                let query = if said { query.bind(document) } else { query };
                query.execute(connection).await.map_err(failed)?;
                Ok(())
            })
        });
        work.await
    }
}

async fn insert(
    connection: &mut SqliteConnection,
    command: &CommandRecord,
    document: String,
) -> Result<(), RepoError> {
    sqlx::query(
        "INSERT INTO commands (application, id, guild, kind, name, document)
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(key(command.application))
    .bind(key(command.id))
    .bind(place(command.guild))
    .bind(command.kind)
    .bind(&command.name)
    .bind(document)
    .execute(connection)
    .await
    .map_err(failed)?;
    Ok(())
}

/// Deletes what guilds said of commands that are no more.
async fn forget_unsaid(
    connection: &mut SqliteConnection,
    application: ApplicationId,
) -> Result<(), RepoError> {
    sqlx::query(
        "DELETE FROM command_permissions WHERE application = ?1 AND command <> ?1
         AND command NOT IN (SELECT id FROM commands WHERE application = ?1)",
    )
    .bind(key(application))
    .execute(connection)
    .await
    .map_err(failed)?;
    Ok(())
}
