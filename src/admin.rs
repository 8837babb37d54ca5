//! What the owner does from the command line: through the running server, or on its data when
//! none runs. One enum of commands either way.

use std::fs::File;
use std::future::Future;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context as _;
use model::id::GuildId;
use model::wire::id::Id;
use serde::Deserialize;
use serde::Serialize;
use signaling::Parts;
use signaling::auth::accounts::Accounts;
use signaling::auth::accounts::PrivilegedIntents;
use signaling::auth::accounts::Registration;
use state::GuildCommand;
use state::record::AccountRecord;
use state::record::InviteRecord;
use tokio::io::AsyncBufReadExt as _;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::io::BufReader;
use tokio::net::UnixListener;
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;

use crate::config::Config;

/// Something the owner wants done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum AdminCommand {
    /// Adds a person with a random password, which is printed.
    UserAdd { name: String },
    /// Lists all accounts.
    UserList,
    /// Disables or enables an account.
    UserDisable { name: String, disabled: bool },
    /// Gives a person a new random password, which is printed.
    UserResetPassword { name: String },
    /// Makes a person an owner of the instance.
    UserMakeOwner { name: String },
    /// Adds a bot, to a guild too if one is named; prints its token.
    BotAdd {
        name: String,
        guild: Option<u64>,
        presences: bool,
        members: bool,
        message_content: bool,
    },
    /// Lists all bots.
    BotList,
    /// Replaces a bot's tokens by a new one, which is printed.
    BotToken { id: u64 },
    /// Lists all guilds.
    GuildList,
    /// Founds a guild for a person.
    GuildCreate { name: String, owner: String },
    /// Deletes a guild and all in it.
    GuildDelete { id: u64 },
    /// Makes an invite to a guild, or to the instance.
    InviteCreate { guild: Option<u64>, uses: u32, seconds: u32, owner: bool },
    /// Lists the instance's invites, or a guild's.
    InviteList { guild: Option<u64> },
    /// Revokes an invite.
    InviteRevoke { code: String },
}

/// What came of it: text for people, or why not.
type Reply = Result<String, String>;

const SOCKET: &str = "admin.sock";

/// Holds the data folder, so that no second server opens it.
pub(crate) fn lock(data: &Path) -> anyhow::Result<File> {
    let path = data.join("lock");
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    file.try_lock().map_err(|_| {
        anyhow::anyhow!(
            "another server runs on {}: stop it, or choose another --data-dir",
            data.display()
        )
    })?;
    Ok(file)
}

/// The owner's one-time invite while there is no owner; the one made before, if it still holds.
pub(crate) async fn owner_invite(parts: &Parts) -> anyhow::Result<Option<String>> {
    if parts.accounts.list().await?.iter().any(|account| account.owner) {
        return Ok(None);
    }
    let invites = parts.invites.list(None).await?;
    let known = invites.into_iter().find(|i| i.owner && i.is_valid(parts.now_ms()));
    if let Some(invite) = known {
        return Ok(Some(invite.code));
    }
    let invite = invite(parts, None, 1, 0, true);
    parts.invites.create(&invite).await?;
    Ok(Some(invite.code))
}

fn invite(
    parts: &Parts,
    guild: Option<GuildId>,
    uses: u32,
    seconds: u32,
    owner: bool,
) -> InviteRecord {
    InviteRecord {
        code: signaling::auth::accounts::invite_code(),
        guild,
        channel: None,
        inviter: None,
        max_uses: uses,
        uses: 0,
        max_age: seconds,
        created_ms: parts.now_ms(),
        owner,
        temporary: false,
    }
}

/// Answers commands on the socket in the data folder, which only its owner may open.
pub(crate) fn listen(
    data: PathBuf,
    parts: Parts,
    closing: CancellationToken,
) -> anyhow::Result<impl Future<Output = ()>> {
    let path = data.join(SOCKET);
    let _ = std::fs::remove_file(&path);
    let listener =
        UnixListener::bind(&path).with_context(|| format!("cannot make {}", path.display()))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(async move {
        loop {
            let stream = tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(_) => continue,
                },
                () = closing.cancelled() => break,
            };
            // One at a time: whoever has this socket is the owner.
            if let Err(error) = answer(&parts, stream).await {
                tracing::warn!(%error, "an admin command was not answered");
            }
        }
        let _ = std::fs::remove_file(&path);
    })
}

async fn answer(parts: &Parts, stream: UnixStream) -> anyhow::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    BufReader::new(read.take(64 * 1_024)).read_line(&mut line).await?;
    let command = serde_json::from_str(&line)?;
    let reply = execute(parts, command).await;
    write.write_all(serde_json::to_string(&reply)?.as_bytes()).await?;
    Ok(())
}

/// Has a command carried out, by the running server if there is one.
///
/// # Errors
///
/// Why it was not.
pub async fn run(config: &Config, command: AdminCommand) -> anyhow::Result<String> {
    let data = &config.server.data_dir;
    if let Ok(mut stream) = UnixStream::connect(data.join(SOCKET)).await {
        let line = serde_json::to_string(&command)? + "\n";
        stream.write_all(line.as_bytes()).await?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await?;
        let reply: Reply = serde_json::from_str(&reply)?;
        return reply.map_err(|why| anyhow::anyhow!(why));
    }
    std::fs::create_dir_all(data)?;
    let _lock = lock(data)?;
    let mut offline = config.clone();
    // Nobody talks meanwhile: any port will do.
    offline.media.listen = "127.0.0.1:0".parse()?;
    let services = crate::services::build(&offline).await?;
    let reply = execute(&services.parts, command).await;
    services.stop().await;
    reply.map_err(|why| anyhow::anyhow!(why))
}

async fn execute(parts: &Parts, command: AdminCommand) -> Reply {
    match carry_out(parts, command).await {
        Ok(text) => Ok(text),
        Err(error) => Err(format!("{error:#}")),
    }
}

async fn carry_out(parts: &Parts, command: AdminCommand) -> anyhow::Result<String> {
    let accounts = Accounts::from(parts);
    match command {
        AdminCommand::UserAdd { name } => {
            let password = random_password();
            let account = accounts
                .register(Registration {
                    username: name,
                    password: password.clone(),
                    global_name: None,
                    invite: None,
                    // The owner's word is the invite.
                    open: true,
                    first_guild: parts.config.name.clone(),
                })
                .await?;
            Ok(format!(
                "user {} ({})\npassword: {password}",
                account.user.username, account.user.id
            ))
        }
        AdminCommand::UserList => {
            let mut text = String::new();
            for account in parts.accounts.list().await?.iter().filter(|a| !a.user.bot) {
                let owner = if account.owner { "  owner" } else { "" };
                let disabled = if account.disabled { "  disabled" } else { "" };
                let user = &account.user;
                text += &format!("{}  {}{owner}{disabled}\n", user.id, user.username);
            }
            Ok(or_none(text, "no users yet: open the owner's invite link"))
        }
        AdminCommand::UserDisable { name, disabled } => {
            let account = person(parts, &name).await?;
            accounts.set_disabled(account.user.id, disabled).await?;
            let done = if disabled { "disabled" } else { "enabled" };
            Ok(format!("{} is {done}", account.user.username))
        }
        AdminCommand::UserResetPassword { name } => {
            let account = person(parts, &name).await?;
            let password = random_password();
            accounts.change_password(account.user.id, password.clone()).await?;
            Ok(format!("password of {}: {password}", account.user.username))
        }
        AdminCommand::UserMakeOwner { name } => {
            let mut account = person(parts, &name).await?;
            account.owner = true;
            parts.accounts.update(&account).await?;
            parts.auth.forget(account.user.id);
            Ok(format!("{} owns this instance", account.user.username))
        }
        AdminCommand::BotAdd { name, guild, presences, members, message_content } => {
            let intents = PrivilegedIntents { presences, members, message_content };
            let (application, token) = accounts.add_bot(&name, None, intents).await?;
            if let Some(guild) = guild {
                let guild = known_guild(parts, guild)?;
                accounts.join(guild, application.id.cast()).await?;
            }
            Ok(format!("bot {} ({})\ntoken: {token}", application.name, application.id))
        }
        AdminCommand::BotList => {
            let mut text = String::new();
            for application in parts.accounts.applications().await? {
                text += &format!("{}  {}\n", application.id, application.name);
            }
            Ok(or_none(text, "no bots yet: guildhall bot add NAME"))
        }
        AdminCommand::BotToken { id } => {
            let id = Id::new_checked(id).context("0 is no id")?;
            let token = accounts.reset_bot_token(id).await?;
            Ok(format!("bot {id}\ntoken: {token}"))
        }
        AdminCommand::GuildList => {
            let mut text = String::new();
            for guild in parts.store.all() {
                let view = guild.view();
                let (name, members) = (&view.settings.name, view.members.len());
                text += &format!("{}  {name}  {members} members\n", view.id);
            }
            Ok(or_none(text, "no guilds yet"))
        }
        AdminCommand::GuildCreate { name, owner } => {
            let owner = person(parts, &owner).await?;
            let id = accounts.found(owner.user.id, name).await?;
            Ok(format!("guild {id}"))
        }
        AdminCommand::GuildDelete { id } => {
            let guild = known_guild(parts, id)?;
            let handle = parts.store.guild(guild).context("there is no such guild")?;
            let owner = handle.view().settings.owner;
            parts.store.execute(guild, owner, GuildCommand::Delete).await?;
            Ok(format!("guild {guild} is deleted"))
        }
        AdminCommand::InviteCreate { guild, uses, seconds, owner } => {
            let guild = guild.map(|guild| known_guild(parts, guild)).transpose()?;
            anyhow::ensure!(
                !(owner && guild.is_some()),
                "an owner's invite leads to the instance: leave out --guild"
            );
            let invite = invite(parts, guild, uses, seconds, owner);
            parts.invites.create(&invite).await?;
            Ok(format!("/invite/{}", invite.code))
        }
        AdminCommand::InviteList { guild } => {
            let guild = guild.map(|guild| known_guild(parts, guild)).transpose()?;
            let mut text = String::new();
            for invite in parts.invites.list(guild).await? {
                let owner = if invite.owner { "  owner" } else { "" };
                let most = match invite.max_uses {
                    0 => "any".to_owned(),
                    most => most.to_string(),
                };
                let valid = if invite.is_valid(parts.now_ms()) { "" } else { "  over" };
                text += &format!("{}  {} of {most} uses{owner}{valid}\n", invite.code, invite.uses);
            }
            Ok(or_none(text, "no invites"))
        }
        AdminCommand::InviteRevoke { code } => {
            parts.invites.remove(&code).await.context("there is no such invite")?;
            Ok(format!("{code} is revoked"))
        }
    }
}

fn or_none(text: String, none: &str) -> String {
    if text.is_empty() { none.to_owned() } else { text.trim_end().to_owned() }
}

/// The account of a person, by name.
async fn person(parts: &Parts, name: &str) -> anyhow::Result<AccountRecord> {
    let account = parts.accounts.by_username(name).await?;
    account.with_context(|| format!("there is no user {name}; see guildhall user list"))
}

fn known_guild(parts: &Parts, id: u64) -> anyhow::Result<GuildId> {
    let id = Id::new_checked(id).context("0 is no id")?;
    let known = parts.store.guild(id).is_some();
    known.then_some(id).context("there is no such guild; see guildhall guild list")
}

/// Eighteen characters of base64: 108 random bits.
fn random_password() -> String {
    signaling::auth::accounts::invite_code() + &signaling::auth::accounts::invite_code()[..6]
}
