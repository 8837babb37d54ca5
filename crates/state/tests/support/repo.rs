//! Storage that keeps everything in memory, waits when told to, and conflicts when told to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use model::id::ApplicationId;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::UserId;
use state::Change;
use state::Guild;
use state::Plan;
use state::audit::AuditEntry;
use state::audit::AuditQuery;
use state::group::GroupChange;
use state::group::GroupOutcome;
use state::group::changed;
use state::record::AccountRecord;
use state::record::ApplicationRecord;
use state::record::PrivateChannel;
use state::record::TokenRecord;
use state::record::UserRecord;
use state::repo::AccountRepo;
use state::repo::GuildRepo;
use state::repo::PrivateRepo;
use state::repo::RepoError;
use state::screening::JoinRequest;
use state::screening::JoinRequestQuery;
use tokio::sync::Notify;
use tokio::sync::Semaphore;

/// See the module.
pub(crate) struct Guilds {
    pub(crate) rows: Mutex<BTreeMap<GuildId, Guild>>,
    /// Commits that may pass; each takes one.
    pub(crate) gate: Semaphore,
    /// Notified when a commit has come to the gate.
    pub(crate) arrived: Notify,
    /// So many commits conflict before they succeed.
    pub(crate) conflicts: AtomicUsize,
    pub(crate) audit: Mutex<Vec<AuditEntry>>,
}

impl Default for Guilds {
    fn default() -> Self {
        Self {
            rows: Mutex::default(),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
            arrived: Notify::new(),
            conflicts: AtomicUsize::new(0),
            audit: Mutex::default(),
        }
    }
}

#[async_trait]
impl GuildRepo for Guilds {
    async fn load(&self) -> Result<Vec<Guild>, RepoError> {
        Ok(self.rows.lock().expect("unpoisoned").values().cloned().collect())
    }

    async fn create(&self, guild: &Guild) -> Result<(), RepoError> {
        self.rows.lock().expect("unpoisoned").insert(guild.id, guild.clone());
        Ok(())
    }

    async fn commit(&self, plan: &Plan) -> Result<(), RepoError> {
        self.arrived.notify_one();
        self.gate.acquire().await.expect("never closed").forget();
        let fewer = |left: usize| left.checked_sub(1);
        let conflicts = &self.conflicts;
        if conflicts.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer).is_ok() {
            return Err(RepoError::Conflict);
        }
        let mut rows = self.rows.lock().expect("unpoisoned");
        let guild = rows.get_mut(&plan.guild).ok_or(RepoError::NotFound)?;
        if guild.version != plan.version {
            return Err(RepoError::Conflict);
        }
        *guild = guild.apply(plan).0;
        let entries = plan.changes.iter().filter_map(|change| match change {
            Change::Log(entry) => Some((**entry).clone()),
            _ => None,
        });
        self.audit.lock().expect("unpoisoned").extend(entries);
        Ok(())
    }

    async fn log(&self, entry: &AuditEntry) -> Result<(), RepoError> {
        self.audit.lock().expect("unpoisoned").push(entry.clone());
        Ok(())
    }

    async fn audit_log(
        &self,
        guild: GuildId,
        _: &AuditQuery,
    ) -> Result<Vec<AuditEntry>, RepoError> {
        let entries = self.audit.lock().expect("unpoisoned");
        Ok(entries.iter().filter(|entry| entry.guild == guild).cloned().collect())
    }

    async fn join_requests(
        &self,
        guild: GuildId,
        _: &JoinRequestQuery,
    ) -> Result<(Vec<JoinRequest>, u64), RepoError> {
        let rows = self.rows.lock().expect("unpoisoned");
        let guild = rows.get(&guild).ok_or(RepoError::NotFound)?;
        let open: Vec<_> = guild.requests.values().map(|request| (**request).clone()).collect();
        let total = u64::try_from(open.len()).unwrap_or(u64::MAX);
        Ok((open, total))
    }
}

/// Accounts with any id below 1,000.
#[derive(Default)]
pub(crate) struct Accounts {
    /// How often storage was asked.
    pub(crate) reads: AtomicUsize,
}

fn user(id: UserId) -> Option<UserRecord> {
    (id.get() < 1_000).then(|| UserRecord {
        id,
        username: format!("user{id}"),
        global_name: None,
        avatar: None,
        bot: false,
        flags: 0,
    })
}

#[async_trait]
impl AccountRepo for Accounts {
    async fn create(&self, _: &AccountRecord) -> Result<(), RepoError> {
        Err(RepoError::Exists)
    }
    async fn account(&self, id: UserId) -> Result<Option<AccountRecord>, RepoError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let account = |user| AccountRecord { user, password: None, owner: false, disabled: false };
        Ok(user(id).map(account))
    }
    async fn by_username(&self, _: &str) -> Result<Option<AccountRecord>, RepoError> {
        Ok(None)
    }
    async fn users(&self, ids: &[UserId]) -> Result<Vec<UserRecord>, RepoError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        Ok(ids.iter().filter_map(|id| user(*id)).collect())
    }
    async fn list(&self) -> Result<Vec<AccountRecord>, RepoError> {
        Ok(Vec::new())
    }
    async fn update(&self, _: &AccountRecord) -> Result<(), RepoError> {
        Err(RepoError::NotFound)
    }
    async fn saw(&self, _: UserId, _: u64) -> Result<(), RepoError> {
        Ok(())
    }
    async fn seen_since(&self, _: &[UserId], _: u64) -> Result<Vec<UserId>, RepoError> {
        Ok(Vec::new())
    }
    async fn add_token(&self, _: &TokenRecord) -> Result<(), RepoError> {
        Ok(())
    }
    async fn token(&self, _: &[u8; 32]) -> Result<Option<TokenRecord>, RepoError> {
        Ok(None)
    }
    async fn remove_token(&self, _: &[u8; 32]) -> Result<(), RepoError> {
        Ok(())
    }
    async fn remove_tokens(&self, _: UserId) -> Result<(), RepoError> {
        Ok(())
    }
    async fn put_application(&self, _: &ApplicationRecord) -> Result<(), RepoError> {
        Ok(())
    }
    async fn application(&self, _: ApplicationId) -> Result<Option<ApplicationRecord>, RepoError> {
        Ok(None)
    }
    async fn applications(&self) -> Result<Vec<ApplicationRecord>, RepoError> {
        Ok(Vec::new())
    }
    async fn remove_application(&self, _: ApplicationId) -> Result<(), RepoError> {
        Ok(())
    }
}

/// See the module.
#[derive(Default)]
pub(crate) struct Privates {
    rows: Mutex<Vec<PrivateChannel>>,
}

#[async_trait]
impl PrivateRepo for Privates {
    async fn open(&self, id: ChannelId, pair: [UserId; 2]) -> Result<PrivateChannel, RepoError> {
        let mut rows = self.rows.lock().expect("unpoisoned");
        let found = rows.iter().find(|row| pair.iter().all(|one| row.recipients.contains(one)));
        if let Some(found) = found {
            return Ok(found.clone());
        }
        rows.push(PrivateChannel {
            id,
            recipients: pair.to_vec(),
            last_message: None,
            group: None,
        });
        Ok(rows[rows.len() - 1].clone())
    }
    async fn channel(&self, id: ChannelId) -> Result<Option<PrivateChannel>, RepoError> {
        let rows = self.rows.lock().expect("unpoisoned");
        Ok(rows.iter().find(|row| row.id == id).cloned())
    }
    async fn of_user(&self, user: UserId) -> Result<Vec<PrivateChannel>, RepoError> {
        let rows = self.rows.lock().expect("unpoisoned");
        Ok(rows.iter().filter(|row| row.recipients.contains(&user)).cloned().collect())
    }
    async fn create_group(&self, channel: &PrivateChannel) -> Result<(), RepoError> {
        self.rows.lock().expect("unpoisoned").push(channel.clone());
        Ok(())
    }
    async fn change_group(
        &self,
        id: ChannelId,
        change: &GroupChange,
    ) -> Result<GroupOutcome, RepoError> {
        let mut rows = self.rows.lock().expect("unpoisoned");
        let place = rows.iter().position(|row| row.id == id).ok_or(RepoError::NotFound)?;
        let before = rows[place].clone();
        let after = match changed(&before, change) {
            Ok(after) => after,
            Err(code) => return Ok(GroupOutcome::Refused(code)),
        };
        match &after {
            Some(after) => rows[place] = after.clone(),
            None => drop(rows.remove(place)),
        }
        Ok(GroupOutcome::Changed { before, after })
    }
}

/// A store on repositories of its own.
pub(crate) struct Fixture {
    pub(crate) store: Arc<state::GuildStore>,
    pub(crate) guilds: Arc<Guilds>,
    pub(crate) accounts: Arc<Accounts>,
}
