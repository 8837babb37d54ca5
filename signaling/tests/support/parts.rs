//! The wing's parts on storage in memory, as every test of this folder begins.
#![allow(unreachable_pub, reason = "shared by test binaries")]

use std::sync::Arc;

use cluster::MediaPort;
use model::id::UserId;
use model::media::MediaEvent;
use signaling::AllParts;
use signaling::Parts;
use signaling::SignalingConfig;
use signaling::auth::Authenticator;
use signaling::cdn::Signer;
use signaling::gateway::Sessions;
use signaling::interactions::Outbound;
use signaling::parts::Ids;
use signaling::rest::limit::Limiter;
use signaling::voice::Calls;
use signaling::voice::Papers;
use state::GuildStore;
use state::pages::Pages;
use state::record::AccountRecord;
use state::record::UserRecord;
use state::users::Users;
use tokio::sync::mpsc;

/// Somebody with an account: id, name, and whether it is a bot.
pub type Account = (UserId, &'static str, bool);

/// Parts in which these accounts exist, and nothing else.
pub async fn in_memory(
    accounts: &[Account],
    media: Arc<dyn MediaPort>,
    events: mpsc::Receiver<MediaEvent>,
    config: SignalingConfig,
) -> Parts {
    let repos = storage::memory();
    for &(id, name, bot) in accounts {
        let username = name.to_owned();
        let user = UserRecord { id, username, global_name: None, avatar: None, bot, flags: 0 };
        let account = AccountRecord { user, password: None, owner: false, disabled: false };
        repos.accounts.create(&account).await.expect("a new account");
    }
    let users = Arc::new(Users::new(repos.accounts.clone()));
    let store = GuildStore::load(repos.guilds, repos.privates, users).await;
    let store = store.expect("an empty store");
    let pages = Pages::before(repos.messages, repos.polls);
    let ids = Arc::new(Ids::new(1));
    let papers = Papers {
        messages: Arc::new(pages.clone()),
        relationships: repos.relationships.clone(),
        ids: ids.clone(),
    };
    let parts = AllParts {
        calls: Calls::start(store.clone(), media.clone(), events, papers),
        store,
        auth: Arc::new(Authenticator::new(repos.accounts.clone(), repos.grants.clone())),
        accounts: repos.accounts,
        invites: repos.invites,
        stream_keys: repos.stream_keys,
        commands: repos.commands,
        apps: repos.apps,
        webhooks: repos.webhooks,
        templates: repos.templates,
        messages: Arc::new(pages.clone()),
        search: repos.search,
        settings: repos.settings,
        relationships: repos.relationships,
        reads: repos.reads,
        polls: Arc::new(pages),
        objects: repos.objects,
        media,
        sessions: Arc::new(Sessions::default()),
        limiter: Arc::new(Limiter::default()),
        ids,
        cdn: Arc::new(Signer::new(&[7; 32])),
        interactions: Arc::default(),
        outbound: Arc::new(Outbound::new(config.private_endpoints)),
        chat: Arc::default(),
        config: Arc::new(config),
    };
    parts.into()
}
