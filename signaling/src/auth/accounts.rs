//! What happens to accounts: registering, logging in, adding bots. The same for REST and for the
//! owner's command line; knows no HTTP.

use std::sync::Arc;

use model::id::ApplicationId;
use model::id::GuildId;
use model::id::RoleId;
use model::id::UserId;
use model::limits;
use state::GuildCommand;
use state::GuildStore;
use state::UserEvent;
use state::guild::command::GuildDraft;
use state::record::AccountRecord;
use state::record::ApplicationRecord;
use state::record::InviteRecord;
use state::record::UserRecord;
use state::repo::AccountRepo;
use state::repo::InviteRepo;
use state::repo::RepoError;
use state::store::ChangeError;

use super::Authenticator;
use super::password;
use super::random;
use crate::parts::Ids;
use crate::parts::Parts;
use crate::parts::now_ms;
use crate::parts::timestamp;
use crate::rest::screening;

/// The accounts of this instance and what is done with them.
#[derive(Clone)]
pub struct Accounts {
    /// Accounts, applications, tokens.
    pub accounts: Arc<dyn AccountRepo>,
    /// Invites.
    pub invites: Arc<dyn InviteRepo>,
    /// Makes ids.
    pub ids: Arc<Ids>,
    /// Makes and forgets tokens.
    pub auth: Arc<Authenticator>,
    /// Guilds that invites lead into.
    pub store: Arc<GuildStore>,
}

impl From<&Parts> for Accounts {
    fn from(parts: &Parts) -> Self {
        Self {
            accounts: Arc::clone(&parts.accounts),
            invites: Arc::clone(&parts.invites),
            ids: Arc::clone(&parts.ids),
            auth: Arc::clone(&parts.auth),
            store: Arc::clone(&parts.store),
        }
    }
}

/// A field that cannot be as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which field.
    pub field: &'static str,
    /// Discord's code of the fault.
    pub code: &'static str,
    /// A sentence for people.
    pub message: String,
}

/// Why an account operation was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Fields to be corrected; never empty.
    #[error("{}", sentence(.0))]
    Faults(Vec<Fault>),
    /// No such account, or it is no bot.
    #[error("there is no such account")]
    Unknown,
    /// The account may not log in.
    #[error("the account is disabled")]
    Disabled,
    /// The person is in as many guilds as one may be.
    #[error("the account is in too many guilds")]
    TooManyGuilds,
    /// Too many passwords are being checked.
    #[error(transparent)]
    Busy(#[from] password::Busy),
    /// The guild did not take the change.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// Storage failed.
    #[error(transparent)]
    Repo(#[from] RepoError),
}

fn sentence(faults: &[Fault]) -> String {
    let each = faults.iter().map(|fault| format!("{}: {}", fault.field, fault.message));
    each.collect::<Vec<_>>().join("; ")
}

/// Someone who wants an account.
#[derive(Clone)]
pub struct Registration {
    /// Wanted username; capitals become small.
    pub username: String,
    /// Wanted password.
    pub password: String,
    /// Shown name.
    pub global_name: Option<String>,
    /// The code of an invite.
    pub invite: Option<String>,
    /// Whether an account is to be had without an invite.
    pub open: bool,
    /// What the first guild is called, if this is the owner of a new instance.
    pub first_guild: String,
}

/// Switches of a bot's privileged intents (Discord: Gateway/Privileged Intents).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrivilegedIntents {
    /// Sees who is online.
    pub presences: bool,
    /// Sees who joins and leaves, and may list members.
    pub members: bool,
    /// Reads messages that do not concern it.
    pub message_content: bool,
}

impl PrivilegedIntents {
    /// All of them.
    pub const ALL: Self = Self { presences: true, members: true, message_content: true };
    /// The flags that allow listing members (Discord: Application Flags; limited and not).
    pub const MEMBERS_FLAGS: u64 = 1 << 14 | 1 << 15;

    /// As application flags: the limited ones, which Discord gives to bots in few guilds.
    #[must_use]
    pub const fn flags(self) -> u64 {
        (self.presences as u64) << 13
            | (self.members as u64) << 15
            | (self.message_content as u64) << 19
    }
}

/// An invite to the instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstanceInvite {
    /// How often it may be used; 0 is without end.
    pub max_uses: u32,
    /// Seconds it lives; 0 is for ever.
    pub max_age: u32,
    /// Whoever registers with it owns the instance.
    pub owner: bool,
    /// Who makes it; the command line has no one.
    pub inviter: Option<UserId>,
}

impl Accounts {
    /// Registers an account and does what its invite promises: ownership of the instance, with a
    /// first guild if there is none, or membership in a guild.
    ///
    /// # Errors
    ///
    /// [`AccountError`].
    pub async fn register(&self, wanted: Registration) -> Result<AccountRecord, AccountError> {
        let username = wanted.username.to_ascii_lowercase();
        let global_name = wanted.global_name.map(|name| name.trim().to_owned());
        let global_name = global_name.filter(|name| !name.is_empty());
        let mut faults = Vec::new();
        faults.extend(username_fault(&username));
        faults.extend(password_fault("password", &wanted.password));
        faults.extend(global_name.as_deref().and_then(global_name_fault));
        let now_ms = now_ms();
        let code = wanted.invite.filter(|code| !code.is_empty());
        let invite = match &code {
            Some(code) => {
                // Who is only now getting an account can be named by no invite.
                let good = |found: &InviteRecord| found.is_valid(now_ms) && found.targets.is_none();
                self.invites.invite(code).await?.filter(good)
            }
            None => None,
        };
        if invite.is_none() && (code.is_some() || !wanted.open) {
            faults.push(invite_fault(code.is_some()));
        }
        if !faults.is_empty() {
            return Err(AccountError::Faults(faults));
        }
        let phc = password::hash(wanted.password).await?;
        let registering = self.auth.registering.lock().await;
        if self.accounts.by_username(&username).await?.is_some() {
            return Err(taken());
        }
        // Of many who hold the last use, one gets it. It is spent before the account exists: a
        // crash between the two costs an invite and never makes a stranger an owner.
        let invite = match invite {
            Some(invite) => match self.invites.use_once(&invite.code, now_ms).await {
                Ok(invite) => Some(invite),
                Err(RepoError::NotFound) => {
                    return Err(AccountError::Faults(vec![invite_fault(true)]));
                }
                Err(error) => return Err(error.into()),
            },
            None => None,
        };
        let account = AccountRecord {
            user: UserRecord {
                id: self.ids.next(),
                username,
                global_name,
                avatar: None,
                bot: false,
                flags: 0,
            },
            password: Some(phc),
            owner: invite.as_ref().is_some_and(|invite| invite.owner),
            disabled: false,
        };
        self.create(&account).await?;
        drop(registering);
        if let Some(invite) = invite {
            self.welcome(&account, &invite, wanted.first_guild).await;
        }
        Ok(account)
    }

    /// What an invite gives beside the account. The account stands even when this fails: its
    /// owner can log in, and be invited again.
    async fn welcome(&self, account: &AccountRecord, invite: &InviteRecord, first_guild: String) {
        let user = account.user.id;
        let outcome = match invite.guild {
            Some(guild) => self.join_by(invite, guild, user).await,
            None if invite.owner && self.store.all().is_empty() => {
                self.found(user, first_guild).await.map(drop)
            }
            None => Ok(()),
        };
        if let Err(error) = outcome {
            tracing::warn!(%user, %error, "a new account did not get what its invite promised");
        }
    }

    /// Checks a login; the answer takes as long for unknown names as for wrong passwords.
    ///
    /// # Errors
    ///
    /// `login` and `password` as faults, as Discord answers; [`AccountError::Disabled`] only to
    /// those who know the password.
    pub async fn login(
        &self,
        username: &str,
        password: String,
    ) -> Result<AccountRecord, AccountError> {
        let account = self.accounts.by_username(&username.trim().to_ascii_lowercase()).await?;
        let phc = account.as_ref().and_then(|account| account.password.clone());
        // Its length is its own secret, not the account's: no equal time is owed here.
        let right =
            password.len() <= *limits::PASSWORD.end() && password::verify(password, phc).await?;
        match account {
            Some(account) if right && !account.disabled => Ok(account),
            Some(_) if right => Err(AccountError::Disabled),
            _ => {
                let fault = |field| Fault {
                    field,
                    code: "INVALID_LOGIN",
                    message: "Login or password is invalid.".to_owned(),
                };
                Err(AccountError::Faults(vec![fault("login"), fault("password")]))
            }
        }
    }

    /// Whether `password` is the account's.
    ///
    /// # Errors
    ///
    /// [`AccountError::Busy`].
    pub async fn verify(
        &self,
        account: &AccountRecord,
        password: String,
    ) -> Result<bool, AccountError> {
        Ok(password.len() <= *limits::PASSWORD.end()
            && password::verify(password, account.password.clone()).await?)
    }

    /// Sets a new password; every token of the account ends, and so do its sessions.
    ///
    /// # Errors
    ///
    /// [`AccountError`].
    pub async fn change_password(&self, user: UserId, new: String) -> Result<(), AccountError> {
        if let Some(fault) = password_fault("new_password", &new) {
            return Err(AccountError::Faults(vec![fault]));
        }
        let phc = password::hash(new).await?;
        let mut account = self.accounts.account(user).await?.ok_or(AccountError::Unknown)?;
        account.password = Some(phc);
        self.accounts.update(&account).await?;
        self.log_out(user).await
    }

    /// Lets an account log in, or no more; then its tokens and sessions end.
    ///
    /// # Errors
    ///
    /// [`AccountError`].
    pub async fn set_disabled(&self, user: UserId, disabled: bool) -> Result<(), AccountError> {
        let mut account = self.accounts.account(user).await?.ok_or(AccountError::Unknown)?;
        account.disabled = disabled;
        self.accounts.update(&account).await?;
        if disabled { self.log_out(user).await } else { Ok(()) }
    }

    /// Revokes every token of an account and ends its sessions.
    ///
    /// # Errors
    ///
    /// Storage errors.
    pub async fn log_out(&self, user: UserId) -> Result<(), AccountError> {
        self.accounts.remove_tokens(user).await?;
        self.auth.forget(user);
        self.store.notify(user, UserEvent::LoggedOut);
        Ok(())
    }

    /// Adds a bot: its application, its account, and a token that is told only now.
    ///
    /// # Errors
    ///
    /// A taken or impossible name; storage errors.
    pub async fn add_bot(
        &self,
        name: &str,
        owner: Option<UserId>,
        intents: PrivilegedIntents,
    ) -> Result<(ApplicationRecord, String), AccountError> {
        let application = self.add_application(name, owner, intents.flags()).await?;
        let token = self.auth.issue(application.id.cast(), now_ms()).await?;
        Ok((application, token))
    }

    /// Adds an application and its bot's account, which has no token yet.
    ///
    /// # Errors
    ///
    /// A taken or impossible name; storage errors.
    pub async fn add_application(
        &self,
        name: &str,
        owner: Option<UserId>,
        flags: u64,
    ) -> Result<ApplicationRecord, AccountError> {
        let name = name.trim();
        if let Some(fault) = bot_name_fault(name) {
            return Err(AccountError::Faults(vec![fault]));
        }
        let id: UserId = self.ids.next();
        let account = AccountRecord {
            user: UserRecord {
                id,
                username: name.to_owned(),
                global_name: None,
                avatar: None,
                bot: true,
                flags: 0,
            },
            password: None,
            owner: false,
            disabled: false,
        };
        self.create(&account).await?;
        let application = ApplicationRecord::new(id.cast(), name.to_owned(), owner, flags);
        self.accounts.put_application(&application).await?;
        Ok(application)
    }

    /// Deletes an application: its bot leaves every guild and may not log in, and what people allowed
    /// it ends. What the bot said stays.
    ///
    /// # Errors
    ///
    /// [`AccountError::Change`] while its bot owns a guild; storage errors.
    pub async fn remove_application(&self, id: ApplicationId) -> Result<(), AccountError> {
        let bot: UserId = id.cast();
        for guild in self.store.guilds_of(bot) {
            self.store.execute(guild.id(), bot, GuildCommand::Leave).await?;
        }
        self.set_disabled(bot, true).await?;
        self.auth.grants.end_all(id, None).await?;
        Ok(self.accounts.remove_application(id).await?)
    }

    /// Ends a bot's tokens and sessions and makes it a new token.
    ///
    /// # Errors
    ///
    /// [`AccountError`].
    pub async fn reset_bot_token(&self, bot: ApplicationId) -> Result<String, AccountError> {
        self.accounts.application(bot).await?.ok_or(AccountError::Unknown)?;
        self.log_out(bot.cast()).await?;
        Ok(self.auth.issue(bot.cast(), now_ms()).await?)
    }

    /// Makes an invite to the instance.
    ///
    /// # Errors
    ///
    /// Storage errors.
    pub async fn invite_to_instance(
        &self,
        wanted: InstanceInvite,
    ) -> Result<InviteRecord, AccountError> {
        let invite = InviteRecord {
            // Who guesses an owner's invite has everything: twice the length costs nothing.
            code: if wanted.owner { invite_code() + &invite_code() } else { invite_code() },
            guild: None,
            channel: None,
            inviter: wanted.inviter,
            max_uses: wanted.max_uses,
            uses: 0,
            max_age: wanted.max_age,
            created_ms: now_ms(),
            owner: wanted.owner,
            temporary: false,
            roles: Vec::new(),
            targets: None,
        };
        self.invites.create(&invite).await?;
        Ok(invite)
    }

    /// Makes `user` a member; the caller has checked by what right.
    ///
    /// # Errors
    ///
    /// Banned, unknown guild, too many guilds.
    pub async fn join(&self, guild: GuildId, user: UserId) -> Result<(), AccountError> {
        let command = GuildCommand::Join { user, now: timestamp(now_ms()), roles: Vec::new() };
        let view = self.store.execute(guild, user, command).await?;
        screening::tell_begun(&self.store, &view, user);
        Ok(())
    }

    /// As [`join`](Self::join), by an invite, with the roles that it gives as far as they can be given.
    ///
    /// # Errors
    ///
    /// As of [`join`](Self::join).
    pub(crate) async fn join_by(
        &self,
        invite: &InviteRecord,
        guild: GuildId,
        user: UserId,
    ) -> Result<(), AccountError> {
        let view = self.store.guild(guild).map(|handle| handle.view());
        let is_there = |role: &RoleId| {
            view.as_ref().and_then(|view| view.roles.get(role)).is_some_and(|role| !role.managed)
        };
        let roles = invite.roles.iter().copied().filter(is_there).collect();
        let command = GuildCommand::Join { user, now: timestamp(now_ms()), roles };
        let view = self.store.execute(guild, user, command).await?;
        screening::tell_begun(&self.store, &view, user);
        Ok(())
    }

    /// Founds a guild as people expect it.
    ///
    /// # Errors
    ///
    /// A bad name; storage errors.
    pub async fn found(&self, owner: UserId, name: String) -> Result<GuildId, AccountError> {
        self.found_as(self.ids.next(), owner, name, None).await
    }

    /// As [`found`](Self::found), with an id and an icon whose picture is already kept under it.
    ///
    /// # Errors
    ///
    /// A bad name; storage errors.
    pub(crate) async fn found_as(
        &self,
        id: GuildId,
        owner: UserId,
        name: String,
        icon: Option<String>,
    ) -> Result<GuildId, AccountError> {
        if self.store.guilds_of(owner).len() >= limits::GUILDS {
            return Err(AccountError::TooManyGuilds);
        }
        let draft = GuildDraft {
            id,
            name,
            owner,
            icon,
            now: timestamp(now_ms()),
            channel_ids: std::array::from_fn(|_| self.ids.next()),
        };
        Ok(self.store.found(draft).await?.id())
    }

    async fn create(&self, account: &AccountRecord) -> Result<(), AccountError> {
        match self.accounts.create(account).await {
            Ok(()) => {
                self.store.users().put(Arc::new(account.user.clone()));
                Ok(())
            }
            Err(RepoError::Exists) => Err(taken()),
            Err(error) => Err(error.into()),
        }
    }
}

/// A new invite's code: 11 letters and digits, 65 random bits.
#[must_use]
pub fn invite_code() -> String {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut left = u128::from_be_bytes(random());
    // 128 bits over 62^11 leave no bias worth the name.
    let letters = std::iter::repeat_with(|| {
        let letter = LETTERS[usize::try_from(left % 62).unwrap_or_default()];
        left /= 62;
        char::from(letter)
    });
    letters.take(11).collect()
}

/// What is wrong with a person's username: 2 to 32 of `a-z 0-9 . _` (Discord: Usernames).
#[must_use]
pub fn username_fault(username: &str) -> Option<Fault> {
    let fault =
        |code, message: &str| Some(Fault { field: "username", code, message: message.into() });
    if !limits::USERNAME.contains(&username.chars().count()) {
        return fault("BASE_TYPE_BAD_LENGTH", "Must be between 2 and 32 in length.");
    }
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'_';
    if !username.bytes().all(fits) {
        let message = "Username can only use letters, numbers, underscores and periods.";
        return fault("USERNAME_INVALID_CHARACTERS", message);
    }
    None
}

/// What is wrong with a bot's name: those are written as people like, but cannot look like a
/// mention or hide in control characters.
fn bot_name_fault(name: &str) -> Option<Fault> {
    let fault = |code, message: &str| Some(Fault { field: "name", code, message: message.into() });
    if !limits::USERNAME.contains(&name.chars().count()) {
        return fault("BASE_TYPE_BAD_LENGTH", "Must be between 2 and 32 in length.");
    }
    if name.chars().any(|letter| letter.is_control() || "@#:`".contains(letter)) {
        return fault("USERNAME_INVALID_CHARACTERS", "Cannot contain @, #, : or `.");
    }
    None
}

fn global_name_fault(name: &str) -> Option<Fault> {
    (name.chars().count() > *limits::USERNAME.end()).then(|| Fault {
        field: "global_name",
        code: "BASE_TYPE_BAD_LENGTH",
        message: "Must be between 1 and 32 in length.".to_owned(),
    })
}

/// A shown name as it is kept: trimmed, none when empty.
///
/// # Errors
///
/// [`AccountError::Faults`] when it is too long.
pub fn parse_global_name(name: Option<String>) -> Result<Option<String>, AccountError> {
    let name = name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    match name.as_deref().and_then(global_name_fault) {
        Some(fault) => Err(AccountError::Faults(vec![fault])),
        None => Ok(name),
    }
}

/// A wanted username as it is kept.
///
/// # Errors
///
/// [`AccountError::Faults`].
pub fn parse_username(name: &str, bot: bool) -> Result<String, AccountError> {
    let name = name.trim();
    let name = if bot { name.to_owned() } else { name.to_ascii_lowercase() };
    let fault = if bot {
        bot_name_fault(&name).map(|fault| Fault { field: "username", ..fault })
    } else {
        username_fault(&name)
    };
    fault.map_or(Ok(name), |fault| Err(AccountError::Faults(vec![fault])))
}

fn password_fault(field: &'static str, password: &str) -> Option<Fault> {
    (!limits::PASSWORD.contains(&password.len())).then(|| Fault {
        field,
        code: "BASE_TYPE_BAD_LENGTH",
        message: format!(
            "Must be between {} and {} in length.",
            limits::PASSWORD.start(),
            limits::PASSWORD.end()
        ),
    })
}

fn invite_fault(given: bool) -> Fault {
    let message = if given {
        "This invite is unknown, used up or expired."
    } else {
        "An invite is needed to register here."
    };
    Fault {
        field: "invite",
        code: if given { "INVITE_INVALID" } else { "BASE_TYPE_REQUIRED" },
        message: message.to_owned(),
    }
}

/// The answer to whoever wants a name that someone has.
pub(crate) fn taken() -> AccountError {
    AccountError::Faults(vec![Fault {
        field: "username",
        code: "USERNAME_ALREADY_TAKEN",
        message: "This username is already taken.".to_owned(),
    }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_are_those_of_discord() {
        for good in ["ana", "a.b_9", "__"] {
            assert_eq!(username_fault(good), None, "{good}");
        }
        for bad in ["a", "Ana", "a b", "änna", "ana@b", "", &"a".repeat(33)] {
            assert!(username_fault(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn invite_codes_are_long_plain_and_different() {
        let codes: std::collections::HashSet<_> = (0..1_000).map(|_| invite_code()).collect();

        assert_eq!(codes.len(), 1_000);
        assert!(codes.iter().all(|code| code.len() == 11));
        assert!(codes.iter().all(|code| code.bytes().all(|b| b.is_ascii_alphanumeric())));
    }

    #[test]
    fn privileged_intents_are_the_flags_that_the_gateway_asks_for() {
        assert_eq!(PrivilegedIntents::ALL.flags(), 1 << 13 | 1 << 15 | 1 << 19);
        assert_ne!(PrivilegedIntents::ALL.flags() & PrivilegedIntents::MEMBERS_FLAGS, 0);
    }
}
