//! Builds the parts and connects them: the one place that names every crate.

use std::io;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use cluster::MediaPort;
use media::Media;
use media::MediaHandle;
use signaling::AllParts;
use signaling::Parts;
use signaling::auth::Accounts;
use signaling::auth::Authenticator;
use signaling::auth::random;
use signaling::cdn::Signer;
use signaling::gateway::Sessions;
use signaling::interactions::Interactions;
use signaling::interactions::Outbound;
use signaling::parts::Ids;
use signaling::rest::limit::Limiter;
use signaling::rest::messages::Chat;
use signaling::voice::Calls;
use signaling::voice::Papers;
use state::GuildStore;
use state::pages::Pages;
use state::users::Users;
use storage::Repos;
use tokio::sync::mpsc;

use crate::config::Config;
use crate::private_file;

/// Events of media that wait for signaling. Media waits for state changes to be taken, and drops
/// statistics, when it is full.
const MEDIA_EVENTS: usize = 4_096;
/// This node's number in snowflakes; there is one node.
const NODE: u16 = 0;

/// What both a running server and an admin command without one stand on.
pub(crate) struct Ground {
    /// Storage.
    pub(crate) repos: Repos,
    /// Accounts, invites, guilds and what is done with them.
    pub(crate) accounts: Accounts,
}

impl Ground {
    /// Opens the store in `data_dir` and loads every guild. The caller holds the folder's lock.
    pub(crate) async fn open(data_dir: &Path) -> anyhow::Result<Self> {
        let repos = storage::open_sqlite(data_dir).await?;
        let users = Arc::new(Users::new(Arc::clone(&repos.accounts)));
        let store = GuildStore::load(Arc::clone(&repos.guilds), Arc::clone(&repos.privates), users);
        let accounts = Accounts {
            accounts: Arc::clone(&repos.accounts),
            invites: Arc::clone(&repos.invites),
            ids: Arc::new(Ids::new(NODE)),
            auth: Arc::new(Authenticator::new(
                Arc::clone(&repos.accounts),
                Arc::clone(&repos.grants),
            )),
            store: store.await.context("cannot load the guilds")?,
        };
        Ok(Self { repos, accounts })
    }

    /// Ends the mailboxes, then the store under them.
    pub(crate) async fn close(&self) {
        self.accounts.store.shutdown().await;
        self.repos.close().await;
    }
}

/// Both wings, connected.
pub(crate) struct Wings {
    /// Packets.
    pub(crate) media: MediaHandle,
    /// People and clients.
    pub(crate) parts: Parts,
}

impl Wings {
    /// Starts media, then signaling on top of it.
    pub(crate) fn connect(config: &Config, ground: &Ground) -> anyhow::Result<Self> {
        let (events, media_events) = mpsc::channel(MEDIA_EVENTS);
        let media = Media::start(config.media.clone(), events).with_context(|| {
            format!("cannot listen on UDP {}: is another server running?", config.media.listen)
        })?;
        let port: Arc<dyn MediaPort> = Arc::new(media.clone());
        let store = Arc::clone(&ground.accounts.store);
        let (messages, polls) = (&ground.repos.messages, &ground.repos.polls);
        let pages = Pages::before(Arc::clone(messages), Arc::clone(polls));
        let papers = Papers {
            messages: Arc::new(pages.clone()),
            relationships: Arc::clone(&ground.repos.relationships),
            ids: Arc::clone(&ground.accounts.ids),
        };
        let parts = AllParts {
            calls: Calls::start(Arc::clone(&store), Arc::clone(&port), media_events, papers),
            store,
            accounts: Arc::clone(&ground.repos.accounts),
            invites: Arc::clone(&ground.repos.invites),
            stream_keys: Arc::clone(&ground.repos.stream_keys),
            commands: Arc::clone(&ground.repos.commands),
            apps: Arc::clone(&ground.repos.apps),
            webhooks: Arc::clone(&ground.repos.webhooks),
            templates: Arc::clone(&ground.repos.templates),
            messages: Arc::new(pages.clone()),
            search: Arc::clone(&ground.repos.search),
            settings: Arc::clone(&ground.repos.settings),
            relationships: Arc::clone(&ground.repos.relationships),
            reads: Arc::clone(&ground.repos.reads),
            polls: Arc::new(pages),
            objects: Arc::clone(&ground.repos.objects),
            media: port,
            auth: Arc::clone(&ground.accounts.auth),
            sessions: Arc::new(Sessions::default()),
            limiter: Arc::new(Limiter::default()),
            ids: Arc::clone(&ground.accounts.ids),
            cdn: Arc::new(Signer::new(&cdn_key(&config.server.data_dir)?)),
            interactions: Arc::new(Interactions::default()),
            outbound: Arc::new(Outbound::new(config.signaling.private_endpoints)),
            chat: Arc::new(Chat::default()),
            config: Arc::new(config.signaling.clone()),
        };
        Ok(Self { media, parts: parts.into() })
    }

    /// Everything that the port serves.
    pub(crate) fn router(&self) -> Router {
        signaling::router(self.parts.clone(), crate::web::router())
    }
}

/// The key that signs file URLs; made once, because another key ends every URL shown so far.
fn cdn_key(data_dir: &Path) -> anyhow::Result<[u8; 32]> {
    let path = data_dir.join("cdn.key");
    let about = || format!("cannot use {}", path.display());
    match std::fs::read(&path) {
        Ok(bytes) => bytes.try_into().ok().with_context(|| {
            format!("{} is damaged: remove it, and shown file links end", path.display())
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = random();
            private_file::write(&path, &key).with_context(about)?;
            Ok(key)
        }
        Err(error) => Err(error).with_context(about),
    }
}
