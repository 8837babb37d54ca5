//! Bots' commands in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use model::id::ApplicationId;
use model::id::CommandId;
use model::id::GuildId;
use state::apps::CommandPermission;
use state::apps::CommandRecord;
use state::repo::CommandRepo;
use state::repo::RepoError;

use super::lock;

type Said = BTreeMap<(ApplicationId, GuildId, CommandId), Vec<CommandPermission>>;

#[derive(Default)]
struct Rows {
    commands: BTreeMap<(ApplicationId, CommandId), CommandRecord>,
    said: Said,
}

impl Rows {
    /// Whether another command of that kind and place has the name.
    fn takes_name(&self, command: &CommandRecord) -> bool {
        self.commands.values().any(|other| {
            other.id != command.id
                && other.application == command.application
                && (other.guild, other.kind, &other.name)
                    == (command.guild, command.kind, &command.name)
        })
    }

    fn forget_unsaid(&mut self, application: ApplicationId) {
        let commands = &self.commands;
        self.said.retain(|(owner, _, command), _| {
            *owner != application
                || command.get() == application.get()
                || commands.contains_key(&(application, *command))
        });
    }
}

/// See the module.
#[derive(Default)]
pub(super) struct MemoryCommands {
    rows: Mutex<Rows>,
}

impl MemoryCommands {
    /// Deletes what belongs to a guild alone.
    pub(super) fn forget_guild(&self, guild: GuildId) {
        let mut rows = lock(&self.rows);
        rows.commands.retain(|_, command| command.guild != Some(guild));
        rows.said.retain(|(_, place, _), _| *place != guild);
    }
}

#[async_trait]
impl CommandRepo for MemoryCommands {
    async fn list(
        &self,
        application: ApplicationId,
        guild: Option<GuildId>,
    ) -> Result<Vec<CommandRecord>, RepoError> {
        let rows = lock(&self.rows);
        let own = rows.commands.values();
        Ok(own
            .filter(|command| command.application == application && command.guild == guild)
            .cloned()
            .collect())
    }

    async fn command(
        &self,
        application: ApplicationId,
        id: CommandId,
    ) -> Result<Option<CommandRecord>, RepoError> {
        Ok(lock(&self.rows).commands.get(&(application, id)).cloned())
    }

    async fn replace(
        &self,
        application: ApplicationId,
        guild: Option<GuildId>,
        commands: &[CommandRecord],
    ) -> Result<(), RepoError> {
        let mut rows = lock(&self.rows);
        for (number, command) in commands.iter().enumerate() {
            let twice = commands.iter().skip(number + 1);
            if twice.clone().any(|other| (other.kind, &other.name) == (command.kind, &command.name))
            {
                return Err(RepoError::Exists);
            }
        }
        rows.commands
            .retain(|_, command| command.application != application || command.guild != guild);
        for command in commands {
            rows.commands.insert((application, command.id), command.clone());
        }
        rows.forget_unsaid(application);
        Ok(())
    }

    async fn put(&self, command: &CommandRecord) -> Result<(), RepoError> {
        let mut rows = lock(&self.rows);
        if rows.takes_name(command) {
            return Err(RepoError::Exists);
        }
        rows.commands.insert((command.application, command.id), command.clone());
        Ok(())
    }

    async fn remove(&self, application: ApplicationId, id: CommandId) -> Result<(), RepoError> {
        let mut rows = lock(&self.rows);
        rows.commands.remove(&(application, id)).ok_or(RepoError::NotFound)?;
        rows.forget_unsaid(application);
        Ok(())
    }

    async fn permissions(
        &self,
        application: ApplicationId,
        guild: GuildId,
    ) -> Result<Vec<(CommandId, Vec<CommandPermission>)>, RepoError> {
        let rows = lock(&self.rows);
        let here = rows
            .said
            .iter()
            .filter(|((owner, place, _), _)| *owner == application && *place == guild);
        Ok(here.map(|((_, _, command), said)| (*command, said.clone())).collect())
    }

    async fn set_permissions(
        &self,
        application: ApplicationId,
        guild: GuildId,
        command: CommandId,
        permissions: &[CommandPermission],
    ) -> Result<(), RepoError> {
        let mut rows = lock(&self.rows);
        let key = (application, guild, command);
        if permissions.is_empty() {
            rows.said.remove(&key);
        } else {
            rows.said.insert(key, permissions.to_vec());
        }
        Ok(())
    }
}
