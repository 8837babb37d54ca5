//! Examines the machine and the configuration: what is wrong, and what to do about it.

use std::io::Write as _;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use serde::Serialize;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::net::UdpSocket;

use crate::admin;
use crate::config::Config;
use crate::config::TlsMode;
use crate::tls::Identity;

/// How long a probe may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Less free disk than this is a warning, in MiB: a day of uploads of a small community.
const DISK_LOW: u64 = 1_024;
/// Less than this is a fault, in MiB: SQLite needs room to write its log down.
const DISK_OUT: u64 = 100;
/// A sync slower than this is a warning: every message waits for one.
const SYNC_SLOW: Duration = Duration::from_millis(25);
/// How far ahead a certificate's end is a warning.
const CERTIFICATE_SOON: Duration = Duration::from_secs(14 * 86_400);
/// No clock that is right shows a time before this: Unix seconds of 2026-01-01.
const CLOCK_FLOOR: u64 = 1_767_225_600;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Fine.
    Ok,
    /// It works, not well.
    Warning,
    /// It does not work.
    Fault,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub about: &'static str,
    /// How bad it is.
    pub verdict: Verdict,
    /// What was seen.
    pub seen: String,
    /// What to do; empty when all is well.
    pub remedy: String,
}

impl Finding {
    fn ok(about: &'static str, seen: impl Into<String>) -> Self {
        Self { about, verdict: Verdict::Ok, seen: seen.into(), remedy: String::new() }
    }

    fn warning(about: &'static str, seen: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { about, verdict: Verdict::Warning, seen: seen.into(), remedy: remedy.into() }
    }

    fn fault(about: &'static str, seen: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { about, verdict: Verdict::Fault, seen: seen.into(), remedy: remedy.into() }
    }
}

/// Whether nothing is a fault.
#[must_use]
pub fn is_well(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.verdict != Verdict::Fault)
}

/// Prints the findings, for eyes or as JSON.
///
/// # Errors
///
/// When they cannot be serialised.
pub fn print(findings: &[Finding], json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(findings)?);
        return Ok(());
    }
    for finding in findings {
        let mark = match finding.verdict {
            Verdict::Ok => "ok     ",
            Verdict::Warning => "warning",
            Verdict::Fault => "FAULT  ",
        };
        println!("{mark}  {:<12} {}", finding.about, finding.seen);
        if !finding.remedy.is_empty() {
            println!("         {:<12} -> {}", "", finding.remedy);
        }
    }
    Ok(())
}

/// Looks at everything. A running server is asked, not disturbed.
pub async fn examine(config: &Config) -> Vec<Finding> {
    let dir = &config.server.data_dir;
    let running = admin::status(dir).await.is_some();
    let mut findings = vec![if running {
        Finding::ok("server", "runs on this data folder")
    } else {
        Finding::ok("server", "does not run on this data folder; ports are tried by binding them")
    }];
    findings.extend(data_folder(dir));
    let place = existing_ancestor(dir);
    findings.push(disk_space(&place).await);
    let synced = tokio::task::spawn_blocking(move || sync_latency(&place)).await;
    findings.extend(synced.ok());
    findings.push(clock(now(), newest_file(dir)));
    findings.push(descriptors(config.server.max_connections));
    findings.push(tcp_port(config, running).await);
    findings.push(udp_port(config, running).await);
    findings.push(certificate(config));
    findings
}

fn data_folder(dir: &Path) -> Vec<Finding> {
    let about = "data folder";
    let shown = dir.display();
    let Ok(found) = std::fs::metadata(dir) else {
        return vec![Finding::ok(about, format!("{shown} will be made at first start"))];
    };
    if !found.is_dir() {
        return vec![Finding::fault(
            about,
            format!("{shown} is no folder"),
            "set server.data_dir to a folder",
        )];
    }
    let mode = found.permissions().mode() & 0o777;
    let open = (mode & 0o077 != 0).then(|| {
        let seen = format!("{shown} is open to others (mode {mode:o})");
        Finding::warning(about, seen, format!("chmod 700 {shown}"))
    });
    let probe = dir.join(".doctor");
    let written = std::fs::write(&probe, b"probe").and_then(|()| std::fs::remove_file(&probe));
    let usable = match written {
        Ok(()) => Finding::ok(about, format!("{shown} can be written")),
        Err(error) => Finding::fault(
            about,
            format!("{shown} cannot be written: {error}"),
            "give the folder to the user that runs the server (chown), or mount it writable",
        ),
    };
    std::iter::once(usable).chain(open).collect()
}

/// The nearest folder on the way up that exists: the disk of a folder that is not made yet.
fn existing_ancestor(dir: &Path) -> PathBuf {
    let absolute = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let found = absolute.ancestors().find(|path| path.is_dir()).map(Path::to_owned);
    found.unwrap_or_else(|| PathBuf::from("/"))
}

/// Free space as `df` tells it: the system call has no safe wrapper in the standard library.
async fn disk_space(place: &Path) -> Finding {
    let about = "disk space";
    let asked = tokio::process::Command::new("df").arg("-Pk").arg(place).output().await;
    let free = asked.ok().and_then(|out| free_mib(&String::from_utf8_lossy(&out.stdout)));
    match free {
        None => Finding::warning(about, "df does not tell", "look at the disk by yourself"),
        Some(mib) if mib < DISK_OUT => Finding::fault(
            about,
            format!("{mib} MiB are free"),
            "make room, or move server.data_dir",
        ),
        Some(mib) if mib < DISK_LOW => {
            Finding::warning(about, format!("{mib} MiB are free"), "make room soon")
        }
        Some(mib) => Finding::ok(about, format!("{:.1} GiB are free", mib as f64 / 1_024.0)),
    }
}

/// The fourth column of the second line of `df -Pk` (POSIX: df, output with -P), in MiB.
fn free_mib(table: &str) -> Option<u64> {
    let kib: u64 = table.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()?;
    Some(kib / 1_024)
}

fn sync_latency(place: &Path) -> Finding {
    let about = "disk sync";
    let path = place.join(format!(".guildhall-doctor-{}", std::process::id()));
    let measured = measure_syncs(&path);
    let _ = std::fs::remove_file(&path);
    match measured {
        Err(error) => Finding::warning(
            about,
            format!("cannot be measured in {}: {error}", place.display()),
            "run doctor as the user that runs the server",
        ),
        Ok(median) if median > SYNC_SLOW => Finding::warning(
            about,
            format!("a synced write takes {:.1} ms", median.as_secs_f64() * 1e3),
            "every message waits for one: move server.data_dir to a local SSD",
        ),
        Ok(median) => {
            Finding::ok(about, format!("a synced write takes {:.1} ms", median.as_secs_f64() * 1e3))
        }
    }
}

fn measure_syncs(path: &Path) -> std::io::Result<Duration> {
    let mut file = std::fs::File::create_new(path)?;
    let mut times = Vec::new();
    for _ in 0..15 {
        let began = instant();
        file.write_all(&[0; 4_096])?;
        file.sync_data()?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}

/// The newest change in the data folder: the clock cannot be behind it.
fn newest_file(dir: &Path) -> Option<SystemTime> {
    let entries = std::fs::read_dir(dir).ok()?;
    entries.flatten().filter_map(|entry| entry.metadata().ok()?.modified().ok()).max()
}

fn clock(now: SystemTime, newest: Option<SystemTime>) -> Finding {
    let about = "clock";
    let remedy = "set the clock and keep it by NTP (systemd-timesyncd or chrony): ids and tokens carry the time";
    let unix = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    if unix < CLOCK_FLOOR {
        return Finding::fault(about, "shows a time before this program was written", remedy);
    }
    match newest.and_then(|newest| newest.duration_since(now).ok()) {
        Some(behind) if behind > Duration::from_secs(60) => {
            let seen =
                format!("is {} s behind the newest file of the data folder", behind.as_secs());
            Finding::fault(about, seen, remedy)
        }
        _ => Finding::ok(about, "is plausible"),
    }
}

fn descriptors(connections: usize) -> Finding {
    let about = "descriptors";
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    match soft_descriptor_limit(&limits) {
        // Half as many again for the store, the shards and the logs.
        Some(limit) if limit < connections as u64 + 200 => Finding::warning(
            about,
            format!("the limit is {limit}, and server.max_connections is {connections}"),
            "raise it (systemd: LimitNOFILE=65536; shell: ulimit -n 65536) or lower max_connections",
        ),
        Some(limit) => Finding::ok(about, format!("the limit is {limit}")),
        None => Finding::ok(about, "the limit is not told here"),
    }
}

fn soft_descriptor_limit(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

async fn tcp_port(config: &Config, running: bool) -> Finding {
    let about = "TCP port";
    let address = config.server.listen;
    if !running {
        return match tokio::net::TcpListener::bind(address).await {
            Ok(_) => Finding::ok(about, format!("{address} is free")),
            Err(error) => bind_fault(about, address, &error),
        };
    }
    match tokio::time::timeout(PATIENCE, greet(reachable(address))).await {
        Ok(Ok(())) => Finding::ok(about, format!("the server answers at {}", reachable(address))),
        Ok(Err(error)) => Finding::fault(
            about,
            format!("the server does not answer at {}: {error}", reachable(address)),
            "is it started with the same configuration? compare `guildhall config`",
        ),
        Err(_) => {
            Finding::fault(about, format!("no answer at {address} in time"), "look at its log")
        }
    }
}

/// Any HTTP answer will do: with TLS on, plain HTTP is answered too.
async fn greet(address: SocketAddr) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut start = [0; 5];
    stream.read_exact(&mut start).await?;
    if &start == b"HTTP/" { Ok(()) } else { Err(std::io::Error::other("that is no HTTP")) }
}

async fn udp_port(config: &Config, running: bool) -> Finding {
    let about = "UDP port";
    let address = config.media.listen;
    if running {
        return voice_reachable(config, address).await;
    }
    match udp_round_trip(address).await {
        Ok(through) => {
            Finding::ok(about, format!("{address} is free, and datagrams arrive by {through}"))
        }
        Err(error) if error.kind() == std::io::ErrorKind::TimedOut => firewalled(about, address),
        Err(error) => bind_fault(about, address, &error),
    }
}

/// Sends a datagram to the running server and sees its counter of received ones rise.
async fn voice_reachable(config: &Config, address: SocketAddr) -> Finding {
    let about = "UDP port";
    let dir = &config.server.data_dir;
    let Some(before) = admin::status(dir).await else {
        return Finding::warning(about, "the server went away meanwhile", "run doctor again");
    };
    let target = outer(address);
    let began = instant();
    let Ok(socket) = UdpSocket::bind(any(target)).await else {
        return Finding::warning(
            about,
            "no UDP socket is to be had",
            "look at the limits of the process",
        );
    };
    while began.elapsed() < PATIENCE {
        // One byte is nothing that voice knows: it is counted and dropped.
        if let Err(error) = socket.send_to(&[0xff], target).await {
            let seen = format!("cannot send to {target}: {error}");
            return Finding::fault(about, seen, "look at the machine's firewall and routes");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        match admin::status(dir).await {
            Some(now) if now.packets_received > before.packets_received => {
                return Finding::ok(about, format!("voice receives what is sent to {target}"));
            }
            _ => {}
        }
    }
    firewalled(about, target)
}

/// Binds the port and sends it a datagram by the machine's outer address.
async fn udp_round_trip(address: SocketAddr) -> std::io::Result<SocketAddr> {
    let receiver = UdpSocket::bind(address).await?;
    let target = outer(receiver.local_addr()?);
    let sender = UdpSocket::bind(any(target)).await?;
    sender.send_to(b"guildhall", target).await?;
    let mut bytes = [0; 16];
    match tokio::time::timeout(PATIENCE, receiver.recv(&mut bytes)).await {
        Ok(received) => received.map(|_| target),
        Err(_) => Err(std::io::ErrorKind::TimedOut.into()),
    }
}

fn firewalled(about: &'static str, address: SocketAddr) -> Finding {
    Finding::fault(
        about,
        format!("datagrams to {address} do not arrive"),
        format!("open UDP port {} in the firewall and forward it on the router", address.port()),
    )
}

fn bind_fault(about: &'static str, address: SocketAddr, error: &std::io::Error) -> Finding {
    let remedy = match error.kind() {
        std::io::ErrorKind::AddrInUse => format!(
            "another program has it (ss -lntup 'sport = :{}'): stop it, or set server.listen",
            address.port()
        ),
        std::io::ErrorKind::PermissionDenied => "ports below 1024 need CAP_NET_BIND_SERVICE \
            (systemd: AmbientCapabilities=CAP_NET_BIND_SERVICE), or set server.listen above"
            .to_owned(),
        _ => "set server.listen to an address of this machine, or to 0.0.0.0".to_owned(),
    };
    Finding::fault(about, format!("cannot listen on {address}: {error}"), remedy)
}

/// Where this machine itself reaches a listener.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// The machine's first outer address, if the listener takes any; that passes local firewalls more
/// as others' datagrams do than loopback would.
fn outer(address: SocketAddr) -> SocketAddr {
    let own = crate::tls::addresses();
    match own.into_iter().find(|ip| ip.is_ipv4() == address.is_ipv4()) {
        Some(ip) if address.ip().is_unspecified() => SocketAddr::new(ip, address.port()),
        _ => reachable(address),
    }
}

fn any(like: SocketAddr) -> SocketAddr {
    match like {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, 0)),
    }
}

fn certificate(config: &Config) -> Finding {
    let about = "certificate";
    let dir = &config.server.data_dir;
    if config.tls.mode == TlsMode::Off {
        return Finding::warning(
            about,
            "TLS is off: voice clients of bots and browsers elsewhere cannot connect",
            "put a proxy that speaks TLS before the port, or set tls.mode",
        );
    }
    if config.tls.mode == TlsMode::Development && !dir.join("tls/ca.pem").exists() {
        return Finding::ok(about, "the development CA will be made at first start");
    }
    let identity = match Identity::load(&config.tls, dir) {
        Ok(Some(identity)) => identity,
        Ok(None) => return Finding::ok(about, "TLS is off"),
        Err(error) => {
            return Finding::fault(
                about,
                error.to_string(),
                "correct [tls], see `guildhall config`",
            );
        }
    };
    let public = config.signaling.public_host.as_deref().map(host_of);
    let name = match (public, config.tls.mode) {
        (Some(name), _) => name,
        (None, TlsMode::Development) => "localhost",
        (None, _) => {
            return Finding::warning(
                about,
                "is readable; for which name it must be is not known",
                "set signaling.public_host, so that the name can be checked",
            );
        }
    };
    let now = now();
    match (identity.verify(name, now), identity.verify(name, now + CERTIFICATE_SOON)) {
        (Err(error), _) => Finding::fault(
            about,
            format!("clients refuse it for {name}: {error}"),
            "development mode: add the name to tls.extra_names; files: get one for that name",
        ),
        (Ok(()), Err(error)) => Finding::warning(
            about,
            format!("ends within 14 days ({error})"),
            "renew it, then send SIGHUP",
        ),
        (Ok(()), Ok(())) => Finding::ok(about, format!("is good for {name}")),
    }
}

/// The host of `host:port`, without the brackets of IPv6.
fn host_of(authority: &str) -> &str {
    if let Some((inside, _)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return inside;
    }
    authority.rsplit_once(':').map_or(authority, |(host, _)| host)
}

#[expect(clippy::disallowed_methods, reason = "examining the machine reads its clock")]
fn now() -> SystemTime {
    SystemTime::now()
}

#[expect(clippy::disallowed_methods, reason = "examining the machine reads its clock")]
fn instant() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_prints_is_understood() {
        let df = "Filesystem 1024-blocks Used Available Capacity Mounted on\n\
            /dev/sda1 41152736 20480000 2097152 52% /\n";
        let limits = "Limit  Soft Limit  Hard Limit  Units\n\
            Max open files            1024                 1048576              files\n";

        assert_eq!(free_mib(df), Some(2_048));
        assert_eq!(free_mib("df: nothing"), None);
        assert_eq!(soft_descriptor_limit(limits), Some(1_024));
        assert_eq!(host_of("voice.example:8443"), "voice.example");
        assert_eq!(host_of("[::1]:8443"), "::1");
        assert_eq!(host_of("voice.example"), "voice.example");
    }

    #[test]
    fn a_clock_that_stepped_back_is_a_fault() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(CLOCK_FLOOR + 1_000);

        assert_eq!(clock(now, Some(now)).verdict, Verdict::Ok);
        assert_eq!(clock(now, Some(now + Duration::from_secs(3_600))).verdict, Verdict::Fault);
        assert_eq!(clock(SystemTime::UNIX_EPOCH, None).verdict, Verdict::Fault);
    }

    #[tokio::test]
    async fn a_taken_port_is_a_fault_with_a_remedy() {
        let held = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("free");
        let mut config = Config::default();
        config.server.listen = held.local_addr().expect("bound");

        let finding = tcp_port(&config, false).await;

        assert_eq!(finding.verdict, Verdict::Fault);
        assert!(finding.remedy.contains("another program has it"), "{finding:?}");
    }

    #[tokio::test]
    async fn a_healthy_server_is_found_well() {
        let dir = tempfile::tempdir().expect("a folder");
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut config = Config::default();
        config.server.data_dir = dir.path().to_owned();
        config.server.listen = any;
        config.server.private_listen = None;
        config.media.listen = any;
        let running = crate::start(config.clone()).await.expect("started");
        config.server.listen = running.address;
        config.media.listen = running.media;

        let findings = examine(&config).await;

        let faults: Vec<_> = findings.iter().filter(|f| f.verdict == Verdict::Fault).collect();
        assert!(faults.is_empty(), "{faults:?}");
        let udp = findings.iter().find(|f| f.about == "UDP port").expect("looked at");
        assert!(udp.seen.contains("voice receives"), "{udp:?}");
        running.stop().await;
    }
}
