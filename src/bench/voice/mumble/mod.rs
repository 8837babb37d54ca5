//! mumble-server under the same load, its turns between ours: who forwards a packet at what price.
//!
//! One channel, where everybody hears everybody who speaks: Mumble lets nobody speak who is deaf.

pub(super) mod ocb;
pub(super) mod wire;

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::StreamExt as _;
use futures_util::TryStreamExt as _;
use rustls::pki_types::ServerName;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::net::UdpSocket;
use tokio::process::Child;
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio_rustls::client::TlsStream;

use super::line::Door;
use super::line::PATIENCE;
use super::stage;

use self::ocb::Ocb;

/// What the server is called, newest first.
const NAMES: [&str; 2] = ["mumble-server", "murmurd"];
/// Where programs for administrators are, beside `PATH`.
const ADMIN_PATHS: &str = "/usr/sbin:/usr/local/sbin";
/// Joins under way at once.
const JOINS: usize = 8;
/// Largest message of a server that is well, in bytes.
const LARGEST: u32 = 8 * 1_024 * 1_024;
/// How often clients ping; the server drops those it did not hear for 30 s.
const PING_EVERY: Duration = Duration::from_secs(5);
/// The version that we claim, 1.3.4: one that speaks Opus.
const VERSION: u64 = 0x01_03_04;
/// Kernel buffer of a client's socket, in bytes.
const BUFFER: usize = 1_024 * 1_024;

/// A running mumble-server with everybody in it.
pub(super) struct Mumble {
    folder: PathBuf,
    process: Child,
    /// Who is there, until the run has given them parts.
    pub(super) guests: Vec<Guest>,
    lines: JoinSet<()>,
}

/// A client whose media may flow.
pub(super) struct Guest {
    pub(super) speaks: bool,
    pub(super) socket: Arc<std::net::UdpSocket>,
    pub(super) server: SocketAddr,
    pub(super) seal: Ocb,
    pub(super) open: Ocb,
}

/// The program, if it is installed.
pub(super) fn installed() -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default() + ":" + ADMIN_PATHS;
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    NAMES
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|program| program.is_file())
}

impl Mumble {
    /// Starts the server, and lets speakers and listeners join.
    ///
    /// # Errors
    ///
    /// When it does not start or refuses a client.
    pub(super) async fn start(
        program: &Path,
        speakers: usize,
        listeners: usize,
    ) -> anyhow::Result<Self> {
        let folder =
            std::env::temp_dir().join(format!("guildhall-bench-mumble-{}", std::process::id()));
        crate::private_file::create_dir(&folder)?;
        let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        let port = stage::free_port(Ipv4Addr::LOCALHOST)?;
        let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        let pem = certificate.cert.pem();
        std::fs::write(&cert, &pem)?;
        crate::private_file::write(&key, certificate.signing_key.serialize_pem().as_bytes())?;
        let ini = folder.join("server.ini");
        std::fs::write(&ini, settings(&folder, port, rustix::process::geteuid().is_root()))?;
        let process = Command::new(program)
            .args(["-fg", "-ini"])
            .arg(&ini)
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let mut this = Self { folder, process, guests: Vec::new(), lines: JoinSet::new() };
        let door = Door::trusting(format!("localhost:{port}"), pem.as_bytes())?;
        this.wait(&door).await?;
        let joins = (0..speakers + listeners).map(|index| join(&door, index, index < speakers));
        let mut joins = futures_util::stream::iter(joins).buffer_unordered(JOINS);
        while let Some((guest, line)) = joins.try_next().await.context("mumble-server")? {
            this.guests.push(guest);
            this.lines.spawn(hold(line));
        }
        Ok(this)
    }

    /// Its process.
    pub(super) fn process(&self) -> Option<u32> {
        self.process.id()
    }

    async fn wait(&mut self, door: &Door) -> anyhow::Result<()> {
        let until = crate::bench::now() + PATIENCE;
        while TcpStream::connect(&door.host).await.is_err() {
            let ended = self.process.try_wait()?.is_some();
            anyhow::ensure!(
                !ended && crate::bench::now() < until,
                "mumble-server did not start: {}",
                std::fs::read_to_string(self.folder.join("server.log")).unwrap_or_default()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}

impl Drop for Mumble {
    fn drop(&mut self) {
        let _ = self.process.start_kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Its configuration: no limit that this load would meet, all else as it comes. Started by root it
/// would become its package's user, who may not read the private folder.
fn settings(folder: &Path, port: u16, by_root: bool) -> String {
    let at = |name: &str| folder.join(name).display().to_string();
    let lines = [
        format!("port={port}"),
        "host=127.0.0.1".to_owned(),
        format!("database={}", at("server.sqlite")),
        format!("logfile={}", at("server.log")),
        format!("pidfile={}", at("server.pid")),
        format!("sslCert={}", at("cert.pem")),
        format!("sslKey={}", at("key.pem")),
        "users=10000".to_owned(),
        "bandwidth=558000".to_owned(),
        "autobanAttempts=0".to_owned(),
        "opusthreshold=0".to_owned(),
        "bonjour=False".to_owned(),
    ];
    let stay = by_root.then(|| "uname=root".to_owned());
    lines.into_iter().chain(stay).map(|line| line + "\n").collect()
}

/// One client's way in.
async fn join(
    door: &Door,
    index: usize,
    speaks: bool,
) -> anyhow::Result<(Guest, TlsStream<TcpStream>)> {
    tokio::time::timeout(PATIENCE, Box::pin(enter(door, index, speaks)))
        .await
        .context("no client within 20 s")?
}

async fn enter(
    door: &Door,
    index: usize,
    speaks: bool,
) -> anyhow::Result<(Guest, TlsStream<TcpStream>)> {
    let tcp = TcpStream::connect(&door.host).await?;
    tcp.set_nodelay(true)?;
    let server = tcp.peer_addr()?;
    let tls = door.tls.as_ref().context("no TLS")?;
    let mut line = tls.connect(ServerName::try_from("localhost")?, tcp).await?;
    let mut version = Vec::new();
    wire::put_number(&mut version, 1, VERSION);
    line.write_all(&wire::framed(wire::VERSION, &version)).await?;
    let mut authenticate = Vec::new();
    wire::put_bytes(&mut authenticate, 1, format!("bench-{index}").as_bytes());
    wire::put_number(&mut authenticate, 5, 1);
    line.write_all(&wire::framed(wire::AUTHENTICATE, &authenticate)).await?;
    let mut keys = None;
    loop {
        let (kind, body) = read(&mut line).await?;
        match kind {
            wire::CRYPT_SETUP => {
                let field = |number| wire::bytes_of(&body, number)?.try_into().ok();
                let fields = || Some((field(1)?, field(2)?, field(3)?));
                keys = Some(fields().context("no key in CryptSetup")?);
            }
            wire::REJECT => anyhow::bail!("refused: {}", String::from_utf8_lossy(&body)),
            wire::SERVER_SYNC => break,
            _ => {}
        }
    }
    let (key, ours, theirs): ([u8; 16], _, _) = keys.context("no CryptSetup")?;
    let ocb = || Ocb::new(&key, ours, theirs).context("no AES");
    let (mut seal, mut open) = (ocb()?, ocb()?);
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
    let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(BUFFER);
    show(&socket, server, &mut seal, &mut open).await?;
    let socket = Arc::new(socket.into_std()?);
    Ok((Guest { speaks, socket, server, seal, open }, line))
}

/// Pings by UDP until the server answers: from then on it sends voice there.
async fn show(
    socket: &UdpSocket,
    server: SocketAddr,
    seal: &mut Ocb,
    open: &mut Ocb,
) -> anyhow::Result<()> {
    let (mut packet, mut answer) = (Vec::new(), [0; 2_048]);
    loop {
        seal.seal(&wire::udp_ping(), &mut packet);
        socket.send_to(&packet, server).await?;
        let waiting = socket.recv(&mut answer);
        if let Ok(length) = tokio::time::timeout(Duration::from_millis(500), waiting).await {
            let opened = open.open(&mut answer[..length?]);
            if opened.is_some_and(wire::is_ping) {
                return Ok(());
            }
        }
    }
}

async fn read(line: &mut TlsStream<TcpStream>) -> anyhow::Result<(u16, Vec<u8>)> {
    let kind = line.read_u16().await?;
    let length = line.read_u32().await?;
    anyhow::ensure!(length <= LARGEST, "a message of {length} bytes");
    let mut body = vec![0; length as usize];
    line.read_exact(&mut body).await?;
    Ok((kind, body))
}

/// Keeps a client there: takes what is told, and pings.
async fn hold(line: TlsStream<TcpStream>) {
    let (mut reader, mut writer) = tokio::io::split(line);
    let reading = async {
        let mut buffer = [0; 4_096];
        while reader.read(&mut buffer).await.is_ok_and(|length| length > 0) {}
    };
    let pinging = async {
        let mut beat = tokio::time::interval(PING_EVERY);
        loop {
            beat.tick().await;
            let ping = wire::framed(wire::PING, &[]);
            if writer.write_all(&ping).await.is_err() || writer.flush().await.is_err() {
                return;
            }
        }
    };
    tokio::select! { () = reading => {}, () = pinging => {} }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_root_is_asked_to_stay_who_it_is() {
        let stays = |by_root| {
            settings(Path::new("/nowhere"), 9, by_root).lines().any(|line| line == "uname=root")
        };

        assert!(stays(true));
        assert!(!stays(false));
    }
}
