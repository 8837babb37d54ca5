//! Builds every part of the server and connects them; the only place that names all crates.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use media::Media;
use media::MediaHandle;
use signaling::Parts;
use signaling::SignalingConfig;
use signaling::auth::Authenticator;
use signaling::cdn::Signer;
use signaling::gateway::Sessions;
use signaling::parts::Ids;
use signaling::voice::Calls;
use state::GuildStore;
use state::users::Users;
use storage::Repos;
use tokio::sync::mpsc;

use crate::config::Config;

/// Events of the media wing waiting for signaling: some seconds' worth of a full node.
const MEDIA_EVENTS: usize = 8_192;

/// Everything that runs, for handlers and for an orderly end.
pub(crate) struct Services {
    pub parts: Parts,
    pub repos: Repos,
    pub media: MediaHandle,
}

/// Opens storage, loads the guilds, starts the media wing.
pub(crate) async fn build(config: &Config) -> anyhow::Result<Services> {
    let folder = &config.server.data_dir;
    let repos = storage::open_sqlite(folder)
        .await
        .with_context(|| format!("cannot open the data folder {}", folder.display()))?;
    let (events, media_events) = mpsc::channel(MEDIA_EVENTS);
    let media = Media::start(config.media.clone(), events).with_context(|| {
        format!("cannot listen for voice on UDP {}; is another server there?", config.media.listen)
    })?;
    let parts = parts(&repos, &media, media_events, &config.signaling, cdn_key(folder)?).await?;
    Ok(Services { parts, repos, media })
}

async fn parts(
    repos: &Repos,
    media: &MediaHandle,
    events: mpsc::Receiver<model::media::MediaEvent>,
    config: &SignalingConfig,
    key: [u8; 32],
) -> anyhow::Result<Parts> {
    let users = Arc::new(Users::new(Arc::clone(&repos.accounts)));
    let store = GuildStore::load(Arc::clone(&repos.guilds), Arc::clone(&repos.privates), users)
        .await
        .context("cannot load the guilds")?;
    let media: Arc<dyn cluster::MediaPort> = Arc::new(media.clone());
    Ok(Parts {
        calls: Calls::start(Arc::clone(&store), Arc::clone(&media), events),
        store,
        accounts: Arc::clone(&repos.accounts),
        invites: Arc::clone(&repos.invites),
        messages: Arc::clone(&repos.messages),
        objects: Arc::clone(&repos.objects),
        media,
        auth: Arc::new(Authenticator::new(Arc::clone(&repos.accounts))),
        sessions: Arc::new(Sessions::default()),
        limiter: Arc::default(),
        ids: Arc::new(Ids::new(0)),
        cdn: Arc::new(Signer::new(&key)),
        chat: Arc::default(),
        config: Arc::new(config.clone()),
    })
}

/// The key of file URLs, made at first start. It must outlive restarts, or URLs shown before end.
fn cdn_key(folder: &Path) -> anyhow::Result<[u8; 32]> {
    let path = folder.join("cdn.key");
    if let Ok(bytes) = std::fs::read(&path)
        && let Ok(key) = bytes.try_into()
    {
        return Ok(key);
    }
    let key = signaling::auth::random();
    crate::tls::write_secret(&path, &key)?;
    Ok(key)
}

impl Services {
    /// Ends everything in the order that loses nothing.
    pub(crate) async fn stop(self) {
        self.parts.sessions.shutdown().await;
        self.parts.calls.shutdown().await;
        let media = self.media.clone();
        let _ = tokio::task::spawn_blocking(move || media.shutdown()).await;
        self.parts.store.shutdown().await;
        self.repos.close().await;
    }
}
