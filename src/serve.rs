//! A running server: what it is made of, started in order and stopped in reverse.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context as _;
use model::limits;
use signaling::auth::Accounts;
use signaling::auth::accounts::InstanceInvite;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin;
use crate::admin::Office;
use crate::config::Config;
use crate::door::Door;
use crate::door::DoorConfig;
use crate::lock::DataLock;
use crate::metrics;
use crate::private_port;
use crate::progress::Progress;
use crate::tls::Identity;
use crate::wire::Ground;
use crate::wire::Wings;

/// How long requests under way may take to finish when the server stops.
const DRAIN: Duration = Duration::from_secs(10);
/// Life of the owner's first invite, in seconds; a later start makes another.
const OWNER_INVITE_AGE: u32 = 7 * 24 * 60 * 60;
/// How often the development certificate is looked at.
const RENEWAL: Duration = Duration::from_secs(12 * 60 * 60);

/// A server that accepts people. Dropping it without [`stop`](Self::stop) is as a crash: nothing
/// acknowledged is lost.
pub struct Running {
    /// Where people and bots connect.
    pub address: SocketAddr,
    /// Where voice packets arrive.
    pub media: SocketAddr,
    /// Where `/healthz`, `/readyz` and `/metrics` are, if anywhere.
    pub private: Option<SocketAddr>,
    /// The socket of admin commands.
    pub admin: PathBuf,
    /// File of the private CA, in development mode.
    pub ca_file: Option<PathBuf>,
    /// Its text; empty in the other modes.
    pub ca_pem: String,
    /// Code of the invite that makes its user the owner, while there is none.
    pub owner_invite: Option<String>,
    door: Door,
    wings: Wings,
    ground: Ground,
    identity: Option<Arc<Identity>>,
    ready: Arc<AtomicBool>,
    stopping: CancellationToken,
    tasks: TaskTracker,
    _lock: DataLock,
}

/// Starts a server on `config`.
///
/// # Errors
///
/// A sentence for the operator: a taken port or folder, an unusable certificate, a damaged store.
/// What was started is stopped again.
pub async fn start(config: Config) -> anyhow::Result<Running> {
    start_showing(config, &Progress::hidden()).await
}

pub(crate) async fn start_showing(
    mut config: Config,
    progress: &Progress,
) -> anyhow::Result<Running> {
    crate::tls::provider();
    let recorder = metrics::install();
    let data_dir = config.server.data_dir.clone();
    let data_dir = data_dir.as_path();

    progress.step("taking the data folder");
    let lock = DataLock::take(data_dir)?;
    let identity = Identity::load(&config.tls, data_dir)?;
    let listener = bind(config.server.listen).await?;
    // The kernel chose the port: voice takes the same number, as it does when it was configured.
    if config.server.listen.port() == 0 && config.media.listen == config.server.listen {
        config.media.listen = listener.local_addr()?;
    }
    let private = match config.server.private_listen {
        Some(address) => Some(bind(address).await?),
        None => None,
    };

    progress.step("opening the store");
    let ground = Ground::open(data_dir).await?;
    let owner_invite = owner_invite(&ground.accounts).await?;

    progress.step("opening the doors");
    let wings = Wings::connect(&config, &ground)?;
    let door_config = DoorConfig {
        tls: identity
            .as_ref()
            .map(|identity| TlsAcceptor::from(Arc::new(identity.server_config()))),
        handshake: limits::HANDSHAKE,
        max_connections: config.server.max_connections,
        media: config.media.tcp.then(|| (wings.media.local_address(), wings.media.passes())),
    };
    let door = Door::open(listener, door_config, metrics::count_requests(wings.router()))?;
    let (stopping, tasks) = (CancellationToken::new(), TaskTracker::new());
    let ready = Arc::new(AtomicBool::new(true));
    let private_address = private.as_ref().map(TcpListener::local_addr).transpose()?;
    if let Some(listener) = private {
        let readiness = private_port::Readiness {
            ready: Arc::clone(&ready),
            invites: Arc::clone(&ground.repos.invites),
        };
        let router = private_port::router(recorder, readiness);
        tasks.spawn(private_port::serve(listener, router, stopping.clone()));
    }
    tasks.spawn(metrics::upkeep(recorder, stopping.clone()));
    let closing = stopping.clone().cancelled_owned();
    tasks.spawn(signaling::upkeep::run(wings.parts.clone(), closing));
    let closing = stopping.clone().cancelled_owned();
    tasks.spawn(signaling::courier::run(wings.parts.clone(), closing));
    let office = Office {
        accounts: ground.accounts.clone(),
        link_base: crate::welcome::link_base(&config, door.address()),
        live: Some(admin::Live {
            media: wings.media.clone(),
            sessions: Arc::clone(&wings.parts.sessions),
        }),
    };
    let admin = data_dir.join(admin::SOCKET);
    match admin::listen(&admin) {
        Ok(listener) => {
            tasks.spawn(admin::serve(listener, Arc::new(office), stopping.clone()));
        }
        // A path over 107 bytes, or a folder that cannot hold sockets: the server is still useful.
        Err(error) => {
            tracing::error!(%error, path = %admin.display(), "no admin commands while running")
        }
    }
    if let Some(identity) = &identity {
        tasks.spawn(renew(Arc::clone(identity), stopping.clone()));
    }

    let ca_file = identity.as_ref().and_then(|identity| identity.ca_file());
    let ca_pem = ca_file.as_ref().map(std::fs::read_to_string).transpose()?.unwrap_or_default();
    Ok(Running {
        address: door.address(),
        media: wings.media.local_address(),
        private: private_address,
        admin,
        ca_file,
        ca_pem,
        owner_invite,
        door,
        wings,
        ground,
        identity,
        ready,
        stopping,
        tasks,
        _lock: lock,
    })
}

impl Running {
    /// Accounts, invites and guilds, for who runs the server in its own process.
    #[must_use]
    pub fn accounts(&self) -> &Accounts {
        &self.ground.accounts
    }

    /// Reads the certificate files again (SIGHUP).
    pub fn reload(&self) {
        let Some(identity) = &self.identity else { return };
        match identity.reload() {
            Ok(()) => tracing::info!("certificate reloaded"),
            Err(error) => tracing::error!(%error, "the old certificate stays in force"),
        }
    }

    /// Stops: clients are told to come back later, requests under way finish, everything is
    /// written down.
    pub async fn stop(self) {
        self.ready.store(false, Ordering::Relaxed);
        tokio::join!(
            self.wings.parts.sessions.shutdown(),
            self.wings.parts.calls.shutdown(),
            self.door.close(DRAIN),
        );
        self.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        let _ = std::fs::remove_file(&self.admin);
        let media = self.wings.media.clone();
        // It joins threads, which blocks.
        let _ = tokio::task::spawn_blocking(move || media.shutdown()).await;
        self.ground.close().await;
    }
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on TCP {address}: is another server running there? (`guildhall doctor` tells more)")
    })
}

/// The code of an invite that makes an owner, if there is none yet.
async fn owner_invite(accounts: &Accounts) -> anyhow::Result<Option<String>> {
    if accounts.accounts.list().await?.iter().any(|account| account.owner) {
        return Ok(None);
    }
    let now_ms = signaling::parts::now_ms();
    let invites = accounts.invites.list(None).await?;
    if let Some(invite) = invites.into_iter().find(|invite| invite.owner && invite.is_valid(now_ms))
    {
        return Ok(Some(invite.code));
    }
    let wanted =
        InstanceInvite { max_uses: 1, max_age: OWNER_INVITE_AGE, owner: true, inviter: None };
    Ok(Some(accounts.invite_to_instance(wanted).await?.code))
}

async fn renew(identity: Arc<Identity>, stopping: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(RENEWAL) => {}
            () = stopping.cancelled() => return,
        }
        if let Err(error) = identity.reload() {
            tracing::error!(%error, "the old certificate stays in force");
        }
    }
}
