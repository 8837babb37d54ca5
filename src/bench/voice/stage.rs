//! Where the load plays: a server of its own in a folder of its own, or one that runs already.

use std::fs::File;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::UdpSocket;
use std::num::NonZeroUsize;
use std::path::Path;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::StreamExt as _;
use futures_util::TryStreamExt as _;
use model::id::GuildId;
use model::wire::guild::Permissions;
use serde_json::json;
use tokio::process::Child;
use tokio::process::Command;

use crate::admin;
use crate::admin::AdminCommand;
use crate::admin::AdminReply;
use crate::bench::chat::post::Client;
use crate::config::Config;
use crate::private_file;

use super::line::Door;
use super::participant::Place;

/// How long the server may take to start.
const START: Duration = Duration::from_secs(60);
/// Ports that are tried.
const ATTEMPTS: u32 = 3;
/// How often it is asked whether it has.
const ASK: Duration = Duration::from_millis(50);
/// Admin commands under way at once.
const COMMANDS: usize = 16;
/// Who owns the guilds of the load.
const OWNER: &str = "bench";
const PASSWORD: &str = "a long enough password";
/// A stage (Discord: Channel Types).
const STAGE: u64 = 13;
/// An overwrite of a member's permissions (Discord: Overwrite Structure).
const MEMBER: u64 = 1;

/// A server that this process started; it ends, and its folder goes, with this.
pub(in crate::bench) struct OwnServer {
    program: PathBuf,
    folder: PathBuf,
    config: Config,
    listen: SocketAddr,
    environment: Environment,
    process: Child,
}

/// Settings that a server has beside those that every one has, as environment variables.
type Environment = Vec<(&'static str, String)>;

impl OwnServer {
    /// Starts a server: this program, with the settings of an operator who changed none.
    ///
    /// # Errors
    ///
    /// When it does not come up; with the end of its log.
    pub(in crate::bench) async fn start(
        bind: Ipv4Addr,
        shards: Option<NonZeroUsize>,
    ) -> anyhow::Result<Self> {
        let shards = shards.map(|shards| ("GUILDHALL__MEDIA__SHARDS", shards.to_string()));
        Self::start_with(bind, shards.into_iter().collect()).await
    }

    /// The same with settings that differ.
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start).
    pub(in crate::bench) async fn start_with(
        bind: Ipv4Addr,
        environment: Environment,
    ) -> anyhow::Result<Self> {
        let program = std::env::current_exe()?;
        Self::start_on((&program, None), bind, environment).await
    }

    /// The same of a program, on a data folder that is there, and stays.
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start).
    pub(in crate::bench) async fn start_on(
        (program, data): (&Path, Option<&Path>),
        bind: Ipv4Addr,
        environment: Environment,
    ) -> anyhow::Result<Self> {
        let mut attempt = 1;
        loop {
            let mut server = Self::spawn_on((program, data), bind, &environment)?;
            match server.wait().await {
                Ok(()) => return Ok(server),
                // Another may have taken the port since it was free.
                Err(_) if attempt < ATTEMPTS && server.process.try_wait()?.is_some() => {
                    attempt += 1
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn spawn_on(
        (program, data): (&Path, Option<&Path>),
        bind: Ipv4Addr,
        environment: &Environment,
    ) -> anyhow::Result<Self> {
        let (listen, process) = (SocketAddr::from((bind, free_port(bind)?)), std::process::id());
        let folder =
            std::env::temp_dir().join(format!("guildhall-bench-{process}-{}", listen.port()));
        private_file::create_dir(&folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
        let mut config = Config::default();
        config.server.data_dir = data.map_or_else(|| folder.join("data"), Path::to_owned);
        let process = spawn(program, &folder, &config, listen, environment)?;
        let (program, environment) = (program.to_owned(), environment.clone());
        Ok(Self { program, folder, config, listen, environment, process })
    }

    /// Starts it anew on its data, so that its memory is that of what runs and no more: making an
    /// account takes 19 MiB for a moment, which an allocator may keep.
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start).
    pub(in crate::bench) async fn restart(&mut self) -> anyhow::Result<()> {
        // As a crash: nothing acknowledged is lost.
        self.process.kill().await?;
        self.process =
            spawn(&self.program, &self.folder, &self.config, self.listen, &self.environment)?;
        self.wait().await
    }

    async fn wait(&mut self) -> anyhow::Result<()> {
        let until = crate::bench::now() + START;
        while admin::status(&self.config.server.data_dir).await.is_none() {
            let ended = self.process.try_wait()?.is_some();
            if ended || crate::bench::now() > until {
                let log = std::fs::read_to_string(self.folder.join("server.log"))?;
                let tail: Vec<_> = log.lines().rev().take(5).collect();
                let tail: Vec<_> = tail.into_iter().rev().collect();
                anyhow::bail!("the server did not start:\n{}", tail.join("\n"));
            }
            tokio::time::sleep(ASK).await;
        }
        Ok(())
    }

    /// Its process.
    pub(in crate::bench) fn process(&self) -> Option<u32> {
        self.process.id()
    }

    /// How to reach it: by TLS, as clients from elsewhere do.
    ///
    /// # Errors
    ///
    /// When its CA cannot be read.
    pub(in crate::bench) fn door(&self) -> anyhow::Result<Door> {
        let ca = self.config.server.data_dir.join("tls").join("ca.pem");
        Door::trusting(format!("localhost:{}", self.listen.port()), &read(&ca)?)
    }

    /// Founds a guild for each room, with a bot for each participant; they meet in its first voice
    /// channel, or else on a stage.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub(super) async fn furnish(
        &self,
        rooms: usize,
        (speakers, listeners): (usize, usize),
        on_stage: bool,
    ) -> anyhow::Result<Vec<Place>> {
        let (username, password) = (OWNER.to_owned(), Some(PASSWORD.to_owned()));
        self.ask(AdminCommand::UserAdd { username, password, owner: true }).await?;
        let (mut wanted, mut guilds) = (Vec::new(), Vec::new());
        for room in 0..rooms {
            let found =
                AdminCommand::GuildCreate { name: format!("Room {room}"), owner: OWNER.to_owned() };
            let AdminReply::Guild(guild) = self.ask(found).await? else {
                anyhow::bail!("no guild was founded")
            };
            let guild: GuildId = guild.id.parse()?;
            guilds.push(guild);
            let participants = (0..speakers + listeners).map(|index| (room, index, guild));
            wanted.extend(participants);
        }
        let bots = wanted.into_iter().map(|(room, index, guild)| async move {
            let add = AdminCommand::BotAdd {
                name: format!("bot-{room}-{index}"),
                guild: Some(guild),
                members: false,
                content: false,
                presences: false,
            };
            let AdminReply::Bot { token: Some(token), bot } = self.ask(add).await? else {
                anyhow::bail!("no bot was made")
            };
            anyhow::Ok((Place { token, room, channel: None, speaks: index < speakers }, bot.id))
        });
        let bots: Vec<_> =
            futures_util::stream::iter(bots).buffered(COMMANDS).try_collect().await?;
        if !on_stage {
            return Ok(bots.into_iter().map(|(place, _)| place).collect());
        }
        let client = Client::new(self.listen);
        let login = json!({ "login": OWNER, "password": PASSWORD });
        let login = client.post(None, "/api/v10/auth/login", &login).await?;
        let owner = login["token"].as_str().context("the owner cannot log in")?.to_owned();
        let mut stages = Vec::new();
        for (room, guild) in guilds.into_iter().enumerate() {
            let speakers = bots.iter().filter(|(place, _)| place.room == room && place.speaks);
            // Its moderators are on the stage as soon as they come.
            let moderates = Permissions::MANAGE_CHANNELS
                | Permissions::MUTE_MEMBERS
                | Permissions::MOVE_MEMBERS;
            let moderates = moderates.bits().to_string();
            let overwrites: Vec<_> = speakers
                .map(|(_, bot)| json!({ "id": bot, "type": MEMBER, "allow": moderates }))
                .collect();
            let stage = json!({
                "name": "stage",
                "type": STAGE,
                "permission_overwrites": overwrites,
            });
            let path = format!("/api/v10/guilds/{guild}/channels");
            let made = client.patiently(Some((&owner, false)), &path, &stage).await?;
            let id = made["id"].as_str().with_context(|| format!("no stage was made: {made}"))?;
            stages.push(id.to_owned());
        }
        let on_stage = |place: Place| {
            let channel = stages.get(place.room).cloned();
            Place { channel, ..place }
        };
        Ok(bots.into_iter().map(|(place, _)| on_stage(place)).collect())
    }

    /// Where it listens.
    pub(in crate::bench) const fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Asks it as its operator.
    ///
    /// # Errors
    ///
    /// When it refuses.
    pub(in crate::bench) async fn ask(&self, command: AdminCommand) -> anyhow::Result<AdminReply> {
        admin::ask(&self.config, command).await
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        // Nothing in its folder is worth an orderly end.
        let _ = self.process.start_kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn spawn(
    program: &Path,
    folder: &Path,
    config: &Config,
    listen: SocketAddr,
    environment: &Environment,
) -> anyhow::Result<Child> {
    let log = File::options().create(true).append(true).open(folder.join("server.log"))?;
    let mut command = Command::new(program);
    command
        .arg("serve")
        .arg("--data-dir")
        .arg(&config.server.data_dir)
        .current_dir(folder)
        .env("GUILDHALL__SERVER__LISTEN", listen.to_string())
        .env("GUILDHALL__SERVER__PRIVATE_LISTEN", "")
        // All participants come from one address.
        .env("GUILDHALL__SIGNALING__REQUESTS_PER_SECOND", "100000")
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::from(log.try_clone()?))
        .stderr(Stdio::from(log))
        .kill_on_drop(true);
    command.spawn().context("cannot start a server")
}

/// Reads a file, named in the error.
///
/// # Errors
///
/// What the system says.
pub(in crate::bench) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// A port that is free for TCP and UDP.
///
/// # Errors
///
/// When a hundred tries found none.
pub(in crate::bench) fn free_port(ip: Ipv4Addr) -> anyhow::Result<u16> {
    for _ in 0..100 {
        let tcp = TcpListener::bind((ip, 0))?;
        let port = tcp.local_addr()?.port();
        if UdpSocket::bind((ip, port)).is_ok() {
            return Ok(port);
        }
    }
    anyhow::bail!("no port is free for TCP and UDP")
}
