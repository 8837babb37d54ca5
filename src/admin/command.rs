//! The words between the command line and the server: typed, one JSON object a line.

use std::fmt;
use std::fmt::Write as _;

use model::id::ApplicationId;
use model::id::GuildId;
use serde::Deserialize;
use serde::Serialize;

/// What an owner can ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are the flags of the command line, documented there")]
pub enum AdminCommand {
    /// Is it running, and how is it?
    Status,
    /// A new account; without a password one is made and shown once.
    UserAdd { username: String, password: Option<String>, owner: bool },
    /// All accounts of people.
    UserList,
    /// Locks an account out, or lets it in again.
    UserDisable { user: String, disabled: bool },
    /// A new password; without one it is made and shown once.
    UserResetPassword { user: String, password: Option<String> },
    /// Makes an account an owner of the instance.
    UserMakeOwner { user: String },
    /// A new bot with a token that is shown once.
    BotAdd { name: String, guild: Option<GuildId>, members: bool, content: bool, presences: bool },
    /// All bots.
    BotList,
    /// A new token for a bot; the old ones end.
    BotToken { bot: ApplicationId },
    /// All guilds.
    GuildList,
    /// A new guild.
    GuildCreate { name: String, owner: String },
    /// One guild.
    GuildShow { guild: GuildId },
    /// Deletes a guild and all in it.
    GuildDelete { guild: GuildId },
    /// A new invite; `max_age` in seconds, 0 for ever; `uses` 0 without end.
    InviteCreate { guild: Option<GuildId>, uses: u32, max_age: u32, owner: bool },
    /// Invites of a guild, or all.
    InviteList { guild: Option<GuildId> },
    /// Ends an invite.
    InviteRevoke { code: String },
}

/// What was found or done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reply", content = "value", rename_all = "snake_case")]
pub enum AdminReply {
    /// Answer to [`AdminCommand::Status`].
    Status(Status),
    /// Accounts.
    Users(Vec<UserRow>),
    /// One account, and its password if one was made.
    User {
        /// The account.
        user: UserRow,
        /// Known only now.
        password: Option<String>,
    },
    /// Bots.
    Bots(Vec<BotRow>),
    /// One bot, and its token if one was made.
    Bot {
        /// The bot.
        bot: BotRow,
        /// Known only now.
        token: Option<String>,
    },
    /// Guilds.
    Guilds(Vec<GuildRow>),
    /// One guild.
    Guild(GuildRow),
    /// Invites.
    Invites(Vec<InviteRow>),
    /// One invite.
    Invite(InviteRow),
    /// A sentence.
    Done(String),
}

/// How a server is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Of the binary.
    pub version: String,
    /// Its process.
    pub process: u32,
    /// Gateway sessions.
    pub sessions: u64,
    /// Voice rooms.
    pub rooms: u64,
    /// Voice peers.
    pub peers: u64,
    /// Datagrams received since the start.
    pub packets_received: u64,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as AccountRecord")]
pub struct UserRow {
    pub id: String,
    pub username: String,
    pub owner: bool,
    pub disabled: bool,
}

/// A bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as ApplicationRecord")]
pub struct BotRow {
    pub id: String,
    pub name: String,
    /// Switches of privileged intents that are on.
    pub intents: Vec<String>,
}

/// A guild.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as GuildSettings")]
pub struct GuildRow {
    pub id: String,
    pub name: String,
    pub owner: String,
    pub members: usize,
    pub channels: usize,
    /// People in voice channels now.
    pub in_voice: usize,
}

/// An invite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteRow {
    /// What leads there.
    pub link: String,
    /// Its code.
    pub code: String,
    /// Into which guild; the instance alone otherwise.
    pub guild: Option<String>,
    /// How often it was used.
    pub uses: u32,
    /// How often it may be; 0 is without end.
    pub max_uses: u32,
    /// Seconds it lives after its making; 0 is for ever.
    pub max_age: u32,
    /// Whether it can still be used.
    pub valid: bool,
    /// Whether it makes an owner.
    pub owner: bool,
}

impl fmt::Display for AdminReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(s) => write!(
                f,
                "guildhall {} runs as process {}: {} sessions, {} rooms, {} in voice",
                s.version, s.process, s.sessions, s.rooms, s.peers
            ),
            Self::Users(users) => f.write_str(&table(
                &["id", "username", "role", "state"],
                users.iter().map(|user| user.cells()),
            )),
            Self::User { user, password } => {
                write!(f, "{} ({})", user.username, user.id)?;
                match password {
                    Some(password) => write!(f, "\npassword, shown only now: {password}"),
                    None => Ok(()),
                }
            }
            Self::Bots(bots) => f.write_str(&table(
                &["id", "name", "privileged intents"],
                bots.iter()
                    .map(|bot| vec![bot.id.clone(), bot.name.clone(), bot.intents.join(", ")]),
            )),
            Self::Bot { bot, token } => {
                write!(f, "{} ({})", bot.name, bot.id)?;
                match token {
                    Some(token) => write!(f, "\ntoken, shown only now: {token}"),
                    None => Ok(()),
                }
            }
            Self::Guilds(guilds) => f.write_str(&table(
                &["id", "name", "owner", "members", "channels", "in voice"],
                guilds.iter().map(GuildRow::cells),
            )),
            Self::Guild(guild) => f.write_str(&table(
                &["id", "name", "owner", "members", "channels", "in voice"],
                [guild.cells()].into_iter(),
            )),
            Self::Invites(invites) => f.write_str(&table(
                &["code", "guild", "uses", "state", "link"],
                invites.iter().map(InviteRow::cells),
            )),
            Self::Invite(invite) => f.write_str(&invite.link),
            Self::Done(sentence) => f.write_str(sentence),
        }
    }
}

impl UserRow {
    fn cells(&self) -> Vec<String> {
        let role = if self.owner { "owner" } else { "" };
        let state = if self.disabled { "disabled" } else { "" };
        vec![self.id.clone(), self.username.clone(), role.to_owned(), state.to_owned()]
    }
}

impl GuildRow {
    fn cells(&self) -> Vec<String> {
        let counts = [self.members, self.channels, self.in_voice].map(|count| count.to_string());
        [vec![self.id.clone(), self.name.clone(), self.owner.clone()], counts.to_vec()].concat()
    }
}

impl InviteRow {
    fn cells(&self) -> Vec<String> {
        let most = if self.max_uses == 0 { "-".to_owned() } else { self.max_uses.to_string() };
        let place = match (&self.guild, self.owner) {
            (Some(guild), _) => guild.clone(),
            (None, true) => "instance, as owner".to_owned(),
            (None, false) => "instance".to_owned(),
        };
        let state = if self.valid { "open" } else { "ended" };
        let uses = format!("{}/{most}", self.uses);
        vec![self.code.clone(), place, uses, state.to_owned(), self.link.clone()]
    }
}

/// Columns as wide as their widest cell.
fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let _ = write!(line, "{cell:<width$}  ", width = width(column));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text
}
