//! Starts the server and stops it: what `guildhall serve` and tests do alike.

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin;
use crate::config::Config;
use crate::config::TlsMode;
use crate::door::Door;
use crate::private;
use crate::services;
use crate::services::Services;
use crate::tls;
use crate::web;

/// How long open connections have to end after the sessions were told to.
const DRAIN: Duration = Duration::from_secs(5);

/// A server that runs.
pub struct Running {
    /// Where people and bots connect.
    pub address: SocketAddr,
    /// Where voice arrives.
    pub media: SocketAddr,
    /// Where `/metrics` is.
    pub private: Option<SocketAddr>,
    /// The CA's certificate, for clients of a development certificate.
    pub ca_file: Option<PathBuf>,
    /// The code of the owner's invite, while there is no owner.
    pub owner_invite: Option<String>,
    services: Services,
    closing: CancellationToken,
    tasks: TaskTracker,
    _lock: File,
}

/// Starts a server; it accepts when this returns.
///
/// # Errors
///
/// What is wrong with the configuration, the data folder or the ports, with the remedy.
pub async fn start(mut config: Config) -> anyhow::Result<Running> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    private::record();
    let data = config.server.data_dir.clone();
    std::fs::create_dir_all(&data)
        .with_context(|| format!("cannot make the data folder {}", data.display()))?;
    let lock = admin::lock(&data)?;
    let tls = tls::server(&config.tls, &data)?.map(TlsAcceptor::from);
    let listener = TcpListener::bind(config.server.listen).await.with_context(|| {
        format!("cannot listen on TCP {}; is another server there?", config.server.listen)
    })?;
    let address = listener.local_addr()?;
    // Port 0 was chosen by the kernel: voice takes the same number.
    if config.media.listen == config.server.listen && config.server.listen.port() == 0 {
        config.media.listen.set_port(address.port());
    }
    let services = services::build(&config).await?;
    let owner_invite = admin::owner_invite(&services.parts).await?;

    let (closing, tasks) = (CancellationToken::new(), TaskTracker::new());
    let door = Door {
        router: signaling::router(services.parts.clone(), web::router()),
        tls,
        closing: closing.clone(),
        tasks: tasks.clone(),
    };
    tasks.spawn(door.run(listener, config.server.max_connections));
    let private = match config.server.private_listen {
        Some(address) => {
            let listener = TcpListener::bind(address).await.with_context(|| {
                format!("cannot listen on {address} (server.private_listen) for /metrics")
            })?;
            let address = listener.local_addr()?;
            let closing = closing.clone();
            tasks.spawn(async move {
                let serving = axum::serve(listener, private::router());
                let _ = serving.with_graceful_shutdown(closing.cancelled_owned()).await;
            });
            Some(address)
        }
        None => None,
    };
    tasks.spawn(admin::listen(data.clone(), services.parts.clone(), closing.clone())?);
    let ca_file = (config.tls.mode == TlsMode::Development).then(|| tls::ca_file(&data));
    Ok(Running {
        address,
        media: services.media.local_address(),
        private,
        ca_file,
        owner_invite,
        services,
        closing,
        tasks,
        _lock: lock,
    })
}

impl Running {
    /// Tells every session to come back, drains, and closes storage.
    pub async fn stop(self) {
        let Self { services, closing, tasks, .. } = self;
        services.stop().await;
        closing.cancel();
        tasks.close();
        let _ = tokio::time::timeout(DRAIN, tasks.wait()).await;
    }
}
