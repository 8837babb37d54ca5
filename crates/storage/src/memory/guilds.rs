//! Guilds in memory: rows changed one by one, as a database would, not by the state store's own
//! `apply`, so that a fault of one does not hide in the other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;

use async_trait::async_trait;
use model::id::GuildId;
use state::audit::AuditEntry;
use state::audit::AuditQuery;
use state::guild::Guild;
use state::guild::plan::Change;
use state::guild::plan::Plan;
use state::repo::GuildRepo;
use state::repo::RepoError;
use state::scheduled::Scheduled;
use state::screening::JoinRequest;
use state::screening::JoinRequestQuery;
use state::thread::Thread;

use super::audit::MemoryAudit;
use super::commands::MemoryCommands;
use super::invites::MemoryInvites;
use super::join_requests::MemoryJoinRequests;
use super::lock;
use super::messages::MemoryMessages;
use super::reads::MemoryReads;
use super::stream_keys::MemoryStreamKeys;
use super::templates::MemoryTemplates;
use super::webhooks::MemoryWebhooks;

/// See the module.
pub(super) struct MemoryGuilds {
    pub(super) rows: Mutex<BTreeMap<GuildId, Guild>>,
    pub(super) audit: MemoryAudit,
    pub(super) join_requests: MemoryJoinRequests,
    pub(super) invites: Arc<MemoryInvites>,
    pub(super) messages: Arc<MemoryMessages>,
    pub(super) stream_keys: Arc<MemoryStreamKeys>,
    pub(super) commands: Arc<MemoryCommands>,
    pub(super) webhooks: Arc<MemoryWebhooks>,
    pub(super) templates: Arc<MemoryTemplates>,
    pub(super) reads: Arc<MemoryReads>,
}

#[async_trait]
impl GuildRepo for MemoryGuilds {
    async fn load(&self) -> Result<Vec<Guild>, RepoError> {
        let mut guilds: Vec<_> = lock(&self.rows).values().cloned().collect();
        for guild in &mut guilds {
            let channels =
                guild.channels.keys().filter_map(|id| Some((*id, self.messages.newest(*id)?)));
            guild.newest = channels.collect();
            let ids: Vec<_> = guild.threads.keys().copied().collect();
            for id in ids {
                if let Some(thread) = guild.threads.get_mut(&id) {
                    Arc::make_mut(thread).counts = self.messages.counts(id);
                }
            }
        }
        Ok(guilds)
    }

    async fn create(&self, guild: &Guild) -> Result<(), RepoError> {
        let mut rows = lock(&self.rows);
        if rows.contains_key(&guild.id) {
            return Err(RepoError::Exists);
        }
        let mut guild = guild.clone();
        guild.voice.clear();
        guild.presences.clear();
        rows.insert(guild.id, guild);
        Ok(())
    }

    async fn commit(&self, plan: &Plan) -> Result<(), RepoError> {
        let mut rows = lock(&self.rows);
        let Some(guild) = rows.get_mut(&plan.guild) else { return Err(RepoError::NotFound) };
        if guild.version != plan.version {
            return Err(RepoError::Conflict);
        }
        guild.version += 1;
        let mut deleted = false;
        for change in &plan.changes {
            match change {
                Change::Settings(settings) => guild.settings = Arc::clone(settings),
                Change::DeleteGuild => deleted = true,
                Change::PutChannel(channel) => {
                    guild.channels.insert(channel.id, Arc::clone(channel));
                }
                Change::DeleteChannel(id) => {
                    guild.channels.remove(id);
                    guild.stages.remove(id);
                    self.messages.forget_channel(*id);
                    self.reads.forget_channel(*id);
                    self.stream_keys.forget_channel(*id);
                    self.webhooks.forget_channel(*id);
                    self.invites.forget(|invite| invite.channel == Some(*id));
                }
                Change::PutThread(record) => match guild.threads.get_mut(&record.id) {
                    Some(thread) => Arc::make_mut(thread).record = Arc::clone(record),
                    None => {
                        let thread = Arc::new(Thread::new(Arc::clone(record)));
                        guild.threads.insert(record.id, thread);
                    }
                },
                Change::DeleteThread(id) => {
                    guild.threads.remove(id);
                    self.messages.forget_channel(*id);
                    self.reads.forget_channel(*id);
                }
                Change::PutThreadMember(id, member) => {
                    if let Some(thread) = guild.threads.get_mut(id) {
                        Arc::make_mut(thread).members.insert(member.user, *member);
                    }
                }
                Change::DeleteThreadMember(id, user) => {
                    if let Some(thread) = guild.threads.get_mut(id) {
                        Arc::make_mut(thread).members.remove(user);
                    }
                }
                Change::PutRole(role) => {
                    guild.roles.insert(role.id, Arc::clone(role));
                }
                Change::DeleteRole(id) => {
                    guild.roles.remove(id);
                }
                Change::PutMember(member) => {
                    guild.members.insert(member.user, Arc::clone(member));
                }
                Change::PutJoinRequest(request) => {
                    self.join_requests.put(plan.guild, request);
                    match request.status.is_open() {
                        true => guild.requests.insert(request.user, Arc::clone(request)),
                        false => guild.requests.remove(&request.user),
                    };
                }
                Change::DeleteJoinRequest(user) => {
                    guild.requests.remove(user);
                    self.join_requests.withdraw(plan.guild, *user);
                }
                Change::DeleteMember(user) => {
                    guild.requests.remove(user);
                    self.join_requests.withdraw(plan.guild, *user);
                    guild.members.remove(user);
                    let ids: Vec<_> = guild.threads.keys().copied().collect();
                    for id in ids {
                        if let Some(thread) = guild.threads.get_mut(&id) {
                            Arc::make_mut(thread).members.remove(user);
                        }
                    }
                    let ids: Vec<_> = guild.scheduled.keys().copied().collect();
                    for id in ids {
                        if let Some(event) = guild.scheduled.get_mut(&id) {
                            Arc::make_mut(event).interested.remove(user);
                        }
                    }
                }
                Change::PutBan(ban) => {
                    guild.bans.insert(ban.user, Arc::clone(ban));
                }
                Change::DeleteBan(user) => {
                    guild.bans.remove(user);
                }
                Change::PutEmoji(emoji) => {
                    guild.emojis.insert(emoji.id, Arc::clone(emoji));
                }
                Change::DeleteEmoji(id) => {
                    guild.emojis.remove(id);
                }
                Change::PutRule(rule) => {
                    guild.rules.insert(rule.record.id, Arc::clone(rule));
                }
                Change::DeleteRule(id) => {
                    guild.rules.remove(id);
                }
                Change::PutSticker(sticker) => {
                    guild.stickers.insert(sticker.id, Arc::clone(sticker));
                }
                Change::DeleteSticker(id) => {
                    guild.stickers.remove(id);
                }
                Change::PutSound(sound) => {
                    guild.sounds.insert(sound.id, Arc::clone(sound));
                }
                Change::DeleteSound(id) => {
                    guild.sounds.remove(id);
                }
                Change::PutScheduledEvent(record) => match guild.scheduled.get_mut(&record.id) {
                    Some(event) => Arc::make_mut(event).record = Arc::clone(record),
                    None => {
                        let event = Arc::new(Scheduled::new(Arc::clone(record)));
                        guild.scheduled.insert(record.id, event);
                    }
                },
                Change::DeleteScheduledEvent(id) => {
                    guild.scheduled.remove(id);
                }
                Change::PutInterest(id, user) => {
                    if let Some(event) = guild.scheduled.get_mut(id) {
                        Arc::make_mut(event).interested.insert(*user);
                    }
                }
                Change::DeleteInterest(id, user) => {
                    if let Some(event) = guild.scheduled.get_mut(id) {
                        Arc::make_mut(event).interested.remove(user);
                    }
                }
                Change::PutStage(stage) => {
                    guild.stages.insert(stage.channel, Arc::clone(stage));
                }
                Change::DeleteStage(channel) => {
                    guild.stages.remove(channel);
                }
                Change::Log(entry) => self.audit.put(entry),
            }
        }
        if deleted {
            for id in guild.channels.keys().chain(guild.threads.keys()) {
                self.messages.forget_channel(*id);
                self.reads.forget_channel(*id);
                self.stream_keys.forget_channel(*id);
                self.webhooks.forget_channel(*id);
            }
            self.audit.forget_guild(plan.guild);
            self.join_requests.forget_guild(plan.guild);
            self.webhooks.forget_guild(plan.guild);
            self.templates.forget_guild(plan.guild);
            self.reads.forget_guild(plan.guild);
            self.commands.forget_guild(plan.guild);
            self.invites.forget(|invite| invite.guild == Some(plan.guild));
            rows.remove(&plan.guild);
        }
        Ok(())
    }

    async fn log(&self, entry: &AuditEntry) -> Result<(), RepoError> {
        let rows = lock(&self.rows);
        rows.get(&entry.guild).ok_or(RepoError::NotFound)?;
        self.audit.put(entry);
        Ok(())
    }

    async fn audit_log(
        &self,
        guild: GuildId,
        query: &AuditQuery,
    ) -> Result<Vec<AuditEntry>, RepoError> {
        Ok(self.audit.page(guild, query))
    }

    async fn join_requests(
        &self,
        guild: GuildId,
        query: &JoinRequestQuery,
    ) -> Result<(Vec<JoinRequest>, u64), RepoError> {
        Ok(self.join_requests.page(guild, query))
    }
}
