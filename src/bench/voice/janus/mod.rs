//! Janus's VideoRoom under the same load, its turns between ours: who forwards a packet at what
//! price. Speakers publish, and each listener takes the streams of all of them by one connection.

mod session;

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use indicatif::ProgressBar;
use serde_json::Value;
use serde_json::json;
use tokio::net::UdpSocket;
use tokio::process::Child;
use tokio::process::Command;
use tokio::task::JoinSet;

use super::browser::Browser;
use super::line::PATIENCE;
use super::load::show;
use super::stage;

use self::session::Reply;
use self::session::Session;

/// What the program is called.
const NAME: &str = "janus";
/// The room of the load.
const ROOM: u64 = 1;
/// Kernel buffer of a client's socket, in bytes.
const BUFFER: usize = 1_024 * 1_024;
/// Threads that forward. By itself it has one for each connection, which costs it nearly twice as much.
const EVENT_LOOPS: u8 = 2;
/// Plugins and transports that it would load beside those that are needed.
const UNWANTED: [(&str, &[&str]); 2] = [
    (
        "plugins",
        &[
            "audiobridge",
            "duktape",
            "echotest",
            "lua",
            "nosip",
            "recordplay",
            "sip",
            "streaming",
            "textroom",
            "videocall",
            "voicemail",
        ],
    ),
    ("transports", &["http", "mqtt", "nanomsg", "pfunix", "rabbitmq"]),
];

/// A running Janus with everybody in its room.
pub(super) struct Janus {
    folder: PathBuf,
    process: Child,
    /// Who is there, until the run has given them parts.
    pub(super) guests: Vec<Guest>,
    line: JoinSet<()>,
}

/// A client whose media may flow.
pub(super) struct Guest {
    pub(super) speaks: bool,
    pub(super) socket: Arc<std::net::UdpSocket>,
    pub(super) browser: Browser,
}

/// The program, if it is installed.
pub(super) fn installed() -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(NAME)).find(|program| program.is_file())
}

impl Janus {
    /// Starts the server, and lets speakers publish, then listeners subscribe.
    ///
    /// # Errors
    ///
    /// When it does not start or refuses a client, or when this machine has no address but that
    /// of the loopback, which Janus offers to nobody.
    pub(super) async fn start(
        program: &Path,
        speakers: u16,
        listeners: u16,
        bar: &ProgressBar,
    ) -> anyhow::Result<Self> {
        let own =
            own_address().context("Janus needs an address other than that of the loopback")?;
        let folder =
            std::env::temp_dir().join(format!("guildhall-bench-janus-{}", std::process::id()));
        crate::private_file::create_dir(&folder)?;
        let door = SocketAddr::from((Ipv4Addr::LOCALHOST, stage::free_port(Ipv4Addr::LOCALHOST)?));
        for (name, text) in settings(&folder, own, door.port()) {
            std::fs::write(folder.join(name), text)?;
        }
        let log = std::fs::File::create(folder.join("janus.log"))?;
        let process = Command::new(program)
            .arg("--configs-folder")
            .arg(&folder)
            .arg("--config")
            .arg(folder.join("janus.jcfg"))
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::from(log.try_clone()?))
            .stderr(Stdio::from(log))
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let mut this = Self { folder, process, guests: Vec::new(), line: JoinSet::new() };
        let mut session = this.open(door).await?;
        let keeper = session.attach().await?;
        let create = json!({ "request": "create", "room": ROOM, "publishers": speakers });
        session.request(keeper, create, None).await?;
        show(bar, usize::from(speakers + listeners), "joining Janus");
        let mut feeds = Vec::new();
        for _ in 0..speakers {
            let (guest, feed) = publish(&mut session, own).await.context("Janus, a speaker")?;
            this.guests.push(guest);
            feeds.push(json!({ "feed": feed }));
            bar.inc(1);
        }
        for _ in 0..listeners {
            let guest = subscribe(&mut session, own, &feeds).await.context("Janus, a listener")?;
            this.guests.push(guest);
            bar.inc(1);
        }
        this.line.spawn(session.hold());
        Ok(this)
    }

    /// Its process.
    pub(super) fn process(&self) -> Option<u32> {
        self.process.id()
    }

    async fn open(&mut self, door: SocketAddr) -> anyhow::Result<Session> {
        let until = crate::bench::now() + PATIENCE;
        loop {
            match Session::open(door).await {
                Ok(session) => return Ok(session),
                Err(error) => {
                    let ended = self.process.try_wait()?.is_some();
                    let log = || std::fs::read_to_string(self.folder.join("janus.log"));
                    anyhow::ensure!(
                        !ended && crate::bench::now() < until,
                        "Janus did not start: {error}\n{}",
                        log().unwrap_or_default()
                    );
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Janus {
    fn drop(&mut self) {
        let _ = self.process.start_kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Its configuration, by file: as it comes, but for the number of its threads, the one address that
/// it offers, and plugins without work.
fn settings(folder: &Path, own: IpAddr, port: u16) -> [(&'static str, String); 2] {
    let unwanted = UNWANTED.map(|(kind, names)| {
        let files: Vec<_> = names.iter().map(|name| format!("libjanus_{name}.so")).collect();
        format!("{kind}: {{ disable = \"{}\" }}\n", files.join(","))
    });
    let general = format!(
        "general: {{\n  configs_folder = \"{}\"\n  session_timeout = 0\n  event_loops = \
         {EVENT_LOOPS}\n}}\nnat: {{\n  ice_enforce_list = \"{own}\"\n  ignore_mdns = true\n}}\n",
        folder.display()
    );
    let socket =
        format!("general: {{\n  ws = true\n  ws_ip = \"127.0.0.1\"\n  ws_port = {port}\n}}\n");
    [("janus.jcfg", general + &unwanted.concat()), ("janus.transport.websockets.jcfg", socket)]
}

/// The address of this machine on its way to elsewhere; nothing is sent.
fn own_address() -> Option<IpAddr> {
    let way = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // TEST-NET-3: any address that is not of this machine does.
    way.connect((Ipv4Addr::new(203, 0, 113, 1), 9)).ok()?;
    way.local_addr().ok().map(|address| address.ip()).filter(|ip| !ip.is_loopback())
}

/// Lets one speaker in. What its stream is called is told too.
async fn publish(session: &mut Session, own: IpAddr) -> anyhow::Result<(Guest, Value)> {
    let (socket, own) = socket(own).await?;
    let offered = Browser::publish(crate::bench::now(), own)?;
    let handle = session.attach().await?;
    let join = json!({ "request": "joinandconfigure", "ptype": "publisher", "room": ROOM });
    let offer = json!({ "type": "offer", "sdp": offered.sdp });
    let Reply { data, sdp } = session.request(handle, join, Some(offer)).await?;
    let mut browser = offered.answered_in_full(&sdp.context("no answer")?)?;
    session.complete(handle).await?;
    connect(&mut browser, &socket).await?;
    session.until_up(handle).await?;
    let socket = Arc::new(socket.into_std()?);
    Ok((Guest { speaks: true, socket, browser }, data["id"].clone()))
}

/// Lets one listener in.
async fn subscribe(session: &mut Session, own: IpAddr, feeds: &[Value]) -> anyhow::Result<Guest> {
    let (socket, own) = socket(own).await?;
    let handle = session.attach().await?;
    let join = json!({ "request": "join", "ptype": "subscriber", "room": ROOM, "streams": feeds });
    let offer = session.request(handle, join, None).await?.sdp.context("no offer")?;
    let (mut browser, answer) = Browser::subscribe(crate::bench::now(), own, &offer)?;
    let start = json!({ "request": "start", "room": ROOM });
    let answer = json!({ "type": "answer", "sdp": answer });
    session.request(handle, start, Some(answer)).await?;
    session.complete(handle).await?;
    connect(&mut browser, &socket).await?;
    session.until_up(handle).await?;
    Ok(Guest { speaks: false, socket: Arc::new(socket.into_std()?), browser })
}

async fn socket(own: IpAddr) -> anyhow::Result<(UdpSocket, SocketAddr)> {
    let socket = UdpSocket::bind((own, 0)).await?;
    let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(BUFFER);
    let address = socket.local_addr()?;
    Ok((socket, address))
}

async fn connect(browser: &mut Browser, socket: &UdpSocket) -> anyhow::Result<()> {
    let connecting = browser.connect(socket);
    tokio::time::timeout(PATIENCE, connecting).await.context("no WebRTC connection")?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn janus_forwards_on_two_threads_from_the_address_that_it_is_given() {
        let own = IpAddr::from([192, 0, 2, 7]);

        let [(_, general), (_, socket)] = settings(Path::new("/nowhere"), own, 9);

        assert!(general.contains("event_loops = 2\n"), "{general}");
        assert!(general.contains("ice_enforce_list = \"192.0.2.7\"\n"), "{general}");
        assert!(!general.contains("videoroom") && !general.contains("websockets"), "{general}");
        assert!(socket.contains("ws_port = 9\n"), "{socket}");
    }
}
