//! Carries out admin commands on the parts of a server. Knows neither socket nor terminal.

use std::sync::Arc;

use media::MediaHandle;
use model::id::GuildId;
use model::id::UserId;
use model::wire::channel::ChannelType;
use signaling::auth::AccountError;
use signaling::auth::Accounts;
use signaling::auth::PrivilegedIntents;
use signaling::auth::accounts::InstanceInvite;
use signaling::auth::accounts::Registration;
use signaling::auth::accounts::invite_code;
use signaling::gateway::Sessions;
use signaling::parts::now_ms;
use state::Guild;
use state::GuildCommand;
use state::record::AccountRecord;
use state::record::ApplicationRecord;
use state::record::InviteRecord;
use state::repo::RepoError;
use state::store::ChangeError;

use super::command::AdminCommand;
use super::command::AdminReply;
use super::command::BotRow;
use super::command::GuildRow;
use super::command::InviteRow;
use super::command::Status;
use super::command::UserRow;

/// Why a command was not carried out. The text is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// No account has that name or id.
    #[error("there is no account {0}")]
    NoAccount(String),
    /// No guild has that id.
    #[error("there is no guild {0}")]
    NoGuild(GuildId),
    /// No invite has that code.
    #[error("there is no invite {0}")]
    NoInvite(String),
    /// Only a running server knows.
    #[error("no server is running on this data folder")]
    NotRunning,
    /// Said by the server, through its socket.
    #[error("{0}")]
    Refused(String),
    /// What accounts say.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// What guilds say.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// Storage failed.
    #[error(transparent)]
    Repo(#[from] RepoError),
}

/// What only a running server has.
pub struct Live {
    /// Voice.
    pub media: MediaHandle,
    /// Gateway sessions.
    pub sessions: Arc<Sessions>,
}

/// Where admin commands are carried out.
pub struct Office {
    /// Accounts, guilds, invites.
    pub accounts: Accounts,
    /// What links begin with, e.g. `http://localhost:8443`.
    pub link_base: String,
    /// The running server, if there is one.
    pub live: Option<Live>,
}

impl Office {
    /// Carries out one command.
    ///
    /// # Errors
    ///
    /// [`AdminError`]; nothing was changed, but that a bot without its guild stays added.
    pub async fn execute(&self, command: AdminCommand) -> Result<AdminReply, AdminError> {
        match command {
            AdminCommand::Status => self.status(),
            AdminCommand::UserAdd { username, password, owner } => {
                self.add_user(username, password, owner).await
            }
            AdminCommand::UserList => {
                let all = self.accounts.accounts.list().await?;
                let people = all.iter().filter(|account| !account.user.bot);
                Ok(AdminReply::Users(people.map(user_row).collect()))
            }
            AdminCommand::UserDisable { user, disabled } => {
                let mut account = self.account(&user).await?;
                self.accounts.set_disabled(account.user.id, disabled).await?;
                account.disabled = disabled;
                Ok(AdminReply::User { user: user_row(&account), password: None })
            }
            AdminCommand::UserResetPassword { user, password } => {
                let account = self.account(&user).await?;
                let made = password.is_none().then(make_password);
                let new = password.or_else(|| made.clone()).unwrap_or_default();
                self.accounts.change_password(account.user.id, new).await?;
                Ok(AdminReply::User { user: user_row(&account), password: made })
            }
            AdminCommand::UserMakeOwner { user } => {
                let account = self.make_owner(self.account(&user).await?).await?;
                Ok(AdminReply::User { user: user_row(&account), password: None })
            }
            AdminCommand::BotAdd { name, guild, members, content, presences } => {
                let intents = PrivilegedIntents { members, presences, message_content: content };
                self.add_bot(&name, guild, intents).await
            }
            AdminCommand::BotList => {
                let bots = self.accounts.accounts.applications().await?;
                Ok(AdminReply::Bots(bots.iter().map(bot_row).collect()))
            }
            AdminCommand::BotToken { bot } => {
                let token = self.accounts.reset_bot_token(bot).await?;
                let application = self.accounts.accounts.application(bot).await?;
                let application = application.ok_or(AccountError::Unknown)?;
                Ok(AdminReply::Bot { bot: bot_row(&application), token: Some(token) })
            }
            AdminCommand::GuildList => {
                let all = self.accounts.store.all();
                let rows = all.iter().map(|guild| self.guild_row(&guild.view()));
                Ok(AdminReply::Guilds(rows.collect()))
            }
            AdminCommand::GuildCreate { name, owner } => {
                let owner = self.account(&owner).await?;
                let guild = self.accounts.found(owner.user.id, name).await?;
                Ok(AdminReply::Guild(self.guild_row(&*self.view(guild)?)))
            }
            AdminCommand::GuildShow { guild } => {
                Ok(AdminReply::Guild(self.guild_row(&*self.view(guild)?)))
            }
            AdminCommand::GuildDelete { guild } => {
                let view = self.view(guild)?;
                self.accounts
                    .store
                    .execute(guild, view.settings.owner, GuildCommand::Delete)
                    .await?;
                Ok(AdminReply::Done(format!("{} ({guild}) is deleted", view.settings.name)))
            }
            AdminCommand::InviteCreate { guild, uses, max_age, owner } => {
                self.invite(guild, uses, max_age, owner).await
            }
            AdminCommand::InviteList { guild } => self.invites(guild).await,
            AdminCommand::InviteRevoke { code } => {
                match self.accounts.invites.remove(&code).await {
                    Ok(()) => Ok(AdminReply::Done(format!("invite {code} is ended"))),
                    Err(RepoError::NotFound) => Err(AdminError::NoInvite(code)),
                    Err(error) => Err(error.into()),
                }
            }
        }
    }

    fn status(&self) -> Result<AdminReply, AdminError> {
        let live = self.live.as_ref().ok_or(AdminError::NotRunning)?;
        let totals = live.media.totals();
        Ok(AdminReply::Status(Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            process: std::process::id(),
            sessions: live.sessions.count() as u64,
            rooms: totals.rooms,
            peers: totals.peers,
            packets_received: totals.received,
        }))
    }

    async fn add_user(
        &self,
        username: String,
        password: Option<String>,
        owner: bool,
    ) -> Result<AdminReply, AdminError> {
        let made = password.is_none().then(make_password);
        let wanted = Registration {
            username,
            password: password.or_else(|| made.clone()).unwrap_or_default(),
            global_name: None,
            invite: None,
            open: true,
            first_guild: String::new(),
        };
        let mut account = self.accounts.register(wanted).await?;
        if owner {
            account = self.make_owner(account).await?;
        }
        Ok(AdminReply::User { user: user_row(&account), password: made })
    }

    async fn make_owner(&self, mut account: AccountRecord) -> Result<AccountRecord, AdminError> {
        if account.user.bot {
            return Err(AdminError::NoAccount(format!("{} of a person", account.user.username)));
        }
        account.owner = true;
        self.accounts.accounts.update(&account).await?;
        self.accounts.auth.forget(account.user.id);
        Ok(account)
    }

    async fn add_bot(
        &self,
        name: &str,
        guild: Option<GuildId>,
        intents: PrivilegedIntents,
    ) -> Result<AdminReply, AdminError> {
        // Before the bot is made: a wrong id must not leave a bot behind.
        let owner = match guild {
            Some(guild) => Some(self.view(guild)?.settings.owner),
            None => {
                self.accounts.accounts.list().await?.iter().find(|a| a.owner).map(|a| a.user.id)
            }
        };
        let (application, token) = self.accounts.add_bot(name, owner, intents).await?;
        if let Some(guild) = guild {
            self.accounts.join(guild, application.id.cast()).await?;
        }
        Ok(AdminReply::Bot { bot: bot_row(&application), token: Some(token) })
    }

    async fn invite(
        &self,
        guild: Option<GuildId>,
        max_uses: u32,
        max_age: u32,
        owner: bool,
    ) -> Result<AdminReply, AdminError> {
        let Some(guild) = guild else {
            let wanted = InstanceInvite { max_uses, max_age, owner, inviter: None };
            let invite = self.accounts.invite_to_instance(wanted).await?;
            return Ok(AdminReply::Invite(self.invite_row(&invite)));
        };
        let view = self.view(guild)?;
        let texts = view.channels.values().filter(|channel| channel.kind == ChannelType::GuildText);
        let invite = InviteRecord {
            code: invite_code(),
            guild: Some(guild),
            channel: texts.min_by_key(|channel| channel.position).map(|channel| channel.id),
            inviter: Some(view.settings.owner),
            max_uses,
            uses: 0,
            max_age,
            created_ms: now_ms(),
            owner: false,
            temporary: false,
            roles: Vec::new(),
            targets: None,
        };
        self.accounts.invites.create(&invite).await?;
        Ok(AdminReply::Invite(self.invite_row(&invite)))
    }

    async fn invites(&self, guild: Option<GuildId>) -> Result<AdminReply, AdminError> {
        let mut found = Vec::new();
        match guild {
            Some(guild) => found.extend(self.accounts.invites.list(Some(guild)).await?),
            None => {
                found.extend(self.accounts.invites.list(None).await?);
                for guild in self.accounts.store.all() {
                    found.extend(self.accounts.invites.list(Some(guild.id())).await?);
                }
            }
        }
        Ok(AdminReply::Invites(found.iter().map(|invite| self.invite_row(invite)).collect()))
    }

    /// The account of that username or, failing that, of that id.
    async fn account(&self, user: &str) -> Result<AccountRecord, AdminError> {
        let repo = &self.accounts.accounts;
        if let Some(account) = repo.by_username(user).await? {
            return Ok(account);
        }
        if let Ok(id) = user.parse::<UserId>()
            && let Some(account) = repo.account(id).await?
        {
            return Ok(account);
        }
        Err(AdminError::NoAccount(user.to_owned()))
    }

    fn view(&self, guild: GuildId) -> Result<state::GuildView, AdminError> {
        Ok(self.accounts.store.guild(guild).ok_or(AdminError::NoGuild(guild))?.view())
    }

    fn guild_row(&self, guild: &Guild) -> GuildRow {
        let owner = guild.settings.owner;
        let name = self.accounts.store.users().cached(owner).map(|user| user.username.clone());
        GuildRow {
            id: guild.id.to_string(),
            name: guild.settings.name.clone(),
            owner: name.unwrap_or_else(|| owner.to_string()),
            members: guild.members.len(),
            channels: guild.channels.len(),
            in_voice: guild.voice.len(),
        }
    }

    fn invite_row(&self, invite: &InviteRecord) -> InviteRow {
        InviteRow {
            link: format!("{}/invite/{}", self.link_base, invite.code),
            code: invite.code.clone(),
            guild: invite.guild.map(|guild| guild.to_string()),
            uses: invite.uses,
            max_uses: invite.max_uses,
            max_age: invite.max_age,
            valid: invite.is_valid(now_ms()),
            owner: invite.owner,
        }
    }
}

fn user_row(account: &AccountRecord) -> UserRow {
    UserRow {
        id: account.user.id.to_string(),
        username: account.user.username.clone(),
        owner: account.owner,
        disabled: account.disabled,
    }
}

fn bot_row(application: &ApplicationRecord) -> BotRow {
    let switch = |bits: u64, name: &str| (application.flags & bits != 0).then(|| name.to_owned());
    BotRow {
        id: application.id.to_string(),
        name: application.name.clone(),
        intents: [
            switch(PrivilegedIntents::MEMBERS_FLAGS, "members"),
            switch(1 << 18 | 1 << 19, "content"),
            switch(1 << 12 | 1 << 13, "presences"),
        ]
        .into_iter()
        .flatten()
        .collect(),
    }
}

/// 22 letters and digits, 130 random bits.
fn make_password() -> String {
    invite_code() + &invite_code()
}
