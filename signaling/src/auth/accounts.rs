//! What happens to accounts: registering, logging in, adding bots. The same for REST and for the
//! owner's command line.

use model::error_code::ErrorCode;
use model::id::GuildId;
use model::id::UserId;
use model::limits;
use state::GuildCommand;
use state::guild::command::GuildDraft;
use state::record::AccountRecord;
use state::record::ApplicationRecord;
use state::record::InviteRecord;
use state::record::UserRecord;
use state::repo::RepoError;
use state::store::ChangeError;

use super::password;
use super::random;
use crate::parts::Parts;
use crate::rest::error::ApiError;
use crate::rest::error::FormErrors;

/// Someone who wants an account.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Wanted username.
    pub username: String,
    /// Wanted password.
    pub password: String,
    /// Shown name.
    pub global_name: Option<String>,
    /// The code of an invite.
    pub invite: Option<String>,
}

/// Application flags of a bot that may use all privileged intents.
pub const ALL_PRIVILEGED: u64 = 1 << 12 | 1 << 14 | 1 << 18;

/// Registers an account and does what its invite promises: ownership of the instance with a first
/// guild, or membership in a guild.
///
/// # Errors
///
/// Field errors; [`ApiError::Unavailable`].
pub async fn register(parts: &Parts, wanted: Registration) -> Result<AccountRecord, ApiError> {
    let username = wanted.username.to_ascii_lowercase();
    let mut errors = FormErrors::default();
    check_username(&username, &mut errors);
    check_password(&wanted.password, &mut errors);
    if wanted.global_name.as_ref().is_some_and(|name| !(1..=32).contains(&name.chars().count())) {
        errors.push("global_name", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 32 in length.");
    }
    let now_ms = parts.now_ms();
    let code = wanted.invite.filter(|code| !code.is_empty());
    let invite = match &code {
        Some(code) => parts.invites.invite(code).await?.filter(|invite| invite.is_valid(now_ms)),
        None => None,
    };
    if invite.is_none() && (code.is_some() || !parts.config.open_registration) {
        errors.push("invite", "INVITE_INVALID", "This invite is unknown, used up or expired.");
    }
    errors.finish()?;
    if parts.accounts.by_username(&username).await?.is_some() {
        return Err(taken());
    }
    let phc = password::hash(wanted.password).await;
    // Of many who hold the last use, one gets it; it is spent before the account exists, so that
    // a crash between the two costs an invite and never makes a stranger an owner.
    let invite = match invite {
        Some(invite) => match parts.invites.use_once(&invite.code, now_ms).await {
            Ok(invite) => Some(invite),
            Err(RepoError::NotFound) => {
                return Err(ApiError::Form(FormErrors::one(
                    "invite",
                    "INVITE_INVALID",
                    "This invite is unknown, used up or expired.",
                )));
            }
            Err(error) => return Err(error.into()),
        },
        None => None,
    };
    let account = AccountRecord {
        user: UserRecord {
            id: parts.ids.next(),
            username,
            global_name: wanted.global_name,
            avatar: None,
            bot: false,
            flags: 0,
        },
        password: Some(phc),
        owner: invite.as_ref().is_some_and(|invite| invite.owner),
        disabled: false,
    };
    match parts.accounts.create(&account).await {
        Ok(()) => {}
        Err(RepoError::Exists) => return Err(taken()),
        Err(error) => return Err(error.into()),
    }
    if let Some(invite) = invite {
        welcome(parts, &account, &invite).await?;
    }
    Ok(account)
}

/// What an invite gives beside the account.
async fn welcome(
    parts: &Parts,
    account: &AccountRecord,
    invite: &InviteRecord,
) -> Result<(), ApiError> {
    if let Some(guild) = invite.guild {
        join(parts, guild, account.user.id).await?;
    } else if invite.owner && parts.store.all().is_empty() {
        found(parts, account.user.id, parts.config.name.clone()).await?;
    }
    Ok(())
}

/// Makes `user` a member; the caller has checked by what right.
///
/// # Errors
///
/// [`ApiError`]: banned, unknown guild, too many guilds.
pub async fn join(parts: &Parts, guild: GuildId, user: UserId) -> Result<(), ApiError> {
    let command = GuildCommand::Join { user, now: parts.now(), roles: Vec::new() };
    parts.store.execute(guild, user, command).await?;
    Ok(())
}

/// Founds a guild as people expect it.
///
/// # Errors
///
/// [`ChangeError`].
pub async fn found(parts: &Parts, owner: UserId, name: String) -> Result<GuildId, ChangeError> {
    let draft = GuildDraft {
        id: parts.ids.next(),
        name,
        owner,
        icon: None,
        now: parts.now(),
        channel_ids: std::array::from_fn(|_| parts.ids.next()),
    };
    Ok(parts.store.found(draft).await?.id())
}

/// Checks a login; the answer takes as long for unknown names as for wrong passwords.
///
/// # Errors
///
/// `login` as a field error, as Discord answers.
pub async fn login(
    parts: &Parts,
    username: &str,
    password: String,
) -> Result<AccountRecord, ApiError> {
    let account = parts.accounts.by_username(&username.to_ascii_lowercase()).await?;
    let phc = account.as_ref().and_then(|account| account.password.clone());
    let right = password.len() <= *limits::PASSWORD.end() && password::verify(password, phc).await;
    match account {
        Some(account) if right && !account.disabled => Ok(account),
        Some(account) if right && account.disabled => Err(ErrorCode::AccountDisabled.into()),
        _ => {
            let mut errors = FormErrors::default();
            for field in ["login", "password"] {
                errors.push(field, "INVALID_LOGIN", "Login or password is invalid.");
            }
            Err(ApiError::Form(errors))
        }
    }
}

/// Adds a bot: its application, its account, and a token that is told only now.
///
/// # Errors
///
/// A taken or impossible name; storage errors.
pub async fn add_bot(
    parts: &Parts,
    name: &str,
    owner: Option<UserId>,
    flags: u64,
) -> Result<(ApplicationRecord, String), ApiError> {
    let username = name.to_ascii_lowercase().replace(' ', "-");
    if !(2..=32).contains(&username.chars().count()) {
        return Err(ApiError::Form(FormErrors::one(
            "name",
            "BASE_TYPE_BAD_LENGTH",
            "Must be between 2 and 32 in length.",
        )));
    }
    let id: UserId = parts.ids.next();
    let account = AccountRecord {
        user: UserRecord { id, username, global_name: None, avatar: None, bot: true, flags: 0 },
        password: None,
        owner: false,
        disabled: false,
    };
    match parts.accounts.create(&account).await {
        Ok(()) => {}
        Err(RepoError::Exists) => return Err(taken()),
        Err(error) => return Err(error.into()),
    }
    let application = ApplicationRecord { id: id.cast(), name: name.to_owned(), owner, flags };
    parts.accounts.put_application(&application).await?;
    let token = parts.auth.issue(id, parts.now_ms()).await?;
    Ok((application, token))
}

/// A new invite's code: 72 random bits.
#[must_use]
pub fn invite_code() -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(random::<9>())
}

fn taken() -> ApiError {
    ApiError::Form(FormErrors::one(
        "username",
        "USERNAME_ALREADY_TAKEN",
        "This name is taken. Try another one.",
    ))
}

/// 2 to 32 of `a-z 0-9 . _` (Discord: Usernames).
fn check_username(username: &str, errors: &mut FormErrors) {
    if !limits::USERNAME.contains(&username.chars().count()) {
        errors.push("username", "BASE_TYPE_BAD_LENGTH", "Must be between 2 and 32 in length.");
    } else if !username
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._".contains(&b))
    {
        errors.push(
            "username",
            "USERNAME_INVALID_CHARACTERS",
            "Only letters a to z, digits, dots and underscores.",
        );
    }
}

/// The length of a new password.
pub fn check_password(password: &str, errors: &mut FormErrors) {
    if !limits::PASSWORD.contains(&password.len()) {
        errors.push("password", "BASE_TYPE_BAD_LENGTH", "Must be between 8 and 256 in length.");
    }
}
