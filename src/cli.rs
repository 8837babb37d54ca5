//! The command line: what can be asked, and who answers it.

use std::io::Read as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use clap::CommandFactory as _;
use clap::Parser;
use clap::Subcommand;
use model::id::ApplicationId;
use model::id::GuildId;

use crate::admin;
use crate::admin::AdminCommand;
use crate::bench;
use crate::config;
use crate::config::Effective;
use crate::config::Sources;
use crate::doctor;
use crate::telemetry;

/// Files that are read when `--config` is not given; the first that exists.
const FILES: [&str; 2] = ["guildhall.toml", "/etc/guildhall/guildhall.toml"];

/// A voice-first community server that people run themselves.
#[derive(Debug, Parser)]
#[command(name = "guildhall", version)]
pub struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Settings of every command.
#[derive(Debug, Args)]
struct Settings {
    /// The configuration file [default: ./guildhall.toml, then /etc/guildhall/guildhall.toml]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where everything that must survive lives [default: data]
    #[arg(long, global = true, value_name = "FOLDER")]
    data_dir: Option<String>,
    /// The one port, TCP and UDP [default: 0.0.0.0:8443]
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// What is logged, e.g. debug or info,media=trace [default: info]
    #[arg(long, global = true, value_name = "FILTER")]
    log: Option<String>,
    /// Print results as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server; the same as no command
    Serve,
    /// Accounts of people
    #[command(subcommand)]
    User(User),
    /// Bots and their tokens
    #[command(subcommand)]
    Bot(Bot),
    /// Guilds
    #[command(subcommand)]
    Guild(Guild),
    /// Invites to the instance or to a guild
    #[command(subcommand)]
    Invite(Invite),
    /// Print the configuration in force and where each value came from
    Config {
        /// Print a commented file of all defaults instead
        #[arg(long)]
        default: bool,
    },
    /// How the running server is
    Status,
    /// Check ports, voice reachability, clock, disk and certificate; exits with 1 on a fault
    Doctor,
    /// Measure this machine
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Print a completion script, e.g. for ~/.local/share/bash-completion/completions/guildhall
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Subcommand)]
enum User {
    /// Add an account; its password is made and shown once
    Add {
        /// 2 to 32 of a-z, 0-9, dot, underscore
        username: String,
        /// Read the password from the first line of standard input instead
        #[arg(long)]
        password_stdin: bool,
        /// Make it an owner of the instance
        #[arg(long)]
        owner: bool,
    },
    /// List accounts
    List,
    /// Lock an account out; its sessions end
    Disable {
        /// Username or id
        user: String,
        /// Let it in again
        #[arg(long)]
        undo: bool,
    },
    /// Make a new password, shown once; the account's sessions end
    ResetPassword {
        /// Username or id
        user: String,
        /// Read the password from the first line of standard input instead
        #[arg(long)]
        password_stdin: bool,
    },
    /// Make an account an owner of the instance
    MakeOwner {
        /// Username or id
        user: String,
    },
}

#[derive(Debug, Subcommand)]
enum Bot {
    /// Add a bot and print its token, once
    Add {
        /// The bot's name
        name: String,
        /// Make it a member of this guild
        #[arg(long, value_name = "ID")]
        guild: Option<GuildId>,
        /// Switch the privileged intent of members off
        #[arg(long)]
        no_members: bool,
        /// Switch the privileged intent of message content off
        #[arg(long)]
        no_content: bool,
        /// Switch the privileged intent of presences off
        #[arg(long)]
        no_presences: bool,
    },
    /// List bots
    List,
    /// Make a new token, shown once; the old one ends
    Token {
        /// The bot's id
        id: ApplicationId,
    },
}

#[derive(Debug, Subcommand)]
enum Guild {
    /// List guilds
    List,
    /// Found a guild
    Create {
        /// 2 to 100 characters
        name: String,
        /// Username or id of its owner
        #[arg(long)]
        owner: String,
    },
    /// Show a guild
    Show {
        /// Its id
        id: GuildId,
    },
    /// Delete a guild and everything in it
    Delete {
        /// Its id
        id: GuildId,
        /// It is meant
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Subcommand)]
enum Invite {
    /// Make an invite and print its link
    Create {
        /// Into this guild; without, the invite lets its holder register and no more
        #[arg(long, value_name = "ID")]
        guild: Option<GuildId>,
        /// How often it may be used; 0 is without end
        #[arg(long, default_value_t = 1, value_name = "N")]
        uses: u32,
        /// How long it lives, e.g. 30m, 12h, 7d; 0s is for ever
        #[arg(long, default_value = "7d", value_parser = duration, value_name = "TIME")]
        expires: Duration,
        /// Make whoever registers with it an owner of the instance
        #[arg(long, conflicts_with = "guild")]
        owner: bool,
    },
    /// List invites
    List {
        /// Those of this guild only
        #[arg(long, value_name = "ID")]
        guild: Option<GuildId>,
    },
    /// End an invite
    Revoke {
        /// Its code, the last part of its link
        code: String,
    },
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime_serde::re::humantime::parse_duration(text).map_err(|error| error.to_string())
}

/// Carries out the command line; errors are printed.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    match execute(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("guildhall: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn execute(cli: Cli) -> anyhow::Result<ExitCode> {
    let command = cli.command.unwrap_or(Command::Serve);
    // These two need no configuration, and must work beside a broken one.
    match &command {
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "guildhall", &mut script);
            return print(&String::from_utf8_lossy(&script));
        }
        Command::Config { default: true } => {
            return print(config::EXAMPLE);
        }
        _ => {}
    }
    let json = cli.settings.json;
    let effective = cli.settings.load()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let asked = match command {
        Command::Serve => {
            telemetry::start(&effective.config.server)?;
            runtime.block_on(crate::run(effective, std::future::pending()))?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Config { .. } => {
            return print(&effective.describe());
        }
        Command::Doctor => {
            let findings = runtime.block_on(doctor::examine(&effective.config));
            doctor::print(&findings, json)?;
            let is_well = doctor::is_well(&findings);
            return Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Bench(bench) => {
            runtime.block_on(bench::run(bench, json))?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Completions { .. } => return Ok(ExitCode::SUCCESS),
        Command::Status => AdminCommand::Status,
        Command::User(user) => user.into_command()?,
        Command::Bot(bot) => bot.into_command(),
        Command::Guild(guild) => guild.into_command()?,
        Command::Invite(invite) => invite.into_command()?,
    };
    let reply = runtime.block_on(admin::ask(&effective.config, asked))?;
    print(&if json { serde_json::to_string_pretty(&reply)? + "\n" } else { format!("{reply}\n") })
}

/// Prints a result; who reads only the beginning of it (`| head`) has what they want.
fn print(text: &str) -> anyhow::Result<ExitCode> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

impl Settings {
    fn load(self) -> anyhow::Result<Effective> {
        let found = || FILES.iter().map(PathBuf::from).find(|path| path.exists());
        let flags = [
            ("--data-dir", "server.data_dir", self.data_dir),
            ("--listen", "server.listen", self.listen),
            ("--log", "server.log", self.log),
        ];
        let given = flags.into_iter().filter_map(|(flag, key, value)| Some((flag, key, value?)));
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        let sources = Sources {
            file: self.config.or_else(found),
            variables: variables.collect(),
            flags: given.collect(),
        };
        Ok(sources.load()?)
    }
}

impl User {
    fn into_command(self) -> anyhow::Result<AdminCommand> {
        Ok(match self {
            Self::Add { username, password_stdin, owner } => {
                AdminCommand::UserAdd { username, password: password(password_stdin)?, owner }
            }
            Self::List => AdminCommand::UserList,
            Self::Disable { user, undo } => AdminCommand::UserDisable { user, disabled: !undo },
            Self::ResetPassword { user, password_stdin } => {
                AdminCommand::UserResetPassword { user, password: password(password_stdin)? }
            }
            Self::MakeOwner { user } => AdminCommand::UserMakeOwner { user },
        })
    }
}

impl Bot {
    fn into_command(self) -> AdminCommand {
        match self {
            Self::Add { name, guild, no_members, no_content, no_presences } => {
                AdminCommand::BotAdd {
                    name,
                    guild,
                    members: !no_members,
                    content: !no_content,
                    presences: !no_presences,
                }
            }
            Self::List => AdminCommand::BotList,
            Self::Token { id } => AdminCommand::BotToken { bot: id },
        }
    }
}

impl Guild {
    fn into_command(self) -> anyhow::Result<AdminCommand> {
        Ok(match self {
            Self::List => AdminCommand::GuildList,
            Self::Create { name, owner } => AdminCommand::GuildCreate { name, owner },
            Self::Show { id } => AdminCommand::GuildShow { guild: id },
            Self::Delete { id, yes } => {
                anyhow::ensure!(
                    yes,
                    "this deletes guild {id} and every message in it: repeat with --yes"
                );
                AdminCommand::GuildDelete { guild: id }
            }
        })
    }
}

impl Invite {
    fn into_command(self) -> anyhow::Result<AdminCommand> {
        Ok(match self {
            Self::Create { guild, uses, expires, owner } => {
                let max_age = u32::try_from(expires.as_secs()).context("--expires is too long")?;
                AdminCommand::InviteCreate { guild, uses, max_age, owner }
            }
            Self::List { guild } => AdminCommand::InviteList { guild },
            Self::Revoke { code } => AdminCommand::InviteRevoke { code },
        })
    }
}

/// The first line of standard input, if it was asked for: a password must not be an argument,
/// which everybody on the machine can see.
fn password(from_stdin: bool) -> anyhow::Result<Option<String>> {
    if !from_stdin {
        return Ok(None);
    }
    let mut text = String::new();
    std::io::stdin().take(4_096).read_to_string(&mut text)?;
    let line = text.lines().next().unwrap_or_default();
    anyhow::ensure!(!line.is_empty(), "standard input holds no password");
    Ok(Some(line.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn settings_may_stand_behind_the_command() {
        let line = ["guildhall", "bot", "add", "Echo", "--guild", "7", "--data-dir", "/d"];
        let cli = Cli::parse_from(line);

        assert_eq!(cli.settings.data_dir.as_deref(), Some("/d"));
        assert!(matches!(cli.command, Some(Command::Bot(Bot::Add { guild: Some(_), .. }))));
    }

    #[test]
    fn an_invite_expires_as_people_write_it() {
        let cli = Cli::parse_from(["guildhall", "invite", "create", "--expires", "12h"]);
        let Some(Command::Invite(invite)) = cli.command else { panic!("no invite") };

        let command = invite.into_command().expect("valid");

        let (uses, max_age) = (1, 43_200);
        let expected = AdminCommand::InviteCreate { guild: None, uses, max_age, owner: false };
        assert_eq!(command, expected);
    }
}
