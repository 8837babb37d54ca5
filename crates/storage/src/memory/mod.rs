//! Every port in plain maps behind a lock; the model that the other adapters are measured by.
//!
//! Nothing survives the process. Locks are held for the length of a map operation, never over an
//! await.

mod accounts;
mod apps;
mod audit;
mod commands;
mod grants;
mod guilds;
mod invites;
mod join_requests;
mod messages;
mod objects;
mod polls;
mod privates;
mod reads;
mod relationships;
mod search;
mod settings;
mod stream_keys;
mod templates;
mod webhooks;

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use crate::Repos;

pub(crate) fn open() -> Repos {
    let invites = Arc::new(invites::MemoryInvites::default());
    let messages = Arc::new(messages::MemoryMessages::default());
    let stream_keys = Arc::new(stream_keys::MemoryStreamKeys::default());
    let commands = Arc::new(commands::MemoryCommands::default());
    let webhooks = Arc::new(webhooks::MemoryWebhooks::default());
    let templates = Arc::new(templates::MemoryTemplates::default());
    let reads = Arc::new(reads::MemoryReads::new(Arc::clone(&messages)));
    Repos {
        guilds: Arc::new(guilds::MemoryGuilds {
            rows: Mutex::default(),
            audit: audit::MemoryAudit::default(),
            join_requests: join_requests::MemoryJoinRequests::default(),
            invites: Arc::clone(&invites),
            messages: Arc::clone(&messages),
            stream_keys: Arc::clone(&stream_keys),
            commands: Arc::clone(&commands),
            webhooks: Arc::clone(&webhooks),
            templates: Arc::clone(&templates),
            reads: Arc::clone(&reads),
        }),
        accounts: Arc::new(accounts::MemoryAccounts::default()),
        apps: Arc::new(apps::MemoryApps::default()),
        grants: Arc::new(grants::MemoryGrants::default()),
        privates: Arc::new(privates::MemoryPrivates::new(Arc::clone(&messages))),
        invites,
        stream_keys,
        search: Arc::<messages::MemoryMessages>::clone(&messages),
        settings: Arc::new(settings::MemorySettings::default()),
        relationships: Arc::new(relationships::MemoryRelationships::default()),
        reads: Arc::clone(&reads) as Arc<_>,
        polls: Arc::<messages::MemoryMessages>::clone(&messages),
        commands,
        webhooks,
        templates,
        messages,
        objects: Arc::new(objects::MemoryObjects::default()),
        database: None,
    }
}

/// Locks a map. A panic under a lock leaves the map whole: every write is one map operation or is
/// checked before the first.
fn lock<T>(rows: &Mutex<T>) -> MutexGuard<'_, T> {
    rows.lock().unwrap_or_else(PoisonError::into_inner)
}
