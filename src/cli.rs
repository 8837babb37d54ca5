//! The command line: flags and subcommands to calls.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap::Parser;
use clap::Subcommand;
use clap_complete::Shell;
use indicatif::ProgressBar;

use crate::admin;
use crate::admin::AdminCommand;
use crate::config::EXAMPLE;
use crate::config::Effective;
use crate::config::Sources;
use crate::doctor;
use crate::start;
use crate::telemetry;
use crate::tls;

/// A voice-first community server that you run yourself.
#[derive(Debug, Parser)]
#[command(name = "guildhall", version)]
struct Arguments {
    /// Configuration file [default: ./guildhall.toml, then /etc/guildhall/guildhall.toml]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where everything that must survive lives [default: data]
    #[arg(long, global = true, value_name = "FOLDER")]
    data_dir: Option<String>,
    /// The one port, TCP and UDP [default: 0.0.0.0:8443]
    #[arg(long, global = true, value_name = "ADDRESS")]
    listen: Option<String>,
    /// What is logged, e.g. `debug` or `info,media=trace` [default: info]
    #[arg(long, global = true, value_name = "FILTER")]
    log: Option<String>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server (what happens without a subcommand too)
    Serve,
    /// People's accounts
    #[command(subcommand)]
    User(User),
    /// Bots and their tokens
    #[command(subcommand)]
    Bot(Bot),
    /// Guilds
    #[command(subcommand)]
    Guild(Guild),
    /// Invites to the instance and to guilds
    #[command(subcommand)]
    Invite(Invite),
    /// Print the effective configuration and where each value came from
    Config {
        /// Print a commented file of all keys at their defaults instead
        #[arg(long)]
        default: bool,
    },
    /// Look for what keeps clients from connecting, and say the remedy
    Doctor,
    /// Measure this machine
    #[command(subcommand)]
    Bench(Bench),
    /// Print completions for a shell
    Completions { shell: Shell },
}

#[derive(Debug, Subcommand)]
enum User {
    /// Add a person; prints a random password
    Add { name: String },
    /// List accounts
    List,
    /// Let someone log in no more
    Disable { name: String },
    /// Let someone log in again
    Enable { name: String },
    /// Give someone a new random password
    ResetPassword { name: String },
    /// Make someone an owner of this instance
    MakeOwner { name: String },
}

#[derive(Debug, Subcommand)]
enum Bot {
    /// Add a bot; prints its token, once
    Add {
        name: String,
        /// Bring it into this guild
        #[arg(long, value_name = "ID")]
        guild: Option<u64>,
        /// Switch off the privileged intent for members
        #[arg(long)]
        no_members: bool,
        /// Switch off the privileged intent for presences
        #[arg(long)]
        no_presences: bool,
        /// Switch off the privileged intent for message content
        #[arg(long)]
        no_content: bool,
    },
    /// List bots
    List,
    /// Replace a bot's token
    Token { id: u64 },
}

#[derive(Debug, Subcommand)]
enum Guild {
    /// List guilds
    List,
    /// Found a guild
    Create {
        name: String,
        /// Username of its owner
        #[arg(long)]
        owner: String,
    },
    /// Delete a guild and all in it
    Delete { id: u64 },
}

#[derive(Debug, Subcommand)]
enum Invite {
    /// Make an invite link
    Create {
        /// To this guild [default: to the instance alone]
        #[arg(long, value_name = "ID")]
        guild: Option<u64>,
        /// How often it may be used; 0 is without end
        #[arg(long, default_value_t = 1)]
        uses: u32,
        /// How long it lives, e.g. `7d` or `12h`
        #[arg(long, default_value = "7d", value_parser = humantime::parse_duration)]
        expires: Duration,
        /// Make whoever registers with it an owner
        #[arg(long)]
        owner: bool,
    },
    /// List invites
    List {
        /// Of this guild [default: of the instance]
        #[arg(long, value_name = "ID")]
        guild: Option<u64>,
    },
    /// Revoke an invite
    Revoke { code: String },
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// Acknowledged messages a second on the embedded store
    Store {
        /// Writers at once
        #[arg(long, default_value_t = 64)]
        writers: usize,
        /// Seconds to run
        #[arg(long, default_value_t = 5)]
        seconds: u64,
        /// Print JSON instead of a table
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command line.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = tokio::runtime::Runtime::new()
        .context("cannot start the runtime")
        .and_then(|runtime| runtime.block_on(run(arguments)));
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("guildhall: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let command = arguments.command.as_ref().unwrap_or(&Command::Serve);
    match command {
        Command::Completions { shell } => {
            let mut command = Arguments::command();
            clap_complete::generate(*shell, &mut command, "guildhall", &mut std::io::stdout());
            return Ok(ExitCode::SUCCESS);
        }
        Command::Config { default: true } => {
            print!("{EXAMPLE}");
            return Ok(ExitCode::SUCCESS);
        }
        _ => {}
    }
    let effective = load(&arguments)?;
    match arguments.command.unwrap_or(Command::Serve) {
        Command::Serve => serve(effective).await?,
        Command::Config { .. } => print!("{}", effective.describe()),
        Command::Doctor => {
            return Ok(if doctor::run(&effective.config) {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            });
        }
        Command::Bench(Bench::Store { writers, seconds, json }) => {
            crate::bench::store(writers, Duration::from_secs(seconds), json).await?;
        }
        Command::User(user) => order(&effective, user_command(user)).await?,
        Command::Bot(bot) => order(&effective, bot_command(bot)).await?,
        Command::Guild(guild) => order(&effective, guild_command(guild)).await?,
        Command::Invite(invite) => order(&effective, invite_command(invite)).await?,
        Command::Completions { .. } => {}
    }
    Ok(ExitCode::SUCCESS)
}

fn user_command(user: User) -> AdminCommand {
    match user {
        User::Add { name } => AdminCommand::UserAdd { name },
        User::List => AdminCommand::UserList,
        User::Disable { name } => AdminCommand::UserDisable { name, disabled: true },
        User::Enable { name } => AdminCommand::UserDisable { name, disabled: false },
        User::ResetPassword { name } => AdminCommand::UserResetPassword { name },
        User::MakeOwner { name } => AdminCommand::UserMakeOwner { name },
    }
}

fn bot_command(bot: Bot) -> AdminCommand {
    match bot {
        Bot::Add { name, guild, no_members, no_presences, no_content } => AdminCommand::BotAdd {
            name,
            guild,
            presences: !no_presences,
            members: !no_members,
            message_content: !no_content,
        },
        Bot::List => AdminCommand::BotList,
        Bot::Token { id } => AdminCommand::BotToken { id },
    }
}

fn guild_command(guild: Guild) -> AdminCommand {
    match guild {
        Guild::List => AdminCommand::GuildList,
        Guild::Create { name, owner } => AdminCommand::GuildCreate { name, owner },
        Guild::Delete { id } => AdminCommand::GuildDelete { id },
    }
}

fn invite_command(invite: Invite) -> AdminCommand {
    match invite {
        Invite::Create { guild, uses, expires, owner } => {
            let seconds = u32::try_from(expires.as_secs()).unwrap_or(0);
            AdminCommand::InviteCreate { guild, uses, seconds, owner }
        }
        Invite::List { guild } => AdminCommand::InviteList { guild },
        Invite::Revoke { code } => AdminCommand::InviteRevoke { code },
    }
}

/// Has an admin command carried out and prints what came of it.
async fn order(effective: &Effective, command: AdminCommand) -> anyhow::Result<()> {
    println!("{}", admin::run(&effective.config, command).await?);
    Ok(())
}

fn load(arguments: &Arguments) -> anyhow::Result<Effective> {
    let file = arguments.config.clone().or_else(|| {
        ["guildhall.toml", "/etc/guildhall/guildhall.toml"]
            .map(PathBuf::from)
            .into_iter()
            .find(|path| path.exists())
    });
    let mut flags = Vec::new();
    for (flag, key, value) in [
        ("--data-dir", "server.data_dir", &arguments.data_dir),
        ("--listen", "server.listen", &arguments.listen),
        ("--log", "server.log", &arguments.log),
    ] {
        flags.extend(value.clone().map(|value| (flag, key, value)));
    }
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    Ok(Sources { file, variables, flags }.load()?)
}

/// Runs the server until it is told to end; a second signal ends it at once.
async fn serve(effective: Effective) -> anyhow::Result<()> {
    let config = effective.config;
    telemetry::start(&config.server)?;
    let progress = std::io::stderr().is_terminal().then(|| {
        let bar = ProgressBar::new_spinner().with_message("opening the hall");
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    });
    let running = start(config.clone()).await?;
    if let Some(progress) = progress {
        progress.finish_and_clear();
    }
    welcome(&config, &running);
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    signal().await;
    eprintln!("guildhall: closing; sessions are told to come back (once more ends at once)");
    tokio::select! {
        () = running.stop() => {}
        () = signal() => {}
    }
    Ok(())
}

fn welcome(config: &crate::Config, running: &crate::Running) {
    let port = running.address.port();
    let scheme =
        if running.ca_file.is_some() || config.tls.cert.is_some() { "https" } else { "http" };
    let outward = tls::outward_address().map(|ip| format!("{scheme}://{ip}:{port}"));
    println!("Guildhall is open.");
    println!("  here       http://localhost:{port}");
    if let (Some(outward), false) = (outward, running.address.ip().is_loopback()) {
        println!("  elsewhere  {outward}");
    }
    println!("  voice      UDP port {}", running.media.port());
    if let Some(code) = &running.owner_invite {
        println!("  owner      http://localhost:{port}/invite/{code}   (works once)");
    }
    if let Some(ca) = &running.ca_file {
        println!("  CA file    {}", ca.display());
        println!("             for bots: NODE_EXTRA_CA_CERTS or SSL_CERT_FILE");
    }
}

async fn signal() {
    use tokio::signal::unix::SignalKind;
    use tokio::signal::unix::signal;
    let wait = async |kind| match signal(kind) {
        Ok(mut signal) => drop(signal.recv().await),
        Err(_) => std::future::pending().await,
    };
    tokio::select! {
        () = wait(SignalKind::terminate()) => {}
        () = wait(SignalKind::interrupt()) => {}
    }
}
