//! The Unix socket of admin commands: one JSON line in, one JSON line out. Whoever can open it is
//! this user or root: the folder is 0700 and the socket 0600.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::AsyncBufReadExt as _;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::io::BufReader;
use tokio::net::UnixListener;
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::command::AdminCommand;
use super::command::AdminReply;
use super::execute::AdminError;
use super::execute::Office;

/// The socket's name in the data folder.
pub const SOCKET: &str = "admin.sock";
/// Longest line, in bytes.
const LINE: u64 = 64 * 1_024;
/// Longest answer, in bytes: a list of some hundred thousand accounts.
const ANSWER: u64 = 64 * 1_024 * 1_024;
/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Binds the socket. The caller holds the folder's lock, so an old one is nobody's.
pub(crate) fn listen(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers commands until `stopping`.
pub(crate) async fn serve(
    listener: UnixListener,
    office: Arc<Office>,
    stopping: CancellationToken,
) {
    let tasks = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopping.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let office = Arc::clone(&office);
                tasks.spawn(async move {
                    if let Ok(Err(error)) =
                        tokio::time::timeout(PATIENCE, answer(stream, &office)).await
                    {
                        tracing::debug!(%error, "an admin command was not answered");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept admin commands");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    tasks.close();
    tasks.wait().await;
}

async fn answer(stream: UnixStream, office: &Office) -> anyhow::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read.take(LINE)).lines();
    while let Some(line) = lines.next_line().await? {
        let answer: Result<AdminReply, String> = match serde_json::from_str::<AdminCommand>(&line) {
            Ok(command) => {
                let done = office.execute(command).await;
                done.map_err(|error| error.to_string())
            }
            Err(error) => Err(format!("not a command of this server: {error}")),
        };
        let mut line = serde_json::to_vec(&answer)?;
        line.push(b'\n');
        write.write_all(&line).await?;
        lines.get_mut().get_mut().set_limit(LINE);
    }
    Ok(())
}

/// Sends one command to the server at `path`; `None` when nobody listens there.
pub(super) async fn ask(
    path: &Path,
    command: &AdminCommand,
) -> anyhow::Result<Option<Result<AdminReply, AdminError>>> {
    let mut stream = match UnixStream::connect(path).await {
        Ok(stream) => stream,
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
                // Too long a path to have been bound by a server.
                || error.kind() == io::ErrorKind::InvalidInput =>
        {
            return Ok(None);
        }
        Err(error) => {
            return Err(error)
                .with_context(|| format!("cannot reach the server at {}", path.display()));
        }
    };
    let exchange = async {
        let mut line = serde_json::to_vec(command)?;
        line.push(b'\n');
        stream.write_all(&line).await?;
        stream.shutdown().await?;
        let mut answer = String::new();
        BufReader::new(stream.take(ANSWER)).read_line(&mut answer).await?;
        anyhow::Ok(serde_json::from_str::<Result<AdminReply, String>>(&answer)?)
    };
    let answer = tokio::time::timeout(PATIENCE, exchange).await;
    let answer = answer.context("the server did not answer in time")?;
    let answer = answer.context("the server's answer makes no sense; is it of another version?")?;
    Ok(Some(answer.map_err(AdminError::Refused)))
}
